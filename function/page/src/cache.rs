//! Answers that are kept, in the bucket and the last ones in memory; and one run per key, however many wait for it. Of one that is more
//! than a response holds, its beginning is in memory, and the rest is handed out from the bucket.

use std::collections::{HashMap, VecDeque};
use std::thread::sleep;
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use crate::engine::{Answer, Failed};
use crate::log;
use crate::place::{PART_BYTES, Place};
use crate::store::{Store, When};
use crate::turn::{Asker, SPARE_MS, Turn, Turns, json, now};

/// Most bytes of answers in memory.
const MOST_BYTES: usize = 32 << 20;

/// The first pause of who waits for another's run, and the longest.
const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LAST_PAUSE: Duration = Duration::from_secs(1);

/// Who can ask again waits here for a run that is younger than that: it may be over at once.
const QUICK: Duration = Duration::from_millis(350);

/// Most bytes of what stands before an answer in its object.
const HEAD_BYTES: usize = 4096;

/// An answer, and when it was made, milliseconds since the Unix epoch.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Kept {
    made: i64,
    answer: Answer,
    /// Of one of which this is the beginning, where all of it is.
    #[serde(skip)]
    place: Option<Place>,
}

/// An answer, or its beginning and where all of it is.
pub(crate) type Held = (Answer, Option<Place>);

/// The last answers, the newest at the end.
#[derive(Default)]
pub(crate) struct Memory {
    kept: HashMap<String, Kept>,
    order: VecDeque<String>,
    bytes: usize,
}

impl Memory {
    fn put(&mut self, key: &str, kept: Kept) {
        if let Some(before) = self.kept.remove(key) {
            self.bytes -= before.answer.body.len();
            self.order.retain(|own| own != key);
        }
        self.bytes += kept.answer.body.len();
        self.kept.insert(key.to_owned(), kept);
        self.order.push_back(key.to_owned());
        while self.bytes > MOST_BYTES
            && let Some(first) = self.order.pop_front()
        {
            self.bytes -= self.kept.remove(&first).map_or(0, |kept| kept.answer.body.len());
        }
    }
}

/// The answers of a site.
pub(crate) struct Cache<'a> {
    pub store: Store<'a>,
    /// Key prefix.
    pub folder: String,
    pub memory: &'a mut Memory,
}

/// How long an answer holds and may be waited for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Terms {
    /// For ever, if it is not said.
    pub ttl: Option<Duration>,
    /// The longest that a run takes.
    pub timeout: Duration,
    /// The longest that whoever asks may wait.
    pub patience: Duration,
    /// Who asks takes word that another runs it, and asks again; so they have for that long by now.
    pub asks_again: Option<Duration>,
}

/// Where an answer is from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Source {
    Kept,
    Run,
}

/// What there is for who asks.
pub(crate) enum Answered {
    Held(Held, Source),
    /// Nothing yet: another's run has gone on for so long, and is waited for at most so long.
    Runs(Duration, Duration),
}

