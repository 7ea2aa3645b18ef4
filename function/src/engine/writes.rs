//! Where SQL may write, when that is less than what it may read: DuckDB's own walls do not tell the two apart.
//!
//! DuckDB 1.5 writes files with `COPY ... TO` and `EXPORT DATABASE` only, which stand at the beginning of a statement or
//! behind `EXPLAIN ANALYZE` or `PREPARE ... AS`. The place must be told in plain text, so that it can be looked at here.

use super::Failure;
use super::storage::Folder;
use crate::sql::Token;
use std::path::{Component, Path, PathBuf};

/// Options of `COPY` that become a part of the files' names.
const NAME_OPTIONS: &[&str] = &["FILENAME_PATTERN", "FILE_EXTENSION"];

/// The places that SQL may write to.
#[derive(Debug, Clone)]
pub struct Writes {
    pub folders: Vec<Folder>,
    /// DuckDB's own folder for what does not fit into memory, which it opens to SQL as well.
    pub temp_dir: PathBuf,
}

impl Writes {
    /// Refuses a statement, without its `EXPLAIN`, that writes elsewhere.
    ///
    /// # Errors
    /// `Quack.SandboxError`, naming the places.
    pub fn check(&self, statement: &[Token]) -> Result<(), Failure> {
        let statement = without_prepare(statement);
        let (what, target) = match statement.first() {
            Some(first) if first.is("COPY") => match copy_target(&statement[1..]) {
                Some(target) => ("COPY TO", target),
                None => return Ok(()),
            },
            Some(first) if first.is("EXPORT") => ("EXPORT DATABASE", export_target(&statement[1..])),
            _ => return Ok(()),
        };
        let [Token::Text(text), options @ ..] = target else {
            return Err(self.refused(&format!("{what} a place that is not told as plain text")));
        };
        let place = Token::Text(text).name().unwrap_or_default();
        let escapes = text.starts_with(['e', 'E']) || matches!(options.first(), Some(Token::Text(_)));
        if escapes || !self.hold(&place) {
            return Err(self.refused(&format!("{what} {text}")));
        }
        let names_folder = |pair: &[Token]| {
            let option = NAME_OPTIONS.iter().find(|option| pair[0].names(option))?;
            let plain = matches!(pair[1], Token::Text(text) if !text.contains(['/', '\\']));
            (!plain).then_some(option)
        };
        match options.windows(2).find_map(names_folder) {
            Some(option) => Err(self.refused(&format!("{what} with a {option} other than a plain name"))),
            None => Ok(()),
        }
    }

    /// Whether `place` is in one of the folders, without ways out of it.
    fn hold(&self, place: &str) -> bool {
        let in_bucket = |folder: &Folder| place.strip_prefix(folder.to_string().as_str()).is_some_and(is_plain_key);
        let in_temp_dir = Path::new(place)
            .strip_prefix(&self.temp_dir)
            .is_ok_and(|rest| rest.components().all(|component| matches!(component, Component::Normal(_))));
        self.folders.iter().any(in_bucket) || in_temp_dir
    }

    fn refused(&self, what: &str) -> Failure {
        let folders: Vec<_> = self.folders.iter().map(Folder::to_string).collect();
        let message = format!("{what} is refused. SQL may write only under {}.", folders.join(", "));
        Failure::new("Quack.SandboxError", message)
    }
}

/// Strips `PREPARE name [(types)] AS`.
fn without_prepare<'t, 's>(statement: &'t [Token<'s>]) -> &'t [Token<'s>] {
    let prepares = statement.first().is_some_and(|first| first.is("PREPARE"));
    match statement.iter().position(|token| token.is("AS")) {
        Some(end) if prepares => &statement[end + 1..],
        _ => statement,
    }
}

/// What follows the `TO` of a `COPY`; `None` for one that only reads.
fn copy_target<'t, 's>(rest: &'t [Token<'s>]) -> Option<&'t [Token<'s>]> {
    let mut depth = 0_usize;
    for (index, token) in rest.iter().enumerate() {
        match token {
            Token::Symbol('(') => depth += 1,
            Token::Symbol(')') => depth = depth.saturating_sub(1),
            token if depth == 0 && token.is("TO") => return Some(&rest[index + 1..]),
            token if depth == 0 && token.is("FROM") => return None,
            _ => {}
        }
    }
    None
}

/// What follows `EXPORT DATABASE` and, if it is there, `name TO`.
fn export_target<'t, 's>(rest: &'t [Token<'s>]) -> &'t [Token<'s>] {
    match rest {
        [_, _, to, target @ ..] if to.is("TO") => target,
        [_, target @ ..] => target,
        [] => rest,
    }
}

