//! The editor: a page on which SQL is written, run, drawn, and put into the project's pages. This is the one place where a browser sends
//! SQL and has files written: one SELECT, and fences of `dashboards/*.md`, for the editor's own script and nobody else.

mod guard;
mod known;
mod save;

use std::collections::BTreeMap;

use hyper::body::Incoming;
use hyper::{Request, StatusCode};
use quack_function::wire::Params;
use quack_page::escape::escaped;
use quack_page::form::Form;
use quack_page::input::Given;
use serde::Deserialize;
use serde_json::json;
use tokio::runtime::Handle;
use tokio::sync::Mutex;
use tokio::task;
use tokio_util::sync::CancellationToken;

use self::save::Refused;
use super::super::bind::Binder;
use super::super::bound::Over;
use super::super::compose::{Composed, Composer};
use super::super::fence::Drawn;
use super::super::file;
use super::super::hint::hinted;
use super::super::page::{Page, Query};
use super::super::shapes;
use super::super::values;
use super::super::written::{self, Wanted};
use super::answer::{Asked, Statement};
use super::response::{self, Answer, Refusal};
use crate::digest;
use crate::duck::place::placed;
use crate::error;
use crate::lake::catalog::{self, Scope};
use crate::private;

/// What the editor is of a run of the server.
pub(super) struct Editor {
    /// What its script sends, which nothing but a page of ours can read.
    token: String,
    /// Held while a file is looked at and written.
    writing: Mutex<()>,
}

/// What is to be run: SQL that stands, or would stand, in a page.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Run {
    /// None of a page that is yet to be.
    page: Option<String>,
    /// The query of the page that it is.
    query: Option<String>,
    sql: String,
    /// Values of the page's inputs.
    #[serde(default)]
    inputs: Given,
}

/// What is to be written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Save {
    page: String,
    /// Of the page as it was read; without, the page is a new one.
    digest: Option<String>,
    /// The query is there already, and is written anew.
    is_there: bool,
    name: String,
    sql: String,
    chart: Option<String>,
    #[serde(default)]
    options: BTreeMap<String, String>,
}

impl Editor {
    pub(super) fn new() -> Self {
        Self { token: private::name(), writing: Mutex::default() }
    }

    /// What stands in the middle of its page: all else is its script's.
    pub(super) fn html(&self) -> String {
        let token = escaped(&self.token);
        format!(
            "<div id=\"editor\" data-token=\"{token}\"><p>The editor is a script, which does not run here.</p></div>\n"
        )
    }

    /// What it knows of the project, of a page, and of the lake.
    pub(super) fn known(&self, asked: &Asked, given: &Given) -> Answer {
        let page = given.get("page").and_then(|values| values.first()).map(String::as_str);
        let mut known = task::block_in_place(|| known::pages(&asked.context.config.dir, page));
        let read = || Handle::current().block_on(known::tables(&asked.target.bucket));
        match task::block_in_place(read) {
            Ok(tables) => known["tables"] = tables,
            Err(error) => known["lake"] = error::advised(&error).into(),
        }
        known["words"] = task::block_in_place(known::words).clone();
        response::of(StatusCode::OK, "application/json", known.to_string())
    }

    /// The rows of what is asked.
    pub(super) async fn run(&self, asked: &Asked, request: Request<Incoming>) -> Answer {
        let run: Run = match guard::asked(request, &self.token).await {
            Ok(run) => run,
            Err(refusal) => return *refusal,
        };
        let Run { page, query, sql, inputs } = run;
        let name = query.unwrap_or_default();
        let mut query = Query { name, sql, drawn: None, line: 0, within: None, share: None };
        let composed: Result<_, Refusal> = task::block_in_place(|| {
            let page = self.page(asked, page.as_deref())?;
            // In a loop it has the loop's row.
            query.within = page.query(&query.name).and_then(|there| there.within);
            let composed = composed(&page, &query)?;
            let params = values::params(&page, &composed, &inputs, &asked.context.caller.user)
                .map_err(|words| Box::new(response::error(StatusCode::BAD_REQUEST, &words, "")))?;
            Ok((page, composed, params))
        });
        let (page, composed, params) = match composed {
            Ok(composed) => composed,
            Err(refusal) => return *refusal,
        };
        // Before the planner binds it, in this process, where nothing would end that.
        let can_be_bound = || Handle::current().block_on(bounded(asked, (&composed.sql, &params)));
        if let Err(error) = task::block_in_place(can_be_bound) {
            let help = error::help(&error).unwrap_or_default();
            return wrong(&error::words(error.as_ref()), help, &composed, &query.sql);
        }
        let statement = Statement { sql: composed.sql.clone(), params, over: None };
        match asked.ran(statement, Form::Arrow).await {
            Ok(answer) => answer,
            Err(error) => {
                let error = hinted(error, &page);
                let help = error::help(&error).unwrap_or_default();
                wrong(&error::words(error.as_ref()), help, &composed, &query.sql)
            }
        }
    }

    /// The page that SQL is run within.
    fn page(&self, asked: &Asked, name: Option<&str>) -> Result<Page, Refusal> {
        let page = match name {
            None => Page::parse("", "").map_err(|wrong| wrong.within("")),
            Some(name) => Page::read(&file::path(&asked.context.config.dir, name), name),
        };
        page.map_err(|error| Box::new(response::error(StatusCode::UNPROCESSABLE_ENTITY, &error::advised(&error), "")))
    }

