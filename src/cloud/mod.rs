//! Where a lake lives. A [`Target`] is endpoints, credentials and names; everything after it is plain AWS SDK, so that
//! no other room can tell the laptop from the cloud.

pub mod aws;
pub mod change;
pub mod confirm;
pub mod local;
pub mod place;
mod provisioned;
mod stage;
mod target;

pub use change::{Action, Change};
pub use provisioned::{Provisioned, UpOptions};
pub use stage::{doctor, has_data, logs, plan, policy, provision, status, teardown};
pub use target::{REGION, Target};
