//! Who comes in: by a password, by a link, or not.

use chrono::Utc;
use quack_page::signed::{GUEST, Invitation};
use serde_json::json;

use crate::support::{PASSWORD, SHAPES, World, event};

#[test]
fn a_password_opens_the_pages_that_are_ones_own() {
    let world = World::start();
    let instance = world.instance();
    let turned = instance.get("/trips?day=2019-04-02", "");
    assert_eq!((turned.status, turned.header("location")), (303, Some("/login?to=%2Ftrips%3Fday%3D2019-04-02")));
    let form = instance.get("/login?to=%2Ftrips%3Fday%3D2019-04-02", "");
    assert!(form.text().contains("value=\"/trips?day=2019-04-02\"") && !form.text().contains("Secret"), "{form:?}");
    for (user, password) in [("ann", "wrong horse"), ("nobody", PASSWORD), ("guest", ""), ("", ""), ("ann", "")] {
        let wrong = instance.post("/login", &format!("user={user}&password={password}&to=//evil.example"));
        assert!(
            wrong.status == 401 && wrong.cookies.is_empty() && wrong.text().contains("No such name"),
            "{user}: {wrong:?}"
        );
        assert!(!wrong.text().contains("evil"), "{wrong:?}");
    }
    let answer =
        instance.post("/login", &format!("user=ann&password={}&to=//evil.example", PASSWORD.replace(' ', "+")));
    assert_eq!((answer.status, answer.header("location")), (303, Some("/")));
    let whole = &answer.cookies[0];
    for part in ["__Host-quack=", "; Path=/", "; HttpOnly", "; SameSite=Lax", "; Secure", "; Max-Age=43200"] {
        assert!(whole.contains(part), "{whole}");
    }
    let (ann, bea) = (answer.cookie(), instance.sign_in("bea", "battery staple"));
    let page = instance.get("/trips?day=2019-04-02", &ann);
    assert!(
        page.text().contains("<h1>Trips on <output data-value=\"day\">2019-04-02</output></h1>"),
        "{}",
        page.text()
    );
    assert!(
        page.text().contains("value=\"2019-04-02\" data-default=\"2019-04-01\"") && page.text().contains("/secret")
    );
    assert_eq!(page.header("cache-control"), Some("private, no-store"));
    assert!(page.header("content-security-policy").unwrap().starts_with("default-src 'none'; script-src 'self'"));
    assert_eq!(instance.get("/", &bea).header("location"), Some("/trips"));
    let refused = instance.get("/secret", &bea);
    assert!(
        refused.status == 404 && !refused.text().contains("/secret") && !refused.text().contains("hidden"),
        "{refused:?}"
    );
    assert_eq!(instance.get("/secret", &ann).status, 200);
    let out = instance.post("/logout", "");
    assert!(
        out.header("location") == Some("/login")
            && out.cookies[0].contains("__Host-quack=; ")
            && out.cookies[0].contains("Max-Age=0")
    );
    assert!(!instance.log().contains(PASSWORD) && instance.log().contains("wrong password of"), "{}", instance.log());
}

#[test]
fn shapes_are_for_who_may_see_their_page() {
    let mut world = World::start();
    let instance = world.instance();
    let address = format!("/shapes/secret/{SHAPES}");
    let nobody = instance.get(&address, "");
    assert!(nobody.status == 401 && nobody.text().contains("nobody is signed in"), "{nobody:?}");
    let (ann, bea) = (instance.sign_in("ann", PASSWORD), instance.sign_in("bea", "battery staple"));
    let got = instance.get(&address, &ann);
    assert_eq!((got.status, got.body.as_slice()), (200, &[0x1f, 0x8b, 0, 2][..]));
    assert_eq!(
        (got.header("content-encoding"), got.header("content-type")),
        (Some("gzip"), Some("application/geo+json"))
    );
    assert_eq!(got.header("cache-control"), Some("private, no-store"), "a browser asks each time");
    // Also now that they are in the instance's memory; by another page, or as what anybody may have.
    let none = "f".repeat(32);
    for (path, cookie) in [
        (address.clone(), &bea),
        (format!("/shapes/trips/{SHAPES}"), &bea),
        (format!("/shapes/trips/{SHAPES}"), &ann),
        (format!("/assets/{SHAPES}"), &ann),
        (format!("/shapes/secret/{none}.geojson"), &ann),
        ("/shapes/secret/..%2fkey".to_owned(), &ann),
        ("/shapes/secret/key".to_owned(), &ann),
        (format!("/shapes/none/{SHAPES}"), &ann),
        (format!("/shapes/{SHAPES}"), &ann),
        (format!("/api/secret/{SHAPES}"), &ann),
    ] {
        let refused = instance.get(&path, cookie);
        assert_eq!(refused.status, 404, "{path}: {refused:?}");
    }
    let mut elsewhere = event("GET", &address, &ann);
    elsewhere["headers"] = json!({ "sec-fetch-site": "cross-site" });
    assert_eq!(instance.request(&elsewhere).status, 403);
    world.site["limits"]["session_per_minute"] = json!(2);
    world.write(&world.site);
    let instance = world.instance();
    let statuses = [&ann; 3].map(|cookie| instance.get(&address, cookie).status);
    assert_eq!(statuses, [200, 200, 429]);
    assert_eq!(world.lambda.sent().len(), 0);
    // A public site has pages that are somebody's, too.
    world.site["public"] = json!(true);
    world.write(&world.site);
    assert_eq!(world.instance().get(&address, "").status, 404);
}

