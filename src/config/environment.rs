//! The environment: its own variables, and those of `.env`, which are weaker.

use std::collections::HashMap;
use std::path::Path;

use anyhow::{Context as _, Result};

use super::keys::KEYS;
use crate::error::{nearest, usage};

/// How the names of our variables begin.
const OURS: &str = "QUACK_";

/// Variables that are no settings of a project: for tests, and for where things are kept or come from.
const OTHERS: &[&str] = &[
    "QUACK_CACHE_DIR",
    "QUACK_DATASET_TAXI_URL",
    "QUACK_EXTENSION_DIR",
    "QUACK_FUZZ_COUNT",
    "QUACK_FUZZ_SEED",
    "QUACK_TEST_MAY_SKIP",
    "QUACK_TEST_ROUNDS",
    "QUACK_UPDATE_DOCS",
];

/// The variables by name, as a project in `dir` sees them. What cannot be read of them goes to `notes` where that is wanted.
///
/// # Errors
/// A `.env` that is none.
pub(super) fn read(dir: &Path, mut notes: Option<&mut Vec<String>>) -> Result<HashMap<String, String>> {
    let mut variables = HashMap::new();
    let dotenv = dir.join(".env");
    if dotenv.exists() {
        let entries = dotenvy::from_path_iter(&dotenv).with_context(|| format!("cannot read {}", dotenv.display()))?;
        for entry in entries {
            match (entry, &mut notes) {
                (Ok((name, value)), _) => drop(variables.insert(name, value)),
                (Err(error), Some(notes)) => notes.push(format!("{}: {error}", dotenv.display())),
                (Err(error), None) => {
                    return Err(usage(format!("{}: {error}", dotenv.display()), "each line of .env is NAME=value"));
                }
            }
        }
    }
    variables.extend(
        std::env::vars_os().filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?))),
    );
    Ok(variables)
}

/// What to say of variables that look like ours and are none.
pub(super) fn unknown<'a>(names: impl Iterator<Item = &'a str>) -> Vec<String> {
    let known = || KEYS.iter().map(|(_, variable)| *variable).chain(OTHERS.iter().copied());
    let mut unknown: Vec<&str> =
        names.filter(|name| name.starts_with(OURS) && !known().any(|known| known == *name)).collect();
    unknown.sort_unstable();
    let note = |name: &str| match nearest(name, known()) {
        Some(near) => format!("the environment has {name}, which means nothing; is {near} meant?"),
        None => format!("the environment has {name}, which means nothing"),
    };
    unknown.into_iter().map(note).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_misspelled_variable_is_told_with_the_nearest() {
        let names = ["HOME", "QUACK_STAGE", "QUACK_MEMROY_MB", "QUACK_CACHE_DIR", "QUACK_ZZZZZZZZZZZZZZZZZZZZ"];
        let notes = unknown(names.into_iter());
        assert_eq!(notes.len(), 2, "{notes:?}");
        assert!(notes[0].contains("QUACK_MEMROY_MB") && notes[0].ends_with("is QUACK_MEMORY_MB meant?"));
        assert!(notes[1].ends_with("which means nothing"));
    }
}
