//! JSON: an array of objects, one row a line.

use std::io::Write;

use anyhow::Result;
use arrow::array::ArrayRef;
use arrow::datatypes::SchemaRef;
use quack_function::value::write_json;

use super::cells::each_row;
use super::look::Look;
use crate::rows::ResultSet;
use crate::terminal::Shown;

pub(super) fn write(result: ResultSet, out: &mut dyn Write) -> Result<u64> {
    let rows = write_array(result, out)?;
    out.write_all(b"\n")?;
    Ok(rows)
}

/// Writes `{"rows": [...], "metadata": ...}`: what is known of the rows once they have gone by.
///
/// # Errors
/// Those of the rows and of `out`.
pub(crate) fn write_with_metadata<M: serde::Serialize>(
    result: ResultSet,
    metadata: impl FnOnce() -> M,
    look: Look,
    out: &mut dyn Write,
) -> Result<u64> {
    let out: &mut dyn Write = if look.terminal { &mut Shown::new(out) } else { out };
    out.write_all(b"{\"rows\":")?;
    let rows = write_array(result, out)?;
    writeln!(out, ",\"metadata\":{}}}", serde_json::to_string(&metadata())?)?;
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
pub(super) struct Objects {
    schema: SchemaRef,
    keys: Vec<Vec<u8>>,
}

impl Objects {
    pub(super) fn new(result: &ResultSet) -> Result<Self> {
        // The function has made the names differ, or readers would keep only the last of two.
        let keys = result.columns.iter().map(|column| serde_json::to_vec(&column.name)).collect::<Result<_, _>>()?;
        Ok(Self { schema: result.schema.clone(), keys })
    }

    pub(super) fn write(&self, buffer: &mut Vec<u8>, columns: &[ArrayRef], row: usize) {
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

#[cfg(test)]
mod tests {
    use super::super::testing::{empty, rendered, tricky};
    use super::*;
    use crate::output::Format;

    #[test]
    fn one_row_a_line_with_every_column() {
        let text = rendered(tricky(), Format::Json);
        let rows: Vec<serde_json::Value> = serde_json::from_str(&text).unwrap();
        assert_eq!(rows[1], serde_json::json!({"id": 2, "text": "with \"quotes\", commas", "note": null}));
        assert_eq!(text.lines().count(), rows.len() + 2);
    }

    #[test]
    fn no_rows_are_an_empty_array() {
        assert_eq!(rendered(empty(), Format::Json), "[]\n");
    }

    #[test]
    fn metadata_come_after_the_rows() {
        let mut out = Vec::new();
        write_with_metadata(tricky(), || serde_json::json!({"k": 1}), Look::default(), &mut out).unwrap();
        let value: serde_json::Value = serde_json::from_slice(&out).unwrap();
        assert_eq!(value["metadata"]["k"], 1);
        assert_eq!(value["rows"].as_array().unwrap().len(), 3);
    }
}
