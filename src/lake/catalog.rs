//! The catalog: one object in the bucket that says where each table's metadata is. It is read as if somebody else had written
//! it, and changed in one step: of one table or of several.

use anyhow::{Context as _, Result};
use aws_sdk_s3::error::ProvideErrorMetadata;
use futures::{StreamExt, TryStreamExt, stream};
pub(crate) use quack_function::sql::names;
use quack_function::view::View;
use std::collections::{BTreeMap, BTreeSet, HashSet};

use super::check;
use super::claims;
use super::fork::Content;
use super::iceberg::store;
use super::iceberg::{history, kept};
use super::named;
use super::stored::{self, untrusted};
pub(crate) use super::stored::{Form, Stored, parse};
pub(crate) use super::table::{Catalog, ColumnStats, DataFile, FileColumn, Table, is_elsewhere};
use crate::bucket::Bucket;
use crate::bucket::object;
use crate::bucket::upload;
use crate::error::{Kind, failure, failure_of};

/// Tables whose metadata is read at once.
const WINDOW: usize = 8;

/// Times that an update begins anew because somebody else's came first.
const ATTEMPTS: u32 = 20;

/// How much of the tables is read.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Scope<'a> {
    /// All of all.
    All,
    /// All of one table, and of the others where they are.
    Whole(&'a str),
    /// Of one table what is needed to add to it, and of the others where they are.
    Open(&'a str),
    /// What is needed to plan queries of what is called so, tables or views, and of the others where they are.
    Named(&'a [String]),
    /// What is needed to plan queries of all tables.
    Outline,
}

impl Scope<'_> {
    /// No table, and all views.
    pub(crate) const NONE: Scope<'static> = Scope::Named(&[]);

    /// Whether the table `name` is read.
    fn has(self, name: &str) -> bool {
        match self {
            Scope::All | Scope::Outline => true,
            Scope::Whole(table) | Scope::Open(table) => table.eq_ignore_ascii_case(name),
            Scope::Named(tables) => tables.iter().any(|table| table.eq_ignore_ascii_case(name)),
        }
    }

    fn is_whole(self) -> bool {
        matches!(self, Scope::All | Scope::Whole(_))
    }
}

/// Reads those tables of a catalog, which lies at `place`, that are in the `scope`.
///
/// # Errors
/// As for [`parse`]; metadata of a table that is none.
pub(crate) async fn tables(bucket: &Bucket, bytes: &[u8], place: &str, scope: Scope<'_>) -> Result<Catalog> {
    let stored = match parse(bytes, place, &bucket.layout)? {
        Form::Whole(catalog) if bucket.layout.branch.is_none() => return Ok(catalog),
        Form::Whole(_) => return Err(untrusted(place, "it is no branch's")),
        Form::Stored(stored) => stored,
    };
    if let Some(branch) = &bucket.layout.branch {
        let fork = stored.trail.fork.as_ref().ok_or_else(|| untrusted(place, "it is no branch's"))?;
        fork.check_readable(branch)?;
    }
    let named = match scope {
        Scope::Named(names) => named::closure(names.iter().cloned(), &stored.views),
        _ => HashSet::new(),
    };
    let is_wanted = |name: &str| scope.has(name) || named.contains(&name.to_ascii_lowercase());
    let (wanted, others): (Vec<_>, Vec<_>) = stored.tables.into_iter().partition(|(name, _)| is_wanted(name));
    let tables = stream::iter(wanted)
        .map(|(name, pointer)| async move {
            let table = store::table(bucket, &name, &pointer, scope.is_whole()).await;
            let table = table.with_context(|| format!("cannot read the table `{name}` of the catalog {place}"))?;
            anyhow::Ok((name, table))
        })
        .buffer_unordered(WINDOW)
        .try_collect()
        .await?;
    let others = others.into_iter().collect();
    let Stored { views, schemas, trail, .. } = stored;
    let catalog = Catalog { tables, others, views, schemas, trail, ..Catalog::default() };
    check::check(&catalog, &bucket.layout, Some(&bucket.name)).map_err(|what| untrusted(place, &what))?;
    Ok(catalog)
}

/// Reads the catalog; an empty one when nothing has been loaded yet.
///
/// # Errors
/// When the bucket cannot be reached, or the catalog is damaged or newer than this program.
pub(crate) async fn read(bucket: &Bucket) -> Result<Catalog> {
    fetch(bucket, Scope::All).await?.0
}

/// Reads what of the catalog is in the `scope`.
///
/// # Errors
/// As for [`read`].
pub(crate) async fn read_in(bucket: &Bucket, scope: Scope<'_>) -> Result<Catalog> {
    fetch(bucket, scope).await?.0
}

/// Reads the tables that `sql` may name as far as is needed to plan it, and of all others the names.
///
/// # Errors
/// As for [`read`].
pub(crate) async fn read_for(bucket: &Bucket, sql: &str) -> Result<Catalog> {
    read_in(bucket, Scope::Named(&names(sql))).await
}

/// Changes the catalog as one step: either `change` is applied to the newest catalog and stored, or nothing happens.
/// `change` runs again when somebody else's change came first; it is given what is in the `scope`.
///
/// # Errors
/// Those of [`read`] and of `change`.
pub(crate) async fn update<T>(
    bucket: &Bucket,
    scope: Scope<'_>,
    mut change: impl FnMut(&mut Catalog) -> Result<T>,
) -> Result<T> {
    let replaced = replace(bucket, scope, |current| {
        let mut catalog = current?;
        let result = change(&mut catalog)?;
        Ok((catalog, result))
    });
    let (result, left) = replaced.await?;
    upload::delete(bucket, claims::free(bucket, left).await).await;
    Ok(result)
}

/// As [`update`], where `change` is given the newest catalog even if it cannot be read, and gives the one to store. Gives also
/// the keys of all that nobody needs then.
///
/// # Errors
/// A bucket that cannot be reached, and those of `change`.
pub(crate) async fn replace<T>(
    bucket: &Bucket,
    scope: Scope<'_>,
    mut change: impl FnMut(Result<Catalog>) -> Result<(Catalog, T)>,
) -> Result<(T, Vec<String>)> {
    let mut earlier: Option<Attempt<T>> = None;
    for _ in 0..ATTEMPTS {
        let (current, tag) = fetch(bucket, scope).await?;
        if let Some(attempt) = earlier.take() {
            // It may have been stored, and its answer lost on the way.
            if current.as_ref().is_ok_and(|current| attempt.is_in(current)) {
                hint(bucket, &attempt.draft).await;
                return Ok((attempt.result, attempt.left));
            }
            upload::delete(bucket, attempt.draft.objects.into_iter().map(|(key, _)| key)).await;
        }
        let before = current.as_ref().ok().cloned().unwrap_or_default();
        if let (Some(fork), Some(branch)) = (&before.trail.fork, &bucket.layout.branch) {
            fork.check_open(branch)?;
        }
        let (catalog, result) = change(current)?;
        // What could not be read again is not stored.
        check::check(&catalog, &bucket.layout, Some(&bucket.name))
            .map_err(|what| failure(format!("the catalog would not be one: {what}"), "nothing was changed"))?;
        let draft = store::draft(bucket, &before, &catalog).await?;
        if let Err(error) = store::put(bucket, &draft.objects).await {
            upload::delete(bucket, draft.objects.into_iter().map(|(key, _)| key)).await;
            return Err(error);
        }
        let left = left(bucket, &before, &catalog).await;
        let (tables, views, schemas) = (draft.pointers.clone(), catalog.views.clone(), catalog.schemas.clone());
        let stored = Stored::of(Content { tables, views, schemas }, before.trail.clone());
        match stored::put(bucket, &bucket.layout.catalog, &stored, tag.as_deref()).await? {
            Some(_) => {
                hint(bucket, &draft).await;
                return Ok((result, left));
            }
            None => earlier = Some(Attempt { draft, views: catalog.views, schemas: catalog.schemas, result, left }),
        }
    }
    Err(failure(format!("others keep changing the catalog {}", place(bucket)), "try again when they are done"))
}

/// Tells readers that know only a table's folder which metadata is the newest; of a branch nobody else is to know.
async fn hint(bucket: &Bucket, draft: &store::Draft) {
    if bucket.layout.branch.is_none() {
        store::hint(bucket, &draft.hints).await;
    }
}

/// A change that was refused, as far as is known.
struct Attempt<T> {
    draft: store::Draft,
    views: BTreeMap<String, View>,
    schemas: BTreeSet<String>,
    result: T,
    left: Vec<String>,
}

/// The keys of all that no table has when `after` has taken the place of `before`: of tables that are gone.
async fn left(bucket: &Bucket, before: &Catalog, after: &Catalog) -> Vec<String> {
    let mut keys = BTreeSet::new();
    for table in store::left_behind(before, after) {
        // What cannot be told stays.
        keys.extend(history::keys(bucket, table).await.unwrap_or_default());
    }
    for (name, table) in &after.tables {
        table.keys().for_each(|key| {
            keys.remove(key);
        });
        // The next of that name has its own in that place.
        keys.remove(&format!("{}metadata/version-hint.text", bucket.layout.table(name)));
    }
    // A catalog that says otherwise does not make this delete anything else.
    keys.into_iter().filter(|key| bucket.layout.is_of_tables(key)).collect()
}

impl<T> Attempt<T> {
    /// Whether the catalog has this change, or one that came on top of it.
    fn is_in(&self, catalog: &Catalog) -> bool {
        let pointers = &self.draft.pointers;
        let same =
            |(name, table): (&String, &Table)| pointers.get(name).is_some_and(|own| table.origin.has(&own.metadata));
        let all = pointers.len() == catalog.tables.len() + catalog.others.len()
            && catalog.tables.iter().all(same)
            && catalog.others.iter().all(|(name, other)| pointers.get(name) == Some(other))
            && self.views == catalog.views
            && self.schemas == catalog.schemas;
        let mut new = self.draft.metadata().peekable();
        all || new.peek().is_some() && new.all(|key| catalog.tables.values().any(|table| table.origin.had(key)))
    }
}

/// Whether there are files of tables, none of which a catalog without tables names.
///
/// # Errors
/// When the bucket cannot be listed.
pub(crate) async fn is_lost(bucket: &Bucket) -> Result<bool> {
    let list = bucket.s3.list_objects_v2().bucket(&bucket.name).prefix(&bucket.layout.tables).max_keys(1);
    let listed = list.send().await.with_context(|| format!("cannot list s3://{}", bucket.name))?;
    Ok(!listed.contents().is_empty())
}

/// The catalog with what is in the `scope`, if it can be read, and the tag of the version that was.
async fn fetch(bucket: &Bucket, scope: Scope<'_>) -> Result<(Result<Catalog>, Option<String>)> {
    let place = place(bucket);
    let key = &bucket.layout.catalog;
    let request = bucket.s3.get_object().bucket(&bucket.name).key(key);
    let known = kept::tagged(bucket, key);
    let conditional = match &known {
        Some((tag, _)) => request.if_none_match(tag),
        None => request,
    };
    // While S3 is asked whether the catalog is still the same, its tables are read here.
    let early = async {
        match &known {
            Some((_, bytes)) => Some(tables(bucket, bytes, &place, scope).await),
            None => None,
        }
    };
    let (found, early) = tokio::join!(object::whole(conditional), early);
    let (bytes, tag) = match found {
        Ok((bytes, tag)) => {
            if let Some(tag) = &tag {
                kept::put_tagged(bucket, key, tag, &bytes);
            }
            (bytes, tag)
        }
        Err(error) if error.as_service_error().is_some_and(|error| error.is_no_such_key()) => {
            return match &bucket.layout.branch {
                Some(branch) => Err(no_branch(branch)),
                None => Ok((Ok(Catalog::default()), None)),
            };
        }
        Err(error) if error.code() == Some("NoSuchBucket") => {
            let message = format!("nothing is up: there is no bucket {}", bucket.name);
            return Err(failure_of(Kind::Missing, message, "run `quackctl up`"));
        }
        Err(error) => match (error.raw_response().map(|response| response.status().as_u16()), known, early) {
            (Some(304), Some((tag, _)), Some(tables)) => return Ok((tables, Some(tag))),
            _ => return Err(error).with_context(|| format!("cannot read the catalog {place}")),
        },
    };
    Ok((tables(bucket, &bytes, &place, scope).await, tag))
}

/// That there is no branch of that name.
pub(super) fn no_branch(name: &str) -> anyhow::Error {
    let help = format!("`quackctl branch list` lists those that there are, `quackctl branch create {name}` makes it");
    failure_of(Kind::Missing, format!("there is no branch `{name}`"), help)
}

/// The catalog's address, as errors name it.
pub(super) fn place(bucket: &Bucket) -> String {
    format!("s3://{}/{}", bucket.name, bucket.layout.catalog)
}

#[cfg(test)]
mod tests {
    use super::super::fork::Trail;
    use super::*;
    use crate::bucket::layout::Layout;
    use quack_function::view::ViewColumn;

    fn parse(text: &str) -> Result<Catalog> {
        match super::parse(text.as_bytes(), "s3://b/k", &layout())? {
            Form::Whole(catalog) => Ok(catalog),
            Form::Stored(_) => panic!("of the second form"),
        }
    }

    fn layout() -> Layout {
        Layout::new(&crate::config::Lake { bucket: None, manage: true, prefix: String::new(), read: Vec::new() })
    }

    #[test]
    fn a_damaged_or_newer_catalog_is_told_apart() {
        assert_eq!(parse(r#"{"version":1,"tables":{}}"#).unwrap(), Catalog::default());
        assert!(parse("{").unwrap_err().to_string().contains("s3://b/k cannot be read"));
        assert!(parse(r#"{"version":1,"tables":[]}"#).unwrap_err().to_string().contains("cannot be read"));
        assert!(parse(r#"{"version":5,"tables":[]}"#).unwrap_err().to_string().contains("is of version 5"));
    }

    #[test]
    fn only_a_catalog_with_views_or_schemas_is_of_a_form_of_its_own() {
        let content = |views, schemas| Content { tables: BTreeMap::new(), views, schemas };
        let stored =
            |views, schemas| serde_json::to_string(&Stored::of(content(views, schemas), Trail::default())).unwrap();
        let text = |views: BTreeMap<String, View>| stored(views, BTreeSet::new());
        let schemas = ["sales".to_owned()].into();
        assert_eq!(stored(BTreeMap::new(), schemas), r#"{"version":4,"tables":{},"schemas":["sales"]}"#);
        assert_eq!(text(BTreeMap::new()), r#"{"version":2,"tables":{}}"#);
        let column = ViewColumn { name: "a".into(), sql_type: "INTEGER".into(), comment: None };
        let view = View { sql: "SELECT 1 AS a".into(), columns: vec![column], ..View::default() };
        let written = text([("v".to_owned(), view)].into());
        assert_eq!(
            written,
            r#"{"version":3,"tables":{},"views":{"v":{"sql":"SELECT 1 AS a","columns":[{"name":"a","type":"INTEGER"}]}}}"#
        );
        let Form::Stored(read) = super::parse(written.as_bytes(), "s3://b/k", &layout()).unwrap() else { panic!() };
        assert_eq!(read.views["v"].sql, "SELECT 1 AS a");
    }
}
