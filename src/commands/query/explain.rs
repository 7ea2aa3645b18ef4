//! `quackctl query --explain`: how a query would be answered, and what that and the other ways come to. Nothing is invoked.

use std::fmt::{self, Display, Formatter};

use anyhow::Result;
use indicatif::HumanBytes;
use quack_function::wire::Spill;
use serde::Serialize;

use super::super::changes::Changes;
use super::Plan;
use crate::change;
use crate::error::usage;
use crate::invoke::cost::dollars;
use crate::planner::{QueryPlan, Workers};
use crate::query::statements::Statement;
use crate::query::{Coordinator, Expected, Measured, Request, Way, needed};

/// Shows how each statement would be run, what the ways to do so come to, or what is wrong with it.
///
/// # Errors
/// What is no query; what the bucket says.
pub(super) async fn run(
    coordinator: &Coordinator<'_>,
    plan: &Plan<'_>,
    statements: Vec<Statement>,
    workers: Workers,
) -> Result<()> {
    if statements.is_empty() {
        return Err(usage("there is no query to explain", "e.g. quackctl query --explain 'FROM trips'"));
    }
    for statement in statements {
        let travelled = Changes::travel(coordinator.target, coordinator.catalog, &statement).await?;
        let (statement, then) = travelled.map_or((statement, None), |(own, then)| (own, Some(then)));
        let coordinator = &coordinator.over(then.as_ref());
        if change::parse(&statement.sql)?.is_some() {
            return Err(usage(
                "the statement changes the lake, and --explain tells of queries",
                "explain the SELECT in it",
            ));
        }
        crate::query::check(coordinator, &statement.sql)?;
        let needed = needed::by_query(coordinator, &statement.sql).await?;
        let coordinator = &coordinator.over(needed.as_ref());
        let limit = plan.limit(&statement);
        let request = Request { sql: statement.sql, limit, spill: Spill::Auto };
        let plan = crate::query::plan(coordinator, &request, workers);
        let weighed = crate::query::weighed(coordinator, &request, &plan);
        let is_asked = matches!(workers, Workers::Exactly(_));
        coordinator.context.print(&Explained { plan, weighed, is_asked })?;
    }
    Ok(())
}

/// A plan, and the ways that were weighed for it.
#[derive(Serialize)]
struct Explained {
    #[serde(flatten)]
    plan: QueryPlan,
    weighed: Vec<Way>,
    /// How many functions there are is the caller's to say, whatever they cost.
    #[serde(skip)]
    is_asked: bool,
}

impl Display for Explained {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.plan)?;
        if !self.weighed.is_empty() {
            writeln!(f, "\nweighed")?;
        }
        for Way { functions, read_bytes, usd_at_most, expected, taken, measured } in &self.weighed {
            let plural = if *functions == 1 { "" } else { "s" };
            let (read, usd) = (HumanBytes(*read_bytes), dollars(*usd_at_most));
            let taken = match (*taken, self.is_asked && *functions > 1) {
                (true, true) => ", taken as --workers says",
                (true, false) => ", taken",
                (false, _) => "",
            };
            write!(f, "  {functions} function{plural}")?;
            if let Some(Expected { ms, usd }) = expected {
                write!(f, ", about {ms:.0} ms and {}", dollars(*usd))?;
            }
            write!(f, ": up to {read} read, {usd} for it{taken}")?;
            if let Some(Measured { ms, usd, runs }) = measured {
                let times = if *runs == 1 { "once".to_owned() } else { format!("{runs} times, medians") };
                write!(f, "; measured {times}: {ms:.0} ms, {}", dollars(*usd))?;
            }
            writeln!(f)?;
        }
        Ok(())
    }
}
