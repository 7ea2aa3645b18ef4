//! Deployed dashboards whose readers sign in by an identity provider: one of the tests' own, on loopback, which is asked as any is.

use std::path::Path;

use predicates::prelude::*;
use predicates::str::contains;
use quack_page::testing::{CLIENT, Issuer, Way};
use serde_json::json;

use crate::dash_deployed::{Browser, asked, in_time, line};
use crate::support::{Got, Place, Project, block_on, chromium, node, s3};

const PAGE: &str = "# Trips\n\n```sql mine table\nSELECT $user AS who, count(*) AS trips FROM trips\n```\n";

const SECRET: &str = "---\nallow: [cleo+x@example.com]\n---\n# For Cleo\n\n```sql q table\nSELECT 1 AS one\n```\n";

/// Where an answer leads to.
fn led(got: &Got) -> String {
    assert!([302, 303].contains(&got.status), "{} {}", got.status, got.text());
    got.header("location").to_owned()
}

/// Goes to the issuer and back, up to what the site says in the end.
fn visit(browser: &Browser, to: &str) -> Got {
    browser.get(&sent_back(browser, to))
}

/// The path of the site that the issuer sends a browser back to.
fn sent_back(browser: &Browser, to: &str) -> String {
    let issuer = led(&browser.get(&format!("/oidc/start?to={to}")));
    let agent = ureq::Agent::config_builder().http_status_as_error(false).max_redirects(0).build().new_agent();
    let back = led(&Got::of(agent.get(&issuer).call().unwrap()));
    back.strip_prefix(browser.url.as_str()).unwrap_or_else(|| panic!("{back} is not of {}", browser.url)).to_owned()
}

