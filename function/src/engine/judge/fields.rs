//! Looking at the JSON of a syntax tree: what is not known good is refused.

use crate::engine::Failure;
use serde_json::{Map, Value};

/// An object of the tree.
pub(super) type Object = Map<String, Value>;

/// A part of the tree that this function does not know, which may be anything.
pub(super) fn unknown(what: &str) -> Failure {
    let what: String = what.chars().take(80).collect();
    Failure::refused(&format!("SQL with {what:?}"), "the function does not know what it may do")
}

/// The object that `value` is.
pub(super) fn object(value: &Value) -> Result<&Object, Failure> {
    value.as_object().ok_or_else(|| unknown("no object"))
}

/// Refuses fields beside `known`.
pub(super) fn only(object: &Object, known: &[&str]) -> Result<(), Failure> {
    match object.keys().find(|field| !known.contains(&field.as_str())) {
        Some(field) => Err(unknown(field)),
        None => Ok(()),
    }
}

/// A field that must be a text.
pub(super) fn text<'v>(object: &'v Object, field: &str) -> Result<&'v str, Failure> {
    object.get(field).and_then(Value::as_str).ok_or_else(|| unknown(field))
}

/// A field that must be a list.
pub(super) fn list<'v>(object: &'v Object, field: &str) -> Result<&'v [Value], Failure> {
    object.get(field).and_then(Value::as_array).map(Vec::as_slice).ok_or_else(|| unknown(field))
}

/// A field that must be there.
pub(super) fn field<'v>(object: &'v Object, field: &str) -> Result<&'v Value, Failure> {
    object.get(field).ok_or_else(|| unknown(field))
}

/// A field that may be absent or null.
pub(super) fn optional<'v>(object: &'v Object, field: &str) -> Option<&'v Value> {
    object.get(field).filter(|value| !value.is_null())
}

/// Refuses a text that is none of `known`.
pub(super) fn one_of(text: &str, known: &[&str]) -> Result<(), Failure> {
    if known.contains(&text) { Ok(()) } else { Err(unknown(text)) }
}

/// Refuses a list that is not made of texts.
pub(super) fn texts(object: &Object, field: &str) -> Result<(), Failure> {
    if list(object, field)?.iter().all(Value::is_string) { Ok(()) } else { Err(unknown(field)) }
}
