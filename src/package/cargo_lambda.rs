//! cargo-lambda: the one on the PATH, else one of our own in the cache; and the build of the function with it.

use std::ffi::OsString;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::{env, fs};

use anyhow::{Context as _, Result};

use super::source::{self, Program};
use crate::arch::Arch;
use crate::console::context::Context;
use crate::console::progress;
use crate::error::failure;
use crate::fetch::pinned::{self, Web};
use quack_pinned::cache;

/// The version installed where there is none.
pub(super) const VERSION: &str = "1.9.2";

/// The oldest C library that the function runs on: Lambda's is newer, a laptop's may be this old.
const OLDEST_GLIBC: &str = "2.28";

/// It and the Zig that it links with, by digest: pip takes no other file.
const REQUIREMENTS: &str = include_str!("cargo-lambda.txt");

/// Builds `program` of `files` (a whole workspace) for `arch` inside `work` and returns the path of `bootstrap` there. Dependencies stay
/// compiled in the cache between builds.
///
/// # Errors
/// Before anything is built, when Rust's standard library for `arch` is not installed; else the build's own.
pub(super) fn build(
    context: &Context,
    program: Program,
    files: &[(String, Vec<u8>)],
    work: &Path,
    arch: Arch,
    web: &Web<'_>,
) -> Result<PathBuf> {
    check_cargo()?;
    check_target(arch)?;
    let library = pinned::library(arch, web)?;
    let library_dir = library.parent().context("the library has no folder")?;
    let tool = Tool::find_or_install(context)?;
    let (sources, out) = (work.join("sources"), work.join("out"));
    source::write(files, &sources)?;

    let mut command = tool.command();
    command.args(["lambda", "build", "--release", "--package", program.package(), "--bin", program.bin()]);
    command.arg("--lambda-dir").arg(&out).current_dir(&sources);
    let [target, cpu] = build_settings(arch);
    command.args(["--target", &target]);
    // Settings of a `cargo` that runs us (`cargo run`, `cargo test`) are not meant for this build.
    for name in ["CARGO", "CARGO_MANIFEST_DIR", "RUSTFLAGS", "RUSTC_WRAPPER", "RUST_RECURSION_COUNT"] {
        command.env_remove(name);
    }
    command.env("CARGO_ENCODED_RUSTFLAGS", flags(&cpu)).env("CARGO_TARGET_DIR", cache::root().join("target"));
    command.env("DUCKDB_LIB_DIR", library_dir);
    run(context, command)?;
    let bootstrap = out.join(program.bin()).join("bootstrap");
    anyhow::ensure!(bootstrap.is_file(), "cargo-lambda succeeded and left no `bootstrap`");
    Ok(bootstrap)
}

/// Sees to it that there is Rust, before anything is fetched; and says what else is missing.
fn check_cargo() -> Result<()> {
    if on_path("cargo").is_some() {
        return Ok(());
    }
    let more = match on_path("cargo-lambda").or_else(|| on_path("python3")) {
        Some(_) => "",
        None => "; also missing: `python3` with venv, which fetches cargo-lambda",
    };
    Err(failure(
        "`cargo` was not found: this function is built with Rust, once for each version",
        format!("install Rust: https://rustup.rs{more}"),
    ))
}

/// What Rust calls Linux on `arch`.
pub(super) fn rust_target(arch: Arch) -> &'static str {
    match arch {
        Arch::X86_64 => "x86_64-unknown-linux-gnu",
        Arch::Arm64 => "aarch64-unknown-linux-gnu",
    }
}

/// What cargo-lambda is told to build for: Rust's target, and the least processor. Left to itself, it takes Lambda's own processors,
/// and the function would not run on an older laptop or a Raspberry Pi.
pub(super) fn build_settings(arch: Arch) -> [String; 2] {
    let cpu = match arch {
        Arch::X86_64 => "x86-64",
        Arch::Arm64 => "generic",
    };
    [format!("{}.{OLDEST_GLIBC}", rust_target(arch)), cpu.to_owned()]
}

/// What rustc is told, as cargo takes it from the environment: the processor, and names for the folders of this machine that would
/// else stand in the program, so that the same sources make the same bytes everywhere.
fn flags(cpu: &str) -> OsString {
    let home = env::home_dir().map(|home| home.join(".cargo"));
    let cargo = env::var_os("CARGO_HOME").filter(|set| !set.is_empty()).map(PathBuf::from).or(home);
    let folders = [(cargo, "/cargo"), (Some(cache::root()), "/quackctl")];
    let mut flags = OsString::from(format!("-Ctarget-cpu={cpu}"));
    for (folder, name) in folders.into_iter().filter_map(|(folder, name)| Some((folder?, name))) {
        flags.push("\x1f--remap-path-prefix=");
        flags.push(folder);
        flags.push(format!("={name}"));
    }
    flags
}

/// Sees to it that Rust can build for `arch`: cargo would say so only after minutes, and in other words.
///
/// # Errors
/// Rust's standard library for it is not installed.
pub(super) fn check_target(arch: Arch) -> Result<()> {
    let target = rust_target(arch);
    if is_installed(target)? {
        return Ok(());
    }
    let other = match arch {
        Arch::X86_64 => Arch::Arm64,
        Arch::Arm64 => Arch::X86_64,
    };
    Err(failure(
        format!("the function is built for {arch}, and the Rust target {target} is not installed"),
        format!("run `rustup target add {target}`, or write arch = \"{other}\" under [function] in quack.toml"),
    ))
}

