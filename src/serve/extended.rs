//! The extended protocol: a statement is parsed once, bound to values, described, and run as often as the client wants, so many rows at
//! a time.

use std::sync::Arc;

use pgwire::messages::PgWireBackendMessage as Message;
use pgwire::messages::data::{NoData, ParameterDescription};
use pgwire::messages::extendedquery::{
    Bind, BindComplete, Close, CloseComplete, Describe, Execute, Parse, ParseComplete, PortalSuspended,
    TARGET_TYPE_BYTE_PORTAL, TARGET_TYPE_BYTE_STATEMENT,
};
use tokio_util::sync::CancellationToken;

use super::outgoing::Outgoing;
use super::params;
use super::refusal::{FEATURE, PROTOCOL, Refusal, SYNTAX};
use super::rows::{Failed, Taken};
use super::run::{Ran, pieces};
use super::session::{Portal, Prepared, Session, Status};
use super::simple::{copied, said, wanted};
use super::statement::Statement;

/// Most statements that a client may have prepared at the same time, and most bytes of them.
const MOST_PREPARED: usize = 10_000;
const MOST_PREPARED_BYTES: usize = 64 << 20;

fn refused<T>(refusal: Refusal) -> Result<T, Failed> {
    Err(Failed::Statement(refusal))
}

impl Session {
    pub(super) async fn parse(&mut self, out: &mut Outgoing, message: Parse) -> Result<(), Failed> {
        let Parse { name, query, type_oids, .. } = message;
        let name = name.unwrap_or_default();
        if !name.is_empty() && self.prepared.contains_key(&name) {
            return refused(Refusal::new("42P05", format!("prepared statement \"{name}\" already exists")));
        }
        if pieces(&query).len() > 1 {
            return refused(Refusal::new(SYNTAX, "cannot insert multiple commands into a prepared statement"));
        }
        if self.status == Status::Failed && !Statement::of(&query).ends_transaction() {
            return refused(Refusal::in_failed_transaction());
        }
        let others = self.prepared.iter().filter(|(known, _)| **known != name);
        let (kept, bytes) = others.fold((1, query.len()), |(kept, bytes), (name, prepared)| {
            (kept + 1, bytes + name.len() + prepared.written.len())
        });
        if kept > MOST_PREPARED || bytes > MOST_PREPARED_BYTES {
            return refused(
                Refusal::new(
                    "53400",
                    format!("the session has {} prepared statements, and room for no more", kept - 1),
                )
                .with_hint("DEALLOCATE name forgets one, DEALLOCATE ALL all of them"),
            );
        }
        let prepared = self.prepare(&query, &type_oids).await.map_err(Failed::Statement)?;
        self.prepared.insert(name, Arc::new(prepared));
        Ok(out.message(Message::ParseComplete(ParseComplete::new())).await?)
    }

    pub(super) async fn bind(&mut self, out: &mut Outgoing, message: Bind) -> Result<(), Failed> {
        let prepared = self.statement(message.statement_name.as_deref())?;
        let (given, taken) = (message.parameters.len(), prepared.parameters.len());
        if given != taken {
            let words = format!("bind message supplies {given} parameters, but prepared statement requires {taken}");
            return refused(Refusal::new(PROTOCOL, words));
        }
        let mut values = Vec::with_capacity(given);
        for (at, value) in message.parameters.iter().enumerate() {
            let is_binary = params::is_binary(&message.parameter_format_codes, at, given).map_err(Failed::Statement)?;
            let wire_type = prepared.parameters.get(at).copied();
            let text = value.as_ref().map(|bytes| params::text_of(bytes, is_binary, wire_type)).transpose();
            values.push(text.map_err(Failed::Statement)?);
        }
        let formats = message.result_column_format_codes;
        let columns = prepared.fields.as_ref().map_or(0, Vec::len);
        if formats.len() > 1 && formats.len() != columns {
            let words = format!("bind message has {} result formats but query has {columns} columns", formats.len());
            return refused(Refusal::new(PROTOCOL, words));
        }
        let name = message.portal_name.unwrap_or_default();
        if !name.is_empty() && self.portals.contains_key(&name) {
            return refused(Refusal::new("42P03", format!("cursor \"{name}\" already exists")));
        }
        let params = params::named(&values);
        let portal = Portal { prepared, params, formats, rows: None, is_done: false, is_cursor: false, is_held: false };
        self.portals.insert(name, portal);
        Ok(out.message(Message::BindComplete(BindComplete::new())).await?)
    }

    fn statement(&self, name: Option<&str>) -> Result<Arc<Prepared>, Failed> {
        let name = name.unwrap_or_default();
        let wrong = || Refusal::new("26000", format!("prepared statement \"{name}\" does not exist"));
        self.prepared.get(name).cloned().ok_or_else(wrong).map_err(Failed::Statement)
    }

