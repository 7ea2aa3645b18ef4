//! CSV, as the function for pages has it too; TSV is the same with tabs, so that it reads back as CSV does.

use std::io::Write;

use anyhow::Result;
use quack_function::csv;

use super::cells::each_row;
use crate::rows::ResultSet;

/// Writes rows with `delimiter` between values.
pub(super) fn write(result: ResultSet, delimiter: char, out: &mut dyn Write) -> Result<u64> {
    let mut header = Vec::new();
    csv::header(&mut header, result.columns.iter().map(|column| column.name.as_str()), delimiter);
    out.write_all(&header)?;
    let schema = result.schema.clone();
    each_row(result, out, |line, columns, row| {
        csv::line(line, &schema, columns, row, delimiter);
        Ok(())
    })
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
