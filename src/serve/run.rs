//! A statement answered: about the session here, about the catalog by the tables without rows, and SQL by the function.

use std::sync::Arc;

use anyhow::Result;
use arrow::array::{ArrayRef, RecordBatch, StringArray};
use arrow::datatypes::{DataType, Field as ArrowField, Schema};
use quack_function::wire::{Column, Params, Spill};
use tokio_util::sync::CancellationToken;

use super::encode::{Field, Scalar, WireType};
use super::params;
use super::refusal::{FEATURE, Refusal};
use super::rows::{Rows, Tag};
use super::session::{Portal, Prepared, Session, Status};
use super::statement::{Count, Statement};
use crate::change::{self, Change, Changed, Deed};
use crate::lake::catalog::{self, Scope};
use crate::planner::Workers;
use crate::query::statements::{self, Statement as Piece};
use crate::query::{self, Coordinator, Request};

/// What came of a statement.
pub(super) enum Ran {
    Empty,
    Rows(Box<Rows>),
    /// No rows: what is said at its end.
    Done(String),
    /// The same, with something to be said before.
    Warned { code: &'static str, message: &'static str, tag: &'static str },
    /// A setting that clients are told of has another value.
    Told { name: String, value: String, tag: &'static str },
    /// Rows of a cursor, as it is.
    Fetch { cursor: String, count: Count, moves: bool },
}

impl Session {
    /// Runs one statement.
    ///
    /// # Errors
    /// What is wrong with it, for the client.
    pub(super) async fn run(&mut self, sql: &str, params: &Params, cancel: &CancellationToken) -> Result<Ran, Refusal> {
        let statement = Statement::of(sql);
        if self.status == Status::Failed && !statement.ends_transaction() {
            return Err(Refusal::in_failed_transaction());
        }
        let done = |tag: &str| Ok(Ran::Done(tag.to_owned()));
        match statement {
            Statement::Empty => Ok(Ran::Empty),
            Statement::Begin if self.status == Status::InTransaction => Ok(Ran::Warned {
                code: "25001",
                message: "there is already a transaction in progress",
                tag: "BEGIN",
            }),
            Statement::Begin => {
                self.status = Status::InTransaction;
                done("BEGIN")
            }
            Statement::Commit => self.commit(cancel).await,
            Statement::Rollback => self.roll_back().await,
            Statement::Savepoint(_) | Statement::Release(_) | Statement::RollbackTo(_) => {
                Err(Refusal::new(FEATURE, "savepoints are not supported")
                    .with_hint("COMMIT or ROLLBACK ends the whole transaction"))
            }
            Statement::Set { name, value } => {
                let told = self.settings.set(&name, &value)?;
                Ok(told_or("SET", told))
            }
            Statement::SetNothing => done("SET"),
            Statement::Reset(name) => Ok(told_or("RESET", self.settings.reset(&name))),
            Statement::ResetAll => {
                self.settings.reset_all();
                done("RESET")
            }
            Statement::Show(name) => match self.settings.get(&name) {
                Some((name, value)) => {
                    let value = value.to_owned();
                    Ok(texts(&[name], vec![vec![value]], cancel))
                }
                // DuckDB's own, and `SHOW table`.
                None => self.sql(sql, params, cancel).await,
            },
            Statement::ShowAll => {
                let all = self.settings.all().map(|(name, value)| vec![name.to_owned(), value.to_owned(), String::new()]);
                Ok(texts(&["name", "setting", "description"], all.collect(), cancel))
            }
            Statement::Discard(tag) => {
                if tag == "DISCARD ALL" {
                    if self.status != Status::Idle {
                        return Err(Refusal::new("25001", "DISCARD ALL cannot run inside a transaction block"));
                    }
                    self.settings.reset_all();
                    self.prepared.clear();
                    self.portals.clear();
                    self.variables.clear();
                }
                done(tag)
            }
            Statement::Deallocate(name) => {
                match name {
                    Some(name) => drop(self.prepared.remove(&name)),
                    None => self.prepared.clear(),
                }
                done("DEALLOCATE")
            }
            Statement::Declare { cursor, query } => self.declare(cursor, &query, params, cancel).await,
            Statement::Fetch { cursor, count, moves } => Ok(Ran::Fetch { cursor, count, moves }),
            Statement::Close(None) => {
                self.portals.retain(|_, portal| !portal.is_cursor);
                done("CLOSE CURSOR ALL")
            }
            Statement::Close(Some(cursor)) => match self.portals.remove(&cursor) {
                Some(_) => done("CLOSE CURSOR"),
                None => Err(no_cursor(&cursor)),
            },
            Statement::Nothing(tag) => done(tag),
            Statement::Variable => {
                self.variables.push_str(sql.trim_end().trim_end_matches(';'));
                self.variables.push_str("\n;\n");
                done(if sql.trim_start().to_ascii_uppercase().starts_with("RESET") { "RESET" } else { "SET" })
            }
            Statement::Sql => self.sql(sql, params, cancel).await,
        }
    }

    async fn commit(&mut self, cancel: &CancellationToken) -> Result<Ran, Refusal> {
        match self.status {
            Status::Idle => Ok(Ran::Warned {
                code: "25P01",
                message: "there is no transaction in progress",
                tag: "COMMIT",
            }),
            // What has failed is not made, and the client is told so by the tag.
            Status::Failed => self.roll_back().await,
            Status::InTransaction => {
                self.status = Status::Idle;
                self.end_portals();
                if self.transaction.is_open() {
                    self.change("COMMIT", &Change::Commit, &Params::new(), cancel).await?;
                }
                Ok(Ran::Done("COMMIT".to_owned()))
            }
        }
    }

    /// Forgets what a transaction has changed.
    pub(super) async fn roll_back(&mut self) -> Result<Ran, Refusal> {
        let was = std::mem::replace(&mut self.status, Status::Idle);
        self.end_portals();
        if self.transaction.is_open() {
            let rolled_back = self.transaction.roll_back(&self.target.bucket).await;
            rolled_back.map_err(|error| Refusal::of(&error, ""))?;
        }
        match was {
            Status::Idle => Ok(Ran::Warned {
                code: "25P01",
                message: "there is no transaction in progress",
                tag: "ROLLBACK",
            }),
            _ => Ok(Ran::Done("ROLLBACK".to_owned())),
        }
    }

    /// Makes a cursor: a portal whose rows come when they are asked for.
    async fn declare(
        &mut self,
        cursor: String,
        query: &str,
        params: &Params,
        cancel: &CancellationToken,
    ) -> Result<Ran, Refusal> {
        if self.portals.contains_key(&cursor) {
            return Err(Refusal::new("42P03", format!("cursor \"{cursor}\" already exists")));
        }
        let Ran::Rows(rows) = self.sql(query, params, cancel).await? else {
            return Err(Refusal::new("42P11", "a cursor is for a query that gives rows"));
        };
        let prepared = Prepared {
            sql: query.to_owned(),
            written: query.to_owned(),
            parameters: Vec::new(),
            fields: Some(rows.fields.clone()),
        };
        let portal = Portal {
            prepared: Arc::new(prepared),
            params: params.clone(),
            formats: Vec::new(),
            rows: Some(*rows),
            is_done: false,
            is_cursor: true,
        };
        self.portals.insert(cursor, portal);
        Ok(Ran::Done("DECLARE CURSOR".to_owned()))
    }

    /// Has SQL answered.
    async fn sql(&mut self, sql: &str, params: &Params, cancel: &CancellationToken) -> Result<Ran, Refusal> {
        let wrong = |error: anyhow::Error| Refusal::of(&error, sql);
        if let Some(ran) = self.of_catalog(sql, params, cancel).await.map_err(wrong)? {
            return Ok(ran);
        }
        // A transaction of the lake begins with the first statement that is about it.
        if self.status == Status::InTransaction && !self.transaction.is_open() {
            self.change("BEGIN", &Change::Begin, &Params::new(), cancel).await?;
        }
        let own = format!("{}{sql}", self.variables);
        match change::parse(&own).map_err(wrong)? {
            Some(change) => self.change(&own, &change, params, cancel).await,
            None => self.query(&own, params, cancel).await.map_err(wrong),
        }
    }

    /// The answer to what is asked of the catalog, or of nothing.
    async fn of_catalog(&mut self, sql: &str, params: &Params, cancel: &CancellationToken) -> Result<Option<Ran>> {
        if !self.variables.is_empty() && sql.to_ascii_lowercase().contains("getvariable") {
            return Ok(None);
        }
        let known = self.known().await?;
        if !known.is_own(sql) {
            return Ok(None);
        }
        let (schema, columns, batches) = known.answer(sql, params)?;
        Ok(Some(Ran::Rows(Box::new(Rows::of(schema, columns, batches, cancel.clone())))))
    }

    async fn query(&mut self, sql: &str, params: &Params, cancel: &CancellationToken) -> Result<Ran> {
        let named = catalog::names(sql);
        let catalog = self.catalog(Scope::Named(&named)).await?;
        let piece = Piece { sql: sql.to_owned(), explains: false, describes: false };
        let travelled = query::travel(&self.target.bucket, &catalog, &piece.sql).await?;
        let (sql, catalog) = travelled.unwrap_or((piece.sql, catalog));
        let coordinator = self.coordinator(&catalog, params);
        let request = Request { sql, limit: None, spill: Spill::Auto };
        let answer = query::answer(&coordinator, &request, Workers::default(), cancel).await?;
        let is_statement = answer.account.facts.columns.is_empty();
        let rows = coordinator.rows(answer, cancel).await?;
        if is_statement {
            // COPY ... TO tells how many rows it wrote.
            return Ok(Ran::Done(tag_of(&request.sql)));
        }
        Ok(Ran::Rows(Box::new(Rows::new(rows, Tag::Counted("SELECT"), cancel.clone()))))
    }

    fn coordinator<'a>(&'a self, catalog: &'a catalog::Catalog, params: &'a Params) -> Coordinator<'a> {
        let is_snapshot = self.transaction.is_open();
        Coordinator { is_snapshot, params, ..Coordinator::new(&self.context, &self.target, catalog) }
    }

