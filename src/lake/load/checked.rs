//! Text that is read so that no value is changed by the type that the first rows gave its column.

use duckdb::Connection;

use super::files::{Files, Reading, escaped};
use super::format::Kind;
use super::given;
use super::late::{self, Checked, Sniffed};
use crate::duck::words::columns;
use quack_function::sql::identifier;
use quack_function::wire::Column;

impl Files {
    /// The SQL that reads all rows.
    ///
    /// # Errors
    /// DuckDB's.
    pub(super) fn reader(&self, connection: &Connection, reading: Reading) -> duckdb::Result<String> {
        let types = self.form.typed(reading.hinted);
        if types.is_empty() || !matches!(self.kind, Kind::Csv | Kind::Tsv) {
            return self.untyped(connection, reading, &[]);
        }
        let plain = self.reader_with(connection, reading, "")?;
        let given = given::others(&types, &columns(connection, &format!("SELECT * FROM {plain}"))?);
        Ok(given::typed(&self.untyped(connection, reading, &given)?, &given, self.form.decimal))
    }

    /// The SQL that reads all rows, with the columns `texts` of a CSV as text.
    fn untyped(&self, connection: &Connection, reading: Reading, texts: &[Column]) -> duckdb::Result<String> {
        let is_sniffed = texts.is_empty() || self.is_in_pieces();
        let texts = late::as_text(texts.iter());
        let options = match is_sniffed {
            true => String::new(),
            false => self.types(self.sniffed(connection, reading)?.has_names, &texts),
        };
        let plain = self.reader_with(connection, reading, &options)?;
        let thoroughly = reading.thorough || !self.may_exceed_sample();
        let is_exact = self.kind == Kind::Parquet || self.kind == Kind::Json && thoroughly || self.is_in_pieces();
        if is_exact || !reading.checked {
            return Ok(plain);
        }
        let found = columns(connection, &format!("SELECT * FROM {plain}"))?;
        let read = |options: &str, replace: &str| {
            let reader = self.reader_with(connection, reading, options)?;
            Ok(format!("(SELECT * {replace} FROM {reader}) AS checked"))
        };
        let of_json =
            |Checked { columns, replace }: Checked| read(&format!(", columns = {{{}}}", columns.join(", ")), &replace);
        if self.kind == Kind::Json && late::has_times(&found) {
            // What form they have DuckDB knows, and does not tell: it reads them itself, after all others were looked at.
            if let Some(checked) = late::of_json(&late::without_times(&found)) {
                let look = format!("SELECT count(COLUMNS(*)) FROM {}", of_json(checked)?);
                connection.query_row(&look, [], |_| Ok(()))?;
            }
            return Ok(plain);
        }
        if self.kind == Kind::Json {
            return late::of_json(&found).map_or(Ok(plain), of_json);
        }
        if late::of_csv(&found, Sniffed { thoroughly, ..Sniffed::default() }).is_none() {
            return Ok(plain);
        }
        let sniffed = Sniffed { thoroughly, ..self.sniffed(connection, reading)? };
        let types = |columns: Vec<String>| self.types(sniffed.has_names, &[columns, texts.clone()].concat());
        if reading.zoned {
            let times = late::zoneless(&found, sniffed);
            let times_as_text = late::as_text(times.iter().map(|(column, _)| *column));
            let all = self.reader_with(connection, reading, &types(times_as_text))?;
            let mut zoned = Vec::new();
            for (column, has_zone) in times {
                let sql = format!("SELECT count(*) > 0 FROM {all} WHERE {has_zone}");
                if connection.query_row(&sql, [], |row| row.get(0))? {
                    zoned.push(column);
                }
            }
            return self.reader_with(connection, reading, &types(late::zoned(&zoned)));
        }
        let Some(Checked { columns: as_text, replace }) = late::of_csv(&found, sniffed) else { return Ok(plain) };
        let checked = read(&types(as_text), &replace)?;
        let is_same = columns(connection, &format!("SELECT * FROM {checked}"))? == found;
        if is_same {
            Ok(checked)
        } else {
            self.reader(connection, Reading { thorough: true, checked: false, ..reading })
        }
    }

    /// Columns of a CSV by type, as an option of DuckDB's. Texts may be names to it where numbers are none, so it is told
    /// whether there are some.
    fn types(&self, has_names: bool, columns: &[String]) -> String {
        let header = if self.form.header.is_some() { String::new() } else { format!("header = {has_names}, ") };
        format!(", {header}types = {{{}}}", columns.join(", "))
    }

    /// What DuckDB finds in the first of several CSVs.
    fn sniffed(&self, connection: &Connection, reading: Reading) -> duckdb::Result<Sniffed> {
        let first = self.paths.first().map(|path| escaped(path)).unwrap_or_default();
        let sql = format!(
            "SELECT HasHeader, coalesce(DateFormat <> '%Y-%m-%d', false), TimestampFormat IS NOT NULL FROM sniff_csv({first}, {})",
            self.csv_options(connection, reading)?
        );
        connection.query_row(&sql, [], |row| {
            Ok(Sniffed {
                has_names: row.get(0)?,
                has_date_form: row.get(1)?,
                has_time_form: row.get(2)?,
                thoroughly: reading.thorough,
            })
        })
    }

    /// What people should know of the dates in `columns` of a CSV, which was written to the Parquet files `written`: day and
    /// month could all be the other way round.
    pub(super) fn swapped_dates(
        &self,
        connection: &Connection,
        reading: Reading,
        columns: &[Column],
        written: &str,
    ) -> Vec<String> {
        if !matches!(self.kind, Kind::Csv | Kind::Tsv) || self.is_in_pieces() {
            return Vec::new();
        }
        let (dates, times) = self.forms(connection, reading).unwrap_or_default();
        let note = |column: &Column| {
            let form = match column.sql_type.as_str() {
                "DATE" => dates.as_deref(),
                "TIMESTAMP" => times.as_deref(),
                _ => None,
            };
            let (form, other) = late::swapped(form?)?;
            let sql = format!("SELECT max(day({})) <= 12 FROM {written}", identifier(&column.name));
            let can_be_other = connection.query_row(&sql, [], |row| row.get::<_, Option<bool>>(0)).ok()??;
            can_be_other.then(|| {
                format!(
                    "column `{}` was read as {form}, and all of it could be {other}: where that is so, write it as YYYY-MM-DD",
                    column.name
                )
            })
        };
        columns.iter().filter_map(note).collect()
    }

    /// The forms of dates and of times in the first of several CSVs, where they have their own.
    fn forms(&self, connection: &Connection, reading: Reading) -> duckdb::Result<(Option<String>, Option<String>)> {
        let first = self.paths.first().map(|path| escaped(path)).unwrap_or_default();
        let options = self.csv_options(connection, reading)?;
        let sql = format!("SELECT DateFormat, TimestampFormat FROM sniff_csv({first}, {options})");
        connection.query_row(&sql, [], |row| Ok((row.get(0)?, row.get(1)?)))
    }
}
