//! Files that are not rows in a format that load reads, told by their first bytes, each with what to do about it.

use anyhow::Result;

use crate::error::failure;

/// What a Parquet file begins with.
pub(super) const PARQUET: &[u8] = b"PAR1";

/// First bytes of a text in which there is no NUL.
const TEXT_BYTES: usize = 512;

/// What a file begins with, what it then is, and what to do.
const KNOWN: &[(&[u8], &str, &str)] = &[
    (b"PK\x03\x04", "a zip archive", "unpack it first: unzip FILE"),
    (b"%PDF-", "a PDF", "export its tables as CSV, e.g. with tabula or pdfplumber"),
    (b"\x89PNG", "an image (PNG)", IMAGE),
    (b"\xff\xd8\xff", "an image (JPEG)", IMAGE),
    (b"GIF8", "an image (GIF)", IMAGE),
    (b"\xd0\xcf\x11\xe0", "an old Office document", "save it as CSV, and load that"),
    (
        b"SQLite format 3\0",
        "an SQLite database",
        "write each table as CSV: sqlite3 -csv -header FILE 'SELECT * FROM t'",
    ),
    (
        b"ARROW1",
        "an Arrow file",
        "write it as Parquet: pyarrow.parquet.write_table(pyarrow.feather.read_table(FILE), ...)",
    ),
    (
        b"\xff\xff\xff\xff",
        "an Arrow stream",
        "write it as Parquet: pyarrow.parquet.write_table(pyarrow.ipc.open_stream(FILE).read_all(), ...)",
    ),
    (b"Obj\x01", "an Avro file", "write it as Parquet or JSON lines"),
    (b"ORC", "an ORC file", "write it as Parquet"),
    (b"7z\xbc\xaf\x27\x1c", "a 7z archive", "unpack it first"),
    (b"BZh", "packed with bzip2", "unpack it, or pack it with gzip or zstd: bunzip2 -c FILE | quackctl load -"),
    (b"\xfd7zXZ\0", "packed with xz", "unpack it, or pack it with gzip or zstd: xz -dc FILE | quackctl load -"),
    (b"\xff\xfe", "text in UTF-16", "load it with --encoding utf-16"),
    (b"\xfe\xff", "text in UTF-16", "load it with --encoding utf-16"),
];

const IMAGE: &str = "give the file that the picture was made of";

/// Where a DuckDB database says that it is one.
const DUCKDB: (usize, &[u8]) = (8, b"DUCK");

/// Refuses a file that begins with `head` and goes by `name`.
///
/// # Errors
/// When it is of a known kind that is not read.
pub(super) fn refuse(head: &[u8], name: &str) -> Result<()> {
    let (what, help) = match told(head, name) {
        Some(told) => told,
        None => return Ok(()),
    };
    Err(failure(
        format!("`{name}` is {what}, not a format that load reads"),
        format!("{help}; load reads CSV, TSV, JSON, JSON lines and Parquet"),
    ))
}

/// Refuses a file that begins with `head` and goes by `name`, by which it `is_parquet`, or else text.
///
/// # Errors
/// Parquet under another name, something else under the name of Parquet, and what is no text.
pub(super) fn refuse_other(head: &[u8], name: &str, is_parquet: bool) -> Result<()> {
    let (what, help) = match (is_parquet, head.starts_with(PARQUET)) {
        (true, true) => return Ok(()),
        (true, false) => (
            "is not Parquet, which begins with `PAR1`",
            "name it by what it is, .csv, .tsv, .json or .jsonl; or get the file anew, if it should be Parquet",
        ),
        (false, true) => {
            ("is Parquet, whatever its name says", "name it so: mv FILE FILE.parquet; unpack it first if it is packed")
        }
        (false, false) if head[..head.len().min(TEXT_BYTES)].contains(&0) => (
            "holds NUL bytes, which no text does",
            "load reads CSV, TSV, JSON, JSON lines and Parquet; text in UTF-16 is loaded with --encoding utf-16",
        ),
        (false, false) => return Ok(()),
    };
    Err(failure(format!("`{name}` {what}"), help))
}

