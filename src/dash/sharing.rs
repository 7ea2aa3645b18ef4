//! Which queries of a page several others read, so that each is better run once: as far as the page says it.

use std::collections::BTreeMap;

use quack_page::shared;

use super::compose::{Composed, Composer};
use super::page::{Page, Query};
use crate::digest;

/// A query that is run once for those that read it, if that pays.
#[derive(Debug, Clone)]
pub(super) struct Shared<'a> {
    pub query: &'a Query,
    /// What its rows are called in what reads them.
    pub table: String,
    /// How many read it on a load of the page, itself as one where it is shown.
    pub readers: u32,
}

/// The shared queries of a page, each after those that it reads.
#[derive(Debug, Default)]
pub(super) struct Sharing<'a>(pub Vec<Shared<'a>>);

/// A query over rows of others.
#[derive(Debug)]
pub(super) struct Over {
    pub composed: Composed,
    /// Whose: places in [`Sharing`].
    pub shared: Vec<usize>,
}

impl<'a> Sharing<'a> {
    /// Of a page whose queries all can be composed; of those that cannot, nothing is told here.
    pub(super) fn of(page: &'a Page, composer: &Composer) -> Self {
        let composed: BTreeMap<&str, Composed> = page
            .queries
            .iter()
            .filter_map(|query| Some((query.name.as_str(), composer.compose(page, query).ok()?)))
            .collect();
        let mut candidates: Vec<(&Query, &Composed)> =
            page.queries.iter().filter_map(|query| Some((query, composed.get(query.name.as_str())?))).collect();
        candidates.retain(|(query, composed)| query.share.unwrap_or(composed.is_small));
        // Those first that read the most: what others read by way of them, they read for all.
        candidates.sort_by_key(|(_, composed)| std::cmp::Reverse(composed.reads.len()));
        let mut sharing = Self::default();
        for (query, composed) in candidates {
            let table = format!("{}{}", shared::TABLE, digest::hex(&digest::sha256(composed.sql.as_bytes())[..16]));
            sharing.0.insert(0, Shared { query, table, readers: 0 });
            let readers = sharing.readers(page, composer, query);
            match readers {
                0 | 1 => _ = sharing.0.remove(0),
                _ => sharing.0[0].readers = readers,
            }
        }
        sharing
    }

    /// How many runs of a load of the page read `query`, which is one of these.
    fn readers(&self, page: &Page, composer: &Composer, query: &Query) -> u32 {
        let reads = |over: &Option<Over>| {
            over.as_ref().is_some_and(|over| over.shared.iter().any(|at| self.0[*at].query.name == query.name))
        };
        // A section of a loop for each of its rows: more than one, mostly.
        let times = |reader: &Query| 1 + u32::from(reader.within.is_some() && query.within.is_none());
        let shown = page.queries.iter().filter(|reader| page.runs(reader) > 0);
        let shown = shown.filter(|reader| reads(&self.over(page, composer, reader))).map(times);
        let others = self.0.iter().filter(|other| other.query.name != query.name);
        let others =
            others.filter(|other| reads(&self.base(page, composer, other.query))).map(|other| times(other.query));
        shown.chain(others).sum()
    }

    /// What is run for a query that is shown, if it reads rows of these.
    pub(super) fn over(&self, page: &Page, composer: &Composer, query: &Query) -> Option<Over> {
        self.made(page, composer, query, |_| true)
    }

    /// What is run for the rows of one of these, if it reads those of others.
    pub(super) fn base(&self, page: &Page, composer: &Composer, query: &Query) -> Option<Over> {
        self.made(page, composer, query, |other| other.query.name != query.name)
    }

