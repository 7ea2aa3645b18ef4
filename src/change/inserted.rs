//! `INSERT INTO` and `COPY ... FROM`, taken apart: the table that rows are for, and where they are from.

use anyhow::Result;
use quack_function::sql::{Token, identifier, literal};

use super::columns::Columns;
use super::parts::Part;
use super::reader::{Reader, unsupported};
use crate::error::failure;

/// `INSERT INTO name [BY NAME] [(columns)] query`, `COPY name [(columns)] FROM 'address'`
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Insert {
    pub table: String,
    /// The columns that the rows' are for; all of them without.
    pub columns: Option<Vec<String>>,
    pub by_name: bool,
    pub rows: Source,
    /// What is to come back of each row; nothing without.
    pub returning: Vec<Part>,
}

/// Where rows are from.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Source {
    Query(Part),
    /// One row, of `DEFAULT VALUES`.
    Defaults,
    File(File),
}

/// Files in object storage.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct File {
    address: String,
    format: Format,
    /// Options of DuckDB's reader, by name: a value each.
    options: Vec<(String, Part)>,
    /// What sets variables before the statement.
    variables: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Format {
    Csv,
    Json,
    Parquet,
}

const INSERT: &str = "write INSERT INTO name [(column, ...)] SELECT ... or VALUES ..., or INSERT INTO name BY NAME SELECT ... [RETURNING ...]";
const NO_CONFLICT: &str = "tables have no keys that rows could conflict with; MERGE INTO name USING (...) AS rows ON condition WHEN MATCHED \
                           THEN ... WHEN NOT MATCHED THEN INSERT says which rows are the same";
const COPY: &str =
    "write COPY name [(column, ...)] FROM 's3://bucket/key' [(FORMAT csv, json or parquet, option value, ...)]";

/// Options of `COPY ... FROM`, by format: as they are written there, and as DuckDB's reader has them.
const OPTIONS: &[(Format, &[(&str, &str)])] = &[
    (
        Format::Csv,
        &[
            ("allow_quoted_nulls", "allow_quoted_nulls"),
            ("auto_detect", "auto_detect"),
            ("comment", "comment"),
            ("compression", "compression"),
            ("dateformat", "dateformat"),
            ("date_format", "dateformat"),
            ("decimal_separator", "decimal_separator"),
            ("delim", "delim"),
            ("delimiter", "delim"),
            ("encoding", "encoding"),
            ("escape", "escape"),
            ("force_not_null", "force_not_null"),
            ("header", "header"),
            ("ignore_errors", "ignore_errors"),
            ("max_line_size", "max_line_size"),
            ("new_line", "new_line"),
            ("null", "nullstr"),
            ("nullstr", "nullstr"),
            ("null_padding", "null_padding"),
            ("parallel", "parallel"),
            ("quote", "quote"),
            ("sample_size", "sample_size"),
            ("sep", "delim"),
            ("skip", "skip"),
            ("strict_mode", "strict_mode"),
            ("thousands", "thousands"),
            ("timestampformat", "timestampformat"),
            ("timestamp_format", "timestampformat"),
        ],
    ),
    (
        Format::Json,
        &[
            ("compression", "compression"),
            ("dateformat", "dateformat"),
            ("date_format", "dateformat"),
            ("ignore_errors", "ignore_errors"),
            ("maximum_object_size", "maximum_object_size"),
            ("records", "records"),
            ("timestampformat", "timestampformat"),
            ("timestamp_format", "timestampformat"),
        ],
    ),
    (Format::Parquet, &[("binary_as_string", "binary_as_string")]),
];

impl Format {
    fn named(name: &str) -> Option<Self> {
        match name.to_ascii_lowercase().as_str() {
            "csv" | "tsv" => Some(Self::Csv),
            "json" | "jsonl" | "ndjson" => Some(Self::Json),
            "parquet" => Some(Self::Parquet),
            _ => None,
        }
    }

    /// What the ending of an address tells.
    fn of(address: &str) -> Option<Self> {
        let name = address.strip_suffix(".gz").or_else(|| address.strip_suffix(".zst")).unwrap_or(address);
        Self::named(name.rsplit_once('.')?.1)
    }

    fn reader(self) -> &'static str {
        match self {
            Self::Csv => "read_csv",
            Self::Json => "read_json",
            Self::Parquet => "read_parquet",
        }
    }

    /// What DuckDB's reader calls the option `name`.
    fn option(self, name: &str) -> Option<&'static str> {
        let options = OPTIONS.iter().find(|(format, _)| *format == self).map_or(&[][..], |(_, options)| options);
        options.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, own)| *own)
    }
}

