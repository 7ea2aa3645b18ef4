//! A plan carried out: each split on a function of its own, many at once, and the final query over what they bring.

mod appender;
pub(super) mod merge;
mod run;
mod tasks;
mod window;

pub(super) use run::run;
