//! All that a table has had: the files of its snapshots, and its metadata.

use std::collections::BTreeSet;

use quack_function::iceberg::manifest::{self, Status};

use super::store::{get, key, list};
use crate::bucket::Bucket;
use crate::lake::table::Table;

/// The keys of everything that is a table's alone: to be deleted with it. Nothing, when some of it cannot be read.
pub(crate) async fn keys(bucket: &Bucket, table: &Table) -> Option<BTreeSet<String>> {
    let mut keys: BTreeSet<String> = table.keys().map(str::to_owned).collect();
    let Some(state) = &table.origin.0 else { return Some(keys) };
    let addresses = state.metadata.metadata_log.iter().map(|log| log.metadata_file.as_str());
    let metadata = addresses.filter_map(|address| key(bucket, address).ok()).chain([state.key.as_str()]);
    for own in metadata {
        // Where it was called otherwise, too.
        if let Some((folder, _)) = own.rsplit_once('/') {
            keys.insert(format!("{folder}/version-hint.text"));
        }
        keys.insert(own.to_owned());
    }
    for snapshot in &state.metadata.snapshots {
        if table.forgotten.contains(&snapshot.snapshot_id) {
            continue;
        }
        let manifests = list(bucket, &snapshot.manifest_list).await.ok()?;
        keys.extend(key(bucket, &snapshot.manifest_list).map(str::to_owned));
        for manifest in manifests {
            let own = key(bucket, &manifest.path).ok()?;
            // Snapshots share most of their manifests.
            if !keys.insert(own.to_owned()) {
                continue;
            }
            let bytes = get(bucket, own).await.ok()?;
            let read = manifest::entries(&bytes, false, |entry| {
                // What is only told to be gone is nobody's, unless an earlier snapshot has it.
                if entry.status != Status::Deleted {
                    keys.extend(key(bucket, entry.path).map(str::to_owned));
                }
                Ok(())
            });
            read.ok()?;
        }
    }
    Some(keys)
}
