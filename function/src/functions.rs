//! Which functions SQL may call, of the function and of `quackctl`: `functions.txt`, read once.

use std::collections::HashMap;
use std::sync::LazyLock;

/// The list itself; its head says how it is written.
pub const LIST: &str = include_str!("functions.txt");

/// What SQL may do with a function.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    Allowed,
    /// Its first argument is an address or a list of addresses.
    Files,
    /// Its first argument names a table.
    Names,
    /// Its argument is SQL.
    Sql,
    /// Its argument names a setting.
    Setting,
    /// Refused, for this reason.
    Refused(&'static str),
}

/// The functions by their names in lower case: those of expressions (scalar, aggregate, macro), and those of FROM.
pub struct Functions {
    expressions: HashMap<&'static str, Verdict>,
    tables: HashMap<&'static str, Verdict>,
}

/// Where a function is called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    Expression,
    From,
}

/// All of them.
pub static FUNCTIONS: LazyLock<Functions> = LazyLock::new(|| {
    let mut functions = Functions { expressions: HashMap::with_capacity(1024), tables: HashMap::with_capacity(256) };
    for (place, _, name, verdict) in entries() {
        let map = match place {
            Place::Expression => &mut functions.expressions,
            Place::From => &mut functions.tables,
        };
        // A name that is both, `mode` say, is what its stricter entry says.
        let stricter = map.get(name).is_some_and(|held| *held != Verdict::Allowed);
        if !stricter {
            map.insert(name, verdict);
        }
    }
    functions
});

impl Functions {
    /// What SQL may do with the function `name`, in any case; `None` when there is none of this name.
    pub fn verdict(&self, place: Place, name: &str) -> Option<Verdict> {
        self.names(place).get(name.to_ascii_lowercase().as_str()).copied()
    }

    /// The allowed name that `name` is probably a misspelling of.
    pub fn similar(&self, place: Place, name: &str) -> Option<&'static str> {
        let name = name.to_ascii_lowercase();
        let distance = |other: &str| (other.len().abs_diff(name.len()) <= 2).then(|| edits(&name, other));
        let allowed = self.names(place).iter().filter(|(_, verdict)| !matches!(verdict, Verdict::Refused(_)));
        let near = allowed.filter_map(|(other, _)| Some((distance(other)?, *other)));
        near.filter(|(edits, other)| *edits <= 2 && *edits * 2 < other.len()).min().map(|(_, other)| other)
    }

    fn names(&self, place: Place) -> &HashMap<&'static str, Verdict> {
        match place {
            Place::Expression => &self.expressions,
            Place::From => &self.tables,
        }
    }
}

/// Every entry of the list: where it is called, its kind, its name, and what SQL may do with it.
pub fn entries() -> impl Iterator<Item = (Place, &'static str, &'static str, Verdict)> {
    let mut section = None;
    let named = LIST.lines().flat_map(move |line| {
        if let Some(title) = line.strip_prefix('[').and_then(|line| line.strip_suffix(']')) {
            section = parse_title(title);
        }
        let names = if line.starts_with(['[', '#']) { "" } else { line };
        let section = section;
        names.split_whitespace().filter_map(move |name| section.map(|section| (section, name)))
    });
    named.map(|((place, kind, verdict), name)| (place, kind, name, verdict))
}

fn parse_title(title: &'static str) -> Option<(Place, &'static str, Verdict)> {
    let (head, reason) = title.split_once(": ").unwrap_or((title, ""));
    let (verdict, kind) = head.split_once(' ')?;
    let verdict = match verdict {
        "allowed" => Verdict::Allowed,
        "files" => Verdict::Files,
        "names" => Verdict::Names,
        "sql" => Verdict::Sql,
        "setting" => Verdict::Setting,
        "refused" => Verdict::Refused(reason),
        _ => return None,
    };
    Some((if kind == "table" { Place::From } else { Place::Expression }, kind, verdict))
}

/// How many letters differ between two short words (Levenshtein's distance).
fn edits(a: &str, b: &str) -> usize {
    let b: Vec<_> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, a) in a.chars().enumerate() {
        let mut diagonal = std::mem::replace(&mut row[0], i + 1);
        for (j, b) in b.iter().enumerate() {
            let changed = diagonal + usize::from(a != *b);
            diagonal = row[j + 1];
            row[j + 1] = changed.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_is_well_formed() {
        for line in LIST.lines().filter(|line| line.starts_with('[')) {
            let title = line.trim_start_matches('[').trim_end_matches(']');
            let (_, kind, verdict) = parse_title(title).expect(line);
            assert!(["scalar", "aggregate", "macro", "table"].contains(&kind), "{line}");
            assert!(!matches!(verdict, Verdict::Refused("")), "{line}");
        }
        let mut all: Vec<_> = entries().map(|(_, kind, name, _)| (kind, name)).collect();
        let count = all.len();
        all.sort_unstable();
        all.dedup();
        assert_eq!(all.len(), count, "a function has one entry");
        assert!(all.iter().all(|(_, name)| *name == name.to_ascii_lowercase()));
    }

    /// `list_aggregate(list, name)` takes an aggregate's name from data.
    #[test]
    fn no_aggregate_is_refused() {
        for (_, kind, name, verdict) in entries() {
            assert!(kind != "aggregate" || verdict == Verdict::Allowed, "{name}");
        }
    }

    #[test]
    fn misspelled_names_are_guessed() {
        assert_eq!(FUNCTIONS.verdict(Place::Expression, "UPPER"), Some(Verdict::Allowed));
        assert_eq!(FUNCTIONS.similar(Place::Expression, "uper"), Some("upper"));
        assert_eq!(FUNCTIONS.similar(Place::From, "read_parket"), Some("read_parquet"));
        assert_eq!(FUNCTIONS.similar(Place::Expression, "completely_else"), None);
    }
}
