//! A log file as it grows.

use std::io::{self, ErrorKind};
use std::path::Path;
use std::time::Duration;

use anyhow::Result;
use chrono::Utc;
use tokio::fs::File;
use tokio::io::{AsyncBufReadExt, BufReader};

/// How often a file that is followed is looked at.
const INTERVAL: Duration = Duration::from_millis(100);

/// Parts a line's time, in milliseconds since 1970, from the line.
pub(super) const TIME_END: char = '\t';

/// Gives the lines of the file at `path` to `write`, those of the last `since`; with `follow` it waits for more, and for
/// the file itself.
///
/// # Errors
/// When the file cannot be read or `write` fails.
pub(super) async fn file(
    path: &Path,
    since: Option<Duration>,
    follow: bool,
    mut write: impl FnMut(&[u8]) -> io::Result<()>,
) -> Result<()> {
    let mut file = loop {
        match File::open(path).await {
            Ok(file) => break BufReader::new(file),
            Err(error) if error.kind() == ErrorKind::NotFound && !follow => return Ok(()),
            Err(error) if error.kind() == ErrorKind::NotFound => tokio::time::sleep(INTERVAL).await,
            Err(error) => return Err(error.into()),
        }
    };
    let from_ms = since.map(|since| Utc::now().timestamp_millis().saturating_sub_unsigned(since.as_millis() as u64));
    let mut line = Vec::new();
    loop {
        let length = file.read_until(b'\n', &mut line).await?;
        if line.ends_with(b"\n") {
            let (time_ms, text) = parts(&line);
            if from_ms.is_none_or(|from_ms| time_ms >= from_ms) {
                write(text)?;
            }
            line.clear();
        } else if length == 0 && follow {
            tokio::time::sleep(INTERVAL).await;
        } else if length == 0 {
            return Ok(write(parts(&line).1)?);
        }
    }
}

/// A line's time and its text.
fn parts(line: &[u8]) -> (i64, &[u8]) {
    let end = line.iter().position(|byte| char::from(*byte) == TIME_END);
    let time = end.and_then(|end| str::from_utf8(&line[..end]).ok()?.parse().ok());
    match (time, end) {
        (Some(time), Some(end)) => (time, &line[end + 1..]),
        _ => (i64::MAX, line),
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    #[tokio::test]
    async fn old_lines_stay_away() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("log");
        let now = Utc::now().timestamp_millis();
        std::fs::write(&path, format!("{}\told\n{now}\tnew\tx\nhalf", now - 90_000)).unwrap();
        let mut out = Vec::new();
        let mut write = |text: &[u8]| out.write_all(text);
        file(&path, Some(Duration::from_secs(60)), false, &mut write).await.unwrap();
        assert_eq!(String::from_utf8(std::mem::take(&mut out)).unwrap(), "new\tx\nhalf");
        file(&path, None, false, |text| out.write_all(text)).await.unwrap();
        assert!(out.starts_with(b"old\nnew"));
    }
}
