//! SQL that changes the lake: `CREATE TABLE`, `INSERT`, `UPDATE`, `DELETE`, `MERGE`, `TRUNCATE`, `ALTER TABLE ... RENAME`, `DROP TABLE`, the
//! same of views, `COMMENT ON`; and several of them as one, between `BEGIN` and `COMMIT`.
//!
//! The function runs the SELECT in a statement and writes its rows as Parquet among the results, as it may; the caller's own
//! rights copy them into the table's folder, inside the bucket, and change the catalog in one step. No row comes by here.

mod alter;
mod altered;
mod batches;
mod clauses;
mod columns;
mod comment;
mod compact;
mod create;
mod created;
mod declared;
mod deeds;
mod done;
mod insert;
mod inserted;
mod land;
mod merge;
mod parts;
mod place;
mod ranges;
mod reader;
mod refused;
mod register;
mod replace;
mod rewrite;
mod schema;
mod settled;
mod sizes;
mod staged;
mod statement;
mod temporary;
mod tidy;
mod transaction;
mod view;
mod write;
mod zorder;

use anyhow::Result;

pub(crate) use compact::{Compaction, compact};
pub(crate) use declared::table_of;
pub(crate) use done::{Changed, Deed, Outcome};
pub(crate) use register::{Registration, register};
pub(crate) use statement::{Change, parse};
pub(crate) use transaction::{Mark, Transaction};
pub(crate) use write::Session;

use crate::error::usage;
use crate::history::budget;
use crate::lake::catalog::{Catalog, Scope, names};
use crate::lake::drop::take_out;
use crate::lake::rename::rename;
use crate::lake::views;
use crate::query::{Coordinator, needed, while_replaced};
use transaction::Committed;

/// Makes one change, or none of it; `sql` is its statement. When tables that it reads are replaced while it does, it begins
/// anew. Within a `transaction`, only that has it.
///
/// # Errors
/// What the statement asks for and is not there; what DuckDB says of it; what the bucket says; `cancel`.
pub(crate) async fn run(
    coordinator: &Coordinator<'_>,
    session: &Session<'_>,
    sql: &str,
    change: &Change,
) -> Result<Outcome> {
    if change.asks_functions() {
        budget::check(coordinator.context).await?;
    }
    while_replaced(coordinator, sql, async |coordinator| {
        let needed = needed::all(coordinator, sql, only_grows(change, sql)).await?;
        let coordinator = &coordinator.over(needed.as_ref());
        match change {
            Change::Insert(insert) => insert::run(coordinator, session, insert).await,
            Change::Rewrite(rewrite) => rewrite::run(coordinator, session, rewrite).await,
            Change::Merge(merge) => merge::run(coordinator, session, merge).await,
            _ => other(coordinator, session, change).await.map(Outcome::from),
        }
    })
    .await
    .map_err(|error| place::of_the_users(error, sql))
}

/// The table of which nothing needs to be known but its columns: rows are added to it, and the statement names it nowhere else.
fn only_grows<'a>(change: &'a Change, sql: &str) -> Option<&'a str> {
    let Change::Insert(insert) = change else { return None };
    let named = names(sql).iter().filter(|name| name.eq_ignore_ascii_case(&insert.table)).count();
    (named == 1).then_some(insert.table.as_str())
}

/// A change that gives no rows.
async fn other(coordinator: &Coordinator<'_>, session: &Session<'_>, change: &Change) -> Result<Changed> {
    let Coordinator { target, catalog, .. } = *coordinator;
    let (bucket, transaction) = (&target.bucket, session.transaction);
    match change {
        Change::Create(create) => create::run(coordinator, session, create).await,
        Change::Insert(_) | Change::Rewrite(_) | Change::Merge(_) => unreachable!("it may give rows"),
        Change::CreateView(create) => view::create(coordinator, session, create).await,
        Change::DropView { view, if_exists } => {
            if *if_exists && catalog.called(view).is_none() {
                return Ok(Changed::nothing(Deed::DropView, view));
            }
            let dropped = transaction.update(bucket, Scope::NONE, |catalog| views::take_out(catalog, view)).await?;
            Ok(Changed::nothing(Deed::DropView, &dropped).made())
        }
        Change::RenameView { view, to, if_exists } => {
            if *if_exists && catalog.called(view).is_none() {
                return Ok(Changed::nothing(Deed::RenameView, view));
            }
            let renamed = transaction.update(bucket, Scope::NONE, |catalog| views::rename(catalog, view, to)).await?;
            Ok(Changed::nothing(Deed::RenameView, &renamed.to).made())
        }
        Change::Schema(change) => schema::run(coordinator, session, change).await,
        Change::Comment(comment) => comment::run(bucket, session, comment).await,
        Change::Drop { table, if_exists } => {
            if *if_exists && catalog.called(table).is_none() {
                return Ok(Changed::nothing(Deed::Drop, table));
            }
            of_table(catalog, table, "DROP VIEW")?;
            let dropped = transaction.update(bucket, Scope::Whole(table), |catalog| take_out(catalog, table)).await?;
            Ok(Changed { rows: dropped.rows, ..Changed::nothing(Deed::Drop, &dropped.table) }.made())
        }
        Change::Alter { table, alteration } => alter::run(coordinator, session, table, alteration).await,
        Change::Rename { table, to } => {
            of_table(catalog, table, "ALTER VIEW")?;
            let scope = Scope::Whole(table);
            let renamed =
                transaction.update(bucket, scope, |catalog| rename(catalog, &bucket.layout, table, to)).await?;
            Ok(Changed::nothing(Deed::Rename, &renamed.to).made())
        }
        Change::Begin => transaction.begin(bucket).await.map(|()| Changed::nothing(Deed::Begin, "")),
        Change::Commit => {
            let Committed { tables, views, schemas } = transaction.commit(bucket).await?;
            let changed = tables + views + schemas > 0;
            let (views, schemas) = ((views > 0).then_some(views), (schemas > 0).then_some(schemas));
            Ok(Changed { tables: Some(tables), views, schemas, changed, ..Changed::nothing(Deed::Commit, "") })
        }
        Change::Rollback => transaction.roll_back(bucket).await.map(|()| Changed::nothing(Deed::Rollback, "")),
    }
}

/// Refuses a statement about a table that names a view.
fn of_table(catalog: &Catalog, name: &str, instead: &str) -> Result<()> {
    match catalog.view(name) {
        Some((view, _)) => {
            Err(usage(format!("`{view}` is a view, not a table"), format!("{instead} {view} is for it")))
        }
        None => Ok(()),
    }
}
