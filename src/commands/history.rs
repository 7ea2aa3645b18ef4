//! `quackctl history`: what was asked, by whom, and what it cost.

use std::time::Duration;

use anyhow::Result;

use crate::cli::{HistoryArgs, Span};
use crate::config::TargetKind;
use crate::console::context::Context;
use crate::console::progress;
use crate::error::usage;
use crate::history::{Groups, List, Sum, since_its_first};

const DAY: Duration = Duration::from_secs(86_400);

/// Lists queries, or sums of them.
pub(crate) async fn run(context: &Context, args: &HistoryArgs) -> Result<()> {
    if args.sum == Some(Span::Month) && args.since.is_some() {
        return Err(usage(
            "--since says what is summed up, and so does --sum month",
            "leave one of them away, or give --sum since",
        ));
    }
    let since = match (args.sum, args.since, args.by) {
        (Some(Span::Month), ..) => since_its_first(),
        (_, Some(since), _) => since,
        (_, None, Some(_)) => DAY * 30,
        (_, None, None) => DAY,
    };
    let config = &context.config;
    let kept_days = config.aws.log_retention_days;
    if config.target == TargetKind::Aws && since > DAY * kept_days {
        context.say(format!("note: the log is kept for {kept_days} days (aws.log_retention_days)"));
    }
    let spinner = progress::spinner(context, "reading the function's log");
    if args.sum.is_some() {
        let sum = Sum::read(context, since).await;
        spinner.finish_and_clear();
        return context.print(&sum?);
    }
    if let Some(by) = args.by {
        let groups = Groups::read(context, since, by).await;
        spinner.finish_and_clear();
        return context.print(&groups?);
    }
    let list = List::read(context, since, args.limit as usize).await;
    spinner.finish_and_clear();
    context.print(&list?)
}
