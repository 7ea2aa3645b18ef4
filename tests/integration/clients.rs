//! The engine as more clients of PostgreSQL see it, each of another language: they ask in their own ways, and their own programs, in
//! `tests/clients`, hold every answer against what it has to be.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use futures::TryStreamExt as _;
use serde_json::json;
use tokio_postgres::binary_copy::{BinaryCopyInWriter, BinaryCopyOutStream};
use tokio_postgres::error::{ErrorPosition, SqlState};
use tokio_postgres::types::{ToSql, Type};
use tokio_postgres::{Client, NoTls};

use crate::serve::TRIPS;
use crate::support::{Project, Server, block_on, node, python, text};

fn file(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/clients").join(name)
}

/// Has a client's `program` ask a served project, whose port is its last argument; it says how many answers were right.
fn asks(program: &mut Command, says: &str) {
    let project = Project::up("");
    project.succeed(["query", TRIPS], "a table");
    let server = Server::start(&project, &[]);
    let output = program.arg(server.port.to_string()).output().unwrap();
    assert!(output.status.success() && text(&output).contains(says), "{}", text(&output));
    // It took away what it made.
    assert_eq!(project.rows("SELECT count(*)::INT AS n FROM trips"), json!([{"n": 6}]));
    assert_eq!(project.rows("SELECT name FROM (SHOW TABLES)"), json!([{"name": "trips"}]));
    assert!(!server.end().contains("panicked"));
}

#[test]
fn pgjdbc_gets_what_it_asks_for() {
    let python = python("jdbc", &file("jdbc.txt"));
    asks(Command::new(python).arg(file("jdbc.py")), "answers of pgjdbc");
}

#[test]
fn another_duckdb_attaches_the_lake_as_a_postgresql() {
    let python = python("attached", &file("duckdb.txt"));
    asks(Command::new(python).arg(file("attached.py")), "answers to another DuckDB");
}

#[test]
fn node_gets_what_it_asks_for() {
    let Some(modules) = node("pg", &file("node")) else { return };
    asks(Command::new("node").arg(file("node/client.mjs")).arg(modules), "answers of Node");
}

/// Rust's own: it wants the types of parameters and columns before it sends or reads anything, and all in bytes.
#[test]
fn tokio_postgres_gets_what_it_asks_for() {
    let project = Project::up("");
    project.succeed(["query", TRIPS], "a table");
    let server = Server::start(&project, &[]);
    let where_at = format!("host=127.0.0.1 port={} user=ann dbname=lake", server.port);
    block_on(async {
        let (mut client, connection) = tokio_postgres::connect(&where_at, NoTls).await.unwrap();
        let connected = tokio::spawn(connection);
        prepared(&client).await;
        copied(&client).await;
        in_a_transaction(&mut client).await;
        cancelled(&client).await;
        drop(client);
        connected.await.unwrap().unwrap();
    });
    assert_eq!(project.rows("SELECT name FROM (SHOW TABLES)"), json!([{"name": "trips"}]));
    server.end();
}

async fn prepared(client: &Client) {
    let found = client.prepare("SELECT id, fare::DOUBLE AS fare FROM trips WHERE id > $1 AND day = $2").await.unwrap();
    assert_eq!(found.params(), [Type::INT8, Type::DATE]);
    let columns: Vec<_> = found.columns().iter().map(|column| (column.name(), column.type_().clone())).collect();
    assert_eq!(columns, [("id", Type::INT8), ("fare", Type::FLOAT8)]);
    let any = client.prepare_typed("SELECT id FROM trips WHERE id = ANY($1) ORDER BY id", &[Type::INT8_ARRAY]).await;
    let rows = client.query(&any.unwrap(), &[&vec![2_i64, 4, 9]]).await.unwrap();
    assert_eq!(rows.iter().map(|row| row.get::<_, i64>(0)).collect::<Vec<_>>(), [2, 4]);
    let any = client.prepare("SELECT count(*) FROM trips WHERE id = ANY($1)").await.unwrap();
    assert_eq!(any.params(), [Type::INT8_ARRAY]);
    let values = "SELECT true, 7::SMALLINT, -7::INTEGER, 1.5::FLOAT, $1, [1, NULL, 3], NULL::VARCHAR, '\\x00\\xFF'::BLOB, $2::TIMESTAMP \
                  FROM trips WHERE id = 1";
    let long_ago = UNIX_EPOCH + Duration::from_micros(1_554_113_472_250_000);
    let row = client.query_one(values, &[&"it's", &long_ago]).await.unwrap();
    assert_eq!((row.get::<_, bool>(0), row.get::<_, i16>(1), row.get::<_, i32>(2)), (true, 7, -7));
    assert_eq!((row.get::<_, f32>(3), row.get::<_, &str>(4)), (1.5, "it's"));
    assert_eq!(row.get::<_, Vec<Option<i32>>>(5), [Some(1), None, Some(3)]);
    assert_eq!((row.get::<_, Option<&str>>(6), row.get::<_, &[u8]>(7)), (None, &[0, 255][..]));
    assert_eq!(row.get::<_, SystemTime>(8), long_ago);
    let error = client.query("SELECT fair FROM trips", &[]).await.unwrap_err();
    assert_eq!(error.code(), Some(&SqlState::UNDEFINED_COLUMN));
    let told = error.as_db_error().unwrap();
    assert_eq!(told.position(), Some(&ErrorPosition::Original(8)));
    let rows: Vec<_> =
        client.query_raw("SELECT i FROM range($1) r(i)", [3000_i32]).await.unwrap().try_collect().await.unwrap();
    assert_eq!(rows.iter().map(|row| row.get::<_, i64>(0)).sum::<i64>(), 2999 * 1500);
    // Nothing is prepared: the client says the types, and reads what comes as it is told.
    let typed = [(&2_i64 as &(dyn ToSql + Sync), Type::INT8)];
    let rows = client.query_typed("SELECT id FROM trips WHERE id < $1", &typed).await.unwrap();
    assert_eq!(rows.len(), 1);
}

