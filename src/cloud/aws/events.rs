//! A stack's events: a live line for each resource while CloudFormation works, and the root cause when it fails.

use std::collections::{HashMap, HashSet};

use anyhow::Result;
use aws_sdk_cloudformation::types::StackEvent;
use indicatif::{MultiProgress, ProgressBar};

use super::cause;
use super::errors::{self, explain};
use super::session::Session;
use crate::console::context::Context;
use crate::console::progress;
use crate::error::failure;

/// Follows the events of one stack from a moment on.
pub(super) struct Watch<'a> {
    context: &'a Context,
    session: &'a Session,
    stack_id: String,
    seen: HashSet<String>,
    bars: MultiProgress,
    lines: HashMap<String, ProgressBar>,
    /// What failed, in order: resource and reason.
    failures: Vec<(String, String)>,
}

impl<'a> Watch<'a> {
    /// Follows what happens to the stack from now on.
    ///
    /// # Errors
    /// What AWS says.
    pub(super) async fn start(context: &'a Context, session: &'a Session, stack_id: &str) -> Result<Self> {
        let mut watch = Self {
            context,
            session,
            stack_id: stack_id.to_owned(),
            seen: HashSet::new(),
            bars: progress::several(context),
            lines: HashMap::new(),
            failures: Vec::new(),
        };
        for event in watch.new_events(true).await? {
            watch.seen.insert(event.event_id.unwrap_or_default());
        }
        Ok(watch)
    }

    /// Shows what is new.
    ///
    /// # Errors
    /// What AWS says.
    pub(super) async fn look(&mut self) -> Result<()> {
        for event in self.new_events(false).await? {
            self.show(&event);
            self.seen.insert(event.event_id.unwrap_or_default());
        }
        Ok(())
    }

    /// Events that were not seen yet, oldest first; AWS tells the newest first. Only the newest page when `newest`.
    async fn new_events(&self, newest: bool) -> Result<Vec<StackEvent>> {
        let mut new = Vec::new();
        let mut page = None;
        loop {
            let request = self.session.cloudformation.describe_stack_events().stack_name(&self.stack_id);
            let found = match request.set_next_token(page).send().await {
                Ok(found) => found,
                Err(error) if errors::is_no_stack(&error) => break,
                Err(error) => return Err(explain(error, "read the stack's events")),
            };
            let all = found.stack_events().len();
            let is_new = |event: &StackEvent| !self.seen.contains(event.event_id().unwrap_or_default());
            new.extend(found.stack_events.unwrap_or_default().into_iter().take_while(is_new));
            page = found.next_token;
            if newest || page.is_none() || new.len() < all {
                break;
            }
        }
        new.reverse();
        Ok(new)
    }

    fn show(&mut self, event: &StackEvent) {
        let status = event.resource_status().map(|status| status.as_str()).unwrap_or_default();
        let resource = event.logical_resource_id().unwrap_or_default();
        let reason = event.resource_status_reason().unwrap_or_default();
        let is_stack = event.physical_resource_id() == Some(&self.stack_id);
        if status.ends_with("_FAILED") {
            self.failures.push((resource.to_owned(), reason.to_owned()));
        }
        if is_stack {
            return;
        }
        let kind = event.resource_type().unwrap_or_default();
        if !self.context.interactive() {
            let reason = if reason.is_empty() && is_slow(kind, status) { "CloudFront takes minutes" } else { reason };
            let reason = if reason.is_empty() { String::new() } else { format!(" ({reason})") };
            self.context.say(format_args!("{resource} ({kind}): {status}{reason}"));
            return;
        }
        let line = self
            .lines
            .entry(resource.to_owned())
            .or_insert_with(|| self.bars.add(progress::spinner(self.context, &format!("{resource} ({kind})"))));
        let patience = if is_slow(kind, status) { " (CloudFront takes minutes)" } else { "" };
        line.set_message(format!("{status}{patience}"));
        if !status.ends_with("_IN_PROGRESS") {
            line.finish();
        }
    }

    /// The error that `what` went wrong: the first event that failed by itself, and what to do about it.
    pub(super) fn root_cause(&self, what: &str) -> anyhow::Error {
        let root = self.failures.iter().find(|(_, reason)| !reason.is_empty() && !cause::is_consequence(reason));
        match root.or(self.failures.first()) {
            Some((resource, reason)) => failure(format!("{what}: {resource}: {reason}"), cause::advice(reason)),
            None => failure(what.to_owned(), "`quackctl status` shows how it is now; run the command again"),
        }
    }
}

/// Whether what has begun takes so long that a person would ask whether anything happens.
fn is_slow(kind: &str, status: &str) -> bool {
    kind == "AWS::CloudFront::Distribution" && status.ends_with("_IN_PROGRESS")
}

impl Drop for Watch<'_> {
    fn drop(&mut self) {
        // What is done stays on the screen; a spinner would go on turning.
        self.lines.values().for_each(ProgressBar::abandon);
    }
}
