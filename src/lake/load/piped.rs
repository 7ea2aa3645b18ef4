//! Rows that come through a pipe: kept in a file until they are loaded, as its beginning is read more than once.

use std::fs::File;
use std::io::{Read, Write as _};
use std::path::PathBuf;
use std::sync::mpsc::{RecvTimeoutError, sync_channel};
use std::time::Duration;

use anyhow::{Context as _, Result};
use indicatif::ProgressBar;

use super::format::{self, Packing};
use super::stop::Stop;
use super::workdir::Staging;
use crate::error::usage;

/// What standard input is called on the command line, and to people.
pub(super) const DASH: &str = "-";
pub(super) const STDIN: &str = "standard input";

/// Bytes that are taken at a time.
const PIECE_BYTES: usize = 1 << 20;

/// How often it is looked whether to stop, while nothing comes.
const LOOK: Duration = Duration::from_millis(100);

/// A pipe's bytes in a file, that goes with the folder.
pub(super) struct Piped {
    pub(super) folder: Staging,
    pub(super) path: PathBuf,
}

/// Takes everything that `source` gives; `name` is what the user knows it as.
///
/// # Errors
/// A pipe that breaks, a full disk, Ctrl-C; what is packed.
pub(super) fn keep(source: impl Read + Send + 'static, name: &str, bar: &ProgressBar, stop: &Stop) -> Result<Piped> {
    let folder = Staging::new()?;
    let path = folder.path().join("piped");
    let mut file = File::create(&path).with_context(|| format!("cannot write {}", path.display()))?;
    for piece in pieces(source, stop) {
        let piece = piece.with_context(|| format!("cannot read {name}"))?;
        file.write_all(&piece).with_context(|| {
            format!("cannot keep {name} in {}; set TMPDIR to a folder on a larger disk", folder.path().display())
        })?;
        bar.inc(piece.len() as u64);
    }
    stop.check()?;
    let packing = format::packing(&format::head(&path, name)?);
    if packing != Packing::None {
        return Err(usage(
            format!("what comes through {name} is packed with {}", packing.name()),
            match packing {
                Packing::Zstd => "unpack it on the way, e.g. zstd -dc trips.csv.zst | quackctl load - --table trips",
                _ => "unpack it on the way, e.g. gunzip -c trips.csv.gz | quackctl load - --table trips",
            },
        ));
    }
    Ok(Piped { folder, path })
}

/// What comes, piece by piece, until the end or until work has to stop. A thread waits for it, which nobody can hurry.
fn pieces(mut source: impl Read + Send + 'static, stop: &Stop) -> impl Iterator<Item = std::io::Result<Vec<u8>>> {
    let (sender, receiver) = sync_channel(1);
    std::thread::spawn(move || {
        loop {
            let mut piece = Vec::new();
            let read = source.by_ref().take(PIECE_BYTES as u64).read_to_end(&mut piece);
            let is_last = piece.is_empty() || read.is_err();
            let piece = read.map(|_| piece);
            if sender.send(piece).is_err() || is_last {
                return;
            }
        }
    });
    std::iter::from_fn(move || {
        loop {
            return match receiver.recv_timeout(LOOK) {
                Ok(piece) => Some(piece),
                Err(RecvTimeoutError::Disconnected) => None,
                Err(RecvTimeoutError::Timeout) if stop.check().is_err() => None,
                Err(RecvTimeoutError::Timeout) => continue,
            };
        }
    })
}
