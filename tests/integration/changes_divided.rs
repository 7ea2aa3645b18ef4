//! Writes that are divided among functions: the rows are those that one function writes, in their order; and what fails, dies or is
//! given up leaves nothing.

use std::process::{Child, Stdio};

use crate::support::{Place, Project, block_on, kill, s3, text, until, wait_for};
use predicates::str::contains;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};

crate::on_every_target! {
    many_functions_write_what_one_writes,
    many_functions_change_what_one_changes,
    tiny_files_are_put_together,
    files_that_a_pattern_stands_for_are_copied_by_many,
    a_part_that_fails_lands_nothing,
    a_write_that_is_given_up_leaves_nothing,
}

/// 30 days of trips, a file each.
const TRIPS: &str = "[[data]]\ntable = \"trips\"\nsample = \"taxi\"\nrows = 30000\n\
                     partition_by = [\"date=CAST(pickup_at AS DATE)\"]\n";

/// Runs a statement on up to so many functions, and gives how many wrote.
fn run(project: &Project, workers: &str, sql: &str) -> u64 {
    let done = project.json(["query", "--json", "--workers", workers, sql]);
    assert_eq!(done["changed"], true, "{done}");
    done["functions"].as_u64().unwrap_or(1)
}

/// All rows of a table, as they come from one function.
fn rows(project: &Project, table: &str) -> Value {
    let sql = format!("FROM {table}");
    project.json(["query", "--all", "--format", "json", "--workers", "1", &sql])
}

/// What is known of a table: columns, with their bounds and NULLs, but for what they take: that depends on the files.
fn known(project: &Project, table: &str) -> Value {
    let mut columns = project.json(["tables", table, "--json"])["columns"].take();
    for column in columns.as_array_mut().unwrap() {
        column.as_object_mut().unwrap().remove("bytes");
    }
    columns
}

fn many_functions_write_what_one_writes(place: Place) {
    let project = Project::up_at(place, TRIPS);
    run(
        &project,
        "1",
        "CREATE TABLE zones AS SELECT DISTINCT pickup_location_id AS id, 'zone ' || id AS zone FROM trips",
    );
    for (query, functions) in [
        ("SELECT * FROM trips", 6),
        (
            "SELECT total_amount * 2 AS twice, [date] AS days, CAST(vendor_id AS HUGEINT) AS v FROM trips WHERE tip_amount > 1",
            6,
        ),
        (
            "SELECT t.* EXCLUDE (date), zone FROM trips t JOIN zones ON id = pickup_location_id WHERE date > '2019-04-15'",
            6,
        ),
        ("WITH x AS (FROM trips SELECT date AS d, total_amount AS a) SELECT a, d FROM x WHERE a > 20", 6),
        // These are not the rows of parts, one part below the other.
        ("SELECT * FROM trips ORDER BY total_amount, pickup_at, dropoff_at", 1),
        ("SELECT * FROM trips LIMIT 1000", 1),
        ("SELECT DISTINCT date FROM trips", 1),
        ("SELECT date, count(*) AS n FROM trips GROUP BY date ORDER BY date", 1),
        ("SELECT total_amount, row_number() OVER () AS n FROM trips", 1),
        ("SELECT a.date FROM trips a JOIN zones ON id = a.pickup_location_id UNION ALL SELECT date FROM trips", 1),
    ] {
        assert_eq!(run(&project, "1", &format!("CREATE OR REPLACE TABLE one AS {query}")), 1);
        assert_eq!(run(&project, "6", &format!("CREATE OR REPLACE TABLE many AS {query}")), functions, "{query}");
        // Sorted where nothing says in which order the rows come of one function.
        let of = |table: &str| match query.contains("JOIN") || query.contains("DISTINCT") {
            true => rows(&project, &format!("{table} ORDER BY ALL")),
            false => rows(&project, table),
        };
        assert!(of("many") == of("one"), "{query}");
        assert_eq!(known(&project, "many"), known(&project, "one"), "{query}");
    }
    let sql = "CREATE OR REPLACE TABLE many PARTITIONED BY (vendor_id, date) AS FROM trips";
    assert_eq!(run(&project, "5", sql), 5);
    assert_eq!(run(&project, "5", "INSERT INTO many BY NAME SELECT date, vendor_id, 7.5 AS tip_amount FROM trips"), 5);
    let sum = |from: &str| {
        project.rows(&format!(
            "SELECT count(*)::INT AS n, sum(hash(date, vendor_id, tip_amount, fare_amount))::VARCHAR AS h FROM {from}"
        ))
    };
    assert_eq!(sum("many"), sum("(FROM trips UNION ALL BY NAME SELECT date, vendor_id, 7.5 AS tip_amount FROM trips)"));
    // A row of nothing is no file.
    assert_eq!(run(&project, "6", "CREATE OR REPLACE TABLE many AS FROM trips WHERE tip_amount * 0 > 1"), 6);
    assert_eq!(project.rows("SELECT count(*)::INT AS n FROM many"), json!([{"n": 0}]));
    assert!(project.objects().iter().all(|key| key.starts_with("tables/")), "{:?}", project.objects());
}

