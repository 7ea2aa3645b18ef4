//! What is wrong with a key or a value, and what to write instead.

use super::keys::{FILE, Origin};
use crate::error::{nearest, usage};

pub(super) fn unknown_key<'a>(text: &str, name: &str, known: impl Iterator<Item = &'a str> + Clone) -> anyhow::Error {
    let (section, last) = name.rsplit_once('.').unwrap_or(("", name));
    let line = text.lines().position(|line| line.trim_start().trim_start_matches('[').starts_with(last));
    let at = line.map_or_else(String::new, |line| format!(", line {}", line + 1));
    let mut sections: Vec<&str> = known.clone().filter_map(|key| Some(key.rsplit_once('.')?.0)).collect();
    sections.dedup();
    let near = nearest(name, known.clone().chain(sections.iter().copied()))
        .or_else(|| known.clone().find(|key| key.rsplit('.').next() == Some(last)))
        .or_else(|| nearest(last, known.clone().filter_map(|key| key.rsplit('.').next())));
    let help = match near {
        // `data` is a list of tables.
        Some(near) if near == name => format!("write [[{near}]], in two pairs of brackets"),
        Some(near) if sections.contains(&near) => format!("the nearest known section is `[{near}]`"),
        Some(near) => format!("the nearest known key is `{near}`"),
        None => {
            let inside = known.clone().filter_map(|key| key.strip_prefix(section)?.strip_prefix('.'));
            let mut keys: Vec<&str> = inside.filter(|_| sections.contains(&section)).collect();
            let mut there = format!("of [{section}]: ");
            if keys.is_empty() {
                keys = known.filter(|key| !key.contains('.')).collect();
                there = match sections.is_empty() {
                    true => ": ".to_owned(),
                    false => format!("of the file: [{}], ", sections.join("], [")),
                };
            }
            format!("known keys {there}{}; `quackctl init` writes a file that has them all", keys.join(", "))
        }
    };
    usage(format!("unknown key `{name}` in {FILE}{at}"), help)
}

pub(super) fn bad_value(key: &str, value: &str, origin: &Origin, wanted: &str) -> anyhow::Error {
    usage(format!("`{key}` cannot be {value} ({origin})"), format!("give {wanted}"))
}

/// What is told of a secret that stands in the file, which it is not shown of.
pub(super) fn secret_in_file(key: &str) -> anyhow::Error {
    usage(
        format!("`{key}` does not belong into {FILE}, which others read"),
        format!("put it into the environment or .env, and name the variable: {key}_env = \"DASH_CLIENT_SECRET\""),
    )
}
