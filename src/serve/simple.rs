//! The simple protocol: a text of one statement or several, each answered in turn, until one fails.

use quack_function::wire::Params;

use super::copy::CopyOptions;
use super::outgoing::{Outgoing, Sent};
use super::refusal::Refusal;
use super::rows::{self, Failed, Rows, Taken};
use super::run::{Ran, no_cursor, pieces};
use super::session::{Portal, Session};
use super::statement::{Count, Statement};
use crate::change;
use tokio_util::sync::CancellationToken;

impl Session {
    /// Answers a `Query` message.
    ///
    /// # Errors
    /// A client that is gone.
    pub(super) async fn simple(&mut self, out: &mut Outgoing, sql: &str, cancel: &CancellationToken) -> Sent {
        // What is prepared without a name ends with the next such message.
        self.prepared.remove("");
        self.portals.remove("");
        let pieces = pieces(sql);
        if pieces.is_empty() {
            rows::none(out).await?;
        }
        // Several statements are one transaction, unless they say otherwise themselves. Behind the last one that changes anything there
        // is nothing to be made at once.
        let is_change = |piece: &String| change::parse(piece).is_ok_and(|change| change.is_some());
        let last = if pieces.len() > 1 { pieces.iter().rposition(is_change) } else { None };
        let mut failed = None;
        for (at, piece) in pieces.iter().enumerate() {
            if last.is_some_and(|last| at <= last) && !Statement::of(piece).is_about_transactions() {
                self.begin_implicit();
            }
            match self.one(out, piece, cancel).await {
                Ok(()) => {}
                Err(Failed::Statement(refusal)) => {
                    self.fail();
                    failed = Some(refusal);
                    break;
                }
                Err(Failed::Connection(error)) => return Err(error),
            }
        }
        let ended = self.end_implicit(cancel).await;
        failed = failed.or(ended.err());
        match failed {
            Some(refusal) => out.refuse(refusal).await,
            None => Ok(()),
        }
    }

    async fn one(&mut self, out: &mut Outgoing, sql: &str, cancel: &CancellationToken) -> Result<(), Failed> {
        let ran = self.run(sql, &Params::new(), cancel).await.map_err(Failed::Statement)?;
        match ran {
            Ran::Rows(mut rows) => {
                out.columns(&rows.fields, |_| false).await?;
                let sent = all(&mut rows, out, cancel, sql).await?;
                out.complete(rows.tag.text(sent)).await?;
            }
            Ran::Takes(target, options) => self.copy_in(out, &target, &options, cancel).await?,
            Ran::Copy(mut rows, options) => copied(out, cancel, &mut rows, &options, sql).await?,
            Ran::Fetch { cursor, count, moves } => self.fetch(out, cancel, (&cursor, count, moves), None).await?,
            other => said(out, other).await?,
        }
        Ok(())
    }

    /// Takes rows of a cursor; with `formats` in those, and its columns are not told.
    pub(super) async fn fetch(
        &mut self,
        out: &mut Outgoing,
        cancel: &CancellationToken,
        (cursor, count, moves): (&str, Count, bool),
        formats: Option<&[i16]>,
    ) -> Result<(), Failed> {
        let portal = self.portals.get_mut(cursor).ok_or_else(|| Failed::Statement(no_cursor(cursor)))?;
        let most = match count {
            Count::Rows(rows) => Some(rows),
            Count::All => None,
            Count::Backward => {
                return Err(Failed::Statement(
                    Refusal::new("55000", "cursor can only scan forward")
                        .with_hint("FETCH FORWARD takes the next rows"),
                ));
            }
        };
        let Portal { rows, prepared, .. } = portal;
        let sql = prepared.written.clone();
        let fields = prepared.fields.clone().unwrap_or_default();
        let Some(rows) = rows else {
            return Err(Failed::Statement(Refusal::new("55000", format!("\"{cursor}\" was not run yet"))));
        };
        if moves {
            let passed = rows.skip(most).map_err(|error| Failed::Statement(Refusal::of(&error, &sql)))?;
            out.complete(format!("MOVE {passed}")).await?;
            return Ok(());
        }
        let is_binary = |at: usize| formats.is_some_and(|formats| wanted(formats, at));
        if formats.is_none() {
            out.columns(&fields, is_binary).await?;
        }
        let (Taken::All(sent) | Taken::Some(sent)) = rows.send(out, cancel, most, is_binary, &sql).await?;
        out.complete(format!("FETCH {sent}")).await?;
        Ok(())
    }
}

/// Whether the column at `at` goes as bytes: one format is for all, none is text.
pub(super) fn wanted(formats: &[i16], at: usize) -> bool {
    match formats {
        [one] => *one == 1,
        many => many.get(at) == Some(&1),
    }
}

async fn all(rows: &mut Rows, out: &mut Outgoing, cancel: &CancellationToken, sql: &str) -> Result<u64, Failed> {
    let (Taken::All(sent) | Taken::Some(sent)) = rows.send(out, cancel, None, |_| false, sql).await?;
    Ok(sent)
}

/// Sends rows as COPY writes them, and how many.
pub(super) async fn copied(
    out: &mut Outgoing,
    cancel: &CancellationToken,
    rows: &mut Rows,
    options: &CopyOptions,
    sql: &str,
) -> Result<(), Failed> {
    let sent = rows.copy(out, cancel, options, sql).await?;
    Ok(out.complete(format!("COPY {sent}")).await?)
}

/// Says what came of a statement that gave no rows.
pub(super) async fn said(out: &mut Outgoing, ran: Ran) -> Sent {
    match ran {
        Ran::Empty => rows::none(out).await,
        Ran::Done(tag) => out.complete(tag).await,
        Ran::Warned { code, message, tag } => {
            out.warn(code, message).await?;
            out.complete(tag.to_owned()).await
        }
        Ran::Told { name, value, tag } => {
            out.parameter(&name, &value).await?;
            out.complete(tag.to_owned()).await
        }
        Ran::Rows(_) | Ran::Copy(..) | Ran::Takes(..) | Ran::Fetch { .. } => unreachable!("it gives rows"),
    }
}
