//! The rows of a page's query: what is asked is the names of both with values of inputs, never SQL.

use std::time::{Duration, Instant};

use quack_function::wire::{Params, TableDef};
use quack_page::form::Form;
use quack_page::input::Given;
use quack_page::signed::Key;
use quack_page::site::{Page, Query, Site};
use serde_json::json;

use crate::cache::{Answered, Cache, Held, Source, Terms};
use crate::catalog::Reads;
use crate::door::Visitor;
use crate::engine::{Answer, Engine, Failed, Run, Wanted};
use crate::key::key;
use crate::limits::Counted;
use crate::place::Rest;
use crate::response::Response;
use crate::runs::Runs;
use crate::together::{Ready, Together};

/// A query that is asked for.
pub(crate) struct Asked<'a> {
    pub site: &'a Site,
    pub page: &'a Page,
    pub query: &'a Query,
    /// The query as it was named, with what it ends in, and the form that this asks for.
    pub name: &'a str,
    pub form: Form,
    /// What says who may have the rest of an answer is signed with it.
    pub key: &'a Key,
    pub given: &'a Given,
    pub visitor: &'a Visitor,
    /// How long the answer may take.
    pub patience: Duration,
    /// As [`crate::request::Request::asks_again`].
    pub asks_again: Option<Duration>,
}

impl<'a> Asked<'a> {
    /// Its rows. `now` tells what SQL would read now.
    pub(crate) fn rows(
        &self,
        engine: &'a Engine<'a>,
        cache: &mut Cache<'a>,
        counted: &'a mut Counted,
        mut now: impl FnMut(&str) -> Result<Reads, Failed>,
    ) -> Response {
        let started = Instant::now();
        let Self { site, page, given, visitor, .. } = *self;
        let until = started + self.patience;
        let mut runs = Runs { engine, counted, limits: &site.limits, page, visitor, given, until, paid: None, ms: 0.0 };
        let params = match runs.params(self.query) {
            Ok(params) => params,
            Err(words) => return Response::error(400, &words, ""),
        };
        let mut response = match self.answered(&mut runs, cache, &mut now, &params) {
            Ok(Answered::Held(held, source)) => self.told(held, source, started, &runs),
            Ok(Answered::Runs(age, longest)) => match runs.counted.wait(&visitor.session, &site.limits) {
                Ok(()) => running(age, longest),
                Err(over) => over.response(),
            },
            Err(Failed { status, words, hint, .. }) => Response::error(status.clamp(400, 599), &words, &hint),
        };
        response.usd = runs.paid;
        response
    }

    fn answered(
        &self,
        runs: &mut Runs<'a>,
        cache: &mut Cache<'a>,
        now: &mut dyn FnMut(&str) -> Result<Reads, Failed>,
        params: &Params,
    ) -> Result<Answered, Failed> {
        let Self { site, query, form, asks_again, .. } = *self;
        let reads = now(&query.sql)?;
        let ttl = query.ttl_s.map(|seconds| Duration::from_secs(seconds.into()));
        let key = match reads.volatile.is_some() && ttl.is_none() {
            true => None,
            false => Some(key(&site.engine, form.content_type(), &query.sql, params, &reads)),
        };
        // What lists tables would find those that others' rows are.
        let over = query.over.as_ref().filter(|_| !reads.lists());
        let mut tables = None;
        if let Some(over) = over {
            let known = key.as_ref().map(|key| cache.known(key, ttl)).transpose()?.flatten();
            if let Some(held) = known {
                return Ok(Answered::Held(held, Source::Kept));
            }
            // Before it is this query's turn: whoever waits for another's run leaves it to others.
            let ready = Together { site, cache, runs, now, asks_again }.tables(over)?;
            tables = match ready {
                Ready::Tables(tables) => Some((over, tables)),
                Ready::Whole => None,
                Ready::Later(age, longest) => return Ok(Answered::Runs(age, longest)),
            };
        }
        let timeout = Duration::from_secs(site.engine.timeout_s.into());
        let terms = Terms { ttl, timeout, patience: runs.left(), asks_again };
        let mut run = || {
            if let Some((over, tables)) = &tables {
                let ran = self.run(runs, &over.sql, tables, params);
                // What came while it ran may be in one of them and not in another. Whatever is wrong, it says better as a whole.
                match now(&query.sql)? == reads {
                    true if ran.as_ref().is_ok() => return Ok((ran?, true)),
                    _ if ran.as_ref().is_err_and(|failed| failed.status != 422) => return Err(ran.unwrap_err()),
                    _ => {}
                }
            }
            let answer = self.run(runs, &query.sql, &[], params)?;
            // A commit that came meanwhile may be in it or not.
            Ok((answer, now(&query.sql).is_ok_and(|now| now == reads)))
        };
        match key {
            Some(key) => cache.answer(&key, terms, run),
            None => Ok(Answered::Held(cache.aside(run()?.0)?, Source::Run)),
        }
    }

    fn run(&self, runs: &mut Runs<'_>, sql: &str, tables: &[TableDef], params: &Params) -> Result<Answer, Failed> {
        let query = format!("{}/{}", self.page.name, self.query.name);
        let (wanted, user) = (Wanted::Rows(self.form), &self.visitor.user);
        runs.run(&Run { sql, tables, wanted, params, user, query: &query })
    }

    /// An answer, as a browser takes it: all of it, or its first part and what the others are asked for with.
    fn told(&self, (answer, place): Held, source: Source, started: Instant, runs: &Runs<'_>) -> Response {
        let mut response =
            Response::of(200, self.form.content_type(), answer.body).with("quack-rows", &answer.rows.to_string());
        if answer.truncated {
            response = response.with("quack-truncated", "1");
        }
        let (ms, usd) = match source {
            // With what was run before it, for others too.
            Source::Run => (runs.ms, runs.paid.map(|usd| format!("{usd:.10}"))),
            Source::Kept => {
                response = response.with("quack-cached", "1");
                (started.elapsed().as_secs_f64() * 1000.0, Some("0".to_owned()))
            }
        };
        response = response.with("quack-ms", &format!("{ms:.1}"));
        if let Some(usd) = usd {
            response = response.with("quack-usd", &usd);
        }
        if let Some(place) = place {
            let parts = place.parts().to_string();
            let rest = Rest::new(&self.visitor.user, &self.page.name, self.name, place);
            response = response.with("quack-parts", &parts).with("quack-rest", &self.key.sign(&rest));
        }
        if let Some(ending) = self.form.ending() {
            // Both are names of ours: letters, digits, `-` and `_`.
            let disposition = format!("attachment; filename=\"{}-{}.{ending}\"", self.page.name, self.query.name);
            response = response.with("content-disposition", &disposition);
        }
        response
    }
}

/// Says that what is asked for runs already, for how long by now, and how long that is waited for at most.
fn running(age: Duration, longest: Duration) -> Response {
    let body = json!({ "running": true, "for_ms": age.as_millis() as u64, "most_ms": longest.as_millis() as u64 });
    Response::of(202, "application/json", body.to_string()).with("retry-after", "1")
}
