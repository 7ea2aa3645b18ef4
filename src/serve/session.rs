//! What lasts of one client from one statement to the next.

use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Result;
use pgwire::messages::response::TransactionStatus;
use quack_function::wire::Params;
use tokio_util::sync::CancellationToken;

use super::cancel::Current;
use super::catalog::{Known, Parser, Who};
use super::encode::{Field, WireType};
use super::rows::Rows;
use super::settings::Settings;
use super::variables::Variables;
use crate::change::{Mark, Transaction};
use crate::cloud::Target;
use crate::console::context::Context;
use crate::lake::catalog::{Catalog, Scope};

/// What `version()` says: drivers look for the number, people for the rest.
const VERSION: &str = concat!("PostgreSQL 16.6 (quackctl ", env!("CARGO_PKG_VERSION"), ")");

/// One client's session.
pub(super) struct Session {
    pub context: Context,
    pub target: Target,
    pub settings: Settings,
    pub transaction: Transaction,
    pub status: Status,
    /// The transaction was begun by no statement: it ends with the message, or with the next Sync.
    pub is_implicit: bool,
    /// Names of the transaction's savepoints, the last one last, and the tables as they were; nothing for one before the first
    /// statement about them.
    pub savepoints: Vec<(String, Option<Mark>)>,
    pub variables: Variables,
    pub prepared: HashMap<String, Arc<Prepared>>,
    pub portals: HashMap<String, Portal>,
    pub current: Arc<Current>,
    parser: Parser,
    /// The tables without rows, and the catalog that they are of.
    known: Option<(Catalog, Rc<Known>)>,
}

/// Where a session is between BEGIN and COMMIT.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Status {
    Idle,
    /// BEGIN was said; the lake's own transaction begins with the first statement that is about it.
    InTransaction,
    /// A statement failed: nothing is done any more but to end it.
    Failed,
}

impl From<Status> for TransactionStatus {
    fn from(status: Status) -> Self {
        match status {
            Status::Idle => Self::Idle,
            Status::InTransaction => Self::Transaction,
            Status::Failed => Self::Error,
        }
    }
}

/// A statement that was parsed, and what is known of it without running it.
pub(super) struct Prepared {
    /// With casts around its parameters.
    pub sql: String,
    /// As it was written.
    pub written: String,
    /// What the client sends its values as.
    pub parameters: Vec<WireType>,
    /// The object ids that it is told of them.
    pub oids: Vec<u32>,
    /// Its columns; nothing for a statement that gives no rows.
    pub fields: Option<Vec<Field>>,
    /// It changes tables.
    pub is_change: bool,
}

/// A statement with its parameters' values, ready to run or with rows left; a cursor is one, too.
pub(super) struct Portal {
    pub prepared: Arc<Prepared>,
    pub params: Params,
    /// Formats of the columns, as Bind has them.
    pub formats: Vec<i16>,
    pub rows: Option<Rows>,
    /// It was run, and has no rows left.
    pub is_done: bool,
    /// Made by DECLARE: no message ends it.
    pub is_cursor: bool,
    /// It outlives its transaction.
    pub is_held: bool,
}

impl Session {
    pub(super) fn new(context: Context, target: Target, settings: Settings, current: Arc<Current>) -> Self {
        Self {
            context,
            target,
            settings,
            transaction: Transaction::default(),
            status: Status::Idle,
            is_implicit: false,
            savepoints: Vec::new(),
            variables: Variables::default(),
            prepared: HashMap::new(),
            portals: HashMap::new(),
            current,
            parser: Parser::default(),
            known: None,
        }
    }

    /// The tables as the session has them, as far as they are in the `scope`.
    pub(super) async fn catalog(&self, scope: Scope<'_>) -> Result<Catalog> {
        self.transaction.catalog(&self.target.bucket, scope).await
    }

    /// The tables without rows.
    ///
    /// # Errors
    /// A catalog that cannot be read.
    pub(super) async fn known(&mut self) -> Result<Rc<Known>> {
        let catalog = self.catalog(Scope::Outline).await?;
        if let Some((of, known)) = &self.known
            && *of == catalog
        {
            return Ok(known.clone());
        }
        let known = Rc::new(Known::of(&catalog)?);
        self.known = Some((catalog, known.clone()));
        Ok(known)
    }

    /// Whose catalog is asked.
    pub(super) fn who(&self) -> Who<'_> {
        let (_, user) = self.settings.get("session_authorization").unwrap_or_default();
        Who { user, version: VERSION, settings: &self.settings, parser: &self.parser }
    }

    /// What is run next: a token that ends it, and how long it may take.
    pub(super) fn begin(&self) -> (CancellationToken, Option<Duration>) {
        (self.current.begin(), self.settings.statement_timeout())
    }

    /// A statement has failed: a transaction does nothing more.
    pub(super) fn fail(&mut self) {
        if self.status == Status::InTransaction {
            self.status = Status::Failed;
        }
    }

    /// Forgets what ends with a transaction.
    pub(super) fn end_transaction(&mut self) {
        (self.status, self.is_implicit) = (Status::Idle, false);
        self.portals.retain(|_, portal| portal.is_held);
        self.savepoints.clear();
    }
}
