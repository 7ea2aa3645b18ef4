//! A page as it is now, in one file: its rows are asked for once, and stand in it.

mod document;
mod pdf;

use std::fmt;
use std::io::Write as _;
use std::path::PathBuf;
use std::time::Instant;

use anyhow::Result;
use chrono::Utc;
use futures::stream::{self, StreamExt as _, TryStreamExt as _};
use quack_function::arrow_stream;
use quack_function::csv::text_of;
use quack_page::form::MOST_BYTES;
use quack_page::input::{Given, Input, Kind};
use serde::Serialize;
use tokio_util::sync::CancellationToken;

use self::document::Kept;
use super::ask::{self, Asking, Bounded};
use super::compose::Composer;
use super::file;
use super::hint::hinted;
use super::page::{self, FOLDER, MOST_SECTIONS, Page, Query};
use super::shapes::Shapes;
use super::together::{self, Together};
use super::values as parameters;
use crate::cloud::Target;
use crate::console::context::Context;
use crate::console::progress;
use crate::error::{self, failure, nearest, usage};
use crate::invoke::cost::dollars;
use crate::output::file::OutputFile;
use crate::output::{self, Format, Look};
use crate::rows::counted;

/// Queries that are run at the same time.
const AT_ONCE: usize = 4;

/// What is exported, and where to.
pub(crate) struct Export<'a> {
    pub page: &'a str,
    pub html: Option<PathBuf>,
    pub pdf: Option<PathBuf>,
    /// Values of inputs; the others are as the page says.
    pub set: &'a [(String, String)],
}

/// What was written.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Exported {
    page: String,
    files: Vec<String>,
    queries: usize,
    rows: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    cost_usd: Option<f64>,
}

impl fmt::Display for Exported {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let files = self.files.join(" and ");
        let queries = if self.queries == 1 { "query" } else { "queries" };
        write!(f, "wrote {files}: {} of {} {queries}", counted(self.rows), self.queries)?;
        match self.cost_usd {
            Some(cost) => writeln!(f, ", {}", dollars(cost)),
            None => writeln!(f),
        }
    }
}

/// Writes a page with its rows to files, each whole or not at all.
///
/// # Errors
/// A page, an input, a value or a place that is none; a query that fails, and then nothing is written; no Chromium for a PDF.
pub(crate) async fn export(context: &Context, export: Export<'_>, cancel: &CancellationToken) -> Result<Exported> {
    let Export { page: name, html, pdf, set } = export;
    let page = found(context, name)?;
    let given = given(&page, set)?;
    let shapes = Shapes::of(&page, &context.config.dir);
    let shapes = shapes.map_err(|problems| failure(Shapes::told(&page, &problems), ""))?;
    // Before anything costs something.
    let printer = pdf.is_some().then(pdf::Printer::find).transpose()?;
    let html = html.map(|path| Ok::<_, anyhow::Error>((OutputFile::create(&path)?, path))).transpose()?;
    let pdf = pdf.map(|path| Ok::<_, anyhow::Error>((OutputFile::create(&path)?, path))).transpose()?;
    if let (Some((one, path)), Some((other, _))) = (&html, &pdf)
        && one.is_at(other)
    {
        let words = format!("--html and --pdf are one file, `{}`, and it can be one of both", path.display());
        return Err(usage(words, "give each a file of its own"));
    }
    let (target, composer, together) = (Target::open(context).await?, Composer::open()?, Together::default());
    let asker = Asker { context, target, composer, together, cancel };
    let spinner = progress::spinner(context, "asking for the rows");
    let kept = asker.all(&page, &given).await;
    asker.together.end(&asker.target.bucket).await;
    spinner.finish_and_clear();
    let kept = kept?;
    if kept.iter().map(|kept| kept.arrow.len()).sum::<usize>() > MOST_BYTES {
        let words = format!("the rows of the page are more than {} MiB, and a file takes no more", MOST_BYTES >> 20);
        return Err(failure(words, "have its queries give fewer rows, or fewer columns"));
    }
    let document =
        document::document(&page, &asker.composer, &given, (&kept, &shapes), (Utc::now(), context.branch.as_deref()))?;
    let mut files = Vec::new();
    let mut printed = None;
    if let (Some((mut file, path)), Some(printer)) = (pdf, printer) {
        let spinner = progress::spinner(context, "drawing the page");
        let drawn = printer.print(&document, &mut file, cancel).await;
        spinner.finish_and_clear();
        drawn?;
        printed = Some((file, path));
    }
    if let Some((mut file, path)) = html {
        file.write_all(document.as_bytes())?;
        file.flush()?;
        file.keep()?;
        files.push(path.display().to_string());
    }
    if let Some((file, path)) = printed {
        file.keep()?;
        files.push(path.display().to_string());
    }
    let rows = kept.iter().map(|kept| kept.rows).sum();
    let costs = kept.iter().map(|kept| kept.usd);
    // The sum of no floats is -0.
    let cost_usd = costs.sum::<Option<f64>>().map(|cost| cost + 0.0);
    Ok(Exported { page: page.name, files, queries: kept.len(), rows, cost_usd })
}

fn found(context: &Context, name: &str) -> Result<Page> {
    let mut pages = page::all(&context.config.dir)?;
    if let Some(page) = pages.remove(name) {
        return page;
    }
    Err(file::absent(name, pages.keys().map(String::as_str)))
}

