//! The commands, one file each: thin, they only call the rooms beside this one.

pub mod bench;
pub mod build;
pub mod completions;
pub mod doctor;
pub mod down;
pub mod init;
pub mod load;
pub mod logs;
pub mod plan;
pub mod query;
pub mod shell;
pub mod status;
pub mod tables;
pub mod up;
