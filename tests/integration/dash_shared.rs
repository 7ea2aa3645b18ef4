//! What several queries of a page read: run once for all of them, on the laptop and deployed, and its readers' rows are what they would be
//! otherwise.

use std::collections::BTreeSet;

use arrow::array::RecordBatch;
use arrow::compute::concat_batches;
use arrow_ipc::reader::StreamReader;
use serde_json::Value;

use crate::dash_deployed::Browser;
use crate::support::{Got, Place, Project, Server};

crate::on_every_target! {
    four_tiles_over_one_query_scan_the_lake_once,
}

/// Queries that others read, each with those. Their rows have an order.
const BASES: &[(&str, &[&str])] = &[
    (
        "SELECT zone, day, count(*) AS n, sum(i) AS h, sum(fare) AS fare, avg(i) AS mean FROM trips GROUP BY ALL",
        &[
            "SELECT zone, sum(n) AS n, sum(h) AS h FROM BASE GROUP BY ALL ORDER BY zone",
            "SELECT day, typeof(h) AS t, h, fare, mean FROM BASE WHERE zone = 'A' ORDER BY ALL",
            "SELECT count(*) AS n FROM BASE JOIN trips USING (zone)",
        ],
    ),
    // In the order of the query.
    (
        "SELECT i, zone FROM trips ORDER BY fare DESC, i LIMIT 7",
        &["FROM BASE", "SELECT *, row_number() OVER () AS at FROM BASE LIMIT 3"],
    ),
    (
        "SELECT * FROM (SELECT true AS b, 1::UTINYINT AS u8, 2::USMALLINT AS u16, 3::UINTEGER AS u32, 18446744073709551615::UBIGINT AS u64, \
         -4::TINYINT AS i8, -5::SMALLINT AS i16, -99999999999999999999999999999999999999::HUGEINT AS i128, 12345.678::DECIMAL(30,5) AS d, \
         'nan'::DOUBLE AS f, '-inf'::FLOAT AS g, 'é\"''' AS s, 'ab'::BLOB AS bytes, DATE '2019-04-01' AS day, DATE 'infinity' AS never, \
         TIME '12:34:56.789012' AS t, TIMESTAMP '2019-04-01 12:34:56.789012' AS ts, TIMESTAMPTZ '2019-04-01 12:00:00+02' AS tz, \
         TIMESTAMP '-infinity' AS ago, '2019-04-01 01:02:03.123456789'::TIMESTAMP_NS AS ns, \
         'b'::ENUM('a', 'b', 'c') AS e, '{\"a\": [1, null]}'::JSON AS j, [1, NULL, 3] AS l, [{'a': 1, 'B': [NULL, 'x']}, NULL] AS ls, \
         MAP {'k': 1::HUGEINT, 'm': NULL} AS m, [1, 2, 3]::INTEGER[3] AS a3, {'x y': {'z': DATE '2019-04-01'}} AS nested, NULL::DECIMAL(9,2) AS nothing) LIMIT 1",
        &[
            "FROM BASE",
            "SELECT typeof(COLUMNS(*)) FROM BASE",
            "SELECT e > 'a' AS e, j->'a' AS j, m, i128 + 1 AS more, ns::VARCHAR AS ns FROM BASE",
        ],
    ),
    // What a file would not bring back.
    (
        "SELECT * FROM (SELECT INTERVAL '1 month 3 microseconds' AS v, '0101'::BIT AS bits, NULL AS nothing, union_value(n := 1) AS u, \
         TIMETZ '12:00:00+02' AS tz, '2019-04-01'::TIMESTAMP_S AS s) LIMIT 1",
        &["FROM BASE", "SELECT typeof(COLUMNS(*)) FROM BASE"],
    ),
    (
        "SELECT max(170141183460469231731687303715884105727::HUGEINT) AS most FROM trips",
        &["SELECT most::VARCHAR AS most FROM BASE", "SELECT (most - 1)::VARCHAR AS less, typeof(most) AS t FROM BASE"],
    ),
    (
        "SELECT zone, count(*) AS n FROM trips WHERE i < 0 GROUP BY ALL",
        &["FROM BASE", "SELECT sum(n) AS n, any_value(typeof(n)) AS t FROM BASE"],
    ),
    (
        "SELECT zone, zone, count(*) AS n, count(*) AS N_1 FROM trips GROUP BY 1, 2 ORDER BY 1",
        &["FROM BASE", "SELECT * EXCLUDE (zone) FROM BASE"],
    ),
    (
        "SELECT count(*), max(i) AS \"a \"\"b\", min(i) AS \"ünï\", 1 AS \"select\" FROM trips",
        &["FROM BASE", "SELECT \"count_star()\", \"a \"\"b\" + \"ünï\" AS c, \"select\" FROM BASE"],
    ),
    (
        "SELECT zone, max(i) AS i, $user AS who, $day AS day FROM trips WHERE day >= $day GROUP BY zone",
        &["FROM BASE ORDER BY zone", "SELECT who, day, $day = day AS same, count(*) AS n FROM BASE GROUP BY ALL"],
    ),
    // Those that read it do not all need what is wrong with it.
    (
        "SELECT zone, max(CAST(zone AS INTEGER)) AS wrong FROM trips GROUP BY zone",
        &["SELECT zone FROM BASE ORDER BY zone", "FROM BASE"],
    ),
    (
        "WITH few AS (FROM b0 WHERE n > 0) SELECT day, sum(n) AS n FROM few GROUP BY ALL",
        &["FROM BASE ORDER BY day", "WITH x AS (FROM BASE) SELECT sum(n) AS n FROM x"],
    ),
    (
        "SELECT zone COLLATE NOCASE AS zone, count(*) AS n FROM trips GROUP BY ALL",
        &["SELECT count(*) AS n FROM BASE WHERE zone = 'a'", "SELECT max(zone) AS z FROM BASE"],
    ),
    ("SELECT count(*) AS n, max(random()) < 2 AS less FROM trips", &["FROM BASE", "SELECT n + 1 AS n FROM BASE"]),
];

