//! The files that are loaded, from wherever their sources say, as local files of one kind.

use std::os::unix::fs::FileTypeExt as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use aws_sdk_s3::Client;
use tokio::runtime::Handle;

use super::decode;
use super::files::Files;
use super::form::Form;
use super::format::{self, Kind, Packing};
use super::objects;
use super::piped::{self, Piped};
use super::stop::Stop;
use super::workdir::Staging;
use crate::console::context::Context;
use crate::console::progress;
use crate::error::{failure, nearest, usage};
use crate::fetch::download::{self, Download};

/// What files are in that go when they were loaded.
#[derive(Default)]
pub(super) struct Kept {
    downloads: Vec<Temporary>,
    /// Of what came through a pipe, and of what was decoded.
    folders: Vec<Staging>,
}

/// A download that is removed once it has been loaded.
struct Temporary(Download);

impl Drop for Temporary {
    fn drop(&mut self) {
        self.0.discard();
    }
}

/// A file at hand.
struct Found {
    path: PathBuf,
    /// What it goes by, which for a download is not the path's name.
    name: String,
}

/// Makes what `sources` name local files of one kind, written as `form` says; relative paths are from the folder that the
/// command is called in. Objects are read through `s3`. To be called on a thread that may block.
///
/// # Errors
/// When there is nothing there, nothing that can be read, or not of one kind.
pub(super) fn gather(
    context: &Context,
    s3: &Client,
    sources: &[String],
    form: &Form,
    stop: &Stop,
) -> Result<(Files, Kept)> {
    let mut kept = Kept::default();
    let mut found = Vec::new();
    for source in sources {
        found.extend(kept.at_hand(context, s3, source, stop)?);
    }
    if form.encoding.is_some() {
        let folder = Staging::new()?;
        for (number, file) in found.iter_mut().enumerate() {
            kept.decoded(file, form, &folder.path().join(format!("{number}.txt")), stop)?;
        }
        kept.folders.push(folder);
    }
    Ok((of_one_kind(found, form)?, kept))
}

/// Looks for the files that `sources` name, as seen from `dir`, and at what they are; at whatever else only a load looks.
///
/// # Errors
/// Those of a load.
pub(super) fn look(dir: &Path, sources: &[String], form: &Form) -> Result<()> {
    let is_file = |source: &&String| !source.contains("://") && *source != piped::DASH && !is_pipe(&dir.join(source));
    let mut found = Vec::new();
    for source in sources.iter().filter(is_file) {
        found.extend(local(dir, source)?.into_iter().map(Found::of));
    }
    // What is in another encoding is told once it was decoded.
    if form.encoding.is_none() && !found.is_empty() {
        of_one_kind(found, form)?;
    }
    Ok(())
}

/// How the catalog names a source.
pub(super) fn label(source: &str) -> String {
    match source {
        piped::DASH => piped::STDIN.to_owned(),
        url if is_url(url) => public(url),
        other => other.to_owned(),
    }
}

fn of_one_kind(found: Vec<Found>, form: &Form) -> Result<Files> {
    let mut files = Files::new(Kind::Csv, Packing::None, Vec::new()).written(form.clone());
    let mut names = Vec::with_capacity(found.len());
    for Found { path, name } in found {
        let (kind, packing) = format::detect(&path, &name)?;
        form.fits(kind, &name)?;
        let by_itself = "load each kind by itself, the second with --append";
        if files.paths.contains(&path) {
            return Err(usage(format!("`{name}` is named twice, and would be loaded twice"), "name each file once"));
        }
        if !files.paths.is_empty() && (kind, packing) != (files.kind, files.packing) {
            return Err(usage(format!("`{name}` is of another kind than `{}`", names[0]), by_itself));
        }
        (files.kind, files.packing) = (kind, packing);
        files.paths.push(path);
        names.push(name);
    }
    match files.other_delimiter() {
        Some((index, own, other)) => Err(usage(
            format!(
                "`{}` has `{}` between its values, and `{}` has `{}`",
                names[index],
                shown(other),
                names[0],
                shown(own)
            ),
            "read together they would be columns of NULLs: load each by itself, the second with --append",
        )),
        None => Ok(files),
    }
}

/// A delimiter as people know it.
fn shown(delimiter: char) -> String {
    if delimiter == '\t' { "\\t".to_owned() } else { delimiter.to_string() }
}

impl Found {
    fn of(path: PathBuf) -> Self {
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        Self { path, name }
    }
}

impl Kept {
    /// The files that one source names, brought here.
    fn at_hand(&mut self, context: &Context, s3: &Client, source: &str, stop: &Stop) -> Result<Vec<Found>> {
        if is_url(source) {
            let download = Download::new(source, &download::folder());
            // What is at a URL may change: what an earlier run finished but did not load is not taken for it.
            download.discard();
            let download = Temporary(download);
            let name = source.split(['?', '#']).next().unwrap_or(source);
            let name = name.rsplit('/').next().unwrap_or(name);
            fetch_url(context, &download.0, name, stop)?;
            let found = Found { path: download.0.path.clone(), name: name.to_owned() };
            self.downloads.push(download);
            return Ok(vec![found]);
        }
        if objects::is_address(source) {
            let folder = Staging::new()?;
            let bar = progress::bytes(context, &format!("download {source}"), 0);
            let to = folder.path().join("objects");
            let fetched = Handle::current().block_on(objects::fetch(s3, source, &to, &bar, stop));
            bar.finish_and_clear();
            self.folders.push(folder);
            return Ok(fetched?.into_iter().map(|(path, name)| Found { path, name }).collect());
        }
        if let Some((scheme, rest)) = address(source) {
            return Err(usage(
                format!("`{source}` is an address of {scheme}, and load reads files, http(s) and s3 addresses"),
                match scheme {
                    "file" => format!("name the file alone: quackctl load {rest} --table NAME"),
                    _ => "fetch it first, e.g. with curl -O, and load the file".to_owned(),
                },
            ));
        }
        if let Some(Piped { folder, path }) = through_pipe(context, source, stop)? {
            self.folders.push(folder);
            return Ok(vec![Found { path, name: label(source) }]);
        }
        Ok(local(&context.config.here, source)?.into_iter().map(Found::of).collect())
    }

