//! A page's text with a query more at its end, or with one of its queries written anew; all else of it stays, byte for byte.

use std::collections::BTreeMap;

use super::fence::{self, Fence};
use super::page::{Page, Query};

/// A query as it is to stand in a page.
#[derive(Debug, Clone)]
pub(super) struct Wanted {
    pub name: String,
    pub sql: String,
    /// The chart and its options; without, it is there for inputs and other queries.
    pub drawn: Option<(String, BTreeMap<String, String>)>,
}

/// The text of the page `page` with a fence of `wanted` at its end.
///
/// # Errors
/// What is wrong with the page or with what is wanted, for whoever wrote it.
pub(super) fn added(page: &str, text: &str, wanted: &Wanted) -> Result<String, String> {
    let before = parsed(page, text)?;
    if before.query(&wanted.name).is_some() {
        return Err(format!("the page has a query `{}` already: give it another name", wanted.name));
    }
    let sql = body(&wanted.sql);
    let fence = "`".repeat(longest_run(&sql).max(2) + 1);
    let begin = match text {
        "" => "",
        text if text.ends_with('\n') => "\n",
        _ => "\n\n",
    };
    let block = format!("{begin}{fence}{}\n{sql}{fence}\n", info(wanted)?);
    let changed = format!("{text}{}", as_lines_of(text, &block));
    let after = parsed(page, &changed)?;
    match after.queries.split_last() {
        Some((last, rest)) if rest == before.queries && after.inputs == before.inputs && is(last, wanted) => {
            Ok(changed)
        }
        _ => Err("a fence at the page's end would not be what is wanted: write it into the file by hand".to_owned()),
    }
}

/// The text of the page `page` with what is wanted of its query of that name: its SQL, and its chart where that is another.
///
/// # Errors
/// What is wrong with the page or with what is wanted, for whoever wrote it.
pub(super) fn saved(page: &str, text: &str, wanted: &Wanted) -> Result<String, String> {
    let before = parsed(page, text)?;
    let found = |query: &&Query| query.name == wanted.name;
    let Some(query) = before.queries.iter().find(found) else {
        return Err(format!("the page has no query `{}` any more: add it", wanted.name));
    };
    let lines: Vec<&str> = text.split_inclusive('\n').collect();
    let (from, to) = (query.line, query.line + query.sql.lines().count());
    let inside = lines.get(from..to).unwrap_or_default().concat().replace("\r\n", "\n");
    if inside != query.sql.replace("\r\n", "\n") {
        // In a quotation, a list, or indented: what is before its lines is Markdown's.
        return Err(format!("`{}` does not stand at the beginning of its lines: change it in the file", query.name));
    }
    let (first, rest) = (lines[..from - 1].concat(), lines[to..].concat());
    let opening = match drawn(query) == wanted.drawn {
        true => lines[from - 1].to_owned(),
        false => {
            let marks: String = lines[from - 1].trim_start().chars().take_while(|c| matches!(c, '`' | '~')).collect();
            as_lines_of(text, &format!("{marks}{}\n", info(wanted)?))
        }
    };
    let changed = format!("{first}{opening}{}{rest}", as_lines_of(text, &body(&wanted.sql)));
    let after = parsed(page, &changed)?;
    let same = |(one, other): (&Query, &Query)| match one.name == wanted.name {
        true => is(other, wanted),
        false => (&one.name, &one.sql, &one.drawn, one.within) == (&other.name, &other.sql, &other.drawn, other.within),
    };
    let is_kept = after.queries.len() == before.queries.len()
        && before.queries.iter().zip(&after.queries).all(same)
        && before.inputs.iter().map(|input| &input.kind).eq(after.inputs.iter().map(|input| &input.kind));
    match is_kept {
        true => Ok(changed),
        false => Err("the SQL has a line that would end its fence: change it in the file".to_owned()),
    }
}

/// How a query is drawn, in the words of its fence.
pub(super) fn drawn(query: &Query) -> Option<(String, BTreeMap<String, String>)> {
    query.drawn.as_ref().map(|drawn| (drawn.chart.name().to_owned(), drawn.options.clone()))
}

fn parsed(name: &str, text: &str) -> Result<Page, String> {
    Page::parse(name, text).map_err(|wrong| format!("{:#}", wrong.within(name)))
}

/// Whether a query of a page is what was wanted.
fn is(query: &Query, wanted: &Wanted) -> bool {
    query.name == wanted.name && query.sql.replace("\r\n", "\n") == body(&wanted.sql) && drawn(query) == wanted.drawn
}

/// What stands behind the backticks.
fn info(wanted: &Wanted) -> Result<String, String> {
    if !fence::is_variable(&wanted.name) {
        return Err(format!(
            "`{}` is no name for a query: letters, digits and `_`, not a digit first, 63 at most, e.g. by_zone",
            wanted.name
        ));
    }
    let mut info = format!("sql {}", wanted.name);
    if let Some((chart, options)) = &wanted.drawn {
        if !chart.chars().all(|c| c.is_ascii_alphanumeric()) || chart.is_empty() {
            return Err(format!("there is no chart `{chart}`"));
        }
        info.push_str(&format!(" {chart}"));
        for (name, value) in options {
            if value.contains(['`', '\n', '\r']) {
                return Err(format!("`{name}`: what stands in a fence's line has no line ends and no backticks"));
            }
            info.push_str(&format!(" {name}={}", quoted(value)));
        }
    }
    // What is wrong with it is better told before its line is looked for in a file.
    match fence::parse(&info)? {
        // What Markdown takes for its own there.
        Fence::Sql { .. } => Ok(info.replace('\\', "\\\\").replace('&', "\\&")),
        _ => Err(format!("`{info}` begins no query")),
    }
}

