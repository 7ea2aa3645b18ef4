//! The files of a snapshot of another program's table.

use std::collections::{BTreeMap, HashSet};

use anyhow::Result;
use futures::{StreamExt as _, TryStreamExt as _, stream};
use quack_function::iceberg::Bad;
use quack_function::iceberg::avro::Value;
use quack_function::iceberg::manifest::{self, Manifest, Status};

use super::found::{as_s3, get};
use super::metadata::Theirs;
use crate::bucket::Bucket;
use crate::error::failure;

/// Manifests under way at once.
const WINDOW: usize = 8;

/// Most manifests and most files of a table.
const MANIFESTS: usize = 20_000;
const FILES: usize = 200_000;

/// A file.
#[derive(Debug, Clone)]
pub(crate) struct File {
    /// Address.
    pub address: String,
    pub rows: u64,
    pub bytes: u64,
    /// Numbers of columns whose value is its partition's, which need not be in the file.
    pub fixed: Vec<i32>,
}

/// The files that the table has at its snapshot; `admit` refuses addresses that are not to be read.
///
/// # Errors
/// What S3 says; what is no Parquet; files that delete rows of others; metadata that is none.
pub(crate) async fn files(bucket: &Bucket, theirs: &Theirs, admit: &dyn Fn(&str) -> Result<()>) -> Result<Vec<File>> {
    let address = as_s3(&theirs.manifests);
    admit(&address)?;
    let bad = |address: &str, error: Bad| {
        failure(format!("`{address}` cannot be read: {error}"), "give metadata that is whole, as its writer has it")
    };
    let bytes = get(bucket, &address).await?;
    let manifests = manifest::list(&bytes).map_err(|error| bad(&address, error))?;
    if manifests.len() > MANIFESTS {
        let help = "have the program that writes it put them together: rewrite_manifests";
        return Err(failure(format!("`{address}` names {} manifests, more than {MANIFESTS}", manifests.len()), help));
    }
    // One that only tells of files that are gone has nothing to read; of form 1 does not always tell.
    let tells = |manifest: &Manifest| manifest.files.iter().any(|count| *count > 0);
    let live = manifests.into_iter().filter(|manifest| manifest.live_files() > 0 || !tells(manifest));
    let live: Vec<Manifest> = live.map(|of| Manifest { path: as_s3(&of.path), ..of }).collect();
    if let Some(deletes) = live.iter().find(|manifest| manifest.deletes) {
        return Err(failure(
            format!(
                "rows of the table are deleted by files of their own, as `{}` tells: they are not read here",
                deletes.path
            ),
            "have the program that writes it compact it (Spark: CALL system.rewrite_data_files(table => '...', options => \
             map('delete-file-threshold', '1')); Trino, Athena: OPTIMIZE), and register what comes of that",
        ));
    }
    live.iter().try_for_each(|manifest| admit(&manifest.path))?;
    let mut read = stream::iter(&live)
        .map(|manifest| async move { anyhow::Ok((manifest, get(bucket, &manifest.path).await?)) })
        .buffered(WINDOW);
    let (mut files, mut known) = (Vec::new(), HashSet::new());
    while let Some((manifest, bytes)) = read.try_next().await? {
        let identities = theirs.identities.get(&manifest.spec_id);
        let added = add(&bytes, identities, &mut files);
        added.map_err(|error| bad(&manifest.path, error))?;
    }
    for File { address, .. } in &files {
        if !known.insert(address.as_str()) {
            return Err(failure(
                format!("the metadata names `{address}` twice"),
                "have the program that writes it mend it",
            ));
        }
    }
    Ok(files)
}

/// Adds the files of a manifest.
fn add(bytes: &[u8], identities: Option<&BTreeMap<i32, i32>>, files: &mut Vec<File>) -> Result<(), Bad> {
    manifest::entries(bytes, false, |entry| {
        if entry.status == Status::Deleted {
            return Ok(());
        }
        if files.len() >= FILES {
            return Err(Bad::new(format!("the table has more than {FILES} files")));
        }
        let shown = || entry.path.chars().take(200).collect::<String>();
        if !entry.format.eq_ignore_ascii_case("parquet") {
            let format: String = entry.format.chars().take(20).collect();
            return Err(Bad::new(format!("the file {:?} is {format}, and Parquet is read", shown())));
        }
        let count = |number: i64| u64::try_from(number).map_err(|_| Bad::new("a file has less than nothing"));
        let fixed = entry.partition.iter().filter(|(_, value)| *value != Value::Null);
        files.push(File {
            address: as_s3(entry.path),
            rows: count(entry.rows)?,
            bytes: count(entry.bytes)?,
            fixed: fixed.filter_map(|(field, _)| identities?.get(field).copied()).collect(),
        });
        Ok(())
    })
}
