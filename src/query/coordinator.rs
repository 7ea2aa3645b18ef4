//! What every step of a query needs.

use quack_function::record;
use quack_function::wire::{Params, Who};

use crate::cloud::Target;
use crate::console::context::{Caller, Context};
use crate::lake::catalog::Catalog;

/// Where queries run: what every step of one needs.
#[derive(Clone, Copy)]
pub(crate) struct Coordinator<'a> {
    pub context: &'a Context,
    pub target: &'a Target,
    pub catalog: &'a Catalog,
    /// The catalog is a transaction's own: what others do to the tables meanwhile is nothing to it.
    pub is_snapshot: bool,
    /// Values of the parameters of whatever is asked.
    pub params: &'a Params,
    pub caller: &'a Caller,
    /// The statement that all of it is for, once one has begun.
    pub asked: Option<Asked<'a>>,
}

/// A statement that somebody asks.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Asked<'a> {
    sql: &'a str,
    /// What all its invocations have, and no others.
    id: u64,
}

/// Those of SQL that has none.
static NO_PARAMS: Params = Params::new();

impl<'a> Coordinator<'a> {
    /// Over the tables as the bucket's catalog has them.
    pub(crate) fn new(context: &'a Context, target: &'a Target, catalog: &'a Catalog) -> Self {
        Self { context, target, catalog, is_snapshot: false, params: &NO_PARAMS, caller: &context.caller, asked: None }
    }

    /// The same for a statement that begins with it; one that has begun goes on.
    pub(crate) fn asking<'b>(&self, sql: &'b str) -> Coordinator<'b>
    where
        'a: 'b,
    {
        let begun = || Asked { sql, id: rand::random() };
        Coordinator { asked: Some(self.asked.unwrap_or_else(begun)), ..*self }
    }

    /// Who asks, for an event whose SQL is `sql`.
    pub(crate) fn who(&self, sql: &str) -> Who {
        let asked = self.asked.unwrap_or_else(|| Asked { sql, id: rand::random() });
        Who {
            user: self.caller.user.clone(),
            application: self.caller.application.clone(),
            query: format!("{:016x}", asked.id),
            sql: (asked.sql != sql).then(|| record::shortened(asked.sql)),
        }
    }

    /// The same over another catalog, if there is one.
    pub(crate) fn over<'b>(&self, other: Option<&'b Catalog>) -> Coordinator<'b>
    where
        'a: 'b,
    {
        Coordinator { catalog: other.unwrap_or(self.catalog), ..*self }
    }
}
