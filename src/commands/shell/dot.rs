//! The shell's own commands, which begin with a dot.

use std::fmt::Write as _;

use anyhow::Result;
use clap::ValueEnum as _;

use crate::error::{nearest, usage};
use crate::lake::catalog::Catalog;
use crate::output::Format;
use crate::rows::counted;

/// A dot-command.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Dot {
    Help,
    Quit,
    Tables,
    Schema(Option<String>),
    Format(Format),
    Timer(bool),
}

/// Their names, for completion.
pub(super) const NAMES: &[&str] = &[".exit", ".format", ".help", ".quit", ".schema", ".tables", ".timer"];

pub(super) const HELP: &str = "\
.tables          the tables
.schema [TABLE]  columns and their types
.format NAME     how rows are shown: table, json, jsonl, csv, tsv, markdown
.timer on|off    whether time and cost follow the rows
.quit            end; so does Ctrl-D
";

impl Dot {
    /// True when `line` is meant as one.
    pub(super) fn is_one(line: &str) -> bool {
        line.trim_start().starts_with('.')
    }

    /// # Errors
    /// A usage error for an unknown command or argument.
    pub(super) fn parse(line: &str) -> Result<Self> {
        let line = line.trim().trim_end_matches(';').trim_end();
        let (name, argument) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
        let argument = argument.trim();
        match (name, argument) {
            (".help", _) => Ok(Self::Help),
            (".quit" | ".exit", _) => Ok(Self::Quit),
            (".tables", _) => Ok(Self::Tables),
            (".schema", "") => Ok(Self::Schema(None)),
            (".schema", table) => Ok(Self::Schema(Some(table.trim_matches('"').to_owned()))),
            (".timer", "on") => Ok(Self::Timer(true)),
            (".timer", "off") => Ok(Self::Timer(false)),
            (".timer", other) => Err(usage(format!("`.timer` cannot be `{other}`"), "`.timer on` or `.timer off`")),
            (".format", name) => match Format::from_str(name, true) {
                Ok(format) if !matches!(format, Format::Parquet | Format::Arrow) => Ok(Self::Format(format)),
                _ => Err(usage(
                    format!("`.format` cannot be `{name}`"),
                    "one of table, json, jsonl, csv, tsv, markdown; `quackctl query -o FILE` writes parquet and arrow",
                )),
            },
            (unknown, _) => {
                let near = nearest(unknown, NAMES.iter().copied());
                let help =
                    near.map_or_else(|| "`.help` lists them".to_owned(), |near| format!("did you mean `{near}`?"));
                Err(usage(format!("there is no command `{unknown}`"), help))
            }
        }
    }
}

/// Each table with its rows.
pub(super) fn tables(catalog: &Catalog) -> String {
    if catalog.tables.is_empty() {
        return "no tables yet: `quackctl load SOURCE --table NAME`\n".to_owned();
    }
    let width = catalog.tables.keys().map(|name| name.chars().count()).max().unwrap_or(0);
    catalog.tables.iter().fold(String::new(), |mut text, (name, table)| {
        let synthetic = if table.synthetic { "  (synthetic)" } else { "" };
        // Writing to a String cannot fail.
        let _ = writeln!(text, "{name:width$}  {}{synthetic}", counted(table.rows));
        text
    })
}

/// The columns of one table, or of all.
///
/// # Errors
/// When there is no such table: the error names the nearest.
pub(super) fn schema(catalog: &Catalog, name: Option<&str>) -> Result<String> {
    let described = match name {
        Some(name) => vec![catalog.table(name)?],
        None => catalog.tables.iter().map(|(name, table)| (name.as_str(), table)).collect(),
    };
    let mut text = String::new();
    for (name, table) in described {
        let width = table.columns.iter().map(|column| column.name.chars().count()).max().unwrap_or(0);
        let _ = writeln!(text, "{name}");
        for column in &table.columns {
            let partition = table.partitions.iter().any(|partition| partition.name == column.name);
            let note = if partition { "  (partition)" } else { "" };
            let _ = writeln!(text, "  {:width$}  {}{note}", column.name, column.sql_type);
        }
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Failure;

    fn shown(error: &anyhow::Error) -> String {
        format!("{:?}", error.downcast_ref::<Failure>())
    }

    #[test]
    fn parses_commands() {
        assert_eq!(Dot::parse(" .tables ").unwrap(), Dot::Tables);
        assert_eq!(Dot::parse(".schema").unwrap(), Dot::Schema(None));
        assert_eq!(Dot::parse(".schema \"odd name\";").unwrap(), Dot::Schema(Some("odd name".to_owned())));
        assert_eq!(Dot::parse(".format CSV").unwrap(), Dot::Format(Format::Csv));
        assert_eq!(Dot::parse(".timer off").unwrap(), Dot::Timer(false));
    }

    #[test]
    fn says_what_it_does_not_know() {
        let shown = |line: &str| shown(&Dot::parse(line).unwrap_err());
        assert!(shown(".table").contains("did you mean `.tables`?"));
        assert!(shown(".format parquet").contains("quackctl query -o"));
        assert!(shown(".timer maybe").contains("`maybe`"));
    }

    #[test]
    fn shows_what_the_catalog_knows() {
        let catalog: Catalog = serde_json::from_value(serde_json::json!({"version": 1, "tables": {"trips": {
            "source": "", "synthetic": true, "loaded_at": "", "rows": 7, "bytes": 0, "files": [],
            "partitions": [{"name": "day", "type": "DATE"}],
            "columns": [{"name": "fare", "type": "DOUBLE"}, {"name": "day", "type": "DATE"}],
        }}}))
        .unwrap();
        assert_eq!(tables(&catalog), "trips  7 rows  (synthetic)\n");
        assert_eq!(schema(&catalog, Some("TRIPS")).unwrap(), "trips\n  fare  DOUBLE\n  day   DATE  (partition)\n");
        assert!(shown(&schema(&catalog, Some("tripz")).unwrap_err()).contains("did you mean `trips`?"));
        assert!(tables(&Catalog::default()).contains("quackctl load"));
    }
}
