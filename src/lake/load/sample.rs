//! Generated data: New York's yellow cabs in April 2019 as they could have been.
//!
//! Every value follows from its row's number alone, by DuckDB's `hash` and by integer arithmetic, so that the first rows
//! of a longer sample are those of a shorter one, and the same on every machine and with any number of threads.

use anyhow::Result;

use crate::error::{nearest, usage};

/// Rows when none are asked for.
pub(super) const DEFAULT_ROWS: u64 = 1_000_000;

/// Samples by name.
const NAMES: &[&str] = &["taxi"];

/// Days of the month, 64 to draw from: weekdays more often than Sundays.
const DAYS: [u8; 64] = [
    2, 3, 4, 5, 9, 10, 11, 12, 16, 17, 18, 19, 23, 24, 25, 26, 1, 8, 15, 22, 29, 30, 2, 3, 4, 5, 9, 10, 11, 12, 16, 17,
    18, 19, 23, 24, 25, 26, 6, 13, 20, 27, 6, 13, 20, 27, 7, 14, 21, 28, 1, 8, 15, 22, 29, 30, 4, 11, 18, 25, 5, 12,
    19, 26,
];

/// Hours of the day, 64 to draw from: quiet before dawn, busiest from six to eight in the evening.
const HOURS: [u8; 64] = [
    0, 0, 0, 1, 1, 2, 3, 4, 5, 6, 6, 7, 7, 7, 8, 8, 8, 9, 9, 9, 10, 10, 10, 11, 11, 11, 12, 12, 12, 13, 13, 13, 14, 14,
    14, 15, 15, 15, 16, 16, 17, 17, 17, 18, 18, 18, 18, 19, 19, 19, 19, 20, 20, 20, 21, 21, 21, 22, 22, 22, 23, 23, 23,
    0,
];

/// Taxi zones, busiest first; the generator draws the first ones far more often than the last.
const ZONES: [u16; 64] = [
    237, 161, 236, 162, 186, 230, 170, 48, 234, 142, 132, 239, 79, 163, 107, 68, 238, 141, 164, 138, 249, 263, 100,
    229, 140, 90, 113, 231, 43, 246, 143, 262, 137, 50, 75, 114, 158, 148, 151, 166, 144, 87, 233, 24, 13, 211, 224,
    125, 261, 74, 181, 41, 42, 255, 7, 112, 145, 129, 256, 61, 97, 244, 45, 232,
];

/// Most rows of a sample: far more than anyone has disk for, and safe in DuckDB's `range`.
const MOST_ROWS: u64 = 1_000_000_000_000;

/// The query that generates `rows` rows of the sample `name`.
///
/// # Errors
/// A usage error for an unknown sample and for no rows.
pub(super) fn query(name: &str, rows: u64) -> Result<String> {
    if !NAMES.contains(&name) {
        let near = nearest(name, NAMES.iter().copied()).unwrap_or(NAMES[0]);
        return Err(usage(format!("there is no sample `{name}`"), format!("try `--sample {near}`")));
    }
    if !(1..=MOST_ROWS).contains(&rows) {
        return Err(usage(format!("cannot generate {rows} rows"), format!("ask for 1 to {MOST_ROWS}")));
    }
    Ok(taxi(rows))
}

