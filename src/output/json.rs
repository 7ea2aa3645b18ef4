//! JSON: an array of objects, one row a line.

use std::collections::HashSet;
use std::io::Write;

use anyhow::Result;
use arrow::array::ArrayRef;
use arrow::datatypes::SchemaRef;
use quack_function::value::write_json;
use quack_function::wire::Column;

use super::each_row;
use crate::query::ResultSet;

pub fn write(result: ResultSet, out: &mut dyn Write) -> Result<u64> {
    let rows = write_array(result, out)?;
    out.write_all(b"\n")?;
    Ok(rows)
}

/// Writes `{"metadata": ..., "rows": [...]}`.
///
/// # Errors
/// Those of the rows and of `out`.
pub fn write_with_metadata(result: ResultSet, metadata: &impl serde::Serialize, out: &mut dyn Write) -> Result<u64> {
    write!(out, "{{\"metadata\":{},\"rows\":", serde_json::to_string(metadata)?)?;
    let rows = write_array(result, out)?;
    out.write_all(b"}\n")?;
    Ok(rows)
}

fn write_array(result: ResultSet, out: &mut dyn Write) -> Result<u64> {
    let objects = Objects::new(&result)?;
    out.write_all(b"[")?;
    let mut first = true;
    let rows = each_row(result, out, |buffer, columns, row| {
        buffer.extend_from_slice(if first { b"\n" } else { b",\n" });
        first = false;
        objects.write(buffer, columns, row);
        Ok(())
    })?;
    out.write_all(if rows > 0 { b"\n]" } else { b"]" })?;
    Ok(rows)
}

/// Rows as objects, with their keys encoded once.
pub struct Objects {
    schema: SchemaRef,
    keys: Vec<Vec<u8>>,
}

impl Objects {
    pub fn new(result: &ResultSet) -> Result<Self> {
        let names = unique_names(&result.columns);
        let keys = names.iter().map(serde_json::to_vec).collect::<Result<_, _>>()?;
        Ok(Self { schema: result.schema.clone(), keys })
    }

    pub fn write(&self, buffer: &mut Vec<u8>, columns: &[ArrayRef], row: usize) {
        buffer.push(b'{');
        for (index, (key, array)) in self.keys.iter().zip(columns).enumerate() {
            if index > 0 {
                buffer.push(b',');
            }
            buffer.extend_from_slice(key);
            buffer.push(b':');
            write_json(buffer, self.schema.field(index), array, row);
        }
        buffer.push(b'}');
    }
}

/// An object's keys must differ, or readers keep only the last: a second `a` becomes `a_1`, as in DuckDB's subqueries.
fn unique_names(columns: &[Column]) -> Vec<String> {
    let given: HashSet<&str> = columns.iter().map(|column| column.name.as_str()).collect();
    let mut taken = HashSet::new();
    columns
        .iter()
        .map(|column| {
            let mut name = column.name.clone();
            for number in 1.. {
                if taken.insert(name.clone()) {
                    break;
                }
                name = format!("{}_{number}", column.name);
                if given.contains(name.as_str()) {
                    name.clone_from(&column.name);
                }
            }
            name
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::super::testing::{empty, rendered, tricky};
    use super::*;
    use crate::cli::Format;

    #[test]
    fn one_row_a_line_with_every_column() {
        let text = rendered(tricky(), Format::Json);
        let rows: Vec<serde_json::Value> = serde_json::from_str(&text).unwrap();
        assert_eq!(rows[1], serde_json::json!({"id": 2, "text": "with \"quotes\", commas", "text_1": null}));
        assert_eq!(text.lines().count(), rows.len() + 2);
    }

    #[test]
    fn no_rows_are_an_empty_array() {
        assert_eq!(rendered(empty(), Format::Json), "[]\n");
    }

    #[test]
    fn second_names_avoid_given_ones() {
        let column = |name: &str| Column { name: name.to_owned(), sql_type: "INTEGER".to_owned() };
        let columns = ["a", "a", "a_1", "a"].map(column);
        assert_eq!(unique_names(&columns), ["a", "a_2", "a_1", "a_3"]);
    }

    #[test]
    fn metadata_come_before_the_rows() {
        let mut out = Vec::new();
        write_with_metadata(tricky(), &serde_json::json!({"k": 1}), &mut out).unwrap();
        let value: serde_json::Value = serde_json::from_slice(&out).unwrap();
        assert_eq!(value["metadata"]["k"], 1);
        assert_eq!(value["rows"].as_array().unwrap().len(), 3);
    }
}
