//! Answers that are kept: never a stale one, and one run for however many ask.

use std::io::Cursor;
use std::time::Duration;

use arrow_ipc::reader::StreamReader;
use serde_json::json;

use crate::support::{PASSWORD, Way, World};

#[test]
fn a_second_visit_runs_nothing_until_a_commit() {
    let world = World::start();
    let instance = world.instance();
    let ann = instance.sign_in("ann", PASSWORD);
    let first = instance.get("/api/trips/by_zone?day=2019-04-02", &ann);
    assert_eq!(
        (first.status, first.header("content-type")),
        (200, Some("application/vnd.apache.arrow.stream")),
        "{first:?}"
    );
    let told =
        [first.header("quack-rows"), first.header("quack-ms"), first.header("quack-usd"), first.header("quack-cached")];
    assert_eq!(told, [Some("3"), Some("42.0"), Some("0.0000012000"), None]);
    let rows: usize =
        StreamReader::try_new(Cursor::new(&first.body), None).unwrap().map(|batch| batch.unwrap().num_rows()).sum();
    assert_eq!(rows, 3);
    let sent = world.lambda.sent();
    assert_eq!(sent[0]["q"], "SELECT * FROM trips WHERE d = CAST($day AS DATE)");
    assert_eq!(sent[0]["params"], json!({ "day": "2019-04-02" }));
    let who = &sent[0]["who"];
    assert_eq!((&who["user"], &who["application"]), (&json!("ann"), &json!("quackctl dash")));
    assert!(who["query"].as_str().unwrap().ends_with("/trips/by_zone"), "{who}");
    assert!(sent[0].get("tables").is_none(), "{sent:?}");
    // In memory, and of the bucket for another instance.
    for instance in [&instance, &world.instance()] {
        let again = instance.get("/api/trips/by_zone?day=2019-04-02&unknown=1", &ann);
        assert_eq!((again.status, again.header("quack-cached"), &again.body), (200, Some("1"), &first.body));
        assert_eq!((again.header("quack-rows"), again.header("quack-usd")), (Some("3"), Some("0")));
    }
    assert_eq!(world.lambda.sent().len(), 1);
    assert_eq!(instance.get("/api/trips/top", &ann).status, 200);
    instance.get("/api/trips/by_zone?day=2019-04-03", &ann);
    assert_eq!(world.lambda.sent().len(), 3);
    world.commit(2);
    world.lambda.answers(Way::Rows(4, Duration::ZERO));
    let after = instance.get("/api/trips/by_zone?day=2019-04-02", &ann);
    assert_eq!((after.header("quack-rows"), world.lambda.sent().len()), (Some("4"), 4));
    // Of another table, nothing changed.
    assert_eq!((instance.get("/api/trips/top", &ann).header("quack-rows"), world.lambda.sent().len()), (Some("3"), 4));
    assert!(instance.log().contains("\"what\":\"ran\""), "{}", instance.log());
}

#[test]
fn one_runs_for_all_who_ask_at_once() {
    let world = World::start();
    world.lambda.answers(Way::Rows(5, Duration::from_millis(700)));
    let instances: Vec<_> = (0..6).map(|_| world.instance()).collect();
    let ann = &instances[0].sign_in("ann", PASSWORD);
    std::thread::scope(|scope| {
        for instance in instances {
            scope.spawn(move || {
                let answer = instance.get("/api/trips/by_zone", ann);
                assert_eq!((answer.status, answer.header("quack-rows")), (200, Some("5")), "{answer:?}");
            });
        }
    });
    assert_eq!(world.lambda.sent().len(), 1);
}

