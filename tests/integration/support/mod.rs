//! What several test files need: whole projects, the local target's daemon alone, AWS as emulated.

mod account;
mod attack;
mod both;
mod call;
mod chromium;
mod daemon;
mod emulator;
mod got;
mod image;
mod instances;
mod lake;
mod node;
mod project;
mod proxy;
mod python;
mod sdk;
mod server;
mod skip;

pub(crate) use account::*;
pub(crate) use attack::*;
pub(crate) use both::*;
pub(crate) use call::*;
pub(crate) use chromium::*;
pub(crate) use daemon::*;
pub(crate) use emulator::*;
pub(crate) use got::*;
pub(crate) use image::*;
pub(crate) use instances::*;
pub(crate) use lake::*;
pub(crate) use node::*;
pub(crate) use project::*;
pub(crate) use proxy::*;
pub(crate) use python::*;
pub(crate) use sdk::*;
pub(crate) use server::*;
pub(crate) use skip::skip;
