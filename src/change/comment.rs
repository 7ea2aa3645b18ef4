//! `COMMENT ON`: what people write about a table, a view, or a column of either.

use anyhow::Result;
use quack_function::names::TEXT_BYTES;
use quack_function::sql::Token;

use super::done::{Changed, Deed};
use super::reader::{Reader, unsupported};
use super::write::Session;
use crate::bucket::Bucket;
use crate::duck::{self, Sandbox};
use crate::error::usage;
use crate::lake::catalog::Scope;
use crate::lake::comments;

const HELP: &str = "write COMMENT ON TABLE name IS 'text', COMMENT ON VIEW name IS 'text' or COMMENT ON COLUMN name.column IS 'text'; IS NULL \
                    takes it away";

/// `COMMENT ON TABLE | VIEW | COLUMN name IS 'text' | NULL`
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Comment {
    /// A table or a view.
    name: String,
    column: Option<String>,
    /// As it is written, with its quotes; nothing takes away what was there.
    text: Option<String>,
}

impl Comment {
    /// Reads what follows `COMMENT`.
    ///
    /// # Errors
    /// A form that is not supported.
    pub(super) fn read(reader: &mut Reader<'_>) -> Result<Self> {
        let wrong = || unsupported("COMMENT ON in this form", HELP);
        if !reader.takes(&["ON"]) {
            return Err(wrong());
        }
        let what = reader.word().to_ascii_uppercase();
        let (name, column) = match what.as_str() {
            "TABLE" | "VIEW" => (reader.table(HELP)?, None),
            "COLUMN" => {
                let (name, column) = reader.column(HELP)?;
                (name, Some(column))
            }
            _ => return Err(unsupported(&format!("COMMENT ON {what}"), HELP)),
        };
        if !reader.takes(&["IS"]) {
            return Err(wrong());
        }
        let text = match reader.peek() {
            Some(Token::Text(text)) => Some((*text).to_owned()),
            Some(token) if token.is("NULL") => None,
            _ => return Err(wrong()),
        };
        reader.at += 1;
        match reader.peek() {
            None => Ok(Self { name, column, text }),
            Some(_) => Err(wrong()),
        }
    }
}

/// Writes a comment, or takes one away.
///
/// # Errors
/// There is no such table, view or column; a comment that is too long; what the bucket says.
pub(super) async fn run(bucket: &Bucket, session: &Session<'_>, comment: &Comment) -> Result<Changed> {
    let Comment { name, column, text } = comment;
    let text = text.as_deref().map(meant).transpose()?;
    let put = session
        .transaction
        .update(bucket, Scope::Open(name), |catalog| comments::put(catalog, name, column.as_deref(), text.as_deref()))
        .await?;
    Ok(Changed::nothing(Deed::Comment, &put).made())
}

/// The text that a literal means: DuckDB knows several ways to write one.
fn meant(literal: &str) -> Result<String> {
    let wrong = |why: String| usage(format!("the comment is no text: {why}"), HELP);
    let connection = duck::open(&Sandbox::default())?;
    let text: String = connection
        .query_row(&format!("SELECT {literal}"), [], |row| row.get(0))
        .map_err(|error| wrong(error.to_string()))?;
    match text.len() <= TEXT_BYTES {
        true => Ok(text),
        false => Err(usage(format!("the comment is longer than {TEXT_BYTES} bytes"), "write a shorter one")),
    }
}
