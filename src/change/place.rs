//! Where DuckDB's words point to. It counts the lines of the SQL that it was given, in which pieces of the user's are somewhere else;
//! and of what is not the user's nobody is to be shown anything.

use crate::error;

/// The error with the line of `sql` that it means, or with none.
pub(super) fn of_the_users(error: anyhow::Error, sql: &str) -> anyhow::Error {
    let message = error.to_string();
    match in_the_users(&message, sql) {
        Some(message) => error::reworded(&error, message),
        None => error,
    }
}

/// The message as it is to be, where it is to be another.
fn in_the_users(message: &str, sql: &str) -> Option<String> {
    let (before, pointed) = message.split_once("\n\nLINE ")?;
    let (number, rest) = pointed.split_once(": ")?;
    let (shown, carets) = rest.split_once('\n')?;
    // A long line is cut.
    let text = shown.trim_start_matches("...").trim_end_matches("...").trim();
    let lines: Vec<usize> = sql
        .lines()
        .enumerate()
        .filter(|(_, line)| !text.is_empty() && line.contains(text))
        .map(|(at, _)| at + 1)
        .collect();
    match lines.as_slice() {
        // It is there as it is.
        lines if number.parse().is_ok_and(|number| lines.contains(&number)) => None,
        // The caret stays below what it points to.
        [line, ..] => {
            let line = line.to_string();
            let carets = match line.len().checked_sub(number.len()) {
                Some(more) => format!("{}{carets}", " ".repeat(more)),
                None => carets.get(number.len() - line.len()..).unwrap_or_default().to_owned(),
            };
            Some(format!("{before}\n\nLINE {line}: {shown}\n{carets}"))
        }
        [] => Some(before.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_the_users_or_none() {
        let sql = "MERGE INTO t USING s\nON t.a = s.a\nWHEN MATCHED THEN UPDATE SET b = nope";
        let told = |words: &str| in_the_users(&format!("Binder Error: x\n\n{words}"), sql);
        assert_eq!(told("LINE 12:  nope\n          ^").unwrap(), "Binder Error: x\n\nLINE 3:  nope\n         ^");
        assert_eq!(
            told("LINE 9: ON t.a = s.a\n        ^").unwrap(),
            "Binder Error: x\n\nLINE 2: ON t.a = s.a\n        ^"
        );
        assert_eq!(told("LINE 2: ON t.a = s.a\n        ^"), None, "it is there already");
        assert_eq!(told("LINE 4: struct_pack(c2 := CAST((...\n        ^").unwrap(), "Binder Error: x");
        assert_eq!(in_the_users("Binder Error: x", sql), None);
    }
}
