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
    /// The same of views.
    #[serde(skip_serializing_if = "Views::is_empty")]
    pub views: Views,
}

/// What becomes of the views of a catalog.
#[derive(Debug, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Views {
    pub gone: BTreeSet<String>,
    pub came: BTreeSet<String>,
    pub changed: BTreeSet<String>,
}

impl Views {
    fn between(before: &Catalog, after: &Catalog) -> Self {
        let names =
            |of: &Catalog, keep: &dyn Fn(&str) -> bool| of.views.keys().filter(|name| keep(name)).cloned().collect();
        let is_other = |name: &str| match (before.view(name), after.view(name)) {
            (Some((_, now)), Some((_, then))) => now != then,
            _ => false,
        };
        Self {
            gone: names(before, &|name| after.view(name).is_none()),
            came: names(after, &|name| before.view(name).is_none()),
            changed: names(after, &is_other),
        }
    }

    fn is_empty(&self) -> bool {
        self == &Self::default()
    }
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
        difference.views = Views::between(before, after);
        difference
    }

    /// Whether a table or a view goes.
    pub(super) fn takes_something(&self) -> bool {
        !self.gone.is_empty() || !self.views.gone.is_empty()
    }

    /// Whether nothing goes that `agreed` does not take away, too.
    pub(super) fn takes_no_more_than(&self, agreed: &Self) -> bool {
        self.gone.iter().all(|table| agreed.gone.iter().any(|known| known == table))
            && self.views.gone.is_subset(&agreed.views.gone)
    }

    /// What goes, comes and changes, a line each; once it `is_done`, or before.
    pub(crate) fn lines(&self, is_done: bool) -> Vec<String> {
        let list =
            |names: &BTreeSet<String>| names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
        let tables = self.gone.iter().map(|(name, rows)| format!("`{name}` ({})", counted(*rows)));
        let gone: Vec<String> = tables.chain(self.views.gone.iter().map(|name| format!("`{name}` (a view)"))).collect();
        let (came, changed) = (&self.came | &self.views.came, &self.changed | &self.views.changed);
        let [goes, comes, changes] = match is_done {
            true => ["gone, as that catalog lacks them; `quackctl recover TABLE` brings one back", "back", "as then"],
            false => ["would go, as that catalog lacks them", "would come back", "would be as then"],
        };
        let mut lines: Vec<String> = [(gone.join(", "), goes), (list(&came), comes), (list(&changed), changes)]
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
