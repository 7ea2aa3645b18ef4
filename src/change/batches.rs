//! Files of a table that one function puts together at a time: as many as make one file of a good size, so that no table is too
//! large for it.

use std::collections::{BTreeMap, HashSet};

use anyhow::{Context as _, Result};
use duckdb::appender_params_from_iter;
use duckdb::types::Value;
use quack_function::sql_type::SqlType;

use crate::duck::{self, Sandbox};
use crate::lake::catalog::{DataFile, Table};

/// A file that is smaller is put together with others, bytes.
const SMALL_BYTES: u64 = 64 << 20;

/// What one function puts together, bytes, unless one file has more.
pub(super) const BATCH_BYTES: u64 = 256 << 20;

/// What one function sorts: several times as much, unpacked, has to be in its memory and on its disk.
pub(super) const SORTED_BYTES: u64 = 128 << 20;

/// Files that one function is given: their names travel with the call.
const BATCH_FILES: usize = 10_000;

/// Partitions that a table may have, however small they are.
const FEW_PARTITIONS: usize = 16;

/// Partitions that are smaller are better columns than folders, bytes.
const SMALL_PARTITION_BYTES: u64 = 16 << 20;

/// Files that one function is given.
pub(super) type Batch<'a> = Vec<&'a DataFile>;

type Values = [Option<String>];

/// Whether each file of a table would stay small because its partitions are.
pub(super) fn are_too_small(table: &Table) -> bool {
    // What a folder's name carries has to be the same in a file.
    let is_kept = |sql_type: &str| SqlType::parse(sql_type).is_ok_and(|own| own.in_parquet().is_none());
    let filled = table.files.iter().filter(|file| file.rows > 0);
    let partitions = filled.map(|file| &file.partition).collect::<HashSet<_>>().len();
    !table.partitions.is_empty()
        && table.partitions.iter().all(|column| is_kept(&column.sql_type))
        && partitions > FEW_PARTITIONS
        && table.bytes / (partitions as u64) < SMALL_PARTITION_BYTES
}

/// The small files of partitions that have more than one such; each partition stays for itself.
pub(super) fn small(table: &Table) -> Vec<Batch<'_>> {
    let mut by_partition: BTreeMap<&Values, Batch<'_>> = BTreeMap::new();
    for file in table.files.iter().filter(|file| file.rows > 0 && file.bytes < SMALL_BYTES) {
        by_partition.entry(&file.partition).or_default().push(file);
    }
    let several =
        by_partition.into_values().flat_map(|files| cut(files.into_iter().map(|file| vec![file]), BATCH_BYTES));
    cut(several.filter(|files| files.len() > 1), BATCH_BYTES).collect()
}

/// All files that have rows, by their partitions, each of which is whole in one batch.
///
/// # Errors
/// As for [`in_order`].
pub(super) fn whole(table: &Table) -> Result<Vec<Batch<'_>>> {
    let mut by_partition: Vec<Batch<'_>> = Vec::new();
    for file in sorted(table, &table.files)? {
        match by_partition.last_mut().filter(|known| known.iter().all(|other| other.partition == file.partition)) {
            Some(known) => known.push(file),
            None => by_partition.push(vec![file]),
        }
    }
    Ok(cut(by_partition.into_iter(), SORTED_BYTES).collect())
}

/// Those of `files` that have rows, in the order of their partitions' values, in batches of `most` bytes.
///
/// # Errors
/// A value that is not of its column's type.
pub(super) fn in_order<'a>(table: &Table, files: &'a [DataFile], most: u64) -> Result<Vec<Batch<'a>>> {
    Ok(cut(sorted(table, files)?.into_iter().map(|file| vec![file]), most).collect())
}

/// Files in the order of their partitions' values, as DuckDB has it; none without rows.
fn sorted<'a>(table: &Table, files: &'a [DataFile]) -> Result<Batch<'a>> {
    let filled: Batch<'a> = files.iter().filter(|file| file.rows > 0).collect();
    if table.partitions.is_empty() {
        return Ok(filled);
    }
    let texts: Vec<String> = (0..table.partitions.len()).map(|at| format!("p{at} VARCHAR")).collect();
    let order = table.partitions.iter().enumerate().map(|(at, column)| format!("CAST(p{at} AS {})", column.sql_type));
    let order = order.collect::<Vec<_>>().join(", ");
    let connection = duck::open(&Sandbox::default())?;
    connection.execute_batch(&format!("CREATE TABLE files (place UBIGINT, {})", texts.join(", ")))?;
    let mut appender = connection.appender("files")?;
    for (at, file) in filled.iter().enumerate() {
        let values = file.partition.iter().map(|value| value.clone().map_or(Value::Null, Value::Text));
        appender.append_row(appender_params_from_iter(std::iter::once(Value::UBigInt(at as u64)).chain(values)))?;
    }
    appender.flush()?;
    drop(appender);
    let cannot = "cannot sort the partitions' values";
    let mut statement =
        connection.prepare(&format!("SELECT place FROM files ORDER BY {order}, place")).context(cannot)?;
    let places = statement.query_map([], |row| row.get::<_, u64>(0)).context(cannot)?;
    places.map(|at| Ok(filled[usize::try_from(at.context(cannot)?)?])).collect()
}

