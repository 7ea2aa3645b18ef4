//! The editor of pages: SQL that a browser sends is run and written into pages' files, for its own script and nobody else. And what
//! tiles are told that they may cost.

use std::fs;
use std::os::unix::fs::symlink;

use serde_json::{Value, json};

use crate::support::{Got, Project, Server};

const PAGE: &str = "# Trips\r\n\r\n```input day\r\ntype: date\r\ndefault: 2019-04-01\r\n```\r\n\r\n\
                    ~~~sql by_zone   bar x=zone y=trips\r\nSELECT zone, count(*) AS trips\r\nFROM trips GROUP BY ALL\r\n~~~\r\nend";

/// A server with its editor's token.
struct Editor {
    server: Server,
    token: String,
}

impl Editor {
    fn of(project: &Project) -> Self {
        let server = Server::of("dash", project, &[]);
        let html = get(&server, "/edit").text();
        let token = html.split("data-token=\"").nth(1).and_then(|rest| rest.split('"').next()).unwrap().to_owned();
        assert_eq!(token.len(), 32, "{html}");
        Self { server, token }
    }

    fn origin(&self) -> String {
        format!("http://127.0.0.1:{}", self.server.port)
    }

    /// As its own script asks.
    fn ask(&self, path: &str, body: &Value) -> Got {
        let headers = [("sec-fetch-site", "same-origin"), ("quack-token", &self.token)];
        self.post(path, &headers, "application/json", &body.to_string())
    }

    fn post(&self, path: &str, headers: &[(&str, &str)], kind: &str, body: &str) -> Got {
        let agent = ureq::Agent::config_builder().http_status_as_error(false).max_redirects(0).build().new_agent();
        let mut request = agent.post(format!("{}{path}", self.origin())).header("content-type", kind);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        Got::of(request.send(body).unwrap())
    }

    fn known(&self, page: &str) -> Value {
        serde_json::from_slice(&get(&self.server, &format!("/edit/known?page={page}")).body).unwrap()
    }

    fn digest(&self, page: &str) -> String {
        self.known(page)["page"]["digest"].as_str().unwrap().to_owned()
    }
}

fn get(server: &Server, path: &str) -> Got {
    let agent = ureq::Agent::config_builder().http_status_as_error(false).max_redirects(0).build().new_agent();
    Got::of(agent.get(format!("http://127.0.0.1:{}{path}", server.port)).call().unwrap())
}

/// What an answer says is wrong.
fn wrong(got: &Got) -> (u16, String, Value) {
    let told: Value = serde_json::from_slice(&got.body).unwrap_or_else(|_| panic!("{}", got.text()));
    (got.status, told["error"]["message"].as_str().unwrap().to_owned(), told["error"]["position"].clone())
}

fn trips() -> Project {
    let project = Project::up("");
    let rows = "CREATE TABLE trips AS SELECT DATE '2019-04-01' + (i % 2)::INT AS day, chr(65 + (i % 3)::INT) AS zone FROM range(12) r(i)";
    project.succeed(["query", rows], "a table");
    fs::create_dir(project.dir().join("dashboards")).unwrap();
    project.write("dashboards/trips.md", PAGE);
    project
}

