//! A query on one function.

use std::time::Instant;

use anyhow::Result;
use quack_function::wire::{Encoding, Event};
use tokio_util::sync::CancellationToken;

use super::answered::{Answer, Data};
use super::coordinator::Coordinator;
use super::request::Request;
use crate::error::interrupted;
use crate::invoke::{call, fault, response, tables};
use crate::lake::catalog;

impl Coordinator<'_> {
    /// Runs one query, to the end or until `cancel`.
    ///
    /// # Errors
    /// What the function says of the SQL; what Lambda says of the function; `cancel`. Each says what to do next.
    pub(crate) async fn run(&self, request: &Request, cancel: &CancellationToken) -> Result<Answer> {
        let mut event = Event {
            q: request.sql.clone(),
            limit: request.limit,
            all: request.limit.is_none(),
            format: Encoding::Arrow,
            spill: request.spill,
            tables: tables::named_in(&request.sql, self.catalog, &self.target.bucket.name),
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
            let catalog = catalog::read(&self.target.bucket).await?;
            let tables = tables::named_in(&request.sql, &catalog, &self.target.bucket.name);
            if tables == event.tables {
                return Err(fault::of_function(&invoked.payload, &catalog, &self.context.config));
            }
            self.context.detail("the query's tables were loaded anew while it ran; running it again");
            event.tables = tables;
        }
    }
}
