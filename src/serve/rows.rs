//! Rows on their way to a client, taken as it asks for them: all, or so many at a time.

use arrow::array::{Array as _, AsArray as _, RecordBatch};
use arrow::datatypes::SchemaRef;
use quack_function::wire::Column;
use tokio_util::sync::CancellationToken;

use bytes::{BufMut as _, BytesMut};
use pgwire::error::PgWireError;
use pgwire::messages::PgWireBackendMessage;
use pgwire::messages::copy::{CopyDone, CopyOutResponse};
use pgwire::messages::response::EmptyQueryResponse;

use super::copy::{CopyOptions, Form};
use super::encode::copy::{self, Lines};
use super::encode::{Encoder, Field, sized};
use super::outgoing::{Outgoing, Sent};
use super::refusal::Refusal;
use crate::rows::ResultSet;

/// The rows of one result, and how far they were taken.
pub(super) struct Rows {
    pub fields: Vec<Field>,
    /// What `CommandComplete` says before the number of rows: `SELECT`, or a change's.
    pub tag: Tag,
    schema: SchemaRef,
    batches: Box<dyn Iterator<Item = anyhow::Result<RecordBatch>>>,
    batch: Option<(RecordBatch, usize)>,
}

/// What is said at the end of rows.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Tag {
    /// With the number of rows that went out.
    Counted(&'static str),
    /// As it is: a change says how many rows it changed.
    Whole(String),
}

impl Tag {
    pub(super) fn text(&self, rows: u64) -> String {
        match self {
            Self::Counted(word) => format!("{word} {rows}"),
            Self::Whole(text) => text.clone(),
        }
    }
}

/// What came of taking rows.
#[derive(Debug, PartialEq)]
pub(super) enum Taken {
    /// There are no more; so many went out this time.
    All(u64),
    /// There are more.
    Some(u64),
}

/// Why rows were not taken.
pub(super) enum Failed {
    /// The client is told, and goes on.
    Statement(Refusal),
    /// The client is gone.
    Connection(PgWireError),
}

impl From<pgwire::error::PgWireError> for Failed {
    fn from(error: PgWireError) -> Self {
        Self::Connection(error)
    }
}

impl Rows {
    pub(super) fn new(result: ResultSet, tag: Tag) -> Self {
        let ResultSet { schema, columns, batches } = result;
        Self { fields: columns.iter().map(Field::of).collect(), tag, schema, batches, batch: None }
    }

    /// Rows of the catalog, which are all here.
    pub(super) fn of(schema: SchemaRef, columns: Vec<Column>, batches: Vec<RecordBatch>) -> Self {
        let batches = Box::new(batches.into_iter().map(Ok));
        let mut rows = Self::new(ResultSet { schema, columns, batches }, Tag::Counted("SELECT"));
        rows.fields.iter_mut().for_each(|field| field.wire_type = field.wire_type.of_catalog());
        rows
    }

    /// The same with another word at their end.
    pub(super) fn tagged(self, word: &'static str) -> Self {
        Self { tag: Tag::Whole(word.to_owned()), ..self }
    }

    /// The first two columns of all rows, as texts: what DESCRIBE gives.
    ///
    /// # Errors
    /// What their source says.
    pub(super) fn described(&mut self) -> anyhow::Result<Vec<Column>> {
        let mut columns = Vec::new();
        for batch in self.batches.by_ref() {
            let batch = batch?;
            let text = |at: usize, row: usize| {
                let texts = batch.columns().get(at).and_then(|array| array.as_string_opt::<i32>());
                texts.map(|texts| texts.value(row).to_owned()).unwrap_or_default()
            };
            columns.extend((0..batch.num_rows()).map(|row| Column { name: text(0, row), sql_type: text(1, row) }));
        }
        Ok(columns)
    }

    /// The first row's two texts: what is never NULL, and what may be.
    ///
    /// # Errors
    /// What their source says.
    pub(super) fn pair(&mut self) -> anyhow::Result<(String, Option<String>)> {
        let Some((batch, at)) = self.next()? else { return Ok(<_>::default()) };
        let text = |column: usize| {
            let texts = batch.columns().get(column).and_then(|array| array.as_string_opt::<i32>());
            texts.filter(|texts| texts.is_valid(*at)).map(|texts| texts.value(*at).to_owned())
        };
        Ok((text(0).unwrap_or_default(), text(1)))
    }

    /// The batch that has the next row, and the row's place in it.
    fn next(&mut self) -> anyhow::Result<Option<(&RecordBatch, &mut usize)>> {
        while self.batch.as_ref().is_none_or(|(batch, at)| *at >= batch.num_rows()) {
            match self.batches.next().transpose()? {
                Some(batch) => self.batch = Some((batch, 0)),
                None => return Ok(None),
            }
        }
        Ok(self.batch.as_mut().map(|(batch, at)| (&*batch, at)))
    }