impl Cache<'_> {
    /// The answer under `key`: the one that is kept, or of a run by this instance or another. A run says whether its answer may be kept.
    ///
    /// # Errors
    /// That of the run; a store that does not answer; a run of others that takes longer than may be waited.
    pub(crate) fn answer(
        &mut self,
        key: &str,
        terms: Terms,
        run: impl FnOnce() -> Result<(Answer, bool), Failed>,
    ) -> Result<Answered, Failed> {
        let (started, mut pause) = (Instant::now(), FIRST_PAUSE);
        let turns = Turns { store: self.store, place: format!("{}{key}.run", self.folder), timeout: terms.timeout };
        // Nobody has waited for longer than two runs, of which the first one died: what failed long ago is no answer to who says so.
        let waited = terms.asks_again.unwrap_or_default().min(turns.longest() * 2);
        let since = now().saturating_sub(i64::try_from(waited.as_millis()).unwrap_or(i64::MAX));
        let mut asker = Asker { since, old: None, looks: !waited.is_zero() };
        loop {
            asker.old = match self.kept(key, terms.ttl).map_err(broken)? {
                (Some(held), _) => return Ok(Answered::Held(held, Source::Kept)),
                (None, old) => old,
            };
            match turns.take(&asker).map_err(broken)? {
                Turn::Ours => break,
                Turn::Failed(failed) => return Err(failed),
                Turn::Theirs(age) if terms.asks_again.is_some() && age.max(started.elapsed()) >= QUICK => {
                    return Ok(Answered::Runs(age, turns.longest()));
                }
                Turn::Theirs(_) if started.elapsed() + pause > terms.patience => {
                    return Err(Failed::new(503, "the query still runs, for somebody else", "try again in a moment"));
                }
                Turn::Theirs(_) => sleep(pause),
            }
            asker.looks = true;
            pause = (pause * 2).min(LAST_PAUSE);
        }
        let began = now();
        let (answer, is_kept) = run().inspect_err(|failed| turns.failed(began, failed))?;
        if !is_kept {
            turns.over();
            return Ok(Answered::Held(self.aside(answer)?, Source::Run));
        }
        let kept = self.written(key, answer)?;
        self.memory.put(key, kept.clone());
        Ok(Answered::Held((kept.answer, kept.place), Source::Run))
    }

    /// The answer that is kept under `key`, if there is one.
    ///
    /// # Errors
    /// A store that does not answer.
    pub(crate) fn known(&mut self, key: &str, ttl: Option<Duration>) -> Result<Option<Held>, Failed> {
        self.kept(key, ttl).map(|(held, _)| held).map_err(broken)
    }

    /// Whether one is.
    ///
    /// # Errors
    /// A store that does not answer.
    pub(crate) fn has(&mut self, key: &str, ttl: Duration) -> Result<bool, Failed> {
        Ok(self.known(key, Some(ttl))?.is_some())
    }

    /// Keeps what nobody waits for. Where that fails, it is not there the next time.
    pub(crate) fn keep(&mut self, key: &str, answer: Answer) {
        if let Ok(kept) = self.written(key, answer) {
            self.memory.put(key, kept);
        }
    }

    /// An answer that nobody else is shown. One that is more than a response holds is in the bucket all the same, under a name that
    /// nothing leads to.
    ///
    /// # Errors
    /// A store that does not take it.
    pub(crate) fn aside(&self, answer: Answer) -> Result<Held, Failed> {
        if answer.body.len() <= PART_BYTES {
            return Ok((answer, None));
        }
        let kept = self.written(&Place::unnamed(), answer)?;
        Ok((kept.answer, kept.place))
    }

    /// Writes an answer, and leaves of it what a response holds. Where that fails, who asked has it all the same if that is all.
    fn written(&self, name: &str, answer: Answer) -> Result<Kept, Failed> {
        let mut kept = Kept { made: now(), answer, place: None };
        let mut object = json(&kept);
        object.push(b'\n');
        let (from, bytes) = (object.len() as u64, kept.answer.body.len());
        object.extend_from_slice(&kept.answer.body);
        let put = self.store.put(&format!("{}{name}", self.folder), &object, When::Always);
        drop(object);
        let tag = match put {
            Ok(tag) => tag.unwrap_or_default(),
            Err(words) if bytes > PART_BYTES => return Err(broken(words)),
            Err(words) => {
                log::line("the cache cannot be used", &words);
                return Ok(kept);
            }
        };
        kept.first_of(|| Place { object: name.to_owned(), tag, from, bytes: bytes as u64 });
        Ok(kept)
    }

    /// The answer that is kept; of one that holds no longer, when it was made.
    fn kept(&mut self, key: &str, ttl: Option<Duration>) -> Result<(Option<Held>, Option<i64>), String> {
        let holds = |kept: &Kept| {
            ttl.is_none_or(|ttl| (-SPARE_MS..ttl.as_millis() as i64).contains(&now().saturating_sub(kept.made)))
        };
        if let Some(kept) = self.memory.kept.get(key).filter(|kept| holds(kept)) {
            return Ok((Some((kept.answer.clone(), kept.place.clone())), None));
        }
        let Some(piece) = self.store.piece(&self.object(key), 0, (HEAD_BYTES + PART_BYTES) as u64)? else {
            return Ok((None, None));
        };
        // What nobody here wrote is as if it were not there.
        let Some((mut kept, from)) = parse(&piece.body) else { return Ok((None, None)) };
        if !holds(&kept) {
            return Ok((None, Some(kept.made)));
        }
        let bytes = piece.of.saturating_sub(from);
        if bytes > PART_BYTES as u64 {
            kept.answer.body.truncate(PART_BYTES);
        }
        kept.place = (bytes > PART_BYTES as u64).then(|| Place { object: key.to_owned(), tag: piece.tag, from, bytes });
        self.memory.put(key, kept.clone());
        Ok((Some((kept.answer, kept.place)), None))
    }

    fn object(&self, key: &str) -> String {
        format!("{}{key}", self.folder)
    }
}

impl Kept {
    /// Leaves of an answer that is more than a response holds its beginning.
    fn first_of(&mut self, place: impl FnOnce() -> Place) {
        if self.answer.body.len() > PART_BYTES {
            self.answer.body.truncate(PART_BYTES);
            self.answer.body.shrink_to_fit();
            self.place = Some(place());
        }
    }
}

fn broken(words: String) -> Failed {
    log::line("the cache cannot be used", &words);
    Failed::new(502, "the cache cannot be used", "try again in a moment")
}

/// An answer of an object, a line of JSON with its rows behind; and where these begin.
fn parse(bytes: &[u8]) -> Option<(Kept, u64)> {
    let end = bytes.iter().take(HEAD_BYTES).position(|byte| *byte == b'\n')?;
    let mut kept: Kept = serde_json::from_slice(&bytes[..end]).ok()?;
    kept.answer.body = bytes[end + 1..].to_vec();
    Some((kept, end as u64 + 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kept(bytes: usize) -> Kept {
        Kept {
            made: 7,
            answer: Answer { rows: 1, ms: 1.5, usd: Some(1e-7), truncated: true, body: vec![b'\n'; bytes] },
            place: None,
        }
    }

    #[test]
    fn an_object_is_read_back_and_another_is_none() {
        let object = [json(&kept(3)), b"\n\n\n\n".to_vec()].concat();
        let (back, from) = parse(&object).unwrap();
        assert_eq!((back.made, back.answer, from as usize), (7, kept(3).answer, object.len() - 3));
        for other in [&b""[..], b"\n", b"{}\n", b"{\"made\": 1}", b"\xff\xff\n"] {
            assert!(parse(other).is_none(), "{other:?}");
        }
    }

    #[test]
    fn memory_is_bounded_and_keeps_the_last() {
        let mut memory = Memory::default();
        for at in 0..100 {
            memory.put(&format!("k{at}"), kept(1 << 20));
            memory.put("often", kept(1 << 20));
        }
        let held: usize = memory.kept.values().map(|kept| kept.answer.body.len()).sum();
        assert_eq!((held, memory.bytes, memory.kept.len()), (32 << 20, 32 << 20, memory.order.len()));
        assert!(
            memory.kept.contains_key("often") && memory.kept.contains_key("k99") && !memory.kept.contains_key("k1")
        );
        memory.put("large", kept(MOST_BYTES + 1));
        assert_eq!((memory.kept.len(), memory.bytes), (0, 0));
    }
}
