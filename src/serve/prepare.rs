//! What is known of a statement before it is run: its parameters, and the columns that it will give. The tables without rows tell, so
//! it costs nothing.

use anyhow::Result;
use quack_function::sql::Tokens;
use quack_function::sql_type::SqlType;
use quack_function::wire::{Column, Params};
use tokio_util::sync::CancellationToken;

use super::catalog::{Known, is_own};
use super::encode::{Field, Scalar, WireType};
use super::literals;
use super::params;
use super::refusal::Refusal;
use super::run::Ran;
use super::session::{Prepared, Session};
use super::statement::Statement;
use crate::change;
use crate::lake::catalog::Scope;
use crate::query;

/// Most parameters of a statement: what the protocol can count.
const MOST: usize = 65_535;

/// Most parameters that are each asked for by itself.
const MOST_ASKED: usize = 64;

/// What parameters may be of which neither the client nor DuckDB says it, each with a value, the first that the statement takes: text,
/// or in arithmetic a number, which is no whole one unless it has to.
const POSSIBLE: &[(&str, &str)] =
    &[("VARCHAR", ""), ("DOUBLE", "1"), ("INTEGER", "1"), ("TIMESTAMP", "2000-01-01"), ("INTERVAL", "1 day")];

/// What statements begin with that tell of something: their columns are known without DESCRIBE, which does not take them.
const TELLING: &[&str] = &["EXPLAIN", "DESCRIBE", "DESC", "SHOW", "SUMMARIZE", "CALL", "PRAGMA"];

impl Session {
    /// What is known of a statement without running it: its parameters, of which clients have named some types, and its columns.
    ///
    /// # Errors
    /// What DuckDB says of it.
    pub(super) async fn prepare(&mut self, sql: &str, asked: &[u32]) -> Result<Prepared, Refusal> {
        let written = sql;
        let wrong = |error: anyhow::Error| Refusal::of(&error, written);
        let sql = literals::translated(sql);
        let sql = sql.as_str();
        let statement = Statement::of(sql);
        let count = params::count(sql).max(if statement == Statement::Sql { asked.len() } else { 0 });
        if count > MOST {
            return Err(Refusal::new("54023", format!("a statement takes {MOST} parameters at most, not {count}")));
        }
        let known = self.known().await.map_err(wrong)?;
        let named: Vec<Option<WireType>> =
            (0..count).map(|at| asked.get(at).copied().and_then(WireType::of_oid)).collect();
        let mut expected = self.expected(&known, sql, &named);
        self.suppose(&known, sql, &named, &mut expected);
        let is_of_catalog = count > 0 && is_own(sql, &self.who());
        let mut parameters = Vec::with_capacity(count);
        let mut types = Vec::with_capacity(count);
        let mut oids = Vec::with_capacity(count);
        for (at, (named, expected)) in named.into_iter().zip(expected).enumerate() {
            let of_expected = expected.as_ref().map(WireType::of);
            let wire_type = named.or(of_expected).unwrap_or(WireType::Scalar(Scalar::Text));
            let wire_type = if is_of_catalog { wire_type.of_catalog() } else { wire_type };
            // What the statement has there counts: a text may stand for a date, a number be of another width.
            types.push(Some(expected.map_or_else(|| wire_type.duckdb(), |expected| expected.to_string())));
            // Who names a type is told that one, and not another like it: `varchar` stays what it is.
            oids.push(named.and(asked.get(at).copied()).unwrap_or_else(|| wire_type.oid()));
            parameters.push(wire_type);
        }
        let typed = params::lettered(&params::typed(sql, &types));
        let nulls = params::named(&vec![None; count]);
        let fields = match &statement {
            Statement::Show(name) if self.settings.get(name).is_some() => {
                let (name, _) = self.settings.get(name).unwrap_or_default();
                Some(vec![Field::of(&Column { name: name.to_owned(), sql_type: "VARCHAR".to_owned() })])
            }
            Statement::ShowAll => Some(
                ["name", "setting", "description"]
                    .map(|name| Field::of(&Column { name: name.to_owned(), sql_type: "VARCHAR".to_owned() }))
                    .to_vec(),
            ),
            Statement::Fetch { cursor, moves: false, .. } => {
                self.portals.get(cursor).and_then(|portal| portal.prepared.fields.clone())
            }
            Statement::Sql | Statement::Show(_) => {
                let fields = self.fields(&known, &typed, &nulls).await;
                // Of the statement as it was written DuckDB also says where the error is.
                let placed = |error| {
                    let said = known.parameters(sql, &self.who()).err();
                    said.filter(|said| gives_rows(sql) && said.to_string().contains("LINE ")).unwrap_or(error)
                };
                fields.map_err(|error| wrong(placed(error)))?
            }
            _ => None,
        };
        let is_change = change::parse(&typed).is_ok_and(|change| change.is_some());
        Ok(Prepared { sql: typed, written: written.to_owned(), parameters, oids, fields, is_change })
    }

