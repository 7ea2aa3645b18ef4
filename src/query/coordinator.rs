//! What every step of a query needs.

use crate::cloud::Target;
use crate::console::context::Context;
use crate::lake::catalog::Catalog;

/// Where queries run: what every step of one needs.
#[derive(Clone, Copy)]
pub(crate) struct Coordinator<'a> {
    pub context: &'a Context,
    pub target: &'a Target,
    pub catalog: &'a Catalog,
}