impl Insert {
    /// Reads what follows the word INSERT.
    ///
    /// # Errors
    /// A form that is not supported, and what to do instead.
    pub(super) fn read(reader: &mut Reader<'_>) -> Result<Self> {
        if reader.takes(&["OR"]) {
            return Err(unsupported(&format!("INSERT OR {}", reader.word().to_uppercase()), NO_CONFLICT));
        }
        if !reader.takes(&["INTO"]) {
            return Err(unsupported("INSERT in this form", INSERT));
        }
        let table = reader.table(INSERT)?;
        if reader.takes(&["DEFAULT", "VALUES"]) {
            let returning = reader.returning(INSERT)?;
            return Ok(Self { table, columns: None, by_name: false, rows: Source::Defaults, returning });
        }
        let mut by_name = reader.takes(&["BY", "NAME"]);
        reader.takes(&["BY", "POSITION"]);
        let before = reader.at;
        // A bracket may be a query's, too.
        let columns = reader.names().filter(|_| reader.peek().is_some());
        if columns.is_none() {
            reader.at = before;
        }
        by_name |= reader.takes(&["BY", "NAME"]);
        let conflicts =
            |at: usize, token: &Token<'_>| at > 0 && token.is("CONFLICT") && reader.tokens[at - 1].0.is("ON");
        if reader.find(conflicts) < reader.tokens.len() {
            return Err(unsupported("ON CONFLICT", NO_CONFLICT));
        }
        let end = reader.find_word(&["RETURNING"]);
        if reader.at >= end {
            return Err(unsupported("INSERT without rows", INSERT));
        }
        let rows = Source::Query(rows(reader, end));
        let returning = reader.returning(INSERT)?;
        Ok(Self { table, columns, by_name, rows, returning })
    }

    /// The queries of `with` go before the query of its rows.
    pub(super) fn within(mut self, with: &Part) -> Self {
        if let Source::Query(rows) = &mut self.rows {
            *rows = rows.within(with);
        }
        self
    }

    /// Reads what follows the word COPY, if it brings rows into a table.
    ///
    /// # Errors
    /// A form that is not supported, and what to do instead.
    pub(super) fn of_copy(reader: &mut Reader<'_>) -> Result<Option<Self>> {
        let to_or_from = reader.find_word(&["FROM", "TO"]);
        if to_or_from == reader.at || !reader.tokens.get(to_or_from).is_some_and(|(token, _)| token.is("FROM")) {
            return Ok(None);
        }
        let table = reader.table(COPY)?;
        let columns = reader.names();
        if reader.at != to_or_from || !reader.takes(&["FROM"]) {
            return Err(unsupported("COPY ... FROM in this form", COPY));
        }
        let rows = Source::File(File::read(reader)?);
        Ok(Some(Self { table, columns, by_name: false, rows, returning: Vec::new() }))
    }
}

impl File {
    fn read(reader: &mut Reader<'_>) -> Result<Self> {
        let wrong = || unsupported("COPY ... FROM in this form", COPY);
        let variables = reader.part(reader.from(), reader.at).variables().to_owned();
        let address = match reader.peek() {
            Some(token @ Token::Text(_)) => token.name().ok_or_else(wrong)?,
            _ => return Err(wrong()),
        };
        reader.at += 1;
        if !address.starts_with("s3://") {
            return Err(failure(
                format!("COPY ... FROM reads what is in object storage, and `{address}` is not"),
                "`quackctl load FILE --table NAME --append` brings what is on this machine",
            ));
        }
        let mut format = Format::of(&address);
        let mut options: Vec<(String, Part)> = Vec::new();
        reader.takes(&["WITH"]);
        if reader.symbol('(') {
            loop {
                let name = reader.name().ok_or_else(wrong)?;
                let end = reader.closing(reader.find(|_, token| *token == Token::Symbol(',')));
                let value = reader.until(end);
                if name.eq_ignore_ascii_case("format") {
                    let named = Format::named(value.text().trim().trim_matches('\''));
                    format = Some(named.ok_or_else(|| unsupported(&format!("FORMAT{}", value.text()), COPY))?);
                } else {
                    options.push((name, value));
                }
                if reader.symbol(')') {
                    break;
                }
                if !reader.symbol(',') {
                    return Err(wrong());
                }
            }
        }
        if reader.peek().is_some() {
            return Err(wrong());
        }
        let unknown = || failure(format!("`{address}` does not tell what format it has"), COPY);
        let format = format.ok_or_else(unknown)?;
        if let Some((name, _)) = options.iter().find(|(name, _)| format.option(name).is_none()) {
            let known = OPTIONS.iter().find(|(of, _)| *of == format).map_or(&[][..], |(_, options)| options);
            let known: Vec<&str> = known.iter().map(|(name, _)| *name).collect();
            return Err(unsupported(&format!("the option `{name}`"), format!("it may be {}", known.join(", "))));
        }
        Ok(Self { address, format, options, variables })
    }

