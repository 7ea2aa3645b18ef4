//! Deployed dashboards: who may look, what an answer costs the second time, and that nothing of them stays.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use predicates::prelude::*;
use predicates::str::contains;
use serde_json::{Value, json};

use crate::support::{Got, Place, Project, block_on, s3};

crate::on_every_target! {
    who_signs_in_sees_pages_and_an_answer_is_asked_for_once,
}

const PAGE: &str = r#"---
title: Trips & more
---
# Trips on {{ day }}

```input day
type: date
default: 2019-04-01
```

```sql by_zone bar x=zone y=trips
SELECT zone, count(*) AS trips FROM trips WHERE day = $day GROUP BY ALL ORDER BY zone
```

```sql mine table
SELECT $user AS who, count(*) AS trips FROM trips
```

```sql zones
SELECT DISTINCT zone FROM trips ORDER BY zone
```

::: each zone in zones

```sql of_zone table
SELECT $zone AS zone, count(*) AS trips FROM trips WHERE zone = $zone
```

:::
"#;

const SECRET: &str = "---\nallow: [bob]\n---\n# For Bob\n\n```sql q table\nSELECT 1 AS one\n```\n\n\
                      ```sql m map shapes=geo/zones.geojson x=zone color=n\nSELECT 'A' AS zone, 1 AS n\n```\n";

const ZONES: &str = r#"{"type":"FeatureCollection","features":[{"type":"Feature","id":"A","properties":{"hidden":1},
    "geometry":{"type":"Polygon","coordinates":[[[0,0],[1,0],[1,1],[0,1],[0,0]]]}}]}"#;

/// A browser: it keeps cookies, and follows nothing.
pub(crate) struct Browser {
    agent: ureq::Agent,
    pub(crate) url: String,
    pub(crate) cookies: RefCell<BTreeMap<String, String>>,
}

impl Browser {
    /// One that nobody is signed in with, at the pages of a project that is up.
    pub(crate) fn of(project: &Project, place: Place) -> Self {
        let url = project.json(["outputs", "dashboards", "--json"]);
        let url = url.as_str().unwrap().trim_end_matches('/').to_owned();
        let url = match place {
            Place::Local => url,
            // An emulator's own name of a URL resolves nowhere.
            Place::Aws => {
                let name = url.trim_start_matches("https://").split('.').next().unwrap();
                format!("{}/_aws/lambda-url/{name}", project.account().emulator.endpoint)
            }
        };
        let agent = ureq::Agent::config_builder().http_status_as_error(false).max_redirects(0).build().new_agent();
        Self { agent, url, cookies: RefCell::default() }
    }

    pub(crate) fn get(&self, path: &str) -> Got {
        let request = self.agent.get(format!("{}{path}", self.url)).header("cookie", self.cookie());
        self.got(request.call().unwrap())
    }

    fn post(&self, path: &str, body: &str) -> Got {
        let request = self.agent.post(format!("{}{path}", self.url)).header("cookie", self.cookie());
        let request = request.header("content-type", "application/x-www-form-urlencoded");
        // What a browser says that is to tell nobody where it comes from.
        self.got(request.header("origin", "null").send(body).unwrap())
    }

    pub(crate) fn sign_in(&self, user: &str, password: &str) -> u16 {
        self.post("/login", &format!("user={user}&password={}", password.replace(' ', "+"))).status
    }

    fn cookie(&self) -> String {
        let cookies = self.cookies.borrow();
        cookies.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join("; ")
    }

    fn got(&self, response: ureq::http::Response<ureq::Body>) -> Got {
        for cookie in response.headers().get_all("set-cookie") {
            let (name, rest) = cookie.to_str().unwrap().split_once('=').unwrap();
            self.cookies.borrow_mut().insert(name.to_owned(), rest.split(';').next().unwrap().to_owned());
        }
        Got::of(response)
    }
}

/// The line of quack.toml that lets `user` in.
pub(crate) fn line(project: &Project, user: &str, password: &str) -> String {
    let mut made = project.quackctl(["dash", "add-user", user, "--json"]);
    let made = made.write_stdin(format!("{password}\n")).output().unwrap();
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    let made: Value = serde_json::from_slice(&made.stdout).unwrap();
    format!("{user} = {}\n", made["verifier"])
}

/// Asks until `holds`, for as long as an instance may go by what was before.
pub(crate) fn in_time(holds: impl Fn() -> bool) -> bool {
    let end = Instant::now() + Duration::from_secs(15);
    while Instant::now() < end {
        if holds() {
            return true;
        }
        std::thread::sleep(Duration::from_millis(250));
    }
    false
}

