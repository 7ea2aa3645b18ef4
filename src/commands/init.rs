//! `quackctl init`: a commented `quack.toml`, and a `.gitignore` that keeps what is not for others.

use std::fmt;
use std::fs::File;
use std::io::{ErrorKind, Write};
use std::path::Path;

use anyhow::{Context as _, Result};
use serde::Serialize;

use crate::config::{self, Config, Origin, default_project};
use crate::console::context::Context;
use crate::error::{failure, unwritable};
use crate::private;

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
        _ => unwritable(path.display(), &error, "give -C a folder that you may write to"),
    })?;
    // A stage that was put up without the file stays this project's.
    let id = context.config.id_of_stage()?.unwrap_or_else(private::name);
    let text = with_flags(TEMPLATE, &context.config).replace("{project}", &project).replace("{id}", &id);
    file.write_all(text.as_bytes()).with_context(|| format!("cannot write {}", path.display()))?;
    ignore_state(&context.config.dir)?;
    if let Some(above) = config::project_above(&context.config.dir) {
        context.say(format_args!(
            "note: {} is a project, which this folder was part of: here and below, commands mean the new one now",
            above.display()
        ));
    }
    context.print(&Initialized { file: path.display().to_string(), project })
}

/// The template with what flags say in the place of its commented defaults: later commands are to mean the same stage.
fn with_flags(template: &str, config: &Config) -> String {
    let mut lines: Vec<String> = template.lines().map(str::to_owned).collect();
    for (key, value, origin) in config.origins() {
        let start = format!("# {} = ", key.rsplit('.').next().unwrap_or(key));
        if let (Origin::Flag, Some(line)) = (origin, lines.iter_mut().find(|line| line.starts_with(&start))) {
            let (before, comment) = line[2..].split_once(" #").unwrap_or((line, ""));
            let width = before.len() + 2;
            let value = toml::Value::from(value.as_str());
            *line = format!("{:<width$} #{comment}", format!("{}{value}", &start[2..]));
        }
    }
    lines.join("\n") + "\n"
}

/// Has git leave the project's state alone, where the local lake and its keys are.
fn ignore_state(dir: &Path) -> Result<()> {
    let path = dir.join(".gitignore");
    let cannot = || format!("cannot write {}", path.display());
    let text = match std::fs::read_to_string(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == ErrorKind::NotFound => String::new(),
        Err(error) => return Err(error).with_context(cannot),
    };
    let is_state = |line: &str| line.trim().trim_matches('/') == config::STATE;
    if text.lines().any(is_state) {
        return Ok(());
    }
    let start = if text.is_empty() || text.ends_with('\n') { "" } else { "\n" };
    let mut file = File::options().append(true).create(true).open(&path).with_context(cannot)?;
    file.write_all(format!("{start}{}/\n", config::STATE).as_bytes()).with_context(cannot)
}
