//! Answers side by side: equal, or where they differ.

use std::cmp::Ordering;

use arrow::array::{Array, AsArray as _, RecordBatch};
use arrow::datatypes::{DataType, Field, Float32Type, Float64Type};

use crate::output::text_of;
use crate::rows::counted;

/// How far apart floating-point numbers may be, relative to the larger: sums depend on the order of what is added.
const TOLERANCE: f64 = 1e-9;

/// One value.
#[derive(Debug, Clone, PartialEq)]
enum Cell {
    /// As it is shown; `None` is NULL.
    Text(Option<String>),
    Float(f64),
}

/// An answer's rows in an order of their own: DuckDB gives rows without ORDER BY, and those that ORDER BY holds equal, in
/// any order.
#[derive(Debug)]
pub(super) struct Rows(Vec<Vec<Cell>>);

impl Rows {
    pub(super) fn of(batches: &[RecordBatch]) -> Self {
        let mut rows: Vec<Vec<Cell>> = Vec::new();
        for batch in batches {
            let schema = batch.schema();
            let columns = || schema.fields().iter().zip(batch.columns());
            rows.extend(
                (0..batch.num_rows()).map(|row| columns().map(|(field, array)| cell(field, array, row)).collect()),
            );
        }
        rows.sort_by(|a, b| order(a, b));
        Self(rows)
    }

    /// In words, where `other` differs from this; nothing when they are equal.
    pub(super) fn difference(&self, other: &Self) -> Option<String> {
        if self.0.len() != other.0.len() {
            return Some(format!("{} instead of {}", counted(other.0.len() as u64), self.0.len()));
        }
        let pairs = self.0.iter().zip(&other.0);
        let (expected, found) = pairs.into_iter().find(|(a, b)| !same_row(a, b))?;
        Some(format!("the row {} instead of {}", shown(found), shown(expected)))
    }
}

fn cell(field: &Field, array: &dyn Array, row: usize) -> Cell {
    match array.data_type() {
        DataType::Float64 if array.is_valid(row) => Cell::Float(array.as_primitive::<Float64Type>().value(row)),
        DataType::Float32 if array.is_valid(row) => Cell::Float(array.as_primitive::<Float32Type>().value(row).into()),
        _ => Cell::Text(text_of(field, array, row)),
    }
}

/// First by everything that is exact, so that numbers which are nearly equal come to stand side by side.
fn order(a: &[Cell], b: &[Cell]) -> Ordering {
    let exact = |(a, b): (&Cell, &Cell)| match (a, b) {
        (Cell::Text(a), Cell::Text(b)) => a.cmp(b),
        (Cell::Float(_), Cell::Float(_)) => Ordering::Equal,
        (Cell::Text(_), Cell::Float(_)) => Ordering::Less,
        (Cell::Float(_), Cell::Text(_)) => Ordering::Greater,
    };
    let floats = |(a, b): (&Cell, &Cell)| match (a, b) {
        (Cell::Float(a), Cell::Float(b)) => a.total_cmp(b),
        _ => Ordering::Equal,
    };
    let pairs = || a.iter().zip(b);
    let found = pairs().map(exact).chain(pairs().map(floats)).find(|order| order.is_ne());
    found.unwrap_or(Ordering::Equal)
}

fn same_row(a: &[Cell], b: &[Cell]) -> bool {
    a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b))
}

fn same(a: &Cell, b: &Cell) -> bool {
    match (a, b) {
        (Cell::Float(a), Cell::Float(b)) => {
            let near = (a - b).abs() <= TOLERANCE * a.abs().max(b.abs());
            a.total_cmp(b).is_eq() || a == b || (near && a.is_finite() && b.is_finite())
        }
        _ => a == b,
    }
}

fn shown(row: &[Cell]) -> String {
    let cells = row.iter().map(|cell| match cell {
        Cell::Text(text) => text.clone().unwrap_or_else(|| "NULL".to_owned()),
        Cell::Float(number) => number.to_string(),
    });
    format!("({})", cells.collect::<Vec<_>>().join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(sql: &str) -> Rows {
        let connection = duckdb::Connection::open_in_memory().unwrap();
        let mut statement = connection.prepare(sql).unwrap();
        Rows::of(&statement.query_arrow([]).unwrap().collect::<Vec<_>>())
    }

    fn difference(a: &str, b: &str) -> Option<String> {
        rows(a).difference(&rows(b))
    }

    #[test]
    fn order_and_the_last_digits_of_sums_do_not_count() {
        let (a, b) = ("FROM (VALUES (1, 0.3e0), (2, NULL))", "FROM (VALUES (2, NULL), (1, 0.1e0 + 0.2e0))");
        assert_eq!(difference(a, b), None);
        assert_eq!(difference("SELECT 'nan'::DOUBLE, 'inf'::FLOAT", "SELECT 'nan'::DOUBLE, 'inf'::FLOAT"), None);
        assert_eq!(difference("SELECT 0.0e0", "SELECT -0.0e0"), None);
    }

    #[test]
    fn everything_else_counts() {
        let said = difference("FROM (VALUES (1, 'a'), (2, 'b'))", "FROM (VALUES (1, 'a'), (2, 'c'))").unwrap();
        assert_eq!(said, "the row (2, c) instead of (2, b)");
        assert_eq!(difference("SELECT 1", "FROM range(2)").unwrap(), "2 rows instead of 1");
        assert!(difference("SELECT 1e0", "SELECT 1.00000001e0").is_some());
        assert!(difference("SELECT 'inf'::DOUBLE", "SELECT 1e0").is_some());
        assert!(difference("SELECT NULL::VARCHAR", "SELECT ''").is_some());
        assert!(difference("SELECT 9007199254740993", "SELECT 9007199254740992").is_some());
    }
}
