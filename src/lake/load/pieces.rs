//! A CSV cut into pieces. DuckDB holds 2048 rows of a file at once, however wide they are, but never more than a file has:
//! what has lines of megabytes is read as many small files.

use std::fs::{self, File};
use std::io::{self, BufWriter, Read, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use flate2::read::MultiGzDecoder;

use super::files::{Dialect, Files, LONGEST_LINE_BYTES};
use super::format::{Kind, Packing};
use super::stop::Stop;
use crate::error::failure;

/// A piece ends with the record in which it has so many bytes.
const PIECE_BYTES: usize = 4 << 20;

/// Bytes of a value that its type can be told by: no number and no date has more.
const SLIM_BYTES: usize = 256;

/// What is read at a time.
const BUFFER_BYTES: usize = 1 << 20;

/// A CSV that was cut.
#[derive(Debug)]
pub(super) struct Cut {
    /// The pieces, in order; the first has the first record alone.
    pub paths: Vec<PathBuf>,
    /// All rows in one file, with no more of each value than its type can be told by.
    pub slim: PathBuf,
}

/// Whether [`cut`] takes them.
pub(super) fn can_be_cut(files: &Files) -> bool {
    matches!(files.kind, Kind::Csv | Kind::Tsv) && files.paths.len() == 1 && files.packing != Packing::Zstd
}

/// The one file of `files`, which is written as `dialect` says, in pieces in the new folder `folder`. The user knows it as
/// `label`.
///
/// # Errors
/// A file that cannot be read, a record that is longer than DuckDB is told to take, a folder that cannot be written to, Ctrl-C.
pub(super) fn cut(files: &Files, label: &str, dialect: Dialect, folder: &Path, stop: &Stop) -> Result<Cut> {
    let cannot = || format!("cannot write to {}", folder.display());
    let [path] = files.paths.as_slice() else {
        return Err(failure(
            "one of the files has lines of more than 2 MB",
            "load them one by one, with --append from the second on",
        ));
    };
    let file = File::open(path).with_context(|| format!("cannot read {}", path.display()))?;
    let source: Box<dyn Read> = match files.packing {
        Packing::None => Box::new(file),
        Packing::Gzip => Box::new(MultiGzDecoder::new(file)),
        Packing::Zstd => {
            return Err(failure(
                "its lines are longer than 2 MB, and it is packed with zstd",
                "unpack it first: zstd -dc FILE | quackctl load - --table NAME",
            ));
        }
    };
    let mut pieces = Pieces::new(folder, dialect).with_context(cannot)?;
    if let Some(record) = pieces.add(source, stop).with_context(cannot)?? {
        return Err(failure(
            format!(
                "cannot load `{label}`: record {record} has more than {LONGEST_LINE_BYTES} bytes, the most that a CSV's may have"
            ),
            "where that is not meant, a quote before it is not closed; JSON and Parquet may have longer ones",
        ));
    }
    Ok(Cut { paths: pieces.paths, slim: pieces.slim_path })
}

/// Pieces in the making.
struct Pieces<'a> {
    folder: &'a Path,
    dialect: Dialect,
    paths: Vec<PathBuf>,
    piece: Option<Piece>,
    slim_path: PathBuf,
    slim: BufWriter<File>,
}

struct Piece {
    file: BufWriter<File>,
    bytes: usize,
}

impl<'a> Pieces<'a> {
    fn new(folder: &'a Path, dialect: Dialect) -> io::Result<Self> {
        fs::create_dir(folder)?;
        let slim_path = folder.join("slim.csv");
        let slim = BufWriter::new(File::create(&slim_path)?);
        Ok(Self { folder, dialect, paths: Vec::new(), piece: None, slim_path, slim })
    }

