//! Files of a write made into files of a good size: functions cut those that are too large, and put together those that are tiny.

use std::ops::Range;

use anyhow::Result;
use quack_function::sql::{identifier, literal};

use super::sizes::Sizes;
use super::staged::{self, Place, Staged, Wrote};
use super::write::{Rows, Work};
use crate::error::failure;
use crate::lake::catalog::DataFile;
use crate::query::Part;

/// DuckDB's own column: which row of its file one is.
const PLACE: &str = "file_row_number";

/// Has functions write the rows as files of a good size, none of them without rows.
///
/// # Errors
/// What DuckDB or the bucket says. Nothing stays behind.
pub(super) async fn write<'a>(work: &mut Work<'a>, rows: &Rows<'_>) -> Result<Staged<'a>> {
    let staged = work.write(rows).await?;
    tidied(work, rows, staged).await
}

/// The same of several parts, a function each, whose rows together are those of a table.
///
/// # Errors
/// As for [`write`].
pub(super) async fn write_parts<'a>(work: &mut Work<'a>, rows: &Rows<'_>, parts: &[Part]) -> Result<Staged<'a>> {
    let wrote = work.by_parts(rows, parts).await?;
    let staged = work.staged(rows, wrote).await?;
    tidied(work, rows, staged).await
}

/// Has functions write anew what of `staged` is not of a good size, as far as there is such.
async fn tidied<'a>(work: &mut Work<'a>, rows: &Rows<'_>, staged: Staged<'a>) -> Result<Staged<'a>> {
    let mut staged = staged.without_empty();
    match all(work, rows, &mut staged, &Sizes::default()).await {
        Ok(()) => Ok(staged),
        Err(error) => {
            staged.discard().await;
            Err(error)
        }
    }
}

async fn all<'a>(work: &mut Work<'a>, rows: &Rows<'_>, staged: &mut Staged<'a>, sizes: &Sizes) -> Result<()> {
    let joins = sizes.joins(&staged.files);
    if !joins.is_empty() {
        join(work, rows, staged, &joins).await?;
    }
    let is_hidden = staged.columns.iter().any(|column| column.name.eq_ignore_ascii_case(PLACE));
    let cuts = sizes.cuts(&staged.files);
    if !cuts.is_empty() && !is_hidden {
        cut(work, rows, staged, &cuts).await?;
    }
    Ok(())
}

/// Writes each of the `cuts` anew as several files, in its place.
async fn cut<'a>(
    work: &mut Work<'a>,
    rows: &Rows<'_>,
    staged: &mut Staged<'a>,
    cuts: &[(usize, Vec<Range<u64>>)],
) -> Result<()> {
    let addresses = staged.addresses();
    let pieces: Vec<(usize, &Range<u64>)> =
        cuts.iter().flat_map(|(at, ranges)| ranges.iter().map(|range| (*at, range))).collect();
    let parts = pieces.iter().map(|(at, Range { start, end })| {
        let read = format!("read_parquet({}, hive_partitioning = false)", literal(&addresses[*at]));
        let sql = format!("SELECT * FROM {read} WHERE {PLACE} >= {start} AND {PLACE} < {end}");
        work.part_again(rows, &sql, &[&staged.files[*at]])
    });
    let whole = Rows { sql: String::new(), partitions: &[], ..*rows };
    let parts: Vec<Part> = parts.collect();
    let wrote = work.by_parts(&whole, &parts).await?;
    let mut come = Vec::new();
    staged.note(&wrote);
    for ((at, range), Wrote { folder, files }) in pieces.into_iter().zip(wrote) {
        let place = Place { folder: &folder, part: None, label: rows.label, partitions: &[] };
        for written in files {
            let (file, source) = staged.told(&place, written)?;
            check(file.rows, range.end - range.start)?;
            let old = &staged.files[at];
            let name = old.key.trim_end_matches(".parquet");
            let key = format!("{name}-{:05}.parquet", come.len());
            come.push((at, DataFile { key, partition: old.partition.clone(), ..file }, source));
        }
    }
    staged.replace(&cuts.iter().map(|(at, _)| *at).collect::<Vec<_>>(), come);
    Ok(())
}

/// Writes the files of each of `joins` anew, as one or one a partition.
async fn join<'a>(work: &mut Work<'a>, rows: &Rows<'_>, staged: &mut Staged<'a>, joins: &[Vec<usize>]) -> Result<()> {
    let addresses = staged.addresses();
    let names = staged.columns.iter().chain(rows.partitions).map(|column| identifier(&column.name));
    let names = names.collect::<Vec<_>>().join(", ");
    let mut parts = Vec::with_capacity(joins.len());
    for places in joins {
        let addresses: Vec<String> = places.iter().map(|at| addresses[*at].clone()).collect();
        let sql = format!("SELECT {names} FROM {}", staged::read(&addresses, &[], rows.partitions)?);
        parts.push(work.part_again(rows, &sql, &places.iter().map(|at| &staged.files[*at]).collect::<Vec<_>>()));
    }
    let wrote = work.by_parts(rows, &parts).await?;
    let mut come = Vec::new();
    staged.note(&wrote);
    for (number, (places, Wrote { folder, files })) in joins.iter().zip(wrote).enumerate() {
        let at = places.first().copied().unwrap_or_default();
        let place = Place { folder: &folder, part: Some(number), label: rows.label, partitions: rows.partitions };
        let goes: u64 = places.iter().map(|at| staged.files[*at].rows).sum();
        let known = come.len();
        for written in files {
            let (file, source) = staged.told(&place, written)?;
            come.push((at, file, source));
        }
        check(come[known..].iter().map(|(_, file, _)| file.rows).sum(), goes)?;
    }
    // What stays has its own numbers.
    for (_, file, _) in &mut come {
        file.key = format!("{}-whole.parquet", file.key.trim_end_matches(".parquet"));
    }
    staged.replace(&joins.concat(), come);
    Ok(())
}

fn check(comes: u64, goes: u64) -> Result<()> {
    match comes == goes {
        true => Ok(()),
        false => Err(failure(
            format!("the function wrote {comes} rows of {goes}: nothing was changed"),
            "run `quackctl up`, and try again",
        )),
    }
}