#[test]
fn who_an_identity_provider_knows_sees_pages() {
    let issuer = Issuer::start(Some("s3cret-of-client"));
    let project = Project::at(Place::Local, "");
    std::fs::create_dir(project.dir().join("dashboards")).unwrap();
    project.write("dashboards/trips.md", PAGE);
    project.write("dashboards/secret.md", SECRET);
    let section = |more: &str| format!("[dash.oidc]\nissuer = \"{}\"\nclient_id = \"{CLIENT}\"\n{more}", issuer.url);
    let settings =
        section("allow = [\"*@example.com\"]\nclient_secret_env = \"DASH_CLIENT_SECRET\"\nlabel = \"Example & Co\"\n");
    for (toml, told) in [
        (section(""), "has no `allow`"),
        (
            section("allow = [\"*@example.com\"]\nclient_secret = \"s3cret\"\n"),
            "client_secret_env = \"DASH_CLIENT_SECRET\"",
        ),
        (settings.replace("http:", "ftp:"), "`dash.oidc.issuer` cannot be \"ftp:"),
        (settings.clone(), "in the variable DASH_CLIENT_SECRET, and it is not there"),
    ] {
        project.write("quack.toml", toml);
        for command in ["up", "plan"] {
            project.quackctl([command]).assert().code(2).stderr(contains(told).and(contains("s3cret").not()));
        }
    }
    project.quackctl(["status"]).assert().code(4);
    project.write(".env", "DASH_CLIENT_SECRET=s3cret-of-client\n");
    let up = project.json(["up", "--json"]);
    let callback = format!("{}oidc/callback", up["dashboards"].as_str().unwrap());
    assert_eq!(up["oidc_callback"], callback.as_str(), "{up}");
    assert!(up["changes"].to_string().contains("secret of quack") && !up.to_string().contains("s3cret"), "{up}");
    project.quackctl(["up"]).assert().success().stdout(contains(callback).and(contains("nothing to change")));
    project.quackctl(["plan"]).assert().code(0);
    project.succeed(["query", "CREATE TABLE trips AS SELECT 1 AS n FROM range(12)"], "a table");

    let browser = Browser::of(&project, Place::Local);
    assert!(led(&browser.get("/trips")).ends_with("/login?to=%2Ftrips"));
    let form = browser.get("/login?to=%2Ftrips").text();
    assert!(form.contains("Sign in with Example &amp; Co</a>") && !form.contains("password"), "{form}");
    for (user, told) in [
        (json!({ "email": "eve@evil.example", "email_verified": true }), "knows you as eve@evil.example"),
        (json!({ "email": "eve@example.com", "email_verified": false }), "is verified"),
    ] {
        issuer.signs_in(user);
        let refused = visit(&browser, "/trips");
        assert!(refused.status == 403 && refused.text().contains(told), "{told}: {}", refused.text());
    }
    issuer.signs_in(json!({ "email": "Cleo+x@example.com", "email_verified": true }));
    for (way, told) in
        [(Way::Unsigned, "only RS256"), (Way::PublicAsSecret, "only RS256"), (Way::Forged, "signature is wrong")]
    {
        issuer.goes(way);
        let refused = visit(&browser, "/trips");
        assert!(refused.status == 403 && refused.text().contains(told), "{told}: {}", refused.text());
    }
    issuer.goes(Way::Right);
    let stranger = Browser::of(&project, Place::Local);
    let back = sent_back(&browser, "/trips");
    assert_eq!(stranger.get(&back).status, 403, "it did not begin there");
    assert_eq!(browser.get("/api/trips/mine").status, 401);
    assert_eq!(asked(&project), 0, "nobody has come in");
    assert!(led(&browser.get(&back)).ends_with("/trips"));
    assert!(browser.get("/trips").text().contains("<span>cleo+x@example.com</span>"));
    assert_eq!(browser.get("/api/trips/mine").rows(), "cleo+x@example.com,12\n");
    assert_eq!(browser.get("/api/secret/q").rows(), "1\n");
    let again = Browser::of(&project, Place::Local);
    assert_eq!((browser.get(&back).status, again.get(&back).status), (403, 403), "a code is used once");
    if let Some(modules) = node("browser", &Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/browser"))
        && let Some(chromium) = chromium()
    {
        let port = browser.url.rsplit(':').next().unwrap();
        chromium.scenes("oidc", &modules, &[port.as_ref()]);
    }
    issuer.signs_in(json!({ "email": "dan@example.com", "email_verified": true }));
    assert!(led(&visit(&again, "/secret")).ends_with("/secret"));
    assert_eq!((again.get("/secret").status, again.get("/api/secret/q").status), (404, 404), "it is Cleo's");
    let bucket = project.json(["outputs", "bucket", "--json"]);
    let bucket = bucket.as_str().unwrap();
    let read = format!("SELECT * FROM read_blob('s3://{bucket}/_quack/dash/oidc')");
    project.quackctl(["query", &read]).assert().failure().stderr(contains("s3cret").not());

    project.write(".env", "DASH_CLIENT_SECRET=s3cret-of-another\n");
    project.quackctl(["plan"]).assert().code(2).stdout(contains("Pages"));
    project.quackctl(["up"]).assert().success().stdout(contains("secret of quack").and(contains("s3cret").not()));
    assert!(in_time(|| visit(&again, "/trips").status == 502), "the issuer knows another secret");
    let ann = line(&project, "ann", "correct horse");
    project.write("quack.toml", format!("[dash.users]\n{ann}"));
    project.quackctl(["up"]).assert().success().stdout(contains("secret of the issuer's client"));
    assert!(in_time(|| browser.get("/api/trips/mine").status == 401), "who the issuer let in is out");
    assert!(in_time(|| browser.get("/oidc/start").status == 404 || browser.get("/oidc/start").status == 303));
    assert_eq!(browser.sign_in("ann", "correct horse"), 303);
    let status = project.json(["status", "--json"]);
    let listed = s3(&project.sdk(&status)).list_objects_v2().bucket(bucket).prefix("_quack/dash/oidc");
    assert_eq!(block_on(listed.send()).unwrap().contents().len(), 0, "the secret is gone");
    project.succeed(["down", "--yes"], "the end");
}
