//! `CREATE TABLE`, of a query's rows or of columns alone.

use anyhow::Result;
use quack_function::names;
use quack_function::sql::identifier;
use quack_function::sql_type::SqlType;
use quack_function::wire::Column;

use super::created::{Create, Rows};
use super::done::{Changed, Deed};
use super::land;
use super::parts;
use super::staged::Staged;
use super::temporary;
use super::tidy;
use super::write::{self, Session, Work};
use crate::console::context::Context;
use crate::error::{failure, nearest, usage};
use crate::lake::load::Mode;
use crate::lake::load::commit::{self, Arrival};
use crate::lake::load::partition;
use crate::lake::views;
use crate::query::Coordinator;

/// Makes a table.
///
/// # Errors
/// There is one of that name; what DuckDB says of the query; columns that no table may have.
pub(super) async fn run(coordinator: &Coordinator<'_>, session: &Session<'_>, create: &Create) -> Result<Changed> {
    let Create { table, .. } = create;
    views::check_name(table)?;
    if create.if_not_exists && coordinator.catalog.called(table).is_some() {
        return Ok(Changed::nothing(Deed::Create, table));
    }
    let mode = if create.replace { Mode::Replace } else { Mode::Create };
    let admitted = || match commit::admit(coordinator.catalog, table, mode) {
        Err(_) if mode == Mode::Create && coordinator.catalog.called(table) == Some(table) => Err(failure(
            format!("there is a table `{table}` already"),
            "CREATE OR REPLACE TABLE puts a new one in its place, CREATE TABLE IF NOT EXISTS lets it be",
        )),
        admitted => admitted,
    };
    admitted()?;
    if create.temporary
        && let Some(known) = coordinator.catalog.called(table)
        && !coordinator
            .catalog
            .tables
            .get(known)
            .is_some_and(|known| known.is_temporary(&coordinator.target.bucket.layout))
    {
        return Err(failure(
            format!("there is a table `{known}`, which a temporary table cannot take the place of"),
            "give the temporary one another name",
        ));
    }
    let mut work = Work::new(coordinator, session);
    let (staged, partitions) = written(&mut work, create).await?;
    let partition_by = partitions.iter().map(|column| column.name.clone()).collect();
    let arrival = Arrival { partition_by, partitions, ..land::arrival(table, mode, &staged) };
    let bucket = &coordinator.target.bucket;
    let folder = if create.temporary { temporary::folder(bucket) } else { commit::folder(bucket, table) };
    let rows = land::land(&work, staged, arrival, None, &folder).await?.unwrap_or_default();
    Ok(Changed { rows, ..work.spent(Changed::nothing(Deed::Create, table)) }.made())
}

/// The table's files, written by the function, and the columns that they are partitioned by.
async fn written<'a>(work: &mut Work<'a>, create: &Create) -> Result<(Staged<'a>, Vec<Column>)> {
    let rows = match &create.rows {
        Rows::Query(query) => {
            parts::check_query(query)?;
            Rows::Query(query.renamed(&create.names))
        }
        columns => columns.clone(),
    };
    let described = match &rows {
        Rows::Query(query) => work.columns(&query.behind("DESCRIBE ")).await?,
        Rows::Columns(columns) => declared(columns)?,
    };
    let columns = storable(work.coordinator.context, &described)?;
    let (partitions, own) = split(&create.table, &columns, &create.partitions)?;
    let staged = match &rows {
        Rows::Query(query) => {
            // As they come where they may stay as they are: a query with nothing around it keeps its order for sure.
            let is_kept = |column: &Column| SqlType::parse(&column.sql_type).is_ok_and(|own| own.in_table().is_none());
            let as_is = columns == described && partitions.is_empty() && columns.iter().all(is_kept);
            let (variables, sql) = match as_is {
                true => ("", query.alone()),
                false => (query.variables(), around(query, &described, &own, &partitions)),
            };
            let (label, columns, partitions) = (&create.table[..], &own[..], &partitions[..]);
            let rows = write::Rows { variables, sql, label, columns, partitions, may_divide: true };
            let staged = tidy::write(work, &rows).await?;
            if !staged.files.is_empty() {
                return Ok((staged, partitions.to_vec()));
            }
            staged.discard().await;
            work.write_empty(columns, label, partitions).await?
        }
        Rows::Columns(_) => work.write_empty(&own, &create.table, &partitions).await?,
    };
    Ok((staged, partitions))
}

