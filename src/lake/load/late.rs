//! Values that come after those by which DuckDB took their column's type: it reads 1.5 as the integer 2, and a time as its
//! date. Columns of such types are read as text here, and cast where nothing is lost.

use quack_function::sql::{identifier, literal};
use quack_function::sql_type::SqlType;
use quack_function::wire::Column;

use crate::lake::catalog::DataFile;

/// What a reading fails with that would change a value.
const LOSS: &str = "a value is not of its column's type";

/// Of JSON, in which a number is read as any of them.
const EXACT: &[&str] = &["BOOLEAN", "BIGINT", "UBIGINT", "HUGEINT", "UHUGEINT"];

const TIMES: &[&str] = &["DATE", "TIME", "TIMESTAMP", "TIMESTAMP WITH TIME ZONE"];

/// An offset or a zone after a time, as a regular expression.
const ZONE: &str = ":[0-9]{2}([.][0-9]+)? ?([Zz+-]|UTC|[A-Z][a-z]+/)";

/// How columns are read.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Checked {
    /// Columns by type, for DuckDB's reader: of a CSV those that are read as text, of JSON all.
    pub columns: Vec<String>,
    /// `REPLACE (...)`, which makes of them what they are.
    pub replace: String,
}

/// What is known of a CSV.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Sniffed {
    /// The first line has the columns' names.
    pub has_names: bool,
    /// Dates have a form of their own, of which nothing is lost; and times.
    pub has_date_form: bool,
    pub has_time_form: bool,
    /// The types were taken from all rows. Even so a time may be one with a zone, that DuckDB leaves out.
    pub thoroughly: bool,
}

/// How a CSV is read whose columns are `found`; `None` where no value can be lost.
pub(super) fn of_csv(found: &[Column], sniffed: Sniffed) -> Option<Checked> {
    let (mut columns, mut casts) = (Vec::new(), Vec::new());
    for column in found {
        let name = identifier(&column.name);
        let loss = match column.sql_type.as_str() {
            "BIGINT" if !sniffed.thoroughly => is_no_integer(&name),
            "DATE" if !sniffed.thoroughly && !sniffed.has_date_form => {
                format!("strlen({name}) > 10 OR contains({name}, ' ')")
            }
            _ if is_zoneless(column, sniffed) => has_zone(&name),
            _ => continue,
        };
        columns.push(format!("{}: 'VARCHAR'", literal(&column.name)));
        casts.push(format!("CAST({} AS {}) AS {name}", unless(&loss, &name), column.sql_type));
    }
    checked(columns, &casts)
}

/// How JSON is read whose columns are `found`, of which none [has times](has_times); `None` where no value can be lost.
pub(super) fn of_json(found: &[Column]) -> Option<Checked> {
    let (mut columns, mut casts) = (Vec::new(), Vec::new());
    for column in found {
        let name = identifier(&column.name);
        let own = SqlType::parse(&column.sql_type).ok()?;
        let Some(texts) = own.with(&|part| is_one_of(part, EXACT).then_some(TEXT)) else {
            columns.push(format!("{}: {}", literal(&column.name), literal(&column.sql_type)));
            continue;
        };
        let loss = match &own {
            SqlType::Plain("BOOLEAN") => format!("{name} NOT IN ('true', 'false')"),
            SqlType::Plain(_) => is_no_integer(&name),
            _ => format!("CAST(TRY_CAST({name} AS {own}) AS {texts}) IS DISTINCT FROM {name}"),
        };
        columns.push(format!("{}: {}", literal(&column.name), literal(&texts.to_string())));
        casts.push(format!("CAST({} AS {own}) AS {name}", unless(&loss, &name)));
    }
    checked(columns, &casts)
}

/// Those of the columns of a CSV that are times without a zone, each with what says whether a text has one all the same.
pub(super) fn zoneless(found: &[Column], sniffed: Sniffed) -> Vec<(&Column, String)> {
    let times = found.iter().filter(|column| is_zoneless(column, sniffed));
    times.map(|column| (column, has_zone(&identifier(&column.name)))).collect()
}

fn is_zoneless(column: &Column, sniffed: Sniffed) -> bool {
    column.sql_type == "TIME" || column.sql_type == "TIMESTAMP" && !sniffed.has_time_form
}

/// What says whether a text has a time with a zone.
pub(super) fn has_zone(name: &str) -> String {
    // What most of them look like is told apart quickly.
    format!("{name} NOT LIKE '____-__-_____:__:__' AND regexp_matches({name}, '{ZONE}')")
}

