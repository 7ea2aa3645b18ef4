//! One event's SQL: planned before anything runs, then run on one connection, statement by statement; the last one's rows
//! are handed over.

use super::inline::Inline;
use super::judge::Named;
use super::needed::{Needed, judged};
use super::pivot::{self, Pivot};
use super::raw::{Connection, Prepared, Rows};
use super::replay::{self, Source};
use super::spill::Width;
use super::statement::{self, Action, Statement};
use super::{Failure, Instance, Outcome, spill, stream, type_name};
use crate::sql::identifier;
use crate::sql_type::SqlType;
use crate::wire::{Column, DEFAULT_LIMIT, Event, Spill};
use duckdb::ffi;
use std::collections::{BTreeSet, HashSet, VecDeque};
use std::hash::{DefaultHasher, Hash as _, Hasher as _};

/// Chunks are kept until the result is known to fit into the response; above this they go to the bucket even if they
/// would still compress into it.
const KEEP_BYTES: usize = 64 << 20;

const SELECT: ffi::duckdb_statement_type = ffi::duckdb_statement_type_DUCKDB_STATEMENT_TYPE_SELECT;

/// What an event asks for, judged: every statement of it may be run.
pub(super) struct Plan {
    statements: Vec<Statement>,
    /// Names of the event's tables and views, in lower case.
    known: BTreeSet<String>,
    needed: Needed,
}

impl Plan {
    /// Judges an event, all of it.
    ///
    /// # Errors
    /// `Quack.SandboxError` for what may not be run, `Quack.BadEvent` for what is malformed, DuckDB's own for SQL that it
    /// does not take.
    pub(super) fn of(instance: &Instance, event: &Event) -> Result<Self, Failure> {
        let mut statements = statement::split(&event.q)?;
        if let (Some(into), Some(last)) = (&event.into, statements.last_mut()) {
            if last.action != Action::Run {
                return Err(Failure::new("Quack.BadEvent", "`into` takes a SELECT as the last statement"));
            }
            last.action = Action::Write(into.clone());
        }
        let names = event.tables.iter().map(|table| &table.name).chain(event.views.iter().map(|view| &view.name));
        let known: BTreeSet<_> = names.map(|name| name.to_ascii_lowercase()).collect();
        let mut named = Named::default();
        for statement in &mut statements {
            if let Action::Write(destination) = &statement.action {
                instance.judge.access().may_write(&destination.uri)?;
                destination.to_sql().map_err(|error| statement::refused_copy(&error))?;
            }
            if statement.action == Action::Run
                && let Some(pivot) = Pivot::parse(&statement.select)
            {
                statement.select = pivot.sketch();
                for query in pivot.queries() {
                    named.extend(judged(instance, query, &known)?);
                }
                statement.action = Action::Pivot(pivot);
            }
            if !matches!(statement.action, Action::ResetVariable(_)) {
                named.extend(judged(instance, &statement.select, &known)?);
            }
        }
        let needed = Needed::of(instance, event, &known, named)?;
        Ok(Self { needed, statements, known })
    }

    /// What tells the SQL of `event`, over the files that it reads, from another's; `None` where it reads none.
    pub(super) fn digest(&self, event: &Event) -> Option<u64> {
        if !self.needed.makes() && !event.q.contains("s3://") {
            return None;
        }
        let mut hasher = DefaultHasher::new();
        (&event.q, &event.params).hash(&mut hasher);
        self.needed.hash(&mut hasher);
        Some(hasher.finish())
    }

    /// Whether one of its statements writes to where the event says.
    pub(super) fn writes(&self) -> bool {
        self.statements.iter().any(|statement| matches!(statement.action, Action::Write(_)))
    }
}

/// An event on the connection that is its own.
pub(super) struct Invocation<'a> {
    pub(super) instance: &'a Instance,
    pub(super) connection: &'a Connection,
    pub(super) event: &'a Event,
    /// Where a result goes that is too large for the response.
    pub(super) result_folder: &'a str,
    /// How large the encoded rows may be to go into the response, bytes.
    pub(super) room_bytes: &'a dyn Fn(&[Column]) -> usize,
}

