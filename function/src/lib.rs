//! What `quackctl` and its function share: the [`wire`] protocol, the tokens of [`sql`] and the text of [`value`]s.
//!
//! The function itself (feature `engine`, binary `bootstrap`) is in `main.rs` and the modules it lists.

#[cfg(feature = "engine")]
pub mod engine;
pub mod sql;
pub mod value;
pub mod wire;
