//! S3 over files: crate `s3s` speaks the protocol, [`Store`] keeps the objects.

mod body;
mod buckets;
mod chunked;
mod conditions;
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
mod shapes;
mod stat;
mod store;
mod uploads;

use std::io;
use std::path::Path;
use std::sync::{Arc, Weak};
use std::time::Duration;

use quack_function::wire::RESULTS_PREFIX;
use s3s::auth::{S3Auth, SecretKey};
use s3s::service::S3ServiceBuilder;
use s3s::{S3Result, s3_error};

pub(super) use self::network::Service;
use self::shapes::Storage;
use self::store::Store;
use super::credentials::Credentials;
use crate::config::Network;

/// Builds the service that keeps its data below `root` and takes requests signed with `credentials`,
/// over `network`.
///
/// # Errors
/// When `root` cannot be written.
pub(super) fn service(root: &Path, credentials: &Credentials, network: Network) -> io::Result<Service> {
    let store = Arc::new(Store::open(root)?);
    tokio::spawn(expire(Arc::downgrade(&store)));
    let mut builder = S3ServiceBuilder::new(Storage(store));
    builder.set_auth(Auth(credentials.clone()));
    Ok(Service::new(builder.build(), network))
}

/// The one pair of keys that there is.
struct Auth(Credentials);

#[async_trait::async_trait]
impl S3Auth for Auth {
    async fn get_secret_key(&self, access_key: &str) -> S3Result<SecretKey> {
        if access_key == self.0.access_key_id {
            Ok(self.0.secret_access_key.as_str().into())
        } else {
            Err(s3_error!(InvalidAccessKeyId, "The AWS Access Key Id you provided does not exist in our records."))
        }
    }
}

/// Deletes spilled results and abandoned uploads that are a day old: what a bucket on AWS has a lifecycle rule for.
async fn expire(store: Weak<Store>) {
    let mut interval = tokio::time::interval(Duration::from_secs(3600));
    loop {
        interval.tick().await;
        let Some(store) = store.upgrade() else { break };
        let swept =
            tokio::task::spawn_blocking(move || store.expire(RESULTS_PREFIX, Duration::from_secs(24 * 3600))).await;
        if let Ok(Err(error)) = swept {
            eprintln!("cannot delete old results: {error}");
        }
    }
}
