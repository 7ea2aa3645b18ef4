//! Who asks for what another runs: told so soon, and then the answer, or why there is none.

use std::thread;
use std::time::{Duration, Instant};

use chrono::Utc;
use serde_json::{Value, json};

use crate::support::{Answer, Instance, PASSWORD, Way, World, event};

const BY_ZONE: &str = "/api/trips/by_zone";

/// Asks as the page's script does, after so many milliseconds of waiting.
fn ask(instance: &Instance, address: &str, cookie: &str, waited: Option<u64>) -> Answer {
    let mut event = event("GET", address, cookie);
    event["headers"] = json!({ "prefer": "respond-async" });
    if let Some(waited) = waited {
        event["headers"]["quack-waited"] = json!(waited.to_string());
    }
    instance.request(&event)
}

/// What a 202 says: for how long it runs, and may.
fn runs(answer: &Answer) -> (u64, u64) {
    assert_eq!((answer.status, answer.header("content-type")), (202, Some("application/json")), "{answer:?}");
    assert_eq!((answer.header("retry-after"), answer.header("cache-control")), (Some("1"), Some("private, no-store")));
    let told: Value = serde_json::from_slice(&answer.body).unwrap();
    assert_eq!(told["running"], json!(true));
    (told["for_ms"].as_u64().unwrap(), told["most_ms"].as_u64().unwrap())
}

/// Has it run somewhere, and goes on once the engine was asked.
fn begun(world: &World, instance: Instance, ann: &str) -> thread::JoinHandle<Answer> {
    let (before, ann) = (world.lambda.sent().len(), ann.to_owned());
    let runner = thread::spawn(move || instance.get(BY_ZONE, &ann));
    let end = Instant::now() + Duration::from_secs(10);
    while world.lambda.sent().len() == before {
        assert!(Instant::now() < end, "the engine was not asked");
        thread::sleep(Duration::from_millis(5));
    }
    runner
}

/// The object that stands for a run, of the one query that was asked.
fn claim(world: &World) -> String {
    let name = world.store.list("_quack/dash/cache").into_iter().find(|name| name.ends_with(".run")).unwrap();
    format!("_quack/dash/cache/{name}")
}

#[test]
fn who_asks_for_what_runs_is_told_soon_and_a_file_is_waited_for() {
    let world = World::start();
    world.lambda.answers(Way::Rows(5, Duration::from_millis(2500)));
    let (instance, other) = (world.instance(), world.instance());
    let ann = instance.sign_in("ann", PASSWORD);
    let runner = begun(&world, world.instance(), &ann);
    let began = Instant::now();
    let (first, most) = runs(&ask(&instance, BY_ZONE, &ann, None));
    assert!(began.elapsed() < Duration::from_millis(1500) && most == 70_000, "{:?}, {most}", began.elapsed());
    let again = Instant::now();
    let (second, _) = runs(&ask(&instance, BY_ZONE, &ann, Some(400)));
    // By then it is none that may be over at once.
    assert!(second >= first && again.elapsed() < Duration::from_millis(700), "{second}, {:?}", again.elapsed());
    // Who does not say that they ask again are not told to: a link, curl.
    let plain = other.get(BY_ZONE, &ann);
    assert_eq!((plain.status, plain.header("quack-rows"), plain.header("quack-cached")), (200, Some("5"), Some("1")));
    assert_eq!(runner.join().unwrap().header("quack-rows"), Some("5"));
    let answer = ask(&instance, BY_ZONE, &ann, Some(2500));
    assert_eq!((answer.status, answer.header("quack-cached"), &answer.body), (200, Some("1"), &plain.body));
    assert_eq!(world.lambda.sent().len(), 1);
}

#[test]
fn a_run_that_is_over_at_once_is_waited_for() {
    let world = World::start();
    world.lambda.answers(Way::Rows(5, Duration::from_millis(100)));
    let instance = world.instance();
    let ann = instance.sign_in("ann", PASSWORD);
    let runner = begun(&world, world.instance(), &ann);
    let answer = ask(&instance, BY_ZONE, &ann, None);
    assert_eq!((answer.status, answer.header("quack-rows")), (200, Some("5")), "{answer:?}");
    assert_eq!((runner.join().unwrap().status, world.lambda.sent().len()), (200, 1));
}

