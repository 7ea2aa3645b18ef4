//! What a query would take on many functions: its parts are really run, one at a time, and a model puts them side by side.

mod cloud;
mod measure;
mod model;
mod report;
mod trace;

use std::time::Duration;

use anyhow::Result;
use tokio_util::sync::CancellationToken;

use self::cloud::Cloud;
use self::measure::{Measured, measure, parts};
use self::model::Outcome;
use self::report::Line;
pub(crate) use self::report::Simulation;
use super::rows::Rows;
use crate::config::{Config, Network, TargetKind, vcpus};
use crate::console::progress;
use crate::error::usage;
use crate::query::Coordinator;

/// How often the model runs: chance decides about starts and stragglers.
const RUNS: usize = 201;

/// The numbers of functions that are tried where none are named.
pub(crate) const FUNCTIONS: &str = "1,10,100,1000";

/// Most functions of one query: what an account may have at once.
pub(crate) const FUNCTIONS_MAX: usize = 1_000;

/// Measures and models `sql` on each of the numbers of `functions`.
///
/// # Errors
/// A local target whose instances are not as Lambda's, a part that fails, `cancel`.
pub(crate) async fn run(
    coordinator: &Coordinator<'_>,
    sql: &str,
    functions: &[usize],
    seed: u64,
    cancel: &CancellationToken,
) -> Result<Simulation> {
    let config = &coordinator.context.config;
    let notes = looked_at(config)?;
    let (wanted, mut counts) = (functions.iter().copied(), Vec::new());
    for functions in wanted {
        let parts = parts(coordinator, sql, functions).await?;
        if !counts.iter().any(|(_, known)| *known == parts) {
            counts.push((functions, parts));
        }
    }
    let live = progress::rounds(coordinator.context, counts.iter().map(|(_, parts)| *parts as u64).sum());
    let cloud = cloud_of(config);
    let arch = config.function_arch()?;
    let mut first: Option<Rows> = None;
    let mut simulation = Simulation {
        query: sql.to_owned(),
        memory_mb: config.memory_mb,
        vcpus: vcpus(config.memory_mb),
        runs: RUNS,
        seed,
        lines: Vec::new(),
        equal: true,
        notes,
    };
    for (functions, parts) in counts {
        live.set_message(format!("{parts} functions"));
        let measured = measure(coordinator, sql, functions, || live.inc(1), cancel).await?;
        let outcomes = modelled(&measured, &cloud, seed);
        let mut line = Line::new(&measured, &outcomes, config.memory_mb, arch);
        match &first {
            Some(first) => line.differs = first.difference(&measured.rows),
            None => first = Some(measured.rows),
        }
        simulation.equal &= line.differs.is_none();
        simulation.lines.push(line);
    }
    live.finish_and_clear();
    let most = simulation.lines.iter().map(|line| line.functions).max().unwrap_or(1);
    if functions.iter().any(|functions| *functions > most) {
        simulation.notes.push(format!("The query has no more than {most} parts."));
    }
    Ok(simulation)
}

fn modelled(measured: &Measured, cloud: &Cloud, seed: u64) -> Vec<Outcome> {
    let seeds = (0..RUNS as u64).map(|run| seed.wrapping_mul(1_000_003).wrapping_add(run));
    seeds.map(|seed| model::run(&measured.works, measured.finish, cloud, seed)).collect()
}

/// The cloud that the model has, for what is measured on the target of `config`.
fn cloud_of(config: &Config) -> Cloud {
    let mut cloud = Cloud::default();
    if let Some(reserved) = config.aws.reserved_concurrency {
        cloud.concurrency = usize::try_from(reserved).unwrap_or(usize::MAX);
    }
    // In AWS S3 itself has answered, and without a network there is nothing to compare with.
    if config.target == TargetKind::Local && config.network.first_byte_ms > 0 {
        cloud.first_byte = Some(Duration::from_millis(config.network.first_byte_ms.into()));
    }
    cloud
}

/// What is to be known of what will be measured on the target of `config`.
///
/// # Errors
/// A local target whose instances have all cores, or have read before.
fn looked_at(config: &Config) -> Result<Vec<String>> {
    let mut notes = Vec::new();
    if config.target == TargetKind::Aws {
        notes.push("Measured in AWS; instances that were warm may have read some of it before.".to_owned());
        return Ok(notes);
    }
    if !config.cpu_share || config.idle_s > 0 {
        return Err(usage(
            "the local target's instances are not as Lambda's: they have all cores, or serve one request after the other",
            "set cpu_share = true and idle_s = 0 under [local] in quack.toml, and profile = \"aws\" under [local.network]; \
             then run `quackctl up`",
        ));
    }
    if config.network == Network::default() {
        notes.push("Measured without a network: set profile = \"aws\" under [local.network].".to_owned());
    }
    let cores = std::thread::available_parallelism().map_or(1, usize::from) as f64;
    if vcpus(config.memory_mb) > cores {
        notes.push(format!("Measured on {cores} cores: in Lambda {} MB have more.", config.memory_mb));
    }
    Ok(notes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cloud::local::testing::Lake;

    #[tokio::test]
    async fn only_instances_like_lambdas_are_measured() {
        let held = "cpu_share = true\nidle_s = 0";
        for toml in ["", "[local]\ncpu_share = true", "[local]\nidle_s = 0"] {
            let error = looked_at(&Lake::of(toml).await.context.config).unwrap_err();
            assert!(error.to_string().contains("not as Lambda's"), "{toml}");
        }
        let near = Lake::of(&format!("[local]\n{held}\n[function]\nmemory_mb = 512")).await.context.config.clone();
        assert_eq!(looked_at(&near).unwrap().len(), 1);
        assert_eq!(cloud_of(&near), Cloud::default());
        let far = format!("[local]\n{held}\n[local.network]\nprofile = \"aws\"\n[aws]\nreserved_concurrency = 7");
        let far = cloud_of(&Lake::of(&far).await.context.config);
        assert_eq!((far.first_byte, far.concurrency), (Some(Duration::from_millis(100)), 7));
    }
}
