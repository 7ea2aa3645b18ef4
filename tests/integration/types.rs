//! Types that a table's files do not have: they come back as they were declared, with every value, or are refused before anything
//! is written.

use crate::support::{Lake, Place, Project, text};
use serde_json::{Value, json};

crate::on_every_target! {
    types_that_files_lack_come_back,
}

/// Columns of such types, by name.
const TYPES: &[(&str, &str)] = &[
    ("h", "HUGEINT"),
    ("uh", "UHUGEINT"),
    ("u", "UINTEGER"),
    ("e", "ENUM('z', 'a', 'it''s')"),
    ("v", "FLOAT[3]"),
    ("s", "TIMESTAMP_S"),
    ("ms", "TIMESTAMP_MS"),
    ("z", "TIME WITH TIME ZONE"),
    ("i", "INTERVAL"),
    ("b", "BIT"),
    ("n", "UNION(num INTEGER, big HUGEINT, str VARCHAR)"),
    ("st", "STRUCT(h HUGEINT, b BIT[2])[]"),
    ("ns", "TIME_NS"),
    ("bn", "BIGNUM"),
];

/// Rows of them, as texts.
const ROWS: &[&[&str]] = &[
    &[
        "99999999999999999999999999999999999999",
        "18446744073709551616",
        "4294967295",
        "a",
        "[1.5, 2.0, -3.0]",
        "2020-01-01 01:02:03",
        "2020-01-01 01:02:03.123",
        "10:00:00+02:30",
        "-1 month 2 days -00:00:00.000003",
        "0001",
        "7",
        "[{'h': -18446744073709551617, 'b': [0101, NULL]}, NULL]",
        "10:00:00.123456789",
        "-123456789012345678901234567890123456789012345678901234567890",
    ],
    &[
        "-99999999999999999999999999999999999999",
        "0",
        "0",
        "z",
        "[0.0, 0.0, 0.0]",
        "1969-12-31 23:59:59",
        "1500-01-01 00:00:00.001",
        "23:59:59.999999-15",
        "100 years",
        "1",
        "x",
        "[]",
        "00:00:00.000000001",
        "0",
    ],
];

fn succeed(project: &Project, sql: &str) {
    project.succeed(["query", sql], sql);
}

/// What a query says of the columns of a table: their names and types.
fn described(project: &Project, table: &str) -> Vec<(String, String)> {
    let rows = project.rows(&format!("SELECT column_name AS c, column_type AS t FROM (DESCRIBE {table})"));
    let text = |row: &Value, key: &str| row[key].as_str().unwrap().to_owned();
    rows.as_array().unwrap().iter().map(|row| (text(row, "c"), text(row, "t"))).collect()
}

fn declared() -> Vec<(String, String)> {
    TYPES.iter().map(|(name, own)| ((*name).to_owned(), (*own).to_owned())).collect()
}

/// All values as texts, and their types, in the order of `h`.
fn all(table: &str) -> String {
    let texts: Vec<String> = TYPES.iter().map(|(name, _)| format!("{name}::VARCHAR AS {name}")).collect();
    let types: Vec<String> = TYPES.iter().map(|(name, _)| format!("typeof({name}) AS t_{name}")).collect();
    format!("SELECT {}, {} FROM {table} ORDER BY t.h NULLS FIRST", texts.join(", "), types.join(", "))
}

fn row(values: Option<&[&str]>) -> Value {
    let mut row = json!({});
    for (at, (name, own)) in TYPES.iter().enumerate() {
        row[*name] = json!(values.map(|values| values[at]));
        row[format!("t_{name}")] = json!(own);
    }
    row
}

fn values(row: &[&str]) -> String {
    let value = |(own, text): (&(&str, &str), &&str)| match *own {
        ("n", _) if text.starts_with(char::is_alphabetic) => format!("'{text}'"),
        ("n", _) => (*text).to_owned(),
        (_, own) => format!("'{}'::{own}", text.replace('\'', "''")),
    };
    format!("({})", TYPES.iter().zip(row).map(value).collect::<Vec<_>>().join(", "))
}

