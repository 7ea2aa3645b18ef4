//! The Lambda API over HTTP: requests checked and taken apart, answers put together.

use std::pin::pin;
use std::time::{Duration, SystemTime};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http_body_util::{BodyExt, LengthLimitError, Limited};
use hyper::body::Body;
use hyper::http::request::Parts;
use hyper::{Method, Request, Response, StatusCode};
use serde::de::IgnoredAny;
use serde_json::{Value, json};
use tokio::sync::Semaphore;
use tokio::time::timeout;

use super::error::ApiError;
use super::function::{Function, Wish};
use super::host::request_id;
use super::response::{json_response, no_content, ok, set};
use super::service::Lambda;
use super::url_event::Caller;
use super::{sigv4, url};

/// What may go wrong with a body.
type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// The most bytes that a request which is waited for may have.
const PAYLOAD_MAX: usize = 6_291_456;

/// The most bytes that a request which is not waited for may have.
const EVENT_MAX: usize = 1 << 20;

/// The most bytes that a function's definition may have.
const DEFINITION_MAX: usize = 64 << 10;

/// How long a body may take to come: nobody has shown a right signature before it is here.
const BODY_TIME_MAX: Duration = Duration::from_secs(30);

/// Bytes of such bodies that may be in memory at once; more wait, within their time.
const UNCHECKED_MAX: usize = 64 << 20;

/// Bytes that are let go by of a body that is too large; who sends more is cut off.
const DRAINED_MAX: usize = 32 << 20;

/// Room for bodies whose signature is not yet known to be right, in KiB.
static UNCHECKED: Semaphore = Semaphore::const_new(UNCHECKED_MAX >> 10);

/// True for paths of the Lambda API: `/<version of the API>/functions...`.
pub(crate) fn is_lambda(path: &str) -> bool {
    ["/2015-03-31/functions", "/2017-10-31/functions", "/2019-09-30/functions", "/2021-10-31/functions"]
        .iter()
        .filter_map(|prefix| path.strip_prefix(prefix))
        .any(|rest| rest.is_empty() || rest.starts_with('/'))
        || url::parse(path).is_some()
}

impl Lambda {
    /// Answers one request.
    pub(crate) async fn answer(&self, request: Request<impl Body<Data = Bytes, Error = BoxError>>) -> Response<Bytes> {
        let id = request_id();
        let (parts, body) = request.into_parts();
        let mut response = match self.checked(&parts, body, &id).await {
            Ok(response) => response,
            Err(error) => error.into_response(),
        };
        set(&mut response, "x-amzn-requestid", &id);
        response
    }