const DAY: &str = "```input day\ntype: date\ndefault: 2019-04-01\n```\n\n";

/// A page of all of these, and the names of what it shows. Whether its queries are shared is said.
fn page(shares: bool) -> (String, Vec<String>) {
    let (mut text, mut names) = (DAY.to_owned(), Vec::new());
    // Deployed, two that are the same to the letter are asked for once.
    let gap = if shares { "" } else { " " };
    for (at, (base, readers)) in BASES.iter().enumerate() {
        text.push_str(&format!("```sql b{at} share={shares}\n{base}\n```\n\n"));
        for (number, reader) in readers.iter().enumerate() {
            let name = format!("q{at}_{number}");
            text.push_str(&format!("```sql {name} table\n{}\n```\n\n", reader.replace("BASE", &format!("{gap}b{at}"))));
            names.push(name);
        }
    }
    // One that is shown and read.
    text.push_str(&format!("```sql top table share={shares}\nSELECT zone, count(*) AS n FROM {gap}trips GROUP BY ALL ORDER BY n DESC, zone LIMIT 2\n```\n\n"));
    text.push_str(&format!("```sql under table\nSELECT sum(n) AS n FROM {gap}top\n```\n"));
    names.extend(["top", "under"].map(str::to_owned));
    (text, names)
}

const ROWS: &str = "CREATE TABLE trips AS SELECT i, DATE '2019-04-01' + (i % 3)::INT AS day, chr(65 + (i % 4)::INT) AS zone, \
                    (i * 7 % 100)::DECIMAL(9,2) AS fare FROM range(1000) r(i)";

/// Compares what two pages say, of which one shares.
fn compare(get: impl Fn(&str) -> Got, names: &[String]) {
    let mut refused = Vec::new();
    for name in names {
        for more in ["", "?day=2019-04-02", ".csv"] {
            let [apart, shared] = ["apart", "shared"].map(|page| get(&format!("/api/{page}/{name}{more}")));
            assert_eq!(shared.status, apart.status, "{name}{more}: {} {}", shared.text(), apart.text());
            if apart.status != 200 {
                refused.push(format!("{name}{more}: {}", apart.text()));
            }
            match apart.status == 200 && more != ".csv" {
                true => {
                    assert_eq!(rows(&shared), rows(&apart), "{name}{more}");
                }
                false => assert_eq!(shared.text(), apart.text(), "{name}{more}"),
            }
        }
    }
    assert_eq!(refused.len(), 3, "what casts a zone to a number: {refused:#?}");
}

/// All rows, with the names and types of their columns.
fn rows(got: &Got) -> RecordBatch {
    let stream = StreamReader::try_new(got.body.as_slice(), None).unwrap();
    let schema = stream.schema();
    concat_batches(&schema, &stream.map(Result::unwrap).collect::<Vec<_>>()).unwrap()
}

