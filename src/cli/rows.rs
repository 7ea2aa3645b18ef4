//! What the commands take that move rows: into the lake, and out of it by SQL.

use std::path::PathBuf;

use clap::Args;

use super::branch::OnBranch;
use crate::bench::{self, simulate};
use crate::output::Format;
use crate::planner::Workers;

#[derive(Debug, Args)]
#[command(
    group(clap::ArgGroup::new("from").required(true).args(["source", "sample", "dataset"])),
    after_help = "\
An interrupted load leaves the table as it was.

Examples:
  quackctl load trips.csv --table trips
  quackctl load 'logs/*.jsonl' --table logs --append
  quackctl load may.csv june.csv 'late/*.csv' --table trips
  gunzip -c trips.gz | quackctl load - --table trips
  quackctl load https://example.org/trips.parquet --table trips --replace
  quackctl load 's3://my-bucket/trips/*.parquet' --table trips
  quackctl load trips.csv --table trips --partition-by 'day=CAST(pickup AS DATE)'
  quackctl load umsatz.csv --table sales --delimiter ';' --decimal , --types 'plz=VARCHAR'
  quackctl load --sample taxi --rows 5000000 --table trips --partition-by date=pickup_at::DATE
  quackctl load --dataset taxi --table trips"
)]
pub(crate) struct LoadArgs {
    /// Files, globs, http(s) URLs or s3:// addresses of Parquet, CSV, TSV or JSON(L); `-` is standard input
    pub source: Vec<String>,
    /// Generate synthetic data instead: `taxi`
    #[arg(long, value_name = "NAME")]
    pub sample: Option<String>,
    /// Rows of the sample
    #[arg(long, value_name = "N", requires = "sample", conflicts_with_all = ["source", "dataset"],
        value_parser = whole, allow_negative_numbers = true)]
    pub rows: Option<u64>,
    /// Download a public data set instead: `taxi` (New York yellow cabs, April 2019)
    #[arg(long, value_name = "NAME")]
    pub dataset: Option<String>,
    /// The table's name
    #[arg(short, long, value_name = "NAME")]
    pub table: String,
    /// Split into one folder per value of EXPR; repeat for nested folders
    #[arg(short, long, value_name = "NAME=EXPR")]
    pub partition_by: Vec<String>,
    /// Put the new rows in place of the table's
    #[arg(long, conflicts_with = "append")]
    pub replace: bool,
    /// Add the new rows to the table's
    #[arg(long)]
    pub append: bool,
    #[command(flatten)]
    pub on: OnBranch,
    #[command(flatten)]
    pub text: TextArgs,
}

#[derive(Debug, Args)]
#[command(after_help = "\
The files stay where they are, and `drop`, `expire` and `compact` never delete
them. They lie in the lake's bucket, apart from what quackctl writes, or in a
folder that `read` under [lake] in quack.toml names. Functions read their footers
side by side; folders like `day=2026-03-01/` become columns. INSERT, UPDATE,
DELETE, MERGE and `load --append` write files of the table's own beside them.

Files that come later, and those that have changed where they lie, are seen by
`--replace`; what SQL has changed is then undone.

Examples:
  quackctl register 's3://my-bucket/events/*/*.parquet' --table events
  quackctl register 's3://my-bucket/events/*/*.parquet' --table events --replace
  quackctl query 'SELECT day, count(*) FROM events GROUP BY day'

With --iceberg, a table of Apache Iceberg (form 1 or 2) that another program
writes: as it is now, at its newest snapshot, whose files are not copied. It can
be read in every way; what would change it is refused. `--replace` takes the
snapshot that is the newest by then. Rows that are deleted by files of their own
(merge on read), files that are not Parquet, and names that changed within
nested types are refused: have that program compact the table first.

  quackctl register --iceberg s3://my-bucket/db/orders --table orders
  quackctl register --iceberg s3://my-bucket/db/orders/metadata/00007-2f.metadata.json --table orders --replace
  quackctl query 'CREATE TABLE mine AS FROM orders'      # rows of your own")]
