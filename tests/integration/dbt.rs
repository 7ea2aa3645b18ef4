//! `examples/dbt`, with dbt and its adapter for DuckDB as they come, over `quackctl serve`.

use std::path::Path;
use std::process::{Command, Output};

use serde_json::json;

use crate::support::{Place, Project, Server, python, text};

crate::on_every_target! {
    models_are_built_again_and_again,
    models_are_previewed_on_a_branch,
}

/// The lake of the example, with fewer trips.
const LAKE: &str = "[[data]]\ntable = \"trips\"\nsample = \"taxi\"\nrows = 30000\n\
                    partition_by = [\"date=CAST(pickup_at AS DATE)\"]\n";

/// A copy of the example, with models of each other kind beside its own.
struct Dbt<'a> {
    project: &'a Project,
    server: &'a Server,
}

impl Dbt<'_> {
    fn run(&self, arguments: &[&str]) -> Output {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let python = python("dbt", &root.join("tests/dbt/requirements.txt"));
        let mut dbt = Command::new(python.with_file_name("dbt"));
        dbt.current_dir(self.project.dir().join("dbt")).args(["--no-use-colors", "--no-send-anonymous-usage-stats"]);
        dbt.args(arguments).env("QUACK_PORT", self.server.port.to_string()).output().unwrap()
    }

    fn succeeds(&self, arguments: &[&str], told: &str) {
        let output = self.run(arguments);
        let said = text(&output);
        assert!(output.status.success() && said.contains(told), "{said}");
    }
}

/// Copies a folder's files to where there may be others already.
fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap().map(Result::unwrap) {
        let (from, to) = (entry.path(), to.join(entry.file_name()));
        match from.is_dir() {
            true => copy(&from, &to),
            false => drop(std::fs::copy(from, to).unwrap()),
        }
    }
}

fn models_are_built_again_and_again(place: Place) {
    let project = Project::up_at(place, LAKE);
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    for folder in ["examples/dbt", "tests/dbt/more"] {
        copy(&root.join(folder), &project.dir().join("dbt"));
    }
    let server = Server::start(&project, &[]);
    let dbt = Dbt { project: &project, server: &server };
    dbt.succeeds(&["build"], "PASS=14 WARN=0 ERROR=0 SKIP=0");
    let daily = "SELECT date, count(*) AS trips FROM trips GROUP BY date EXCEPT SELECT date, trips FROM daily_trips";
    assert_eq!(project.rows(daily), json!([]));
    // What came since is in what is added to; a seed that is another is a snapshot's new row.
    project.succeed(["query", "INSERT INTO trips BY NAME SELECT * FROM trips WHERE date = '2019-04-30'"], "more trips");
    project.write("dbt/seeds/zones.csv", "id,zone\n1,EWR\n132,JFK\n161,Midtown\n");
    dbt.succeeds(&["build", "--vars", "{mark: b}"], "PASS=14 WARN=0 ERROR=0 SKIP=0");
    assert_eq!(project.rows(daily), json!([]));
    assert_eq!(
        project.rows(
            "SELECT mark, count(*)::INT AS days, max(n) = (SELECT count(*) FROM trips WHERE date = '2019-04-30') AS is_new \
             FROM merged GROUP BY mark ORDER BY mark"
        ),
        json!([{"mark": "a", "days": 28, "is_new": false}, {"mark": "b", "days": 2, "is_new": true}])
    );
    assert_eq!(project.rows("SELECT count(*)::INT AS n FROM appended"), json!([{"n": 2}]));
    assert_eq!(
        project.rows("SELECT zone, dbt_valid_to IS NULL AS is_now FROM zones_then WHERE id = 1 ORDER BY is_now"),
        json!([{"zone": "Newark", "is_now": false}, {"zone": "EWR", "is_now": true}])
    );
    // A model that fails leaves its table as it was, and those after it are not built.
    let failed = dbt.run(&["build", "--vars", "{broken: true}"]);
    assert!(!failed.status.success() && text(&failed).contains("no more"), "{}", text(&failed));
    assert_eq!(project.rows("SELECT DISTINCT said FROM breaks"), json!([{"said": "whole"}]));
    dbt.succeeds(&["docs", "generate"], "Catalog written");
    let catalog = std::fs::read(project.dir().join("dbt/target/catalog.json")).unwrap();
    let catalog: serde_json::Value = serde_json::from_slice(&catalog).unwrap();
    assert_eq!(catalog["nodes"]["model.taxi.daily_trips"]["columns"]["date"]["type"], "DATE", "{catalog}");
    server.end();
    // The pages over the models, and over flights.
    for (file, table) in [("dbt/data/flights.parquet", "flights"), ("dbt/data/airports.csv", "airports")] {
        project.succeed(["load", file, "--table", table], table);
    }
    copy(&project.dir().join("dbt/dashboards"), &project.dir().join("dashboards"));
    project.succeed(["dash", "check"], "the example's pages");
    // Nothing is left of what was for a while.
    let tables = project.json(["tables", "--json"]);
    let names: Vec<&str> =
        tables["tables"].as_array().unwrap().iter().map(|one| one["name"].as_str().unwrap()).collect();
    assert!(names.iter().all(|name| !name.contains("__dbt")), "{names:?}");
    assert!(!project.objects().iter().any(|key| key.ends_with(".parquet") && key.starts_with("_quack/results/")));
}

/// The example's models on a branch: its page shows them, the lake does not know them until all are published at once.
fn models_are_previewed_on_a_branch(place: Place) {
    let project = Project::up_at(place, LAKE);
    let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/dbt");
    copy(&example, &project.dir().join("dbt"));
    copy(&example.join("dashboards"), &project.dir().join("dashboards"));
    project.succeed(["branch", "create", "preview"], "trips");
    let server = Server::start(&project, &["--branch", "preview"]);
    let dbt = Dbt { project: &project, server: &server };
    for _ in 0..2 {
        dbt.succeeds(&["build"], "PASS=8 WARN=0 ERROR=0 SKIP=0");
    }
    server.end();
    project.succeed(["dash", "check", "trips", "--branch", "preview"], "models on a branch");
    let names = || {
        let listed = project.json(["tables", "--json"]);
        let tables = listed["tables"].as_array().unwrap().iter();
        tables.map(|one| one["name"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(names(), ["trips"]);
    assert!(!project.quackctl(["dash", "check", "trips"]).output().unwrap().status.success());
    project.succeed(["branch", "publish", "preview"], "models on a branch");
    project.succeed(["dash", "check", "trips"], "models that are published");
    assert_eq!(names().len(), 3, "{:?}", names());
    let daily = "SELECT date, count(*) AS trips FROM trips GROUP BY date EXCEPT SELECT date, trips FROM daily_trips";
    assert_eq!(project.rows(daily), json!([]));
    // What was there for a while is gone: each folder of files is a table's.
    let objects = project.objects();
    assert!(!objects.iter().any(|key| key.contains("__dbt_backup")), "{objects:?}");
}
