//! Some files of a table written anew: which those are, what comes in their place, and the catalog told of it in one step.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::Result;
use quack_function::sql::identifier;
use quack_function::table::read_sql;
use serde::Deserialize;

use super::columns::Columns;
use super::deeds::{self, Branch, Target};
use super::done::{Changed, Deed, Outcome};
use super::staged::{self, Staged};
use super::temporary;
use super::tidy;
use super::write::{Rows, Session, Work};
use crate::bucket::upload;
use crate::error::failure;
use crate::lake::catalog::{Catalog, DataFile, Scope, Table};
use crate::lake::load::{commit, sweep};
use crate::query::{Answer, Coordinator};

/// Times that a change begins anew because somebody else changed its files meanwhile.
const ATTEMPTS: u32 = 20;

/// The longest pause before that.
const PAUSE_MS: u64 = 300;

/// Tries a change until nobody else was quicker.
///
/// # Errors
/// Those of `once`; others that keep changing the table.
pub(super) async fn until_current(
    coordinator: &Coordinator<'_>,
    session: &Session<'_>,
    table: &str,
    once: impl AsyncFn(&Coordinator<'_>) -> Result<Option<Outcome>>,
) -> Result<Outcome> {
    let mut fresh: Option<Catalog> = None;
    for _ in 0..ATTEMPTS {
        let known = fresh.as_ref().unwrap_or(coordinator.catalog);
        if let Some(changed) = once(&Coordinator { catalog: known, ..*coordinator }).await? {
            return Ok(changed);
        }
        coordinator.context.detail("somebody else changed the table meanwhile; beginning anew");
        // Else those who meet once would meet again and again.
        tokio::time::sleep(Duration::from_millis(rand::random_range(0..PAUSE_MS))).await;
        fresh = Some(session.transaction.catalog(&coordinator.target.bucket, Scope::All).await?);
    }
    Err(failure(
        format!("others keep changing `{table}`"),
        "nothing was changed; run the statement again when they are done",
    ))
}

/// Files of a table, as FROM reads them; besides the columns, DuckDB's own tell of each row in which file it is, and where.
pub(super) fn files(table: &Table, files: &[usize], bucket: &str) -> Result<String> {
    let files = files.iter().filter_map(|at| table.files.get(*at));
    read_with(table, files, bucket, &[FILE, PLACE])
}

/// Files of a table, as FROM reads them: their rows.
pub(super) fn rows<'a>(table: &Table, files: impl Iterator<Item = &'a DataFile>, bucket: &str) -> Result<String> {
    read_with(table, files, bucket, &[])
}

fn read_with<'a>(
    table: &Table,
    files: impl Iterator<Item = &'a DataFile>,
    bucket: &str,
    also: &[&str],
) -> Result<String> {
    let read = match table.is_shaped() {
        true => table.shapes(files, bucket).read_sql(&table.partitions, also),
        false => {
            let addresses: Vec<String> = files.map(|file| file.address(bucket)).collect();
            read_sql(&addresses, &table.partitions)
        }
    };
    read.map_err(|error| failure(format!("the catalog is damaged: {error}"), ""))
}

/// DuckDB's own columns of files.
const FILE: &str = "filename";
const PLACE: &str = "file_row_number";

/// Files of a table as a part of a query that is to say where its rows are.
#[derive(Debug, Clone)]
pub(super) struct Source {
    /// With its alias.
    pub sql: String,
    pub target: Target,
}

/// The whole table, called `alias`.
///
/// # Errors
/// As for [`source`].
pub(super) fn whole(work: &Work<'_>, table: &Table, alias: &str) -> Result<Source> {
    let every: Vec<usize> = (0..table.files.len()).collect();
    source(table, &every, &work.coordinator.target.bucket.name, identifier(alias))
}

/// These files of a table, called `alias`, an identifier.
///
/// # Errors
/// It has a column that hides where in its file a row is.
pub(super) fn source(table: &Table, at: &[usize], bucket: &str, alias: String) -> Result<Source> {
    let has = |hidden: &str| table.columns.iter().any(|column| column.name.eq_ignore_ascii_case(hidden));
    if has(PLACE) || table.is_shaped() && has(FILE) {
        return Err(failure(
            format!(
                "a table with a column `{}` cannot be changed by this statement",
                if has(PLACE) { PLACE } else { FILE }
            ),
            "CREATE OR REPLACE TABLE name AS SELECT ... gives the column another name",
        ));
    }
    let mut read = files(table, at, bucket)?;
    let mut file = FILE;
    // DuckDB's own column is hidden behind one of the table's; another is none of those that `*` stands for no more.
    if has(file) {
        file = "quack_filename";
        read = format!("{}, filename = '{file}')", read.trim_end_matches(')'));
    }
    Ok(Source { sql: format!("{read} AS {alias}"), target: Target { alias, file } })
}

