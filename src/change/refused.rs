//! What a database may have and a lake has not, by name, and what does instead.

use anyhow::Result;

use super::reader::{Reader, unsupported};

/// What CREATE may make and the lake does not keep, and what does instead.
const CREATED: &[(&[&str], &str)] = &[
    (
        &["INDEX"],
        "queries skip files by the bounds in them: CREATE TABLE ... AS SELECT ... ORDER BY keeps those narrow, PARTITIONED BY has a \
         folder for each value",
    ),
    (
        &["SEQUENCE"],
        "row_number() OVER () numbers rows, + (SELECT coalesce(max(id), 0) FROM name) those that are added; uuid() needs no counter",
    ),
    (&["TRIGGER"], "put the other statements beside the first, between BEGIN and COMMIT"),
    (
        &["MACRO", "FUNCTION"],
        "write the expression itself; SET VARIABLE keeps a value, WITH names a query within a statement",
    ),
    (&["TYPE"], "write the type itself, VARCHAR for an ENUM"),
    (
        &["DATABASE"],
        "a stage is a lake of its own: `quackctl up --stage NAME`; CREATE SCHEMA tells tables of one lake apart",
    ),
    (
        &["MATERIALIZED"],
        "CREATE OR REPLACE TABLE name AS SELECT ... keeps the rows until it is run again; CREATE VIEW reads them anew each time",
    ),
    (&["RECURSIVE"], "write CREATE VIEW name AS WITH RECURSIVE ..."),
];

/// What a column may have in CREATE TABLE elsewhere, and what does instead.
const OF_COLUMNS: &[(&[&str], &str)] = &[
    (
        &["PRIMARY", "UNIQUE"],
        "leave it away: files enforce no keys; MERGE INTO updates the rows that are there already and inserts the others",
    ),
    (
        &["FOREIGN", "REFERENCES"],
        "leave it away: files enforce no keys; a SELECT with ANTI JOIN finds the rows without one",
    ),
    (
        &["CHECK", "CONSTRAINT", "NOT"],
        "leave it away: files enforce no constraints; WHERE in INSERT ... SELECT keeps the others out",
    ),
    (&["DEFAULT"], "leave it away: name the value in INSERT"),
    (&["GENERATED", "AS"], "leave it away: have the SELECT reckon it, in INSERT or in the query"),
    (&["COLLATE"], "leave it away: COLLATE stands in a query's ORDER BY and comparisons, too"),
];

/// Refuses a statement that begins with `first`, if it is one of those.
///
/// # Errors
/// That it is, and what to do instead.
pub(super) fn check(reader: &Reader<'_>, first: &str) -> Result<()> {
    let ahead = &reader.tokens[reader.at..];
    let word = |at: usize| ahead.get(at).and_then(|(token, _)| token.name()).unwrap_or_default().to_ascii_uppercase();
    let is_one_of = |at: usize, words: &[&str]| words.contains(&word(at).as_str());
    match first {
        "CREATE" | "DROP" => {
            let mut at = if is_one_of(0, &["OR"]) { 2 } else { 0 };
            let is_temporary = is_one_of(at, &["TEMP", "TEMPORARY"]);
            at += usize::from(is_temporary || is_one_of(at, &["UNIQUE"]));
            if let Some((_, help)) = CREATED.iter().find(|(words, _)| is_one_of(at, words)) {
                let view = if is_one_of(at + 1, &["VIEW"]) { " VIEW" } else { "" };
                return Err(unsupported(&format!("{first} {}{view}", word(at)), *help));
            }
            if is_temporary && is_one_of(at, &["VIEW"]) {
                let help =
                    "WITH names a query within a statement; CREATE TEMPORARY TABLE keeps its rows for the session";
                return Err(unsupported("CREATE TEMPORARY VIEW", help));
            }
        }
        _ => {}
    }
    Ok(())
}

/// Refuses what a column, or a line instead of one, has in CREATE TABLE beside name and type: from here to `end`.
///
/// # Errors
/// That it is there, and what to do instead.
pub(super) fn check_column(reader: &Reader<'_>, end: usize) -> Result<()> {
    for (words, help) in OF_COLUMNS {
        if let Some(word) = reader.has(words, end) {
            return Err(unsupported(&format!("{word} in CREATE TABLE"), *help));
        }
    }
    Ok(())
}
