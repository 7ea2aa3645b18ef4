//! What several test files need: whole projects, the local target's daemon alone, AWS as emulated.

mod account;
mod call;
mod daemon;
mod emulator;
mod image;
mod project;
mod proxy;
#[path = "../../../function/tests/support/runtime_api.rs"]
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
