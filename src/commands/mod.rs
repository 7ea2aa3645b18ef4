//! The commands, one file each: thin, they only call the rooms beside this one.

pub mod load;
pub mod tables;
