//! The columns of a table that is made of files which somebody else wrote.

use std::collections::BTreeMap;

use anyhow::Result;
use quack_function::names;
use quack_function::wire::Column;

use super::footers::Footer;
use crate::duck::types;
use crate::error::failure;
use crate::lake::iceberg::shapes::Held;
use crate::lake::reshape::grows;

/// Most shapes of files of one table.
const MOST: usize = 500;

/// The columns of a table.
pub(super) struct Columns {
    pub own: Vec<Column>,
    /// Columns of files that have not all of them, or have them of narrower types, in the table's order.
    pub shapes: Vec<Vec<Held>>,
    /// By the shape of a footer, its place among these; nothing for files that have just the table's columns.
    pub places: BTreeMap<String, Option<i32>>,
}

/// A column, and the first file that has it.
struct Known<'a> {
    column: Column,
    file: &'a str,
}

/// Puts the columns of all files together.
///
/// # Errors
/// Columns that are none for a table; types of one column that no type has both of; names that differ in their case alone.
pub(super) fn of(footers: &[Footer], shapes_of: &BTreeMap<String, Vec<Column>>) -> Result<Columns> {
    let mut known: Vec<Known<'_>> = Vec::new();
    let mut seen: BTreeMap<&str, &[Column]> = BTreeMap::new();
    for footer in footers {
        if seen.contains_key(footer.shape.as_str()) {
            continue;
        }
        let columns = shapes_of.get(&footer.shape).map(Vec::as_slice).unwrap_or_default();
        seen.insert(&footer.shape, columns);
        add(&mut known, columns, &footer.file)?;
    }
    let own: Vec<Column> = known.into_iter().map(|known| known.column).collect();
    let mut shapes: Vec<Vec<Held>> = Vec::new();
    let mut places = BTreeMap::new();
    for (shape, columns) in seen {
        let ordered = own.iter().filter_map(|own| columns.iter().find(|column| column.name == own.name));
        let ordered: Vec<Column> = ordered.cloned().collect();
        let held = |column: Column| Held { of: Some(column.name.clone()), column, nested: None };
        let place = (ordered != own).then(|| place(&mut shapes, ordered.into_iter().map(held).collect()));
        places.insert(shape.to_owned(), place.transpose()?);
    }
    Ok(Columns { own, shapes, places })
}

/// The place of a shape among `shapes`, where it is from now on.
///
/// # Errors
/// They are too many.
pub(super) fn place(shapes: &mut Vec<Vec<Held>>, shape: Vec<Held>) -> Result<i32> {
    let place = shapes.iter().position(|known| *known == shape).unwrap_or_else(|| {
        shapes.push(shape);
        shapes.len() - 1
    });
    match shapes.len() {
        0..=MOST => Ok(i32::try_from(place)?),
        _ => Err(failure(
            format!("the files have columns in more than {MOST} different ways"),
            "register files that have the same columns, each set as a table",
        )),
    }
}

fn add<'a>(known: &mut Vec<Known<'a>>, columns: &[Column], file: &'a str) -> Result<()> {
    let cannot = |what: String| {
        failure(format!("`{file}`: {what}"), "`quackctl load` takes files that a table cannot have as they are")
    };
    for (at, Column { name, sql_type }) in columns.iter().enumerate() {
        names::check_column(name).map_err(cannot)?;
        types::parse(sql_type)
            .map_err(|_| cannot(format!("the column `{name}` has the type {sql_type}, which no table has")))?;
        if columns[..at].iter().any(|other| other.name.eq_ignore_ascii_case(name)) {
            return Err(cannot(format!("it has two columns `{name}`")));
        }
        let Some(other) = known.iter_mut().find(|known| known.column.name.to_lowercase() == name.to_lowercase()) else {
            known.push(Known { column: Column { name: name.clone(), sql_type: sql_type.clone() }, file });
            continue;
        };
        if other.column.name != *name {
            return Err(cannot(format!(
                "it has a column `{name}`, and `{}` has `{}`: other readers tell upper case from lower",
                other.file, other.column.name
            )));
        }
        let both = wider(&other.column.sql_type, sql_type).ok_or_else(|| {
            cannot(format!(
                "its column `{name}` is {sql_type}, that of `{}` is {}: no column has both",
                other.file, other.column.sql_type
            ))
        })?;
        other.column.sql_type = both;
    }
    Ok(())
}

