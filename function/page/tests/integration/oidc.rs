//! Sign-in by an issuer: a real one on loopback, with keys of its own, that does all of it right, or one thing wrong.

use chrono::Utc;
use quack_page::signed::{Begun, By, Session};
use quack_page::testing::{CLIENT, Issuer, Way};
use serde_json::{Value, json};

use crate::support::{Answer, Instance, PASSWORD, World};

/// A site that `issuer` lets people of example.com into, and one other.
fn world(issuer: &Issuer) -> World {
    let mut world = World::start();
    world.site["oidc"] = oidc(issuer);
    world.write(&world.site);
    issuer.signs_in(json!({ "email": "Ann@example.com", "email_verified": true }));
    world
}

fn oidc(issuer: &Issuer) -> Value {
    json!({
        "issuer": issuer.url, "client_id": CLIENT, "claim": "email", "allow": ["*@example.com", "cleo@example.org"],
        "scopes": "openid email", "label": "Example <Id>", "callback": "https://site.example/oidc/callback",
    })
}

/// Begins to sign in: where the browser is sent, and the cookie it has then.
fn begin(instance: &Instance, to: &str) -> (String, String) {
    let begun = instance.get(&format!("/oidc/start?to={to}"), "");
    assert_eq!(begun.status, 303, "{begun:?}");
    (begun.header("location").unwrap().to_owned(), begun.cookie())
}

/// The path with what is behind `?` that the issuer sends the browser back to.
fn issuers_answer(address: &str) -> String {
    let agent = ureq::Agent::config_builder().max_redirects(0).http_status_as_error(false).build().new_agent();
    let answer = agent.get(address).call().unwrap();
    let back = answer.headers()["location"].to_str().unwrap().to_owned();
    back.strip_prefix("https://site.example").unwrap_or_else(|| panic!("{back}")).to_owned()
}

/// Signs in as a browser does, up to what the function says in the end.
fn visit(instance: &Instance) -> Answer {
    let (address, cookie) = begin(instance, "/trips");
    instance.get(&issuers_answer(&address), &cookie)
}

fn session(answer: &Answer) -> Option<String> {
    let cookies = answer.cookies.iter().filter_map(|cookie| cookie.split(';').next());
    cookies.filter(|cookie| cookie.starts_with("__Host-quack=")).map(str::to_owned).next()
}

/// That nobody came in, that it was told and logged, and that the browser has forgotten that it had begun.
fn assert_refused(instance: &Instance, answer: &Answer, told: &str, logged: &str) {
    assert!(matches!(answer.status, 400 | 403 | 429 | 502), "{told}: {answer:?}");
    assert!(session(answer).is_none(), "{told}: {answer:?}");
    assert!(answer.text().contains(told), "{told}: {}", answer.text());
    let forgets = |cookie: &String| cookie.starts_with("__Host-quack-oidc=; ") && cookie.contains("Max-Age=0");
    assert!(answer.cookies.iter().any(forgets), "{told}: {:?}", answer.cookies);
    let log = instance.log();
    let last = log.lines().last().unwrap();
    assert!(last.contains("\"what\":\"refused\"") && last.contains(logged), "{logged}: {last}");
}

