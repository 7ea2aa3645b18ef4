//! Sees to it that DuckDB's official library is where the linker looks for it (`DUCKDB_LIB_DIR`, set in
//! `.cargo/config.toml`), and that the program finds it when it runs.

use std::error::Error;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs};

use quack_pinned::duckdb::{self, Arch, Pinned};

fn main() {
    // The function's sources travel in the program.
    println!("cargo::rerun-if-changed=function");
    println!("cargo::rerun-if-env-changed=DUCKDB_LIB_DIR");
    println!("cargo::rerun-if-env-changed=QUACKCTL_FOR_PACKAGE");
    if env::var_os("CARGO_FEATURE_BUNDLED").is_some() {
        return;
    }
    match provide_library() {
        Ok(dir) => {
            // An installed program has the library beside it (`make install`), one in `target/` has it where it was linked.
            println!("cargo::rustc-link-arg=-Wl,-rpath,$ORIGIN/../lib/quackctl");
            if env::var_os("QUACKCTL_FOR_PACKAGE").is_none() {
                println!("cargo::rustc-link-arg=-Wl,-rpath,{}", dir.display());
            }
        }
        Err(message) => println!("cargo::error={message}"),
    }
}

/// Sees to it that `libduckdb.so` is in `DUCKDB_LIB_DIR`, and returns that folder. What is in the checkout's own is the pinned one,
/// whatever lay there before; what somebody put elsewhere stays.
fn provide_library() -> Result<PathBuf, String> {
    let dir = env::var_os("DUCKDB_LIB_DIR").map(PathBuf::from);
    let dir = dir.ok_or("DUCKDB_LIB_DIR is not set: build inside the checkout, or with --features bundled")?;
    let place = dir.join("libduckdb.so");
    println!("cargo::rerun-if-changed={}", place.display());
    let platform = (env::var("CARGO_CFG_TARGET_OS"), env::var("CARGO_CFG_TARGET_ARCH"));
    let arch = match &platform {
        (Ok(os), Ok(arch)) if os == "linux" => Arch::parse(arch),
        _ => None,
    };
    let is_own = env::var_os("CARGO_MANIFEST_DIR").is_some_and(|root| dir == Path::new(&root).join("target/duckdb"));
    let is_there = match arch {
        Some(arch) if is_own => duckdb::library(arch).is_at(&place),
        _ => place.exists(),
    };
    if !is_there {
        let arch = arch.ok_or("no DuckDB library is pinned for this platform: build with --features bundled")?;
        let library = duckdb::library(arch);
        let fetched = library.obtain(|to| fetch(&library, to));
        let fetched = fetched.map_err(|error| format!("{error} (or build with --features bundled)"))?;
        fs::create_dir_all(&dir).and_then(|()| link_or_copy(&fetched, &place)).map_err(|error| error.to_string())?;
    }
    dir.canonicalize().map_err(|error| error.to_string())
}

/// Fetches a file with what every machine has that builds programs: an HTTP client in here would have to be built first.
fn fetch(pinned: &Pinned, to: &Path) -> Result<(), Box<dyn Error>> {
    let folder = to.parent().ok_or("no folder to fetch into")?;
    let archive = folder.join("package.tgz");
    let download = ["--fail", "--silent", "--show-error", "--location", "--retry", "3", "--output"];
    run(Command::new("curl").args(download).arg(&archive).arg(&pinned.url))?;
    run(Command::new("tar").arg("xzf").arg(&archive).arg("-C").arg(folder).arg(&pinned.member))?;
    fs::rename(folder.join(&pinned.member), to)?;
    fs::remove_dir_all(folder.join("package"))?;
    Ok(fs::remove_file(archive)?)
}

fn run(command: &mut Command) -> Result<(), Box<dyn Error>> {
    let program = command.get_program().to_string_lossy().into_owned();
    let output = command.output().map_err(|error| format!("cannot run `{program}`: {error}"))?;
    let said = String::from_utf8_lossy(&output.stderr);
    if output.status.success() { Ok(()) } else { Err(format!("`{program}` failed: {}", said.trim()).into()) }
}

/// A hard link stays when the cache is emptied; across file systems it takes a copy. What was there is replaced, not written to:
/// it may be linked elsewhere, or run.
fn link_or_copy(from: &Path, to: &Path) -> std::io::Result<()> {
    let draft = to.with_extension("draft");
    // There is none but after a build that was cut off.
    let _ = fs::remove_file(&draft);
    fs::hard_link(from, &draft).or_else(|_| fs::copy(from, &draft).map(|_| ()))?;
    fs::rename(draft, to)
}
