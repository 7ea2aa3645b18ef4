//! What of the tables changes when one catalog takes another's place.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use crate::lake::catalog::{Catalog, Table};
use crate::rows::counted;

/// What becomes of the tables of a catalog.
#[derive(Debug, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Difference {
    /// Tables that go, and the rows of each.
    pub gone: BTreeMap<String, u64>,
    /// Tables that come.
    pub came: BTreeSet<String>,
    /// Tables that have other files then.
    pub changed: BTreeSet<String>,
    /// What is called otherwise then, and how.
    pub renamed: BTreeMap<String, String>,
}

impl Difference {
    pub(super) fn between(before: &Catalog, after: &Catalog) -> Self {
        let mut difference = Self::default();
        for (name, table) in &before.tables {
            match after.find(name) {
                Some((_, then)) if then.files == table.files => {}
                Some((then, _)) => {
                    difference.changed.insert(then.to_owned());
                }
                None => {
                    match after.tables.iter().find(|(then, files)| before.find(then).is_none() && holds(files, table)) {
                        Some((then, _)) => {
                            difference.renamed.insert(name.clone(), then.clone());
                        }
                        None => {
                            difference.gone.insert(name.clone(), table.rows);
                        }
                    }
                }
            }
        }
        let is_new =
            |name: &&String| before.find(name).is_none() && !difference.renamed.values().any(|then| then == *name);
        difference.came = after.tables.keys().filter(is_new).cloned().collect();
        difference
    }

    /// Whether nothing goes that `agreed` does not take away, too.
    pub(super) fn takes_no_more_than(&self, agreed: &Self) -> bool {
        self.gone.iter().all(|table| agreed.gone.iter().any(|known| known == table))
    }

    /// What goes, comes and changes, a line each; once it `is_done`, or before.
    pub(crate) fn lines(&self, is_done: bool) -> Vec<String> {
        let list =
            |names: &BTreeSet<String>| names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
        let gone: Vec<String> = self.gone.iter().map(|(name, rows)| format!("`{name}` ({})", counted(*rows))).collect();
        let [goes, comes, changes] = match is_done {
            true => ["gone, as that catalog lacks them; `quackctl recover TABLE` brings one back", "back", "as then"],
            false => ["would go, as that catalog lacks them", "would come back", "would be as then"],
        };
        let mut lines: Vec<String> =
            [(gone.join(", "), goes), (list(&self.came), comes), (list(&self.changed), changes)]
                .into_iter()
                .filter(|(names, _)| !names.is_empty())
                .map(|(names, what)| format!("{names}: {what}"))
                .collect();
        let called = if is_done { "is called" } else { "would be called" };
        lines.extend(self.renamed.iter().map(|(now, then)| format!("`{now}` {called} `{then}` again")));
        lines
    }
}

/// Whether every file of `table`, which has some, is one of `files`, too.
fn holds(files: &Table, table: &Table) -> bool {
    !table.files.is_empty() && table.keys().all(|key| files.keys().any(|own| own == key))
}
