//! Another program's Iceberg table, as its metadata tells of it: nothing of that is taken for true that could do harm.

mod fields;
mod files;
mod found;
mod metadata;

pub(super) use fields::plain;
pub(crate) use fields::{Field, Of};
pub(crate) use files::{File, files};
pub(crate) use found::find;
pub(crate) use metadata::{Theirs, read};
