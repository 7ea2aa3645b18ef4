//! A branch made of the lake as it is.

use anyhow::Result;
use chrono::{SecondsFormat, Utc};

use super::list::Branch;
use crate::bucket::Bucket;
use crate::error::failure;
use crate::lake::fork::{Content, Fork, Phase, Trail, check_name};
use crate::lake::stored::{self, Form, Stored};
use crate::private;

/// Times that it begins anew because the lake has changed meanwhile.
const ATTEMPTS: u32 = 20;

/// Makes the branch `name` of the lake, whatever the bucket is looked at with.
///
/// # Errors
/// There is one of that name, or none can have it; a catalog of the first form; what the bucket says.
pub(crate) async fn create(bucket: &Bucket, name: &str) -> Result<Branch> {
    check_name(name)?;
    let layout = bucket.layout.on_branch(name);
    let (id, made) = (private::name(), Utc::now().to_rfc3339_opts(SecondsFormat::Secs, true));
    let mut tag = None;
    for _ in 0..ATTEMPTS {
        let (base, was) = lake(bucket).await?;
        let of = |phase| {
            let fork = Fork { id: id.clone(), made: made.clone(), phase, base: base.clone() };
            Stored::of(base.clone(), Trail { fork: Some(fork), published: Vec::new() })
        };
        let began = put(bucket, &layout.catalog, &of(Phase::Beginning), tag.as_deref()).await?;
        // Whoever deletes what a change of the lake leaves behind looks for branches after that change. So, if the lake is the same
        // now, they see this one.
        if lake(bucket).await?.1 == was {
            let open = of(Phase::Open);
            put(bucket, &layout.catalog, &open, Some(&began)).await?;
            return Ok(Branch::of(name, &open));
        }
        tag = Some(began);
    }
    Err(failure(
        format!("others keep changing the lake, of which the branch `{name}` was to be made"),
        format!("`quackctl branch discard {name}`, and try again when they are done"),
    ))
}

/// The lake as it is, and the tag of its catalog.
async fn lake(bucket: &Bucket) -> Result<(Content, Option<String>)> {
    match stored::get(bucket, &bucket.layout.lake).await? {
        None => Ok((Content::default(), None)),
        Some((Form::Stored(stored), tag)) => Ok((stored.content(), Some(tag))),
        Some((Form::Whole(_), _)) => Err(failure(
            "the lake's catalog is of the first form, of which no branch can be made",
            "the first change converts it: COMMENT ON TABLE name IS '...', say",
        )),
    }
}

/// Stores a step of it.
async fn put(bucket: &Bucket, key: &str, step: &Stored, tag: Option<&str>) -> Result<String> {
    if let Some(tag) = stored::put(bucket, key, step, tag).await? {
        return Ok(tag);
    }
    match stored::get(bucket, key).await? {
        // It was stored, and its answer lost on the way.
        Some((Form::Stored(there), tag)) if there.trail == step.trail => Ok(tag),
        Some(_) => Err(failure(
            "there is a branch of that name already",
            "`quackctl branch list` shows what it is; choose another name, or publish or discard it first",
        )),
        None => Err(failure("somebody discards the branch while it is made", "make it anew")),
    }
}