#[test]
fn who_waits_is_told_why_a_run_failed_and_who_comes_later_runs_it_anew() {
    let world = World::start();
    world.lambda.answers(Way::FailsAfter("Binder Error: no column <d>", Duration::from_millis(1200)));
    let instance = world.instance();
    let ann = instance.sign_in("ann", PASSWORD);
    let runner = begun(&world, world.instance(), &ann);
    let began = Instant::now();
    runs(&ask(&instance, BY_ZONE, &ann, None));
    assert_eq!(runner.join().unwrap().status, 422);
    let failed = ask(&instance, BY_ZONE, &ann, Some(began.elapsed().as_millis() as u64));
    assert!(failed.status == 422 && failed.text().contains("no column <d>"), "{failed:?}");
    assert_eq!(world.lambda.sent().len(), 1);
    world.lambda.answers(Way::Rows(5, Duration::ZERO));
    assert_eq!((ask(&instance, BY_ZONE, &ann, None).status, world.lambda.sent().len()), (200, 2));
}

#[test]
fn a_run_that_died_is_taken_over_by_who_waits() {
    let world = World::start();
    world.lambda.answers(Way::Fails("Out of Memory"));
    let instance = world.instance();
    let ann = instance.sign_in("ann", PASSWORD);
    // There is no answer, and what stands for the run stays.
    assert_eq!(ask(&instance, BY_ZONE, &ann, None).status, 422);
    let claim = claim(&world);
    let began_before = |ms: i64| {
        world.store.put(&claim, json!({ "began": Utc::now().timestamp_millis() - ms, "by": 7 }).to_string());
    };
    world.lambda.answers(Way::Rows(5, Duration::ZERO));
    began_before(69_000);
    let (age, _) = runs(&ask(&instance, BY_ZONE, &ann, Some(68_000)));
    assert!(age >= 69_000, "{age}");
    assert_eq!(world.lambda.sent().len(), 1);
    began_before(70_001);
    assert_eq!(ask(&instance, BY_ZONE, &ann, Some(70_000)).header("quack-rows"), Some("5"));
    assert_eq!(world.lambda.sent().len(), 2);
}

#[test]
fn ones_spent_budget_is_not_told_to_others() {
    let mut world = World::start();
    world.site["limits"] = json!({ "session_per_minute": 40, "user_usd_day": 0.000001 });
    world.write(&world.site);
    let instance = world.instance();
    let (ann, bea) = (instance.sign_in("ann", PASSWORD), instance.sign_in("bea", "battery staple"));
    assert_eq!(instance.get("/api/trips/top", &ann).status, 200);
    let spent = instance.get(BY_ZONE, &ann);
    assert!(spent.status == 402 && spent.text().contains("ann has spent"), "{spent:?}");
    // As if bea had waited for ann's.
    assert_eq!(ask(&instance, BY_ZONE, &bea, Some(30_000)).status, 200);
}

#[test]
fn waiting_is_not_counted_and_hammering_is_refused() {
    let mut world = World::start();
    world.site["limits"] = json!({ "session_per_minute": 2 });
    world.write(&world.site);
    world.lambda.answers(Way::Fails("Out of Memory"));
    let instance = world.instance();
    let (ann, bea) = (instance.sign_in("ann", PASSWORD), instance.sign_in("bea", "battery staple"));
    assert_eq!(instance.get(BY_ZONE, &bea).status, 422);
    let claim = claim(&world);
    let begins = || world.store.put(&claim, json!({ "began": Utc::now().timestamp_millis(), "by": 7 }).to_string());
    begins();
    thread::sleep(Duration::from_millis(400));
    for _ in 0..20 {
        runs(&ask(&instance, BY_ZONE, &ann, Some(400)));
    }
    for _ in 20..50 {
        ask(&instance, BY_ZONE, &ann, Some(400));
    }
    let over = ask(&instance, BY_ZONE, &ann, Some(400));
    assert!(over.status == 429 && over.text().contains("more than 50 requests for what still runs"), "{over:?}");
    let after: u32 = over.header("retry-after").unwrap().parse().unwrap();
    assert!((1..=60).contains(&after) && over.text().contains(&format!("wait {after} seconds")), "{over:?}");
    // That one was counted; the next is the last.
    ask(&instance, BY_ZONE, &ann, Some(400));
    let over = ask(&instance, BY_ZONE, &ann, Some(400));
    assert!(over.status == 429 && over.text().contains("more than 2 requests in a minute"), "{over:?}");
    assert!(over.header("retry-after").is_some());
    // Of another session nothing was taken.
    runs(&ask(&instance, BY_ZONE, &bea, Some(400)));
}
