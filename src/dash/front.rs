//! What stands before a page's text, between two lines of `---`: its title, what a load of it may cost, and who may look.

use std::collections::BTreeSet;
use std::fmt;

use quack_function::sql::is_blank;
use serde::de::{SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::Value;

use super::input;
use crate::config::is_user;

/// What is said of a page before its text.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Front {
    pub title: Option<String>,
    /// Most that one load of it may cost, US dollars.
    pub budget_usd: Option<f64>,
    /// Names of users, of which there is one at least.
    pub allow: Option<BTreeSet<String>>,
}

/// The same as it is written.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Said {
    title: Option<String>,
    #[serde(default, deserialize_with = "said")]
    budget: Option<Value>,
    #[serde(default, deserialize_with = "said")]
    allow: Option<Names>,
}

/// What stands behind a key, also where that is nothing: a list of names that were all taken out is not one that was never there.
fn said<'de, D: Deserializer<'de>, T: Deserialize<'de>>(from: D) -> Result<Option<T>, D::Error> {
    T::deserialize(from).map(Some)
}

/// A list of names. What else stands there is told what it should be.
#[derive(Debug)]
struct Names(BTreeSet<String>);

impl<'de> Deserialize<'de> for Names {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct List;

        impl<'de> Visitor<'de> for List {
            type Value = Names;

            fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
                f.write_str("a list of users' names, as in allow: [ann, bob]")
            }

            /// Behind the key is nothing.
            fn visit_unit<E>(self) -> Result<Names, E> {
                Ok(Names(BTreeSet::new()))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Names, A::Error> {
                let mut names = BTreeSet::new();
                while let Some(name) = list.next_element()? {
                    names.insert(name);
                }
                Ok(Names(names))
            }
        }

        from.deserialize_any(List)
    }
}

/// What stands before a page's text, and the byte that the text begins at.
///
/// # Errors
/// The line of it, and what is wrong.
pub(super) fn read(text: &str) -> Result<(Front, usize), (usize, String)> {
    let is_rule = |line: &str| line.trim_end() == "---";
    let mut lines = text.split_inclusive('\n');
    let Some(first) = lines.next().filter(|line| is_rule(line)) else {
        return unopened(text).map_or(Ok((Front::default(), 0)), Err);
    };
    let mut at = first.len();
    for line in lines {
        if is_rule(line) {
            let yaml = &text[first.len()..at];
            let front = understood(yaml).map_err(|words| (1, words))?;
            return Ok((front, at + line.len()));
        }
        at += line.len();
    }
    Err((1, "the `---` of the first line is not closed by another".to_owned()))
}

fn understood(yaml: &str) -> Result<Front, String> {
    if yaml.trim().is_empty() {
        return Ok(Front::default());
    }
    let Said { title, budget, allow } =
        serde_saphyr::from_str(yaml).map_err(|error| input::first_line(&error.to_string()))?;
    let budget_usd = budget.as_ref().map(usd).transpose()?;
    Ok(Front { title, budget_usd, allow: allow.map(allowed).transpose()? })
}

/// How many lines are looked at for a `---` that stands too late.
const LATE: usize = 20;

/// What is no letter of a line, seen or not: blanks, marks of byte order, what joins or parts letters.
fn is_unseen(c: char) -> bool {
    is_blank(c) || matches!(c, '\u{200e}' | '\u{200f}')
}

