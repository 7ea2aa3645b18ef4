//! An Arrow IPC stream that a function sent, read as if somebody else had: its columns are those that were told, its rows as many.

use std::fmt;

use anyhow::Result;
use arrow::array::RecordBatch;
use arrow::datatypes::{Schema, SchemaRef};
use quack_function::arrow_stream;
use quack_function::wire::Column;

use super::fields::{fits, has_nul};
use super::version;
use crate::duck::types;
use crate::error::failure;

/// The columns of a stream, and its batches.
pub(super) fn read(
    stream: Vec<u8>,
    columns: &[Column],
    rows: u64,
) -> Result<(SchemaRef, impl Iterator<Item = Result<RecordBatch>> + use<>)> {
    let (schema, mut unread) = arrow_stream::read(stream).map_err(unknown)?;
    check_columns(&schema, columns).map_err(unknown)?;
    let mut left = Some(rows);
    let batches = std::iter::from_fn(move || {
        let expected = left?;
        let next = match unread.next().transpose() {
            Ok(Some(batch)) => expected
                .checked_sub(batch.num_rows() as u64)
                .map(|rest| (rest, batch))
                .ok_or(())
                .map_err(|()| unknown(format_args!("it has more than the {rows} rows that it tells of"))),
            Ok(None) => {
                left = None;
                return (expected > 0)
                    .then(|| Err(unknown(format_args!("it has {expected} rows less than it tells of"))));
            }
            Err(error) => Err(unknown(error)),
        };
        left = next.as_ref().ok().map(|(rest, _)| *rest);
        Some(next.map(|(_, batch)| batch))
    });
    Ok((schema, batches))
}

/// An answer that is not as a function of ours gives it.
pub(super) fn unknown(error: impl fmt::Display) -> anyhow::Error {
    failure(format!("the function's answer is not one that this quackctl knows: {error}"), version::help())
}

/// Whether the schema has exactly `columns`.
pub(super) fn check_columns(schema: &Schema, columns: &[Column]) -> Result<(), String> {
    if schema.fields().len() != columns.len() {
        return Err(format!("it has {} columns and tells of {}", schema.fields().len(), columns.len()));
    }
    for (field, column) in schema.fields().iter().zip(columns) {
        if field.name() != &column.name {
            return Err(format!("a column is called {:?} and told as {:?}", short(field.name()), short(&column.name)));
        }
        if has_nul(field) {
            return Err(format!("there is a NUL in the column {:?}", short(&column.name)));
        }
        if !fits(field, &types::parse(&column.sql_type)?) {
            return Err(format!("the column {:?} is of another type than {}", short(&column.name), column.sql_type));
        }
    }
    Ok(())
}

fn short(text: &str) -> String {
    text.chars().take(80).collect()
}