/// A value as one word of a fence's line: quotes end where they are in it, and others go on.
fn quoted(value: &str) -> String {
    let is_plain = |c: char| c.is_alphanumeric() || "_-.,:/%".contains(c);
    match value {
        value if value.chars().all(is_plain) => value.to_owned(),
        value if !value.contains('"') => format!("\"{value}\""),
        value => format!("\"{}\"", value.replace('"', "\"'\"'\"")),
    }
}

/// SQL as lines.
fn body(sql: &str) -> String {
    let sql = sql.replace("\r\n", "\n");
    let sql = sql.trim_end();
    if sql.is_empty() { String::new() } else { format!("{sql}\n") }
}

/// Lines that end as those of `text` do.
fn as_lines_of(text: &str, lines: &str) -> String {
    if text.contains("\r\n") { lines.replace('\n', "\r\n") } else { lines.to_owned() }
}

/// Most backticks in a row.
fn longest_run(text: &str) -> usize {
    text.split(|c| c != '`').map(str::len).max().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wanted(name: &str, sql: &str, drawn: Option<(&str, &[(&str, &str)])>) -> Wanted {
        let options = |options: &[(&str, &str)]| {
            options.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
        };
        let drawn = drawn.map(|(chart, given)| (chart.to_owned(), options(given)));
        Wanted { name: name.to_owned(), sql: sql.to_owned(), drawn }
    }

    #[test]
    fn a_query_is_added_at_the_end() {
        let table = wanted("a", "SELECT 1\n", Some(("table", &[("title", "It's \"here\" & \\x")])));
        let title = "title=\"It's \"'\"'\"here\"'\"'\" \\& \\\\x\"";
        for (text, begin) in [("", ""), ("# A\n", "\n"), ("# A", "\n\n"), ("```sql b\nSELECT 2\n```", "\n\n")] {
            let made = added("x", text, &table).unwrap();
            assert_eq!(made, format!("{text}{begin}```sql a table {title}\nSELECT 1\n```\n"));
        }
        let made = added("x", "a\r\n", &wanted("a", "SELECT\n 1", None)).unwrap();
        assert_eq!(made, "a\r\n\r\n```sql a\r\nSELECT\r\n 1\r\n```\r\n");
        let made = added("x", "", &wanted("a", "SELECT '\n```\n'", None)).unwrap();
        assert_eq!(made, "````sql a\nSELECT '\n```\n'\n````\n");
    }

    #[test]
    fn a_query_is_written_anew_and_nothing_else() {
        let text = "\u{feff}---\ntitle: T\n---\na\r\n\n~~~sql  a   bar x=z title='A'  \nSELECT 1\n  FROM t\n~~~\n\n```sql b\nSELECT 2\n```\nend";
        let bar: (&str, &[(&str, &str)]) = ("bar", &[("x", "z"), ("title", "A")]);
        let text = text.replace("a\r\n", "a\n");
        let made = saved("x", &text, &wanted("a", "SELECT 3", Some(bar))).unwrap();
        assert_eq!(made, text.replace("SELECT 1\n  FROM t\n", "SELECT 3\n"));
        let made = saved("x", &text, &wanted("b", "SELECT\n\n4\n\n", Some(("table", &[])))).unwrap();
        assert_eq!(made, text.replace("```sql b\nSELECT 2\n", "```sql b table\nSELECT\n\n4\n"));
        let ends = text.replace('\n', "\r\n");
        let made = saved("x", &ends, &wanted("b", "SELECT 5\n+ 6", None)).unwrap();
        assert_eq!(made, ends.replace("SELECT 2", "SELECT 5\r\n+ 6"));
    }

    #[test]
    fn what_cannot_be_is_refused() {
        let page = "> ```sql a\n> SELECT 1\n> ```\n\n```sql b\nSELECT 2\n```\n";
        for (said, text, to_add, query) in [
            ("already", page, true, wanted("A", "SELECT 1", None)),
            ("no query `c`", page, false, wanted("c", "SELECT 1", None)),
            ("beginning of its lines", page, false, wanted("a", "SELECT 3", None)),
            ("end its fence", page, false, wanted("b", "SELECT '\n```\n'", None)),
            ("end its fence", page, false, wanted("b", "SELECT 1\n```\n```sql c\nSELECT 2", None)),
            ("no name for a query", page, true, wanted("c d", "SELECT 1", None)),
            ("no name for a query", page, true, wanted("c\n```", "SELECT 1", None)),
            ("no chart `baz`", page, true, wanted("c", "SELECT 1", Some(("baz", &[])))),
            ("no chart", page, true, wanted("c", "SELECT 1", Some(("bar x=1 table", &[])))),
            ("no option `z`", page, true, wanted("c", "SELECT 1", Some(("bar", &[("z", "1")])))),
            ("no backticks", page, true, wanted("c", "SELECT 1", Some(("bar", &[("title", "`")])))),
            ("no line ends", page, true, wanted("c", "SELECT 1", Some(("bar", &[("title", "a\n```")])))),
            ("by hand", "<!--\n", true, wanted("c", "SELECT 1", None)),
            ("never ends", "```sql d\nSELECT 1\n", true, wanted("c", "SELECT 1", None)),
        ] {
            let made = if to_add { added("x", text, &query) } else { saved("x", text, &query) };
            let words = made.unwrap_err();
            assert!(words.contains(said), "{said}: {words}");
        }
    }
}
