//! The configuration: `quack.toml`, the environment and flags, merged, every value with its origin.

use std::collections::HashMap;
use std::fmt;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use serde::Serialize;

use crate::cli::Global;
use crate::error::{nearest, usage};

/// The project file's name.
pub const FILE: &str = "quack.toml";

/// Where a value came from. Later ones win.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    Default,
    File,
    Environment(String),
    Flag,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::File => f.write_str(FILE),
            Self::Environment(name) => write!(f, "environment {name}"),
            Self::Flag => f.write_str("flag"),
        }
    }
}

/// Everything that a command needs to know of the project.
#[derive(Debug, Clone)]
pub struct Config {
    /// The folder that `quack.toml` is or would be in.
    pub dir: PathBuf,
    pub project: String,
    pub stage: String,
    pub target: String,
    pub memory_mb: u32,
    pub timeout_s: u32,
    /// Most function instances at once.
    pub concurrency: u32,
    /// DuckDB extensions packaged with the function; `httpfs` is always among them.
    pub extensions: Vec<String>,
    /// Rows that `query` returns unless told otherwise.
    pub limit: u64,
    /// Port of the local target; 0 is any free one.
    pub port: u16,
    /// Seconds after which an instance without work ends.
    pub idle_s: u32,
    pub data: Vec<DataSet>,
    origins: Vec<(&'static str, String, Origin)>,
}

/// A table that `up` loads: `[[data]]` in `quack.toml`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DataSet {
    pub table: String,
    pub source: Option<String>,
    pub sample: Option<String>,
    pub dataset: Option<String>,
    pub rows: Option<u64>,
    pub partition_by: Vec<String>,
}

/// Each key of `quack.toml`, with the environment variable that overrides it.
const KEYS: &[(&str, &str)] = &[
    ("project", "QUACK_PROJECT"),
    ("stage", "QUACK_STAGE"),
    ("target", "QUACK_TARGET"),
    ("function.memory_mb", "QUACK_MEMORY_MB"),
    ("function.timeout_s", "QUACK_TIMEOUT_S"),
    ("function.concurrency", "QUACK_CONCURRENCY"),
    ("function.extensions", "QUACK_EXTENSIONS"),
    ("query.limit", "QUACK_LIMIT"),
    ("local.port", "QUACK_PORT"),
    ("local.idle_s", "QUACK_IDLE_S"),
];

const DATA_KEYS: &[&str] = &["table", "source", "sample", "dataset", "rows", "partition_by"];

impl Config {
    /// Reads the configuration of the project that `global` points at.
    ///
    /// # Errors
    /// A usage error for a file that is not TOML, an unknown key, or a value out of its range.
    pub fn load(global: &Global) -> Result<Self> {
        let dir = match &global.dir {
            Some(dir) => dir.canonicalize().map_err(|error| {
                usage(format!("cannot go to `{}`: {error}", dir.display()), "give -C an existing folder")
            })?,
            None => std::env::current_dir().context("cannot tell the current folder")?,
        };
        let mut values = Values::read(&dir)?;
        for (key, flag) in [("target", &global.target), ("stage", &global.stage)] {
            if let Some(value) = flag {
                values.set(key, toml::Value::String(value.clone()), Origin::Flag);
            }
        }
        let config = Self {
            project: values.name("project", &default_project(&dir))?,
            stage: values.name("stage", "dev")?,
            target: values.text("target", "local")?,
            memory_mb: values.number("function.memory_mb", 2048, 128, 10_240)?,
            timeout_s: values.number("function.timeout_s", 120, 1, 900)?,
            concurrency: values.number("function.concurrency", 16, 1, 1_000)?,
            extensions: values.extensions()?,
            limit: values.number("query.limit", 20, 1, u64::MAX)?,
            port: values.number("local.port", 0, 0, u16::MAX)?,
            idle_s: values.number("local.idle_s", 300, 1, 86_400)?,
            data: values.data_sets()?,
            origins: values.origins,
            dir,
        };
        Ok(config)
    }

