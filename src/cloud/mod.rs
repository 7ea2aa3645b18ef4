//! Where a lake lives. A [`Target`] is endpoints, credentials and names; everything after it is plain AWS SDK, so that
//! no other room can tell the laptop from the cloud.

pub(crate) mod aws;
pub(crate) mod change;
pub(crate) mod confirm;
pub(crate) mod holding;
pub(crate) mod local;
mod log_line;
pub(crate) mod place;
mod plan;
mod provisioned;
pub(crate) mod saved;
mod stage;
mod target;
mod turns;

pub(crate) use change::Change;
pub(crate) use log_line::{LogLine, LogOf};
pub(crate) use plan::{PAGES, Plan};
pub(crate) use provisioned::{Provisioned, UpOptions};
pub(crate) use stage::{
    check_unprotected, doctor, holdings, lake, logs, others_up, plan, policy, provision, stands, status, teardown,
};
pub(crate) use target::{Lake, Target};
pub(crate) use turns::Turns;
