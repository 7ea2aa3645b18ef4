//! A plan carried out: each split on a function of its own, many at once, and the final query over what they bring.

mod appender;
pub mod merge;
mod run;
mod tasks;
mod window;

pub use run::run;
