//! A plan: what `up` would do, and what that rests on. Two plans are compared in words, so that one that was looked at
//! yesterday is made today, exactly, or refused with what has changed since.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::change::Planned;

/// What `up` would do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Plan {
    pub changes: Vec<Planned>,
    pub basis: Basis,
}

/// What a plan rests on: texts that change with it, by what a person calls it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Basis {
    /// Where the stage is or will be: account and region, or a folder.
    pub place: BTreeMap<String, String>,
    /// The function's code.
    pub code: String,
    /// The stacks as they are to be, as digests, and [`PAGES`].
    pub wanted: BTreeMap<String, String>,
    /// The stacks as they are.
    pub state: BTreeMap<String, String>,
}

/// What the digest of the pages is called that are to be deployed.
pub(crate) const PAGES: &str = "pages";

impl Plan {
    /// What has changed between `self` and `now`, most telling first: empty when they come to the same.
    pub(crate) fn differences(&self, now: &Self) -> Vec<String> {
        let (then, basis) = (&self.basis, &now.basis);
        let mut found: Vec<String> = changed(&then.place, &basis.place)
            .map(|(name, before, after)| format!("the {name} was {before} and is {after}"))
            .collect();
        // Of another place, all else is other, too.
        if !found.is_empty() {
            return found;
        }
        if then.code != basis.code {
            found.push(format!("the function's code was {} and is {}", then.code, basis.code));
        }
        for (name, before, after) in changed(&then.state, &basis.state) {
            found.push(format!("{name} was {before} and is {after}"));
        }
        if then.wanted.get(PAGES) != basis.wanted.get(PAGES) {
            found.push("the pages of dashboards/, or who may look at them, are other than the plan's".to_owned());
        }
        if found.is_empty() && then.wanted != basis.wanted {
            found.push(
                "this quackctl's templates, or a setting that it was given, are other than the plan's".to_owned(),
            );
        }
        let (before, after) = (titles(&self.changes), titles(&now.changes));
        found.extend(before.difference(&after).map(|title| format!("no longer to do: {title}")));
        found.extend(after.difference(&before).map(|title| format!("to do by now: {title}")));
        found
    }
}

/// `(name, before, after)` of what is not the same.
fn changed<'a>(
    before: &'a BTreeMap<String, String>,
    after: &'a BTreeMap<String, String>,
) -> impl Iterator<Item = (&'a str, &'a str, &'a str)> {
    let names: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
    let value = |of: &'a BTreeMap<String, String>, name: &String| of.get(name).map_or("not there", String::as_str);
    let all = names.into_iter().map(move |name| (name.as_str(), value(before, name), value(after, name)));
    all.filter(|(_, before, after)| before != after)
}

/// Each change as one line, whatever order they were found in.
fn titles(changes: &[Planned]) -> BTreeSet<String> {
    let title = |change: &Planned| {
        let mut properties: Vec<String> = change.properties.iter().map(ToString::to_string).collect();
        properties.sort();
        let details = if properties.is_empty() { String::new() } else { format!(": {}", properties.join(", ")) };
        format!("{} {}{details}", change.action, change.title())
    };
    changes.iter().map(title).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cloud::change::{PlannedAction, Property};

    fn plan() -> Plan {
        let text = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        let property = |name: &str| Property {
            name: name.to_owned(),
            before: Some("1".to_owned()),
            after: Some("2".to_owned()),
            replaces: false,
        };
        let function = Planned::added("Function", "AWS::Lambda::Function", Some("f".to_owned()));
        let properties = vec![property("Timeout"), property("MemorySize")];
        Plan {
            changes: vec![Planned { action: PlannedAction::Modify, properties, ..function }],
            basis: Basis {
                place: [text("account", "1"), text("region", "us-east-1")].into(),
                code: "a".to_owned(),
                wanted: [text("s", "1")].into(),
                state: [text("the stack s", "as of today")].into(),
            },
        }
    }

    #[test]
    fn what_comes_to_the_same_is_the_same() {
        let mut now = plan();
        now.changes[0].properties.reverse();
        assert_eq!(plan().differences(&now), [""; 0]);
    }

    #[test]
    fn what_has_changed_is_said_in_words() {
        let found = |change: &dyn Fn(&mut Plan)| {
            let mut now = plan();
            change(&mut now);
            plan().differences(&now)
        };
        let elsewhere = found(&|now| {
            now.basis.place.insert("account".to_owned(), "2".to_owned());
            now.changes.clear();
        });
        assert_eq!(elsewhere, ["the account was 1 and is 2"]);
        let code = found(&|now| now.basis.code = "b".to_owned());
        assert_eq!(code, ["the function's code was a and is b"]);
        let state = found(&|now| now.basis.state.clear());
        assert_eq!(state, ["the stack s was as of today and is not there"]);
        let wanted = found(&|now| now.basis.wanted.clear());
        assert!(wanted.len() == 1 && wanted[0].contains("templates"), "{wanted:?}");
        let other = found(&|now| now.changes[0].properties.truncate(1));
        assert_eq!(
            other,
            [
                "no longer to do: change Function (AWS::Lambda::Function) f: MemorySize: 1 -> 2, Timeout: 1 -> 2",
                "to do by now: change Function (AWS::Lambda::Function) f: Timeout: 1 -> 2"
            ]
        );
    }
}
