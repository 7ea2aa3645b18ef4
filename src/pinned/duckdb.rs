//! DuckDB's official library and extensions: pinned by version and SHA-256, fetched once with the npm and pip clients
//! from the packages that DuckDB Labs publish, kept in the cache.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::{fmt, fs, io};

use sha2::{Digest, Sha256};

use crate::{bind, cache};

/// The release that everything here is pinned to.
pub const VERSION: &str = "1.5.5";

/// The packaging revision of the npm packages that carry `libduckdb.so`.
const NPM_REVISION: &str = "1.5.5-r.5";

/// What a file is fetched for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Arch {
    X86_64,
    Arm64,
}

impl Arch {
    /// The architecture called `name` by Rust, `None` when DuckDB publishes no Linux library for it.
    pub fn parse(name: &str) -> Option<Self> {
        match name {
            "x86_64" => Some(Self::X86_64),
            "aarch64" | "arm64" => Some(Self::Arm64),
            _ => None,
        }
    }

    fn npm(self) -> &'static str {
        match self {
            Self::X86_64 => "x64",
            Self::Arm64 => "arm64",
        }
    }

    fn wheel_platform(self) -> &'static str {
        match self {
            Self::X86_64 => "manylinux2014_x86_64",
            Self::Arm64 => "manylinux2014_aarch64",
        }
    }

    fn pick(self, digests: [&'static str; 2]) -> &'static str {
        match self {
            Self::X86_64 => digests[0],
            Self::Arm64 => digests[1],
        }
    }
}

/// The name that `quack.toml` and Lambda have for it.
impl fmt::Display for Arch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::X86_64 => "x86_64",
            Self::Arm64 => "arm64",
        })
    }
}

/// SHA-256 of `libduckdb.so` for x86-64 and arm64, as published.
const PUBLISHED_LIBRARY: [&str; 2] = [
    "fc23f12e376c47be520f75221288281906e7942e8fd6f6ce4849198ba60d0405",
    "d00d007f3f7ca1f2896a5e4b89c2ce141bf0508506a9d6d56f9598b8e59d074e",
];

/// The same of what is made of it: its references to itself bound. Whoever pins another version finds
/// them in the error that says they are wrong.
const LIBRARY: [&str; 2] = [
    "dd98ee561ddd13457f41a887e1d813b3608833d5f613b80db6bf24594a43a7be",
    "1d84683a5266dea72a5ee3bf6a8cae87e6af19cd0291a461e39611143128c815",
];

/// The extensions that `quack.toml` may name, with the SHA-256 of each for x86-64 and arm64. DuckDB's own signature was
/// checked when they were pinned, so that the function need not check it at every cold start.
const EXTENSIONS: &[(&str, [&str; 2])] = &[
    (
        "avro",
        [
            "f9c59d9735863896fb10c78f2d6e23132cc9ede4a4fb8c10a6f523b6d0793c77",
            "3b914e31ca60e6866090a14a9fd8198574eef4898a3840547e2d2b660f7666fe",
        ],
    ),
    (
        "aws",
        [
            "1bbf923fb64efd33a6ae69fb96d74cbd474fd003cfd3d5127c06f9a9a6901156",
            "4c891b0833524e00db01269033dfafcbe6acea8c8fed7afd23874664ee7d1545",
        ],
    ),
    (
        "delta",
        [
            "24b10f221b799a82f2aec588102702540fb79b34ba4be7f47328333a02fd4e1e",
            "6264ebf0c219d3e8c22bd3b2c5f9eea684c37b5bd74b6a6670f331f94a281259",
        ],
    ),
    (
        "ducklake",
        [
            "e51bf9e8d933d0e83780ae096455501b542cf962569a2ce5613532d702c08302",
            "d0b57c8e261b89a1ae367c7224f0857cfde72ab6cf2609f188e0de9b897b1088",
        ],
    ),
    (
        "httpfs",
        [
            "887c392b1e49128d11667c81e3698d8b00dfdeb456771acf66d05a0f74f7b7d8",
            "eba6e263e395a83966090f1f11ade63630b1b21422f0f2813858d179d42ea1e9",
        ],
    ),
    (
        "iceberg",
        [
            "ebc4993903de0d71d42fe3027b6691b8d5e5936ed366e98bdb9eab5aeedeb422",
            "84e53979bccccf99cb0ffb389a5d4396092660750e571d34dea8ed38ba58dc60",
        ],
    ),
    (
        "icu",
        [
            "fe6196ede9037cc01d43cad5e55a3d2503118de9169d2a25f1b787779b5d02e6",
            "8e754ef7d1a545cea9be2bb1f63374f2f7c96296d9342b5dc712994b7d3dd11c",
        ],
    ),
    (
        "spatial",
        [
            "03cbb687fbb1583af6154266dc17b9c99e11fdcc1cd4a43cec19f38ef272d4de",
            "b9129a7da7fde8eb7fb951d99a115cbf2e6fa34c8d41671086169174a1f5725d",
        ],
    ),
    (
        "tpcds",
        [
            "a0cff10440834544fc0691e868a908a148d6651194862c4f8e1338404bce6ff0",
            "a05fe8c49f591f31bc79f307ed256775719b335446e90c46ac67cd70d6f7ddd0",
        ],
    ),
    (
        "tpch",
        [
            "3da16edae72039b20afccf092f49b9e17ebbcf56c93f89a9fcb54a39a027e088",
            "a7a919c6e272442efccbb1cf9ce2724206d6355a6ecb95d499228913d292afc9",
        ],
    ),
];

