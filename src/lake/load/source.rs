//! What is loaded: files, a URL, a sample or a data set, and the SQL that reads it.

use std::os::unix::fs::FileTypeExt as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use duckdb::Connection;

use super::files::{Files, Reading};
use super::format::{self, Kind, Packing};
use super::piped::{self, Piped};
use super::sample;
use super::stop::Stop;
use super::workdir::Staging;
use crate::console::context::Context;
use crate::console::progress;
use crate::duck::words::columns;
use crate::error::{failure, nearest, usage};
use crate::fetch::download::{self, Download};
use quack_function::sql::identifier;

/// The public file of New York's yellow cabs, April 2019.
const TAXI_URL: &str = "https://d37ci6vzurychx.cloudfront.net/trip-data/yellow_tripdata_2019-04.parquet";

/// Takes the place of [`TAXI_URL`]: a mirror.
const TAXI_URL_VARIABLE: &str = "QUACK_DATASET_TAXI_URL";

/// The public file's column names, and those that the sample has for the same.
const TAXI_NAMES: &[(&str, &str)] = &[
    ("VendorID", "vendor_id"),
    ("tpep_pickup_datetime", "pickup_at"),
    ("tpep_dropoff_datetime", "dropoff_at"),
    ("RatecodeID", "rate_code_id"),
    ("PULocationID", "pickup_location_id"),
    ("DOLocationID", "dropoff_location_id"),
];

/// What the user wants loaded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Origin {
    /// A file, a glob, an http(s) URL, or `-` for standard input.
    Source(String),
    Sample {
        name: String,
        rows: Option<u64>,
    },
    Dataset(String),
}

impl Origin {
    /// The one that is given: the command line and the configuration see to it that there is exactly one.
    pub(crate) fn of(
        source: Option<String>,
        sample: Option<String>,
        rows: Option<u64>,
        dataset: Option<String>,
    ) -> Self {
        match (sample, dataset) {
            (Some(name), _) => Self::Sample { name, rows },
            (None, Some(name)) => Self::Dataset(name),
            (None, None) => Self::Source(source.unwrap_or_default()),
        }
    }

    /// How the catalog names it.
    pub(crate) fn label(&self) -> String {
        match self {
            Self::Source(source) if is_url(source) => public(source),
            Self::Source(source) if source == piped::DASH => piped::STDIN.to_owned(),
            Self::Source(source) => source.clone(),
            Self::Sample { name, .. } => format!("sample {name} (synthetic)"),
            Self::Dataset(name) => format!("dataset {name}"),
        }
    }

    /// Looks for the files that are named, as seen from `dir`; at whatever else only a load looks.
    ///
    /// # Errors
    /// That of a load, which would not find them or could not read them.
    pub(crate) fn look(&self, dir: &Path) -> Result<()> {
        match self {
            Self::Source(source) if !source.contains("://") && source != piped::DASH && !is_pipe(&dir.join(source)) => {
                local(dir, source).map(drop)
            }
            _ => Ok(()),
        }
    }

    /// True for generated data.
    pub(crate) fn synthetic(&self) -> bool {
        matches!(self, Self::Sample { .. })
    }
}

/// Data at hand, to be read by DuckDB.
pub(super) enum Input {
    Generated {
        query: String,
    },
    Files {
        files: Files,
        renames: &'static [(&'static str, &'static str)],
        _download: Option<Temporary>,
        /// Of what came through a pipe.
        _folder: Option<Staging>,
    },
}

/// A download that is removed once it has been loaded.
pub(super) struct Temporary(Download);

impl Drop for Temporary {
    fn drop(&mut self) {
        self.0.discard();
    }
}

