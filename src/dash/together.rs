//! What several queries of a page read, run once for all of them: as the page function does where pages are deployed, for as long as a
//! command lasts.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use anyhow::Result;
use quack_function::wire::{Params, Spill};
use quack_page::input::Given;
use quack_page::shared;
use quack_page::volatile::Named;
use tokio::sync::OnceCell;
use tokio_util::sync::CancellationToken;

use super::compose::Composer;
use super::page::{Page, Query};
use super::sharing::Sharing;
use super::{unsteady, values};
use crate::bucket::{Bucket, upload};
use crate::cloud::Target;
use crate::console::context::{Caller, Context};
use crate::digest;
use crate::error::{self, Kind};
use crate::lake::catalog::{self, Catalog, Table};
use crate::lake::named;
use crate::planner::{Planner, Workers};
use crate::query::{self, Coordinator, Estimate, Kept, Request};

/// What queries are run with.
#[derive(Clone, Copy)]
pub(super) struct Means<'a> {
    pub context: &'a Context,
    pub target: &'a Target,
    pub cancel: &'a CancellationToken,
}

impl Means<'_> {
    /// Who asks.
    pub(super) fn caller(&self) -> Caller {
        Caller { application: "quackctl dash".to_owned(), ..self.context.caller.clone() }
    }
}

/// What is run for a query over rows of others.
#[derive(Debug)]
pub(super) struct Over {
    sql: String,
    /// Whose: places in `bases`.
    reads: Vec<usize>,
    bases: Arc<Vec<Base>>,
}

/// A query whose rows others read.
#[derive(Debug)]
struct Base {
    name: String,
    table: String,
    readers: u32,
    /// The page says that it pays.
    always: bool,
    sql: String,
    params: Params,
    over: Option<(String, Vec<usize>)>,
}

/// What is run for `query` over rows of others of the page, if it reads such; with what is given.
pub(super) fn over(page: &Page, composer: &Composer, query: &Query, given: &Given, user: &str) -> Option<Over> {
    let sharing = Sharing::of(page, composer);
    let over = sharing.over(page, composer, query)?;
    let bases = sharing.0.iter().map(|one| {
        let composed = composer.compose(page, one.query).ok()?;
        let params = values::params(page, &composed, given, user).ok()?;
        let over = sharing.base(page, composer, one.query).map(|over| (over.composed.sql, over.shared));
        let (name, table, readers) = (one.query.name.clone(), one.table.clone(), one.readers);
        Some(Base { name, table, readers, always: one.query.share.is_some(), sql: composed.sql, params, over })
    });
    // A row of a loop that the query does not stand in has no value: such a base is none that it reads.
    let bases = bases.collect::<Option<Vec<Base>>>()?;
    Some(Over { sql: over.composed.sql, reads: over.shared, bases: Arc::new(bases) })
}

/// US dollars that a query may cost over rows of others, with its part of what those cost; nothing where it is better run as a whole, or
/// nothing is known.
pub(super) async fn estimated(planner: &Planner, means: &Means<'_>, over: &Over) -> Option<f64> {
    let Means { context, target, .. } = *means;
    let mut usd = 0.0;
    for base in over.reads.iter().filter_map(|at| over.bases.get(*at)) {
        let catalog = catalog::read_for(&target.bucket, &base.sql).await.ok()?;
        let request = Request { sql: base.sql.clone(), limit: None, spill: Spill::Always };
        let all = query::estimate(planner, &Coordinator::new(context, target, &catalog), &request)?;
        if !base.pays(Some(all)) {
            return None;
        }
        usd += all.usd / f64::from(base.readers);
    }
    let catalog = catalog::read_for(&target.bucket, &over.sql).await.ok()?;
    let request = Request { sql: over.sql.clone(), limit: None, spill: Spill::Auto };
    Some(usd + query::estimate(planner, &Coordinator::new(context, target, &catalog), &request)?.usd)
}