/// Whether a key means what it says, wherever it is sent: no empty, `.` or `..` part, nothing that is an escape, the
/// beginning of an address's settings, or a pattern.
fn is_plain_key(key: &str) -> bool {
    let key = key.strip_suffix('/').unwrap_or(key);
    let special = |c: char| c.is_control() || "?#%\\*[]".contains(c);
    key.split('/').all(|part| !matches!(part, "" | "." | "..")) && !key.contains(special)
}

#[cfg(test)]
mod tests {
    use super::super::sandbox;
    use super::*;

    fn check(sql: &str) -> Result<(), Failure> {
        let folders = Folder::list("", "s3://lake/_quack/,s3://lake/out put/").unwrap();
        sandbox::check_text(sql, Some(&Writes { folders, temp_dir: PathBuf::from("/tmp/quack-1") }))
    }

    #[test]
    fn lets_through_what_stays_in_its_folders() {
        for sql in [
            "COPY t TO 's3://lake/_quack/x.csv'",
            "copy (SELECT 'a' TO_b, \"to\" FROM t) /* x */ to $$s3://lake/_quack/x/y$$ (FORMAT csv, DELIMITER '/')",
            "COPY \"to\" (a, b) TO 's3://lake/out put/day=1/' WITH (PARTITION_BY (a), FILENAME_PATTERN 'x_{i}')",
            "EXPLAIN ANALYZE COPY t TO 's3://lake/_quack/x..y.csv'",
            "PREPARE p AS COPY t TO 's3://lake/_quack/x.csv'; EXECUTE p",
            "COPY t TO '/tmp/quack-1/x.csv'",
            "COPY t FROM 's3://other/x.csv'",
            "EXPORT DATABASE 's3://lake/_quack/x' (FORMAT parquet)",
            "EXPORT DATABASE memory TO 's3://lake/_quack/x'",
            "SELECT copy, export FROM t",
        ] {
            assert_eq!(check(sql), Ok(()), "{sql}");
        }
    }

    #[test]
    fn refuses_what_leaves_them() {
        for place in [
            "s3://lake/x.csv",
            "s3://lake/_quack",
            "s3://lake/_quack/",
            "s3://lake/_quackx/x.csv",
            "s3://lake/_quack/../x.csv",
            "s3://lake/_quack/x/..",
            "s3://lake/_quack/./x.csv",
            "s3://lake/_quack//x.csv",
            "s3://lake//_quack/x.csv",
            "s3://lake/_quack/%2e%2e/x.csv",
            "s3://lake/_quack/x.csv?s=1",
            "s3://lake/_quack/*",
            "S3://lake/_quack/x.csv",
            "s3://LAKE/_quack/x.csv",
            "s3a://lake/_quack/x.csv",
            "gcs://lake/_quack/x.csv",
            "r2://lake/_quack/x.csv",
            " s3://lake/_quack/x.csv",
            "/tmp/quack-1/../x.csv",
            "/tmp/quack-10/x.csv",
            "x.csv",
        ] {
            for sql in [
                format!("COPY (SELECT 1 AS a) TO '{place}'"),
                format!("SELECT 1; EXPLAIN (ANALYZE) COPY t TO $${place}$$ (FORMAT csv)"),
                format!("PREPARE p (int, int) AS COPY t TO '{place}'"),
                format!("EXPORT DATABASE '{place}'"),
                format!("EXPORT DATABASE x TO '{place}'"),
            ] {
                let failure = check(&sql).expect_err(&sql);
                assert_eq!(failure.error_type, "Quack.SandboxError");
                assert!(failure.message.contains("only under s3://lake/_quack/, s3://lake/out put/"), "{failure}");
            }
        }
    }

    #[test]
    fn refuses_places_that_are_not_told_as_plain_text() {
        for sql in [
            "COPY t TO ('s3://lake/_quack/x.csv')",
            "COPY t TO getvariable('x')",
            "COPY t TO $1",
            "COPY t TO ?",
            "COPY t TO \"s3://lake/_quack/x.csv\"",
            "COPY t TO E's3://lake/_quack/\\x2e./x.csv'",
            "COPY t TO 's3://lake/_quack/x'\n'/../y.csv'",
            "COPY t TO x.y",
            "COPY t TO",
            "COPY t TO PROGRAM 'x'",
            "EXPORT DATABASE x",
            "EXPORT",
            "COPY t TO 's3://lake/_quack/x' (PARTITION_BY (a), FILENAME_PATTERN '../x')",
            "COPY t TO 's3://lake/_quack/x' (\"file_extension\" ('/../x'))",
            "COPY t TO 's3://lake/_quack/x' (FILE_EXTENSION getvariable('x'))",
        ] {
            assert_eq!(check(sql).expect_err(sql).error_type, "Quack.SandboxError", "{sql}");
        }
    }
}