    /// Cuts the file, or as much of it as comes before a record that is too long, whose number is told; the inner error is
    /// Ctrl-C.
    fn add(&mut self, mut source: impl Read, stop: &Stop) -> io::Result<Result<Option<u64>>> {
        let (mut record, mut record_bytes) = (1, 0);
        let mut records = Records::new(self.dialect);
        let mut buffer = vec![0; BUFFER_BYTES];
        loop {
            if let Err(stopped) = stop.check() {
                return Ok(Err(stopped));
            }
            let read = match source.read(&mut buffer) {
                Ok(0) => break,
                Ok(read) => read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(error),
            };
            let mut rest = &buffer[..read];
            while !rest.is_empty() {
                let (part, is_end) = match records.end(rest, &mut self.slim)? {
                    Some(end) => (&rest[..end], true),
                    None => (rest, false),
                };
                rest = &rest[part.len()..];
                record_bytes += part.len();
                if record_bytes > LONGEST_LINE_BYTES as usize {
                    return Ok(Ok(Some(record)));
                }
                self.write(part, is_end)?;
                if is_end {
                    (record, record_bytes) = (record + 1, 0);
                }
            }
        }
        self.close()?;
        self.slim.flush()?;
        Ok(Ok(None))
    }

    fn write(&mut self, part: &[u8], is_end: bool) -> io::Result<()> {
        if self.piece.is_none() {
            let path = self.folder.join(format!("{:08}.csv", self.paths.len()));
            let file = BufWriter::new(File::create(&path)?);
            self.paths.push(path);
            self.piece = Some(Piece { file, bytes: 0 });
        }
        let Some(piece) = &mut self.piece else { return Ok(()) };
        piece.file.write_all(part)?;
        piece.bytes += part.len();
        if is_end && (piece.bytes >= PIECE_BYTES || self.paths.len() == 1) {
            self.close()?;
        }
        Ok(())
    }

    fn close(&mut self) -> io::Result<()> {
        self.piece.take().map_or(Ok(()), |mut piece| piece.file.flush())
    }
}

/// Where records end.
struct Records {
    dialect: Dialect,
    place: Place,
    /// Bytes of the value at hand.
    value_bytes: usize,
}

/// What the next byte is to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    FieldStart,
    Field,
    Quoted,
    /// After an escape in quotes.
    Escaped,
    /// After a quote in quotes: the end of them, or the first of two.
    Quote,
}

impl Records {
    fn new(dialect: Dialect) -> Self {
        Self { dialect, place: Place::FieldStart, value_bytes: 0 }
    }

    /// Where in `bytes`, which follow those of the call before, a record ends: after its line feed. What comes until there
    /// goes to `slim`, too, with no more than the beginning of long values.
    fn end(&mut self, bytes: &[u8], slim: &mut impl Write) -> io::Result<Option<usize>> {
        let Dialect { delimiter, quote, escape, .. } = self.dialect;
        for (index, byte) in bytes.iter().copied().enumerate() {
            let before = self.place;
            self.place = match before {
                Place::Quoted if byte == quote => Place::Quote,
                Place::Quoted if byte == escape => Place::Escaped,
                Place::Quoted | Place::Escaped => Place::Quoted,
                Place::Quote if byte == quote && escape == quote => Place::Quoted,
                Place::FieldStart if byte == quote => Place::Quoted,
                _ if byte == delimiter || byte == b'\n' => Place::FieldStart,
                _ => Place::Field,
            };
            // The quote that ends a long value was held back, as it might have been the first of two.
            let was_end = self.is_long() && before == Place::Quote && self.place != Place::Quoted;
            if was_end {
                slim.write_all(&[quote])?;
            }
            if self.place == Place::FieldStart {
                slim.write_all(&[byte])?;
                self.value_bytes = 0;
                if byte == b'\n' {
                    return Ok(Some(index + 1));
                }
                continue;
            }
            // All lines end alike.
            if was_end || self.is_long() && self.place == Place::Field && byte == b'\r' {
                slim.write_all(&[byte])?;
                continue;
            }
            // Not between the two of a pair, and not within a character.
            let is_whole = matches!(before, Place::FieldStart | Place::Field | Place::Quoted) && (byte & 0xc0) != 0x80;
            if self.value_bytes + 1 < SLIM_BYTES || !self.is_long() && !is_whole {
                slim.write_all(&[byte])?;
                self.value_bytes += usize::from(self.value_bytes + 1 < SLIM_BYTES);
            } else {
                self.value_bytes = SLIM_BYTES;
            }
        }
        Ok(None)
    }