/// Three hashes a row, cut into draws: of three numbers, because DuckDB's `hash(i, 1)` and `hash(i, 2)` go hand in hand.
/// Amounts are in cents and distances in hundredths of a mile until the last step: no rounding depends on the processor.
fn taxi(rows: u64) -> String {
    format!(
        r"
WITH noise AS (
    SELECT hash(3 * i) AS a, hash(3 * i + 1) AS b, hash(3 * i + 2) AS c FROM range({rows}) AS numbers(i)
), drawn AS (
    SELECT
        make_timestamp(2019, 4, {DAYS:?}[1 + (a & 63)::INTEGER], {HOURS:?}[1 + ((a >> 6) & 63)::INTEGER],
            ((a >> 12) % 60)::INTEGER, ((a >> 20) % 60)::DOUBLE) AS pickup_at,
        ((a >> 38) & 255)::INTEGER AS pickup,
        ((a >> 46) & 255)::INTEGER AS dropoff,
        ((a >> 54) & 1023)::INTEGER AS stray,
        (b & 65535)::DOUBLE / 65536 AS distance,
        ((b >> 16) & 1023)::INTEGER AS pace,
        ((b >> 26) & 127)::INTEGER AS riders,
        ((b >> 33) & 1023)::INTEGER AS unknown,
        ((b >> 43) & 1023)::INTEGER AS rate,
        ((b >> 53) & 1023)::INTEGER AS paid,
        (c & 1023)::INTEGER AS generosity,
        ((c >> 10) & 1023)::INTEGER AS toll,
        ((c >> 20) & 255)::INTEGER AS vendor,
        ((c >> 28) & 255)::INTEGER AS stored,
        ((c >> 36) & 65535)::INTEGER AS outlier,
        ((c >> 52) & 4095)::INTEGER AS anywhere
    FROM noise
), measured AS (
    SELECT *, CASE
        WHEN outlier = 0 THEN 20000 + pace * 10
        WHEN rate < 22 THEN 1650 + pace // 2
        ELSE 30 + floor(300 * distance + 700 * distance * distance * distance * distance * distance)::INTEGER
        END AS miles
    FROM drawn
), metered AS (
    SELECT *,
        60 + miles * (120 + pace // 5) // 100 + stray // 8 AS seconds,
        CASE WHEN rate < 22 THEN 5200 ELSE 250 + 50 * (miles // 20 + pace // 200) END AS fare,
        CASE WHEN paid < 720 THEN 1 WHEN paid < 1010 THEN 2 WHEN paid < 1018 THEN 3 ELSE 4 END AS payment,
        CASE
            WHEN hour(pickup_at) >= 20 OR hour(pickup_at) < 6 THEN 50
            WHEN hour(pickup_at) >= 16 AND dayofweek(pickup_at) BETWEEN 1 AND 5 THEN 100
            ELSE 0
        END AS surcharge,
        CASE WHEN rate < 22 OR toll < 35 THEN 576 ELSE 0 END AS tolls
    FROM measured
), tipped AS (
    SELECT *,
        CASE WHEN payment = 1 AND generosity >= 40 THEN fare * (10 + generosity % 20) // 100 ELSE 0 END AS tip
    FROM metered
)
SELECT
    pickup_at,
    pickup_at + to_seconds(seconds) AS dropoff_at,
    CASE WHEN unknown < 5 THEN NULL WHEN riders < 2 THEN 0.0 WHEN riders < 92 THEN 1.0 WHEN riders < 111 THEN 2.0
        WHEN riders < 117 THEN 3.0 WHEN riders < 120 THEN 4.0 WHEN riders < 125 THEN 5.0 ELSE 6.0
        END::DOUBLE AS passenger_count,
    miles / 100.0::DOUBLE AS trip_distance,
    CASE WHEN unknown < 5 THEN NULL WHEN rate < 22 THEN 2.0 WHEN rate < 25 THEN 3.0 WHEN rate < 30 THEN 5.0 ELSE 1.0
        END::DOUBLE AS rate_code_id,
    CASE WHEN unknown < 5 THEN NULL WHEN stored = 0 THEN 'Y' ELSE 'N' END AS store_and_fwd_flag,
    CASE WHEN stray < 120 THEN 1 + anywhere % 265 ELSE {ZONES:?}[1 + pickup * pickup // 1024]
        END::BIGINT AS pickup_location_id,
    CASE WHEN stray BETWEEN 50 AND 300 THEN 1 + anywhere // 8 % 265 ELSE {ZONES:?}[1 + dropoff * dropoff // 1024]
        END::BIGINT AS dropoff_location_id,
    payment::BIGINT AS payment_type,
    fare / 100.0::DOUBLE AS fare_amount,
    surcharge / 100.0::DOUBLE AS extra,
    0.5::DOUBLE AS mta_tax,
    tip / 100.0::DOUBLE AS tip_amount,
    tolls / 100.0::DOUBLE AS tolls_amount,
    0.3::DOUBLE AS improvement_surcharge,
    (fare + surcharge + 50 + tip + tolls + 30 + 250) / 100.0::DOUBLE AS total_amount,
    CASE WHEN unknown >= 5 THEN 2.5::DOUBLE END AS congestion_surcharge,
    CASE WHEN vendor < 156 THEN 2 ELSE 1 END::BIGINT AS vendor_id
FROM tipped"
    )
}

#[cfg(test)]
mod tests {
    use duckdb::Connection;

    use super::*;

    fn one<T: duckdb::types::FromSql>(sql: &str) -> T {
        Connection::open_in_memory().unwrap().query_row(sql, [], |row| row.get(0)).unwrap()
    }

    /// A number that changes when any value of the first `first` of `rows` rows does.
    fn fingerprint(rows: u64, first: u64, threads: u8) -> String {
        let connection = Connection::open_in_memory().unwrap();
        connection.execute_batch(&format!("SET threads = {threads}")).unwrap();
        let sql = format!("SELECT CAST(sum(hash(t)) AS VARCHAR) FROM (SELECT * FROM ({}) LIMIT {first}) t", taxi(rows));
        connection.query_row(&sql, [], |row| row.get(0)).unwrap()
    }

    #[test]
    fn the_same_rows_every_time() {
        let once = fingerprint(300_000, 200_000, 1);
        assert_eq!(once, fingerprint(300_000, 200_000, 4));
        assert_eq!(once, fingerprint(200_000, 200_000, 2));
        assert_ne!(once, fingerprint(300_000, 200_001, 1));
    }

    #[test]
    fn the_values_are_pinned() {
        // Changes when the generator does: then figures that were published for the sample are no longer its own.
        let sql = format!("SELECT CAST(sum(CAST(total_amount * 100 AS BIGINT)) AS VARCHAR) FROM ({})", taxi(100_000));
        assert_eq!(one::<String>(&sql), "170607484");
    }

    #[test]
    fn the_data_look_like_april_2019() {
        let sample = taxi(200_000);
        assert_eq!(one::<i64>(&format!("SELECT count(DISTINCT CAST(pickup_at AS DATE)) FROM ({sample})")), 30);
        assert!(one::<bool>(&format!(
            "SELECT min(pickup_at) >= '2019-04-01' AND max(pickup_at) < '2019-05-01' AND bool_and(dropoff_at > pickup_at)
                AND min(pickup_location_id) = 1 AND max(pickup_location_id) = 265 FROM ({sample})"
        )));
        let nulls = one::<f64>(&format!("SELECT 1 - count(passenger_count) / count(*) FROM ({sample})"));
        assert!((0.003..0.007).contains(&nulls), "{nulls}");
        let busiest = one::<f64>(&format!(
            "SELECT sum(n) / 200000 FROM (SELECT count(*) AS n FROM ({sample}) GROUP BY pickup_location_id ORDER BY n DESC LIMIT 26)"
        ));
        assert!(busiest > 0.5, "a tenth of the zones has most of the trips: {busiest}");
    }

    #[test]
    fn unknown_names_and_no_rows_are_refused() {
        assert_eq!(query("taxy", 1).unwrap_err().to_string(), "there is no sample `taxy`");
        assert_eq!(query("taxi", 0).unwrap_err().to_string(), "cannot generate 0 rows");
        assert!(query("taxi", u64::MAX).is_err());
    }
}
