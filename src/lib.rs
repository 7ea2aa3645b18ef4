//! The library behind the program `quackctl`: a serverless SQL engine over a data lake, put up and taken down with one
//! command each. A library so that tests and fuzz targets reach it as the program does; it promises nothing to others.

pub mod arch;
pub mod bench;
pub mod bucket;
pub mod check;
pub mod cli;
pub mod cloud;
pub mod commands;
pub mod config;
pub mod console;
pub mod duck;
pub mod error;
pub mod invoke;
pub mod lake;
pub mod output;
pub mod package;
pub mod planner;
pub mod private;
pub mod query;
pub mod rows;
