//! The SQL that is run for a query of a page: those of the page that it reads before it as WITH, and a cast around each parameter, so
//! that DuckDB knows what `$day` is. Judged by DuckDB's own syntax tree; values are bound, and stand nowhere in it.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::rc::Rc;
use std::sync::OnceLock;

use anyhow::Result;
use quack_function::sql::{Token, Tokens, identifier, own_table};
use serde::Deserialize as _;
use serde_json::Value;
use unicode_width::UnicodeWidthStr as _;

use super::hint::misused;
use super::page::{self, Page, Query};
use super::parser::Parser;
use super::small;
use crate::error::nearest;

/// Deepest syntax tree, levels of its JSON: what follows it goes as deep.
const DEEPEST: usize = 500;

/// What is run for a query.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Composed {
    pub sql: String,
    /// The inputs whose parameters it has, by their places in the page.
    pub inputs: BTreeSet<usize>,
    /// It has the parameter that is who looks.
    pub reads_user: bool,
    /// Queries of the page that are in it, as they are called, but for itself.
    pub reads: BTreeSet<String>,
    /// Its rows are few for what it reads: the last step of it groups them, or takes the first so many.
    pub is_small: bool,
    /// Bytes of it that pieces of the query's own text begin at, each with the byte of that text.
    own: Vec<(usize, usize)>,
}

impl Composed {
    /// The byte of the query's own text that a byte of what is run comes from; nothing of what others of the page gave.
    pub(super) fn source(&self, at: usize) -> Option<usize> {
        let next = self.own.partition_point(|(begins, _)| *begins <= at);
        let (begins, from) = *self.own.get(next.checked_sub(1)?)?;
        let end = self.own.get(next).map_or(usize::MAX, |(_, to)| *to);
        Some((from + (at - begins)).min(end))
    }
}

/// What parses pages' SQL: a DuckDB that knows no tables.
pub(super) struct Composer {
    parser: Parser,
    /// What was read before, by the names of page and query: one may be read by many.
    known: RefCell<HashMap<(String, String), Rc<Read>>>,
}

/// What is known of one query's text.
struct Read {
    /// The text, without what ends a statement, with casts.
    sql: String,
    /// Names of tables that have no schema before them, in lower case; some may be of what its own WITH gives.
    tables: BTreeSet<String>,
    inputs: BTreeSet<usize>,
    reads_user: bool,
    is_small: bool,
    /// Bytes of it that pieces of the text begin at, and those of the text as the page has it.
    pieces: Vec<(usize, usize)>,
}

impl Read {
    /// All rows of a table.
    fn of_table(table: &str) -> Self {
        let (tables, inputs, pieces) = (BTreeSet::new(), BTreeSet::new(), Vec::new());
        let sql = format!("SELECT * FROM {}", own_table(table));
        Self { sql, tables, inputs, reads_user: false, is_small: false, pieces }
    }
}

impl Composer {
    /// # Errors
    /// When DuckDB does not start.
    pub(super) fn open() -> Result<Self> {
        Ok(Self { parser: Parser::open()?, known: RefCell::default() })
    }

    /// Whether what a tree says gives few rows for what it reads.
    fn is_small(&self, tree: &Value) -> bool {
        // They are DuckDB's, whichever is asked, and are a list of thousands.
        static AGGREGATES: OnceLock<HashSet<String>> = OnceLock::new();
        let aggregates = AGGREGATES.get_or_init(|| self.parser.ask(small::aggregates).unwrap_or_default());
        small::is_small(&tree["statements"][0]["node"], aggregates)
    }

    /// What is run for `query`.
    ///
    /// # Errors
    /// What is wrong with it, or with one that it reads, for whoever wrote the page.
    pub(super) fn compose(&self, page: &Page, query: &Query) -> Result<Composed, String> {
        self.compose_over(page, query, &BTreeMap::new())
    }

