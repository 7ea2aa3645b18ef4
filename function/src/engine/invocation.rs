//! One event's SQL on one connection: define its tables, run its statements, hand over the last one's rows.

use super::inline::Inline;
use super::raw::{Connection, Prepared, Statements};
use super::replay::Source;
use super::{Failure, Instance, Outcome, sandbox, spill, type_name};
use crate::sql::{Token, identifier, tokens};
use crate::wire::{Column, DEFAULT_LIMIT, Event, Spill, TableDef};
use duckdb::ffi::duckdb_statement_type_DUCKDB_STATEMENT_TYPE_SELECT;
use std::collections::{HashSet, VecDeque};

/// Chunks are kept until the result is known to fit into the response; above this they go to the bucket even if they
/// would still compress into it.
const KEEP_BYTES: usize = 64 << 20;

/// An event on the connection that is its own.
pub(super) struct Invocation<'a> {
    pub instance: &'a Instance,
    pub connection: &'a Connection<'a>,
    pub event: &'a Event,
    /// Where a result goes that is too large for the response.
    pub result_folder: &'a str,
    /// How large the encoded rows may be to go into the response, bytes.
    pub room_bytes: &'a dyn Fn(&[Column]) -> usize,
    /// Whether no statement was anything but a query, by DuckDB's own idea of it.
    pub only_queries: bool,
}

impl<'a> Invocation<'a> {
    /// Runs the event's SQL.
    ///
    /// # Errors
    /// The first statement's that fails.
    pub fn run(&mut self) -> Result<Outcome, Failure> {
        let Self { instance, connection, event, result_folder, .. } = *self;
        for table in named_tables(event) {
            define(connection, table)?;
        }
        let mut rows = self.last_statement()?.stream()?;
        if !rows.is_query() {
            while rows.fetch()?.is_some() {}
        }
        let (names, types): (Vec<_>, Vec<_>) =
            if rows.is_query() { rows.columns() } else { Vec::new() }.into_iter().unzip();
        let names = unique(names);
        let columns: Vec<_> = names
            .iter()
            .zip(&types)
            .map(|(name, logical_type)| Column { name: name.clone(), sql_type: type_name::type_name(logical_type) })
            .collect();
        let limit = if event.all { u64::MAX } else { event.limit.unwrap_or(DEFAULT_LIMIT) };
        let mut source =
            Source { kept: VecDeque::new(), rows: None, limit, types, handed_out: 0, truncated: false, failure: None };
        if event.spill == Spill::Always && !columns.is_empty() {
            source.rows = Some(rows);
            return spill::write(instance, source, columns, event.spill, result_folder);
        }

        let exporter = rows.exporter(&names, &source.types)?;
        source.rows = Some(rows);
        let mut inline = Inline::new(event.format, exporter.schema(), (self.room_bytes)(&columns))?;
        let mut kept = VecDeque::new();
        let mut kept_bytes = 0;
        while let Some(chunk) = source.next()? {
            let batch = exporter.batch(&chunk)?;
            kept_bytes += batch.get_array_memory_size();
            kept.push_back(chunk);
            inline.push(&batch)?;
            if inline.overflows() || kept_bytes > KEEP_BYTES {
                // What was kept is handed out again, and the limit counts from the start.
                source.kept = kept;
                source.handed_out = 0;
                drop(inline);
                return spill::write(instance, source, columns, event.spill, result_folder);
            }
        }
        let (rows, truncated) = (source.handed_out, source.truncated);
        let (data, bytes) = inline.finish()?;
        Ok(Outcome { data, columns, rows, bytes, truncated })
    }

