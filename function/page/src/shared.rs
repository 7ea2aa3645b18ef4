//! Queries of a page that several others read: each is run once, its rows are one file of Parquet among the engine's results, and the
//! others are run over that file. This is what of it `quackctl dash` and the page function have to agree on.

use std::time::Duration;

use quack_function::iceberg::metadata::Differs;
use quack_function::sql_type::SqlType;
use quack_function::wire::{Column, Group, Shapes, TableDef};

/// How names of the tables begin that stand for such rows. A digest of the query follows: a lake has no table of that name.
pub const TABLE: &str = "quack_page_";

/// Most rows of such a query, and most bytes of its file: whoever reads more of them runs the query within its own.
pub const MOST_ROWS: u64 = 1_000_000;
pub const MOST_BYTES: u64 = 16 << 20;

/// How long the rows are gone by. The engine's results go after a day.
pub const LASTS: Duration = Duration::from_secs(12 * 60 * 60);

/// What a load of the page has to save of the engine's time: running a query apart takes an invocation more, and four objects to write
/// (its file, what is told of it, and that it is being run), which on AWS is what two thirds of a second of an engine of 2 GB cost.
pub const WORTH: Duration = Duration::from_secs(1);

/// Whether it pays that a query which takes so long is run once for so many that read it.
pub fn pays(takes: Duration, readers: u32) -> bool {
    takes.saturating_mul(readers.saturating_sub(1)) >= WORTH
}

/// The table that stands for rows in a file that was written [`quack_function::wire::Spill::Always`], of exactly the types that the query
/// gives; nothing where Parquet does not bring one of them back, or where columns may have had one name.
pub fn definition(table: &str, columns: &[Column], uri: &str) -> Option<TableDef> {
    let comes_back = |column: &Column| SqlType::parse(&column.sql_type).is_ok_and(|own| comes_back(&own));
    if !columns.iter().all(comes_back) || may_be_named_anew(columns) {
        return None;
    }
    let groups = vec![Group::new(vec![uri.into()], Differs::default())];
    let shapes = Some(Shapes { columns: columns.to_vec(), groups });
    let definition = TableDef { name: table.to_owned(), files: Vec::new(), partitions: Vec::new(), shapes };
    definition.view_sql().is_ok().then_some(definition)
}

/// Whether each value of a type is the same one when it was written and cast back. Not so an interval, which has no microseconds in a file,
/// a time with its zone, and what only a file tells; and what this does not know.
fn comes_back(sql_type: &SqlType) -> bool {
    match sql_type {
        SqlType::Plain(name) => PLAIN.contains(name),
        SqlType::Decimal { .. } | SqlType::Enum(_) => true,
        SqlType::List(of) | SqlType::Array(of, _) => comes_back(of),
        SqlType::Map(key, value) => comes_back(key) && comes_back(value),
        SqlType::Struct(fields) => fields.iter().all(|(name, of)| !name.is_empty() && comes_back(of)),
        SqlType::Union(_) | SqlType::Geometry(_) => false,
    }
}

const PLAIN: &[&str] = &[
    "BOOLEAN",
    "TINYINT",
    "SMALLINT",
    "INTEGER",
    "BIGINT",
    "HUGEINT",
    "UTINYINT",
    "USMALLINT",
    "UINTEGER",
    "UBIGINT",
    "UHUGEINT",
    "FLOAT",
    "DOUBLE",
    "VARCHAR",
    "JSON",
    "BLOB",
    "UUID",
    "DATE",
    "TIME",
    "TIMESTAMP",
    "TIMESTAMP_NS",
    "TIMESTAMP WITH TIME ZONE",
];

/// Whether some of these names may be such that the engine gave, as a query may have a name twice: `a` and `a_1`. Within another query,
/// DuckDB may give them others.
fn may_be_named_anew(columns: &[Column]) -> bool {
    let names: Vec<String> = columns.iter().map(|column| column.name.to_lowercase()).collect();
    names.iter().any(|name| {
        name.rsplit_once('_').is_some_and(|(stem, number)| {
            number.bytes().all(|byte| byte.is_ascii_digit()) && names.iter().any(|other| other == stem)
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn column(name: &str, sql_type: &str) -> Column {
        Column { name: name.to_owned(), sql_type: sql_type.to_owned() }
    }

    fn defined(columns: &[(&str, &str)]) -> Option<TableDef> {
        let columns: Vec<Column> = columns.iter().map(|(name, sql_type)| column(name, sql_type)).collect();
        definition("quack_page_0", &columns, "s3://lake/_quack/results/1/rows.parquet")
    }

    #[test]
    fn types_are_those_of_the_query_or_it_is_not_shared() {
        let sql = defined(&[("n \"x", "HUGEINT"), ("m", "ENUM('a', 'b')")]).unwrap().view_sql().unwrap();
        assert!(sql.starts_with("CREATE VIEW memory.main.\"quack_page_0\" AS SELECT * FROM (SELECT CAST("), "{sql}");
        assert!(sql.contains("CAST(\"n \"\"x\" AS HUGEINT)") && sql.contains("AS ENUM('a', 'b'))"), "{sql}");
        for sql_type in ["STRUCT(\"a\" INTEGER[], \"b\" DECIMAL(9,2))[3]", "MAP(VARCHAR, UUID)", "JSON", "TIMESTAMPTZ"]
        {
            assert!(defined(&[("a", sql_type)]).is_some(), "{sql_type}");
        }
        for sql_type in [
            "INTERVAL[]",
            "BIT",
            "BIGNUM",
            "TIMETZ",
            "STRUCT(INTEGER)",
            "UNION(a INTEGER)",
            "\"NULL\"",
            "GEOMETRY",
            "x",
        ] {
            assert!(defined(&[("a", sql_type)]).is_none(), "{sql_type}");
        }
    }

    #[test]
    fn names_that_may_have_been_one_are_not_shared() {
        assert!(defined(&[("a", "DATE"), ("A_1", "DATE")]).is_none());
        assert!(defined(&[("", "DATE")]).is_none() && defined(&[("a", "DATE"), ("A", "DATE")]).is_none());
        assert!(defined(&[("top_1", "DATE"), ("top_2", "DATE"), ("_1", "DATE")]).is_some());
    }

    #[test]
    fn what_saves_nothing_is_not_shared() {
        assert!(pays(Duration::from_millis(334), 4) && !pays(Duration::from_millis(300), 4));
        assert!(!pays(Duration::from_secs(60), 1) && !pays(Duration::ZERO, u32::MAX));
    }
}
