//! What was replaced, dropped or overwritten comes back, or nothing changes.

use aws_sdk_s3::types::{BucketVersioningStatus, VersioningConfiguration};
use predicates::prelude::*;
use predicates::str::contains;
use serde_json::{Value, json};

use crate::support::{Moment, Place, Project, block_on, rounds, s3, sdk};

crate::on_every_target! {
    a_replaced_and_a_dropped_table_come_back_with_their_rows,
    an_overwritten_or_deleted_catalog_comes_back,
    what_is_lost_for_good_is_said_and_nothing_changes,
    tables_go_only_when_somebody_said_so,
}

/// The bucket and its S3, with all rights.
struct Lake {
    s3: aws_sdk_s3::Client,
    bucket: String,
}

const CATALOG: &str = "_quack/catalog.json";

impl Lake {
    fn of(project: &Project) -> Self {
        let status = project.json(["status", "--json"]);
        let text = |name: &str| status[name].as_str().map(str::to_owned);
        let sdk = match text("credentials_file") {
            Some(file) => {
                let file = std::fs::read_to_string(file).unwrap();
                let value = |name: &str| {
                    let line = file.lines().find_map(|line| line.strip_prefix(name)?.trim().strip_prefix('='));
                    line.unwrap().trim().to_owned()
                };
                let (id, secret) = (value("aws_access_key_id"), value("aws_secret_access_key"));
                sdk(&text("endpoint").unwrap(), &id, &secret)
            }
            None => project.account().emulator.sdk(),
        };
        Self { s3: s3(&sdk), bucket: text("bucket").unwrap() }
    }

    fn put(&self, key: &str, body: impl AsRef<[u8]>) {
        let body = body.as_ref().to_vec().into();
        block_on(self.s3.put_object().bucket(&self.bucket).key(key).body(body).send()).unwrap();
    }

    fn catalog(&self) -> Value {
        block_on(async {
            let found = self.s3.get_object().bucket(&self.bucket).key(CATALOG).send().await.unwrap();
            serde_json::from_slice(&found.body.collect().await.unwrap().into_bytes()).unwrap()
        })
    }

    /// The keys of the table's files, also of those that are its history.
    fn files(&self, table: &str) -> Vec<String> {
        let list = self.s3.list_objects_v2().bucket(&self.bucket).prefix(format!("tables/{table}/"));
        let listed = block_on(list.send()).unwrap();
        let keys = listed.contents().iter().filter_map(|object| object.key());
        keys.filter(|key| key.ends_with(".parquet")).map(str::to_owned).collect()
    }

    fn delete(&self, key: &str) {
        block_on(self.s3.delete_object().bucket(&self.bucket).key(key).send()).unwrap();
    }

    /// Deletes every version of the object, as the lifecycle rule does after seven days.
    fn expire(&self, key: &str) {
        block_on(async {
            let found = self.s3.list_object_versions().bucket(&self.bucket).prefix(key).send().await.unwrap();
            for id in found.versions().iter().filter_map(|version| version.version_id()) {
                self.s3.delete_object().bucket(&self.bucket).key(key).version_id(id).send().await.unwrap();
            }
        });
    }
}

fn load(project: &Project, table: &str, csv: &str, mode: &str) {
    let path = project.write("rows.csv", csv);
    let path = path.to_str().unwrap();
    match mode {
        "" => project.quackctl(["load", path, "--table", table]).assert().success(),
        mode => project.quackctl(["load", path, "--table", table, mode]).assert().success(),
    };
}