#[test]
fn whom_the_issuer_knows_comes_in_by_either_kind_of_key() {
    let issuer = Issuer::start(None);
    let world = world(&issuer);
    let instance = world.instance();
    let form = instance.get("/login?to=%2Ftrips%3Fday%3D2019-04-02", "").text();
    assert!(
        form.contains("href=\"/oidc/start?to=%2Ftrips%3Fday%3D2019-04-02\">Sign in with Example &lt;Id&gt;</a>"),
        "{form}"
    );
    assert!(form.contains("name=\"password\""), "there are passwords too: {form}");
    for way in [Way::Right, Way::Ec] {
        issuer.goes(way);
        let (address, cookie) = begin(&instance, "%2Ftrips%3Fday%3D2019-04-02");
        let query = address.split_once('?').unwrap().1;
        for part in ["response_type=code", "client_id=quack", "scope=openid+email", "code_challenge_method=S256"] {
            assert!(query.contains(part), "{query}");
        }
        assert!(query.contains("redirect_uri=https%3A%2F%2Fsite.example%2Foidc%2Fcallback&"), "{query}");
        let back = issuers_answer(&address);
        let ended = instance.get(&back, &cookie);
        assert_eq!((ended.status, ended.header("location")), (303, Some("/trips?day=2019-04-02")), "{ended:?}");
        let ann = session(&ended).unwrap();
        let page = instance.get("/trips", &ann);
        assert!(page.status == 200 && page.text().contains("<span>ann@example.com</span>"), "{}", page.text());
        assert_eq!(instance.get("/secret", &ann).status, 404, "it is for the ann of a password");
        assert_eq!(instance.get("/api/trips/mine", &ann).status, 200);
        assert_eq!(world.lambda.sent().last().unwrap()["params"]["user"], "ann@example.com");
        assert!(!instance.log().contains("code-"), "a code is a secret: {}", instance.log());
    }
    let asked = issuer.asked();
    let times = |path: &str| asked.iter().filter(|own| own.contains(path)).count();
    assert_eq!((times("openid-configuration"), times("/keys"), times("/token")), (1, 1, 2), "{asked:?}");
}

#[test]
fn begun_is_bound_to_one_browser_for_a_while() {
    let issuer = Issuer::start(None);
    let world = world(&issuer);
    let instance = world.instance();
    let begun = instance.get("/oidc/start?to=//evil.example", "");
    let cookie = &begun.cookies[0];
    for part in ["__Host-quack-oidc=", "; Path=/", "; HttpOnly", "; SameSite=Lax", "; Secure", "; Max-Age=600"] {
        assert!(cookie.contains(part), "{cookie}");
    }
    let (address, own) = (begun.header("location").unwrap().to_owned(), begun.cookie());
    let back = issuers_answer(&address);
    let (_, other) = begin(&instance, "/trips");
    let key = World::key();
    let state = back.split("state=").nth(1).unwrap().split('&').next().unwrap();
    let begun = |state: &str, seconds: i64| {
        let expires = Utc::now().timestamp() + seconds;
        format!("__Host-quack-oidc={}", key.sign(&Begun { state: state.to_owned(), to: "/".to_owned(), expires }))
    };
    let forged = quack_page::signed::Key::of(&[8; 32]).unwrap();
    let forged = forged.sign(&Begun { state: state.to_owned(), to: "/".to_owned(), expires: i64::MAX });
    let as_session = Session { user: "x".to_owned(), expires: i64::MAX, by: By::Issuer("x".to_owned()) };
    let code = back.split("code=").nth(1).unwrap().split('&').next().unwrap();
    issuer.asked();
    for (back, cookie) in [
        (back.clone(), String::new()),
        (back.clone(), other),
        (back.clone(), begun(state, -1)),
        (back.clone(), begun("other", 600)),
        (back.clone(), format!("__Host-quack-oidc={forged}")),
        (back.clone(), format!("__Host-quack-oidc={}", key.sign(&as_session))),
        (back.clone(), own.replace("__Host-quack-oidc", "__Host-quack")),
        (back.replace(state, "x"), own.clone()),
        (format!("{back}&state={state}"), own.clone()),
        (format!("/oidc/callback?code={code}"), own.clone()),
        ("/oidc/callback?error=x&error_description=Call+us".to_owned(), own.clone()),
        ("/oidc/callback".to_owned(), String::new()),
    ] {
        let refused = instance.get(&back, &cookie);
        assert_refused(&instance, &refused, "did not begin in this browser", "no sign-in of that state");
        assert!(!refused.text().contains("Call"), "{}", refused.text());
    }
    assert_eq!(issuer.asked(), [""; 0], "nothing was asked of the issuer");
    for (more, told) in [("&iss=https://other.example", "Another issuer"), ("&code=2", "gave no code")] {
        let refused = instance.get(&format!("{back}{more}"), &own);
        assert_refused(&instance, &refused, told, if told.starts_with('A') { "another issuer" } else { "no code" });
    }
    let ended = instance.get(&format!("{back}&iss={}", issuer.url), &own);
    assert_eq!((ended.status, ended.header("location")), (303, Some("/")), "a page of this site: {ended:?}");
    assert!(session(&ended).is_some());
    let again = instance.get(&back, &own);
    assert_refused(&instance, &again, "did not sign you in", "invalid_grant");
    let mut elsewhere = crate::support::event("GET", "/oidc/start", "");
    elsewhere["headers"] = json!({ "sec-fetch-site": "cross-site" });
    assert_eq!(instance.request(&elsewhere).status, 403);
}

