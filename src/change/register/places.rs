//! Where the files of a table may lie that quackctl has not written.

use anyhow::Result;
use quack_function::names;

use crate::bucket::Bucket;
use crate::error::{failure, usage};

/// The fewest bytes that a Parquet file has: `PAR1` twice, and the length of what is between.
const FEWEST_BYTES: u64 = 12;

/// Refuses a file that cannot be a table's, as far as its address and its size tell.
///
/// # Errors
/// It is one.
pub(super) fn check(bucket: &Bucket, address: &str, bytes: u64) -> Result<()> {
    if bytes < FEWEST_BYTES {
        return Err(failure(
            format!("`{address}` has {bytes} bytes: it is no Parquet file"),
            "remove it, or give a glob that does not match it",
        ));
    }
    admit(bucket, address)
}

/// Refuses an address that the function may not read, or that is not to be taken for a file of somebody else's.
///
/// # Errors
/// It is one.
pub(super) fn admit(bucket: &Bucket, address: &str) -> Result<()> {
    if bucket.layout.is_elsewhere(&bucket.name, address) {
        return Ok(());
    }
    let Some((of, key)) = address.strip_prefix("s3://").and_then(|rest| rest.split_once('/')) else {
        let shown: String = address.chars().take(200).collect();
        let help = "a table's files lie in S3: s3://BUCKET/KEY";
        return Err(failure(format!("`{shown}` is no address of S3"), help));
    };
    let is_plain = names::is_plain_key("", key);
    let is_readable =
        of == bucket.name || bucket.layout.read.iter().any(|folder| address.starts_with(&folder.to_string()));
    Err(match (is_plain, is_readable, of == bucket.name) {
        (_, false, _) => usage(
            format!("the function may not read `{address}`: no folder of `read` has it"),
            format!(
                "add \"s3://{of}/...\" to `read` under [lake] in quack.toml, and run `quackctl up`; or `quackctl load` copies it"
            ),
        ),
        (false, ..) => failure(
            format!("the key of `{address}` is not plain"),
            "a file of a table has a key of letters, digits and `_-.~=%/` alone; copy it to such a one, or `quackctl load` it",
        ),
        (true, ..) => failure(
            format!("`{address}` lies where quackctl or the function writes"),
            format!(
                "register files that lie elsewhere; these prefixes are kept: {}",
                bucket
                    .layout
                    .owned()
                    .iter()
                    .map(String::as_str)
                    .chain(bucket.layout.writable())
                    .collect::<Vec<_>>()
                    .join(", ")
            ),
        ),
    })
}