/// What is said of a text that begins as what stands before a page's does, but not with its `---` in the first line: it would be text, and
/// hold for nothing.
fn unopened(text: &str) -> Option<(usize, String)> {
    let shown = |line: &str| !line.trim_matches(is_unseen).is_empty();
    let mut lines = text.lines().enumerate().filter(|(_, line)| shown(line));
    let (at, first) = lines.next()?;
    let rule = |line: &str| line.trim_matches(is_unseen) == "---";
    let key = |line: &str| {
        let (key, _) = line.split_once(':')?;
        ["title", "budget", "allow"].into_iter().find(|known| key.trim().eq_ignore_ascii_case(known))
    };
    let late = |at: usize| {
        let words = "the `---` before what is said of the page stands in the first line: take out what is before it";
        Some((at + 1, words.to_owned()))
    };
    if rule(first) {
        lines.next().and_then(|(_, line)| key(line))?;
        return late(at);
    }
    // Whom a page is for is not to be missed, whatever stands before it.
    let mut rules = text.lines().enumerate().take(LATE).filter(|(_, line)| rule(line)).map(|(at, _)| at);
    if let Some(begins) = rules.next() {
        let mut below = text.lines().skip(begins + 1).take(LATE).take_while(|line| !rule(line));
        if below.any(|line| key(line) == Some("allow")) {
            return late(begins);
        }
    }
    let key = key(first)?;
    // Up to a `---`, as far as it may be YAML.
    let is_yaml = |line: &str| line.starts_with([' ', '-', '#']) || line.contains(':');
    let end = lines.find(|(_, line)| line.trim_end() == "---" || !is_yaml(line))?;
    (end.1.trim_end() == "---").then(|| {
        let words =
            format!("`{key}:` is said of the page between two lines of `---`, and the first of them is missing");
        (at + 1, words)
    })
}

/// Names of users, of which there is one at least.
fn allowed(Names(names): Names) -> Result<BTreeSet<String>, String> {
    match names.iter().find(|name| !is_user(name)) {
        Some(other) => Err(format!("`allow: {other}` is no user's name, as [dash.users] has them")),
        None if names.is_empty() => {
            Err("`allow:` names nobody, so that nobody may look: name somebody, or leave it away".to_owned())
        }
        None => Ok(names),
    }
}

/// An amount: `$0.001`, or the number alone.
fn usd(value: &Value) -> Result<f64, String> {
    let said = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let number = said.trim().trim_start_matches('$').parse::<f64>().ok();
    number
        .filter(|number| number.is_finite() && *number > 0.0)
        .ok_or_else(|| format!("`budget: {said}` is no amount: write what a load of the page may cost, e.g. $0.001"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stands_before_the_text_is_read() {
        let (front, from) = read("---\ntitle: T\nbudget: $0.001\nallow: [ann]\n---\ntext").unwrap();
        let allow = Some(["ann".to_owned()].into());
        assert_eq!(front, Front { title: Some("T".into()), budget_usd: Some(0.001), allow });
        assert_eq!(from, "---\ntitle: T\nbudget: $0.001\nallow: [ann]\n---\n".len());
        for text in ["", "text", "---\n---\n", "# A\n\n---\n", "\n\n---\n\ntext: x\n", "title: x\n", "Note: x\n---\n"] {
            assert_eq!(read(text).unwrap().0, Front::default(), "{text}");
        }
        assert!(read("title: a page\n\nwhose text goes on\n---\n").is_ok(), "that is a heading");
    }

    #[test]
    fn a_list_of_whom_all_were_taken_out_lets_nobody_in() {
        for said in ["allow:", "allow: ~", "allow: null", "allow:\n# - ann", "allow: []", "budget:"] {
            let (line, words) = read(&format!("---\n{said}\n---\ntext")).expect_err(said);
            assert_eq!(line, 1);
            assert!(["names nobody", "is no amount"].iter().any(|told| words.contains(told)), "{words}");
        }
        assert_eq!(read("---\ntitle:\n---\ntext").unwrap().0, Front::default());
    }

    #[test]
    fn what_begins_without_its_first_line_is_told() {
        for (text, line, said) in [
            ("title: T\nbudget: $1\n---\n# T\n", 1, "`title:` is said of the page between two lines of `---`"),
            ("\n Allow:\n  - ann\n\n---\n", 2, "`allow:` is said"),
            ("budget : 1\n# more\nx: 2\n--- \n", 1, "`budget:` is said"),
            ("\n---\ntitle: T\n---\n", 2, "stands in the first line"),
            (" ---\nallow: [ann]\n---\n", 1, "stands in the first line"),
            ("\u{feff}---\nallow: [ann]\n---\n", 1, "stands in the first line"),
            ("\u{200b}---\nallow: [ann]\n---\n", 1, "stands in the first line"),
            ("<!-- x -->\n---\ntitle: T\nallow: [ann]\n---\n", 2, "stands in the first line"),
        ] {
            let (at, words) = read(text).unwrap_err();
            assert!(at == line && words.contains(said), "{text}: {at}: {words}");
        }
    }
}
