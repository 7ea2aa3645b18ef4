//! Attacks as data: a line of JSON each, in which long and many things are written short.

use std::path::Path;

use serde_json::Value;

/// The lines of a corpus, with what is written short written out and the folder `dir` in the place of `{dir}`.
///
/// `{"$repeat": x, "times": n}` is a text n times over, or a list of n things in which `%d` counts; `{"$join": [...]}` is
/// one text of several.
pub(crate) fn read(lines: &str, dir: &Path) -> Vec<Value> {
    let lines = lines.replace("{dir}", &dir.display().to_string());
    lines.lines().map(|line| expand(serde_json::from_str(line).unwrap())).collect()
}

fn expand(value: Value) -> Value {
    match value {
        Value::Array(values) => Value::Array(values.into_iter().map(expand).collect()),
        Value::Object(mut fields) => {
            if let Some(parts) = fields.remove("$join") {
                let parts = parts.as_array().unwrap().iter().cloned().map(expand);
                return Value::String(parts.map(|part| part.as_str().unwrap().to_owned()).collect());
            }
            if let Some(what) = fields.remove("$repeat") {
                let times = usize::try_from(fields["times"].as_u64().unwrap()).unwrap();
                return match what {
                    Value::String(text) => Value::String(text.repeat(times)),
                    other => {
                        let text = other.to_string();
                        let numbered = |number: usize| text.replace("%d", &number.to_string());
                        (0..times).map(|number| serde_json::from_str::<Value>(&numbered(number)).unwrap()).collect()
                    }
                };
            }
            Value::Object(fields.into_iter().map(|(key, value)| (key, expand(value))).collect())
        }
        other => other,
    }
}

/// The names of everything below a folder.
pub(crate) fn names_below(dir: &Path) -> Vec<String> {
    let mut names = Vec::new();
    let mut pending = vec![dir.to_owned()];
    while let Some(folder) = pending.pop() {
        for entry in std::fs::read_dir(folder).unwrap().map(Result::unwrap) {
            names.push(entry.path().display().to_string());
            if entry.file_type().unwrap().is_dir() {
                pending.push(entry.path());
            }
        }
    }
    names.sort();
    names
}
