//! What to write instead, where DuckDB says what is wrong with SQL and not what is right.

use crate::duck::words;
use crate::lake::catalog::{Catalog, Table};

/// What to do about DuckDB's `message`; nothing where that is plain, or nobody knows.
pub(super) fn of(message: &str, catalog: &Catalog) -> Option<String> {
    if let Some(word) = between(message, "syntax error at or near \"", "\"") {
        let is_one = is_name(catalog, |name| name.eq_ignore_ascii_case(word)) && words::is_reserved(word);
        return is_one
            .then(|| format!("`{word}` is a word of SQL: where it is a name, write it in double quotes: \"{word}\""));
    }
    if let Some(name) = between(message, "Referenced column \"", "\" not found") {
        // In the line that is quoted it stands in double quotes, which make a name of it.
        let (_, line) = message.split_once("\nLINE ")?;
        if line.contains(&format!("\"{name}\"")) {
            return Some(format!(
                "a text stands in single quotes: '{}'; double ones are for names",
                name.replace('\'', "''")
            ));
        }
        let is_begun = |whole: &str| whole.strip_prefix(name).is_some_and(|rest| rest.starts_with([' ', '-', '.']));
        return is_name(catalog, is_begun)
            .then(|| format!("a name with more than letters, digits and `_` stands in double quotes: \"{name} ...\""));
    }
    if let Some(name) = between(message, "\nINSTALL ", ";") {
        return Some(format!(
            "the function has extensions that it is packaged with: extensions = [\"{name}\"] under [function] in quack.toml, and `quackctl up`"
        ));
    }
    if message.contains("Malformed JSON at byte") && message.contains("\nLINE ") {
        return Some("a column of JSON is compared with text as text: column->>'$' = '...'".to_owned());
    }
    let compared = between(message, "Cannot compare values of type ", " - an explicit cast")?;
    let is_time = |kind: &str| kind.starts_with("DATE") || kind.starts_with("TIMESTAMP");
    let is_number = |kind: &str| kind.contains("INT");
    let (left, right) = compared.split_once(" and type ")?;
    let is_sum = is_time(left) && is_number(right) || is_number(left) && is_time(right);
    is_sum.then(|| "a date stands in single quotes, DATE '2019-03-01'; without, it is a subtraction".to_owned())
}

/// Whether a table or a column of the lake is called as `is` says.
fn is_name(catalog: &Catalog, is: impl Fn(&str) -> bool) -> bool {
    let is_column = |table: &Table| table.columns.iter().any(|column| is(&column.name));
    catalog.names().any(&is) || catalog.tables.values().any(is_column)
}

/// What stands in `text` between two others, without quotes around it.
pub(super) fn between<'a>(text: &'a str, before: &str, after: &str) -> Option<&'a str> {
    let rest = &text[text.find(before)? + before.len()..];
    Some(rest[..rest.find(after)?].trim_matches('"'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(message: &str) -> String {
        let catalog = serde_json::from_value(serde_json::json!({"version": 1, "tables": {"order": {
            "source": "", "loaded_at": "", "rows": 0, "bytes": 0, "files": [],
            "columns": [{"name": "IMDB Rating", "type": "DOUBLE"}, {"name": "desc", "type": "DOUBLE"}],
        }}}));
        of(message, &catalog.unwrap()).unwrap_or_default()
    }

    #[test]
    fn a_name_that_is_a_word_of_sql_is_told_to_be_quoted() {
        let near = |word: &str| told(&format!("Parser Error: syntax error at or near \"{word}\"\n\nLINE 1: ..."));
        assert!(near("ORDER").contains("`ORDER` is a word of SQL") && near("desc").ends_with(": \"desc\""));
        // No name of the lake's; none that there is; the beginning of one.
        assert_eq!([near("group"), near("trips"), near("IMDB")], [""; 3]);
    }

    #[test]
    fn quotes_are_told_where_there_are_none_or_others() {
        let unknown = |name: &str, line: &str| {
            told(&format!("Binder Error: Referenced column \"{name}\" not found in FROM clause!\n\nLINE 1: {line}\n ^"))
        };
        assert!(unknown("IMDB", "SELECT IMDB Rating FROM m").contains("in double quotes: \"IMDB ...\""));
        assert!(unknown("it's", "... WHERE t = \"it's\"").contains("in single quotes: 'it''s'"));
        assert_eq!(unknown("nothing", "SELECT nothing FROM m"), "");
    }

    #[test]
    fn an_extension_that_is_missing_is_to_be_packaged() {
        let message = "Catalog Error: Scalar Function with name \"st_point\" is not in the catalog, but it exists in the spatial \
                       extension.\n\nPlease try installing and loading the spatial extension:\nINSTALL spatial;\nLOAD spatial;\n";
        assert!(told(message).contains("extensions = [\"spatial\"]"));
    }

    #[test]
    fn json_that_is_compared_with_text_is_told_of() {
        let message = "Conversion Error: Malformed JSON at byte 0 of input: unexpected character.  Input: \"Avatar\"\n\nLINE 1: ...";
        assert!(told(message).contains("->>'$' = '...'"));
    }

    #[test]
    fn a_date_without_quotes_is_told_of() {
        let compared = |a: &str, b: &str| {
            told(&format!(
                "Binder Error: Cannot compare values of type {a} and type {b} - an explicit cast is required"
            ))
        };
        assert!(
            compared("TIMESTAMP", "INTEGER").contains("DATE '2019-03-01'") && !compared("BIGINT", "DATE").is_empty()
        );
        assert_eq!([compared("VARCHAR", "INTEGER"), compared("DATE", "VARCHAR")], ["", ""]);
    }
}
