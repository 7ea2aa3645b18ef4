//! A work divided: its parts on functions of their own, many at once. Of a query, the final stage goes over what they bring; what is
//! to be written, they write.

mod alone;
mod appender;
pub(super) mod merge;
mod merged;
mod run;
mod tasks;
mod window;
mod written;

pub(crate) use alone::{alone, unreported};
pub(super) use merged::run;
/// Which part is sent when: for who puts another clock behind it.
pub(crate) mod scheduled {
    pub(crate) use super::tasks::Tasks;
    pub(crate) use super::window::Window;
}
pub(crate) use written::{Part, parts, write};
