//! `quackctl init`: a commented `quack.toml`.

use std::fmt;
use std::fs::File;
use std::io::{ErrorKind, Write};

use anyhow::{Context as _, Result};
use serde::Serialize;

use crate::config::{self, default_project};
use crate::console::context::Context;
use crate::error::failure;

const TEMPLATE: &str = include_str!("../../templates/quack.toml");

#[derive(Debug, Serialize)]
struct Initialized {
    file: String,
    project: String,
}

impl fmt::Display for Initialized {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "wrote {} for project `{}`; next: quackctl up", self.file, self.project)
    }
}

/// Writes `quack.toml` into the project's folder; never over one that is there.
pub(crate) fn run(context: &Context) -> Result<()> {
    let path = context.config.dir.join(config::FILE);
    let project = default_project(&context.config.dir);
    let mut file = File::create_new(&path).map_err(|error| match error.kind() {
        ErrorKind::AlreadyExists => failure(
            format!("{} exists already and is never overwritten", path.display()),
            "edit it, or remove it first",
        ),
        _ => anyhow::Error::from(error).context(format!("cannot write {}", path.display())),
    })?;
    let text = TEMPLATE.replace("{project}", &project);
    file.write_all(text.as_bytes()).with_context(|| format!("cannot write {}", path.display()))?;
    context.print(&Initialized { file: path.display().to_string(), project })
}
