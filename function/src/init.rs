//! Failures before the first invocation, reported to Lambda's Runtime API.

use quack_function::engine::Failure;
use std::env;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::process::ExitCode;
use std::time::Duration;

/// Longest wait for the Runtime API's answer before the process ends.
const ANSWER_WITHIN: Duration = Duration::from_secs(5);

/// Reports `failure` as Lambda's initialization error and to the log, and returns the process's exit code.
pub(crate) fn report(failure: &Failure) -> ExitCode {
    eprintln!("{failure}");
    if let Ok(address) = env::var("AWS_LAMBDA_RUNTIME_API")
        && let Err(error) = post(&address, failure)
    {
        eprintln!("the Runtime API at {address} did not take the error: {error}");
    }
    ExitCode::FAILURE
}

fn post(address: &str, failure: &Failure) -> std::io::Result<()> {
    let body =
        serde_json::json!({ "errorType": failure.error_type, "errorMessage": failure.message, "stackTrace": [] });
    let body = body.to_string();
    let mut stream = TcpStream::connect(address)?;
    write!(
        stream,
        "POST /2018-06-01/runtime/init/error HTTP/1.1\r\nHost: {address}\r\nContent-Type: application/json\r\n\
         Lambda-Runtime-Function-Error-Type: {}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
        failure.error_type,
        body.len(),
    )?;
    // The answer says nothing of use, but when it begins the request has been read, and the process may end.
    stream.set_read_timeout(Some(ANSWER_WITHIN))?;
    stream.read(&mut [0; 64]).map(drop)
}
