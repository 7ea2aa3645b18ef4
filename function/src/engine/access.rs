//! Where SQL may read and write: folders of buckets, and nothing else. Every address is looked at as plain text.

use super::storage::Folder;
use crate::failure::Failure;
use crate::names;

/// The folders of a function.
#[derive(Debug, Clone)]
pub(crate) struct Access {
    pub(crate) read: Vec<Folder>,
    pub(crate) write: Vec<Folder>,
}

impl Access {
    /// Refuses an address, or a pattern of addresses, that leads out of the folders that may be read.
    ///
    /// # Errors
    /// `Quack.SandboxError`, naming the folders.
    pub(crate) fn may_read(&self, address: &str) -> Result<(), Failure> {
        let why = match self.read.iter().find_map(|folder| address.strip_prefix(folder.to_string().as_str())) {
            Some(key) if has_settings(key) => "it has settings of its own behind a `?`".to_owned(),
            Some(key) if key.split('/').any(|part| matches!(part, "." | "..")) => {
                "it has a `.` or `..` among its folders".to_owned()
            }
            Some(key) if key.contains(char::is_control) => "it holds a control character".to_owned(),
            Some(_) => return Ok(()),
            None => format!("SQL may read under {}, and tables by their names", list(&self.read)),
        };
        Err(Failure::refused(&format!("reading {address:?}"), &why))
    }

    /// Whether an address is that of a file that may be read, and that SQL does not write: no pattern, and as plain as the keys of
    /// tables' own files.
    pub(crate) fn may_read_file(&self, address: &str) -> bool {
        let is_in = |folder: &Folder| {
            address.strip_prefix(folder.to_string().as_str()).is_some_and(|key| names::is_plain_key("", key))
        };
        let is_written = |folder: &Folder| !folder.prefix.is_empty() && is_in(folder);
        self.read.iter().any(is_in) && !self.write.iter().any(is_written)
    }

    /// Refuses an address that leads out of the folders that may be written.
    ///
    /// # Errors
    /// `Quack.SandboxError`, naming the folders.
    pub(crate) fn may_write(&self, address: &str) -> Result<(), Failure> {
        let inside = |folder: &Folder| address.strip_prefix(folder.to_string().as_str()).is_some_and(is_plain_key);
        if self.write.iter().any(inside) {
            return Ok(());
        }
        let why = format!("SQL may write only under {}", list(&self.write));
        Err(Failure::refused(&format!("COPY TO {address:?}"), &why))
    }
}

fn list(folders: &[Folder]) -> String {
    let folders: Vec<_> = folders.iter().map(Folder::to_string).collect();
    folders.join(", ")
}

/// Whether a key, or a pattern of keys, ends in settings, which could send it to another server: `?s3_endpoint=...`.
fn has_settings(key: &str) -> bool {
    key.split_once('?').is_some_and(|(_, behind)| behind.to_ascii_lowercase().contains("s3_"))
}

/// Whether a key means what it says, wherever it is sent: no empty, `.` or `..` part, nothing that is an escape, the
/// beginning of an address's settings, or a pattern.
fn is_plain_key(key: &str) -> bool {
    let key = key.strip_suffix('/').unwrap_or(key);
    let special = |c: char| c.is_control() || "?#%\\*[]".contains(c);
    key.split('/').all(|part| !matches!(part, "" | "." | "..")) && !key.contains(special)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn access() -> Access {
        let folders = |list: &str| Folder::list("", list).unwrap();
        Access { read: folders("s3://lake/,s3://other/open/"), write: folders("s3://lake/_quack/,s3://lake/out put/") }
    }

    #[test]
    fn reads_keep_to_their_folders() {
        let access = access();
        for address in [
            "s3://lake/x.csv",
            "s3://lake/**/day=*/[a-z]?.parquet",
            "s3://lake/s3_?.parquet",
            "s3://other/open/*",
            "s3://lake/..x/y",
        ] {
            assert_eq!(access.may_read(address), Ok(()), "{address}");
        }
        for address in [
            "",
            "x.csv",
            "/etc/passwd",
            "file:///etc/passwd",
            "http://lake/x",
            "s3://other/x.csv",
            "s3://other/open",
            "s3://other/open*/x",
            "s3://o*/open/x",
            "s3://lakes/x",
            "S3://lake/x",
            "s3a://lake/x",
            " s3://lake/x",
            "s3://lake/../other/x",
            "s3://other/open/../shut/x",
            "s3://lake/./x",
            "s3://lake/x?s3_endpoint=example.com",
            "s3://lake/x?a=1&S3_region=y",
            "s3://lake/x\0",
        ] {
            let failure = access.may_read(address).expect_err(address);
            assert!(failure.message.contains(" is refused: "), "{failure}");
        }
    }

    #[test]
    fn files_of_tables_lie_where_sql_reads_and_does_not_write() {
        let access = access();
        for address in ["s3://lake/x.parquet", "s3://lake/a/day=2026-03-01/x%20y.parquet", "s3://other/open/x.parquet"]
        {
            assert!(access.may_read_file(address), "{address}");
        }
        for address in [
            "",
            "x.parquet",
            "/etc/passwd",
            "https://lake/x.parquet",
            "s3://lake/_quack/x.parquet",
            "s3://lake/*.parquet",
            "s3://lake/x?s3_endpoint=example.com",
            "s3://lake/../x",
            "s3://lake//x",
            "s3://lake/",
            "s3://lakes/x.parquet",
            "s3://other/shut/x.parquet",
            "s3://other/open/../shut/x.parquet",
        ] {
            assert!(!access.may_read_file(address), "{address}");
        }
    }

    #[test]
    fn writes_keep_to_their_folders() {
        let access = access();
        for address in ["s3://lake/_quack/x.csv", "s3://lake/out put/day=1/", "s3://lake/_quack/x..y.csv"] {
            assert_eq!(access.may_write(address), Ok(()), "{address}");
        }
        for address in [
            "s3://lake/x.csv",
            "s3://lake/_quack",
            "s3://lake/_quack/",
            "s3://lake/_quackx/x.csv",
            "s3://lake/_quack/../x.csv",
            "s3://lake/_quack/x/..",
            "s3://lake/_quack/./x.csv",
            "s3://lake/_quack//x.csv",
            "s3://lake//_quack/x.csv",
            "s3://lake/_quack/%2e%2e/x.csv",
            "s3://lake/_quack/x.csv?s=1",
            "s3://lake/_quack/*",
            "S3://lake/_quack/x.csv",
            "s3://LAKE/_quack/x.csv",
            "s3a://lake/_quack/x.csv",
            "gcs://lake/_quack/x.csv",
            "r2://lake/_quack/x.csv",
            " s3://lake/_quack/x.csv",
            "/tmp/quack-1/x.csv",
            "x.csv",
        ] {
            let failure = access.may_write(address).expect_err(address);
            assert_eq!(failure.error_type, "Quack.SandboxError");
            assert!(failure.message.contains("only under s3://lake/_quack/, s3://lake/out put/"), "{failure}");
        }
    }
}
