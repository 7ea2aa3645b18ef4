//! Lambda's Runtime API, as much of it as an instance uses.

use serde_json::Value;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// Longest that a test waits for an answer.
const PATIENCE: Duration = Duration::from_secs(120);

/// A server that hands out events one by one and collects what comes back.
pub struct RuntimeApi {
    pub address: String,
    events: Sender<String>,
    replies: Receiver<Result<Value, Value>>,
}

impl RuntimeApi {
    pub fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let (events, next_events) = channel();
        let (reply, replies) = channel();
        let next_events = Arc::new(Mutex::new(next_events));
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (next_events, reply) = (Arc::clone(&next_events), reply.clone());
                std::thread::spawn(move || serve(&stream, &next_events, &reply));
            }
        });
        Self { address, events, replies }
    }

    /// Hands out `event` and waits for the answer.
    pub fn invoke(&self, event: &str) -> Result<Value, Value> {
        self.events.send(event.to_owned()).unwrap();
        self.reply()
    }

    /// Waits for what the instance reports.
    pub fn reply(&self) -> Result<Value, Value> {
        self.replies.recv_timeout(PATIENCE).expect("an answer from the function")
    }
}

/// Serves one connection until the instance closes it. `None` ends it.
fn serve(stream: &TcpStream, events: &Mutex<Receiver<String>>, reply: &Sender<Result<Value, Value>>) -> Option<()> {
    stream.set_nodelay(true).ok()?;
    let mut reader = BufReader::new(stream);
    loop {
        let (path, body) = request(&mut reader)?;
        let answer = if path.ends_with("/invocation/next") {
            let event = events.lock().ok()?.recv().ok()?;
            format!(
                "HTTP/1.1 200 OK\r\nLambda-Runtime-Aws-Request-Id: 8476a536-e9f4-11e8-9739-2dfe598c3fcd\r\n\
                 Lambda-Runtime-Deadline-Ms: 4102444800000\r\nLambda-Runtime-Invoked-Function-Arn: arn:aws:lambda:::quack\r\n\
                 Content-Length: {}\r\n\r\n{event}",
                event.len()
            )
        } else {
            let body = serde_json::from_slice(&body).unwrap_or(Value::Null);
            let answer = if path.ends_with("/response") { Ok(body) } else { Err(body) };
            reply.send(answer).ok()?;
            "HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n".to_owned()
        };
        (&mut &*stream).write_all(answer.as_bytes()).ok()?;
    }
}

/// Reads a request: its path and its body.
fn request(reader: &mut impl BufRead) -> Option<(String, Vec<u8>)> {
    let mut line = String::new();
    reader.read_line(&mut line).ok().filter(|read| *read > 0)?;
    let path = line.split(' ').nth(1)?.to_owned();
    let (mut length, mut chunked) = (0, false);
    loop {
        let mut header = String::new();
        reader.read_line(&mut header).ok()?;
        let header = header.trim().to_ascii_lowercase();
        if header.is_empty() {
            break;
        }
        if let Some(value) = header.strip_prefix("content-length:") {
            length = value.trim().parse().ok()?;
        }
        chunked |= header == "transfer-encoding: chunked";
    }
    let mut body = Vec::new();
    while chunked {
        let mut size = String::new();
        reader.read_line(&mut size).ok()?;
        let size = u64::from_str_radix(size.trim(), 16).ok()?;
        reader.take(size).read_to_end(&mut body).ok()?;
        reader.read_line(&mut String::new()).ok()?;
        chunked = size > 0;
    }
    reader.take(length).read_to_end(&mut body).ok()?;
    Some((path, body))
}
