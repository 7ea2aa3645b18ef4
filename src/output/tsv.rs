//! Tab-separated values as PostgreSQL's COPY writes them: `\t`, `\n`, `\r` and `\\` escaped, NULL is `\N`.

use std::io::Write;

use anyhow::Result;

use super::cells::{each_row, text_of};
use crate::rows::ResultSet;

pub(super) fn write(result: ResultSet, out: &mut dyn Write) -> Result<u64> {
    let names: Vec<String> = result.columns.iter().map(|column| escaped(&column.name)).collect();
    writeln!(out, "{}", names.join("\t"))?;
    let schema = result.schema.clone();
    each_row(result, out, |line, columns, row| {
        for (index, array) in columns.iter().enumerate() {
            if index > 0 {
                line.push(b'\t');
            }
            let text = text_of(schema.field(index), array, row);
            line.extend_from_slice(text.map_or_else(|| "\\N".to_owned(), |text| escaped(&text)).as_bytes());
        }
        line.push(b'\n');
        Ok(())
    })
}

fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\t' => out.push_str("\\t"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\\' => out.push_str("\\\\"),
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::super::testing::{rendered, tricky};
    use crate::output::Format;

    #[test]
    fn keeps_a_row_on_a_line() {
        let expected = "id\ttext\tnote\n1\tplain\ta|b\n2\twith \"quotes\", commas\t\\N\n3\tline\\nbreak\\ttab\\\\\t\n";
        assert_eq!(rendered(tricky(), Format::Tsv), expected);
    }
}
