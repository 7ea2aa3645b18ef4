//! JSON Lines: an object a row, a line an object.

use std::io::Write;

use anyhow::Result;

use super::cells::each_row;
use super::json::Objects;
use crate::rows::ResultSet;

pub(super) fn write(result: ResultSet, out: &mut dyn Write) -> Result<u64> {
    let objects = Objects::new(&result)?;
    each_row(result, out, |buffer, columns, row| {
        objects.write(buffer, columns, row);
        buffer.push(b'\n');
        Ok(())
    })
}

#[cfg(test)]
mod tests {
    use super::super::testing::{rendered, tricky};
    use crate::output::Format;

    #[test]
    fn every_line_is_an_object() {
        let text = rendered(tricky(), Format::Jsonl);
        let rows: Vec<serde_json::Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!(rows.len(), 3);
        assert_eq!(rows[2]["text"], "line\nbreak\ttab\\");
    }
}
