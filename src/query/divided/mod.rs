//! A work divided: its parts on functions of their own, many at once. Of a query, the final stage goes over what they bring; what is
//! to be written, they write.

mod appender;
pub(super) mod merge;
mod merged;
mod run;
mod tasks;
mod window;
mod written;

pub(super) use merged::run;
pub(crate) use written::{Part, parts, write};
