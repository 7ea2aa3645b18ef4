//! DuckDB's files for the function: from the cache, from beside the program, or by HTTPS, each verified.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use indicatif::ProgressBar;
use quack_pinned::duckdb::{self, Arch, Pinned};

use super::download::{self, Download};
use super::shipped;
use crate::error::failure;

/// Where files come from that are neither in the cache nor beside the program.
pub(crate) struct Web<'a> {
    /// A folder of the web that has the packages under their file names; absent, each comes from where it is published.
    pub mirror: Option<&'a str>,
    /// The bar of a download, by the file's name.
    pub bar: &'a dyn Fn(&str) -> ProgressBar,
}

impl Web<'_> {
    /// Where each package is published, without bars.
    pub(crate) const QUIET: Web<'static> = Web { mirror: None, bar: &|_| ProgressBar::hidden() };

    fn url(&self, pinned: &Pinned) -> String {
        let name = pinned.url.rsplit('/').next().unwrap_or_default();
        self.mirror.map_or_else(|| pinned.url.clone(), |mirror| format!("{}/{name}", mirror.trim_end_matches('/')))
    }
}

/// The path of `libduckdb.so` for `arch` in the cache.
///
/// # Errors
/// When it cannot be had, or is not the file that was pinned.
pub(crate) fn library(arch: Arch, web: &Web<'_>) -> Result<PathBuf> {
    obtain(&duckdb::library(arch), arch, web)
}

/// The path of the extension `name` for `arch` in the cache.
///
/// # Errors
/// The same; and when no such extension is pinned.
pub(crate) fn extension(name: &str, arch: Arch, web: &Web<'_>) -> Result<PathBuf> {
    obtain(&duckdb::extension(name, arch).with_context(|| format!("no extension `{name}` is pinned"))?, arch, web)
}

fn obtain(pinned: &Pinned, arch: Arch, web: &Web<'_>) -> Result<PathBuf> {
    // What lies beside the program may have been changed: then it is fetched.
    let shipped = shipped::file(pinned, arch);
    let placed = shipped.and_then(|file| pinned.obtain(|to| anyhow::Ok(link_or_copy(&file, to)?)).ok());
    placed.map_or_else(|| pinned.obtain(|to| fetch(pinned, web, to)), Ok)
}

/// Fetches the package, and unpacks the file to `to`.
fn fetch(pinned: &Pinned, web: &Web<'_>, to: &Path) -> Result<()> {
    let url = web.url(pinned);
    let download = Download::new(&url, &download::folder());
    let bar = (web.bar)(&pinned.file);
    let fetched = download.fetch(&bar, &|| Ok(()));
    bar.finish_and_clear();
    fetched.map_err(|error| {
        let help = "behind a proxy or without the internet, write mirror = \"https://...\" under [function] in quack.toml: \
                    a folder that has this file";
        failure(format!("cannot fetch DuckDB's {}: {error:#}", pinned.file), help)
    })?;
    let unpacked = unpack(&download.path, &pinned.member, &url, to);
    download.discard();
    unpacked
}

/// Takes `member` out of an archive that `url` named.
fn unpack(archive: &Path, member: &str, url: &str, to: &Path) -> Result<()> {
    let missing = || format!("{url} is not a package that has {member}");
    let mut out = File::create(to)?;
    let file = File::open(archive)?;
    if url.ends_with(".whl") {
        let mut archive = zip::ZipArchive::new(file).with_context(missing)?;
        io::copy(&mut archive.by_name(member).with_context(missing)?, &mut out)?;
        return Ok(());
    }
    let mut archive = tar::Archive::new(flate2::read::GzDecoder::new(file));
    for entry in archive.entries().with_context(missing)? {
        let mut entry = entry.with_context(missing)?;
        if entry.path().is_ok_and(|path| path == Path::new(member)) {
            let size = entry.size();
            let copied = io::copy(&mut entry.by_ref().take(size), &mut out)?;
            anyhow::ensure!(copied == size, missing());
            return Ok(());
        }
    }
    anyhow::bail!(missing())
}

/// The files are large, and one copy serves all that name it; across file systems it takes another.
pub(crate) fn link_or_copy(from: &Path, to: &Path) -> io::Result<()> {
    fs::hard_link(from, to).or_else(|_| fs::copy(from, to).map(|_| ()))
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    #[test]
    fn a_mirror_has_the_packages_under_their_names() {
        let pinned = duckdb::extension("spatial", Arch::Arm64).unwrap();
        let at = |mirror| Web { mirror, ..Web::QUIET }.url(&pinned);
        assert_eq!(at(None), pinned.url);
        let mirrored =
            "https://mirror.example/duckdb/duckdb_extension_spatial-1.5.5-py3-none-manylinux2014_aarch64.whl";
        assert_eq!(at(Some("https://mirror.example/duckdb/")), mirrored);
        assert_eq!(at(Some("https://mirror.example/duckdb")), mirrored);
    }

    #[test]
    fn a_file_is_taken_out_of_its_package() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        let mut wheel = zip::ZipWriter::new(File::create(at("wheel")).unwrap());
        wheel.start_file("a/b", zip::write::SimpleFileOptions::default()).unwrap();
        wheel.write_all(b"in a wheel").unwrap();
        wheel.finish().unwrap();
        unpack(&at("wheel"), "a/b", "https://x/y.whl", &at("out")).unwrap();
        assert_eq!(fs::read(at("out")).unwrap(), b"in a wheel");
        let mut tgz = tar::Builder::new(flate2::write::GzEncoder::new(
            File::create(at("tgz")).unwrap(),
            flate2::Compression::fast(),
        ));
        tgz.append_path_with_name(at("out"), "package/c").unwrap();
        tgz.into_inner().unwrap().finish().unwrap();
        unpack(&at("tgz"), "package/c", "https://x/y.tgz", &at("again")).unwrap();
        assert_eq!(fs::read(at("again")).unwrap(), b"in a wheel");
        for (archive, url) in [("wheel", "https://x/y.whl"), ("tgz", "https://x/y.tgz"), ("out", "https://x/y.whl")] {
            let error = unpack(&at(archive), "no such", url, &at("none")).unwrap_err().to_string();
            assert_eq!(error, format!("{url} is not a package that has no such"));
        }
    }
}