    /// Whether the rest of the value at hand goes to no slim file.
    fn is_long(&self) -> bool {
        self.value_bytes >= SLIM_BYTES
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DIALECT: Dialect = Dialect { delimiter: b',', quote: b'"', escape: b'"' };

    /// The records of `text`, which comes in parts of `size` bytes.
    fn records(text: &str, dialect: Dialect, size: usize) -> Vec<String> {
        let mut records = Records::new(dialect);
        let (mut found, mut slim) = (vec![String::new()], Vec::new());
        for mut part in text.as_bytes().chunks(size) {
            while let Some(end) = records.end(part, &mut slim).unwrap() {
                found.last_mut().unwrap().push_str(std::str::from_utf8(&part[..end]).unwrap());
                found.push(String::new());
                part = &part[end..];
            }
            found.last_mut().unwrap().push_str(std::str::from_utf8(part).unwrap());
        }
        assert!(slim == text.as_bytes(), "short values stay as they are");
        found
    }

    #[test]
    fn a_record_ends_where_duckdb_ends_it() {
        let text = "a,b\r\n\"x\n\"\"\n\",1\n5\" pipe,\"\"\n\"\",\"\n\"\nlast,\"q\"";
        let wanted = ["a,b\r\n", "\"x\n\"\"\n\",1\n", "5\" pipe,\"\"\n", "\"\",\"\n\"\n", "last,\"q\""];
        let backslash = Dialect { escape: b'\\', ..DIALECT };
        for size in 1..text.len() {
            assert_eq!(records(text, DIALECT, size), wanted, "{size}");
            assert_eq!(records("\"a\\\"\n\",b\nc\n", backslash, size), ["\"a\\\"\n\",b\n", "c\n", ""], "{size}");
        }
    }

    #[test]
    fn the_first_piece_has_the_names_and_the_others_all_rows() {
        let dir = tempfile::tempdir().unwrap();
        let row = format!("1,\"{}\n\"\n", "x".repeat(3 << 20));
        let text = format!("id,body\n{}", row.repeat(5));
        let (stop, folder) = (Stop::default(), dir.path().join("pieces"));
        let mut pieces = Pieces::new(&folder, DIALECT).unwrap();
        pieces.add(text.as_bytes(), &stop).unwrap().unwrap();
        let contents: Vec<String> = pieces.paths.iter().map(|path| fs::read_to_string(path).unwrap()).collect();
        assert_eq!((contents.len(), contents[0].as_str()), (4, "id,body\n"));
        assert!(contents[1..].iter().all(|content| content.starts_with("1,\"x")));
        assert!(contents[1..].concat() == row.repeat(5));
        let slim = fs::read_to_string(&pieces.slim_path).unwrap();
        assert!(slim == format!("id,body\n{}", format!("1,\"{}\"\n", "x".repeat(SLIM_BYTES - 2)).repeat(5)), "{slim}");
    }

    #[test]
    fn what_is_left_of_long_values_is_still_a_csv() {
        let values = [
            "x".repeat(1000),
            "\"\"".repeat(500),
            "\u{e4}".repeat(500),
            "a\"\"\n,".repeat(300),
            "\u{1f986}".repeat(300),
        ];
        for (value, end) in values.iter().flat_map(|value| [(value, "\n"), (value, "\r\n")]) {
            for shift in 0..8 {
                // Quoted, and last in its line; and as one that needs no quotes.
                let plain = value.replace(['"', ',', '\n'], "-");
                let text = format!("k,\"{}{value}\",7,{plain},\"{value}\"{end}", "y".repeat(shift));
                let mut slim = Vec::new();
                assert_eq!(Records::new(DIALECT).end(text.as_bytes(), &mut slim).unwrap(), Some(text.len()), "{value}");
                let slim = String::from_utf8(slim).unwrap();
                assert!(slim.len() < 3 * SLIM_BYTES + 32 && slim.ends_with(&format!("\"{end}")), "{slim}");
                // It has the same fields, and the second reading finds nothing to shorten.
                let mut again = Vec::new();
                assert_eq!(Records::new(DIALECT).end(slim.as_bytes(), &mut again).unwrap(), Some(slim.len()), "{slim}");
                assert!(slim.contains("\",7,") && again == slim.as_bytes(), "{slim}");
            }
        }
    }
}
