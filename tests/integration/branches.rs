//! Branches: what is done on one nobody else sees, until all of it comes into the lake at once, or goes.

use serde_json::{Value, json};

use crate::support::{Moment, Place, Project, Server, text};

crate::on_every_target! {
    a_branch_is_its_own_until_it_is_published,
    what_both_have_changed_is_refused,
    files_stay_as_long_as_somebody_names_them,
    pages_show_a_branch,
}

/// A lake with two tables.
fn lake(place: Place) -> Project {
    let project = Project::up_at(place, "");
    project.succeed(["query", "CREATE TABLE trips AS SELECT i AS id, i % 3 AS zone FROM range(9) r(i)"], "trips");
    project.succeed(["query", "CREATE TABLE zones AS SELECT i AS zone, 'z' || i AS name FROM range(3) r(i)"], "zones");
    project
}

fn on(project: &Project, sql: &str) {
    project.succeed(["query", "--branch", "preview", sql], sql);
}

fn rows_on(project: &Project, sql: &str) -> Value {
    project.json(["query", "--branch", "preview", "--format", "json", sql])
}

fn refused<const N: usize>(project: &Project, arguments: [&str; N]) -> String {
    let output = project.quackctl(arguments).output().unwrap();
    assert!(!output.status.success(), "{arguments:?}: {}", text(&output));
    text(&output)
}

/// The names of the lake's tables and views.
fn names(project: &Project) -> Vec<String> {
    let listed = project.json(["tables", "--json"]);
    let all = ["tables", "views"].into_iter().filter_map(|kind| listed[kind].as_array());
    all.flatten().map(|one| one["name"].as_str().unwrap().to_owned()).collect()
}

const SUM: &str = "SELECT count(*)::INT AS n, sum(zone)::INT AS sum FROM trips";

fn a_branch_is_its_own_until_it_is_published(place: Place) {
    let project = lake(place);
    assert!(refused(&project, ["query", "--branch", "preview", "FROM trips"]).contains("there is no branch `preview`"));
    assert!(refused(&project, ["branch", "create", "../x"]).contains("cannot be a branch's name"));
    project.succeed(["branch", "create", "preview"], "two tables");
    assert!(refused(&project, ["branch", "create", "preview"]).contains("there is a branch of that name already"));

    on(&project, "UPDATE trips SET zone = 7 WHERE id = 0; INSERT INTO trips VALUES (9, 9)");
    on(
        &project,
        "BEGIN; CREATE SCHEMA s; CREATE TABLE s.model AS SELECT zone, count(*)::INT AS n FROM trips GROUP BY zone; COMMIT",
    );
    on(&project, "CREATE VIEW busy AS FROM s.model WHERE n > 1; DROP TABLE zones");
    project.write("more.csv", "id,zone\n10,1\n");
    project.succeed(["load", "more.csv", "--table", "trips", "--append", "--branch", "preview"], "a branch");
    assert_eq!(rows_on(&project, SUM), json!([{"n": 11, "sum": 26}]));
    assert_eq!(rows_on(&project, "SELECT count(*)::INT AS n FROM busy"), json!([{"n": 3}]));

    // Nobody else sees any of it, and what others do to other tables stays.
    assert_eq!(project.rows(SUM), json!([{"n": 9, "sum": 9}]));
    assert_eq!(names(&project), ["trips", "zones"]);
    assert!(refused(&project, ["query", "FROM s.model"]).contains("model"));
    let told = refused(&project, ["query", "--branch", "preview", "FROM zones"]);
    assert!(told.contains("no table or view zones on this branch"), "{told}");
    assert_eq!(rows_on(&project, "WITH zones AS (SELECT 1 AS a) FROM zones"), json!([{"a": 1}]));
    assert_eq!(project.rows("SELECT count(*)::INT AS n FROM zones"), json!([{"n": 3}]));
    project.succeed(["query", "CREATE TABLE other AS SELECT 1 AS a"], "beside a branch");
    let listed = project.json(["branch", "list", "--json"]);
    let differences = listed["branches"][0]["differences"].as_array().unwrap();
    let told: Vec<String> = differences
        .iter()
        .map(|one| format!("{} {}", one["name"].as_str().unwrap(), one["what"].as_str().unwrap()))
        .collect();
    assert_eq!(told, ["busy created", "s created", "s.model created", "trips changed", "zones dropped"]);

    let done = project.quackctl(["branch", "publish", "preview"]).output().unwrap();
    assert!(done.status.success() && text(&done).contains("`s.model` (created)"), "{}", text(&done));
    assert_eq!(names(&project), ["other", "s.model", "trips", "busy"]);
    assert_eq!(project.rows(SUM), json!([{"n": 11, "sum": 26}]));
    // The table's history goes on.
    assert_eq!(project.rows(&SUM.replace("trips", "trips AT (VERSION => 1)")), json!([{"n": 9, "sum": 9}]));
    assert!(!project.objects().iter().any(|key| key.starts_with("tables/zones/")), "{:?}", project.objects());
    assert_eq!(project.json(["branch", "list", "--json"]), json!({"branches": []}));
    project.succeed(["query", "INSERT INTO trips VALUES (11, 1)"], "a table that was published");
}

