//! A server in the place of Lambda's: it records the events that it is sent, and answers as the engine does.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use arrow::array::{ArrayRef, Int64Array, RecordBatch};
use arrow::datatypes::{DataType, Field, Schema};
use arrow_ipc::CompressionType;
use arrow_ipc::writer::{IpcWriteOptions, StreamWriter};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

/// How it answers.
#[derive(Debug, Clone)]
pub(crate) enum Way {
    /// With so many rows, after some time.
    Rows(i64, Duration),
    /// With a result that was spilled to that address, and is said to be of so many bytes.
    Spilled(String, u64),
    /// Rows for a page in the response; those that are always a file are one of so many bytes and take so many milliseconds, unless these
    /// are words.
    Files(Result<(u64, u64), &'static str>),
    /// As a function that fails, with these words.
    Fails(&'static str),
    /// The same after some time.
    FailsAfter(&'static str, Duration),
    /// With this status, and no function's answer.
    Status(u16),
}

/// The server; its port ends with the process.
pub(crate) struct Lambda {
    pub endpoint: String,
    sent: Arc<Mutex<Vec<Value>>>,
    way: Arc<Mutex<Way>>,
}

impl Lambda {
    pub(crate) fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        let (sent, way) = (Arc::default(), Arc::new(Mutex::new(Way::Rows(3, Duration::ZERO))));
        let server = Self { endpoint, sent: Arc::clone(&sent), way: Arc::clone(&way) };
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (sent, way) = (Arc::clone(&sent), Arc::clone(&way));
                std::thread::spawn(move || while serve(&stream, &sent, &way).is_some() {});
            }
        });
        server
    }

    /// The events so far.
    pub(crate) fn sent(&self) -> Vec<Value> {
        self.sent.lock().unwrap().clone()
    }

    pub(crate) fn answers(&self, way: Way) {
        *self.way.lock().unwrap() = way;
    }
}

/// Answers one request of a connection; nothing ends it.
fn serve(stream: &TcpStream, sent: &Mutex<Vec<Value>>, way: &Mutex<Way>) -> Option<()> {
    let mut reader = BufReader::new(stream);
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        reader.read_line(&mut head).ok().filter(|read| *read > 0)?;
    }
    let head = head.to_ascii_lowercase();
    assert!(
        head.starts_with("post /2015-03-31/functions/quack/invocations ")
            && head.contains("authorization: aws4-hmac-sha256")
    );
    let length = head.lines().find_map(|line| line.strip_prefix("content-length:")).unwrap().trim().parse().unwrap();
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    let event: Value = serde_json::from_slice(&body).unwrap();
    let is_file = event["spill"] == "always";
    sent.lock().unwrap().push(event);
    let way = way.lock().unwrap().clone();
    let (status, more, body) = match way {
        Way::Rows(rows, pause) => {
            std::thread::sleep(pause);
            (200, "", response(rows).to_string())
        }
        Way::Spilled(uri, bytes) => {
            let mut response = response(3);
            response["data"] = json!({ "spilled": { "uri": uri, "bytes": bytes } });
            (200, "", response.to_string())
        }
        Way::Files(Ok((bytes, ms))) if is_file => {
            let mut response = response(3);
            response["metadata"]["timeMs"] = json!(ms);
            let uri = "s3://lake/_quack/results/1/rows.parquet";
            response["data"] = json!({ "spilled": { "uri": uri, "bytes": bytes } });
            (200, "", response.to_string())
        }
        Way::Files(Err(words)) if is_file => failure(words),
        Way::Files(_) => (200, "", response(3).to_string()),
        Way::Fails(words) => failure(words),
        Way::FailsAfter(words, pause) => {
            std::thread::sleep(pause);
            failure(words)
        }
        Way::Status(status) => (status, "", "{}".to_owned()),
    };
    let report = "REPORT RequestId: 1\tDuration: 99.5 ms\tBilled Duration: 100 ms\tMemory Size: 1024 MB\tMax Memory Used: 50 MB\t\n";
    let head = format!(
        "HTTP/1.1 {status} x\r\nContent-Length: {}\r\n{more}X-Amz-Log-Result: {}\r\n\r\n",
        body.len(),
        STANDARD.encode(report)
    );
    let mut out = stream;
    out.write_all(head.as_bytes()).ok()?;
    out.write_all(body.as_bytes()).ok()
}

fn failure(words: &str) -> (u16, &'static str, String) {
    let body = json!({ "errorType": "DuckDB.BinderError", "errorMessage": words });
    (200, "X-Amz-Function-Error: Unhandled\r\n", body.to_string())
}

fn response(rows: i64) -> Value {
    let schema = Arc::new(Schema::new(vec![Field::new("n", DataType::Int64, true)]));
    let options = IpcWriteOptions::default().try_with_compression(Some(CompressionType::LZ4_FRAME)).unwrap();
    let mut writer = StreamWriter::try_new_with_options(Vec::new(), &schema, options).unwrap();
    let column: ArrayRef = Arc::new(Int64Array::from_iter_values(0..rows));
    writer.write(&RecordBatch::try_new(schema, vec![column]).unwrap()).unwrap();
    let arrow = STANDARD.encode(writer.into_inner().unwrap());
    json!({
        "metadata": { "timeMs": 42, "epochMs": 1, "eventId": "1", "query": "", "warm": true, "rows": rows, "bytes": 1,
            "truncated": false, "engine": "v1.5.5", "initMs": 1.5, "columns": [{ "name": "n", "type": "BIGINT" }] },
        "data": { "arrow": arrow },
    })
}
