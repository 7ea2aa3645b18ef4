//! What a stage holds that nobody can make again, named before and after it is deleted.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use quack_function::names;
use serde::{Deserialize, Serialize};

/// Names of tables that are shown of a place; of more, how many there are.
const SHOWN: usize = 8;

/// Data in one place.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Holding {
    pub bucket: String,
    /// The key prefix that the data are under, in a bucket that stays; empty for all of the bucket.
    pub prefix: String,
    /// The tables, by name.
    pub tables: Vec<String>,
}

impl fmt::Display for Holding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.prefix.as_str() {
            "" => write!(f, "bucket {}", self.bucket)?,
            prefix => write!(f, "s3://{}/{prefix}", self.bucket)?,
        }
        let shown = self.tables.iter().take(SHOWN).map(String::as_str).collect::<Vec<_>>().join(", ");
        match self.tables.len() {
            0 => write!(f, ", in which no table is"),
            1 => write!(f, " with table {shown}"),
            count @ ..=SHOWN => write!(f, " with {count} tables: {shown}"),
            count => write!(f, " with {count} tables: {shown} and {} more", count - SHOWN),
        }
    }
}

/// The tables whose files are in `folders`, by the names that the `catalog` in the bucket has for them: a renamed table's files
/// stay where they are. Of what the catalog does not tell, the folder's name is told.
pub(super) fn tables(catalog: &[u8], folders: Vec<String>) -> Vec<String> {
    #[derive(Default, Deserialize)]
    struct Catalog {
        tables: BTreeMap<String, Table>,
    }
    #[derive(Deserialize)]
    struct Table {
        #[serde(default)]
        formerly: Vec<String>,
    }
    let catalog: Catalog = serde_json::from_slice(catalog).unwrap_or_default();
    let mut tables = BTreeSet::new();
    for folder in folders {
        let in_it = catalog
            .tables
            .iter()
            .filter(|(name, table)| names::is_table(name) && (**name == folder || table.formerly.contains(&folder)));
        let called: Vec<_> = in_it.map(|(name, _)| name.clone()).collect();
        tables.extend(if called.is_empty() { vec![folder] } else { called });
    }
    tables.into_iter().collect()
}

/// Several, as a sentence has them.
pub(crate) fn list(holdings: &[Holding]) -> String {
    holdings.iter().map(Holding::to_string).collect::<Vec<_>>().join("; ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_are_named_and_many_are_counted() {
        let held = |prefix: &str, count: usize| {
            let tables = (0..count).map(|table| format!("t{table}")).collect();
            Holding { bucket: "b".to_owned(), prefix: prefix.to_owned(), tables }.to_string()
        };
        assert_eq!(held("", 0), "bucket b, in which no table is");
        assert_eq!(held("", 1), "bucket b with table t0");
        assert_eq!(held("q/", 2), "s3://b/q/ with 2 tables: t0, t1");
        assert!(held("", 10).ends_with("10 tables: t0, t1, t2, t3, t4, t5, t6, t7 and 2 more"));
    }

    #[test]
    fn tables_are_called_as_the_catalog_calls_them() {
        let catalog = br#"{"version": 1, "tables": {
            "dots": {"formerly": ["points"], "rows": 1}, "points": {}, "zones": {}, "x\u001b": {"formerly": ["odd"]}}}"#;
        let folders = || ["lost", "odd", "points", "zones"].map(str::to_owned).to_vec();
        assert_eq!(tables(catalog, folders()), ["dots", "lost", "odd", "points", "zones"]);
        assert_eq!(tables(b"{", folders()), ["lost", "odd", "points", "zones"]);
    }
}
