//! The lake's catalog, as far as it tells which rows a query would read: for each table what changes with every commit, for each view
//! its SQL. Whoever can write to the bucket can write it, and the engine looks at all of it again.

use std::collections::{BTreeMap, BTreeSet};

use quack_function::names;
use quack_page::volatile::Named;
use serde::Deserialize;
use serde_json::value::RawValue;
use sha2::{Digest as _, Sha256};

/// Forms of a catalog that the function knows: in all of them, what is said of a table is another after each commit.
const FIRST: u32 = 1;
const LAST: u32 = 4;

/// Most views that lead to one another.
const MOST_VIEWS: usize = 10_000;

#[derive(Debug, Default)]
pub(crate) struct Catalog {
    /// By names in lower case.
    entries: BTreeMap<String, Entry>,
    /// Of all of it; empty where there is none.
    digest: String,
}

#[derive(Debug)]
enum Entry {
    /// A digest of what is said of a table.
    Table(String),
    /// A digest of what is said of a view, and its SQL.
    View(String, String),
}

/// What an answer depends on beside its SQL and parameters.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Reads {
    /// Digests of tables and views, by name.
    pub relations: BTreeMap<String, String>,
    /// Why it may be another each time, if it may.
    pub volatile: Option<String>,
    /// Whether texts may have an order of their own, which no file keeps.
    pub collates: bool,
}

impl Reads {
    /// Whether it may depend on which tables there are.
    pub(crate) fn lists(&self) -> bool {
        self.relations.contains_key("")
    }
}

impl Catalog {
    /// # Errors
    /// What is none, in words.
    pub(crate) fn parse(bytes: &[u8]) -> Result<Self, String> {
        #[derive(Deserialize)]
        struct Stored {
            version: u32,
            tables: BTreeMap<String, Box<RawValue>>,
            #[serde(default)]
            views: BTreeMap<String, Box<RawValue>>,
        }
        #[derive(Deserialize)]
        struct View {
            sql: String,
        }
        let Stored { version, tables, views } = serde_json::from_slice(bytes).map_err(|error| error.to_string())?;
        if !(FIRST..=LAST).contains(&version) {
            return Err(format!("it is of version {version}, and the page function knows {LAST}"));
        }
        let mut entries = BTreeMap::new();
        for (name, said) in tables {
            entries.insert(name.to_lowercase(), Entry::Table(digest(said.get().as_bytes())));
        }
        for (name, said) in views {
            let view: View = serde_json::from_str(said.get()).map_err(|error| format!("of view {name:?}, {error}"))?;
            entries.insert(name.to_lowercase(), Entry::View(digest(said.get().as_bytes()), view.sql));
        }
        Ok(Self { entries, digest: digest(bytes) })
    }

    /// What `sql` may read, rather too much than too little: whatever is called as some token of it is, and so on for views.
    pub(crate) fn reads(&self, sql: &str, volatile: &BTreeSet<String>) -> Reads {
        let mut reads = Reads::default();
        if self.digest.is_empty() {
            // Or it cannot be read: nobody knows what is in it.
            reads.volatile = Some("there is no catalog".to_owned());
        }
        let mut todo = vec![sql];
        while let Some(sql) = todo.pop() {
            let named = Named::of(sql, volatile);
            reads.collates |= named.collates();
            let Named { names, lists, volatile } = named;
            reads.volatile = reads.volatile.or(volatile);
            if lists {
                reads.relations.insert(String::new(), self.digest.clone());
            }
            for (name, entry) in &self.entries {
                // A schema's name may stand in another statement, as what is looked at first.
                let (_, last) = names::parts(name);
                if !(names.contains(last) || names.contains(name)) || reads.relations.contains_key(name) {
                    continue;
                }
                let digest = match entry {
                    Entry::Table(digest) => digest,
                    Entry::View(digest, sql) => {
                        todo.push(sql);
                        digest
                    }
                };
                reads.relations.insert(name.clone(), digest.clone());
            }
            if todo.len() > MOST_VIEWS {
                reads.volatile = Some("it reads too many views".to_owned());
                break;
            }
        }
        reads
    }
}