fn a_replaced_and_a_dropped_table_come_back_with_their_rows(place: Place) {
    let project = Project::up_at(place, "");
    project.quackctl(["recover"]).assert().success().stdout(contains("nothing was ever loaded"));
    load(&project, "days", "d,n\n2026-03-01,1\n2026-03-02,2\n", "");
    load(&project, "days", "d,n\n2026-03-01,10\n", "--replace");
    load(&project, "other", "x\n7\n", "");
    assert_eq!(project.rows("SELECT sum(n)::INT AS n FROM days"), json!([{"n": 10}]));

    let listed = project.json(["recover", "--json"]);
    let versions = listed["versions"].as_array().unwrap();
    let lacks: Vec<_> = versions.iter().map(|version| (&version["gone"], &version["changed"])).collect();
    assert_eq!(lacks, [(&json!([]), &json!([])), (&json!([]), &json!([])), (&json!([]), &json!(["days"]))]);
    assert_eq!(versions[0]["current"], true);

    // Its file was there all the time, as a part of its history.
    let recovered = project.json(["recover", "days", "--json"]);
    assert_eq!((&recovered["tables"], &recovered["files"]), (&json!({"days": 2}), &json!(0)));
    assert_eq!(project.rows("SELECT sum(n)::INT AS n FROM days"), json!([{"n": 3}]));
    assert_eq!(project.rows("SELECT x FROM other"), json!([{"x": 7}]), "the other table stays");

    // What it replaced comes back in the same way.
    project.quackctl(["recover", "DAYS"]).assert().success().stdout(contains("days: 1 row\n"));
    assert_eq!(project.rows("SELECT sum(n)::INT AS n FROM days"), json!([{"n": 10}]));

    project.quackctl(["drop", "days", "--yes"]).assert().success();
    project.quackctl(["query", "FROM days"]).assert().code(1);
    project.quackctl(["recover"]).assert().success().stdout(contains("days"));
    project.quackctl(["recover", "days"]).assert().success().stdout(contains("files brought back: 1"));
    assert_eq!(project.rows("SELECT sum(n)::INT AS n FROM days"), json!([{"n": 10}]));
    project.quackctl(["recover", "dayz"]).assert().code(1).stderr(contains("did you mean `days`?"));

    project.quackctl(["down", "--yes"]).assert().success();
    project.assert_gone(&["quack.toml", "rows.csv"]);
}

fn an_overwritten_or_deleted_catalog_comes_back(place: Place) {
    let project = Project::up_at(place, "");
    let lake = Lake::of(&project);
    load(&project, "t", "x\n1\n2\n", "");
    let file = lake.files("t").remove(0);
    for ruin in ["garbage", "", r#"{"version": 99}"#, r#"{"version": 1, "tables": {}}"#] {
        lake.put(CATALOG, ruin);
        lake.put(&file, "not Parquet either");
        let listed = project.json(["recover", "--json"]);
        let versions = listed["versions"].as_array().unwrap();
        let version = versions.iter().find(|version| version["rows"] == 2).unwrap()["version"].as_str().unwrap();
        if ruin == "garbage" {
            project.quackctl(["tables"]).assert().code(1).stderr(contains("quackctl recover --at"));
            project.quackctl(["recover", "t"]).assert().code(1).stderr(contains("put a whole one back first"));
        }
        project.quackctl(["recover", "--at", version]).assert().success().stdout(contains("files brought back: 1"));
        let tables = lake.catalog();
        assert_eq!(tables["tables"].as_object().unwrap().keys().collect::<Vec<_>>(), ["t"]);
        assert_eq!(project.rows("SELECT sum(x)::INT AS s FROM t"), json!([{"s": 3}]));
    }
    let at = project.json(["recover", "--json"])["versions"][0]["at"].as_str().unwrap().to_owned();
    std::thread::sleep(std::time::Duration::from_millis(1100));
    lake.delete(CATALOG);
    project.quackctl(["tables"]).assert().success().stdout(contains("no tables yet"));
    project.quackctl(["recover", "--at", &at]).assert().success();
    assert_eq!(project.rows("SELECT sum(x)::INT AS s FROM t"), json!([{"s": 3}]));
    project.quackctl(["recover", "--at", "2020-01-01 00:00"]).assert().code(1).stderr(contains("the oldest"));
    project.quackctl(["recover", "--at", "yesterday"]).assert().code(2);
}

fn tables_go_only_when_somebody_said_so(place: Place) {
    let project = Project::up_at(place, "");
    let lake = Lake::of(&project);
    load(&project, "old", "x\n1\n2\n", "");
    load(&project, "kept", "x\n1\n", "");
    let then = project.json(["recover", "--json"])["versions"][0]["version"].as_str().unwrap().to_owned();
    load(&project, "newer", "x\n5\n", "");
    load(&project, "kept", "x\n8\n", "--replace");
    project.quackctl(["rename", "old", "new"]).assert().success();
    let before = lake.catalog();
    let refused = project.quackctl(["recover", "--at", &then]).assert().code(1);
    let named =
        contains("`newer` (1 row): would go").and(contains("`kept`: would be as then")).and(contains("add --yes"));
    refused.stderr(named.and(contains("`new` would be called `old` again")));
    assert_eq!(lake.catalog(), before);

    // A name that comes back is said; nothing goes, so nobody is asked.
    let renamed = project.quackctl(["recover", "old", "--at", &then]).assert().success();
    renamed.stdout(contains("`new` is called `old` again"));
    assert!(lake.catalog()["tables"]["new"].is_null());

    let recovered = project.json(["recover", "--at", &then, "--yes", "--json"]);
    let changes = json!({"gone": {"newer": 1}, "came": [], "changed": ["kept"], "renamed": {}});
    assert_eq!(recovered["changes"], changes);
    assert_eq!(project.rows("FROM kept"), json!([{"x": 1}]));
    project.quackctl(["recover", "newer"]).assert().success();
    assert_eq!(project.rows("FROM newer"), json!([{"x": 5}]));
}

