//! The target `aws`.

pub mod errors;
pub mod names;
pub mod session;
