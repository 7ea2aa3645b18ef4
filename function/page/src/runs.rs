//! Runs that somebody who looks at a page has to pay for.

use std::time::{Duration, Instant};

use chrono::Utc;
use quack_function::wire::Params;
use quack_page::input::{Given, Input};
use quack_page::site::{Limits, Page, Query};

use crate::door::Visitor;
use crate::engine::{Answer, Engine, Failed, Run};
use crate::limits::{Counted, Payer};

/// The parameter that is who looks.
const USER: &str = "user";

const SECONDS_OF_DAY: i64 = 24 * 60 * 60;

/// What runs for one request.
pub(crate) struct Runs<'a> {
    pub engine: &'a Engine<'a>,
    pub counted: &'a mut Counted,
    pub limits: &'a Limits,
    pub page: &'a Page,
    pub visitor: &'a Visitor,
    /// Values of inputs that are given.
    pub given: &'a Given,
    /// When the answer has to be there.
    pub until: Instant,
    /// What they cost together, US dollars; nothing where none ran, or none was reported.
    pub paid: Option<f64>,
    /// How long those took that gave an answer, in the engine, milliseconds.
    pub ms: f64,
}

impl Runs<'_> {
    /// How long whoever asks may still wait.
    pub(crate) fn left(&self) -> Duration {
        self.until.saturating_duration_since(Instant::now())
    }

    /// The values of the inputs that a query has: what is given, else what the page says.
    ///
    /// # Errors
    /// A value that is none of its input's.
    pub(crate) fn params(&self, query: &Query) -> Result<Params, String> {
        let inputs = query.inputs.iter().filter_map(|at| self.page.inputs.get(*at));
        let mut params = Params::new();
        inputs.map(|input: &Input| input.values(self.given)).try_for_each(|values| {
            params.extend(values?);
            Ok::<_, String>(())
        })?;
        if query.reads_user {
            // Last, so that no input stands for it.
            params.insert(USER.to_owned(), Some(self.visitor.user.clone()));
        }
        Ok(params)
    }

    /// Runs a query, if it may be paid for.
    ///
    /// # Errors
    /// As of the engine; what was spent already.
    pub(crate) fn run(&mut self, run: &Run<'_>) -> Result<Answer, Failed> {
        let Self { page, visitor, limits, .. } = *self;
        let payer = Payer { page, user: &visitor.user, session: &visitor.session };
        let day = Utc::now().timestamp() / SECONDS_OF_DAY;
        self.counted.may_spend(day, payer, limits).map_err(|words| Failed::new(402, words, ""))?;
        let answer = self.engine.run(run, self.left());
        let usd = match &answer {
            Ok(answer) => answer.usd,
            Err(failed) => failed.usd,
        };
        self.paid = self.paid.map_or(usd, |paid| Some(paid + usd.unwrap_or_default()));
        self.ms += answer.as_ref().map_or(0.0, |answer| answer.ms);
        self.counted.spent(payer, usd);
        answer
    }
}
