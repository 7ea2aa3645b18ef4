//! Queries: invoke the function, take its result inline or spilled, reckon the cost.

mod answer;
pub mod divided;
pub mod explain;
pub mod health;
pub mod statements;
pub mod summary;

use std::time::{Duration, Instant};

use anyhow::Result;
use quack_function::wire::{Encoding, Event, Metadata, Spill};
use tokio_util::sync::CancellationToken;

use crate::console::context::Context;
use crate::error::{failure, interrupted};
use crate::invoke::{call, cost, fault, response, spill, tables};
use crate::lake::catalog::{self, Catalog};
use crate::rows::ResultSet;
use divided::Stats;
use divided::merge::Finished;

use crate::cloud::Target;
pub use answer::{answer, plan};

/// What to run, and how much of its result to bring back.
#[derive(Debug, Clone)]
pub struct Request {
    pub sql: String,
    /// Most rows to return; `None` is all of them.
    pub limit: Option<u64>,
    pub spill: Spill,
}

/// What came back of one invocation. Its rows are taken with [`Answer::rows`] or [`Answer::save_parquet`].
pub struct Answer {
    pub metadata: Metadata,
    /// Lambda's own account of the invocation; absent where its log tail did not carry one.
    pub report: Option<cost::Report>,
    /// What it cost at Lambda's public price, US dollars.
    pub cost_usd: Option<f64>,
    /// From the first byte sent to the last one received.
    pub elapsed: Duration,
    /// What dividing the query took; nothing of one that ran on one function.
    pub divided: Option<Stats>,
    pub data: Data,
}

/// Where an answer's rows are.
pub enum Data {
    /// As the function put them.
    Function(response::Payload),
    /// In the final stage of a divided query.
    Merged(Box<Finished>),
}

/// Where queries run: what every step of one needs.
#[derive(Clone, Copy)]
pub struct Engine<'a> {
    pub context: &'a Context,
    pub target: &'a Target,
    pub catalog: &'a Catalog,
}

impl Engine<'_> {
    /// Runs one query, to the end or until `cancel`.
    ///
    /// # Errors
    /// What the function says of the SQL; what Lambda says of the function; `cancel`. Each says what to do next.
    pub async fn run(&self, request: &Request, cancel: &CancellationToken) -> Result<Answer> {
        let mut event = Event {
            q: request.sql.clone(),
            limit: request.limit,
            all: request.limit.is_none(),
            format: Encoding::Arrow,
            spill: request.spill,
            tables: tables::named_in(&request.sql, self.catalog, &self.target.bucket),
        };
        let started = Instant::now();
        loop {
            let invoked = tokio::select! {
                invoked = call::invoke(self.context, self.target, &event) => invoked?,
                () = cancel.cancelled() => return Err(interrupted("interrupted")),
            };
            if !invoked.failed {
                let (metadata, data) = response::parse(&invoked.payload)?;
                let (report, elapsed) = (invoked.report, started.elapsed());
                let arch = self.context.config.function_arch()?;
                return Ok(Answer {
                    metadata,
                    report,
                    cost_usd: report.map(|report| report.cost_usd(arch)),
                    elapsed,
                    divided: None,
                    data: Data::Function(data),
                });
            }
            // A `load --replace` may have removed the files that the query was sent to read.
            let catalog = catalog::read(self.target).await?;
            let tables = tables::named_in(&request.sql, &catalog, &self.target.bucket);
            if tables == event.tables {
                return Err(fault::of_function(&invoked.payload, &catalog, &self.context.config));
            }
            self.context.detail("the query's tables were loaded anew while it ran; running it again");
            event.tables = tables;
        }
    }

    /// The rows of `answer`; brings them from the bucket first when they were spilled.
    ///
    /// # Errors
    /// A result that cannot be fetched or decoded; `cancel`, also later, from the batches.
    pub async fn rows(&self, answer: Answer, cancel: &CancellationToken) -> Result<ResultSet> {
        let mut result = match answer.data {
            Data::Function(response::Payload::Inline(bytes)) => response::decode(bytes, answer.metadata.columns)?,
            Data::Merged(finished) => finished.result,
            Data::Function(response::Payload::Spilled(spilled)) => {
                let file = tempfile::Builder::new().prefix("quackctl-").suffix(".parquet").tempfile()?;
                spill::fetch(self, &spilled, &mut file.as_file(), cancel).await?;
                spill::read(file.into_temp_path(), &spilled.cast_back, answer.metadata.columns)?
            }
        };
        let cancel = cancel.clone();
        result.batches = Box::new(result.batches.map(move |batch| match cancel.is_cancelled() {
            true => Err(interrupted("interrupted")),
            false => batch,
        }));
        Ok(result)
    }

    /// Copies the Parquet object of an `answer` to a [`Spill::Always`] request into `out`, as it is.
    ///
    /// # Errors
    /// An object that cannot be fetched, `out` that cannot be written, `cancel`.
    pub async fn save_parquet(
        &self,
        answer: &Answer,
        out: &mut dyn std::io::Write,
        cancel: &CancellationToken,
    ) -> Result<()> {
        match &answer.data {
            Data::Function(response::Payload::Spilled(spilled)) => spill::fetch(self, spilled, out, cancel).await,
            Data::Merged(finished) => {
                std::io::copy(&mut std::fs::File::open(finished.parquet())?, out)?;
                Ok(())
            }
            Data::Function(response::Payload::Inline(_)) if answer.metadata.columns.is_empty() => {
                Err(failure("the statement returns no rows to write", "leave --format parquet away"))
            }
            Data::Function(response::Payload::Inline(_)) => Err(failure(
                "the function did not write the result as Parquet",
                "it is of another version than this quackctl: run `quackctl up`",
            )),
        }
    }
}
