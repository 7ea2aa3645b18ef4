//! The values of a query's parameters.

use quack_function::wire::Params;
use quack_page::input::Given;

use super::compose::Composed;
use super::page::{self, Page};

/// The values of the inputs that a query has: what is given, else what the page says; and who looks, which is `user`.
///
/// # Errors
/// A value that is none of its input's.
pub(super) fn params(page: &Page, composed: &Composed, given: &Given, user: &str) -> Result<Params, String> {
    let mut params = Params::new();
    for input in composed.inputs.iter().filter_map(|at| page.inputs.get(*at)) {
        params.extend(input.values(given)?);
    }
    if composed.reads_user {
        params.insert(page::USER.to_owned(), Some(user.to_owned()));
    }
    Ok(params)
}
