//! Where the local target keeps things: `.quack/<stage>/` in the project's folder.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::config::STATE;
use crate::private;

/// One stage's files.
#[derive(Debug, Clone)]
pub(super) struct Paths {
    pub dir: PathBuf,
}

impl Paths {
    pub(super) fn new(project: &Path, stage: &str) -> Self {
        Self { dir: project.join(STATE).join(stage) }
    }

    /// Locked by the daemon for as long as it lives; holds its settings.
    pub(super) fn lock(&self) -> PathBuf {
        self.dir.join("daemon.lock")
    }

    /// Where the daemon listens. Stays when it stops: the next one takes the same port, and a stage that has it is up.
    pub(super) fn endpoint(&self) -> PathBuf {
        self.dir.join("endpoint.json")
    }

    /// The keys, as AWS's tools read them.
    pub(super) fn credentials(&self) -> PathBuf {
        self.dir.join("credentials")
    }

    /// The keys of the function, which are good for less.
    pub(super) fn function_credentials(&self) -> PathBuf {
        self.dir.join("function-credentials")
    }

    /// The keys of the page function, which are good for other things.
    pub(super) fn page_credentials(&self) -> PathBuf {
        self.dir.join("page-credentials")
    }

    /// What the daemon has to say.
    pub(super) fn log(&self) -> PathBuf {
        self.dir.join("daemon.log")
    }

    /// Whose the stage is; written by the configuration.
    pub(super) fn owner(&self) -> PathBuf {
        self.dir.join("stage.json")
    }

    /// A folder for each bucket.
    pub(super) fn buckets(&self) -> PathBuf {
        self.storage().join("buckets")
    }

    /// The buckets, and what is kept of them.
    pub(super) fn storage(&self) -> PathBuf {
        self.dir.join("s3")
    }

    /// One file a function: its configuration.
    pub(super) fn functions(&self) -> PathBuf {
        self.dir.join("functions")
    }

    /// One file a function: what its instances wrote.
    pub(super) fn function_logs(&self) -> PathBuf {
        self.dir.join("logs")
    }

    /// A folder for each instance's temporary files.
    pub(super) fn instances(&self) -> PathBuf {
        self.dir.join("instances")
    }

    /// Makes the stage's folder, for its owner alone.
    pub(super) fn create(&self) -> io::Result<()> {
        private::dir(&self.dir)
    }

    /// Removes everything of the stage, or all but its buckets and whose they are; and `.quack` itself when nothing is left in it.
    pub(super) fn remove(&self, keep_storage: bool) -> io::Result<()> {
        let kept = keep_storage.then(|| [self.storage(), self.owner()]);
        for entry in fs::read_dir(&self.dir)? {
            let entry = entry?;
            if kept.as_ref().is_some_and(|kept| kept.contains(&entry.path())) {
                continue;
            }
            if entry.file_type()?.is_dir() { fs::remove_dir_all(entry.path())? } else { fs::remove_file(entry.path())? }
        }
        if !keep_storage {
            fs::remove_dir(&self.dir)?;
            if let Some(root) = self.dir.parent() {
                // Not empty: another stage is in it.
                let _ = fs::remove_dir(root);
            }
        }
        Ok(())
    }
}

/// Names of the project's stages that are up.
pub(super) fn stages(project: &Path) -> Vec<String> {
    let Ok(entries) = fs::read_dir(project.join(STATE)) else { return Vec::new() };
    let mut stages: Vec<String> = entries
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .filter(|stage| Paths::new(project, stage).endpoint().exists())
        .collect();
    stages.sort();
    stages
}