#[test]
fn what_comes_of_a_type_is_told_and_columns_of_folders_have_it_too() {
    let project = Project::up("");
    let long: Vec<String> = (0..5000).map(|at| format!("'value {at}'")).collect();
    for (own, kept) in [("ENUM('a', 'b')[]", "VARCHAR[]"), (&format!("ENUM({})", long.join(", ")), "VARCHAR")] {
        let output = project.quackctl(["query", &format!("CREATE OR REPLACE TABLE e (e {own})")]).output().unwrap();
        let told = text(&output);
        assert!(output.status.success() && told.contains(&format!("`e` is {kept}: a table keeps an ENUM")), "{told}");
        assert_eq!(described(&project, "e"), [("e".to_owned(), kept.to_owned())]);
    }
    succeed(
        &project,
        "CREATE TABLE p PARTITIONED BY (h, u) AS SELECT i AS a, (i % 2) * 170141183460469231731::HUGEINT AS h, 4000000000::UINTEGER AS u, \
         sum(i) OVER () AS s FROM range(4) r(i)",
    );
    succeed(&project, "INSERT INTO p VALUES (9, 7, -170141183460469231731, NULL)");
    let columns = [("a", "BIGINT"), ("s", "HUGEINT"), ("h", "HUGEINT"), ("u", "UINTEGER")];
    assert_eq!(described(&project, "p"), columns.map(|(name, own)| (name.to_owned(), own.to_owned())));
    let sql = "SELECT h::VARCHAR AS h, u, count(*)::INT AS n, max(s)::INT AS s FROM p WHERE p.h <> 0 GROUP BY p.h, p.u ORDER BY p.h";
    let wanted = json!([
        {"h": "-170141183460469231731", "u": null, "n": 1, "s": 7},
        {"h": "170141183460469231731", "u": 4_000_000_000_u32, "n": 2, "s": 6}
    ]);
    for workers in ["1", "3"] {
        assert_eq!(project.json(["query", "--format", "json", "--workers", workers, sql]), wanted);
    }
    // Columns that files have as they are are read without a cast, so that DuckDB skips what it can.
    succeed(&project, "CREATE TABLE mixed AS SELECT i, i::HUGEINT AS h FROM range(10) r(i)");
    let plan = project.rows("EXPLAIN SELECT i FROM mixed WHERE i = 3").to_string();
    assert!(plan.contains("i=3") && !plan.contains("CAST(i"), "{plan}");

    // Files are left out by bounds of such types, and stay where a column comes or goes.
    for from in [100, 200] {
        succeed(&project, &format!("INSERT INTO mixed SELECT i, i FROM range({from}, {from} + 10) r(i)"));
    }
    let left_out = |condition: &str| {
        let sql = format!("SELECT i FROM mixed WHERE {condition}");
        let explained = project.quackctl(["query", "--explain", "--workers", "3", &sql]).output().unwrap();
        text(&explained).contains("1 files left out")
    };
    assert!(left_out("h >= 100"));
    succeed(&project, "ALTER TABLE mixed ADD COLUMN e ENUM('y', 'x'); ALTER TABLE mixed ADD COLUMN s TIMESTAMP_S");
    succeed(&project, "INSERT INTO mixed VALUES (300, 99999999999999999999999999999999999999, 'x', '2020-01-01')");
    assert_eq!(newest(&project, "mixed"), [4, 1, 0]);
    let sql =
        "SELECT e::VARCHAR AS e, typeof(e) AS t, typeof(s) AS s, count(*)::INT AS n FROM mixed GROUP BY ALL ORDER BY n";
    let wanted = json!([
        {"e": "x", "t": "ENUM('y', 'x')", "s": "TIMESTAMP_S", "n": 1},
        {"e": null, "t": "ENUM('y', 'x')", "s": "TIMESTAMP_S", "n": 30}
    ]);
    for workers in ["1", "3"] {
        assert_eq!(project.json(["query", "--format", "json", "--workers", workers, sql]), wanted);
    }
    succeed(
        &project,
        "ALTER TABLE mixed DROP COLUMN h; ALTER TABLE mixed ALTER i SET DATA TYPE UINTEGER; DELETE FROM mixed WHERE i < 300",
    );
    let rows = project.rows("SELECT i, typeof(i) AS t, e::VARCHAR AS e, s::VARCHAR AS s FROM mixed");
    assert_eq!(rows, json!([{"i": 300, "t": "UINTEGER", "e": "x", "s": "2020-01-01 00:00:00"}]));
}

