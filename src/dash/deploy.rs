//! A site in the bucket, where the page function finds it: its pages, what they load, and the key that sessions are signed with.

use std::collections::BTreeSet;
use std::io::Write as _;
use std::time::Duration;

use anyhow::{Context as _, Result};
use aws_sdk_s3::error::{ProvideErrorMetadata as _, SdkError};
use aws_sdk_s3::primitives::ByteStream;
use flate2::Compression;
use flate2::write::GzEncoder;
use quack_page::oidc::Secret;
use quack_page::signed::{Invitation, KEY_BYTES, Key};
use quack_page::site::{self, Site};
use quack_pinned::duckdb;
use rand::TryRngCore as _;
use rand::rngs::OsRng;
use serde::Deserialize;

use super::compile::{self, Compiled};
use crate::bucket::Bucket;
use crate::bucket::object;
use crate::cloud::change::{Planned, PlannedAction};
use crate::cloud::{self, Change, Lake, Target};
use crate::config::Config;
use crate::console::context::Context;
use crate::digest::hex;
use crate::error::{failure, words};
use crate::invoke::cost;
use crate::package::Artifact;

/// Most bytes of a site.
const LARGEST: usize = 64 << 20;

/// Most bytes of a client's secret with whose it is.
const LARGEST_SECRET: usize = 64 << 10;

/// Times that a site is written because somebody else wrote it at the same moment.
const ATTEMPTS: u32 = 5;

/// An invitation that was made.
pub(crate) struct Invited {
    pub id: String,
    pub user: String,
    /// RFC 3339.
    pub expires: String,
    pub url: String,
}

/// Puts the pages where the page function, whose URL is `url`, finds them; what is there already stays.
///
/// # Errors
/// What S3 says.
pub(crate) async fn deploy(
    config: &Config,
    bucket: &Bucket,
    compiled: Compiled,
    artifact: &Artifact,
    url: &str,
) -> Result<Vec<Change>> {
    let engine = site::Engine {
        version: format!("{} {}", duckdb::VERSION, artifact.digest),
        timeout_s: config.timeout_s,
        gb_second_usd: cost::gb_second_usd(artifact.arch),
        request_usd: cost::REQUEST_USD,
    };
    ensure_key(bucket).await?;
    // A secret is there before the site that needs it, and until none does.
    let secret = compiled.secret().cloned();
    let mut changes = Vec::new();
    if secret.is_some() {
        changes.extend(ensure_secret(bucket, secret.as_ref()).await?);
    }
    // As they are called after their content, what is there already is as it should be.
    for (name, json) in compiled.shapes() {
        put_new(bucket, &format!("shapes/{name}"), "application/geo+json", gzip(json)?.into()).await?;
    }
    let site = compiled.site(engine, url);
    for asset in compile::assets() {
        let body = ByteStream::from_static(asset.bytes);
        put_new(bucket, &format!("assets/{}", asset.name), asset.content_type, body).await?;
    }
    let names = site.pages.iter().map(|page| page.name.as_str()).collect::<Vec<_>>().join(", ");
    let change = |found: Option<Site>, revoked: BTreeSet<String>| {
        let is_same = found.is_some_and(|found| is_as(&found, &site));
        (!is_same).then(|| Site { revoked, ..site.clone() })
    };
    changes.extend(match changed(bucket, change).await? {
        Some(true) => Some(Change::updated(format!("pages {names}"))),
        Some(false) => Some(Change::created(format!("pages {names}"))),
        None => None,
    });
    if secret.is_none() {
        changes.extend(ensure_secret(bucket, None).await?);
    }
    Ok(changes)
}

/// What [`deploy`] or [`retract`] would do.
///
/// # Errors
/// What S3 says.
pub(crate) async fn plan(context: &Context, compiled: Option<Compiled>) -> Result<Option<Planned>> {
    let (found, url, has_secret) = match cloud::lake(context).await? {
        Lake::There(target) => {
            let found = site_in(&target.bucket).await?.and_then(|found| found.site);
            let secret = compiled.as_ref().and_then(Compiled::secret);
            (found, target.page_url().await?, secret_in(&target.bucket).await?.as_ref() == secret)
        }
        // What is there is told when it is brought up again.
        Lake::Nowhere | Lake::Asleep => (None, None, false),
    };
    let planned = |action| Planned { action, ..Planned::added("Pages", "[dash]", None) };
    Ok(match (compiled, found) {
        (Some(_), None) => Some(planned(PlannedAction::Add)),
        (None, Some(_)) => Some(planned(PlannedAction::Remove)),
        (None, None) => None,
        (Some(compiled), Some(found)) => {
            let wanted = compiled.site(found.engine.clone(), &url.unwrap_or_default());
            (!has_secret || !is_as(&found, &wanted)).then(|| planned(PlannedAction::Modify))
        }
    })
}