    /// Writes a query into a page.
    pub(super) async fn save(&self, asked: &Asked, request: Request<Incoming>) -> Answer {
        let save: Save = match guard::asked(request, &self.token).await {
            Ok(save) => save,
            Err(refusal) => return *refusal,
        };
        let _writing = self.writing.lock().await;
        // What judges SQL stays on one thread.
        let saved = || Handle::current().block_on(self.saved(asked, &save));
        match task::block_in_place(saved) {
            Ok(digest) => {
                let told = json!({ "page": save.page, "query": save.name, "digest": digest });
                response::of(StatusCode::OK, "application/json", told.to_string())
            }
            Err(refusal) => *refusal,
        }
    }

    /// The digest of the page as it was written.
    async fn saved(&self, asked: &Asked, save: &Save) -> Result<String, Refusal> {
        let Save { page: name, digest, is_there, .. } = save;
        let (dir, digest) = (&asked.context.config.dir, digest.as_deref());
        let refused = |(status, error): Refused| {
            let help = error::help(&error).unwrap_or_default().to_owned();
            Box::new(response::error(status, &error::words(error.as_ref()), &help))
        };
        let unprocessable = |words: String| Box::new(response::error(StatusCode::UNPROCESSABLE_ENTITY, &words, ""));
        let before = save::read(dir, name, digest).map_err(refused)?;
        let drawn = save.chart.clone().map(|chart| (chart, save.options.clone()));
        let wanted = Wanted { name: save.name.clone(), sql: save.sql.clone(), drawn };
        let text = match (is_there, digest) {
            (true, _) => written::saved(name, &before, &wanted),
            (false, Some(_)) => written::added(name, &before, &wanted),
            (false, None) => written::added(name, &format!("# {name}\n"), &wanted),
        };
        let text = text.map_err(unprocessable)?;
        let page = Page::parse(name, &text).map_err(|wrong| unprocessable(format!("{:#}", wrong.within(name))))?;
        self.binds(asked, &page, &wanted).await?;
        save::write(dir, name, digest, &text).map_err(refused)?;
        Ok(digest::short(&text))
    }

    /// Refuses a query that does not bind, or that has not the columns of its chart.
    async fn binds(&self, asked: &Asked, page: &Page, wanted: &Wanted) -> Result<(), Refusal> {
        let failed = |error: anyhow::Error| {
            Box::new(response::error(StatusCode::INTERNAL_SERVER_ERROR, &error::words(error.as_ref()), ""))
        };
        let catalog = catalog::read_in(&asked.target.bucket, Scope::Outline).await.map_err(failed)?;
        let over = Over {
            bucket: &asked.target.bucket,
            catalog: &catalog,
            binder: Binder::new(&catalog),
            composer: Composer::open().map_err(failed)?,
            deploys: asked.context.config.dash.is_some(),
            user: &asked.context.caller.user,
            cancel: &CancellationToken::new(),
        };
        let Some(query) = page.query(&wanted.name) else { return Ok(()) };
        if let Some(given) = query.drawn.as_ref().and_then(Drawn::shapes)
            && let Err(words) = shapes::written(&asked.context.config.dir, &given)
        {
            return Err(Box::new(response::error(StatusCode::UNPROCESSABLE_ENTITY, &words, "")));
        }
        // What never binds is as wrong as what does not.
        let unbound = |error: anyhow::Error| {
            let help = error::help(&error).unwrap_or_default();
            Box::new(response::error(StatusCode::UNPROCESSABLE_ENTITY, &error::words(error.as_ref()), help))
        };
        let Err(words) = over.bound(page, query, &Given::new()).await.map_err(unbound)? else { return Ok(()) };
        let words = words.join("\n");
        Err(Box::new(match over.composer.compose(page, query) {
            Ok(composed) => wrong(&words, "", &composed, &query.sql),
            Err(words) => mistaken(&words, &query.sql),
        }))
    }
}

/// Refuses SQL that is not bound within the time for it. What else is wrong with it, whoever runs it says.
///
/// # Errors
/// That; a lake that cannot be read.
async fn bounded(asked: &Asked, bound: (&str, &Params)) -> anyhow::Result<()> {
    let catalog = catalog::read_in(&asked.target.bucket, Scope::Outline).await?;
    Binder::new(&catalog).columns("query", bound, &CancellationToken::new()).await.map(drop)
}

/// What is run for SQL within a page.
fn composed(page: &Page, query: &Query) -> Result<Composed, Refusal> {
    let failed =
        |error: anyhow::Error| Box::new(response::error(StatusCode::INTERNAL_SERVER_ERROR, &format!("{error:#}"), ""));
    let composer = Composer::open().map_err(failed)?;
    composer.compose(page, query).map_err(|words| Box::new(mistaken(&words, &query.sql)))
}

/// What is said of SQL that is no query of a page, with the place in it.
fn mistaken(words: &str, sql: &str) -> Answer {
    // It is told of the statement, without blanks before it.
    let begin = sql.len() - sql.trim_start().len();
    let (message, position) = placed(words, &sql[begin..]);
    let position = position.map(|position| position + sql[..begin].chars().count());
    response::error_at(&message, "", position)
}

/// What is said of what is run, with the place in the text that it was made of.
fn wrong(words: &str, help: &str, composed: &Composed, sql: &str) -> Answer {
    let (message, position) = placed(words, &composed.sql);
    let byte = position.and_then(|position| composed.sql.char_indices().nth(position - 1)).map(|(byte, _)| byte);
    let own = byte.and_then(|byte| composed.source(byte)).and_then(|byte| sql.get(..byte));
    response::error_at(&message, help, own.map(|before| before.chars().count() + 1))
}
