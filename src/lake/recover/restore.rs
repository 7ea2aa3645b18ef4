//! Puts an earlier catalog back, or one table of it. The files come first, and the catalog changes in one conditional
//! write when all of them are there; so it is either done or not.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::fmt;
use std::pin::pin;

use anyhow::Result;
use futures::TryStreamExt;
use quack_function::view::View;
use serde::Serialize;

use super::difference::Difference;
use super::files;
use super::history::{self, Past, pick, shown};
use super::versions::{self, Keeping, Version};
use crate::bucket::Bucket;
use crate::bucket::upload;
use crate::error::{Kind, failure, failure_of, nearest};
use crate::lake::catalog::{self, Catalog, Scope, Table, is_elsewhere};
use crate::lake::claims;
use crate::lake::{schemas, views};
use crate::rows::counted;

/// What came back.
#[derive(Debug, Serialize)]
pub(crate) struct Recovered {
    /// The version of the catalog that it came from.
    pub version: String,
    /// When that was written, RFC 3339.
    pub at: String,
    /// The rows of each table that is as it was then.
    pub tables: BTreeMap<String, u64>,
    /// Views that are as they were then.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub views: Vec<String>,
    /// What became of the tables that were there.
    pub changes: Difference,
    /// Files that were brought back; the others were there.
    pub files: usize,
}

impl Recovered {
    fn of(past: &Past, tables: &[(&str, &Table)], changes: Difference, files: usize) -> Self {
        Self {
            version: past.version.id.clone(),
            at: shown(past.version.at),
            tables: tables.iter().map(|(name, table)| ((*name).to_owned(), table.rows)).collect(),
            views: Vec::new(),
            changes,
            files,
        }
    }
}

impl fmt::Display for Recovered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.tables.is_empty() && self.views.is_empty() {
            writeln!(f, "the catalog is empty, as it was")?;
        }
        for (name, rows) in &self.tables {
            writeln!(f, "{name}: {}", counted(*rows))?;
        }
        for name in &self.views {
            writeln!(f, "{name}: a view")?;
        }
        for line in self.changes.lines(true) {
            writeln!(f, "{line}")?;
        }
        writeln!(f, "as in the catalog of {}, version {}; files brought back: {}", self.at, self.version, self.files)
    }
}

/// Puts the catalog back that `at` means: a version, or a time. Where tables would go by that, `allow` is asked before.
///
/// # Errors
/// There is none, it is the current one, or files of it are lost for good; or what `allow` says. Then nothing has changed.
pub(crate) async fn catalog(
    bucket: &Bucket,
    at: &str,
    mut allow: impl FnMut(&Difference) -> Result<()>,
) -> Result<Recovered> {
    let version = pick(&history::of_catalog(bucket).await?, at)?.clone();
    let past = &history::read_past(bucket, version).await?;
    let wanted = readable(past)?;
    if past.version.is_latest {
        return Err(failure("that is the current catalog already", "`quackctl recover` lists those before it"));
    }
    let tables: Vec<(&str, &Table)> = wanted.tables.iter().map(|(name, table)| (name.as_str(), table)).collect();
    // Of a catalog that cannot be read nothing is known that could go.
    let mut changes = Difference::between(&catalog::read(bucket).await.unwrap_or_default(), wanted);
    if changes.takes_something() {
        allow(&changes)?;
    }
    let files = bring_back(bucket, past, &tables).await?;
    let ((), unneeded) = catalog::replace(bucket, Scope::All, |current| {
        let current = current.unwrap_or_default();
        let newer = Difference::between(&current, wanted);
        // Somebody loaded meanwhile.
        if !newer.takes_no_more_than(&changes) {
            allow(&newer)?;
        }
        changes = newer;
        let mut after = wanted.clone();
        after.tables.values_mut().for_each(as_new);
        Ok((after, ()))
    })
    .await?;
    put_away(bucket, unneeded).await?;
    let views = wanted.views.keys().cloned().collect();
    Ok(Recovered { views, ..Recovered::of(past, &tables, changes, files) })
}

