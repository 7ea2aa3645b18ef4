//! Text in another encoding than UTF-8: written anew in UTF-8 before anything looks at it, every character or none.

use std::fs::File;
use std::io::{self, BufRead, BufReader, BufWriter, Read, Write};
use std::path::Path;

use anyhow::{Context as _, Result};
use flate2::read::MultiGzDecoder;

use super::format::Packing;
use super::stop::Stop;
use crate::error::{failure, nearest, usage};

/// What is decoded at a time, bytes: even, as UTF-16 has two for most characters.
const PIECE_BYTES: usize = 256 << 10;

/// How characters are stored, where it is not as UTF-8.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Encoding {
    /// In the order of bytes that its mark says, or else its first character, which is one of ASCII's.
    Utf16,
    Latin1,
    /// Latin-1 with more characters, as old programs on Windows write it.
    Windows1252,
}

/// Encodings by name.
const NAMES: &[(&str, Option<Encoding>)] = &[
    ("utf-8", None),
    ("utf-16", Some(Encoding::Utf16)),
    ("latin-1", Some(Encoding::Latin1)),
    ("windows-1252", Some(Encoding::Windows1252)),
];

/// Other names of the same.
const ALIASES: &[(&str, Option<Encoding>)] = &[
    ("utf8", None),
    ("utf16", Some(Encoding::Utf16)),
    ("latin1", Some(Encoding::Latin1)),
    ("iso-8859-1", Some(Encoding::Latin1)),
    ("cp1252", Some(Encoding::Windows1252)),
];

/// Windows-1252 from 0x80 to 0x9f; what is NUL has no character.
/// Source: <https://encoding.spec.whatwg.org/index-windows-1252.txt>, without the control characters that it lets through.
const WINDOWS: [char; 32] = [
    '€', '\0', '‚', 'ƒ', '„', '…', '†', '‡', 'ˆ', '‰', 'Š', '‹', 'Œ', '\0', 'Ž', '\0', '\0', '‘', '’', '“', '”', '•',
    '–', '—', '˜', '™', 'š', '›', 'œ', '\0', 'ž', 'Ÿ',
];

impl Encoding {
    /// Reads its name, however its case is written; `None` for UTF-8.
    ///
    /// # Errors
    /// A usage error that lists those that there are.
    pub(super) fn parse(name: &str) -> Result<Option<Self>> {
        let lower = name.to_ascii_lowercase();
        let found = NAMES.iter().chain(ALIASES).find(|(known, _)| *known == lower);
        found.map(|(_, encoding)| *encoding).ok_or_else(|| {
            let names = NAMES.iter().map(|(name, _)| *name);
            let help = match nearest(&lower, names.clone()) {
                Some(near) => format!("did you mean `{near}`?"),
                None => format!(
                    "load reads {}; make UTF-8 of others first: iconv -f NAME -t UTF-8 FILE | quackctl load - --table NAME",
                    names.collect::<Vec<_>>().join(", ")
                ),
            };
            usage(format!("`{name}` is no encoding that load reads"), help)
        })
    }

    fn name(self) -> &'static str {
        NAMES.iter().find(|(_, encoding)| *encoding == Some(self)).map_or("UTF-8", |(name, _)| name)
    }
}

/// Writes the file `from`, that the user knows as `name`, to `to` in UTF-8, unpacked.
///
/// # Errors
/// What is no character of that encoding, and where; a file that cannot be read, or is cut off; a full disk; Ctrl-C.
pub(super) fn decode(
    from: &Path,
    packing: Packing,
    encoding: Encoding,
    name: &str,
    to: &Path,
    stop: &Stop,
) -> Result<()> {
    let file = File::open(from).with_context(|| format!("cannot read `{name}`"))?;
    let source: Box<dyn Read> = match packing {
        Packing::None => Box::new(file),
        Packing::Gzip => Box::new(MultiGzDecoder::new(file)),
        Packing::Zstd => {
            return Err(usage(
                format!("`{name}` is packed with zstd, of which only UTF-8 is read"),
                "unpack it first: zstd -d FILE",
            ));
        }
    };
    let cannot = || format!("cannot write {}", to.display());
    let mut out = BufWriter::new(File::create(to).with_context(cannot)?);
    let mut source = BufReader::with_capacity(PIECE_BYTES, source);
    let mut decoder = Decoder::new(encoding, source.fill_buf().unwrap_or_default());
    let (mut piece, mut text) = (Vec::with_capacity(PIECE_BYTES), String::new());
    loop {
        stop.check()?;
        piece.clear();
        let read = source.by_ref().take(PIECE_BYTES as u64).read_to_end(&mut piece);
        let read = read.map_err(|error| match error.kind() {
            io::ErrorKind::UnexpectedEof => failure(format!("`{name}` is cut off: {error}"), "get the file anew"),
            _ => anyhow::Error::from(error).context(format!("cannot read `{name}`")),
        })?;
        text.clear();
        let decoded = if read == 0 { decoder.end() } else { decoder.add(&piece, &mut text) };
        decoded.map_err(|at| {
            let help = match encoding {
                Encoding::Latin1 => "where it came from Windows, give --encoding windows-1252",
                _ => "give --encoding what the file is in; nothing was loaded",
            };
            failure(format!("`{name}` is not in {}: byte {at} is of no character", encoding.name()), help)
        })?;
        if read == 0 {
            return out.flush().with_context(cannot);
        }
        out.write_all(text.as_bytes()).with_context(cannot)?;
    }
}

