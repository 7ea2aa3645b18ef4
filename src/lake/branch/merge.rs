//! What a branch has made other than the lake was, and that put into the lake as it is now.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use quack_function::names;
use quack_function::view::View;
use serde::Serialize;

use crate::lake::fork::Content;
use crate::lake::iceberg::state::Pointer;

/// Something that is other than it was.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub(crate) struct Difference {
    /// A table's or a view's, or a schema's.
    pub name: String,
    pub what: What,
}

/// What became of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum What {
    Created,
    Changed,
    Dropped,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = match self.what {
            What::Created => "created",
            What::Changed => "changed",
            What::Dropped => "dropped",
        };
        write!(f, "`{}` ({what})", self.name)
    }
}

/// What has a name.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Thing<'a> {
    Table(&'a Pointer),
    View(&'a View),
    Schema,
}

/// By names in lower case what has them, and how they are written. No table has the name of a schema: there the name ends with a dot.
fn things(content: &Content) -> BTreeMap<String, (&str, Thing<'_>)> {
    let tables = content.tables.iter().map(|(name, pointer)| (name, Thing::Table(pointer)));
    let views = content.views.iter().map(|(name, view)| (name, Thing::View(view)));
    let named = tables.chain(views).map(|(name, thing)| (name.to_ascii_lowercase(), (name.as_str(), thing)));
    let schemas = content.schemas.iter();
    named.chain(schemas.map(|name| (name.to_ascii_lowercase() + ".", (name.as_str(), Thing::Schema)))).collect()
}

/// What is other in `now` than in `before`.
pub(super) fn differences(before: &Content, now: &Content) -> Vec<Difference> {
    let (before, now) = (things(before), things(now));
    let names: BTreeSet<&String> = before.keys().chain(now.keys()).collect();
    let difference = |name: &String| {
        let (name, what) = match (before.get(name), now.get(name)) {
            (Some(was), Some(is)) if was != is => (is.0, What::Changed),
            (Some(was), None) => (was.0, What::Dropped),
            (None, Some(is)) => (is.0, What::Created),
            _ => return None,
        };
        Some(Difference { name: name.to_owned(), what })
    };
    names.into_iter().filter_map(difference).collect()
}

/// The `lake` with all that is other in the `branch` than in `base`, of which it was made.
///
/// # Errors
/// What of that is other in the lake than in `base`, too, and cannot be both.
pub(super) fn merge(base: &Content, branch: &Content, lake: &Content) -> Result<Content, Vec<Difference>> {
    let (was, own, now) = (things(base), things(branch), things(lake));
    let mut merged = lake.clone();
    let mut clashes = BTreeSet::new();
    for name in was.keys().chain(own.keys()) {
        let (old, new, theirs) = (was.get(name), own.get(name), now.get(name));
        if old == new {
            continue;
        }
        // Where both say the same of what has no files, neither loses anything.
        let agree = theirs == new && !is_table(old) && !is_table(new);
        match theirs == old || agree {
            true => {
                take_out(&mut merged, theirs);
                put(&mut merged, new);
            }
            false => _ = clashes.insert(name),
        }
    }
    // Somebody put something into a schema that goes, or took away one that is needed.
    let known: BTreeSet<String> = merged.schemas.iter().map(|name| name.to_ascii_lowercase()).collect();
    let homeless: Vec<String> = merged
        .tables
        .keys()
        .chain(merged.views.keys())
        .filter_map(|name| names::parts(name).0.map(str::to_ascii_lowercase))
        .filter(|schema| !known.contains(schema))
        .map(|schema| schema + ".")
        .collect();
    clashes.extend(homeless.iter());
    if clashes.is_empty() {
        return Ok(merged);
    }
    let theirs = differences(base, lake);
    let clash = |name: &&String| {
        let bare = name.trim_end_matches('.');
        let found = theirs.iter().find(|theirs| theirs.name.eq_ignore_ascii_case(bare));
        found.cloned().unwrap_or_else(|| Difference { name: bare.to_owned(), what: What::Changed })
    };
    Err(clashes.iter().map(clash).collect())
}

fn is_table(thing: Option<&(&str, Thing<'_>)>) -> bool {
    matches!(thing, Some((_, Thing::Table(_))))
}

fn take_out(content: &mut Content, thing: Option<&(&str, Thing<'_>)>) {
    match thing {
        Some((name, Thing::Table(_))) => _ = content.tables.remove(*name),
        Some((name, Thing::View(_))) => _ = content.views.remove(*name),
        Some((name, Thing::Schema)) => _ = content.schemas.remove(*name),
        None => {}
    }
}

fn put(content: &mut Content, thing: Option<&(&str, Thing<'_>)>) {
    match thing {
        Some((name, Thing::Table(pointer))) => _ = content.tables.insert((*name).to_owned(), (*pointer).clone()),
        Some((name, Thing::View(view))) => _ = content.views.insert((*name).to_owned(), (*view).clone()),
        Some((name, Thing::Schema)) => _ = content.schemas.insert((*name).to_owned()),
        None => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `t=1` is a table with its metadata, `v:1` a view with its SQL, `s.` a schema.
    fn content(text: &str) -> Content {
        let mut content = Content::default();
        for word in text.split_whitespace() {
            if let Some((name, metadata)) = word.split_once('=') {
                let pointer = Pointer { metadata: metadata.to_owned(), formerly: Vec::new() };
                content.tables.insert(name.to_owned(), pointer);
            } else if let Some((name, sql)) = word.split_once(':') {
                content.views.insert(name.to_owned(), View { sql: sql.to_owned(), ..View::default() });
            } else {
                content.schemas.insert(word.trim_end_matches('.').to_owned());
            }
        }
        content
    }

    #[test]
    fn what_a_branch_changed_comes_into_the_lake() {
        for (base, branch, lake, merged) in [
            ("", "", "a=1", "a=1"),
            ("a=1", "a=2", "a=1", "a=2"),
            ("a=1 b=1", "a=2 b=1", "a=1 b=2 c=1", "a=2 b=2 c=1"),
            ("a=1", "b=1", "a=1", "b=1"),
            ("a=1", "", "a=1 b=1", "b=1"),
            // Dropped in the lake, as it was in the branch.
            ("a=1", "a=1 b=1", "", "b=1"),
            ("a=1", "A=1", "a=1", "A=1"),
            ("v:1", "v=1", "v:1", "v=1"),
            ("v:1", "v:2", "v:2", "v:2"),
            ("v:1", "", "", ""),
            ("", "s. s.t=1", "u=1", "s. s.t=1 u=1"),
            ("s. s.t=1", "", "s. s.t=1", ""),
            ("", "s. s.t=1", "s. s.u=1", "s. s.t=1 s.u=1"),
        ] {
            let done = merge(&content(base), &content(branch), &content(lake));
            assert_eq!(done, Ok(content(merged)), "{base} | {branch} | {lake}");
        }
    }

    #[test]
    fn what_both_changed_is_refused() {
        use What::{Changed, Created, Dropped};
        for (base, branch, lake, clashes) in [
            ("a=1", "a=2", "a=3", vec![("a", Changed)]),
            ("a=1", "a=2", "", vec![("a", Dropped)]),
            ("a=1", "", "a=2", vec![("a", Changed)]),
            ("a=1", "", "", vec![("a", Dropped)]),
            // Called otherwise by both: the same files would be of two tables.
            ("a=1", "b=1", "c=1", vec![("a", Dropped)]),
            ("", "a=1", "A=2", vec![("A", Created)]),
            ("", "a=1", "a:2", vec![("a", Created)]),
            ("", "v:1", "v:2", vec![("v", Created)]),
            ("s.", "s. s.t=1", "", vec![("s", Dropped)]),
            ("s.", "", "s. s.t=1", vec![("s", Changed)]),
            ("a=1 b=1 c=1", "a=2 b=2 c=2", "a=3 b=1", vec![("a", Changed), ("c", Dropped)]),
        ] {
            let done = merge(&content(base), &content(branch), &content(lake)).unwrap_err();
            let clashes: Vec<_> =
                clashes.into_iter().map(|(name, what)| Difference { name: name.to_owned(), what }).collect();
            assert_eq!(done, clashes, "{base} | {branch} | {lake}");
        }
    }

    #[test]
    fn what_is_other_is_told() {
        let told = differences(&content("a=1 b=1 v:1 s."), &content("a=2 c=1 v:1"));
        let told: Vec<String> = told.iter().map(Difference::to_string).collect();
        assert_eq!(told, ["`a` (changed)", "`b` (dropped)", "`c` (created)", "`s` (dropped)"]);
    }
}
