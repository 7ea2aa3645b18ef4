//! What several queries of a page read: run once, where that pays, and never for somebody else.

use std::thread;

use serde_json::{Value, json};

use crate::support::{PASSWORD, Way, World};

const TABLE: &str = "quack_page_0123456789abcdef";
const URI: &str = "s3://lake/_quack/results/1/rows.parquet";

/// What runs so long that it pays.
const LONG: Way = Way::Files(Ok((1000, 500)));

/// A site whose page has four queries over one that is `base`.
fn world(base: &str, more: Value) -> World {
    let mut world = World::start();
    let mut base = json!({ "name": "base", "sql": base, "inputs": [] });
    base.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    let reader = |name: &str| {
        let (whole, over) =
            (format!("WITH base AS ({}) FROM base -- {name}", base["sql"]), format!("FROM base -- {name}"));
        let whole = whole.replace('"', "");
        let mut query =
            json!({ "name": name, "sql": whole, "inputs": base["inputs"], "over": { "sql": over, "shared": [0] } });
        query["reads_user"] = base["reads_user"].as_bool().unwrap_or_default().into();
        query
    };
    let page = &mut world.site["pages"][0];
    page["queries"].as_array_mut().unwrap().extend(["a", "b", "c", "d"].map(reader));
    page["shared"] = json!([{ "table": TABLE, "readers": 4, "query": base }]);
    world.write(&world.site);
    world.lambda.answers(LONG);
    world
}

/// Asks for all four, and gives what the engine was asked for: a name for each run, and whether it is over the rows of `base`.
fn asked(world: &World, cookie: &str, more: &str) -> Vec<(String, bool)> {
    let instance = world.instance();
    let before = world.lambda.sent().len();
    for name in ["a", "b", "c", "d"] {
        let answer = instance.get(&format!("/api/trips/{name}{more}"), cookie);
        assert_eq!((answer.status, answer.header("quack-rows")), (200, Some("3")), "{answer:?}");
    }
    let run = |event: &Value| {
        let name = event["who"]["query"].as_str().unwrap().rsplit('/').next().unwrap().to_owned();
        (name, event.get("tables").is_some())
    };
    world.lambda.sent()[before..].iter().map(run).collect()
}

fn runs(all: &[(&str, bool)]) -> Vec<(String, bool)> {
    all.iter().map(|(name, is_over)| ((*name).to_owned(), *is_over)).collect()
}

fn shared() -> Vec<(String, bool)> {
    runs(&[("base", false), ("a", true), ("b", true), ("c", true), ("d", true)])
}

fn whole() -> Vec<(String, bool)> {
    runs(&[("a", false), ("b", false), ("c", false), ("d", false)])
}

#[test]
fn what_four_read_is_run_once_until_a_commit() {
    let world = world("SELECT n, count(*) FROM trips GROUP BY ALL", json!({}));
    let ann = world.instance().sign_in("ann", PASSWORD);
    assert_eq!(asked(&world, &ann, ""), shared());
    let sent = world.lambda.sent();
    assert_eq!((&sent[0]["spill"], &sent[0]["limit"]), (&json!("always"), &json!(1_000_000)));
    assert_eq!((&sent[1]["q"], &sent[1]["spill"]), (&json!("FROM base -- a"), &json!("stream")));
    let table = &sent[1]["tables"][0];
    assert_eq!((&table["name"], &table["shapes"]["groups"][0]["files"]), (&json!(TABLE), &json!([URI])), "{table}");
    assert_eq!(table["shapes"]["columns"], json!([{ "name": "n", "type": "BIGINT" }]));
    // All of it is kept; what else reads the same asks for no more than its own rows.
    assert_eq!(asked(&world, &ann, ""), runs(&[]));
    let csv = asked(&world, &ann, ".csv");
    assert_eq!(csv, runs(&[("a", true), ("b", true), ("c", true), ("d", true)]));
    world.commit(2);
    assert_eq!(asked(&world, &ann, ""), shared());
}

#[test]
fn rows_are_those_of_who_asks_and_of_what_is_given() {
    let world = world(
        "SELECT count(*) FROM trips WHERE who = $user AND d = $day",
        json!({ "reads_user": true, "inputs": [0] }),
    );
    let ann = world.instance().sign_in("ann", PASSWORD);
    let bea = world.instance().sign_in("bea", "battery staple");
    for (cookie, more) in [(&ann, ""), (&bea, ""), (&ann, "?day=2019-04-02&user=bea")] {
        assert_eq!(asked(&world, cookie, more), shared());
    }
    let sent = world.lambda.sent();
    let bases = sent.iter().filter(|event| event["spill"] == "always");
    let given: Vec<_> = bases.map(|event| (event["params"]["user"].clone(), event["params"]["day"].clone())).collect();
    let told = [("ann", "2019-04-01"), ("bea", "2019-04-01"), ("ann", "2019-04-02")];
    assert_eq!(given, told.map(|(user, day)| (json!(user), json!(day))));
}

