//! A plan in words: for `quackctl query --explain`.

use std::fmt;

use indicatif::{HumanBytes, HumanCount};

use super::{Fetch, Plan, Strategy};

/// Why a query runs on one function.
pub(super) fn single(why: &str) -> String {
    format!("the query runs on one function as it stands: {why}")
}

/// Why a query is split as it is.
pub(super) fn reason(fetches: &[Fetch]) -> String {
    let said: Vec<String> = fetches.iter().map(sentence).collect();
    said.join("; ")
}

fn sentence(fetch: &Fetch) -> String {
    let table = &fetch.table;
    let count = fetch.splits.len();
    let parts = if count == 1 { "1 part".to_owned() } else { format!("{count} parts") };
    let done = match fetch.strategy {
        Strategy::PartialAggregate => {
            format!("each of {parts} of `{table}` is grouped and aggregated by itself, and the groups are merged")
        }
        Strategy::Projection => format!("each of {parts} of `{table}` gives its own rows of the answer"),
        Strategy::Gather | Strategy::Single => {
            format!("the rows and columns of `{table}` that the query needs are gathered from {parts}")
        }
    };
    let whole: Vec<String> = fetch.broadcast.iter().map(|table| format!("`{}`", table.table)).collect();
    if whole.is_empty() { done } else { format!("{done}; each function reads {} whole", whole.join(", ")) }
}

impl fmt::Display for Plan {
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
            let (rows, bytes) = (HumanCount(split.rows), HumanBytes(split.bytes));
            writeln!(f, "  {:>4}  {files} file{plural}, {rows} rows, {bytes}", index + 1)?;
        }
        for table in &self.broadcast {
            writeln!(f, "  each with all of {}, {}", table.table, HumanBytes(table.bytes))?;
        }
        Ok(())
    }
}