/// Bytes on their way to characters.
struct Decoder {
    encoding: Encoding,
    little_endian: bool,
    /// Bytes that were decoded.
    at: u64,
    /// The first half of a character, that the next piece goes on with.
    high: Option<u16>,
}

impl Decoder {
    fn new(encoding: Encoding, head: &[u8]) -> Self {
        let little_endian = !matches!(head, [0xfe, 0xff, ..] | [0, _, ..]);
        Self { encoding, little_endian, at: 0, high: None }
    }

    /// Adds to `text` what `bytes` are, which follow those of the call before, all but the last call's an even number.
    /// The error is where they are none, as a byte's number from 1.
    fn add(&mut self, bytes: &[u8], text: &mut String) -> Result<(), u64> {
        match self.encoding {
            Encoding::Utf16 => return self.add_utf16(bytes, text),
            Encoding::Latin1 | Encoding::Windows1252 => {
                for (index, byte) in bytes.iter().copied().enumerate() {
                    let c = match (byte, self.encoding) {
                        (0x80..=0x9f, Encoding::Windows1252) => WINDOWS[usize::from(byte - 0x80)],
                        (0x80..=0x9f, _) => '\0',
                        _ => char::from(byte),
                    };
                    if c == '\0' && byte != 0 {
                        return Err(self.at + index as u64 + 1);
                    }
                    text.push(c);
                }
            }
        }
        self.at += bytes.len() as u64;
        Ok(())
    }

    fn add_utf16(&mut self, bytes: &[u8], text: &mut String) -> Result<(), u64> {
        for pair in bytes.chunks(2) {
            let Ok(pair) = <[u8; 2]>::try_from(pair) else { return Err(self.at + 1) };
            let unit = if self.little_endian { u16::from_le_bytes(pair) } else { u16::from_be_bytes(pair) };
            let is_low = (0xdc00..0xe000).contains(&unit);
            match self.high.take() {
                Some(high) if is_low => {
                    text.extend(char::decode_utf16([high, unit]).flatten());
                }
                // A first half without its second, or the other way round.
                Some(_) => return Err(self.at - 1),
                None if (0xd800..0xdc00).contains(&unit) => self.high = Some(unit),
                None => match char::from_u32(u32::from(unit)) {
                    // The mark of the order of bytes is none of the text.
                    Some('\u{feff}') if self.at == 0 => {}
                    Some(c) => text.push(c),
                    None => return Err(self.at + 1),
                },
            }
            self.at += 2;
        }
        Ok(())
    }

    /// Whether it may end here.
    fn end(&self) -> Result<(), u64> {
        if self.high.is_some() { Err(self.at - 1) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decoded(bytes: &[u8], encoding: Encoding, piece: usize) -> Result<String, u64> {
        let mut decoder = Decoder::new(encoding, bytes);
        let mut text = String::new();
        bytes.chunks(piece).try_for_each(|piece| decoder.add(piece, &mut text))?;
        decoder.end().map(|()| text)
    }

    #[test]
    fn every_character_comes_through() {
        let text = "a,ä\n\u{1f986},€\u{ffff}\n";
        for little_endian in [true, false] {
            let bytes = |text: &str| -> Vec<u8> {
                text.encode_utf16()
                    .flat_map(|unit| if little_endian { unit.to_le_bytes() } else { unit.to_be_bytes() })
                    .collect()
            };
            for piece in [2, 4, 6, 100] {
                assert_eq!(decoded(&bytes(text), Encoding::Utf16, piece).as_deref(), Ok(text));
                let marked = bytes(&format!("\u{feff}{text}"));
                assert_eq!(decoded(&marked, Encoding::Utf16, piece).as_deref(), Ok(text));
            }
        }
        let all: Vec<u8> = (0..0x80).chain(0xa0..=0xff).collect();
        let told = decoded(&all, Encoding::Latin1, 7).unwrap();
        assert!(told.chars().zip(&all).all(|(c, byte)| c as u32 == u32::from(*byte)), "{told}");
        assert_eq!(decoded(b"\x80 \x9f\xe4", Encoding::Windows1252, 2).as_deref(), Ok("€ Ÿä"));
    }

    #[test]
    fn what_is_no_character_is_told_with_its_place() {
        assert_eq!(decoded(b"a\x80", Encoding::Latin1, 1), Err(2));
        assert_eq!(decoded(b"ab\x81", Encoding::Windows1252, 2), Err(3));
        // Cut off, a half without the other, and at the end.
        assert_eq!(decoded(b"a\0b", Encoding::Utf16, 2), Err(3));
        assert_eq!(decoded(b"a\0\x00\xdca\0", Encoding::Utf16, 2), Err(3));
        assert_eq!(decoded(b"a\0\x3e\xd8a\0", Encoding::Utf16, 2), Err(3));
        assert_eq!(decoded(b"a\0\x3e\xd8", Encoding::Utf16, 2), Err(3));
    }
}
