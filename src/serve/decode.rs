//! Rows as PostgreSQL's text format has them, made into CSV.

use std::io::{self, Write};

/// Most bytes of a row: of what has no end, all is kept.
const LONGEST_BYTES: usize = 64 << 20;

/// Lines that come in pieces.
pub(super) struct Lines {
    delimiter: u8,
    /// What stands for NULL, as it is written.
    null: Vec<u8>,
    /// The beginning of a line whose end has not come.
    rest: Vec<u8>,
    is_over: bool,
}

impl Lines {
    pub(super) const DELIMITER: u8 = b',';
    pub(super) const QUOTE: u8 = b'"';
    /// What stands for NULL in the CSV: a line of one column that is NULL is not empty so, which would be none.
    pub(super) const NULL: &'static str = "\\N";

    pub(super) fn new(delimiter: u8, null: &str) -> Self {
        Self { delimiter, null: null.as_bytes().to_vec(), rest: Vec::new(), is_over: false }
    }

    /// Writes the lines that end in `bytes`.
    ///
    /// # Errors
    /// Those of `out`; a row that is too long.
    pub(super) fn take(&mut self, bytes: &[u8], out: &mut impl Write) -> io::Result<()> {
        let known = self.rest.len();
        self.rest.extend_from_slice(bytes);
        let all = std::mem::take(&mut self.rest);
        let mut start = 0;
        for at in known..all.len() {
            // A backslash before the end of a line makes it part of a value.
            let is_end =
                all[at] == b'\n' && all[start..at].iter().rev().take_while(|byte| **byte == b'\\').count() % 2 == 0;
            if is_end {
                self.line(&all[start..at], out)?;
                start = at + 1;
            }
        }
        self.rest = all;
        self.rest.drain(..start);
        match self.rest.len() > LONGEST_BYTES {
            true => Err(io::Error::other(format!("a row has more than {LONGEST_BYTES} bytes"))),
            false => Ok(()),
        }
    }

    /// Writes what has no end of a line.
    ///
    /// # Errors
    /// Those of `out`.
    pub(super) fn end(mut self, out: &mut impl Write) -> io::Result<()> {
        let rest = std::mem::take(&mut self.rest);
        if rest.is_empty() { Ok(()) } else { self.line(&rest, out) }
    }

    fn line(&mut self, line: &[u8], out: &mut impl Write) -> io::Result<()> {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        self.is_over |= line == b"\\.";
        if self.is_over {
            return Ok(());
        }
        let (mut start, mut escaped) = (0, false);
        for at in 0..=line.len() {
            let ends = at == line.len() || line[at] == self.delimiter && !escaped;
            escaped = at < line.len() && line[at] == b'\\' && !escaped;
            if ends {
                if start > 0 {
                    out.write_all(&[Self::DELIMITER])?;
                }
                self.value(&line[start..at], out)?;
                start = at + 1;
            }
        }
        out.write_all(b"\n")
    }

    fn value(&self, value: &[u8], out: &mut impl Write) -> io::Result<()> {
        if value == self.null {
            return out.write_all(Self::NULL.as_bytes());
        }
        let mut text = Vec::with_capacity(value.len() + 2);
        text.push(Self::QUOTE);
        let mut bytes = value.iter().copied().peekable();
        let digits = |base: u32, most: usize, first: Option<u8>, bytes: &mut std::iter::Peekable<_>| {
            let mut number = first.and_then(|byte| char::from(byte).to_digit(base)).unwrap_or_default();
            let mut count = usize::from(first.is_some());
            while count < most
                && let Some(digit) = bytes.peek().and_then(|byte: &u8| char::from(*byte).to_digit(base))
            {
                number = number * base + digit;
                bytes.next();
                count += 1;
            }
            (count > 0).then_some(number as u8)
        };
        while let Some(byte) = bytes.next() {
            let byte = match (byte, bytes.peek().copied()) {
                (b'\\', Some(next)) => {
                    bytes.next();
                    match next {
                        b'b' => 8,
                        b'f' => 12,
                        b'n' => b'\n',
                        b'r' => b'\r',
                        b't' => b'\t',
                        b'v' => 11,
                        b'x' => digits(16, 2, None, &mut bytes).unwrap_or(b'x'),
                        b'0'..=b'7' => digits(8, 3, Some(next), &mut bytes).unwrap_or_default(),
                        other => other,
                    }
                }
                (byte, _) => byte,
            };
            if byte == Self::QUOTE {
                text.push(byte);
            }
            text.push(byte);
        }
        text.push(Self::QUOTE);
        out.write_all(&text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn csv(pieces: &[&[u8]]) -> String {
        let mut lines = Lines::new(b'\t', "\\N");
        let mut out = Vec::new();
        pieces.iter().for_each(|piece| lines.take(piece, &mut out).unwrap());
        lines.end(&mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn lines_become_csv_however_they_are_cut() {
        let text = b"1\ta\"b\t\\N\n2\t\\\\N\t\n\\N\n3\tx\\ty\\nz\\\tw\\x41\\101\\q\r\n4\tc\\\nd\n";
        let whole = csv(&[text]);
        assert_eq!(
            whole,
            "\"1\",\"a\"\"b\",\\N\n\"2\",\"\\N\",\"\"\n\\N\n\"3\",\"x\ty\nz\tw\x41\x41q\"\n\"4\",\"c\nd\"\n"
        );
        for cut in 0..text.len() {
            assert_eq!(csv(&[&text[..cut], &text[cut..]]), whole, "{cut}");
        }
        assert_eq!(csv(&[b"1\n\\.\n2\n"]), "\"1\"\n");
        let mut endless = Lines::new(b'\t', "\\N");
        let piece = vec![b'x'; LONGEST_BYTES / 2 + 1];
        assert!(endless.take(&piece, &mut Vec::new()).is_ok() && endless.take(&piece, &mut Vec::new()).is_err());
        assert_eq!(csv(&[b"1\\"]), "\"1\\\"\n");
    }
}
