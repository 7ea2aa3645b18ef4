//! S3 over files: crate `s3s` speaks the protocol, [`Store`] keeps the objects.

mod body;
mod list;
mod multipart;
mod operations;
mod store;

use std::io;
use std::path::Path;
use std::sync::Arc;

use s3s::auth::SimpleAuth;
use s3s::service::{S3Service, S3ServiceBuilder};

use self::store::Store;
use super::credentials::Credentials;
use crate::target::REGION;

/// The S3 service on one store.
pub struct Storage(Arc<Store>);

/// Builds the service that keeps its data below `root` and takes requests signed with `credentials`.
///
/// # Errors
/// When `root` cannot be written.
pub fn service(root: &Path, credentials: &Credentials) -> io::Result<S3Service> {
    let mut builder = S3ServiceBuilder::new(Storage(Arc::new(Store::open(root)?)));
    builder.set_auth(SimpleAuth::from_single(&*credentials.access_key_id, &*credentials.secret_access_key));
    Ok(builder.build())
}