#[test]
fn what_does_not_pay_is_not_done_again() {
    let world = world("SELECT n, count(*) FROM trips GROUP BY ALL", json!({}));
    let ann = world.instance().sign_in("ann", PASSWORD);
    // It ran, and is there.
    world.lambda.answers(Way::Files(Ok((1000, 20))));
    assert_eq!(asked(&world, &ann, ""), shared());
    world.commit(2);
    assert_eq!(asked(&world, &ann, ""), whole());
    let mut always = world.site.clone();
    always["pages"][0]["shared"][0]["always"] = json!(true);
    always["pages"][0]["shared"][0]["query"]["sql"] = json!("SELECT n, sum(n) FROM trips GROUP BY ALL");
    world.write(&always);
    for commit in [3, 4] {
        world.commit(commit);
        assert_eq!(asked(&world, &ann, ""), shared(), "the page says that it pays");
    }
}

#[test]
fn what_cannot_be_shared_is_run_within_what_reads_it() {
    let tried = || runs(&[("base", false), ("a", false), ("b", false), ("c", false), ("d", false)]);
    // A failure may be that of the reader's values, and is remembered of those over this table alone.
    let large = (Way::Files(Ok(((16 << 20) + 1, 500))), whole());
    for (way, then) in [large, (Way::Files(Err("Conversion Error: no number")), tried())] {
        let world = world("SELECT n, count(*) FROM trips GROUP BY ALL", json!({}));
        let ann = world.instance().sign_in("ann", PASSWORD);
        world.lambda.answers(way);
        assert_eq!(asked(&world, &ann, ""), tried());
        world.commit(2);
        assert_eq!(asked(&world, &ann, ""), then);
    }
    // Other rows each time, an order that no file keeps, what lists tables.
    for sql in [
        "SELECT max(now()) FROM trips",
        "SELECT max(n COLLATE NOCASE) FROM trips",
        "SELECT count(*) FROM duckdb_tables()",
    ] {
        let world = world(sql, json!({}));
        let ann = world.instance().sign_in("ann", PASSWORD);
        assert_eq!(asked(&world, &ann, ""), whole(), "{sql}");
    }
}

#[test]
fn one_runs_it_for_all_who_ask_at_once() {
    let world = world("SELECT n, count(*) FROM trips GROUP BY ALL", json!({}));
    let ann = &world.instance().sign_in("ann", PASSWORD);
    thread::scope(|scope| {
        for name in ["a", "b", "c", "d"] {
            let instance = world.instance();
            scope.spawn(move || {
                let answer = instance.get(&format!("/api/trips/{name}"), ann);
                assert_eq!(answer.status, 200, "{answer:?}");
            });
        }
    });
    let sent = world.lambda.sent();
    assert_eq!((sent.len(), sent.iter().filter(|event| event["spill"] == "always").count()), (5, 1), "{sent:?}");
}

#[test]
fn a_hostile_engine_or_site_leads_nowhere() {
    let world = world("SELECT n, count(*) FROM trips GROUP BY ALL", json!({}));
    let ann = world.instance().sign_in("ann", PASSWORD);
    for uri in ["s3://lake/_quack/dash/key", "s3://other/_quack/results/1/rows.parquet", "/etc/passwd", ""] {
        world.lambda.answers(Way::Spilled(uri.to_owned(), 10));
        let refused = world.instance().get("/api/trips/a", &ann);
        assert!(
            refused.status == 502 && refused.text().contains("another object than a result's"),
            "{uri}: {refused:?}"
        );
    }
    for (place, value) in [
        ("/pages/0/shared/0/table", json!("trips")),
        ("/pages/0/shared/0/table", json!("quack_page_")),
        ("/pages/0/shared/0/table", json!("quack_page_0\" AS x")),
        ("/pages/0/queries/5/over/shared", json!([1])),
        ("/pages/0/shared/0/query/over", json!({ "sql": "FROM base", "shared": [0] })),
        ("/pages/0/shared/0/query/inputs", json!([9])),
    ] {
        let mut site = world.site.clone();
        match site.pointer_mut(place) {
            Some(there) => *there = value,
            None => site["pages"][0]["shared"][0]["query"]["over"] = value,
        }
        world.write(&site);
        let refused = world.instance().get("/api/trips/a", &ann);
        assert!(refused.status == 503 && refused.text().contains("cannot be shown"), "{place}: {refused:?}");
    }
}
