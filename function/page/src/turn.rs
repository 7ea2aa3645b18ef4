//! Whose turn it is to run a query: one runs, and says so by an object that stands beside where its answer will be; others wait for it.

use std::hash::{BuildHasher as _, RandomState};
use std::time::Duration;

use chrono::Utc;
use serde::{Deserialize, Serialize};

use crate::engine::Failed;
use crate::log;
use crate::store::{Found, Store, When};

/// How far clocks of instances may be apart, and a run may outlast the engine's time, milliseconds.
pub(crate) const SPARE_MS: i64 = 10_000;

/// The status of what is refused to one alone, as it is their budget that is spent.
const OWN: u16 = 402;

/// What stands for a run while it goes on, and why it failed.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Claim {
    /// Milliseconds since the Unix epoch.
    began: i64,
    /// What tells it from others.
    #[serde(default)]
    by: u64,
    #[serde(default)]
    failed: Option<(i64, Failed)>,
}

/// What became of asking for a run.
pub(crate) enum Turn {
    Ours,
    /// Another's, which has gone on for so long.
    Theirs(Duration),
    Failed(Failed),
}

/// Who asks for a run.
pub(crate) struct Asker {
    /// Since when, milliseconds since the Unix epoch: of what failed before that, nothing is told.
    pub since: i64,
    /// When the answer was made that there is, and that holds no longer.
    pub old: Option<i64>,
    /// Another was seen to run it: who looks first writes less.
    pub looks: bool,
}

/// The runs of one key.
pub(crate) struct Turns<'a> {
    pub store: Store<'a>,
    /// Key of the object.
    pub place: String,
    /// The longest that the engine takes.
    pub timeout: Duration,
}

impl Turns<'_> {
    /// Asks for the run. One whose runner has not said in time what became of it is taken over.
    ///
    /// # Errors
    /// A store that does not answer.
    pub(crate) fn take(&self, asker: &Asker) -> Result<Turn, String> {
        let (own, at) = (RandomState::new().hash_one(&self.place), now());
        let ours = json(&Claim { began: at, by: own, failed: None });
        let look = || {
            Ok::<_, String>(match self.store.get(&self.place, None)? {
                Found::Object(object) => Some(object),
                _ => None,
            })
        };
        let mut found = if asker.looks { look()? } else { None };
        if found.is_none() {
            if self.store.put(&self.place, &ours, When::Absent)?.is_some() {
                return Ok(Turn::Ours);
            }
            found = look()?;
        }
        let Some(object) = found else { return Ok(Turn::Theirs(Duration::ZERO)) };
        if let Ok(Claim { began, by, failed }) = serde_json::from_slice::<Claim>(&object.body) {
            let age = now().saturating_sub(began);
            let is_over = asker.old.is_some_and(|made| began <= made);
            match failed {
                // It was written, and the answer to that got lost.
                None if by == own => return Ok(Turn::Ours),
                Some((ended, failed)) if (asker.since..=now() + SPARE_MS).contains(&ended) => {
                    return Ok(Turn::Failed(failed));
                }
                None if !is_over && (-SPARE_MS..self.longest().as_millis() as i64).contains(&age) => {
                    return Ok(Turn::Theirs(Duration::from_millis(age.max(0).unsigned_abs())));
                }
                _ => {}
            }
        }
        if self.store.put(&self.place, &ours, When::Same(&object.tag))?.is_some() {
            return Ok(Turn::Ours);
        }
        let is_ours = look()?.is_some_and(|object| object.body == ours);
        Ok(if is_ours { Turn::Ours } else { Turn::Theirs(Duration::ZERO) })
    }

    /// How long a run is waited for.
    pub(crate) fn longest(&self) -> Duration {
        self.timeout + Duration::from_millis(SPARE_MS.unsigned_abs())
    }

    /// The run, which began then, has failed: whoever waits is told why, or runs it, if it was the runner's alone that failed.
    pub(crate) fn failed(&self, began: i64, failed: &Failed) {
        match failed.status {
            OWN => self.over(),
            _ => self.put(&Claim { began, by: 0, failed: Some((now(), failed.clone())) }),
        }
    }

    /// The run has left no answer to others: whoever waits for one runs it.
    pub(crate) fn over(&self) {
        self.put(&Claim { began: 0, by: 0, failed: None });
    }

    /// Writes what others are told. Whoever asked has an answer also where that fails.
    fn put(&self, claim: &Claim) {
        if let Err(words) = self.store.put(&self.place, &json(claim), When::Always) {
            log::line("the cache cannot be used", &words);
        }
    }
}

pub(crate) fn json(what: &impl Serialize) -> Vec<u8> {
    serde_json::to_vec(what).unwrap_or_default()
}

/// Milliseconds since the Unix epoch.
pub(crate) fn now() -> i64 {
    Utc::now().timestamp_millis()
}