/// Whether a site is as it should be, whenever it was made; an invitation that was revoked stays so.
fn is_as(found: &Site, wanted: &Site) -> bool {
    let wanted = Site { built: found.built.clone(), revoked: found.revoked.clone(), ..wanted.clone() };
    // As it comes back when it is read: not all of it is written.
    let read = serde_json::to_vec(&wanted).ok().and_then(|bytes| serde_json::from_slice::<Site>(&bytes).ok());
    read.as_ref() == Some(found)
}

/// Removes what [`deploy`] put there, and what the page function kept.
///
/// # Errors
/// What S3 says.
pub(crate) async fn retract(bucket: &Bucket) -> Result<Option<Change>> {
    let Bucket { s3, name, layout } = bucket;
    let mut removed = false;
    loop {
        let listed = s3.list_objects_v2().bucket(name).prefix(&layout.dash).send().await;
        let listed = listed.map_err(|error| cannot("look at", &layout.dash, words(&error)))?;
        for key in listed.contents().iter().filter_map(|object| object.key()) {
            let deleted = s3.delete_object().bucket(name).key(key).send().await;
            deleted.map_err(|error| cannot("delete", key, words(&error)))?;
            removed = true;
        }
        if listed.is_truncated() != Some(true) {
            return Ok(removed.then(|| Change::removed("pages")));
        }
    }
}

/// Makes a link that lets `user` look for so long.
///
/// # Errors
/// When no pages are deployed; what S3 says.
pub(crate) async fn invite(target: &Target, user: &str, lasts: Duration) -> Result<Invited> {
    let bucket = &target.bucket;
    let name = format!("{}key", bucket.layout.dash);
    let url = target.page_url().await?.ok_or_else(not_deployed)?;
    let bytes = read(bucket, &name, KEY_BYTES).await?.map(|(bytes, _)| bytes).ok_or_else(not_deployed)?;
    let key = Key::of(&bytes).with_context(|| format!("the object {name} is no key"))?;
    let expires = chrono::Utc::now() + lasts;
    let id = hex(&random::<8>()?);
    let token = key.sign(&Invitation { id: id.clone(), user: user.to_owned(), expires: expires.timestamp() });
    let expires = expires.to_rfc3339_opts(chrono::SecondsFormat::Secs, true);
    Ok(Invited { id, user: user.to_owned(), expires, url: format!("{url}invite/{token}") })
}

/// Has an invitation let nobody in any more, nor those that it let in look on. False when it was revoked before.
///
/// # Errors
/// When no pages are deployed; what S3 says.
pub(crate) async fn revoke(target: &Target, id: &str) -> Result<bool> {
    let mut is_deployed = false;
    let revoked = changed(&target.bucket, |found, _| {
        let mut site = found?;
        is_deployed = true;
        site.revoked.insert(id.to_owned()).then_some(site)
    });
    let revoked = revoked.await?.is_some();
    if is_deployed { Ok(revoked) } else { Err(not_deployed()) }
}

/// Writes what `change` makes of the site and of what was revoked; true if there was one, nothing if nothing was to change.
async fn changed(
    bucket: &Bucket,
    mut change: impl FnMut(Option<Site>, BTreeSet<String>) -> Option<Site>,
) -> Result<Option<bool>> {
    let key = site_key(bucket);
    for _ in 0..ATTEMPTS {
        let (wanted, tag) = match site_in(bucket).await? {
            Some(found) => (change(found.site, found.revoked), Some(found.tag)),
            None => (change(None, BTreeSet::new()), None),
        };
        let Some(wanted) = wanted else { return Ok(None) };
        let put = bucket.s3.put_object().bucket(&bucket.name).key(&key).content_type("application/json");
        let put = match &tag {
            Some(tag) => put.set_if_match(tag.clone()),
            None => put.if_none_match("*"),
        };
        match put.body(serde_json::to_vec(&wanted)?.into()).send().await {
            Ok(_) => return Ok(Some(tag.is_some())),
            Err(error) => if_there(&error).map_err(|error| cannot("write", &key, error))?,
        }
    }
    Err(failure("somebody else keeps deploying pages", "wait until they are done, and run this again"))
}

fn site_key(bucket: &Bucket) -> String {
    format!("{}site.json", bucket.layout.dash)
}

/// What is in the site's place.
struct Found {
    /// Nothing where it is of another form.
    site: Option<Site>,
    /// Ids of invitations, also where it is of another form: the key that they are signed with stays.
    revoked: BTreeSet<String>,
    tag: Option<String>,
}

