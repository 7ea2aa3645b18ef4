//! One invocation: bytes in, a response or a failure out.

use lambda_runtime::{Diagnostic, LambdaEvent};
use quack_function::engine::{Engine, Failure, Outcome};
use quack_function::event;
use quack_function::wire::{Column, Metadata, PAYLOAD_LIMIT_BYTES, Response};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant, SystemTime};

/// What braces, field names and numbers of a response take at most, beside the query, the columns and the rows.
const ENVELOPE_BYTES: usize = 1024;

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

    /// Answers one invocation. A panic is an error of this invocation, not the end of the instance.
    ///
    /// # Errors
    /// Lambda's `errorType` and `errorMessage`.
    pub(crate) fn handle(&mut self, event: &LambdaEvent<String>) -> Result<Response, Diagnostic> {
        catch_unwind(AssertUnwindSafe(|| self.answer(event)))
            .unwrap_or_else(|_| Err(Failure::new("Quack.InternalError", "the function panicked; its log says where")))
            .map_err(|failure| Diagnostic { error_type: failure.error_type, error_message: failure.message })
    }

    fn answer(&mut self, lambda_event: &LambdaEvent<String>) -> Result<Response, Failure> {
        let (started, epoch) = (Instant::now(), SystemTime::UNIX_EPOCH.elapsed().unwrap_or_default());
        let warm = std::mem::replace(&mut self.warm, true);
        let event = event::parse(&lambda_event.payload)?;
        let request_id = &lambda_event.context.request_id;
        let query_bytes = json_bytes(&event.q);
        let room_bytes = |columns: &[Column]| {
            PAYLOAD_LIMIT_BYTES.saturating_sub(ENVELOPE_BYTES + request_id.len() + query_bytes + json_bytes(columns))
        };
        let Outcome { data, columns, rows, bytes, truncated } = self.engine.run(&event, request_id, room_bytes)?;
        let metadata = Metadata {
            time_ms: started.elapsed().as_millis() as u64,
            epoch_ms: epoch.as_millis() as u64,
            event_id: request_id.clone(),
            query: event.q,
            warm,
            rows,
            bytes,
            truncated,
            engine: self.engine.version().to_owned(),
            version: Some(env!("CARGO_PKG_VERSION").to_owned()),
            init_ms: self.init.as_secs_f64() * 1000.0,
            columns,
        };
        Ok(Response { metadata, data })
    }
}

/// How many bytes `value` takes as JSON.
fn json_bytes(value: &(impl serde::Serialize + ?Sized)) -> usize {
    serde_json::to_vec(value).map_or(0, |json| json.len())
}
