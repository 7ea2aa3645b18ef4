//! How many threads a query has: as many as cores, and more where it may wait for S3.

use crate::support::{Function, ObjectStore};
use serde_json::json;

/// What a function of 1,024 MB has memory for.
const MANY: u64 = 10;
const MEMORY: (&str, &str) = ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "1024");

fn threads(function: &Function, sql: &str) -> u64 {
    let tables = json!([{"name": "t", "files": ["s3://lake/t.parquet"]}]);
    let answer = function.invoke(json!({"q": sql, "tables": tables})).unwrap();
    answer["data"]["records"][0]["n"].as_u64().unwrap()
}

#[test]
fn a_query_that_may_wait_for_s3_has_more_threads_than_there_are_cores() {
    let cores = std::thread::available_parallelism().unwrap().get() as u64;
    let read = "SELECT current_setting('threads')::INT AS n FROM t LIMIT 1";
    for (near, many) in [("false", MANY.max(cores)), ("true", cores)] {
        let store = ObjectStore::start();
        let Some(function) = Function::start_with(&store, &[("QUACK_S3_IS_NEAR", near), MEMORY]) else { return };
        function.rows("COPY (SELECT range AS x FROM range(10)) TO 's3://lake/t.parquet'");
        assert_eq!(threads(&function, read), many, "near: {near}");
        assert_eq!(threads(&function, "SELECT current_setting('threads')::INT AS n"), cores, "reads nothing");
        assert_eq!(function.log(), "", "the instance is as it was");
    }
}