/// Brings one table or view back: as it is in the catalog that `at` means, else as the newest catalog has it in which it is other
/// than now.
///
/// # Errors
/// There is no such table, or files of it are lost for good; then nothing has changed.
pub(crate) async fn table(bucket: &Bucket, name: &str, at: Option<&str>) -> Result<Recovered> {
    let mut versions = history::of_catalog(bucket).await?;
    let chosen = at.map(|at| pick(&versions, at).cloned()).transpose()?;
    let now = match versions.iter().position(|version| version.is_latest) {
        Some(at) => Some(history::read_past(bucket, versions.remove(at)).await?),
        None => None,
    };
    if let Some(Past { version, catalog: Err(error) }) = &now
        && version.content.is_some()
    {
        return Err(failure(
            format!("the current catalog cannot be read, so no table can be put into it: {error}"),
            "put a whole one back first: `quackctl recover` lists them, `quackctl recover --at VERSION` does it",
        ));
    }
    let past = &match chosen {
        Some(version) => history::read_past(bucket, version).await?,
        None => newest(bucket, versions, name, now.as_ref()).await?,
    };
    if let Some((name, wanted)) = readable(past)?.view(name) {
        return view(bucket, past, name, wanted).await;
    }
    let (name, wanted) = readable(past)?.table(name)?;
    let files = bring_back(bucket, past, &[(name, wanted)]).await?;
    let (changes, unneeded) = catalog::replace(bucket, Scope::All, |current| {
        let before = current?;
        if let Some((view, _)) = before.view(name) {
            let help = format!("`quackctl rename {view} OTHER` gives the view another name");
            return Err(failure(format!("`{view}` is a view now: a table cannot come back under its name"), help));
        }
        let mut after = before.clone();
        after.tables.retain(|known, _| !known.eq_ignore_ascii_case(name));
        // A table that these files were renamed to goes back with them, unless it has more by now.
        let back: HashSet<&str> = wanted.keys().collect();
        // Files that are registered may be several tables'.
        let shares = |table: &Table| table.keys().any(|key| !is_elsewhere(key) && back.contains(key));
        if let Some((other, _)) =
            after.tables.iter().find(|(_, table)| shares(table) && !table.keys().all(|key| back.contains(key)))
        {
            return Err(failure(
                format!("`{name}` is called `{other}` now, and has more rows: they would be lost"),
                format!("`quackctl rename {other} {name}` gives it back its name"),
            ));
        }
        after.tables.retain(|_, table| !shares(table));
        let mut back = wanted.clone();
        as_new(&mut back);
        schemas::with_that_of(&mut after, name);
        after.tables.insert(name.to_owned(), back);
        let changes = Difference::between(&before, &after);
        Ok((after, changes))
    })
    .await?;
    put_away(bucket, unneeded).await?;
    Ok(Recovered::of(past, &[(name, wanted)], changes, files))
}

/// Brings one view back.
async fn view(bucket: &Bucket, past: &Past, name: &str, wanted: &View) -> Result<Recovered> {
    let (changes, unneeded) = catalog::replace(bucket, Scope::NONE, |current| {
        let before = current?;
        let mut after = before.clone();
        schemas::with_that_of(&mut after, name);
        views::put(&mut after, name, wanted, true)?;
        let changes = Difference::between(&before, &after);
        Ok((after, changes))
    })
    .await?;
    put_away(bucket, unneeded).await?;
    Ok(Recovered { views: vec![name.to_owned()], ..Recovered::of(past, &[], changes, 0) })
}

fn readable(past: &Past) -> Result<&Catalog> {
    past.catalog.as_ref().map_err(|error| {
        let message = format!("version {} cannot be put back: {error}", past.version.id);
        failure(message, "choose another one: `quackctl recover` lists them")
    })
}

/// The newest of the catalogs in which the table `name` is other than `now`.
async fn newest(bucket: &Bucket, versions: Vec<Version>, name: &str, now: Option<&Past>) -> Result<Past> {
    let current = now.and_then(|now| now.catalog.as_ref().ok());
    let now = current.and_then(|now| now.find(name)).map(|(_, table)| table);
    let now_view = current.and_then(|now| now.view(name)).map(|(_, view)| view);
    let mut names = BTreeSet::new();
    // Most often it is the one before, so few are read that nobody needs.
    let mut history = pin!(history::read(bucket, versions, 2));
    while let Some(past) = history.try_next().await? {
        let then_view = past.catalog.as_ref().ok().and_then(|then| then.view(name)).map(|(_, view)| view);
        if has_other(&past, name, now) || then_view.is_some() && then_view != now_view {
            return Ok(past);
        }
        names.extend(past.catalog.into_iter().flat_map(|catalog| catalog.tables.into_keys()));
    }
    if now.is_some() || now_view.is_some() {
        return Err(failure(
            format!("`{name}` is as it was in every catalog that is kept: there is nothing to bring back"),
            "what is replaced or deleted is kept for 7 days; `quackctl recover` lists it",
        ));
    }
    let help = match nearest(name, names.iter().map(String::as_str)) {
        Some(near) => format!("did you mean `{near}`?"),
        None => "what is replaced or deleted is kept for 7 days; `quackctl recover` lists it".to_owned(),
    };
    Err(failure_of(Kind::Missing, format!("no catalog that is kept has a table `{name}`"), help))
}

/// Whether the catalog has a table `name` with other files than `now`.
pub(super) fn has_other(past: &Past, name: &str, now: Option<&Table>) -> bool {
    let then = past.catalog.as_ref().ok().and_then(|catalog| catalog.find(name));
    then.is_some_and(|(_, then)| now.is_none_or(|now| now.files != then.files))
}

/// Has every file of the tables be there. Gives how many were not.
async fn bring_back(bucket: &Bucket, past: &Past, tables: &[(&str, &Table)]) -> Result<usize> {
    let lost = files::lost(bucket, tables, past.version.at).await?;
    files::bring_back(bucket, &lost).await?;
    Ok(lost.len())
}

/// Has a table come as new rows do: the history of the one that is there goes on with it, unless its files are of several shapes.
fn as_new(table: &mut Table) {
    let before = std::mem::take(&mut table.origin);
    if table.is_mixed() {
        table.ancestor = before;
    }
}

/// Deletes what no table has any more, where they can be brought back again.
async fn put_away(bucket: &Bucket, keys: Vec<String>) -> Result<()> {
    if versions::keeping(bucket).await? == Keeping::On {
        upload::delete(bucket, claims::free(bucket, keys).await).await;
    }
    Ok(())
}
