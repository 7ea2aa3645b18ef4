//! A log file as it grows.

use std::io::{self, ErrorKind};
use std::path::Path;
use std::time::Duration;

use anyhow::Result;
use tokio::fs::File;
use tokio::io::AsyncReadExt;

/// How often a file that is followed is looked at.
const INTERVAL: Duration = Duration::from_millis(100);

/// Gives the file at `path` to `write`; with `follow` it waits for more, and for the file itself.
///
/// # Errors
/// When the file cannot be read or `write` fails.
pub async fn file(path: &Path, follow: bool, mut write: impl FnMut(&[u8]) -> io::Result<()>) -> Result<()> {
    let mut file = loop {
        match File::open(path).await {
            Ok(file) => break file,
            Err(error) if error.kind() == ErrorKind::NotFound && !follow => return Ok(()),
            Err(error) if error.kind() == ErrorKind::NotFound => tokio::time::sleep(INTERVAL).await,
            Err(error) => return Err(error.into()),
        }
    };
    let mut buffer = vec![0; 64 * 1024];
    loop {
        match file.read(&mut buffer).await? {
            0 if !follow => return Ok(()),
            0 => tokio::time::sleep(INTERVAL).await,
            length => write(&buffer[..length])?,
        }
    }
}
