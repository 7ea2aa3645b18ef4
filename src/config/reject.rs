//! What is wrong with a key or a value, and what to write instead.

use super::keys::{FILE, Origin};
use crate::error::{nearest, usage};

pub(super) fn unknown_key<'a>(text: &str, name: &str, known: impl Iterator<Item = &'a str> + Clone) -> anyhow::Error {
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

pub(super) fn bad_value(key: &str, value: &str, origin: &Origin, wanted: &str) -> anyhow::Error {
    usage(format!("`{key}` cannot be {value} ({origin})"), format!("give {wanted}"))
}