    /// The same, where those in `others`, by their names as the page has them, are tables that are called so. `query` may be one of them.
    ///
    /// # Errors
    /// As of [`Self::compose`].
    pub(super) fn compose_over(
        &self,
        page: &Page,
        query: &Query,
        others: &BTreeMap<String, String>,
    ) -> Result<Composed, String> {
        let mut reads = Vec::new();
        self.follow(page, query, others, &mut Vec::new(), &mut reads)?;
        let strange =
            |read: &Read| read.inputs.iter().any(|at| page.row_of(*at).is_some_and(|row| Some(row) != query.within));
        if let Some((name, _)) = reads.iter().find(|(_, read)| strange(read)) {
            return Err(format!(
                "it reads `{name}`, which is another in each section of its loop: put this one in there too"
            ));
        }
        let inputs = reads.iter().flat_map(|(_, read)| read.inputs.iter().copied()).collect();
        let reads_user = reads.iter().any(|(_, read)| read.reads_user);
        // The last one is the query itself.
        let last = reads.pop().map(|(_, read)| read);
        let is_small = last.as_ref().is_some_and(|read| read.is_small);
        let names = reads.iter().map(|(name, _)| (*name).to_owned()).collect();
        let own = last.as_ref().map_or("", |read| read.sql.as_str());
        let with = reads.iter().map(|(name, read)| format!("{} AS (\n{}\n)", identifier(name), read.sql));
        let with = with.collect::<Vec<_>>().join(", ");
        // Its own WITH stays what it is, and names of its own stand for what they say.
        let (before, behind) = match Tokens::new(own).next().is_some_and(|(first, _)| first.is("WITH")) {
            _ if with.is_empty() => (String::new(), ""),
            true => (format!("WITH {with}\nFROM (\n"), "\n)"),
            false => (format!("WITH {with}\n"), ""),
        };
        let pieces = last.iter().flat_map(|read| &read.pieces);
        let own_pieces = pieces.map(|(at, from)| (before.len() + at, *from)).collect();
        let sql = format!("{before}{own}{behind}");
        Ok(Composed { sql, inputs, reads_user, reads: names, is_small, own: own_pieces })
    }

    /// Reads `query` and all that it reads of the page; those come first in `reads`, each with its name.
    fn follow<'a>(
        &self,
        page: &'a Page,
        query: &'a Query,
        others: &BTreeMap<String, String>,
        above: &mut Vec<String>,
        reads: &mut Vec<(&'a str, Rc<Read>)>,
    ) -> Result<(), String> {
        let key = query.name.to_lowercase();
        if above.contains(&key) {
            return Err(format!("`{}` reads itself, by way of {}", query.name, above.join(", ")));
        }
        if reads.iter().any(|(name, _)| *name == query.name) {
            return Ok(());
        }
        let read = match others.get(&query.name) {
            Some(table) => Rc::new(Read::of_table(table)),
            None => self.known(page, query)?,
        };
        above.push(key.clone());
        // Its own name is that of a table.
        let named = read.tables.iter().filter(|table| **table != key).filter_map(|table| page.query(table));
        for other in named {
            self.follow(page, other, others, above, reads)
                .map_err(|words| if words.starts_with('`') { words } else { format!("`{}`: {words}", other.name) })?;
        }
        above.pop();
        reads.push((&query.name, read));
        Ok(())
    }

    fn known(&self, page: &Page, query: &Query) -> Result<Rc<Read>, String> {
        let key = (page.name.clone(), query.name.clone());
        if let Some(read) = self.known.borrow().get(&key) {
            return Ok(read.clone());
        }
        let read = Rc::new(self.read(page, query)?);
        self.known.borrow_mut().insert(key, read.clone());
        Ok(read)
    }

