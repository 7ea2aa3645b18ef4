//! Rows along a Z-order curve: those that are close together in all of some columns come close together, so that a filter on any of
//! these skips most files and row groups, not on the first alone.
//!
//! Each column's values are cut into buckets of about as many rows, by a sample; the bits of a row's buckets, the highest first and by
//! turns, are its place on the curve.

use anyhow::Result;
use quack_function::sql::{identifier, literal};
use quack_function::wire::Column;
use serde::Deserialize;

use super::write::Work;
use crate::error::usage;
use crate::lake::load::partition::can_be_folder;

/// Least and most bits of a bucket's number: eight columns of so many make the 64 of a place. Each costs a comparison for each row.
const BITS: std::ops::RangeInclusive<u32> = 4..=8;

/// Rows that DuckDB puts into one row group.
const GROUP_ROWS: u64 = 122_880;

/// As many bits more than there are row groups: so many places, each with rows of its own, make a group's rows.
const MORE_BITS: u32 = 5;

/// The fewest and the most columns.
const COLUMNS: std::ops::RangeInclusive<usize> = 2..=8;

/// Rows that are looked at to find the buckets.
const SAMPLE: u32 = 100_000;

/// Characters of a text that tell where a bucket begins.
const PREFIX: usize = 64;

/// Refuses columns that rows are not put in such an order by.
///
/// # Errors
/// They are too few, too many, named twice, or of a type that has no order that a filter would use.
pub(super) fn check(columns: &[&Column]) -> Result<()> {
    let (least, most) = (COLUMNS.start(), COLUMNS.end());
    if !COLUMNS.contains(&columns.len()) {
        return Err(usage(
            format!("a Z-order is one of {least} to {most} columns, and {} are given", columns.len()),
            "by one column alone, rows are sorted: --sort NAME",
        ));
    }
    for (at, column) in columns.iter().enumerate() {
        if columns[..at].iter().any(|other| other.name == column.name) {
            return Err(usage(format!("`{}` is named twice", column.name), "name each column once"));
        }
        if can_be_folder(column).is_err() {
            return Err(usage(
                format!("`{}` is {}: rows are not put into a Z-order by such", column.name, column.sql_type),
                "name columns of numbers, texts, dates or times",
            ));
        }
    }
    Ok(())
}

/// The place of each row of `read`, which are so many `rows`, on the curve, as SQL: a UBIGINT.
///
/// # Errors
/// What the function says.
pub(super) async fn place(work: &mut Work<'_>, read: &str, columns: &[&Column], rows: u64) -> Result<String> {
    #[derive(Deserialize)]
    struct Bound {
        bound: Option<String>,
    }
    let mut places = Vec::with_capacity(columns.len());
    let buckets = buckets(rows, columns.len());
    for (at, column) in columns.iter().enumerate() {
        let bounds: Vec<Bound> = work.rows(&sampled(read, column, buckets)).await?;
        let bounds: Vec<String> = bounds.into_iter().filter_map(|of| of.bound).collect();
        places.push(part(column, &bounds, buckets, (at, columns.len())));
    }
    Ok(places.join(" + "))
}

/// How many buckets each of some columns has; NULL has the first.
fn buckets(rows: u64, columns: usize) -> usize {
    let groups = (rows / GROUP_ROWS).max(1).ilog2() + 1;
    let bits = (groups + MORE_BITS).div_ceil(u32::try_from(columns).unwrap_or(1));
    1 << bits.clamp(*BITS.start(), *BITS.end())
}

/// A sample of the rows, whose `columns` are wanted, for FROM.
pub(super) fn sample(read: &str, columns: &[Column]) -> String {
    let names: Vec<String> = columns.iter().map(|column| identifier(&column.name)).collect();
    format!("(SELECT {} FROM {read} USING SAMPLE reservoir({SAMPLE} ROWS))", names.join(", "))
}

/// The query for where a column's buckets begin, in the column's order.
fn sampled(read: &str, column: &Column, buckets: usize) -> String {
    let own = identifier(&column.name);
    let shares: Vec<String> = (1..buckets - 1).map(|at| (at as f64 / (buckets - 1) as f64).to_string()).collect();
    // Less of a text is less than it, so it begins a bucket as well.
    let kept = if column.sql_type == "VARCHAR" { format!("left({own}, {PREFIX})") } else { own.clone() };
    format!(
        "SELECT CAST(bounds.bound AS VARCHAR) AS bound FROM (
            SELECT DISTINCT unnest(quantile_disc({own}, [{}])) AS bound
            FROM (SELECT {kept} AS {own} FROM {read} WHERE {own} IS NOT NULL USING SAMPLE reservoir({SAMPLE} ROWS))
        ) AS bounds ORDER BY bounds.bound",
        shares.join(", ")
    )
}

