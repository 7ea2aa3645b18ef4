//! Who may do what: the stage's owner everything, its function what it was granted.

use s3s::access::{S3Access, S3AccessContext};
use s3s::auth::{S3Auth, SecretKey};
use s3s::path::S3Path;
use s3s::{S3Result, s3_error};

use super::gate;
use crate::cloud::local::credentials::Credentials;
use crate::cloud::local::grants::Grants;

/// The pairs of keys that there are.
#[derive(Debug, Clone)]
pub(crate) struct Keys {
    pub owner: Credentials,
    pub function: Credentials,
    /// What the function's keys are good for.
    pub grants: Grants,
}

#[async_trait::async_trait]
impl S3Auth for Keys {
    async fn get_secret_key(&self, access_key: &str) -> S3Result<SecretKey> {
        let keys = [&self.owner, &self.function].into_iter().find(|keys| keys.access_key_id == access_key);
        let unknown =
            || s3_error!(InvalidAccessKeyId, "The AWS Access Key Id you provided does not exist in our records.");
        keys.map(|keys| keys.secret_access_key.as_str().into()).ok_or_else(unknown)
    }
}

#[async_trait::async_trait]
impl S3Access for Keys {
    async fn check(&self, cx: &mut S3AccessContext<'_>) -> S3Result<()> {
        let key = cx.credentials().map(|credentials| credentials.access_key.as_str());
        if key == Some(self.owner.access_key_id.as_str()) {
            return Ok(());
        }
        let query = gate::pairs(cx.uri().query().unwrap_or_default())?;
        let parameter = |name: &str| query.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str());
        // What once was is not among what is granted.
        let now = parameter("versionId").is_none();
        let prefix = parameter("prefix").unwrap_or_default();
        if key == Some(self.function.access_key_id.as_str())
            && now
            && self.grants.allow(cx.s3_op().name(), cx.s3_path(), prefix)
        {
            return Ok(());
        }
        Err(s3_error!(AccessDenied, "Access Denied"))
    }
}

impl Grants {
    /// True if the function may do `operation` on `path`; `prefix` is that of a listing.
    fn allow(&self, operation: &str, path: &S3Path, prefix: &str) -> bool {
        let own = path.get_bucket_name() == Some(self.bucket.as_str());
        let key = path.get_object_key().unwrap_or_default();
        let under = |prefixes: &[String]| own && prefixes.iter().any(|prefix| key.starts_with(prefix.as_str()));
        let others = |text: &str| {
            let readable = self.read.iter().filter(|folder| path.get_bucket_name() == Some(folder.bucket.as_str()));
            readable.into_iter().any(|folder| text.starts_with(&folder.prefix))
        };
        match operation {
            "HeadBucket" => own,
            "ListObjects" | "ListObjectsV2" => own || others(prefix),
            "GetObject" | "HeadObject" => own || others(key),
            "PutObject"
            | "CreateMultipartUpload"
            | "UploadPart"
            | "CompleteMultipartUpload"
            | "AbortMultipartUpload" => under(&self.write),
            "DeleteObject" => under(&self.delete),
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cloud::local::grants::Folder;

    #[test]
    fn the_function_reads_the_lake_and_writes_what_is_its_own() {
        let grants = Grants {
            bucket: "lake".to_owned(),
            write: vec!["_quack/results/".to_owned(), "exports/".to_owned()],
            delete: vec!["_quack/results/".to_owned()],
            read: vec![Folder { bucket: "other".to_owned(), prefix: "open/".to_owned() }],
        };
        let object = |bucket: &str, key: &str| S3Path::object(bucket, key);
        for (operation, path, prefix, allowed) in [
            ("GetObject", object("lake", "tables/t/a.parquet"), "", true),
            ("GetObject", object("other", "open/a"), "", true),
            ("GetObject", object("other", "secret/a"), "", false),
            ("GetObject", object("third", "open/a"), "", false),
            ("ListObjectsV2", S3Path::bucket("lake"), "", true),
            ("ListObjectsV2", S3Path::bucket("other"), "open/", true),
            ("ListObjectsV2", S3Path::bucket("other"), "", false),
            ("ListObjectVersions", S3Path::bucket("lake"), "", false),
            ("ListBuckets", S3Path::root(), "", false),
            ("HeadBucket", S3Path::bucket("lake"), "", true),
            ("PutObject", object("lake", "_quack/results/1.parquet"), "", true),
            ("UploadPart", object("lake", "exports/1.parquet"), "", true),
            ("PutObject", object("lake", "_quack/catalog.json"), "", false),
            ("PutObject", object("lake", "_quack/results"), "", false),
            ("PutObject", object("lake", "tables/t/a.parquet"), "", false),
            ("PutObject", object("lake", "_quack/functions/f.zip"), "", false),
            ("PutObject", object("other", "open/a"), "", false),
            ("PutObject", object("other", "exports/a"), "", false),
            ("CopyObject", object("lake", "exports/a"), "", false),
            ("DeleteObject", object("lake", "_quack/results/1.parquet"), "", true),
            ("DeleteObject", object("lake", "exports/1.parquet"), "", false),
            ("DeleteObjects", S3Path::bucket("lake"), "", false),
            ("PutBucketVersioning", S3Path::bucket("lake"), "", false),
            ("DeleteBucket", S3Path::bucket("lake"), "", false),
        ] {
            assert_eq!(grants.allow(operation, &path, prefix), allowed, "{operation} {path:?}");
            assert!(!Grants::default().allow(operation, &path, prefix), "{operation} {path:?} without grants");
        }
    }
}
