//! Queries divided among functions: what is read, what comes out, and how a plan says why.

use crate::support::{Place, Project, text};
use serde_json::Value;

/// 30 days of trips, a file each.
const TRIPS: &str = "[[data]]\ntable = \"trips\"\nsample = \"taxi\"\nrows = 60000\n\
                     partition_by = [\"date=CAST(pickup_at AS DATE)\"]\n";

const TEN_DAYS: &str = "SELECT pickup_location_id AS location_id, count(*) AS counts FROM trips \
                        WHERE date >= '2019-04-01' AND date < '2019-04-11' GROUP BY 1 ORDER BY 2 DESC LIMIT 5";

fn explain(project: &Project, workers: &str, sql: &str) -> Value {
    project.json(["query", "--explain", "--json", "--workers", workers, sql])
}

/// The files that the splits of a plan read, by key, in order.
fn files(plan: &Value) -> Vec<&str> {
    let splits = plan["fetches"].as_array().unwrap().iter().flat_map(|fetch| fetch["splits"].as_array().unwrap());
    let mut files: Vec<&str> =
        splits.flat_map(|split| split["files"].as_array().unwrap()).map(|file| file.as_str().unwrap()).collect();
    files.sort_unstable();
    files
}

fn ten_days_are_read_from_ten_files_and_eight_functions_agree_with_one(place: Place) {
    let project = Project::up_at(place, TRIPS);
    let plan = explain(&project, "8", TEN_DAYS);
    let files = files(&plan);
    assert_eq!((files.len(), &plan["fetches"][0]["pruned_files"]), (10, &20.into()), "{plan}");
    for (file, day) in files.iter().zip(1..) {
        assert!(file.contains(&format!("/date=2019-04-{day:02}/")), "{file} is not of day {day}");
    }
    let bytes = |splits: &Value| -> u64 {
        splits.as_array().unwrap().iter().map(|split| split["bytes"].as_u64().unwrap()).sum()
    };
    let planned = bytes(&plan["fetches"][0]["splits"]);

    if place == Place::Aws {
        project.account().proxy.calls();
    }
    let many = project.json(["query", "--json", "--workers", "8", TEN_DAYS]);
    if place == Place::Aws {
        let calls = project.account().proxy.calls();
        let read = |call: &&crate::support::Call| call.service == "s3" && call.action.contains("/date");
        let mut paths: Vec<&str> =
            calls.iter().filter(read).filter_map(|call| call.action.split_once(' ')).map(|(_, path)| path).collect();
        paths.sort_unstable();
        paths.dedup();
        assert_eq!(paths.len(), 10, "not only ten partitions were read: {paths:?}");
    }
    let one = project.json(["query", "--json", "--workers", "1", TEN_DAYS]);
    assert_eq!(many["rows"].as_array().map(Vec::len), Some(5));
    assert_eq!(many["rows"], one["rows"]);

    let divided = &many["metadata"]["divided"];
    assert_eq!((&divided["functions"], &divided["retried"]), (&8.into(), &0.into()), "{divided}");
    assert_eq!(divided["scannedBytes"], planned, "{divided}");
    assert!(divided["invocations"].as_u64() >= Some(8), "{divided}");
    // The emulator reports no durations, so nothing is known of the price.
    if place == Place::Local {
        assert!(divided["billedMs"].as_u64() >= Some(8) && divided["costUsd"].as_f64() > Some(0.0), "{divided}");
    }
    assert_eq!(many["metadata"]["rows"], 5);
    assert_eq!(one["metadata"]["divided"], Value::Null);
    // What only one function can say of itself, nobody makes up for many.
    for fact in ["eventId", "initMs", "bytes", "timeMs", "epochMs"] {
        assert!(one["metadata"].get(fact).is_some(), "{fact}");
        assert_eq!(many["metadata"].get(fact), None, "{fact}");
    }
}

crate::on_every_target!(ten_days_are_read_from_ten_files_and_eight_functions_agree_with_one);

#[test]
fn three_strategies_each_with_its_reason() {
    let project = Project::up(TRIPS);
    project.write("zones.csv", "id,zone\n1,North\n2,South\n");
    project.quackctl(["load", "zones.csv", "--table", "zones"]).assert().success();
    let join = "SELECT tip_amount, zone FROM trips JOIN zones ON pickup_location_id = id ORDER BY ALL LIMIT 3";
    let median = "SELECT median(total_amount) FROM trips";
    let found = [TEN_DAYS, join, median].map(|sql| {
        let plan = explain(&project, "8", sql);
        let text = project.quackctl(["query", "--explain", "--workers", "8", sql]).output().unwrap();
        let text = String::from_utf8(text.stdout).unwrap();
        let (strategy, reason) = (plan["strategy"].as_str().unwrap(), plan["reason"].as_str().unwrap());
        assert!(
            text.contains(&strategy.replace('-', " ")) && text.contains(reason) && text.contains("8 splits of trips"),
            "{text}"
        );
        // What it says is right is what comes out.
        let many = project.json(["query", "--format", "json", "--workers", "8", sql]);
        assert_eq!(many, project.json(["query", "--format", "json", "--workers", "1", sql]), "{sql}");
        (strategy.to_owned(), reason.to_owned())
    });
    let [(by_group, why_group), (joined, why_joined), (gathered, why_gathered)] = found;
    assert_eq!([by_group, joined, gathered], ["partial-aggregate", "projection", "gather"]);
    assert!(why_group != why_joined && why_joined != why_gathered && why_group != why_gathered);
    let plan = explain(&project, "8", join);
    assert_eq!(plan["fetches"][0]["broadcast"][0]["table"], "zones", "{plan}");
}