/// Makes `origin` local; relative paths are from the folder that the command is called in. `bucket` is the lake's.
///
/// # Errors
/// When there is nothing there, or nothing that can be read.
pub(super) fn fetch(context: &Context, bucket: &str, origin: &Origin, stop: &Stop) -> Result<Input> {
    match origin {
        Origin::Sample { name, rows } => {
            Ok(Input::Generated { query: sample::query(name, rows.unwrap_or(sample::DEFAULT_ROWS))? })
        }
        Origin::Dataset(name) if name == "taxi" => {
            let url = std::env::var(TAXI_URL_VARIABLE).unwrap_or_else(|_| TAXI_URL.to_owned());
            let download = Download::new(&url, &download::folder());
            fetch_url(context, &download, "dataset taxi", stop)?;
            let (kind, packing) = format::detect(&download.path, &url)?;
            let files = Files::new(kind, packing, vec![download.path]);
            Ok(Input::Files { files, renames: TAXI_NAMES, _download: None, _folder: None })
        }
        Origin::Dataset(name) => {
            let near = nearest(name, ["taxi"]).unwrap_or("taxi");
            Err(usage(format!("there is no data set `{name}`"), format!("try `--dataset {near}`")))
        }
        Origin::Source(url) if is_url(url) => {
            let download = Download::new(url, &download::folder());
            // What is at a URL may change: what an earlier run finished but did not load is not taken for it.
            download.discard();
            let download = Temporary(download);
            let name = url.split(['?', '#']).next().unwrap_or(url);
            let name = name.rsplit('/').next().unwrap_or(name);
            fetch_url(context, &download.0, name, stop)?;
            let (kind, packing) = format::detect(&download.0.path, name)?;
            let files = Files::new(kind, packing, vec![download.0.path.clone()]);
            Ok(Input::Files { files, renames: &[], _download: Some(download), _folder: None })
        }
        Origin::Source(source) if source.get(..5).is_some_and(|start| start.eq_ignore_ascii_case("s3://")) => {
            Err(in_s3(source, bucket))
        }
        Origin::Source(source) if let Some((scheme, rest)) = address(source) => Err(usage(
            format!("`{source}` is an address of {scheme}, and load reads files and http(s) addresses"),
            match scheme {
                "file" => format!("name the file alone: quackctl load {rest} --table NAME"),
                _ => "fetch it first, e.g. with curl -O, and load the file".to_owned(),
            },
        )),
        Origin::Source(source) => {
            if let Some(Piped { folder, path, kind }) = through_pipe(context, source, stop)? {
                let files = Files::new(kind, Packing::None, vec![path]);
                return Ok(Input::Files { files, renames: &[], _download: None, _folder: Some(folder) });
            }
            let files = local(&context.config.here, source)?;
            Ok(Input::Files { files, renames: &[], _download: None, _folder: None })
        }
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

fn fetch_url(context: &Context, download: &Download, label: &str, stop: &Stop) -> Result<()> {
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

/// What to do with an object of S3: queries read it where it is.
fn in_s3(source: &str, bucket: &str) -> anyhow::Error {
    if source[5..].split('/').next() == Some(bucket) {
        return usage(
            format!("`{source}` is in the lake's bucket already, and load reads this machine and http(s) addresses"),
            format!(
                "a query reads it where it is: SELECT ... FROM '{source}'; to make a table of it, write it here first: quackctl query \
                 -o rows.parquet \"FROM '{source}'\", and load rows.parquet"
            ),
        );
    }
    usage(
        format!("`{source}` is in S3, and load reads this machine and http(s) addresses"),
        format!(
            "a query reads it where it is: SELECT ... FROM '{source}', with its folder under `read` of [lake] in quack.toml; or \
             fetch it first: aws s3 cp '{source}' ."
        ),
    )
}

/// The files that `source` names: one, or those that match it as a glob.
fn local(dir: &Path, source: &str) -> Result<Files> {
    let path = dir.join(source);
    let paths = match std::fs::metadata(&path) {
        Ok(metadata) if metadata.is_dir() => {
            return Err(usage(
                format!("`{source}` is a folder"),
                format!("name the files in it, e.g. '{}/*.parquet'", source.trim_end_matches('/')),
            ));
        }
        Ok(_) => vec![path],
        Err(_) if source.contains(['*', '?', '[']) => matches(dir, source)?,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            return Err(failure(format!("there is no file `{source}`"), near_file(&path)));
        }
        Err(error) => return Err(error).with_context(|| format!("cannot read `{source}`")),
    };
    let mut files = Files::new(Kind::Csv, Packing::None, Vec::new());
    for path in paths {
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let (kind, packing) = format::detect(&path, &name)?;
        if !files.paths.is_empty() && (kind, packing) != (files.kind, files.packing) {
            return Err(usage(
                format!("`{source}` matches files of different kinds, `{name}` for one"),
                "load each kind by itself, the second with --append",
            ));
        }
        (files.kind, files.packing) = (kind, packing);
        files.paths.push(path);
    }
    Ok(files)
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

impl Input {
    /// The query that reads all rows.
    ///
    /// # Errors
    /// DuckDB's, for files that it cannot make sense of.
    pub(super) fn query(&self, connection: &Connection, reading: Reading) -> duckdb::Result<String> {
        let (files, renames) = match self {
            Self::Generated { query } => return Ok(query.clone()),
            Self::Files { files, renames, .. } => (files, renames),
        };
        let reader = files.reader(connection, reading)?;
        let select = if renames.is_empty() {
            format!("SELECT * FROM {reader}")
        } else {
            let found = columns(connection, &format!("SELECT * FROM {reader}"))?;
            let list: Vec<String> = found
                .iter()
                .map(|column| {
                    let renamed =
                        renames.iter().find(|(from, _)| *from == column.name).map_or(&*column.name, |(_, to)| to);
                    format!("{} AS {}", identifier(&column.name), identifier(renamed))
                })
                .collect();
            format!("SELECT {} FROM {reader}", list.join(", "))
        };
        Ok(select)
    }

    /// The same rows from other files.
    pub(super) fn with_files(&self, files: Files) -> Self {
        let renames = match self {
            Self::Generated { .. } => &[],
            Self::Files { renames, .. } => *renames,
        };
        Self::Files { files, renames, _download: None, _folder: None }
    }

    /// How many bytes a row takes, by the first ones; 0 where nobody knows.
    pub(super) fn row_bytes(&self, connection: &Connection, reading: Reading) -> u64 {
        self.files().map_or(0, |files| files.row_bytes(connection, reading))
    }

    /// The files, if it is files.
    pub(super) fn files(&self) -> Option<&Files> {
        match self {
            Self::Generated { .. } => None,
            Self::Files { files, .. } => Some(files),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_keep_secrets_of_addresses_to_themselves() {
        let label = |source: &str| Origin::Source(source.to_owned()).label();
        assert_eq!(label("https://me:secret@b.org/a@b/t.csv?X-Amz-Signature=1#x"), "https://b.org/a@b/t.csv");
        assert_eq!(label("http://b.org:8080"), "http://b.org:8080");
        assert_eq!(label("data/what?.csv"), "data/what?.csv");
    }
}
