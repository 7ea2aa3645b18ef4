//! `COPY ... FROM STDIN`: the rows that a client sends become a file among the results, which the function puts into the table.

use std::io::{BufWriter, Write};

use anyhow::Context as _;
use futures::StreamExt as _;
use indicatif::ProgressBar;
use pgwire::messages::PgWireBackendMessage;
use pgwire::messages::PgWireFrontendMessage as Message;
use pgwire::messages::copy::CopyInResponse;
use quack_function::sql::literal;
use quack_function::wire::Params;
use tempfile::NamedTempFile;
use tokio_util::sync::CancellationToken;

use super::copy::{CopyOptions, Form, Target};
use super::decode::Lines;
use super::decode_binary::Tuples;
use super::encode::{Field, WireType};
use super::outgoing::Outgoing;
use super::refusal::{CANCELLED, PROTOCOL, Refusal};
use super::rows::Failed;
use super::run::Ran;
use super::session::Session;
use crate::bucket::upload::{Item, Upload};
use crate::private;

impl Session {
    /// Takes the rows that a client sends, and puts them into a table.
    ///
    /// # Errors
    /// A table or columns that are not there; rows that are not the table's; what the client says; `cancel`. Nothing is changed then.
    pub(super) async fn copy_in(
        &mut self,
        out: &mut Outgoing,
        target: &Target,
        options: &CopyOptions,
        cancel: &CancellationToken,
    ) -> Result<(), Failed> {
        let listed = target.columns.as_deref().unwrap_or("*");
        let select = format!("SELECT {listed} FROM {}", target.name);
        let known = self.known().await.and_then(|known| known.columns(&select, &Params::new(), &self.who()));
        let columns = known.map_err(|error| Failed::Statement(Refusal::of(&error, "")))?;
        let types: Vec<WireType> = columns.iter().map(|column| Field::of(column).wire_type).collect();
        let format = i16::from(options.form == Form::Binary);
        let begin = CopyInResponse::new(format as i8, types.len() as i16, vec![format; types.len()]);
        out.message(PgWireBackendMessage::CopyInResponse(begin)).await?;
        out.flush().await?;
        let file = received(out, Rows::new(options, types), cancel).await?;
        let rows = match file {
            Some(file) => self.put(&file, target, options, cancel).await.map_err(Failed::Statement)?,
            None => 0,
        };
        Ok(out.complete(format!("COPY {rows}")).await?)
    }

    /// Puts the rows of a file into the table; gives how many.
    async fn put(
        &mut self,
        file: &NamedTempFile,
        target: &Target,
        options: &CopyOptions,
        cancel: &CancellationToken,
    ) -> Result<u64, Refusal> {
        let wrong = |error: anyhow::Error| Refusal::of(&error, "");
        let bucket = self.target.bucket.clone();
        let key = format!("{}{}/rows.csv", bucket.layout.results, private::name());
        let bytes = file.as_file().metadata().context("the rows that came are gone").map_err(wrong)?.len();
        let item = Item { path: file.path().to_owned(), key: key.clone(), bytes };
        let mut upload = Upload::new(&bucket, vec![item]);
        let bar = ProgressBar::hidden();
        let uploaded = tokio::select! {
            uploaded = upload.run(&bar) => uploaded.map_err(wrong),
            () = cancel.cancelled() => Err(Refusal::cancelled()),
        };
        let address = format!("s3://{}/{key}", bucket.name);
        let put = match uploaded {
            Ok(()) => self.sql(&statement(target, &address, options), &Params::new(), cancel).await,
            Err(refusal) => Err(refusal),
        };
        upload.undo().await;
        match put {
            Ok(Ran::Done(tag)) => Ok(tag.rsplit(' ').next().and_then(|rows| rows.parse().ok()).unwrap_or_default()),
            Ok(_) => Ok(0),
            // Whoever sent rows knows of no file.
            Err(refusal) => Err(Refusal { message: refusal.message.replace(&address, "STDIN"), ..refusal }),
        }
    }
}

