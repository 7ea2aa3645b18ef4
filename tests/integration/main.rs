//! The whole program against real servers: the local target's own processes, AWS as an emulator has it. One crate, so that
//! it is linked once.

mod aws;
mod bench;
mod cancelled;
mod concurrency;
mod damaged;
mod doctor;
mod emulator;
mod faults;
mod formats;
mod house;
mod identity;
mod image;
mod interruption;
mod lifecycle;
mod local_hostile;
mod local_lambda;
mod local_s3;
mod local_target;
mod local_trust;
mod local_uploads;
mod local_versions;
mod network;
mod output;
mod plans;
mod project;
mod query;
mod recover;
mod recovery;
mod reduce;
mod reduce_faults;
mod side_by_side;
mod strict;
mod support;
mod tables;
mod trust;