    fn portal(&mut self, name: Option<&str>) -> Result<&mut Portal, Failed> {
        let name = name.unwrap_or_default();
        let wrong = || Refusal::new("34000", format!("portal \"{name}\" does not exist"));
        self.portals.get_mut(name).ok_or_else(wrong).map_err(Failed::Statement)
    }

    pub(super) async fn describe(&mut self, out: &mut Outgoing, message: Describe) -> Result<(), Failed> {
        let (prepared, formats) = match message.target_type {
            TARGET_TYPE_BYTE_STATEMENT => {
                let prepared = self.statement(message.name.as_deref())?;
                let oids = ParameterDescription::new(prepared.oids.clone());
                out.message(Message::ParameterDescription(oids)).await?;
                (prepared, Vec::new())
            }
            TARGET_TYPE_BYTE_PORTAL => {
                let portal = self.portal(message.name.as_deref())?;
                (portal.prepared.clone(), portal.formats.clone())
            }
            other => return refused(Refusal::new(PROTOCOL, format!("invalid DESCRIBE message subtype {other}"))),
        };
        match &prepared.fields {
            Some(fields) => out.columns(fields, |at| wanted(&formats, at)).await?,
            None => out.message(Message::NoData(NoData::new())).await?,
        }
        Ok(())
    }

    /// Whether what is to be executed changes tables, and is in no transaction yet.
    pub(super) fn may_begin(&self, message: &Execute) -> bool {
        let portal = self.portals.get(message.name.as_deref().unwrap_or_default());
        self.status == Status::Idle
            && portal.is_some_and(|portal| portal.rows.is_none() && !portal.is_done && portal.prepared.is_change)
    }

    pub(super) async fn execute(
        &mut self,
        out: &mut Outgoing,
        message: Execute,
        cancel: &CancellationToken,
    ) -> Result<(), Failed> {
        let name = message.name.unwrap_or_default();
        let most = u64::try_from(message.max_rows).ok().filter(|most| *most > 0);
        let portal = self.portal(Some(&name))?;
        if portal.is_done {
            return Ok(out.complete("SELECT 0".to_owned()).await?);
        }
        let (prepared, params, formats) = (portal.prepared.clone(), portal.params.clone(), portal.formats.clone());
        if portal.rows.is_none() {
            match self.run(&prepared.sql, &params, cancel).await.map_err(Failed::Statement)? {
                Ran::Rows(rows) => {
                    // A client that was told other columns would read these wrongly.
                    let told = prepared.fields.as_deref().unwrap_or_default();
                    let same = told.len() == rows.fields.len()
                        && told.iter().zip(&rows.fields).all(|(told, now)| told.wire_type == now.wire_type);
                    if !same {
                        return refused(
                            Refusal::new(FEATURE, "cached plan must not change result type").with_hint(
                                "its tables have changed since the statement was prepared: prepare it again",
                            ),
                        );
                    }
                    self.portal(Some(&name))?.rows = Some(*rows);
                }
                Ran::Copy(mut rows, options) => {
                    return copied(out, cancel, &mut rows, &options, &prepared.written).await;
                }
                Ran::Takes(target, options) => return self.copy_in(out, &target, &options, cancel).await,
                Ran::Fetch { cursor, count, moves } => {
                    return self.fetch(out, cancel, (&cursor, count, moves), Some(&formats)).await;
                }
                other => {
                    if let Some(portal) = self.portals.get_mut(&name) {
                        portal.is_done = true;
                    }
                    return Ok(said(out, other).await?);
                }
            }
        }
        let portal = self.portal(Some(&name))?;
        let Some(rows) = &mut portal.rows else { return Ok(()) };
        match rows.send(out, cancel, most, |at| wanted(&formats, at), &prepared.written).await? {
            Taken::Some(_) => out.message(Message::PortalSuspended(PortalSuspended::new())).await?,
            Taken::All(sent) => {
                let tag = rows.tag.text(sent);
                portal.is_done = true;
                portal.rows = None;
                out.complete(tag).await?;
            }
        }
        Ok(())
    }

    pub(super) async fn close(&mut self, out: &mut Outgoing, message: Close) -> Result<(), Failed> {
        let name = message.name.unwrap_or_default();
        match message.target_type {
            TARGET_TYPE_BYTE_STATEMENT => drop(self.prepared.remove(&name)),
            TARGET_TYPE_BYTE_PORTAL => drop(self.portals.remove(&name)),
            other => return refused(Refusal::new(PROTOCOL, format!("invalid CLOSE message subtype {other}"))),
        }
        Ok(out.message(Message::CloseComplete(CloseComplete::new())).await?)
    }

    /// The end of a row of messages: what was said without a transaction is made by now, and portals end with it.
    pub(super) fn sync(&mut self) {
        if self.status == Status::Idle {
            self.portals.retain(|_, portal| portal.is_cursor);
        }
    }
}