pub(crate) struct RegisterArgs {
    /// Address of Parquet files, s3://BUCKET/KEY, where KEY may be a glob, in quotes; with --iceberg, of a table's metadata or folder
    pub source: String,
    /// The address is that of another program's Iceberg table, which is read-only here
    #[arg(long)]
    pub iceberg: bool,
    /// The table's name
    #[arg(short, long, value_name = "NAME")]
    pub table: String,
    /// Look anew, in place of what the table has: files that came are seen, files that went are not
    #[arg(long)]
    pub replace: bool,
}

/// How a text is written; most of it is found out where nothing is said.
#[derive(Debug, Args)]
#[command(next_help_heading = "Options for text (CSV, TSV)")]
pub(crate) struct TextArgs {
    /// What stands between values: one character, or `tab`
    #[arg(long, value_name = "CHAR", allow_hyphen_values = true)]
    pub delimiter: Option<String>,
    /// How characters are stored, also of JSON: utf-8, utf-16, latin-1 or windows-1252
    #[arg(long, value_name = "NAME")]
    pub encoding: Option<String>,
    /// A text that means NULL, as an empty value always does; repeat for more
    #[arg(long, value_name = "TEXT", allow_hyphen_values = true)]
    pub null: Vec<String>,
    /// What stands before a number's decimals: `,` or `.`
    #[arg(long, value_name = "CHAR")]
    pub decimal: Option<String>,
    /// Whether the first line has the columns' names: yes or no
    #[arg(long, value_name = "YES|NO")]
    pub header: Option<String>,
    /// Types of columns, in place of those that the values suggest: 'zip=VARCHAR,price=DECIMAL(18,2)'
    #[arg(long, value_name = "NAME=TYPE,...")]
    pub types: Vec<String>,
}

#[derive(Debug, Args)]
#[command(
    group(clap::ArgGroup::new("text").args(["sql", "query", "file"])),
    after_help = "\
Data goes to standard output, everything else to standard error. Without SQL: a health check that counts a table's rows.
Every row comes back; a table on a terminal shows the first ones unless --limit or --all says otherwise.
Of several statements each result is printed. CREATE TABLE, INSERT, UPDATE, DELETE, TRUNCATE, ALTER TABLE RENAME and DROP TABLE
change the lake; what stands between BEGIN and COMMIT does so at once.
`--format json` prints the rows as one array; `--json` one object: {\"rows\": [...], \"metadata\": ...}.
With -o, the file's name tells the format unless --format does; Arrow is an IPC file there, and an IPC stream in a pipe.

Examples:
  quackctl query 'SELECT count(*) FROM trips'
  quackctl query -f report.sql --format markdown
  quackctl query < report.sql > report.txt
  quackctl query 'SELECT count(*) FROM trips WHERE date = $day' --param day=2019-04-01
  quackctl query -o out.parquet 'SELECT * FROM trips'
  quackctl query 'CREATE TABLE zones AS SELECT zone, count(*) AS n FROM trips GROUP BY ALL'
  quackctl query --explain --workers 8 'SELECT count(*) FROM trips'
  quackctl query \"SELECT * FROM 's3://my-bucket/some/*.parquet'\" --limit 5"
)]
pub(crate) struct QueryArgs {
    /// The SQL; `-` reads it from standard input, as does none when that is a file or a pipe
    pub sql: Option<String>,
    /// The SQL, as an option
    #[arg(short, long = "query", value_name = "SQL")]
    pub query: Option<String>,
    /// Read the SQL from a file
    #[arg(short, long, value_name = "FILE")]
    pub file: Option<PathBuf>,
    /// A value for `$NAME` in the SQL, which it never becomes part of; repeat for more
    #[arg(long = "param", value_name = "NAME=VALUE")]
    pub params: Vec<String>,
    /// Most rows to return [default: all; 20 of a table on a terminal]
    #[arg(short, long, value_name = "N", conflicts_with = "all", value_parser = whole, allow_negative_numbers = true)]
    pub limit: Option<u64>,
    /// Return every row, also of a table on a terminal
    #[arg(short, long)]
    pub all: bool,
    /// How to write the rows [default: table]
    #[arg(long, value_enum, value_name = "NAME")]
    pub format: Option<Format>,
    /// Write the rows to a file; `-` is standard output
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// Show how the query would be divided among functions, and why; run nothing
    #[arg(long, conflicts_with_all = ["format", "output"])]
    pub explain: bool,
    /// Most functions to divide the query among, or `auto`: as many as pay
    #[arg(long, value_name = "N", default_value = "auto", value_parser = workers)]
    pub workers: Workers,
    #[command(flatten)]
    pub on: OnBranch,
}