/// The query, whose columns are `described`, with those of the table, the ones that it is partitioned by last.
fn around(query: &parts::Part, described: &[Column], own: &[Column], partitions: &[Column]) -> String {
    let columns = own.iter().chain(partitions).map(|column| match described.contains(column) {
        true => identifier(&column.name),
        false => format!("CAST({0} AS {1}) AS {0}", identifier(&column.name), column.sql_type),
    });
    format!("SELECT {} FROM (\n{}\n) AS rows", columns.collect::<Vec<_>>().join(", "), query.text())
}

/// Columns as a statement spells them.
///
/// # Errors
/// A type that is none.
pub(super) fn declared(columns: &[(String, String)]) -> Result<Vec<Column>> {
    let column = |(name, written): &(String, String)| {
        let help =
            "write a type as DuckDB spells it, e.g. INTEGER, VARCHAR, DECIMAL(18,3), TIMESTAMP, STRUCT(a INTEGER)[]";
        let sql_type =
            SqlType::parse(written).map_err(|_| usage(format!("`{written}`, of column `{name}`, is no type"), help))?;
        Ok(Column { name: name.clone(), sql_type: sql_type.to_string() })
    };
    columns.iter().map(column).collect()
}

/// Most bytes of a type with an ENUM: it travels with each query of its table.
const ENUM_BYTES: usize = 32 << 10;

/// The columns with the types that they have in a table; of an ENUM that is too large it is told what it becomes.
///
/// # Errors
/// A name that no column may have, or that two have; a type that cannot be stored.
pub(super) fn storable(context: &Context, columns: &[Column]) -> Result<Vec<Column>> {
    let mut stored: Vec<Column> = Vec::with_capacity(columns.len());
    for Column { name, sql_type } in columns {
        let help = "give each column of the query a name of its own with AS";
        names::check_column(name).map_err(|what| failure(what, help))?;
        if stored.iter().any(|known| known.name.to_lowercase() == name.to_lowercase()) {
            return Err(failure(format!("two columns are called `{name}`"), help));
        }
        // As DuckDB has it, what is NULL throughout is an integer.
        let sql_type = if sql_type == "\"NULL\"" { "INTEGER" } else { sql_type };
        let own = SqlType::parse(sql_type).map_err(|_| {
            failure(format!("no column can be stored as {sql_type}, as `{name}` is"), "cast it to another")
        })?;
        let texts = own.with(&|own| matches!(own, SqlType::Enum(_)).then_some(SqlType::Plain("VARCHAR")));
        let own = match (texts, &own) {
            // DuckDB cannot take SQL apart that casts to one within another type.
            (Some(texts), own) if !matches!(own, SqlType::Enum(_)) || sql_type.len() > ENUM_BYTES => {
                context.say(format_args!(
                    "`{name}` is {texts}: a table keeps an ENUM as such with up to 32 KiB of values, and in no list, STRUCT, MAP or UNION"
                ));
                texts
            }
            _ => own,
        };
        stored.push(Column { name: name.clone(), sql_type: own.to_string() });
    }
    Ok(stored)
}

/// The columns that the table is partitioned by, and the others.
fn split(table: &str, columns: &[Column], by: &[String]) -> Result<(Vec<Column>, Vec<Column>)> {
    let mut own = columns.to_vec();
    let mut partitions = Vec::with_capacity(by.len());
    for name in by {
        let Some(at) = own.iter().position(|column| column.name.eq_ignore_ascii_case(name)) else {
            let near = nearest(name, own.iter().map(|column| column.name.as_str()));
            let help =
                near.map_or_else(|| "name columns of the query".to_owned(), |near| format!("did you mean `{near}`?"));
            return Err(usage(format!("cannot partition `{table}` by `{name}`: it has no such column"), help));
        };
        let column = own.remove(at);
        if !names::is_name(&column.name) {
            let help = "name it with letters, digits and `_` by AS in the query";
            return Err(usage(format!("cannot partition by `{}`: a folder cannot carry the name", column.name), help));
        }
        partition::can_be_folder(&column)?;
        partitions.push(column);
    }
    match own.is_empty() {
        true => Err(usage(format!("`{table}` would have no column but those it is partitioned by"), "leave one out")),
        false => Ok((partitions, own)),
    }
}
