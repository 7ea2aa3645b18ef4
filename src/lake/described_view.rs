//! Views as they are shown: all of them, one of them. Each value is text to people and JSON to programs.

use std::fmt::{self, Display, Formatter};

use quack_function::view::{View, ViewColumn};
use serde::Serialize;

use crate::output::cut;
use crate::output::grid::grid;

/// Most of a view's SQL that is listed, characters.
const SQL_CHARS: usize = 60;

/// One view with its columns, as they were when it was made.
#[derive(Debug, Serialize)]
pub(crate) struct ViewDetail {
    pub name: String,
    pub sql: String,
    pub columns: Vec<ViewColumn>,
    /// What people wrote about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub comment: Option<String>,
}

impl ViewDetail {
    pub(crate) fn new(name: &str, view: &View) -> Self {
        let View { sql, columns, comment, .. } = view.clone();
        Self { name: name.to_owned(), sql, columns, comment }
    }
}

impl Display for ViewDetail {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}: a view", self.name)?;
        if let Some(comment) = &self.comment {
            writeln!(f, "{}", in_one_line(comment))?;
        }
        let has_comments = self.columns.iter().any(|column| column.comment.is_some());
        let header = ["column", "type", "comment"];
        let mut grid = grid(if has_comments { &header } else { &header[..2] }, &[]);
        for ViewColumn { name, sql_type, comment } in &self.columns {
            let comment = has_comments.then(|| in_one_line(comment.as_deref().unwrap_or_default()));
            grid.add_row([name.clone(), sql_type.clone()].into_iter().chain(comment));
        }
        writeln!(f, "{grid}\n{}", self.sql)
    }
}

/// Lists views, if there are any, below the tables.
pub(super) fn list(f: &mut Formatter<'_>, views: &[ViewDetail]) -> fmt::Result {
    if views.is_empty() {
        return Ok(());
    }
    let mut grid = grid(&["view", "columns", "SQL"], &[1]);
    for view in views {
        let sql = cut(&in_one_line(&view.sql), SQL_CHARS);
        grid.add_row([view.name.clone(), view.columns.len().to_string(), sql]);
    }
    writeln!(f, "{grid}")
}

/// A text without line ends and the like, with one blank for each.
pub(super) fn in_one_line(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}