/// The statement that puts what is at `address` into the table.
fn statement(target: &Target, address: &str, options: &CopyOptions) -> String {
    let Target { name, columns } = target;
    let columns = columns.as_ref().map(|columns| format!(" ({columns})")).unwrap_or_default();
    let sign = |byte: u8| literal(&char::from(byte).to_string());
    let (delimiter, quote, escape, null) = match options.form {
        Form::Csv => (options.delimiter, options.quote, options.escape, options.null.as_str()),
        _ => (Lines::DELIMITER, Lines::QUOTE, Lines::QUOTE, Lines::NULL),
    };
    format!(
        "COPY {name}{columns} FROM {} (FORMAT csv, AUTO_DETECT false, HEADER {}, DELIMITER {}, QUOTE {}, ESCAPE {}, NULL {}, \
         ALLOW_QUOTED_NULLS false)",
        literal(address),
        options.header && options.form != Form::Binary,
        sign(delimiter),
        sign(quote),
        sign(escape),
        literal(null),
    )
}

/// Rows of a client's on their way to CSV.
enum Rows {
    Text(Lines),
    /// As they come.
    Csv,
    Binary(Tuples),
}

impl Rows {
    fn new(options: &CopyOptions, types: Vec<WireType>) -> Self {
        match options.form {
            Form::Text => Self::Text(Lines::new(options.delimiter, &options.null)),
            Form::Csv => Self::Csv,
            Form::Binary => Self::Binary(Tuples::new(types)),
        }
    }

    fn take(&mut self, bytes: &[u8], file: &mut impl Write) -> Result<(), Refusal> {
        match self {
            Self::Text(lines) => lines.take(bytes, file).map_err(lost),
            Self::Csv => file.write_all(bytes).map_err(lost),
            Self::Binary(tuples) => tuples.take(bytes, file),
        }
    }

    fn end(self, file: &mut impl Write) -> Result<(), Refusal> {
        match self {
            Self::Text(lines) => lines.end(file).map_err(lost),
            Self::Csv => Ok(()),
            Self::Binary(tuples) => tuples.end(),
        }
    }
}

fn lost(error: std::io::Error) -> Refusal {
    Refusal::new("58030", format!("cannot keep the rows: {error}"))
}

/// What a client sends, as a CSV file; nothing where it sent no rows.
async fn received(
    out: &mut Outgoing,
    mut rows: Rows,
    cancel: &CancellationToken,
) -> Result<Option<NamedTempFile>, Failed> {
    let failed = |error| Failed::Statement(lost(error));
    let mut file = BufWriter::new(NamedTempFile::new().map_err(failed)?);
    loop {
        let message = tokio::select! {
            message = out.socket.next() => message,
            () = cancel.cancelled() => return Err(Failed::Statement(Refusal::cancelled())),
        };
        match message {
            Some(Ok(Message::CopyData(part))) => {
                rows.take(&part.data, &mut file).map_err(Failed::Statement)?;
            }
            Some(Ok(Message::CopyDone(_))) => break,
            Some(Ok(Message::CopyFail(why))) => {
                return Err(Failed::Statement(Refusal::new(
                    CANCELLED,
                    format!("COPY from stdin failed: {}", why.message),
                )));
            }
            // Clients may send these at any time.
            Some(Ok(Message::Flush(_) | Message::Sync(_))) => {}
            Some(Ok(_)) => {
                return Err(Failed::Statement(Refusal::new(PROTOCOL, "unexpected message during COPY from stdin")));
            }
            Some(Err(error)) => return Err(Failed::Connection(error)),
            None => return Err(Failed::Connection(std::io::Error::from(std::io::ErrorKind::UnexpectedEof).into())),
        }
    }
    rows.end(&mut file).map_err(Failed::Statement)?;
    let file = file.into_inner().map_err(|error| failed(error.into_error()))?;
    // A binary COPY without rows has a header, and gives no line.
    Ok((file.as_file().metadata().map_err(failed)?.len() > 0).then_some(file))
}
