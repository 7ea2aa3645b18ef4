//! The shell's own commands, which begin with a dot, or with a backslash as psql's do.

use std::fmt::Write as _;

use anyhow::Result;

use crate::error::{nearest, usage};
use crate::lake::catalog::{Catalog, ColumnStats};
use crate::output::Format;
use crate::rows::counted;

/// A command.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Dot {
    Help,
    Quit,
    Tables,
    Schema(Option<String>),
    /// The one to show rows in; tells it without.
    Format(Option<Format>),
    /// A value a line, on or off; the other of the two without.
    Expanded(Option<bool>),
    /// On or off; tells which without.
    Timer(Option<bool>),
    /// Width of tables; the terminal's without.
    Width(Option<usize>),
    Read(String),
    /// A file for rows; standard output without.
    Output(Option<String>),
}

/// Their names, for completion.
pub(super) const NAMES: &[&str] =
    &[".exit", ".format", ".help", ".mode", ".output", ".quit", ".read", ".schema", ".tables", ".timer", ".width"];

pub(super) const HELP: &str = "\
.tables             the tables and views                                           \\dt, \\d
.schema [TABLE]     columns and their types                                        \\d TABLE
.mode [NAME]        how rows are shown: table, line, json, jsonl, csv, tsv, markdown
\\x [on|off]         a value a line, for rows of many columns
.width [N]          width of tables; without N the terminal's
.timer [on|off]     whether time and cost follow the rows
.read FILE          run the commands and statements in a file
.output [FILE]      rows go to a file, as its name tells (.csv, .json, ...); without FILE back to here
.help               this list                                                      help, \\?
.quit               end; so does Ctrl-D                                            exit, quit, \\q
";

/// Names of formats, those of DuckDB's command line among them.
const MODES: &[(&str, Format)] = &[
    ("table", Format::Table),
    ("box", Format::Table),
    ("duckbox", Format::Table),
    ("line", Format::Line),
    ("json", Format::Json),
    ("jsonl", Format::Jsonl),
    ("jsonlines", Format::Jsonl),
    ("csv", Format::Csv),
    ("tsv", Format::Tsv),
    ("tabs", Format::Tsv),
    ("markdown", Format::Markdown),
];

/// Those that are named to people.
const NAMED: &str = "table, line, json, jsonl, csv, tsv, markdown";

impl Dot {
    /// True when `line` is meant as one.
    pub(super) fn is_one(line: &str) -> bool {
        let line = line.trim_start();
        let word = line.trim_end().trim_end_matches(';').trim_end().to_ascii_lowercase();
        line.starts_with(['.', '\\']) || matches!(word.as_str(), "exit" | "quit" | "help")
    }

    /// # Errors
    /// A usage error for an unknown command or argument.
    pub(super) fn parse(line: &str) -> Result<Self> {
        let line = line.trim().trim_end_matches(';').trim_end();
        let (name, argument) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
        let argument = argument.trim();
        let given = (!argument.is_empty()).then(|| unquoted(argument));
        match (name.to_ascii_lowercase().as_str(), given) {
            (".help" | "help" | "\\?" | "\\h", _) => Ok(Self::Help),
            (".quit" | ".exit" | "\\q" | "quit" | "exit", _) => Ok(Self::Quit),
            (".tables" | "\\dt", _) | ("\\d", None) => Ok(Self::Tables),
            (".schema" | "\\d", table) => Ok(Self::Schema(table)),
            (".read" | "\\i", Some(file)) => Ok(Self::Read(file)),
            (".read" | "\\i", None) => Err(usage("`.read` of which file?", "`.read FILE`")),
            (".output" | "\\o", file) => Ok(Self::Output(file.filter(|file| file != "stdout" && file != "-"))),
            (".timer" | "\\timing", Some(word)) => match on_or_off(&word) {
                Some(on) => Ok(Self::Timer(Some(on))),
                None => Err(usage(format!("`.timer` cannot be `{word}`"), "`.timer on` or `.timer off`")),
            },
            (".timer" | "\\timing", None) => Ok(Self::Timer(None)),
            ("\\x", None) => Ok(Self::Expanded(None)),
            ("\\x", Some(word)) => match on_or_off(&word) {
                Some(on) => Ok(Self::Expanded(Some(on))),
                None => Err(usage(format!("`\\x` cannot be `{word}`"), "`\\x`, `\\x on` or `\\x off`")),
            },
            (".width", None) => Ok(Self::Width(None)),
            (".width", Some(number)) => match number.parse() {
                Ok(0) => Ok(Self::Width(None)),
                Ok(width) => Ok(Self::Width(Some(width))),
                Err(_) => {
                    Err(usage(format!("`.width` cannot be `{number}`"), "a number of characters, e.g. `.width 120`"))
                }
            },
            (".format" | ".mode", None) => Ok(Self::Format(None)),
            (".format" | ".mode", Some(name)) => {
                match MODES.iter().find(|(known, _)| known.eq_ignore_ascii_case(&name)) {
                    Some((_, format)) => Ok(Self::Format(Some(*format))),
                    None => Err(usage(
                        format!("`.mode` cannot be `{name}`"),
                        format!("one of {NAMED}; `quackctl query -o FILE` writes parquet and arrow"),
                    )),
                }
            }
            (_, _) => {
                let near = nearest(name, NAMES.iter().copied());
                let help =
                    near.map_or_else(|| "`.help` lists them".to_owned(), |near| format!("did you mean `{near}`?"));
                Err(usage(format!("there is no command `{name}`"), help))
            }
        }
    }
}

