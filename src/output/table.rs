//! The table that people read: boxed, numbers to the right, fitted to the terminal.

use std::io::Write;

use anyhow::Result;
use unicode_width::{UnicodeWidthChar as _, UnicodeWidthStr as _};

use super::cells::{is_numeric, text_of};
use super::look::Look;
use crate::rows::ResultSet;
use crate::terminal::line;

/// Rows that are looked at before the widths are settled. Later ones are held to them, so that memory stays bounded.
const SAMPLE_ROWS: usize = 1000;
/// Columns are cut to no less than this as long as leaving out some of them helps as well.
const READABLE: usize = 20;
/// A type's name (`STRUCT(...)`) does not widen its column beyond this.
const WIDEST_TYPE: usize = 24;
const DIM: &str = "\x1b[2m";
const PLAIN: &str = "\x1b[0m";

/// The cells of a row; `None` is NULL.
type Row = Vec<Option<String>>;

pub(super) fn write(result: ResultSet, look: Look, out: &mut dyn Write) -> Result<u64> {
    let names: Vec<String> = result.columns.iter().map(|column| line(&column.name).into_owned()).collect();
    let types: Vec<String> =
        result.columns.iter().map(|column| cut(&line(&column.sql_type.to_lowercase()), WIDEST_TYPE)).collect();
    let numeric: Vec<bool> = result.columns.iter().map(is_numeric).collect();
    let mut rows = rows(result);
    let sample = rows.by_ref().take(SAMPLE_ROWS).collect::<Result<Vec<Row>>>()?;

    let mut widths: Vec<usize> = names.iter().zip(&types).map(|(name, kind)| name.width().max(kind.width())).collect();
    for row in &sample {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.as_ref().map_or(NULL.len(), |cell| cell.width()));
        }
    }
    let frame = Frame::new(widths, numeric, look);
    let header = |texts: &[String]| texts.iter().cloned().map(Some).collect::<Row>();
    frame.rule(out, ['┌', '┬', '┐'])?;
    frame.line(out, &header(&names), false)?;
    frame.line(out, &header(&types), true)?;
    frame.rule(out, ['├', '┼', '┤'])?;
    let mut count = 0;
    for row in sample.into_iter().map(Ok).chain(rows) {
        frame.line(out, &row?, false)?;
        count += 1;
    }
    frame.rule(out, ['└', '┴', '┘'])?;
    let (all, shown) = (frame.widths.len(), frame.shown.len());
    if shown < all {
        let line = if look.shell { ".mode line" } else { "--format line" };
        let (note, advice) =
            (format!("{all} columns, {shown} of them shown"), format!("DESCRIBE lists all, and {line} shows them"));
        // A note that says half of what it should is none.
        let fits = look.width.is_none_or(|width| note.width() + advice.width() + 2 <= width);
        writeln!(out, "{note};{}{advice}", if fits { ' ' } else { '\n' })?;
    }
    Ok(count)
}

const NULL: &str = "NULL";

fn rows(result: ResultSet) -> impl Iterator<Item = Result<Row>> {
    let schema = result.schema;
    result.batches.flat_map(move |batch| {
        let (schema, rows) = (schema.clone(), batch.as_ref().map_or(1, |batch| batch.num_rows()));
        let mut batch = Some(batch);
        let mut kept = None;
        (0..rows).map(move |row| {
            if let Some(batch) = batch.take() {
                kept = Some(batch?);
            }
            let columns = kept.iter().flat_map(|batch| batch.columns());
            Ok(columns
                .enumerate()
                .map(|(index, array)| text_of(schema.field(index), array, row).map(|text| line(&text).into_owned()))
                .collect())
        })
    })
}

/// At most `width` terminal columns of `text`, the last one an ellipsis when something was cut.
pub(crate) fn cut(text: &str, width: usize) -> String {
    if text.width() <= width {
        return text.to_owned();
    }
    let mut used = 0;
    let mut kept: String = text
        .chars()
        .take_while(|c| {
            used += c.width().unwrap_or(0);
            used < width
        })
        .collect();
    kept.push('…');
    kept
}

/// Where the cells go.
struct Frame {
    widths: Vec<usize>,
    numeric: Vec<bool>,
    /// Columns that are shown; a gap in their numbers is shown as an ellipsis.
    shown: Vec<usize>,
    look: Look,
}

impl Frame {
    fn new(mut widths: Vec<usize>, numeric: Vec<bool>, look: Look) -> Self {
        let mut shown: Vec<usize> = (0..widths.len()).collect();
        if let Some(room) = look.width {
            let mut cap = widths.iter().copied().max().unwrap_or(0);
            let needed = |shown: &[usize], cap: usize| {
                let gap = if shown.len() < widths.len() { ELLIPSIS } else { 0 };
                shown.iter().map(|column| widths[*column].min(cap) + 3).sum::<usize>() + 1 + gap
            };
            while needed(&shown, cap) > room && cap > 1 {
                if cap > READABLE || shown.len() <= 2 {
                    cap -= 1;
                } else {
                    // Those in the middle go first: the first and the last columns tell most.
                    shown.remove(shown.len() / 2);
                }
            }
            widths.iter_mut().for_each(|width| *width = (*width).min(cap));
        }
        Self { widths, numeric, shown, look }
    }

