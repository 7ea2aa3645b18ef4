//! Rows as PostgreSQL's binary COPY has them, made into CSV.

use std::io::Write;

use super::decode::Lines;
use super::encode::{Scalar, WireType, copy};
use super::params;
use super::refusal::Refusal;

/// Most bytes of a value.
const LONGEST_BYTES: usize = 64 << 20;

/// Bit of the header's flags that says that rows have object ids: nobody sends them any more.
const HAS_OIDS: u32 = 1 << 16;

/// Rows that come in pieces.
pub(super) struct Tuples {
    /// Of each column.
    types: Vec<WireType>,
    /// The beginning of a row whose end has not come.
    rest: Vec<u8>,
    /// What it begins with has come.
    is_begun: bool,
    /// So has what it ends with.
    is_over: bool,
}

/// Bytes from the first, as far as they have come.
struct Bytes<'a> {
    all: &'a [u8],
    at: usize,
}

impl<'a> Bytes<'a> {
    fn take(&mut self, len: usize) -> Option<&'a [u8]> {
        let taken = self.all.get(self.at..self.at.checked_add(len)?)?;
        self.at += len;
        Some(taken)
    }

    fn short(&mut self) -> Option<i16> {
        self.take(2).and_then(|bytes| bytes.try_into().ok()).map(i16::from_be_bytes)
    }

    fn word(&mut self) -> Option<u32> {
        self.take(4).and_then(|bytes| bytes.try_into().ok()).map(u32::from_be_bytes)
    }
}

fn wrong(what: impl Into<String>) -> Refusal {
    Refusal::new("22P04", what)
}

impl Tuples {
    pub(super) fn new(types: Vec<WireType>) -> Self {
        Self { types, rest: Vec::new(), is_begun: false, is_over: false }
    }

    /// Writes the rows that end in `bytes`.
    ///
    /// # Errors
    /// What is no binary COPY of rows with such columns; those of `out`.
    pub(super) fn take(&mut self, bytes: &[u8], out: &mut impl Write) -> Result<(), Refusal> {
        self.rest.extend_from_slice(bytes);
        let all = std::mem::take(&mut self.rest);
        let mut left = Bytes { all: &all, at: 0 };
        let mut done = 0;
        while !self.is_over && self.next(&mut left, out)? {
            done = left.at;
        }
        // What comes behind the end is passed over, as PostgreSQL does.
        if !self.is_over {
            self.rest = all[done..].to_vec();
        }
        Ok(())
    }

    /// Checks that nothing is missing.
    ///
    /// # Errors
    /// The beginning of a row, or of all.
    pub(super) fn end(self) -> Result<(), Refusal> {
        // Some clients send no trailer; what they sent is whole all the same.
        if self.rest.is_empty() { Ok(()) } else { Err(wrong("unexpected EOF in COPY data")) }
    }

    /// Writes the next row, or passes over the header; false where it has not come whole.
    fn next(&mut self, left: &mut Bytes<'_>, out: &mut impl Write) -> Result<bool, Refusal> {
        if !self.is_begun {
            self.is_begun = header(left)?;
            return Ok(self.is_begun);
        }
        let Some(count) = left.short() else { return Ok(false) };
        if count == -1 {
            self.is_over = true;
            return Ok(true);
        }
        let columns = self.types.len();
        if usize::try_from(count).ok() != Some(columns) {
            return Err(wrong(format!("a row has {count} fields, and the table has {columns} columns for them")));
        }
        let mut line = Vec::new();
        for (at, wire_type) in self.types.iter().enumerate() {
            let Some(len) = left.word() else { return Ok(false) };
            if at > 0 {
                line.push(Lines::DELIMITER);
            }
            if len == u32::MAX {
                line.extend_from_slice(Lines::NULL.as_bytes());
                continue;
            }
            let len = len as usize;
            if len > LONGEST_BYTES {
                return Err(wrong(format!("a value of {len} bytes: {LONGEST_BYTES} are the most")));
            }
            let Some(bytes) = left.take(len) else { return Ok(false) };
            if is_longer(*wire_type, bytes) {
                let hint = "the column is of FLOAT, of 4 bytes here, and 8 came: make it one of DOUBLE";
                return Err(unread(at).with_hint(hint));
            }
            let text = params::text_of(bytes, true, Some(*wire_type)).map_err(|_| unread(at))?;
            line.push(Lines::QUOTE);
            for byte in text.bytes() {
                if byte == Lines::QUOTE {
                    line.push(Lines::QUOTE);
                }
                line.push(byte);
            }
            line.push(Lines::QUOTE);
        }
        line.push(b'\n');
        out.write_all(&line).map_err(|error| Refusal::new("58030", format!("cannot keep the rows: {error}")))?;
        Ok(true)
    }
}