    async fn change(
        &mut self,
        sql: &str,
        change: &Change,
        params: &Params,
        cancel: &CancellationToken,
    ) -> Result<Ran, Refusal> {
        let made = async {
            let named = catalog::names(sql);
            let catalog = self.catalog(Scope::Named(&named)).await?;
            let coordinator = self.coordinator(&catalog, params);
            let session = change::Session {
                transaction: &self.transaction,
                cancel,
                limit: None,
                spill: Spill::Auto,
                workers: Workers::default(),
            };
            let outcome = change::run(&coordinator, &session, sql, change).await?;
            let tag = tag_of_change(&outcome.changed, change);
            match outcome.rows {
                None => Ok(Ran::Done(tag)),
                Some(answer) => {
                    let rows = coordinator.rows(answer, cancel).await?;
                    Ok(Ran::Rows(Box::new(Rows::new(rows, Tag::Whole(tag), cancel.clone()))))
                }
            }
        };
        made.await.map_err(|error: anyhow::Error| Refusal::of(&error, sql))
    }

    /// What is known of a statement without running it: its parameters, of which clients have named some types, and its columns.
    ///
    /// # Errors
    /// What DuckDB says of it.
    pub(super) async fn prepare(&mut self, sql: &str, asked: &[u32]) -> Result<Prepared, Refusal> {
        let wrong = |error: anyhow::Error| Refusal::of(&error, sql);
        let statement = Statement::of(sql);
        let count = params::count(sql).max(if statement == Statement::Sql { asked.len() } else { 0 });
        let known = self.known().await.map_err(wrong)?;
        let found = if count > 0 { known.parameters(sql).unwrap_or_default() } else { Vec::new() };
        let expected = |at: usize| {
            let name = (at + 1).to_string();
            found.iter().find(|parameter| parameter.name == name).and_then(|parameter| parameter.sql_type.clone())
        };
        let (mut parameters, mut types) = (Vec::with_capacity(count), Vec::with_capacity(count));
        for at in 0..count {
            let named = asked.get(at).copied().and_then(WireType::of_oid);
            let expected = expected(at);
            let wire_type = named
                .or_else(|| expected.as_ref().map(WireType::of))
                .unwrap_or(WireType::Scalar(Scalar::Text));
            // Text may stand for whatever the statement has there; so may a number of another width.
            let sql_type = match (expected, wire_type) {
                (Some(expected), _) => expected.to_string(),
                (None, wire_type) => wire_type.duckdb(),
            };
            parameters.push(wire_type);
            types.push(sql_type);
        }
        let typed = params::typed(sql, &types);
        let nulls: Params = (1..=count).map(|number| (number.to_string(), None)).collect();
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
            Statement::Sql | Statement::Show(_) => self.fields(&typed, &nulls).await.map_err(wrong)?,
            _ => None,
        };
        Ok(Prepared { sql: typed, written: sql.to_owned(), parameters, fields })
    }

    /// The columns of SQL, if it gives rows.
    async fn fields(&mut self, sql: &str, nulls: &Params) -> Result<Option<Vec<Field>>> {
        let own = format!("{}{sql}", self.variables);
        if let Some(change) = change::parse(&own)? {
            return match change.returns() {
                true => self.returned(sql).await.map(Some),
                false => Ok(None),
            };
        }
        if !gives_rows(sql) {
            return Ok(None);
        }
        let known = self.known().await?;
        let columns = match known.columns(sql, nulls) {
            Ok(columns) => columns,
            // What only the function can say: of files, of functions of its extensions, of versions of tables.
            Err(error) if self.is_only_the_functions(sql, &error).await? => self.described(&own, nulls).await?,
            Err(error) => return Err(error),
        };
        Ok(Some(columns.iter().map(Field::of).collect()))
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
        let Ran::Rows(mut rows) = self.query(&format!("DESCRIBE {sql}"), nulls, &cancel).await? else {
            return Ok(Vec::new());
        };
        rows.described()
    }

    /// The columns of a RETURNING: those of a SELECT of them over the table, which is not run.
    async fn returned(&mut self, sql: &str) -> Result<Vec<Field>> {
        let known = self.known().await?;
        Ok(known.returned(sql)?.iter().map(Field::of).collect())
    }
}

