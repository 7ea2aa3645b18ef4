//! CSV as RFC 4180 has it, with a header; NULL is nothing, the empty text is `""`, lines end as Unix lines do. TSV is
//! the same with tabs, so that it reads back as CSV does.

use std::io::Write;

use anyhow::Result;

use super::cells::{each_row, text_of};
use crate::rows::ResultSet;

/// Writes rows with `delimiter` between values.
pub(super) fn write(result: ResultSet, delimiter: char, out: &mut dyn Write) -> Result<u64> {
    let mut header = Vec::new();
    for (index, column) in result.columns.iter().enumerate() {
        separate(&mut header, index, delimiter);
        field(&mut header, &column.name, delimiter);
    }
    header.push(b'\n');
    out.write_all(&header)?;
    let schema = result.schema.clone();
    each_row(result, out, |line, columns, row| {
        for (index, array) in columns.iter().enumerate() {
            separate(line, index, delimiter);
            if let Some(text) = text_of(schema.field(index), array, row) {
                field(line, &text, delimiter);
            }
        }
        line.push(b'\n');
        Ok(())
    })
}

fn separate(line: &mut Vec<u8>, index: usize, delimiter: char) {
    if index > 0 {
        line.extend_from_slice(delimiter.encode_utf8(&mut [0; 4]).as_bytes());
    }
}

fn field(line: &mut Vec<u8>, text: &str, delimiter: char) {
    if !text.is_empty() && !text.contains(['"', delimiter, '\n', '\r']) {
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
        let expected =
            "id\ttext\tnote\n1\tplain\ta|b\n2\t\"with \"\"quotes\"\", commas\"\t\n3\t\"line\nbreak\ttab\\\"\t\"\"\n";
        assert_eq!(rendered(tricky(), Format::Tsv), expected);
    }
}