/// The bits of a row's place that the column at `at`, of `all`, has: its bucket's, each in its turn.
fn part(column: &Column, bounds: &[String], buckets: usize, (at, all): (usize, usize)) -> String {
    // Of few buckets the numbers are as far apart as can be: else another column's bits would count for more.
    let count = bounds.len() + 1;
    let bits = |bucket: usize| spread(((bucket + 1) * (buckets - 1) / count) as u64, at, all);
    let own = identifier(&column.name);
    let sql_type = &column.sql_type;
    format!("CAST(CASE WHEN {own} IS NULL THEN 0 ELSE {} END AS UBIGINT)", choice(&own, sql_type, bounds, 0, &bits))
}

/// The `bits` of the bucket that a value is in, of those that `bounds` cut, the first of which is `first`: by halves.
fn choice(own: &str, sql_type: &str, bounds: &[String], first: usize, bits: &dyn Fn(usize) -> u64) -> String {
    let middle = bounds.len() / 2;
    let Some(bound) = bounds.get(middle) else { return bits(first).to_string() };
    let (low, high) = (&bounds[..middle], &bounds[middle + 1..]);
    format!(
        "CASE WHEN {own} < CAST({} AS {sql_type}) THEN {} ELSE {} END",
        literal(bound),
        choice(own, sql_type, low, first, bits),
        choice(own, sql_type, high, first + middle + 1, bits)
    )
}

/// The bits of a number, each at the turn of the one at `at` of `all`.
fn spread(number: u64, at: usize, all: usize) -> u64 {
    let bit = |bit: u32| (number >> bit & 1) << (bit as usize * all + (all - 1 - at));
    (0..*BITS.end()).map(bit).fold(0, |place, bit| place | bit)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::duck::{self, Sandbox};

    fn column(name: &str, sql_type: &str) -> Column {
        Column { name: name.to_owned(), sql_type: sql_type.to_owned() }
    }

    #[test]
    fn bits_come_by_turns() {
        assert_eq!([spread(0b11, 0, 2), spread(0b11, 1, 2), spread(0b101, 1, 3)], [0b1010, 0b0101, 0b10_000_010]);
        let all = (0..8).map(|at| spread(255, at, 8)).sum::<u64>();
        assert_eq!(all, u64::MAX, "eight columns have all bits, each once");
    }

    #[test]
    fn more_rows_have_more_buckets() {
        let of = [(1, 2), (8_000_000, 2), (1 << 40, 2), (8_000_000, 4)].map(|(rows, columns)| buckets(rows, columns));
        assert_eq!(of, [16, 64, 256, 16]);
    }

    #[test]
    fn values_have_places_in_their_order() {
        let connection = duck::open(&Sandbox::default()).unwrap();
        for (sql_type, values, buckets) in [
            ("INTEGER", "(-5), (0), (0), (7), (2147483647), (NULL)", 5),
            ("DOUBLE", "('-inf'), ('0'), ('1.5'), ('inf'), ('nan'), (NULL)", 6),
            ("DATE", "('0044-03-15 (BC)'), ('2026-01-01'), ('infinity'), (NULL)", 4),
            ("TIMESTAMP WITH TIME ZONE", "('2026-01-01 12:00:00+02'), ('2026-01-01 11:00:00+00'), (NULL)", 3),
            ("VARCHAR", "(''), ('a''b'), ('é'), (repeat('z', 100) || 'a'), (NULL)", 5),
            ("BOOLEAN", "(true), (false), (NULL)", 3),
        ] {
            connection.execute_batch(&format!("CREATE OR REPLACE TABLE t AS SELECT CAST(v AS {sql_type}) AS \"a \"\"b\" FROM (VALUES {values}) t(v)")).unwrap();
            let column = column("a \"b", sql_type);
            let mut statement = connection.prepare(&sampled("t", &column, 16)).unwrap();
            let bounds: Vec<String> =
                statement.query_map([], |row| row.get(0)).unwrap().collect::<duckdb::Result<_>>().unwrap();
            let place = part(&column, &bounds, 16, (1, 2));
            // NULL first, then as the column has it: no value has a place before that of a lesser one.
            let sql = format!(
                "SELECT bool_and(p >= coalesce(before, 0)), count(DISTINCT p), min(p) FILTER (v IS NULL) FROM (
                    SELECT v, p, lag(p) OVER (ORDER BY v NULLS FIRST) AS before FROM (SELECT \"a \"\"b\" AS v, {place} AS p FROM t))"
            );
            let told: (bool, u64, u64) =
                connection.query_row(&sql, [], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?))).unwrap();
            assert_eq!(told, (true, buckets, 0), "{sql_type}: {place}");
        }
    }

    #[test]
    fn columns_without_an_order_are_refused() {
        let (a, b) = (column("a", "BIGINT"), column("b", "VARCHAR"));
        assert!(check(&[&a, &b]).is_ok());
        let list = column("l", "BIGINT[]");
        for (columns, told) in [
            (vec![&a], "one of 2 to 8 columns, and 1 are given"),
            (vec![&a, &b, &a], "`a` is named twice"),
            (vec![&a, &list], "`l` is BIGINT[]: rows are not put into a Z-order by such"),
        ] {
            let error = check(&columns).unwrap_err().to_string();
            assert!(error.contains(told), "{error}");
        }
    }
}
