//! `CREATE VIEW`: a SELECT is given a name. What it says of tables and columns is looked at when it is made, and again by each query
//! that names it.

use anyhow::Result;
use quack_function::names::{self, TEXT_BYTES};
use quack_function::sql::{Token, Tokens, qualified};
use quack_function::sql_type::SqlType;
use quack_function::view::{View, ViewColumn};
use quack_function::wire::Column;

use super::done::{Changed, Deed};
use super::parts::{self, Part};
use super::reader::{Reader, beside, unsupported};
use super::write::{Session, Work};
use crate::error::failure;
use crate::lake::catalog::{self, Scope};
use crate::lake::views;
use crate::query::Coordinator;

const CREATE: &str = "write CREATE [OR REPLACE] VIEW [IF NOT EXISTS] name [(column, ...)] AS SELECT ...";
const ALTER: &str = "write ALTER VIEW [IF EXISTS] name RENAME TO other; CREATE OR REPLACE VIEW changes its SQL";

/// Words that a view's SELECT begins with.
const FIRST_WORDS: [&str; 5] = ["SELECT", "FROM", "WITH", "VALUES", "TABLE"];

/// `CREATE [OR REPLACE] VIEW [IF NOT EXISTS] name [(column, ...)] AS query`
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct CreateView {
    name: String,
    replace: bool,
    if_not_exists: bool,
    /// Names for its columns, from the first on.
    aliases: Vec<String>,
    query: Part,
}

impl CreateView {
    /// Reads what follows `VIEW`.
    ///
    /// # Errors
    /// A form that is not supported.
    pub(super) fn read(reader: &mut Reader<'_>, replace: bool) -> Result<Self> {
        let wrong = || unsupported("CREATE VIEW in this form", CREATE);
        let if_not_exists = reader.takes(&["IF", "NOT", "EXISTS"]);
        let name = reader.table(CREATE)?;
        let aliases = match reader.peek() {
            Some(Token::Symbol('(')) => reader.names().ok_or_else(wrong)?,
            _ => Vec::new(),
        };
        match reader.takes(&["AS"]) && reader.peek().is_some() {
            true => Ok(Self { name, replace, if_not_exists, aliases, query: reader.rest() }),
            false => Err(wrong()),
        }
    }
}

/// Reads `[IF EXISTS] name RENAME TO other`, behind `ALTER VIEW`: the two names, and whether there may be none.
///
/// # Errors
/// A form that is not supported.
pub(super) fn renamed(reader: &mut Reader<'_>) -> Result<(String, String, bool)> {
    let if_exists = reader.takes(&["IF", "EXISTS"]);
    let view = reader.table(ALTER)?;
    match reader.takes(&["RENAME", "TO"]).then(|| reader.name()).flatten() {
        Some(to) if reader.peek().is_none() => Ok((view.clone(), beside(&view, &to), if_exists)),
        _ => Err(unsupported("ALTER VIEW in this form", ALTER)),
    }
}

/// Makes a view.
///
/// # Errors
/// Something has its name; what DuckDB or the function says of its SELECT; columns that no view may have.
pub(super) async fn create(
    coordinator: &Coordinator<'_>,
    session: &Session<'_>,
    create: &CreateView,
) -> Result<Changed> {
    let CreateView { name, replace, if_not_exists, aliases, query } = create;
    views::check_name(name)?;
    if *if_not_exists && coordinator.catalog.called(name).is_some() {
        return Ok(Changed::nothing(Deed::CreateView, name));
    }
    views::admit(coordinator.catalog, name, *replace)?;
    check(coordinator, query)?;
    let sql = query.text().trim().to_owned();
    let mut view = View { sql, aliases: aliases.clone(), columns: Vec::new(), comment: None };
    // As it will be: one that reads itself, by way of others or not, is told from one that reads what it replaces.
    let mut with_it = coordinator.catalog.clone();
    views::put(&mut with_it, name, &view, *replace)?;
    let own = Coordinator { catalog: &with_it, ..*coordinator };
    let mut work = Work::new(&own, session);
    let described = work.columns(&format!("{}DESCRIBE FROM {}", query.variables(), qualified(name))).await;
    let described = match described {
        Ok(described) => described,
        Err(error) => {
            // Of the SELECT alone, DuckDB tells the place.
            Work::new(coordinator, session).columns(&query.behind("DESCRIBE ")).await?;
            return Err(error);
        }
    };
    view.columns = described.into_iter().map(column).collect::<Result<_>>()?;
    view.check().map_err(|what| failure(format!("there cannot be a view `{name}`: {what}"), CREATE))?;
    let cost_usd = work.cost_usd;
    session
        .transaction
        .update(&coordinator.target.bucket, Scope::NONE, |catalog| views::put(catalog, name, &view, *replace))
        .await?;
    Ok(Changed { cost_usd, ..Changed::nothing(Deed::CreateView, name) }.made())
}

/// Refuses what is no SELECT by itself.
fn check(coordinator: &Coordinator<'_>, query: &Part) -> Result<()> {
    let first = Tokens::new(query.text()).map(|(token, _)| token).find(|token| *token != Token::Symbol('('));
    let is_select = first.is_some_and(|token| FIRST_WORDS.iter().any(|word| token.is(word)));
    if !is_select {
        let help = "a view is a SELECT: put the statement in brackets, SELECT * FROM (PIVOT ... ON column IN (...))";
        return Err(unsupported("a view of this statement", help));
    }
    if query.text().len() > TEXT_BYTES {
        return Err(failure(
            format!("the view's SQL is longer than {TEXT_BYTES} bytes"),
            "make it of several views, or put what it is made of into a table",
        ));
    }
    // Only the statement itself knows a table as it was, by a name that no other has.
    let mut named = Tokens::new(query.text()).filter_map(|(token, _)| token.name());
    if named.any(|name| !names::is_table(&name) && coordinator.catalog.find(&name).is_some()) {
        let help = "a query may name a version, FROM name AT (VERSION => 3); CREATE TABLE ... AS keeps one";
        return Err(unsupported("a view of a table as it was", help));
    }
    let layout = &coordinator.target.bucket.layout;
    let mut read = catalog::names(query.text()).into_iter().filter_map(|name| coordinator.catalog.find(&name));
    if let Some((name, _)) = read.find(|(_, table)| table.is_temporary(layout)) {
        let help = format!("`{name}` ends with the session, and the view does not: CREATE TABLE makes one that stays");
        return Err(unsupported("a view of a temporary table", help));
    }
    parts::check_query(query)
}

/// A column, as the catalog keeps it.
fn column(Column { name, sql_type }: Column) -> Result<ViewColumn> {
    let help = "give each column of the query a name of its own with AS, and another type with CAST";
    names::check_column(&name).map_err(|what| failure(what, help))?;
    // As DuckDB has it, what is NULL throughout is an integer.
    let sql_type = if sql_type == "\"NULL\"" { "INTEGER".to_owned() } else { sql_type };
    SqlType::parse(&sql_type)
        .map_err(|_| failure(format!("the column `{name}` is of a type that no view can have: {sql_type}"), help))?;
    Ok(ViewColumn { name, sql_type, comment: None })
}
