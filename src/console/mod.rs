//! How a command speaks with whoever called it: what it says, bars and spinners, Ctrl-C.

pub(crate) mod context;
pub(crate) mod interrupt;
pub(crate) mod progress;