/// The site that is there; nothing where there is none.
async fn site_in(bucket: &Bucket) -> Result<Option<Found>> {
    #[derive(Deserialize)]
    struct Ended {
        #[serde(default)]
        revoked: BTreeSet<String>,
    }
    let found = read(bucket, &site_key(bucket), LARGEST).await?;
    Ok(found.map(|(bytes, tag)| Found {
        site: serde_json::from_slice::<Site>(&bytes).ok().filter(|site| site.version == site::VERSION),
        revoked: serde_json::from_slice::<Ended>(&bytes).map(|ended| ended.revoked).unwrap_or_default(),
        tag,
    }))
}

/// Writes an object of pages, unless it is there.
async fn put_new(bucket: &Bucket, name: &str, content_type: &str, body: ByteStream) -> Result<()> {
    let key = format!("{}{name}", bucket.layout.dash);
    let put = bucket.s3.put_object().bucket(&bucket.name).key(&key).content_type(content_type);
    let put = put.if_none_match("*").body(body).send().await;
    put.map(drop).or_else(|error| if_there(&error)).map_err(|error| cannot("write", &key, error))
}

fn gzip(bytes: &[u8]) -> Result<Vec<u8>> {
    let mut packed = GzEncoder::new(Vec::new(), Compression::default());
    packed.write_all(bytes)?;
    Ok(packed.finish()?)
}

/// Makes the key that sessions and invitations are signed with, unless there is one.
async fn ensure_key(bucket: &Bucket) -> Result<()> {
    let name = format!("{}key", bucket.layout.dash);
    if read(bucket, &name, KEY_BYTES).await?.is_some() {
        return Ok(());
    }
    put_new(bucket, "key", "application/octet-stream", random::<KEY_BYTES>()?.to_vec().into()).await
}

/// Has the bucket hold the secret that a client of the site's issuer has, or none.
async fn ensure_secret(bucket: &Bucket, wanted: Option<&Secret>) -> Result<Option<Change>> {
    let (key, found) = (secret_key(bucket), secret_in(bucket).await?);
    if found.as_ref() == wanted {
        return Ok(None);
    }
    let Some(secret) = wanted else {
        let deleted = bucket.s3.delete_object().bucket(&bucket.name).key(&key).send().await;
        deleted.map_err(|error| cannot("delete", &key, words(&error)))?;
        return Ok(Some(Change::removed("secret of the issuer's client")));
    };
    let put = bucket.s3.put_object().bucket(&bucket.name).key(&key).content_type("application/json");
    let put = put.body(serde_json::to_vec(secret)?.into()).send().await;
    put.map_err(|error| cannot("write", &key, words(&error)))?;
    Ok(Some(Change::updated(format!("secret of {}", secret.client_id))))
}

fn secret_key(bucket: &Bucket) -> String {
    format!("{}oidc", bucket.layout.dash)
}

/// The secret that is there; what is none is written anew.
async fn secret_in(bucket: &Bucket) -> Result<Option<Secret>> {
    let found = read(bucket, &secret_key(bucket), LARGEST_SECRET).await?;
    Ok(found.map(|(bytes, _)| serde_json::from_slice(&bytes).unwrap_or_default()))
}

/// An object, and its tag, if it is there.
async fn read(bucket: &Bucket, key: &str, most: usize) -> Result<Option<(bytes::Bytes, Option<String>)>> {
    match object::within(bucket.s3.get_object().bucket(&bucket.name).key(key), most).await {
        Ok(found) => Ok(Some(found)),
        Err(error) if matches!(error.code(), Some("NoSuchKey" | "NoSuchBucket")) => Ok(None),
        Err(error) => Err(cannot("read", key, words(&error))),
    }
}

/// That an object is there already, or is another by now, is what a condition tells.
fn if_there<E>(error: &SdkError<E>) -> Result<(), String>
where
    SdkError<E>: std::error::Error + 'static,
{
    match error.raw_response().map(|response| response.status().as_u16()) {
        Some(409 | 412) => Ok(()),
        _ => Err(words(error)),
    }
}

fn random<const N: usize>() -> Result<[u8; N]> {
    let mut bytes = [0; N];
    OsRng.try_fill_bytes(&mut bytes).context("the system gives no randomness")?;
    Ok(bytes)
}

fn not_deployed() -> anyhow::Error {
    failure("no pages are deployed", "add [dash] to quack.toml and run `quackctl up`")
}

fn cannot(what: &str, key: &str, why: String) -> anyhow::Error {
    failure(format!("cannot {what} {key}: {why}"), "`quackctl up` tries again; `quackctl doctor` looks at the rights")
}