/// The greatest number of a column that is taken.
const MOST_NUMBER: i64 = 1 << 24;

/// The numbers that files have for their columns, by name; of files without numbers, none. Nothing, where they do not agree, or where
/// what is within columns has numbers, too.
pub(super) fn numbers(footers: &[Footer]) -> Option<BTreeMap<String, i32>> {
    let mut numbers: BTreeMap<String, i32> = BTreeMap::new();
    let mut names: BTreeMap<i32, &str> = BTreeMap::new();
    for footer in footers {
        let told: Vec<(&str, i64)> =
            footer.columns.iter().filter_map(|told| Some((told.name.as_str(), told.id?))).collect();
        if told.len() != footer.numbered || footer.numbered > 0 && told.len() != footer.columns.len() {
            return None;
        }
        for (name, id) in told {
            let id = i32::try_from(id).ok().filter(|id| (1..=MOST_NUMBER).contains(&i64::from(*id)))?;
            if *names.entry(id).or_insert(name) != name || *numbers.entry(name.to_owned()).or_insert(id) != id {
                return None;
            }
        }
    }
    Some(numbers)
}

/// The type that has all values of both, and that files of either can be read as while they stay as they are.
fn wider(one: &str, other: &str) -> Option<String> {
    const WIDE: &str = "BIGINT";
    let fits = |to: &str| [one, other].iter().all(|from| *from == to || grows(from, to));
    [one, other, WIDE].into_iter().find(|to| fits(to)).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn numbers_are_taken_where_files_agree() {
        let footer = |columns: &[(&str, Option<i64>)], numbered| {
            let told = |(name, id): &(&str, Option<i64>)| json!({"name": name, "id": id});
            let columns: Vec<_> = columns.iter().map(told).collect();
            let footer = json!({"file": "f", "rows": 1, "shape": "x", "numbered": numbered, "columns": columns});
            serde_json::from_value::<Footer>(footer).unwrap()
        };
        let (a, ab) = (footer(&[("a", Some(7))], 1), footer(&[("b", Some(2)), ("a", Some(7))], 2));
        let plain = footer(&[("a", None), ("c", None)], 0);
        let wanted = BTreeMap::from([("a".to_owned(), 7), ("b".to_owned(), 2)]);
        assert_eq!(numbers(&[a.clone(), plain.clone(), ab]), Some(wanted));
        assert_eq!(numbers(&[plain]), Some(BTreeMap::new()));
        for other in [
            footer(&[("a", Some(8))], 1),
            footer(&[("b", Some(7))], 1),
            footer(&[("a", Some(7)), ("b", None)], 1),
            footer(&[("a", Some(7))], 3),
            footer(&[("b", Some(0))], 1),
            footer(&[("b", Some(i64::MAX))], 1),
        ] {
            assert_eq!(numbers(&[a.clone(), other]), None);
        }
    }

    #[test]
    fn types_are_widened_where_files_can_stay() {
        for (one, other, both) in [
            ("INTEGER", "BIGINT", Some("BIGINT")),
            ("SMALLINT", "INTEGER", Some("BIGINT")),
            ("DOUBLE", "FLOAT", Some("DOUBLE")),
            ("DECIMAL(9,2)", "DECIMAL(18,2)", Some("DECIMAL(18,2)")),
            ("DECIMAL(9,2)", "DECIMAL(18,3)", None),
            ("VARCHAR", "JSON", None),
            ("INTEGER", "DOUBLE", None),
            ("UBIGINT", "BIGINT", None),
            ("INTEGER[]", "BIGINT[]", None),
            ("DATE", "DATE", Some("DATE")),
        ] {
            assert_eq!(wider(one, other).as_deref(), both, "{one} {other}");
            assert_eq!(wider(other, one).as_deref(), both, "{other} {one}");
        }
    }
}
