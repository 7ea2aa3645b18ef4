//! Files that cannot hold a row of the answer, by their partition's values and by the least and greatest of each
//! column.
//!
//! A file is left out only where DuckDB itself says, of the query's own conditions over the file's bounds, that no row
//! can meet them. Where that cannot be told, the file stays.

use std::collections::HashSet;

use duckdb::appender_params_from_iter;
use duckdb::types::Value as DuckValue;
use serde_json::Value;

use super::ast::{self, class, items, kind};
use super::from_clause::Place;
use super::names::{BOUND_TEXTS, BOUNDS};
use super::refusal::Refusal;
use super::scratch::{Scratch, checked};
use crate::lake::catalog::{ColumnStats, DataFile, Table};

/// Indices of the files of `table` that may hold rows that meet the conditions of `place`; at least one, as a table
/// without files has no columns.
pub(super) fn files(scratch: &Scratch, table: &Table, place: &Place) -> Vec<usize> {
    let mut kept: Vec<usize> = (0..table.files.len()).collect();
    let bounds = Bounds { scratch, table, place };
    for condition in &place.conditions {
        if kept.len() < 2 {
            break;
        }
        // What cannot be worked out leaves nothing out.
        if let Ok(Some(possible)) = bounds.possible(condition) {
            kept.retain(|index| possible.contains(&(*index as u64)));
        }
    }
    if kept.is_empty() {
        kept.extend((0..table.files.len()).min_by_key(|index| table.files.get(*index).map(|file| file.bytes)));
    }
    kept
}

struct Bounds<'a> {
    scratch: &'a Scratch,
    table: &'a Table,
    place: &'a Place,
}

