//! Forged answers: each is refused for its reason, and has not had what it was after.

use anyhow::Result;
use quack_function::wire::Column;
use serde_json::Value;
use tokio_util::sync::CancellationToken;

use super::made;
use crate::cloud::local::testing::Lake;
use crate::error;
use crate::invoke::response::{self, Payload};
use crate::invoke::spill;
use crate::lake::tests::corpus;
use crate::rows::ResultSet;

const ANSWERS: &str = include_str!("../../../tests/attacks/answers.jsonl");

/// What forged answers would have read or deleted.
const PRECIOUS: [&str; 2] = ["_quack/catalog.json", "theirs/precious.parquet"];

#[tokio::test(flavor = "multi_thread")]
async fn forged_answers_are_refused_each_for_its_reason() {
    let lake = Lake::new().await;
    let outside = tempfile::tempdir().unwrap();
    std::fs::write(outside.path().join("precious.parquet"), "precious").unwrap();
    for key in PRECIOUS {
        lake.put(key, b"precious".to_vec()).await;
    }
    let corpus_of_bucket = ANSWERS.replace("{bucket}", &lake.target.bucket.name);
    let cases = corpus::read(&corpus_of_bucket, outside.path());
    let refused = cases.iter().filter(|case| case["refused"].is_string()).count();
    assert!(refused >= 80 && refused < cases.len(), "{refused} of {}", cases.len());
    for mut case in cases {
        let name = case["name"].as_str().unwrap().to_owned();
        // One that hangs shows itself: the test does not end, and this is the last that it says.
        println!("{name}");
        let taken = take(&lake, &mut case).await;
        match case["refused"].as_str() {
            None => drop(taken.unwrap_or_else(|error| panic!("{name}: {error:#}"))),
            Some(reason) => {
                let error = taken.expect_err(&name);
                let told = format!("{error:#}");
                assert!(told.contains(reason), "{name}: {told}");
                assert!(told.len() < 2000 && !told.contains('\u{1b}'), "{name}: {told}");
                let help = error::help(&error).unwrap_or_default();
                assert!(!help.is_empty(), "{name}: {told}");
            }
        }
    }
    for key in PRECIOUS {
        assert_eq!(lake.get(key).await, b"precious", "{key}");
    }
    let precious = outside.path().join("precious.parquet").display().to_string();
    assert_eq!(corpus::names_below(outside.path()), [precious], "a file was written on this machine, or deleted");
}

/// Takes an answer as a query does; gives the number of its rows.
async fn take(lake: &Lake, case: &mut Value) -> Result<usize> {
    let mut bytes = 0;
    if let Some(object) = case.get("object") {
        let body = body(object);
        bytes = body.len() as u64;
        lake.put(object["key"].as_str().unwrap(), body).await;
    }
    let payload = match case.get("raw") {
        Some(raw) => raw.as_str().unwrap().as_bytes().to_vec(),
        None => {
            made::fill(&mut case["answer"], bytes);
            serde_json::to_vec(&case["answer"]).unwrap()
        }
    };
    let expected: Option<Vec<Column>> = serde_json::from_value(case["expected"].clone()).unwrap();
    let result = case["answer"]["data"]["spilled"]["uri"].as_str().unwrap_or_default().to_owned();
    let (metadata, payload) = response::parse(&payload, &result)?;
    let result = match payload {
        Payload::Inline(inline) => match expected {
            Some(expected) => inline.open_as(&expected)?,
            None => inline.open()?,
        },
        Payload::Spilled(spilled) => {
            let file = tempfile::Builder::new().suffix(".parquet").tempfile()?;
            let cancel = CancellationToken::new();
            spill::fetch(&lake.context, &lake.target, &spilled, &mut file.as_file(), &cancel).await?;
            spill::read(file.into_temp_path(), &spilled.cast_back, metadata.columns, metadata.rows)?
        }
    };
    tokio::task::block_in_place(|| count(result))
}

fn count(result: ResultSet) -> Result<usize> {
    result.batches.map(|batch| Ok(batch?.num_rows())).sum()
}

fn body(object: &Value) -> Vec<u8> {
    let Some(sql) = object["parquet"].as_str() else { return object["bytes"].as_str().unwrap().into() };
    let path = tempfile::Builder::new().suffix(".parquet").tempfile().unwrap().into_temp_path();
    let copy = format!("COPY ({sql}) TO '{}' (FORMAT parquet)", path.display());
    duckdb::Connection::open_in_memory().unwrap().execute_batch(&copy).unwrap();
    std::fs::read(&path).unwrap()
}
