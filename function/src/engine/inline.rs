//! Rows that go into the response itself, as JSON objects or as an Arrow stream.

use crate::failure::Failure;
use crate::value::write_json;
use crate::wire::{Data, Encoding};
use arrow::datatypes::SchemaRef;
use arrow::record_batch::RecordBatch;
use arrow_ipc::CompressionType;
use arrow_ipc::writer::{IpcWriteOptions, StreamWriter};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::value::RawValue;

/// Encodes batches as they come, so that it is known early when they are too many.
pub(crate) struct Inline {
    encoder: Encoder,
    room_bytes: usize,
}

enum Encoder {
    Json { out: Vec<u8>, keys: Vec<Vec<u8>> },
    Arrow { writer: Box<StreamWriter<Vec<u8>>> },
}

impl Inline {
    /// An encoder for rows of `schema`, which may take `room_bytes` in the response.
    ///
    /// # Errors
    /// When the schema has no Arrow encoding.
    pub(crate) fn new(encoding: Encoding, schema: &SchemaRef, room_bytes: usize) -> Result<Self, Failure> {
        let encoder = match encoding {
            Encoding::Json => {
                let keys = schema.fields().iter().map(|field| {
                    let mut key = serde_json::to_vec(field.name()).unwrap_or_default();
                    key.push(b':');
                    key
                });
                Encoder::Json { out: vec![b'['], keys: keys.collect() }
            }
            Encoding::Arrow => {
                let options = IpcWriteOptions::default()
                    .try_with_compression(Some(CompressionType::LZ4_FRAME))
                    .map_err(Failure::arrow)?;
                let writer = StreamWriter::try_new_with_options(Vec::new(), schema, options).map_err(Failure::arrow)?;
                Encoder::Arrow { writer: Box::new(writer) }
            }
        };
        Ok(Self { encoder, room_bytes })
    }

    /// Appends the rows of `batch`, or as many as show that there is no room for them.
    ///
    /// # Errors
    /// When a value has no Arrow encoding.
    pub(crate) fn push(&mut self, batch: &RecordBatch) -> Result<(), Failure> {
        match &mut self.encoder {
            Encoder::Json { out, keys } => {
                let schema = batch.schema();
                for row in 0..batch.num_rows() {
                    if out.len() > self.room_bytes {
                        break;
                    }
                    out.extend_from_slice(if out.len() > 1 { b",{" } else { b"{" });
                    for (index, (key, field)) in keys.iter().zip(schema.fields()).enumerate() {
                        if index > 0 {
                            out.push(b',');
                        }
                        out.extend_from_slice(key);
                        write_json(out, field, batch.column(index), row);
                    }
                    out.push(b'}');
                }
                Ok(())
            }
            Encoder::Arrow { writer } => writer.write(batch).map_err(Failure::arrow),
        }
    }

    /// Whether the rows so far are more than the response has room for.
    pub(crate) fn overflows(&self) -> bool {
        let encoded_bytes = match &self.encoder {
            Encoder::Json { out, .. } => out.len() + 1,
            Encoder::Arrow { writer } => (writer.get_ref().len() + END_OF_STREAM_BYTES).div_ceil(3) * 4,
        };
        encoded_bytes > self.room_bytes
    }

    /// How many bytes the rows so far are, encoded, before base64.
    pub(crate) fn len(&self) -> usize {
        match &self.encoder {
            Encoder::Json { out, .. } => out.len(),
            Encoder::Arrow { writer } => writer.get_ref().len(),
        }
    }

    /// The encoded rows as they are.
    ///
    /// # Errors
    /// When the Arrow stream cannot be closed.
    pub(crate) fn into_stream(self) -> Result<Vec<u8>, Failure> {
        match self.encoder {
            Encoder::Json { mut out, .. } => {
                out.push(b']');
                Ok(out)
            }
            Encoder::Arrow { writer } => writer.into_inner().map_err(Failure::arrow),
        }
    }

    /// The encoded rows, and how many bytes they are before base64.
    ///
    /// # Errors
    /// When the Arrow stream cannot be closed.
    pub(crate) fn finish(self) -> Result<(Data, u64), Failure> {
        let is_json = matches!(self.encoder, Encoder::Json { .. });
        let stream = self.into_stream()?;
        let bytes = stream.len() as u64;
        if !is_json {
            return Ok((Data { arrow: Some(STANDARD.encode(&stream)), ..Data::default() }, bytes));
        }
        let not_json = |reason: String| Failure::new("Quack.EncodingError", format!("the rows are not JSON: {reason}"));
        let text = String::from_utf8(stream).map_err(|error| not_json(error.to_string()))?;
        let records = RawValue::from_string(text).map_err(|error| not_json(error.to_string()))?;
        Ok((Data { records: Some(records), ..Data::default() }, bytes))
    }
}

/// What closing an Arrow stream appends to it.
const END_OF_STREAM_BYTES: usize = 8;