    async fn checked(
        &self,
        request: &Parts,
        body: impl Body<Data = Bytes, Error = BoxError>,
        id: &str,
    ) -> Result<Response<Bytes>, ApiError> {
        let page = &self.host.page;
        // Its keys are good for one thing alone.
        let is_page = sigv4::key_id(request) == Some(page.keys.access_key_id.as_str());
        let keys = if is_page { &page.keys } else { &self.host.owner };
        let signed = sigv4::precheck(request, keys, "lambda", SystemTime::now())?;
        let most = body_max(request);
        let read = async {
            let length = body.size_hint().upper().unwrap_or(u64::MAX);
            if length > most as u64 && length != u64::MAX {
                drain(body).await;
                return Err(ApiError::request_too_large(most));
            }
            let kib = length.min(most as u64).div_ceil(1024) as u32;
            let room = UNCHECKED.acquire_many(kib).await.map_err(ApiError::service)?;
            let body =
                Limited::new(body, most).collect().await.map_err(|error| match error.is::<LengthLimitError>() {
                    true => ApiError::request_too_large(most),
                    false => ApiError::body_did_not_come(),
                })?;
            let body = body.to_bytes();
            sigv4::verify(&signed, request, &body, keys)?;
            drop(room);
            Ok(body)
        };
        let body = timeout(BODY_TIME_MAX, read).await.unwrap_or_else(|_| Err(ApiError::body_did_not_come()))?;
        let path = request.uri.path();
        if is_page && !is_invocation(request, page.grants.invoke.as_deref()) {
            return Err(ApiError::not_authorized(request.method.as_str(), path));
        }
        if let Some((function, path)) = url::parse(path) {
            return self.by_url(request, function, &path, id, &body).await;
        }
        let unknown = || ApiError::unknown_operation(request.method.as_str(), path);
        let parts: Vec<&str> = path.trim_matches('/').split('/').skip(2).collect();
        let name = |given: &str| function_name(given, request.uri.query());
        match (&request.method, parts.as_slice()) {
            (&Method::GET, []) => Ok(self.list()),
            (&Method::POST, []) => {
                let function = self.create(Function::create(wish(&body)?)?)?;
                Ok(json_response(StatusCode::CREATED, &function.configuration()))
            }
            (&Method::GET, [function]) => Ok(ok(&self.pool(&name(function)?)?.function().description())),
            (&Method::DELETE, [function]) => self.delete(&name(function)?).map(|()| no_content()),
            (&Method::GET, [function, "configuration"]) => {
                Ok(ok(&self.pool(&name(function)?)?.function().configuration()))
            }
            (&Method::PUT, [function, "configuration"]) => {
                let wish = wish(&body)?;
                let function = self.change(&name(function)?, |function| function.update(wish))?;
                Ok(ok(&function.configuration()))
            }
            (&Method::PUT, [function, "code"]) => {
                let image = wish(&body)?.image_uri;
                let function = self.change(&name(function)?, |function| function.update_code(image))?;
                Ok(ok(&function.configuration()))
            }
            (&Method::GET, [function, "concurrency"]) => {
                let concurrency = self.pool(&name(function)?)?.function().concurrency;
                Ok(ok(&concurrency.map_or_else(|| json!({}), |most| json!({ "ReservedConcurrentExecutions": most }))))
            }
            (&Method::PUT, [function, "concurrency"]) => {
                let Some(most) = wish(&body)?.reserved_concurrent_executions else {
                    return Err(ApiError::invalid_parameter("ReservedConcurrentExecutions is missing"));
                };
                self.limit(&name(function)?, Some(most))?;
                Ok(ok(&json!({ "ReservedConcurrentExecutions": most })))
            }
            (&Method::DELETE, [function, "concurrency"]) => self.limit(&name(function)?, None).map(|()| no_content()),
            (&Method::GET, [function, "url"]) => self.url_of(&name(function)?),
            (&Method::POST, [function, "url"]) => {
                let function = self.give_url(&name(function)?, url::wanted(&body)?)?;
                Ok(json_response(StatusCode::CREATED, &url::configuration(&function, &self.host.endpoint)))
            }
            (&Method::DELETE, [function, "url"]) => self.take_url(&name(function)?).map(|()| no_content()),
            (&Method::POST, [function, "invocations"]) => self.invocation(request, &name(function)?, id, body).await,
            _ => Err(unknown()),
        }
    }

    fn list(&self) -> Response<Bytes> {
        let functions: Vec<Value> = self.pools().values().map(|pool| pool.function().configuration()).collect();
        ok(&json!({ "Functions": functions }))
    }

    fn limit(&self, name: &str, most: Option<u32>) -> Result<(), ApiError> {
        self.change(name, |function| {
            function.concurrency = most;
            Ok(())
        })?;
        Ok(())
    }

    fn url_of(&self, name: &str) -> Result<Response<Bytes>, ApiError> {
        let function = self.pool(name)?.function();
        match function.url || function.public_port.is_some() {
            true => Ok(ok(&url::configuration(&function, &self.host.endpoint))),
            false => Err(ApiError::no_url_config(name)),
        }
    }

    fn give_url(&self, name: &str, caller: Caller) -> Result<Function, ApiError> {
        let port = match caller {
            Caller::Owner => None,
            Caller::Anybody => Some(self.open_url(name, 0).map_err(ApiError::service)?),
        };
        self.change(name, |function| {
            function.url = port.is_none();
            function.public_port = port;
            Ok(())
        })
    }

    fn take_url(&self, name: &str) -> Result<(), ApiError> {
        let change = |function: &mut Function| {
            function.url = false;
            function.public_port = None;
            Ok(())
        };
        self.change(name, change)?;
        self.silence(name);
        Ok(())
    }

