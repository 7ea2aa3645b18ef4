//! The names that the planner makes itself: of tables of partial results, of their columns, and of what it asks its own
//! DuckDB with. A query or a table that has one of them could be mistaken for the planner's, so neither is divided.

use serde_json::Value;

use super::ast::class;

/// The files' bounds as what they are: a row for each file of the table that is being pruned.
pub(super) const BOUNDS: &str = "__bounds";

/// The files' bounds as text.
pub(super) const BOUND_TEXTS: &str = "__bound_texts";

/// A map query whose columns had to be given names of their own.
pub(super) const DERIVED: &str = "__map";

/// The table of partial results; the second is `__partials_2`.
const PARTIALS: &str = "__partials";

/// Columns of partial results, each followed by a number: a value that is grouped by; a value that DISTINCT counts, or
/// that rows are ordered by and that the result leaves out; what a split keeps of an aggregate function; a column that is
/// sent along under another name.
const GROUP_KEY: &str = "__g";
const KEY: &str = "__k";
const STATE: &str = "__p";
const COLUMN: &str = "__c";

/// The table that the fetch with this index fills.
pub(super) fn partials(index: usize) -> String {
    match index {
        0 => PARTIALS.to_owned(),
        more => format!("{PARTIALS}_{}", more + 1),
    }
}

/// The column of a partial aggregate that holds a value that is grouped by.
pub(super) fn group_key(index: usize) -> String {
    format!("{GROUP_KEY}{index}")
}

/// The column that holds a value that DISTINCT counts, or that rows are ordered by and that the result leaves out.
pub(super) fn key(index: usize) -> String {
    format!("{KEY}{index}")
}

/// The column of a partial aggregate that holds what a split keeps of an aggregate function.
pub(super) fn partial_state(index: usize) -> String {
    format!("{STATE}{index}")
}

/// A column that is only sent along under this name.
pub(super) fn column(index: usize) -> String {
    format!("{COLUMN}{index}")
}

/// Whether `name` is, in any case, one that the planner gives itself.
pub(super) fn is_reserved(name: &str) -> bool {
    let name = name.to_lowercase();
    let is_numbered = |prefix: &str| {
        let number = name.strip_prefix(prefix);
        number.is_some_and(|number| !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit()))
    };
    [BOUNDS, BOUND_TEXTS, DERIVED].contains(&name.as_str())
        || name.starts_with(PARTIALS)
        || [GROUP_KEY, KEY, STATE, COLUMN].into_iter().any(is_numbered)
}

/// The first name in a syntax tree that is reserved, whatever it names; constants name nothing.
pub(super) fn reserved_in(tree: &Value) -> Option<&str> {
    match tree {
        Value::String(text) => Some(text.as_str()).filter(|text| is_reserved(text)),
        Value::Array(values) => values.iter().find_map(reserved_in),
        Value::Object(fields) => fields
            .iter()
            .filter(|(key, _)| *key != "value" || class(tree) != "CONSTANT")
            .find_map(|(_, value)| reserved_in(value)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_that_is_given_is_reserved() {
        for name in [partials(0), partials(1), group_key(0), key(12), partial_state(3), column(7)] {
            assert!(is_reserved(&name) && is_reserved(&name.to_uppercase()), "{name}");
        }
        for name in [BOUNDS, BOUND_TEXTS, DERIVED] {
            assert!(is_reserved(name), "{name}");
        }
        for name in ["__count", "__g", "__key1a", "my__g0", "bounds", ""] {
            assert!(!is_reserved(name), "{name}");
        }
    }
}