    /// What DuckDB expects of each parameter, where that is one type.
    fn expected(&self, known: &Known, sql: &str, named: &[Option<WireType>]) -> Vec<Option<SqlType>> {
        let who = self.who();
        let ask = |sql: &str| -> Vec<Option<SqlType>> {
            let found = known.parameters(sql, &who).unwrap_or_default();
            let of = |at: usize| {
                let name = (at + 1).to_string();
                found.iter().find(|parameter| parameter.name == name).and_then(|parameter| parameter.sql_type.clone())
            };
            (0..named.len()).map(of).collect()
        };
        if named.is_empty() {
            return Vec::new();
        }
        let (sql, lists) = params::of_lists(sql, |number| named.get(number - 1) == Some(&None));
        let mut expected = ask(&sql);
        if (2..=MOST_ASKED).contains(&named.len()) {
            // One that may be of any type hides what those beside it are: each of these is asked for while the others are said to
            // be something.
            let said = |at: usize| named[at].map_or_else(|| Scalar::Text.duckdb().to_owned(), WireType::duckdb);
            for own in (0..named.len()).filter(|at| expected[*at].is_none()).collect::<Vec<_>>() {
                let others: Vec<_> = (0..named.len()).map(|at| (at != own).then(|| said(at))).collect();
                expected[own] = ask(&params::typed(&sql, &others)).swap_remove(own);
            }
        }
        for list in lists {
            let element = expected[list - 1].take().unwrap_or(SqlType::Plain("VARCHAR"));
            expected[list - 1] = Some(SqlType::List(Box::new(element)));
        }
        expected
    }

    /// Has parameters of which nothing is known be what the statement takes.
    fn suppose(&self, known: &Known, sql: &str, named: &[Option<WireType>], expected: &mut [Option<SqlType>]) {
        let open: Vec<usize> = (0..named.len()).filter(|at| named[*at].is_none() && expected[*at].is_none()).collect();
        if open.is_empty() {
            return;
        }
        let who = self.who();
        let is_change = change::parse(sql).is_ok_and(|change| change.is_some());
        let takes = |expected: &[Option<SqlType>], values: &[Option<String>]| {
            let said =
                |at: usize| expected[at].as_ref().map(SqlType::to_string).or_else(|| named[at].map(WireType::duckdb));
            let typed = params::typed(sql, &(0..named.len()).map(said).collect::<Vec<_>>());
            let found = match is_change {
                true => known.parameters(&typed, &who).map(|_| ()),
                // What a function in FROM takes is only asked once it has a value.
                false => known.columns(&params::lettered(&typed), &params::named(values), &who).map(|_| ()),
            };
            found.err().is_none_or(|error| !error.to_string().starts_with("Binder Error"))
        };
        let mut values = vec![None; named.len()];
        let text = SqlType::Plain("VARCHAR");
        for (possible, value) in POSSIBLE {
            let Ok(possible) = SqlType::parse(possible) else { continue };
            for at in &open {
                (expected[*at], values[*at]) = (Some(possible.clone()), Some((*value).to_owned()));
            }
            if !takes(expected, &values) {
                continue;
            }
            // What need not be a number because one beside it has to is text.
            for at in open.iter().take(MOST_ASKED).filter(|_| possible != text && open.len() > 1) {
                let kept = (expected[*at].replace(text.clone()), values[*at].replace(String::new()));
                if !takes(expected, &values) {
                    (expected[*at], values[*at]) = kept;
                }
            }
            return;
        }
        open.iter().for_each(|at| expected[*at] = None);
    }

    /// The columns of SQL, if it gives rows.
    async fn fields(&mut self, known: &Known, sql: &str, nulls: &Params) -> Result<Option<Vec<Field>>> {
        let own = format!("{}{sql}", self.variables);
        if let Some(change) = change::parse(&own)? {
            return match change.returns() {
                // Nothing of it is run.
                true => Ok(Some(known.returned(sql)?.iter().map(Field::of).collect())),
                false => Ok(None),
            };
        }
        if !gives_rows(sql) {
            return Ok(None);
        }
        if TELLING.iter().any(|word| begins(sql, word)) {
            return Ok(Some(known.returned(sql)?.iter().map(Field::of).collect()));
        }
        // Its columns are values of rows that only the function has.
        if Tokens::new(sql).any(|(token, _)| token.is("PIVOT")) {
            return match self.query(&own, nulls, &CancellationToken::new()).await? {
                Ran::Rows(rows) => Ok(Some(rows.fields)),
                _ => Ok(None),
            };
        }
        let columns = match known.columns(sql, nulls, &self.who()) {
            Ok(_) if self.variables.are_read_by(sql) => self.described(sql, nulls).await?,
            Ok(columns) => columns,
            // What only the function can say: of files, of functions of its extensions, of versions of tables.
            Err(error) if self.is_only_the_functions(sql, &error).await? => self.described(sql, nulls).await?,
            Err(error) => return Err(error),
        };
        let mut fields: Vec<Field> = columns.iter().map(Field::of).collect();
        if is_own(sql, &self.who()) {
            fields.iter_mut().for_each(|field| field.wire_type = field.wire_type.of_catalog());
        }
        Ok(Some(fields))
    }

    /// Whether an error here may be none where the statement is run.
    async fn is_only_the_functions(&mut self, sql: &str, error: &anyhow::Error) -> Result<bool> {
        let said = error.to_string();
        let catalog = self.catalog(Scope::Outline).await?;
        let travels = query::travel(&self.target.bucket, &catalog, sql).await?.is_some();
        Ok(travels || !said.starts_with("Parser Error") && !said.starts_with("Binder Error"))
    }

    /// The columns of a query, by the function.
    async fn described(&mut self, sql: &str, nulls: &Params) -> Result<Vec<Column>> {
        let cancel = CancellationToken::new();
        let Ran::Rows(mut rows) = self.query(&format!("{}DESCRIBE {sql}", self.variables), nulls, &cancel).await?
        else {
            return Ok(Vec::new());
        };
        rows.described()
    }
}

/// Whether SQL that changes no table gives rows: what writes files does not.
fn gives_rows(sql: &str) -> bool {
    !begins(sql, "COPY")
}

fn begins(sql: &str, word: &str) -> bool {
    Tokens::new(sql).next().is_some_and(|(token, _)| token.is(word))
}
