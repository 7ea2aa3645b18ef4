//! Folders of buckets, as the function is told them.

use crate::failure::Failure;
use std::fmt;

/// A folder of a bucket, or a whole bucket. As text: `s3://bucket/prefix/`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Folder {
    pub bucket: String,
    /// Empty for a whole bucket, else ends in `/`.
    pub prefix: String,
}

impl Folder {
    /// The whole of `bucket`.
    pub fn whole(bucket: &str) -> Self {
        Self { bucket: bucket.to_owned(), prefix: String::new() }
    }

    /// The folders of a list with commas between, which the environment variable `name` holds.
    ///
    /// # Errors
    /// `Quack.InitError` for what is not `s3://bucket/` or `s3://bucket/prefix/`.
    pub(super) fn list(name: &str, list: &str) -> Result<Vec<Self>, Failure> {
        let parsed = |folder: &str| {
            let (bucket, prefix) = folder.strip_prefix("s3://")?.split_once('/')?;
            let whole = !bucket.is_empty() && (prefix.is_empty() || prefix.ends_with('/'));
            whole.then(|| Self { bucket: bucket.to_owned(), prefix: prefix.to_owned() })
        };
        let wrong = |folder: &str| format!("{name} holds `{folder}`, which is not s3://bucket/ or s3://bucket/prefix/");
        let folders = list.split(',').map(str::trim).filter(|folder| !folder.is_empty());
        folders.map(|folder| parsed(folder).ok_or_else(|| Failure::new("Quack.InitError", wrong(folder)))).collect()
    }
}

impl fmt::Display for Folder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "s3://{}/{}", self.bucket, self.prefix)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_are_listed_with_commas() {
        let folders = Folder::list("QUACK_READ", "s3://a/, s3://b/c/d/,").unwrap();
        assert_eq!(folders.iter().map(Folder::to_string).collect::<Vec<_>>(), ["s3://a/", "s3://b/c/d/"]);
        assert_eq!(folders[0], Folder::whole("a"));
        for wrong in ["a/b/", "s3://a", "s3:///b/", "s3://a/b", "S3://a/"] {
            let failure = Folder::list("QUACK_READ", wrong).unwrap_err();
            assert!(failure.message.contains("QUACK_READ") && failure.message.contains(wrong), "{failure}");
        }
    }
}