/// What a statement does to the rows of a table.
pub(super) struct Deeds<'a> {
    /// What the query's WITH begins with.
    pub before: Vec<String>,
    pub branches: Vec<Branch>,
    /// What sets variables before it.
    pub variables: &'a str,
    /// Rows that others add meanwhile count, too.
    pub is_strict: bool,
    pub deed: Deed,
    /// What the statement calls the table.
    pub alias: &'a str,
    /// What is to come back of each row; nothing without.
    pub returning: &'a [String],
}

/// The column that says, in the RETURNING of a MERGE, what was done to a row.
pub(super) const ACTION: &str = "merge_action";

/// How many rows of a file are meant.
#[derive(Debug, Deserialize)]
struct Counted {
    file: String,
    deed: u8,
    rows: u64,
    said: Option<String>,
}

/// Has the function write down what is done to which rows, once, and the files anew by that. Nothing when somebody else was quicker.
///
/// # Errors
/// What DuckDB says of the query; what it says that ends the statement.
pub(super) async fn by_deeds(
    mut work: Work<'_>,
    name: &str,
    table: &Table,
    columns: &Columns<'_>,
    deeds: Deeds<'_>,
) -> Result<Option<Outcome>> {
    let returns = !deeds.returning.is_empty();
    let query = deeds::query(columns, &deeds.before, &deeds.branches, returns);
    let (variables, listed) = (deeds.variables, deeds::listed(columns));
    let rows = Rows { variables, sql: query, label: name, columns: &listed, partitions: &[], may_divide: false };
    let written = work.write(&rows).await?;
    let done = by_written(&mut work, name, table, columns, &deeds, &written).await;
    written.discard().await;
    done
}

async fn by_written<'a>(
    work: &mut Work<'a>,
    name: &str,
    table: &Table,
    columns: &Columns<'_>,
    deeds: &Deeds<'_>,
    written: &Staged<'a>,
) -> Result<Option<Outcome>> {
    let mut done = Changed::nothing(deeds.deed, name);
    let deeds_read = staged::read(&written.addresses(), &written.columns, &[])?;
    if written.files.iter().all(|file| file.rows == 0) {
        let rows = returned(work, columns, deeds, &deeds_read).await?;
        return Ok(Some(Outcome { changed: Changed { cost_usd: work.cost_usd, ..done }, rows }));
    }
    let count = "SELECT coalesce(file, '') AS file, deed, count(*) AS rows, any_value(said) AS said";
    let counted: Vec<Counted> = work.rows(&format!("{count} FROM {deeds_read} GROUP BY ALL")).await?;
    let (mut touched, mut inserts) = (BTreeMap::<usize, u64>::new(), false);
    let bucket = &work.coordinator.target.bucket.name;
    let places =
        table.files.iter().enumerate().map(|(at, file)| (file.address(bucket), at)).collect::<BTreeMap<_, _>>();
    for Counted { file, deed, rows, said } in counted {
        if deed == deeds::REFUSED {
            let said = said.unwrap_or_else(|| "a row is there that is to be none".to_owned());
            return Err(failure(format!("the statement's ERROR: {said}"), "nothing was changed"));
        }
        done.rows += rows;
        if deed == deeds::INSERTED {
            inserts = true;
            continue;
        }
        let unknown = || failure("the function's answer is not as it should be", "run `quackctl up`, and try again");
        let at = places.get(&file).ok_or_else(unknown)?;
        *touched.entry(*at).or_default() += if deed == deeds::DELETED { rows } else { 0 };
    }
    let gone: Vec<String> = touched.keys().map(|at| table.files[*at].key.clone()).collect();
    // A file all of whose rows are deleted needs no writing.
    let anew: Vec<usize> =
        touched.iter().filter(|(at, deleted)| **deleted < table.files[**at].rows).map(|(at, _)| *at).collect();
    let mut selects = Vec::new();
    if !anew.is_empty() {
        selects.push(kept(columns, &source(table, &anew, bucket, "quack_table".to_owned())?, &deeds_read));
    }
    if inserts {
        selects.push(format!(
            "SELECT {} FROM {deeds_read} WHERE deed = {}",
            named(columns, |at| format!("c{at}")),
            deeds::INSERTED
        ));
    }
    let staged = match selects.is_empty() {
        true => None,
        false => {
            let sql = selects.join("\nUNION ALL\n");
            let rows = Rows {
                variables: "",
                sql,
                label: name,
                columns: &table.own_columns(),
                partitions: &table.partitions,
                may_divide: false,
            };
            Some(tidy::write(work, &rows).await?)
        }
    };
    let rows = match returned(work, columns, deeds, &deeds_read).await {
        Ok(rows) => rows,
        Err(error) => {
            if let Some(staged) = staged {
                staged.discard().await;
            }
            return Err(error);
        }
    };
    match finish(work, name, table, gone, staged, deeds.is_strict).await {
        Ok(true) => Ok(Some(Outcome { changed: Changed { cost_usd: work.cost_usd, ..done }.made(), rows })),
        other => {
            work.coordinator.discard(rows).await;
            other.map(|_| None)
        }
    }
}

