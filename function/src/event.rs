//! The event: from the text of an invocation to an [`Event`], or to an error that quotes what was given.

use crate::failure::Failure;
use crate::wire::Event;
use crate::{names, url};
use serde_json::{Map, Value};

/// Longest piece of what was given that an error quotes, characters.
const QUOTED_CHARS: usize = 80;

/// What an invocation brought.
#[derive(Debug)]
pub struct Received {
    /// The event, or `Quack.BadEvent`.
    pub event: Result<Event, Failure>,
    /// It came by the function's URL, which wants its answer as HTTP has it.
    pub by_url: bool,
}

impl Received {
    /// Takes in the text of an invocation: an event, or the request of a function URL that carries one.
    pub fn of(text: &str) -> Self {
        let request = match object(text) {
            Ok(fields) if url::is_request(&fields) => fields,
            Ok(fields) => return Self { event: of_fields(fields), by_url: false },
            Err(failure) => return Self { event: Err(failure), by_url: false },
        };
        let event = url::body(&request).and_then(|body| parse(&body)).map(|mut event| {
            // What Lambda knows of who asks wins over what is claimed.
            event.who.user = url::caller(&request).unwrap_or(event.who.user);
            event
        });
        Self { event, by_url: true }
    }
}

/// Reads an event. Fields that it does not know are ignored.
///
/// # Errors
/// `Quack.BadEvent`.
pub fn parse(text: &str) -> Result<Event, Failure> {
    of_fields(object(text)?)
}

fn object(text: &str) -> Result<Map<String, Value>, Failure> {
    let value: Value =
        serde_json::from_str(text).map_err(|error| bad(format!("the event is not JSON ({error}): {}", quote(text))))?;
    match value {
        Value::Object(fields) => Ok(fields),
        value => Err(bad(format!(
            "the event must be an object such as {{\"q\": \"SELECT 42\"}}, not {}",
            quote(&value.to_string())
        ))),
    }
}

fn of_fields(fields: Map<String, Value>) -> Result<Event, Failure> {
    check_sql(&fields)?;
    check_limit(&fields)?;
    check_result(&fields)?;
    // An empty field means its default, as an absent one does.
    let fields = fields.into_iter().filter(|(_, value)| !value.is_null()).collect();
    serde_json::from_value(Value::Object(fields)).map_err(|error| bad(format!("the event is malformed: {error}")))
}

fn check_sql(fields: &Map<String, Value>) -> Result<(), Failure> {
    match fields.get("q") {
        Some(Value::String(_)) => Ok(()),
        Some(other) => Err(bad(format!("`q` must be SQL in a string, not {}", quote(&other.to_string())))),
        None => {
            let given: Vec<_> = fields.keys().map(String::as_str).collect();
            let given =
                if given.is_empty() { "no fields".to_owned() } else { format!("only {}", quote(&given.join(", "))) };
            Err(bad(format!("`q`, the SQL, is missing: the event has {given}")))
        }
    }
}

fn check_limit(fields: &Map<String, Value>) -> Result<(), Failure> {
    match fields.get("limit") {
        None | Some(Value::Null) => Ok(()),
        Some(limit) if limit.as_u64().is_some() => Ok(()),
        Some(limit) => Err(bad(format!(
            "`limit` must be a whole number from 0 to {}, not {}; for every row send \"all\": true",
            u64::MAX,
            quote(&limit.to_string()),
        ))),
    }
}

fn check_result(fields: &Map<String, Value>) -> Result<(), Failure> {
    match fields.get("result") {
        None | Some(Value::Null) => Ok(()),
        Some(Value::String(name)) if names::is_result(name) => Ok(()),
        Some(other) => Err(bad(format!(
            "`result` must be 32 hexadecimal digits in small letters, not {}",
            quote(&other.to_string())
        ))),
    }
}

fn bad(message: String) -> Failure {
    Failure::new("Quack.BadEvent", message)
}

fn quote(given: &str) -> String {
    match given.char_indices().nth(QUOTED_CHARS) {
        Some((end, _)) => format!("{}...", &given[..end]),
        None => given.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::{Encoding, Spill};

    #[track_caller]
    fn refuses(event: &str, message: &str) {
        let failure = parse(event).expect_err(event);
        assert_eq!(failure.error_type, "Quack.BadEvent");
        assert!(failure.message.contains(message), "{event}: {failure}");
    }

    #[test]
    fn old_events_hold() {
        let event = parse(r#"{"q": "SELECT 42", "limit": 1, "extra": {"x": 1}}"#).unwrap();
        assert_eq!((event.q.as_str(), event.limit, event.all), ("SELECT 42", Some(1), false));
        assert_eq!((event.format, event.spill), (Encoding::Json, Spill::Auto));
        assert_eq!(parse(r#"{"q": "x", "limit": null, "format": null}"#).unwrap().limit, None);
        assert_eq!(parse(r#"{"q": "x", "limit": 18446744073709551615}"#).unwrap().limit, Some(u64::MAX));
    }

    #[test]
    fn a_request_brings_an_event_and_who_sent_it() {
        let request = |body: &str| {
            let caller = r#"{"iam": {"userArn": "arn:aws:iam::1:user/ann"}}"#;
            format!(
                r#"{{"rawPath": "/", "requestContext": {{"http": {{}}, "authorizer": {caller}}}, "body": {body:?}}}"#
            )
        };
        let received = Received::of(&request(r#"{"q": "SELECT 42", "who": {"user": "bea"}}"#));
        assert_eq!((received.by_url, received.event.unwrap().who.user.as_str()), (true, "arn:aws:iam::1:user/ann"));
        let received = Received::of(&request("SELECT 42"));
        assert!(received.by_url && received.event.unwrap_err().message.contains("is not JSON"));
        let received = Received::of(r#"{"q": "SELECT 42", "who": {"user": "bea"}}"#);
        assert_eq!((received.by_url, received.event.unwrap().who.user.as_str()), (false, "bea"));
        assert!(!Received::of("7").by_url);
    }

    #[test]
    fn malformed_events_are_quoted() {
        refuses("{\"q\": ", "is not JSON");
        refuses("\"SELECT 42\"", "not \"SELECT 42\"");
        refuses("[1]", "not [1]");
        refuses("{}", "`q`, the SQL, is missing: the event has no fields");
        refuses(r#"{"sql": "x"}"#, "the event has only sql");
        refuses(r#"{"q": 42}"#, "not 42");
        refuses(r#"{"q": null}"#, "not null");
        for limit in ["-1", "1.5", "18446744073709551616", "\"20\"", "true", "[]"] {
            refuses(&format!(r#"{{"q": "x", "limit": {limit}}}"#), &format!("not {limit}"));
        }
        refuses(r#"{"q": "x", "format": "xml"}"#, "xml");
        for result in ["\"../x\"", "\"\"", "1", "\"0123456789ABCDEF0123456789ABCDEF\""] {
            refuses(&format!(r#"{{"q": "x", "result": {result}}}"#), "`result` must be 32 hexadecimal digits");
        }
        refuses(&format!("\"{}\"", "x".repeat(1000)), "xxx...");
    }
}
