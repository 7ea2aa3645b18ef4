//! Whether pages hold over the lake as it is: their queries bind, the columns of their charts are there, and what a load of each costs.

use std::fmt;
use std::time::Instant;

use anyhow::Result;
use serde::Serialize;
use tokio_util::sync::CancellationToken;

use super::ask::{self, Asking};
use super::bind::Binder;
use super::blocks;
use super::bound::{Over, missing};
use super::compose::Composer;
use super::file;
use super::hint::hinted;
use super::page::{self, FOLDER, Loop, MOST_SECTIONS, Page, Query};
use super::shapes::Shapes;
use super::together::{self, Together};
use crate::cloud::Target;
use crate::console::context::Context;
use crate::console::progress;
use crate::error::{self, nearest};
use crate::invoke::cost::dollars;
use crate::lake::catalog::{self, Scope};
use crate::output::text_of;
use crate::rows::counted;
use quack_page::input::Given;

/// What was found of all pages.
#[derive(Debug, Serialize)]
pub(crate) struct Report {
    pages: Vec<Checked>,
    /// What is not as somebody may think, and is no problem of a page.
    #[serde(skip_serializing_if = "Option::is_none")]
    note: Option<String>,
}

/// What was found of one.
#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
struct Checked {
    page: String,
    queries: Vec<Ran>,
    /// Those that were run once for several that read them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    shared: Vec<Shared>,
    /// What a load costs at Lambda's public price, US dollars; of pages that were not run, and of those that have errors, nobody knows.
    #[serde(skip_serializing_if = "Option::is_none")]
    cost_usd: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    budget_usd: Option<f64>,
    problems: Vec<Problem>,
}

/// What is wrong with a page.
#[derive(Debug, Serialize)]
struct Problem {
    /// Without a line of a page that could not be read; its words have it.
    #[serde(skip_serializing_if = "Option::is_none")]
    line: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    query: Option<String>,
    message: String,
}

/// A query that was run with what the page's inputs are at first.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Ran {
    query: String,
    /// How often a load of the page runs it.
    times: usize,
    rows: u64,
    truncated: bool,
    /// The first value of its first row.
    #[serde(skip)]
    first: Option<String>,
    elapsed_ms: f64,
    cost_usd: Option<f64>,
}

/// A query that was run once for those that read it.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Shared {
    query: String,
    /// How many runs of a load read it.
    readers: u32,
    /// How often a load of the page runs it: in a loop, in each section.
    times: usize,
    rows: u64,
    elapsed_ms: f64,
    cost_usd: Option<f64>,
}

/// What pages are held against.
struct Checker<'a> {
    context: &'a Context,
    target: &'a Target,
    over: Over<'a>,
    runs: bool,
}

/// Checks the pages of these names, or all; with `runs` each query is run once, as a load of its page would.
///
/// # Errors
/// An engine that is not up; a page that is not there; `cancel`. What is wrong with a page is in the report.
pub(crate) async fn check(
    context: &Context,
    names: &[String],
    runs: bool,
    cancel: &CancellationToken,
) -> Result<Report> {
    let mut pages = page::all(&context.config.dir)?;
    if pages.is_empty() {
        return Err(file::none(&context.config.dir));
    }
    if let Some(other) = names.iter().find(|name| !pages.contains_key(*name)) {
        return Err(file::absent(other, pages.keys().map(String::as_str)));
    }
    pages.retain(|name, _| names.is_empty() || names.contains(name));
    let target = Target::open(context).await?;
    let catalog = catalog::read_in(&target.bucket, Scope::Outline).await?;
    let over = Over {
        bucket: &target.bucket,
        catalog: &catalog,
        binder: Binder::new(&catalog),
        composer: Composer::open()?,
        deploys: context.config.dash.is_some(),
        user: &context.caller.user,
        cancel,
    };
    let checker = Checker { context, target: &target, over, runs };
    let spinner = progress::spinner(context, "checking pages");
    let note = if names.is_empty() { file::strayed(&file::below(&context.config.dir)) } else { None };
    let mut report = Report { pages: Vec::new(), note };
    for (name, page) in pages {
        let checked = match page {
            Ok(page) => checker.page(&page).await,
            Err(error) => {
                let problem = Problem { line: None, query: None, message: error::advised(&error) };
                Ok(Checked { page: name, problems: vec![problem], ..Checked::default() })
            }
        };
        report.pages.push(checked.inspect_err(|_| spinner.finish_and_clear())?);
    }
    spinner.finish_and_clear();
    Ok(report)
}

