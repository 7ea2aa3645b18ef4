//! Whether packed files are whole: DuckDB reads one that is cut off as far as it goes, and says nothing.

use std::fs::File;
use std::io::{self, BufReader, Read, Seek};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use flate2::bufread::MultiGzDecoder;

use super::files::Files;
use super::format::Packing;
use super::stop::Stop;
use crate::error::failure;

/// What is unpacked at a time, bytes.
const PIECE_BYTES: usize = 256 << 10;

/// What a frame of zstd begins with, as a number; and one that is to be skipped, but for the last four bits.
const FRAME: u32 = 0xfd2f_b528;
const SKIPPED: u32 = 0x184d_2a50;

/// Does `load` while another thread looks whether the `files` that it reads, known to the user as `label`, are whole.
///
/// # Errors
/// Those of `load`; and rather than these, that a file is cut off or damaged.
pub(super) fn beside<T>(
    files: Option<&Files>,
    label: &str,
    stop: &Stop,
    load: impl FnOnce() -> Result<T>,
) -> Result<T> {
    let Some((packing, paths)) =
        files.map(|files| (files.packing, &files.paths)).filter(|(packing, _)| *packing != Packing::None)
    else {
        return load();
    };
    std::thread::scope(|scope| {
        let checked = scope.spawn(move || check(packing, paths, label, stop));
        let loaded = load();
        match checked.join() {
            Ok(checked) => checked.and(loaded),
            Err(_) => bail!("a thread of the load died"),
        }
    })
}

fn check(packing: Packing, paths: &[PathBuf], label: &str, stop: &Stop) -> Result<()> {
    for path in paths {
        let name = match paths {
            [_] => label.into(),
            _ => path.file_name().unwrap_or_default().to_string_lossy(),
        };
        let walked = match packing {
            Packing::None => return Ok(()),
            Packing::Gzip => gzip(path, stop),
            Packing::Zstd => zstd(path, stop),
        };
        let Err(error) = walked else { continue };
        stop.check()?;
        let (what, tool) = match (error.kind(), packing) {
            (io::ErrorKind::UnexpectedEof, Packing::Zstd) => ("cut off", "zstd -t FILE"),
            (io::ErrorKind::UnexpectedEof, _) => ("cut off", "gzip -t FILE"),
            (io::ErrorKind::InvalidData | io::ErrorKind::InvalidInput, Packing::Zstd) => ("damaged", "zstd -t FILE"),
            (io::ErrorKind::InvalidData | io::ErrorKind::InvalidInput, _) => ("damaged", "gzip -t FILE"),
            _ => return Err(error).with_context(|| format!("cannot read `{name}`")),
        };
        return Err(failure(
            format!("`{name}` is {what}: {error}"),
            format!("get the file anew: `{tool}` tests it; nothing was loaded"),
        ));
    }
    Ok(())
}

fn damaged(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}

/// Unpacks all streams of a gzip file, each of which ends with a checksum.
fn gzip(path: &Path, stop: &Stop) -> io::Result<()> {
    let mut streams = MultiGzDecoder::new(BufReader::with_capacity(PIECE_BYTES, File::open(path)?));
    let mut piece = vec![0; PIECE_BYTES];
    while streams.read(&mut piece)? > 0 {
        stop.check().map_err(io::Error::other)?;
    }
    Ok(())
}

/// Follows the frames of a zstd file from block to block, without what is in them: DuckDB checks that.
fn zstd(path: &Path, stop: &Stop) -> io::Result<()> {
    let file = File::open(path)?;
    let end = file.metadata()?.len();
    let mut file = BufReader::new(file);
    while file.stream_position()? < end {
        stop.check().map_err(io::Error::other)?;
        frame(&mut file)?;
        // Seeking goes past an end without a word.
        if file.stream_position()? > end {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
    }
    Ok(())
}

fn frame(file: &mut (impl Read + Seek)) -> io::Result<()> {
    let magic = number(file, 4)?;
    if magic & !0xf == SKIPPED {
        let bytes = number(file, 4)?;
        return file.seek_relative(i64::from(bytes));
    }
    if magic != FRAME {
        return Err(damaged("something else than frames of zstd is in it"));
    }
    let descriptor = number(file, 1)?;
    let is_single = descriptor >> 5 & 1 == 1;
    let dictionary = [0, 1, 2, 4][descriptor as usize & 3];
    let size = match descriptor >> 6 {
        0 => i64::from(is_single),
        power => 1 << power,
    };
    file.seek_relative(i64::from(!is_single) + dictionary + size)?;
    loop {
        let block = number(file, 3)?;
        file.seek_relative(match block >> 1 & 3 {
            0 | 2 => i64::from(block >> 3),
            1 => 1,
            _ => return Err(damaged("a block of no kind is in it")),
        })?;
        if block & 1 == 1 {
            break;
        }
    }
    let checksum = descriptor >> 2 & 1;
    file.seek_relative(4 * i64::from(checksum))
}

/// A number of so many bytes.
fn number(file: &mut impl Read, bytes: usize) -> io::Result<u32> {
    let mut number = [0; 4];
    file.read_exact(&mut number[..bytes])?;
    Ok(u32::from_le_bytes(number))
}