    fn read(&self, page: &Page, query: &Query) -> Result<Read, String> {
        let text = statement(&query.sql);
        let of_inputs = page
            .inputs
            .iter()
            .enumerate()
            .flat_map(|(at, input)| input.parameters().into_iter().map(move |(name, cast)| (Some(at), name, cast)));
        let user = (None, page::USER.to_owned(), Some("VARCHAR".to_owned()));
        let parameters: Vec<(Option<usize>, String, Option<String>)> = of_inputs.chain([user]).collect();
        let find = |name: &str| parameters.iter().find(|(_, known, _)| known.eq_ignore_ascii_case(name));
        // Before DuckDB says of it that it is no SQL.
        if let Some(words) = misused(text, |name| find(name).is_some()) {
            return Err(words);
        }
        let tree = self.tree(text)?;
        let (mut tables, mut asked) = (BTreeSet::new(), BTreeSet::new());
        collect(&tree, &mut tables, &mut asked);
        if let Some(other) = asked.iter().find(|name| find(name).is_none()) {
            return Err(match other.parse::<usize>() {
                Ok(_) => "parameters are named after the page's inputs: $day, not ? or $1".to_owned(),
                Err(_) => {
                    let known = parameters.iter().map(|(_, known, _)| known.as_str());
                    let help = match nearest(other, known) {
                        Some(near) => format!("did you mean `${near}`?"),
                        None => format!("```input {other} makes one"),
                    };
                    format!("`${other}`: the page has no input that gives it; {help}")
                }
            });
        }
        let (mut sql, mut done, mut inputs) = (String::with_capacity(text.len() + 64), 0, BTreeSet::new());
        // Blanks before the statement are left away.
        let first = query.sql.len() - query.sql.trim_start().len();
        let (mut reads_user, mut pieces) = (false, vec![(0, first)]);
        for (from, to, name) in places(text) {
            let Some((at, name, cast)) = find(name) else { continue };
            sql.push_str(&text[done..from]);
            pieces.push((sql.len(), first + from));
            sql.push_str(&cast.as_ref().map_or_else(|| format!("${name}"), |cast| format!("CAST(${name} AS {cast})")));
            done = to;
            pieces.push((sql.len(), first + to));
            asked.remove(&name.to_lowercase());
            inputs.extend(*at);
            reads_user |= at.is_none();
        }
        sql.push_str(&text[done..]);
        for (at, each) in inputs.iter().filter_map(|at| Some((*at, page.row_of(*at)?))) {
            if query.within != Some(each) {
                let (name, (line, _)) = (&page.inputs[at].name, page.loops[each].lines);
                return Err(format!(
                    "`${name}` is the row of a section of the loop in line {line}, and this query stands outside of it: put it in there"
                ));
            }
        }
        match asked.first() {
            None => Ok(Read { sql, tables, inputs, reads_user, is_small: self.is_small(&tree), pieces }),
            Some(other) => Err(format!("`{other}` is a parameter, and not written as ${other}: write it so")),
        }
    }

    /// The syntax tree of one SELECT.
    fn tree(&self, sql: &str) -> Result<Value, String> {
        let serialize = "SELECT json_serialize_sql(CAST(? AS VARCHAR))";
        let text = self.parser.ask(|parser| parser.query_row(serialize, [sql], |row| row.get::<_, String>(0)));
        let text = text.map_err(|error| error.to_string())?;
        if depth(&text) > DEEPEST {
            return Err(
                "it is nested too deep, or a chain of too many operators: make several queries of it".to_owned()
            );
        }
        // As deep as was looked at: without that, libraries take less.
        let mut deserializer = serde_json::Deserializer::from_str(&text);
        deserializer.disable_recursion_limit();
        let tree = Value::deserialize(&mut deserializer);
        let tree = tree.map_err(|error| format!("its syntax tree cannot be read: {error}"))?;
        if tree["error"] == Value::Bool(true) {
            let words = tree["error_message"].as_str().unwrap_or("it is no SELECT");
            return Err(match words.contains("Only SELECT") {
                true => "a page's query is one SELECT; of PIVOT, one that says its values: ON a IN (1, 2)".to_owned(),
                false => placed(words, sql, tree["position"].as_str().and_then(|place| place.parse().ok())),
            });
        }
        if tree["statements"][0]["node"]["from_table"]["type"] == "SHOW_REF" {
            return Err("write FROM (...) around DESCRIBE, SHOW or SUMMARIZE: a page's query is one SELECT".to_owned());
        }
        match tree["statements"].as_array().map(Vec::len) {
            Some(1) => Ok(tree),
            Some(0) | None => Err("there is no SQL in it".to_owned()),
            Some(count) => Err(format!("these are {count} statements, and a page's query is one SELECT")),
        }
    }
}

