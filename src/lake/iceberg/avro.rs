//! Avro's object container files, written.
//!
//! Source: Apache Avro's specification, <https://avro.apache.org/docs/1.12.0/specification/>.

use std::io::Write as _;

use flate2::Compression;
use flate2::write::DeflateEncoder;
use quack_function::iceberg::scalar::{Scalar, decimal_bytes};
use sha2::{Digest as _, Sha256};

/// Bytes of records in one block.
const BLOCK_BYTES: usize = 1 << 20;

/// Fewer bytes of records are not packed: to unpack them would take longer than to read them.
const FEW_BYTES: usize = 32 << 10;

/// Records, encoded one after the other.
#[derive(Debug, Default)]
pub(super) struct Records {
    /// Whole blocks: how many records, and their bytes.
    blocks: Vec<(i64, Vec<u8>)>,
}

impl Records {
    /// Adds a record, which `write` encodes.
    pub(super) fn add(&mut self, write: impl FnOnce(&mut Out)) {
        if self.blocks.last().is_none_or(|(_, bytes)| bytes.len() >= BLOCK_BYTES) {
            self.blocks.push((0, Vec::new()));
        }
        if let Some((count, bytes)) = self.blocks.last_mut() {
            let mut out = Out(std::mem::take(bytes));
            write(&mut out);
            (*count, *bytes) = (*count + 1, out.0);
        }
    }

    /// The file that has these records, packed if they are many, of the Avro `schema`, and says `metadata` of itself.
    pub(super) fn file(self, schema: &str, metadata: &[(&str, &str)]) -> Vec<u8> {
        let mut out = Out(b"Obj\x01".to_vec());
        let packed = self.blocks.iter().map(|(_, bytes)| bytes.len()).sum::<usize>() > FEW_BYTES;
        let own = [("avro.schema", schema), ("avro.codec", if packed { "deflate" } else { "null" })];
        out.long((own.len() + metadata.len()) as i64);
        for (key, value) in own.iter().chain(metadata) {
            out.text(key);
            out.text(value);
        }
        out.long(0);
        // Tells blocks apart, in this file alone.
        let mut digest = Sha256::new();
        self.blocks.iter().for_each(|(_, bytes)| digest.update(bytes));
        let sync = &digest.finalize()[..16];
        out.0.extend_from_slice(sync);
        for (count, bytes) in self.blocks {
            out.long(count);
            match packed {
                true => out.bytes(&deflate(&bytes)),
                false => out.bytes(&bytes),
            }
            out.0.extend_from_slice(sync);
        }
        out.0
    }
}

fn deflate(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = DeflateEncoder::new(Vec::new(), Compression::fast());
    // Writing to memory does not fail.
    let _ = encoder.write_all(bytes);
    encoder.finish().unwrap_or_default()
}

/// Bytes of values, one after the other.
#[derive(Debug, Default)]
pub(super) struct Out(Vec<u8>);

impl Out {
    pub(super) fn long(&mut self, number: i64) {
        let mut zigzag = ((number << 1) ^ (number >> 63)).cast_unsigned();
        while zigzag > 0x7f {
            self.0.push((zigzag & 0x7f) as u8 | 0x80);
            zigzag >>= 7;
        }
        self.0.push(zigzag as u8);
    }

    pub(super) fn boolean(&mut self, value: bool) {
        self.0.push(u8::from(value));
    }

    pub(super) fn bytes(&mut self, bytes: &[u8]) {
        self.long(bytes.len() as i64);
        self.0.extend_from_slice(bytes);
    }

    pub(super) fn text(&mut self, text: &str) {
        self.bytes(text.as_bytes());
    }

    /// Bytes that are encoded already.
    pub(super) fn raw(&mut self, bytes: &[u8]) {
        self.0.extend_from_slice(bytes);
    }

    #[cfg(test)]
    pub(super) fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// A value of a union of null and something.
    pub(super) fn optional<T>(&mut self, value: Option<T>, write: impl FnOnce(&mut Self, T)) {
        match value {
            None => self.long(0),
            Some(value) => {
                self.long(1);
                write(self, value);
            }
        }
    }

    /// Items of an array.
    pub(super) fn array<T>(&mut self, items: &[T], mut write: impl FnMut(&mut Self, &T)) {
        if !items.is_empty() {
            self.long(items.len() as i64);
            items.iter().for_each(|item| write(self, item));
        }
        self.long(0);
    }

    /// A single value; a decimal of `width` digits.
    pub(super) fn scalar(&mut self, value: &Scalar, width: u8) {
        match value {
            Scalar::Boolean(value) => self.boolean(*value),
            Scalar::Int(value) => self.long((*value).into()),
            Scalar::Long(value) => self.long(*value),
            Scalar::Float(value) => self.raw(&value.to_le_bytes()),
            Scalar::Double(value) => self.raw(&value.to_le_bytes()),
            Scalar::Decimal(value) => self.raw(&value.to_be_bytes()[16 - decimal_bytes(width)..]),
            Scalar::Text(text) => self.text(text),
            Scalar::Uuid(value) => self.raw(&value.to_be_bytes()),
        }
    }
}