    /// `(key, value, origin)` of every setting, for `--verbose`.
    pub fn origins(&self) -> &[(&'static str, String, Origin)] {
        &self.origins
    }
}

/// The raw values, before each is checked.
struct Values {
    values: HashMap<&'static str, (toml::Value, Origin)>,
    data: Vec<toml::Value>,
    origins: Vec<(&'static str, String, Origin)>,
}

impl Values {
    fn read(dir: &Path) -> Result<Self> {
        let mut values = Self { values: HashMap::new(), data: Vec::new(), origins: Vec::new() };
        let path = dir.join(FILE);
        match std::fs::read_to_string(&path) {
            Ok(text) => values.read_file(&text)?,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            Err(error) => return Err(error).with_context(|| format!("cannot read {}", path.display())),
        }
        let mut environment = HashMap::new();
        let dotenv = dir.join(".env");
        if dotenv.exists() {
            let entries =
                dotenvy::from_path_iter(&dotenv).with_context(|| format!("cannot read {}", dotenv.display()))?;
            for entry in entries {
                let (name, value) = entry.map_err(|error| {
                    usage(format!("{}: {error}", dotenv.display()), "each line of .env is NAME=value")
                })?;
                environment.insert(name, value);
            }
        }
        environment.extend(
            std::env::vars_os().filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?))),
        );
        for (key, variable) in KEYS {
            if let Some(value) = environment.get(*variable).filter(|value| !value.is_empty()) {
                values.set(key, toml::Value::String(value.clone()), Origin::Environment((*variable).to_owned()));
            }
        }
        Ok(values)
    }

    fn read_file(&mut self, text: &str) -> Result<()> {
        let table: toml::Table = text.parse().map_err(|error: toml::de::Error| {
            usage(format!("{FILE} is not valid TOML\n{}", error.to_string().trim_end()), "mend the line shown")
        })?;
        for (name, value) in table {
            match value {
                toml::Value::Array(sets) if name == "data" => self.data = sets,
                toml::Value::Table(section) if KEYS.iter().any(|(key, _)| key.starts_with(&format!("{name}."))) => {
                    for (inner, value) in section {
                        self.set_known(text, &format!("{name}.{inner}"), value)?;
                    }
                }
                value => self.set_known(text, &name, value)?,
            }
        }
        Ok(())
    }

    fn set_known(&mut self, text: &str, name: &str, value: toml::Value) -> Result<()> {
        match KEYS.iter().find(|(key, _)| *key == name) {
            Some((key, _)) => self.set(key, value, Origin::File),
            None => return Err(unknown_key(text, name, KEYS.iter().map(|(key, _)| *key).chain(["data"]))),
        }
        Ok(())
    }

    fn set(&mut self, key: &'static str, value: toml::Value, origin: Origin) {
        self.values.insert(key, (value, origin));
    }

    fn text(&mut self, key: &'static str, default: &str) -> Result<String> {
        let (value, origin) = match self.values.get(key) {
            Some((toml::Value::String(text), origin)) => (text.clone(), origin.clone()),
            Some((other, origin)) => return Err(bad_value(key, &other.to_string(), origin, "a text in quotes")),
            None => (default.to_owned(), Origin::Default),
        };
        self.origins.push((key, value.clone(), origin));
        Ok(value)
    }

    /// A name that may be part of a bucket's and a function's: `[a-z][a-z0-9-]*`, at most 32 characters.
    fn name(&mut self, key: &'static str, default: &str) -> Result<String> {
        let value = self.text(key, default)?;
        let first_ok = value.starts_with(|c: char| c.is_ascii_lowercase());
        let rest_ok = value.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-');
        if !first_ok || !rest_ok || value.len() > 32 || value.ends_with('-') {
            let origin = self.values.get(key).map_or(Origin::Default, |(_, origin)| origin.clone());
            return Err(bad_value(
                key,
                &value,
                &origin,
                "lower-case letters, digits and `-`, from a letter, at most 32",
            ));
        }
        Ok(value)
    }

    fn number<T: TryFrom<u64> + Into<u64> + Copy + fmt::Display>(
        &mut self,
        key: &'static str,
        default: T,
        least: T,
        most: T,
    ) -> Result<T> {
        let Some((value, origin)) = self.values.get(key) else {
            self.origins.push((key, default.to_string(), Origin::Default));
            return Ok(default);
        };
        let parsed = match value {
            toml::Value::Integer(number) => u64::try_from(*number).ok(),
            toml::Value::String(text) if *origin != Origin::File => text.trim().parse().ok(),
            _ => None,
        };
        let in_range = parsed.filter(|number| (least.into()..=most.into()).contains(number));
        match in_range.and_then(|number| T::try_from(number).ok()) {
            Some(number) => {
                self.origins.push((key, number.to_string(), origin.clone()));
                Ok(number)
            }
            None => Err(bad_value(key, &value.to_string(), origin, &format!("a whole number from {least} to {most}"))),
        }
    }

    fn extensions(&mut self) -> Result<Vec<String>> {
        let key = "function.extensions";
        let wanted = "a list of extension names, e.g. [\"httpfs\", \"icu\"]";
        let (mut names, origin) = match self.values.get(key) {
            None => (Vec::new(), Origin::Default),
            Some((toml::Value::String(list), origin)) if *origin != Origin::File => {
                (list.split(',').map(|name| name.trim().to_owned()).collect(), origin.clone())
            }
            Some((value @ toml::Value::Array(_), origin)) => {
                let names = value.clone().try_into().map_err(|_| bad_value(key, &value.to_string(), origin, wanted))?;
                (names, origin.clone())
            }
            Some((other, origin)) => return Err(bad_value(key, &other.to_string(), origin, wanted)),
        };
        names.push("httpfs".to_owned());
        names.sort();
        names.dedup();
        self.origins.push((key, names.join(","), origin));
        Ok(names)
    }

    fn data_sets(&mut self) -> Result<Vec<DataSet>> {
        std::mem::take(&mut self.data).into_iter().map(data_set).collect()
    }
}

