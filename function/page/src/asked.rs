//! The rows of a page's query: what is asked is the names of both with values of inputs, never SQL.

use std::time::{Duration, Instant};

use chrono::Utc;
use quack_function::wire::Params;
use quack_page::form::Form;
use quack_page::input::{Given, Input};
use quack_page::signed::Key;
use quack_page::site::{Page, Query, Site};
use serde_json::json;

use crate::cache::{Answered, Cache, Held, Source, Terms};
use crate::catalog::Reads;
use crate::door::Visitor;
use crate::engine::{Engine, Failed, Run};
use crate::key::key;
use crate::limits::{Counted, Payer};
use crate::place::Rest;
use crate::response::Response;

/// The parameter that is who looks.
const USER: &str = "user";

const SECONDS_OF_DAY: i64 = 24 * 60 * 60;

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

impl Asked<'_> {
    /// Its rows. `reads` tells what it would read now.
    pub(crate) fn rows(
        &self,
        engine: &Engine<'_>,
        cache: &mut Cache<'_>,
        counted: &mut Counted,
        mut reads: impl FnMut() -> Result<Reads, Failed>,
    ) -> Response {
        let started = Instant::now();
        let params = match self.params() {
            Ok(params) => params,
            Err(words) => return Response::error(400, &words, ""),
        };
        let mut paid = None;
        let answered = self.answered(engine, cache, counted, &mut reads, &params, &mut paid);
        let mut response = match answered {
            Ok(Answered::Held(held, source)) => self.told(held, source, started),
            Ok(Answered::Runs(age, longest)) => match counted.wait(&self.visitor.session, &self.site.limits) {
                Ok(()) => runs(age, longest),
                Err(over) => over.response(),
            },
            Err(Failed { status, words, hint, .. }) => Response::error(status.clamp(400, 599), &words, &hint),
        };
        response.usd = paid;
        response
    }

    fn answered(
        &self,
        engine: &Engine<'_>,
        cache: &mut Cache<'_>,
        counted: &mut Counted,
        now: &mut impl FnMut() -> Result<Reads, Failed>,
        params: &Params,
        paid: &mut Option<f64>,
    ) -> Result<Answered, Failed> {
        let Self { site, page, query, form, visitor, patience, asks_again, .. } = self;
        let reads = now()?;
        let mut run = || {
            let day = Utc::now().timestamp() / SECONDS_OF_DAY;
            let payer = Payer { page, user: &visitor.user, session: &visitor.session };
            let may = counted.may_spend(day, payer, &site.limits);
            may.map_err(|words| Failed::new(402, words, ""))?;
            let name = format!("{}/{}", page.name, query.name);
            let run = Run { sql: &query.sql, form: *form, params, user: &visitor.user, query: name };
            let answer = engine.run(&run, *patience);
            *paid = match &answer {
                Ok(answer) => answer.usd,
                Err(failed) => failed.usd,
            };
            counted.spent(payer, *paid);
            answer
        };
        let ttl = query.ttl_s.filter(|_| reads.volatile.is_some()).map(|seconds| Duration::from_secs(seconds.into()));
        if reads.volatile.is_some() && ttl.is_none() {
            return Ok(Answered::Held(cache.aside(run()?)?, Source::Run));
        }
        let key = key(&site.engine, *form, &query.sql, params, &reads);
        let timeout = Duration::from_secs(site.engine.timeout_s.into());
        let terms = Terms { ttl, timeout, patience: *patience, asks_again: *asks_again };
        cache.answer(&key, terms, || {
            let answer = run()?;
            // A commit that came meanwhile may be in it or not.
            let is_kept = now().is_ok_and(|now| now == reads);
            Ok((answer, is_kept))
        })
    }

    /// The values of the inputs that the query has: what is given, else what the page says.
    ///
    /// # Errors
    /// A value that is none of its input's.
    fn params(&self) -> Result<Params, String> {
        let inputs = self.query.inputs.iter().filter_map(|at| self.page.inputs.get(*at));
        let mut params = Params::new();
        inputs.map(|input: &Input| input.values(self.given)).try_for_each(|values| {
            params.extend(values?);
            Ok::<_, String>(())
        })?;
        if self.query.reads_user {
            // Last, so that no input stands for it.
            params.insert(USER.to_owned(), Some(self.visitor.user.clone()));
        }
        Ok(params)
    }

    /// An answer, as a browser takes it: all of it, or its first part and what the others are asked for with.
    fn told(&self, (answer, place): Held, source: Source, started: Instant) -> Response {
        let mut response =
            Response::of(200, self.form.content_type(), answer.body).with("quack-rows", &answer.rows.to_string());
        if answer.truncated {
            response = response.with("quack-truncated", "1");
        }
        let (ms, usd) = match source {
            Source::Run => (answer.ms, answer.usd.map(|usd| format!("{usd:.10}"))),
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
fn runs(age: Duration, longest: Duration) -> Response {
    let body = json!({ "running": true, "for_ms": age.as_millis() as u64, "most_ms": longest.as_millis() as u64 });
    Response::of(202, "application/json", body.to_string()).with("retry-after", "1")
}
