//! Every bar and spinner; hidden where standard error is no terminal, and with `--quiet` or `--json`.

use std::time::Duration;

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::console::context::Context;
use crate::terminal::line;

/// A bar over `total` bytes: done, rate, time left.
pub(crate) fn bytes(context: &Context, label: &str, total: u64) -> ProgressBar {
    let bar = ProgressBar::with_draw_target(Some(total), draw_target(context));
    let template = "{prefix:.bold} {wide_bar:.cyan/dim} {bytes}/{total_bytes} {bytes_per_sec} eta {eta}";
    bar.set_style(style(template).progress_chars("━━─"));
    bar.set_prefix(line(label).into_owned());
    bar
}

/// A bar over the splits of a query: done, and what it took so far.
pub(crate) fn splits(context: &Context, total: u64) -> ProgressBar {
    let bar = ProgressBar::with_draw_target(Some(total), draw_target(context));
    bar.set_style(style("{wide_bar:.cyan/dim} {pos}/{len} splits {msg} {elapsed:.dim}").progress_chars("━━─"));
    bar
}

/// A bar over the runs of an experiment: done, and which one it is.
pub(crate) fn rounds(context: &Context, total: u64) -> ProgressBar {
    let bar = ProgressBar::with_draw_target(Some(total), draw_target(context));
    bar.set_style(style("{wide_bar:.cyan/dim} {pos}/{len} runs {msg} {elapsed:.dim}").progress_chars("━━─"));
    bar.enable_steady_tick(Duration::from_millis(100));
    bar
}

/// A bar over files that are looked at: done, and how many there are.
pub(crate) fn files(context: &Context, label: &str, total: u64) -> ProgressBar {
    let bar = ProgressBar::with_draw_target(Some(total), draw_target(context));
    bar.set_style(style("{prefix:.bold} {wide_bar:.cyan/dim} {pos}/{len} files {elapsed:.dim}").progress_chars("━━─"));
    bar.set_prefix(line(label).into_owned());
    bar.enable_steady_tick(Duration::from_millis(100));
    bar
}

/// A spinner for work whose size is not known.
pub(crate) fn spinner(context: &Context, label: &str) -> ProgressBar {
    let bar = ProgressBar::with_draw_target(None, draw_target(context));
    bar.set_style(style("{spinner:.cyan} {prefix:.bold} {msg} {elapsed:.dim}"));
    bar.set_prefix(line(label).into_owned());
    bar.enable_steady_tick(Duration::from_millis(100));
    bar
}

/// Several lines at once; bars are added to it.
pub(crate) fn several(context: &Context) -> MultiProgress {
    MultiProgress::with_draw_target(draw_target(context))
}

fn draw_target(context: &Context) -> ProgressDrawTarget {
    if context.interactive() { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() }
}

/// A template that does not parse would be a mistake in this file; the default style then stands in.
fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar())
}
