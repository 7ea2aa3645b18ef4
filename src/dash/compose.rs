//! The SQL that is run for a query of a page: those of the page that it reads before it as WITH, and a cast around each parameter, so
//! that DuckDB knows what `$day` is. Judged by DuckDB's own syntax tree; values are bound, and stand nowhere in it.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::Result;
use duckdb::Connection;
use quack_function::sql::{Token, Tokens, identifier};
use serde_json::Value;

use super::page::{Page, Query};
use crate::duck::{self, Sandbox};

/// What is run for a query.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Composed {
    pub sql: String,
    /// The inputs whose parameters it has, by their places in the page.
    pub inputs: BTreeSet<usize>,
}

/// What parses pages' SQL: a DuckDB that knows no tables.
pub(super) struct Composer(Connection);

/// What is known of one query's text.
struct Read {
    /// The text, without what ends a statement, with casts.
    sql: String,
    /// Names of tables that have no schema before them, in lower case, without those that WITH gives in it.
    tables: BTreeSet<String>,
    inputs: BTreeSet<usize>,
}

impl Composer {
    /// # Errors
    /// When DuckDB does not start.
    pub(super) fn open() -> Result<Self> {
        let sandbox = Sandbox { memory: Some("64MB"), threads: Some(1), ..Sandbox::default() };
        Ok(Self(duck::open(&sandbox)?))
    }

    /// What is run for `query`.
    ///
    /// # Errors
    /// What is wrong with it, or with one that it reads, for whoever wrote the page.
    pub(super) fn compose(&self, page: &Page, query: &Query) -> Result<Composed, String> {
        let (mut reads, mut order) = (BTreeMap::new(), Vec::new());
        self.follow(page, query, &mut Vec::new(), &mut reads, &mut order)?;
        let inputs = reads.values().flat_map(|read| read.inputs.iter().copied()).collect();
        // The last one is the query itself.
        order.pop();
        let read = |name: &str| reads.get(&name.to_lowercase()).map(|read| read.sql.as_str()).unwrap_or_default();
        let with = order.iter().map(|name| format!("{} AS (\n{}\n)", identifier(name), read(name)));
        let with = with.collect::<Vec<_>>().join(", ");
        let own = read(&query.name);
        let sql = match with.is_empty() {
            true => own.to_owned(),
            false => {
                let at = behind_with(own);
                if at == 0 { format!("WITH {with}\n{own}") } else { format!("{} {with},{}", &own[..at], &own[at..]) }
            }
        };
        Ok(Composed { sql, inputs })
    }

    /// Reads `query` and all that it reads of the page; those come first in `order`.
    fn follow(
        &self,
        page: &Page,
        query: &Query,
        above: &mut Vec<String>,
        reads: &mut BTreeMap<String, Read>,
        order: &mut Vec<String>,
    ) -> Result<(), String> {
        let key = query.name.to_lowercase();
        if above.contains(&key) {
            return Err(format!("`{}` reads itself, by way of {}", query.name, above.join(", ")));
        }
        if reads.contains_key(&key) {
            return Ok(());
        }
        let read = self.read(page, query)?;
        above.push(key.clone());
        // Its own name is that of a table.
        let others = read.tables.iter().filter(|table| **table != key).filter_map(|table| page.query(table));
        for other in others {
            self.follow(page, other, above, reads, order)
                .map_err(|words| if words.starts_with('`') { words } else { format!("`{}`: {words}", other.name) })?;
        }
        above.pop();
        reads.insert(key, read);
        order.push(query.name.clone());
        Ok(())
    }

    fn read(&self, page: &Page, query: &Query) -> Result<Read, String> {
        let text = query.sql.trim().trim_end_matches(|c: char| c == ';' || c.is_whitespace());
        let tree = self.tree(text)?;
        let (mut tables, mut named, mut asked) = (BTreeSet::new(), BTreeSet::new(), Vec::new());
        collect(&tree, &mut tables, &mut named, &mut asked);
        tables.retain(|table| !named.contains(table));
        let parameters: Vec<(usize, String, Option<String>)> = page
            .inputs
            .iter()
            .enumerate()
            .flat_map(|(at, input)| input.parameters().into_iter().map(move |(name, cast)| (at, name, cast)))
            .collect();
        let find = |name: &str| parameters.iter().find(|(_, known, _)| known.eq_ignore_ascii_case(name));
        if let Some(other) = asked.iter().find(|name| find(name).is_none()) {
            return Err(match other.parse::<usize>() {
                Ok(_) => "parameters are named after the page's inputs: $day, not ? or $1".to_owned(),
                Err(_) => format!("`${other}`: the page has no input that gives it; ```input {other} makes one"),
            });
        }
        let (mut sql, mut done, mut inputs, mut count) =
            (String::with_capacity(text.len() + 64), 0, BTreeSet::new(), 0);
        for (from, to, name) in places(text) {
            let Some((at, name, cast)) = find(name) else { continue };
            sql.push_str(&text[done..from]);
            sql.push_str(&cast.as_ref().map_or_else(|| format!("${name}"), |cast| format!("CAST(${name} AS {cast})")));
            done = to;
            count += 1;
            inputs.insert(*at);
        }
        sql.push_str(&text[done..]);
        match count == asked.len() {
            true => Ok(Read { sql, tables, inputs }),
            false => Err("DuckDB sees other parameters in it than are written there: write each as $name".to_owned()),
        }
    }

