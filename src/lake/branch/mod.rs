//! Branches: catalogs of their own, made of the lake's, which commands and clients read and change in its place (`--branch NAME`) until
//! all of one comes into the lake at once, or goes.

mod begin;
mod end;
mod list;
mod merge;

pub(crate) use self::begin::create;
pub(crate) use self::end::{discard, publish};
pub(crate) use self::list::{list, look};
pub(crate) use super::fork::check_name;