#[test]
fn a_token_that_is_not_all_right_counts_for_nothing() {
    let issuer = Issuer::start(None);
    let world = world(&issuer);
    let instance = world.instance();
    assert!(session(&visit(&instance)).is_some());
    for (way, words) in [
        (Way::OtherNonce, "of another sign-in (nonce)"),
        (Way::OtherIssuer, "of another issuer"),
        (Way::OtherClient, "for another client"),
        (Way::Several, "for another client"),
        (Way::OtherParty, "for another client"),
        (Way::NotYet, "does not hold yet"),
        (Way::Critical, "asks for what is not known"),
        (Way::Expired, "has expired"),
        (Way::ToCome, "of a time to come"),
        (Way::Unsigned, "only RS256 and ES256 count"),
        (Way::PublicAsSecret, "only RS256 and ES256 count"),
        (Way::Forged, "signature is wrong"),
        (Way::OtherKey, "a key that is not its issuer"),
        (Way::Confused, "a key that is not its issuer"),
        (Way::Garbage, "the ID token is none"),
    ] {
        issuer.goes(way);
        assert_refused(&instance, &visit(&instance), words.split(" (").next().unwrap(), words);
    }
    issuer.goes(Way::Denies);
    let denied = visit(&instance);
    assert_refused(
        &instance,
        &denied,
        "Example &lt;Id&gt; says: access_denied &lt;b&gt;no&lt;/b&gt; &amp; no",
        "access_denied",
    );
    issuer.goes(Way::Right);
    assert!(session(&visit(&instance)).is_some(), "the next one is none the worse");
    for path in ["/oidc/callback/x", "/oidc", "/oidc/start/x", "/oidc/x"] {
        assert!(matches!(instance.get(path, "").status, 303 | 404), "{path}");
    }
    assert_eq!(world.lambda.sent().len(), 0, "nothing was invoked");
    assert!(!instance.log().contains("panicked") && !instance.log().contains("code-"), "{}", instance.log());
}

