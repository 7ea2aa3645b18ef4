//! Answers as somebody else could forge them.

mod answers;
mod bytes;
mod made;
