//! The raw values of a configuration, with their origins, and what each may be.

use std::collections::HashMap;
use std::fmt;
use std::path::Path;

use anyhow::{Context as _, Result};

use super::data::{self, DataSet};
use super::environment;
use super::keys::{FILE, KEYS, Origin};
use super::kinds::{S3Folder, TargetKind};
use super::reject::{bad_value, secret_in_file, unknown_key};
use crate::arch::Arch;
use crate::error::{more_help, nearest, usage};

/// The raw values, before each is checked.
#[derive(Clone, Default)]
pub(super) struct Values {
    values: HashMap<&'static str, (toml::Value, Origin)>,
    data: Vec<toml::Value>,
    /// Whether there is a section `[dash]`, whatever is in it.
    pub(super) has_dash: bool,
    pub(super) origins: Vec<(&'static str, String, Origin)>,
    /// What the user should know, and what is no error.
    pub(super) notes: Vec<String>,
    lenient: bool,
}

impl Values {
    /// What the file and the environment say of the project in `dir`. Where `lenient`, what makes no sense is left out and
    /// noted; all of the file is, if flags tell by themselves which stage is meant.
    pub(super) fn read(dir: &Path, lenient: bool, is_told: bool) -> Result<Self> {
        let mut values = Self { lenient, ..Self::default() };
        let path = dir.join(FILE);
        match std::fs::read_to_string(&path) {
            Ok(text) => match values.read_file(&text) {
                Err(error) if lenient && is_told => values.notes.push(format!("{error:#}")),
                Err(error) if lenient => {
                    return Err(more_help(&error, "or tell which stage is meant: --target and --stage"));
                }
                read => read?,
            },
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            Err(error) => return Err(error).with_context(|| format!("cannot read {}", path.display())),
        }
        let environment = environment::read(dir, lenient.then_some(&mut values.notes))?;
        values.notes.extend(environment::unknown(environment.keys().map(String::as_str)));
        for (key, variable) in KEYS {
            if let Some(value) = environment.get(*variable).filter(|value| !value.is_empty()) {
                values.set(key, toml::Value::String(value.clone()), Origin::Environment((*variable).to_owned()));
            }
        }
        Ok(values)
    }

    pub(super) fn read_file(&mut self, text: &str) -> Result<()> {
        let table: toml::Table = text.parse().map_err(|error: toml::de::Error| {
            usage(format!("{FILE} is not valid TOML\n{}", error.to_string().trim_end()), "mend the line shown")
        })?;
        self.read_table(text, "", table)
    }

    /// Forgets every value but those of `keys`.
    pub(super) fn keep(&mut self, keys: &[&str]) {
        self.values.retain(|key, _| keys.contains(key));
        self.data.clear();
        self.has_dash = false;
        self.origins.clear();
    }

    /// Reads what stands in the file's `table`, whose keys begin with `section`.
    fn read_table(&mut self, text: &str, section: &str, table: toml::Table) -> Result<()> {
        for (name, value) in table {
            let name = format!("{section}{name}");
            let inner = format!("{name}.");
            match value {
                toml::Value::Array(sets) if name == "data" => self.data = sets,
                // Names of users are no keys.
                toml::Value::Table(table) if name == "dash.users" => self.set_known(text, &name, table.into())?,
                toml::Value::Table(table) if KEYS.iter().any(|(key, _)| key.starts_with(&inner)) => {
                    self.has_dash |= name == "dash";
                    self.read_table(text, &inner, table)?;
                }
                value => self.set_known(text, &name, value)?,
            }
        }
        Ok(())
    }

    fn set_known(&mut self, text: &str, name: &str, value: toml::Value) -> Result<()> {
        match KEYS.iter().find(|(key, _)| *key == name) {
            Some((key, _)) => self.set(key, value, Origin::File),
            None if name == "dash.oidc.client_secret" => return Err(secret_in_file(name)),
            // A key's name in its section is enough: no two sections share one, but `users`, which is `serve`'s there.
            None if let Some((key, _)) =
                KEYS.iter().find(|(key, _)| key.split_once('.').is_some_and(|k| k.1 == name)) =>
            {
                self.set(key, value, Origin::File);
            }
            None => {
                let error = unknown_key(text, name, KEYS.iter().map(|(key, _)| *key).chain(["data"]));
                if !self.lenient {
                    return Err(error);
                }
                self.notes.push(error.to_string());
            }
        }
        Ok(())
    }

