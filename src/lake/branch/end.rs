//! A branch published, all of it at once, or discarded.
//!
//! Either way its catalog says so first, by a conditional write, so that nobody writes to it any more; its last step is that the
//! catalog goes. Whoever is stopped in between has another do the rest. That a branch is published the lake's catalog says itself, with
//! the same write that puts its tables there: so it happens once, however many do it, whatever becomes of the tables later.

use std::collections::BTreeSet;
use std::fmt;

use anyhow::{Context as _, Result};
use serde::Serialize;

use super::list::read;
use super::merge::{Difference, differences, merge};
use crate::bucket::{Bucket, upload};
use crate::error::failure;
use crate::lake::catalog::no_branch;
use crate::lake::check;
use crate::lake::claims;
use crate::lake::fork::{Content, Fork, Phase, Trail};
use crate::lake::iceberg::store;
use crate::lake::stored::{self, Form, Stored};

/// Times that it begins anew because somebody else's change came first.
const ATTEMPTS: u32 = 20;

/// What became of a branch.
#[derive(Debug, Serialize)]
pub(crate) struct Ended {
    pub branch: String,
    /// Whether the lake has it now.
    pub published: bool,
    /// What was other in it.
    pub differences: Vec<Difference>,
}

impl fmt::Display for Ended {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { branch, published, differences } = self;
        let named: Vec<String> = differences.iter().map(ToString::to_string).collect();
        match (named.is_empty(), published) {
            (true, _) => writeln!(f, "nothing differed in the branch `{branch}`, and it is gone"),
            (false, true) => writeln!(f, "published the branch `{branch}`: {}", named.join(", ")),
            (false, false) => writeln!(f, "discarded the branch `{branch}`: {}", named.join(", ")),
        }
    }
}

/// A branch that is not changed any more.
struct Sealed {
    stored: Stored,
    fork: Fork,
    tag: String,
}

/// Puts all that is other in the branch `name` than in the lake when it was made into the lake, in one step, and has the branch go.
///
/// # Errors
/// There is no such branch; something that the lake has changed since, too: then nothing was changed; what the bucket says.
pub(crate) async fn publish(bucket: &Bucket, name: &str) -> Result<Ended> {
    for _ in 0..ATTEMPTS {
        let sealed = seal(bucket, name, Phase::Publishing).await?;
        let own = sealed.stored.content();
        let differences = differences(&sealed.fork.base, &own);
        let (lake, trail, tag) = match stored::get(bucket, &bucket.layout.lake).await? {
            None => (Content::default(), Trail::default(), None),
            Some((Form::Stored(lake), tag)) => (lake.content(), lake.trail, Some(tag)),
            Some((Form::Whole(_), _)) => {
                unseal(bucket, name, &sealed).await?;
                return Err(failure(
                    "the lake's catalog is of the first form again, into which nothing is published",
                    "the first change converts it: COMMENT ON TABLE name IS '...', say",
                ));
            }
        };
        let mut now = lake;
        if !differences.is_empty() && !trail.published.contains(&sealed.fork.id) {
            let merged = match merge(&sealed.fork.base, &own, &now) {
                Ok(merged) => merged,
                Err(clashes) => {
                    unseal(bucket, name, &sealed).await?;
                    return Err(clash(name, &clashes));
                }
            };
            // Another may have published it, and somebody have dropped a table of it, before the lake was read.
            if read(bucket, name).await?.is_none_or(|(_, now)| now != sealed.tag) {
                continue;
            }
            now = merged;
            check::stored(&now.tables, &now.views, &now.schemas, &bucket.layout)
                .map_err(|what| failure(format!("the catalog would not be one: {what}"), "nothing was published"))?;
            let next = Stored::of(now.clone(), trail.with(&sealed.fork.id));
            if stored::put(bucket, &bucket.layout.lake, &next, tag.as_deref()).await?.is_none() {
                continue;
            }
        }
        store::hint(bucket, &hints(bucket, &sealed.fork.base, &own, &now)).await;
        clear(bucket, name, &sealed, &now).await?;
        return Ok(Ended { branch: name.to_owned(), published: true, differences });
    }
    Err(failure(
        format!("others keep changing the lake, into which the branch `{name}` is published"),
        format!("`quackctl branch publish {name}` again, when they are done"),
    ))
}

/// Has the branch `name` go, with all files that nobody else has.
///
/// # Errors
/// There is no such branch; it is being published; what the bucket says.
pub(crate) async fn discard(bucket: &Bucket, name: &str) -> Result<Ended> {
    let sealed = seal(bucket, name, Phase::Discarding).await?;
    let differences = differences(&sealed.fork.base, &sealed.stored.content());
    clear(bucket, name, &sealed, &Content::default()).await?;
    Ok(Ended { branch: name.to_owned(), published: false, differences })
}

