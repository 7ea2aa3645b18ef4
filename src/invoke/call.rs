//! One invocation of the function: sent, retried while it is throttled, answered.

use std::pin::pin;
use std::time::{Duration, Instant};

use anyhow::Result;
use aws_sdk_lambda::config::retry::RetryConfig;
use aws_sdk_lambda::config::{Config, StalledStreamProtectionConfig};
use aws_sdk_lambda::operation::invoke::InvokeError;
use aws_sdk_lambda::primitives::Blob;
use aws_sdk_lambda::types::LogType;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use quack_function::wire::{Destination, Event, PAYLOAD_LIMIT_BYTES};
use rand::Rng as _;
use tokio_util::sync::CancellationToken;

use super::cost::Report;
use super::fault;
use super::pending::Pending;
use crate::cloud::Target;
use crate::console::context::Context;
use crate::error::{failure, interrupted};

/// How long a throttled invocation is tried again.
pub(crate) const PATIENCE: Duration = Duration::from_secs(600);
/// How long it is waited for a function at its limit before that is said.
pub(crate) const SILENCE: Duration = Duration::from_secs(2);
/// The first pause after a throttled invocation; it doubles up to the last one.
const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LAST_PAUSE: Duration = Duration::from_secs(5);

/// What is said of it.
pub(crate) const WAITING: &str = "note: the function is at its concurrency limit; waiting until it is free";

/// What Lambda answered.
pub(crate) struct Invoked {
    pub payload: Vec<u8>,
    /// The payload is an error object.
    pub failed: bool,
    pub report: Option<Report>,
}

/// Why an invocation has no answer.
pub(crate) enum Refused {
    /// The function is at its concurrency limit: later it may be taken.
    Throttled,
    /// Something on the way failed; whether the function ran is not known. The same invocation may succeed.
    Lost(anyhow::Error),
    /// It will not get better by itself.
    Never(anyhow::Error),
}

/// An event on its way: encoded once, however often it is sent.
#[derive(Debug, Clone)]
pub(crate) struct Payload(Vec<u8>);

impl Payload {
    /// # Errors
    /// An event that is larger than an invocation can carry.
    pub(crate) fn new(event: &Event) -> Result<Self> {
        let payload = serde_json::to_vec(event)?;
        if payload.len() + NAME_BYTES > PAYLOAD_LIMIT_BYTES {
            return Err(failure(
                format!(
                    "the query and the file lists of its tables take {} bytes; an invocation carries {PAYLOAD_LIMIT_BYTES}",
                    payload.len()
                ),
                "load the table again with a coarser --partition-by, or shorten the SQL",
            ));
        }
        Ok(Self(payload))
    }

    /// The event, with the name of the result that it may be answered with.
    fn named(&self, result: &Pending<'_>) -> Blob {
        Blob::new(self.with("result", &result.name().into()))
    }

    /// The event, with its rows to be written in the place of `result`, in a folder that the address of `into` is relative to.
    pub(crate) fn writing(&self, into: &Destination, result: &Pending<'_>) -> Self {
        let uri = result.address(&into.uri).trim_end_matches('/').to_owned();
        Self(self.with("into", &serde_json::json!({ "uri": uri, "format": into.format, "options": into.options })))
    }

    /// The event with one field more.
    fn with(&self, name: &str, value: &serde_json::Value) -> Vec<u8> {
        let mut event = self.0.clone();
        // The closing bracket.
        event.pop();
        event.extend_from_slice(format!(",\"{name}\":{value}}}").as_bytes());
        event
    }
}

/// What a result's name adds to an event.
const NAME_BYTES: usize = 64;

