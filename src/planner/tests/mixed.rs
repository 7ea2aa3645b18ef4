//! The lake that most tests ask.

use super::support::Lake;

impl Lake {
    /// `t`: rows of many types in 6 files, among them NULLs, an empty file, one value's own file and the last with
    /// next to nothing but NULLs. `u`: a small table to join. `p`: partitioned by day.
    pub(super) fn mixed() -> Self {
        let mut lake = Self::new();
        lake.execute(
            "CREATE TABLE rows AS SELECT i AS id, CASE WHEN i % 11 = 0 THEN NULL ELSE i % 7 END AS k,
                 CASE WHEN i % 5 = 0 THEN NULL ELSE CAST(hash(i) % 2001 AS INTEGER) - 1000 END AS i,
                 CAST(9223372036854775000 - hash(i) % 1000 AS BIGINT) AS big,
                 CAST(hash(i + 1) % 100000 AS DECIMAL(12, 2)) / 7 AS d,
                 CAST(CAST(hash(i + 2) % 1000003 AS DECIMAL(18, 0)) / 100 AS DECIMAL(15, 2)) AS money,
                 CASE WHEN i % 13 = 0 THEN NULL ELSE 1e6 + (hash(i + 3) % 10000) / 7.0 END AS x,
                 CASE WHEN i % 17 = 0 THEN NULL ELSE sin(i) * 100 END AS y,
                 CASE WHEN i % 3 = 0 THEN NULL ELSE chr(CAST(97 + hash(i + 4) % 26 AS INTEGER)) || (i % 10) END AS s,
                 DATE '2019-04-01' + CAST(hash(i + 5) % 30 AS INTEGER) AS day,
                 TIMESTAMP '2019-04-01 00:00:00' + to_seconds(CAST(hash(i + 6) % 2592000 AS BIGINT)) AS ts,
                 CASE WHEN i % 4 = 0 THEN NULL ELSE hash(i + 7) % 2 = 0 END AS b,
                 CAST(hash(i + 8) % 100 AS UTINYINT) AS tiny,
                 CAST(CAST(i AS HUGEINT) * 100000000000000000000 AS DECIMAL(38, 0)) AS huge,
                 [i % 3, i % 4] AS list, {'a': i % 5, 'b': 'z' || (i % 2)} AS st
             FROM range(3000) r(i)",
        );
        let parts: Vec<String> = [
            "id < 1000",
            "id BETWEEN 1000 AND 1001",
            "false",
            "k = 3 AND id > 1001",
            "(k IS DISTINCT FROM 3) AND id BETWEEN 1002 AND 2800",
        ]
        .iter()
        .map(|which| format!("FROM rows WHERE {which} ORDER BY id"))
        .collect();
        let nulls = "SELECT * REPLACE (nullif(k, k) AS k, nullif(i, i) AS i, nullif(x, x) AS x, nullif(s, s) AS s, \
                     nullif(b, b) AS b) FROM rows WHERE id > 2800 AND k IS DISTINCT FROM 3 ORDER BY id";
        let parts: Vec<String> = parts.into_iter().chain([nulls.to_owned()]).collect();
        lake.add("t", &parts);
        let small = "SELECT i AS k, 'name ' || i AS name, CASE WHEN i % 2 = 0 THEN i * 10 END AS weight \
                     FROM range(2, 9) r(i)";
        lake.add("u", &[small.to_owned()]);
        lake.add_partitioned("p", "SELECT id, i, s, day FROM rows WHERE day < '2019-04-15'", "day");
        lake
    }
}
