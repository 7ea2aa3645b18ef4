//! Which of the catalog's tables SQL names.

use quack_function::sql::tokens;
use quack_function::wire::TableDef;

use crate::lake::catalog::Catalog;

/// Definitions of the tables that `sql` may name. Any name or text that equals a table's counts, wherever it stands:
/// one too many does no harm, and telling a table from a column would need the whole parser.
pub(crate) fn named_in(sql: &str, catalog: &Catalog, bucket: &str) -> Vec<TableDef> {
    let mut named: Vec<_> =
        tokens(sql).iter().filter_map(|token| token.name()).filter_map(|name| catalog.find(&name)).collect();
    named.sort_by_key(|(name, _)| *name);
    named.dedup_by_key(|(name, _)| *name);
    named.into_iter().map(|(name, table)| table.definition(name, bucket)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lake::catalog::{DataFile, Table};

    fn catalog(names: &[&str]) -> Catalog {
        let table = |name: &str| Table::of(vec![DataFile::named(format!("{name}/1.parquet"))]);
        let tables = names.iter().map(|name| ((*name).to_owned(), table(name))).collect();
        Catalog { tables, ..Catalog::default() }
    }

    fn named(sql: &str) -> Vec<String> {
        let catalog = catalog(&["trips", "Zones", "odd name", "other"]);
        named_in(sql, &catalog, "b").into_iter().map(|table| table.name).collect()
    }

    #[test]
    fn finds_tables_however_they_are_written() {
        assert_eq!(named("SELECT * FROM TRIPS JOIN zones USING (id)"), ["Zones", "trips"]);
        assert_eq!(named("FROM \"odd name\", 'trips'"), ["odd name", "trips"]);
        assert_eq!(named("SUMMARIZE main.trips"), ["trips"]);
        assert_eq!(named("WITH x AS (FROM other) FROM x, other"), ["other"]);
    }

    #[test]
    fn leaves_out_comments_and_parts_of_texts() {
        assert!(named("SELECT 'the trips' -- trips\n/* zones */, trips2").is_empty());
    }

    #[test]
    fn defines_files_by_their_address() {
        let defined = named_in("FROM trips", &catalog(&["trips"]), "lake");
        assert_eq!(defined[0].files, ["s3://lake/trips/1.parquet"]);
    }
}
