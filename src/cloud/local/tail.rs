//! A log file as it grows.

use std::fs::Metadata;
use std::io::{self, ErrorKind};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Result;
use chrono::Utc;
use tokio::fs::File;
use tokio::io::{AsyncBufReadExt, BufReader};

use crate::cloud::log_line::LogLine;

/// How often a file that is followed is looked at.
const INTERVAL: Duration = Duration::from_millis(100);

/// Parts a line's time, in milliseconds since 1970, from the line.
pub(super) const TIME_END: char = '\t';

/// Where the log file was put that was full before the one at `path` began.
pub(super) fn before(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".1");
    name.into()
}

/// Gives the lines of the file at `path`, and of the one [`before`] it to `write`, those of the last `since`; with `follow` it waits for more, and for
/// the file itself.
///
/// # Errors
/// When the file cannot be read or `write` fails.
pub(super) async fn file(
    path: &Path,
    since: Option<Duration>,
    follow: bool,
    mut write: impl FnMut(LogLine<'_>) -> io::Result<()>,
) -> Result<()> {
    let file = loop {
        match File::open(path).await {
            Ok(file) => break file,
            Err(error) if error.kind() == ErrorKind::NotFound && !follow => return Ok(()),
            Err(error) if error.kind() == ErrorKind::NotFound => tokio::time::sleep(INTERVAL).await,
            Err(error) => return Err(error.into()),
        }
    };
    let from_ms = since.map(|since| Utc::now().timestamp_millis().saturating_sub_unsigned(since.as_millis() as u64));
    let mut files = vec![file];
    files.extend(File::open(before(path)).await.ok());
    let Some(mut file) = files.pop().map(BufReader::new) else { return Ok(()) };
    let (mut line, mut turned) = (Vec::new(), false);
    loop {
        let length = file.read_until(b'\n', &mut line).await?;
        if line.ends_with(b"\n") {
            let told = parts(&line);
            if from_ms.is_none_or(|from_ms| told.time_ms.is_none_or(|time_ms| time_ms >= from_ms)) {
                write(told)?;
            }
            line.clear();
        } else if length > 0 {
            // The rest of the line comes later.
        } else if let Some(next) = files.pop() {
            file = BufReader::new(next);
        } else if follow && turned {
            file = BufReader::new(File::open(path).await?);
            turned = false;
        } else if follow {
            tokio::time::sleep(INTERVAL).await;
            // Once more, for what was written meanwhile, before the one that began is read.
            turned = is_another(file.get_ref(), path).await;
        } else {
            return match line.is_empty() {
                true => Ok(()),
                false => Ok(write(parts(&line))?),
            };
        }
    }
}

/// Whether another file is at `path` than `file`.
async fn is_another(file: &File, path: &Path) -> bool {
    let ino = |metadata: io::Result<Metadata>| metadata.map(|metadata| metadata.ino());
    matches!((ino(file.metadata().await), ino(tokio::fs::metadata(path).await)), (Ok(own), Ok(there)) if own != there)
}

/// A line of the file, taken apart.
fn parts(line: &[u8]) -> LogLine<'_> {
    let line = line.strip_suffix(b"\n").unwrap_or(line);
    let end = line.iter().position(|byte| char::from(*byte) == TIME_END);
    let time = end.and_then(|end| str::from_utf8(&line[..end]).ok()?.parse().ok());
    match (time, end) {
        (Some(time_ms), Some(end)) => LogLine { time_ms: Some(time_ms), text: &line[end + 1..] },
        _ => LogLine { time_ms: None, text: line },
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
        let mut write = |line: LogLine<'_>| writeln!(out, "{}", String::from_utf8_lossy(line.text));
        file(&path, Some(Duration::from_secs(60)), false, &mut write).await.unwrap();
        assert_eq!(String::from_utf8(std::mem::take(&mut out)).unwrap(), "new\tx\nhalf\n");
        file(&path, None, false, |line| {
            out.extend_from_slice(line.text);
            Ok(())
        })
        .await
        .unwrap();
        assert!(out.starts_with(b"oldnew"));
    }

    #[tokio::test]
    async fn a_file_that_was_put_aside_comes_first_and_the_one_that_began_is_followed() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("log");
        std::fs::write(before(&path), "1\ta\n").unwrap();
        std::fs::write(&path, "2\tb\n").unwrap();
        let mut out = Vec::new();
        file(&path, None, false, |line| {
            out.push((line.time_ms, line.text.to_vec()));
            Ok(())
        })
        .await
        .unwrap();
        assert_eq!(out, [(Some(1), b"a".to_vec()), (Some(2), b"b".to_vec())]);
        let mut lines = Vec::new();
        let follow = file(&path, None, true, |line| {
            lines.push(String::from_utf8_lossy(line.text).into_owned());
            match line.text {
                b"b" => {
                    std::fs::rename(&path, before(&path))?;
                    std::fs::write(&path, "3\tc\n")
                }
                b"c" => Err(io::Error::other("enough")),
                _ => Ok(()),
            }
        });
        tokio::time::timeout(Duration::from_secs(60), follow).await.unwrap().unwrap_err();
        assert_eq!(lines, ["a", "b", "c"]);
    }
}
