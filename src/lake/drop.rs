//! A table dropped: out of the catalog in one step, its files deleted after that.

use std::fmt;

use anyhow::Result;
use indicatif::HumanBytes;
use serde::Serialize;

use super::catalog::Catalog;
use crate::rows::counted;

/// A table that is gone.
#[derive(Debug, Serialize)]
pub(crate) struct Dropped {
    pub table: String,
    pub rows: u64,
    pub bytes: u64,
}

impl fmt::Display for Dropped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { table, rows, bytes } = self;
        writeln!(f, "dropped `{table}`: {}, {}", counted(*rows), HumanBytes(*bytes))
    }
}

/// Takes the table `name` out of the catalog.
///
/// # Errors
/// There is no such table, which names the nearest.
pub(crate) fn take_out(catalog: &mut Catalog, name: &str) -> Result<Dropped> {
    let table = catalog.table(name)?.0.to_owned();
    let gone = catalog.tables.remove(&table).unwrap_or_default();
    Ok(Dropped { table, rows: gone.rows, bytes: gone.bytes })
}
