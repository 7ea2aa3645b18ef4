//! A catalog as it lies in the bucket, the lake's or a branch's. It is read as if somebody else had written it.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context as _, Result};
use aws_sdk_s3::primitives::ByteStream;
use quack_function::view::View;
use serde::{Deserialize, Serialize};

use super::check;
use super::fork::{Content, Trail};
use super::iceberg::state::Pointer;
use super::table::{Catalog, VERSION, unique};
use crate::bucket::layout::Layout;
use crate::bucket::{Bucket, object};
use crate::error::failure;

/// What to do with a catalog that is not as this program writes it.
const MEND: &str = "`quackctl recover` lists the catalogs that are kept, `quackctl recover --at VERSION` brings one back; if \
                    others may write to the bucket, find out who did";

/// The form of the catalog that is written: tables by name, and where the metadata of each is. One that has views says another, and
/// one that has schemas yet another: who does not know of them would lose them.
const STORED: u32 = 2;
const VIEWS: u32 = 3;
const SCHEMAS: u32 = 4;

/// A catalog as it is stored.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Stored {
    version: u32,
    #[serde(deserialize_with = "unique")]
    pub tables: BTreeMap<String, Pointer>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty", deserialize_with = "unique")]
    pub views: BTreeMap<String, View>,
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub schemas: BTreeSet<String>,
    /// Who does not know of it loses it, and no more than that.
    #[serde(flatten)]
    pub trail: Trail,
}

impl Stored {
    pub(super) fn of(content: Content, trail: Trail) -> Self {
        let Content { tables, views, schemas } = content;
        let version = match (schemas.is_empty(), views.is_empty()) {
            (true, true) => STORED,
            (true, false) => VIEWS,
            (false, _) => SCHEMAS,
        };
        Self { version, tables, views, schemas, trail }
    }

    pub(super) fn content(&self) -> Content {
        Content { tables: self.tables.clone(), views: self.views.clone(), schemas: self.schemas.clone() }
    }
}

/// What lies in the catalog's place.
pub(crate) enum Form {
    /// The first form: everything that is known of the tables.
    Whole(Catalog),
    Stored(Stored),
}

/// Reads a catalog that lies at `place`, of a bucket that is laid out as `layout` says.
///
/// # Errors
/// What is no catalog, names what no load makes, or is of a newer program.
pub(crate) fn parse(bytes: &[u8], place: &str, layout: &Layout) -> Result<Form> {
    #[derive(Deserialize)]
    struct Head {
        version: u32,
    }
    let corrupt = |error: serde_json::Error| failure(format!("the catalog {place} cannot be read: {error}"), MEND);
    let head: Head = serde_json::from_slice(bytes).map_err(corrupt)?;
    match head.version {
        VERSION => {
            let catalog: Catalog = serde_json::from_slice(bytes).map_err(corrupt)?;
            check::whole(&catalog, layout).map_err(|what| untrusted(place, &what))?;
            Ok(Form::Whole(catalog))
        }
        STORED | VIEWS | SCHEMAS => {
            let stored: Stored = serde_json::from_slice(bytes).map_err(corrupt)?;
            let bases = stored.trail.fork.iter().map(|fork| fork.base.clone());
            for Content { tables, views, schemas } in bases.chain([stored.content()]) {
                check::stored(&tables, &views, &schemas, layout).map_err(|what| untrusted(place, &what))?;
            }
            Ok(Form::Stored(stored))
        }
        newer if newer > SCHEMAS => Err(failure(
            format!("the catalog {place} is of version {newer}, this program knows {SCHEMAS}"),
            "use the newer quackctl that wrote it",
        )),
        never => Err(failure(format!("the catalog {place} is of version {never}, which never was"), MEND)),
    }
}

pub(super) fn untrusted(place: &str, what: &str) -> anyhow::Error {
    failure(format!("the catalog {place} is not to be trusted: {what}"), MEND)
}

/// The catalog with this key and its tag, if it is there.
///
/// # Errors
/// What S3 says; what is no catalog.
pub(super) async fn get(bucket: &Bucket, key: &str) -> Result<Option<(Form, String)>> {
    let place = format!("s3://{}/{key}", bucket.name);
    let request = bucket.s3.get_object().bucket(&bucket.name).key(key);
    match object::whole(request).await {
        Ok((bytes, tag)) => Ok(Some((parse(&bytes, &place, &bucket.layout)?, tag.unwrap_or_default()))),
        Err(error) if error.as_service_error().is_some_and(|error| error.is_no_such_key()) => Ok(None),
        Err(error) => Err(error).with_context(|| format!("cannot read the catalog {place}")),
    }
}

/// Stores a catalog with this key in the place of the one with that tag, or where there is none. Gives its tag; nothing, when somebody
/// else came first.
///
/// # Errors
/// What S3 says.
pub(super) async fn put(bucket: &Bucket, key: &str, stored: &Stored, tag: Option<&str>) -> Result<Option<String>> {
    let put = bucket.s3.put_object().bucket(&bucket.name).key(key).content_type("application/json");
    let put = put.body(ByteStream::from(serde_json::to_vec(stored)?));
    let put = match tag {
        Some(tag) => put.if_match(tag),
        None => put.if_none_match("*"),
    };
    match put.send().await {
        Ok(stored) => Ok(Some(stored.e_tag.unwrap_or_default())),
        Err(error) => match error.raw_response().map(|response| response.status().as_u16()) {
            Some(404 | 409 | 412) => Ok(None),
            _ => Err(error).with_context(|| format!("cannot store the catalog s3://{}/{key}", bucket.name)),
        },
    }
}
