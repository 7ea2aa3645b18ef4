//! What was asked, by whom, and what it cost: the function's own log, read. The line of each invocation tells what, Lambda's
//! REPORT line for how much.

pub(crate) mod budget;
mod invocations;
mod list;
mod month;
mod totals;

pub(crate) use list::List;
pub(crate) use month::since_its_first;
pub(crate) use totals::{By, Groups, Sum};
