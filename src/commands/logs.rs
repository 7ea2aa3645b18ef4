//! `quackctl logs`: what a function's instances wrote.

use std::io::{self, IsTerminal as _, Write};
use std::time::Duration;

use anyhow::Result;
use chrono::{DateTime, SecondsFormat};
use quack_function::record::{BEGIN, Record};
use serde_json::{Value, json};

use crate::cloud::{self, LogLine, LogOf};
use crate::console::context::Context;
use crate::console::interrupt;
use crate::error::failure;
use crate::invoke::cost::{Report, end_of, reported};
use crate::terminal::Shown;

/// Prints the log, each line with its time, with `--json` each as an object; with `follow`, also what is added to it, until
/// Ctrl-C; with `errors`, only what tells of what went wrong; with `pages`, the page function's.
///
/// # Errors
/// When nothing is up, or no pages are deployed whose log is asked for.
pub(crate) async fn run(
    context: &Context,
    follow: bool,
    since: Option<Duration>,
    errors: bool,
    pages: bool,
) -> Result<()> {
    if pages && context.config.dash.is_none() {
        return Err(failure("no pages are deployed: there is no [dash] in quack.toml", "add it and run `quackctl up`"));
    }
    let of = if pages { LogOf::Pages } else { LogOf::Engine };
    let stdout = io::stdout();
    // The function writes what SQL makes it write.
    let mut out: Box<dyn Write> = if stdout.is_terminal() { Box::new(Shown::new(stdout)) } else { Box::new(stdout) };
    let mut write = |line: LogLine<'_>| {
        let text = String::from_utf8_lossy(line.text);
        if errors && !is_error(&text) {
            return Ok(());
        }
        match context.json {
            true => writeln!(out, "{}", object(line.time_ms, &text)),
            false => writeln!(out, "{}  {text}", moment(line.time_ms).unwrap_or_default()),
        }
    };
    let copied = tokio::select! {
        copied = cloud::logs(context, of, since, follow, &mut write) => copied,
        () = interrupt::requested(), if follow => Ok(()),
    };
    crate::error::unless_broken_pipe(copied)
}

fn moment(time_ms: Option<i64>) -> Option<String> {
    Some(DateTime::from_timestamp_millis(time_ms?)?.to_rfc3339_opts(SecondsFormat::Millis, true))
}

/// Whether a line tells of something that went wrong: an invocation that failed, or what an instance complained of.
fn is_error(text: &str) -> bool {
    if let Some(record) = Record::parse(text) {
        return record.error.is_some();
    }
    if let Some(page) = of_page(text) {
        return page["what"] != "ran";
    }
    match reported(text) {
        Some(_) => end_of(text).is_some(),
        None => !["START ", "END ", "INIT_START ", BEGIN].iter().any(|begin| text.starts_with(begin)),
    }
}

/// What a line of the page function's says (`function/page/src/log.rs`), if it is one.
fn of_page(text: &str) -> Option<Value> {
    let line: Value = serde_json::from_str(text).ok()?;
    line.get("quackPage").is_some().then_some(line)
}

/// A line for a program: its time and its text; of a line that has a form, what it says, too.
fn object(time_ms: Option<i64>, text: &str) -> Value {
    let mut object = json!({ "time": moment(time_ms), "message": text });
    if let Some(record) = Record::parse(text) {
        object["record"] = json!(record);
    } else if let Some(page) = of_page(text) {
        object["page"] = page;
    } else if let (Some(event_id), Some(report)) = (reported(text), Report::find_in(text)) {
        object["report"] = json!(report);
        object["report"]["eventId"] = json!(event_id);
        if let Some(end) = end_of(text) {
            object["report"]["error"] = json!(end);
        }
    }
    object
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_are_told_from_what_went_well() {
        let failed = Record { error: Some("DuckDB.BinderError".to_owned()), ..Record::default() };
        for (text, is) in [
            ("START RequestId: a Version: $LATEST", false),
            ("END RequestId: a", false),
            ("REPORT RequestId: a\tDuration: 1 ms\tBilled Duration: 1 ms\t", false),
            ("REPORT RequestId: a\tDuration: 1 ms\tBilled Duration: 1 ms\tStatus: timeout", true),
            ("the instance is opened anew: it is not as it was", true),
            (Record::default().line().trim_end(), false),
            (failed.line().trim_end(), true),
            (r#"{"quackPage":"0.1.0","what":"ran","status":200}"#, false),
            (r#"{"quackPage":"0.1.0","what":"refused","status":401}"#, true),
        ] {
            assert_eq!(is_error(text), is, "{text}");
        }
    }

    #[test]
    fn a_line_of_a_form_is_taken_apart() {
        let report = "REPORT RequestId: a\tDuration: 1.5 ms\tBilled Duration: 2 ms\tMemory Size: 128 MB\tMax Memory Used: 9 MB\t\
                      Status: timeout";
        let told = object(Some(0), report);
        assert_eq!(told["time"], "1970-01-01T00:00:00.000Z");
        assert_eq!((&told["report"]["billedMs"], &told["report"]["error"]), (&json!(2), &json!("timeout")));
        let refused = object(None, r#"{"quackPage":"0.1.0","what":"refused","status":401}"#);
        assert_eq!(refused["page"]["status"], 401);
        assert_eq!(object(None, "x"), json!({ "time": null, "message": "x" }));
    }
}
