//! A DuckDB that has the lake's tables, views and schemas, with their comments and without rows: it answers what is asked of the
//! catalog, tells what columns a query has, and what types its parameters.

use anyhow::Result;
use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use duckdb::Connection;
use quack_function::sql::{identifier, own_table};
use quack_function::view;
use quack_function::wire::{Column, Params};

use super::ask;
use super::rewrite::rewritten;
use crate::duck::parameters::{self, Parameter};
use crate::duck::{RawDatabase, Sandbox, batches, lock, types, words};
use crate::lake::catalog::{Catalog, Table};

/// Memory that what is asked of the catalog may take.
const MEMORY: &str = "256MB";

/// The lake's tables as one moment has them.
pub(in crate::serve) struct Known {
    connection: Connection,
    database: RawDatabase,
}

impl Known {
    /// Of a catalog.
    ///
    /// # Errors
    /// When DuckDB cannot start, or does not take what the catalog says.
    pub(in crate::serve) fn of(catalog: &Catalog) -> Result<Self> {
        let database = RawDatabase::open()?;
        let connection = database.connect()?;
        lock(&connection, &Sandbox { memory: Some(MEMORY), threads: Some(1), setup: batches::SETTINGS, ..Sandbox::default() })?;
        for schema in &catalog.schemas {
            connection.execute_batch(&format!("CREATE SCHEMA memory.{}", identifier(schema)))?;
        }
        for (name, table) in &catalog.tables {
            connection.execute_batch(&created(name, table)?)?;
        }
        for (name, view) in &catalog.views {
            let made = view.stand_in(name).map_err(anyhow::Error::msg)?;
            let all: Vec<String> = std::iter::once(made).chain(view.comments(name)).collect();
            connection.execute_batch(&all.join(";"))?;
        }
        Ok(Self { connection, database })
    }

    /// Whether a query reads the catalog and nothing else.
    pub(in crate::serve) fn is_own(&self, sql: &str) -> bool {
        ask::is_own(&self.connection, &rewritten(sql))
    }

    /// What a query of the catalog gives.
    ///
    /// # Errors
    /// DuckDB's, in its own words.
    pub(in crate::serve) fn answer(&self, sql: &str, params: &Params) -> Result<(SchemaRef, Vec<Column>, Vec<RecordBatch>)> {
        let columns = self.columns(sql, params)?;
        let mut statement = self.connection.prepare(&rewritten(sql))?;
        bind(&mut statement, params)?;
        statement.raw_execute()?;
        let schema = statement.schema();
        let mut batches = Vec::new();
        while let Some(rows) = statement.step()? {
            batches.push(RecordBatch::from(rows));
        }
        Ok((schema, columns, batches))
    }

    /// The columns of a query, nothing of it being run.
    ///
    /// # Errors
    /// DuckDB's, in its own words.
    pub(in crate::serve) fn columns(&self, sql: &str, params: &Params) -> Result<Vec<Column>> {
        let sql = if self.is_own(sql) { &rewritten(sql) } else { sql };
        if params.is_empty() {
            return Ok(words::columns(&self.connection, sql)?);
        }
        let mut statement = self.connection.prepare(&format!("DESCRIBE {sql}"))?;
        bind(&mut statement, params)?;
        let mut rows = statement.raw_query();
        let mut columns = Vec::new();
        while let Some(row) = rows.next()? {
            columns.push(Column { name: row.get("column_name")?, sql_type: row.get("column_type")? });
        }
        Ok(columns)
    }

    /// The columns that a statement with RETURNING gives.
    ///
    /// # Errors
    /// DuckDB's, in its own words.
    pub(in crate::serve) fn returned(&self, sql: &str) -> Result<Vec<Column>> {
        let columns = parameters::columns(&self.database, sql)?.into_iter();
        let column = |Parameter { name, sql_type }| Column {
            name,
            sql_type: sql_type.map_or_else(|| "VARCHAR".to_owned(), |sql_type| sql_type.to_string()),
        };
        Ok(columns.map(column).collect())
    }

    /// The parameters of a statement.
    ///
    /// # Errors
    /// DuckDB's, in its own words.
    pub(in crate::serve) fn parameters(&self, sql: &str) -> Result<Vec<Parameter>> {
        parameters::of(&self.database, &rewritten(sql))
    }
}

/// Gives parameters their values, by name.
fn bind(statement: &mut duckdb::Statement<'_>, params: &Params) -> Result<()> {
    for index in 1..=statement.parameter_count() {
        let name = statement.parameter_name(index)?;
        let value = params.get(&name).cloned().flatten();
        statement.raw_bind_parameter(index, value)?;
    }
    Ok(())
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
