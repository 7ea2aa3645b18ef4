//! What several test files need: whole projects, the local target's daemon alone, AWS as emulated.

// Each test file is a crate of its own and uses a part of this.
#![allow(dead_code, unused_imports)]

mod account;
#[path = "../../src/package/cache.rs"]
mod cache;
mod call;
mod daemon;
mod emulator;
mod image;
mod project;
mod proxy;
#[path = "../../function/tests/support/runtime_api.rs"]
mod runtime_api;
mod sdk;

pub use account::*;
pub use call::*;
pub use daemon::*;
pub use emulator::*;
pub use image::*;
pub use project::*;
pub use proxy::*;
pub use sdk::*;
