//! `ALTER TABLE` that adds, drops or renames a column, or gives it another type. Where files can be read as having the new columns,
//! they stay; else they are written anew.

use anyhow::Result;
use quack_function::sql::{identifier, qualified};
use quack_function::wire::Column;

use super::altered::Alteration;
use super::create::{declared, storable};
use super::done::{Changed, Deed};
use super::land::{self, overtaken};
use super::temporary;
use super::tidy;
use super::write::{Rows, Session, Work};
use crate::console::context::Context;
use crate::error::{failure, nearest, usage};
use crate::lake::catalog::{Scope, Table};
use crate::lake::load::Mode;
use crate::lake::load::commit::Arrival;
use crate::lake::reshape::reshape;
use crate::query::Coordinator;

/// Alters the table `name`.
///
/// # Errors
/// There is no such table or column; one that it is partitioned by; values that the new type cannot hold; somebody else who
/// changed the table meanwhile.
pub(super) async fn run(
    coordinator: &Coordinator<'_>,
    session: &Session<'_>,
    name: &str,
    alteration: &Alteration,
) -> Result<Changed> {
    let (name, table) = coordinator.catalog.table(name)?;
    table.check_is_own(name)?;
    let Some(columns) = columns(coordinator.context, name, table, alteration)? else {
        return Ok(Changed::nothing(Deed::Alter, name));
    };
    let own: Vec<Column> = columns.iter().map(|(column, _)| column.clone()).collect();
    if !matches!(alteration, Alteration::Rename { .. }) && reshaped(coordinator, session, name, table, &own).await? {
        return Ok(Changed::nothing(Deed::Alter, name).made());
    }
    let mut list: Vec<String> = columns
        .iter()
        .map(|(Column { name, sql_type }, value)| format!("CAST({value} AS {sql_type}) AS {}", identifier(name)))
        .collect();
    list.extend(table.partitions.iter().map(|column| identifier(&column.name)));
    let mut work = Work::new(coordinator, session);
    let sql = format!("SELECT {} FROM {}", list.join(", "), qualified(name));
    let staged = match table.rows {
        0 => work.write_empty(&own, name, &table.partitions).await?,
        _ => {
            let (columns, partitions) = (&own[..], &table.partitions[..]);
            let rows = Rows { variables: "", sql, label: name, columns, partitions, may_divide: true };
            tidy::write(&mut work, &rows).await?
        }
    };
    let renamed = match alteration {
        Alteration::Rename { column, to } => {
            let known = table.columns.iter().find(|known| known.name.eq_ignore_ascii_case(column));
            known.map(|known| (known.name.clone(), to.clone()))
        }
        _ => None,
    };
    let arrival = Arrival {
        renamed,
        source: table.source.clone(),
        synthetic: table.synthetic,
        partition_by: table.partition_by.clone(),
        partitions: table.partitions.clone(),
        ..land::arrival(name, Mode::Replace, &staged)
    };
    let folder = temporary::folder_as_known(&coordinator.target.bucket, coordinator.catalog, name);
    let rows = land::land(&work, staged, arrival, Some(table), &folder).await?.unwrap_or_default();
    Ok(Changed { rows, ..work.spent(Changed::nothing(Deed::Alter, name)) }.made())
}

/// Whether the table has the columns `own` now while its files stay as they are.
async fn reshaped(
    coordinator: &Coordinator<'_>,
    session: &Session<'_>,
    name: &str,
    table: &Table,
    own: &[Column],
) -> Result<bool> {
    let before = table.own_columns();
    session
        .transaction
        .update(&coordinator.target.bucket, Scope::Open(name), |catalog| {
            let (known, now) = catalog.table(name)?;
            now.check_is_own(known)?;
            if now.own_columns() == own {
                // An earlier try was stored, and its answer lost on the way.
                return Ok(true);
            }
            if now.own_columns() != before {
                return Err(overtaken(name));
            }
            let (known, mut now) = (known.to_owned(), now.clone());
            let is_done = reshape(&mut now, own);
            catalog.tables.insert(known, now);
            Ok(is_done)
        })
        .await
}

/// The columns in the files as they are to be, each with the SQL of its value; nothing where they are so already.
fn columns(
    context: &Context,
    name: &str,
    table: &Table,
    alteration: &Alteration,
) -> Result<Option<Vec<(Column, String)>>> {
    let own = table.own_columns();
    let mut columns: Vec<(Column, String)> =
        own.into_iter().map(|column| (column.clone(), identifier(&column.name))).collect();
    let is_called = |column: &Column, name: &str| column.name.eq_ignore_ascii_case(name);
    let is_free = |columns: &[(Column, String)], wanted: &str| {
        let taken = columns.iter().map(|(column, _)| column).chain(&table.partitions);
        match taken.into_iter().any(|column| is_called(column, wanted)) {
            true => Err(failure(format!("`{name}` has a column `{wanted}` already"), "choose another name")),
            false => Ok(()),
        }
    };
    let find = |columns: &[(Column, String)], wanted: &str| {
        if let Some(at) = columns.iter().position(|(column, _)| is_called(column, wanted)) {
            return Ok(at);
        }
        if table.partitions.iter().any(|column| is_called(column, wanted)) {
            return Err(usage(
                format!("`{name}` is partitioned by `{wanted}`, which stays as it is"),
                format!("make another table: CREATE TABLE other PARTITIONED BY (...) AS SELECT ... FROM {name}"),
            ));
        }
        let near = nearest(wanted, columns.iter().map(|(column, _)| column.name.as_str()));
        let help = near.map_or_else(|| format!("DESCRIBE {name} lists them"), |near| format!("did you mean `{near}`?"));
        Err(usage(format!("`{name}` has no column `{wanted}`"), help))
    };
    let typed = |name: &str, written: &str| -> Result<Column> {
        let mut stored = storable(context, &declared(&[(name.to_owned(), written.to_owned())])?)?;
        stored.pop().ok_or_else(|| usage(format!("`{written}` is no type"), ""))
    };
    match alteration {
        Alteration::Add { column, if_not_exists, sql_type } => match is_free(&columns, column) {
            Err(_) if *if_not_exists => return Ok(None),
            free => {
                free?;
                columns.push((typed(column, sql_type)?, "NULL".to_owned()));
            }
        },
        Alteration::Drop { column, if_exists } => match find(&columns, column) {
            Err(_) if *if_exists && !table.partitions.iter().any(|own| is_called(own, column)) => return Ok(None),
            found => {
                columns.remove(found?);
                if columns.is_empty() {
                    return Err(failure(
                        format!("`{column}` is the only column of `{name}`"),
                        format!("DROP TABLE {name}"),
                    ));
                }
            }
        },
        Alteration::Rename { column, to } => {
            let at = find(&columns, column)?;
            // Other upper and lower case is another name of the same column.
            if !is_called(&columns[at].0, to) {
                is_free(&columns, to)?;
            }
            let renamed = Column { name: to.clone(), sql_type: columns[at].0.sql_type.clone() };
            columns[at].0 = storable(context, &[renamed])?.remove(0);
        }
        Alteration::Type { column, sql_type } => {
            let at = find(&columns, column)?;
            let typed = typed(&columns[at].0.name, sql_type)?;
            if typed == columns[at].0 {
                return Ok(None);
            }
            columns[at].0 = typed;
        }
    }
    Ok(Some(columns))
}
