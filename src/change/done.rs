//! What a change did, for people and for programs.

use std::fmt;

use serde::Serialize;

use crate::query::Answer;
use crate::rows::counted;

/// What was done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Deed {
    Create,
    #[serde(rename = "create schema")]
    CreateSchema,
    #[serde(rename = "drop schema")]
    DropSchema,
    #[serde(rename = "create view")]
    CreateView,
    #[serde(rename = "drop view")]
    DropView,
    #[serde(rename = "rename view")]
    RenameView,
    Comment,
    Insert,
    Update,
    Delete,
    Merge,
    Drop,
    Rename,
    Alter,
    Begin,
    Commit,
    Rollback,
}

/// What a statement changed.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Changed {
    pub statement: Deed,
    /// A table, a view or a schema; empty of a transaction's beginning and end.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub table: String,
    /// Tables that a COMMIT has changed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tables: Option<usize>,
    /// Views that it has changed, if it has.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub views: Option<usize>,
    /// Schemas that it has made or dropped, if it has.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub schemas: Option<usize>,
    /// Rows that were made, added, changed, deleted or dropped.
    pub rows: u64,
    /// False where the statement asked for what was so already.
    pub changed: bool,
    /// Functions that wrote its rows side by side, where they were several.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub functions: Option<usize>,
    /// What the functions that worked cost at Lambda's public price, US dollars.
    pub cost_usd: f64,
}

impl Changed {
    pub(super) fn nothing(statement: Deed, table: &str) -> Self {
        let (table, functions) = (table.to_owned(), None);
        let (tables, views, schemas) = (None, None, None);
        Self { statement, table, tables, views, schemas, rows: 0, changed: false, functions, cost_usd: 0.0 }
    }

    pub(super) fn made(self) -> Self {
        Self { changed: true, ..self }
    }
}

/// What came of a statement.
pub(crate) struct Outcome {
    pub changed: Changed,
    /// What its RETURNING gives.
    pub rows: Option<Answer>,
}

impl From<Changed> for Outcome {
    fn from(changed: Changed) -> Self {
        Self { changed, rows: None }
    }
}

impl fmt::Display for Changed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { statement, table, rows, changed, .. } = self;
        let by = self.functions.map(|functions| format!(", by {functions} functions")).unwrap_or_default();
        let rows = counted(*rows);
        match (statement, changed) {
            (Deed::Create, true) => writeln!(f, "created `{table}` with {rows}{by}"),
            (Deed::Create, false) => writeln!(f, "there is a table `{table}` already; nothing was changed"),
            (Deed::CreateSchema, true) => writeln!(f, "created the schema `{table}`"),
            (Deed::CreateSchema, false) => writeln!(f, "there is a schema `{table}` already; nothing was changed"),
            (Deed::DropSchema, true) => writeln!(f, "dropped the schema `{table}`"),
            (Deed::DropSchema, false) => writeln!(f, "there is no schema `{table}`; nothing was changed"),
            (Deed::CreateView, true) => writeln!(f, "created the view `{table}`"),
            (Deed::CreateView, false) => writeln!(f, "there is a view `{table}` already; nothing was changed"),
            (Deed::DropView, true) => writeln!(f, "dropped the view `{table}`"),
            (Deed::DropView | Deed::RenameView, false) => {
                writeln!(f, "there is no view `{table}`; nothing was changed")
            }
            (Deed::RenameView, true) => writeln!(f, "the view is `{table}` now"),
            (Deed::Comment, _) => writeln!(f, "commented on `{table}`"),
            (Deed::Drop, true) => writeln!(f, "dropped `{table}` with its {rows}"),
            (Deed::Drop, false) => writeln!(f, "there is no table `{table}`; nothing was changed"),
            (Deed::Insert, _) => writeln!(f, "inserted {rows} into `{table}`{by}"),
            (Deed::Update, _) => writeln!(f, "updated {rows} of `{table}`{by}"),
            (Deed::Delete, _) => writeln!(f, "deleted {rows} from `{table}`{by}"),
            (Deed::Merge, _) => writeln!(f, "merged {rows} into `{table}`"),
            (Deed::Alter, true) if self.rows == 0 => writeln!(f, "altered `{table}`"),
            (Deed::Alter, true) => writeln!(f, "altered `{table}`, and wrote its {rows} anew{by}"),
            (Deed::Alter, false) => writeln!(f, "`{table}` is so already; nothing was changed"),
            (Deed::Rename, _) => writeln!(f, "the table is `{table}` now"),
            (Deed::Begin, _) => writeln!(f, "began: nobody else sees what follows before COMMIT"),
            (Deed::Commit, _) => {
                let counted = |count: usize, what: &str| match count {
                    0 => None,
                    1 => Some(format!("1 {what}")),
                    many => Some(format!("{many} {what}s")),
                };
                let all = [(self.tables, "table"), (self.views, "view"), (self.schemas, "schema")];
                let all = all.map(|(count, what)| (count.unwrap_or(0), what));
                let what: Vec<String> = all.iter().filter_map(|(count, what)| counted(*count, what)).collect();
                match all.iter().map(|(count, _)| count).sum() {
                    0 => writeln!(f, "committed: nothing was changed"),
                    1 => writeln!(f, "committed: {} was changed", what.concat()),
                    _ => writeln!(f, "committed: {} were changed, at once", what.join(" and ")),
                }
            }
            (Deed::Rollback, _) => writeln!(f, "rolled back: nothing was changed"),
        }
    }
}
