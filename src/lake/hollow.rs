//! A DuckDB that has a lake's tables, views and schemas, with their comments and without rows: it tells what columns a query has,
//! and what types its parameters, and nothing is run for that.

use anyhow::Result;
use duckdb::{Connection, params_from_iter};
use quack_function::sql::{identifier, own_table};
use quack_function::view;
use quack_function::wire::{Column, Params};

use super::catalog::{Catalog, Table};
use crate::duck::parameters::{self, Parameter};
use crate::duck::{RawDatabase, Sandbox, batches, lock, types, words};

/// Memory that it may take.
const MEMORY: &str = "256MB";

/// The lake's tables as one moment has them.
pub(crate) struct Hollow {
    pub connection: Connection,
    pub database: RawDatabase,
}

impl Hollow {
    /// Of what is called as `is_wanted` says in a catalog: schemas, and tables and views by their whole names.
    ///
    /// # Errors
    /// When DuckDB cannot start, or does not take what the catalog says.
    pub(crate) fn of(catalog: &Catalog, is_wanted: impl Fn(&str) -> bool) -> Result<Self> {
        Self::made(&statements(catalog, is_wanted)?)
    }

    /// Of what such [`statements`] make.
    ///
    /// # Errors
    /// As of [`Self::of`].
    pub(crate) fn made(statements: &[String]) -> Result<Self> {
        let database = RawDatabase::open()?;
        let connection = database.connect()?;
        lock(
            &connection,
            &Sandbox { memory: Some(MEMORY), threads: Some(1), setup: batches::SETTINGS, ..Sandbox::default() },
        )?;
        statements.iter().try_for_each(|statement| connection.execute_batch(statement))?;
        Ok(Self { connection, database })
    }

    /// The columns of a query, nothing of it being run.
    ///
    /// # Errors
    /// DuckDB's, of the query as it is.
    pub(crate) fn columns(&self, sql: &str, params: &Params) -> Result<Vec<Column>> {
        // What it says of DESCRIBE has that in it.
        self.described(sql, params).map_err(|error| self.connection.prepare(sql).err().map_or(error, Into::into))
    }

    fn described(&self, sql: &str, params: &Params) -> Result<Vec<Column>> {
        if params.is_empty() {
            return Ok(words::columns(&self.connection, sql)?);
        }
        let mut statement = self.connection.prepare(&format!("DESCRIBE {sql}"))?;
        let values = values(&statement, params)?;
        let mut rows = statement.query(params_from_iter(values))?;
        let mut columns = Vec::new();
        while let Some(row) = rows.next()? {
            columns.push(Column { name: row.get("column_name")?, sql_type: row.get("column_type")? });
        }
        // Of a parameter that is NULL `$p1 || 'x'` is NULL, which becomes an INTEGER; without a value it is what it is.
        if columns.iter().any(|column| column.sql_type == "INTEGER")
            && let Ok(unbound) = parameters::columns(&self.database, sql)
            && unbound.len() == columns.len()
        {
            for (column, Parameter { sql_type, .. }) in columns.iter_mut().zip(unbound) {
                if let (Some(sql_type), "INTEGER") = (sql_type, column.sql_type.as_str()) {
                    column.sql_type = sql_type.to_string();
                }
            }
        }
        Ok(columns)
    }
}

/// What makes such a DuckDB have what is called as `is_wanted` says in a catalog.
///
/// # Errors
/// A type that this DuckDB does not know; a view whose columns are not told.
pub(crate) fn statements(catalog: &Catalog, is_wanted: impl Fn(&str) -> bool) -> Result<Vec<String>> {
    let schemas = catalog.schemas.iter().filter(|schema| is_wanted(schema));
    let schemas = schemas.map(|schema| Ok(format!("CREATE SCHEMA memory.{}", identifier(schema))));
    let tables = catalog.tables.iter().filter(|(name, _)| is_wanted(name)).map(|(name, table)| created(name, table));
    let views = catalog.views.iter().filter(|(name, _)| is_wanted(name)).map(|(name, view)| {
        let made = view.stand_in(name).map_err(anyhow::Error::msg)?;
        let all: Vec<String> = std::iter::once(made).chain(view.comments(name)).collect();
        Ok(all.join(";"))
    });
    schemas.chain(tables).chain(views).collect()
}

/// DuckDB's own words, without the number that the crate puts behind them.
pub(crate) fn said(error: anyhow::Error) -> anyhow::Error {
    match error.downcast::<duckdb::Error>() {
        Ok(duckdb::Error::DuckDBFailure(_, Some(words))) => anyhow::Error::msg(words),
        Ok(other) => other.into(),
        Err(error) => error,
    }
}

/// The values of a statement's parameters, in its own order.
///
/// # Errors
/// DuckDB's.
pub(crate) fn values(statement: &duckdb::Statement<'_>, params: &Params) -> Result<Vec<Option<String>>> {
    let value = |index: usize| Ok(params.get(&statement.parameter_name(index)?).cloned().flatten());
    (1..=statement.parameter_count()).map(value).collect()
}

/// The statements that make a table without rows.
fn created(name: &str, table: &Table) -> Result<String> {
    let own = own_table(name);
    let columns = table.columns.iter().map(|column| {
        let sql_type = types::parse(&column.sql_type).map_err(anyhow::Error::msg)?;
        Ok(format!("{} {sql_type}", identifier(&column.name)))
    });
    let columns = columns.collect::<Result<Vec<_>>>()?.join(", ");
    let comments = table.comments.iter().map(|(column, comment)| (column.as_str(), comment.as_str()));
    let comments = view::comments("TABLE", name, table.comment.as_deref(), comments);
    let all: Vec<String> = std::iter::once(format!("CREATE TABLE {own} ({columns})")).chain(comments).collect();
    Ok(all.join(";"))
}
