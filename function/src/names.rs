//! What names may be in a catalog. Both sides read it as if somebody else had written it.

/// Longest name of a column, bytes.
const COLUMN_BYTES: usize = 1024;

/// Longest key that S3 takes, bytes.
const KEY_BYTES: usize = 1024;

/// Longest SQL of a view, and longest comment, bytes.
pub const TEXT_BYTES: usize = 64 << 10;

/// Refuses what is too long for a comment.
///
/// # Errors
/// That it is.
pub fn check_comment(comment: Option<&str>) -> Result<(), String> {
    match comment {
        Some(comment) if comment.len() > TEXT_BYTES => Err(format!("a comment is longer than {TEXT_BYTES} bytes")),
        _ => Ok(()),
    }
}

/// Schemas that DuckDB has itself, and what it takes for a database before a dot.
const RESERVED: &[&str] = &["main", "temp", "system", "memory", "information_schema", "pg_catalog"];

/// Whether a table or a view may be called so: by one name, or by one behind that of its schema and a dot.
pub fn is_table(name: &str) -> bool {
    match name.split_once('.') {
        Some((schema, name)) => is_schema(schema) && is_name(name),
        None => is_name(name),
    }
}

/// Whether a schema may be called so.
pub fn is_schema(name: &str) -> bool {
    is_name(name) && !RESERVED.iter().any(|own| own.eq_ignore_ascii_case(name))
}

/// The schema of a table or a view, if it is another than `main`, and its name there.
pub fn parts(name: &str) -> (Option<&str>, &str) {
    match name.split_once('.').filter(|_| is_table(name)) {
        Some((schema, name)) => (Some(schema), name),
        None => (None, name),
    }
}

/// Whether one part of a name, or a column that folders carry, may be called so: sane as SQL, as a folder and as part of a key.
pub fn is_name(name: &str) -> bool {
    let first = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
    first && name.len() <= 64 && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

/// Refuses what no column may be called.
///
/// # Errors
/// What is wrong with it.
pub fn check_column(name: &str) -> Result<(), String> {
    if name.is_empty() {
        return Err("a column has no name".to_owned());
    }
    if name.len() > COLUMN_BYTES {
        return Err(format!("a column's name is longer than {COLUMN_BYTES} bytes"));
    }
    // What reverses the direction of writing makes a name look like another.
    if name.chars().any(|c| c.is_control() || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')) {
        let shown: String = name.chars().take(80).collect();
        return Err(format!("the column name {shown:?} holds a control character"));
    }
    Ok(())
}

/// Whether `key` is in the `folder`, which ends in `/`, and one that whoever reads it takes for what it says: no glob, no
/// folder above, nothing encoded twice or that a terminal would obey.
pub fn is_plain_key(folder: &str, key: &str) -> bool {
    let of_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.' | '~' | '=' | '%');
    let is_plain = |part: &str| !matches!(part, "" | "." | "..") && part.chars().all(of_name);
    key.len() <= KEY_BYTES && key.strip_prefix(folder).is_some_and(|rest| rest.split('/').all(is_plain))
}

/// Whether a result may be called so: what nobody guesses.
pub fn is_result(name: &str) -> bool {
    name.len() == 32 && name.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}