#[test]
fn sql_is_run_for_the_editors_own_script_and_nobody_else() {
    let project = trips();
    let editor = Editor::of(&project);
    let shown = get(&editor.server, "/trips").text();
    assert!(shown.contains("<a class=\"edit\" href=\"/edit?page=trips\">"), "{shown}");
    let page = get(&editor.server, "/edit?page=trips");
    assert!(page.header("content-security-policy").contains("style-src 'self';"), "{:?}", page.headers);
    for asset in ["/assets/edit.js", "/assets/edit.css"] {
        assert!(get(&editor.server, asset).body.len() > 1000, "{asset}");
    }
    let known = editor.known("trips");
    assert_eq!(
        known["tables"][0],
        json!({ "name": "trips", "columns": [{ "name": "day", "type": "DATE" }, { "name": "zone", "type": "VARCHAR" }] })
    );
    assert_eq!(known["page"]["inputs"], json!([{ "name": "day", "type": "DATE" }]));
    assert_eq!(known["page"]["queries"][0]["options"], json!({ "x": "zone", "y": "trips" }));
    assert!(known["words"]["functions"].as_array().unwrap().iter().any(|name| name == "date_trunc"));

    let sql = "SELECT zone, count(*) AS n FROM trips WHERE day = $day GROUP BY ALL ORDER BY zone";
    let ran = editor.ask("/edit/run", &json!({ "page": "trips", "query": null, "sql": sql }));
    assert_eq!(ran.rows(), "A,2\nB,2\nC,2\n");
    assert!(ran.header("quack-usd").parse::<f64>().unwrap() > 0.0 && ran.header("quack-rows") == "3");
    let given = json!({ "page": "trips", "query": null, "sql": "SELECT $day", "inputs": { "day": ["2019-04-07"] } });
    assert_eq!(editor.ask("/edit/run", &given).rows(), "2019-04-07\n");
    let read = json!({ "page": "trips", "query": "other", "sql": "FROM by_zone ORDER BY 1 LIMIT 1" });
    assert_eq!(editor.ask("/edit/run", &read).rows(), "A,4\n");

    // The place is one of what was sent, with blanks before it, and casts and other queries in what is run.
    for (sql, said, at) in [
        ("\n  SELECT $day AS d,\n  fair FROM trips, by_zone", "\"fair\" not found", 24),
        ("SELECT 'é', FROM WHERE", "syntax error", 18),
        (" SELEC 1", "syntax error", 2),
    ] {
        let (status, message, position) = wrong(&editor.ask("/edit/run", &json!({ "page": "trips", "sql": sql })));
        assert!(status == 422 && message.contains(said) && !message.contains("LINE"), "{sql}: {message}");
        assert_eq!(position, at, "{sql}: {message}");
    }

    let asked = || project.json(["history", "--json"]).as_array().unwrap().len();
    let before = asked();
    for sql in [
        "DELETE FROM trips",
        "DROP TABLE trips",
        "COPY trips TO 'x.csv'",
        "SELECT 1; SELECT 2",
        "SET memory_limit = '1GB'",
        "ATTACH 'x'",
        "SUMMARIZE trips",
        "SELECT $nobody",
        "",
    ] {
        let (status, message, _) = wrong(&editor.ask("/edit/run", &json!({ "page": null, "sql": sql })));
        assert_eq!(status, 422, "{sql}: {message}");
    }
    let body = json!({ "page": "trips", "sql": "SELECT 1" }).to_string();
    let (own, token) = (editor.origin(), editor.token.as_str());
    let other = format!("http://127.0.0.1:{}", editor.server.port ^ 1);
    for (headers, kind, status) in [
        (vec![("quack-token", token)], "application/json", 403),
        (vec![("sec-fetch-site", "same-origin")], "application/json", 403),
        (
            vec![("sec-fetch-site", "same-origin"), ("quack-token", "0123456789abcdef0123456789abcdef")],
            "application/json",
            403,
        ),
        (vec![("sec-fetch-site", "same-origin"), ("quack-token", "")], "application/json", 403),
        (vec![("sec-fetch-site", "none"), ("quack-token", token)], "application/json", 403),
        (vec![("sec-fetch-site", "same-site"), ("quack-token", token)], "application/json", 403),
        (vec![("sec-fetch-site", "cross-site"), ("origin", &own), ("quack-token", token)], "application/json", 403),
        (
            vec![("sec-fetch-site", "same-origin"), ("origin", "http://evil.example"), ("quack-token", token)],
            "application/json",
            403,
        ),
        (vec![("origin", "null"), ("quack-token", token)], "application/json", 403),
        (vec![("origin", &other), ("quack-token", token)], "application/json", 403),
        (vec![("origin", &own), ("host", "evil.example"), ("quack-token", token)], "application/json", 403),
        (vec![("sec-fetch-site", "same-origin"), ("quack-token", token)], "text/plain", 415),
        (vec![("sec-fetch-site", "same-origin"), ("quack-token", token)], "application/x-www-form-urlencoded", 415),
    ] {
        for path in ["/edit/run", "/edit/save"] {
            let got = editor.post(path, &headers, kind, &body);
            assert_eq!(got.status, status, "{path} {headers:?}: {}", got.text());
        }
    }
    for path in ["/edit/run?page=trips&sql=SELECT+1", "/edit/save?page=trips", "/edit/run"] {
        assert_eq!(get(&editor.server, path).status, 405, "{path}");
    }
    for path in ["/edit", "/edit/known", "/trips", "/api/trips/by_zone", "/edit/other"] {
        assert_eq!(editor.ask(path, &json!({})).status, 405, "{path}");
    }
    for body in ["", "[", "{}", r#"{"sql": 1}"#, r#"{"sql": "SELECT 1", "more": 1}"#] {
        let headers = [("sec-fetch-site", "same-origin"), ("quack-token", token)];
        assert_eq!(editor.post("/edit/run", &headers, "application/json", body).status, 400, "{body}");
    }
    assert_eq!(asked(), before, "something was invoked");
    // A browser that tells no more than where the page is from.
    let old =
        editor.post("/edit/run", &[("origin", &own), ("quack-token", token)], "application/json; charset=utf-8", &body);
    assert_eq!(old.rows(), "1\n");
    editor.server.end();
}

