//! A plan carried out: each split on a function of its own, many at once, and the final query over what they bring.

mod appender;
pub mod merge;
mod run;
mod stats;
mod tasks;
mod window;

pub use self::run::run;
pub use self::stats::Stats;
