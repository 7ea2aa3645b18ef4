//! `quackctl logs`: what the function's instances wrote.

use std::io::Write;
use std::time::Duration;

use anyhow::Result;

use crate::cloud;
use crate::console::context::Context;
use crate::console::interrupt;

/// Prints the log; with `follow`, also what is added to it, until Ctrl-C.
pub(crate) async fn run(context: &Context, follow: bool, since: Option<Duration>) -> Result<()> {
    let mut out = std::io::stdout();
    let copied = tokio::select! {
        copied = cloud::logs(context, since, follow, |text| out.write_all(text)) => copied,
        () = interrupt::requested(), if follow => Ok(()),
    };
    crate::error::unless_broken_pipe(copied)
}