impl Invocation<'_> {
    /// Runs the event's SQL.
    ///
    /// # Errors
    /// The first statement's that fails.
    pub(super) fn run(&self, plan: &Plan) -> Result<Outcome, Failure> {
        let outcome = self.run_all(plan).map_err(|failure| plan.needed.explained(failure))?;
        Ok(Outcome { tables: plan.needed.tables.clone(), ..outcome })
    }

    fn run_all(&self, plan: &Plan) -> Result<Outcome, Failure> {
        let Self { instance, event, result_folder, .. } = *self;
        plan.needed.make(self.connection)?;
        let empty = || Failure::new("Quack.InternalError", "a plan without statements");
        let (last, before) = plan.statements.split_last().ok_or_else(empty)?;
        for statement in before {
            self.start(statement, plan)?.exhaust()?;
        }
        let mut rows = self.start(last, plan)?;
        if !rows.is_query() {
            rows.exhaust()?;
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
        let mut source = Source::new(types, limit);
        let wrote = matches!(last.action, Action::Write(_));
        let exporter = rows.exporter(&names, &source.types);
        source.rows = Some(rows);
        if event.spill == Spill::Always && !columns.is_empty() && !wrote {
            // How wide the rows are is known of the first ones; a file takes what Arrow does not, too.
            let first = source.next()?;
            let batch = first.iter().zip(&exporter).find_map(|(chunk, exporter)| exporter.batch(chunk).ok());
            let width = Width::of(batch.map_or(0, |batch| batch.get_array_memory_size()), source.handed_out);
            source.again(first.into_iter().collect());
            return spill::write(instance, source, columns, event.spill, width, result_folder);
        }

        let exporter = exporter?;
        if event.spill == Spill::Stream {
            return stream::write(
                instance,
                source,
                &exporter,
                columns.clone(),
                (self.room_bytes)(&columns),
                result_folder,
            );
        }
        let mut inline = Inline::new(event.format, exporter.schema(), (self.room_bytes)(&columns))?;
        let mut kept = VecDeque::new();
        let mut kept_bytes = 0;
        while let Some(chunk) = source.next()? {
            let batch = exporter.batch(&chunk)?;
            kept_bytes += batch.get_array_memory_size();
            kept.push_back(chunk);
            inline.push(&batch)?;
            if inline.overflows() || kept_bytes > KEEP_BYTES {
                let width = Width::of(kept_bytes, source.handed_out);
                source.again(kept);
                drop(inline);
                return spill::write(instance, source, columns, event.spill, width, result_folder);
            }
        }
        let (rows, truncated) = (source.handed_out, source.truncated);
        let (data, bytes) = inline.finish()?;
        Ok(Outcome { data, columns, rows, bytes, truncated, tables: Vec::new() })
    }

    /// Starts a statement: the SELECT that was judged, with what the engine puts around it.
    fn start(&self, statement: &Statement, plan: &Plan) -> Result<Rows, Failure> {
        let select = &statement.select;
        match &statement.action {
            Action::Run => self.prepare(select, SELECT)?.stream(),
            Action::Pivot(pivot) => {
                let values = pivot.queries().map(|query| self.values(query)).collect::<Result<Vec<_>, _>>()?;
                let select = pivot.with_values(&values);
                judged(self.instance, &select, &plan.known)?;
                self.prepare(&select, SELECT)?.stream()
            }
            Action::Explain { analyze, format } => {
                let analyze = analyze.then(|| "ANALYZE".to_owned());
                let options: Vec<_> = analyze.into_iter().chain(format.map(|name| format!("FORMAT {name}"))).collect();
                let explain = match options.is_empty() {
                    true => "EXPLAIN ".to_owned(),
                    false => format!("EXPLAIN ({}) ", options.join(", ")),
                };
                let sql = around(&explain, select, "");
                self.prepare(&sql, ffi::duckdb_statement_type_DUCKDB_STATEMENT_TYPE_EXPLAIN)?.stream()
            }
            Action::Write(destination) => {
                let to = destination.to_sql().map_err(|error| statement::refused_copy(&error))?;
                // What `into` writes is of types that files keep.
                let kept = match self.event.into.is_none() && destination.is_parquet() {
                    true => self.kept(select)?,
                    false => None,
                };
                let sql = match kept {
                    Some(kept) => format!("COPY ({kept}) {to}"),
                    None => around("COPY (", select, &format!("\n) {to}")),
                };
                self.prepare(&sql, ffi::duckdb_statement_type_DUCKDB_STATEMENT_TYPE_COPY)?.stream()
            }
            Action::SetVariable(name) => self.set_variable(name, select),
            Action::ResetVariable(name) => {
                self.connection.prepare(&format!("RESET VARIABLE {}", identifier(name)))?.stream()
            }
        }
    }

    /// A query for the rows of `select` as Parquet keeps every value of them; nothing where that is it.
    fn kept(&self, select: &str) -> Result<Option<String>, Failure> {
        let (names, types): (Vec<_>, Vec<_>) = self.prepare(select, SELECT)?.columns().into_iter().unzip();
        let mut is_other = false;
        let names: Vec<String> = unique(names).iter().map(|name| identifier(name)).collect();
        let list = names.iter().zip(&types).map(|(name, logical_type)| {
            let own = SqlType::parse(&type_name::type_name(logical_type)).ok();
            own.and_then(|own| own.in_parquet()).map_or_else(
                || name.clone(),
                |kept| {
                    is_other = true;
                    format!("CAST({name} AS {kept}) AS {name}")
                },
            )
        });
        let list = list.collect::<Vec<_>>().join(", ");
        Ok(is_other.then(|| format!("SELECT {list} FROM (\n{select}\n) AS quack_rows({})", names.join(", "))))
    }

    /// The values of a PIVOT's column.
    fn values(&self, query: &str) -> Result<Vec<String>, Failure> {
        let mut rows = self.prepare(query, SELECT)?.stream()?;
        let mut values = Vec::new();
        while let Some(chunk) = rows.fetch()? {
            values.extend(chunk.texts().flatten());
            if values.len() > pivot::MAX_VALUES {
                let why = format!("{} are the most; name those you want, IN ('a', 'b')", pivot::MAX_VALUES);
                return Err(Failure::refused("PIVOT of so many values", &why));
            }
        }
        match values.is_empty() {
            true => Err(Failure::refused("PIVOT of no values", "the column that is to be pivoted holds none")),
            false => Ok(values),
        }
    }

    /// Sets a variable to what `select` gives, which is handed over as a value, not as text.
    fn set_variable(&self, name: &str, select: &str) -> Result<Rows, Failure> {
        let select = self.prepare(select, SELECT)?;
        let mut rows = select.stream()?;
        let types: Vec<_> = rows.columns().into_iter().map(|(_, logical_type)| logical_type).collect();
        if types.len() != 1 {
            let message = format!("SET VARIABLE takes one value, not {}", types.len());
            return Err(Failure::new("Quack.BadEvent", message));
        }
        let mut source = Source::new(types, u64::MAX);
        while let Some(chunk) = rows.fetch()? {
            source.kept.push_back(chunk);
            if source.kept.len() > 1 {
                return Err(Failure::new("Quack.BadEvent", "SET VARIABLE takes one value, not thousands of rows"));
            }
        }
        drop(rows);
        let function = replay::FUNCTION.to_string_lossy();
        let set = format!("SET VARIABLE {} = (FROM {function}())", identifier(name));
        let run = || {
            let mut rows = self.connection.prepare(&set)?.stream()?;
            rows.exhaust()?;
            Ok(rows)
        };
        self.instance.replay.run(source, run).0
    }

    /// Prepares what must be one statement of this `kind`, by DuckDB's own idea of it, and gives its parameters their values.
    fn prepare(&self, sql: &str, kind: ffi::duckdb_statement_type) -> Result<Prepared, Failure> {
        let prepared = self.connection.prepare(sql)?;
        if prepared.kind() != kind {
            return Err(Failure::refused(
                "this statement",
                "DuckDB takes it for another kind than it was judged to be",
            ));
        }
        let mut bound = 0;
        for (name, value) in &self.event.params {
            if let Some(index) = prepared.parameter(name) {
                prepared.bind_text(index, value.as_deref())?;
                bound += 1;
            }
        }
        if bound < prepared.parameters() {
            return Err(Failure::new(
                "Quack.BadEvent",
                "the SQL has parameters (`$name`, `$1`, `?`) that nothing gives a value: `params` in the event does, by name",
            ));
        }
        Ok(prepared)
    }
}

/// `select` between `before` and `after`. It gives up as many blanks in front, if it has them, so that it keeps its place.
fn around(before: &str, select: &str, after: &str) -> String {
    let blank = select.len() - select.trim_start_matches(' ').len();
    format!("{before}{}{after}", &select[blank.min(before.len())..])
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
    fn a_select_keeps_its_place() {
        assert_eq!(around("COPY (", "        SELECT 1", ")"), "COPY (  SELECT 1)");
        assert_eq!(around("EXPLAIN (ANALYZE) ", "  SELECT 1", ""), "EXPLAIN (ANALYZE) SELECT 1");
    }
}