#[test]
fn an_issuer_that_does_not_do_its_part_is_told_of() {
    let issuer = Issuer::start(None);
    let world = world(&issuer);
    for (way, words) in [
        (Way::Tokenless, "no ID token"),
        (Way::Broken, "invalid_client who are you?"),
        (Way::HugeKeys, "more than 262144 bytes"),
        (Way::ManyKeys, "more than 64 keys"),
        (Way::NoKeys, "its keys are none"),
        (Way::PlainEndpoint, "is no address by HTTPS"),
    ] {
        issuer.goes(way);
        let instance = world.instance();
        assert_refused(&instance, &visit(&instance), "whoever runs the site finds in the log why", words);
    }
    for (way, words) in [(Way::Redirects, "it answers 302"), (Way::Stranger, "it says that the issuer is")] {
        issuer.goes(way);
        let instance = world.instance();
        let refused = instance.get("/oidc/start", "");
        assert!(refused.status == 502 && refused.cookies.is_empty(), "{refused:?}");
        assert!(instance.log().contains(words), "{words}: {}", instance.log());
        assert_eq!(instance.get("/login", "").status, 200, "passwords work");
    }
    let gone = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let mut site = world.site.clone();
    site["oidc"]["issuer"] = json!(format!("http://{}", gone.local_addr().unwrap()));
    drop(gone);
    world.write(&site);
    assert_eq!(world.instance().get("/oidc/start", "").status, 502);
    for (part, value) in [
        ("/oidc/issuer", json!("http://id.example")),
        ("/oidc/allow", json!([])),
        ("/oidc/callback", json!("//evil.example/oidc/callback")),
        ("/oidc", json!(7)),
    ] {
        let mut site = world.site.clone();
        *site.pointer_mut(part).unwrap() = value;
        world.write(&site);
        assert_eq!(world.instance().get("/login", "").status, 503, "{part}");
    }
}

#[test]
fn keys_that_an_issuer_has_changed_are_asked_for_again_but_not_without_end() {
    let issuer = Issuer::start(None);
    let world = world(&issuer);
    let instance = world.instance();
    assert!(session(&visit(&instance)).is_some());
    issuer.rotates("2");
    issuer.asked();
    assert!(session(&visit(&instance)).is_some());
    assert_eq!(issuer.asked().iter().filter(|asked| asked.ends_with("/keys")).count(), 1);
    issuer.goes(Way::OtherKey);
    for _ in 0..3 {
        assert_refused(&instance, &visit(&instance), "a key that is not its issuer", "a key that is not its issuer");
    }
    assert_eq!(issuer.asked().iter().filter(|asked| asked.ends_with("/keys")).count(), 0);
}

#[test]
fn who_is_not_allowed_stays_out_and_names_are_not_mixed_up() {
    let issuer = Issuer::start(None);
    let mut world = world(&issuer);
    world.site["users"]["bob@example.com"] = world.site["users"]["bea"].clone();
    world.site["oidc"]["allow"] = json!(["*@example.com", "cleo@example.org"]);
    world.write(&world.site);
    let instance = world.instance();
    for (user, told, logged) in [
        (
            json!({ "email": "eve@evil.example", "email_verified": true }),
            "knows you as eve@evil.example",
            "is not allowed",
        ),
        (json!({ "email": "bob@example.com", "email_verified": true }), "does not let in", "is not allowed"),
        (json!({ "email": "ann@example.com", "email_verified": false }), "is verified", "is verified"),
        (json!({ "email": "ann@example.com", "email_verified": "false" }), "is verified", "is verified"),
        (json!({ "email": "ann@example.com" }), "is verified", "is verified"),
        (json!({ "email": "<i>@example.com", "email_verified": true }), "&lt;i&gt;@example.com", "names have letters"),
        (json!({ "email": 7, "email_verified": true }), "is it among the scopes", "the ID token has no"),
        (json!({ "sub": "ann" }), "is it among the scopes", "the ID token has no"),
    ] {
        issuer.signs_in(user);
        assert_refused(&instance, &visit(&instance), told, logged);
    }
    issuer.signs_in(json!({ "email": "cleo@example.org", "email_verified": "true" }));
    let cleo = session(&visit(&instance)).unwrap();
    assert_eq!(instance.get("/trips", &cleo).status, 200);
    let bob = instance.sign_in("bob@example.com", "battery staple");
    assert_eq!(instance.get("/trips", &bob).status, 200, "by his password");
    // By the name itself, it is meant.
    world.site["oidc"]["allow"] = json!(["bob@example.com"]);
    world.write(&world.site);
    let later = world.instance();
    assert_eq!(later.get("/trips", &cleo).status, 303, "who is not allowed any more is out");
    issuer.signs_in(json!({ "email": "bob@example.com", "email_verified": true }));
    let bob = session(&visit(&later)).unwrap();
    assert_eq!(later.get("/trips", &bob).status, 200);
    world.site["oidc"]["client_id"] = json!("other");
    world.write(&world.site);
    assert_eq!(world.instance().get("/trips", &bob).status, 303, "other settings are another door");
    world.site["oidc"] = oidc(&issuer);
    world.site["oidc"]["claim"] = json!("sub");
    world.site["oidc"]["allow"] = json!(["*"]);
    (world.site["users"], world.site["public"]) = (json!({}), json!(false));
    world.write(&world.site);
    let alone = world.instance();
    assert!(!alone.get("/login", "").text().contains("password"), "there are no passwords");
    assert_eq!(alone.post("/login", &format!("user=ann&password={PASSWORD}")).status, 401);
    for (sub, told) in [("guest", "does not let in"), ("", "names have letters"), ("a b", "names have letters")] {
        issuer.signs_in(json!({ "sub": sub }));
        assert_refused(&alone, &visit(&alone), told, "");
    }
    issuer.signs_in(json!({ "sub": "ann" }));
    let ann = session(&visit(&alone)).unwrap();
    assert_eq!((alone.get("/trips", &ann).status, alone.get("/secret", &ann).status), (200, 200), "as pages allow her");
    let out = alone.post("/logout", "");
    assert!(out.cookies[0].starts_with("__Host-quack=; "), "{out:?}");
}

