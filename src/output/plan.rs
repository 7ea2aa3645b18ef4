//! What EXPLAIN gives, as DuckDB's own command line prints it: the text of the plan under its name.

use std::io::Write;

use anyhow::Result;
use arrow::datatypes::SchemaRef;

use super::cells::text_of;
use super::format::Format;
use super::look::Look;
use crate::rows::ResultSet;
use crate::terminal::Shown;

/// The columns of EXPLAIN's result.
const COLUMNS: [&str; 2] = ["explain_key", "explain_value"];

/// Names of plans, each with the title that DuckDB's command line gives it. An analyzed plan has its own.
const TITLES: &[(&str, &str)] = &[
    ("logical_plan", " Unoptimized Logical Plan "),
    ("logical_opt", "  Optimized Logical Plan   "),
    ("physical_plan", "       Physical Plan       "),
];

/// Writes the result of an EXPLAIN: as a table means it the text of each plan, in every other format its rows.
///
/// # Errors
/// Those of the rows and of `out`.
pub(crate) fn write_plan(result: ResultSet, format: Format, look: Look, out: &mut dyn Write) -> Result<u64> {
    let named = result.columns.iter().map(|column| column.name.as_str()).eq(COLUMNS);
    if format != Format::Table || !named {
        return super::write(result, format, look, out);
    }
    match look.terminal {
        true => write(result, &mut Shown::new(out)),
        false => write(result, out),
    }
}

fn write(result: ResultSet, out: &mut dyn Write) -> Result<u64> {
    let schema: SchemaRef = result.schema;
    let mut rows = 0;
    for batch in result.batches {
        let batch = batch?;
        for row in 0..batch.num_rows() {
            let text = |index: usize| text_of(schema.field(index), batch.column(index), row).unwrap_or_default();
            let (key, plan) = (text(0), text(1));
            if let Some((_, title)) = TITLES.iter().find(|(name, _)| *name == key)
                // A plan as JSON or as a graph is for programs.
                && plan.starts_with('┌')
            {
                let rule = "─".repeat(27);
                writeln!(out, "┌─{rule}─┐\n│┌{rule}┐│\n││{title:^27}││\n│└{rule}┘│\n└─{rule}─┘")?;
            }
            writeln!(out, "{}", plan.trim_end_matches('\n'))?;
            rows += 1;
        }
    }
    Ok(rows)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::StringArray;

    use super::super::testing::result;
    use super::*;

    fn shown(key: &str, plan: &str, format: Format) -> String {
        let texts = [key, plan].map(|text| Arc::new(StringArray::from(vec![text])) as arrow::array::ArrayRef);
        let [key, plan] = texts;
        let mut out = Vec::new();
        let columns = vec![("explain_key", "VARCHAR", key), ("explain_value", "VARCHAR", plan)];
        write_plan(result(columns), format, Look::default(), &mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn a_plan_is_text_under_its_name() {
        let text = shown("physical_plan", "┌───┐\n│ X │\n└───┘\n", Format::Table);
        assert!(text.starts_with("┌────") && text.contains("││       Physical Plan       ││\n"), "{text}");
        assert!(text.ends_with("└─────────────────────────────┘\n┌───┐\n│ X │\n└───┘\n"), "{text}");
        assert_eq!(shown("analyzed_plan", "┌ own ┐\n", Format::Table), "┌ own ┐\n");
        assert_eq!(shown("physical_plan", "[{}]\n", Format::Table), "[{}]\n");
        assert!(shown("physical_plan", "p", Format::Csv).starts_with("explain_key,explain_value\n"));
    }
}
