//! A plan in words: for `quackctl query --explain`.

use std::collections::BTreeSet;
use std::fmt;

use indicatif::{HumanBytes, HumanCount};
use quack_function::file_part::FilePart;

use super::query_plan::{Fetch, QueryPlan, Strategy};
use super::refusal::Refusal;

/// Why a query runs on one function.
pub(super) fn single(why: &str) -> String {
    format!("the query runs on one function as it stands: {why}")
}

/// Why a query is split as it is; `because` is what stood in the way of something better.
pub(super) fn reason(fetches: &[Fetch], because: Option<&Refusal>) -> String {
    let mut said: Vec<String> = Vec::new();
    for fetch in fetches.iter().filter(|fetch| fetch.strategy != Strategy::Gather) {
        said.push(sentence(fetch));
    }
    let gathered: BTreeSet<String> = fetches
        .iter()
        .filter(|fetch| fetch.strategy == Strategy::Gather)
        .map(|fetch| format!("`{}`", fetch.table))
        .collect();
    if !gathered.is_empty() {
        let tables = gathered.into_iter().collect::<Vec<_>>().join(", ");
        let because = because.map(|why| format!("{}: ", why.0)).unwrap_or_default();
        said.push(format!("{because}the rows and columns of {tables} that are needed are gathered"));
    }
    said.join("; ")
}

fn sentence(fetch: &Fetch) -> String {
    let table = &fetch.table;
    let done = match fetch.strategy {
        Strategy::PartialAggregate => {
            format!("each part of `{table}` is grouped and aggregated by itself, and the groups are merged")
        }
        _ => format!("each part of `{table}` gives its own rows of the answer"),
    };
    let whole: Vec<String> = fetch.broadcast.iter().map(|table| format!("`{}`", table.table)).collect();
    if whole.is_empty() { done } else { format!("{done}; each function reads {} whole", whole.join(", ")) }
}

impl fmt::Display for QueryPlan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "strategy  {}", self.strategy)?;
        writeln!(f, "why       {}", self.reason)?;
        for fetch in &self.fetches {
            write!(f, "\n{fetch}")?;
        }
        if !self.fetches.is_empty() {
            writeln!(f, "\nfinal, here\n  {}", self.final_sql)?;
        }
        Ok(())
    }
}

impl fmt::Display for Fetch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let plural = if self.splits.len() == 1 { "" } else { "s" };
        write!(f, "{} from {} split{plural} of {}", self.name, self.splits.len(), self.table)?;
        if self.pruned_files > 0 {
            write!(f, ", {} files left out as no row of theirs can count", HumanCount(self.pruned_files as u64))?;
        }
        writeln!(f, "\n  {}", self.sql)?;
        for (index, split) in self.splits.iter().enumerate() {
            let plural = if split.files.len() == 1 { "" } else { "s" };
            let files = HumanCount(split.files.len() as u64);
            let files = match split.files.iter().any(|part| matches!(part, FilePart::Rows { .. })) {
                true => format!("parts of {files} file"),
                false => format!("{files} file"),
            };
            let (rows, bytes) = (HumanCount(split.rows), HumanBytes(split.bytes));
            writeln!(f, "  {:>4}  {files}{plural}, {rows} rows, {bytes}", index + 1)?;
        }
        for table in &self.broadcast {
            writeln!(f, "  each with all of {}, {}", table.table, HumanBytes(table.bytes))?;
        }
        Ok(())
    }
}