    /// Calls `cell` for each shown column and `gap` where some are left out, with a separator between them.
    fn cells(&self, line: &mut String, separator: &str, gap: &str, mut cell: impl FnMut(&mut String, usize)) {
        let mut expected = 0;
        for (position, column) in self.shown.iter().copied().enumerate() {
            if position > 0 {
                line.push_str(separator);
            }
            if column != expected {
                line.push_str(gap);
                line.push_str(separator);
            }
            cell(line, column);
            expected = column + 1;
        }
        if expected < self.widths.len() {
            line.push_str(separator);
            line.push_str(gap);
        }
    }

    fn rule(&self, out: &mut dyn Write, [left, middle, right]: [char; 3]) -> Result<()> {
        let mut line = String::from(left);
        self.cells(&mut line, &middle.to_string(), "───", |line, column| {
            line.push_str(&"─".repeat(self.widths[column] + 2));
        });
        line.push(right);
        Ok(writeln!(out, "{line}")?)
    }

    fn line(&self, out: &mut dyn Write, row: &Row, dim: bool) -> Result<()> {
        let mut line = String::from("│");
        self.cells(&mut line, "│", " … ", |line, column| {
            let value = row[column].as_deref();
            let width = self.widths[column];
            // Off a terminal nothing is cut: better a crooked line than half a value.
            let text = match (value, self.look.width) {
                (Some(value), Some(_)) => cut(value, width),
                (value, _) => value.unwrap_or(NULL).to_owned(),
            };
            let padding = " ".repeat(width.saturating_sub(text.width()));
            let (dim, plain) = if self.look.color && (dim || value.is_none()) { (DIM, PLAIN) } else { ("", "") };
            match self.numeric[column] {
                true => line.push_str(&format!(" {padding}{dim}{text}{plain} ")),
                false => line.push_str(&format!(" {dim}{text}{plain}{padding} ")),
            }
        });
        line.push('│');
        Ok(writeln!(out, "{line}")?)
    }
}

/// Terminal columns of the gap that stands for columns left out.
const ELLIPSIS: usize = 4;

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{Int32Array, StringArray};

    use super::super::testing::{empty, rendered, rendered_with, result, tricky};
    use super::*;
    use crate::output::Format;

    #[test]
    fn boxes_and_aligns() {
        let expected = "\
┌─────────┬───────────────────────┬─────────┐
│      id │ text                  │ note    │
│ integer │ varchar               │ varchar │
├─────────┼───────────────────────┼─────────┤
│       1 │ plain                 │ a|b     │
│       2 │ with \"quotes\", commas │ NULL    │
│       3 │ line\\nbreak\\ttab\\     │         │
└─────────┴───────────────────────┴─────────┘
";
        assert_eq!(rendered(tricky(), Format::Table), expected);
    }

    #[test]
    fn no_rows_still_show_the_columns() {
        assert_eq!(rendered(empty(), Format::Table).lines().count(), 5);
    }

    #[test]
    fn never_wider_than_the_terminal() {
        for width in [20, 40, 44, 45, 46, 47, 80] {
            let look = Look { width: Some(width), ..Look::default() };
            let text = rendered_with(tricky(), Format::Table, look);
            // The note is text, which a terminal may break.
            let drawn = text.lines().filter(|line| line.starts_with(['┌', '│', '├', '└']));
            let widest = drawn.map(|line| line.width()).max().unwrap();
            assert!(widest <= width, "{widest} > {width}:\n{text}");
        }
        let columns = (0..30)
            .map(|_| ("some_long_name", "INTEGER", Arc::new(Int32Array::from(vec![1])) as arrow::array::ArrayRef));
        let wide = || result(columns.clone().collect());
        let text = rendered_with(wide(), Format::Table, Look { width: Some(80), ..Look::default() });
        assert!(text.lines().all(|line| line.width() <= 80) && text.contains(" … "), "{text}");
        let shown = text.lines().nth(1).unwrap().matches("some").count();
        assert!(
            text.lines().last().unwrap().starts_with(&format!("30 columns, {shown} of them shown; DESCRIBE")),
            "{text}"
        );
        let narrow = Look { width: Some(40), shell: true, ..Look::default() };
        let text = rendered_with(wide(), Format::Table, narrow);
        assert!(text.ends_with(" of them shown;\nDESCRIBE lists all, and .mode line shows them\n"), "{text}");
    }

    #[test]
    fn wide_characters_take_two_columns() {
        let texts = Arc::new(StringArray::from(vec!["東京", "a"]));
        let text = rendered(result(vec![("city", "VARCHAR", texts)]), Format::Table);
        let widths: Vec<usize> = text.lines().map(|line| line.width()).collect();
        assert!(widths.iter().all(|width| *width == widths[0]), "{text}");
        assert_eq!(cut("東京都", 5), "東京…");
    }

    #[test]
    fn data_cannot_drive_the_terminal() {
        let texts = Arc::new(StringArray::from(vec!["\u{1b}[31mred"]));
        let look = Look { color: true, ..Look::default() };
        let text = rendered_with(result(vec![("c", "VARCHAR", texts)]), Format::Table, look);
        assert!(text.contains("\\u{1b}[31mred") && !text.contains("\x1b[31m"), "{text}");
    }

    #[test]
    fn rows_after_the_sample_are_written_whole() {
        let mut values: Vec<String> = (0..SAMPLE_ROWS).map(|n| n.to_string()).collect();
        values.push("much wider than every value before it".to_owned());
        let text = rendered(result(vec![("c", "VARCHAR", Arc::new(StringArray::from(values)))]), Format::Table);
        assert!(text.contains("much wider than every value before it"));
        assert_eq!(text.lines().count(), SAMPLE_ROWS + 1 + 5);
    }
}