#[derive(Debug, Args)]
#[command(after_help = "\
The same SQL as map-reduce on many functions, on one function, and in a DuckDB of this machine that reads the same files
of the bucket; in turn, and as often as -n says after a first round that warms up. Times are from the SQL to the last row.
All answers are compared: floating-point numbers within 1e-9, everything else exactly, rows in any order.
Without SQL: trips for each pickup location in the first days of the taxi table.
Exit code: 1 when answers differ.

Examples:
  quackctl bench
  quackctl bench -n 9 --days 30 --workers 16
  quackctl bench --workers auto 'SELECT passenger_count, avg(total_amount) FROM trips GROUP BY ALL'
  quackctl --target aws bench --json | jq '.ways[] | {way, mean_ms, cost_usd}'")]
pub(crate) struct BenchArgs {
    /// The SQL [default: trips for each pickup location]
    pub sql: Option<String>,
    /// Measured repetitions of each way
    #[arg(short = 'n', long, value_name = "N", default_value_t = 5, value_parser = times)]
    pub repetitions: u32,
    /// Days of the default query, from 1 April 2019
    #[arg(long, value_name = "N", default_value_t = 10, conflicts_with = "sql",
        value_parser = clap::value_parser!(u32).range(bench::DAYS))]
    pub days: u32,
    /// Table of the default query
    #[arg(short, long, value_name = "NAME", default_value = "trips", conflicts_with = "sql")]
    pub table: String,
    /// Most functions of the map-reduce, or `auto`: as many as pay
    #[arg(long, value_name = "N", default_value = "10", value_parser = workers)]
    pub workers: Workers,
    /// Run each part of the query by itself, and model what many functions would take side by side
    #[arg(long, conflicts_with_all = ["repetitions", "workers"])]
    pub simulate: bool,
    /// How many functions to model
    #[arg(long, value_name = "N,N", default_value = simulate::FUNCTIONS, value_delimiter = ',', requires = "simulate",
        value_parser = functions)]
    pub functions: Vec<usize>,
    /// What chance begins with in the model
    #[arg(long, value_name = "N", default_value_t = 1, requires = "simulate")]
    pub seed: u64,
}

/// A number of functions that an account may have at once.
fn functions(text: &str) -> Result<usize, String> {
    let many = text.trim().parse().ok().filter(|many| (1..=simulate::FUNCTIONS_MAX).contains(many));
    many.ok_or_else(|| {
        format!(
            "write a whole number from 1 to {} in digits alone, or several with commas between",
            simulate::FUNCTIONS_MAX
        )
    })
}

/// A number of rows.
fn whole(text: &str) -> Result<u64, String> {
    text.parse().map_err(|_| "write a whole number in digits alone, e.g. 1000000".to_owned())
}

/// How often something is done.
fn times(text: &str) -> Result<u32, String> {
    let many = text.parse().ok().filter(|many| *many > 0);
    many.ok_or_else(|| "write a whole number from 1, in digits alone".to_owned())
}

fn workers(text: &str) -> Result<Workers, String> {
    match (text, text.parse()) {
        ("auto", _) => Ok(Workers::default()),
        (_, Ok(count)) if count > 0 => Ok(Workers::Exactly(count)),
        _ => Err("give a number of functions, or `auto`".to_owned()),
    }
}