    /// A value as it was given, and by whom.
    pub(super) fn value(&self, key: &str) -> Option<(toml::Value, Origin)> {
        self.values.get(key).cloned()
    }

    pub(super) fn set(&mut self, key: &'static str, value: toml::Value, origin: Origin) {
        self.values.insert(key, (value, origin));
    }

    pub(super) fn text(&mut self, key: &'static str, default: &str) -> Result<String> {
        let (value, origin) = match self.values.get(key) {
            Some((toml::Value::String(text), origin)) => (text.clone(), origin.clone()),
            Some((other, origin)) => return Err(bad_value(key, &other.to_string(), origin, "a text in quotes")),
            None => (default.to_owned(), Origin::Default),
        };
        self.origins.push((key, value.clone(), origin));
        Ok(value)
    }

    /// A name that may be part of a bucket's and a function's: `[a-z][a-z0-9-]*`, at most 32 characters.
    pub(super) fn name(&mut self, key: &'static str, default: &str) -> Result<String> {
        let value = self.text(key, default)?;
        let first_ok = value.starts_with(|c: char| c.is_ascii_lowercase());
        let rest_ok = value.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-');
        if !first_ok || !rest_ok || value.len() > 32 || value.ends_with('-') {
            return Err(bad_value(
                key,
                &value,
                &self.origin(key),
                "lower-case letters, digits and `-`, from a letter, at most 32",
            ));
        }
        Ok(value)
    }

