//! The tools that build the function, as `doctor` looks at them.

use std::process::Command;

use super::cargo_lambda;
use crate::arch::Arch;
use crate::check::{Check, State};
use crate::config::Config;

/// Looks at each tool that an `up` with nothing in the cache calls.
pub(crate) fn check(config: &Config) -> Vec<Check> {
    let target = match config.function_arch() {
        Ok(arch) => rust_target(arch),
        Err(error) => Check::error("rust target", State::Fail, &error),
    };
    vec![
        program("cargo", &["--version"], "install Rust: https://rustup.rs"),
        target,
        cargo_lambda(),
        program("npm", &["--version"], "install Node.js, which brings npm: DuckDB's library is fetched with it"),
        python(),
    ]
}

fn rust_target(arch: Arch) -> Check {
    match cargo_lambda::check_target(arch) {
        Ok(()) => Check::ok("rust target", format!("{} for {arch}", cargo_lambda::rust_target(arch))),
        Err(error) => Check::error("rust target", State::Fail, &error),
    }
}

fn cargo_lambda() -> Check {
    let name = "cargo-lambda";
    match cargo_lambda::on_path(name) {
        Some(found) => Check::ok(name, found.display().to_string()),
        None => Check::ok(name, format!("quackctl's own, {}", cargo_lambda::VERSION)),
    }
}

/// Python's module `venv` alone is not enough: some systems package what it needs apart.
fn python() -> Check {
    let name = "python3";
    match say(name, &["--version"]) {
        None => Check::fail(name, "not found", "install Python 3 with venv: DuckDB's extensions are fetched with pip"),
        Some(version) if say(name, &["-c", "import venv, ensurepip"]).is_some() => Check::ok(name, version),
        Some(version) => {
            Check::fail(name, format!("{version} without venv"), "install it, e.g. `apt install python3-venv`")
        }
    }
}

fn program(name: &str, arguments: &[&str], help: &str) -> Check {
    match say(name, arguments) {
        Some(version) => Check::ok(name, version),
        None => Check::fail(name, "not found", help),
    }
}

/// What `program` prints, when it is there and succeeds.
fn say(program: &str, arguments: &[&str]) -> Option<String> {
    let output = Command::new(program).args(arguments).output().ok().filter(|output| output.status.success())?;
    Some(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}
