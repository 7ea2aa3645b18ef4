//! The earlier project's experiment, for any query: the same SQL as map-reduce, on one function, and in a DuckDB of this
//! machine on the same bucket, in turn and several times over.

mod local;
mod report;
mod rows;
pub(crate) mod simulate;

use std::ops::RangeInclusive;
use std::time::Instant;

use anyhow::Result;
use arrow::array::RecordBatch;
use quack_function::sql::qualified;
use quack_function::wire::Spill;
use tokio_util::sync::CancellationToken;

use self::local::Local;
pub(crate) use self::report::Report;
use self::report::{Measured, Way};
use self::rows::Rows;
use crate::console::progress;
use crate::error::{interrupted, usage};
use crate::lake::catalog::Catalog;
use crate::planner::Workers;
use crate::query::{Coordinator, Request};

/// Days that the default query may take: those of the taxi data, April 2019.
pub(crate) const DAYS: RangeInclusive<i64> = 1..=30;

/// The default query: trips for each pickup location in the first `days` of the taxi table `table`.
///
/// # Errors
/// A table that is not there, or is not of taxi trips.
pub(crate) fn taxi_sql(catalog: &Catalog, table: &str, days: u32) -> Result<String> {
    let (name, table) = catalog.table(table)?;
    let has = |wanted: &str| {
        let columns = table.columns.iter().map(|column| &column.name);
        columns.chain(table.partitions.iter().map(|column| &column.name)).any(|name| name == wanted)
    };
    // The partitions, so that other days are not even looked at.
    let day = ["date", "pickup_at"].into_iter().find(|column| has(column));
    let (Some(day), true) = (day, has("pickup_location_id")) else {
        return Err(usage(
            format!("`{name}` does not hold taxi trips by day, which the default query counts"),
            "give a query of your own, e.g. quackctl bench 'SELECT count(*) FROM trips'; \
             or load the sample: quackctl load --sample taxi --table trips --partition-by 'date=CAST(pickup_at AS DATE)'",
        ));
    };
    Ok(format!(
        "SELECT pickup_location_id AS location_id, count(*) AS counts FROM {} \
         WHERE {day} >= DATE '2019-04-01' AND {day} < DATE '2019-04-01' + {days} GROUP BY ALL ORDER BY counts DESC",
        qualified(name)
    ))
}

/// Runs `sql` in each way once to warm up and `repetitions` times to measure. Within each round the ways follow each
/// other, so that whatever else the machine does meets all of them alike.
///
/// # Errors
/// A way that fails; `cancel`.
pub(crate) async fn run(
    coordinator: &Coordinator<'_>,
    sql: &str,
    workers: Workers,
    repetitions: u32,
    cancel: &CancellationToken,
) -> Result<Report> {
    let local = Local::open(coordinator.target, &coordinator.context.config, coordinator.catalog, sql).await?;
    let request = Request { sql: sql.to_owned(), limit: None, spill: Spill::Auto };
    let plan = crate::query::plan(coordinator, &request, workers);
    let mut report = Report::new(sql, &plan, repetitions);
    let mut first: Option<Rows> = None;
    let rounds = u64::from(repetitions) + 1;
    let live = progress::rounds(coordinator.context, rounds * Way::ALL.len() as u64);
    for _ in 0..rounds {
        for way in Way::ALL {
            live.set_message(way.to_string());
            let started = Instant::now();
            let (mut measured, batches) = match way {
                Way::MapReduce => on_functions(coordinator, &request, workers, cancel).await?,
                Way::OneFunction => on_functions(coordinator, &request, Workers::Exactly(1), cancel).await?,
                Way::Local => tokio::select! {
                    batches = local.query(sql) => (Measured::default(), batches?),
                    () = cancel.cancelled() => return Err(interrupted("interrupted")),
                },
            };
            measured.seconds = started.elapsed().as_secs_f64();
            let rows = Rows::of(&batches);
            match &first {
                Some(first) => measured.differs = first.difference(&rows),
                None => first = Some(rows),
            }
            report.add(way, measured);
            live.inc(1);
        }
    }
    live.finish_and_clear();
    Ok(report)
}

async fn on_functions(
    coordinator: &Coordinator<'_>,
    request: &Request,
    workers: Workers,
    cancel: &CancellationToken,
) -> Result<(Measured, Vec<RecordBatch>)> {
    let answer = crate::query::answer(coordinator, request, workers, cancel).await?;
    let cold_starts = match &answer.account.divided {
        Some(stats) => stats.cold_starts,
        None => u64::from(!answer.account.facts.warm),
    };
    let measured = Measured { cold_starts, cost_usd: answer.account.cost_usd, ..Measured::default() };
    let result = coordinator.rows(answer, cancel).await?;
    let batches = tokio::task::block_in_place(|| result.batches.collect::<Result<_>>())?;
    Ok((measured, batches))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn catalog(columns: &[&str]) -> Catalog {
        let columns: Vec<_> = columns.iter().map(|name| serde_json::json!({ "name": name, "type": "DATE" })).collect();
        let table = serde_json::json!({
            "source": "", "loaded_at": "", "rows": 0, "bytes": 0, "columns": columns, "files": [],
        });
        serde_json::from_value(serde_json::json!({ "version": 1, "tables": { "trips": table } })).unwrap()
    }

    #[test]
    fn the_default_query_takes_the_partitions_where_there_are_any() {
        let by_day = taxi_sql(&catalog(&["pickup_at", "pickup_location_id", "date"]), "TRIPS", 10).unwrap();
        assert!(by_day.contains("FROM \"trips\" WHERE date >= ") && by_day.contains("'2019-04-01' + 10 "), "{by_day}");
        let whole = taxi_sql(&catalog(&["pickup_at", "pickup_location_id"]), "trips", 1).unwrap();
        assert!(whole.contains("WHERE pickup_at >= "), "{whole}");
        assert!(taxi_sql(&catalog(&["date"]), "trips", 1).unwrap_err().to_string().contains("taxi"));
        assert!(taxi_sql(&catalog(&[]), "trip", 1).is_err());
    }
}
