//! The options of `COPY ... TO` that SQL may use, and how each is spelled from its value.

use super::{BadCopy, CopyValue, Format};
use crate::sql::{identifier, literal};

/// Longest text of an option, bytes.
const MAX_TEXT_BYTES: usize = 4096;

/// What an option takes.
#[derive(Debug, Clone, Copy)]
enum Takes {
    Flag,
    Count,
    /// Between 0 and 1.
    Ratio,
    /// Bytes, or a text such as `100MB`.
    Size,
    Word(&'static [&'static str]),
    Text,
    /// Text that becomes a part of a file's name.
    FileName,
    /// Names of columns, or `*`.
    Columns,
    Texts,
}

use Takes::{Columns, Count, FileName, Flag, Ratio, Size, Text, Texts, Word};

/// Options of every format.
const ALL: &[(&str, Takes)] = &[
    ("APPEND", Flag),
    ("FILE_EXTENSION", FileName),
    ("FILE_SIZE_BYTES", Size),
    ("FILENAME_PATTERN", FileName),
    ("HIVE_FILE_PATTERN", Flag),
    ("OVERWRITE", Flag),
    ("OVERWRITE_OR_IGNORE", Flag),
    ("PARTITION_BY", Columns),
    ("PER_THREAD_OUTPUT", Flag),
    ("PRESERVE_ORDER", Flag),
    ("RETURN_FILES", Flag),
    ("RETURN_STATS", Flag),
    ("USE_TMP_FILE", Flag),
    ("WRITE_EMPTY_FILE", Flag),
    ("WRITE_PARTITION_COLUMNS", Flag),
];

const CSV: &[(&str, Takes)] = &[
    ("COMPRESSION", Word(&["none", "gzip", "zstd", "auto"])),
    ("DATEFORMAT", Text),
    ("DELIM", Text),
    ("DELIMITER", Text),
    ("ESCAPE", Text),
    ("FORCE_QUOTE", Columns),
    ("HEADER", Flag),
    ("NULL", Text),
    ("NULLSTR", Text),
    ("PREFIX", Text),
    ("QUOTE", Text),
    ("SEP", Text),
    ("SUFFIX", Text),
    ("TIMESTAMPFORMAT", Text),
];

const JSON: &[(&str, Takes)] = &[
    ("ARRAY", Flag),
    ("COMPRESSION", Word(&["none", "gzip", "zstd", "auto"])),
    ("DATEFORMAT", Text),
    ("TIMESTAMPFORMAT", Text),
];

const PARQUET: &[(&str, Takes)] = &[
    ("BLOOM_FILTER_FALSE_POSITIVE_RATIO", Ratio),
    ("CODEC", Word(CODECS)),
    ("COMPRESSION", Word(CODECS)),
    ("COMPRESSION_LEVEL", Count),
    ("CHUNK_SIZE", Count),
    ("DICTIONARY_SIZE_LIMIT", Count),
    ("FIELD_IDS", Word(&["auto"])),
    ("KV_METADATA", Texts),
    ("PARQUET_VERSION", Word(&["v1", "v2"])),
    ("ROW_GROUP_SIZE", Count),
    ("ROW_GROUP_SIZE_BYTES", Size),
    ("ROW_GROUPS_PER_FILE", Count),
    ("STRING_DICTIONARY_PAGE_SIZE_LIMIT", Count),
];

const CODECS: &[&str] = &["uncompressed", "snappy", "gzip", "zstd", "brotli", "lz4", "lz4_raw"];

/// `name value`, as it stands in the statement.
///
/// # Errors
/// When there is no such option for the format, or the value is not what it takes.
pub(super) fn spell(format: Format, name: &str, value: &CopyValue) -> Result<String, BadCopy> {
    let of_format = match format {
        Format::Csv => CSV,
        Format::Parquet => PARQUET,
        Format::Json => JSON,
    };
    let found = ALL.iter().chain(of_format).find(|(own, _)| own.eq_ignore_ascii_case(name));
    let Some((name, takes)) = found else {
        let known: Vec<_> = ALL.iter().chain(of_format).map(|(own, _)| *own).collect();
        let shown: String = name.chars().take(80).collect();
        return Err(BadCopy::new(format!(
            "COPY TO with an option {shown:?}: a {} file may have {}",
            format.name(),
            known.join(", ")
        )));
    };
    match spell_value(*takes, value) {
        Some(value) => Ok(format!("{name} {value}")),
        None => Err(BadCopy::new(format!("COPY TO with a {name} that is not {}", describe(*takes)))),
    }
}

fn spell_value(takes: Takes, value: &CopyValue) -> Option<String> {
    let text = match value {
        CopyValue::Text(text) if text.len() <= MAX_TEXT_BYTES && !text.contains('\0') => Some(text.as_str()),
        _ => None,
    };
    match (takes, value) {
        (Flag, CopyValue::Flag(flag)) => Some(flag.to_string()),
        (Flag, CopyValue::Count(count @ (0 | 1))) => Some((*count == 1).to_string()),
        (Flag, _) => match text?.to_ascii_lowercase().as_str() {
            "true" | "on" => Some("true".to_owned()),
            "false" | "off" => Some("false".to_owned()),
            _ => None,
        },
        (Count | Size, CopyValue::Count(count)) => Some(count.to_string()),
        (Count, _) => None,
        (Size, _) => text.filter(|text| is_size(text)).map(literal),
        (Ratio, CopyValue::Number(number)) => (0.0..=1.0).contains(number).then(|| number.to_string()),
        (Ratio, _) => None,
        (Word(words), _) => {
            let text = text?;
            words.iter().find(|word| word.eq_ignore_ascii_case(text)).map(|word| literal(word))
        }
        (Text, _) => text.map(literal),
        (FileName, _) => text.filter(|text| is_plain_name(text)).map(literal),
        (Columns, CopyValue::Columns(names)) if !names.is_empty() => {
            let names: Vec<_> = names.iter().map(|name| identifier(name)).collect();
            Some(format!("({})", names.join(", ")))
        }
        (Columns, _) => text.filter(|text| *text == "*").map(str::to_owned),
        (Texts, CopyValue::Texts(texts)) if !texts.is_empty() => {
            let entries = texts.iter().map(|(key, value)| format!("{}: {}", literal(key), literal(value)));
            Some(format!("{{{}}}", entries.collect::<Vec<_>>().join(", ")))
        }
        (Texts, _) => None,
    }
}

fn describe(takes: Takes) -> String {
    match takes {
        Flag => "true or false".to_owned(),
        Count => "a whole number".to_owned(),
        Ratio => "a number from 0 to 1".to_owned(),
        Size => "a number of bytes or a size such as '100MB'".to_owned(),
        Word(words) => format!("one of {}", words.join(", ")),
        Text => "a plain text".to_owned(),
        FileName => "a plain name".to_owned(),
        Columns => "a list of columns in brackets, or *".to_owned(),
        Texts => "texts by name in braces".to_owned(),
    }
}

/// Digits and a unit.
fn is_size(text: &str) -> bool {
    let unit = text.trim_start_matches(|c: char| c.is_ascii_digit() || c == '.');
    let unit = unit.trim().to_ascii_uppercase();
    text.starts_with(|c: char| c.is_ascii_digit())
        && ["", "B", "KB", "MB", "GB", "KIB", "MIB", "GIB"].contains(&unit.as_str())
}

/// Whether `name` stays in its folder, wherever it is sent.
fn is_plain_name(name: &str) -> bool {
    let special = |c: char| c.is_control() || "/\\?#%*[]".contains(c);
    !name.is_empty() && !name.contains(special) && !name.contains("..")
}
