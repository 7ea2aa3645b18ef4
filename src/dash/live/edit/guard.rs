//! Who may have something done: the editor's own script, and nothing that another site has a browser send.

use std::time::Duration;

use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use hyper::header::{CONTENT_TYPE, ORIGIN};
use hyper::{Request, StatusCode};
use serde::de::DeserializeOwned;
use subtle::ConstantTimeEq as _;
use tokio::time::timeout;

use super::super::response::{self, Refusal};

/// Most bytes of a request.
const MOST_BYTES: usize = 1 << 20;

/// Most that is taken in of one that has more.
const MOST_TAKEN: usize = 16 * MOST_BYTES;

/// How long one may take to come.
const PATIENCE: Duration = Duration::from_secs(30);

/// The header that has the token of the server's run, which only a page of its own can read.
const TOKEN: &str = "quack-token";

/// What is asked, of a request that the editor's script sent. `Host` is ours, and `Origin`, where there is one: that was looked at before.
///
/// # Errors
/// The answer to what is no such request.
pub(super) async fn asked<T: DeserializeOwned>(request: Request<Incoming>, token: &str) -> Result<T, Refusal> {
    let header = |name: &str| {
        let mut all = request.headers().get_all(name).iter();
        all.next().filter(|_| all.next().is_none()).and_then(|value| value.to_str().ok())
    };
    let refused = |status, words: &str| Box::new(response::error(status, words, ""));
    let site = header("sec-fetch-site");
    if site != Some("same-origin") && (site.is_some() || header(ORIGIN.as_str()).is_none()) {
        return Err(refused(StatusCode::FORBIDDEN, "only the editor's own page may ask for this"));
    }
    if !header(TOKEN).is_some_and(|given| bool::from(given.as_bytes().ct_eq(token.as_bytes()))) {
        let words = "this page is of another run of `quackctl dash`";
        let hint = "copy what you wrote, and load the page again";
        return Err(Box::new(response::error(StatusCode::FORBIDDEN, words, hint)));
    }
    let is_json = |kind: &str| kind.split(';').next().is_some_and(|kind| kind.trim() == "application/json");
    if !header(CONTENT_TYPE.as_str()).is_some_and(is_json) {
        return Err(refused(StatusCode::UNSUPPORTED_MEDIA_TYPE, "what is asked comes as application/json"));
    }
    let body = match timeout(PATIENCE, read(request.into_body())).await {
        Err(_) => Err(refused(StatusCode::REQUEST_TIMEOUT, "what is asked did not come in time")),
        Ok(None) => Err(refused(StatusCode::BAD_REQUEST, "what is asked did not come whole")),
        Ok(Some(body)) if body.len() > MOST_BYTES => {
            let words = format!("what is asked is more than {MOST_BYTES} bytes");
            Err(refused(StatusCode::PAYLOAD_TOO_LARGE, &words))
        }
        Ok(Some(body)) => Ok(body),
    };
    let understood = serde_json::from_slice(&body?);
    understood.map_err(|error| refused(StatusCode::BAD_REQUEST, &format!("what is asked is not understood: {error}")))
}

/// A body, or as much as is more than may be kept of one; nothing of one that breaks off. What is too much is taken in, up to a bound: who is not done with sending
/// does not read an answer.
async fn read(mut body: Incoming) -> Option<Vec<u8>> {
    let (mut kept, mut came) = (Vec::new(), 0);
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame.ok()?.into_data() else { continue };
        came += data.len();
        if kept.len() <= MOST_BYTES {
            kept.extend_from_slice(&data);
        }
        if came > MOST_TAKEN {
            break;
        }
    }
    Some(kept)
}