fn what_both_have_changed_is_refused(place: Place) {
    let project = lake(place);
    let before = project.objects();
    project.succeed(["branch", "create", "preview"], "two tables");
    on(&project, "UPDATE trips SET zone = 0; CREATE TABLE fresh AS SELECT 1 AS a; INSERT INTO zones VALUES (3, 'z3')");
    project.succeed(["query", "DELETE FROM trips WHERE id = 0; CREATE TABLE fresh AS SELECT 2 AS a"], "the lake");
    let told = refused(&project, ["branch", "publish", "preview"]);
    assert!(told.contains("`fresh` (created), `trips` (changed); nothing was published"), "{told}");
    assert_eq!(project.rows(SUM), json!([{"n": 8, "sum": 9}]));
    assert_eq!(project.rows("SELECT count(*)::INT AS n FROM zones"), json!([{"n": 3}]));
    // The branch is as it was, and can be changed.
    on(&project, "INSERT INTO trips VALUES (9, 1)");
    assert_eq!(rows_on(&project, SUM), json!([{"n": 10, "sum": 1}]));
    assert!(refused(&project, ["branch", "discard", "preview"]).contains("--yes"));
    project.succeed(["branch", "discard", "preview", "--yes"], "a branch");
    assert_eq!(project.rows("FROM fresh"), json!([{"a": 2}]));
    let left: Vec<String> = project.objects().into_iter().filter(|key| !before.contains(key)).collect();
    // The lake's own `fresh`, and what its DELETE wrote anew.
    assert_eq!(left.len(), 2, "{left:?}");
    assert!(refused(&project, ["branch", "publish", "preview"]).contains("there is no branch `preview`"));
}

fn files_stay_as_long_as_somebody_names_them(place: Place) {
    let project = lake(place);
    project.succeed(["query", "UPDATE trips SET zone = 5 WHERE id = 1"], "a second version");
    project.succeed(["branch", "create", "preview"], "two versions");
    project.succeed(["branch", "create", "second"], "another");
    // What the lake forgets and drops, a branch still has.
    project.succeed(["expire", "trips", "--older-than", "0s", "--force", "--yes"], "a branch that has it");
    assert_eq!(rows_on(&project, &SUM.replace("trips", "trips AT (VERSION => 1)")), json!([{"n": 9, "sum": 9}]));
    project.succeed(["drop", "trips", "--yes"], "a branch that has it");
    assert_eq!(rows_on(&project, SUM), json!([{"n": 9, "sum": 13}]));
    // What a branch drops, the lake and another branch still have.
    on(&project, "DROP TABLE zones; DROP TABLE trips");
    assert_eq!(project.rows("SELECT count(*)::INT AS n FROM zones"), json!([{"n": 3}]));
    project.succeed(["query", "--branch", "second", "FROM trips AT (VERSION => 1)"], "another branch");
    assert!(refused(&project, ["branch", "publish", "preview"]).contains("`trips` (dropped)"));
    project.succeed(["branch", "discard", "preview", "--yes"], "a branch");
    project.succeed(["query", "--branch", "second", "FROM trips, zones"], "another branch");
    // It changes nothing: its `trips` is not published, and goes with it.
    project.succeed(["branch", "publish", "second"], "a branch without changes");
    let left = project.objects();
    assert!(left.len() == 1 && left[0].starts_with("tables/zones/"), "{left:?}");
}