/// Whether Rust's standard library for `target` is there.
fn is_installed(target: &str) -> Result<bool> {
    let cache = cache::root();
    fs::create_dir_all(&cache)?;
    // From the cache, where the build runs: a toolchain file of the user's own project does not count there.
    let asked =
        Command::new("rustc").args(["--print", "target-libdir", "--target", target]).current_dir(cache).output();
    // Without `rustc` there is no `cargo` either, and the build says so.
    Ok(asked.map_or(true, |said| Path::new(String::from_utf8_lossy(&said.stdout).trim()).is_dir()))
}

/// How to call cargo-lambda.
struct Tool {
    program: PathBuf,
    /// In front of the PATH: where its Zig is.
    path: Option<PathBuf>,
}

impl Tool {
    fn find_or_install(context: &Context) -> Result<Self> {
        if let Some(found) = on_path("cargo-lambda") {
            context.detail(format_args!("cargo-lambda: {}", found.display()));
            return Ok(Self { program: found, path: None });
        }
        let python = python_tools()?;
        let bin = python.join("bin");
        let program = bin.join("cargo-lambda");
        // pip writes the program before it is done with the rest, so its presence alone proves nothing.
        let installed = python.join(format!("cargo-lambda-{VERSION}-verified"));
        if !installed.is_file() {
            let _lock = cache::lock(&python)?;
            let spinner = progress::spinner(context, "Installing cargo-lambda");
            let requirements = python.join("cargo-lambda.txt");
            fs::write(&requirements, REQUIREMENTS)?;
            let mut pip = Command::new(bin.join("pip"));
            pip.args(["install", "--quiet", "--disable-pip-version-check", "--force-reinstall", "--no-deps"]);
            pip.args(["--only-binary=:all:", "--require-hashes", "-r"]).arg(&requirements);
            let output = pip.output().context("cannot run pip")?;
            spinner.finish_and_clear();
            if !output.status.success() {
                let stderr = String::from_utf8_lossy(&output.stderr);
                return Err(failure(
                    format!("cannot install cargo-lambda {VERSION} with pip\n{}", stderr.trim_end()),
                    "check the network, or install it yourself: https://www.cargo-lambda.info/guide/installation.html",
                ));
            }
            fs::write(installed, "")?;
        }
        Ok(Self { program, path: Some(bin) })
    }

    fn command(&self) -> Command {
        let mut command = Command::new(&self.program);
        if let Some(bin) = &self.path {
            let mut path = OsString::from(bin);
            if let Some(rest) = env::var_os("PATH") {
                path.push(":");
                path.push(rest);
            }
            command.env("PATH", path);
        }
        command
    }
}

/// A Python environment of our own in the cache, for what comes from PyPI.
///
/// # Errors
/// Python 3 is missing, or its module `venv` is.
fn python_tools() -> Result<PathBuf> {
    let place = cache::root().join("python");
    // A virtual environment knows its own path, so it cannot be made elsewhere and moved: made in place, marked when done.
    let done = place.join("complete");
    if !done.is_file() {
        let _lock = cache::lock(&place)?;
        let help = "install Python 3 with venv, or cargo-lambda yourself: https://www.cargo-lambda.info";
        let made = Command::new("python3").args(["-m", "venv"]).arg(&place).output();
        let made =
            made.map_err(|error| failure(format!("cannot run `python3`, which fetches cargo-lambda: {error}"), help))?;
        if !made.status.success() {
            let said = String::from_utf8_lossy(&made.stdout).trim().to_owned();
            return Err(failure(format!("`python3 -m venv` failed, which cargo-lambda is fetched with\n{said}"), help));
        }
        fs::write(done, "")?;
    }
    Ok(place)
}

/// Runs the build: one line that changes while it goes well, everything it said when it does not.
fn run(context: &Context, mut command: Command) -> Result<()> {
    let spinner = progress::spinner(context, "Building the function");
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
    let mut child = command.spawn().context("cannot run cargo-lambda")?;
    let mut said = String::new();
    if let Some(stderr) = child.stderr.take() {
        for line in BufReader::new(stderr).lines() {
            let line = line.unwrap_or_default();
            spinner.set_message(line.trim().to_owned());
            context.detail(&line);
            said.push_str(&line);
            said.push('\n');
        }
    }
    let status = child.wait()?;
    spinner.finish_and_clear();
    if status.success() {
        return Ok(());
    }
    let said = if context.verbose { "" } else { said.trim_end() };
    Err(failure(format!("building the function failed ({status})\n{said}"), "the compiler's own words are above"))
}

/// Where `program` is.
pub(super) fn on_path(program: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH")?;
    env::split_paths(&path).map(|dir| dir.join(program)).find(|file| is_executable(file))
}

fn is_executable(file: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    fs::metadata(file).is_ok_and(|meta| meta.is_file() && meta.permissions().mode() & 0o111 != 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_without_standard_library_is_noticed() {
        let here = Arch::parse(env::consts::ARCH).unwrap();
        assert!(is_installed(rust_target(here)).unwrap());
        // One that Rust has no ready library for, and one that it does not know.
        assert!(!is_installed("aarch64-wrs-vxworks").unwrap());
        assert!(!is_installed("nowhere").unwrap());
    }

    #[test]
    fn what_is_installed_is_pinned_by_digest() {
        let pinned: Vec<_> = REQUIREMENTS.lines().filter(|line| line.contains("==")).collect();
        assert_eq!(pinned[0].split(' ').next(), Some(format!("cargo-lambda=={VERSION}").as_str()));
        assert!(pinned.iter().all(|line| line.ends_with('\\')), "each has digests below it: {pinned:?}");
    }
}