/// Why a file could not be had; the message says what to do.
#[derive(Debug)]
pub struct FetchError(String);

impl fmt::Display for FetchError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for FetchError {}

impl From<io::Error> for FetchError {
    fn from(error: io::Error) -> Self {
        Self(format!("cannot write to the cache {}: {error}", cache::root().display()))
    }
}

/// The names that [`extension`] takes.
pub fn extension_names() -> impl Iterator<Item = &'static str> {
    EXTENSIONS.iter().map(|(name, _)| *name)
}

/// SHA-256 of the `libduckdb.so` that [`library`] gives, in hexadecimal.
pub fn library_digest(arch: Arch) -> &'static str {
    arch.pick(LIBRARY)
}

/// Whether the file at `path` is the `libduckdb.so` that [`library`] gives.
pub fn is_library(path: &Path, arch: Arch) -> bool {
    sha256(path).is_ok_and(|found| found == library_digest(arch))
}

/// The path of `libduckdb.so` for `arch` in the cache, fetched if it is not there, with its references to itself bound.
///
/// # Errors
/// npm is missing or cannot reach its registry, or the file is not the one that was pinned.
pub fn library(arch: Arch) -> Result<PathBuf, FetchError> {
    let package = format!("@duckdb/node-bindings-linux-{}@{NPM_REVISION}", arch.npm());
    fetch(&cache::root(), "libduckdb.so", library_digest(arch), &package, |draft| {
        run(Command::new("npm").args(["pack", "--silent", "--pack-destination"]).arg(draft).arg(&package))?;
        let archive = only_file(draft, ".tgz")?;
        run(Command::new("tar").arg("xzf").arg(&archive).arg("-C").arg(draft).arg("package/libduckdb.so"))?;
        let library = draft.join("package/libduckdb.so");
        check(&library, "libduckdb.so", arch.pick(PUBLISHED_LIBRARY), &package)?;
        let mut bytes = fs::read(&library)?;
        bind::bind(&mut bytes).map_err(|why| FetchError(format!("libduckdb.so cannot be bound: {why}")))?;
        fs::write(&library, bytes)?;
        Ok(library)
    })
}

/// The path of the extension `name` for `arch` in the cache, fetched if it is not there; `None` for a name that is not
/// among [`extension_names`].
///
/// # Errors
/// As for [`library`], with Python's pip in npm's place.
pub fn extension(name: &str, arch: Arch) -> Option<Result<PathBuf, FetchError>> {
    let (_, digests) = EXTENSIONS.iter().find(|(known, _)| *known == name)?;
    let file = format!("{name}.duckdb_extension");
    let package = format!("duckdb-extension-{name}=={VERSION}");
    Some(fetch(&cache::root(), &file, arch.pick(*digests), &package, |draft| {
        let mut pip = Command::new(python_tools()?.join("bin/pip"));
        pip.args(["download", "--quiet", "--disable-pip-version-check", "--no-deps", "--only-binary=:all:"]);
        run(pip.args(["--platform", arch.wheel_platform(), "--dest"]).arg(draft).arg(&package))?;
        let wheel = only_file(draft, ".whl")?;
        run(Command::new("python3").args(["-m", "zipfile", "-e"]).arg(&wheel).arg(draft))?;
        Ok(draft.join(format!("duckdb_extension_{name}/extensions/v{VERSION}/{file}")))
    }))
}