#[test]
fn the_first_rows_are_the_first_ones_whichever_function_is_the_first() {
    let project = Project::up("");
    let day = "date=CAST(pickup_at AS DATE)";
    let load = ["load", "--sample", "taxi", "--rows", "50000", "--table", "trips", "--partition-by", day];
    project.succeed(load, "in thirty files");
    let rows = |workers: &str, sql: &str| {
        let output =
            project.quackctl(["query", "--quiet", "--format", "csv", "--workers", workers, sql]).output().unwrap();
        assert!(output.status.success(), "{}", text(&output));
        String::from_utf8(output.stdout).unwrap()
    };
    for sql in [
        "SELECT pickup_at, fare_amount FROM trips LIMIT 5",
        "SELECT pickup_at FROM trips LIMIT 20000",
        "WITH x AS (FROM trips LIMIT 10) SELECT count(*) FROM x",
        "SELECT pickup_at FROM trips LIMIT 7 OFFSET 30000",
    ] {
        let one = rows("1", sql);
        for run in 0..6 {
            assert_eq!(rows("6", sql), one, "{sql}, run {run}");
        }
    }
}

#[test]
fn the_machines_time_zone_changes_no_answer() {
    let mut project = Project::at(Place::Local, "");
    project.set("TZ", "Asia/Tokyo");
    project.succeed(["up"], "in Tokyo");
    let times: String = (0..48).map(|i| format!("{i},2020-01-{:02}T{:02}:30:00Z\n", 1 + i / 24, i % 24)).collect();
    project.write("e.csv", format!("id,ts\n{times}"));
    project.succeed(["load", "e.csv", "--table", "e", "--partition-by", "day=CAST(ts AS DATE)"], "in Tokyo");
    let agree = project.rows("SELECT count(*)::INT AS n FROM e WHERE day = CAST(ts AS DATE)");
    assert_eq!(agree, serde_json::json!([{"n": 48}]));
    let sql =
        "SELECT hour(max(ts)) AS h, date_trunc('day', max(ts))::VARCHAR AS d, CAST(max(ts) AS VARCHAR) AS t FROM e";
    let one = project.json(["query", "--json", "--workers", "1", sql])["rows"].clone();
    assert_eq!(one[0]["h"], 23, "{one}");
    assert_eq!(project.json(["query", "--json", "--workers", "4", sql])["rows"], one);
}

/// A file of some 80 MB, as one function writes it, is read in pieces by several. Of one table the values are stored as another type.
#[test]
fn one_large_file_is_divided_at_its_row_groups() {
    let project = Project::up("");
    for (table, sql_type) in [("plain", "BIGINT"), ("stored", "UBIGINT")] {
        let value = |salt: u32| format!("CAST(hash(range + {salt}) >> 1 AS {sql_type})");
        let (a, b, c, d) = (value(0), value(1), value(2), value(3));
        let make = format!(
            "CREATE TABLE {table} AS SELECT range AS n, {a} AS a, {b} AS b, {c} AS c, {d} AS d FROM range(2500000)"
        );
        project.quackctl(["query", &make]).assert().success();
        let sql =
            format!("SELECT n % 7 AS k, count(*) AS c, min(n), max(n), bit_xor(a), bit_xor(d) FROM {table} GROUP BY 1");
        let plan = explain(&project, "8", &sql);
        let splits = plan["fetches"][0]["splits"].as_array().unwrap_or_else(|| panic!("{plan}"));
        assert!(splits.len() > 1, "{plan}");
        let mut parts: Vec<(u64, u64)> = splits
            .iter()
            .flat_map(|split| split["files"].as_array().unwrap())
            .map(|part| (part["first_row"].as_u64().unwrap(), part["last_row"].as_u64().unwrap()))
            .collect();
        parts.sort_unstable();
        assert_eq!((parts[0].0, parts.last().unwrap().1), (0, 2_499_999), "{plan}");
        assert!(parts.windows(2).all(|pair| pair[0].1 + 1 == pair[1].0 && pair[1].0 % 122_880 == 0), "{plan}");
        let rows = |workers: &str, sql: &str| project.json(["query", "--json", "--workers", workers, sql]);
        let (many, one) = (rows("8", &format!("{sql} ORDER BY k")), rows("1", &format!("{sql} ORDER BY k")));
        assert_eq!(many["metadata"]["divided"]["functions"], splits.len(), "{many}");
        assert_eq!(many["rows"], one["rows"]);
        // In the order of the table.
        let first = format!("SELECT n, a FROM {table} WHERE a % 1000 = 0 LIMIT 30");
        assert_eq!(rows("8", &first)["rows"], rows("1", &first)["rows"]);
        let shown = project.quackctl(["query", "--explain", "--workers", "8", &sql]).output().unwrap();
        assert!(text(&shown).contains("parts of 1 file"), "{}", text(&shown));
    }
}