#[test]
fn a_secret_is_for_its_own_client_alone() {
    let issuer = Issuer::start(Some("s3cret-of-client"));
    let mut world = world(&issuer);
    let without = world.instance();
    assert_refused(&without, &visit(&without), "did not sign you in", "invalid_client");
    world.site["oidc"]["has_secret"] = json!(true);
    world.write(&world.site);
    assert_eq!(world.instance().get("/oidc/callback", "").status, 503, "there is no secret");
    let of =
        |issuer: &str, secret: &str| json!({ "issuer": issuer, "client_id": CLIENT, "secret": secret }).to_string();
    for wrong in ["s3cret-of-client".to_owned(), of("https://other.example", "s3cret-of-client")] {
        world.store.put("_quack/dash/oidc", wrong);
        let instance = world.instance();
        assert_eq!(instance.get("/oidc/callback", "").status, 503);
        assert!(!instance.log().contains("s3cret"), "{}", instance.log());
    }
    world.store.put("_quack/dash/oidc", of(&issuer.url, "s3cret-of-client"));
    let instance = world.instance();
    let ended = visit(&instance);
    assert!(session(&ended).is_some(), "{}", ended.text());
    assert!(!instance.log().contains("s3cret"), "{}", instance.log());
}

#[test]
fn too_many_sign_ins_are_refused_before_the_issuer_is_asked() {
    let issuer = Issuer::start(None);
    let world = world(&issuer);
    let instance = world.instance();
    let (address, cookie) = begin(&instance, "/trips");
    let state = address.split("&state=").nth(1).unwrap().split('&').next().unwrap();
    let back = format!("/oidc/callback?state={state}&code=x");
    let statuses: Vec<u64> = (0..32).map(|_| instance.get(&back, &cookie).status).collect();
    // The first time that it is asked where its endpoints are counts, too.
    assert_eq!(statuses[28..], [502, 429, 429, 429]);
    assert_eq!(issuer.asked().iter().filter(|asked| asked.ends_with("/token")).count(), 29);
    let known = instance.get("/oidc/start", "").status;
    assert_eq!(known, 303, "nobody is asked for it");
    issuer.goes(Way::Stranger);
    let instance = world.instance();
    let statuses: Vec<u64> = (0..32).map(|_| instance.get("/oidc/start", "").status).collect();
    assert_eq!(statuses[29..], [502, 429, 429]);
    assert_eq!(issuer.asked().iter().filter(|asked| asked.contains("openid-configuration")).count(), 30);
}