    /// The address, where it is a pattern and each file says by itself how it is read: of CSV the first one says it for all.
    pub(super) fn pattern(&self) -> Option<&str> {
        let is_pattern = self.format != Format::Csv && self.address.contains(['*', '?', '[']);
        is_pattern.then_some(self.address.as_str())
    }

    /// The values of its options that are to be one expression each.
    pub(super) fn expressions(&self) -> impl Iterator<Item = &Part> {
        self.options.iter().map(|(_, value)| value).filter(|value| !value.text().trim().is_empty())
    }

    /// A query that gives its rows, those of `places` of a table's columns: by name where it has names of its own for sure. Without
    /// `addresses` all of them, else of these files.
    pub(super) fn query(&self, columns: &Columns<'_>, places: &[usize], addresses: &[String]) -> Part {
        let listed: Vec<String> = addresses.iter().map(|address| literal(address)).collect();
        let mut arguments = vec![match listed.is_empty() {
            true => literal(&self.address),
            false => format!("[{}]", listed.join(", ")),
        }];
        if self.format != Format::Parquet {
            let typed = places.iter().map(|at| &columns.all()[*at]);
            let typed = typed.map(|column| format!("{}: {}", identifier(&column.name), literal(&column.sql_type)));
            arguments.push(format!("columns = {{{}}}", typed.collect::<Vec<_>>().join(", ")));
        }
        arguments.push("hive_partitioning = false".to_owned());
        for (name, value) in &self.options {
            let name = self.format.option(name).unwrap_or_default();
            let value = match value.text().trim() {
                "" => "true".to_owned(),
                // Names of columns, which it takes as texts.
                _ if name == "force_not_null" => texts(value.text()),
                _ => value.bracketed(),
            };
            arguments.push(format!("{name} = {value}"));
        }
        let sql = format!("{}SELECT * FROM {}({})", self.variables, self.format.reader(), arguments.join(", "));
        Part::new(&sql, self.variables.len(), self.variables.len(), sql.len())
    }
}

/// The names in a list, as a list of texts.
fn texts(list: &str) -> String {
    let names: Vec<String> =
        quack_function::sql::tokens(list).iter().filter_map(Token::name).map(|name| literal(&name)).collect();
    format!("[{}]", names.join(", "))
}