    /// The syntax tree of one SELECT.
    fn tree(&self, sql: &str) -> Result<Value, String> {
        let serialize = "SELECT json_serialize_sql(CAST(? AS VARCHAR))";
        let text: String = self.0.query_row(serialize, [sql], |row| row.get(0)).map_err(|error| error.to_string())?;
        let tree: Value = serde_json::from_str(&text).map_err(|error| error.to_string())?;
        if tree["error"] == Value::Bool(true) {
            let words = tree["error_message"].as_str().unwrap_or("it is no SELECT");
            return Err(match words.contains("Only SELECT") {
                true => "a page's query is one SELECT".to_owned(),
                false => format!("Parser Error: {words}"),
            });
        }
        match tree["statements"].as_array().map(Vec::len) {
            Some(1) => Ok(tree),
            Some(0) | None => Err("there is no SQL in it".to_owned()),
            Some(count) => Err(format!("these are {count} statements, and a page's query is one SELECT")),
        }
    }
}

/// Names of tables without a schema and of what WITH gives, in lower case, and the parameters, each as often as it is there.
fn collect(tree: &Value, tables: &mut BTreeSet<String>, named: &mut BTreeSet<String>, asked: &mut Vec<String>) {
    match tree {
        Value::Object(fields) => {
            let text = |name: &str| fields.get(name).and_then(Value::as_str).unwrap_or_default();
            if text("type") == "BASE_TABLE" && text("schema_name").is_empty() {
                tables.insert(text("table_name").to_lowercase());
            }
            if text("class") == "PARAMETER" {
                asked.push(text("identifier").to_owned());
            }
            if let Some(map) = fields.get("cte_map").and_then(|map| map["map"].as_array()) {
                named.extend(map.iter().filter_map(|entry| entry["key"].as_str()).map(str::to_lowercase));
            }
            fields.values().for_each(|value| collect(value, tables, named, asked));
        }
        Value::Array(items) => items.iter().for_each(|item| collect(item, tables, named, asked)),
        _ => {}
    }
}

/// Where `$name` stands in `sql`: bytes from and to, and the name.
fn places(sql: &str) -> Vec<(usize, usize, &str)> {
    let mut places = Vec::new();
    let mut tokens = Tokens::new(sql).peekable();
    while let Some((token, end)) = tokens.next() {
        if token == Token::Symbol('$')
            && let Some((Token::Word(word), to)) = tokens.peek()
            && *to == end + word.len()
        {
            places.push((end - 1, *to, *word));
        }
    }
    places
}

/// The byte behind the WITH (and RECURSIVE) that `sql` begins with; 0 where it begins otherwise.
fn behind_with(sql: &str) -> usize {
    let mut tokens = Tokens::new(sql);
    match (tokens.next(), tokens.next()) {
        (Some((with, _)), Some((recursive, end))) if with.is("WITH") && recursive.is("RECURSIVE") => end,
        (Some((with, end)), _) if with.is("WITH") => end,
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn composed(fences: &[(&str, &str)], name: &str) -> Result<Composed, String> {
        let inputs =
            "```input day\ntype: date\ndefault: 2019-04-01\n```\n```input zone\ntype: select\noptions: [a]\n```\n";
        let queries: Vec<String> = fences.iter().map(|(name, sql)| format!("```sql {name}\n{sql}\n```\n")).collect();
        let page = Page::parse("x", &format!("{inputs}{}", queries.concat())).unwrap();
        Composer::open().unwrap().compose(&page, page.query(name).unwrap())
    }

    #[test]
    fn parameters_are_cast_and_nothing_else() {
        let sql = "SELECT $day, '$day', $$ $day $$ -- $day\nFROM t WHERE z = $ZONE;\n";
        let made = composed(&[("a", sql)], "a").unwrap();
        assert_eq!(made.sql, "SELECT CAST($day AS DATE), '$day', $$ $day $$ -- $day\nFROM t WHERE z = $zone");
        assert_eq!(made.inputs, BTreeSet::from([0, 1]));
        for (sql, said) in [
            ("SELECT $dya", "no input that gives it"),
            ("SELECT $1", "named after the page's inputs"),
            ("SELECT ?", "named after the page's inputs"),
            ("SELECT 1; SELECT 2", "2 statements"),
            ("DELETE FROM t", "one SELECT"),
            ("SELEC 1", "syntax error"),
            ("SELECT 1) SELECT (2", "syntax error"),
            ("-- none", "no SQL"),
        ] {
            let words = composed(&[("a", sql)], "a").unwrap_err();
            assert!(words.contains(said), "{sql}: {words}");
        }
    }

    #[test]
    fn queries_of_the_page_come_before_those_that_read_them() {
        let page = [
            ("base", "SELECT * FROM trips WHERE d = $day"),
            ("top", "FROM base LIMIT 3 -- few"),
            ("both", "with x AS (FROM top) SELECT * FROM x, Base, s.top"),
            ("trips", "FROM trips"),
            ("own", "WITH base AS (SELECT 1) FROM base"),
        ];
        let made = |name: &str| composed(&page, name).unwrap();
        assert_eq!(made("top").inputs, BTreeSet::from([0]));
        let base =
            "\"base\" AS (\nSELECT * FROM \"trips\" WHERE d = CAST($day AS DATE)\n)".replace("\"trips\"", "trips");
        let trips = "\"trips\" AS (\nFROM trips\n)";
        assert_eq!(made("top").sql, format!("WITH {trips}, {base}\nFROM base LIMIT 3 -- few"));
        assert_eq!(
            made("both").sql,
            format!(
                "with {trips}, {base}, \"top\" AS (\nFROM base LIMIT 3 -- few\n), x AS (FROM top) SELECT * FROM x, Base, s.top"
            )
        );
        assert_eq!(made("trips").sql, "FROM trips");
        assert_eq!(made("own").sql, "WITH base AS (SELECT 1) FROM base");
        let words = composed(&[("a", "FROM b"), ("b", "FROM c"), ("c", "FROM a")], "a").unwrap_err();
        assert!(words.contains("`a` reads itself, by way of a, b, c"), "{words}");
    }
}
