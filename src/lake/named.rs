//! What SQL may name of the lake, itself or by way of views.

use std::collections::{BTreeMap, HashSet};

use quack_function::sql;
use quack_function::view::View;

/// The names that `sql` says, and those that the views say which it may name, all in lower case. Any name or text that equals a
/// view's counts, wherever it stands.
pub(crate) fn names(sql: &str, views: &BTreeMap<String, View>) -> HashSet<String> {
    closure(sql::names(sql).into_iter(), views)
}

/// These names, and those that the views say which are called so, all in lower case.
pub(crate) fn closure(names: impl Iterator<Item = String>, views: &BTreeMap<String, View>) -> HashSet<String> {
    let mut found = HashSet::new();
    let mut left: Vec<String> = names.collect();
    while let Some(name) = left.pop() {
        let view = views.iter().find(|(known, _)| known.eq_ignore_ascii_case(&name));
        if found.insert(name.to_ascii_lowercase())
            && let Some((_, view)) = view
        {
            left.extend(sql::names(&view.sql));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn views_say_what_they_read() {
        let view = |sql: &str| View { sql: sql.to_owned(), ..View::default() };
        let views =
            [("Top", view("FROM middle, zones")), ("middle", view("FROM Trips, top")), ("other", view("FROM x"))];
        let views = views.map(|(name, view)| (name.to_owned(), view)).into();
        let mut found: Vec<String> = names("SELECT a FROM \"TOP\"", &views).into_iter().collect();
        found.sort();
        assert_eq!(found, ["a", "from", "middle", "select", "top", "trips", "zones"]);
    }
}