/// Rows of texts.
fn texts(names: &[&str], rows: Vec<Vec<String>>, cancel: &CancellationToken) -> Ran {
    let fields: Vec<ArrowField> = names.iter().map(|name| ArrowField::new(*name, DataType::Utf8, true)).collect();
    let schema = Arc::new(Schema::new(fields));
    let column = |at: usize| -> ArrayRef {
        Arc::new(StringArray::from_iter_values(rows.iter().map(|row| row.get(at).cloned().unwrap_or_default())))
    };
    let arrays: Vec<ArrayRef> = (0..names.len()).map(column).collect();
    let columns = names.iter().map(|name| Column { name: (*name).to_owned(), sql_type: "VARCHAR".to_owned() });
    let batch = RecordBatch::try_new(schema.clone(), arrays).into_iter().collect();
    Ran::Rows(Box::new(Rows::of(schema, columns.collect(), batch, cancel.clone()).tagged("SHOW")))
}

fn told_or(tag: &'static str, told: Option<(String, String)>) -> Ran {
    match told {
        Some((name, value)) => Ran::Told { name, value, tag },
        None => Ran::Done(tag.to_owned()),
    }
}

pub(super) fn no_cursor(cursor: &str) -> Refusal {
    Refusal::new("34000", format!("cursor \"{cursor}\" does not exist"))
}

