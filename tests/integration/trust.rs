//! What the function may not do, whatever SQL it is given: its role, as IAM has it, and its sandbox.

use aws_sdk_s3::error::ProvideErrorMetadata;
use predicates::str::contains;
use serde_json::{Value, json};

use crate::support::{Place, Project, block_on, s3, sdk};

/// The document of the one policy that the stage's role has.
fn policy_of_role(project: &Project) -> Value {
    let iam = aws_sdk_iam::Client::new(&project.account().emulator.sdk());
    block_on(async {
        let roles = iam.list_roles().send().await.unwrap();
        let role = roles.roles().iter().find(|role| role.role_name().starts_with("quack-lake-dev-Role-")).unwrap();
        let named = iam.get_role_policy().role_name(role.role_name()).policy_name("lake").send().await.unwrap();
        let document = named.policy_document();
        let plain = percent_decoded(document);
        serde_json::from_str(&plain).unwrap()
    })
}

/// IAM gives documents as URLs have them.
fn percent_decoded(text: &str) -> String {
    if !text.starts_with('%') {
        return text.to_owned();
    }
    let mut bytes = Vec::new();
    let mut rest = text.as_bytes().iter().copied();
    while let Some(byte) = rest.next() {
        match byte {
            b'%' => {
                let digits = [rest.next().unwrap(), rest.next().unwrap()];
                bytes.push(u8::from_str_radix(str::from_utf8(&digits).unwrap(), 16).unwrap());
            }
            b'+' => bytes.push(b' '),
            byte => bytes.push(byte),
        }
    }
    String::from_utf8(bytes).unwrap()
}

#[test]
fn the_functions_role_cannot_write_what_queries_are_led_by() {
    let project = Project::strict("");
    project.quackctl(["up"]).assert().success();
    project.write("rows.csv", "x\n1\n");
    project.quackctl(["load", "rows.csv", "--table", "t"]).assert().success();
    let account = project.account();
    let bucket = project.json(["status", "--json"])["bucket"].as_str().unwrap().to_owned();
    let (key, secret) = account.user("function", &policy_of_role(&project).to_string());
    let theirs = s3(&sdk(&account.emulator.endpoint, &key, &secret));
    let all = s3(&account.emulator.sdk());
    block_on(async {
        let listed = theirs.list_objects_v2().bucket(&bucket).send().await.unwrap();
        let keys: Vec<&str> = listed.contents().iter().filter_map(|object| object.key()).collect();
        let table = *keys.iter().find(|key| key.starts_with("tables/t/")).unwrap();
        let function = *keys.iter().find(|key| key.starts_with("_quack/functions/")).unwrap();
        let held = ["_quack/catalog.json", "_quack/stage.json", table, function, "tables/t/new.parquet", "anything"];
        for key in held {
            let put = theirs.put_object().bucket(&bucket).key(key).body(b"evil".to_vec().into()).send().await;
            assert_eq!(put.unwrap_err().code(), Some("AccessDenied"), "{key}");
            let begun = theirs.create_multipart_upload().bucket(&bucket).key(key).send().await;
            assert_eq!(begun.unwrap_err().code(), Some("AccessDenied"), "{key}");
            let gone = theirs.delete_object().bucket(&bucket).key(key).send().await;
            assert_eq!(gone.unwrap_err().code(), Some("AccessDenied"), "{key}");
            let copied = theirs.copy_object().bucket(&bucket).key(key).copy_source(format!("{bucket}/{table}")).send();
            assert_eq!(copied.await.unwrap_err().code(), Some("AccessDenied"), "{key}");
        }
        for key in ["_quack/results/r.parquet", "exports/day=1/e.parquet"] {
            theirs.put_object().bucket(&bucket).key(key).body(b"rows".to_vec().into()).send().await.unwrap();
            theirs.get_object().bucket(&bucket).key(key).send().await.unwrap();
        }
        theirs.delete_object().bucket(&bucket).key("_quack/results/r.parquet").send().await.unwrap();
        let gone = theirs.delete_object().bucket(&bucket).key("exports/day=1/e.parquet").send().await;
        assert_eq!(gone.unwrap_err().code(), Some("AccessDenied"), "an export is not the function's to delete");
        // Nor may it take away what `quackctl recover` brings back.
        let versions = all.list_object_versions().bucket(&bucket).prefix("_quack/").send().await.unwrap();
        for version in versions.versions() {
            let (key, id) = (version.key().unwrap(), version.version_id().unwrap());
            let gone = theirs.delete_object().bucket(&bucket).key(key).version_id(id).send().await;
            assert_eq!(gone.unwrap_err().code(), Some("AccessDenied"), "{key}");
        }
        let off = aws_sdk_s3::types::VersioningConfiguration::builder()
            .status(aws_sdk_s3::types::BucketVersioningStatus::Suspended)
            .build();
        let suspended = theirs.put_bucket_versioning().bucket(&bucket).versioning_configuration(off).send().await;
        assert_eq!(suspended.unwrap_err().code(), Some("AccessDenied"));
    });
    assert_eq!(project.rows("SELECT x FROM t"), json!([{"x": 1}]));
}

