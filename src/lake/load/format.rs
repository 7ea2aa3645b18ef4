//! What a file is: by its name, else by its first bytes.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use anyhow::{Context as _, Result};
use flate2::read::MultiGzDecoder;

use super::foreign;
use crate::error::failure;

/// How rows are stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Parquet,
    Csv,
    Tsv,
    Json,
}

/// How the bytes of a text are packed, as DuckDB names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Packing {
    None,
    Gzip,
    Zstd,
}

impl Packing {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::None => "uncompressed",
            Self::Gzip => "gzip",
            Self::Zstd => "zstd",
        }
    }
}

/// First bytes of a file that are looked at: a line of a wide table, and the one after it.
const HEAD_BYTES: u64 = 64 << 10;

/// A file's kind and packing. `name` is the name it goes by, which for a download is not `path`'s.
///
/// # Errors
/// When the file cannot be read, is empty, or cannot be told.
pub(super) fn detect(path: &Path, name: &str) -> Result<(Kind, Packing)> {
    let head = head(path, name)?;
    foreign::refuse(&head, name)?;
    let (stem, named_packing) = strip_packing(name);
    let packing = packing(&head);
    let kind = match stem.rsplit_once('.').map(|(_, extension)| extension.to_ascii_lowercase()).as_deref() {
        Some("parquet") => Some(Kind::Parquet),
        Some("csv") => Some(Kind::Csv),
        Some("tsv") => Some(Kind::Tsv),
        Some("json" | "jsonl" | "ndjson") => Some(Kind::Json),
        _ => None,
    };
    let kind = match (kind, packing) {
        (Some(kind), _) => kind,
        (None, Packing::None) if named_packing.is_none() => sniff(&head),
        _ => {
            return Err(failure(
                format!("cannot tell what is in `{name}`"),
                "name it by its kind before the packing, e.g. trips.csv.gz or trips.jsonl.zst",
            ));
        }
    };
    // What cannot be unpacked, DuckDB says.
    let head = match packing {
        Packing::None => head,
        Packing::Gzip => unpacked(&head),
        Packing::Zstd => return Ok((kind, packing)),
    };
    foreign::refuse(&head, name)?;
    foreign::refuse_other(&head, name, kind == Kind::Parquet)?;
    Ok((kind, packing))
}

/// The beginning of what is packed, as far as `head` has it.
fn unpacked(head: &[u8]) -> Vec<u8> {
    let mut text = Vec::new();
    // It ends in the middle, which is an error after what came before.
    let _ = MultiGzDecoder::new(head).take(HEAD_BYTES).read_to_end(&mut text);
    text
}

/// How what begins with `head` is packed.
pub(super) fn packing(head: &[u8]) -> Packing {
    match head {
        [0x1f, 0x8b, ..] => Packing::Gzip,
        [0x28, 0xb5, 0x2f, 0xfd, ..] => Packing::Zstd,
        _ => Packing::None,
    }
}

/// Whether what begins with `head` and goes by `name` is, or should be, Parquet.
pub(super) fn is_parquet(head: &[u8], name: &str) -> bool {
    head.starts_with(foreign::PARQUET) || name.to_ascii_lowercase().ends_with(".parquet")
}

fn sniff(head: &[u8]) -> Kind {
    let text = head.strip_prefix(b"\xef\xbb\xbf").unwrap_or(head);
    match text.trim_ascii_start() {
        text if text.starts_with(foreign::PARQUET) => Kind::Parquet,
        [b'{' | b'[', ..] => Kind::Json,
        _ => Kind::Csv,
    }
}

fn strip_packing(name: &str) -> (&str, Option<Packing>) {
    for (ending, packing) in [(".gz", Packing::Gzip), (".zst", Packing::Zstd)] {
        if let Some(stem) = name.strip_suffix(ending) {
            return (stem, Some(packing));
        }
    }
    (name, None)
}

/// The first bytes of the file at `path`, that goes by `name`.
///
/// # Errors
/// When it cannot be read, or is empty.
pub(super) fn head(path: &Path, name: &str) -> Result<Vec<u8>> {
    let mut head = Vec::new();
    File::open(path)
        .and_then(|file| file.take(HEAD_BYTES).read_to_end(&mut head))
        .with_context(|| format!("cannot read `{name}`"))?;
    if head.is_empty() {
        return Err(failure(format!("`{name}` is empty"), "give a file with rows in it"));
    }
    Ok(head)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn detected(name: &str, content: &[u8]) -> Result<(Kind, Packing)> {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("file");
        std::fs::write(&path, content).unwrap();
        detect(&path, name)
    }

    #[test]
    fn the_name_tells() {
        assert_eq!(detected("a.CSV", b"{").unwrap(), (Kind::Csv, Packing::None));
        assert_eq!(detected("a.tsv", b"x").unwrap(), (Kind::Tsv, Packing::None));
        assert_eq!(detected("a.ndjson", b"x").unwrap(), (Kind::Json, Packing::None));
        assert_eq!(detected("a.parquet", b"PAR1").unwrap(), (Kind::Parquet, Packing::None));
        assert_eq!(detected("a.csv.gz", b"\x1f\x8b\x08").unwrap(), (Kind::Csv, Packing::Gzip));
        // Some servers unpack on the way.
        assert_eq!(detected("a.csv.gz", b"a,b").unwrap(), (Kind::Csv, Packing::None));
        assert_eq!(detected("a.jsonl.zst", b"\x28\xb5\x2f\xfd").unwrap(), (Kind::Json, Packing::Zstd));
    }

    #[test]
    fn else_the_content_does() {
        assert_eq!(detected("download", b"PAR1..").unwrap().0, Kind::Parquet);
        assert_eq!(detected("download.txt", b"\n [1]").unwrap().0, Kind::Json);
        assert_eq!(detected("download.txt", b"a,b\n1,2\n").unwrap().0, Kind::Csv);
    }

    #[test]
    fn what_cannot_be_told_is_said() {
        assert!(
            detected("a.bin.gz", b"\x1f\x8b\x08")
                .unwrap_err()
                .to_string()
                .contains("cannot tell what is in `a.bin.gz`")
        );
        assert!(detected("a.csv", b"").unwrap_err().to_string().contains("`a.csv` is empty"));
    }
}
