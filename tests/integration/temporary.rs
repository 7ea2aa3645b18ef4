//! Temporary tables: a session's own.

use predicates::str::contains;
use serde_json::json;

use crate::support::{Place, Project, Server, python};

crate::on_every_target! {
    a_session_has_tables_of_its_own,
}

/// Nothing of temporary tables is left in the bucket.
fn is_clean(project: &Project) {
    let left: Vec<String> = project.objects().into_iter().filter(|key| key.starts_with("_quack/results/")).collect();
    assert!(left.is_empty(), "{left:?}");
}

fn a_session_has_tables_of_its_own(place: Place) {
    let project = Project::up_at(place, "");
    project.succeed(["query", "CREATE TABLE t AS SELECT i AS a FROM range(4) r(i)"], "a table");
    let versions = || project.json(["tables", "t", "--history", "--json"]);
    let before = versions();
    let all = project.json([
        "query",
        "--format",
        "json",
        "CREATE TEMP TABLE x PARTITIONED BY (a) AS SELECT a, a * 10 AS b FROM t;
         INSERT INTO x (a, b) SELECT 7, 8;
         UPDATE x SET b = -b WHERE a = 7;
         DELETE FROM x WHERE a = 0;
         MERGE INTO x USING (SELECT 1 AS a, 99 AS b) AS s ON x.a = s.a WHEN MATCHED THEN UPDATE SET b = s.b;
         ALTER TABLE x ADD COLUMN c VARCHAR;
         ALTER TABLE x RENAME TO y;
         CREATE TEMPORARY TABLE none (n INTEGER);
         BEGIN;
         CREATE TEMPORARY TABLE gone AS SELECT 1 AS g;
         DELETE FROM y;
         ROLLBACK;
         BEGIN;
         CREATE OR REPLACE TEMP TABLE kept AS SELECT count(*) AS n FROM y;
         INSERT INTO t SELECT 100 + n FROM kept;
         DROP TABLE none;
         COMMIT;
         SELECT (SELECT list((a, b, c) ORDER BY a)::VARCHAR FROM y) AS y, (SELECT n FROM kept) AS n, (SELECT max(a) FROM t) AS t",
    ]);
    assert_eq!(all, json!([{"y": "[(1, 99, NULL), (2, 20, NULL), (3, 30, NULL), (7, -8, NULL)]", "n": 4, "t": 104}]));
    assert_ne!(versions(), before);
    for name in ["x", "y", "none", "gone", "kept"] {
        project.quackctl(["query", &format!("FROM {name}")]).assert().failure().stderr(contains(name));
    }
    let before = versions();
    project.succeed(["query", "CREATE TEMP TABLE x AS FROM t; INSERT INTO x VALUES (1)"], "temporary rows");
    assert_eq!(versions(), before, "the lake was changed");
    for (sql, told) in [
        ("CREATE TEMP TABLE T AS SELECT 1 AS a", "there is a table `t`"),
        ("CREATE OR REPLACE TEMP TABLE t AS SELECT 1 AS a", "cannot take the place of"),
        ("CREATE TEMP TABLE x AS SELECT 1 AS a; CREATE TEMP TABLE x AS SELECT 1 AS a", "there is a table `x` already"),
        ("CREATE TEMP TABLE x AS SELECT 1 AS a; CREATE VIEW v AS FROM x", "a view of a temporary table"),
        ("CREATE TEMP TABLE x AS SELECT 1 AS a; FROM x AT (VERSION => 1)", "x"),
    ] {
        project.quackctl(["query", sql]).assert().failure().stderr(contains(told));
    }
    is_clean(&project);
    let server = Server::start(&project, &[]);
    let script = format!(
        "import psycopg
one, other = (psycopg.connect(host='127.0.0.1', port={}, user='ann', dbname='lake', autocommit=True) for _ in range(2))
one.execute('CREATE TEMP TABLE x AS SELECT 1 AS a')
other.execute('CREATE TEMP TABLE x AS SELECT 2 AS a')
all = lambda c, sql: c.execute(sql).fetchall()
assert (all(one, 'FROM x'), all(other, 'FROM x')) == ([(1,)], [(2,)])
# Others may have a table of that name; it is seen where there is no temporary one.
third = psycopg.connect(host='127.0.0.1', port={}, user='ann', dbname='lake', autocommit=True)
third.execute('CREATE TABLE x AS SELECT 3 AS a')
assert [all(c, 'FROM x') for c in (one, other, third)] == [[(1,)], [(2,)], [(3,)]]
one.execute('INSERT INTO x VALUES (5)')
with one.transaction(force_rollback=True):
    one.execute('DELETE FROM x WHERE a = 1')
    with one.transaction():
        one.execute('INSERT INTO x SELECT a + 1 FROM x')
    assert all(one, 'FROM x ORDER BY a') == [(5,), (6,)]
assert all(one, 'FROM x ORDER BY a') == [(1,), (5,)]
assert all(one, \"SELECT column_name FROM information_schema.columns WHERE table_name = 'x'\") == [('a',)]
with one.transaction():
    one.execute('DROP TABLE x')
    one.execute('CREATE TABLE made AS SELECT 1 AS a')
assert [all(c, 'FROM x') for c in (one, other, third)] == [[(3,)], [(2,)], [(3,)]]
other.execute('DISCARD TEMP')
assert all(other, 'FROM x') == [(3,)]
one.execute('CREATE TEMP TABLE left AS SELECT 1 AS a')
third.execute('DROP TABLE x')
one.close(); other.close(); third.close()
print('done')",
        server.port, server.port
    );
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/clients");
    let python = python("clients", &folder.join("requirements.txt"));
    let output = std::process::Command::new(python).args(["-c", &script]).output().unwrap();
    assert!(output.status.success(), "{}", crate::support::text(&output));
    server.end();
    is_clean(&project);
}
