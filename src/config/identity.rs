//! Whose a stage is. A project's name may change, and two projects may have the same; so a stage keeps a record of the
//! project that it was put up by, with an id that no other project has. Nothing is touched that says otherwise.

use std::fs;
use std::io::{self, ErrorKind, Write as _};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use serde::{Deserialize, Serialize};
use tempfile::NamedTempFile;

use super::Config;
use super::keys::FILE;
use super::kinds::TargetKind;
use crate::error::{failure, unwritable, usage};
use crate::private;

/// The folder, in the project's, of what quackctl keeps there.
pub(crate) const STATE: &str = ".quack";

/// The project that a stage is of, as the stage's record has it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Owner {
    /// What no other project has.
    pub id: String,
    /// What the project was called when the stage was put up.
    pub project: String,
    /// Whether the stage is protected from `down`. On AWS the stack says so.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub protected: bool,
}

impl Owner {
    /// What the record at `path` says; nothing when there is none.
    ///
    /// # Errors
    /// A record that cannot be read.
    pub(super) fn read(path: &Path) -> Result<Option<Self>> {
        let text = match fs::read(path) {
            Ok(text) => text,
            Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => return Ok(None),
            Err(error) => return Err(error).with_context(|| format!("cannot read {}", path.display())),
        };
        let owner = serde_json::from_slice(&text).map_err(|error| {
            failure(
                format!("{} does not say whose the stage is: {error}", path.display()),
                "it holds {\"id\": \"...\", \"project\": \"...\"}; remove it when you are sure that the stage is this project's",
            )
        })?;
        Ok(Some(owner))
    }
}

fn cannot_write(path: &Path, error: &io::Error) -> anyhow::Error {
    unwritable(path.display(), error, format!("{STATE} beside {FILE} has to be a folder that you may write to"))
}

/// Where a stage's record is. A local stage's lies with its data and goes where they go; no stage has a name with a dot.
pub(super) fn record(dir: &Path, target: TargetKind, stage: &str) -> PathBuf {
    let state = dir.join(STATE);
    match target {
        TargetKind::Local => state.join(stage).join("stage.json"),
        TargetKind::Aws => state.join(format!("{stage}.aws.json")),
    }
}

impl Config {
    /// Where a file called so is, beside the stage's record: a local stage's goes where its data go.
    pub(crate) fn beside_record(&self, name: &str) -> PathBuf {
        let state = self.dir.join(STATE);
        match self.target {
            TargetKind::Local => state.join(&self.stage).join(name),
            TargetKind::Aws => state.join(format!("{}.aws.{name}", self.stage)),
        }
    }

    /// Refuses to go on when the stage was put up by another project than this is, or by this one under another name: its
    /// bucket and its function have the name that it had.
    ///
    /// # Errors
    /// Who the stage is of, and what to do.
    pub(crate) fn check_owner(&self) -> Result<()> {
        let Some(owner) = &self.owner else { return Ok(()) };
        let (stage, project, theirs) = (&self.stage, &self.project, &owner.project);
        if owner.project != self.project {
            let origin = self.origins().iter().find(|(key, _, _)| *key == "project").map(|(_, _, origin)| origin);
            let said = origin.map_or_else(|| FILE.to_owned(), ToString::to_string);
            return Err(usage(
                format!(
                    "stage `{stage}` was put up from {} as project `{theirs}`, and it is called `{project}` now ({said})",
                    self.dir.display()
                ),
                format!(
                    "its tables are where they were: project = \"{theirs}\" brings them back. To begin anew as `{project}`, take \
                     it down first, `QUACK_PROJECT={theirs} quackctl down`, or choose another --stage"
                ),
            ));
        }
        // On AWS the stack itself says whose it is.
        if self.target == TargetKind::Local && self.id.as_ref().is_some_and(|id| *id != owner.id) {
            return Err(usage(
                format!("stage `{stage}` in {} is of another project called `{project}`", self.dir.display()),
                format!(
                    "its id is {}: set id = \"{}\" in {FILE} when it is yours, else choose another --stage",
                    owner.id, owner.id
                ),
            ));
        }
        Ok(())
    }

    /// Says that the stage is this project's, and gives the project's id. The first of several at once decides.
    ///
    /// # Errors
    /// A folder that cannot be written to.
    pub(crate) fn claim(&self) -> Result<String> {
        if let Some(owner) = &self.owner {
            return Ok(owner.id.clone());
        }
        let path = record(&self.dir, self.target, &self.stage);
        let write = || -> io::Result<()> {
            let folder = path.parent().unwrap_or(&self.dir);
            private::dir(folder)?;
            let id = self.id.clone().unwrap_or_else(private::name);
            let owner = Owner { id, project: self.project.clone(), protected: false };
            let mut draft = NamedTempFile::new_in(folder)?;
            draft.write_all(&serde_json::to_vec(&owner)?)?;
            match draft.persist_noclobber(&path) {
                Err(error) if error.error.kind() != ErrorKind::AlreadyExists => Err(error.error),
                _ => Ok(()),
            }
        };
        write().map_err(|error| cannot_write(&path, &error))?;
        let owner = Owner::read(&path)?.with_context(|| format!("{} went away", path.display()))?;
        Ok(owner.id)
    }

    /// Whether the stage's record says that it is protected from `down`.
    pub(crate) fn is_protected(&self) -> bool {
        self.owner.as_ref().is_some_and(|owner| owner.protected)
    }

    /// Has the stage's record say whether it is protected from `down`, as the settings have it.
    ///
    /// # Errors
    /// A record that cannot be written.
    pub(crate) fn record_protection(&self) -> Result<()> {
        let path = record(&self.dir, self.target, &self.stage);
        let Some(owner) = Owner::read(&path)? else { return Ok(()) };
        let owner = Owner { protected: self.protect, ..owner };
        private::write(&path, &serde_json::to_vec(&owner)?).map_err(|error| cannot_write(&path, &error))
    }

    /// The project's id, also when another command has given the stage its record since this one began.
    ///
    /// # Errors
    /// A record that cannot be read.
    pub(crate) fn id_by_now(&self) -> Result<Option<String>> {
        if self.id.is_some() {
            return Ok(self.id.clone());
        }
        self.id_of_stage()
    }

    /// The id of the project that the stage was put up by, whatever `quack.toml` says; nothing where no stage is.
    ///
    /// # Errors
    /// A record that cannot be read.
    pub(crate) fn id_of_stage(&self) -> Result<Option<String>> {
        Ok(Owner::read(&record(&self.dir, self.target, &self.stage))?.map(|owner| owner.id))
    }

    /// Forgets the stage, which is gone; and `.quack` itself when nothing is left in it.
    ///
    /// # Errors
    /// A record that cannot be removed.
    pub(crate) fn disclaim(&self) -> Result<()> {
        let path = record(&self.dir, self.target, &self.stage);
        match fs::remove_file(&path) {
            Err(error) if error.kind() != ErrorKind::NotFound => {
                return Err(error).with_context(|| format!("cannot remove {}", path.display()));
            }
            _ => {}
        }
        // Not empty: another stage is in it.
        let _ = fs::remove_dir(self.dir.join(STATE));
        Ok(())
    }
}
