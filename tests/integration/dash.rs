//! Dashboards: shown, answered, checked; by whom else something is asked of them, nothing is invoked.

use std::io::{BufRead as _, BufReader};

use predicates::prelude::PredicateBooleanExt as _;
use predicates::str::contains;
use serde_json::{Value, json};

use crate::support::{Got, Place, Project, Server};

crate::on_every_target! {
    a_page_is_shown_and_answered,
    what_is_wrong_with_a_page_is_found,
}

const PAGE: &str = r#"---
title: Trips & more
budget: $0.01
---
# Trips on {{ day }} <script>alert(1)</script>

```input day
type: date
default: 2019-04-01
```
```input zones
type: multiselect
query: names
```

```input span
type: range
from: 2019-04-01
to: today
```

```sql base
SELECT * FROM trips WHERE day = $day AND day >= $span_from
```

```sql names
SELECT DISTINCT zone FROM trips ORDER BY zone
```

```sql by_zone bar x=zone y=trips title="By zone"
SELECT zone, count(*) AS trips FROM base WHERE len($zones) = 0 OR zone = ANY ($zones) GROUP BY ALL ORDER BY zone
```

```sql wrong table
SELECT zone FROM base WHERE fair > 1
```
"#;

fn trips(place: Place) -> Project {
    let project = Project::up_at(place, "");
    let rows = "CREATE TABLE trips AS SELECT DATE '2019-04-01' + (i % 2)::INT AS day, chr(65 + (i % 3)::INT) AS zone FROM range(12) r(i)";
    project.succeed(["query", rows], "a table");
    std::fs::create_dir(project.dir().join("dashboards")).unwrap();
    project
}

fn get(server: &Server, path: &str, headers: &[(&str, &str)]) -> Got {
    let agent = ureq::Agent::config_builder().http_status_as_error(false).max_redirects(0).build().new_agent();
    let mut request = agent.get(format!("http://127.0.0.1:{}{path}", server.port));
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    Got::of(request.call().unwrap())
}