impl Base {
    /// Whether it pays that it is run apart. What the catalog does not tell of is very much.
    fn pays(&self, estimate: Option<Estimate>) -> bool {
        self.always || estimate.is_none_or(|all| shared::pays(all.reads, self.readers))
    }
}

/// A run of a query that others read.
#[derive(Debug, Clone)]
pub(super) struct Ran {
    pub name: String,
    pub readers: u32,
    pub rows: u64,
    pub ms: f64,
    pub usd: Option<f64>,
}

/// Rows that were made, by what they depend on; of queries that are better run within those that read them nothing.
#[derive(Default)]
pub(super) struct Together {
    made: Mutex<HashMap<String, Arc<OnceCell<Option<Kept>>>>>,
    /// Queries that are run within those that read them, whatever their values are.
    within: Mutex<HashSet<String>>,
    ran: Mutex<Vec<Ran>>,
    keys: Mutex<Vec<String>>,
}

/// What a query is run over: the catalog with others' rows as tables, and what they cost that were run for it.
pub(super) struct Ready<'a> {
    pub sql: &'a str,
    pub catalog: Catalog,
    pub usd: f64,
}

impl Together {
    /// Has what `over` reads be run, if that was not done yet and if it pays; nothing where the query is to be run as a whole.
    ///
    /// # Errors
    /// A catalog that cannot be read; an interruption.
    pub(super) async fn ready<'a>(&self, means: &Means<'_>, over: &'a Over) -> Result<Option<Ready<'a>>> {
        let mut usd = 0.0;
        let mut catalog = catalog::read_for(&means.target.bucket, &over.sql).await?;
        // What lists tables would find those that others' rows are.
        let names = named::names(&over.sql, &catalog.views);
        if told(&over.sql, &names, &catalog, &BTreeSet::new()).any(|told| told.lists) {
            return Ok(None);
        }
        if query::travel(&means.target.bucket, &catalog, &over.sql).await?.is_some() {
            return Ok(None);
        }
        let tables = Box::pin(self.tables(means, &over.bases, &over.reads, &mut usd)).await?;
        let Some(tables) = tables else { return Ok(None) };
        catalog.tables.extend(tables);
        Ok(Some(Ready { sql: &over.sql, catalog, usd }))
    }

    /// The queries that were run for others, so far.
    pub(super) fn ran(&self) -> Vec<Ran> {
        held(&self.ran).clone()
    }

    /// Removes all rows, which nobody asks for any more.
    pub(super) async fn end(&self, bucket: &Bucket) {
        held(&self.made).clear();
        let keys = std::mem::take(&mut *held(&self.keys));
        upload::delete(bucket, keys).await;
    }

    async fn tables(
        &self,
        means: &Means<'_>,
        bases: &[Base],
        reads: &[usize],
        usd: &mut f64,
    ) -> Result<Option<Vec<(String, Table)>>> {
        let mut tables = Vec::new();
        for base in reads.iter().filter_map(|at| bases.get(*at)) {
            match self.kept(means, bases, base, usd).await? {
                Some(kept) => tables.push((base.table.clone(), kept.table())),
                None => return Ok(None),
            }
        }
        Ok(Some(tables))
    }

    async fn kept(&self, means: &Means<'_>, bases: &[Base], base: &Base, usd: &mut f64) -> Result<Option<Kept>> {
        let bucket = &means.target.bucket;
        let catalog = catalog::read_for(bucket, &base.sql).await?;
        let names = named::names(&base.sql, &catalog.views);
        let is_steady = |known| told(&base.sql, &names, &catalog, known).all(|told| told.is_steady());
        if !unsteady::known().is_some_and(is_steady)
            || held(&self.within).contains(&base.sql)
            || query::travel(bucket, &catalog, &base.sql).await?.is_some()
        {
            return Ok(None);
        }
        let coordinator =
            Coordinator { params: &base.params, ..Coordinator::new(means.context, means.target, &catalog) };
        let request = Request { sql: base.sql.clone(), limit: None, spill: Spill::Always };
        if !base.pays(query::estimate(&Planner::default(), &coordinator, &request)) {
            means
                .context
                .detail(format_args!("`{}` is little to read, and is run within those that read it", base.name));
            return Ok(None);
        }
        let cell = Arc::clone(held(&self.made).entry(key(base, &names, &catalog)).or_default());
        let made =
            cell.get_or_try_init(async || Box::pin(self.run(means, bases, base, (&coordinator, request), usd)).await);
        Ok(made.await?.clone())
    }

