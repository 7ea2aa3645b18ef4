//! A plan in a file. The file decides nothing: whoever makes it, `up` works everything out anew and compares. It holds
//! digests of the settings, not their values, as a setting may be an address with a signature in it.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::io::{self, Read as _};
use std::path::Path;

use anyhow::{Context as _, Result};
use chrono::{SecondsFormat, Utc};
use serde::{Deserialize, Serialize};

use super::plan::Plan;
use crate::config::{Config, TargetKind};
use crate::digest;
use crate::error::{Kind, failure, failure_of, usage};
use crate::private;

/// Of the file. Changes when its meaning does.
const FORMAT: u32 = 1;

/// Most bytes of such a file.
const MOST_BYTES: u64 = 4 << 20;

/// Settings that change nothing that `up` makes; where they lead to is compared by itself.
const BESIDE: &[&str] = &["project", "id", "stage", "target", "aws.region", "aws.profile", "query.limit"];

/// What the file says.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Saved {
    quackctl_plan: u32,
    /// The version of quackctl that made it.
    quackctl: String,
    /// RFC 3339.
    made_at: String,
    project: String,
    stage: String,
    target: String,
    /// A digest of each setting's value.
    settings: BTreeMap<String, String>,
    plan: Plan,
}

/// All of the file that a reader of any version relies on.
#[derive(Deserialize)]
struct Head {
    quackctl_plan: u32,
}

impl Saved {
    /// `plan` as it is made now, with the settings of `config`.
    ///
    /// # Errors
    /// None that is known of.
    pub(crate) fn new(config: &Config, plan: Plan) -> Result<Self> {
        Ok(Self {
            quackctl_plan: FORMAT,
            quackctl: env!("CARGO_PKG_VERSION").to_owned(),
            made_at: Utc::now().to_rfc3339_opts(SecondsFormat::Secs, true),
            project: config.project.clone(),
            stage: config.stage.clone(),
            target: config.target.to_string(),
            settings: settings(config)?,
            plan,
        })
    }

    /// Writes the file, as the command line calls it from `here`, for its owner's eyes only.
    ///
    /// # Errors
    /// A usage error for a place that cannot be written to.
    pub(crate) fn write(&self, here: &Path, path: &Path) -> Result<()> {
        let refuse = |error: io::Error| {
            usage(format!("cannot write the plan `{}`: {error}", path.display()), "give -o a file that you may write")
        };
        let place = here.join(path);
        if place.exists() && !place.is_file() {
            return Err(refuse(io::Error::other("it is no file")));
        }
        private::write(&place, &serde_json::to_vec_pretty(self)?).map_err(refuse)
    }

    /// Reads such a file, as the command line calls it from `here`.
    ///
    /// # Errors
    /// A usage error for what is none, or is of another version.
    pub(crate) fn read(here: &Path, path: &Path) -> Result<Self> {
        let refuse =
            |why: String| usage(format!("`{}` is no plan: {why}", path.display()), "`quackctl plan -o FILE` makes one");
        // A pipe would be waited for.
        let place = here.join(path);
        let is_file = fs::metadata(&place).map_err(|error| refuse(error.to_string()))?.is_file();
        let text = match is_file {
            true => read_text(&place).map_err(|error| refuse(error.to_string()))?,
            false => return Err(refuse("it is no file".to_owned())),
        };
        let head: Head = serde_json::from_str(&text).map_err(|error| refuse(error.to_string()))?;
        if head.quackctl_plan != FORMAT {
            return Err(usage(
                format!(
                    "`{}` is a plan of format {}, and this quackctl knows {FORMAT}",
                    path.display(),
                    head.quackctl_plan
                ),
                "plan again with the quackctl that you have now: `quackctl plan -o FILE`",
            ));
        }
        serde_json::from_str(&text).map_err(|error| refuse(error.to_string()))
    }

    /// Refuses the plan, which is of another stage than `config`'s, or was made with other settings.
    ///
    /// # Errors
    /// Of which stage it is; which settings have changed.
    pub(crate) fn check_settings(&self, path: &Path, config: &Config) -> Result<()> {
        let (name, ours) = (path.display(), format!("{} ({}) on {}", config.project, config.stage, config.target));
        let theirs = format!("{} ({}) on {}", self.project, self.stage, self.target);
        if theirs != ours {
            return Err(usage(
                format!("the plan `{name}` is for {theirs}, and this would be {ours}"),
                "call it where, and with the --stage and --target that, the plan was made with",
            ));
        }
        let now = settings(config)?;
        let names: BTreeSet<&String> = self.settings.keys().chain(now.keys()).collect();
        let changed = names.into_iter().filter(|name| self.settings.get(*name) != now.get(*name));
        let changed: Vec<String> = changed.map(|name| format!("the setting `{name}` has changed")).collect();
        self.refuse_if(path, &changed)
    }

