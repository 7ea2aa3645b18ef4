//! `doctor` on the local target: a port to listen on, and a folder to keep the lake in.

use std::net::{Ipv4Addr, TcpListener};

use rustix::fs::{Access, access};

use super::stages::status;
use crate::check::Check;
use crate::config::Config;

/// Looks at what the daemon needs.
pub(crate) fn check(config: &Config) -> Vec<Check> {
    vec![port(config), folder(config)]
}

fn port(config: &Config) -> Check {
    let name = "port";
    if let Some(status) = status(config).filter(|status| status.running) {
        return Check::ok(name, format!("the stage is up on {}", status.endpoint));
    }
    match TcpListener::bind((Ipv4Addr::LOCALHOST, config.port)) {
        Ok(_) if config.port == 0 => Check::ok(name, "any that is free"),
        Ok(_) => Check::ok(name, format!("{} is free", config.port)),
        Err(error) => Check::fail(
            name,
            format!("cannot listen on {}: {error}", config.port),
            "set another one in quack.toml, [local] port, or 0 for any that is free",
        ),
    }
}

fn folder(config: &Config) -> Check {
    let (name, dir) = ("folder", config.dir.display());
    match access(&config.dir, Access::WRITE_OK | Access::EXEC_OK) {
        Ok(()) => Check::ok(name, dir.to_string()),
        Err(error) => Check::fail(name, format!("cannot write to {dir}: {error}"), "give -C a folder of your own"),
    }
}
