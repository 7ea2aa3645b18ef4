//! `quackctl logs`: what the function's instances wrote.

use std::io::Write;

use anyhow::Result;

use crate::context::Context;
use crate::output::is_broken_pipe;
use crate::target;

/// Prints the log; with `follow`, also what is added to it, until Ctrl-C.
pub async fn run(context: &Context, follow: bool) -> Result<()> {
    let mut out = std::io::stdout();
    let copied = tokio::select! {
        copied = target::logs(&context.config, follow, |text| out.write_all(text)) => copied,
        _ = tokio::signal::ctrl_c(), if follow => Ok(()),
    };
    match copied {
        Err(error) if is_broken_pipe(&error) => Ok(()),
        copied => copied,
    }
}
