//! What every step of planning one query reads.

use super::functions::Functions;
use super::scratch::Scratch;
use crate::lake::catalog::Catalog;

/// What every step of planning reads and none changes.
pub(super) struct PlanContext<'a> {
    pub scratch: &'a Scratch,
    pub functions: &'a Functions,
    pub catalog: &'a Catalog,
}
