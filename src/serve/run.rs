//! A statement answered: about the session here, about the catalog by the tables without rows, and SQL by the function.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Result;
use arrow::array::{ArrayRef, RecordBatch, StringArray};
use arrow::datatypes::{DataType, Field as ArrowField, Schema};
use quack_function::sql::{Token, identifier, literal};
use quack_function::wire::{Column, Params, Spill};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

use super::catalog::is_own;
use super::copy::{CopyOptions, Target};
use super::literals;
use super::refusal::{FEATURE, Refusal};
use super::rows::{Rows, Tag};
use super::session::{Portal, Prepared, Session, Status};
use super::settings::{ELSEWHERE, Settings};
use super::statement::{Count, Statement};
use super::{tag, variables};
use crate::change::{self, Change};
use crate::console::context::Caller;
use crate::error::{failure, interrupted};
use crate::lake::catalog::{self, Scope};
use crate::planner::Workers;
use crate::query::statements::{self, Statement as Piece};
use crate::query::{self, Coordinator, Request};

/// How long the server itself works on an answer.
const CATALOG_WITHIN: Duration = Duration::from_secs(30);

/// On how many it works at once, what it has to make for them first among it: of hundreds, each would take as long as all of them.
static TURNS: Semaphore = Semaphore::const_new(32);

