//! Statements of a script or of the shell that change the lake: run, and told.

use std::time::Instant;

use anyhow::Result;
use tokio_util::sync::CancellationToken;

use crate::change::{self, Change};
use crate::console::context::Context;
use crate::query::Coordinator;

/// Makes a change and says what it did: as JSON on standard output, to people beside it, as the rows of queries go there.
///
/// # Errors
/// As for [`change::run`].
pub(super) async fn run(
    context: &Context,
    coordinator: &Coordinator<'_>,
    sql: &str,
    change: &Change,
    timing: bool,
    cancel: &CancellationToken,
) -> Result<()> {
    let started = Instant::now();
    let changed = change::run(coordinator, sql, change, cancel).await?;
    if context.json {
        return context.print(&changed);
    }
    let took = format!("  {} ms", started.elapsed().as_millis());
    context.say(format!("{}{}", changed.to_string().trim_end(), if timing { &took } else { "" }));
    Ok(())
}
