//! The Lambda function: answers SQL over a data lake, one invocation at a time.

mod calls;
mod files;
mod handler;
mod init;
mod network;
mod process;

use handler::Handler;
use lambda_runtime::tower::util::MapRequestLayer;
use lambda_runtime::{Error, LambdaEvent, LambdaInvocation, Runtime, service_fn};
use quack_function::engine::{Engine, Failure, Settings};
use std::cell::RefCell;
use std::process::ExitCode;
use std::rc::Rc;
use std::time::Instant;

fn main() -> ExitCode {
    let started = Instant::now();
    let settings = Settings::from_env();
    network::confine(settings.as_ref().ok());
    process::hide_keys();
    process::close_memory();
    // Before DuckDB has threads: it holds for those that are started after it.
    if let Ok(settings) = &settings {
        files::confine(settings);
    }
    let engine = match settings.and_then(Engine::open) {
        Ok(engine) => engine,
        Err(failure) => return init::report(&failure),
    };
    calls::give_up();
    match serve(Handler::new(engine, started.elapsed())) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => init::report(&Failure::new("Quack.RuntimeError", error.to_string())),
    }
}

/// Answers invocations until Lambda ends the instance. DuckDB's work blocks the one thread: there is one invocation
/// at a time, and DuckDB has threads of its own.
fn serve(handler: Handler) -> Result<(), Error> {
    let handler = Rc::new(RefCell::new(handler));
    let service = service_fn(move |event: LambdaEvent<String>| {
        let handler = Rc::clone(&handler);
        async move { handler.borrow_mut().handle(&event) }
    });
    let runtime = Runtime::new(service).layer(MapRequestLayer::new(as_json_string));
    tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(runtime.run())
}

/// Hands the event's text to the handler as it came: the runtime takes only JSON, and an event that is not deserves an
/// answer that says so.
fn as_json_string(mut invocation: LambdaInvocation) -> LambdaInvocation {
    let text = String::from_utf8_lossy(&invocation.body);
    invocation.body = serde_json::Value::from(text).to_string().into();
    invocation
}
