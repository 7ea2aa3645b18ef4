//! Where a session's transactions begin and end: those of BEGIN, and those that PostgreSQL makes of several statements of one message
//! and of what lies between two Syncs.

use quack_function::wire::Params;
use tokio_util::sync::CancellationToken;

use super::refusal::Refusal;
use super::run::Ran;
use super::session::{Session, Status};
use crate::change::Change;

const NONE: &str = "there is no transaction in progress";

impl Session {
    /// BEGIN: what runs as one transaction already is one that COMMIT ends from now on.
    pub(super) fn begin_block(&mut self) -> Ran {
        if self.status == Status::InTransaction && !self.is_implicit {
            return Ran::Warned { code: "25001", message: "there is already a transaction in progress", tag: "BEGIN" };
        }
        (self.status, self.is_implicit) = (Status::InTransaction, false);
        Ran::Done("BEGIN".to_owned())
    }

    /// What comes until [`Self::end_implicit`] is one transaction, unless it says otherwise.
    pub(super) fn begin_implicit(&mut self) {
        if self.status == Status::Idle {
            (self.status, self.is_implicit) = (Status::InTransaction, true);
        }
    }

    /// Ends a transaction that nobody has begun by a statement: makes what it did, or forgets that after an error.
    ///
    /// # Errors
    /// What it did cannot be made; it is not made then.
    pub(super) async fn end_implicit(&mut self, cancel: &CancellationToken) -> Result<(), Refusal> {
        if self.is_implicit {
            self.commit(cancel).await?;
        }
        Ok(())
    }

    /// A transaction of the lake begins with the first statement that is about it.
    pub(super) async fn begin_lake(&mut self, cancel: &CancellationToken) -> Result<(), Refusal> {
        if self.status == Status::InTransaction && !self.transaction.is_open() {
            self.change("BEGIN", &Change::Begin, &Params::new(), cancel).await?;
        }
        Ok(())
    }

    pub(super) async fn commit(&mut self, cancel: &CancellationToken) -> Result<Ran, Refusal> {
        let is_block = self.status != Status::Idle && !self.is_implicit;
        match self.status {
            Status::Idle => {}
            // What has failed is not made, and the client is told so by the tag.
            Status::Failed => return self.roll_back().await,
            Status::InTransaction => {
                self.end_transaction();
                if self.transaction.is_open() {
                    self.change("COMMIT", &Change::Commit, &Params::new(), cancel).await?;
                }
            }
        }
        Ok(ended("COMMIT", is_block))
    }

    /// Forgets what a transaction has changed.
    pub(super) async fn roll_back(&mut self) -> Result<Ran, Refusal> {
        let is_block = self.status != Status::Idle && !self.is_implicit;
        self.end_transaction();
        if self.transaction.is_open() {
            let rolled_back = self.transaction.roll_back(&self.target.bucket).await;
            rolled_back.map_err(|error| Refusal::of(&error, ""))?;
        }
        Ok(ended("ROLLBACK", is_block))
    }

    /// The place of the savepoint of that name that was made last.
    pub(super) fn savepoint(&self, name: &str) -> Result<usize, Refusal> {
        let found = self.savepoints.iter().rposition(|(known, _)| known == name);
        found.ok_or_else(|| Refusal::new("3B001", format!("savepoint \"{name}\" does not exist")))
    }

    /// Forgets what was changed since a savepoint, which stays.
    pub(super) async fn back_to(&mut self, name: &str) -> Result<(), Refusal> {
        let at = self.savepoint(name)?;
        self.savepoints.truncate(at + 1);
        match &self.savepoints[at].1 {
            Some(mark) => self.transaction.back_to(mark),
            None if self.transaction.is_open() => {
                let rolled_back = self.transaction.roll_back(&self.target.bucket).await;
                rolled_back.map_err(|error| Refusal::of(&error, ""))?;
            }
            None => {}
        }
        self.status = Status::InTransaction;
        Ok(())
    }
}

/// What is said at the end of a transaction; who has begun none is warned.
fn ended(tag: &'static str, is_block: bool) -> Ran {
    match is_block {
        true => Ran::Done(tag.to_owned()),
        false => Ran::Warned { code: "25P01", message: NONE, tag },
    }
}