    async fn invocation(
        &self,
        request: &Parts,
        name: &str,
        id: &str,
        payload: Bytes,
    ) -> Result<Response<Bytes>, ApiError> {
        let header = |name: &str| request.headers.get(name).and_then(|value| value.to_str().ok());
        let payload = if payload.is_empty() { Bytes::from_static(b"{}") } else { payload };
        serde_json::from_slice::<IgnoredAny>(&payload).map_err(|error| ApiError::not_json(&error))?;
        match header("x-amz-invocation-type") {
            None | Some("RequestResponse") => {}
            Some("Event") => {
                self.invoke_later(name, id, payload)?;
                return Ok(json_response(StatusCode::ACCEPTED, &json!({})));
            }
            Some("DryRun") => return self.pool(name).map(|_| no_content()),
            Some(other) => return Err(ApiError::invalid_parameter(format!("unknown InvocationType `{other}`"))),
        }
        let outcome = self.invoke(name, id, payload).await?;
        let mut response = Response::new(outcome.payload);
        set(&mut response, "content-type", "application/json");
        set(&mut response, "x-amz-executed-version", "$LATEST");
        if outcome.failed {
            set(&mut response, "x-amz-function-error", "Unhandled");
        }
        if header("x-amz-log-type") == Some("Tail") {
            set(&mut response, "x-amz-log-result", &STANDARD.encode(outcome.tail));
        }
        Ok(response)
    }
}

/// Whether what is asked for is a run of the function `name`.
fn is_invocation(request: &Parts, name: Option<&str>) -> bool {
    let parts: Vec<&str> = request.uri.path().trim_matches('/').split('/').skip(1).collect();
    match (&request.method, parts.as_slice()) {
        (&Method::POST, ["functions", function, "invocations"]) => {
            name.is_some() && function_name(function, request.uri.query()).ok().as_deref() == name
        }
        _ => false,
    }
}

/// Lets a body go by: a client that still sends does not read, and would find the connection broken.
async fn drain(body: impl Body<Data = Bytes, Error = BoxError>) {
    let mut body = pin!(body);
    let mut gone = 0;
    while gone < DRAINED_MAX
        && let Some(Ok(frame)) = body.frame().await
    {
        gone += frame.data_ref().map_or(0, Bytes::len);
    }
}

/// The most bytes that the request's body may have.
fn body_max(request: &Parts) -> usize {
    let event = request.headers.get("x-amz-invocation-type").is_some_and(|kind| kind == "Event");
    let path = request.uri.path();
    match path.ends_with("/invocations") || url::parse(path).is_some() {
        true if event => EVENT_MAX,
        true => PAYLOAD_MAX,
        false => DEFINITION_MAX,
    }
}

/// The function that a path (a name or an ARN) and a query (`Qualifier`) point at.
fn function_name(given: &str, query: Option<&str>) -> Result<String, ApiError> {
    let given = given.replace("%3A", ":").replace("%3a", ":").replace("%24", "$");
    let name = match given.strip_prefix("arn:aws:lambda:") {
        Some(rest) => rest.splitn(4, ':').nth(3).unwrap_or_default(),
        None => &given,
    };
    let (name, version) = name.split_once(':').unwrap_or((name, "$LATEST"));
    let qualifier = query.unwrap_or_default().split('&').find_map(|pair| pair.strip_prefix("Qualifier="));
    let version = qualifier.map_or_else(|| version.to_owned(), |qualifier| qualifier.replace("%24", "$"));
    if version != "$LATEST" {
        return Err(ApiError::function_not_found(&format!("{}:{version}", super::function::arn(name))));
    }
    Ok(name.to_owned())
}

fn wish(body: &[u8]) -> Result<Wish, ApiError> {
    serde_json::from_slice(body).map_err(|error| ApiError::not_json(&error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn functions_go_by_name_and_by_arn() {
        let arn = "arn%3Aaws%3Alambda%3Aus-east-1%3A000000000000%3Afunction%3Aquack";
        for given in ["quack", "quack:$LATEST", "quack%3A%24LATEST", arn] {
            assert_eq!(function_name(given, Some("Qualifier=%24LATEST")).unwrap(), "quack", "{given}");
        }
        assert!(function_name("quack:1", None).is_err());
        assert!(function_name("quack", Some("Qualifier=live")).is_err());
    }

    #[test]
    fn buckets_are_not_functions() {
        assert!(is_lambda("/2015-03-31/functions/"));
        assert!(is_lambda("/2015-03-31/functions/f/invocations"));
        assert!(!is_lambda("/2015-03-31/functions-of-state/object"));
        assert!(!is_lambda("/bucket/2015-03-31/functions"));
    }
}
