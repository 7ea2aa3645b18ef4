//! One run of a query by the engine's function, which finds the lake's tables by itself.

use std::hash::{BuildHasher as _, RandomState};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use percent_encoding::utf8_percent_encode;
use quack_function::wire::{
    Column, Encoding, Event, PAYLOAD_LIMIT_BYTES, Params, ROWS, Response, STREAM, Spill, Spilled, TableDef, Who,
};
use quack_page::form::{Form, MOST_BYTES};
use quack_page::{shared, site};
use serde::{Deserialize, Serialize};
use ureq::http::Method;

use crate::aws::{Aws, Reply, Service};
use crate::log;
use crate::rows::{self, Unfit};
use crate::store::{Found, PLAIN, Store};

/// Most rows that are shown on a page.
const MOST_ROWS: u64 = 100_000;

/// How much more than its rows a spilled stream is.
const SPARE_BYTES: u64 = 1 << 10;

/// No number of a REPORT line comes near: a function runs for a quarter of an hour at most.
const MOST: f64 = 1e9;

/// The rows of a query, and what they took.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Answer {
    pub rows: u64,
    pub ms: f64,
    #[serde(default)]
    pub usd: Option<f64>,
    pub truncated: bool,
    /// The rows, in the form that was asked for.
    #[serde(skip)]
    pub body: Vec<u8>,
}

/// Why there are no rows, for whoever asked.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Failed {
    pub status: u16,
    pub words: String,
    #[serde(default)]
    pub hint: String,
    /// What it cost all the same.
    #[serde(default)]
    pub usd: Option<f64>,
}

impl Failed {
    pub(crate) fn new(status: u16, words: impl Into<String>, hint: &str) -> Self {
        Self { status, words: words.into(), hint: hint.to_owned(), usd: None }
    }
}

/// What is run, for whom.
#[derive(Clone, Copy)]
pub(crate) struct Run<'a> {
    pub sql: &'a str,
    /// Rows of other queries that it reads.
    pub tables: &'a [TableDef],
    pub wanted: Wanted,
    pub params: &'a Params,
    pub user: &'a str,
    /// Page and name of the query.
    pub query: &'a str,
}

/// What is wanted of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wanted {
    Rows(Form),
    /// A file that other queries read, and what is told of it: a [`File`].
    File,
}

/// A file of rows, among the engine's results.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct File {
    /// Its address.
    pub uri: String,
    pub bytes: u64,
    pub columns: Vec<Column>,
}

/// The function that runs queries.
pub(crate) struct Engine<'a> {
    pub aws: &'a Aws,
    pub lambda_url: &'a str,
    pub function: &'a str,
    /// Where it puts what is more than a response holds.
    pub store: Store<'a>,
    pub bucket: &'a str,
    pub prices: &'a site::Engine,
}

impl Engine<'_> {
    /// Runs a query once, and waits `patience` for it.
    ///
    /// # Errors
    /// Whatever goes wrong, in words.
    pub(crate) fn run(&self, run: &Run<'_>, patience: Duration) -> Result<Answer, Failed> {
        let function = utf8_percent_encode(self.function, PLAIN);
        let url = format!("{}/2015-03-31/functions/{function}/invocations", self.lambda_url);
        let event = serde_json::to_vec(&event(run)).unwrap_or_default();
        if event.len() > PAYLOAD_LIMIT_BYTES {
            return Err(Failed::new(
                413,
                "the query and its values are more than the engine takes",
                "choose fewer values",
            ));
        }
        let headers = [("content-type", "application/json"), ("x-amz-log-type", "Tail")];
        let reply = self.aws.send(Service::Lambda, Method::POST, &url, &headers, &event, patience);
        let reply = reply.map_err(|error| {
            Failed::new(504, format!("the engine did not answer: {error}"), "try again in a moment")
        })?;
        let usd = reply.header("x-amz-log-result").and_then(|log| self.usd(log));
        self.answer(run.wanted, &reply)
            .map(|answer| Answer { usd, ..answer })
            .map_err(|failed| Failed { usd, ..failed })
    }

    /// What Lambda's own account of the run, the last REPORT line of a log, comes to.
    fn usd(&self, log: &str) -> Option<f64> {
        let log = STANDARD.decode(log).ok()?;
        let log = String::from_utf8_lossy(&log);
        let line = log.lines().rev().find(|line| line.starts_with("REPORT "))?;
        let field = |name: &str| {
            let rest = line.split('\t').find_map(|part| part.trim().strip_prefix(name))?;
            let number = rest.strip_prefix(':')?.split_whitespace().next()?.parse::<f64>().ok()?;
            // What runs in the function can write such a line, too.
            (0.0..MOST).contains(&number).then_some(number)
        };
        let gb_seconds = field("Billed Duration")? / 1000.0 * field("Memory Size")? / 1024.0;
        Some(gb_seconds * self.prices.gb_second_usd + self.prices.request_usd)
    }

    /// What the function says, or why it says nothing.
    fn answer(&self, wanted: Wanted, reply: &Reply) -> Result<Answer, Failed> {
        match reply.status {
            200 => {}
            429 => return Err(Failed::new(429, "the engine is at its limit of runs at once", "try again in a moment")),
            status => {
                return Err(Failed::new(502, format!("the engine cannot be called: Lambda answers {status}"), ""));
            }
        }
        if reply.header("x-amz-function-error").is_some() {
            return Err(Failed::new(422, failure(&reply.body), ""));
        }
        let response: Response = serde_json::from_slice(&reply.body)
            .map_err(|error| Failed::new(502, format!("the engine's answer cannot be read: {error}"), ""))?;
        let metadata = response.metadata;
        let bytes = |form| match (&response.data.spilled, &response.data.arrow) {
            (Some(spilled), _) => self.spilled(form, spilled),
            (None, arrow) => Ok(arrow.as_ref().and_then(|arrow| STANDARD.decode(arrow).ok()).unwrap_or_default()),
        };
        let (body, rows) = match wanted {
            Wanted::Rows(form @ Form::Arrow) => rows::plain(bytes(form)?),
            Wanted::Rows(form @ Form::Csv) => rows::text(bytes(form)?),
            Wanted::Rows(form @ Form::Parquet) => Ok((bytes(form)?, metadata.rows)),
            Wanted::File => {
                let spilled = response.data.spilled.as_ref().ok_or_else(|| unknown("there is no file of them"))?;
                self.key(Form::Parquet, &spilled.uri)?;
                let file = File { uri: spilled.uri.clone(), bytes: spilled.bytes, columns: metadata.columns };
                Ok((serde_json::to_vec(&file).unwrap_or_default(), metadata.rows))
            }
        }
        .map_err(|unfit| match unfit {
            Unfit::TooMany => too_many(),
            Unfit::Wrong(words) => Failed::new(422, format!("the rows cannot be shown: {words}"), ""),
        })?;
        Ok(Answer { rows, ms: metadata.time_ms as f64, usd: None, truncated: metadata.truncated, body })
    }

    /// What the engine put into the bucket.
    fn spilled(&self, form: Form, spilled: &Spilled) -> Result<Vec<u8>, Failed> {
        if spilled.bytes > MOST_BYTES as u64 + SPARE_BYTES {
            return Err(too_many());
        }
        match self.store.get(self.key(form, &spilled.uri)?, None) {
            Ok(Found::Object(object)) => Ok(object.body),
            Ok(_) => Err(unknown("they are not there")),
            Err(words) => {
                log::line("a result cannot be read", &words);
                Err(unknown("S3 does not give them"))
            }
        }
    }

    /// The key of what the engine says that it put into the bucket.
    fn key<'u>(&self, form: Form, uri: &'u str) -> Result<&'u str, Failed> {
        // Nothing else that this function may read is called so.
        let name = if form == Form::Parquet { ROWS } else { STREAM };
        let key = uri.strip_prefix("s3://").and_then(|rest| rest.strip_prefix(self.bucket)?.strip_prefix('/'));
        let key = key.filter(|key| key.rsplit_once('/').is_some_and(|(_, last)| last == name));
        key.ok_or_else(|| unknown("it names another object than a result's"))
    }
}

