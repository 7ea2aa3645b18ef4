//! The lake's tables without rows, and over them a layer that has what PostgreSQL's catalog has: what is asked of the catalog is
//! answered by it.

use std::cell::Cell;
use std::ffi::CStr;
use std::sync::Arc;

use anyhow::Result;
use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use duckdb::{InterruptHandle, params_from_iter};
use quack_function::names::parts;
use quack_function::view::View;
use quack_function::wire::{Column, Params};

use super::super::settings::Settings;
use super::ask::{self, Parser};
use super::names;
use super::rewrite::rewritten;
use crate::duck::parameters::{self, Parameter};
use crate::error::failure;
use crate::lake::catalog::Catalog;
use crate::lake::hollow::{Hollow, said, values};

/// Most bytes of an answer.
const MOST_BYTES: usize = 64 << 20;

/// What PostgreSQL's catalog has and DuckDB's has not.
const LAYER: &str = include_str!("layer.sql");

/// Has the names of the layer be found first.
const SEARCH_PATH: &CStr = c"SET search_path = 'main,quack_pg'";

/// The lake's tables as one moment has them.
pub(in crate::serve) struct Known {
    hollow: Hollow,
    /// Schema, name and SQL of each view.
    views: Vec<[String; 3]>,
    is_layered: Cell<bool>,
}

/// Whose catalog it is.
pub(in crate::serve) struct Who<'a> {
    pub user: &'a str,
    /// What `version()` says.
    pub version: &'a str,
    pub settings: &'a Settings,
    pub parser: &'a Parser,
}

impl Known {
    /// Of a catalog.
    ///
    /// # Errors
    /// When DuckDB cannot start, or does not take what the catalog says.
    pub(in crate::serve) fn of(catalog: &Catalog) -> Result<Self> {
        let view = |(name, view): (&String, &View)| {
            let (schema, own) = parts(name);
            [schema.unwrap_or("main").to_owned(), own.to_owned(), view.sql.clone()]
        };
        let views = catalog.views.iter().map(view).collect();
        Ok(Self { hollow: Hollow::of(catalog, |name| !is_reserved(name))?, views, is_layered: Cell::new(false) })
    }

    /// Makes the layer, which takes its time, once somebody asks for what is in it.
    fn layer(&self, who: &Who<'_>) -> Result<()> {
        if self.is_layered.replace(true) {
            return Ok(());
        }
        self.hollow.connection.execute_batch(ask::TYPES)?;
        self.hollow.connection.execute_batch(LAYER)?;
        self.hollow.connection.execute("INSERT INTO quack_pg.session VALUES (?, ?)", [who.user, who.version])?;
        for view in &self.views {
            self.hollow.connection.execute("INSERT INTO quack_pg.views VALUES (?, ?, ?)", view.each_ref())?;
        }
        self.hollow.database.run(SEARCH_PATH)
    }

    /// Has the settings be told as they are now.
    fn settings(&self, who: &Who<'_>) -> Result<()> {
        self.hollow.connection.execute_batch("DELETE FROM quack_pg.settings")?;
        for (name, value) in who.settings.all() {
            let context = if Settings::is_fixed(name) { "internal" } else { "user" };
            self.hollow.connection.execute("INSERT INTO quack_pg.settings VALUES (?, ?, ?)", [name, value, context])?;
        }
        Ok(())
    }

    /// What ends the query that is being answered, from another thread.
    pub(in crate::serve) fn interrupt_handle(&self) -> Arc<InterruptHandle> {
        self.hollow.connection.interrupt_handle()
    }

    /// What a query of the catalog gives.
    ///
    /// # Errors
    /// DuckDB's, in its own words.
    pub(in crate::serve) fn answer(
        &self,
        sql: &str,
        params: &Params,
        who: &Who<'_>,
    ) -> Result<(SchemaRef, Vec<Column>, Vec<RecordBatch>)> {
        self.answered(sql, params, who).map_err(said)
    }

    fn answered(
        &self,
        sql: &str,
        params: &Params,
        who: &Who<'_>,
    ) -> Result<(SchemaRef, Vec<Column>, Vec<RecordBatch>)> {
        let columns = self.columns(sql, params, who)?;
        let own = rewritten(sql, who.settings);
        if own.contains("pg_settings") {
            self.settings(who)?;
        }
        let mut statement = self.hollow.connection.prepare(&own)?;
        // As it is taken: DuckDB does not count what waits of a whole result.
        let values = values(&statement, params)?;
        let schema = statement.stream_arrow(params_from_iter(values))?.get_schema();
        let (mut batches, mut bytes) = (Vec::new(), 0);
        while let Some(rows) = statement.step()? {
            let batch = RecordBatch::try_new(schema.clone(), rows.columns().to_vec())?;
            bytes += batch.get_array_memory_size();
            if bytes > MOST_BYTES {
                return Err(failure(
                    format!(
                        "the answer has more than {MOST_BYTES} bytes, and what is asked of the catalog is answered by the server"
                    ),
                    "ask for less of it",
                ));
            }
            batches.push(batch);
        }
        Ok((schema, columns, batches))
    }

    /// The columns of a query, nothing of it being run.
    ///
    /// # Errors
    /// DuckDB's, in its own words.
    pub(in crate::serve) fn columns(&self, sql: &str, params: &Params, who: &Who<'_>) -> Result<Vec<Column>> {
        let own = rewritten(sql, who.settings);
        let Some(tree) = ask::own_tree(who.parser, &own) else {
            if ask::reckons(who.parser, sql) {
                return Err(anyhow::Error::msg("what is reckoned of constants is the function's to say"));
            }
            return self.hollow.columns(sql, params).map_err(said);
        };
        self.layer(who)?;
        let mut columns = self.hollow.columns(&own, params).map_err(said)?;
        let names = names::of(&tree);
        if names.len() == columns.len() {
            for (column, name) in columns.iter_mut().zip(names) {
                column.name = name.unwrap_or_else(|| std::mem::take(&mut column.name));
            }
        }
        Ok(columns)
    }

    /// The columns that a statement with RETURNING gives.
    ///
    /// # Errors
    /// DuckDB's, in its own words.
    pub(in crate::serve) fn returned(&self, sql: &str) -> Result<Vec<Column>> {
        let columns = parameters::columns(&self.hollow.database, sql)?.into_iter();
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
    pub(in crate::serve) fn parameters(&self, sql: &str, who: &Who<'_>) -> Result<Vec<Parameter>> {
        match is_own(sql, who) {
            true => {
                self.layer(who)?;
                parameters::of(&self.hollow.database, &rewritten(sql, who.settings))
            }
            false if ask::reckons(who.parser, sql) => Ok(Vec::new()),
            false => parameters::of(&self.hollow.database, sql),
        }
    }
}

/// Whether a query reads the catalog and nothing else, or nothing at all.
pub(in crate::serve) fn is_own(sql: &str, who: &Who<'_>) -> bool {
    ask::is_own(who.parser, &rewritten(sql, who.settings))
}

/// Whether a schema, or a table by its whole name, would stand before what clients ask the catalog for: nobody is shown such a one.
fn is_reserved(name: &str) -> bool {
    let first = parts(name).0.unwrap_or(name).to_ascii_lowercase();
    ["pg_", "quack_"].iter().any(|beginning| first.starts_with(beginning)) || first == "information_schema"
}
