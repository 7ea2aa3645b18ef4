//! The front door of a query: answered by one function or by many, its rows, what it took.

mod answer;
mod answered;
mod coordinator;
mod divided;
pub mod explain;
pub mod health;
mod request;
mod rows;
mod single;
pub mod statements;
mod stats;
pub mod summary;

pub use answer::{answer, plan};
pub use answered::Answer;
pub use coordinator::Coordinator;
pub use request::Request;
pub use stats::Stats;
