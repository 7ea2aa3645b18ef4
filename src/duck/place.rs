//! Where DuckDB's words point to: it shows a line of the statement, and a caret below the place.

use unicode_width::UnicodeWidthChar as _;

/// DuckDB's words without the line that shows the place; and the place, the character of `sql`, from 1 on, that a caret stands below.
pub(crate) fn placed(words: &str, sql: &str) -> (String, Option<usize>) {
    let mut lines = words.lines().peekable();
    let mut kept: Vec<&str> = Vec::new();
    let mut position = None;
    while let Some(line) = lines.next() {
        let told = line.trim_start().strip_prefix("LINE ").and_then(|rest| rest.split_once(": "));
        let caret = lines.peek().and_then(|below| below.find('^'));
        match (told, caret) {
            (Some((number, shown)), Some(caret)) => {
                let before = line.len() - shown.len();
                position = number.parse().ok().and_then(|number| at(sql, number, shown, caret.checked_sub(before)?));
                lines.next();
            }
            _ => kept.push(line),
        }
    }
    (kept.join("\n").trim_end().to_owned(), position)
}

/// The character of `sql` that a caret `column` cells into what is `shown` of a line of it stands below; the rest may be cut off.
fn at(sql: &str, number: usize, shown: &str, column: usize) -> Option<usize> {
    let line = sql.split('\n').nth(number.checked_sub(1)?)?;
    let before: usize = sql.split('\n').take(number - 1).map(|line| line.chars().count() + 1).sum();
    let piece = shown.trim_start_matches("...").trim_end_matches("...");
    let cut = shown.len() - shown.trim_start_matches("...").len();
    let left = line.get(..line.find(piece)?)?.chars().count();
    let (column, mut cells, mut inside) = (column.checked_sub(cut)?, 0, 0);
    for c in piece.chars() {
        if cells >= column {
            break;
        }
        cells += c.width().unwrap_or(0);
        inside += 1;
    }
    Some(before + left + inside + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_caret_is_a_character_of_the_statement() {
        let sql = "SELECT 1,\n  'é', fair FROM trips";
        let words = |line: &str| format!("Binder Error: no\n\n{line}");
        let at = |line: &str| placed(&words(line), sql);
        let told = at("LINE 2:   'é', fair FROM trips\n               ^");
        assert_eq!(told, ("Binder Error: no".to_owned(), Some(18)));
        assert_eq!(at("LINE 2: ...fair FROM...\n           ^").1, Some(18));
        assert_eq!(at("LINE 9: fair\n        ^").1, None);
        assert_eq!(at("LINE 2: other\n        ^").1, None);
    }
}
