//! The rows of a page's query: what is asked is the name of a query and values of its inputs, never SQL.

use std::sync::Arc;
use std::time::Instant;

use anyhow::anyhow;
use hyper::StatusCode;
use quack_function::wire::Params;
use tokio::runtime::Handle;
use tokio::sync::Semaphore;
use tokio::task;
use tokio_util::sync::CancellationToken;

use super::super::ask::{self, Asking, Bounded};
use super::super::compose::Composer;
use super::super::hint::hinted;
use super::super::page::{self, Page};
use super::super::together::{self, Over, Together};
use super::super::values;
use super::response::{self, Answer};
use crate::cloud::Target;
use crate::console::context::Context;
use crate::error::{self, Kind, interrupted};
use crate::output::{self, Format, Look};
use crate::query::summary::Summary;
use quack_page::form::Form;
use quack_page::input::Given;

/// Most queries that are run at the same time.
const MOST_QUERIES: usize = 8;

/// What queries of pages are answered with.
pub(super) struct Asked {
    pub context: Context,
    pub target: Target,
    /// Rows that queries of pages share.
    together: Arc<Together>,
    room: Arc<Semaphore>,
    ending: CancellationToken,
}

impl Asked {
    pub(super) fn new(context: Context, target: Target, ending: CancellationToken) -> Self {
        let room = Arc::new(Semaphore::new(MOST_QUERIES));
        Self { context, target, together: Arc::default(), room, ending }
    }

    /// Waits until none runs, and lets none begin.
    pub(super) async fn ended(&self) {
        _ = self.room.acquire_many(MOST_QUERIES as u32).await;
        self.together.end(&self.target.bucket).await;
    }

    /// The rows of a query of a page. They end when whoever asked is gone.
    pub(super) async fn rows(&self, page: &str, query: &str, form: Form, given: &Given) -> Answer {
        let (of, statement) = match task::block_in_place(|| self.statement(page, query, given)) {
            Ok(found) => found,
            Err((status, words)) => return response::error(status, &words, ""),
        };
        let mut answer = match self.ran(statement, form).await {
            Ok(answer) => answer,
            Err(error) => return refused(&hinted(error, &of)),
        };
        if let Some(ending) = form.ending() {
            // Both are names of ours: letters, digits, `-` and `_`.
            let disposition = format!("attachment; filename=\"{page}-{query}.{ending}\"");
            response::set(&mut answer, "content-disposition", &disposition);
        }
        answer
    }

    /// The rows of a statement, which end when whoever asked is gone.
    ///
    /// # Errors
    /// As of any query.
    pub(super) async fn ran(&self, statement: Statement, form: Form) -> anyhow::Result<Answer> {
        let Ok(permit) = self.room.clone().acquire_owned().await else { return Err(interrupted("the server ends")) };
        let cancel = self.ending.child_token();
        // Dropped with this future, when the browser goes.
        let _gone = cancel.clone().drop_guard();
        let (context, target, runtime) = (self.context.clone(), self.target.clone(), Handle::current());
        let together = Arc::clone(&self.together);
        let run = move || {
            let done = runtime.block_on(run((&context, &target), &together, &statement, form, &cancel));
            // Not before: a browser that is gone leaves a query that is yet to end.
            drop(permit);
            done
        };
        let ended = task::spawn_blocking(run).await;
        let (answered, took) = ended.map_err(|_| anyhow!("the query ended without an answer"))??;
        let mut answer = response::of(StatusCode::OK, form.content_type(), answered);
        tell(&mut answer, &took);
        Ok(answer)
    }

    /// What is run for a query of a page, and the page.
    fn statement(&self, page: &str, name: &str, given: &Given) -> Result<(Page, Statement), (StatusCode, String)> {
        let missing = || (StatusCode::NOT_FOUND, "the page has no such query".to_owned());
        if !page::is_name(page) {
            return Err(missing());
        }
        let page = Page::read(&page::path(&self.context.config.dir, page), page)
            .map_err(|error| (StatusCode::NOT_FOUND, error::advised(&error)))?;
        // One that only others read is not asked for by itself.
        let query = page.query(name).filter(|query| page.runs(query) > 0).ok_or_else(missing)?;
        let composer = Composer::open().map_err(|error| (StatusCode::INTERNAL_SERVER_ERROR, format!("{error:#}")))?;
        let composed = composer.compose(&page, query).map_err(|words| (StatusCode::UNPROCESSABLE_ENTITY, words))?;
        let params = values::params(&page, &composed, given, &self.context.caller.user)
            .map_err(|words| (StatusCode::BAD_REQUEST, words))?;
        let over = together::over(&page, &composer, query, given, &self.context.caller.user);
        Ok((page, Statement { sql: composed.sql, params, over }))
    }
}

/// SQL with the values of its parameters.
pub(super) struct Statement {
    pub sql: String,
    pub params: Params,
    /// What is run in its place over rows that others of the page read, too.
    pub over: Option<Over>,
}

async fn run(
    (context, target): (&Context, &Target),
    together: &Together,
    statement: &Statement,
    form: Form,
    cancel: &CancellationToken,
) -> anyhow::Result<(Vec<u8>, Took)> {
    let started = Instant::now();
    let Statement { sql, params, over } = statement;
    let over = over.as_ref().map(|over| (together, over));
    let asking = Asking { context, target, sql, params, cancel, over };
    let mut bytes = Bounded::default();
    let account = match form {
        Form::Parquet => asking.parquet(&mut bytes).await?,
        Form::Arrow | Form::Csv => {
            // A file that is saved is whole, or none.
            let (limit, format) = match form {
                Form::Csv => (None, Format::Csv),
                _ => (Some(ask::MOST_ROWS), Format::Arrow),
            };
            let (rows, account) = asking.rows(limit).await?;
            output::write(rows, format, Look::default(), &mut bytes)?;
            account
        }
    };
    let ms = started.elapsed().as_secs_f64() * 1000.0;
    Ok((bytes.0, Took { summary: account.summary(), ms }))
}

/// What an answer took.
struct Took {
    summary: Summary,
    ms: f64,
}

fn tell(answer: &mut Answer, Took { summary, ms }: &Took) {
    response::set(answer, "quack-rows", &summary.tally.rows.to_string());
    response::set(answer, "quack-ms", &format!("{ms:.1}"));
    if let Some(usd) = summary.cost_usd {
        response::set(answer, "quack-usd", &format!("{usd:.10}"));
    }
    if summary.tally.truncated {
        response::set(answer, "quack-truncated", "1");
    }
}

fn refused(error: &anyhow::Error) -> Answer {
    let status = match error::kind(error) {
        Kind::Throttled => StatusCode::TOO_MANY_REQUESTS,
        Kind::Interrupted => StatusCode::SERVICE_UNAVAILABLE,
        _ => StatusCode::UNPROCESSABLE_ENTITY,
    };
    let help = error::help(error).unwrap_or_default();
    response::error(status, &error::words(error.as_ref()), help)
}