#[test]
fn what_fails_is_told_to_all_who_wait_and_is_not_kept() {
    let world = World::start();
    world.lambda.answers(Way::Fails("Binder Error: no column <d>"));
    let instance = world.instance();
    let ann = instance.sign_in("ann", PASSWORD);
    let failed = instance.get("/api/trips/by_zone", &ann);
    let told: serde_json::Value = serde_json::from_slice(&failed.body).unwrap();
    assert_eq!((failed.status, &told["error"]["message"]), (422, &json!("Binder Error: no column <d>")));
    world.lambda.answers(Way::Status(429));
    assert_eq!(instance.get("/api/trips/by_zone", &ann).status, 429);
    world.lambda.answers(Way::Status(403));
    assert_eq!(instance.get("/api/trips/by_zone", &ann).status, 502);
    // More bytes than a page takes.
    world.lambda.answers(Way::Spilled("s3://lake/_quack/results/1/rows.arrow".to_owned(), 1 << 40));
    let many = instance.get("/api/trips/by_zone", &ann);
    assert!(many.status == 422 && many.text().contains("ask for fewer rows"), "{many:?}");
    world.lambda.answers(Way::Rows(3, Duration::ZERO));
    assert_eq!((instance.get("/api/trips/by_zone", &ann).status, world.lambda.sent().len()), (200, 5));
}

#[test]
fn what_is_another_each_time_is_kept_only_as_long_as_is_said() {
    let world = World::start();
    let instance = world.instance();
    let ann = instance.sign_in("ann", PASSWORD);
    for _ in 0..2 {
        assert_eq!(instance.get("/api/trips/now", &ann).header("quack-cached"), None);
    }
    assert_eq!(world.lambda.sent().len(), 2);
    assert_eq!(instance.get("/api/trips/lately", &ann).header("quack-cached"), None);
    assert_eq!(instance.get("/api/trips/lately", &ann).header("quack-cached"), Some("1"));
    assert_eq!(world.lambda.sent().len(), 3);
    // As if an hour had passed: in the bucket the answer and its run are older.
    for name in world.store.list("_quack/dash/cache") {
        let path = format!("_quack/dash/cache/{name}");
        let old = if name.ends_with(".run") {
            r#"{"began": 1}"#.to_owned()
        } else {
            r#"{"made": 2, "answer": {"rows": 1, "ms": 1, "usd": null, "truncated": false}}"#.to_owned() + "\n"
        };
        world.store.put(&path, old);
    }
    let later = world.instance();
    assert_eq!(later.get("/api/trips/lately", &ann).header("quack-cached"), None);
    assert_eq!(later.get("/api/trips/lately", &ann).header("quack-cached"), Some("1"));
    assert_eq!(world.lambda.sent().len(), 4);
}

#[test]
fn rows_of_one_are_not_shown_to_another() {
    let world = World::start();
    let instance = world.instance();
    let (ann, bea) = (instance.sign_in("ann", PASSWORD), instance.sign_in("bea", "battery staple"));
    for cookie in [&ann, &bea, &ann] {
        assert_eq!(instance.get("/api/trips/mine?user=cleo", cookie).status, 200);
    }
    let users: Vec<_> = world.lambda.sent().iter().map(|event| event["params"]["user"].clone()).collect();
    assert_eq!(users, ["ann", "bea"]);
}

#[test]
fn objects_that_nobody_here_wrote_are_as_if_they_were_not_there() {
    let world = World::start();
    let instance = world.instance();
    let ann = instance.sign_in("ann", PASSWORD);
    instance.get("/api/trips/by_zone", &ann);
    let failed = br#"{"began": 1, "failed": [9223372036854775807, {"status": 7, "words": "x"}]}"#;
    let claims = [&br#"{"began": 9223372036854775807}"#[..], br#"{"began": -9223372036854775808}"#, failed];
    for hostile in [&b""[..], b"\xff\n", b"{}\n"].into_iter().chain(claims) {
        for name in world.store.list("_quack/dash/cache") {
            world.store.put(&format!("_quack/dash/cache/{name}"), hostile);
        }
        let before = world.lambda.sent().len();
        let instance = world.instance();
        let answer = instance.get("/api/trips/by_zone", &ann);
        assert_eq!((answer.status, world.lambda.sent().len()), (200, before + 1), "{answer:?} {}", instance.log());
    }
}
