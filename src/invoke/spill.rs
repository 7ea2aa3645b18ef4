//! Results that were too large for a response: fetched from the bucket, read by DuckDB, deleted.

use std::io::Write;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use duckdb::Connection;
use quack_function::sql::{identifier, literal};
use quack_function::wire::{Column, Spilled};
use tempfile::TempPath;
use tokio_util::sync::CancellationToken;

use super::pending;
use crate::cloud::Target;
use crate::console::context::Context;
use crate::console::progress;
use crate::duck::{self, Sandbox, batches, types, words};
use crate::error::{failure, interrupted, words};
use crate::rows::ResultSet;

/// A transfer that takes longer shows a bar.
const QUIET_FOR: Duration = Duration::from_secs(1);
/// How long deleting the object may hold up the result; otherwise it goes after a day.
const DELETE_WITHIN: Duration = Duration::from_secs(2);

/// Most bytes of a result: what S3 takes as one object.
const MOST_BYTES: u64 = 5 << 40;

/// Copies the object to `out`, then deletes it: a result is read once. It is read and deleted with the rights of whoever
/// asked, so nothing but a result is.
///
/// # Errors
/// An address that is none of a result, an object that is gone or has another length than it was told to have, a lost
/// connection, `out` that cannot be written, `cancel`.
pub(crate) async fn fetch(
    context: &Context,
    target: &Target,
    spilled: &Spilled,
    out: &mut dyn Write,
    cancel: &CancellationToken,
) -> Result<()> {
    let bucket = target.bucket.name.as_str();
    let Some(key) = key_of(target, spilled) else {
        let place: String = spilled.uri.chars().take(200).collect();
        return Err(failure(
            format!("the function says that its result is at {place:?}, where no results are"),
            "run `quackctl up`, which renews the function",
        ));
    };
    if spilled.bytes > MOST_BYTES {
        return Err(failure(
            format!("the function says that its result has {} bytes, more than an object can have", spilled.bytes),
            "run `quackctl up`, which renews the function",
        ));
    }
    let copied = tokio::select! {
        copied = copy(context, target, bucket, key, spilled.bytes, out) => copied,
        () = cancel.cancelled() => Err(interrupted("interrupted")),
    };
    discard(context, target, spilled).await;
    copied
}

/// Deletes the object of a result, which nobody reads again.
pub(crate) async fn discard(context: &Context, target: &Target, spilled: &Spilled) {
    let Some(key) = key_of(target, spilled) else { return };
    let delete = target.bucket.s3.delete_object().bucket(&target.bucket.name).key(key).send();
    if !matches!(tokio::time::timeout(DELETE_WITHIN, delete).await, Ok(Ok(_))) {
        context.detail(format_args!("could not delete {}; it goes after a day", spilled.uri));
    }
    if !context.config.lake.manage {
        let _ = tokio::time::timeout(DELETE_WITHIN, pending::sweep(&target.bucket)).await;
    }
}

/// The key of a result, if the address is that of one.
pub(crate) fn key_of<'a>(target: &Target, spilled: &'a Spilled) -> Option<&'a str> {
    let rest = spilled.uri.strip_prefix("s3://")?;
    let key = rest.strip_prefix(target.bucket.name.as_str())?.strip_prefix('/')?;
    target.bucket.layout.is_result(key).then_some(key)
}

async fn copy(
    context: &Context,
    target: &Target,
    bucket: &str,
    key: &str,
    bytes: u64,
    out: &mut dyn Write,
) -> Result<()> {
    let lost = |error: &dyn std::fmt::Display| {
        failure(format!("the result at s3://{bucket}/{key} could not be fetched: {error}"), "run the query again")
    };
    let object = target.bucket.s3.get_object().bucket(bucket).key(key).send().await;
    let mut body = object.map_err(|error| lost(&words(&error)))?.body;
    let (started, mut bar, mut done) = (Instant::now(), None, 0);
    while let Some(chunk) = body.next().await {
        let chunk = chunk.map_err(|error| lost(&error))?;
        if chunk.len() as u64 > bytes - done {
            return Err(lost(&format_args!("it has more than {bytes} bytes")));
        }
        out.write_all(&chunk).context("cannot write the result")?;
        done += chunk.len() as u64;
        if started.elapsed() > QUIET_FOR {
            bar.get_or_insert_with(|| progress::bytes(context, "fetching", bytes)).set_position(done);
        }
    }
    if let Some(bar) = bar {
        bar.finish_and_clear();
    }
    if done != bytes {
        return Err(lost(&format_args!("{done} of {bytes} bytes came")));
    }
    out.flush().context("cannot write the result")
}

/// The rows of a Parquet file that a result was spilled to; the file goes when they do.
///
/// # Errors
/// A file that DuckDB cannot read, or of other columns than the answer tells of; later errors come from the batches.
pub(crate) fn read(file: TempPath, cast_back: &[Column], columns: Vec<Column>, rows: u64) -> Result<ResultSet> {
    let sql = select(&file.to_string_lossy(), cast_back)?;
    let told = columns.clone();
    let (schema, batches) = batches::on_thread(move |send| {
        let connection = duck::open(&Sandbox {
            files: &[file.to_path_buf()],
            memory: Some("512MB"),
            threads: Some(batches::THREADS),
            setup: batches::SETTINGS,
            ..Sandbox::default()
        })
        .map_err(unreadable)?;
        let sent = check_columns(&connection, &sql, &told)
            .and_then(|()| batches::send(&connection, &sql, send).map_err(unreadable));
        // Nothing may read the file as it goes.
        drop((connection, file));
        sent
    })?;
    // No more rows than were told of: a small file may stand for more than anybody can wait for.
    let mut left = rows;
    let batches = batches.map(move |batch| {
        let batch = batch?;
        left =
            left.checked_sub(batch.num_rows() as u64).ok_or_else(|| unreadable("it has more rows than were told"))?;
        Ok(batch)
    });
    Ok(ResultSet { schema, columns, batches: Box::new(batches) })
}

