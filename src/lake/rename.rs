//! A table called otherwise: one write of the catalog. Its files stay where they are, and the catalog remembers the folder.

use std::fmt;

use anyhow::Result;
use serde::Serialize;

use super::catalog::{self, Catalog, Scope};
use super::check;
use crate::bucket::Bucket;
use crate::bucket::layout::Layout;
use crate::error::{failure, usage};

/// A table with a new name.
#[derive(Debug, Serialize)]
pub(crate) struct Renamed {
    pub from: String,
    pub to: String,
}

impl fmt::Display for Renamed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "renamed `{}` to `{}`", self.from, self.to)
    }
}

/// Calls the table `old`, however its case is written, `new`.
///
/// # Errors
/// There is no such table, which names the nearest; there is one of the new name, or it can be none; what the bucket says.
pub(crate) async fn rename_table(bucket: &Bucket, old: &str, new: &str) -> Result<Renamed> {
    catalog::update(bucket, Scope::Whole(old), |catalog| rename(catalog, &bucket.layout, old, new)).await
}

/// Has the catalog call the table `old`, however its case is written, `new`.
///
/// # Errors
/// As for [`rename_table`].
pub(crate) fn rename(catalog: &mut Catalog, layout: &Layout, old: &str, new: &str) -> Result<Renamed> {
    if !check::is_name(new) {
        return Err(usage(
            format!("`{new}` cannot be a table's name"),
            "use letters, digits and `_`, not a digit first, at most 64",
        ));
    }
    let from = catalog.table(old)?.0.to_owned();
    if from == new {
        return Err(usage(format!("the table is called `{new}` already"), "give it another name"));
    }
    match catalog.called(new) {
        // Other upper and lower case is another name of the same table.
        Some(taken) if taken != from => {
            return Err(failure(
                format!("there is a table `{taken}` already"),
                format!("choose another name, or drop it first: `quackctl drop {taken}`"),
            ));
        }
        _ => {}
    }
    let mut table = catalog.tables.remove(&from).unwrap_or_default();
    table.formerly.push(from.clone());
    table.formerly.retain(|name| {
        let folder = layout.table(name);
        name != new && table.files.iter().any(|file| file.key.starts_with(&folder))
    });
    table.formerly.sort();
    table.formerly.dedup();
    catalog.tables.insert(new.to_owned(), table);
    Ok(Renamed { from, to: new.to_owned() })
}
