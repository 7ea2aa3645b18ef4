//! What was measured, as a table and as JSON.

use std::fmt;

use serde::Serialize;

use crate::invoke::cost::dollars;
use crate::output::grid::grid;
use crate::planner::{QueryPlan, Strategy};

/// One of the ways in which the query is run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Way {
    MapReduce,
    OneFunction,
    Local,
}

impl Way {
    /// All of them, in the order in which they run and are shown.
    pub(crate) const ALL: [Self; 3] = [Self::MapReduce, Self::OneFunction, Self::Local];
}

impl fmt::Display for Way {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::MapReduce => "map-reduce",
            Self::OneFunction => "one function",
            Self::Local => "local DuckDB",
        })
    }
}

/// One run of one way.
#[derive(Debug, Clone, Default)]
pub(crate) struct Measured {
    /// From the SQL to the last row.
    pub seconds: f64,
    pub cold_starts: u64,
    /// At Lambda's public price, US dollars; nothing of a run that cost nothing.
    pub cost_usd: Option<f64>,
    /// How its answer differs from the first one.
    pub differs: Option<String>,
}

/// The experiment.
#[derive(Debug, Serialize)]
pub(crate) struct Report {
    pub query: String,
    pub strategy: Strategy,
    /// Functions that the query is divided among.
    pub functions: usize,
    /// Why it is divided so, or not at all.
    pub reason: String,
    /// Measured rounds: one more comes before them and is no part of mean, deviation, minimum and cost.
    pub repetitions: u32,
    pub ways: Vec<Line>,
    /// Whether all answers of all rounds were the same.
    pub equal: bool,
}

/// One way's figures, milliseconds.
#[derive(Debug, Serialize)]
pub(crate) struct Line {
    pub way: Way,
    pub mean_ms: f64,
    /// Of the sample; 0 for a single repetition.
    pub stddev_ms: f64,
    pub min_ms: f64,
    /// The round that warms up.
    pub first_ms: f64,
    /// In all rounds, the first one too.
    pub cold_starts: u64,
    /// Mean over the measured rounds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cost_usd: Option<f64>,
    /// How an answer differed from the first one of all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub differs: Option<String>,
    #[serde(skip)]
    runs: Vec<Measured>,
}

impl Report {
    pub(crate) fn new(sql: &str, plan: &QueryPlan, repetitions: u32) -> Self {
        let line = |way| Line {
            way,
            mean_ms: 0.0,
            stddev_ms: 0.0,
            min_ms: 0.0,
            first_ms: 0.0,
            cold_starts: 0,
            cost_usd: None,
            differs: None,
            runs: Vec::new(),
        };
        Self {
            query: sql.to_owned(),
            strategy: plan.strategy,
            functions: plan.fetches.iter().map(|fetch| fetch.splits.len()).sum::<usize>().max(1),
            reason: plan.reason.clone(),
            repetitions,
            ways: Way::ALL.into_iter().map(line).collect(),
            equal: true,
        }
    }

    /// Takes a run into account; the first of each way warms up.
    pub(crate) fn add(&mut self, way: Way, run: Measured) {
        self.equal &= run.differs.is_none();
        for line in self.ways.iter_mut().filter(|line| line.way == way) {
            line.add(run.clone());
        }
    }
}

impl Line {
    fn add(&mut self, run: Measured) {
        self.cold_starts += run.cold_starts;
        self.differs = self.differs.take().or_else(|| run.differs.clone());
        self.runs.push(run);
        let Some((first, measured)) = self.runs.split_first() else { return };
        self.first_ms = first.seconds * 1000.0;
        let times: Vec<f64> = measured.iter().map(|run| run.seconds * 1000.0).collect();
        self.mean_ms = mean(&times);
        let deviations: f64 = times.iter().map(|time| (time - self.mean_ms).powi(2)).sum();
        self.stddev_ms = (deviations / times.len().saturating_sub(1).max(1) as f64).sqrt();
        self.min_ms = times.iter().copied().reduce(f64::min).unwrap_or(0.0);
        let costs: Option<Vec<f64>> = measured.iter().map(|run| run.cost_usd).collect();
        self.cost_usd = costs.filter(|costs| !costs.is_empty()).map(|costs| mean(&costs));
    }
}

fn mean(numbers: &[f64]) -> f64 {
    numbers.iter().sum::<f64>() / numbers.len().max(1) as f64
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}\n", self.query)?;
        let header = ["", "mean ms", "stddev", "min", "first", "cold starts", "cost", "answer"];
        let mut grid = grid(&header, &[1, 2, 3, 4, 5, 6]);
        let one = |ms: f64| format!("{ms:.1}");
        for line in &self.ways {
            let way = match line.way {
                Way::MapReduce if self.functions > 1 => format!("{} on {}", line.way, self.functions),
                way => way.to_string(),
            };
            grid.add_row([
                way,
                one(line.mean_ms),
                one(line.stddev_ms),
                one(line.min_ms),
                one(line.first_ms),
                line.cold_starts.to_string(),
                line.cost_usd.map(dollars).unwrap_or_default(),
                if line.differs.is_none() { "equal" } else { "DIFFERS" }.to_owned(),
            ]);
        }
        writeln!(f, "{grid}")?;
        let times =
            if self.repetitions == 1 { "1 repetition".to_owned() } else { format!("{} repetitions", self.repetitions) };
        writeln!(
            f,
            "{times} in turn, after a first one that warms up and counts for the cold starts only. Warm instances,"
        )?;
        writeln!(f, "and the local DuckDB, still hold what they have read.")?;
        if self.strategy == Strategy::Single {
            writeln!(f, "{}: {}", Way::MapReduce, self.reason)?;
        }
        for (line, differs) in self.ways.iter().filter_map(|line| Some((line, line.differs.as_ref()?))) {
            writeln!(f, "{}: {differs}", line.way)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_run_is_no_part_of_the_figures() {
        let plan = QueryPlan {
            strategy: Strategy::Single,
            reason: "why".to_owned(),
            fetches: Vec::new(),
            final_sql: String::new(),
            table_bytes: 0,
        };
        let mut report = Report::new("SELECT 1", &plan, 3);
        for (seconds, cold_starts) in [(9.0, 2), (1.0, 0), (2.0, 1), (3.0, 0)] {
            let cost_usd = Some(seconds);
            report.add(Way::MapReduce, Measured { seconds, cold_starts, cost_usd, ..Measured::default() });
        }
        let line = &report.ways[0];
        assert_eq!((line.mean_ms, line.stddev_ms, line.min_ms, line.first_ms), (2000.0, 1000.0, 1000.0, 9000.0));
        assert_eq!((line.cold_starts, line.cost_usd), (3, Some(2.0)));
        assert!(report.equal && !report.to_string().contains("DIFFERS"));
        let differs = Some("2 rows instead of 1".to_owned());
        report.add(Way::Local, Measured { differs, ..Measured::default() });
        assert!(!report.equal);
        let text = report.to_string();
        assert!(text.contains("local DuckDB: 2 rows instead of 1") && text.contains("map-reduce: why"), "{text}");
    }
}