#[test]
fn rows_are_what_they_are_without_sharing() {
    let project = Project::at(Place::Local, "");
    std::fs::create_dir(project.dir().join("dashboards")).unwrap();
    let (shared, names) = page(true);
    project.write("dashboards/shared.md", shared);
    project.write("dashboards/apart.md", page(false).0);
    project.write("quack.toml", "[dash]\npublic = true\n[dash.limits]\nsession_per_minute = 10000\n");
    project.succeed(["up"], "with pages");
    project.succeed(["query", ROWS], "a table");
    let server = Server::of("dash", &project, &[]);
    let agent = ureq::Agent::config_builder().http_status_as_error(false).build().new_agent();
    let get = |path: &str| Got::of(agent.get(format!("http://127.0.0.1:{}{path}", server.port)).call().unwrap());
    compare(get, &names);
    server.end();
    let here = runs(&project);
    let browser = Browser::of(&project, Place::Local);
    compare(|path| browser.get(path), &names);
    // Of what is not shared each reader scans the table; on either way.
    let there = runs(&project).split_off(here.len());
    let over = |all: &[Value]| all.iter().filter(|run| is_over(run)).count();
    let tiles: BTreeSet<&str> = there
        .iter()
        .filter(|run| is_over(run))
        .filter_map(|run| run["tile"].as_str()?.strip_prefix("shared/"))
        .collect();
    let all = "b10 q0_0 q0_1 q0_2 q10_0 q10_1 q1_0 q1_1 q2_0 q2_1 q2_2 q5_0 q5_1 q7_0 q7_1 q8_0 q8_1 top under";
    assert_eq!(tiles.iter().copied().collect::<Vec<_>>().join(" "), all, "{} and {}", over(&here), over(&there));
    assert!(over(&here) >= 40, "{} here", over(&here));
    let tile = |name: &str| there.iter().filter(|run| run["tile"] == format!("shared/{name}")).count();
    assert_eq!((tile("b0"), tile("b1")), (1, 1), "whatever the day is");
    assert_eq!(tile("b8"), 2, "for each day");
    assert_eq!((tile("b11"), tile("b12")), (0, 0), "an order that no file keeps, and what is another each time");
}

/// What pages have had the engine run, the first first.
fn runs(project: &Project) -> Vec<Value> {
    let all = project.json(["history", "--json", "--limit", "100000"]);
    let mut all: Vec<Value> =
        all.as_array().unwrap().iter().filter(|run| run["application"] == "quackctl dash").cloned().collect();
    all.sort_by_key(|run| run["time"].as_str().unwrap().to_owned());
    all
}

/// Whether a run was one over rows of another.
fn is_over(run: &Value) -> bool {
    run["tables"].as_array().unwrap().iter().any(|table| table.as_str().unwrap().starts_with("quack_page_"))
}

fn scans(run: &Value) -> bool {
    run["tables"].as_array().unwrap().iter().any(|table| table == "trips")
}

const FOUR: &str = "```sql base share=true\nSELECT zone, day, count(*) AS n FROM trips GROUP BY ALL\n```\n\n\
    ```sql a table\nSELECT zone, sum(n) AS n FROM base GROUP BY ALL ORDER BY zone\n```\n\n\
    ```sql b table\nSELECT day, sum(n) AS n FROM base GROUP BY ALL ORDER BY day\n```\n\n\
    ```sql c value\nSELECT sum(n) AS n FROM base\n```\n\n```sql d value\nSELECT count(*) AS n FROM base\n```\n";

