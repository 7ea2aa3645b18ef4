//! The front door of a query: answered by one function or by many, its rows, what it took.

mod account;
mod answer;
mod answered;
mod coordinator;
mod counted;
mod divided;
mod estimate;
mod expected;
mod half;
pub(crate) mod health;
mod kept;
mod measured;
pub(crate) mod needed;
mod request;
mod rerun;
mod rows;
mod single;
pub(crate) mod statements;
mod stats;
mod stream;
pub(crate) mod summary;
mod travel;

pub(crate) use account::Account;
pub(crate) use answer::{answer, check, plan};
pub(crate) use answered::Answer;
pub(crate) use coordinator::Coordinator;
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) use divided::merge::{Finish, Merge, Partial};
pub(crate) use divided::scheduled;
pub(crate) use divided::{Part, alone, parts, unreported, write};
pub(crate) use estimate::{Estimate, Way, estimate, weighed};
pub(crate) use expected::Expected;
pub(crate) use kept::Kept;
pub(crate) use measured::Measured;
pub(crate) use request::Request;
pub(crate) use rerun::while_replaced;
pub(crate) use single::ask;
pub(crate) use travel::{travel, travels};