/// Whether SQL that changes no table gives rows: what writes files does not.
fn gives_rows(sql: &str) -> bool {
    let first = quack_function::sql::Tokens::new(sql).map(|(token, _)| token).next();
    !first.is_some_and(|token| token.is("COPY"))
}

/// What is said at the end of a statement that gives no rows and changes nothing.
fn tag_of(sql: &str) -> String {
    let first = quack_function::sql::Tokens::new(sql).map(|(token, _)| token).next();
    match first {
        Some(quack_function::sql::Token::Word(word)) => word.to_ascii_uppercase(),
        _ => "SELECT 0".to_owned(),
    }
}

/// What PostgreSQL says at the end of such a change.
fn tag_of_change(changed: &Changed, change: &Change) -> String {
    let rows = changed.rows;
    let word = match changed.statement {
        Deed::Create if matches!(change, Change::Create(create) if create.is_of_query()) => {
            return format!("SELECT {rows}");
        }
        Deed::Insert => return format!("INSERT 0 {rows}"),
        Deed::Update => return format!("UPDATE {rows}"),
        Deed::Delete => return format!("DELETE {rows}"),
        Deed::Merge => return format!("MERGE {rows}"),
        Deed::Create => "CREATE TABLE",
        Deed::CreateSchema => "CREATE SCHEMA",
        Deed::DropSchema => "DROP SCHEMA",
        Deed::CreateView => "CREATE VIEW",
        Deed::DropView => "DROP VIEW",
        Deed::RenameView => "ALTER VIEW",
        Deed::Comment => "COMMENT",
        Deed::Drop => "DROP TABLE",
        Deed::Rename | Deed::Alter => "ALTER TABLE",
        Deed::Begin => "BEGIN",
        Deed::Commit => "COMMIT",
        Deed::Rollback => "ROLLBACK",
    };
    word.to_owned()
}

/// The statements of a text that has several.
pub(super) fn pieces(sql: &str) -> Vec<String> {
    let (mut pieces, rest) = statements::split(sql);
    if !statements::is_blank(rest) {
        pieces.push(rest.trim());
    }
    pieces.into_iter().map(str::to_owned).collect()
}