/// What is told of the mode.
pub(super) fn mode(format: Format) -> String {
    let name = MODES.iter().find(|(_, known)| *known == format).map_or("", |(name, _)| name);
    format!("mode: {name}; there are {NAMED}\n")
}

fn on_or_off(word: &str) -> Option<bool> {
    match word.to_ascii_lowercase().as_str() {
        "on" => Some(true),
        "off" => Some(false),
        _ => None,
    }
}

/// A name without the quotes around it.
fn unquoted(text: &str) -> String {
    let inside = |quote: char| text.strip_prefix(quote)?.strip_suffix(quote);
    inside('"').or_else(|| inside('\'')).unwrap_or(text).to_owned()
}

/// Each table with its rows, and each view.
pub(super) fn tables(catalog: &Catalog) -> String {
    if catalog.tables.is_empty() && catalog.views.is_empty() {
        return "no tables yet: `quackctl load SOURCE --table NAME`\n".to_owned();
    }
    let width = catalog.names().map(|name| name.chars().count()).max().unwrap_or(0);
    let mut text = String::new();
    for (name, table) in &catalog.tables {
        let synthetic = if table.synthetic { "  (synthetic)" } else { "" };
        // Writing to a String cannot fail.
        let _ = writeln!(text, "{name:width$}  {}{synthetic}", counted(table.rows));
    }
    for name in catalog.views.keys() {
        let _ = writeln!(text, "{name:width$}  (view)");
    }
    text
}

/// The columns of one table or view, or of all.
///
/// # Errors
/// When there is no such table: the error names the nearest.
pub(super) fn schema(catalog: &Catalog, name: Option<&str>) -> Result<String> {
    let (tables, views): (Vec<_>, Vec<_>) = match name.map(|name| (name, catalog.view(name))) {
        Some((_, Some(view))) => (Vec::new(), vec![view]),
        Some((name, None)) => (vec![catalog.table(name)?], Vec::new()),
        None => (
            catalog.tables.iter().map(|(name, table)| (name.as_str(), table)).collect(),
            catalog.views.iter().map(|(name, view)| (name.as_str(), view)).collect(),
        ),
    };
    let mut text = String::new();
    for (name, table) in tables {
        let column = |column: &ColumnStats| {
            let partition = table.partitions.iter().any(|partition| partition.name == column.name);
            let note = if partition { "  (partition)" } else { "" };
            (column.name.clone(), format!("{}{note}", column.sql_type))
        };
        one(&mut text, name, table.columns.iter().map(column).collect());
    }
    for (name, view) in views {
        let columns = view.columns.iter().map(|column| (column.name.clone(), column.sql_type.clone()));
        one(&mut text, &format!("{name}  (view)"), columns.collect());
    }
    Ok(text)
}

/// A title, and below it columns, each with what there is to be said of it.
fn one(text: &mut String, title: &str, columns: Vec<(String, String)>) {
    let width = columns.iter().map(|(name, _)| name.chars().count()).max().unwrap_or(0);
    // Writing to a String cannot fail.
    let _ = writeln!(text, "{title}");
    for (name, told) in columns {
        let _ = writeln!(text, "  {name:width$}  {told}");
    }
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
        assert_eq!(Dot::parse(".format CSV").unwrap(), Dot::Format(Some(Format::Csv)));
        assert_eq!(Dot::parse(".mode duckbox").unwrap(), Dot::Format(Some(Format::Table)));
        assert_eq!(Dot::parse(".timer off").unwrap(), Dot::Timer(Some(false)));
        assert_eq!(Dot::parse(".mode").unwrap(), Dot::Format(None));
        assert_eq!(mode(Format::Csv), "mode: csv; there are table, line, json, jsonl, csv, tsv, markdown\n");
        assert_eq!(Dot::parse(".width 120").unwrap(), Dot::Width(Some(120)));
        assert_eq!(Dot::parse(".read 'my file.sql'").unwrap(), Dot::Read("my file.sql".to_owned()));
        assert_eq!(Dot::parse(".output a.csv").unwrap(), Dot::Output(Some("a.csv".to_owned())));
        assert_eq!(Dot::parse(".output").unwrap(), Dot::Output(None));
    }

    #[test]
    fn takes_what_other_shells_say() {
        for (line, command) in [
            ("\\q", Dot::Quit),
            ("exit;", Dot::Quit),
            ("QUIT", Dot::Quit),
            ("help", Dot::Help),
            ("\\?", Dot::Help),
            ("\\d", Dot::Tables),
            ("\\dt", Dot::Tables),
            ("\\d trips", Dot::Schema(Some("trips".to_owned()))),
            ("\\x", Dot::Expanded(None)),
            ("\\x off", Dot::Expanded(Some(false))),
        ] {
            assert!(Dot::is_one(line), "{line}");
            assert_eq!(Dot::parse(line).unwrap(), command, "{line}");
        }
        assert!(!Dot::is_one("exit SELECT") && !Dot::is_one("SELECT 1"));
    }

    #[test]
    fn says_what_it_does_not_know() {
        let shown = |line: &str| shown(&Dot::parse(line).unwrap_err());
        assert!(shown(".table").contains("did you mean `.tables`?"));
        assert!(shown(".mode parquet").contains("quackctl query -o"));
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