/// What is said of a value that is none of its column's type.
fn unread(at: usize) -> Refusal {
    wrong(format!("incorrect binary data format in column {} of COPY data", at + 1))
}

/// Whether these are numbers, one or an array, of which a column of DuckDB's FLOAT keeps half: PostgreSQL's FLOAT has eight bytes.
fn is_longer(wire_type: WireType, bytes: &[u8]) -> bool {
    match wire_type {
        WireType::Scalar(Scalar::Float4) => bytes.len() == 8,
        WireType::Array(Scalar::Float4) => bytes.get(8..12) == Some(&Scalar::Float8.oid().to_be_bytes()),
        _ => false,
    }
}

/// Passes over what a binary COPY begins with; false where it has not come whole.
fn header(left: &mut Bytes<'_>) -> Result<bool, Refusal> {
    // The last eight bytes of what is sent as header are its flags and the length of what may follow.
    let signature = &copy::HEADER[..copy::HEADER.len() - 8];
    let begun = left.all.len().min(signature.len());
    if left.all[..begun] != signature[..begun] {
        return Err(wrong("COPY file signature not recognized"));
    }
    let (Some(_), Some(flags), Some(len)) = (left.take(signature.len()), left.word(), left.word()) else {
        return Ok(false);
    };
    if flags & HAS_OIDS != 0 || len as usize > LONGEST_BYTES {
        return Err(wrong("invalid COPY file header"));
    }
    Ok(left.take(len as usize).is_some())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn taken(pieces: &[&[u8]], types: &[Scalar]) -> Result<String, Refusal> {
        let mut tuples = Tuples::new(types.iter().map(|scalar| WireType::Scalar(*scalar)).collect());
        let mut out = Vec::new();
        for piece in pieces {
            tuples.take(piece, &mut out)?;
        }
        tuples.end()?;
        Ok(String::from_utf8(out).unwrap())
    }

    fn row(values: &[Option<&[u8]>]) -> Vec<u8> {
        let mut row = (values.len() as i16).to_be_bytes().to_vec();
        for value in values {
            row.extend(value.map_or(-1, |value| value.len() as i32).to_be_bytes());
            row.extend_from_slice(value.unwrap_or_default());
        }
        row
    }

    #[test]
    fn rows_become_csv_wherever_they_are_cut() {
        let types = [Scalar::Int4, Scalar::Text];
        let first = row(&[Some(&7_i32.to_be_bytes()), Some(b"a \"b\"\n")]);
        let all = [copy::HEADER, &first, &row(&[None, Some(b"")]), copy::TRAILER, b"more"].concat();
        let wanted = "\"7\",\"a \"\"b\"\"\n\"\n\\N,\"\"\n";
        for cut in 0..all.len() {
            assert_eq!(taken(&[&all[..cut], &all[cut..]], &types).unwrap(), wanted, "{cut}");
        }
        assert_eq!(taken(&[], &types).unwrap(), "");
        // Without what it ends with, and with something behind the header.
        let longer = [&copy::HEADER[..15], &[0, 0, 0, 2, 9, 9][..], &first].concat();
        assert_eq!(taken(&[&longer], &types).unwrap(), "\"7\",\"a \"\"b\"\"\n\"\n");
    }

    #[test]
    fn what_is_no_such_copy_is_refused() {
        let types = [Scalar::Int4];
        let with_header = |rest: &[u8]| [copy::HEADER, rest].concat();
        for bytes in [
            b"1\ta\n".to_vec(),
            with_header(&row(&[None, None])),
            with_header(&row(&[Some(b"abc")])),
            with_header(&[0, 1, 0x7f, 0xff, 0xff, 0xff]),
            with_header(&[0xff, 0xfe]),
            with_header(&[0, 1, 0, 0]),
            [&copy::HEADER[..11], &[0, 1, 0, 0, 0, 0, 0, 0][..]].concat(),
            copy::HEADER[..13].to_vec(),
        ] {
            assert_eq!(taken(&[&bytes], &types).unwrap_err().code, "22P04", "{bytes:?}");
        }
        let longer = taken(&[&with_header(&row(&[Some(&0.1_f64.to_be_bytes())]))], &[Scalar::Float4]).unwrap_err();
        assert!(longer.hint.unwrap().contains("DOUBLE"));
    }
}
