//! What is said at the end of a statement, as PostgreSQL says it.

use quack_function::sql::{Token, Tokens};

use crate::change::{Change, Changed, Deed};

/// What is said at the end of a statement that gives no rows and changes nothing.
pub(super) fn of(sql: &str) -> String {
    let first = Tokens::new(sql).map(|(token, _)| token).next();
    match first {
        Some(Token::Word(word)) => word.to_ascii_uppercase(),
        _ => "SELECT 0".to_owned(),
    }
}

/// What PostgreSQL says at the end of such a change.
pub(super) fn of_change(changed: &Changed, change: &Change) -> String {
    let rows = changed.rows;
    let word = match changed.statement {
        Deed::Create if matches!(change, Change::Create(create) if create.is_of_query()) => {
            return format!("SELECT {rows}");
        }
        Deed::Insert => return format!("INSERT 0 {rows}"),
        Deed::Update => return format!("UPDATE {rows}"),
        Deed::Delete => return format!("DELETE {rows}"),
        Deed::Merge => return format!("MERGE {rows}"),
        Deed::Create => "CREATE TABLE",
        Deed::CreateSchema => "CREATE SCHEMA",
        Deed::DropSchema => "DROP SCHEMA",
        Deed::CreateView => "CREATE VIEW",
        Deed::DropView => "DROP VIEW",
        Deed::RenameView => "ALTER VIEW",
        Deed::Comment => "COMMENT",
        Deed::Drop => "DROP TABLE",
        Deed::Rename | Deed::Alter => "ALTER TABLE",
        Deed::Begin => "BEGIN",
        Deed::Commit => "COMMIT",
        Deed::Rollback => "ROLLBACK",
    };
    word.to_owned()
}