    /// Runs a query for those that read it; nothing where its rows are too many, or none that a file keeps.
    async fn run(
        &self,
        means: &Means<'_>,
        bases: &[Base],
        base: &Base,
        (coordinator, request): (&Coordinator<'_>, Request),
        usd: &mut f64,
    ) -> Result<Option<Kept>> {
        let below = match &base.over {
            Some((sql, reads)) => self.tables(means, bases, reads, usd).await?.map(|tables| (sql, tables)),
            None => None,
        };
        let (mut catalog, mut request) = (coordinator.catalog.clone(), request);
        if let Some((sql, tables)) = below {
            request.sql.clone_from(sql);
            catalog.tables.extend(tables);
        }
        let caller = means.caller();
        let coordinator = Coordinator { catalog: &catalog, caller: &caller, ..*coordinator };
        let started = Instant::now();
        let run = async {
            let answer = query::answer(&coordinator, &request, Workers::default(), means.cancel).await?;
            let cost = answer.account.cost_usd;
            Ok((coordinator.keep(answer).await?, cost))
        };
        let (kept, cost) = match run.await {
            Ok(ran) => ran,
            Err(error) if error::kind(&error) == Kind::Interrupted => return Err(error),
            // What is wrong with it, those say that read it; with other values it may be right.
            Err(_) => return Ok(None),
        };
        *usd += cost.unwrap_or_default();
        let ms = started.elapsed().as_secs_f64() * 1000.0;
        held(&self.ran).push(Ran { name: base.name.clone(), readers: base.readers, rows: kept.rows, ms, usd: cost });
        let bucket = &means.target.bucket;
        let is_small = kept.bytes <= shared::MOST_BYTES && kept.rows <= shared::MOST_ROWS;
        // As the page function has them.
        if !is_small || shared::definition(&base.table, &kept.columns, "").is_none() {
            held(&self.within).insert(base.sql.clone());
            upload::delete(bucket, [kept.key]).await;
            return Ok(None);
        }
        held(&self.keys).push(kept.key.clone());
        Ok(Some(kept))
    }
}

fn held<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What `sql`, and the views that it names, tell each.
fn told<'a>(
    sql: &'a str,
    names: &'a HashSet<String>,
    catalog: &'a Catalog,
    known: &'a BTreeSet<String>,
) -> impl Iterator<Item = Named> + 'a {
    let views = catalog.views.iter().filter(|(name, _)| names.contains(&name.to_ascii_lowercase()));
    views.map(|(_, view)| view.sql.as_str()).chain([sql]).map(|sql| Named::of(sql, known))
}

/// What rows depend on: the query, its values, and what the tables and views that it names are now.
fn key(base: &Base, names: &HashSet<String>, catalog: &Catalog) -> String {
    let is_named = |name: &String| names.contains(&name.to_ascii_lowercase());
    let tables = catalog.tables.iter().filter(|(name, _)| is_named(name));
    let tables: Vec<_> = tables
        .map(|(name, table)| {
            let metadata = table.origin.0.as_ref().map(|state| state.key.clone());
            (name, metadata, &table.loaded_at, table.rows, table.bytes)
        })
        .collect();
    let views: Vec<_> = catalog.views.iter().filter(|(name, _)| is_named(name)).collect();
    // For half a day at most, as results go after a day.
    let half = chrono::Utc::now().timestamp() / i64::try_from(shared::LASTS.as_secs()).unwrap_or(i64::MAX);
    let all = format!("{:?}", (&base.sql, &base.params, tables, views, half));
    digest::hex(&digest::sha256(all.as_bytes()))
}