/// The rows that the statement is to give: of what was written down, so that nothing is reckoned again for it.
async fn returned(work: &mut Work<'_>, columns: &Columns<'_>, deeds: &Deeds<'_>, read: &str) -> Result<Option<Answer>> {
    if deeds.returning.is_empty() {
        return Ok(None);
    }
    let action = match deeds.deed == Deed::Merge && columns.place(ACTION).is_err() {
        true => format!(", ['INSERT', 'DELETE', 'UPDATE'][deed + 1] AS {ACTION}"),
        false => String::new(),
    };
    let rows = named(columns, |at| format!("c{at}"));
    let from = format!("(SELECT {rows}{action} FROM {read}) AS {}", identifier(deeds.alias));
    work.returned(deeds.returning, &from, deeds.variables).await.map(Some)
}

/// The rows of the `files` as they are to be: those that stay as they are, and those that become others.
fn kept(columns: &Columns<'_>, files: &Source, deeds: &str) -> String {
    let value = |at: usize| {
        let own = identifier(&columns.all()[at].name);
        format!("CASE WHEN quack_deeds.deed IS NULL THEN quack_table.{own} ELSE quack_deeds.c{at} END")
    };
    format!(
        "SELECT {} FROM {} LEFT JOIN (SELECT * FROM {deeds} WHERE deed <> {}) AS quack_deeds \
         ON {} = quack_deeds.file AND {} = quack_deeds.\"row\" \
         WHERE quack_deeds.deed IS DISTINCT FROM {}",
        named(columns, value),
        files.sql,
        deeds::INSERTED,
        files.target.file(),
        files.target.row(),
        deeds::DELETED
    )
}

/// Each column's value with its name.
fn named(columns: &Columns<'_>, value: impl Fn(usize) -> String) -> String {
    let all = columns.all().iter().enumerate();
    all.map(|(at, column)| format!("{} AS {}", value(at), identifier(&column.name))).collect::<Vec<_>>().join(", ")
}

/// Has `staged` come in the place of the files with the keys `gone`. False when somebody else changed those meanwhile, or anything at
/// all of the table where `is_strict`: then nothing was changed.
///
/// # Errors
/// What the bucket says. Nothing is left behind.
pub(super) async fn finish<'a>(
    work: &mut Work<'a>,
    name: &str,
    table: &Table,
    mut gone: Vec<String>,
    staged: Option<Staged<'a>>,
    is_strict: bool,
) -> Result<bool> {
    let bucket = &work.coordinator.target.bucket;
    let comes = staged.as_ref().map_or(0, |staged| staged.files.len());
    if comes > 0 {
        // What stands for a table without rows is not needed any more.
        gone.extend(table.files.iter().filter(|file| file.rows == 0).map(|file| file.key.clone()));
    }
    let staged = match (staged, table.files.len() - gone.len() + comes) {
        // A table without rows has an empty file.
        (emptied, 0) => {
            if let Some(emptied) = emptied {
                emptied.discard().await;
            }
            Some(work.write_empty(&table.own_columns(), name, &table.partitions).await?)
        }
        (staged, _) => staged,
    };
    let files = match &staged {
        Some(staged) => {
            staged.keep(&temporary::folder_as_known(bucket, work.coordinator.catalog, name), work.session.cancel).await
        }
        None => Ok(Vec::new()),
    };
    if let Some(staged) = staged {
        staged.discard().await;
    }
    let files = files?;
    let committed = work.session.transaction.update(bucket, Scope::Whole(name), |catalog| {
        let now = catalog.table(name)?.1;
        let is_stored = now.keys().any(|key| files.iter().any(|file| file.key == key));
        match is_strict && !is_stored && !now.keys().eq(table.keys()) {
            true => Ok(false),
            false => commit::rewrite(catalog, name, table, &gone, &files),
        }
    });
    let committed = committed.await;
    let files = files.into_iter().map(|file| file.key);
    match &committed {
        Ok(true) => work.session.transaction.made(files),
        _ => upload::delete(bucket, files).await,
    }
    if !table.is_temporary(&bucket.layout) {
        sweep::sweep(bucket, name, table).await;
    }
    committed
}
