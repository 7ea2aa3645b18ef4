//! `quackctl logs`: what the function's instances wrote.

use std::io::{IsTerminal as _, Write};
use std::time::Duration;

use anyhow::Result;

use crate::cloud;
use crate::console::context::Context;
use crate::console::interrupt;
use crate::terminal::Shown;

/// Prints the log; with `follow`, also what is added to it, until Ctrl-C.
pub(crate) async fn run(context: &Context, follow: bool, since: Option<Duration>) -> Result<()> {
    let stdout = std::io::stdout();
    // The function writes what SQL makes it write.
    let mut out: Box<dyn Write> = if stdout.is_terminal() { Box::new(Shown::new(stdout)) } else { Box::new(stdout) };
    let copied = tokio::select! {
        copied = cloud::logs(context, since, follow, |text| out.write_all(text)) => copied,
        () = interrupt::requested(), if follow => Ok(()),
    };
    crate::error::unless_broken_pipe(copied)
}
