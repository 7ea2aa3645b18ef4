//! A table as GitHub's Markdown has it.

use std::io::Write;

use anyhow::Result;

use super::cells::{each_row, is_numeric, text_of};
use crate::rows::ResultSet;

pub(super) fn write(result: ResultSet, out: &mut dyn Write) -> Result<u64> {
    let (mut names, mut rules) = (String::new(), String::new());
    for column in &result.columns {
        names.push_str(&format!("| {} ", escaped(&column.name)));
        rules.push_str(if is_numeric(column) { "| ---: " } else { "| --- " });
    }
    writeln!(out, "{names}|\n{rules}|")?;
    let schema = result.schema.clone();
    each_row(result, out, |line, columns, row| {
        for (index, array) in columns.iter().enumerate() {
            let text = text_of(schema.field(index), array, row);
            line.extend_from_slice(b"| ");
            line.extend_from_slice(text.map_or_else(|| "NULL".to_owned(), |text| escaped(&text)).as_bytes());
            line.push(b' ');
        }
        line.extend_from_slice(b"|\n");
        Ok(())
    })
}

/// A cell ends at a pipe and at a line's end, and a backslash would protect the pipe that ends it.
fn escaped(text: &str) -> String {
    text.replace('\\', "\\\\").replace('|', "\\|").replace("\r\n", "<br>").replace(['\n', '\r'], "<br>")
}

#[cfg(test)]
mod tests {
    use super::super::testing::{rendered, tricky};
    use crate::output::Format;

    #[test]
    fn keeps_cells_apart() {
        let expected = "\
| id | text | note |
| ---: | --- | --- |
| 1 | plain | a\\|b |
| 2 | with \"quotes\", commas | NULL |
| 3 | line<br>break\ttab\\\\ |  |
";
        assert_eq!(rendered(tricky(), Format::Markdown), expected);
    }
}
