//! How a command speaks with whoever called it: what it says, bars and spinners, Ctrl-C.

pub mod context;
pub mod interrupt;
pub mod progress;