impl Checker<'_> {
    async fn page(&self, page: &Page) -> Result<Checked> {
        let (budget_usd, together) = (page.budget_usd, Together::default());
        let mut checked = Checked { page: page.name.clone(), budget_usd, ..Checked::default() };
        for (line, name) in blocks::placeholders(&page.body) {
            let line = page.first_line + line - 1;
            let within = page.loops.iter().position(|each| (each.lines.0..=each.lines.1).contains(&line));
            let known: Vec<String> = page.known(within).map(|(name, _)| name).collect();
            if !known.iter().any(|known| known == name) {
                let near = nearest(name, known.iter().map(String::as_str));
                let help = near.map_or_else(String::new, |near| format!("; did you mean `{near}`?"));
                let message = format!("`{{{{ {name} }}}}`: the page has no input that gives it{help}");
                checked.problems.push(Problem { line: Some(line), query: None, message });
            }
        }
        for (query, message) in Shapes::of(page, &self.context.config.dir).err().into_iter().flatten() {
            checked.problems.push(Problem { line: Some(query.line), query: Some(query.name.clone()), message });
        }
        // Those of loops last: with the first row of their loop, and as often as it has rows.
        let (outside, looped): (Vec<_>, Vec<_>) = page.queries.iter().partition(|query| query.within.is_none());
        for query in outside.into_iter().chain(looped) {
            let problem = |message| Problem { line: Some(query.line), query: Some(query.name.clone()), message };
            let each = query.within.map(|each| &page.loops[each]);
            let found = |each: &Loop| checked.queries.iter().find(|ran| ran.query.eq_ignore_ascii_case(&each.query));
            let (mut given, mut sections) = (Given::new(), 1);
            if let Some((each, ran)) = each.and_then(|each| Some((each, found(each)?))) {
                sections = usize::try_from(ran.rows).unwrap_or(MOST_SECTIONS).min(MOST_SECTIONS);
                let row = ran.first.clone().map(|value| (page.inputs[each.input].name.clone(), vec![value]));
                given.extend(row);
            }
            let before = together.ran().len();
            let ran = self.query(page, query, &given, &together).await;
            for ran in together.ran().into_iter().skip(before) {
                let of_loop = page.query(&ran.name).is_some_and(|query| query.within.is_some());
                checked.shared.push(Shared {
                    query: ran.name,
                    readers: ran.readers,
                    times: if of_loop { sections } else { 1 },
                    rows: ran.rows,
                    elapsed_ms: ran.ms,
                    cost_usd: ran.usd,
                });
            }
            match ran? {
                Ok(ran) => checked.queries.extend(ran.map(|ran| Ran { times: ran.times * sections, ..ran })),
                Err(problems) => {
                    checked.problems.extend(problems.into_iter().map(problem));
                }
            }
        }
        together.end(&self.target.bucket).await;
        if self.runs && checked.problems.is_empty() {
            let costs = checked.queries.iter().map(|ran| Some(ran.cost_usd? * ran.times as f64));
            let costs = costs.chain(checked.shared.iter().map(|ran| Some(ran.cost_usd? * ran.times as f64)));
            // The sum of no floats is -0.
            checked.cost_usd = costs.sum::<Option<f64>>().map(|cost| cost + 0.0);
            if let (Some(cost), Some(budget)) = (checked.cost_usd, budget_usd)
                && cost > budget
            {
                let message = format!("a load costs {}, and its budget is {}", dollars(cost), dollars(budget));
                checked.problems.push(Problem { line: Some(1), query: None, message });
            }
        }
        Ok(checked)
    }

    /// What running a query took, or what is wrong with it.
    async fn query(
        &self,
        page: &Page,
        query: &Query,
        given: &Given,
        together: &Together,
    ) -> Result<Result<Option<Ran>, Vec<String>>> {
        let (composed, params) = match self.over.bound(page, query, given).await? {
            Ok(bound) => bound,
            Err(problems) => return Ok(Err(problems)),
        };
        let times = page.runs(query);
        if !self.runs || times == 0 {
            return Ok(Ok(None));
        }
        let Self { context, target, over: lake, .. } = self;
        let over = together::over(page, &lake.composer, query, given, lake.user);
        let over = over.as_ref().map(|over| (together, over));
        let asking = Asking { context, target, sql: &composed.sql, params: &params, cancel: lake.cancel, over };
        let before = together.ran().len();
        let ran = async {
            let started = Instant::now();
            let (rows, account) = asking.rows(Some(ask::MOST_ROWS)).await?;
            let missing = query.drawn.as_ref().map(|drawn| missing(drawn, &rows.columns)).unwrap_or_default();
            let mut first = None;
            for batch in rows.batches {
                let batch = batch?;
                if let Some(field) = batch.schema_ref().fields().first().filter(|_| batch.num_rows() > 0) {
                    first = first.or_else(|| Some(text_of(field, batch.column(0), 0)));
                }
            }
            let summary = account.summary();
            // What ran before it, for others too, is told by itself.
            let others = &together.ran()[before..];
            let ran = Ran {
                query: query.name.clone(),
                times,
                rows: summary.tally.rows,
                truncated: summary.tally.truncated,
                first: first.flatten(),
                elapsed_ms: started.elapsed().as_secs_f64() * 1000.0 - others.iter().map(|ran| ran.ms).sum::<f64>(),
                cost_usd: summary.cost_usd.map(|all| all - others.iter().filter_map(|ran| ran.usd).sum::<f64>()),
            };
            anyhow::Ok(if missing.is_empty() { Ok(Some(ran)) } else { Err(missing) })
        };
        match ran.await {
            Err(error) if error::kind(&error) == error::Kind::Interrupted => Err(error),
            Err(error) => Ok(Err(vec![error::advised(&hinted(error, page))])),
            ran => ran,
        }
    }
}

