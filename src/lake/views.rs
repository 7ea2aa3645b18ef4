//! Views: SELECTs with a name, in the catalog beside the tables, with which they share their names.

use std::fmt;

use anyhow::Result;
use quack_function::view::View;
use serde::Serialize;

use super::catalog::{self, Catalog, Scope};
pub(crate) use super::check::name as check_name;
use super::drop::{self, Dropped};
use super::rename::{self, Renamed};
use super::schemas;
use crate::bucket::Bucket;
use crate::error::{failure, nearest, usage};

/// The view `name`, however its case is written.
///
/// # Errors
/// When there is none: a table is told, else the nearest.
pub(crate) fn view<'a>(catalog: &'a Catalog, name: &str) -> Result<(&'a str, &'a View)> {
    if let Some(found) = catalog.view(name) {
        return Ok(found);
    }
    if let Some(table) = catalog.called(name) {
        return Err(usage(format!("`{table}` is a table, not a view"), "DROP TABLE and ALTER TABLE are for tables"));
    }
    let near = nearest(name, catalog.views.keys().map(String::as_str));
    let help = near.map_or_else(|| "`quackctl tables` lists them".to_owned(), |near| format!("did you mean `{near}`?"));
    Err(failure(format!("there is no view `{name}`"), help))
}

/// Whether there may be a view `name`, in the place of one of that name only if it `replaces` it.
///
/// # Errors
/// There is a table of that name, or a view; its schema is not there.
pub(crate) fn admit(catalog: &Catalog, name: &str, replaces: bool) -> Result<()> {
    schemas::check(catalog, name)?;
    if let Some(table) = catalog.names().find(|known| known.eq_ignore_ascii_case(name) && catalog.view(known).is_none())
    {
        return Err(usage(
            format!("there is a table `{table}` already: a view cannot have its name"),
            format!("choose another name, or DROP TABLE {table} first"),
        ));
    }
    match catalog.view(name) {
        Some((known, _)) if !replaces => Err(failure(
            format!("there is a view `{known}` already"),
            "CREATE OR REPLACE VIEW puts a new one in its place, CREATE VIEW IF NOT EXISTS lets it be",
        )),
        _ => Ok(()),
    }
}

/// Puts a view into the catalog, in the place of one of that name only if it `replaces` it.
///
/// # Errors
/// Those of [`admit`].
pub(crate) fn put(catalog: &mut Catalog, name: &str, view: &View, replaces: bool) -> Result<()> {
    admit(catalog, name, replaces)?;
    catalog.views.retain(|known, _| !known.eq_ignore_ascii_case(name));
    catalog.views.insert(name.to_owned(), view.clone());
    Ok(())
}

/// Takes the view `name` out of the catalog. Gives how it was written.
///
/// # Errors
/// There is none.
pub(crate) fn take_out(catalog: &mut Catalog, name: &str) -> Result<String> {
    let known = view(catalog, name)?.0.to_owned();
    catalog.views.remove(&known);
    Ok(known)
}

/// Has the catalog call the view `old`, however its case is written, `new`.
///
/// # Errors
/// There is no such view; something has the new name, or nothing can be called so.
pub(crate) fn rename(catalog: &mut Catalog, old: &str, new: &str) -> Result<Renamed> {
    check_name(new)?;
    let from = view(catalog, old)?.0.to_owned();
    if from == new {
        return Err(usage(format!("the view is called `{new}` already"), "give it another name"));
    }
    let moved = catalog.views.remove(&from).unwrap_or_default();
    put(catalog, new, &moved, false)?;
    Ok(Renamed { from, to: new.to_owned() })
}

/// A table or a view that is gone.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub(crate) enum Gone {
    Table(Dropped),
    View { view: String },
}

impl fmt::Display for Gone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Table(dropped) => dropped.fmt(f),
            Self::View { view } => writeln!(f, "dropped the view `{view}`"),
        }
    }
}

/// Removes the view or the table `name`, and a table's files. What is killed in between leaves files that nothing names, which the
/// next load of a table of this name sweeps.
///
/// # Errors
/// There is neither, which names the nearest; what the bucket says.
pub(crate) async fn drop_named(bucket: &Bucket, name: &str) -> Result<Gone> {
    catalog::update(bucket, Scope::Whole(name), |catalog| match catalog.view(name).is_some() {
        true => take_out(catalog, name).map(|view| Gone::View { view }),
        false => drop::take_out(catalog, name).map(Gone::Table),
    })
    .await
}

/// Calls the view or the table `old`, however its case is written, `new`.
///
/// # Errors
/// There is neither, which names the nearest; something has the new name, or nothing can be called so; what the bucket says.
pub(crate) async fn rename_named(bucket: &Bucket, old: &str, new: &str) -> Result<Renamed> {
    catalog::update(bucket, Scope::Whole(old), |catalog| match catalog.view(old).is_some() {
        true => rename(catalog, old, new),
        false => rename::rename(catalog, &bucket.layout, old, new),
    })
    .await
}
