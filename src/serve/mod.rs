//! `quackctl serve`: the engine for whoever speaks PostgreSQL's wire protocol, version 3 (psql, drivers, BI tools, dbt).
//!
//! Each client has a thread, as PostgreSQL gives it a process (`listen`), on which `connection` reads one message after another.
//! `simple` and `extended` are the protocol's two ways to run statements; `run` has them answered: about the session here, about the
//! catalog by `catalog`, and SQL by the function, divided where that pays. `encode` makes the wire's rows of Arrow's.

mod cancel;
mod catalog;
mod connection;
mod copy;
mod copy_in;
mod decode;
mod decode_binary;
mod encode;
mod extended;
mod listen;
mod literals;
mod messages;
mod outgoing;
mod params;
mod prepare;
mod refusal;
mod rows;
mod run;
mod session;
mod settings;
mod simple;
mod startup;
mod statement;
mod tag;
mod tokens;
mod transaction;
mod users;
mod variables;

pub(crate) use listen::{Options, serve};
pub(crate) use pgwire::tokio::TlsAcceptor;
pub(crate) use users::{Users, verifier};
