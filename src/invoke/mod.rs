//! One call of the function: sent, answered, its rows taken, its cost reckoned, its failures told.

pub mod call;
pub mod cost;
pub mod fault;
pub mod response;
pub mod spill;
pub mod tables;
