//! A value a line, `name = value`, and an empty line between rows: for rows of many columns.

use std::io::Write;

use anyhow::Result;
use unicode_width::UnicodeWidthStr as _;

use super::cells::{each_row, text_of};
use crate::rows::ResultSet;
use crate::terminal::line;

pub(super) fn write(result: ResultSet, out: &mut dyn Write) -> Result<u64> {
    let names: Vec<String> = result.columns.iter().map(|column| line(&column.name).into_owned()).collect();
    let width = names.iter().map(|name| name.width()).max().unwrap_or(0);
    let schema = result.schema.clone();
    let mut first = true;
    each_row(result, out, |buffer, columns, row| {
        if !std::mem::take(&mut first) {
            buffer.push(b'\n');
        }
        for (index, (name, array)) in names.iter().zip(columns).enumerate() {
            let padding = " ".repeat(width - name.width());
            let text = text_of(schema.field(index), array, row);
            let text = text.as_deref().map_or("NULL".into(), line);
            writeln!(buffer, "{padding}{name} = {text}")?;
        }
        Ok(())
    })
}

#[cfg(test)]
mod tests {
    use super::super::testing::{rendered, tricky};
    use crate::output::Format;

    #[test]
    fn rows_stand_apart_and_values_on_a_line_each() {
        let text = rendered(tricky(), Format::Line);
        assert!(text.starts_with("  id = 1\ntext = plain\nnote = a|b\n\n  id = 2\n"), "{text}");
        assert!(text.ends_with("  id = 3\ntext = line\\nbreak\\ttab\\\nnote = \n"), "{text}");
    }
}