/// What a loop makes sections of: the different values of the first column of its query's rows, as the page's script has them.
fn values(arrow: &[u8]) -> Result<Vec<Option<String>>> {
    let (schema, batches) = arrow_stream::read(arrow.to_vec()).map_err(anyhow::Error::msg)?;
    let mut values: Vec<Option<String>> = Vec::new();
    for batch in batches {
        let batch = batch.map_err(anyhow::Error::msg)?;
        let Some(column) = batch.columns().first() else { break };
        for row in 0..batch.num_rows() {
            // To the script there is one zero.
            let is_number = |text: &String| text != "-0.0" || !schema.field(0).data_type().is_floating();
            let value = text_of(schema.field(0), column, row);
            let value = if value.as_ref().is_none_or(is_number) { value } else { Some("0.0".to_owned()) };
            if !values.contains(&value) {
                values.push(value);
            }
            if values.len() == MOST_SECTIONS {
                return Ok(values);
            }
        }
    }
    Ok(values)
}

/// The values that are set, of which each is its input's.
fn given(page: &Page, set: &[(String, String)]) -> Result<Given> {
    // The row of a loop is set by nobody.
    let inputs = page.inputs.iter().filter(|input| !matches!(input.kind, Kind::Row { .. }));
    let known: Vec<String> = inputs.flat_map(Input::parameters).map(|(name, _)| name).collect();
    let mut given = Given::new();
    for (name, value) in set {
        if !known.contains(name) {
            let ends = || {
                page.inputs.iter().filter(|input| input.name == *name).map(|input| [input.end("from"), input.end("to")])
            };
            let help = match nearest(name, known.iter().map(String::as_str)) {
                _ if ends().next().is_some() => {
                    ends().map(|[from, to]| format!("a range has two: {from} and {to}")).collect()
                }
                Some(near) => format!("did you mean `{near}`?"),
                None if known.is_empty() => "the page has no inputs".to_owned(),
                None => format!("it has {}", known.join(", ")),
            };
            return Err(usage(format!("--set {name}: the page `{}` has no such input", page.name), help));
        }
        given.entry(name.clone()).or_default().push(value.clone());
    }
    for input in &page.inputs {
        input.values(&given).map_err(|words| usage(format!("--set: {words}"), "give another value"))?;
    }
    Ok(given)
}

/// What the queries of a page are asked with.
struct Asker<'a> {
    context: &'a Context,
    target: Target,
    composer: Composer,
    together: Together,
    cancel: &'a CancellationToken,
}

impl Asker<'_> {
    /// The rows of all that the page shows.
    async fn all(&self, page: &Page, given: &Given) -> Result<Vec<Kept>> {
        let asked = page.queries.iter().filter(|query| page.runs(query) > 0 && query.within.is_none());
        let mut kept = self.each(page, asked.map(|query| (query, None, given.clone())).collect()).await?;
        let mut sections = Vec::new();
        for (place, each) in page.loops.iter().enumerate() {
            let (Some(rows), Some(input)) =
                (kept.iter().find(|kept| kept.query.eq_ignore_ascii_case(&each.query)), page.inputs.get(each.input))
            else {
                continue;
            };
            for (at, value) in values(&rows.arrow)?.into_iter().enumerate() {
                let mut given = given.clone();
                // NULL is what is not given.
                value.and_then(|value| given.insert(input.name.clone(), vec![value]));
                let within = page.queries.iter().filter(|query| query.within == Some(place) && query.drawn.is_some());
                sections.extend(within.map(|query| (query, Some(at + 1), given.clone())));
            }
        }
        kept.extend(self.each(page, sections).await?);
        Ok(kept)
    }

    /// The rows of each, a few at the same time.
    async fn each(&self, page: &Page, asked: Vec<(&Query, Option<usize>, Given)>) -> Result<Vec<Kept>> {
        let asked = asked.into_iter().map(async |(query, section, given)| {
            let kept = self.rows(page, query, &given).await?;
            Ok(Kept { section, ..kept })
        });
        stream::iter(asked).buffered(AT_ONCE).try_collect().await
    }

    async fn rows(&self, page: &Page, query: &Query, given: &Given) -> Result<Kept> {
        let Self { context, target, composer, together, cancel } = self;
        let started = Instant::now();
        let place = format!("{FOLDER}/{}.md:{}: `{}`", page.name, query.line, query.name);
        let wrong = |words: String| failure(format!("{place}: {words}"), "nothing was written; mend the query");
        let composed = composer.compose(page, query).map_err(wrong)?;
        let params = parameters::params(page, &composed, given, &context.caller.user).map_err(wrong)?;
        let over = together::over(page, composer, query, given, &context.caller.user);
        let over = over.as_ref().map(|over| (together, over));
        let asking = Asking { context, target, sql: &composed.sql, params: &params, cancel, over };
        let asked = async {
            let (rows, account) = asking.rows(Some(ask::MOST_ROWS)).await?;
            let mut bytes = Bounded::default();
            output::write(rows, Format::Arrow, Look::default(), &mut bytes)?;
            Ok::<_, anyhow::Error>((bytes.0, account.summary()))
        };
        let (arrow, summary) = asked.await.map_err(|error| match error::kind(&error) {
            error::Kind::Interrupted => error,
            _ => wrong(error::advised(&hinted(error, page))),
        })?;
        let (ms, usd) = (started.elapsed().as_secs_f64() * 1000.0, summary.cost_usd);
        let (rows, truncated) = (summary.tally.rows, summary.tally.truncated);
        Ok(Kept { query: query.name.clone(), section: None, arrow, rows, ms, usd, truncated })
    }
}