#[test]
fn a_query_is_put_into_its_page_and_nothing_else_is_written() {
    let project = trips();
    let editor = Editor::of(&project);
    let file = project.dir().join("dashboards/trips.md");
    let read = || fs::read_to_string(&file).unwrap();
    let add = |page: &str, digest: Option<&str>, name: &str, sql: &str| {
        json!({ "page": page, "digest": digest, "is_there": false, "name": name, "sql": sql,
                "chart": "bar", "options": { "x": "zone", "title": "It's \"by\" zone" } })
    };
    let digest = editor.digest("trips");
    let all = "SELECT zone, count(*) AS n\nFROM trips WHERE day = $day GROUP BY ALL";
    let saved = editor.ask("/edit/save", &add("trips", Some(&digest), "again", all));
    assert_eq!(saved.status, 200, "{}", saved.text());
    let added = format!(
        "{PAGE}\r\n\r\n```sql again bar title=\"It's \"'\"'\"by\"'\"'\" zone\" x=zone\r\n{}\r\n```\r\n",
        all.replace('\n', "\r\n")
    );
    assert_eq!(read(), added);
    assert_eq!(get(&editor.server, "/api/trips/again").status, 200);
    assert!(
        get(&editor.server, "/trips").text().contains("It&#39;s &quot;by&quot; zone")
            || get(&editor.server, "/trips").text().contains("by&quot; zone")
    );

    // The body of a fence alone.
    let now = editor.digest("trips");
    let save = |digest: &str, sql: &str, chart: &str| {
        json!({ "page": "trips", "digest": digest, "is_there": true, "name": "by_zone", "sql": sql,
                "chart": chart, "options": { "x": "zone", "y": "trips" } })
    };
    let saved = editor.ask("/edit/save", &save(&now, "SELECT zone, 1 AS trips FROM trips", "bar"));
    assert_eq!(saved.status, 200, "{}", saved.text());
    let anew = added
        .replace("SELECT zone, count(*) AS trips\r\nFROM trips GROUP BY ALL", "SELECT zone, 1 AS trips FROM trips");
    assert_eq!(read(), anew);

    // What was changed meanwhile is left as it is.
    let (status, words, _) = wrong(&editor.ask("/edit/save", &save(&now, "SELECT 'A' AS zone, 2 AS trips", "bar")));
    assert!(status == 409 && words.contains("`dashboards/trips.md` was changed"), "{words}");
    let now = editor.digest("trips");
    fs::write(&file, anew.replace("end", "another end")).unwrap();
    assert_eq!(wrong(&editor.ask("/edit/save", &save(&now, "SELECT 'A' AS zone, 2 AS trips", "bar"))).0, 409);
    fs::write(&file, &anew).unwrap();

    let (status, words, position) =
        wrong(&editor.ask("/edit/save", &save(&now, "SELECT zone,\n fair AS trips FROM trips", "bar")));
    assert!(status == 422 && words.contains("\"fair\" not found") && position == 15, "{words} {position}");
    for (asked, said) in [
        (save(&now, "SELECT zone, zone AS trips FROM trips", "bar"), "a bar draws numbers"),
        (save(&now, "SELECT zone FROM trips", "bar"), "no column `trips`"),
        (save(&now, "SELECT 1 AS zone, 2 AS trips", "baz"), "no chart `baz`"),
        (save(&now, "DELETE FROM trips", "bar"), "one SELECT"),
        (save(&now, "SELECT 1 AS zone, 2 AS trips\n~~~\n```sql x\nSELECT 1", "bar"), "would end its fence"),
        (add("trips", Some(&now), "again", "SELECT 1"), "a query `again` already"),
        (add("trips", Some(&now), "a b", "SELECT 1"), "`a b` is no name"),
        (add("../x", None, "a", "SELECT 'A' AS zone, 1"), "cannot"),
        (add("../../x", Some(&now), "a", "SELECT 'A' AS zone, 1"), "cannot"),
        (add("edit", None, "a", "SELECT 'A' AS zone, 1"), "cannot"),
        (add("Trips", None, "a", "SELECT 'A' AS zone, 1"), "cannot"),
    ] {
        let (status, words, _) = wrong(&editor.ask("/edit/save", &asked));
        assert!(status == 422 && words.contains(said), "{said}: {status} {words}");
    }
    symlink(project.dir().join("quack.toml"), project.dir().join("dashboards/link.md")).unwrap();
    let digest = "0".repeat(32);
    assert_eq!(wrong(&editor.ask("/edit/save", &add("link", Some(&digest), "a", all))).0, 422);
    assert_eq!(wrong(&editor.ask("/edit/save", &add("link", None, "a", all))).0, 409);
    assert_eq!(wrong(&editor.ask("/edit/save", &add("trips", None, "a", all))).0, 409);
    let large = json!({ "page": "trips", "sql": "x".repeat(2 << 20) });
    assert_eq!(editor.ask("/edit/save", &large).status, 413);
    assert_eq!(editor.ask("/edit/run", &large).status, 413);
    assert_eq!(read(), anew);
    let names = || {
        let entries = fs::read_dir(project.dir().join("dashboards")).unwrap();
        let mut names: Vec<String> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    };
    assert_eq!(names(), ["link.md", "trips.md"]);

    let sql = "SELECT zone, 1 AS n FROM trips";
    assert_eq!(editor.ask("/edit/save", &add("fresh", None, "first", sql)).status, 200);
    let fresh = fs::read_to_string(project.dir().join("dashboards/fresh.md")).unwrap();
    assert_eq!(
        fresh,
        format!("# fresh\n\n```sql first bar title=\"It's \"'\"'\"by\"'\"'\" zone\" x=zone\n{sql}\n```\n")
    );
    assert_eq!(names(), ["fresh.md", "link.md", "trips.md"]);
    project.quackctl(["dash", "check", "fresh", "--no-run"]).assert().success();
    editor.server.end();
}

