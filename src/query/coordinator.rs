//! What every step of a query needs.

use quack_function::wire::Params;

use crate::cloud::Target;
use crate::console::context::Context;
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
}

/// Those of SQL that has none.
static NO_PARAMS: Params = Params::new();

impl<'a> Coordinator<'a> {
    /// Over the tables as the bucket's catalog has them.
    pub(crate) fn new(context: &'a Context, target: &'a Target, catalog: &'a Catalog) -> Self {
        Self { context, target, catalog, is_snapshot: false, params: &NO_PARAMS }
    }

    /// The same over another catalog, if there is one.
    pub(crate) fn over<'b>(&self, other: Option<&'b Catalog>) -> Coordinator<'b>
    where
        'a: 'b,
    {
        Coordinator { catalog: other.unwrap_or(self.catalog), ..*self }
    }
}