    /// Has `file` be its copy `to` in UTF-8.
    fn decoded(&self, file: &mut Found, form: &Form, to: &Path, stop: &Stop) -> Result<()> {
        let Some(encoding) = form.encoding else { return Ok(()) };
        let head = format::head(&file.path, &file.name)?;
        if format::is_parquet(&head, &file.name) {
            form.fits(Kind::Parquet, &file.name)?;
        }
        decode::decode(&file.path, format::packing(&head), encoding, &file.name, to, stop)?;
        file.path = to.to_owned();
        Ok(())
    }
}

/// The scheme of an address, and what comes after it.
fn address(source: &str) -> Option<(&str, &str)> {
    let is_scheme =
        |scheme: &str| scheme.len() > 1 && scheme.bytes().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit());
    source.split_once("://").filter(|(scheme, _)| is_scheme(scheme))
}

fn is_url(source: &str) -> bool {
    source.starts_with("http://") || source.starts_with("https://")
}

/// A URL without what may be secret in it, a password or the signature of a query: the catalog is for everybody's eyes.
fn public(url: &str) -> String {
    let url = url.split(['?', '#']).next().unwrap_or(url);
    let Some((scheme, rest)) = url.split_once("://") else { return url.to_owned() };
    let (authority, path) = rest.find('/').map_or((rest, ""), |slash| rest.split_at(slash));
    let host = authority.rsplit('@').next().unwrap_or(authority);
    format!("{scheme}://{host}{path}")
}

/// Downloads what is at a URL, known as `label`.
///
/// # Errors
/// Those of the download; Ctrl-C.
pub(super) fn fetch_url(context: &Context, download: &Download, label: &str, stop: &Stop) -> Result<()> {
    let bar = progress::bytes(context, &format!("download {label}"), 0);
    let fetched = download.fetch(&bar, &|| stop.check());
    bar.finish_and_clear();
    fetched
}

/// What comes through standard input or a named pipe, as `<(...)` gives one; `None` for any other source.
fn through_pipe(context: &Context, source: &str, stop: &Stop) -> Result<Option<Piped>> {
    let path = context.config.here.join(source);
    let is_stdin = source == piped::DASH;
    if !is_stdin && !is_pipe(&path) {
        return Ok(None);
    }
    let name = if is_stdin { piped::STDIN } else { source };
    let bar = progress::bytes(context, &format!("read {name}"), 0);
    let kept = match is_stdin {
        true => piped::keep(std::io::stdin(), name, &bar, stop),
        false => {
            let pipe = std::fs::File::open(&path).with_context(|| format!("cannot read `{source}`"))?;
            piped::keep(pipe, name, &bar, stop)
        }
    };
    bar.finish_and_clear();
    kept.map(Some)
}

fn is_pipe(path: &Path) -> bool {
    std::fs::metadata(path).is_ok_and(|found| found.file_type().is_fifo())
}

/// The files that `source` names: one, or those that match it as a glob.
fn local(dir: &Path, source: &str) -> Result<Vec<PathBuf>> {
    let path = dir.join(source);
    match std::fs::metadata(&path) {
        Ok(metadata) if metadata.is_dir() => Err(usage(
            format!("`{source}` is a folder"),
            format!("name the files in it, e.g. '{}/*.parquet'", source.trim_end_matches('/')),
        )),
        Ok(_) => Ok(vec![path]),
        Err(_) if source.contains(['*', '?', '[']) => matches(dir, source),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            Err(failure(format!("there is no file `{source}`"), near_file(&path)))
        }
        Err(error) => Err(error).with_context(|| format!("cannot read `{source}`")),
    }
}

fn matches(dir: &Path, source: &str) -> Result<Vec<PathBuf>> {
    let pattern = if Path::new(source).is_absolute() {
        source.to_owned()
    } else {
        format!("{}/{source}", glob::Pattern::escape(&dir.to_string_lossy()))
    };
    let found = glob::glob(&pattern).map_err(|error| {
        usage(format!("`{source}` is not a glob: {error}"), "use `*`, `?`, `**` and `[abc]`, in quotes")
    })?;
    let mut paths = Vec::new();
    for path in found {
        let path = path.map_err(|error| failure(format!("cannot read all of `{source}`: {error}"), ""))?;
        if path.is_file() {
            paths.push(path);
        }
    }
    if paths.is_empty() {
        return Err(failure(
            format!("no file matches `{source}`"),
            format!("look at what there is: ls {}", source.rsplit_once('/').map_or(".", |(folder, _)| folder)),
        ));
    }
    Ok(paths)
}

fn near_file(path: &Path) -> String {
    let folder = path.parent().unwrap_or(Path::new("."));
    let names: Vec<String> = std::fs::read_dir(folder)
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .collect();
    let wanted = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    match nearest(&wanted, names.iter().map(String::as_str)) {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!("it was looked for in {}", folder.display()),
    }
}