impl Problem {
    /// With the file, for people.
    fn within(&self, page: &str) -> String {
        let line = self.line.map(|line| format!("{FOLDER}/{page}.md:{line}: ")).unwrap_or_default();
        let query = self.query.as_ref().map(|query| format!("`{query}`: ")).unwrap_or_default();
        format!("{line}{query}{}", self.message)
    }
}

impl Report {
    /// Whether nothing is wrong.
    pub(crate) fn is_good(&self) -> bool {
        self.pages.iter().all(|page| page.problems.is_empty())
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for page in &self.pages {
            writeln!(f, "{}", page.page)?;
            let width = page.queries.iter().map(|ran| ran.query.len()).max().unwrap_or(0);
            for Ran { query, times, rows, truncated, elapsed_ms, cost_usd, .. } in &page.queries {
                let more = if *truncated { " (more exist)" } else { "" };
                let times = if *times != 1 { format!(", {times} times") } else { String::new() };
                let cost = cost_usd.map(|usd| format!(" · {}{times}", dollars(usd))).unwrap_or_default();
                writeln!(f, "  {query:<width$}  {}{more} · {elapsed_ms:.0} ms{cost}", counted(*rows))?;
            }
            for Shared { query, readers, times, rows, elapsed_ms, cost_usd } in &page.shared {
                let times = if *times != 1 { format!(", {times} times") } else { String::new() };
                let cost = cost_usd.map(|usd| format!(" · {}{times}", dollars(usd))).unwrap_or_default();
                let rows = counted(*rows);
                writeln!(
                    f,
                    "  {query:<width$}  {rows} · {elapsed_ms:.0} ms{cost} · run once for {readers} that read it"
                )?;
            }
            match (page.cost_usd, page.budget_usd) {
                (Some(cost), Some(budget)) => {
                    writeln!(f, "  a load costs {} of {}", dollars(cost), dollars(budget))?;
                }
                (Some(cost), None) => writeln!(f, "  a load costs {}", dollars(cost))?,
                (None, Some(budget)) if !page.queries.is_empty() && page.problems.is_empty() => {
                    let words = "what a load costs is not known, as Lambda did not report it: its budget is";
                    writeln!(f, "  {words} {}", dollars(budget))?;
                }
                (None, _) => {}
            }
            for problem in &page.problems {
                writeln!(f, "  {}", problem.within(&page.page).replace('\n', "\n    "))?;
            }
        }
        if let Some(note) = &self.note {
            writeln!(f, "note: {note}")?;
        }
        let problems: usize = self.pages.iter().map(|page| page.problems.len()).sum();
        let pages = self.pages.len();
        let plural = |count: usize, word: &str| format!("{count} {word}{}", if count == 1 { "" } else { "s" });
        writeln!(f, "{}, {}", plural(pages, "page"), plural(problems, "problem"))
    }
}