/// Groups put together as long as they come one after another and have no more than `most` bytes.
fn cut<'a>(groups: impl Iterator<Item = Batch<'a>>, most: u64) -> impl Iterator<Item = Batch<'a>> {
    let mut groups = groups.peekable();
    std::iter::from_fn(move || {
        let mut batch = groups.next()?;
        let mut bytes = size(&batch);
        while let Some(next) =
            groups.next_if(|next| bytes.saturating_add(size(next)) <= most && batch.len() + next.len() <= BATCH_FILES)
        {
            bytes = bytes.saturating_add(size(&next));
            batch.extend(next);
        }
        Some(batch)
    })
}

/// Bytes of the files.
pub(super) fn size(files: &Batch<'_>) -> u64 {
    files.iter().map(|file| file.bytes).fold(0, u64::saturating_add)
}

#[cfg(test)]
mod tests {
    use super::*;
    use quack_function::wire::Column;

    /// A table by `n` and `day`, of files `(n, day, bytes)`, that have a row for each byte.
    fn table(files: &[(Option<&str>, &str, u64)]) -> Table {
        let file = |(at, (n, day, bytes)): (usize, &(Option<&str>, &str, u64))| DataFile {
            partition: vec![n.map(str::to_owned), Some((*day).to_owned())],
            rows: *bytes,
            bytes: *bytes,
            ..DataFile::named(at.to_string())
        };
        let mut table = Table::of(files.iter().enumerate().map(file).collect());
        table.bytes = files.iter().map(|(_, _, bytes)| bytes).sum();
        let column = |(name, sql_type): (&str, &str)| Column { name: name.to_owned(), sql_type: sql_type.to_owned() };
        table.partitions = [("n", "INTEGER"), ("day", "DATE")].map(column).to_vec();
        table
    }

    fn keys(batches: Vec<Batch<'_>>) -> Vec<String> {
        batches.iter().map(|files| files.iter().map(|file| file.key.as_str()).collect::<Vec<_>>().join(" ")).collect()
    }

    const MIB: u64 = 1 << 20;

    #[test]
    fn files_come_in_the_order_of_values_and_not_of_texts_and_are_no_more_than_a_function_takes() {
        let of = table(&[
            (Some("10"), "2026-01-02", 100 * MIB),
            (None, "2026-01-01", 1),
            (Some("9"), "2026-01-02", 100 * MIB),
            (Some("9"), "2026-01-01", 100 * MIB),
            (Some("9"), "2026-01-01", 0),
            (Some("11"), "2026-01-01", 300 * MIB),
        ]);
        assert_eq!(keys(in_order(&of, &of.files, BATCH_BYTES).unwrap()), ["3 2", "0", "5", "1"]);
        assert_eq!(keys(in_order(&of, &of.files, SORTED_BYTES).unwrap()), ["3", "2", "0", "5", "1"]);
    }

    #[test]
    fn a_partition_stays_whole_where_it_is_sorted_and_small_files_are_put_together_where_there_are_several() {
        let (a, b) = ((Some("1"), "2026-01-01"), (Some("2"), "2026-01-01"));
        let files = [(a, 60), (b, 60), (a, 60), (a, 60), (a, 60), (a, 60), (b, 70)];
        let of = table(&files.map(|((n, day), mib)| (n, day, mib * MIB)));
        assert_eq!(keys(whole(&of).unwrap()), ["0 2 3 4 5", "1 6"]);
        assert_eq!(keys(small(&of)), ["0 2 3 4"], "the fifth is alone, and so is the other partition's");
    }

    #[test]
    fn partitions_are_too_small_where_there_are_many_that_are_small() {
        let days: Vec<String> = (1..=17).map(|day| format!("2026-01-{day:02}")).collect();
        let files = |bytes: u64, count: usize| {
            days.iter().take(count).map(|day| (None, day.as_str(), bytes)).collect::<Vec<_>>()
        };
        assert!(are_too_small(&table(&files(MIB, 17))));
        assert!(!are_too_small(&table(&files(MIB, 16))), "few");
        assert!(!are_too_small(&table(&files(16 * MIB, 17))), "large");
        let mut wide = table(&files(MIB, 17));
        wide.partitions[0].sql_type = "HUGEINT".to_owned();
        assert!(!are_too_small(&wide), "a file would keep another type");
    }
}
