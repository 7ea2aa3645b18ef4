//! Files that lie in S3 already become a table as they are: found with the caller's rights, looked at by functions, copied by
//! nobody.

mod columns;
mod fit;
mod folders;
mod footers;
mod iceberg;
mod places;
mod plain;

use std::time::Instant;

use anyhow::Result;

use super::write::Session;
use crate::duck::words;
use crate::error::{failure, interrupted};
use crate::lake::catalog::{Catalog, Scope};
use crate::lake::describe::TableDetail;
use crate::lake::load::Mode;
use crate::lake::load::commit::admit;
use crate::lake::registered::{self, Arrival, Registered};
use crate::lake::views::check_name;
use crate::query::Coordinator;

/// What is asked for.
#[derive(Debug)]
pub(crate) struct Registration<'a> {
    /// An address of S3, whose key may be a glob; of another program's table that of its metadata or of its folder.
    pub source: &'a str,
    /// It is a table of Iceberg's that another program writes.
    pub iceberg: bool,
    pub table: &'a str,
    /// What there is by that name goes.
    pub replaces: bool,
}

/// What is there, as a table may have it.
struct Found {
    arrival: Arrival,
    /// What the user should know of it.
    notes: Vec<String>,
    /// Calls of functions, and what they cost, US dollars.
    invocations: usize,
    cost_usd: f64,
}

impl Registration<'_> {
    fn mode(&self) -> Mode {
        if self.replaces { Mode::Replace } else { Mode::Create }
    }
}

/// Makes a table of files where they lie.
///
/// # Errors
/// Files that are none of Parquet, that do not fit together, or that lie where none of a table may; what S3 and the function say.
/// Then nothing was changed.
pub(crate) async fn register(
    coordinator: &Coordinator<'_>,
    session: &Session<'_>,
    asked: &Registration<'_>,
) -> Result<Registered> {
    let started = Instant::now();
    let Coordinator { target, catalog, .. } = *coordinator;
    check_name(asked.table)?;
    if let (Some(known), false) = (catalog.find(asked.table).map(|(known, _)| known), asked.replaces) {
        return Err(failure(
            format!("there is a table `{known}` already"),
            "add --replace to have the files in its place, or choose another name",
        ));
    }
    admit(catalog, asked.table, asked.mode())?;
    let Found { arrival, mut notes, invocations, cost_usd } = match asked.iceberg {
        true => iceberg::find(coordinator, session, asked).await?,
        false => plain::find(coordinator, session, asked).await?,
    };
    if session.cancel.is_cancelled() {
        return Err(interrupted("interrupted: nothing was changed"));
    }
    let change = |catalog: &mut Catalog| registered::put(catalog, &arrival);
    let put = session.transaction.update(&target.bucket, Scope::Whole(asked.table), change).await?;
    if put.forgets {
        notes.push(
            "its history begins anew, as files of it have changed where they lie, or have other columns".to_owned(),
        );
    }
    if words::is_reserved(asked.table) {
        notes.push(format!("`{0}` is a word of SQL: queries name the table in double quotes, \"{0}\"", asked.table));
    }
    Ok(Registered {
        files_came: put.came,
        files_went: put.went,
        time_ms: u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX),
        invocations,
        cost_usd,
        notes,
        table: TableDetail::new(asked.table, &put.table),
    })
}
