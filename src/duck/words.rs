//! What DuckDB says: of a query's columns, and of what went wrong, in words for people.

use std::path::Path;

use duckdb::Connection;

use super::sandbox::{self, Sandbox};
use crate::error::failure;

/// Most characters of a line of DuckDB's words.
const LONGEST_LINE: usize = 500;

/// The `(name, type)` of a query's columns, nothing of it being run.
///
/// # Errors
/// DuckDB's.
pub(crate) fn columns(connection: &Connection, query: &str) -> duckdb::Result<Vec<quack_function::wire::Column>> {
    let mut statement = connection.prepare(&format!("DESCRIBE {query}"))?;
    let rows = statement.query_map([], |row| {
        Ok(quack_function::wire::Column { name: row.get("column_name")?, sql_type: row.get("column_type")? })
    })?;
    rows.collect()
}

/// Whether SQL takes `word` for one of its own where the name of a table may stand; false where DuckDB does not start.
pub(crate) fn is_reserved(word: &str) -> bool {
    let sql = "SELECT count(*) > 0 FROM duckdb_keywords() WHERE keyword_name = lower(?) AND keyword_category IN ('reserved', \
               'type_function')";
    let is = |connection: Connection| connection.query_row(sql, [word], |row| row.get(0)).ok();
    sandbox::open(&Sandbox::default()).ok().and_then(is).unwrap_or(false)
}

/// Whether DuckDB's words, with their error's kind before them, hold for the function, too: it may have an extension's functions, and
/// files.
pub(crate) fn is_sure(words: &str) -> bool {
    ["Parser Error: ", "Binder Error: ", "Catalog Error: Table with name "].iter().any(|sure| words.starts_with(sure))
}

/// DuckDB's own words, without what only we know of: our SQL, its options, the staging folder.
pub(crate) fn words(error: &duckdb::Error, staging: &Path) -> String {
    let text = match error {
        duckdb::Error::DuckDBFailure(_, Some(text)) => text.clone(),
        other => other.to_string(),
    };
    let folder = format!("{}/", staging.display());
    let mut kept = Vec::new();
    let mut file = None;
    let mut advice = false;
    for line in text.lines() {
        if let Some(path) = line.trim().strip_prefix("file = ") {
            file = Some(path.to_owned());
        }
        advice |= line.starts_with("Possible ") || line.starts_with("LINE ") || line.starts_with("The search space");
        if !advice && !line.trim().is_empty() {
            kept.push(cut(&line.replace(&folder, "")));
        }
    }
    let said = kept.join("\n");
    match file {
        Some(file) if !said.contains(&file) => format!("{file}: {said}"),
        _ => said,
    }
}

/// A line without what is beyond what people read: some of DuckDB's have a line of the data in them, whole.
fn cut(line: &str) -> String {
    match line.char_indices().nth(LONGEST_LINE) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None => line.to_owned(),
    }
}

/// True for DuckDB's words on a disk, a quota or a file-size limit that was reached.
pub(crate) fn is_disk_full(said: &str) -> bool {
    ["No space left", "File too large", "Disk quota", "max_temp_directory_size"].iter().any(|sign| said.contains(sign))
}

/// An error of writing: a full disk is told apart.
pub(crate) fn write_failure(error: &duckdb::Error, staging: &Path) -> anyhow::Error {
    let said = words(error, staging);
    let parent = staging.parent().unwrap_or(staging).display();
    if is_disk_full(&said) {
        failure(
            format!("no room left for the Parquet files of this load in {parent}: {said}"),
            "free some space, or set TMPDIR to a folder on a larger disk; nothing was loaded",
        )
    } else {
        failure(format!("cannot write Parquet: {said}"), "nothing was loaded")
    }
}

#[cfg(test)]
mod tests {
    use quack_function::sql::{identifier, literal};

    use super::*;

    #[test]
    fn words_drop_advice_options_and_the_staging_folder() {
        let text = "Invalid Input Error: CSV Error on Line: 3\nOriginal Line: 4,5\nExpected Number of Columns: 3 Found: 2\n\
            Possible fixes:\n* Enable null padding\n\n  file = /data/r.csv\n  delimiter = ,";
        let code = duckdb::ffi::Error::new(1);
        let error = duckdb::Error::DuckDBFailure(code, Some(text.to_owned()));
        let said = words(&error, Path::new("/tmp/s"));
        assert_eq!(
            said,
            "/data/r.csv: Invalid Input Error: CSV Error on Line: 3\nOriginal Line: 4,5\nExpected Number of Columns: 3 Found: 2"
        );

        let error = duckdb::Error::DuckDBFailure(code, Some("IO Error: /tmp/s/data/x.parquet: bad".to_owned()));
        assert_eq!(words(&error, Path::new("/tmp/s")), "IO Error: data/x.parquet: bad");
    }

    #[test]
    fn words_that_cannot_be_names_are_known() {
        for (word, is) in
            [("order", true), ("Table", true), ("left", true), ("trips", false), ("date", false), ("'", false)]
        {
            assert_eq!(is_reserved(word), is, "{word}");
        }
    }

    #[test]
    fn quoting_survives_quotes() {
        let connection = crate::duck::open(&crate::duck::Sandbox::default()).unwrap();
        let sql = format!("SELECT {} AS {}", literal("it's"), identifier("a\"b"));
        let columns = columns(&connection, &sql).unwrap();
        assert_eq!(columns[0].name, "a\"b");
        assert_eq!(connection.query_row(&sql, [], |row| row.get::<_, String>(0)).unwrap(), "it's");
    }
}