    /// Runs every statement but the last, and returns that one, ready to run.
    fn last_statement(&mut self) -> Result<Prepared<'a>, Failure> {
        let sql = &self.event.q;
        let statements = self.connection.statements(sql)?;
        let empty = || Failure::new("Quack.BadEvent", format!("`q` holds no SQL statement: {sql:?}"));
        let last = statements.len().checked_sub(1).ok_or_else(empty)?;
        for index in 0..last {
            let mut rows = self.prepare(&statements, index)?.stream()?;
            while rows.fetch()?.is_some() {}
        }
        self.prepare(&statements, last)
    }

    fn prepare(&mut self, statements: &Statements<'a>, index: u64) -> Result<Prepared<'a>, Failure> {
        let prepared = statements.prepare(index)?;
        self.only_queries &= prepared.kind() == duckdb_statement_type_DUCKDB_STATEMENT_TYPE_SELECT;
        sandbox::check_kind(prepared.kind())?;
        match prepared.parameters() {
            0 => Ok(prepared),
            count => {
                let message =
                    format!("the SQL has {count} parameters (`?`, `$1`), and an event has no values for them");
                Err(Failure::new("Quack.BadEvent", message))
            }
        }
    }
}

/// The event's tables that its SQL names: a view reads its first file when it is made.
fn named_tables(event: &Event) -> impl Iterator<Item = &TableDef> {
    let tokens = if event.tables.is_empty() { Vec::new() } else { tokens(&event.q) };
    event.tables.iter().filter(move |table| {
        let quoted = identifier(&table.name);
        tokens.iter().any(|token| match token {
            Token::Word(word) => word.eq_ignore_ascii_case(&table.name),
            Token::Quoted(name) => name.eq_ignore_ascii_case(&quoted),
            // A name in a string may be a name after all: `FROM query_table('trips')`.
            Token::Text(text) => text.to_lowercase().contains(&table.name.to_lowercase()),
            Token::Symbol(_) => false,
        })
    })
}

/// Makes the view that stands for a table. What the definition holds goes into SQL as it is, so it must not bring
/// statements or functions of its own that a query may not have.
fn define(connection: &Connection, table: &TableDef) -> Result<(), Failure> {
    let sql = table.view_sql();
    sandbox::check_text(&sql, None)?;
    let statements = connection.statements(&sql)?;
    if statements.len() != 1 {
        let message = format!("the definition of table {:?} holds SQL of its own", table.name);
        return Err(Failure::new("Quack.BadEvent", message));
    }
    let mut rows = statements.prepare(0)?.stream()?;
    while rows.fetch()?.is_some() {}
    Ok(())
}

/// Makes column names unique, whatever their case, as DuckDB's data frames do: `a`, `a_1`, `a_2`.
fn unique(names: Vec<String>) -> Vec<String> {
    let mut taken: HashSet<String> = HashSet::new();
    let all: HashSet<String> = names.iter().map(|name| name.to_lowercase()).collect();
    names
        .into_iter()
        .map(|name| {
            let mut candidate = name.clone();
            let mut suffix = 0;
            while taken.contains(&candidate.to_lowercase()) || (suffix > 0 && all.contains(&candidate.to_lowercase())) {
                suffix += 1;
                candidate = format!("{name}_{suffix}");
            }
            taken.insert(candidate.to_lowercase());
            candidate
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn column_names_become_unique() {
        let unique = |names: &[&str]| super::unique(names.iter().map(ToString::to_string).collect());
        assert_eq!(unique(&["a", "b"]), ["a", "b"]);
        assert_eq!(unique(&["a", "A", "a"]), ["a", "A_1", "a_2"]);
        assert_eq!(unique(&["a", "a", "a_1"]), ["a", "a_2", "a_1"]);
    }

    #[test]
    fn only_named_tables_are_defined() {
        let event: Event = serde_json::from_str(
            r#"{"q": "SELECT * FROM Trips -- zones", "tables": [{"name": "trips", "files": []}, {"name": "zones", "files": []}]}"#,
        )
        .unwrap();
        assert_eq!(named_tables(&event).map(|table| table.name.as_str()).collect::<Vec<_>>(), ["trips"]);
    }
}
