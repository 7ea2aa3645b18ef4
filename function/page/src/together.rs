//! What several queries of a page read: run once for all of them, where that pays. Its rows are a file among the engine's results, and
//! what is kept of it says where. A browser names none of this.

use std::time::Duration;

use quack_function::wire::TableDef;
use quack_page::shared::{self, LASTS};
use quack_page::site::{Over, Shared, Site};

use crate::cache::{Answered, Cache, Source, Terms};
use crate::catalog::Reads;
use crate::engine::{Answer, Failed, File, Run, Wanted};
use crate::key::key;
use crate::runs::Runs;

/// What is kept: where rows of a query are; that a query is to be run within those that read it.
const FILE: &str = "file";
const WITHIN: &str = "within";

/// What queries are run with.
pub(crate) struct Together<'a, 'r> {
    pub site: &'a Site,
    pub cache: &'a mut Cache<'r>,
    pub runs: &'a mut Runs<'r>,
    /// What SQL would read now.
    pub now: &'a mut dyn FnMut(&str) -> Result<Reads, Failed>,
    /// As [`crate::request::Request::asks_again`].
    pub asks_again: Option<Duration>,
}

/// How a query is to be run.
pub(crate) enum Ready {
    /// Over the rows of others, which these tables stand for.
    Tables(Vec<TableDef>),
    /// With all that it reads in it.
    Whole,
    /// When another's run of what it reads is over; as [`Answered::Runs`].
    Later(Duration, Duration),
}

/// What there is of one.
enum One {
    Table(TableDef),
    None,
    Later(Duration, Duration),
}

impl Together<'_, '_> {
    /// Has what `over` reads be run, if nobody has yet and if that pays.
    ///
    /// # Errors
    /// Of a run that is not the query's fault.
    pub(crate) fn tables(&mut self, over: &Over) -> Result<Ready, Failed> {
        let mut tables = Vec::new();
        for shared in over.shared.iter().filter_map(|at| self.runs.page.shared.get(*at)) {
            match self.table(shared)? {
                One::Table(table) => tables.push(table),
                One::None => return Ok(Ready::Whole),
                One::Later(age, longest) => return Ok(Ready::Later(age, longest)),
            }
        }
        Ok(Ready::Tables(tables))
    }

    fn table(&mut self, shared: &Shared) -> Result<One, Failed> {
        let (query, engine) = (&shared.query, &self.site.engine);
        let reads = (self.now)(&query.sql)?;
        if reads.volatile.is_some() || reads.collates || reads.lists() {
            return Ok(One::None);
        }
        let params = self.runs.params(query).map_err(|words| Failed::new(400, words, ""))?;
        let place = key(engine, FILE, &query.sql, &params, &reads);
        // With these values: what others have of it may be more. Another page may have more that read it.
        let within = format!("{WITHIN} {} {}", shared.readers, shared.always);
        let within = key(engine, &within, &query.sql, &params, &Reads::default());
        let is_there = self.cache.has(&place, LASTS)?;
        if !is_there && self.cache.has(&within, LASTS)? {
            return Ok(One::None);
        }
        let below = query.over.as_ref().filter(|_| !is_there);
        let tables = match below.map(|over| self.tables(over)).transpose()? {
            Some(Ready::Later(age, longest)) => return Ok(One::Later(age, longest)),
            Some(Ready::Tables(tables)) => Some(tables),
            Some(Ready::Whole) | None => None,
        };
        let Self { runs, now, cache, .. } = self;
        let timeout = Duration::from_secs(engine.timeout_s.into());
        let asks_again = self.asks_again;
        let terms = Terms { ttl: Some(LASTS), timeout, patience: runs.left(), asks_again };
        let answered = cache.answer(&place, terms, || {
            let name = format!("{}/{}", runs.page.name, query.name);
            let (sql, tables) = match (&query.over, &tables) {
                (Some(over), Some(tables)) => (over.sql.as_str(), tables.as_slice()),
                _ => (query.sql.as_str(), &[][..]),
            };
            let user = &runs.visitor.user;
            let answer = runs.run(&Run { sql, tables, wanted: Wanted::File, params: &params, user, query: &name })?;
            Ok((answer, now(&query.sql)? == reads))
        });
        let (answer, is_new) = match answered {
            Ok(Answered::Held((answer, _), source)) => (answer, source == Source::Run),
            Ok(Answered::Runs(age, longest)) => return Ok(One::Later(age, longest)),
            // What is wrong with it, those say that read it. With other values it may be right: nobody who gives a wrong one has it run
            // within others for everybody.
            Err(failed) if failed.status == 422 => {
                self.cache.keep(&place, Answer::default());
                return Ok(One::None);
            }
            Err(failed) => return Err(failed),
        };
        let table = table(shared, &answer);
        let takes = Duration::from_secs_f64(answer.ms.clamp(0.0, 1e9) / 1000.0);
        if is_new && (table.is_none() || !shared.always && !shared::pays(takes, shared.readers)) {
            self.cache.keep(&within, Answer::default());
        }
        Ok(table.map_or(One::None, One::Table))
    }
}

/// The table that stands for rows in the file that `answer` tells of, unless they are too many, or not what the query gives.
fn table(shared: &Shared, answer: &Answer) -> Option<TableDef> {
    let file: File = serde_json::from_slice(&answer.body).ok()?;
    let is_small = !answer.truncated && file.bytes <= shared::MOST_BYTES;
    is_small.then(|| shared::definition(&shared.table, &file.columns, &file.uri)).flatten()
}
