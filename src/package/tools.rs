//! The tools that build the function, as `doctor` looks at them.

use std::process::Command;

use super::cargo_lambda;
use crate::arch::Arch;
use crate::check::{Check, State};
use crate::config::Config;

/// What needs these tools, and what does not.
const NEED: &str = "`up`, `plan` and `build` need it, to build the function; `load`, `query` and the rest do not";

/// Looks at each tool that builds the function. One that is not there is in the way only where the function is still to be
/// built, and the stage `is_up` on none.
pub(crate) fn check(config: &Config, is_up: bool) -> Vec<Check> {
    let is_built = config.function_arch().is_ok_and(|arch| super::is_built(config, arch));
    let found = tools(config).into_iter();
    let excused = |check: Check| match check.state {
        State::Fail if is_built => {
            Check::ok(check.name, format!("{}; not needed now: the function is built", check.detail))
        }
        State::Fail if is_up => Check { state: State::Warn, ..needed(check) },
        State::Fail => needed(check),
        _ => check,
    };
    found.map(excused).collect()
}

fn needed(check: Check) -> Check {
    let help = check.help.map_or_else(|| NEED.to_owned(), |help| format!("{help}\n{NEED}"));
    Check { help: Some(help), ..check }
}

fn tools(config: &Config) -> Vec<Check> {
    let target = match config.function_arch() {
        Ok(arch) => rust_target(arch),
        Err(error) => Check::error("rust target", State::Fail, &error),
    };
    vec![program("cargo", &["--version"], "install Rust: https://rustup.rs"), target, cargo_lambda(), python()]
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
        None => Check::fail(name, "not found", "install Python 3 with venv: cargo-lambda is fetched with pip"),
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
