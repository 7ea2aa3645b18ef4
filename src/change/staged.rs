//! Files that functions have written among the results, and what becomes of them.

use std::collections::HashMap;
use std::pin::pin;
use std::time::Duration;

use anyhow::Result;
use futures::{StreamExt, stream};
use quack_function::iceberg::metadata::Differs;
use quack_function::names;
use quack_function::table;
use quack_function::wire::{Column, Group, Shapes};
use serde::Deserialize;
use tokio_util::sync::CancellationToken;

use crate::bucket::copy::{Source, copy};
use crate::bucket::{Bucket, upload};
use crate::error::{failure, interrupted};
use crate::lake::catalog::DataFile;
use crate::lake::load::commit;
use crate::lake::load::stats::{self, Told};
use crate::lake::load::written::check_values;

/// Copies under way at once.
const WINDOW: usize = 64;

/// How long copies under way are waited for that nobody wants any more: the bucket goes on with one whose caller is gone, and what
/// comes after its removal would stay.
const UNDER_WAY: Duration = Duration::from_secs(5);

/// Files that functions have written, with keys below the folder of that writing.
pub(super) struct Staged<'a> {
    bucket: &'a Bucket,
    /// Each with its key still relative.
    pub files: Vec<DataFile>,
    /// Of each file, the same in order: where it is.
    sources: Vec<String>,
    /// Keys of all that was written.
    written: Vec<String>,
    /// The columns of the files, as the table has them.
    pub columns: Vec<Column>,
}

/// A file, as `COPY ... (RETURN_STATS)` tells of it.
#[derive(Debug, Deserialize)]
pub(super) struct Written {
    pub filename: String,
    count: u64,
    file_size_bytes: u64,
    #[serde(default)]
    column_statistics: Option<Told>,
    #[serde(default)]
    partition_keys: Option<HashMap<String, Option<String>>>,
}

/// What one function has written.
pub(super) struct Wrote {
    /// Key prefix of it.
    pub folder: String,
    pub files: Vec<Written>,
}

/// Where a function was to write.
pub(super) struct Place<'a> {
    /// Key prefix of it.
    pub folder: &'a str,
    /// The part that it wrote, where there are several: it goes before the files' names.
    pub part: Option<usize>,
    /// The table, for people.
    pub label: &'a str,
    pub partitions: &'a [Column],
}

impl<'a> Staged<'a> {
    /// Nothing yet, of files that will have these `columns`.
    pub(super) fn new(bucket: &'a Bucket, columns: Vec<Column>) -> Self {
        Self { bucket, files: Vec::new(), sources: Vec::new(), written: Vec::new(), columns }
    }

    /// Adds what a function says that it wrote.
    ///
    /// # Errors
    /// As for [`Self::told`].
    pub(super) fn add(&mut self, place: &Place<'_>, written: Written) -> Result<()> {
        let (file, source) = self.told(place, written)?;
        self.written.push(source.clone());
        self.sources.push(source);
        self.files.push(file);
        Ok(())
    }

    /// Takes note of files that functions have written, so that they are removed with the others.
    pub(super) fn note(&mut self, wrote: &[Wrote]) {
        let ours = format!("s3://{}/", self.bucket.name);
        let keys = wrote.iter().flat_map(|wrote| wrote.files.iter().map(move |file| (&wrote.folder, &file.filename)));
        let own = keys.filter_map(|(folder, name)| name.strip_prefix(&ours).filter(|key| key.starts_with(folder)));
        self.written.extend(own.map(str::to_owned));
    }

    /// Has files come in the place of those at `gone`, each before the one at its place.
    pub(super) fn replace(&mut self, gone: &[usize], come: Vec<(usize, DataFile, String)>) {
        let old = std::mem::take(&mut self.files).into_iter().zip(std::mem::take(&mut self.sources));
        let mut all: Vec<(usize, DataFile, String)> = come;
        let stays = old.enumerate().filter(|(at, _)| !gone.contains(at));
        all.extend(stays.map(|(at, (file, source))| (at, file, source)));
        all.sort_by_key(|(at, ..)| *at);
        (self.files, self.sources) = all.into_iter().map(|(_, file, source)| (file, source)).unzip();
    }

