//! AWS Lambda's API over processes of this machine.

mod api;
mod child;
mod disk;
mod error;
mod function;
mod hold;
mod host;
mod instance;
mod logs;
mod peer;
mod pool;
mod public;
mod response;
mod runtime_api;
mod service;
mod sigv4;
mod url;
mod url_event;

pub(super) use self::api::is_lambda;
pub(super) use self::function::exists;
pub(super) use self::host::{ENGINE_ROLE, Host, PAGE_ROLE, log_file};
pub(super) use self::service::Lambda;
