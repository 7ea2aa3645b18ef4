//! Quack-reduce: one SQL query as many smaller ones, that functions run side by side over parts of a table, and one
//! more that makes the answer of what they found.
//!
//! [`Planner::plan`] is given SQL and the catalog, and says what to run: *fetches*, each a query with the parts of a
//! table to run it on, and the *final* query over what they brought. It reads nothing but the catalog and changes
//! nothing. What it gives is DuckDB's own answer; where it cannot be sure of that, the plan is to run the query as it
//! stands.

mod aggregate;
mod ast;
mod check;
mod context;
mod display;
mod draft;
mod estimate;
mod from_clause;
mod functions;
mod gather;
mod names;
mod needs;
mod normal;
mod plan;
mod project;
mod prune;
mod query_plan;
mod reads;
mod recipes;
mod refusal;
mod request;
mod schemas;
mod scratch;
mod spell;
mod splits;
mod stack;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;
mod views;
mod walk;
mod work;
mod worth;

pub(crate) use check::check;
pub(crate) use needs::MANY_FILES;
pub(crate) use plan::Planner;
pub(crate) use query_plan::{Fetch, QueryPlan, Strategy};
pub(crate) use request::{GATHER_BYTES, Grain, Request, Workers};
pub(crate) use work::Work;
pub(crate) use worth::share;
