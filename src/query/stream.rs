//! The rows of a divided query on their way: counted, limited, and never more than one batch of them held.

use std::time::Instant;

use anyhow::Result;
use arrow::array::RecordBatch;

use super::account::Account;

/// Batches up to a limit of rows; the account learns how many there were, and whether there are more.
pub(super) struct Counted<I> {
    batches: Option<I>,
    /// Rows that may still go out; `None` is all of them.
    left: Option<u64>,
    account: Account,
    started: Instant,
}

impl<I> Counted<I> {
    pub(super) fn new(batches: I, limit: Option<u64>, account: Account, started: Instant) -> Self {
        Self { batches: Some(batches), left: limit, account, started }
    }
}

impl<I: Iterator<Item = Result<RecordBatch>>> Iterator for Counted<I> {
    type Item = Result<RecordBatch>;

    fn next(&mut self) -> Option<Self::Item> {
        let batch = self.batches.as_mut()?.next();
        let mut tally = self.account.tally();
        tally.elapsed = self.started.elapsed();
        let batch = match batch {
            Some(Ok(batch)) => batch,
            end => {
                self.batches = None;
                return end;
            }
        };
        let rows = batch.num_rows() as u64;
        let Some(left) = &mut self.left else {
            tally.rows += rows;
            return Some(Ok(batch));
        };
        let taken = rows.min(*left);
        tally.rows += taken;
        *left -= taken;
        if taken == rows {
            return Some(Ok(batch));
        }
        tally.truncated = true;
        // What makes the batches ends with them.
        self.batches = None;
        (taken > 0).then(|| Ok(batch.slice(0, usize::try_from(taken).unwrap_or(usize::MAX))))
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::sync::Arc;

    use arrow::array::{ArrayRef, Int64Array};

    use super::*;
    use crate::query::stats::Stats;

    fn batch(rows: i64) -> RecordBatch {
        let column: ArrayRef = Arc::new(Int64Array::from_iter_values(0..rows));
        RecordBatch::try_from_iter([("i", column)]).unwrap()
    }

    fn account() -> Account {
        Account::of_many(String::new(), String::new(), Vec::new(), Stats::default())
    }

    #[test]
    fn batches_are_made_one_by_one_as_they_are_taken() {
        let made = Cell::new(0);
        let source = (0..1000).map(|_| {
            made.set(made.get() + 1);
            Ok(batch(10))
        });
        let account = account();
        let mut rows = Counted::new(source, None, account.clone(), Instant::now());
        for taken in 1..=5 {
            rows.next().unwrap().unwrap();
            assert_eq!((made.get(), account.summary().tally.rows), (taken, taken * 10));
        }
        assert_eq!(rows.count(), 995);
        let tally = account.summary().tally;
        assert_eq!((tally.rows, tally.truncated), (10_000, false));
    }

    #[test]
    fn a_limit_tells_whether_there_is_more() {
        let taken = |sizes: &[i64], limit| {
            let account = account();
            let source = sizes.iter().map(|rows| Ok(batch(*rows)));
            let rows = Counted::new(source, Some(limit), account.clone(), Instant::now());
            let went_out: usize = rows.map(|batch| batch.unwrap().num_rows()).sum();
            let tally = account.summary().tally;
            assert_eq!(went_out as u64, tally.rows);
            (tally.rows, tally.truncated)
        };
        assert_eq!(taken(&[3, 3], 10), (6, false));
        assert_eq!(taken(&[3, 3], 6), (6, false));
        assert_eq!(taken(&[3, 3, 0], 6), (6, false));
        assert_eq!(taken(&[3, 3], 3), (3, true));
        assert_eq!(taken(&[3, 3], 4), (4, true));
        assert_eq!(taken(&[1], 0), (0, true));
        assert_eq!(taken(&[], 0), (0, false));
    }
}
