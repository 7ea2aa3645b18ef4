//! Answers of more than a response holds, and rows as files.

use std::io::Cursor;
use std::time::Duration;

use arrow_ipc::reader::StreamReader;

use crate::support::{Answer, Instance, PASSWORD, Way, World};

/// Rows of eight bytes, of which a response holds fewer.
const MANY: i64 = 700_000;

/// All of an answer, of which that is the first part.
fn whole(instance: &Instance, path: &str, cookie: &str, first: &Answer) -> Vec<u8> {
    let mut body = first.body.clone();
    let parts: u64 = first.header("quack-parts").map_or(1, |parts| parts.parse().unwrap());
    for part in 2..=parts {
        let answer = instance.get(&format!("{path}/{}/{part}", first.header("quack-rest").unwrap()), cookie);
        assert_eq!(answer.status, 200, "{}", answer.text());
        body.extend(answer.body);
    }
    body
}

fn rows(bytes: &[u8]) -> usize {
    StreamReader::try_new(Cursor::new(bytes), None).unwrap().map(|batch| batch.unwrap().num_rows()).sum()
}

#[test]
fn an_answer_comes_in_parts_that_fit_together() {
    let world = World::start();
    world.lambda.answers(Way::Rows(MANY, Duration::ZERO));
    let instance = world.instance();
    let (ann, bea) = (instance.sign_in("ann", PASSWORD), instance.sign_in("bea", "battery staple"));
    let path = "/api/trips/by_zone";
    let first = instance.get(&format!("{path}?day=2019-04-02"), &ann);
    assert_eq!((first.status, first.body.len(), first.header("quack-parts")), (200, 4 << 20, Some("2")));
    let body = whole(&instance, path, &ann, &first);
    assert_eq!(rows(&body), MANY as usize);
    // In memory, and of the bucket for another instance.
    for instance in [&instance, &world.instance()] {
        let again = instance.get(&format!("{path}?day=2019-04-02"), &ann);
        assert_eq!((again.header("quack-cached"), again.header("quack-rows")), (Some("1"), Some("700000")));
        assert!(whole(instance, path, &ann, &again) == body);
    }
    assert_eq!(world.lambda.sent().len(), 1);
    assert_eq!(world.lambda.sent()[0]["spill"], "stream");
    // A commit makes another answer, and the rest of the first one stays its rest.
    world.commit(2);
    world.lambda.answers(Way::Rows(3, Duration::ZERO));
    let small = instance.get(&format!("{path}?day=2019-04-02"), &ann);
    assert_eq!((small.header("quack-rows"), small.header("quack-parts")), (Some("3"), None));
    assert!(whole(&instance, path, &ann, &first) == body);

    // It is hers, of this query, and nobody else's.
    let rest = first.header("quack-rest").unwrap();
    let last = rest.len() - 1;
    let forged = format!("{}{}", &rest[..last], if rest.ends_with('A') { "B" } else { "A" });
    for (path, cookie, status) in [
        (format!("{path}/{rest}/2"), "", 401),
        (format!("{path}/{rest}/2"), bea.as_str(), 404),
        (format!("/api/trips/top/{rest}/2"), &ann, 404),
        (format!("{path}.csv/{rest}/2"), &ann, 404),
        (format!("/api/secret/hidden/{rest}/2"), &ann, 404),
        (format!("{path}/{forged}/2"), &ann, 404),
        (format!("{path}/{rest}/0"), &ann, 404),
        (format!("{path}/{rest}/3"), &ann, 404),
        (format!("{path}/{rest}/x"), &ann, 404),
        (format!("{path}/{rest}"), &ann, 404),
    ] {
        assert_eq!(instance.get(&path, cookie).status, status, "{path}");
    }
}

