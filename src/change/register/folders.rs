//! Columns that are in the names of files' folders: `day=2026-03-01/`.

use anyhow::Result;
use chrono::NaiveDate;
use percent_encoding::percent_decode_str;
use quack_function::names;
use quack_function::wire::Column;

use crate::error::failure;
use crate::lake::iceberg::folder_value;

/// The columns that the folders of files carry, outermost first; each with the narrowest type of DATE, BIGINT and VARCHAR that has
/// all of its values.
///
/// # Errors
/// Files in folders of other names than the first; names that no column of a folder may have.
pub(super) fn columns(addresses: &[String]) -> Result<Vec<Column>> {
    let Some(first) = addresses.first() else { return Ok(Vec::new()) };
    let wanted: Vec<&str> = names_of(first).collect();
    for (at, name) in wanted.iter().enumerate() {
        if !names::is_name(name) {
            return Err(failure(
                format!("the folder `{name}=...` of `{first}` has a name that no column of folders may have"),
                "a name has letters, digits and `_`, not a digit first, at most 64; `quackctl load` copies the files as they are",
            ));
        }
        if wanted[..at].iter().any(|other| other.eq_ignore_ascii_case(name)) {
            return Err(failure(
                format!("`{first}` lies in two folders `{name}=...`"),
                "give files in which each column has one folder",
            ));
        }
    }
    if let Some(other) = addresses.iter().find(|address| !names_of(address).eq(wanted.iter().copied())) {
        let said = |names: &[&str]| match names {
            [] => "no such folders".to_owned(),
            names => names.iter().map(|name| format!("{name}=")).collect::<Vec<_>>().join(", "),
        };
        let theirs: Vec<&str> = names_of(other).collect();
        return Err(failure(
            format!(
                "`{other}` lies in folders of other columns ({}) than `{first}` ({})",
                said(&theirs),
                said(&wanted)
            ),
            "register files that are partitioned alike, each set as a table",
        ));
    }
    wanted.iter().map(|name| column(name, addresses)).collect()
}

/// What the folders of a file are called before a `=`, as DuckDB takes them: of two `=`, it is no such folder.
fn names_of(address: &str) -> impl Iterator<Item = &str> {
    let folders = address.rsplit_once('/').map_or("", |(folders, _)| folders);
    let name = |folder: &'_ str| folder.split_once('=').map(|(name, value)| (name.len(), value.contains('=')));
    folders.split('/').filter_map(move |folder| match name(folder) {
        Some((len @ 1.., false)) => folder.get(..len),
        _ => None,
    })
}

fn column(name: &str, addresses: &[String]) -> Result<Column> {
    let text = Column { name: name.to_owned(), sql_type: "VARCHAR".to_owned() };
    let (mut dates, mut numbers, mut any) = (true, true, false);
    for address in addresses {
        let folder = address.split('/').find_map(|folder| folder.strip_prefix(name)?.strip_prefix('='));
        if folder.is_some_and(|value| percent_decode_str(value).decode_utf8().is_err()) {
            return Err(failure(
                format!("the folder `{name}=` of `{address}` has a value that is no UTF-8"),
                "copy the file into a folder of another name",
            ));
        }
        // An empty one is NULL of any other type.
        let Some(value) = folder_value(address, &text).filter(|value| !value.is_empty()) else { continue };
        any = true;
        dates &= is_date(&value);
        numbers &= is_number(&value);
    }
    let sql_type = match (any && dates, any && numbers) {
        (true, _) => "DATE",
        (false, true) => "BIGINT",
        (false, false) => "VARCHAR",
    };
    Ok(Column { sql_type: sql_type.to_owned(), ..text })
}

fn is_date(text: &str) -> bool {
    text.len() == 10 && NaiveDate::parse_from_str(text, "%Y-%m-%d").is_ok_and(|date| date.to_string() == text)
}

fn is_number(text: &str) -> bool {
    let digits = text.strip_prefix('-').unwrap_or(text);
    !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit()) && text.parse::<i64>().is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(addresses: &[&str]) -> Result<Vec<(String, String)>, String> {
        let addresses: Vec<String> = addresses.iter().map(|address| format!("s3://b/{address}")).collect();
        let columns = columns(&addresses).map_err(|error| error.to_string())?;
        Ok(columns.into_iter().map(|column| (column.name, column.sql_type)).collect())
    }

    #[test]
    fn types_are_those_of_all_values() {
        for (values, sql_type) in [
            (["2026-03-01", "__HIVE_DEFAULT_PARTITION__"].as_slice(), "DATE"),
            (&["2026-03-01", "2026-02-30"], "VARCHAR"),
            (&["01", "-12", "NULL", ""], "BIGINT"),
            (&["01", "9223372036854775808"], "VARCHAR"),
            (&["+1"], "VARCHAR"),
            (&["a%2Fb"], "VARCHAR"),
            (&["NULL", "", "__HIVE_DEFAULT_PARTITION__"], "VARCHAR"),
        ] {
            let files: Vec<String> = values.iter().map(|value| format!("k={value}/x.parquet")).collect();
            let files: Vec<&str> = files.iter().map(String::as_str).collect();
            assert_eq!(told(&files).unwrap(), [("k".to_owned(), sql_type.to_owned())], "{values:?}");
        }
    }

    #[test]
    fn folders_are_taken_as_duckdb_does() {
        assert_eq!(told(&["x.parquet", "a=1=2/=3/k=v.parquet"]).unwrap(), []);
        let two = told(&["y=1/m=a/x.parquet"]).unwrap();
        assert_eq!(two, [("y".into(), "BIGINT".into()), ("m".into(), "VARCHAR".into())]);
        for (files, what) in [
            (
                ["y=1/x.parquet", "x.parquet"].as_slice(),
                "`s3://b/x.parquet` lies in folders of other columns (no such folders)",
            ),
            (&["y=1/m=2/x.parquet", "m=2/y=1/x.parquet"], "(m=, y=) than"),
            (&["my-key=1/x.parquet"], "the folder `my-key=...`"),
            (&["my.key=1/x.parquet"], "the folder `my.key=...`"),
            (&["k=1/K=1/x.parquet"], "two folders `K=...`"),
            (&["k=%ff/x.parquet"], "no UTF-8"),
        ] {
            let error = told(files).unwrap_err();
            assert!(error.contains(what), "{error}");
        }
    }
}