/// Files of others have some of these types as DuckDB writes them; those that come beside them have them otherwise.
#[test]
fn files_that_have_such_types_as_they_are_are_read_beside_others() {
    let lake = Lake::new(Place::Local);
    let project = &lake.project;
    let columns = "INTERVAL 1 MONTH AS i, '10:00:00+00'::TIMETZ AS z, 4000000000::UINTEGER AS u, [1::UNION(a INTEGER, b VARCHAR)] AS n";
    lake.write("theirs/a.parquet", &format!("SELECT * EXCLUDE (n) FROM (SELECT {columns})"));
    lake.register("theirs/*.parquet", "t", []);
    succeed(project, "INSERT INTO t VALUES (-INTERVAL 3 MICROSECONDS, '10:00:00+02', 5)");
    let rows = "SELECT i::VARCHAR AS i, z::VARCHAR AS z, u, typeof(i) AS ti, typeof(z) AS tz, typeof(u) AS tu FROM t ORDER BY t.u";
    let row = |i: &str, z: &str, u: u32| json!({"i": i, "z": z, "u": u, "ti": "INTERVAL", "tz": "TIME WITH TIME ZONE", "tu": "UINTEGER"});
    let wanted = json!([row("-00:00:00.000003", "10:00:00+02", 5), row("1 month", "10:00:00+00", 4_000_000_000)]);
    for workers in ["1", "2"] {
        assert_eq!(project.json(["query", "--format", "json", "--workers", workers, rows]), wanted);
    }
    assert_eq!(lake.bare(rows)["data"]["records"], wanted);
    project.succeed(["compact", "t"], "compact");
    assert_eq!(project.rows(rows), wanted);

    // A union within another type is written as DuckDB does, and comes back.
    succeed(project, &format!("CREATE TABLE n AS SELECT n FROM (SELECT {columns}); INSERT INTO n VALUES (['x'])"));
    let sql = "SELECT typeof(n) AS t, union_tag(n[1])::VARCHAR AS n FROM n ORDER BY 2";
    let own = "UNION(a INTEGER, b VARCHAR)[]";
    assert_eq!(project.rows(sql), json!([{"t": own, "n": "a"}, {"t": own, "n": "b"}]));
}

/// What a table was after its newest change: its files, and how many rows came and went.
fn newest(project: &Project, table: &str) -> [u64; 3] {
    let versions = project.json(["tables", table, "--history", "--json"]);
    ["files", "added", "gone"].map(|what| versions["versions"][0][what].as_u64().unwrap())
}