    pub(super) fn number<T: TryFrom<u64> + Into<u64> + Copy + fmt::Display>(
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

    /// A list of texts, from the environment with commas between.
    pub(super) fn list(&self, key: &'static str, wanted: &str) -> Result<(Vec<String>, Origin)> {
        Ok(match self.values.get(key) {
            None => (Vec::new(), Origin::Default),
            Some((toml::Value::String(list), origin)) if *origin != Origin::File => {
                (list.split(',').map(|name| name.trim().to_owned()).collect(), origin.clone())
            }
            Some((value @ toml::Value::Array(_), origin)) => {
                let names = value.clone().try_into().map_err(|_| bad_value(key, &value.to_string(), origin, wanted))?;
                (names, origin.clone())
            }
            Some((other, origin)) => return Err(bad_value(key, &other.to_string(), origin, wanted)),
        })
    }

    pub(super) fn extensions(&mut self) -> Result<Vec<String>> {
        let key = "function.extensions";
        let (mut names, origin) = self.list(key, "a list of extension names, e.g. [\"httpfs\", \"icu\"]")?;
        names.push("httpfs".to_owned());
        if names.iter().any(|name| name == "iceberg") {
            // It does not load before avro, which it reads manifests with: the alphabet has the order right.
            names.push("avro".to_owned());
        }
        names.sort();
        names.dedup();
        self.origins.push((key, names.join(","), origin));
        Ok(names)
    }

    /// Where DuckDB's files come from instead of npm and PyPI.
    pub(super) fn mirror(&mut self) -> Result<Option<String>> {
        let mirror = self.optional("function.mirror")?;
        match &mirror {
            Some(url) if !(url.starts_with("https://") || url.starts_with("http://")) => Err(usage(
                format!("`function.mirror` is {url:?}, which is no address of the web"),
                "give a whole one, e.g. mirror = \"https://files.example.org/duckdb/\"",
            )),
            _ => Ok(mirror),
        }
    }

    /// A text that need not be there.
    pub(super) fn optional(&mut self, key: &'static str) -> Result<Option<String>> {
        let value = self.text(key, "")?;
        Ok((!value.is_empty()).then_some(value))
    }

    /// One of a few numbers.
    pub(super) fn one_of(&mut self, key: &'static str, default: u32, allowed: &[u32]) -> Result<u32> {
        let value = self.number(key, default, 0, u32::MAX)?;
        if allowed.contains(&value) {
            return Ok(value);
        }
        let allowed: Vec<String> = allowed.iter().map(u32::to_string).collect();
        Err(bad_value(key, &value.to_string(), &self.origin(key), &format!("one of {}", allowed.join(", "))))
    }

    /// One of a few words, the first by default; `true` and `false` may be written without quotes.
    pub(super) fn choice<T: Copy>(&mut self, key: &'static str, choices: &[(&str, T)]) -> Result<T> {
        let default = choices.first().map_or("", |(word, _)| word);
        let (word, origin) = match self.values.get(key) {
            None => (default.to_owned(), Origin::Default),
            Some((toml::Value::String(word), origin)) => (word.clone(), origin.clone()),
            Some((other, origin)) => (other.to_string(), origin.clone()),
        };
        let Some((_, value)) = choices.iter().find(|(choice, _)| *choice == word) else {
            let words: Vec<&str> = choices.iter().map(|(word, _)| *word).collect();
            return Err(bad_value(key, &word, &origin, &words.join(" or ")));
        };
        self.origins.push((key, word, origin));
        Ok(*value)
    }

    pub(super) fn arch(&mut self) -> Result<Option<Arch>> {
        let key = "function.arch";
        match self.optional(key)? {
            None => Ok(None),
            Some(name) => match Arch::parse(&name) {
                Some(arch) => Ok(Some(arch)),
                None => Err(bad_value(key, &name, &self.origin(key), "arm64 or x86_64")),
            },
        }
    }

    /// A bucket's name. Source: <https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html>.
    pub(super) fn bucket(&mut self) -> Result<Option<String>> {
        let key = "lake.bucket";
        let Some(name) = self.optional(key)? else { return Ok(None) };
        match is_bucket(&name) {
            true => Ok(Some(name)),
            false => Err(bad_value(key, &name, &self.origin(key), BUCKET)),
        }
    }

    /// A key prefix that ends in `/`, or nothing.
    pub(super) fn folder(&mut self, key: &'static str, default: &str) -> Result<String> {
        let mut value = self.text(key, default)?;
        let plain = |c: char| c.is_ascii_alphanumeric() || "/-_.=".contains(c);
        if value.trim_matches('/').is_empty() || value.starts_with('/') || !value.chars().all(plain) {
            return Err(bad_value(key, &value, &self.origin(key), "a folder of the bucket, e.g. \"team/quack/\""));
        }
        if !value.ends_with('/') {
            value.push('/');
        }
        Ok(value)
    }

    /// The folders of other buckets that queries may read.
    pub(super) fn read_paths(&mut self) -> Result<Vec<S3Folder>> {
        let key = "lake.read";
        let wanted = "a list of folders in buckets, e.g. [\"s3://other/prefix/*\"]";
        let (paths, origin) = self.list(key, wanted)?;
        self.origins.push((key, paths.join(","), origin.clone()));
        paths.iter().map(|path| s3_folder(path).ok_or_else(|| bad_value(key, path, &origin, wanted))).collect()
    }

    pub(super) fn target(&mut self) -> Result<TargetKind> {
        let name = self.text("target", "local")?;
        let found = TargetKind::ALL.iter().find(|(known, _)| *known == name);
        found.map(|(_, kind)| *kind).ok_or_else(|| {
            let names = TargetKind::ALL.map(|(name, _)| name);
            let help = nearest(&name, names).map_or_else(
                || format!("known targets: {}", names.join(", ")),
                |near| format!("did you mean `{near}`?"),
            );
            usage(format!("unknown target `{name}`"), help)
        })
    }

    /// An IAM path. Source: <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html>.
    pub(super) fn role_path(&mut self) -> Result<String> {
        let key = "aws.role_path";
        let value = self.text(key, "/")?;
        let plain = value.chars().all(|c| c.is_ascii_graphic() && c != '*');
        if !plain || !value.starts_with('/') || !value.ends_with('/') {
            return Err(bad_value(key, &value, &self.origin(key), "an IAM path that starts and ends in `/`"));
        }
        Ok(value)
    }

    /// A KMS key's ARN: IAM knows a key by no other name.
    /// Source: <https://docs.aws.amazon.com/kms/latest/developerguide/concepts.html#key-id-key-ARN>.
    pub(super) fn kms_key(&mut self) -> Result<Option<String>> {
        let key = "aws.kms_key";
        let Some(arn) = self.optional(key)? else { return Ok(None) };
        let parts: Vec<&str> = arn.split(':').collect();
        let plain = |part: &str| !part.is_empty() && part.bytes().all(|c| c.is_ascii_alphanumeric() || c == b'-');
        match parts.as_slice() {
            ["arn", partition, "kms", region, account, name]
                if [partition, region, account].iter().all(|part| plain(part))
                    && name.strip_prefix("key/").is_some_and(plain) =>
            {
                Ok(Some(arn))
            }
            _ => Err(bad_value(key, &arn, &self.origin(key), "a key's ARN: arn:aws:kms:REGION:ACCOUNT:key/ID")),
        }
    }

    /// Where S3 logs accesses.
    pub(super) fn access_logs(&mut self) -> Result<Option<S3Folder>> {
        let key = "aws.access_logs";
        let Some(text) = self.optional(key)? else { return Ok(None) };
        let place = s3_folder(&text);
        let wanted = "a folder of another bucket, e.g. \"s3://logs/lake/\"";
        place.map(Some).ok_or_else(|| bad_value(key, &text, &self.origin(key), wanted))
    }

    pub(super) fn origin(&self, key: &str) -> Origin {
        self.values.get(key).map_or(Origin::Default, |(_, origin)| origin.clone())
    }

    pub(super) fn data_sets(&mut self) -> Result<Vec<DataSet>> {
        std::mem::take(&mut self.data).into_iter().map(data::data_set).collect()
    }
}

const BUCKET: &str = "a bucket's name: 3 to 63 lower-case letters, digits, `-` and `.`";

fn is_bucket(name: &str) -> bool {
    let plain = |c: u8| c.is_ascii_lowercase() || c.is_ascii_digit();
    (3..=63).contains(&name.len())
        && name.bytes().all(|c| plain(c) || c == b'-' || c == b'.')
        && name.bytes().next().is_some_and(plain)
        && name.bytes().last().is_some_and(plain)
}

/// `s3://bucket`, `s3://bucket/prefix/` or `s3://bucket/prefix/*`.
fn s3_folder(text: &str) -> Option<S3Folder> {
    let (bucket, prefix) = text.strip_prefix("s3://").map(|rest| rest.split_once('/').unwrap_or((rest, "")))?;
    let prefix = prefix.strip_suffix('*').unwrap_or(prefix);
    let mut prefix = prefix.to_owned();
    if !is_bucket(bucket) || prefix.contains(['*', '?', '[', ' ', '$', '{', ',']) {
        return None;
    }
    if !prefix.is_empty() && !prefix.ends_with('/') {
        prefix.push('/');
    }
    Some(S3Folder { bucket: bucket.to_owned(), prefix })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_extension_comes_after_those_that_it_needs() {
        let mut values = Values::default();
        values.read_file("[function]\nextensions = [\"tpch\", \"iceberg\"]").unwrap();
        assert_eq!(values.extensions().unwrap(), ["avro", "httpfs", "iceberg", "tpch"]);
    }

    #[test]
    fn a_kms_key_is_told_by_its_arn() {
        let key = |text: &str| {
            let mut values = Values::default();
            values.read_file(&format!("[aws]\nkms_key = \"{text}\"")).unwrap();
            values.kms_key()
        };
        let arn = "arn:aws-us-gov:kms:us-gov-west-1:123456789012:key/mrk-1234abcd";
        assert_eq!(key(arn).unwrap().as_deref(), Some(arn));
        assert_eq!(key("").unwrap(), None);
        for wrong in ["alias/lake", "arn:aws:kms:us-east-1:1:alias/lake", "arn:aws:kms:us-east-1:1:key/*", "key/1"] {
            assert!(key(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn folders_to_read_are_written_in_three_ways() {
        let path = |bucket: &str, prefix: &str| Some(S3Folder { bucket: bucket.to_owned(), prefix: prefix.to_owned() });
        assert_eq!(s3_folder("s3://other"), path("other", ""));
        assert_eq!(s3_folder("s3://other/*"), path("other", ""));
        assert_eq!(s3_folder("s3://other/a/b"), path("other", "a/b/"));
        assert_eq!(s3_folder("s3://other/a/b/*"), path("other", "a/b/"));
        for wrong in ["other/a", "s3://", "s3://Other/", "s3://other/*/b/*", "https://other/a", "s3://a,b/c"] {
            assert_eq!(s3_folder(wrong), None, "{wrong}");
        }
    }
}