/// Sends `event` and waits for the answer, as long as it is throttled again and again. The answer's result is the one that
/// is given back with it; without an answer, none is left.
///
/// # Errors
/// What Lambda's API refuses, a connection that fails, `cancel`. An error of the function itself is an answer.
pub(crate) async fn invoke<'a>(
    context: &Context,
    target: &'a Target,
    event: &Event,
    cancel: &CancellationToken,
) -> Result<(Invoked, Pending<'a>)> {
    let payload = Payload::new(event)?;
    let started = Instant::now();
    let mut said = false;
    let mut turn = tokio::select! {
        turn = target.turns.next(LAST_PAUSE) => turn,
        () = cancel.cancelled() => return Err(interrupted("interrupted")),
    };
    for attempt in 0.. {
        let result = Pending::new(&target.bucket);
        let mut sent = pin!(send(target, &payload, &result));
        let answer = tokio::select! {
            answer = &mut sent => answer,
            () = cancel.cancelled() => {
                result.withdraw(sent).await;
                return Err(interrupted("interrupted"));
            }
        };
        match answer {
            Ok(invoked) => return Ok((invoked, result.clone())),
            Err(Refused::Throttled) if started.elapsed() > PATIENCE => return Err(fault::throttled()),
            Err(Refused::Throttled) => {}
            Err(Refused::Lost(error)) => {
                result.leave().await;
                result.remove(false).await;
                return Err(error);
            }
            Err(Refused::Never(error)) => return Err(error),
        }
        if !said && started.elapsed() > SILENCE {
            context.say(WAITING);
            said = true;
        }
        let pause = pause_before(attempt);
        context
            .detail(format_args!("the function is at its concurrency limit; trying again in {} ms", pause.as_millis()));
        turn = tokio::select! {
            turn = target.turns.again(turn, pause) => turn,
            () = cancel.cancelled() => return Err(interrupted("interrupted")),
        };
    }
    unreachable!("the loop above only ends by returning")
}

/// Sends an event once, when it is its turn; a result that is spilled is to be `result`.
///
/// # Errors
/// What Lambda's API refuses, and a connection that fails. An error of the function itself is an answer.
pub(crate) async fn once(target: &Target, payload: &Payload, result: &Pending<'_>) -> Result<Invoked, Refused> {
    let turn = target.turns.next(LAST_PAUSE).await;
    let answer = send(target, payload, result).await;
    if matches!(answer, Err(Refused::Throttled)) {
        turn.refused();
    }
    answer
}

async fn send(target: &Target, payload: &Payload, result: &Pending<'_>) -> Result<Invoked, Refused> {
    // The SDK must not try again by itself: a query whose connection broke may well be running still. And it is no
    // stalled stream when the function is busy for minutes.
    let config = Config::builder()
        .retry_config(RetryConfig::disabled())
        .stalled_stream_protection(StalledStreamProtectionConfig::disabled());
    let invoke = target.lambda.invoke().function_name(&target.function).log_type(LogType::Tail);
    match invoke.payload(payload.named(result)).customize().config_override(config).send().await {
        Ok(output) => Ok(Invoked {
            failed: output.function_error.is_some(),
            report: output.log_result.as_deref().and_then(report_of),
            payload: output.payload.map(Blob::into_inner).unwrap_or_default(),
        }),
        Err(error) => Err(match error.as_service_error() {
            Some(InvokeError::TooManyRequestsException(_)) => Refused::Throttled,
            // No answer at all, an answer that broke off, or trouble of Lambda's own.
            None | Some(InvokeError::ServiceException(_)) => Refused::Lost(fault::of_service(&error, &target.function)),
            Some(_) if error.raw_response().is_some_and(|response| response.status().is_server_error()) => {
                Refused::Lost(fault::of_service(&error, &target.function))
            }
            Some(_) => Refused::Never(fault::of_service(&error, &target.function)),
        }),
    }
}

/// How long to wait before `attempt`, the first of which is 0.
pub(crate) fn pause_before(attempt: u32) -> Duration {
    pause(attempt, rand::rng().random())
}

/// The same with a chance of 0 to 1: exponential, with half of it left to chance so that callers who were refused together do not
/// return together.
pub(crate) fn pause(attempt: u32, chance: f64) -> Duration {
    let most = FIRST_PAUSE.saturating_mul(1 << attempt.min(10)).min(LAST_PAUSE);
    most.mul_f64(0.5 + chance / 2.0)
}

fn report_of(log_tail: &str) -> Option<Report> {
    let log = STANDARD.decode(log_tail).ok()?;
    Report::find_in(&String::from_utf8_lossy(&log))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_and_stay_bounded() {
        for attempt in [0, 1, 5, 30, u32::MAX] {
            let pause = pause_before(attempt);
            assert!(pause >= FIRST_PAUSE / 2 && pause <= LAST_PAUSE, "attempt {attempt}: {pause:?}");
        }
        assert!(pause_before(30) >= LAST_PAUSE / 2);
    }
}