#[test]
fn the_rest_of_an_answer_is_of_no_other() {
    let world = World::start();
    world.lambda.answers(Way::Rows(MANY, Duration::ZERO));
    let instance = world.instance();
    let ann = instance.sign_in("ann", PASSWORD);
    let first = instance.get("/api/trips/lately", &ann);
    let rest = format!("/api/trips/lately/{}/2", first.header("quack-rest").unwrap());
    assert_eq!(instance.get(&rest, &ann).status, 200);
    // As if an hour had passed: another run writes another answer in its place.
    for name in world.store.list("_quack/dash/cache") {
        let old = r#"{"made": 2, "answer": {"rows": 1, "ms": 1, "usd": null, "truncated": false}}"#;
        let old = if name.ends_with(".run") { r#"{"began": 1}"#.to_owned() } else { format!("{old}\n") };
        world.store.put(&format!("_quack/dash/cache/{name}"), old);
    }
    let gone = |answer: &Answer| answer.status == 410 && answer.text().contains("load the page again");
    assert!(gone(&instance.get(&rest, &ann)), "it is cut");
    world.lambda.answers(Way::Rows(MANY + 1, Duration::ZERO));
    let later = world.instance();
    let second = later.get("/api/trips/lately", &ann);
    assert_eq!((second.header("quack-cached"), second.header("quack-rows")), (None, Some("700001")));
    assert!(gone(&instance.get(&rest, &ann)), "it is another");
    assert_eq!(rows(&whole(&later, "/api/trips/lately", &ann, &second)), MANY as usize + 1);
}

#[test]
fn what_is_not_kept_comes_in_parts_too() {
    let world = World::start();
    world.lambda.answers(Way::Rows(MANY, Duration::ZERO));
    let instance = world.instance();
    let ann = instance.sign_in("ann", PASSWORD);
    for run in 1..=2 {
        let first = instance.get("/api/trips/now", &ann);
        assert_eq!((first.header("quack-cached"), world.lambda.sent().len()), (None, run));
        assert_eq!(rows(&whole(&instance, "/api/trips/now", &ann, &first)), MANY as usize);
    }
}

#[test]
fn rows_are_saved_as_files() {
    let world = World::start();
    let instance = world.instance();
    let ann = instance.sign_in("ann", PASSWORD);
    let csv = instance.get("/api/trips/by_zone.csv", &ann);
    assert_eq!((csv.status, csv.text().as_str()), (200, "n\n0\n1\n2\n"));
    assert_eq!(csv.header("content-type"), Some("text/csv; charset=utf-8"));
    assert_eq!(csv.header("content-disposition"), Some("attachment; filename=\"trips-by_zone.csv\""));
    assert_eq!((&world.lambda.sent()[0]["all"], world.lambda.sent()[0].get("limit")), (&true.into(), None));
    assert_eq!(instance.get("/api/trips/by_zone.csv", &ann).header("quack-cached"), Some("1"));
    // Drawn rows are another answer than saved ones: these are all.
    assert_eq!(instance.get("/api/trips/by_zone", &ann).header("quack-cached"), None);
    assert_eq!(world.lambda.sent().len(), 2);

    world.lambda.answers(Way::Rows(MANY, Duration::ZERO));
    let first = instance.get("/api/trips/by_zone.csv?day=2019-04-03", &ann);
    let text = String::from_utf8(whole(&instance, "/api/trips/by_zone.csv", &ann, &first)).unwrap();
    assert!(text.lines().count() == MANY as usize + 1 && text.ends_with("\n699999\n"));

    let file: Vec<u8> = (0..5 << 20).map(|at: u32| (at % 251) as u8).collect();
    world.store.put("_quack/results/1/rows.parquet", &file);
    let spilled = |uri: &str| world.lambda.answers(Way::Spilled(uri.to_owned(), file.len() as u64));
    spilled("s3://lake/_quack/results/1/rows.parquet");
    let first = instance.get("/api/trips/by_zone.parquet", &ann);
    assert_eq!((first.status, first.header("content-type")), (200, Some("application/vnd.apache.parquet")));
    assert!(whole(&instance, "/api/trips/by_zone.parquet", &ann, &first) == file);
    assert_eq!(world.lambda.sent().last().unwrap()["spill"], "always");
    // Whoever answers in the engine's place has nothing else handed out.
    for uri in [
        "s3://lake/_quack/dash/key",
        "s3://lake/_quack/dash/site.json",
        "s3://other/_quack/results/1/rows.parquet",
        "s3://lake/_quack/results/1/rows.arrow",
        "s3://lake/_quack/results/2/rows.parquet",
        "rows.parquet",
        "",
    ] {
        spilled(uri);
        let refused = instance.get("/api/trips/by_zone.parquet?day=2019-04-05", &ann);
        assert_eq!(refused.status, 502, "{uri}: {refused:?}");
    }
}
