//! Where changes go: into the catalog at once, or, between BEGIN and COMMIT, into a copy of it that only this session sees. The
//! tables' definitions travel with each query, so queries of the session see that copy, too; COMMIT puts all of it into the
//! catalog in one step, or none.

use std::collections::{BTreeMap, HashSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

use anyhow::Result;

use super::temporary::{Hidden, Temporary};
use crate::bucket::{Bucket, upload};
use crate::error::{failure, usage};
use crate::lake::catalog::{self, Catalog, Scope, Table};
use crate::lake::schemas;

/// A session's transaction, if it has one, and its temporary tables.
#[derive(Debug, Default)]
pub(crate) struct Transaction {
    open: Mutex<Option<Open>>,
    temporary: Mutex<Temporary>,
}

/// What is between BEGIN and COMMIT.
#[derive(Debug)]
struct Open {
    /// The tables as they were at BEGIN.
    before: Catalog,
    /// With the session's temporary tables.
    now: Catalog,
    hidden: Hidden,
    /// Keys of files that nobody names yet.
    added: Vec<String>,
}

/// The tables as they were at one moment of a transaction.
#[derive(Debug)]
pub(crate) struct Mark(Catalog);

impl Transaction {
    fn open(&self) -> MutexGuard<'_, Option<Open>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn temporary(&self) -> MutexGuard<'_, Temporary> {
        self.temporary.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether there was a BEGIN.
    pub(crate) fn is_open(&self) -> bool {
        self.open().is_some()
    }

    /// The tables as the session has them: its own, or the bucket's, as far as they are in the `scope`.
    ///
    /// # Errors
    /// A catalog that cannot be read.
    pub(crate) async fn catalog(&self, bucket: &Bucket, scope: Scope<'_>) -> Result<Catalog> {
        let own = self.open().as_ref().map(|open| open.now.clone());
        match own {
            Some(own) => Ok(own),
            None => {
                let mut catalog = catalog::read_in(bucket, scope).await?;
                self.temporary().lay_over(&mut catalog);
                Ok(catalog)
            }
        }
    }

    /// Begins one, over the tables as they are.
    ///
    /// # Errors
    /// There is one already.
    pub(super) async fn begin(&self, bucket: &Bucket) -> Result<()> {
        if self.is_open() {
            return Err(usage("there is a transaction already", "COMMIT or ROLLBACK ends it"));
        }
        let before = catalog::read(bucket).await?;
        let mut now = before.clone();
        let hidden = self.temporary().lay_over(&mut now);
        *self.open() = Some(Open { before, now, hidden, added: Vec::new() });
        Ok(())
    }

    /// Changes the catalog in one step: the session's own at once, the bucket's as [`catalog::update`] does, within `scope`.
    ///
    /// # Errors
    /// Those of `change` and of the bucket.
    pub(super) async fn update<T>(
        &self,
        bucket: &Bucket,
        scope: Scope<'_>,
        change: impl FnMut(&mut Catalog) -> Result<T>,
    ) -> Result<T> {
        self.update_as(bucket, scope, false, change).await
    }

    /// The same, where a temporary table `comes` or may come.
    ///
    /// # Errors
    /// As for [`Self::update`].
    pub(super) async fn update_as<T>(
        &self,
        bucket: &Bucket,
        scope: Scope<'_>,
        comes: bool,
        mut change: impl FnMut(&mut Catalog) -> Result<T>,
    ) -> Result<T> {
        if let Some(open) = self.open().as_mut() {
            let mut changed = open.now.clone();
            let done = change(&mut changed)?;
            open.now = changed;
            return Ok(done);
        }
        match comes || !self.temporary().is_empty() {
            true => self.update_over(bucket, scope, change).await,
            false => catalog::update(bucket, scope, change).await,
        }
    }

    /// Changes the bucket's catalog with the session's temporary tables in it; only those, where nothing else is changed.
    async fn update_over<T>(
        &self,
        bucket: &Bucket,
        scope: Scope<'_>,
        mut change: impl FnMut(&mut Catalog) -> Result<T>,
    ) -> Result<T> {
        let before = self.temporary().clone();
        let mut changed = |catalog: &mut Catalog| {
            let hidden = before.lay_over(catalog);
            let done = change(catalog)?;
            anyhow::Ok((done, Temporary::take_out(catalog, hidden, &bucket.layout)))
        };
        let current = catalog::read_in(bucket, scope).await?;
        let mut tried = current.clone();
        let tried_out = changed(&mut tried)?;
        let (done, now) = match tried == current {
            true => tried_out,
            false => catalog::update(bucket, scope, changed).await?,
        };
        *self.temporary() = now.clone();
        before.discard(&now, bucket).await;
        Ok(done)
    }

    /// Forgets the temporary tables, as the session ends.
    pub(crate) async fn forget_temporary(&self, bucket: &Bucket) {
        let all = std::mem::take(&mut *self.temporary());
        all.discard(&Temporary::default(), bucket).await;
    }

    /// Takes note of files that a change has made; nobody names them before COMMIT.
    pub(super) fn made(&self, keys: impl IntoIterator<Item = String>) {
        if let Some(open) = self.open().as_mut() {
            open.added.extend(keys);
        }
    }

    /// Puts everything into the bucket's catalog, in one step. Gives what is other than before.
    ///
    /// # Errors
    /// There is none; a table that others have changed meanwhile, which ends the transaction, and nothing was changed.
    pub(super) async fn commit(&self, bucket: &Bucket) -> Result<Committed> {
        let Some(open) = self.open().take() else { return Err(nothing("COMMIT")) };
        let Open { before, mut now, hidden, added } = open;
        let temporary = Temporary::take_out(&mut now, hidden, &bucket.layout);
        let tables = different(&before.tables, &now.tables);
        let views = different(&before.views, &now.views);
        let came: Vec<&String> = now.schemas.difference(&before.schemas).collect();
        let gone: Vec<&String> = before.schemas.difference(&now.schemas).collect();
        let done = Committed { tables: tables.len(), views: views.len(), schemas: came.len() + gone.len() };
        if tables.is_empty() && views.is_empty() && done.schemas == 0 {
            self.keep(temporary, added, &now, bucket).await;
            return Ok(done);
        }
        let committed = catalog::update(bucket, Scope::All, |current| {
            // An earlier try was stored, and its answer lost on the way.
            if first_other(&tables, &current.tables, &now.tables).is_none()
                && first_other(&views, &current.views, &now.views).is_none()
                && came.iter().all(|name| current.schemas.contains(*name))
                && !gone.iter().any(|name| current.schemas.contains(*name))
            {
                return Ok(());
            }
            let other = first_other(&tables, &current.tables, &before.tables)
                .or_else(|| first_other(&views, &current.views, &before.views))
                .or_else(|| {
                    tables
                        .iter()
                        .copied()
                        .find(|name| current.views.contains_key(*name) && before.called(name).is_none())
                })
                .or_else(|| {
                    views
                        .iter()
                        .copied()
                        .find(|name| current.tables.contains_key(*name) && before.called(name).is_none())
                });
            if let Some(name) = other {
                return Err(changed_since(name));
            }
            put(&tables, &mut current.tables, &now.tables);
            put(&views, &mut current.views, &now.views);
            for name in &came {
                if schemas::find(current, name).is_none() {
                    current.schemas.insert((*name).clone());
                }
            }
            current.schemas.retain(|name| !gone.contains(&name));
            // Somebody put something into a schema that goes, or took away one that is needed.
            match current.names().find(|name| schemas::check(current, name).is_err()) {
                Some(name) => Err(changed_since(name)),
                None => Ok(()),
            }
        });
        match committed.await {
            Ok(()) => {
                self.keep(temporary, added, &now, bucket).await;
                Ok(done)
            }
            Err(error) => {
                delete(bucket, added).await;
                Err(error)
            }
        }
    }

    /// Removes what nobody names any more of what was `added`: what one statement made, a later one may have replaced.
    async fn keep(&self, temporary: Temporary, added: Vec<String>, now: &Catalog, bucket: &Bucket) {
        let before = std::mem::replace(&mut *self.temporary(), temporary.clone());
        let named: HashSet<&str> = now.tables.values().flat_map(Table::keys).chain(temporary.keys()).collect();
        let left = added.into_iter().filter(|key| !named.contains(key.as_str()));
        delete(bucket, left.collect()).await;
        before.discard(&temporary, bucket).await;
    }

    /// The tables as the session has them now, to come back to; nothing before there was a BEGIN.
    pub(crate) fn mark(&self) -> Option<Mark> {
        self.open().as_ref().map(|open| Mark(open.now.clone()))
    }

    /// Has the tables be as they were. What was written since then goes when the transaction ends.
    pub(crate) fn back_to(&self, mark: &Mark) {
        if let Some(open) = self.open().as_mut() {
            open.now.clone_from(&mark.0);
        }
    }

    /// Forgets everything since BEGIN.
    ///
    /// # Errors
    /// There was none.
    pub(crate) async fn roll_back(&self, bucket: &Bucket) -> Result<()> {
        let Some(open) = self.open().take() else { return Err(nothing("ROLLBACK")) };
        delete(bucket, open.added).await;
        Ok(())
    }
}

/// How many tables, views and schemas a COMMIT has changed.
#[derive(Debug, Clone, Copy)]
pub(super) struct Committed {
    pub tables: usize,
    pub views: usize,
    pub schemas: usize,
}

fn changed_since(name: &str) -> anyhow::Error {
    failure(
        format!("somebody else has changed `{name}` since BEGIN: nothing was changed (SQLSTATE 40001)"),
        "run the transaction again",
    )
}

/// The names of what is other in `now` than in `before`, or in one of them only.
fn different<'a, T: PartialEq>(before: &'a BTreeMap<String, T>, now: &'a BTreeMap<String, T>) -> Vec<&'a String> {
    let names = before.keys().chain(now.keys().filter(|name| !before.contains_key(*name)));
    names.filter(|name| before.get(*name) != now.get(*name)).collect()
}

/// The first of `names` that stands for something else in the one than in the other.
fn first_other<'a, T: PartialEq>(
    names: &[&'a String],
    one: &BTreeMap<String, T>,
    other: &BTreeMap<String, T>,
) -> Option<&'a String> {
    names.iter().copied().find(|name| one.get(*name) != other.get(*name))
}

/// Has `names` stand for what they stand for in `now`.
fn put<T: Clone>(names: &[&String], current: &mut BTreeMap<String, T>, now: &BTreeMap<String, T>) {
    for name in names {
        match now.get(*name) {
            Some(one) => current.insert((*name).clone(), one.clone()),
            None => current.remove(*name),
        };
    }
}

fn nothing(statement: &str) -> anyhow::Error {
    failure(
        format!("there is no transaction to {statement}"),
        "BEGIN begins one; without, each statement is one of its own",
    )
}

/// Nothing but tables' files, whatever the catalog that named them said.
async fn delete(bucket: &Bucket, keys: Vec<String>) {
    let is_tables = |key: &String| bucket.layout.is_of_tables(key) || bucket.layout.is_result(key);
    upload::delete(bucket, keys.into_iter().filter(is_tables)).await;
}