    /// Refuses the plan unless it comes to the same as `now`.
    ///
    /// # Errors
    /// What has changed since.
    pub(crate) fn check(&self, path: &Path, now: &Plan) -> Result<()> {
        self.refuse_if(path, &self.plan.differences(now))
    }

    fn refuse_if(&self, path: &Path, changed: &[String]) -> Result<()> {
        if changed.is_empty() {
            return Ok(());
        }
        let (name, at) = (path.display(), &self.made_at);
        let version = match env!("CARGO_PKG_VERSION") {
            ours if ours == self.quackctl => String::new(),
            ours => format!(" (it was made by quackctl {}, and this is {ours})", self.quackctl),
        };
        Err(failure(
            format!("the plan `{name}` of {at} is not what `up` would do now{version}:\n  {}", changed.join("\n  ")),
            format!("nothing was changed; plan again: `quackctl plan -o {name}`"),
        ))
    }
}

/// That the stage changed after the plan was looked at and before it was made.
pub(crate) fn overtaken(what: impl std::fmt::Display) -> anyhow::Error {
    failure_of(
        Kind::Other,
        format!("{what}: this is not the plan any more"),
        "`quackctl plan` shows what is left to do; plan again with -o, and run `quackctl up FILE`",
    )
}

fn read_text(path: &Path) -> io::Result<String> {
    let mut text = String::new();
    File::open(path)?.take(MOST_BYTES + 1).read_to_string(&mut text)?;
    if text.len() as u64 > MOST_BYTES {
        return Err(io::Error::other(format!("it has more than {} MB", MOST_BYTES >> 20)));
    }
    Ok(text)
}

/// A digest of each setting's value, but for those of other targets.
fn settings(config: &Config) -> Result<BTreeMap<String, String>> {
    let other = match config.target {
        TargetKind::Local => "aws.",
        TargetKind::Aws => "local.",
    };
    let matters = |name: &str| !BESIDE.contains(&name) && !name.starts_with(other);
    let told = config.origins().iter().filter(|(name, _, _)| matters(name));
    let mut found: BTreeMap<String, String> =
        told.map(|(name, value, _)| ((*name).to_owned(), digest::short(value))).collect();
    let data = serde_json::to_vec(&config.data).context("[[data]] cannot be written down")?;
    found.insert("data".to_owned(), digest::short(&data));
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cloud::plan::Basis;

    fn saved() -> Saved {
        let text = |text: &str| text.to_owned();
        Saved {
            quackctl_plan: FORMAT,
            quackctl: text("0"),
            made_at: text("2026-01-01T00:00:00Z"),
            project: text("p"),
            stage: text("dev"),
            target: text("local"),
            settings: BTreeMap::new(),
            plan: Plan { changes: Vec::new(), basis: Basis::default() },
        }
    }

    #[test]
    fn a_file_is_what_was_written_or_refused_in_words() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("plan");
        saved().write(dir.path(), Path::new("plan")).unwrap();
        let read = |path: &str| Saved::read(dir.path(), Path::new(path));
        assert_eq!(read("plan").unwrap(), saved());
        let good = fs::read_to_string(&path).unwrap();
        let deep = format!("{{\"quackctl_plan\": 1, \"plan\": {}", "[".repeat(100_000));
        let many = " ".repeat(MOST_BYTES as usize + 1);
        for (text, told) in [
            ("", "is no plan: EOF"),
            ("null", "is no plan"),
            ("{\"quackctl_plan\": 2, \"new\": []}", "is a plan of format 2, and this quackctl knows 1"),
            ("{\"quackctl_plan\": -1}", "is no plan"),
            (&good.replace("\"stage\"", "\"stages\""), "is no plan"),
            (&good.replace("\"changes\": []", "\"changes\": [{\"action\": \"boom\"}]"), "is no plan"),
            (&deep, "is no plan: EOF"),
            (&many, "it has more than 4 MB"),
        ] {
            fs::write(&path, text).unwrap();
            let error = format!("{:#}", read("plan").unwrap_err());
            assert!(error.contains(told) && error.contains("`plan`"), "{error}");
        }
        fs::write(&path, b"\xff\xfe").unwrap();
        for no_plan in ["plan", ".", "/dev/zero", "missing"] {
            assert!(read(no_plan).is_err(), "{no_plan}");
        }
        for no_place in [".", "/dev/null", "missing/plan"] {
            assert!(saved().write(dir.path(), Path::new(no_place)).is_err(), "{no_place}");
        }
    }
}
