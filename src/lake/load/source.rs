//! What is loaded: files, a URL, a sample or a data set, and the SQL that reads it.

use std::path::Path;

use anyhow::Result;
use aws_sdk_s3::Client;
use duckdb::Connection;

use super::files::{Files, Reading};
use super::form::Form;
use super::format;
use super::gather::{self, Kept};
use super::sample;
use super::stop::Stop;
use crate::console::context::Context;
use crate::duck::words::columns;
use crate::error::{nearest, usage};
use crate::fetch::download::{self, Download};
use quack_function::sql::identifier;

/// Most sources that are told one by one.
const MOST_TOLD: usize = 5;

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
    /// Files, http(s) URLs, objects of S3, globs of files or objects, or `-` for standard input.
    Source(Vec<String>),
    Sample {
        name: String,
        rows: Option<u64>,
    },
    Dataset(String),
}

impl Origin {
    /// The one that is given: the command line and the configuration see to it that there is exactly one.
    pub(crate) fn of(source: Vec<String>, sample: Option<String>, rows: Option<u64>, dataset: Option<String>) -> Self {
        match (sample, dataset) {
            (Some(name), _) => Self::Sample { name, rows },
            (None, Some(name)) => Self::Dataset(name),
            (None, None) => Self::Source(source),
        }
    }

    /// How the catalog names it.
    pub(crate) fn label(&self) -> String {
        match self {
            Self::Source(sources) => {
                let told: Vec<String> = sources.iter().take(MOST_TOLD).map(|source| gather::label(source)).collect();
                match sources.len() - told.len() {
                    0 => told.join(", "),
                    more => format!("{} and {more} more", told.join(", ")),
                }
            }
            Self::Sample { name, .. } => format!("sample {name} (synthetic)"),
            Self::Dataset(name) => format!("dataset {name}"),
        }
    }

    /// Looks for the files that are named, as seen from `dir`, and at what they are; at whatever else only a load looks.
    ///
    /// # Errors
    /// That of a load, which would not find them or could not read them.
    pub(super) fn look(&self, dir: &Path, form: &Form) -> Result<()> {
        match self {
            Self::Source(sources) => gather::look(dir, sources, form),
            Self::Sample { .. } | Self::Dataset(_) => Ok(()),
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
        /// What the files are in, for as long as they are read.
        _kept: Kept,
    },
}

/// Makes `origin` local; relative paths are from the folder that the command is called in. Objects are read through `s3`. To be called on a thread that may block.
///
/// # Errors
/// When there is nothing there, or nothing that can be read; what `form` says and has no meaning for it.
pub(super) fn fetch(context: &Context, s3: &Client, origin: &Origin, form: &Form, stop: &Stop) -> Result<Input> {
    match origin {
        Origin::Sample { name, rows } => {
            Ok(Input::Generated { query: sample::query(name, rows.unwrap_or(sample::DEFAULT_ROWS))? })
        }
        Origin::Dataset(name) if name == "taxi" => {
            let url = std::env::var(TAXI_URL_VARIABLE).unwrap_or_else(|_| TAXI_URL.to_owned());
            let download = Download::new(&url, &download::folder());
            gather::fetch_url(context, &download, "dataset taxi", stop)?;
            let (kind, packing) = format::detect(&download.path, &url)?;
            let files = Files::new(kind, packing, vec![download.path]);
            Ok(Input::Files { files, renames: TAXI_NAMES, _kept: Kept::default() })
        }
        Origin::Dataset(name) => {
            let near = nearest(name, ["taxi"]).unwrap_or("taxi");
            Err(usage(format!("there is no data set `{name}`"), format!("try `--dataset {near}`")))
        }
        Origin::Source(sources) => {
            let (files, kept) = gather::gather(context, s3, sources, form, stop)?;
            Ok(Input::Files { files, renames: &[], _kept: kept })
        }
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
        Self::Files { files, renames, _kept: Kept::default() }
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
        let label = |source: &str| Origin::Source(vec![source.to_owned()]).label();
        assert_eq!(label("https://me:secret@b.org/a@b/t.csv?X-Amz-Signature=1#x"), "https://b.org/a@b/t.csv");
        assert_eq!(label("http://b.org:8080"), "http://b.org:8080");
        assert_eq!(label("data/what?.csv"), "data/what?.csv");
        let many = (0..9).map(|n| format!("{n}.csv")).collect();
        assert_eq!(Origin::Source(many).label(), "0.csv, 1.csv, 2.csv, 3.csv, 4.csv and 4 more");
    }
}
