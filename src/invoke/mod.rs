//! One call of the function: sent, answered, its rows taken, its cost reckoned, its failures told.

pub(crate) mod call;
pub(crate) mod cost;
pub(crate) mod fault;
mod fields;
mod hint;
pub(crate) mod pending;
pub(crate) mod response;
pub(crate) mod spill;
mod stream;
pub(crate) mod tables;
#[cfg(test)]
mod tests;
pub(crate) mod version;
