//! S3 over files: crate `s3s` speaks the protocol, [`Store`] keeps the objects.

mod access;
mod body;
mod buckets;
mod checksums;
mod chunked;
mod conditions;
mod deleted;
mod durable;
mod failure;
mod gate;
mod headers;
mod keys;
mod list;
mod listing;
mod multipart;
mod network;
mod objects;
mod operations;
mod settings;
mod shapes;
mod stat;
mod store;
mod uploads;
mod versioning;
mod versions;

use std::io;
use std::path::Path;
use std::sync::{Arc, Weak};
use std::time::{Duration, SystemTime};

use quack_function::wire::RESULTS_PREFIX;
use s3s::service::S3ServiceBuilder;

pub(super) use self::access::Keys;
pub(super) use self::network::Service;
use self::shapes::Storage;
use self::store::Store;
use super::grants::Role;
use super::meter::Meter;
use crate::config::Network;

/// Builds the service that keeps its data below `root` and takes requests signed with `keys`, over `network`, and has
/// `meter` count them.
///
/// # Errors
/// When `root` cannot be written.
pub(super) fn service(root: &Path, keys: &Keys, network: Network, meter: Meter) -> io::Result<Service> {
    let store = Arc::new(Store::open(root, fleeting(&keys.roles))?);
    tokio::spawn(expire(Arc::downgrade(&store)));
    let mut builder = S3ServiceBuilder::new(Storage(store));
    builder.set_auth(keys.clone());
    builder.set_access(keys.clone());
    Ok(Service::new(builder.build(), network, meter))
}

/// Where results lie: wherever a function may delete what it wrote.
fn fleeting(roles: &[Role]) -> Vec<String> {
    let mut prefixes: Vec<String> = roles.iter().flat_map(|role| role.grants.delete.iter().cloned()).collect();
    if !prefixes.iter().any(|prefix| prefix == RESULTS_PREFIX) {
        prefixes.push(RESULTS_PREFIX.to_owned());
    }
    prefixes
}

/// Deletes spilled results and abandoned uploads that are a day old: what a bucket on AWS has
/// lifecycle rules for; and versions that are as old as the bucket's own rules say.
async fn expire(store: Weak<Store>) {
    let mut interval = tokio::time::interval(Duration::from_secs(3600));
    loop {
        interval.tick().await;
        let Some(store) = store.upgrade() else { break };
        let swept =
            tokio::task::spawn_blocking(move || store.expire(Duration::from_secs(24 * 3600), SystemTime::now())).await;
        if let Ok(Err(error)) = swept {
            eprintln!("cannot delete old results: {error}");
        }
    }
}
