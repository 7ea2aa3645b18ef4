//! A lake that is made up, for tests of what is planned by its sizes.

use crate::lake::catalog::{Catalog, DataFile, Table};

/// A table `t` of `files` files that hold `bytes` together, a day each.
pub(super) fn catalog(files: u64, bytes: u64) -> Catalog {
    let file = |day: u64| DataFile {
        bytes: bytes / files,
        rows: 1000,
        partition: vec![Some(format!("2024-01-{day:02}"))],
        ..DataFile::named(format!("tables/t/day=2024-01-{day:02}/0.parquet"))
    };
    let column = |name: &str, sql_type: &str| serde_json::json!({ "name": name, "type": sql_type });
    let columns = [column("n", "BIGINT"), column("day", "DATE")];
    let mut table = Table::of((1..=files).map(file).collect());
    (table.bytes, table.rows) = (bytes, files * 1000);
    table.columns = serde_json::from_value(columns.to_vec().into()).unwrap();
    table.partitions = serde_json::from_value(columns[1..].to_vec().into()).unwrap();
    Catalog { tables: [("t".to_owned(), table)].into(), ..Catalog::default() }
}
