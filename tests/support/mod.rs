//! What several test files need: whole projects, and the local target's daemon alone.

// Each test file is a crate of its own and uses a part of this.
#![allow(dead_code, unused_imports)]

mod daemon;
mod project;

pub use daemon::*;
pub use project::*;
