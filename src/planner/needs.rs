//! What one function needs of the lake for a query that is not divided: which files, and how much of them.

use serde_json::Value;

use super::from_clause::{self, FromClause, Place};
use super::functions::Functions;
use super::plan::{Planner, tables_of};
use super::reads::Reads;
use super::refusal::Refusal;
use super::scratch::Scratch;
use super::walk::references;
use super::work::{Work, grouping_sets};
use super::{ast, normal, prune, schemas, views};
use crate::lake::catalog::{Catalog, Table};
use crate::lake::named;

/// Files of a table from which on it pays to find out which of them a query on one function needs.
pub(crate) const MANY_FILES: usize = 500;

/// A query taken apart: its tables, and where conditions of its own stand over their rows.
struct Apart<'s, 'c> {
    scratch: &'s Scratch,
    root: Value,
    tables: Vec<(&'c str, &'c Table)>,
    places: Vec<Place>,
}

impl Planner {
    /// Of each table of a query that has `least` files or more and that it reads once, which of them may have rows that its
    /// conditions want: no function needs to look at the others. Nothing of tables where that is all of them, or cannot be told.
    pub(crate) fn keep<'a>(&self, sql: &str, catalog: &'a Catalog, least: usize) -> Vec<(&'a str, Vec<usize>)> {
        let many = |name: &str| catalog.find(name).is_some_and(|(_, table)| table.files.len() >= least);
        if !named::names(sql, &catalog.views).iter().any(|name| many(name)) {
            return Vec::new();
        }
        let Ok(apart) = self.apart(sql, catalog) else { return Vec::new() };
        let kept = apart.tables.iter().filter(|(_, table)| table.files.len() >= least).filter_map(|(name, table)| {
            let kept = apart.kept(name, table)?;
            (kept.len() < table.files.len()).then_some((*name, kept))
        });
        kept.collect()
    }

    /// What the columns that a query reads take at most in the files that may have rows for it, bytes; each table as often as it is
    /// named. Nothing of SQL that cannot be taken apart.
    pub(crate) fn read_bytes(&self, sql: &str, catalog: &Catalog) -> Option<u64> {
        let apart = self.apart(sql, catalog).ok()?;
        let reads = Reads::of(&apart.root);
        let of = |(name, table): &(&str, &Table)| match apart.kept(name, table) {
            Some(kept) => reads.files(table, kept.iter().filter_map(|at| table.files.get(*at))),
            None => reads.table(table).saturating_mul(apart.times(name) as u64),
        };
        Some(apart.tables.iter().map(of).fold(0, u64::saturating_add))
    }

    /// What one function has to do for a query; nothing of SQL that cannot be taken apart, or that DuckDB has no plan for.
    pub(crate) fn work(&self, sql: &str, catalog: &Catalog) -> Option<Work> {
        let apart = self.apart(sql, catalog).ok()?;
        let scratch = apart.scratch;
        let mut work = Work { tables: apart.tables.len(), ..Work::default() };
        // Common table expressions stay: those that are read twice are worked out once.
        let mut root = scratch.parse(sql).ok()?;
        schemas::join(&mut root).ok()?;
        views::expand(scratch, &mut root, catalog).ok()?;
        let reads = Reads::of(&apart.root).likely(ast::items(&root, "select_list"));
        for (name, table) in &apart.tables {
            let (rows, bytes) = match apart.kept(name, table) {
                Some(kept) => {
                    let kept = || kept.iter().filter_map(|at| table.files.get(*at));
                    (kept().map(|file| file.rows).sum(), reads.files(table, kept()))
                }
                None => (table.rows, reads.table(table)),
            };
            scratch.add_sized(name, table, rows).ok()?;
            let times = times(&root, name) as f64;
            let read = rows as f64 * times;
            let (columns, wide) = reads.columns(table);
            work.carried_bytes += bytes as f64;
            work.read_bytes += bytes as f64 * times;
            work.values += read * columns as f64;
            work.wide += read * wide as f64;
        }
        work.add_plan(&scratch.explain(&root).ok()?, grouping_sets(&root))?;
        Some(work)
    }

    fn apart<'c>(&self, sql: &str, catalog: &'c Catalog) -> Result<Apart<'_, 'c>, Refusal> {
        let scratch = self.scratch()?;
        let mut root = scratch.parse(sql)?;
        schemas::join(&mut root)?;
        normal::check(&root)?;
        views::expand(scratch, &mut root, catalog)?;
        normal::inline(&mut root)?;
        let tables = tables_of(&root, catalog)?;
        for (name, table) in &tables {
            scratch.add_table(name, table)?;
        }
        let functions = Functions::of(scratch, &root)?;
        let places = match functions.volatile_in(&root) {
            Some(_) => Vec::new(),
            None => from_clause::places(scratch, &functions, &root, &FromClause::of(scratch, &root)),
        };
        Ok(Apart { scratch, root, tables, places })
    }
}