fn types_that_files_lack_come_back(place: Place) {
    let lake = Lake::new(place);
    let project = &lake.project;
    let columns: Vec<String> = TYPES.iter().map(|(name, own)| format!("{name} {own}")).collect();
    succeed(project, &format!("CREATE TABLE t ({})", columns.join(", ")));
    assert_eq!(described(project, "t"), declared());
    assert_eq!(project.rows("SELECT count(*)::INT AS n FROM t"), json!([{"n": 0}]));
    for values_of in ROWS {
        succeed(project, &format!("INSERT INTO t VALUES {}", values(values_of)));
    }
    let returned = project.rows("INSERT INTO t (h) VALUES (NULL) RETURNING typeof(e) AS e, typeof(n) AS n");
    assert_eq!(returned, json!([{"e": TYPES[3].1, "n": TYPES[10].1}]));
    let wanted = json!([row(None), row(Some(ROWS[1])), row(Some(ROWS[0]))]);
    for workers in ["1", "3"] {
        let rows = project.json(["query", "--format", "json", "--workers", workers, &all("t")]);
        assert_eq!(rows, wanted, "{workers}");
    }
    assert_eq!(lake.bare(&all("t"))["data"]["records"], wanted);
    let known = project.rows("SELECT column_name AS c, data_type AS t FROM duckdb_columns() WHERE table_name = 't'");
    assert_eq!(known, json!(declared().iter().map(|(c, t)| json!({"c": c, "t": t})).collect::<Vec<_>>()));
    let told = project.json(["tables", "t", "--json"])["columns"].take();
    let told: Vec<&str> = told.as_array().unwrap().iter().map(|column| column["type"].as_str().unwrap()).collect();
    assert_eq!(told.len(), TYPES.len());
    assert_eq!(told[..4], [TYPES[0].1, TYPES[1].1, TYPES[2].1, TYPES[3].1]);

    // Their own order and arithmetic, whole and divided.
    for workers in ["1", "3"] {
        let rows = |sql: &str| project.json(["query", "--format", "json", "--workers", workers, sql]);
        assert_eq!(rows("SELECT e::VARCHAR AS e FROM t WHERE e > 'z'::ENUM('z', 'a', 'it''s')"), json!([{"e": "a"}]));
        assert_eq!(rows("SELECT e::VARCHAR AS e FROM t WHERE e IN ('z')"), json!([{"e": "z"}]));
        assert_eq!(
            rows("SELECT e::VARCHAR AS e, count(*)::INT AS n FROM t GROUP BY t.e ORDER BY t.e NULLS LAST"),
            json!([{"e": "z", "n": 1}, {"e": "a", "n": 1}, {"e": null, "n": 1}])
        );
        assert_eq!(rows("SELECT min(e)::VARCHAR AS a, max(e)::VARCHAR AS b FROM t"), json!([{"a": "z", "b": "a"}]));
        assert_eq!(
            rows("SELECT sum(u)::VARCHAR AS u, max(h) > 0 AS h FROM t"),
            json!([{"u": "4294967295", "h": true}])
        );
        assert_eq!(rows("SELECT u FROM t WHERE h = -99999999999999999999999999999999999999"), json!([{"u": 0}]));
        assert_eq!(rows("SELECT u FROM t WHERE s < TIMESTAMP '1970-01-01'"), json!([{"u": 0}]));
        assert_eq!(
            rows("SELECT union_tag(n)::VARCHAR AS n FROM t WHERE n IS NOT NULL ORDER BY 1"),
            json!([{"n": "num"}, {"n": "str"}])
        );
    }

    // Every way to change rows.
    succeed(project, "CREATE TABLE c AS FROM t");
    assert_eq!(described(project, "c"), declared());
    assert_eq!(project.rows(&all("c AS t")), wanted);
    succeed(project, "UPDATE t SET u = 5, e = 'it''s' WHERE e = 'z'");
    succeed(
        project,
        "UPDATE t SET v = other.v, h = t.h + 1 FROM (SELECT [9, 9, 9]::FLOAT[3] AS v) other WHERE e = 'it''s'",
    );
    let mut changed: Vec<&str> = ROWS[1].to_vec();
    (changed[0], changed[2], changed[3]) = ("-99999999999999999999999999999999999998", "5", "it's");
    changed[4] = "[9.0, 9.0, 9.0]";
    let wanted_now = json!([row(None), row(Some(&changed)), row(Some(ROWS[0]))]);
    assert_eq!(project.rows(&all("t")), wanted_now);
    succeed(
        project,
        "MERGE INTO t USING c ON t.h = c.h OR t.h = c.h + 1 WHEN MATCHED THEN UPDATE SET u = c.u, e = c.e, v = c.v, h = c.h \
         WHEN NOT MATCHED BY SOURCE THEN DELETE",
    );
    succeed(project, "INSERT INTO t (u) VALUES (NULL)");
    assert_eq!(project.rows(&all("t")), wanted);
    project.succeed(["compact", "t"], "compact");
    assert_eq!(project.rows(&all("t")), wanted);
    assert_eq!(project.json(["tables", "t", "--history", "--json"])["versions"][0]["files"], json!(1));
    assert_eq!(project.rows(&all("t AT (VERSION => 6) AS t")), wanted_now);

    // Other types, and back.
    let of_e = |sql: &str| {
        project.rows(&format!("SELECT e::VARCHAR AS e, typeof(e) AS t {sql} ORDER BY ALL NULLS LAST LIMIT 1"))
    };
    succeed(project, "ALTER TABLE c ALTER e SET DATA TYPE VARCHAR");
    assert_eq!(of_e("FROM c"), json!([{"e": "a", "t": "VARCHAR"}]));
    succeed(project, "ALTER TABLE c ALTER e SET DATA TYPE ENUM('a', 'z', 'y'); INSERT INTO c (e) VALUES ('y')");
    assert_eq!(of_e("FROM c"), json!([{"e": "a", "t": "ENUM('a', 'z', 'y')"}]));
    assert_eq!(of_e("FROM c AT (VERSION => 1)"), json!([{"e": "a", "t": TYPES[3].1}]));
    project.succeed(["rollback", "c", "--to", "1"], "rollback");
    assert_eq!(project.rows(&all("c AS t")), wanted);

    // What cannot be kept is refused, and nothing was changed.
    for (sql, told) in [
        ("INSERT INTO t (h) VALUES (100000000000000000000000000000000000000)", "column h"),
        ("UPDATE t SET uh = 340282366920938463463374607431768211455", "column uh"),
        ("INSERT INTO t (e) VALUES ('nothing')", "nothing"),
        ("INSERT INTO t (i) VALUES (to_microseconds(9223372036854775807))", "to INTERVAL"),
        ("CREATE TABLE big AS SELECT 170141183460469231731687303715884105727 AS huge", "column huge"),
    ] {
        let output = project.quackctl(["query", sql]).output().unwrap();
        assert!(!output.status.success() && text(&output).contains(told), "{sql}: {}", text(&output));
    }
    assert_eq!(project.rows(&all("t")), wanted);

    // Where a file goes out of the lake, integers keep all digits.
    let bucket = project.json(["status", "--json"])["bucket"].as_str().unwrap().to_owned();
    succeed(project, &format!("COPY (SELECT h, st FROM t) TO 's3://{bucket}/exports/t.parquet'"));
    let sql = format!("SELECT h::HUGEINT::VARCHAR AS h FROM 's3://{bucket}/exports/t.parquet' WHERE h > 0");
    assert_eq!(project.rows(&sql), json!([{"h": ROWS[0][0]}]));
}
