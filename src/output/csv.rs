//! CSV as RFC 4180 has it, with a header; NULL is nothing, the empty text is `""`, lines end as Unix lines do.

use std::io::Write;

use anyhow::Result;

use super::cells::{each_row, text_of};
use crate::rows::ResultSet;

pub(super) fn write(result: ResultSet, out: &mut dyn Write) -> Result<u64> {
    let mut header = Vec::new();
    for (index, column) in result.columns.iter().enumerate() {
        separate(&mut header, index);
        field(&mut header, &column.name);
    }
    header.push(b'\n');
    out.write_all(&header)?;
    let schema = result.schema.clone();
    each_row(result, out, |line, columns, row| {
        for (index, array) in columns.iter().enumerate() {
            separate(line, index);
            if let Some(text) = text_of(schema.field(index), array, row) {
                field(line, &text);
            }
        }
        line.push(b'\n');
        Ok(())
    })
}

fn separate(line: &mut Vec<u8>, index: usize) {
    if index > 0 {
        line.push(b',');
    }
}

fn field(line: &mut Vec<u8>, text: &str) {
    if !text.is_empty() && !text.contains(['"', ',', '\n', '\r']) {
        line.extend_from_slice(text.as_bytes());
        return;
    }
    line.push(b'"');
    line.extend_from_slice(text.replace('"', "\"\"").as_bytes());
    line.push(b'"');
}

#[cfg(test)]
mod tests {
    use super::super::testing::{rendered, tricky};
    use crate::output::Format;

    #[test]
    fn quotes_what_must_be_quoted() {
        let expected = "id,text,note\n1,plain,a|b\n2,\"with \"\"quotes\"\", commas\",\n3,\"line\nbreak\ttab\\\",\"\"\n";
        assert_eq!(rendered(tricky(), Format::Csv), expected);
    }
}
