//! The event: from the text of an invocation to an [`Event`], or to an error that quotes what was given.

use crate::failure::Failure;
use crate::names;
use crate::wire::Event;
use serde_json::{Map, Value};

/// Longest piece of what was given that an error quotes, characters.
const QUOTED_CHARS: usize = 80;

/// Reads an event. Fields that it does not know are ignored.
///
/// # Errors
/// `Quack.BadEvent`.
pub fn parse(text: &str) -> Result<Event, Failure> {
    let value: Value =
        serde_json::from_str(text).map_err(|error| bad(format!("the event is not JSON ({error}): {}", quote(text))))?;
    let Value::Object(fields) = value else {
        return Err(bad(format!(
            "the event must be an object such as {{\"q\": \"SELECT 42\"}}, not {}",
            quote(&value.to_string())
        )));
    };
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
