//! Rows as PostgreSQL's wire has them: which of its types stands for each of DuckDB's, and values as text and as bytes.

mod binary;
pub(super) mod copy;
pub(super) mod numeric;
mod row;
mod text;
mod wire_type;

pub(super) use row::{Encoder, Field, sized};
pub(super) use wire_type::{Scalar, WireType};