/// What came of a statement.
pub(super) enum Ran {
    Empty,
    Rows(Box<Rows>),
    /// No rows: what is said at its end.
    Done(String),
    /// The same, with something to be said before.
    Warned {
        code: &'static str,
        message: &'static str,
        tag: &'static str,
    },
    /// A setting that clients are told of has another value.
    Told {
        name: String,
        value: String,
        tag: &'static str,
    },
    /// Rows that are written as COPY says.
    Copy(Box<Rows>, CopyOptions),
    /// Rows that the client sends now.
    Takes(Target, CopyOptions),
    /// Rows of a cursor, as it is.
    Fetch {
        cursor: String,
        count: Count,
        moves: bool,
    },
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
            Statement::Begin => Ok(self.begin_block()),
            Statement::Commit => self.commit(cancel).await,
            Statement::Rollback => self.roll_back().await,
            Statement::Savepoint(_) | Statement::Release(_) | Statement::RollbackTo(_)
                if self.status == Status::Idle || self.is_implicit =>
            {
                Err(Refusal::new("25P01", "savepoints can only be used in transaction blocks"))
            }
            Statement::Savepoint(name) => {
                self.savepoints.push((name, self.transaction.mark()));
                done("SAVEPOINT")
            }
            Statement::Release(name) => {
                let at = self.savepoint(&name)?;
                self.savepoints.truncate(at);
                done("RELEASE")
            }
            Statement::RollbackTo(name) => {
                self.back_to(&name).await?;
                done("ROLLBACK")
            }
            Statement::Set { name, value } => {
                let told = self.settings.set(&name, &value)?;
                match Settings::leads_elsewhere(&name, &value) {
                    true => Ok(Ran::Warned { code: "01000", message: ELSEWHERE, tag: "SET" }),
                    false => Ok(told_or("SET", told)),
                }
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
                    Ok(texts(&[name], vec![vec![value]]))
                }
                // DuckDB's own, and `SHOW table`.
                None => self.sql(sql, params, cancel).await,
            },
            Statement::ShowAll => {
                let all =
                    self.settings.all().map(|(name, value)| vec![name.to_owned(), value.to_owned(), String::new()]);
                Ok(texts(&["name", "setting", "description"], all.collect()))
            }
            Statement::Discard(tag) => {
                let is_all = tag == "DISCARD ALL";
                if is_all || tag == "DISCARD TEMP" {
                    if self.status != Status::Idle {
                        return Err(Refusal::new("25001", format!("{tag} cannot run inside a transaction block")));
                    }
                    self.transaction.forget_temporary(&self.target.bucket).await;
                }
                if is_all {
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
            Statement::Declare { holds: false, .. } if self.status == Status::Idle => {
                Err(Refusal::new("25P01", "DECLARE CURSOR can only be used in transaction blocks")
                    .with_hint("BEGIN begins one, or write DECLARE name CURSOR WITH HOLD FOR ..."))
            }
            Statement::Declare { cursor, query, holds } => self.declare(cursor, &query, holds, params, cancel).await,
            Statement::Fetch { cursor, count, moves } => Ok(Ran::Fetch { cursor, count, moves }),
            Statement::CopyIn { target, options } => Ok(Ran::Takes(target, options)),
            Statement::CopyOut { query, options } => match self.sql(&query, params, cancel).await? {
                Ran::Rows(rows) => Ok(Ran::Copy(rows, options)),
                _ => Err(Refusal::new("42601", "COPY TO STDOUT takes a query that gives rows")),
            },
            Statement::Refused(refusal) => Err(refusal),
            Statement::Close(None) => {
                self.portals.retain(|_, portal| !portal.is_cursor);
                done("CLOSE CURSOR ALL")
            }
            Statement::Close(Some(cursor)) => match self.portals.remove(&cursor) {
                Some(_) => done("CLOSE CURSOR"),
                None => Err(no_cursor(&cursor)),
            },
            Statement::Nothing(tag) => done(tag),
            Statement::SetVariable(name) => self.set_variable(&name, sql, params, cancel).await,
            Statement::ResetVariable(name) => {
                self.variables.remove(&name);
                done("RESET")
            }
            Statement::Sql => self.sql(sql, params, cancel).await,
        }
    }

    /// Has the function say what a variable is, once: it stays so, whatever it was made of.
    ///
    /// # Errors
    /// What is wrong with its value; too many of them. It is what it was before then.
    async fn set_variable(
        &mut self,
        name: &str,
        sql: &str,
        params: &Params,
        cancel: &CancellationToken,
    ) -> Result<Ran, Refusal> {
        let wrong = |error: anyhow::Error| Refusal::of(&error, sql);
        let sql = sql.trim_end().trim_end_matches(';');
        self.begin_lake(cancel).await?;
        let asked = format!(
            "{}{sql}\n;\nSELECT typeof(value), CAST(value AS VARCHAR) FROM (SELECT getvariable({}) AS value)",
            self.variables,
            literal(name)
        );
        let Ran::Rows(mut rows) = self.query(&asked, params, cancel).await.map_err(wrong)? else {
            return Err(Refusal::new("42601", format!("variable \"{name}\" cannot be set so")));
        };
        let (sql_type, text) = rows.pair().map_err(wrong)?;
        let statement = match (text, variables::is_plain(&sql_type)) {
            (None, _) => format!("SET VARIABLE {} = NULL", identifier(name)),
            (Some(text), true) => format!("SET VARIABLE {} = CAST({} AS {sql_type})", identifier(name), literal(&text)),
            (Some(_), false) if params.is_empty() => sql.to_owned(),
            (Some(_), false) => {
                let words = format!("a variable of type {sql_type} cannot be made of parameters");
                return Err(Refusal::new(FEATURE, words).with_hint("write the value itself"));
            }
        };
        self.variables.set(name, statement)?;
        Ok(Ran::Done("SET".to_owned()))
    }

    /// Makes a cursor: a portal whose rows come when they are asked for.
    async fn declare(
        &mut self,
        cursor: String,
        query: &str,
        is_held: bool,
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
            oids: Vec::new(),
            fields: Some(rows.fields.clone()),
            is_change: false,
        };
        let portal = Portal {
            prepared: Arc::new(prepared),
            params: params.clone(),
            formats: Vec::new(),
            rows: Some(*rows),
            is_done: false,
            is_cursor: true,
            is_held,
        };
        self.portals.insert(cursor, portal);
        Ok(Ran::Done("DECLARE CURSOR".to_owned()))
    }

    /// Has SQL answered.
    pub(super) async fn sql(&mut self, sql: &str, params: &Params, cancel: &CancellationToken) -> Result<Ran, Refusal> {
        let written = sql;
        let wrong = |error: anyhow::Error| Refusal::of(&error, written);
        let sql = literals::translated(sql);
        let sql = sql.as_str();
        if let Some(ran) = self.of_catalog(sql, params, cancel).await.map_err(wrong)? {
            return Ok(ran);
        }
        self.begin_lake(cancel).await?;
        let own = format!("{}{sql}", self.variables);
        match change::parse(&own).map_err(wrong)? {
            Some(change) => self.change(&own, &change, params, cancel).await,
            None => self.query(&own, params, cancel).await.map_err(wrong),
        }
    }

    /// The answer to what is asked of the catalog, or of nothing.
    async fn of_catalog(&mut self, sql: &str, params: &Params, cancel: &CancellationToken) -> Result<Option<Ran>> {
        if self.variables.are_read_by(sql) {
            return Ok(None);
        }
        if !is_own(sql, &self.who()) {
            return Ok(None);
        }
        let _turn = tokio::select! {
            turn = TURNS.acquire() => turn,
            () = cancel.cancelled() => return Err(interrupted("interrupted")),
        };
        let known = self.known().await?;
        let (ending, handle) = (cancel.clone(), known.interrupt_handle());
        let watcher = tokio::spawn(async move {
            _ = tokio::time::timeout(CATALOG_WITHIN, ending.cancelled()).await;
            handle.interrupt();
        });
        let answer = known.answer(sql, params, &self.who());
        let is_late = watcher.is_finished();
        watcher.abort();
        let (schema, columns, batches) = match answer {
            Err(_) if cancel.is_cancelled() => return Err(interrupted("interrupted")),
            Err(_) if is_late => {
                let words = format!("what is asked of the catalog took more than {} s", CATALOG_WITHIN.as_secs());
                return Err(failure(words, "ask for less of it"));
            }
            answer => answer?,
        };
        self.set_by_function(sql);
        Ok(Some(Ran::Rows(Box::new(Rows::of(schema, columns, batches)))))
    }

    /// Does what `set_config('name', 'value', ...)` says.
    fn set_by_function(&mut self, sql: &str) {
        let tokens = quack_function::sql::tokens(sql);
        for call in tokens.windows(5) {
            let [word, Token::Symbol('('), name @ Token::Text(_), Token::Symbol(','), value @ Token::Text(_)] = call
            else {
                continue;
            };
            if let (true, Some(name), Some(value)) = (word.is("set_config"), name.name(), value.name()) {
                // What cannot be set is said to be what it was asked to be, as the function gives it.
                _ = self.settings.set(&name, &value);
            }
        }
    }

    pub(super) async fn query(&mut self, sql: &str, params: &Params, cancel: &CancellationToken) -> Result<Ran> {
        self.say_who();
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
            return Ok(Ran::Done(tag::of(&request.sql)));
        }
        Ok(Ran::Rows(Box::new(Rows::new(rows, Tag::Counted("SELECT")))))
    }

    /// Has the log say who asks: the user that came in, with the program that it says it is.
    fn say_who(&mut self) {
        let setting = |name| self.settings.get(name).map(|(_, value)| value.to_owned()).unwrap_or_default();
        let application = Some(setting("application_name")).filter(|name| !name.is_empty());
        let application = application.unwrap_or_else(|| "quackctl serve".to_owned());
        self.context.caller = Caller { user: setting("session_authorization"), application };
    }

    fn coordinator<'a>(&'a self, catalog: &'a catalog::Catalog, params: &'a Params) -> Coordinator<'a> {
        let is_snapshot = self.transaction.is_open();
        Coordinator { is_snapshot, params, ..Coordinator::new(&self.context, &self.target, catalog) }
    }

    pub(super) async fn change(
        &mut self,
        sql: &str,
        change: &Change,
        params: &Params,
        cancel: &CancellationToken,
    ) -> Result<Ran, Refusal> {
        self.say_who();
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
            let tag = tag::of_change(&outcome.changed, change);
            match outcome.rows {
                None => Ok(Ran::Done(tag)),
                Some(answer) => {
                    let rows = coordinator.rows(answer, cancel).await?;
                    Ok(Ran::Rows(Box::new(Rows::new(rows, Tag::Whole(tag)))))
                }
            }
        };
        made.await.map_err(|error: anyhow::Error| Refusal::of(&error, sql))
    }
}

/// Rows of texts.
fn texts(names: &[&str], rows: Vec<Vec<String>>) -> Ran {
    let fields: Vec<ArrowField> = names.iter().map(|name| ArrowField::new(*name, DataType::Utf8, true)).collect();
    let schema = Arc::new(Schema::new(fields));
    let column = |at: usize| -> ArrayRef {
        Arc::new(StringArray::from_iter_values(rows.iter().map(|row| row.get(at).cloned().unwrap_or_default())))
    };
    let arrays: Vec<ArrayRef> = (0..names.len()).map(column).collect();
    let columns = names.iter().map(|name| Column { name: (*name).to_owned(), sql_type: "VARCHAR".to_owned() });
    let batch = RecordBatch::try_new(schema.clone(), arrays).into_iter().collect();
    Ran::Rows(Box::new(Rows::of(schema, columns.collect(), batch).tagged("SHOW")))
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

/// The statements of a text that has several.
pub(super) fn pieces(sql: &str) -> Vec<String> {
    let (mut pieces, rest) = statements::split(sql);
    if !statements::is_blank(rest) {
        pieces.push(rest.trim());
    }
    pieces.into_iter().map(str::to_owned).collect()
}