/// How often a table is named.
fn times(root: &Value, name: &str) -> usize {
    references(root).iter().filter(|other| other.eq_ignore_ascii_case(name)).count()
}

impl Apart<'_, '_> {
    fn times(&self, name: &str) -> usize {
        times(&self.root, name)
    }

    /// Which files of a table may have rows that are wanted; nothing where conditions do not tell.
    fn kept(&self, name: &str, table: &Table) -> Option<Vec<usize>> {
        let place = self.places.iter().find(|place| place.table.eq_ignore_ascii_case(name))?;
        (self.times(name) == 1).then(|| prune::files(self.scratch, table, place))
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::catalog;
    use super::*;
    use crate::lake::catalog::DataFile;

    #[test]
    fn of_very_many_files_those_are_kept_that_may_have_such_rows() {
        let planner = Planner::default();
        let mut many = catalog(28, 28);
        let table = many.tables.get_mut("t").unwrap();
        let copy = |number: usize, file: &DataFile| DataFile { key: format!("{}.{number}", file.key), ..file.clone() };
        table.files = (0..20).flat_map(|number| table.files.iter().map(move |file| copy(number, file))).collect();
        let keep =
            |sql: &str| planner.keep(sql, &many, MANY_FILES).into_iter().next().map(|(name, kept)| (name, kept.len()));
        assert_eq!(keep("SELECT sum(n) FROM t WHERE day = '2024-01-03' AND n > 3"), Some(("t", 20)));
        assert_eq!(keep("WITH x AS (SELECT * FROM t WHERE day < '2024-01-03') SELECT * FROM x"), Some(("t", 40)));
        assert_eq!(keep("SELECT n FROM t WHERE day = '2030-01-01' ORDER BY n LIMIT 3"), Some(("t", 1)));
        for sql in [
            "SELECT sum(n) FROM t",
            "SELECT * FROM t WHERE n = random()::INT AND day = '2024-01-03'",
            "SELECT * FROM t a JOIN t b USING (n) WHERE a.day = '2024-01-03'",
            "SELECT * FROM t WHERE day = '2024-01-03' UNION ALL SELECT * FROM t",
            "SELECT * FROM t LEFT JOIN (SELECT 1 AS n) x ON t.day = '2024-01-03'",
            "SELECT 'day', (SELECT count(*) FROM t) WHERE '2024-01-03' = '2024-01-03'",
            "no SQL, t",
        ] {
            assert_eq!(keep(sql), None, "{sql}");
        }
        assert_eq!(
            planner.keep("SELECT * FROM t WHERE day = '2024-01-03'", &catalog(28, 28), MANY_FILES),
            [],
            "few files"
        );
    }

    #[test]
    fn what_is_read_at_most_is_the_columns_of_files_that_may_count() {
        let (planner, catalog) = (Planner::default(), catalog(28, 28 << 20));
        for (sql, bytes) in [
            ("SELECT sum(n) FROM t", Some(28 << 20)),
            ("SELECT sum(n) FROM t WHERE day = '2024-01-03'", Some(1 << 20)),
            ("SELECT n + random() FROM t WHERE day = '2024-01-03'", Some(28 << 20)),
            ("SELECT count(*) FROM t", Some(28 << 14)),
            ("SELECT n FROM t UNION ALL SELECT n FROM t", Some(56 << 20)),
            ("SELECT n FROM u", None),
            ("no SQL", None),
        ] {
            assert_eq!(planner.read_bytes(sql, &catalog), bytes, "{sql}");
        }
    }
}