/// How many functions changed the table, and how many rows.
fn changed(project: &Project, workers: &str, sql: &str) -> (u64, Value) {
    let mut done = project.json(["query", "--json", "--workers", workers, sql]);
    (done["functions"].as_u64().unwrap_or(1), done["rows"].take())
}

fn many_functions_change_what_one_changes(place: Place) {
    let project = Project::up_at(place, TRIPS);
    run(&project, "1", "CREATE TABLE few AS SELECT 1 AS id UNION ALL SELECT 7");
    for table in ["one", "many"] {
        run(
            &project,
            "1",
            &format!("CREATE TABLE {table} PARTITIONED BY (date) AS SELECT *, 0::INTEGER AS mark FROM trips"),
        );
    }
    for (sql, functions) in [
        ("UPDATE $ SET mark = CAST(total_amount AS INTEGER), tip_amount = NULL WHERE vendor_id = 1", 4),
        ("UPDATE $ SET date = date + 1 WHERE pickup_location_id > 100", 4),
        ("DELETE FROM $ WHERE passenger_count > 3", 4),
        ("UPDATE $ SET mark = -1 WHERE date < '2019-04-03'", 2),
        ("DELETE FROM $ WHERE mark IN (SELECT id FROM few) AND date > '2019-04-10'", 4),
        // One time for all rows, and others each time.
        ("DELETE FROM $ WHERE pickup_at > now()::TIMESTAMP", 1),
        ("UPDATE $ SET mark = mark + 1 FROM few WHERE id = mark", 1),
        ("ALTER TABLE $ RENAME COLUMN mark TO marked", 4),
    ] {
        let (_, rows_of_one) = changed(&project, "1", &sql.replace('$', "one"));
        let sql = sql.replace('$', "many");
        let (many, rows_of_many) = changed(&project, "4", &sql);
        assert_eq!((many, &rows_of_many), (functions, &rows_of_one), "{sql}");
        assert!(rows(&project, "many ORDER BY ALL") == rows(&project, "one ORDER BY ALL"), "{sql}");
        assert_eq!(known(&project, "many"), known(&project, "one"), "{sql}");
    }
    assert!(project.objects().iter().all(|key| key.starts_with("tables/")), "{:?}", project.objects());
}

/// Names of a table's files now.
fn files(project: &Project, table: &str) -> u64 {
    project.json(["tables", table, "--history", "--json"])["versions"][0]["files"].as_u64().unwrap()
}

fn tiny_files_are_put_together(place: Place) {
    let project = Project::up_at(place, TRIPS);
    assert_eq!(run(&project, "6", "CREATE TABLE many AS FROM trips"), 6);
    assert_eq!(files(&project, "many"), 1, "six tiny files");
    run(&project, "1", "CREATE TABLE one AS FROM trips");
    assert!(rows(&project, "many") == rows(&project, "one"));
    assert_eq!(known(&project, "many"), known(&project, "one"));
    // Of more partitions than are open at once, DuckDB writes many files each.
    run(
        &project,
        "1",
        "CREATE TABLE parts PARTITIONED BY (p) AS SELECT i, nullif(i % 150, 7) AS p FROM range(2_000_000) r(i)",
    );
    assert_eq!(files(&project, "parts"), 150);
    let sql = "SELECT count(*)::INT AS n, sum(i)::BIGINT AS i, count(DISTINCT p)::INT AS p, count(*) FILTER (p IS NULL)::INT AS nulls FROM parts \
               WHERE coalesce(p, 7) = i % 150";
    assert_eq!(project.rows(sql), json!([{"n": 2_000_000, "i": 1_999_999_000_000_u64, "p": 149, "nulls": 13334}]));
    assert!(project.objects().iter().all(|key| key.starts_with("tables/")), "{:?}", project.objects());
}

