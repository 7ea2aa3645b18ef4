//! The DuckDB that takes pages' SQL apart: it knows no tables. To start one takes longer than what most pages ask of it, so that a few wait
//! for the next page.

use std::cell::Cell;
use std::sync::{Mutex, PoisonError};

use anyhow::Result;
use duckdb::Connection;

use crate::duck::{self, Sandbox};

/// How many wait at most.
const MOST: usize = 4;

static WAITING: Mutex<Vec<Connection>> = Mutex::new(Vec::new());

/// One of them, which is given back at the end.
pub(super) struct Parser {
    /// Nothing only while it is given back.
    connection: Option<Connection>,
    /// Something failed, or panicked, or it is being asked: such a one is not used again.
    is_spoilt: Cell<bool>,
}

impl Parser {
    /// # Errors
    /// When DuckDB does not start.
    pub(super) fn open() -> Result<Self> {
        let waiting = WAITING.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let connection = match waiting {
            Some(connection) => connection,
            None => duck::open(&Sandbox { memory: Some("64MB"), threads: Some(1), ..Sandbox::default() })?,
        };
        Ok(Self { connection: Some(connection), is_spoilt: Cell::new(false) })
    }

    /// What `ask` is told by it.
    ///
    /// # Errors
    /// DuckDB's.
    pub(super) fn ask<T>(&self, ask: impl FnOnce(&Connection) -> duckdb::Result<T>) -> duckdb::Result<T> {
        let was_spoilt = self.is_spoilt.replace(true);
        let answer = self.connection.as_ref().map_or(Err(duckdb::Error::InvalidQuery), ask);
        self.is_spoilt.set(was_spoilt || answer.is_err());
        answer
    }
}

impl Drop for Parser {
    fn drop(&mut self) {
        let Some(connection) = self.connection.take().filter(|_| !self.is_spoilt.get()) else { return };
        let mut waiting = WAITING.lock().unwrap_or_else(PoisonError::into_inner);
        if waiting.len() < MOST {
            waiting.push(connection);
        }
    }
}
