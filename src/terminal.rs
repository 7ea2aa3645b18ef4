//! Text from outside on a person's terminal: what a terminal would obey is shown instead.
//!
//! Values, names, file names, logs and the words of other programs may hold escape sequences that move the cursor, set the
//! title, fill the clipboard or hide text, and marks that turn the order of what is read. Everything that came from outside
//! goes through here on its way to a terminal; files and pipes get it as it is.

use std::borrow::Cow;
use std::fmt::Write as _;
use std::io::{self, Write};

/// `text` on one line: nothing in it is obeyed, not even a line's end.
pub(crate) fn line(text: &str) -> Cow<'_, str> {
    shown(text, is_obeyed)
}

/// `text` of several lines: line ends and tabs stay as they are.
pub(crate) fn lines(text: &str) -> Cow<'_, str> {
    shown(text, is_obeyed_in_lines)
}

/// JSON, which stays JSON and means the same: what is obeyed stands in its texts only, and is escaped there as JSON has it.
pub(crate) fn json(text: &str) -> Cow<'_, str> {
    escaped(text, is_obeyed_in_lines, |shown, c| {
        c.encode_utf16(&mut [0; 2]).iter().for_each(|unit| _ = write!(shown, "\\u{unit:04x}"));
    })
}

fn shown(text: &str, is_hidden: impl Fn(char) -> bool) -> Cow<'_, str> {
    escaped(text, is_hidden, |shown, c| _ = write!(shown, "{}", c.escape_default()))
}

/// `text` with each character that `is_hidden` as `escape` writes it.
fn escaped(text: &str, is_hidden: impl Fn(char) -> bool, escape: impl Fn(&mut String, char)) -> Cow<'_, str> {
    let Some(first) = text.find(&is_hidden) else { return Cow::Borrowed(text) };
    let mut shown = text[..first].to_owned();
    for c in text[first..].chars() {
        match is_hidden(c) {
            true => escape(&mut shown, c),
            false => shown.push(c),
        }
    }
    Cow::Owned(shown)
}

/// Whether a terminal acts on `c` rather than showing it: C0 and C1 controls, marks of direction, line separators,
/// invisible tags.
/// Sources: ECMA-48; Unicode's annex 9 (explicit directional formatting characters); "Trojan Source",
/// <https://trojansource.codes>.
fn is_obeyed(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{61c}' | '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{feff}')
        || matches!(c, '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{206f}' | '\u{e0000}'..='\u{e007f}')
}

fn is_obeyed_in_lines(c: char) -> bool {
    is_obeyed(c) && !matches!(c, '\n' | '\t')
}

/// A stream of text on its way to a terminal. What is no UTF-8 is shown as replacement characters.
pub(crate) struct Shown<W> {
    out: W,
    /// The beginning of a character whose end has not come yet.
    begun: Vec<u8>,
}

impl<W: Write> Shown<W> {
    pub(crate) fn new(out: W) -> Self {
        Self { out, begun: Vec::new() }
    }
}

impl<W: Write> Write for Shown<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.begun.extend_from_slice(bytes);
        let whole = match std::str::from_utf8(&self.begun) {
            Ok(_) => self.begun.len(),
            // The last character may go on in the next piece; it has four bytes at most.
            Err(error) if error.error_len().is_none() => error.valid_up_to(),
            Err(_) => self.begun.len().saturating_sub(incomplete(&self.begun)),
        };
        let rest = self.begun.split_off(whole);
        let text = std::mem::replace(&mut self.begun, rest);
        self.out.write_all(lines(&String::from_utf8_lossy(&text)).as_bytes())?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

/// How many bytes at the end of `bytes` begin a character and do not end it.
fn incomplete(bytes: &[u8]) -> usize {
    let tail = &bytes[bytes.len().saturating_sub(3)..];
    let starts = (0..tail.len()).rev();
    starts
        .map(|at| &tail[at..])
        .find(|piece| {
            std::str::from_utf8(piece).is_err_and(|error| error.valid_up_to() == 0 && error.error_len().is_none())
        })
        .map_or(0, <[u8]>::len)
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOSTILE: &[&str] = &[
        "\u{1b}[31mred",
        "\u{1b}]0;title\u{7}",
        "\u{1b}]52;c;aGk=\u{1b}\\",
        "\u{9b}2J",
        "\u{90}q",
        "a\u{8}\u{8}b",
        "\u{7f}",
        "over\rwritten",
        "\u{202e}txt.exe",
        "\u{2066}a\u{2069}",
        "a\u{200f}b",
        "\u{e0041}",
        "\u{feff}x",
        "a\u{2028}b",
    ];

    #[test]
    fn nothing_is_obeyed() {
        for text in HOSTILE {
            for shown in [line(text), lines(text)] {
                assert!(!shown.chars().any(is_obeyed), "{shown:?}");
                assert_ne!(shown, *text);
            }
        }
        assert_eq!(line("a\nb\tc"), "a\\nb\\tc");
        assert_eq!(lines("a\nb\tc"), "a\nb\tc");
    }

    #[test]
    fn json_stays_json_and_means_the_same() {
        for text in HOSTILE {
            let value = serde_json::json!({ *text: [text] });
            let written = serde_json::to_string_pretty(&value).unwrap();
            let shown = json(&written);
            assert!(!shown.chars().any(|c| is_obeyed(c) && c != '\n'), "{shown:?}");
            assert_eq!(serde_json::from_str::<serde_json::Value>(&shown).unwrap(), value);
        }
    }

    #[test]
    fn what_people_write_stays() {
        for text in ["", "plain", "Größe 東京 العربية 👩‍🚀 é", "│ ─ …"] {
            assert!(matches!(line(text), Cow::Borrowed(same) if same == text), "{text}");
        }
    }

    #[test]
    fn a_stream_is_the_same_wherever_it_is_cut() {
        let text = HOSTILE.join("Größe 東京 👩‍🚀\n").into_bytes();
        let broken = [&text[..], b"\xff\xfe\xe6\x9d", b"end"].concat();
        for source in [&text, &broken] {
            let through = |sizes: usize| {
                let mut out = Vec::new();
                let mut stream = Shown::new(&mut out);
                source.chunks(sizes).for_each(|chunk| stream.write_all(chunk).unwrap());
                String::from_utf8(out).unwrap()
            };
            let whole = through(usize::MAX);
            assert!(!whole.chars().any(|c| is_obeyed(c) && c != '\n'));
            for sizes in [1, 2, 3, 5] {
                assert_eq!(through(sizes), whole);
            }
        }
    }
}