fn files_that_a_pattern_stands_for_are_copied_by_many(place: Place) {
    let project = Project::up_at(place, TRIPS);
    let bucket = project.json(["status", "--json"])["bucket"].as_str().unwrap().to_owned();
    let from = format!("s3://{bucket}/exports/it");
    // The second has its columns in another order, and of another type.
    let files = [
        "SELECT i, 'a' || i AS s FROM range(900) r(i)",
        "SELECT 'b' || r AS s, r + 0.5 AS i FROM range(900) t(r)",
        "SELECT -i AS i, 'c' || i AS s FROM range(900) r(i)",
    ];
    for (at, sql) in files.into_iter().enumerate() {
        for format in ["parquet", "json"] {
            project.succeed(["query", &format!("COPY ({sql}) TO '{from}/{at}.{format}'")], "to begin with");
        }
    }
    for format in ["parquet", "json"] {
        for (table, workers, functions) in [("one", "1", 1), ("many", "9", 3)] {
            run(&project, "1", &format!("CREATE OR REPLACE TABLE {table} (s VARCHAR, i DOUBLE, more INTEGER)"));
            let sql = format!("COPY {table} (i, s) FROM '{from}/*.{format}'");
            assert_eq!(run(&project, workers, &sql), functions, "{sql}");
        }
        assert_eq!(project.rows("SELECT count(*)::INT AS n FROM many"), json!([{"n": 2700}]));
        assert!(rows(&project, "many") == rows(&project, "one"), "{format}");
    }
}

/// A file of 600 MB takes time and room, so once.
#[test]
fn a_file_that_would_be_too_large_becomes_several_in_order() {
    let project = Project::up("[function]\nmemory_mb = 3008\n");
    let columns: Vec<String> = (0..9).map(|at| format!("hash(i + {at}) AS h{at}")).collect();
    let sql =
        format!("CREATE TABLE large AS SELECT i, {} FROM range(9_000_000) r(i) ORDER BY i DESC", columns.join(", "));
    run(&project, "auto", &sql);
    let table = project.json(["tables", "large", "--json"]);
    assert!(table["bytes"].as_u64() > Some(512 << 20), "{table}");
    assert_eq!(files(&project, "large"), 3);
    let bucket = project.json(["status", "--json"])["bucket"].as_str().unwrap().to_owned();
    let sql = format!(
        "SELECT filename, min(i) AS least, max(i) AS most, count(*)::INT AS n, bool_and(h1 = hash(i + 1)) AS same \
         FROM read_parquet('s3://{bucket}/tables/large/*/*.parquet', filename = true) GROUP BY filename ORDER BY most DESC"
    );
    let rows = project.rows(&sql);
    let numbers: Vec<[i64; 3]> = rows
        .as_array()
        .unwrap()
        .iter()
        .map(|row| ["most", "least", "n"].map(|what| row[what].as_i64().unwrap()))
        .collect();
    assert_eq!(
        numbers,
        [[8_999_999, 6_000_000, 3_000_000], [5_999_999, 3_000_000, 3_000_000], [2_999_999, 0, 3_000_000]]
    );
    assert!(rows.as_array().unwrap().iter().all(|row| row["same"] == true), "{rows}");
    assert!(project.objects().iter().all(|key| key.starts_with("tables/")), "{:?}", project.objects());
}

