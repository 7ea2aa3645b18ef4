//! Who may do what: the stage's owner everything, a function what it was granted.

use s3s::access::{S3Access, S3AccessContext};
use s3s::auth::{S3Auth, SecretKey};
use s3s::path::S3Path;
use s3s::{S3Result, s3_error};

use super::gate;
use crate::cloud::local::credentials::Credentials;
use crate::cloud::local::grants::{Grants, Role};

/// The pairs of keys that there are.
#[derive(Debug, Clone)]
pub(crate) struct Keys {
    pub owner: Credentials,
    /// Those of functions.
    pub roles: Vec<Role>,
}

#[async_trait::async_trait]
impl S3Auth for Keys {
    async fn get_secret_key(&self, access_key: &str) -> S3Result<SecretKey> {
        let mut all = std::iter::once(&self.owner).chain(self.roles.iter().map(|role| &role.keys));
        let keys = all.find(|keys| keys.access_key_id == access_key);
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
        let role = self.roles.iter().find(|role| key == Some(role.keys.access_key_id.as_str()));
        if now && role.is_some_and(|role| role.grants.allow(cx.s3_op().name(), cx.s3_path(), prefix)) {
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
        let is_readable = match &self.only {
            _ if under(&self.hidden) => false,
            // A key that is named is that object's alone.
            Some(only) => {
                own && only.iter().any(|named| key == named || named.ends_with('/') && key.starts_with(named))
            }
            None => own,
        };
        let lists = own && self.only.is_none();
        let others = |text: &str| {
            let readable = self.read.iter().filter(|folder| path.get_bucket_name() == Some(folder.bucket.as_str()));
            readable.into_iter().any(|folder| text.starts_with(&folder.prefix))
        };
        match operation {
            "HeadBucket" => lists,
            "ListObjects" | "ListObjectsV2" => lists || others(prefix),
            "GetObject" | "HeadObject" => is_readable || others(key),
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
            hidden: vec!["_quack/dash/".to_owned()],
            write: vec!["_quack/results/".to_owned(), "exports/".to_owned()],
            delete: vec!["_quack/results/".to_owned()],
            read: vec![Folder { bucket: "other".to_owned(), prefix: "open/".to_owned() }],
            ..Grants::default()
        };
        let object = |bucket: &str, key: &str| S3Path::object(bucket, key);
        for (operation, path, prefix, allowed) in [
            ("GetObject", object("lake", "tables/t/a.parquet"), "", true),
            ("GetObject", object("lake", "_quack/dash/key"), "", false),
            ("HeadObject", object("lake", "_quack/dash/site.json"), "", false),
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

    #[test]
    fn the_page_function_reads_what_is_named_and_writes_its_cache() {
        let only =
            ["_quack/catalog.json", "_quack/results/", "_quack/dash/key", "_quack/dash/cache/"].map(str::to_owned);
        let grants = Grants {
            bucket: "lake".to_owned(),
            only: Some(only.into()),
            write: vec!["_quack/dash/cache/".to_owned()],
            ..Grants::default()
        };
        let object = |key: &str| S3Path::object("lake", key);
        for (operation, path, allowed) in [
            ("GetObject", object("_quack/catalog.json"), true),
            ("GetObject", object("_quack/catalog.json.old"), false),
            ("GetObject", object("_quack/dash/key"), true),
            ("GetObject", object("_quack/dash/keys"), false),
            ("HeadObject", object("_quack/dash/cache/1"), true),
            ("GetObject", object("_quack/results/1.parquet"), true),
            ("GetObject", object("tables/t/a.parquet"), false),
            ("GetObject", S3Path::object("other", "_quack/dash/key"), false),
            ("HeadBucket", S3Path::bucket("lake"), false),
            ("ListObjectsV2", S3Path::bucket("lake"), false),
            ("PutObject", object("_quack/dash/cache/1"), true),
            ("PutObject", object("_quack/dash/site.json"), false),
            ("PutObject", object("_quack/dash/key"), false),
            ("PutObject", object("_quack/results/1.parquet"), false),
            ("DeleteObject", object("_quack/dash/cache/1"), false),
        ] {
            assert_eq!(grants.allow(operation, &path, ""), allowed, "{operation} {path:?}");
        }
    }
}
