//! Schemas: tables and views of the same name side by side, on one function and divided, in transactions, in listings.

use crate::support::{Place, Project};
use predicates::str::contains;
use serde_json::json;

crate::on_every_target! {
    tables_and_views_are_in_schemas,
}

fn run(project: &Project, sql: &str, told: &str) {
    project.quackctl(["query", sql]).assert().success().stderr(contains(told));
}

fn refused(project: &Project, sql: &str, told: &str) {
    project.quackctl(["query", sql]).assert().code(predicates::ord::ne(0)).stderr(contains(told));
}

fn tables_and_views_are_in_schemas(place: Place) {
    let project = Project::up_at(place, "[[data]]\ntable = \"raw.days\"\nsql = \"SELECT 1 AS day\"\n");
    assert_eq!(project.rows("FROM raw.days"), json!([{"day": 1}]), "a declared table's schema is made");
    refused(&project, "CREATE TABLE sales.orders AS SELECT 1 AS a", "there is no schema `sales`");
    run(&project, "CREATE SCHEMA sales", "created the schema `sales`");
    run(&project, "CREATE SCHEMA IF NOT EXISTS memory.Sales", "there is a schema `Sales` already");
    refused(&project, "CREATE SCHEMA sales", "there is a schema `sales` already");
    refused(&project, "CREATE SCHEMA temp", "cannot be a schema's name");
    run(&project, "CREATE TABLE orders AS SELECT i AS id, 'main' AS place FROM range(3) r(i)", "created `orders`");
    run(
        &project,
        "CREATE TABLE sales.orders PARTITIONED BY (day) AS SELECT i AS id, i % 4 AS day, 'sales' AS place FROM range(8) r(i)",
        "created `sales.orders` with 8 rows",
    );
    let count = |from: &str| {
        let rows = project.rows(&format!("SELECT count(id)::INT AS n, min(orders.place) AS p FROM {from}"));
        (rows[0]["n"].as_i64().unwrap(), rows[0]["p"].as_str().unwrap().to_owned())
    };
    for from in ["orders", "main.orders", "memory.main.orders"] {
        assert_eq!(count(from), (3, "main".to_owned()), "{from}");
    }
    for from in ["sales.orders", "memory.SALES.Orders", "\"sales\".\"orders\""] {
        assert_eq!(count(from), (8, "sales".to_owned()), "{from}");
    }
    assert_eq!(project.rows("SELECT count(*)::INT AS n FROM sales.orders"), json!([{"n": 8}]));

    // Everything that changes a table.
    run(
        &project,
        "INSERT INTO sales.orders SELECT id + 100, place, 9 FROM orders RETURNING orders.id",
        "inserted 3 rows",
    );
    run(&project, "UPDATE sales.orders SET place = orders.place || '!' WHERE orders.id = 101", "updated 1 row");
    run(&project, "DELETE FROM memory.sales.orders WHERE orders.day = 0", "deleted 2 rows");
    run(
        &project,
        "MERGE INTO sales.orders USING orders AS o ON orders.id = o.id WHEN MATCHED THEN DELETE",
        "merged 2 rows",
    );
    run(&project, "ALTER TABLE sales.orders ADD COLUMN note VARCHAR", "altered `sales.orders`");
    run(&project, "COMMENT ON COLUMN sales.orders.note IS 'what was said'", "commented on `sales.orders`");
    let all = "SELECT id::INT AS id, place FROM sales.orders ORDER BY id";
    let now = project.rows(all);
    assert_eq!(now.as_array().unwrap().len(), 7, "{now}");
    assert_eq!(now[5], json!({"id": 101, "place": "main!"}));
    assert_eq!(project.rows("SELECT count(*)::INT AS n FROM sales.orders AT (VERSION => 1)"), json!([{"n": 8}]));
    assert_eq!(project.rows("SELECT max(orders.id)::INT AS m FROM sales.orders AT (VERSION => 1)"), json!([{"m": 7}]));

    // Divided among functions, as the same in `main` is.
    let sql = "SELECT orders.day::INT AS day, count(*)::INT AS n FROM sales.orders JOIN main.orders m ON m.id < orders.id \
               GROUP BY 1 ORDER BY 1";
    let mut told =
        project.quackctl(["query", "--workers", "3", "--format", "json", &sql.replace("main.orders", "orders")]);
    let told = told.output().unwrap();
    assert!(String::from_utf8_lossy(&told.stderr).contains("functions"), "{}", String::from_utf8_lossy(&told.stderr));
    assert_eq!(serde_json::from_slice::<serde_json::Value>(&told.stdout).unwrap(), project.rows(sql));

    // Views, whose SELECTs name schemas.
    run(
        &project,
        "CREATE VIEW sales.late AS SELECT id, place FROM sales.orders WHERE day > 1",
        "created the view `sales.late`",
    );
    run(
        &project,
        "CREATE VIEW both_of_them AS SELECT l.id FROM sales.late l, orders",
        "created the view `both_of_them`",
    );
    assert_eq!(project.rows("SELECT count(*)::INT AS n FROM both_of_them"), json!([{"n": 18}]));
    let by_workers = ["query", "--workers", "2", "--format", "csv", "SELECT count(*) AS n FROM both_of_them"];
    project.quackctl(by_workers).assert().success().stdout("n\n18\n");

    // What lists them, from the catalog alone.
    let sql = "SELECT table_schema AS s, table_name AS n, table_type AS k FROM information_schema.tables ORDER BY ALL";
    let listed = project.rows(sql);
    assert_eq!(listed[0], json!({"s": "main", "n": "both_of_them", "k": "VIEW"}));
    assert_eq!(listed[3], json!({"s": "sales", "n": "late", "k": "VIEW"}));
    assert_eq!(listed[4], json!({"s": "sales", "n": "orders", "k": "BASE TABLE"}));
    run(&project, "CREATE SCHEMA empty", "created the schema `empty`");
    let sql = "SELECT schema_name AS s FROM information_schema.schemata WHERE catalog_name = 'memory' ORDER BY 1";
    assert_eq!(project.rows(sql), json!([{"s": "empty"}, {"s": "main"}, {"s": "raw"}, {"s": "sales"}]));
    assert_eq!(project.rows("SHOW TABLES FROM sales"), json!([{"name": "late"}, {"name": "orders"}]));
    let described = project.rows("SELECT column_name AS c FROM (DESCRIBE sales.orders)");
    assert_eq!(described, json!([{"c": "id"}, {"c": "place"}, {"c": "note"}, {"c": "day"}]));
    let shown = project.json(["tables", "--json"]);
    assert_eq!(shown["schemas"], json!(["empty", "raw", "sales"]));
    project.quackctl(["tables"]).assert().success().stdout(contains("schemas: empty, raw, sales"));
    project.quackctl(["tables", "sales.orders", "--history"]).assert().success().stdout(contains("delete"));

    // Nothing that is not there is taken for a file.
    for sql in ["FROM sales.nothing", "FROM nowhere.orders", "FROM data.csv", "FROM query_table('sales.csv')"] {
        refused(&project, sql, "does not exist");
    }
    refused(&project, "FROM temp.orders", "does not exist");

    // Renamed within the schema; by quackctl from one to another.
    run(&project, "ALTER TABLE sales.orders RENAME TO deals", "the table is `sales.deals` now");
    run(&project, "ALTER VIEW sales.late RENAME TO later", "the view is `sales.later` now");
    project.quackctl(["rename", "sales.deals", "raw.deals"]).assert().success().stdout(contains("`raw.deals`"));
    project.quackctl(["rename", "raw.deals", "no.deals"]).assert().failure().stderr(contains("no schema `no`"));
    run(&project, "INSERT INTO raw.deals SELECT 1, 'x', NULL, 2", "inserted 1 row");

    // In a transaction, all or nothing.
    let script = "BEGIN; CREATE SCHEMA stage; CREATE TABLE stage.t AS FROM raw.deals; DROP TABLE raw.deals CASCADE; FROM stage.t; \
                  ROLLBACK";
    project.quackctl(["query", "--quiet", script]).assert().success();
    assert_eq!(project.rows("SELECT count(*)::INT AS n FROM raw.deals"), json!([{"n": 8}]));
    let script = "BEGIN; CREATE SCHEMA stage; CREATE TABLE stage.t AS FROM raw.deals; COMMIT";
    run(&project, script, "1 table and 1 schema were changed");

    refused(&project, "DROP SCHEMA stage", "the schema `stage` is not empty: `stage.t` is in it");
    refused(&project, "DROP SCHEMA main CASCADE", "the schema `main` cannot be dropped");
    run(&project, "DROP SCHEMA stage CASCADE; DROP SCHEMA empty; DROP SCHEMA IF EXISTS empty", "no schema `empty`");
    project.quackctl(["recover", "stage.t"]).assert().success();
    assert_eq!(project.rows("SELECT count(*)::INT AS n FROM stage.t"), json!([{"n": 8}]));
    project.quackctl(["drop", "stage.t", "--yes"]).assert().success().stdout(contains("`stage.t`"));
    run(&project, "DROP SCHEMA stage", "dropped the schema `stage`");
}