    fn made(
        &self,
        page: &Page,
        composer: &Composer,
        query: &Query,
        is_other: impl Fn(&Shared<'_>) -> bool,
    ) -> Option<Over> {
        let others = self.0.iter().filter(|other| is_other(other));
        let tables: BTreeMap<String, String> =
            others.map(|other| (other.query.name.clone(), other.table.clone())).collect();
        if tables.is_empty() {
            return None;
        }
        let composed = composer.compose_over(page, query, &tables).ok()?;
        let is_read = |name: &String| composed.reads.contains(name) || *name == query.name;
        let read = |(at, shared): (usize, &Shared<'_>)| {
            (tables.contains_key(&shared.query.name) && is_read(&shared.query.name)).then_some(at)
        };
        let shared: Vec<usize> = self.0.iter().enumerate().filter_map(read).collect();
        (!shared.is_empty()).then_some(Over { composed, shared })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Names of shared queries with how many read each, and what is run for `shown`.
    fn shared(fences: &[(&str, &str)], shown: &str) -> (Vec<(String, u32)>, Option<String>) {
        let queries: Vec<String> = fences.iter().map(|(info, sql)| format!("```sql {info}\n{sql}\n```\n\n")).collect();
        let page = Page::parse("x", &queries.concat()).unwrap();
        let composer = Composer::open().unwrap();
        let sharing = Sharing::of(&page, &composer);
        let over = sharing.over(&page, &composer, page.query(shown).unwrap());
        let mut sql = over.map(|over| over.composed.sql);
        for Shared { query, table, .. } in &sharing.0 {
            sql = sql.map(|sql| sql.replace(table, &format!("rows_of_{}", query.name)));
        }
        (sharing.0.into_iter().map(|one| (one.query.name.clone(), one.readers)).collect(), sql)
    }

    const BASE: (&str, &str) = ("base", "SELECT day, count(*) AS n FROM t GROUP BY ALL");

    #[test]
    fn what_several_read_is_run_once() {
        let (found, sql) = shared(&[BASE, ("a table", "FROM base"), ("b table", "SELECT sum(n) FROM base")], "b");
        assert_eq!(found, [("base".to_owned(), 2)]);
        let sql = sql.unwrap();
        assert_eq!(sql, "WITH \"base\" AS (\nSELECT * FROM memory.main.\"rows_of_base\"\n)\nSELECT sum(n) FROM base");
        assert!(shared(&[BASE, ("a table", "FROM base"), ("b table", "FROM t")], "a").0.is_empty(), "one reads it");
        // One that is shown reads itself.
        let (found, sql) = shared(&[("base table", BASE.1), ("a table", "FROM base")], "base");
        assert_eq!(found, [("base".to_owned(), 2)]);
        assert_eq!(sql.unwrap(), "SELECT * FROM memory.main.\"rows_of_base\"");
    }

    #[test]
    fn what_reads_for_others_reads_once() {
        let two = [BASE, ("next", "SELECT max(n) AS n FROM base"), ("a table", "FROM next"), ("b table", "FROM next")];
        assert_eq!(shared(&two, "a").0, [("next".to_owned(), 2)]);
        let three = [two.as_slice(), &[("c table", "FROM base")]].concat();
        let (found, sql) = shared(&three, "c");
        assert_eq!(found, [("base".to_owned(), 2), ("next".to_owned(), 2)]);
        assert!(sql.unwrap().contains("rows_of_base"));
        let looped = [BASE, ("days", "SELECT DISTINCT day FROM t")];
        let tile = "::: each d in days\n\n```sql of table\nFROM base WHERE day = $d\n```\n\n:::\n";
        let queries: Vec<String> = looped.iter().map(|(info, sql)| format!("```sql {info}\n{sql}\n```\n\n")).collect();
        let page = Page::parse("x", &format!("{}{tile}", queries.concat())).unwrap();
        let composer = Composer::open().unwrap();
        let sharing = Sharing::of(&page, &composer);
        assert_eq!((sharing.0.len(), sharing.0[0].query.name.as_str()), (1, "base"), "a section for each row");
    }

    #[test]
    fn what_gives_as_many_rows_as_it_reads_is_not_shared() {
        let is_shared = |info: &str, sql: &str| {
            let found = shared(&[(info, sql), ("a table", "FROM base"), ("b table", "FROM base")], "a").0;
            !found.is_empty()
        };
        for sql in [
            "SELECT DISTINCT z FROM t",
            "SELECT max(z) FROM t",
            "SELECT 1 + Count(*) FILTER (z > 1) FROM t",
            "FROM t ORDER BY z LIMIT 10",
            "WITH x AS (FROM t) SELECT z, sum(n) FROM x GROUP BY z",
            "SELECT max(z) FROM t UNION ALL SELECT min(z) FROM t",
            "SELECT z FROM t GROUP BY ROLLUP (z)",
        ] {
            assert!(is_shared("base", sql), "{sql}");
            assert!(!is_shared("base share=false", sql), "{sql}");
        }
        for sql in [
            "FROM t",
            "SELECT z, row_number() OVER () FROM t",
            "SELECT sum(n) OVER () FROM t",
            "SELECT (SELECT max(z) FROM t) FROM t",
            "FROM t LIMIT 10%",
            "FROM t OFFSET 3",
            "SELECT max(z) FROM t UNION ALL FROM t",
            "SELECT unnest([1, 2]) FROM t",
        ] {
            assert!(!is_shared("base", sql), "{sql}");
            assert!(is_shared("base share=true", sql), "{sql}");
        }
    }
}
