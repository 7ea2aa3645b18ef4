//! A DuckDB of the command line's own on a thread, whose rows are an iterator of batches. DuckDB's statement borrows its
//! connection; a thread that owns both reads ahead while the batch before is being written.

use std::sync::mpsc::{Receiver, sync_channel};
use std::thread::JoinHandle;

use anyhow::{Result, anyhow};
use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use duckdb::Connection;

use crate::error::failure;

/// How such a DuckDB is set: every type kept in Arrow, no word of its own on the terminal, and a chunk at a time that waits to
/// be taken. DuckDB counts 16 bytes of a text, however long it is, and a megabyte of such can be the whole result.
pub(crate) const SETTINGS: &str = "SET arrow_lossless_conversion = true; SET enable_progress_bar = false; \
                                   SET streaming_buffer_size = '16 bytes'";

/// Threads that such a DuckDB runs.
pub(crate) const THREADS: u32 = 2;

/// What comes from the thread: first the schema, then batches.
pub(crate) enum Piece {
    Schema(SchemaRef),
    Batch(RecordBatch),
}

/// Takes a piece; false when nobody wants more.
pub(crate) type Sink<'a> = &'a mut dyn FnMut(Piece) -> bool;

/// Runs `work` on a thread and gives the schema that it sends first, and then the batches. One batch is in the channel,
/// one at each end.
///
/// # Errors
/// What `work` fails with before it sends a schema; later errors come from the batches.
pub(crate) fn on_thread(work: impl FnOnce(Sink<'_>) -> Result<()> + Send + 'static) -> Result<(SchemaRef, Batches)> {
    let (sender, receiver) = sync_channel(1);
    let thread = std::thread::spawn(move || {
        if let Err(error) = work(&mut |piece| sender.send(Ok(piece)).is_ok()) {
            // A receiver that is gone does not want to know.
            let _ = sender.send(Err(error));
        }
    });
    let mut batches = Batches { receiver: Some(receiver), thread: Some(thread) };
    match batches.receive().transpose()? {
        Some(Piece::Schema(schema)) => Ok((schema, batches)),
        _ => Err(broken("it told no columns")),
    }
}

/// How often a query is run whose failure has lost its reason.
const MOST_RUNS: usize = 4;

/// Runs `sql` and sends its schema and then its batches, until nobody wants more.
///
/// # Errors
/// DuckDB's, in its own words. Of a query that fails in one thread while another waits with rows to be fetched, DuckDB may
/// tell no more than that it was interrupted, though nobody did: such a one is run again for its reason.
pub(crate) fn send(connection: &Connection, sql: &str, send: Sink<'_>) -> Result<()> {
    let mut sent = run(connection, sql, send);
    for _ in 1..MOST_RUNS {
        match &sent {
            Err(error) if error.to_string().starts_with("INTERRUPT Error") => {}
            _ => break,
        }
        // Nothing is sent twice. One that ends well now had no reason of its own to fail.
        sent = run(connection, sql, &mut |_| true).and(sent);
    }
    sent
}

/// Runs `sql` once.
fn run(connection: &Connection, sql: &str, send: Sink<'_>) -> Result<()> {
    let mut statement = connection.prepare(sql)?;
    let schema = statement.stream_arrow([])?.get_schema();
    if !send(Piece::Schema(schema.clone())) {
        return Ok(());
    }
    while let Some(chunk) = statement.step()? {
        let batch = RecordBatch::try_new(schema.clone(), chunk.columns().to_vec())?;
        if !send(Piece::Batch(batch)) {
            break;
        }
    }
    Ok(())
}

fn broken(what: &str) -> anyhow::Error {
    failure(format!("the command line's own DuckDB failed: {what}"), "run the query again")
}

/// Batches from the thread. Dropped, it waits for the thread.
pub(crate) struct Batches {
    receiver: Option<Receiver<Result<Piece>>>,
    thread: Option<JoinHandle<()>>,
}

impl Batches {
    fn receive(&mut self) -> Option<Result<Piece>> {
        if let Ok(piece) = self.receiver.as_ref()?.recv() {
            return Some(piece);
        }
        self.receiver = None;
        self.thread.take()?.join().err().map(|_| Err(broken("it ended before the rows did")))
    }
}

impl Iterator for Batches {
    type Item = Result<RecordBatch>;

    fn next(&mut self) -> Option<Self::Item> {
        match self.receive()? {
            Ok(Piece::Batch(batch)) => Some(Ok(batch)),
            Ok(Piece::Schema(_)) => Some(Err(anyhow!("DuckDB told its columns twice"))),
            Err(error) => {
                self.receiver = None;
                Some(Err(error))
            }
        }
    }
}

impl Drop for Batches {
    fn drop(&mut self) {
        self.receiver = None;
        if let Some(thread) = self.thread.take() {
            // What it panicked with has been told, or nobody wants the rows any more.
            let _ = thread.join();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_more_is_read_ahead_than_a_few_chunks() {
        let connection = Connection::open_in_memory().unwrap();
        connection.execute_batch(&format!("{SETTINGS}; CREATE SEQUENCE made")).unwrap();
        let sql = "SELECT nextval('made') AS n, repeat('x', 1000) AS wide FROM range(200_000)";
        let sent = send(&connection, sql, &mut |piece| matches!(piece, Piece::Schema(_)));
        sent.unwrap();
        let made: u64 = connection.query_row("SELECT currval('made')", [], |row| row.get(0)).unwrap();
        assert!((2048..=5 * 2048).contains(&made), "{made} rows for the first batch");
    }

    #[test]
    fn a_query_that_fails_in_any_thread_says_why() {
        let connection = Connection::open_in_memory().unwrap();
        connection.execute_batch(&format!("{SETTINGS}; SET threads = {THREADS}")).unwrap();
        for at in 0..200 {
            let at = 100_000 + 1_000 * at;
            let sql =
                format!("SELECT if(range = {at}, error('midway'), 'some text, ' || range) AS s FROM range(1000000)");
            let mut rows = 0;
            let sent = send(&connection, &sql, &mut |piece| {
                // Somebody who takes time over a batch: the other thread fails meanwhile.
                if let Piece::Batch(batch) = piece {
                    rows += format!("{batch:?}").len();
                }
                true
            });
            let error = sent.unwrap_err().to_string();
            assert!(error.contains("midway"), "{at}, {rows}: {error}");
        }
    }
}
