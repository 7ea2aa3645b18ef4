//! Lines of the function's log, each a JSON object.

use std::io::{self, Write as _};

use serde_json::json;

/// Longest text of a line, characters.
const LONGEST: usize = 300;

/// Longest part of a path that is told, characters: as the names of pages and queries.
const LONGEST_PART: usize = 64;

/// What was done or refused for a request.
#[derive(Debug, Default)]
pub(crate) struct Entry<'a> {
    pub what: &'a str,
    pub status: u16,
    pub user: &'a str,
    pub address: &'a str,
    pub path: &'a str,
    pub words: &'a str,
    pub usd: Option<f64>,
}

impl Entry<'_> {
    pub(crate) fn write(&self) {
        let Self { what, status, user, address, path, words, usd } = self;
        let (user, path, words) = (cut(user), cut(path), cut(words));
        let line = json!({
            "quackPage": env!("CARGO_PKG_VERSION"), "what": what, "status": status, "user": user, "address": cut(address),
            "path": path, "words": words, "usd": usd,
        });
        written(&line.to_string());
    }
}

/// What happened that is about no request.
pub(crate) fn line(what: &str, words: &str) {
    written(&json!({ "quackPage": env!("CARGO_PKG_VERSION"), "what": what, "words": cut(words) }).to_string());
}

/// Whoever asked gets an answer also where nobody takes the line.
fn written(line: &str) {
    _ = writeln!(io::stdout().lock(), "{line}");
}

/// Secrets that stand in addresses are no part of a line: links to come in and the rest of an answer have long ones, wherever it is.
pub(crate) fn path(path: &str) -> String {
    let parts = path.split('/').map(|part| match part.char_indices().nth(LONGEST_PART) {
        None => part.to_owned(),
        Some(_) => "...".to_owned(),
    });
    parts.collect::<Vec<_>>().join("/")
}

fn cut(text: &str) -> String {
    text.chars().take(LONGEST).collect()
}