    /// Sends up to `most` rows, all where there is no such bound; of each column `is_binary` says whether it goes as bytes.
    pub(super) async fn send(
        &mut self,
        out: &mut Outgoing,
        cancel: &CancellationToken,
        most: Option<u64>,
        is_binary: impl Fn(usize) -> bool,
        sql: &str,
    ) -> Result<Taken, Failed> {
        let columns = self.fields.iter().enumerate().map(|(at, field)| (field.wire_type, is_binary(at))).collect();
        let mut encoder = Encoder::new(self.schema.clone(), columns);
        let wrong = |error: &anyhow::Error| Failed::Statement(Refusal::of(error, sql));
        let mut sent = 0;
        loop {
            if most == Some(sent) {
                let has_more = self.next().map_err(|error| wrong(&error))?.is_some();
                return Ok(if has_more { Taken::Some(sent) } else { Taken::All(sent) });
            }
            if cancel.is_cancelled() {
                return Err(Failed::Statement(Refusal::cancelled()));
            }
            match self.next().map_err(|error| wrong(&error))? {
                Some((batch, at)) => {
                    encoder.data_row(out.buffer(), batch, *at);
                    *at += 1;
                }
                None => return Ok(Taken::All(sent)),
            }
            sent += 1;
            out.relieve().await?;
        }
    }

    /// Sends all rows as COPY writes them; gives how many.
    pub(super) async fn copy(
        &mut self,
        out: &mut Outgoing,
        cancel: &CancellationToken,
        options: &CopyOptions,
        sql: &str,
    ) -> Result<u64, Failed> {
        let is_binary = options.form == Form::Binary;
        let formats = vec![i16::from(is_binary); self.fields.len()];
        let count = self.fields.len() as i16;
        let begin = CopyOutResponse::new(i8::from(is_binary), count, formats);
        out.message(PgWireBackendMessage::CopyOutResponse(begin)).await?;
        let columns = self.fields.iter().map(|field| (field.wire_type, is_binary)).collect();
        let mut encoder = Encoder::new(self.schema.clone(), columns);
        let csv = (options.form == Form::Csv).then_some((options.quote, options.escape));
        let lines = Lines { delimiter: options.delimiter, null: &options.null, csv };
        // What a binary COPY begins with goes before the first row, in its message: clients look for it there.
        let mut header = if is_binary { copy::HEADER } else { &[] };
        if options.header && !is_binary {
            data(out, |out| {
                for (at, field) in self.fields.iter().enumerate() {
                    if at > 0 {
                        out.put_u8(options.delimiter);
                    }
                    copy::cell(out, &lines, &field.name);
                }
                out.put_u8(b'\n');
            });
        }
        let mut sent = 0;
        loop {
            if cancel.is_cancelled() {
                return Err(Failed::Statement(Refusal::cancelled()));
            }
            let next = self.next().map_err(|error| Failed::Statement(Refusal::of(&error, sql)))?;
            let Some((batch, at)) = next else { break };
            data(out, |out| match is_binary {
                true => {
                    out.put_slice(std::mem::take(&mut header));
                    encoder.copy_row(out, batch, *at);
                }
                false => encoder.line(out, &lines, batch, *at),
            });
            *at += 1;
            sent += 1;
            out.relieve().await?;
        }
        if is_binary {
            data(out, |out| {
                out.put_slice(header);
                out.put_slice(copy::TRAILER);
            });
        }
        out.message(PgWireBackendMessage::CopyDone(CopyDone::new())).await?;
        Ok(sent)
    }

    /// Passes over up to `most` rows, all where there is no such bound.
    ///
    /// # Errors
    /// What their source says.
    pub(super) fn skip(&mut self, most: Option<u64>) -> anyhow::Result<u64> {
        let mut passed = 0;
        while most != Some(passed) {
            let Some((_, at)) = self.next()? else { break };
            *at += 1;
            passed += 1;
        }
        Ok(passed)
    }
}

/// Appends what `write` does as one message of a COPY.
fn data(out: &mut Outgoing, write: impl FnOnce(&mut BytesMut)) {
    let out = out.buffer();
    out.put_u8(b'd');
    sized(out, write);
}

/// Sends nothing, and says so where there is nothing to send.
pub(super) async fn none(out: &mut Outgoing) -> Sent {
    out.message(PgWireBackendMessage::EmptyQueryResponse(EmptyQueryResponse::new())).await
}
