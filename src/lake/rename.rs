//! A table called otherwise: one write of the catalog. Its files stay where they are, and the catalog remembers the folder.

use std::fmt;

use anyhow::Result;
use serde::Serialize;

use super::catalog::Catalog;
use super::check;
use super::schemas;
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

/// Has the catalog call the table `old`, however its case is written, `new`.
///
/// # Errors
/// There is no such table, which names the nearest; there is a table or a view of the new name, or it can be none.
pub(crate) fn rename(catalog: &mut Catalog, layout: &Layout, old: &str, new: &str) -> Result<Renamed> {
    check::name(new)?;
    schemas::check(catalog, new)?;
    let from = catalog.table(old)?.0.to_owned();
    if from == new {
        return Err(usage(format!("the table is called `{new}` already"), "give it another name"));
    }
    if let Some((view, _)) = catalog.view(new) {
        return Err(failure(format!("there is a view `{view}` already"), "choose another name, or drop it first"));
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
        let is_in = |key: &str| key.starts_with(&folder);
        // Of one whose files are registered, the metadata alone is in its folder.
        let has_metadata = table.origin.0.as_ref().is_some_and(|state| is_in(&state.key));
        name != new && (has_metadata || table.files.iter().any(|file| is_in(&file.key)))
    });
    table.formerly.sort();
    table.formerly.dedup();
    catalog.tables.insert(new.to_owned(), table);
    Ok(Renamed { from, to: new.to_owned() })
}