fn data_set(value: toml::Value) -> Result<DataSet> {
    let toml::Value::Table(mut table) = value else {
        return Err(usage(format!("`data` in {FILE} must be tables"), "write [[data]] and below it table = \"...\""));
    };
    if let Some(unknown) = table.keys().find(|key| !DATA_KEYS.contains(&key.as_str())) {
        return Err(unknown_key("", &format!("data.{unknown}"), DATA_KEYS.iter().copied()));
    }
    let shown = table.to_string();
    let mut text = |key: &str| match table.remove(key) {
        None => Ok(None),
        Some(toml::Value::String(text)) => Ok(Some(text)),
        Some(other) => Err(bad_value(&format!("data.{key}"), &other.to_string(), &Origin::File, "a text in quotes")),
    };
    let (name, source, sample, dataset) = (text("table")?, text("source")?, text("sample")?, text("dataset")?);
    let rows = match table.remove("rows") {
        None => None,
        Some(toml::Value::Integer(rows)) if rows > 0 => Some(rows.unsigned_abs()),
        Some(other) => return Err(bad_value("data.rows", &other.to_string(), &Origin::File, "a whole number from 1")),
    };
    let partition_by = match table.remove("partition_by") {
        None => Vec::new(),
        Some(toml::Value::String(one)) => vec![one],
        Some(value) => {
            let shown = value.to_string();
            value
                .try_into()
                .map_err(|_| bad_value("data.partition_by", &shown, &Origin::File, "a list of \"name=EXPR\""))?
        }
    };
    let Some(table) = name else {
        return Err(usage(format!("a [[data]] in {FILE} has no `table`:\n{shown}"), "add table = \"name\""));
    };
    if [&source, &sample, &dataset].into_iter().flatten().count() != 1 {
        return Err(usage(
            format!("[[data]] `{table}` in {FILE} needs exactly one of source, sample and dataset"),
            "e.g. source = \"trips/*.csv\"",
        ));
    }
    Ok(DataSet { table, source, sample, dataset, rows, partition_by })
}

fn unknown_key<'a>(text: &str, name: &str, known: impl Iterator<Item = &'a str> + Clone) -> anyhow::Error {
    let last = name.rsplit('.').next().unwrap_or(name);
    let line = text.lines().position(|line| line.trim_start().trim_start_matches('[').starts_with(last));
    let at = line.map_or_else(String::new, |line| format!(", line {}", line + 1));
    let near = nearest(name, known.clone())
        .or_else(|| known.clone().find(|key| key.rsplit('.').next() == Some(last)))
        .or_else(|| nearest(last, known.clone().filter_map(|key| key.rsplit('.').next())));
    let help = match near {
        Some(near) => format!("the nearest known key is `{near}`"),
        None => format!("known keys: {}", known.collect::<Vec<_>>().join(", ")),
    };
    usage(format!("unknown key `{name}` in {FILE}{at}"), help)
}

fn bad_value(key: &str, value: &str, origin: &Origin, wanted: &str) -> anyhow::Error {
    usage(format!("`{key}` cannot be {value} ({origin})"), format!("give {wanted}"))
}

/// The folder's name, made to fit a bucket's.
pub fn default_project(dir: &Path) -> String {
    let name = dir.file_name().map(|name| name.to_string_lossy().to_lowercase()).unwrap_or_default();
    let name: String =
        name.chars().map(|c| if c.is_ascii_lowercase() || c.is_ascii_digit() { c } else { '-' }).collect();
    let name: String = name.trim_start_matches(|c: char| !c.is_ascii_lowercase()).chars().take(32).collect();
    let name = name.trim_end_matches('-');
    if name.is_empty() { "quack".to_owned() } else { name.to_owned() }
}
