//! The judge of SQL: DuckDB's own parser makes the syntax tree, and only trees that hold nothing but what is known good
//! are run. What was judged is, to the byte, what is run.
//!
//! The parser is that of `json_serialize_sql`, which no setting of a connection reaches.

mod expression;
mod fields;
#[cfg(test)]
mod judge_test;
mod names;
mod query;
mod value;

use super::access::Access;
use super::raw::{Connection, Database, Prepared};
use crate::failure::Failure;
pub(crate) use names::no_table;
use query::Walk;
use serde::Deserialize;
use serde_json::Value;
use std::collections::BTreeSet;

/// Trees that are nested no deeper are walked on the caller's own stack.
const SHALLOW: usize = 200;

/// Deepest nesting of a tree's JSON: DuckDB's parser stops at expressions 1,000 deep, of three levels each.
const MAX_DEPTH: usize = 6_000;

/// Stack for the deepest tree, bytes.
const STACK_BYTES: usize = 64 << 20;

/// Most texts of SQL inside of SQL.
const MAX_NESTED: usize = 100;

/// What was found about a text of SQL.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Judgement {
    /// It is one SELECT, and may be run.
    Select(Named),
    /// It is no SELECT, or not only one.
    Other,
    /// DuckDB's parser does not take it.
    Malformed,
}

/// What a SELECT says of tables that it does not define itself; names are in lower case.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Named {
    /// Those of the event that it names.
    pub(crate) tables: BTreeSet<String>,
    /// Names that are none of the event's: tables of the lake, views of DuckDB's own, or nothing.
    pub(crate) unknown: BTreeSet<String>,
    /// It asks which tables there are, or what columns they have.
    pub(crate) lists: bool,
    /// All of these names, as often as they come.
    pub(crate) references: Vec<String>,
}

impl Named {
    pub(crate) fn extend(&mut self, other: Self) {
        self.tables.extend(other.tables);
        self.unknown.extend(other.unknown);
        self.lists |= other.lists;
        self.references.extend(other.references);
    }
}

/// Judges SQL, on a connection of its own.
pub(crate) struct Judge {
    serialize: Prepared,
    access: Access,
    _connection: Connection,
}

/// What `json_serialize_sql` gives.
#[derive(Deserialize)]
struct Serialized {
    error: bool,
    #[serde(default)]
    error_type: String,
    #[serde(default)]
    statements: Vec<Value>,
}

impl Judge {
    /// A judge that lets SQL read and write where `access` does.
    ///
    /// # Errors
    /// When DuckDB has no `json_serialize_sql`.
    pub(crate) fn new(database: &Database, access: Access) -> Result<Self, Failure> {
        let connection = database.connect()?;
        let serialize = connection.prepare("SELECT json_serialize_sql($1::VARCHAR)::VARCHAR")?;
        Ok(Self { serialize, access, _connection: connection })
    }

    /// Where SQL may read and write.
    pub(crate) fn access(&self) -> &Access {
        &self.access
    }

    /// Judges `sql`, which may name the `tables` (in lower case) of the event.
    ///
    /// # Errors
    /// `Quack.SandboxError`, naming what is refused; `DuckDB.*` for a function or a type that does not exist.
    pub(crate) fn judge(&self, sql: &str, tables: &BTreeSet<String>) -> Result<Judgement, Failure> {
        let mut named = Named::default();
        let (mut texts, mut next) = (vec![sql.to_owned()], 0);
        while let Some(text) = texts.get(next) {
            let json = self.serialize(text)?;
            match walk(&json, &self.access, tables)? {
                Some(found) => {
                    named.extend(found.named);
                    texts.extend(found.texts);
                }
                None if next == 0 => return Ok(if is_other(&json) { Judgement::Other } else { Judgement::Malformed }),
                None => return Err(Failure::refused("query() of anything but one SELECT", "query() runs a SELECT")),
            }
            if texts.len() > MAX_NESTED {
                return Err(Failure::refused("query() inside of so many others", "write the query itself"));
            }
            next += 1;
        }
        Ok(Judgement::Select(named))
    }

    /// The syntax tree of `sql`, as JSON.
    fn serialize(&self, sql: &str) -> Result<String, Failure> {
        if sql.contains('\0') {
            return Err(Failure::new("DuckDB.ParserError", "the SQL holds a NUL character"));
        }
        self.serialize.bind_text(1, Some(sql))?;
        let chunk = self.serialize.stream()?.fetch()?;
        chunk.and_then(|chunk| chunk.first_text()).ok_or_else(|| internal("DuckDB gave no syntax tree"))
    }
}

/// What a walk found.
struct Found {
    named: Named,
    /// SQL that the SELECT runs from a text.
    texts: Vec<String>,
}

/// Walks a tree; `None` when it is not that of one SELECT.
fn walk(json: &str, access: &Access, tables: &BTreeSet<String>) -> Result<Option<Found>, Failure> {
    let depth = depth(json);
    if depth > MAX_DEPTH {
        return Err(Failure::refused("SQL that is nested so deeply", "take it apart with WITH"));
    }
    if depth <= SHALLOW {
        return walk_here(json, access, tables);
    }
    let lost = || internal("the SQL was not judged");
    std::thread::scope(|scope| {
        let walker = std::thread::Builder::new().stack_size(STACK_BYTES);
        let walker = walker.spawn_scoped(scope, || walk_here(json, access, tables)).map_err(|_| lost())?;
        walker.join().map_err(|_| lost())?
    })
}

fn walk_here(json: &str, access: &Access, tables: &BTreeSet<String>) -> Result<Option<Found>, Failure> {
    let mut deserializer = serde_json::Deserializer::from_str(json);
    deserializer.disable_recursion_limit();
    let serialized = Serialized::deserialize(&mut deserializer).map_err(|error| match holds_infinity(json) {
        true => Failure::refused("a number that is larger than a DOUBLE holds", "write 'infinity'::DOUBLE"),
        false => internal(&format!("DuckDB's syntax tree is not as expected: {error}")),
    })?;
    let [statement] = serialized.statements.as_slice() else { return Ok(None) };
    if serialized.error {
        return Ok(None);
    }
    let mut walk = Walk::new(access, tables);
    walk.statement(statement)?;
    Ok(Some(Found { named: walk.named, texts: walk.texts }))
}

/// Whether the tree has a number that JSON cannot have: DuckDB writes 1e400 as `Infinity`, without quotes.
fn holds_infinity(json: &str) -> bool {
    [":Infinity", ":-Infinity"].iter().any(|number| json.contains(number))
}

/// Whether the parser took the SQL, although there is no tree of one SELECT.
fn is_other(json: &str) -> bool {
    serde_json::from_str::<Serialized>(json)
        .is_ok_and(|serialized| !serialized.error || serialized.error_type == "not implemented")
}

/// How deeply JSON is nested.
fn depth(json: &str) -> usize {
    let (mut depth, mut deepest, mut in_text, mut escaped) = (0_usize, 0, false, false);
    for byte in json.bytes() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_text => escaped = true,
            b'"' => in_text = !in_text,
            b'{' | b'[' if !in_text => {
                depth += 1;
                deepest = deepest.max(depth);
            }
            b'}' | b']' if !in_text => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    deepest
}

fn internal(message: &str) -> Failure {
    Failure::new("Quack.InternalError", message)
}