/// Columns that are read as text, by type for DuckDB's reader of CSVs.
pub(super) fn as_text<'a>(columns: impl Iterator<Item = &'a Column>) -> Vec<String> {
    columns.map(|column| format!("{}: 'VARCHAR'", literal(&column.name))).collect()
}

/// The same of times that have a zone. Where one has none it is in UTC, as DuckDB takes it where it sees both among the first.
pub(super) fn zoned(columns: &[&Column]) -> Vec<String> {
    let sql_type = |column: &Column| match column.sql_type.as_str() {
        "TIMESTAMP" => "TIMESTAMP WITH TIME ZONE",
        _ => "VARCHAR",
    };
    columns.iter().map(|column| format!("{}: '{}'", literal(&column.name), sql_type(column))).collect()
}

/// Whether one of the columns has dates or times, of whose form its type does not tell.
pub(super) fn has_times(found: &[Column]) -> bool {
    found.iter().any(|column| timeless(&column.sql_type).is_some())
}

/// The columns with texts in place of dates and times.
pub(super) fn without_times(found: &[Column]) -> Vec<Column> {
    let sql_type = |own: &str| timeless(own).map_or_else(|| own.to_owned(), |other| other.to_string());
    found.iter().map(|column| Column { name: column.name.clone(), sql_type: sql_type(&column.sql_type) }).collect()
}

/// Whether DuckDB's words are of a value that would be lost.
pub(super) fn is_loss(said: &str) -> bool {
    said.contains(LOSS)
}

/// A form of dates as people write it, and the one with day and month the other way round; `None` where it begins with the year,
/// as no such dates begin with the year and the day.
pub(super) fn swapped(form: &str) -> Option<(String, String)> {
    let (day, month) = (form.find("%d")?, form.find("%m")?);
    let year = form.find("%Y").or_else(|| form.find("%y"))?;
    let told = |day: &str, month: &str| {
        let parts = [
            ("%d", day),
            ("%m", month),
            ("%Y", "YYYY"),
            ("%y", "YY"),
            ("%H", "hh"),
            ("%I", "hh"),
            ("%M", "mm"),
            ("%S", "ss"),
        ];
        parts.iter().fold(form.replace("%p", "AM"), |form, (sign, told)| form.replace(sign, told))
    };
    (year > day.min(month)).then(|| (told("DD", "MM"), told("MM", "DD")))
}

/// Notes on columns of text whose numbers a DOUBLE does not keep to the last digit.
pub(super) fn beyond_double(columns: &[Column], files: &[DataFile]) -> Vec<String> {
    let is_beyond = |name: &str| {
        let known = files.iter().filter_map(|file| file.columns.get(name));
        let ends = known.flat_map(|column| [column.min.as_deref(), column.max.as_deref()]);
        ends.flatten().filter_map(|end| end.parse::<f64>().ok()).any(|end| end.is_finite() && end.abs() >= EXACT_DOUBLE)
    };
    let doubles = columns.iter().filter(|column| column.sql_type == "DOUBLE" && is_beyond(&column.name));
    let note = |column: &Column| {
        format!(
            "column `{}` has numbers beyond {EXACT_DOUBLE}, of which a DOUBLE keeps about 15 digits: where they are to be exact, as \
             identifiers are, write them with a letter before, or as Parquet",
            column.name
        )
    };
    doubles.map(note).collect()
}

/// Up to this, a DOUBLE holds every integer.
const EXACT_DOUBLE: f64 = 9_007_199_254_740_992.0;

const TEXT: SqlType = SqlType::Plain("VARCHAR");

fn is_one_of(part: &SqlType, names: &[&str]) -> bool {
    matches!(part, SqlType::Plain(name) if names.contains(name))
}

fn timeless(sql_type: &str) -> Option<SqlType> {
    SqlType::parse(sql_type).ok()?.with(&|part| is_one_of(part, TIMES).then_some(TEXT))
}

/// Whether a text is rounded where it is cast to an integer: of 1.5 and of 5e-05 that is so.
pub(super) fn is_no_integer(name: &str) -> String {
    format!("contains({name}, '.') OR contains({name}, '-') AND (contains({name}, 'e') OR contains({name}, 'E'))")
}

fn unless(loss: &str, name: &str) -> String {
    format!("CASE WHEN {loss} THEN error({}) ELSE {name} END", literal(LOSS))
}

fn checked(columns: Vec<String>, casts: &[String]) -> Option<Checked> {
    (!casts.is_empty()).then(|| Checked { columns, replace: format!("REPLACE ({})", casts.join(", ")) })
}