fn what_is_lost_for_good_is_said_and_nothing_changes(place: Place) {
    let project = Project::up_at(place, "");
    let lake = Lake::of(&project);
    load(&project, "t", "x\n1\n", "");
    load(&project, "t", "x\n2\n", "--append");
    let files = lake.files("t");
    project.quackctl(["drop", "t", "--yes"]).assert().success();
    let before = lake.catalog();
    lake.expire(&files[1]);
    let recover = project.quackctl(["recover", "t"]).assert().code(1);
    recover.stderr(contains("1 of the 2 files of `t` are not kept any more").and(contains("7 days")));
    assert_eq!(lake.catalog(), before);
    let back = block_on(lake.s3.head_object().bucket(&lake.bucket).key(&files[0]).send());
    assert!(back.is_err(), "a file came back, and its table did not");

    // Whoever could write a catalog does not lead us to other objects.
    let mut evil = json!({"version": 1, "tables": {"evil": {"source": "s", "loaded_at": "t", "rows": 1, "bytes": 7,
        "columns": [], "files": [{"key": "_quack/functions/f.zip", "rows": 1, "bytes": 7}]}}});
    lake.put(CATALOG, evil.to_string());
    evil["tables"] = json!({});
    lake.put(CATALOG, evil.to_string());
    project
        .quackctl(["recover", "evil"])
        .assert()
        .code(1)
        .stderr(contains("no catalog that is kept has a table `evil`"));
    project.quackctl(["recover"]).assert().success().stdout(contains("not to be trusted"));
    assert_eq!(lake.catalog(), evil);
}

#[test]
fn a_recover_that_is_killed_leaves_one_table_or_the_other_whole() {
    let project = Project::up_at(Place::Aws, "");
    load(&project, "t", "x\n1\n2\n", "");
    load(&project, "t", "x\n10\n", "--replace");
    let mut before = json!([{"s": 10}]);
    let step = if rounds().is_some() { 1 } else { 2 };
    let mut killed = 0;
    for (skip, moment) in (0..).step_by(step).zip([Moment::Before, Moment::After].into_iter().cycle()) {
        let Some(call) = project.kill_at_call(["recover", "t"], skip, moment) else { break };
        let after = if before == json!([{"s": 10}]) { json!([{"s": 3}]) } else { json!([{"s": 10}]) };
        let found = project.rows("SELECT sum(x)::INT AS s FROM t");
        assert!(found == before || found == after, "{found} after a kill at call {skip}, {moment:?} {call}");
        if found == before {
            project.succeed(["recover", "t"], &format!("after a kill at call {skip}, {moment:?} {call}"));
            assert_eq!(project.rows("SELECT sum(x)::INT AS s FROM t"), after);
        }
        before = after;
        killed += 1;
    }
    assert!(killed > 2, "`recover` makes more calls than {killed}");
}

#[test]
fn a_bucket_without_versions_says_so() {
    let project = Project::at(Place::Aws, "[lake]\nbucket = \"theirs\"\nmanage = false\n");
    let s3 = s3(&project.account().emulator.sdk());
    block_on(s3.create_bucket().bucket("theirs").send()).unwrap();
    project.quackctl(["recover"]).assert().code(1).stderr(contains("keeps no earlier versions"));
    let enabled = VersioningConfiguration::builder().status(BucketVersioningStatus::Enabled).build();
    block_on(s3.put_bucket_versioning().bucket("theirs").versioning_configuration(enabled).send()).unwrap();
    project.quackctl(["recover"]).assert().success();
    project.quackctl(["recover", "t"]).assert().code(1).stderr(contains("no catalog that is kept has a table `t`"));
}
