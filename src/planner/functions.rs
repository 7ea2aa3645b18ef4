//! Which of a query's functions aggregate, and which give another value each time they are asked.

use std::collections::{BTreeSet, HashMap};

use serde_json::Value;

use super::ast::{self, class, text};
use super::refusal::Refusal;
use super::scratch::Scratch;

/// Names that SQL lets stand without parentheses, so that they look like columns. Their value depends on when, where or
/// by whom they are asked.
const VALUE_NAMES: &[&str] = &[
    "current_date",
    "current_time",
    "current_timestamp",
    "localtime",
    "localtimestamp",
    "current_user",
    "current_role",
    "current_catalog",
    "current_schema",
    "session_user",
    "user",
];

/// Functions that DuckDB calls consistent, although they ask the session they run in.
const ASK_THE_SESSION: &[&str] = &["current_setting", "getenv", "getvariable", "query", "query_table", "version"];

/// Table functions whose rows depend on nothing but their arguments.
const TABLE_FUNCTIONS: &[&str] = &["generate_series", "json_each", "json_tree", "range", "repeat", "unnest"];

/// What the planner must know of a function.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Facts {
    aggregates: bool,
    volatile: bool,
}

/// The functions that a query calls.
#[derive(Debug, Default)]
pub(super) struct Functions {
    known: HashMap<String, Facts>,
}

impl Functions {
    /// Looks up every function that `tree` calls.
    ///
    /// # Errors
    /// DuckDB's.
    pub(super) fn of(scratch: &Scratch, tree: &Value) -> Result<Self, Refusal> {
        let mut functions = Self::default();
        functions.look_up(scratch, called(tree))?;
        Ok(functions)
    }

    fn look_up(&mut self, scratch: &Scratch, names: BTreeSet<String>) -> Result<(), Refusal> {
        let new: Vec<String> = names.into_iter().filter(|name| !self.known.contains_key(name)).collect();
        if new.is_empty() {
            return Ok(());
        }
        for name in &new {
            let volatile = ASK_THE_SESSION.contains(&name.as_str());
            self.known.insert(name.clone(), Facts { volatile, ..Facts::default() });
        }
        for function in scratch.functions(&new)? {
            let mut facts = self.known.get(&function.name).copied().unwrap_or_default();
            facts.aggregates |= function.kind == "aggregate";
            facts.volatile |= !matches!(function.stability.as_str(), "" | "CONSISTENT");
            if let Some(definition) = function.definition.filter(|_| function.kind == "macro") {
                // What a macro does is what it is made of.
                let body = scratch.parse(&format!("SELECT {definition}"))?;
                self.look_up(scratch, called(&body))?;
                facts.aggregates |= ast::child(&body, "select_list").is_some_and(|list| self.aggregates(list));
                facts.volatile |= self.volatile_in(&body).is_some();
            }
            self.known.insert(function.name, facts);
        }
        Ok(())
    }

    fn facts(&self, expression: &Value) -> Facts {
        self.known.get(&text(expression, "function_name").to_lowercase()).copied().unwrap_or_default()
    }

    /// Whether `expression` itself is a call of an aggregate function, or of a macro around one.
    pub(super) fn is_aggregate(&self, expression: &Value) -> bool {
        class(expression) == "FUNCTION" && self.facts(expression).aggregates
    }

    /// Whether `expression` calls an aggregate function, or a macro around one, over a group or over a window.
    pub(super) fn names_aggregate(&self, expression: &Value) -> bool {
        matches!(class(expression), "FUNCTION" | "WINDOW") && self.facts(expression).aggregates
    }

    /// Whether the function `name` aggregates.
    #[cfg(test)]
    pub(super) fn aggregates_by_name(scratch: &Scratch, name: &str) -> bool {
        let mut functions = Self::default();
        functions.look_up(scratch, BTreeSet::from([name.to_owned()])).unwrap();
        functions.known.get(name).is_some_and(|facts| facts.aggregates)
    }

    /// Whether `expression` calls an aggregate function, not counting subqueries.
    pub(super) fn aggregates(&self, expression: &Value) -> bool {
        ast::any(expression, &|object| self.is_aggregate(object))
    }

    /// The first function that may give another value each time, or to each function.
    pub(super) fn volatile_in<'a>(&self, tree: &'a Value) -> Option<&'a str> {
        let mut found = None;
        ast::visit(tree, &mut |object| {
            match class(object) {
                "FUNCTION" | "WINDOW" if self.facts(object).volatile => found = Some(text(object, "function_name")),
                "COLUMN_REF" => {
                    let name = ast::bare_column(object);
                    let name = name.filter(|name| VALUE_NAMES.contains(&name.to_lowercase().as_str()));
                    found = found.or(name);
                }
                _ => {}
            }
            found.is_none()
        });
        found
    }
}

/// Whether the rows of a table function depend on its arguments alone.
pub(super) fn is_pure_table_function(reference: &Value) -> bool {
    let name = ast::child(reference, "function").map(|function| text(function, "function_name").to_lowercase());
    name.is_some_and(|name| TABLE_FUNCTIONS.contains(&name.as_str()))
}

/// The names of all functions in `tree`, in lower case.
fn called(tree: &Value) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    ast::visit(tree, &mut |object| {
        if matches!(class(object), "FUNCTION" | "WINDOW") {
            names.insert(text(object, "function_name").to_lowercase());
        }
        true
    });
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    fn functions(sql: &str) -> (Functions, Value) {
        let scratch = Scratch::open().unwrap();
        let tree = scratch.parse(sql).unwrap();
        (Functions::of(&scratch, &tree).unwrap(), tree)
    }

    #[test]
    fn aggregates_are_told_from_other_functions_and_macros_are_seen_through() {
        let aggregates = |sql: &str| {
            let (functions, tree) = functions(sql);
            functions.aggregates(&tree["select_list"])
        };
        assert!(aggregates("SELECT 1 + SUM(a)"));
        assert!(aggregates("SELECT geometric_mean(a)"));
        assert!(aggregates("SELECT rank() OVER (ORDER BY count(*))"));
        assert!(!aggregates("SELECT nullif(abs(a), list_sum(b))"));
        assert!(!aggregates("SELECT (SELECT sum(a) FROM t)"));
        assert!(!aggregates("SELECT sum(a) OVER ()"));
    }

    #[test]
    fn what_changes_from_call_to_call_is_found() {
        let volatile = |sql: &str| {
            let (functions, tree) = functions(sql);
            functions.volatile_in(&tree).map(ToOwned::to_owned)
        };
        assert_eq!(volatile("SELECT a WHERE b > (SELECT Random())").as_deref(), Some("random"));
        assert_eq!(volatile("SELECT CURRENT_DATE").as_deref(), Some("CURRENT_DATE"));
        assert_eq!(volatile("SELECT now() - a").as_deref(), Some("now"));
        assert_eq!(volatile("SELECT ago(a)").as_deref(), Some("ago"));
        assert_eq!(volatile("SELECT abs(a), nullif(b, c)"), None);
    }
}