/// How deep JSON is nested, of what stands outside of its strings.
fn depth(json: &str) -> usize {
    let (mut depth, mut most, mut in_text, mut is_escaped) = (0_usize, 0, false, false);
    for byte in json.bytes() {
        match byte {
            _ if is_escaped => is_escaped = false,
            b'\\' if in_text => is_escaped = true,
            b'"' => in_text = !in_text,
            b'{' | b'[' if !in_text => depth += 1,
            b'}' | b']' if !in_text => depth = depth.saturating_sub(1),
            _ => {}
        }
        most = most.max(depth);
    }
    most
}

/// The statement of a text, without the semicolons and comments behind it.
fn statement(sql: &str) -> &str {
    let ends = Tokens::new(sql).filter(|(token, _)| *token != Token::Symbol(';')).map(|(_, end)| end);
    let first = sql.len() - sql.trim_start().len();
    &sql[first..ends.last().unwrap_or(first).max(first)]
}

/// DuckDB's words with the line that they are about, and the place in it, as its binder has them. `place` is a character, from 0 on.
fn placed(words: &str, sql: &str, place: Option<usize>) -> String {
    let byte = |place: usize| sql.char_indices().map(|(byte, _)| byte).chain([sql.len()]).nth(place);
    let Some((before, _)) = place.and_then(byte).and_then(|byte| sql.split_at_checked(byte)) else {
        return format!("Parser Error: {words}");
    };
    let start = before.rfind('\n').map_or(0, |end| end + 1);
    let line = sql[start..].lines().next().unwrap_or_default();
    let told = format!("LINE {}: ", before.matches('\n').count() + 1);
    let blank = told.len() + before[start..].width();
    format!("Parser Error: {words}\n\n{told}{line}\n{}^", " ".repeat(blank))
}

