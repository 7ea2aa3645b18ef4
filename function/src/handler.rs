//! One invocation: bytes in, a response or a failure out.

use chrono::Utc;
use lambda_runtime::{Diagnostic, LambdaEvent};
use quack_function::engine::{Engine, Failure, Outcome};
use quack_function::event::Received;
use quack_function::record::Record;
use quack_function::url::Refusal;
use quack_function::wire::{Column, Event, Metadata, PAYLOAD_LIMIT_BYTES, Response};
use serde::Serialize;
use std::io::{self, Write as _};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};

/// What braces, field names and numbers of a response take at most, beside the query, the columns and the rows.
const ENVELOPE_BYTES: usize = 1024;

/// What an invocation gives.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub(crate) enum Answer {
    Response(Box<Response>),
    /// Of a request that came by the function's URL, and failed.
    Refusal(Refusal),
}

/// Answers the invocations of one instance, one at a time.
pub(crate) struct Handler {
    engine: Engine,
    init: Duration,
    warm: bool,
}

impl Handler {
    /// A handler that has taken `init` to get ready.
    pub(crate) fn new(engine: Engine, init: Duration) -> Self {
        Self { engine, init, warm: false }
    }

    /// Answers one invocation, and writes its line to the log. A panic is an error of this invocation, not the end of the
    /// instance.
    ///
    /// # Errors
    /// Lambda's `errorType` and `errorMessage`.
    pub(crate) fn handle(&mut self, event: &LambdaEvent<String>) -> Result<Answer, Diagnostic> {
        let (started, time) = (Instant::now(), Utc::now());
        let warm = std::mem::replace(&mut self.warm, true);
        let request_id = &event.context.request_id;
        let Received { event, by_url } = Received::of(&event.payload);
        let mut record = Record::begun(request_id, time, event.as_ref().ok(), self.engine.logs_sql());
        let answer = event.and_then(|event| {
            let answer = || self.answer(event, request_id, &mut record);
            catch_unwind(AssertUnwindSafe(answer)).unwrap_or_else(|_| {
                Err(Failure::new("Quack.InternalError", "the function panicked; its log says where"))
            })
        });
        record.time_ms = started.elapsed().as_millis() as u64;
        record.warm = warm;
        record.error = answer.as_ref().err().map(|failure| failure.error_type.clone());
        // Whoever asked gets the answer also where nobody takes the line.
        let _ = io::stdout().lock().write_all(record.line().as_bytes());
        let (engine, init_ms) = (self.engine.version().to_owned(), self.init.as_secs_f64() * 1000.0);
        match answer {
            Ok((query, outcome)) => Ok(Answer::Response(Box::new(Response {
                metadata: Metadata {
                    time_ms: record.time_ms,
                    epoch_ms: time.timestamp_millis().unsigned_abs(),
                    event_id: request_id.clone(),
                    query,
                    warm,
                    rows: outcome.rows,
                    bytes: outcome.bytes,
                    truncated: outcome.truncated,
                    engine,
                    version: Some(env!("CARGO_PKG_VERSION").to_owned()),
                    init_ms,
                    columns: outcome.columns,
                },
                data: outcome.data,
            }))),
            Err(failure) if by_url => Ok(Answer::Refusal(Refusal::of(&failure))),
            Err(Failure { error_type, message }) => Err(Diagnostic { error_type, error_message: message }),
        }
    }

    /// The event's SQL and what it gives, which the `record` tells of, too.
    fn answer(&mut self, event: Event, request_id: &str, record: &mut Record) -> Result<(String, Outcome), Failure> {
        let query_bytes = json_bytes(&event.q);
        let room_bytes = |columns: &[Column]| {
            PAYLOAD_LIMIT_BYTES.saturating_sub(ENVELOPE_BYTES + request_id.len() + query_bytes + json_bytes(columns))
        };
        let outcome = self.engine.run(&event, request_id, room_bytes)?;
        (record.rows, record.bytes) = (outcome.rows, outcome.bytes);
        record.read(outcome.tables.iter().map(String::as_str));
        Ok((event.q, outcome))
    }
}

/// How many bytes `value` takes as JSON.
fn json_bytes(value: &(impl serde::Serialize + ?Sized)) -> usize {
    serde_json::to_vec(value).map_or(0, |json| json.len())
}
