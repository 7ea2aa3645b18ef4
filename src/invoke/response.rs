//! A response taken apart: its metadata, and its rows inline or where they were put.

use std::io::Cursor;

use anyhow::Result;
use arrow_ipc::reader::StreamReader;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use quack_function::wire::{Column, Metadata, Response, Spilled};

use crate::error::failure;
use crate::rows::ResultSet;

/// The rows of a response.
pub(crate) enum Payload {
    /// An Arrow IPC stream.
    Inline(Vec<u8>),
    Spilled(Spilled),
}

/// Takes a response apart.
///
/// # Errors
/// A response that does not hold the wire protocol: the function is of another version.
pub(crate) fn parse(payload: &[u8]) -> Result<(Metadata, Payload)> {
    let response: Response = serde_json::from_slice(payload).map_err(unknown)?;
    let data = match (response.data.arrow, response.data.spilled) {
        (Some(arrow), None) => Payload::Inline(STANDARD.decode(arrow).map_err(unknown)?),
        (None, Some(spilled)) => Payload::Spilled(spilled),
        _ => return Err(unknown("neither rows nor where they are")),
    };
    Ok((response.metadata, data))
}

/// The rows of an Arrow IPC stream.
///
/// # Errors
/// Bytes that are no such stream; later ones come from the batches.
pub(crate) fn decode(stream: Vec<u8>, columns: Vec<Column>) -> Result<ResultSet> {
    let reader = StreamReader::try_new(Cursor::new(stream), None).map_err(unknown)?;
    Ok(ResultSet { schema: reader.schema(), columns, batches: Box::new(reader.map(|batch| batch.map_err(unknown))) })
}

fn unknown(error: impl std::fmt::Display) -> anyhow::Error {
    failure(
        format!("the function's answer is not one that this quackctl knows: {error}"),
        "it is of another version: run `quackctl up`",
    )
}