/// Names of tables without a schema, and of parameters, in lower case.
fn collect(tree: &Value, tables: &mut BTreeSet<String>, asked: &mut BTreeSet<String>) {
    match tree {
        Value::Object(fields) => {
            let text = |name: &str| fields.get(name).and_then(Value::as_str).unwrap_or_default();
            if text("type") == "BASE_TABLE" && text("schema_name").is_empty() {
                tables.insert(text("table_name").to_lowercase());
            }
            if text("class") == "PARAMETER" {
                asked.insert(text("identifier").to_lowercase());
            }
            fields.values().for_each(|value| collect(value, tables, asked));
        }
        Value::Array(items) => items.iter().for_each(|item| collect(item, tables, asked)),
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
        let sql = "SELECT $day, 'a $day', $$ $day $$ -- $day\nFROM t WHERE z = $ZONE;\n";
        let made = composed(&[("a", sql)], "a").unwrap();
        assert_eq!(made.sql, "SELECT CAST($day AS DATE), 'a $day', $$ $day $$ -- $day\nFROM t WHERE z = $zone");
        assert_eq!(made.inputs, BTreeSet::from([0, 1]));
        for (sql, said) in [
            ("SELECT $dya", "no input that gives it; did you mean `$day`?"),
            ("SELECT $elsewhere", "no input that gives it; ```input elsewhere makes one"),
            ("FROM t WHERE d = '{{ day }}'", "`{{ day }}` is for text: in SQL write `$day`"),
            ("SELECT $1", "named after the page's inputs"),
            ("SELECT ?", "named after the page's inputs"),
            ("SELECT 1; SELECT 2", "2 statements"),
            ("DELETE FROM t", "one SELECT"),
            ("SELEC 1", "syntax error"),
            ("SELECT 1) SELECT (2", "syntax error"),
            ("-- none", "no SQL"),
            ("SUMMARIZE t", "write FROM (...) around"),
            ("PIVOT t ON a USING sum(b)", "ON a IN (1, 2)"),
            ("SELECT 'é',\n FROM WHERE", "LINE 2:  FROM WHERE\n              ^"),
            ("SELECT 'é', FROM WHERE", "FROM WHERE\n                         ^"),
            ("SELECT 1,\n  FROM WHERE", "LINE 2:   FROM WHERE\n               ^"),
            (&format!("SELECT 1{}", " + 1".repeat(600)), "nested too deep"),
        ] {
            let words = composed(&[("a", sql)], "a").unwrap_err();
            assert!(words.contains(said), "{sql}: {words}");
        }
    }

    #[test]
    fn places_are_those_of_the_querys_own_text() {
        let text = "\n SELECT $day, é\n FROM base WHERE $day < x";
        let made = composed(&[("a", text), ("base", "SELECT 1 AS x")], "a").unwrap();
        for found in ["SELECT C", ", é", "é\n", "FROM base", "< x"] {
            let at = made.sql.rfind(found).unwrap();
            let word = &found[..found.len() - usize::from(found == "SELECT C")];
            assert_eq!(made.source(at), text.rfind(word), "{found}: {}", made.sql);
        }
        // Within a cast, the parameter.
        assert_eq!(made.source(made.sql.find("AS DATE").unwrap()), text.find(", é"));
        assert_eq!(made.source(made.sql.find("1 AS").unwrap()), None);
    }

    #[test]
    fn queries_of_the_page_come_before_those_that_read_them() {
        let page = [
            ("base", "SELECT * FROM trips WHERE d = $day"),
            ("top", "FROM base LIMIT 3; -- few"),
            ("both", "with x AS (FROM top) SELECT * FROM x, Base, s.top"),
            ("trips", "FROM trips"),
            ("own", "WITH base AS (FROM base LIMIT 1) FROM base"),
        ];
        let made = |name: &str| composed(&page, name).unwrap();
        assert_eq!(made("top").inputs, BTreeSet::from([0]));
        let base =
            "\"base\" AS (\nSELECT * FROM \"trips\" WHERE d = CAST($day AS DATE)\n)".replace("\"trips\"", "trips");
        let trips = "\"trips\" AS (\nFROM trips\n)";
        assert_eq!(composed(&[("a", &format!("SELECT 1{}; -- all", " + 1".repeat(150)))], "a").unwrap().sql.len(), 608);
        let twice = "CASE $zone WHEN 'a' THEN 1 WHEN 'b' THEN 2 END";
        assert_eq!(composed(&[("a", &format!("SELECT {twice}"))], "a").unwrap().sql, format!("SELECT {twice}"));
        assert_eq!(made("top").sql, format!("WITH {trips}, {base}\nFROM base LIMIT 3"));
        let top = "\"top\" AS (\nFROM base LIMIT 3\n)";
        let both = "with x AS (FROM top) SELECT * FROM x, Base, s.top";
        assert_eq!(made("both").sql, format!("WITH {trips}, {base}, {top}\nFROM (\n{both}\n)"));
        assert_eq!(made("trips").sql, "FROM trips");
        // What a query calls so itself is that there, and the page's elsewhere.
        let own = "WITH base AS (FROM base LIMIT 1) FROM base";
        assert_eq!(made("own").sql, format!("WITH {trips}, {base}\nFROM (\n{own}\n)"));
        let words = composed(&[("a", "FROM b"), ("b", "FROM c"), ("c", "FROM a")], "a").unwrap_err();
        assert!(words.contains("`a` reads itself, by way of a, b, c"), "{words}");
    }
    #[test]
    fn the_row_of_a_loop_is_known_in_it_alone() {
        let text = "::: each zone in zones\n\n```sql own\nSELECT $zone, * FROM zones\n```\n```sql shown table\nFROM own\n```\n\n:::\n\n\
            ```sql zones\nSELECT 'a'\n```\n```sql out\nSELECT $zone\n```\n```sql by\nFROM shown\n```\n";
        let page = Page::parse("x", text).unwrap();
        let composer = Composer::open().unwrap();
        let made = |name: &str| composer.compose(&page, page.query(name).unwrap());
        let shown = made("shown").unwrap();
        assert!(shown.sql.contains("SELECT $zone, *") && shown.inputs == [0].into(), "{shown:?}");
        assert!(made("out").unwrap_err().contains("the loop in line 1, and this query stands outside"));
        assert!(made("by").unwrap_err().contains("it reads `own`"));
        assert_eq!(page.runs(page.query("zones").unwrap()), 1);
    }
}
