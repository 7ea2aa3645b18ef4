//! The catalogs that the bucket keeps, and what each has that the current one lacks.

use std::fmt;

use anyhow::{Context as _, Result};
use chrono::{DateTime, NaiveDateTime, SecondsFormat, Utc};
use futures::{Stream, StreamExt, TryStreamExt, stream};
use indicatif::HumanCount;
use serde::Serialize;

use super::versions::{self, Version};
use crate::bucket::Bucket;
use crate::bucket::object;
use crate::error::{Kind, failure_of, usage};
use crate::lake::catalog::{self, Catalog, Scope};
use crate::output::grid::grid;

/// Catalogs that are read at once, to be listed.
const WINDOW: usize = 8;

/// Most catalogs that are listed.
const LISTED: usize = 100;

/// A catalog as it was.
#[derive(Debug)]
pub(super) struct Past {
    pub version: Version,
    /// Why it cannot be read, where it cannot.
    pub catalog: Result<Catalog, String>,
}

/// Every version of the catalog that is kept, the newest first; none of them is read yet.
///
/// # Errors
/// A bucket that keeps none; what S3 says.
pub(super) async fn of_catalog(bucket: &Bucket) -> Result<Vec<Version>> {
    versions::keeping(bucket).await?;
    let key = &bucket.layout.catalog;
    Ok(versions::of_prefix(bucket, key).await?.remove(key).unwrap_or_default())
}

/// Reads the catalogs one after the other, `window` of them at once, as they are asked for.
///
/// # Errors
/// What S3 says.
pub(super) fn read(bucket: &Bucket, versions: Vec<Version>, window: usize) -> impl Stream<Item = Result<Past>> {
    stream::iter(versions).map(|version| read_past(bucket, version)).buffered(window)
}

/// Reads one of the catalogs.
///
/// # Errors
/// What S3 says.
pub(super) async fn read_past(bucket: &Bucket, version: Version) -> Result<Past> {
    let catalog = match version.content {
        None => Err("the catalog was deleted".to_owned()),
        Some(_) => read_one(bucket, &version.id).await?.map_err(|error| format!("{error:#}")),
    };
    Ok(Past { version, catalog })
}

async fn read_one(bucket: &Bucket, id: &str) -> Result<Result<Catalog>> {
    let request = bucket.s3.get_object().bucket(&bucket.name).key(&bucket.layout.catalog).version_id(id);
    let place = format!("{} in version {id}", catalog::place(bucket));
    let (bytes, _) = object::whole(request).await.with_context(|| format!("cannot read the catalog {place}"))?;
    Ok(catalog::tables(bucket, &bytes, &place, Scope::All).await)
}

/// The catalog that `at` means: its version, or a time at which it was the current one.
///
/// # Errors
/// `at` is neither, or there is none of that version or time any more.
pub(super) fn pick<'a>(versions: &'a [Version], at: &str) -> Result<&'a Version> {
    if let Some(version) = versions.iter().find(|version| version.id == at) {
        return Ok(version);
    }
    let Some(time) = moment(at) else {
        return Err(usage(
            format!("there is no catalog of version `{at}`, and it is not a time either"),
            "`quackctl recover` lists the versions; a time is written 2026-03-01T09:30:00Z, or \"2026-03-01 09:30\" in UTC",
        ));
    };
    // Times are shown to the second, and S3 itself may know no more.
    versions.iter().find(|version| version.at.timestamp() <= time.timestamp()).ok_or_else(|| {
        let oldest = versions.last().map(|version| format!("; the oldest that is kept is of {}", shown(version.at)));
        failure_of(
            Kind::Missing,
            format!("no catalog is kept of {}{}", shown(time), oldest.unwrap_or_default()),
            "`quackctl recover` lists those that are",
        )
    })
}

/// A time with its zone, or one in UTC.
fn moment(text: &str) -> Option<DateTime<Utc>> {
    if let Ok(time) = DateTime::parse_from_rfc3339(text) {
        return Some(time.to_utc());
    }
    let text = text.trim().trim_end_matches('Z').replace('T', " ");
    let forms = ["%Y-%m-%d %H:%M:%S", "%Y-%m-%d %H:%M"];
    forms.iter().find_map(|form| NaiveDateTime::parse_from_str(&text, form).ok()).map(|time| time.and_utc())
}