    /// A file that a function says that it wrote, and where it is.
    ///
    /// # Errors
    /// A file that it was not to write; values of partitions that folders cannot carry.
    pub(super) fn told(&self, place: &Place<'_>, written: Written) -> Result<(DataFile, String)> {
        let Written { filename, count, file_size_bytes, column_statistics, partition_keys } = written;
        let Place { folder, part, label, partitions } = *place;
        let key = filename.strip_prefix(&format!("s3://{}/", self.bucket.name)).unwrap_or_default();
        let name = key.strip_prefix(folder).unwrap_or_default();
        if !names::is_plain_key(folder, &format!("{folder}{name}")) {
            let shown: String = filename.chars().take(200).collect();
            return Err(failure(
                format!("the function says that it wrote {shown:?}, which it was not to"),
                "run `quackctl up`, and try again",
            ));
        }
        let keys = partition_keys.unwrap_or_default();
        let partition: Vec<_> = partitions.iter().map(|column| keys.get(&column.name).cloned().flatten()).collect();
        check_values(label, &partition)?;
        let file = DataFile {
            schema: None,
            key: part.map_or_else(|| name.to_owned(), |part| numbered(name, part)),
            rows: count,
            bytes: file_size_bytes,
            partition,
            columns: stats::of_file(&self.columns, count, &column_statistics.unwrap_or_default()),
        };
        Ok((file, key.to_owned()))
    }

    /// Where the function finds them.
    pub(super) fn addresses(&self) -> Vec<String> {
        self.sources.iter().map(|key| format!("s3://{}/{key}", self.bucket.name)).collect()
    }

    /// Leaves out files that have no rows.
    pub(super) fn without_empty(mut self) -> Self {
        let kept: Vec<bool> = self.files.iter().map(|file| file.rows > 0).collect();
        let mut keeps = kept.iter();
        self.files.retain(|_| keeps.next().copied().unwrap_or(false));
        let mut keeps = kept.iter();
        self.sources.retain(|_| keeps.next().copied().unwrap_or(false));
        self
    }

    /// Copies the files to below `folder`, inside the bucket, and gives them with their keys there.
    ///
    /// # Errors
    /// What the bucket says; what was copied is then removed again. `cancel`.
    pub(super) async fn keep(&self, folder: &str, cancel: &CancellationToken) -> Result<Vec<DataFile>> {
        let files = commit::in_folder(&self.files, folder);
        if let Err(error) = self.copy_to(&files, cancel).await {
            upload::delete(self.bucket, files.into_iter().map(|file| file.key)).await;
            return Err(error);
        }
        Ok(files)
    }

    /// Copies each of the files to the key of its own among `files`. None is under way any more when it returns.
    async fn copy_to(&self, files: &[DataFile], cancel: &CancellationToken) -> Result<()> {
        let stop = cancel.child_token();
        let copies = stream::iter(self.sources.iter().zip(files)).take_until(stop.cancelled());
        let copies = copies.map(|(from, file)| async move {
            let source = Source { key: from, version: None, bytes: file.bytes };
            copy(self.bucket, source, &file.key).await
        });
        let mut copies = pin!(copies.buffer_unordered(WINDOW));
        let mut late = pin!(async {
            stop.cancelled().await;
            tokio::time::sleep(UNDER_WAY).await;
        });
        let mut copied = Ok(());
        loop {
            tokio::select! {
                one = copies.next() => match one {
                    None => break,
                    Some(one) if one.is_err() && !stop.is_cancelled() => {
                        copied = one;
                        stop.cancel();
                    }
                    Some(_) => {}
                },
                () = &mut late => break,
            }
        }
        match cancel.is_cancelled() {
            true => Err(interrupted("interrupted: nothing was changed")),
            false => copied,
        }
    }

    /// Removes what functions wrote, as far as the bucket lets it.
    pub(super) async fn discard(self) {
        upload::delete(self.bucket, self.written).await;
    }
}

/// Files at `addresses`, whose folders carry the values of `partitions`, as FROM reads them: with the types of the table's `columns`.
pub(super) fn read(addresses: &[String], columns: &[Column], partitions: &[Column]) -> Result<String> {
    let read = match table::are_cast(columns) {
        true => {
            let groups = vec![Group::new(addresses.iter().cloned().map(Into::into).collect(), Differs::default())];
            Shapes { columns: columns.to_vec(), groups }.read_sql(partitions, &[])
        }
        false => table::read_sql(addresses, partitions),
    };
    read.map_err(|error| failure(format!("the catalog is damaged: {error}"), ""))
}

/// A file's name with the number of its part before it, in its folder; in the order of their names parts are in their own.
fn numbered(name: &str, part: usize) -> String {
    match name.rsplit_once('/') {
        Some((folders, file)) => format!("{folders}/{part:05}-{file}"),
        None => format!("{part:05}-{name}"),
    }
}