fn digest(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const CATALOG: &str = r#"{"version": 4, "schemas": ["s"],
        "tables": {"trips": {"metadata": "tables/trips/1.json"}, "Zones": {"metadata": "z"}, "s.days": {"metadata": "d"}},
        "views": {"busy": {"sql": "SELECT * FROM trips JOIN deep USING (z)", "columns": []},
                  "deep": {"sql": "FROM \"zones\"", "columns": []}, "circle": {"sql": "FROM circle", "columns": []},
                  "late": {"sql": "SELECT now()", "columns": []}}}"#;

    fn reads(catalog: &str, sql: &str) -> Reads {
        let volatile = ["now", "random", "current_date", "day", "date_trunc"].map(str::to_owned).into();
        Catalog::parse(catalog.as_bytes()).unwrap().reads(sql, &volatile)
    }

    fn named(sql: &str) -> Vec<String> {
        reads(CATALOG, sql).relations.into_keys().collect()
    }

    #[test]
    fn whatever_may_be_read_is_found() {
        assert_eq!(named("SELECT 1"), [""; 0]);
        assert_eq!(named("FROM TRIPS t -- zones"), ["trips"]);
        assert_eq!(named("FROM 'Trips'"), ["trips"]);
        assert_eq!(named("FROM memory.main.\"zones\""), ["zones"]);
        assert_eq!(named("FROM 'memory.main.trips'"), ["trips"]);
        assert_eq!(named("FROM s.days"), ["s.days"]);
        assert_eq!(named("FROM $$trips$$"), ["trips"]);
        // DuckDB makes one text of texts with an end of line between.
        for text in
            ["'tri'\n'ps'", "'tri' -- more\n  'ps'", "e'tri'\r\n'ps'", "'t'\n'ri'\n\n'ps'", "'Tri' --\n--'x'\n'PS'"]
        {
            assert_eq!(named(&format!("FROM {text}")), ["trips"], "{text}");
        }
        assert_eq!(named("FROM busy"), ["busy", "deep", "trips", "zones"]);
        assert_eq!(named("FROM circle"), ["circle"]);
        assert_eq!(named("FROM information_schema.tables"), [""]);
        assert_eq!(named("FROM (SHOW TABLES)"), [""]);
        assert_eq!(named("FROM duckdb_tables()"), [""]);
    }

    #[test]
    fn a_commit_changes_what_is_read_and_another_tables_does_not() {
        let later = CATALOG.replace("trips/1.json", "trips/2.json");
        assert_ne!(reads(CATALOG, "FROM busy"), reads(&later, "FROM busy"));
        assert_eq!(reads(CATALOG, "FROM deep"), reads(&later, "FROM deep"));
        assert_ne!(reads(CATALOG, "FROM duckdb_views()"), reads(&later, "FROM duckdb_views()"));
        let other = CATALOG.replace("\\\"zones\\\"", "trips");
        assert_ne!(reads(CATALOG, "FROM deep"), reads(&other, "FROM deep"));
    }

    #[test]
    fn what_is_another_each_time_is_told() {
        for sql in [
            "SELECT NOW()",
            "SELECT \"random\"()",
            "SELECT current_date",
            "FROM late",
            "FROM read_parquet('x')",
            "FROM 's3://lake/x.parquet'",
            "FROM \"s3://lake/x.parquet\"",
            "FROM E'tr\\151ps'",
            "FROM E'tri'\n'\\160s'",
            "FROM 's3:'\n'//lake/x.parquet'",
            "FROM query('SELECT 1')",
            "SELECT age(d) FROM trips",
            "SELECT d.age() FROM trips",
            "FROM trips WHERE d > ago(INTERVAL 7 DAY)",
            "FROM trips USING SAMPLE 3",
        ] {
            assert!(reads(CATALOG, sql).volatile.is_some(), "{sql}");
        }
        let steady = "SELECT 'now', 'a/b', age, sum(age), 1 AS ago, day(d), date_trunc('day', d) FROM busy WHERE d = CAST($now AS DATE)";
        assert_eq!(reads(CATALOG, steady).volatile, None);
        assert!(
            Catalog::default().reads("SELECT 1", &BTreeSet::new()).volatile.is_some(),
            "nobody knows what is there"
        );
    }

    #[test]
    fn what_is_no_catalog_is_told() {
        for (text, said) in [
            ("", "EOF"),
            ("[]", "invalid"),
            (r#"{"version": 9, "tables": {}}"#, "version 9"),
            (r#"{"version": 0, "tables": {}}"#, "version 0"),
            (r#"{"version": 4}"#, "tables"),
            (r#"{"version": 4, "tables": {}, "views": {"v": 7}}"#, "of view \"v\""),
        ] {
            let words = Catalog::parse(text.as_bytes()).unwrap_err();
            assert!(words.contains(said), "{text}: {words}");
        }
        assert!(Catalog::parse("{\"version\": 4, \"tables\": ".repeat(100_000).as_bytes()).is_err());
    }
}
