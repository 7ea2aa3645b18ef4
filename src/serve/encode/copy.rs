//! Rows as `COPY ... TO STDOUT` sends them.

use arrow::array::RecordBatch;
use bytes::{BufMut, BytesMut};

use super::row::Encoder;

/// How a row of text is written.
pub(in crate::serve) struct Lines<'a> {
    pub delimiter: u8,
    pub null: &'a str,
    /// Quote and escape of CSV; text has backslashes.
    pub csv: Option<(u8, u8)>,
}

/// What a binary COPY begins with: a signature, no flags, no more of a header.
pub(in crate::serve) const HEADER: &[u8] = b"PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0";

/// What it ends with: a row of -1 columns.
pub(in crate::serve) const TRAILER: &[u8] = &[0xff, 0xff];

impl Encoder {
    /// Appends one row as a binary COPY has it.
    pub(in crate::serve) fn copy_row(&mut self, out: &mut BytesMut, batch: &RecordBatch, row: usize) {
        self.row(out, batch, row);
    }

    /// Appends one row as a line.
    pub(in crate::serve) fn line(&mut self, out: &mut BytesMut, lines: &Lines<'_>, batch: &RecordBatch, row: usize) {
        for at in 0..batch.num_columns() {
            if at > 0 {
                out.put_u8(lines.delimiter);
            }
            match self.written(batch.column(at), at, row) {
                Some(text) => cell(out, lines, text),
                None => out.put_slice(lines.null.as_bytes()),
            }
        }
        out.put_u8(b'\n');
    }
}

/// Appends a value, or a column's name.
pub(in crate::serve) fn cell(out: &mut BytesMut, lines: &Lines<'_>, text: &str) {
    match lines.csv {
        Some((quote, escape)) => {
            let is_plain = text != lines.null
                && text != "\\."
                && !text.bytes().any(|byte| byte == quote || byte == lines.delimiter || matches!(byte, b'\n' | b'\r'));
            if is_plain {
                return out.put_slice(text.as_bytes());
            }
            out.put_u8(quote);
            for byte in text.bytes() {
                if byte == quote || byte == escape {
                    out.put_u8(escape);
                }
                out.put_u8(byte);
            }
            out.put_u8(quote);
        }
        None => {
            let is_special = |byte| byte == lines.delimiter || matches!(byte, b'\\' | b'\n' | b'\r' | b'\t');
            if !text.bytes().any(is_special) {
                return out.put_slice(text.as_bytes());
            }
            for byte in text.bytes() {
                match byte {
                    b'\\' => out.put_slice(b"\\\\"),
                    b'\n' => out.put_slice(b"\\n"),
                    b'\r' => out.put_slice(b"\\r"),
                    b'\t' => out.put_slice(b"\\t"),
                    byte if byte == lines.delimiter => out.put_slice(&[b'\\', byte]),
                    byte => out.put_u8(byte),
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_told_from_what_is_between_them() {
        let written = |lines: &Lines<'_>, text: &str| {
            let mut out = BytesMut::new();
            cell(&mut out, lines, text);
            String::from_utf8(out.to_vec()).unwrap()
        };
        let text = Lines { delimiter: b'\t', null: "\\N", csv: None };
        assert_eq!(written(&text, "a\tb\\c\nd"), "a\\tb\\\\c\\nd");
        let csv = Lines { delimiter: b',', null: "", csv: Some((b'"', b'"')) };
        assert_eq!(written(&csv, "it's"), "it's");
        assert_eq!(written(&csv, "a,\"b\"\n"), "\"a,\"\"b\"\"\n\"");
        assert_eq!(written(&csv, ""), "\"\"");
    }
}
