//! What nobody may do: refused with words, logged, and nothing invoked.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::Utc;
use quack_page::signed::{By, Invitation, Key, Session};
use serde_json::{Value, json};

use crate::support::{PASSWORD, World, event};

#[test]
fn forged_cookies_open_nothing() {
    let world = World::start();
    let instance = world.instance();
    let ann = instance.sign_in("ann", PASSWORD);
    let name = "__Host-quack=";
    let session = |seconds: i64| Session {
        user: "ann".to_owned(),
        expires: Utc::now().timestamp() + seconds,
        by: By::Invitation("x".to_owned()),
    };
    let value = ann.strip_prefix(name).unwrap();
    let (payload, mac) = value.split_once('.').unwrap();
    let claimed = URL_SAFE_NO_PAD.encode(serde_json::to_vec(&session(600)).unwrap());
    let invitation = Invitation { id: "x".into(), user: "ann".into(), expires: i64::MAX };
    let forged = [
        format!("{name}{claimed}.{mac}"),
        format!("{name}{payload}."),
        format!("{name}{payload}"),
        format!("{name}{}", Key::of(&[8; 32]).unwrap().sign(&session(600))),
        format!("{name}{}", World::key().sign(&session(-1))),
        format!("{name}{}", World::key().sign(&invitation)),
        format!("quack={value}"),
        format!("{name}{}", "A".repeat(100_000)),
        name.to_owned(),
    ];
    for cookie in &forged {
        let refused = instance.get("/api/trips/by_zone", cookie);
        assert!(refused.status == 401 && refused.text().contains("nobody is signed in"), "{cookie}: {refused:?}");
    }
    let mut two = event("GET", "/api/trips/by_zone", &ann);
    two["cookies"] = json!([ann, forged[0]]);
    assert_eq!(instance.request(&two).status, 401);
    assert_eq!(world.lambda.sent().len(), 0);
    assert_eq!(instance.log().matches("\"what\":\"refused\"").count(), forged.len() + 1);
    assert!(!instance.log().contains(value), "{}", instance.log());
}

#[test]
fn what_is_not_a_pages_own_is_not_asked() {
    let world = World::start();
    let instance = world.instance();
    let bea = instance.sign_in("bea", "battery staple");
    let long = "x".repeat(10_000);
    let cases = [
        ("/api/trips/hidden", 404),
        ("/api/secret/hidden", 404),
        ("/api/none/by_zone", 404),
        ("/api/trips/by_zone.json", 404),
        ("/api/secret/hidden.csv", 404),
        ("/api/trips/by_zone/x.y/2", 404),
        ("/api/trips/", 404),
        ("/api/trips", 404),
        ("/api/../secret/hidden", 404),
        ("/api/trips/..%2f..%2fkey", 404),
        ("/assets/..%2fkey", 404),
        ("/assets/../key", 404),
        ("/assets/key", 404),
        ("/assets/site.json", 404),
        ("/assets/none.js", 404),
        ("/../site.json", 404),
        ("/site.json", 404),
        ("//evil.example", 404),
        ("/api/trips/by_zone?day=x", 400),
        ("/api/trips/by_zone?day='+OR+1=1", 400),
        ("/api/trips/by_zone?day=2019-02-30", 400),
        ("/api/trips/top?top=1.5", 400),
        ("/api/trips/top?top=51", 400),
        ("/api/trips/top?top=1;DROP", 400),
        (&format!("/api/trips/by_zone?day={long}"), 414),
        (&format!("/{long}"), 414),
    ];
    for (address, status) in cases {
        let refused = instance.get(address, &bea);
        assert_eq!(refused.status, status, "{address}: {}", refused.text());
        assert!(refused.body.len() > 20 && !refused.text().contains("hidden"), "{address}: {}", refused.text());
    }
    for method in ["POST", "PUT", "DELETE", "HEAD", "", "get"] {
        assert!(matches!(instance.request(&event(method, "/api/trips/by_zone", &bea)).status, 400 | 405), "{method}");
    }
    let large = instance.post("/login", &"x".repeat(5000));
    assert_eq!(large.status, 413);
    for event in [json!({}), json!([]), json!("x"), json!(null), json!({ "rawPath": 7, "requestContext": [] })] {
        assert_eq!(instance.request(&event).status, 400, "{event}");
    }
    assert_eq!(world.lambda.sent().len(), 0);
    assert!(!instance.log().contains("panicked"), "{}", instance.log());
}