fn pages_show_a_branch(place: Place) {
    let project = lake(place);
    std::fs::create_dir(project.dir().join("dashboards")).unwrap();
    project.write("dashboards/p.md", "# P\n\n```sql all table\nFROM model ORDER BY a\n```\n");
    project.succeed(["branch", "create", "preview"], "pages");
    on(&project, "CREATE TABLE model AS SELECT 1 AS a");
    assert!(refused(&project, ["dash", "check"]).contains("model"));
    project.succeed(["dash", "check", "--branch", "preview"], "a branch");
    let server = Server::of("dash", &project, &["--no-open", "--branch"]);
    let get = |path: &str| {
        let url = format!("http://127.0.0.1:{}{path}", server.port);
        ureq::get(url).call().unwrap().into_body().read_to_string().unwrap()
    };
    let page = get("/p");
    assert!(page.contains("branch preview · not published · differs in model (created)"), "{page}");
    assert_eq!(get("/api/p/all.csv"), "a\n1\n");
    on(&project, "INSERT INTO model VALUES (2)");
    assert_eq!(get("/api/p/all.csv"), "a\n1\n2\n");
    server.end();
    let file = project.dir().join("p.html");
    let html = file.to_str().unwrap();
    assert!(refused(&project, ["dash", "export", "p", "--html", html]).contains("model"));
    project.succeed(["dash", "export", "p", "--html", html, "--branch", "preview"], "a file of a branch");
    let html = std::fs::read_to_string(&file).unwrap();
    assert!(html.contains("UTC</time>, on the branch preview, which was not published</p>"));
    project.succeed(["branch", "publish", "preview"], "pages");
    project.succeed(["dash", "check"], "a published branch");
}

/// Who publishes is killed at each of their calls, before it is heard and after it was done: the lake has all of the branch or nothing of
/// it, and whoever publishes next has all of it.
#[test]
fn a_publication_that_is_killed_is_made_or_not() {
    let project = lake(Place::Aws);
    let both = "SELECT (SELECT count(*) FROM trips)::INT AS trips, (SELECT count(*) FROM zones)::INT AS zones";
    let (mut round, mut made) = (0, [0, 0]);
    for moment in [Moment::Before, Moment::After] {
        for skip in 0.. {
            project.succeed(["branch", "create", "preview"], "a round");
            on(&project, "INSERT INTO trips VALUES (1, 1); INSERT INTO zones VALUES (1, 'z')");
            let old = json!([{"trips": 9 + round, "zones": 3 + round}]);
            let new = json!([{"trips": 10 + round, "zones": 4 + round}]);
            let killed = project.kill_at_call(["branch", "publish", "preview"], skip, moment);
            let now = project.rows(both);
            assert!(now == old || now == new, "{killed:?}: {now}");
            made[usize::from(now == new)] += 1;
            round += 1;
            if killed.is_none() {
                assert_eq!(now, new);
                break;
            }
            if project.json(["branch", "list", "--json"]) != json!({"branches": []}) {
                project.succeed(["branch", "publish", "preview"], "one that was killed");
            }
            assert_eq!(project.rows(both), new, "{killed:?}");
        }
    }
    assert!(made[0] > 4 && made[1] > 4, "{made:?}");
}

/// Of several who publish the same at once, while others add to another table, it is published once and nothing is lost.
#[test]
fn many_publish_at_once() {
    let project = lake(Place::Local);
    for round in 0..5 {
        project.succeed(["branch", "create", "preview"], "a round");
        on(&project, "INSERT INTO trips VALUES (1, 1)");
        let publish = || project.process(["branch", "publish", "preview"]).spawn().unwrap();
        let load = || project.process(["query", "INSERT INTO zones VALUES (1, 'z')"]).spawn().unwrap();
        let (publishers, mut loader) = ([publish(), publish(), publish()], load());
        let done = publishers.map(|mut child| child.wait().unwrap().success());
        assert!(loader.wait().unwrap().success() && done.contains(&true), "{done:?}");
        let counts =
            "SELECT (SELECT count(*) FROM trips)::INT - 9 AS trips, (SELECT count(*) FROM zones)::INT - 3 AS zones";
        assert_eq!(project.rows(counts), json!([{"trips": round + 1, "zones": round + 1}]));
        assert_eq!(project.json(["branch", "list", "--json"]), json!({"branches": []}));
    }
}