/// Refuses a spilled result whose columns are not those that were told, or that a plan expects. Two columns of one name
/// have another in the file.
///
/// # Errors
/// Other columns, and DuckDB's.
pub(crate) fn check_columns(connection: &Connection, select: &str, columns: &[Column]) -> Result<()> {
    let found = words::columns(connection, select).map_err(unreadable)?;
    let is_alone = |name: &str| columns.iter().filter(|other| other.name.eq_ignore_ascii_case(name)).count() == 1;
    let is_same = |(found, told): &(&Column, &Column)| {
        // The same type may be spelled with more quotes or fewer.
        let is_of_type = types::parse(&found.sql_type).is_ok_and(|own| types::parse(&told.sql_type) == Ok(own));
        is_of_type && (found.name == told.name || !is_alone(&told.name))
    };
    if found.len() != columns.len() {
        return Err(unreadable(format_args!(
            "it has other columns than were told: {} for {}",
            found.len(),
            columns.len()
        )));
    }
    let other = found.iter().zip(columns).find(|pair| !is_same(pair));
    other.map_or(Ok(()), |(found, told)| {
        let [found, told] = [found, told].map(|column| format!("{:?} of type {}", column.name, column.sql_type));
        Err(unreadable(format_args!("it has other columns than were told: {found} for {told}")))
    })
}

/// What reads a spilled result, with the types that Parquet cannot hold.
///
/// # Errors
/// A type that is none.
pub(crate) fn select(path: &str, cast_back: &[Column]) -> Result<String> {
    let casts = cast_back.iter().map(|column| {
        let (name, sql_type) = (identifier(&column.name), types::parse(&column.sql_type).map_err(unreadable)?);
        Ok(format!("CAST({name} AS {sql_type}) AS {name}"))
    });
    let casts = casts.collect::<Result<Vec<String>>>()?;
    let replace = if casts.is_empty() { String::new() } else { format!(" REPLACE ({})", casts.join(", ")) };
    Ok(format!("SELECT *{replace} FROM read_parquet({}, hive_partitioning = false)", literal(path)))
}

fn unreadable(error: impl std::fmt::Display) -> anyhow::Error {
    failure(format!("the result that was fetched cannot be read: {error}"), "run the query again")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parquet(select: &str) -> TempPath {
        let path = tempfile::Builder::new().suffix(".parquet").tempfile().unwrap().into_temp_path();
        let copy = format!("COPY ({select}) TO '{}' (FORMAT parquet)", path.display());
        Connection::open_in_memory().unwrap().execute_batch(&copy).unwrap();
        path
    }

    fn column(name: &str, sql_type: &str) -> Column {
        Column { name: name.to_owned(), sql_type: sql_type.to_owned() }
    }

    #[test]
    fn rows_keep_their_order_and_the_file_goes() {
        let file = parquet("SELECT i FROM range(300_000) t(i)");
        let path = file.to_path_buf();
        let result = read(file, &[], vec![column("i", "BIGINT")], 1_000_000).unwrap();
        let mut expected = 0;
        for batch in result.batches {
            let batch = batch.unwrap();
            let values = batch.column(0).as_any().downcast_ref::<arrow::array::Int64Array>().unwrap().clone();
            for value in values.values() {
                assert_eq!(*value, expected);
                expected += 1;
            }
        }
        assert_eq!(expected, 300_000);
        assert!(!path.exists());
    }

    #[test]
    fn rows_may_be_left() {
        let file = parquet("SELECT i FROM range(1_000_000) t(i)");
        let path = file.to_path_buf();
        let mut result = read(file, &[], vec![column("i", "BIGINT")], 1_000_000).unwrap();
        result.batches.next().unwrap().unwrap();
        drop(result);
        assert!(!path.exists());
    }

    #[test]
    fn types_come_back() {
        let file =
            parquet("SELECT CAST(-170141183460469231731687303715884105727::HUGEINT AS VARCHAR) AS \"a b\", 1 AS c");
        let cast_back = [column("a b", "HUGEINT")];
        let result = read(file, &cast_back, vec![column("a b", "HUGEINT"), column("c", "INTEGER")], 1).unwrap();
        let field = result.schema.field(0);
        assert_eq!(field.name(), "a b");
        assert_eq!(field.metadata().get("ARROW:extension:name").map(String::as_str), Some("arrow.opaque"));
        assert_eq!(result.batches.map(|batch| batch.unwrap().num_rows()).sum::<usize>(), 1);
    }

    #[test]
    fn bad_files_and_bad_values_are_errors() {
        let file = tempfile::NamedTempFile::new().unwrap().into_temp_path();
        let path = file.to_path_buf();
        assert!(read(file, &[], Vec::new(), 1).is_err());
        assert!(!path.exists());
        let file = parquet("SELECT 'no number' AS n");
        let cast_back = [column("n", "HUGEINT")];
        let error = match read(file, &cast_back, vec![column("n", "HUGEINT")], 1) {
            Ok(mut result) => result.batches.next().unwrap().unwrap_err(),
            Err(error) => error,
        };
        assert!(error.to_string().contains("no number"), "{error}");
    }
}
