//! The page function: answers whoever has the site's address, with pages for those who may look and rows from a cache that is never
//! stale. One request at a time.

mod asked;
mod aws;
mod cache;
mod catalog;
mod door;
mod engine;
mod issued;
mod key;
mod limits;
mod loaded;
mod log;
mod place;
mod provider;
mod request;
mod response;
mod routes;
mod rows;
mod runs;
mod settings;
mod shown;
mod store;
mod together;
mod turn;

use std::cell::RefCell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::ExitCode;
use std::rc::Rc;

use lambda_runtime::{Error, LambdaEvent, Runtime, service_fn};
use serde_json::Value;

use self::request::Request;
use self::response::Response;
use self::routes::Function;
use self::settings::Settings;

fn main() -> ExitCode {
    let settings = match Settings::from_env() {
        Ok(settings) => settings,
        Err(words) => {
            log::line("cannot start", &words);
            return ExitCode::FAILURE;
        }
    };
    let is_behind_edge = settings.is_behind_edge;
    match serve(Function::new(settings), is_behind_edge) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            log::line("cannot go on", &error.to_string());
            ExitCode::FAILURE
        }
    }
}

/// Answers requests until Lambda ends the instance. What it waits for blocks the one thread: there is one request at a time.
fn serve(function: Function, is_behind_edge: bool) -> Result<(), Error> {
    let function = Rc::new(RefCell::new(function));
    let service = service_fn(move |event: LambdaEvent<Value>| {
        let function = Rc::clone(&function);
        async move {
            let response = match Request::of(&event.payload, event.context.deadline) {
                Ok(request) => {
                    let request = if is_behind_edge { request.of_viewer(&event.payload) } else { request };
                    answer(&mut function.borrow_mut(), &request)
                }
                Err(refused) => {
                    log::line("refused", refused.refused.as_deref().unwrap_or_default());
                    refused
                }
            };
            Ok::<_, Error>(response.into_event())
        }
    });
    tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(Runtime::new(service).run())
}

/// A panic is an error of this request, not the end of the instance.
fn answer(function: &mut Function, request: &Request) -> Response {
    let answered = catch_unwind(AssertUnwindSafe(|| function.answer(request)));
    answered.unwrap_or_else(|_| {
        log::line("panicked", &log::path(&request.path));
        Response::error(500, "the page function failed", "whoever runs the site finds in the log why")
    })
}