pub(super) fn shown(time: DateTime<Utc>) -> String {
    time.to_rfc3339_opts(SecondsFormat::Secs, true)
}

/// What `quackctl recover` lists.
#[derive(Debug, Serialize)]
pub(crate) struct History {
    pub bucket: String,
    /// The newest first.
    pub versions: Vec<Entry>,
    /// How many more are kept, which are older and not listed.
    pub older: usize,
}

/// One catalog that is kept.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Entry {
    pub version: String,
    /// When it was written, RFC 3339.
    pub at: String,
    pub current: bool,
    pub tables: usize,
    /// Of all its tables.
    pub rows: u64,
    /// Tables and views that the current catalog lacks.
    pub gone: Vec<String>,
    /// Tables that have other files in the current catalog, views that are others.
    pub changed: Vec<String>,
    /// Why it cannot be read, where it cannot.
    pub error: Option<String>,
}

/// The newest catalogs that are kept.
///
/// # Errors
/// A bucket that keeps none; what S3 says.
pub(crate) async fn list(bucket: &Bucket) -> Result<History> {
    let mut versions = of_catalog(bucket).await?;
    let older = versions.len().saturating_sub(LISTED);
    versions.truncate(LISTED);
    let past: Vec<Past> = read(bucket, versions, WINDOW).try_collect().await?;
    Ok(History { bucket: bucket.name.clone(), versions: entries(&past), older })
}

pub(super) fn entries(history: &[Past]) -> Vec<Entry> {
    let empty = Catalog::default();
    let current = history.iter().find(|past| past.version.is_latest).and_then(|past| past.catalog.as_ref().ok());
    let current = current.unwrap_or(&empty);
    let entry = |past: &Past| {
        let catalog = past.catalog.as_ref().unwrap_or(&empty);
        let all = catalog.tables.keys().chain(catalog.views.keys());
        let names = |keep: &dyn Fn(&str) -> bool| all.clone().filter(|name| keep(name)).cloned().collect();
        let is_other = |name: &str| match (current.find(name), catalog.find(name)) {
            (Some((_, now)), Some((_, then))) => now.files != then.files,
            _ => match (current.view(name), catalog.view(name)) {
                (Some((_, now)), Some((_, then))) => now != then,
                _ => false,
            },
        };
        Entry {
            version: past.version.id.clone(),
            at: shown(past.version.at),
            current: past.version.is_latest,
            tables: catalog.tables.len(),
            rows: catalog.tables.values().map(|table| table.rows).sum(),
            gone: names(&|name| current.called(name).is_none()),
            changed: names(&is_other),
            error: past.catalog.as_ref().err().cloned(),
        }
    };
    history.iter().map(entry).collect()
}

impl fmt::Display for History {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.versions.is_empty() {
            return writeln!(f, "nothing was ever loaded into {}", self.bucket);
        }
        let mut grid = grid(&["version", "written at", "tables", "rows", "what the current one lacks"], &[2, 3]);
        for entry in &self.versions {
            let changed = entry.changed.iter().map(|name| format!("{name} (as it was)"));
            let lost: Vec<String> = entry.gone.iter().cloned().chain(changed).collect();
            let lost = match (&entry.error, entry.current) {
                (Some(error), _) => error.clone(),
                (None, true) => "(current)".to_owned(),
                (None, false) => lost.join(", "),
            };
            let numbers = match entry.error {
                None => [entry.tables.to_string(), HumanCount(entry.rows).to_string()],
                Some(_) => [const { String::new() }; 2],
            };
            let [tables, rows] = numbers;
            grid.add_row([entry.version.clone(), entry.at.clone(), tables, rows, lost]);
        }
        writeln!(f, "{grid}")?;
        if self.older > 0 {
            writeln!(f, "and {} older ones, which a time finds: `quackctl recover --at TIME`", self.older)?;
        }
        writeln!(f, "`quackctl recover TABLE` brings one table back, `quackctl recover --at VERSION` a whole catalog")
    }
}
