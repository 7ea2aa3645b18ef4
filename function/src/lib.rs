//! What `quackctl` and its function share: the [`wire`] protocol, the tokens of [`sql`], the types of [`sql_type`], the
//! [`functions`] that SQL may call, the text of [`value`]s and the access to [`s3`].
//!
//! The function itself (feature `engine`, binary `bootstrap`) is in `main.rs` and the modules it lists.

pub mod arrow_stream;
mod cleared;
pub mod copy;
pub mod csv;
#[cfg(feature = "engine")]
pub mod engine;
pub mod event;
pub mod failure;
pub mod file_part;
pub mod functions;
pub mod iceberg;
pub mod names;
pub mod plain;
pub mod record;
pub mod s3;
pub mod sql;
pub mod sql_type;
pub mod table;
#[cfg(feature = "testing")]
pub mod testing;
pub mod url;
pub mod value;
pub mod view;
pub mod wire;
