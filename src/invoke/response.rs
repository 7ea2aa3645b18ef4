//! A response taken apart: its metadata, and its rows inline or where they were put. Whoever runs in the function's place
//! can send anything, so nothing of it is used that has not been looked at.

use anyhow::Result;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use quack_function::wire::{Column, Metadata, Response, Spilled};

use super::stream::{self, unknown};
use crate::duck::types;
use crate::rows::ResultSet;

/// Most rows and bytes that one answer may tell of. What is added up of many stays below what a number can hold.
const MOST: u64 = 1 << 46;

/// Most columns of an answer.
const COLUMNS: usize = 20_000;

/// The longest version that is one.
const VERSION_BYTES: usize = 40;

/// The rows of a response.
#[derive(Debug)]
pub(crate) enum Payload {
    Inline(Inline),
    Spilled(Spilled),
}

/// Rows that came with the response.
#[derive(Debug)]
pub(crate) struct Inline {
    /// An Arrow IPC stream.
    stream: Vec<u8>,
    columns: Vec<Column>,
    rows: u64,
}

impl Inline {
    #[cfg(any(test, feature = "fuzzing"))]
    pub(crate) fn of(stream: Vec<u8>, columns: Vec<Column>, rows: u64) -> Self {
        Self { stream, columns, rows }
    }

    /// The rows.
    ///
    /// # Errors
    /// Bytes that are no Arrow stream, or one of other columns than the answer tells of; later ones come from the batches.
    pub(crate) fn open(self) -> Result<ResultSet> {
        let (schema, batches) = stream::read(self.stream, &self.columns, self.rows)?;
        Ok(ResultSet { schema, columns: self.columns, batches: Box::new(batches) })
    }

    /// The rows, when their columns are the `expected` ones.
    ///
    /// # Errors
    /// As for [`Self::open`], and other columns.
    pub(crate) fn open_as(self, expected: &[Column]) -> Result<ResultSet> {
        let types = |columns: &[Column]| -> Option<Vec<_>> {
            columns.iter().map(|column| Some((column.name.clone(), types::parse(&column.sql_type).ok()?))).collect()
        };
        if types(&self.columns) != types(expected) {
            return Err(unknown("it has other columns than were asked for"));
        }
        self.open()
    }
}

/// Takes a response apart, whose rows are inline or at the address `result`.
///
/// # Errors
/// A response that does not hold the wire protocol: the function is of another version, or not ours.
pub(crate) fn parse(payload: &[u8], result: &str) -> Result<(Metadata, Payload)> {
    let Response { metadata, data } = serde_json::from_slice(payload).map_err(unknown)?;
    check(&metadata).map_err(unknown)?;
    let data = match (data.arrow, data.spilled) {
        (Some(arrow), None) if data.records.is_none() => Payload::Inline(Inline {
            stream: STANDARD.decode(arrow).map_err(unknown)?,
            columns: metadata.columns.clone(),
            rows: metadata.rows,
        }),
        (None, Some(spilled)) if data.records.is_none() => {
            check_spilled(&spilled, &metadata.columns).map_err(unknown)?;
            if spilled.uri != result {
                let place: String = spilled.uri.chars().take(200).collect();
                return Err(unknown(format_args!("its rows are at {place:?}, and not where they were to go")));
            }
            Payload::Spilled(spilled)
        }
        _ => return Err(unknown("neither rows nor where they are")),
    };
    Ok((metadata, data))
}

fn check(metadata: &Metadata) -> Result<(), String> {
    if metadata.columns.len() > COLUMNS {
        return Err(format!("it tells of {} columns, more than {COLUMNS}", metadata.columns.len()));
    }
    for column in &metadata.columns {
        types::parse(&column.sql_type)?;
    }
    let is_odd = |version: &str| {
        let is_known = |byte: u8| byte.is_ascii_alphanumeric() || b".+-".contains(&byte);
        version.len() > VERSION_BYTES || !version.bytes().all(is_known)
    };
    if metadata.version.as_deref().is_some_and(is_odd) {
        return Err("the version that it tells is none".to_owned());
    }
    if metadata.rows > MOST || metadata.bytes > MOST {
        return Err(format!("it tells of {} rows and {} bytes, more than there are", metadata.rows, metadata.bytes));
    }
    Ok(())
}

fn check_spilled(spilled: &Spilled, columns: &[Column]) -> Result<(), String> {
    if spilled.bytes > MOST {
        return Err(format!("it tells of {} bytes, more than there are", spilled.bytes));
    }
    // What is cast back are some of the columns, in their order, as they are told.
    let mut rest = columns.iter();
    match spilled.cast_back.iter().find(|column| !rest.any(|told| told == *column)) {
        Some(_) => Err("it casts back what is no column of its own".to_owned()),
        None => Ok(()),
    }
}