/// A Python environment of our own in the cache, for the tools that come from PyPI.
///
/// # Errors
/// Python 3 is missing, or its module `venv` is.
pub fn python_tools() -> Result<PathBuf, FetchError> {
    let place = cache::root().join("python");
    // A virtual environment knows its own path, so it cannot be made elsewhere and moved: made in place, marked when done.
    let done = place.join("complete");
    if !done.is_file() {
        let _lock = cache::lock(&place)?;
        run(Command::new("python3").args(["-m", "venv"]).arg(&place))?;
        fs::write(done, "")?;
    }
    Ok(place)
}

/// Fetches one file with `unpack`, which returns where in the draft folder it put it, and keeps it under its digest. What
/// the cache has is hashed again, so that a file that was changed there since is fetched anew rather than used.
fn fetch(
    root: &Path,
    file: &str,
    digest: &str,
    package: &str,
    unpack: impl FnOnce(&Path) -> Result<PathBuf, FetchError>,
) -> Result<PathBuf, FetchError> {
    let place = root.join("fetched").join(digest);
    if place.is_dir() && !sha256(&place.join(file)).is_ok_and(|found| found == digest) {
        fs::remove_dir_all(&place)?;
    }
    cache::folder(&place, |draft| -> Result<(), FetchError> {
        let parts = draft.join("parts");
        fs::create_dir(&parts)?;
        let unpacked = unpack(&parts)?;
        check(&unpacked, file, digest, package)?;
        fs::rename(unpacked, draft.join(file))?;
        Ok(fs::remove_dir_all(parts)?)
    })?;
    Ok(place.join(file))
}

/// Sees to it that what was unpacked of `package` is the `file` that was pinned.
fn check(unpacked: &Path, file: &str, digest: &str, package: &str) -> Result<(), FetchError> {
    let found = sha256(unpacked)?;
    if found == digest {
        return Ok(());
    }
    Err(FetchError(format!(
        "{file} from {package} is not the file that was pinned: SHA-256 {found}, expected {digest}"
    )))
}

fn sha256(path: &Path) -> Result<String, FetchError> {
    let mut hasher = Sha256::new();
    io::copy(&mut fs::File::open(path)?, &mut hasher)?;
    Ok(hasher.finalize().iter().map(|byte| format!("{byte:02x}")).collect())
}

fn only_file(folder: &Path, ending: &str) -> Result<PathBuf, FetchError> {
    let found = fs::read_dir(folder)?.filter_map(Result::ok).map(|entry| entry.path());
    let mut found = found.filter(|path| path.to_string_lossy().ends_with(ending));
    found.next().ok_or_else(|| FetchError(format!("the download brought no {ending} file")))
}

fn run(command: &mut Command) -> Result<(), FetchError> {
    let program = command.get_program().to_string_lossy().into_owned();
    let output = command.output().map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => FetchError(format!(
            "`{program}` was not found: {}; a function that is built already, `load` and `query` do without",
            match program.as_str() {
                "npm" => "DuckDB's library, which the function is built on, is fetched with it (Node.js brings it)",
                "tar" => "what npm fetches is unpacked with it",
                _ => "DuckDB's extensions and cargo-lambda, for the function, are fetched with it (and its venv)",
            }
        )),
        _ => FetchError(format!("cannot run `{program}`: {error}")),
    })?;
    if output.status.success() {
        return Ok(());
    }
    let stderr = String::from_utf8_lossy(&output.stderr);
    let last = stderr.lines().rev().find(|line| !line.trim().is_empty()).unwrap_or("it said nothing");
    Err(FetchError(format!("`{command:?}` failed: {last}")))
}

#[cfg(test)]
mod tests {
    use std::env;

    use super::*;

    #[test]
    fn what_was_changed_in_the_cache_is_fetched_anew_and_what_is_not_pinned_is_not_kept() {
        let root = env::temp_dir().join(format!("quack-pinned-{}", std::process::id()));
        let digest = "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824";
        let fetched = |text: &'static str, digest: &str| {
            fetch(&root, "file", digest, "a package", |draft| {
                fs::write(draft.join("unpacked"), text)?;
                Ok(draft.join("unpacked"))
            })
        };
        let place = fetched("hello", digest).unwrap();
        assert!(fetched("never asked for", digest).is_ok(), "it is there already");
        fs::write(&place, "changed").unwrap();
        fetched("hello", digest).unwrap();
        assert_eq!(fs::read(&place).unwrap(), b"hello");
        let error = fetched("other", &"0".repeat(64)).unwrap_err().to_string();
        assert!(error.contains("is not the file that was pinned"), "{error}");
        fs::remove_dir_all(&root).unwrap();
    }
}