#[test]
fn a_tile_is_told_what_it_may_cost_and_nothing_is_invoked_for_that() {
    let project = trips();
    let lines = "CREATE TABLE lines AS SELECT i AS id, hash(i) AS a, hash(i + 1) AS b FROM range(2000000) r(i)";
    project.succeed(["query", lines], "a larger table");
    let page = "```sql few value\nSELECT min(zone) FROM trips\n```\n```sql many value\nSELECT max(greatest(a, b)) FROM lines\n```\n\
                ```sql wrong table\nSELEC\n```\n```sql hidden\nSELECT 1\n```\n";
    project.write("dashboards/costs.md", page);
    let server = Server::of("dash", &project, &[]);
    let asked = || project.json(["history", "--json"]).as_array().unwrap().len();
    let before = asked();
    let told: Value = serde_json::from_slice(&get(&server, "/api/costs.estimates").body).unwrap();
    assert_eq!(asked(), before, "something was invoked");
    assert_eq!(told.as_object().unwrap().keys().collect::<Vec<_>>(), ["few", "many"], "{told}");
    let most = |name: &str| told[name].as_f64().unwrap();
    assert!(most("many") > most("few") * 2.0, "{told}");
    for name in ["few", "many"] {
        // A machine that has much to do takes longer than a function of Lambda's; some time it does not.
        let costs = || get(&server, &format!("/api/costs/{name}")).header("quack-usd").parse::<f64>().unwrap();
        let least = (0..10).map(|_| costs()).fold(f64::INFINITY, f64::min);
        assert!(least <= most(name) && most(name) < least * 50.0, "{name}: {least} of {}", most(name));
    }
    for none in ["/api/none.estimates", "/api/..%2fcosts.estimates", "/api/Costs.estimates"] {
        assert_eq!(get(&server, none).text(), "{}", "{none}");
    }
    server.end();
}

/// Nothing interrupts DuckDB while it binds: it is a process of its own that does, and that is ended.
#[test]
fn what_never_binds_is_refused_and_nothing_of_it_is_left() {
    let project = trips();
    let editor = Editor::of(&project);
    let nested = |from: &str, by: &dyn Fn(&str) -> String| (0..40).fold(from.to_owned(), |sql, _| by(&sql));
    let aliases: Vec<String> = (1..40).map(|at| format!("c{} + c{} AS c{at}", at - 1, at - 1)).collect();
    for sql in [
        nested("SELECT zone AS a FROM trips", &|sql| format!("SELECT *, * FROM ({sql})")),
        nested("SELECT zone AS a FROM trips", &|sql| format!("SELECT {{x: a, y: a}} AS a FROM ({sql})")),
        format!("SELECT 1 AS c0, {}", aliases.join(", ")),
    ] {
        let save =
            json!({ "page": "trips", "digest": editor.digest("trips"), "is_there": false, "name": "q", "sql": sql });
        for (path, asked) in [("/edit/save", &save), ("/edit/run", &json!({ "sql": sql }))] {
            let (status, words, _) = wrong(&editor.ask(path, asked));
            assert!(status == 422 && words.contains("DuckDB does not say within 5 s"), "{path} {sql:.60}: {words}");
        }
    }
    let all = fs::read_dir("/proc").unwrap().flatten();
    let server = format!("PPid:\t{}\n", editor.server.child.id());
    let of_server =
        all.filter(|one| fs::read_to_string(one.path().join("status")).is_ok_and(|told| told.contains(&server)));
    let left: Vec<_> = of_server.filter_map(|one| fs::read_to_string(one.path().join("cmdline")).ok()).collect();
    assert!(left.iter().all(String::is_empty), "{left:?}");
    let got = editor.ask("/edit/run", &json!({ "sql": "SELECT count(*) AS n FROM trips" }));
    assert_eq!(got.status, 200, "{}", got.text());
    editor.server.end();
}
