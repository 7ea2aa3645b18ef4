//! Plans that are carried out here, over Parquet files of this test's own: each answer has to be DuckDB's.

mod support;

use support::Lake;

#[test]
fn groups() {
    let lake = Lake::mixed();
    lake.same("SELECT k, count(*), sum(i), min(d), max(s), avg(i) FROM t GROUP BY k ORDER BY k");
}
