//! The commands, one file each: thin, they only call the rooms beside this one.

pub(crate) mod bench;
pub(crate) mod build;
pub(crate) mod cache;
mod changes;
pub(crate) mod compact;
pub(crate) mod completions;
pub(crate) mod doctor;
pub(crate) mod down;
pub(crate) mod drop;
pub(crate) mod expire;
pub(crate) mod init;
pub(crate) mod load;
pub(crate) mod logs;
pub(crate) mod man;
pub(crate) mod outputs;
pub(crate) mod plan;
pub(crate) mod query;
pub(crate) mod recover;
pub(crate) mod register;
pub(crate) mod rename;
pub(crate) mod rollback;
pub(crate) mod serve;
pub(crate) mod shell;
pub(crate) mod status;
pub(crate) mod tables;
pub(crate) mod template;
pub(crate) mod up;