#[test]
fn a_session_ends_with_its_password() {
    let mut world = World::start();
    let ann = world.instance().sign_in("ann", PASSWORD);
    assert_eq!(world.instance().get("/trips", &ann).status, 200);
    world.site["users"]["ann"] = world.site["users"]["bea"].clone();
    world.write(&world.site);
    assert_eq!(world.instance().get("/trips", &ann).status, 303);
    world.site["users"] = json!({});
    world.write(&world.site);
    assert_eq!(world.instance().get("/trips", &ann).status, 303);
}

#[test]
fn a_link_opens_until_it_expires_or_is_taken_back() {
    let mut world = World::start();
    let token = |id: &str, user: &str, seconds: i64| {
        let expires = Utc::now().timestamp() + seconds;
        World::key().sign(&Invitation { id: id.to_owned(), user: user.to_owned(), expires })
    };
    let instance = world.instance();
    let opened = instance.get(&format!("/invite/{}", token("i1", GUEST, 600)), "");
    assert_eq!((opened.status, opened.header("location")), (303, Some("/")));
    let seconds: i64 = opened.cookies[0].split("Max-Age=").nth(1).unwrap().split(';').next().unwrap().parse().unwrap();
    assert!((590..=600).contains(&seconds), "a session ends with its invitation: {seconds}");
    let guest = opened.cookie();
    assert_eq!((instance.get("/trips", &guest).status, instance.get("/secret", &guest).status), (200, 404));
    let ann = instance.get(&format!("/invite/{}", token("i2", "ann", 600)), "").cookie();
    // Nobody looks as somebody else without noticing.
    let other = instance.get(&format!("/invite/{}", token("i5", "bob", 600)), &ann);
    assert_eq!(other.status, 409, "{}", other.text());
    assert!(
        other.cookies.is_empty()
            && other.text().contains("signed in as ann, and the link is for bob")
            && other.text().contains("action=\"/logout\""),
        "{}",
        other.text()
    );
    assert_eq!(instance.get(&format!("/invite/{}", token("i6", "ann", 600)), &ann).status, 303);
    assert_eq!(instance.get("/secret", &ann).status, 200);
    // One that lasts longer than a session begins the same again; twice in turn ten minutes cannot just have gone by.
    let long = format!("/invite/{}", token("i4", "ann", 30 * 24 * 60 * 60));
    let [first, second, third] = std::array::from_fn(|_| {
        std::thread::sleep(std::time::Duration::from_millis(1100));
        instance.get(&long, "").cookie()
    });
    assert!(first == second || second == third, "each has a number of requests of its own");
    let whole = token("i3", "ann", 600);
    let session = guest.split_once('=').unwrap().1;
    for other in [&token("i3", GUEST, -1), &whole[1..], &whole[..whole.len() - 2], "", "x.y", "../site.json", session] {
        let refused = instance.get(&format!("/invite/{other}"), "");
        assert!(matches!(refused.status, 303 | 403) && refused.cookies.is_empty(), "{other}: {refused:?}");
        assert_ne!(refused.header("location"), Some("/"), "{other}");
    }
    for path in [format!("/Invite/{whole}"), format!("//invite/{whole}"), format!("/api/trips/by_zone/{whole}/1")] {
        assert_ne!(instance.get(&path, "").status, 200);
    }
    assert!(!instance.log().contains(&whole[..40]), "a link is a secret: {}", instance.log());
    world.site["revoked"] = json!(["i1"]);
    world.write(&world.site);
    let later = world.instance();
    assert_eq!((later.get("/trips", &guest).status, later.get("/trips", &ann).status), (303, 200));
    assert_eq!(later.get(&format!("/invite/{}", token("i1", GUEST, 600)), "").status, 403);
}

#[test]
fn a_public_site_is_open_but_for_pages_that_are_somebodys() {
    let mut world = World::start();
    world.site["public"] = json!(true);
    world.write(&world.site);
    let instance = world.instance();
    assert_eq!((instance.get("/trips", "").status, instance.get("/secret", "").status), (200, 404));
    assert_eq!(instance.get("/api/trips/top", "").status, 200);
    assert_eq!(instance.get("/api/secret/hidden", "").status, 404);
    let mut elsewhere = event("GET", "/api/trips/by_zone", "");
    elsewhere["headers"] = json!({ "sec-fetch-site": "cross-site" });
    assert_eq!((instance.request(&elsewhere).status, world.lambda.sent().len()), (403, 1));
}
