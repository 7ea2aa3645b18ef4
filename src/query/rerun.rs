//! A `load --replace` may remove the files that a query was sent to read: then it runs again.

use anyhow::Result;
use quack_function::names::is_table;

use super::coordinator::Coordinator;
use crate::bucket::layout::Layout;
use crate::error::{Kind, failure, kind};
use crate::invoke::tables::{self, Named};
use crate::lake::catalog::{self, Catalog};

/// Times that a query runs again. A run that misses its files ends early and costs little; but a table that is loaded again
/// and again will be tomorrow, too.
const MOST: u32 = 10;

/// Runs `work` and, when it fails while tables that `sql` names were loaded anew, again over the new ones.
///
/// # Errors
/// Those of `work`: the last one, once the query's own tables stay as they are or it ran [`MOST`] times again.
pub(crate) async fn while_replaced<T>(
    coordinator: &Coordinator<'_>,
    sql: &str,
    work: impl AsyncFn(&Coordinator<'_>) -> Result<T>,
) -> Result<T> {
    let coordinator = &coordinator.asking(sql);
    let mut fresh: Option<Catalog> = None;
    for run in 0.. {
        let known = fresh.as_ref().unwrap_or(coordinator.catalog);
        let error = match work(&Coordinator { catalog: known, ..*coordinator }).await {
            Ok(done) => return Ok(done),
            Err(error) if coordinator.is_snapshot && kind(&error) == Kind::Gone => {
                return Err(failure(
                    "somebody else has changed a table since BEGIN that the transaction reads: nothing was changed \
                     (SQLSTATE 40001)",
                    "run the transaction again",
                ));
            }
            // Whoever ended it does not want it again, whatever became of the tables.
            Err(error) if coordinator.is_snapshot || kind(&error) == Kind::Interrupted => return Err(error),
            Err(error) => error,
        };
        let now = catalog::read_for(&coordinator.target.bucket, sql).await;
        match now.map(|now| with_own(known, now, &coordinator.target.bucket.layout)) {
            Ok(now) if run < MOST && is_replaced(sql, known, &now) => fresh = Some(now),
            // Whether or not the catalog can be read, what the query failed with is what counts.
            _ => return Err(error),
        }
        coordinator.context.detail("the query's tables were loaded anew while it ran; running it again");
    }
    unreachable!("the loop above only ends by returning")
}

/// The catalog as it is `now`, with the tables that only this session knows: temporary ones, and those as they were, by names that
/// no other has.
fn with_own(known: &Catalog, mut now: Catalog, layout: &Layout) -> Catalog {
    let own = known.tables.iter().filter(|(name, table)| !is_table(name) || table.is_temporary(layout));
    now.tables.extend(own.map(|(name, table)| (name.clone(), table.clone())));
    now
}

/// Whether tables that `sql` names are others than they were; what happened to other tables is nothing to it.
fn is_replaced(sql: &str, before: &Catalog, now: &Catalog) -> bool {
    let named = |catalog: &Catalog| {
        let unread = |name: &str| catalog.find(name).map(|(_, table)| table.unread.clone()).unwrap_or_default();
        let Named { tables, views } = tables::named_in(sql, catalog, "");
        (tables.into_iter().map(|table| (unread(&table.name), table)).collect::<Vec<_>>(), views)
    };
    named(before) != named(now)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lake::catalog::{DataFile, Table};

    fn catalog(tables: &[(&str, &str)]) -> Catalog {
        let table = |key: &str| Table::of(vec![DataFile::named(key.to_owned())]);
        let tables = tables.iter().map(|(name, key)| ((*name).to_owned(), table(key))).collect();
        Catalog { tables, ..Catalog::default() }
    }

    #[test]
    fn only_the_querys_own_tables_make_it_run_again() {
        let before = catalog(&[("trips", "tables/trips/1"), ("zones", "tables/zones/1")]);
        let other = catalog(&[("trips", "tables/trips/1"), ("zones", "tables/zones/2"), ("new", "tables/new/1")]);
        let own = catalog(&[("trips", "tables/trips/2"), ("zones", "tables/zones/1")]);
        let gone = catalog(&[("zones", "tables/zones/1")]);
        let sql = "SELECT count(*) FROM trips";
        assert!(!is_replaced(sql, &before, &before) && !is_replaced(sql, &before, &other));
        assert!(is_replaced(sql, &before, &own) && is_replaced(sql, &before, &gone));
        assert!(is_replaced("FROM trips, zones", &before, &other));
    }
}
