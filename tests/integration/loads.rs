//! Loads as queries see them: rows added to tables that have columns already, a table of none, objects of S3.

use crate::support::{Place, Project, block_on, s3};
use predicates::str::contains;
use serde_json::json;

crate::on_every_target! {
    rows_are_added_by_their_columns_names,
    objects_of_the_bucket_are_loaded_with_the_callers_rights,
}

fn rows_are_added_by_their_columns_names(place: Place) {
    let project = Project::up_at(place, "");
    project.write("none.csv", "day;n;price\n");
    let types = "day=DATE,n=INTEGER,price=DECIMAL(9,2)";
    let by = "month=month(day)";
    let load = ["load", "none.csv", "--table", "t", "--partition-by", by, "--delimiter", ";", "--types", types];
    project.succeed(load, "a header");
    assert_eq!(project.rows("SELECT count(*) AS n FROM t"), json!([{"n": 0}]));
    project.write("a.csv", "N,Day\n1,2020-01-02\n");
    project.write("b.csv", "price,day,n\n0.5,2020-02-03,2\n");
    for file in ["a.csv", "b.csv"] {
        project.succeed(["load", file, "--table", "t", "--append"], file);
    }
    let rows = "SELECT n, price::VARCHAR AS price, month, typeof(price) AS t FROM t ORDER BY n";
    assert_eq!(
        project.rows(rows),
        json!([
            {"n": 1, "price": null, "month": 1, "t": "DECIMAL(9,2)"},
            {"n": 2, "price": "0.50", "month": 2, "t": "DECIMAL(9,2)"},
        ])
    );
    project.write("c.csv", "n\n1.5\n");
    let refused = project.quackctl(["load", "c.csv", "--table", "t", "--append"]).assert().failure();
    refused.stderr(contains("  - n INTEGER\n  + n DOUBLE\n"));
    // What the table lacks comes with the rows.
    project.write("c.csv", "n,note,day\n3,new,2020-03-04\n");
    let load = ["load", "c.csv", "--table", "t", "--append"];
    project.succeed(load, "a new column");
    assert_eq!(project.rows("SELECT n, note FROM t WHERE note IS NOT NULL"), json!([{"n": 3, "note": "new"}]));
    // Where its files would have to be written anew, the refusal says what does that.
    project.write("c.csv", "n\n1.5\n");
    let alter = "ALTER TABLE \"t\" ALTER COLUMN \"n\" SET DATA TYPE DOUBLE";
    let refused = project.quackctl(load).assert().failure();
    refused.stderr(contains(format!("give the table such columns, and append again: quackctl query '{alter}'")));
    project.succeed(["query", alter], "the type");
    project.succeed(load, "and its rows");
    assert_eq!(project.rows("SELECT sum(n) AS s, count(note)::INT AS c FROM t"), json!([{"s": 7.5, "c": 1}]));
}

fn objects_of_the_bucket_are_loaded_with_the_callers_rights(place: Place) {
    let project = Project::up_at(place, "");
    let status = project.json(["status", "--json"]);
    let bucket = status["bucket"].as_str().unwrap();
    let client = s3(&project.sdk(&status));
    for (key, n) in [("in/a.csv", 1), ("in/b.csv", 2)] {
        let put = client.put_object().bucket(bucket).key(key).body(format!("n\n{n}\n").into_bytes().into());
        block_on(put.send()).unwrap();
    }
    project.succeed(["load", &format!("s3://{bucket}/in/*.csv"), "--table", "t"], "two objects");
    assert_eq!(project.rows("SELECT sum(n)::INT AS s FROM t"), json!([{"s": 3}]));
    let gone = format!("s3://{bucket}/in/c.csv");
    let refused = project.quackctl(["load", &gone, "--table", "u"]).assert().code(1);
    refused.stderr(contains(format!("there is no object `{gone}`")));
    project
        .quackctl(["load", "s3://no-such-bucket/*.csv", "--table", "u"])
        .assert()
        .code(1)
        .stderr(contains("no-such-bucket"));
}