async fn copied(client: &Client) {
    let parts = client.copy_out("COPY (SELECT id, day FROM trips ORDER BY id LIMIT 1) TO STDOUT").await.unwrap();
    let parts: Vec<_> = parts.try_collect().await.unwrap();
    assert_eq!(parts.concat(), b"1\t2019-04-01\n");
    let rows =
        client.copy_out("COPY (SELECT id, NULL::VARCHAR FROM trips ORDER BY id) TO STDOUT (FORMAT binary)").await;
    let rows = BinaryCopyOutStream::new(rows.unwrap(), &[Type::INT8, Type::TEXT]);
    let rows: Vec<_> = rows.try_collect().await.unwrap();
    assert_eq!(rows.iter().map(|row| row.get::<i64>(0)).collect::<Vec<_>>(), [1, 2, 3, 4, 5, 6]);
    assert_eq!(rows[0].get::<Option<&str>>(1), None);
    client.batch_execute("CREATE TABLE sent (a INTEGER, t VARCHAR, l BIGINT[])").await.unwrap();
    let sink = client.copy_in("COPY sent FROM STDIN (FORMAT binary)").await.unwrap();
    let writer = BinaryCopyInWriter::new(sink, &[Type::INT4, Type::TEXT, Type::INT8_ARRAY]);
    let mut writer = std::pin::pin!(writer);
    writer.as_mut().write(&[&1_i32, &"a \"b\"\n\\N", &vec![1_i64, 2]]).await.unwrap();
    writer.as_mut().write(&[&None::<i32>, &"", &None::<Vec<i64>>]).await.unwrap();
    assert_eq!(writer.finish().await.unwrap(), 2);
    let rows = client.query("SELECT a, t, l FROM sent ORDER BY a NULLS LAST", &[]).await.unwrap();
    assert_eq!((rows[0].get::<_, &str>(1), rows[0].get::<_, Vec<i64>>(2)), ("a \"b\"\n\\N", vec![1, 2]));
    assert_eq!((rows[1].get::<_, Option<i32>>(0), rows[1].get::<_, &str>(1)), (None, ""));
    // What is no row of that table changes nothing.
    let sink = client.copy_in("COPY sent (a) FROM STDIN (FORMAT binary)").await.unwrap();
    let writer = BinaryCopyInWriter::new(sink, &[Type::TEXT]);
    let mut writer = std::pin::pin!(writer);
    writer.as_mut().write(&[&"seven"]).await.unwrap();
    let error = writer.finish().await.unwrap_err();
    assert_eq!(error.code(), Some(&SqlState::BAD_COPY_FILE_FORMAT));
    assert_eq!(client.query_one("SELECT count(*) FROM sent", &[]).await.unwrap().get::<_, i64>(0), 2);
    client.batch_execute("DROP TABLE sent").await.unwrap();
}

async fn in_a_transaction(client: &mut Client) {
    let transaction = client.transaction().await.unwrap();
    transaction.execute("CREATE TABLE made (a INTEGER, b VARCHAR)", &[]).await.unwrap();
    assert_eq!(
        transaction.execute("INSERT INTO made VALUES ($1, $2), (2, 'two')", &[&1_i32, &"one"]).await.unwrap(),
        2
    );
    assert_eq!(transaction.execute("UPDATE made SET b = $1 WHERE a < $2", &[&"first", &2_i32]).await.unwrap(), 1);
    let portal = transaction.bind("SELECT b FROM made WHERE a > $1 ORDER BY a", &[&0_i32]).await.unwrap();
    for wanted in ["first", "two"] {
        let rows = transaction.query_portal(&portal, 1).await.unwrap();
        assert_eq!(rows.iter().map(|row| row.get::<_, &str>(0)).collect::<Vec<_>>(), [wanted]);
    }
    assert!(transaction.query_portal(&portal, 1).await.unwrap().is_empty());
    transaction.rollback().await.unwrap();
    let error = client.query("SELECT * FROM made", &[]).await.unwrap_err();
    assert_eq!(error.code(), Some(&SqlState::UNDEFINED_TABLE));
}

async fn cancelled(client: &Client) {
    let token = client.cancel_token();
    let slow = client.query("SELECT count(*) FROM range(100000000000) r(i) WHERE i % 7 = 3", &[]);
    let cancel = async {
        tokio::time::sleep(Duration::from_millis(500)).await;
        token.cancel_query(NoTls).await.unwrap();
    };
    let (ended, ()) = tokio::join!(slow, cancel);
    assert_eq!(ended.unwrap_err().code(), Some(&SqlState::QUERY_CANCELED));
    assert_eq!(client.query_one("SELECT 42", &[]).await.unwrap().get::<_, i32>(0), 42);
}