/// The rows up to `end`. In VALUES, DEFAULT is NULL: it is written so, as long as it was.
fn rows(reader: &mut Reader<'_>, end: usize) -> Part {
    let is_values = reader.peek().is_some_and(|token| token.is("VALUES"));
    let start = reader.at;
    let part = reader.until(end);
    if !is_values {
        return part;
    }
    let is = |at: usize, symbols: [char; 2]| matches!(reader.tokens.get(at), Some((Token::Symbol(symbol), _)) if symbols.contains(symbol));
    let (mut depth, mut defaults) = (0_usize, Vec::new());
    for at in start..end {
        match &reader.tokens[at].0 {
            Token::Symbol('(' | '[' | '{') => depth += 1,
            Token::Symbol(')' | ']' | '}') => depth = depth.saturating_sub(1),
            token if depth == 1 && token.is("DEFAULT") && is(at - 1, ['(', ',']) && is(at + 1, [')', ',']) => {
                defaults.push(reader.tokens[at].1);
            }
            _ => {}
        }
    }
    part.with_nulls(&defaults)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(sql: &str) -> Result<Insert> {
        let mut reader = Reader::of_last(sql);
        match reader.word() {
            "INSERT" => Insert::read(&mut reader),
            _ => Insert::of_copy(&mut reader).map(|copy| copy.expect(sql)),
        }
    }

    fn query(insert: &Insert) -> &Part {
        match &insert.rows {
            Source::Query(query) => query,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn rows_are_inserted_by_place_or_name() {
        let insert = read("SET VARIABLE x = 1; INSERT INTO t (a, b) VALUES (1, 2)").unwrap();
        assert_eq!(insert.columns, Some(vec!["a".to_owned(), "b".to_owned()]));
        assert_eq!(query(&insert).text().trim(), "VALUES (1, 2)");
        assert!(query(&insert).alone().starts_with("SET VARIABLE x = 1;"));
        let insert = read("INSERT INTO t BY NAME (FROM u)").unwrap();
        assert!(insert.by_name && insert.columns.is_none());
        assert_eq!(query(&insert).text().trim(), "(FROM u)");
        let sql = "INSERT INTO t VALUES (DEFAULT, 'DEFAULT', (DEFAULT)), (1, default, f(DEFAULT)) RETURNING a, (b), *";
        let insert = read(sql).unwrap();
        let values = "VALUES (NULL   , 'DEFAULT', (DEFAULT)), (1, NULL   , f(DEFAULT))";
        assert_eq!(query(&insert).text().trim(), values, "as a value by itself, and nowhere else");
        let returned: Vec<&str> = insert.returning.iter().map(|item| item.text().trim()).collect();
        assert_eq!(returned, ["a", "(b)", "*"]);
        assert_eq!(read("INSERT INTO t DEFAULT VALUES").unwrap().rows, Source::Defaults);
        assert!(read("INSERT INTO t SELECT conflict FROM u").is_ok());
        for sql in ["INSERT INTO t VALUES (1) ON CONFLICT DO NOTHING", "INSERT OR REPLACE INTO t VALUES (1)"] {
            assert!(read(sql).unwrap_err().to_string().contains("is not supported"), "{sql}");
        }
    }

    #[test]
    fn queries_before_the_statement_are_for_its_rows() {
        let change = |sql: &str| crate::change::parse(sql).unwrap();
        let Some(crate::change::Change::Insert(insert)) =
            change("SET VARIABLE x = 1; WITH u AS (FROM t), v AS (FROM u) INSERT INTO t (a) FROM v RETURNING a")
        else {
            panic!("no INSERT")
        };
        assert_eq!(query(&insert).text().trim(), "WITH u AS (FROM t), v AS (FROM u)\n FROM v");
        assert!(query(&insert).alone().starts_with("SET VARIABLE x = 1;"));
        assert_eq!((insert.table.as_str(), insert.returning.len()), ("t", 1));
        let own = change("WITH u AS (SELECT 1 AS a) INSERT INTO t WITH v AS (FROM u) FROM v");
        let Some(crate::change::Change::Insert(insert)) = own else { panic!("no INSERT") };
        assert_eq!(query(&insert).text(), "WITH u AS (SELECT 1 AS a)\nFROM (\n WITH v AS (FROM u) FROM v\n)");
        assert_eq!(change("WITH insert AS (SELECT 1) FROM insert"), None);
    }

    #[test]
    fn files_are_copied_by_their_format() {
        let table = crate::lake::catalog::Table {
            columns: [("a", "INTEGER"), ("it's", "DECIMAL(9,2)")]
                .map(|(name, sql_type)| crate::lake::catalog::ColumnStats {
                    name: name.to_owned(),
                    sql_type: sql_type.to_owned(),
                    nulls: None,
                    min: None,
                    max: None,
                })
                .into(),
            ..crate::lake::catalog::Table::default()
        };
        let columns = Columns::of("t", &table);
        let sql = |sql: &str| match read(sql).unwrap().rows {
            Source::File(file) => file.query(&columns, &[0, 1], &[]).text().to_owned(),
            other => panic!("{other:?}"),
        };
        assert_eq!(
            sql(
                "COPY t FROM 's3://b/it''s.tsv.gz' (HEADER, DELIMITER E'\\t', NULL '-', FORCE_NOT_NULL (a, \"it's\"));"
            ),
            "SELECT * FROM read_csv('s3://b/it''s.tsv.gz', columns = {\"a\": 'INTEGER', \"it's\": 'DECIMAL(9,2)'}, hive_partitioning = \
             false, header = true, delim = (\n E'\\t'\n), nullstr = (\n '-'\n), force_not_null = ['a', 'it''s'])"
        );
        assert_eq!(
            sql("COPY main.t FROM 's3://b/x' WITH (FORMAT parquet)"),
            "SELECT * FROM read_parquet('s3://b/x', hive_partitioning = false)"
        );
        for (sql, told) in [
            ("COPY t FROM 'x.csv'", "reads what is in object storage"),
            ("COPY t FROM 's3://b/x'", "does not tell what format"),
            ("COPY t FROM 's3://b/x.csv' (columns {'a': 'INTEGER'})", "`columns` is not supported"),
            ("COPY t FROM 's3://b/x.csv' (FORMAT xlsx)", "FORMAT xlsx is not supported"),
            ("COPY t FROM 's3://b/x.parquet' (HEADER)", "`HEADER` is not supported"),
            ("COPY t FROM 's3://b/x.csv' HEADER", "in this form"),
            ("COPY t FROM stdin", "in this form"),
        ] {
            let error = read(sql).expect_err(sql);
            assert!(error.to_string().contains(told), "{sql}: {error}");
        }
        for sql in ["COPY t TO 's3://b/x.csv'", "COPY (SELECT a FROM t) TO 's3://b/x.csv'", "COPY FROM DATABASE a TO b"]
        {
            let mut reader = Reader::of_last(sql);
            assert_eq!(reader.word(), "COPY");
            assert_eq!(Insert::of_copy(&mut reader).unwrap(), None, "{sql}");
        }
    }
}