fn clash(name: &str, clashes: &[Difference]) -> anyhow::Error {
    let named: Vec<String> = clashes.iter().map(ToString::to_string).collect();
    failure(
        format!(
            "the lake has changed what the branch `{name}` changes, too, since that was made: {}; nothing was published",
            named.join(", ")
        ),
        format!("`quackctl branch discard {name}`, make it anew of the lake as it is, and run what changes it again"),
    )
}

/// Has the branch be in that phase, in which nothing is written to it.
async fn seal(bucket: &Bucket, name: &str, phase: Phase) -> Result<Sealed> {
    for _ in 0..ATTEMPTS {
        let (mut stored, tag) = read(bucket, name).await?.ok_or_else(|| no_branch(name))?;
        let fork = stored.trail.fork.as_mut().ok_or_else(|| no_branch(name))?;
        match (fork.phase, phase) {
            (now, wanted) if now == wanted => {
                let fork = fork.clone();
                return Ok(Sealed { stored, fork, tag });
            }
            (Phase::Publishing, _) => {
                return Err(failure(
                    format!("the branch `{name}` is being published, and the lake may have it already"),
                    format!("`quackctl branch publish {name}` ends that, if whoever did it was stopped"),
                ));
            }
            (_, Phase::Publishing) => fork.check_readable(name)?,
            _ => {}
        }
        fork.phase = phase;
        let fork = fork.clone();
        if let Some(tag) = stored::put(bucket, &key(bucket, name), &stored, Some(&tag)).await? {
            return Ok(Sealed { stored, fork, tag });
        }
    }
    Err(failure(
        format!("others keep changing the branch `{name}`"),
        "try again when they are done; nothing was changed",
    ))
}

/// Has the branch be open again. Another who does the same, or has ended it, is as good.
async fn unseal(bucket: &Bucket, name: &str, sealed: &Sealed) -> Result<()> {
    let open = Fork { phase: Phase::Open, ..sealed.fork.clone() };
    let open = Stored::of(sealed.stored.content(), Trail { fork: Some(open), published: Vec::new() });
    stored::put(bucket, &key(bucket, name), &open, Some(&sealed.tag)).await.map(|_| ())
}

fn key(bucket: &Bucket, name: &str) -> String {
    bucket.layout.on_branch(name).catalog
}

/// By folder of the metadata of a table that was other in the branch than in `base`, and is so in the lake `now`, the name of the
/// newest there.
fn hints(bucket: &Bucket, base: &Content, own: &Content, now: &Content) -> Vec<(String, String)> {
    let was = all_metadata(base);
    let is = all_metadata(now);
    let hint = |metadata: &str| {
        let (folder, file) = metadata.rsplit_once('/')?;
        let file = file.strip_suffix(".metadata.json")?;
        bucket.layout.is_of_tables(metadata).then(|| (folder.to_owned(), file.to_owned()))
    };
    let new = all_metadata(own).into_iter().filter(|metadata| !was.contains(metadata) && is.contains(metadata));
    new.filter_map(hint).collect()
}

fn all_metadata(content: &Content) -> BTreeSet<&str> {
    content.tables.values().map(|pointer| pointer.metadata.as_str()).collect()
}

/// Deletes what nobody needs without the branch, and then its catalog: of tables that are its own, and of those that it had in place
/// of others. The lake is known to have what it has `now`.
async fn clear(bucket: &Bucket, name: &str, sealed: &Sealed, now: &Content) -> Result<()> {
    let on_branch = Bucket { layout: bucket.layout.on_branch(name), ..bucket.clone() };
    let mut keys = BTreeSet::new();
    let mut known = all_metadata(now);
    for (name, pointer) in sealed.stored.tables.iter().chain(&sealed.fork.base.tables) {
        if !known.insert(&pointer.metadata) {
            continue;
        }
        // Of one that is gone already there is nothing to know.
        keys.extend(claims::all_of(bucket, name, pointer).await.unwrap_or_default());
    }
    // A catalog that says otherwise does not make this delete anything else.
    keys.retain(|key| bucket.layout.is_of_tables(key));
    upload::delete(bucket, claims::free(&on_branch, keys.into_iter().collect()).await).await;
    let delete = bucket.s3.delete_object().bucket(&bucket.name).key(&on_branch.layout.catalog).if_match(&sealed.tag);
    match delete.send().await {
        Ok(_) => Ok(()),
        Err(error) => match error.raw_response().map(|response| response.status().as_u16()) {
            // Another has ended it.
            Some(404 | 409 | 412) => Ok(()),
            _ => Err(error).with_context(|| format!("cannot delete the branch `{name}`")),
        },
    }
}