fn a_page_is_shown_and_answered(place: Place) {
    let project = trips(place);
    let file = project.write("dashboards/trips.md", PAGE);
    let server = Server::of("dash", &project, &[]);
    let first = get(&server, "/", &[]);
    assert_eq!((first.status, first.header("location")), (302, "/trips"));
    let shown = get(&server, "/trips?day=2019-04-02", &[]);
    let html = shown.text();
    assert!(shown.status == 200 && html.contains("<title>Trips &amp; more</title>"), "{html}");
    assert!(html.contains("value=\"2019-04-02\"") && !html.contains("<script>"), "{html}");
    assert!(shown.header("content-security-policy").contains("script-src 'self';"));
    for asset in ["/assets/dash.js", "/assets/dash.css"] {
        assert!(get(&server, asset, &[]).body.len() > 1000, "{asset}");
    }

    let by_zone = get(&server, "/api/trips/by_zone?day=2019-04-02", &[]);
    assert_eq!(by_zone.rows(), "A,2\nB,2\nC,2\n");
    assert_eq!(by_zone.header("quack-rows"), "3");
    assert!(by_zone.header("quack-ms").parse::<f64>().unwrap() > 0.0);
    // Emulators do not report what Lambda bills.
    assert!(place == Place::Aws || by_zone.header("quack-usd").parse::<f64>().unwrap() > 0.0);
    assert_eq!(get(&server, "/api/trips/by_zone?zones=A&zones=C", &[]).rows(), "A,2\nC,2\n");
    assert_eq!(get(&server, "/api/trips/names", &[]).rows(), "A\nB\nC\n");
    let csv = get(&server, "/api/trips/by_zone.csv", &[]);
    assert_eq!(csv.text(), "zone,trips\nA,2\nB,2\nC,2\n");
    assert_eq!(csv.header("content-disposition"), "attachment; filename=\"trips-by_zone.csv\"");
    let parquet = get(&server, "/api/trips/by_zone.parquet", &[]);
    assert!(parquet.body.starts_with(b"PAR1") && parquet.body.ends_with(b"PAR1"), "{}", parquet.text());
    let wrong = get(&server, "/api/trips/wrong", &[]);
    let told: Value = serde_json::from_slice(&wrong.body).unwrap();
    let message = told["error"]["message"].as_str().unwrap();
    assert!(wrong.status == 422 && message.contains("\"fair\" not found") && message.contains('^'), "{message}");

    let asked = || project.json(["history", "--json"]).as_array().unwrap().clone();
    let before = asked();
    assert!(before.iter().any(|query| query["application"] == "quackctl dash"), "{before:#?}");
    let host = format!("evil.example:{}", server.port);
    for (path, headers, status) in [
        ("/api/trips/by_zone?day=1;DROP", &[][..], 400),
        ("/api/trips/by_zone?day=2019-04-01'--", &[], 400),
        ("/api/trips/base", &[], 404),
        ("/api/trips/none", &[], 404),
        ("/api/none/by_zone", &[], 404),
        ("/api/trips/by_zone.exe", &[], 404),
        ("/api/..%2ftrips/by_zone", &[], 404),
        ("/..%2fquack.toml", &[], 404),
        ("/assets/..%2fdash.js", &[], 404),
        ("/quack.toml", &[], 404),
        ("/api/trips/by_zone", &[("host", host.as_str())], 403),
        ("/api/trips/by_zone", &[("sec-fetch-site", "cross-site")], 403),
        ("/api/trips/by_zone", &[("origin", "http://evil.example")], 403),
    ] {
        let got = get(&server, path, headers);
        assert_eq!(got.status, status, "{path}: {}", got.text());
    }
    let long = format!("/api/trips/by_zone?day={}", "9".repeat(20_000));
    assert_eq!(get(&server, &long, &[]).status, 400);
    let posted = ureq::post(format!("http://127.0.0.1:{}/api/trips/by_zone", server.port)).send("x");
    assert!(posted.is_err_and(|error| error.to_string().contains("405")));
    assert_eq!(asked().len(), before.len(), "something was invoked");

    let agent = ureq::Agent::config_builder().build().new_agent();
    let events = agent.get(format!("http://127.0.0.1:{}/events", server.port)).call().unwrap();
    let mut events = BufReader::new(events.into_body().into_reader()).lines();
    std::fs::write(&file, PAGE.replace("By zone", "Other")).unwrap();
    assert_eq!(events.next().unwrap().unwrap(), "event: change");
    assert_eq!(events.next().unwrap().unwrap(), r#"data: {"page":"trips"}"#);
    assert!(get(&server, "/trips", &[]).text().contains("<figcaption>Other"));
    drop(events);
    server.end();
}

fn what_is_wrong_with_a_page_is_found(place: Place) {
    let project = trips(place);
    project.quackctl(["dash", "check"]).assert().code(1).stderr(contains("quackctl dash new"));
    project.succeed(["dash", "new", "trips", "--table", "trips"], "a page");
    project.quackctl(["dash", "new", "trips"]).assert().code(1).stderr(contains("never overwritten"));
    project.quackctl(["dash", "new", "../x"]).assert().code(2).stderr(contains("`../x`"));
    project.quackctl(["dash", "new", "y", "--table", "tripz"]).assert().failure().stderr(contains("tripz"));
    project.succeed(["dash", "new", "wave"], "another page");
    let report = project.json(["dash", "check", "--json"]);
    let pages = report["pages"].as_array().unwrap();
    let names: Vec<&Value> = pages.iter().map(|page| &page["page"]).collect();
    assert_eq!(names, ["trips", "wave"]);
    for page in pages {
        assert_eq!(page["problems"], json!([]), "{report:#}");
        let queries = page["queries"].as_array().unwrap();
        assert!(queries.iter().all(|query| query["rows"].as_u64() > Some(0)), "{report:#}");
        if place == Place::Local {
            let sum: f64 = queries.iter().map(|query| query["costUsd"].as_f64().unwrap()).sum();
            assert!(sum > 0.0 && (page["costUsd"].as_f64().unwrap() - sum).abs() < 1e-12, "{report:#}");
        }
    }
    assert_eq!(pages[0]["queries"].as_array().unwrap().len(), 4, "{report:#}");

    let check = |code: i32, told: &str| {
        project.quackctl(["dash", "check", "trips"]).assert().code(code).stdout(contains(told));
    };
    let page = std::fs::read_to_string(project.dir().join("dashboards/trips.md")).unwrap();
    // Held against what a load costs at the least: one request.
    project.write("dashboards/trips.md", page.replace("budget: $0.01", "budget: $0.0000001"));
    match place {
        Place::Local => check(1, "and its budget is $0.00000010"),
        Place::Aws => {
            check(0, "what a load costs is not known, as Lambda did not report it: its budget is $0.00000010")
        }
    }
    project.quackctl(["dash", "check", "trips", "--no-run"]).assert().success();
    project.write("dashboards/trips.md", page.replace("x=day", "x=dya"));
    check(1, "`x=dya`: the query has no column `dya`; did you mean `day`?");
    project.write("dashboards/trips.md", page.replace("y=rows", "y=day").replace("# trips", "# trips {{ tpo }}"));
    check(1, "`y=day`: a line draws numbers, and it is DATE");
    check(1, "dashboards/trips.md:5: `{{ tpo }}`: the page has no input that gives it; did you mean `top`?");
    project.write("dashboards/trips.md", &page);
    check(0, "1 page, 0 problems");
    project.succeed(["query", "ALTER TABLE trips DROP COLUMN day"], "a column less");
    check(1, "`by_day`: Binder Error: ");
    // A section for each zone, each with its own rows.
    let looped = "```sql zones\nSELECT DISTINCT zone FROM trips ORDER BY zone\n```\n\n# {{ zone }}\n\n::: each zone in zones\n\n\
        ## {{ zone }}\n\n```sql of_zone table spark=days\nSELECT zone, [1, 2] AS days FROM trips WHERE zone = $zone\n```\n\n:::\n";
    project.write("dashboards/trips.md", looped);
    check(1, "dashboards/trips.md:5: `{{ zone }}`: the page has no input that gives it");
    project.write("dashboards/trips.md", looped.replace("# {{ zone }}\n\n:::", ":::"));
    let report = project.json(["dash", "check", "trips", "--json"]);
    let queries = report["pages"][0]["queries"].as_array().unwrap();
    let ran: Vec<_> = queries.iter().map(|query| (query["times"].as_u64(), query["rows"].as_u64())).collect();
    assert_eq!(ran, [(Some(1), Some(3)), (Some(3), Some(4))], "the second of a zone, three times: {report:#}");
    project.write("dashboards/trips.md", looped.replace("# {{ zone }}\n\n:::", ":::").replace("[1, 2]", "zone"));
    check(1, "`spark=days`: it draws lists of numbers, and the column is VARCHAR");
    project.write("dashboards/trips.md", format!("{looped}\n```sql out table\nSELECT $zone\n```\n"));
    check(1, "`out`: `$zone` is the row of a section of the loop in line 7, and this query stands outside");
    project.write("dashboards/trips.md", "```sql a baz\nSELECT 1\n```\n");
    check(1, "dashboards/trips.md:1: there is no chart `baz`; did you mean `bar`?");
    project.write("dashboards/trips.md", "```sql a bar\nSELECT zone FROM trips\n```\n");
    check(1, "`a`: a bar draws numbers, and the query has no column of them beside the others: name one with `y=`");
    let quoted = "```input zone\ntype: text\n```\n```sql a table\nFROM trips WHERE zone = '$zone'\n```\n";
    project.write("dashboards/trips.md", quoted);
    check(1, "`'$zone'` is that text and no value: write `$zone`, without quotes around it");
    if place == Place::Local {
        // Nothing interrupts DuckDB while it binds.
        let sql = (0..40).fold("SELECT 1 AS a".to_owned(), |sql, _| format!("SELECT *, * FROM ({sql})"));
        project.write("dashboards/trips.md", format!("```sql a table\n{sql}\n```\n"));
        let told = contains("`a`: DuckDB does not say within 5 s");
        project.quackctl(["dash", "check", "trips", "--no-run"]).assert().code(1).stderr(told);
    }
    project.quackctl(["dash", "check", "trip"]).assert().code(1).stderr(contains("did you mean `trips`?"));
}

/// What would be silent otherwise, or told as something else.
#[test]
fn what_somebody_may_have_meant_is_told() {
    let project = trips(Place::Local);
    let page = "# {{ day }}\n\n```input day\ntype: date\ndefault: 2019-04-01\n```\n\n```SQL by_zone\nSELECT zone, day FROM trips\n```\n\n\
        ```Sql tile table\nFROM by_zon WHERE day = $day\n```\n";
    let below = project.dir().join("dashboards/sales");
    std::fs::create_dir(&below).unwrap();
    project.write("dashboards/sales/q.md", page);
    let strayed = "`dashboards/sales/q.md` is in a folder below dashboards/, and is no page";
    project.quackctl(["dash", "check"]).assert().code(1).stderr(contains(strayed));
    project.write("dashboards/p.md", page);
    let meant = "did you mean `by_zone`, a query of the page?";
    let checked = project.quackctl(["dash", "check"]).assert().code(1);
    checked
        .stdout(contains("`tile`: Catalog Error: Table with name by_zon").and(contains(meant)).and(contains(strayed)));

    let server = Server::of("dash", &project, &[]);
    let told: Value = serde_json::from_slice(&get(&server, "/api/p/tile", &[]).body).unwrap();
    assert_eq!(told["error"]["hint"], meant, "{told}");
    let html = |path: &str| get(&server, path, &[]).text();
    let shown = html("/p?day=2019-04-31");
    assert!(shown.contains("`day` is a date like 2019-04-01, and `2019-04-31` is none"), "{shown}");
    assert!(!html("/p?day=2019-04-30").contains("refused"));
    project.write("dashboards/p.md", page.replace("by_zon ", "by_zone "));
    assert_eq!(get(&server, "/api/p/tile.csv", &[]).text().lines().count(), 7);
    project.write("dashboards/p.md", format!("title: P\nallow: [ann]\n---\n{page}"));
    let shown = html("/p");
    assert!(shown.contains("dashboards/p.md:1: `title:` is said of the page between two lines of `---`"), "{shown}");
    server.end();
}