/// How often the engine was asked, for pages.
pub(crate) fn asked(project: &Project) -> u64 {
    let all = project.json(["history", "--json"]);
    let of_pages = all.as_array().unwrap().iter().filter(|query| query["application"] == "quackctl dash");
    of_pages.map(|query| query["invocations"].as_u64().unwrap()).sum()
}

/// Where the shapes of the page that is Bob's are.
fn shapes_of_secret(project: &Project) -> String {
    let status = project.json(["status", "--json"]);
    let bucket = project.json(["outputs", "bucket", "--json"]);
    let site = s3(&project.sdk(&status)).get_object().bucket(bucket.as_str().unwrap()).key("_quack/dash/site.json");
    let site = block_on(async { site.send().await.unwrap().body.collect().await.unwrap() });
    let site: Value = serde_json::from_slice(&site.into_bytes()).unwrap();
    let page = site["pages"].as_array().unwrap().iter().find(|page| page["name"] == "secret").unwrap();
    format!("/shapes/secret/{}", page["shapes"][0].as_str().unwrap())
}

fn who_signs_in_sees_pages_and_an_answer_is_asked_for_once(place: Place) {
    let project = Project::at(place, "");
    project.quackctl(["dash", "add-user", "a b"]).write_stdin("x\n").assert().code(2).stderr(contains("`a b`"));
    project.quackctl(["dash", "add-user", "ann"]).write_stdin("short\n").assert().code(2).stderr(contains("10 to"));
    let (ann, bob) = (line(&project, "ann", "correct horse"), line(&project, "bob", "battery staple"));
    std::fs::create_dir_all(project.dir().join("dashboards/geo")).unwrap();
    project.write("dashboards/trips.md", PAGE.replace("$day GROUP", "$dya GROUP"));
    project.write("dashboards/secret.md", SECRET);
    project.write("dashboards/geo/zones.geojson", ZONES.replace("\"A\"", "null"));
    project.write("quack.toml", "[dash]\n");
    project.quackctl(["up"]).assert().code(2).stderr(contains("it has no users"));
    let both = format!("[dash.users]\n{ann}{bob}");
    project.write("quack.toml", &both);
    project.quackctl(["up"]).assert().code(1).stderr(contains("dashboards/trips.md:11: `by_zone`: `$dya`"));
    project.write("dashboards/trips.md", PAGE);
    let wrong =
        "dashboards/secret.md:10: `m`: `dashboards/geo/zones.geojson` has features with no `id` and no property `name`";
    project.quackctl(["up"]).assert().code(1).stderr(contains(wrong));
    project.quackctl(["status"]).assert().code(4);
    project.write("dashboards/geo/zones.geojson", ZONES);
    let up = project.json(["up", "--json"]);
    assert!(up["dashboards"].as_str().unwrap().ends_with('/'), "{up}");
    assert!(up["changes"].to_string().contains("pages secret, trips"), "{up}");
    assert_eq!(project.json(["up", "--json"])["changes"], json!([]), "nothing is left to do");
    project.quackctl(["plan"]).assert().code(0);
    let rows = "CREATE TABLE trips AS SELECT DATE '2019-04-01' + (i % 2)::INT AS day, chr(65 + (i % 3)::INT) AS zone FROM range(12) r(i)";
    project.succeed(["query", rows], "a table");

    let browser = Browser::of(&project, place);
    for path in ["/trips", "/api/trips/by_zone", "/secret"] {
        let got = browser.get(path);
        assert!([302, 303, 401].contains(&got.status), "{path}: {} {}", got.status, got.text());
    }
    assert_eq!(browser.sign_in("ann", "wrong horse"), 401);
    assert_eq!(browser.sign_in("eve", "correct horse"), 401);
    assert_eq!(asked(&project), 0, "nobody was signed in");
    assert_eq!(browser.sign_in("ann", "correct horse"), 303);
    let cookies: Vec<String> = browser.cookies.borrow().keys().cloned().collect();
    match place {
        Place::Aws => assert_eq!(cookies, ["__Host-quack"]),
        // All ports of loopback are one host to a browser: another project's pages have another cookie.
        Place::Local => assert!(cookies.len() == 1 && cookies[0].starts_with("quack-quack-"), "{cookies:?}"),
    }
    let page = browser.get("/trips?day=2019-04-02");
    let html = page.text();
    assert!(page.status == 200 && html.contains("<title>Trips &amp; more</title>"), "{html}");
    assert!(html.contains(">2019-04-02</output>") && !html.contains("data-live"), "{html}");
    assert!(page.header("content-security-policy").contains("script-src 'self'"));
    for asset in html.split('"').filter(|text| text.starts_with("/assets/")) {
        let got = browser.get(asset);
        assert!(got.status == 200 && got.body.len() > 1000, "{asset}: {}", got.status);
    }

    let first = browser.get("/api/trips/by_zone?day=2019-04-02");
    assert_eq!(first.rows(), "A,2\nB,2\nC,2\n");
    assert_eq!(first.header("quack-rows"), "3");
    assert_eq!(asked(&project), 1);
    assert_eq!(browser.get("/api/trips/by_zone?day=2019-04-02").rows(), "A,2\nB,2\nC,2\n");
    assert_eq!(asked(&project), 1, "the second visit asks the engine nothing");
    assert_eq!(browser.get("/api/trips/by_zone?day=2019-04-01").rows(), "A,2\nB,2\nC,2\n");
    let runs = project.json(["history", "--json"]);
    let runs = runs.as_array().unwrap().iter().filter(|query| query["tile"] == "trips/by_zone");
    assert_eq!(runs.map(|run| run["invocations"].as_u64()).collect::<Vec<_>>(), [Some(1), Some(1)], "one line each");
    project.quackctl(["history"]).assert().success().stdout(contains("trips/by_zone: "));
    assert_eq!(browser.get("/api/trips/mine").rows(), "ann,12\n");
    assert_eq!(asked(&project), 3);
    project.write("more.csv", "day,zone\n2019-04-02,D\n");
    project.succeed(["load", "--table", "trips", "--append", "more.csv"], "a row more");
    assert_eq!(browser.get("/api/trips/by_zone?day=2019-04-02").rows(), "A,2\nB,2\nC,2\nD,1\n");
    assert_eq!(asked(&project), 4, "the table is another, and is asked");
    assert_eq!(browser.get("/api/trips/zones").rows(), "A\nB\nC\nD\n");
    for (value, rows) in [("A", "A,4\n"), ("D", "D,1\n"), ("A", "A,4\n"), ("x'+OR+true+--", "x' OR true --,0\n")] {
        assert_eq!(browser.get(&format!("/api/trips/of_zone?zone={value}")).rows(), rows);
    }
    assert_eq!(asked(&project), 8, "each section has an answer of its own");
    for (path, status) in [("/api/trips/by_zone?day=x", 400), ("/api/trips/none", 404), ("/none", 404)] {
        assert_eq!(browser.get(path).status, status, "{path}");
    }
    for path in ["/secret", "/api/secret/q"] {
        let refused = browser.get(path).status;
        assert!([403, 404].contains(&refused), "{path}: {refused}");
    }
    let shapes = shapes_of_secret(&project);
    assert_eq!(Browser::of(&project, place).get(&shapes).status, 401, "nobody is signed in");
    for path in [&shapes, &shapes.replace("secret", "trips"), &shapes.replace("shapes/secret", "assets")] {
        assert_eq!(browser.get(path).status, 404, "{path} is not for her");
    }
    let forged = Browser::of(&project, place);
    let (name, value) =
        browser.cookies.borrow().iter().next().map(|(name, value)| (name.clone(), value.clone())).unwrap();
    forged.cookies.borrow_mut().insert(name, value.replace('.', "A."));
    assert_ne!(forged.get("/api/trips/by_zone").status, 200);
    assert_eq!(asked(&project), 8, "nobody who may not look has asked for anything");
    let bucket = project.json(["outputs", "bucket", "--json"]);
    if place == Place::Local {
        // Whoever asks the engine something learns nothing of what sessions are signed with. The emulator asks nobody for rights.
        let read = format!("SELECT * FROM read_blob('s3://{}/_quack/dash/key')", bucket.as_str().unwrap());
        project.quackctl(["query", &read]).assert().failure();
    }

    let invited = project.json(["dash", "invite", "bob", "--for", "1h", "--json"]);
    let guest = Browser::of(&project, place);
    let token = invited["url"].as_str().unwrap().rsplit('/').next().unwrap().to_owned();
    assert_eq!(guest.get(&format!("/invite/{token}")).status, 303);
    assert_eq!(guest.get("/api/secret/q").rows(), "1\n");
    assert!(guest.get("/secret").text().contains(&format!("data-shapes=\"{shapes}\"")));
    let got = guest.get(&shapes);
    assert!(got.status == 200 && got.header("cache-control") == "private, no-store", "{}", got.text());
    assert!(got.text().contains("\"id\":\"A\"") && !got.text().contains("hidden"), "{}", got.text());
    project.write("dashboards/geo/zones.geojson", ZONES.replace("\"A\"", "\"B\""));
    project.quackctl(["plan"]).assert().code(2).stdout(contains("Pages"));
    project.succeed(["up"], "other shapes");
    assert!(in_time(|| guest.get(&shapes).status == 404), "the page has others");
    assert!(guest.get(&shapes_of_secret(&project)).text().contains("\"id\":\"B\""));
    project.quackctl(["dash", "revoke", "x"]).assert().code(2).stderr(contains("no invitation's id"));
    let id = invited["id"].as_str().unwrap();
    project.quackctl(["dash", "revoke", id]).assert().success().stdout(contains("lets nobody in"));
    project.succeed(["up"], "an invitation was revoked");
    assert!(in_time(|| guest.get("/api/secret/q").status == 401), "it was revoked");
    assert_eq!(Browser::of(&project, place).get(&format!("/invite/{token}")).status, 403);
    // As a version of quackctl would find it that writes another form: the site is made anew, and what was revoked stays so.
    let client = s3(&project.sdk(&project.json(["status", "--json"])));
    let at = || (bucket.as_str().unwrap(), "_quack/dash/site.json");
    let of_another = json!({ "version": 0, "revoked": [id] }).to_string().into_bytes();
    block_on(client.put_object().bucket(at().0).key(at().1).body(of_another.into()).send()).unwrap();
    project.succeed(["up"], "a site of another form");
    let site = block_on(async {
        let found = client.get_object().bucket(at().0).key(at().1).send().await.unwrap();
        serde_json::from_slice::<Value>(&found.body.collect().await.unwrap().into_bytes()).unwrap()
    });
    assert_eq!((&site["version"], &site["revoked"]), (&json!(1), &json!([id])));

    project.write("quack.toml", format!("[dash.users]\n{bob}"));
    project.quackctl(["plan"]).assert().code(2).stdout(contains("Pages"));
    project.succeed(["up"], "without Ann");
    assert!(in_time(|| browser.get("/api/trips/by_zone").status == 401), "her line is gone");

    let log = project.quackctl(["logs", "--pages", "--errors", "--since", "10m", "--json"]).output().unwrap();
    let log: Vec<Value> =
        String::from_utf8_lossy(&log.stdout).lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let refused = |status: u16, user: &str| {
        let is = |line: &Value| (&line["page"]["status"], &line["page"]["user"]) == (&json!(status), &json!(user));
        log.iter().any(is)
    };
    assert!(refused(401, "") && refused(404, "ann") | refused(403, "ann"), "{log:?}");
    assert!(log.iter().all(|line| line["page"]["what"] != "ran" && line["report"].is_null()), "{log:?}");
    project.quackctl(["logs", "--pages"]).assert().success().stdout(contains("REPORT RequestId:"));

    project.write("quack.toml", "");
    project.quackctl(["logs", "--pages"]).assert().code(1).stderr(contains("there is no [dash] in quack.toml"));
    project.quackctl(["plan"]).assert().code(2).stdout(contains("PageFunction").and(contains("Pages")));
    let changes = project.json(["up", "--yes", "--json"])["changes"].to_string();
    assert!(changes.contains("_page") && changes.contains("removed"), "{changes}");
    match place {
        Place::Local => assert!(browser.agent.get(&browser.url).call().is_err(), "nobody listens any more"),
        Place::Aws => assert_eq!(browser.get("/trips").status, 404),
    }
    let status = project.json(["status", "--json"]);
    let listed = s3(&project.sdk(&status)).list_objects_v2().bucket(bucket.as_str().unwrap()).prefix("_quack/dash/");
    assert_eq!(block_on(listed.send()).unwrap().contents().len(), 0);
    project.quackctl(["dash", "invite"]).assert().code(1).stderr(contains("no pages are deployed"));
    project.succeed(["down", "--yes"], "the end");
    project.assert_gone(&[
        "dashboards/geo/zones.geojson",
        "dashboards/secret.md",
        "dashboards/trips.md",
        "more.csv",
        "quack.toml",
    ]);
}