/// Puts an object of the same size in the place of one.
fn corrupt(project: &Project, key: &str) {
    let status = project.json(["status", "--json"]);
    let client = s3(&project.sdk(&status));
    let bucket = status["bucket"].as_str().unwrap();
    let size = block_on(client.head_object().bucket(bucket).key(key).send()).unwrap().content_length().unwrap();
    block_on(client.put_object().bucket(bucket).key(key).body(vec![b'x'; size as usize].into()).send()).unwrap();
}

fn a_part_that_fails_lands_nothing(place: Place) {
    let project = Project::up_at(place, TRIPS);
    run(&project, "1", "CREATE TABLE known AS FROM trips LIMIT 10");
    let before = project.objects();
    let key = before.iter().filter(|key| key.starts_with("tables/trips/")).nth(20).unwrap();
    corrupt(&project, key);
    for sql in [
        "CREATE TABLE made AS FROM trips",
        "INSERT INTO known FROM trips",
        "CREATE OR REPLACE TABLE known AS FROM trips",
    ] {
        let failed = project.quackctl(["query", "--workers", "6", sql]).assert().failure();
        failed.stderr(contains(key.as_str()));
        assert_eq!(project.objects(), before, "{sql}");
    }
    project.quackctl(["query", "FROM made"]).assert().failure().stderr(contains("made"));
    assert_eq!(project.rows("SELECT count(*)::INT AS n FROM known"), json!([{"n": 10}]));
}

fn start(project: &Project, sql: &str) -> Child {
    let mut command = project.process(["query", "--json", "--workers", "8", sql]);
    command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}

fn a_write_that_is_given_up_leaves_nothing(place: Place) {
    let project = Project::up_at(place, TRIPS);
    let before = project.objects();
    for round in 0..6 {
        let write = start(&project, "CREATE TABLE made AS FROM trips a JOIN range(20) ON true");
        std::thread::sleep(std::time::Duration::from_millis(round * 250));
        // It may be done already.
        let _ = kill_process(Pid::from_child(&write), Signal::INT);
        let output = write.wait_with_output().unwrap();
        match output.status.code() {
            Some(0) => project.succeed(["drop", "made", "--yes"], "made in time"),
            // Nobody listened yet, or it was given up.
            code => assert!(matches!(code, None | Some(130)), "{}", text(&output)),
        }
    }
    until_swept(&project);
    let tables: Vec<String> = project.objects().into_iter().filter(|key| key.starts_with("tables/")).collect();
    assert_eq!(tables, before);
    project.quackctl(["query", "FROM made"]).assert().failure().stderr(contains("made"));
}

/// Waits until nothing that was written lies among the results; what a function is told that was not heard of again stays there
/// for a day.
fn until_swept(project: &Project) {
    let is_left = |key: &String| !key.starts_with("tables/") && !key.ends_with("/left");
    until("what was written to be gone", || (!project.objects().iter().any(is_left)).then_some(()));
}

#[test]
fn instances_that_are_killed_while_they_write_are_made_up_for() {
    let project = Project::up(TRIPS);
    run(&project, "1", "CREATE TABLE one AS FROM trips");
    project.write("quack.toml", format!("{TRIPS}[local.network]\nfirst_byte_ms = 150\n"));
    project.quackctl(["up", "--no-check"]).assert().success();
    let write = start(&project, "CREATE TABLE many AS FROM trips");
    wait_for(project.pid(), 8).into_iter().for_each(kill);
    let output = write.wait_with_output().unwrap();
    assert!(output.status.success(), "{}", text(&output));
    assert!(rows(&project, "many") == rows(&project, "one"));
    until_swept(&project);
}

#[test]
fn storage_and_functions_that_fail_at_times_write_each_row_once() {
    let project = Project::up_at(Place::Aws, TRIPS);
    run(&project, "1", "CREATE TABLE one AS FROM trips");
    let mut made = 0;
    for seed in 0..3 {
        project.account().proxy.fail_at("lambda", 0.2, seed);
        let output = start(&project, "CREATE OR REPLACE TABLE many AS FROM trips").wait_with_output().unwrap();
        eprintln!("{}, with {} faults", output.status, project.account().proxy.heal());
        if output.status.success() {
            assert!(rows(&project, "many") == rows(&project, "one"));
            made += 1;
        }
    }
    assert!(made > 0, "not one came through");
    until_swept(&project);
}
