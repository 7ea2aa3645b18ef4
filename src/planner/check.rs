//! Whether SQL is right as far as that can be told here: its syntax, and names of tables, columns and functions.

use quack_function::sql::names;

use super::scratch::Scratch;
use crate::duck::words;
use crate::lake::catalog::Catalog;

/// What DuckDB has against one statement, in its own words, with its error's kind before them; nothing where that takes
/// files, or anything else that only the function has.
pub(crate) fn check(sql: &str, catalog: &Catalog) -> Option<String> {
    let scratch = Scratch::open().ok()?;
    let named = names(sql);
    for name in &named {
        if let Some((name, table)) = catalog.find(name) {
            scratch.add_table(name, table).ok()?;
        }
    }
    let has_view = named.iter().any(|name| catalog.view(name).is_some());
    let error = scratch.connection().prepare(sql).err()?;
    let words = match error {
        duckdb::Error::DuckDBFailure(_, Some(words)) => words,
        other => other.to_string(),
    };
    // What columns a view has, its tables say when it is read.
    let is_sure = words::is_sure(&words) && (!has_view || words.starts_with("Parser Error: "));
    is_sure.then_some(words)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_wrong_is_told_and_what_is_not_known_is_not() {
        let catalog: Catalog = serde_json::from_value(serde_json::json!({"version": 1, "tables": {"trips": {
            "source": "", "loaded_at": "", "rows": 7, "bytes": 0, "files": [], "partitions": [], "synthetic": false,
            "columns": [{"name": "fare", "type": "DOUBLE"}],
        }}}))
        .unwrap();
        let found = |sql: &str| check(sql, &catalog).unwrap_or_default();
        assert!(found("SELEC 1").contains("syntax error") && found("\n SELEC 1").contains("LINE 2:"));
        assert!(found("SELECT fair FROM trips").contains("\"fair\" not found"), "{}", found("SELECT fair FROM trips"));
        assert!(found("FROM tripz").contains("Table with name tripz does not exist"));
        for sql in ["SELECT sum(fare) FROM trips", "FROM 's3://a/b.parquet'", "SELECT ST_Point(1, 2)", "DESCRIBE trips"]
        {
            assert_eq!(found(sql), "", "{sql}");
        }
    }
}