#[test]
fn the_role_is_for_functions_of_this_account_only() {
    let project = Project::up_at(Place::Aws, "");
    let iam = aws_sdk_iam::Client::new(&project.account().emulator.sdk());
    let roles = block_on(iam.list_roles().send()).unwrap();
    let role = roles.roles().iter().find(|role| role.role_name().starts_with("quack-lake-dev-Role-")).unwrap();
    let trust: Value = serde_json::from_str(&percent_decoded(role.assume_role_policy_document().unwrap())).unwrap();
    let condition = &trust["Statement"][0]["Condition"];
    assert_eq!(condition, &json!({"StringEquals": {"aws:SourceAccount": "000000000000"}}));
}

#[test]
fn the_role_may_use_the_key_of_the_bucket_and_no_other() {
    let key = "arn:aws:kms:us-east-1:000000000000:key/1234abcd-12ab-34cd-56ef-1234567890ab";
    let project = Project::up_at(Place::Aws, "");
    let of_key = |project: &Project| -> Vec<Value> {
        let policy = policy_of_role(project);
        let statements = policy["Statement"].as_array().unwrap().iter();
        statements.filter(|statement| statement["Sid"] == "UseKey").cloned().collect()
    };
    assert_eq!(of_key(&project), [Value::Null; 0]);
    project.write("quack.toml", format!("[aws]\nkms_key = \"{key}\"\naccess_logs = \"s3://logs/lake/\"\n"));
    project.quackctl(["up", "--no-check"]).assert().success();
    let actions = json!(["kms:Decrypt", "kms:GenerateDataKey"]);
    let expected = json!({"Sid": "UseKey", "Effect": "Allow", "Action": actions, "Resource": key});
    assert_eq!(of_key(&project), [expected]);
    for (setting, said) in [
        ("kms_key = \"alias/lake\"", "arn:aws:kms:REGION:ACCOUNT:key/ID"),
        ("access_logs = \"logs\"", "s3://logs/lake/"),
    ] {
        project.write("quack.toml", format!("[aws]\n{setting}\n"));
        project.quackctl(["plan"]).assert().code(2).stderr(contains(said));
    }
    project.write("quack.toml", "[lake]\nbucket = \"logs\"\n[aws]\naccess_logs = \"s3://logs/lake/\"\n");
    project.quackctl(["plan"]).assert().code(2).stderr(contains("the lake's own bucket"));
}

crate::on_every_target! { sql_writes_exports_and_nothing_else }

fn sql_writes_exports_and_nothing_else(place: Place) {
    let project = Project::up_at(place, "");
    project.write("rows.csv", "x\n1\n");
    project.quackctl(["load", "rows.csv", "--table", "t"]).assert().success();
    let bucket = project.json(["status", "--json"])["bucket"].as_str().unwrap().to_owned();
    let copy = |key: &str| format!("COPY (SELECT 42 AS x) TO 's3://{bucket}/{key}'");
    for key in ["_quack/catalog.json", "tables/t/more.parquet", "_quack/functions/f.zip", "export/x.parquet"] {
        let refused = project.quackctl(["query", &copy(key)]).assert().code(1);
        refused.stderr(contains(format!(
            "SQL may write only under s3://{bucket}/_quack/results/, s3://{bucket}/exports/"
        )));
    }
    project.quackctl(["query", &copy("exports/x.parquet")]).assert().success();
    assert_eq!(project.rows(&format!("FROM 's3://{bucket}/exports/x.parquet'")), json!([{"x": 42}]));
    assert_eq!(project.rows("SELECT x FROM t"), json!([{"x": 1}]));
}
