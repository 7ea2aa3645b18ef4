//! Answers that are more than a response holds: where all of one is, and what a browser asks for the rest of it with.

use argon2::password_hash::rand_core::{OsRng, RngCore as _};
use chrono::Utc;
use quack_page::signed::{Key, Signed};
use serde::{Deserialize, Serialize};

use crate::log;
use crate::response::Response;
use crate::store::Store;

/// Most bytes of rows in a response: base64 of it goes into the 6 MB that Lambda answers with.
pub(crate) const PART_BYTES: usize = 4 << 20;

/// How long the rest may be asked for, seconds.
const LASTS_S: i64 = 60 * 60;

/// Where an answer is: a piece of an object, as it was when it had that entity tag.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Place {
    /// Its name in the cache.
    pub object: String,
    pub tag: String,
    /// Where the answer begins in it, and its size.
    pub from: u64,
    pub bytes: u64,
}

impl Place {
    /// A name that nobody guesses.
    pub(crate) fn unnamed() -> String {
        let mut bytes = [0; 32];
        OsRng.fill_bytes(&mut bytes);
        bytes.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// How many parts it has, of which the first is handed out with the answer.
    pub(crate) fn parts(&self) -> u64 {
        self.bytes.div_ceil(PART_BYTES as u64)
    }
}

/// What says that somebody may have the rest of an answer.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Rest {
    pub user: String,
    pub page: String,
    /// As it was asked for, with what it ends in.
    pub query: String,
    pub place: Place,
    /// Seconds since the Unix epoch.
    expires: i64,
}

impl Signed for Rest {
    const KIND: &'static str = "rest";
}

impl Rest {
    pub(crate) fn new(user: &str, page: &str, query: &str, place: Place) -> Self {
        let expires = Utc::now().timestamp() + LASTS_S;
        Self { user: user.to_owned(), page: page.to_owned(), query: query.to_owned(), place, expires }
    }

    /// The same of a text, if it is one that was handed to this user for this query.
    pub(crate) fn of(key: &Key, text: &str, user: &str, page: &str, query: &str) -> Option<Self> {
        let rest = key.verified::<Self>(text)?;
        let is_theirs = rest.user == user && rest.page == page && rest.query == query;
        (is_theirs && Utc::now().timestamp() < rest.expires).then_some(rest)
    }

    /// A part of it, of which the first is 1.
    pub(crate) fn part(&self, store: &Store<'_>, folder: &str, part: &str) -> Response {
        let place = &self.place;
        let wanted = part.parse::<u64>().ok().filter(|part| (1..=place.parts()).contains(part));
        let Some(part) = wanted else {
            return Response::error(404, "the answer has no such part", "load the page again");
        };
        let from = (part - 1) * PART_BYTES as u64;
        let bytes = (place.bytes - from).min(PART_BYTES as u64);
        match store.piece(&format!("{folder}{}", place.object), place.from + from, bytes) {
            Ok(Some(piece)) if piece.tag == place.tag && piece.body.len() as u64 == bytes => {
                Response::of(200, "application/octet-stream", piece.body)
            }
            Ok(_) => Response::error(410, "the answer is another one by now", "load the page again"),
            Err(words) => {
                log::line("the cache cannot be used", &words);
                Response::error(502, "the cache cannot be used", "try again in a moment")
            }
        }
    }
}