impl Bounds<'_> {
    /// The files for which `condition` may hold; `None` where it says nothing of bounds.
    fn possible(&self, condition: &Value) -> Result<Option<HashSet<u64>>, Refusal> {
        let mut columns = Vec::new();
        let Some(test) = self.test(condition, &mut columns)? else { return Ok(None) };
        self.fill(&columns)?;
        let test = self.scratch.template("coalesce(x, true)", &["x"], &[test])?;
        let select = ast::select(vec![ast::column("file")], ast::table(BOUNDS, ""), Some(test));
        let mut statement = self.scratch.connection().prepare(&self.scratch.print(&select)?)?;
        let files = statement.query_map([], |row| row.get(0))?.collect::<duckdb::Result<_>>()?;
        Ok(Some(files))
    }

    /// An expression over a file's bounds that is false only where no row of it meets `condition`; `None` where there
    /// is no such thing. Columns that it takes are noted in `columns`.
    fn test(&self, condition: &Value, columns: &mut Vec<usize>) -> Result<Option<Value>, Refusal> {
        if let Some(test) = self.exact(condition, columns)? {
            return Ok(Some(test));
        }
        let below = items(condition, "children");
        match (kind(condition), below) {
            ("CONJUNCTION_AND", _) => {
                let tests = below.iter().map(|below| self.test(below, columns)).collect::<Result<Vec<_>, _>>()?;
                Ok(ast::all_of(tests.into_iter().flatten().collect()))
            }
            ("CONJUNCTION_OR", _) => {
                let tests =
                    below.iter().map(|below| self.test(below, columns)).collect::<Result<Option<Vec<_>>, _>>()?;
                let either = |a: Value, b: Value| self.scratch.template("a OR b", &["a", "b"], &[a, b]);
                let Some(mut tests) = tests.map(Vec::into_iter) else { return Ok(None) };
                let Some(first) = tests.next() else { return Ok(None) };
                tests.try_fold(first, either).map(Some)
            }
            ("COMPARE_IN", [input, values @ ..]) => {
                let any = "coalesce(lo <= x AND x <= hi, true) AND nulls IS DISTINCT FROM rows";
                let mut tests = Vec::new();
                for value in values {
                    let Some(test) = self.compare(input, any, &[value], columns)? else { return Ok(None) };
                    tests.push(test);
                }
                let mut tests = tests.into_iter();
                let Some(first) = tests.next() else { return Ok(None) };
                tests.try_fold(first, |a, b| self.scratch.template("a OR b", &["a", "b"], &[a, b])).map(Some)
            }
            ("COMPARE_BETWEEN", _) => match (condition.get("input"), condition.get("lower"), condition.get("upper")) {
                (Some(input), Some(lower), Some(upper)) => {
                    let test = "coalesce(hi >= x, true) AND coalesce(lo <= y, true) AND nulls IS DISTINCT FROM rows";
                    self.compare(input, test, &[lower, upper], columns)
                }
                _ => Ok(None),
            },
            ("OPERATOR_IS_NULL", [input]) => self.compare(input, "nulls > 0", &[], columns),
            ("OPERATOR_IS_NOT_NULL", [input]) => self.compare(input, "nulls < rows", &[], columns),
            (operator, _) => match (condition.get("left"), condition.get("right")) {
                (Some(left), Some(right)) => self.comparison(operator, left, right, columns),
                _ => Ok(None),
            },
        }
    }

    /// A condition on nothing but partition values holds for all rows of a file or for none.
    fn exact(&self, condition: &Value, columns: &mut Vec<usize>) -> Result<Option<Value>, Refusal> {
        let mut test = condition.clone();
        let (mut only_partitions, mut found) = (true, Vec::new());
        ast::change(&mut test, &mut |object| {
            if class(object) == "COLUMN_REF" {
                match self.column(object).filter(|index| self.partition(*index).is_some()) {
                    Some(index) => {
                        found.push(index);
                        *object = ast::column(&format!("lo{index}"));
                    }
                    None => only_partitions = false,
                }
                return Ok(false);
            }
            Ok::<bool, Refusal>(only_partitions)
        })?;
        if !only_partitions || found.is_empty() {
            return Ok(None);
        }
        columns.extend(found);
        self.scratch.template("coalesce(x, false)", &["x"], &[test]).map(Some)
    }

    fn comparison(
        &self,
        operator: &str,
        left: &Value,
        right: &Value,
        columns: &mut Vec<usize>,
    ) -> Result<Option<Value>, Refusal> {
        // What has to hold of `column OP x`, and of `x OP column`.
        let (forwards, backwards) = match operator {
            "COMPARE_EQUAL" => ("lo <= x AND x <= hi", "lo <= x AND x <= hi"),
            "COMPARE_LESSTHAN" => ("lo < x", "x < hi"),
            "COMPARE_LESSTHANOREQUALTO" => ("lo <= x", "x <= hi"),
            "COMPARE_GREATERTHAN" => ("hi > x", "x > lo"),
            "COMPARE_GREATERTHANOREQUALTO" => ("hi >= x", "x >= lo"),
            _ => return Ok(None),
        };
        let test = |test| format!("coalesce({test}, true) AND nulls IS DISTINCT FROM rows");
        match self.compare(left, &test(forwards), &[right], columns)? {
            Some(found) => Ok(Some(found)),
            None => self.compare(right, &test(backwards), &[left], columns),
        }
    }

    /// `test` with `input`'s bounds in it, if that is a column whose bounds are known, and the others are constants
    /// that are compared to it in its own order.
    fn compare(
        &self,
        input: &Value,
        test: &str,
        constants: &[&Value],
        columns: &mut Vec<usize>,
    ) -> Result<Option<Value>, Refusal> {
        let Some(index) = self.column(input) else { return Ok(None) };
        let Some(column) = self.table.columns.get(index) else { return Ok(None) };
        for constant in constants {
            if !self.is_in_order(column, constant)? {
                return Ok(None);
            }
        }
        columns.push(index);
        let mut values = ["lo", "hi", "nulls"].map(|name| ast::column(&format!("{name}{index}"))).to_vec();
        values.push(ast::column("rows"));
        values.extend(constants.iter().map(|constant| (*constant).clone()));
        self.scratch.template(test, &["lo", "hi", "nulls", "rows", "x", "y"], &values).map(Some)
    }

    /// Whether comparing `column` with `constant` keeps the order that the column's bounds were taken in.
    fn is_in_order(&self, column: &ColumnStats, constant: &Value) -> Result<bool, Refusal> {
        let looks = |object: &Value| matches!(class(object), "COLUMN_REF" | "SUBQUERY" | "COLLATE" | "STAR");
        if ast::any(constant, &looks) {
            return Ok(false);
        }
        let described = self.scratch.describe(&ast::select(vec![constant.clone()], empty(), None))?;
        let constant_type = described.first().map(|column| column.sql_type.as_str()).unwrap_or_default();
        // Text is compared as a number with a number; times of day and zones depend on the session.
        let text = |sql_type: &str| sql_type == "VARCHAR";
        let zoned = |sql_type: &str| sql_type.contains("TIME ZONE");
        let literal_text = class(constant) == "CONSTANT" && text(constant_type);
        let fits = if text(&column.sql_type) { text(constant_type) } else { !text(constant_type) || literal_text };
        Ok(fits && !zoned(&column.sql_type) && !zoned(constant_type))
    }

    /// The table's column that `expression` is.
    fn column(&self, expression: &Value) -> Option<usize> {
        let name = match ast::column_names(expression).as_slice() {
            [name] => (*name).to_owned(),
            [table, name] if table.eq_ignore_ascii_case(&self.place.alias) => (*name).to_owned(),
            _ => return None,
        };
        self.table.columns.iter().position(|column| column.name.eq_ignore_ascii_case(&name))
    }

    /// Which of the partition's values column `index` is.
    fn partition(&self, index: usize) -> Option<usize> {
        let column = self.table.columns.get(index)?;
        let zoned = column.sql_type.contains("TIME ZONE");
        self.table.partitions.iter().position(|partition| partition.name == column.name && !zoned)
    }

    /// Makes the table of the bounds of `columns`.
    fn fill(&self, columns: &[usize]) -> Result<(), Refusal> {
        let connection = self.scratch.connection();
        let mut columns = columns.to_vec();
        columns.sort_unstable();
        columns.dedup();
        let (mut texts, mut casts) = (String::new(), String::new());
        for index in &columns {
            let Some(column) = self.table.columns.get(*index) else { continue };
            let sql_type = checked(&column.sql_type)?;
            texts.push_str(&format!(", lo{index} VARCHAR, hi{index} VARCHAR, nulls{index} UBIGINT"));
            casts.push_str(&format!(
                ", CAST(lo{index} AS {sql_type}) AS lo{index}, CAST(hi{index} AS {sql_type}) AS hi{index}, nulls{index}"
            ));
        }
        connection.execute_batch(&format!(
            "CREATE OR REPLACE TEMP TABLE {BOUND_TEXTS} (file UBIGINT, rows UBIGINT{texts});
             CREATE OR REPLACE TEMP VIEW {BOUNDS} AS SELECT file, rows{casts} FROM {BOUND_TEXTS}"
        ))?;
        let mut appender = connection.appender(BOUND_TEXTS)?;
        for (number, file) in self.table.files.iter().enumerate() {
            let mut row = vec![DuckValue::UBigInt(number as u64), DuckValue::UBigInt(file.rows)];
            row.extend(columns.iter().flat_map(|index| self.bounds_of(file, *index)));
            appender.append_row(appender_params_from_iter(row))?;
        }
        appender.flush()?;
        Ok(())
    }

    /// The least and the greatest value of a column in a file, and how many NULLs there are; NULL where not known.
    fn bounds_of(&self, file: &DataFile, index: usize) -> [DuckValue; 3] {
        let text = |value: Option<&String>| value.map_or(DuckValue::Null, |text| DuckValue::Text(text.clone()));
        let count = |count: Option<u64>| count.map_or(DuckValue::Null, DuckValue::UBigInt);
        if let Some(partition) = self.partition(index) {
            let value = file.partition.get(partition).and_then(Option::as_ref);
            let nulls = if value.is_some() { 0 } else { file.rows };
            return [text(value), text(value), count(Some(nulls))];
        }
        let stats = self.table.columns.get(index).and_then(|column| file.columns.get(&column.name));
        stats.map_or([DuckValue::Null, DuckValue::Null, DuckValue::Null], |stats| {
            [text(stats.min.as_ref()), text(stats.max.as_ref()), count(stats.nulls)]
        })
    }
}

/// No FROM clause.
fn empty() -> Value {
    serde_json::json!({ "type": "EMPTY", "alias": "", "sample": null, "query_location": 0 })
}
