//! `CREATE TABLE`, taken apart.

use anyhow::Result;
use quack_function::sql::Token;

use super::parts::Part;
use super::reader::{Reader, unsupported};
use super::refused;

/// `CREATE [OR REPLACE] [TEMPORARY] TABLE [IF NOT EXISTS] name [(columns)] [PARTITIONED BY (...)] [AS query]`
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Create {
    pub table: String,
    /// It is the session's own, and ends with it.
    pub temporary: bool,
    pub replace: bool,
    pub if_not_exists: bool,
    /// Columns to partition by, outermost folder first.
    pub partitions: Vec<String>,
    /// What the query's columns are called; nothing where they keep their names.
    pub names: Vec<String>,
    pub rows: Rows,
}

/// What a new table has.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Rows {
    Query(Part),
    /// No rows: names and the types as they were written.
    Columns(Vec<(String, String)>),
}

const CREATE: &str = "write CREATE [OR REPLACE] [TEMPORARY] TABLE [IF NOT EXISTS] name [PARTITIONED BY (column, ...)] AS SELECT ..., name \
                      (column, ...) AS SELECT ..., or name (column TYPE, ...)";

impl Create {
    /// Whether it has a query's rows.
    pub(crate) fn is_of_query(&self) -> bool {
        matches!(self.rows, Rows::Query(_))
    }

    /// Reads what follows `TABLE`.
    ///
    /// # Errors
    /// A form that is not supported.
    pub(super) fn read(reader: &mut Reader<'_>, replace: bool, temporary: bool) -> Result<Self> {
        let if_not_exists = reader.takes(&["IF", "NOT", "EXISTS"]);
        if replace && if_not_exists {
            return Err(unsupported(
                "CREATE OR REPLACE TABLE IF NOT EXISTS",
                "write one of the two: OR REPLACE, or IF NOT EXISTS",
            ));
        }
        let table = reader.table(CREATE)?;
        let columns = match reader.peek() {
            Some(Token::Symbol('(')) => Some(reader.columns()?),
            _ => None,
        };
        let mut partitions = Vec::new();
        if reader.takes(&["PARTITIONED", "BY"]) {
            let help = format!("{CREATE}; to partition by an expression, make it a column of the SELECT");
            partitions = reader.names().ok_or_else(|| unsupported("PARTITIONED BY in this form", help))?;
        }
        let has_types = columns.iter().flatten().any(|(_, written)| !written.is_empty());
        let mut names = Vec::new();
        let rows = match columns {
            Some(columns) if reader.peek().is_none() => Rows::Columns(columns),
            columns if !has_types && reader.takes(&["AS"]) && reader.peek().is_some() => {
                names.extend(columns.into_iter().flatten().map(|(name, _)| name));
                Rows::Query(reader.rest())
            }
            _ => return Err(unsupported("CREATE TABLE in this form", CREATE)),
        };
        Ok(Self { table, temporary, replace, if_not_exists, partitions, names, rows })
    }
}

impl Reader<'_> {
    /// `(name TYPE, ...)`
    fn columns(&mut self) -> Result<Vec<(String, String)>> {
        self.symbol('(');
        let mut columns = Vec::new();
        loop {
            // A line of its own, PRIMARY KEY (a, b) say.
            if !matches!(self.peek(), Some(Token::Quoted(_))) && !self.peek().is_some_and(|token| token.is("GENERATED"))
            {
                refused::check_column(self, self.at + 1)?;
            }
            let name = self.name().ok_or_else(|| unsupported("CREATE TABLE in this form", CREATE))?;
            let end = self.find(|_, token| matches!(token, Token::Symbol(',' | ')')));
            let end = self.closing(end);
            refused::check_column(self, end)?;
            columns.push((name, self.part(self.from(), end).text().trim().to_owned()));
            self.at = end;
            if self.symbol(')') {
                return Ok(columns);
            }
            if !self.symbol(',') {
                return Err(unsupported("CREATE TABLE in this form", CREATE));
            }
        }
    }
}