fn told(head: &[u8], name: &str) -> Option<(&'static str, &'static str)> {
    let is_named = |endings: &[&str]| endings.iter().any(|ending| name.to_ascii_lowercase().ends_with(ending));
    if head.starts_with(b"PK\x03\x04") && is_named(&[".xlsx", ".xlsm", ".ods", ".docx"]) {
        return Some(("a workbook", "save its sheet as CSV, and load that"));
    }
    if let Some((_, what, help)) = KNOWN.iter().find(|(magic, _, _)| head.starts_with(magic)) {
        return Some((what, help));
    }
    if head.get(DUCKDB.0..).is_some_and(|rest| rest.starts_with(DUCKDB.1)) {
        return Some(("a DuckDB database", "write its tables as Parquet: duckdb FILE \"COPY t TO 't.parquet'\""));
    }
    let text = head.strip_prefix(b"\xef\xbb\xbf").unwrap_or(head).trim_ascii_start();
    let start = String::from_utf8_lossy(&text[..text.len().min(14)]).to_ascii_lowercase();
    if start.starts_with("<!doctype html") || start.starts_with("<html") {
        return Some(("a web page", "give the address of the data itself: sites often show a page around it"));
    }
    if start.starts_with("<svg") || (start.starts_with("<?xml") && !is_named(&[".csv", ".tsv"])) {
        return Some(("XML", "turn its records into JSON lines or CSV"));
    }
    if is_markdown(text) {
        return Some(("a Markdown table", "write it as CSV or Parquet: quackctl query -o FILE.csv 'SELECT ...'"));
    }
    if text.starts_with("┌─".as_bytes()) {
        return Some((
            "a table drawn for people",
            "write it as CSV or Parquet: quackctl query -o FILE.csv 'SELECT ...'",
        ));
    }
    None
}

/// Whether a text begins with a table of Markdown's: its second line draws one, and says nothing.
fn is_markdown(text: &[u8]) -> bool {
    let mut lines = text.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii);
    let (Some(header), Some(rule)) = (lines.next(), lines.next()) else { return false };
    header.contains(&b'|')
        && rule.contains(&b'|')
        && rule.windows(3).any(|dashes| dashes == b"---")
        && rule.iter().all(|byte| b"|-: ".contains(byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_read_is_told_by_what_it_is() {
        for (name, head, what) in [
            ("a.csv", b" <!DOCTYPE HTML>\n<html>".as_slice(), "`a.csv` is a web page, not a format that load reads"),
            ("a.png", b"\x89PNG\r\n", "an image (PNG)"),
            ("a.xlsx", b"PK\x03\x04..", "a workbook"),
            ("a.zip", b"PK\x03\x04..", "a zip archive"),
            ("a.pdf", b"%PDF-1.7", "a PDF"),
            ("a.db", b"12345678DUCK", "a DuckDB database"),
            ("a.arrow", b"ARROW1\0\0", "an Arrow file"),
            ("standard input", b"\xff\xff\xff\xff\x80\x01\0\0", "an Arrow stream"),
            ("a.svg", b"<svg xmlns", "XML"),
            ("a.md", b"| a | b |\r\n| --- | ---: |\r\n| 1 | 2 |\n", "a Markdown table"),
            ("a.txt", "┌───┐\n│ a │\n".as_bytes(), "a table drawn for people"),
        ] {
            let error = refuse(head, name).unwrap_err().to_string();
            assert!(error.contains(what), "{error}");
        }
        for (name, head) in [
            ("a.csv", b"<b>,c\n".as_slice()),
            ("a.csv", b""),
            ("a", b"PAR1"),
            ("a", b"\xef\xbb\xbfa,b"),
            ("a.csv", b"a|b\n---|x\n"),
            ("a.csv", b"a|b\n-|-\n"),
            ("a.csv", b"a\n---\n"),
        ] {
            assert!(refuse(head, name).is_ok(), "{name}");
        }
    }

    #[test]
    fn what_is_not_what_its_name_says_is_told_without_its_bytes() {
        let told = |head: &[u8], is_parquet| refuse_other(head, "f", is_parquet).map_err(|error| error.to_string());
        assert_eq!(told(b"PAR1\x15\x04", false).unwrap_err(), "`f` is Parquet, whatever its name says");
        assert_eq!(told(b"\x7fELF\0", false).unwrap_err(), "`f` holds NUL bytes, which no text does");
        assert!(told(b"", false).is_ok() && told("ä,b".as_bytes(), false).is_ok());
        assert!(told(b"a,b\n", true).unwrap_err().starts_with("`f` is not Parquet"));
        assert!(told(PARQUET, true).is_ok());
    }
}