fn four_tiles_over_one_query_scan_the_lake_once(place: Place) {
    let project = Project::at(place, "");
    std::fs::create_dir(project.dir().join("dashboards")).unwrap();
    project.write("dashboards/four.md", FOUR);
    // A table that is little to read: nothing says that it pays.
    let little =
        FOUR.replace(" share=true", "").replace("GROUP BY ALL\n```\n\n```sql a", "GROUP BY zone, day\n```\n\n```sql a");
    project.write("dashboards/little.md", little);
    project.write("quack.toml", "[dash]\npublic = true\n");
    project.succeed(["up"], "with pages");
    project.succeed(["query", ROWS], "a table");
    let told = |get: &dyn Fn(&str) -> Got, page: &str| {
        ["a", "b", "c", "d"].map(|name| get(&format!("/api/{page}/{name}")).rows())
    };
    let server = Server::of("dash", &project, &[]);
    let live = |path: &str| Got::of(ureq::get(format!("http://127.0.0.1:{}{path}", server.port)).call().unwrap());
    let expected = told(&live, "little");
    assert_eq!(expected[2..], ["1000\n", "12\n"]);
    let counted = |from: usize| {
        let all = runs(&project).split_off(from);
        (all.len(), all.iter().filter(|run| scans(run)).count(), all.iter().filter(|run| is_over(run)).count())
    };
    assert_eq!(counted(0), (4, 4, 0), "it does not pay");
    assert_eq!(told(&live, "four"), expected);
    assert_eq!(counted(4), (5, 1, 4));
    assert_eq!(told(&live, "four"), expected);
    assert_eq!(counted(9), (4, 0, 4), "its rows are there");
    server.end();

    let report = project.json(["dash", "check", "four", "little", "--json"]);
    let [four, little] = [0, 1].map(|at| &report["pages"][at]);
    assert_eq!((little.get("shared"), four["shared"][0]["query"].as_str()), (None, Some("base")), "{report:#}");
    assert_eq!((&four["shared"][0]["readers"], &four["shared"][0]["rows"]), (&4.into(), &12.into()), "{report:#}");
    if place == Place::Local {
        let all = ["shared", "queries"].map(|of| four[of].as_array().unwrap().clone()).concat();
        let sum: f64 = all.iter().map(|run| run["costUsd"].as_f64().unwrap()).sum();
        assert!((four["costUsd"].as_f64().unwrap() - sum).abs() < 1e-12, "{report:#}");
    }
    let before = runs(&project).len();
    assert_eq!(before, 13 + 5 + 4);
    project.succeed(["dash", "export", "four", "--html", "four.html"], "a file");
    assert_eq!(counted(before), (5, 1, 4));

    let before = runs(&project).len();
    let browser = Browser::of(&project, place);
    let deployed = |path: &str| browser.get(path);
    assert_eq!(told(&deployed, "four"), expected);
    assert_eq!(counted(before), (5, 1, 4));
    let all = runs(&project);
    let base = all.iter().filter(|run| run["tile"] == "four/base").count();
    assert_eq!(base, 1, "{all:#?}");
    // What little of it took is known then, and is not done again.
    assert_eq!(told(&deployed, "little"), expected);
    assert_eq!(told(&deployed, "little"), expected);
    project.succeed(["query", "INSERT INTO trips SELECT i + 1000, day, zone, fare FROM trips"], "more rows");
    let before = runs(&project).len();
    assert_eq!(told(&deployed, "little")[2..], ["2000\n", "12\n"]);
    assert_eq!(counted(before), (4, 4, 0));
    assert_eq!(told(&deployed, "four")[2..], ["2000\n", "12\n"]);
    assert_eq!(counted(before + 4), (5, 1, 4));
    project.succeed(["down", "--yes"], "the end");
    project.assert_gone(&["dashboards/four.md", "dashboards/little.md", "four.html", "quack.toml"]);
}

/// A query that fails with what one reader gives is run once with what others give, as before.
#[test]
fn a_value_that_fails_is_nobody_elses() {
    let project = Project::at(Place::Local, "");
    std::fs::create_dir(project.dir().join("dashboards")).unwrap();
    let page = "```input n\ntype: text\ndefault: 1\n```\n\n\
        ```sql base share=true\nSELECT zone, max(i) + CAST($n AS INTEGER) AS n FROM trips GROUP BY zone\n```\n\n\
        ```sql a value\nSELECT max(n) AS n FROM base\n```\n\n```sql b value\nSELECT min(n) AS n FROM base\n```\n";
    project.write("dashboards/p.md", page);
    project.write("quack.toml", "[dash]\npublic = true\n");
    project.succeed(["up"], "with a page");
    project.succeed(["query", ROWS], "a table");
    let told = |get: &dyn Fn(&str) -> Got, of: &str| {
        let before = runs(&project).len();
        for name in ["a", "b"] {
            let wrong = get(&format!("/api/p/{name}?n=x"));
            assert!(wrong.status == 422 && wrong.text().contains("Could not convert"), "{of}: {}", wrong.text());
        }
        let rows = ["a", "b"].map(|name| get(&format!("/api/p/{name}?n=2")).rows());
        assert_eq!(rows, ["1001\n", "998\n"], "{of}");
        let over = runs(&project).split_off(before).iter().filter(|run| is_over(run)).count();
        assert_eq!(over, 2, "{of}");
    };
    let server = Server::of("dash", &project, &[]);
    let agent = ureq::Agent::config_builder().http_status_as_error(false).build().new_agent();
    told(&|path| Got::of(agent.get(format!("http://127.0.0.1:{}{path}", server.port)).call().unwrap()), "here");
    server.end();
    let browser = Browser::of(&project, Place::Local);
    told(&|path| browser.get(path), "deployed");
}