#[test]
fn too_many_requests_and_tries_are_refused() {
    let mut world = World::start();
    world.site["limits"] = json!({ "session_per_minute": 3, "page_usd_day": 0.000001 });
    world.write(&world.site);
    let instance = world.instance();
    let ann = instance.sign_in("ann", PASSWORD);
    assert_eq!(instance.get("/api/trips/by_zone", &ann).status, 200);
    let spent = instance.get("/api/trips/top", &ann);
    assert!(spent.status == 402 && spent.text().contains("$0.000001"), "{}", spent.text());
    assert_eq!(instance.get("/api/trips/by_zone", &ann).header("quack-cached"), Some("1"));
    let over = instance.get("/api/trips/by_zone", &ann);
    assert!(over.status == 429 && over.text().contains("more than 3 requests in a minute"), "{}", over.text());
    let tries = (0..12).map(|_| instance.post("/login", "user=bea&password=x").status);
    assert_eq!(tries.collect::<Vec<_>>()[8..], [401, 401, 429, 429]);
    assert_eq!(world.lambda.sent().len(), 1);
}

#[test]
fn a_hostile_bucket_is_told_and_nothing_runs() {
    let world = World::start();
    let ann = world.instance().sign_in("ann", PASSWORD);
    let deep = "[".repeat(100_000);
    for catalog in ["", "[", "{\"version\": 99, \"tables\": {}}", "{\"version\": 2, \"tables\": 7}", &deep] {
        world.store.put("_quack/catalog.json", catalog);
        let instance = world.instance();
        let refused = instance.get("/api/trips/by_zone", &ann);
        assert!(refused.status == 503 && refused.text().contains("catalog"), "{catalog}: {}", refused.text());
        assert_eq!(instance.get("/trips", &ann).status, 200);
        assert!(instance.log().contains("_quack/catalog.json cannot be used"), "{}", instance.log());
    }
    let mut newer = world.site.clone();
    newer["version"] = json!(2);
    let mut led = world.site.clone();
    led["pages"][0]["queries"][0]["inputs"] = json!([99]);
    let mut costly = world.site.clone();
    let verifier = costly["users"]["ann"]["verifier"].as_str().unwrap().replace("m=19456", "m=4194304");
    costly["users"]["ann"]["verifier"] = json!(verifier);
    for site in [json!(7), json!(deep), newer, led, costly, Value::Null] {
        world.write(&site);
        let instance = world.instance();
        let refused = instance.get("/trips", &ann);
        assert!(refused.status == 503 && refused.text().contains("the site cannot be shown"), "{}", refused.text());
        assert_eq!(instance.post("/login", "user=ann&password=x").status, 503);
    }
    world.write(&world.site);
    for key in [&b""[..], b"short", &[7; 33]] {
        world.store.put("_quack/dash/key", key);
        assert_eq!(world.instance().get("/trips", &ann).status, 503);
    }
    assert_eq!(world.lambda.sent().len(), 0);
}

#[test]
fn assets_are_anybodys_and_stay() {
    let world = World::start();
    let instance = world.instance();
    for _ in 0..2 {
        let script = instance.get("/assets/dash-1.js", "");
        assert_eq!((script.status, script.text().as_str()), (200, "let a = 1;"));
        assert_eq!(script.header("cache-control"), Some("public, max-age=31536000, immutable"));
        assert_eq!(script.header("content-type"), Some("text/javascript; charset=utf-8"));
    }
    let style = instance.get("/assets/dash-1.css", "");
    assert_eq!((style.header("content-encoding"), style.body.as_slice()), (Some("gzip"), &[0x1f, 0x8b, 0, 1][..]));
}