fn unknown(words: &str) -> Failed {
    Failed::new(502, format!("the engine's rows cannot be read: {words}"), "")
}

fn too_many() -> Failed {
    let words = format!("the rows are more than {} MiB, and a page takes no more", MOST_BYTES >> 20);
    Failed::new(422, words, "ask for fewer rows, or fewer columns")
}

fn event(run: &Run<'_>) -> Event {
    let (limit, spill) = match run.wanted {
        Wanted::Rows(Form::Arrow) => (Some(MOST_ROWS), Spill::Stream),
        // A file that is saved is whole, or none.
        Wanted::Rows(Form::Csv) => (None, Spill::Stream),
        Wanted::Rows(Form::Parquet) => (None, Spill::Always),
        Wanted::File => (Some(shared::MOST_ROWS), Spill::Always),
    };
    Event {
        q: run.sql.to_owned(),
        limit,
        all: limit.is_none(),
        format: Encoding::Arrow,
        spill,
        tables: run.tables.to_vec(),
        views: Vec::new(),
        into: None,
        params: run.params.clone(),
        result: None,
        who: Who {
            user: run.user.to_owned(),
            application: "quackctl dash".to_owned(),
            // A run's own; `quackctl history` reads of which query of a page it was behind the id, and the log cuts what is long.
            query: format!("{:016x}/{}", RandomState::new().hash_one(run.query), run.query),
            sql: None,
        },
    }
}

/// The words of Lambda's error.
fn failure(body: &[u8]) -> String {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Failure {
        error_message: String,
    }
    match serde_json::from_slice::<Failure>(body) {
        Ok(Failure { error_message }) => error_message.chars().take(4000).collect(),
        Err(_) => "the engine failed and does not say why".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_carries_values_and_who_asks_and_no_tables() {
        let params = Params::from([("day".to_owned(), Some("2019-04-01".to_owned()))]);
        let wanted = Wanted::Rows(Form::Arrow);
        let run = Run { sql: "SELECT $day", tables: &[], wanted, params: &params, user: "ann", query: "trips/by_zone" };
        let sent = serde_json::to_value(event(&run)).unwrap();
        assert_eq!((&sent["q"], &sent["params"]["day"]), (&"SELECT $day".into(), &"2019-04-01".into()));
        assert_eq!((&sent["who"]["user"], &sent["who"]["application"]), (&"ann".into(), &"quackctl dash".into()));
        let [one, other] =
            [&sent, &serde_json::to_value(event(&run)).unwrap()].map(|sent| sent["who"]["query"].clone());
        assert!(one.as_str().unwrap().ends_with("/trips/by_zone") && one != other, "{one}, {other}");
        assert!(sent.get("tables").is_none() && sent["limit"].as_u64() == Some(MOST_ROWS));
        assert_eq!(sent["spill"], "stream");
        let sent = serde_json::to_value(event(&Run { wanted: Wanted::Rows(Form::Parquet), ..run })).unwrap();
        assert_eq!((&sent["spill"], &sent["all"]), (&"always".into(), &true.into()));
    }

    #[test]
    fn the_words_of_an_error_are_the_engines() {
        assert_eq!(failure(br#"{"errorType": "x", "errorMessage": "no such table"}"#), "no such table");
        assert!(failure(b"[").contains("does not say why") && failure("é".repeat(9000).as_bytes()).len() < 100);
    }
}
