//! The statements that change the lake, taken apart as far as needed to say what is to be done: names, and the pieces of SQL
//! that DuckDB is to look at. What a piece says, DuckDB's parser judges (`parts.rs`), and again the function.

use anyhow::Result;
use quack_function::sql::Token;

use super::altered::Alteration;
use super::clauses::Merge;
use super::comment::Comment;
use super::created::Create;
use super::inserted::Insert;
use super::parts::Part;
use super::reader::{Reader, Value, beside, unsupported};
use super::refused;
use super::schema::{self, SchemaChange};
use super::view::{self, CreateView};

/// A statement that changes the lake.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Change {
    Create(Create),
    CreateView(CreateView),
    Schema(SchemaChange),
    DropView { view: String, if_exists: bool },
    RenameView { view: String, to: String, if_exists: bool },
    Comment(Comment),
    Insert(Insert),
    Rewrite(Rewrite),
    Merge(Merge),
    Drop { table: String, if_exists: bool },
    Rename { table: String, to: String },
    Alter { table: String, alteration: Alteration },
    Begin,
    Commit,
    Rollback,
}

/// `UPDATE`, `DELETE` and `TRUNCATE`: some files of a table are written anew.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Rewrite {
    pub table: String,
    /// What the statement calls it.
    pub alias: String,
    /// New values by column; none to delete the rows.
    pub set: Vec<(String, Value)>,
    /// Queries that the others may name, behind the word WITH.
    pub with: Option<Part>,
    /// Other tables whose rows say which.
    pub from: Option<Part>,
    /// Which rows; all of them without.
    pub predicate: Option<Part>,
    /// What is to come back of each row; nothing without.
    pub returning: Vec<Part>,
}

impl Change {
    /// Whether functions work for it; those without end a transaction, say, which no budget holds up.
    pub(crate) fn asks_functions(&self) -> bool {
        matches!(self, Self::Create(_) | Self::Insert(_) | Self::Rewrite(_) | Self::Merge(_) | Self::Alter { .. })
    }

    /// Whether it gives rows.
    pub(crate) fn returns(&self) -> bool {
        match self {
            Self::Insert(insert) => !insert.returning.is_empty(),
            Self::Rewrite(rewrite) => !rewrite.returning.is_empty(),
            Self::Merge(merge) => !merge.returning.is_empty(),
            _ => false,
        }
    }
}

/// Reads the last statement of `sql`, if it is one that changes the lake; those before it set variables.
///
/// # Errors
/// A form of such a statement that is not supported, and what to do instead.
pub(crate) fn parse(sql: &str) -> Result<Option<Change>> {
    let mut reader = Reader::of_last(sql);
    let first = reader.word().to_ascii_uppercase();
    refused::check(&reader, &first)?;
    match first.as_str() {
        "CREATE" => reader.create(),
        "INSERT" => Insert::read(&mut reader).map(|insert| Some(Change::Insert(insert))),
        "WITH" => reader.behind_with(),
        "COPY" => Ok(Insert::of_copy(&mut reader)?.map(Change::Insert)),
        "UPDATE" => reader.update(None).map(Some),
        "DELETE" => reader.delete(None).map(Some),
        "MERGE" => Merge::read(&mut reader).map(|merge| Some(Change::Merge(merge))),
        "TRUNCATE" => reader.truncate().map(Some),
        "DROP" => reader.drop_named(),
        "COMMENT" => Comment::read(&mut reader).map(|comment| Some(Change::Comment(comment))),
        "ALTER" => reader.alter().map(Some),
        "BEGIN" | "START" => reader.ends(Change::Begin).map(Some),
        "COMMIT" | "END" => reader.ends(Change::Commit).map(Some),
        "ROLLBACK" | "ABORT" => reader.ends(Change::Rollback).map(Some),
        _ => Ok(None),
    }
}

const UPDATE: &str =
    "write UPDATE name [AS alias] SET column = value, ... [FROM other, ...] [WHERE ...] [RETURNING ...]";
const DELETE: &str = "write DELETE FROM name [AS alias] [USING other, ...] [WHERE ...] [RETURNING ...]";
const ALTER: &str = "write ALTER TABLE name RENAME TO other, ADD COLUMN column TYPE, DROP COLUMN column, RENAME COLUMN column TO other, \
                     or ALTER COLUMN column SET DATA TYPE TYPE";

impl Reader<'_> {
    fn create(&mut self) -> Result<Option<Change>> {
        let replace = self.takes(&["OR", "REPLACE"]);
        if self.takes(&["VIEW"]) {
            return CreateView::read(self, replace).map(|create| Some(Change::CreateView(create)));
        }
        if self.takes(&["SCHEMA"]) {
            return schema::created(self, replace).map(|change| Some(Change::Schema(change)));
        }
        let temporary = self.takes(&["TEMP"]) || self.takes(&["TEMPORARY"]);
        match self.takes(&["TABLE"]) {
            true => Create::read(self, replace, temporary).map(|create| Some(Change::Create(create))),
            false => Ok(None),
        }
    }

    /// What follows the queries of a WITH, if it is a change.
    fn behind_with(&mut self) -> Result<Option<Change>> {
        let is_change = |at: usize, token: &Token<'_>| {
            ["INSERT", "UPDATE", "DELETE", "MERGE"].iter().any(|word| token.is(word))
                && at > 0
                && self.tokens[at - 1].0 == Token::Symbol(')')
        };
        let at = self.find(is_change);
        let Some((word, _)) = self.tokens.get(at) else { return Ok(None) };
        let word = word.name().unwrap_or_default().to_ascii_uppercase();
        // From the word WITH itself on.
        self.at -= 1;
        let with = self.part(self.from(), at);
        self.at = at + 1;
        match word.as_str() {
            "INSERT" => Insert::read(self).map(|insert| Some(Change::Insert(insert.within(&with)))),
            "MERGE" => Merge::read(self).map(|merge| Some(Change::Merge(Merge { with: Some(with), ..merge }))),
            "UPDATE" => self.update(Some(with)).map(Some),
            _ => self.delete(Some(with)).map(Some),
        }
    }

    fn delete(&mut self, with: Option<Part>) -> Result<Change> {
        if !self.takes(&["FROM"]) {
            return Err(unsupported("DELETE in this form", DELETE));
        }
        let table = self.table(DELETE)?;
        let alias = self.alias(&table, &["WHERE", "USING", "RETURNING"]);
        let from = self.others("USING");
        let predicate = self.predicate("DELETE", DELETE)?;
        let returning = self.returning(DELETE)?;
        Ok(Change::Rewrite(Rewrite { table, alias, set: Vec::new(), with, from, predicate, returning }))
    }

    fn update(&mut self, with: Option<Part>) -> Result<Change> {
        let table = self.table(UPDATE)?;
        let alias = self.alias(&table, &["SET"]);
        if !self.takes(&["SET"]) {
            return Err(unsupported("UPDATE in this form", UPDATE));
        }
        let compares = |at: usize| at > 0 && self.tokens[at - 1].0.is("DISTINCT");
        let ends = |at: usize, token: &Token<'_>| {
            ["WHERE", "RETURNING"].iter().any(|word| token.is(word)) || (token.is("FROM") && !compares(at))
        };
        let end = self.find(ends);
        let set = self.set(end, UPDATE)?;
        let from = self.others("FROM");
        let predicate = self.predicate("UPDATE", UPDATE)?;
        let returning = self.returning(UPDATE)?;
        Ok(Change::Rewrite(Rewrite { table, alias, set, with, from, predicate, returning }))
    }

    /// The tables behind `word`, if it comes.
    fn others(&mut self, word: &str) -> Option<Part> {
        self.takes(&[word]).then(|| {
            let end = self.find_word(&["WHERE", "RETURNING"]);
            self.until(end)
        })
    }

    fn predicate(&mut self, statement: &str, help: &str) -> Result<Option<Part>> {
        if let Some(word) = self.has(&["LIMIT"], self.tokens.len()) {
            return Err(unsupported(&format!("{statement} with {word}"), help));
        }
        let ends = |token: Option<&Token<'_>>| token.is_none_or(|token| token.is("RETURNING"));
        if ends(self.peek()) {
            return Ok(None);
        }
        if !self.takes(&["WHERE"]) || ends(self.peek()) {
            return Err(unsupported(&format!("{statement} in this form"), help));
        }
        let end = self.find_word(&["RETURNING"]);
        Ok(Some(self.until(end)))
    }

    fn truncate(&mut self) -> Result<Change> {
        let help = "write TRUNCATE TABLE name";
        self.takes(&["TABLE"]);
        let table = self.table(help)?;
        match self.peek() {
            None => {
                let alias = table.clone();
                let (set, returning) = (Vec::new(), Vec::new());
                Ok(Change::Rewrite(Rewrite { alias, table, set, with: None, from: None, predicate: None, returning }))
            }
            Some(_) => Err(unsupported("TRUNCATE in this form", help)),
        }
    }

    fn drop_named(&mut self) -> Result<Option<Change>> {
        if self.takes(&["SCHEMA"]) {
            return schema::dropped(self).map(|change| Some(Change::Schema(change)));
        }
        let is_view = self.takes(&["VIEW"]);
        if !is_view && !self.takes(&["TABLE"]) {
            return Ok(None);
        }
        let (what, each) = if is_view { ("DROP VIEW", "view") } else { ("DROP TABLE", "table") };
        let help = format!("write {what} [IF EXISTS] name, each {each} by itself");
        let if_exists = self.takes(&["IF", "EXISTS"]);
        let name = self.table(&help)?;
        // No other table or view stands upon it but views, which say so themselves.
        if !self.takes(&["CASCADE"]) {
            self.takes(&["RESTRICT"]);
        }
        match (self.peek(), is_view) {
            (None, true) => Ok(Some(Change::DropView { view: name, if_exists })),
            (None, false) => Ok(Some(Change::Drop { table: name, if_exists })),
            (Some(_), _) => Err(unsupported(&format!("{what} in this form"), help)),
        }
    }

    /// `TRANSACTION` or `WORK`, or nothing.
    fn ends(&mut self, change: Change) -> Result<Change> {
        if !self.takes(&["TRANSACTION"]) {
            self.takes(&["WORK"]);
        }
        match self.peek() {
            None => Ok(change),
            Some(_) => Err(unsupported(
                "this form of BEGIN, COMMIT or ROLLBACK",
                "write the word alone; there are no savepoints",
            )),
        }
    }

    fn alter(&mut self) -> Result<Change> {
        if self.takes(&["VIEW"]) {
            return view::renamed(self).map(|(view, to, if_exists)| Change::RenameView { view, to, if_exists });
        }
        if !self.takes(&["TABLE"]) {
            return Err(unsupported("ALTER in this form", ALTER));
        }
        let table = self.table(ALTER)?;
        if self.takes(&["RENAME", "TO"]) {
            return match self.name() {
                Some(to) if self.peek().is_none() => Ok(Change::Rename { to: beside(&table, &to), table }),
                _ => Err(unsupported("ALTER TABLE in this form", ALTER)),
            };
        }
        match self.alteration() {
            Some(alteration) if self.peek().is_none() => Ok(Change::Alter { table, alteration }),
            _ => Err(unsupported("ALTER TABLE in this form", ALTER)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::created::Rows;
    use super::*;

    fn only(sql: &str) -> Change {
        parse(sql).unwrap().unwrap_or_else(|| panic!("{sql}"))
    }

    #[test]
    fn tables_are_made_of_a_query_or_of_columns() {
        let Change::Create(create) =
            only("create or replace table Main.\"a b\" partitioned by (d, \"e\") as\n FROM t;")
        else {
            panic!()
        };
        assert_eq!((create.table.as_str(), create.replace, create.if_not_exists), ("a b", true, false));
        assert_eq!(create.partitions, ["d", "e"]);
        assert!(matches!(create.rows, Rows::Query(part) if part.text().trim() == "FROM t"));
        let Change::Create(create) =
            only("CREATE TABLE IF NOT EXISTS x (a DECIMAL(4, 1), \"b\" STRUCT(x INT, y INT)[])")
        else {
            panic!()
        };
        assert!(create.if_not_exists);
        let columns = [("a", "DECIMAL(4, 1)"), ("b", "STRUCT(x INT, y INT)[]")];
        assert_eq!(create.rows, Rows::Columns(columns.map(|(name, sql_type)| (name.into(), sql_type.into())).into()));
        let Change::Create(create) = only("CREATE TABLE x (a, \"b c\") PARTITIONED BY (a) AS FROM t") else { panic!() };
        assert_eq!((create.names, create.partitions), (vec!["a".to_owned(), "b c".to_owned()], vec!["a".to_owned()]));
        for (sql, told) in [
            ("CREATE OR REPLACE TABLE IF NOT EXISTS x AS FROM t", "CREATE OR REPLACE TABLE IF NOT EXISTS"),
            ("CREATE UNIQUE INDEX i ON t (a)", "CREATE INDEX"),
            ("CREATE INDEX i ON t (a)", "CREATE INDEX"),
            ("CREATE OR REPLACE SEQUENCE s", "CREATE SEQUENCE"),
            ("DROP SEQUENCE s", "DROP SEQUENCE"),
            ("CREATE TRIGGER x AFTER INSERT ON t", "CREATE TRIGGER"),
            ("CREATE OR REPLACE TEMP MACRO f(x) AS x", "CREATE MACRO"),
            ("CREATE TYPE mood AS ENUM ('a')", "CREATE TYPE"),
            ("CREATE TABLE x (a INT CHECK (a > 1))", "CHECK in CREATE TABLE"),
            ("CREATE TABLE x (a INT, PRIMARY KEY (a))", "PRIMARY in CREATE TABLE"),
            ("CREATE TABLE x (a INT, b INT GENERATED ALWAYS AS (a + 1))", "GENERATED in CREATE TABLE"),
            ("CREATE TABLE x (a INT, b INT AS (a + 1))", "AS in CREATE TABLE"),
            ("CREATE TABLE x (a INT REFERENCES y (b))", "REFERENCES in CREATE TABLE"),
            ("CREATE TABLE x (a INT DEFAULT 1)", "DEFAULT in CREATE TABLE"),
            ("CREATE TABLE x (a INT NOT NULL)", "NOT in CREATE TABLE"),
        ] {
            let error = parse(sql).expect_err(sql).to_string();
            assert_eq!(error, format!("{told} is not supported"), "{sql}");
        }
        assert!(matches!(only("CREATE TABLE x (generated INT, \"check\" INT)"), Change::Create(_)));
        assert_eq!(parse("WITH update AS (SELECT 1) FROM update").unwrap(), None);
        for sql in
            ["CREATE TABLE", "CREATE TABLE x", "CREATE TABLE x (a INT PRIMARY KEY)", "CREATE TABLE x (a INT) AS FROM t"]
        {
            assert!(parse(sql).is_err(), "{sql}");
        }
        for sql in ["CREATE TABLE a.b.c AS FROM t", "CREATE TABLE temp.x AS FROM t", "CREATE TABLE \"a.b\" AS FROM t"] {
            assert!(parse(sql).unwrap_err().to_string().contains("no table"), "{sql}");
        }
    }

    #[test]
    fn rows_are_updated_and_deleted() {
        let Change::Rewrite(update) = only(
            "UPDATE t AS x SET a = CASE WHEN b IS DISTINCT FROM 1 THEN f(2, 3) END, \"b\" = (SELECT 1 WHERE true) WHERE x.c > 1",
        ) else {
            panic!()
        };
        assert_eq!((update.table.as_str(), update.alias.as_str(), update.set.len()), ("t", "x", 2));
        assert_eq!(update.set[1].0, "b");
        assert_eq!(update.set[1].1.part().unwrap().text().trim(), "(SELECT 1 WHERE true)");
        assert_eq!(update.predicate.unwrap().text().trim(), "x.c > 1");
        let Change::Rewrite(update) = only("UPDATE t SET a = u.b, c = DEFAULT FROM u JOIN v USING (x) WHERE t.a = u.a")
        else {
            panic!()
        };
        assert_eq!(update.from.unwrap().text().trim(), "u JOIN v USING (x)");
        assert_eq!(update.set[1].1, Value::Default);
        let Change::Rewrite(delete) = only("DELETE FROM t WHERE a IN (SELECT a FROM u LIMIT 3) -- all") else {
            panic!()
        };
        assert!(delete.set.is_empty());
        assert_eq!(delete.predicate.unwrap().text().trim(), "a IN (SELECT a FROM u LIMIT 3)");
        let Change::Rewrite(update) =
            only("UPDATE t SET (a, \"b\") = (f(1, 2), DEFAULT), (c) = ROW(3), d = 4 WHERE true")
        else {
            panic!()
        };
        let set: Vec<(&str, String)> = update.set.iter().map(|(name, value)| (name.as_str(), value.sql())).collect();
        let sql = [("a", "(\nf(1, 2)\n)"), ("b", "NULL"), ("c", "(\n3\n)"), ("d", "(\n 4\n)")];
        assert_eq!(set, sql.map(|(name, sql)| (name, sql.to_owned())));
        for sql in ["UPDATE t SET (a, b) = (1)", "UPDATE t SET (a, b) = c"] {
            assert!(parse(sql).unwrap_err().to_string().contains("SET (column, ...)"), "{sql}");
        }
        let Change::Rewrite(delete) = only("DELETE FROM t USING u, v WHERE t.a = u.a") else { panic!() };
        assert_eq!(delete.from.unwrap().text().trim(), "u, v");
        assert_eq!(only("TRUNCATE t"), only("DELETE FROM t"));
        for sql in [
            "WITH RECURSIVE u AS (FROM v) UPDATE t SET a = (FROM u)",
            "WITH RECURSIVE u AS (FROM v) DELETE FROM t WHERE a IN (FROM u)",
            "WITH RECURSIVE u AS (FROM v) MERGE INTO t USING u ON t.a = u.a WHEN MATCHED THEN DELETE",
        ] {
            let with = match only(sql) {
                Change::Rewrite(rewrite) => rewrite.with,
                Change::Merge(merge) => merge.with,
                _ => None,
            };
            assert_eq!(with.unwrap().queries(), " RECURSIVE u AS (FROM v)", "{sql}");
        }
    }

    #[test]
    fn tables_are_dropped_and_renamed() {
        assert_eq!(only("DROP TABLE IF EXISTS t"), Change::Drop { table: "t".into(), if_exists: true });
        assert_eq!(only("ALTER TABLE t RENAME TO u;"), Change::Rename { table: "t".into(), to: "u".into() });
        let altered = |sql: &str| match only(sql) {
            Change::Alter { table, alteration } if table == "t" => alteration,
            other => panic!("{sql}: {other:?}"),
        };
        let (column, to, sql_type) = (|| "a b".to_owned(), "c".to_owned(), "DECIMAL(9, 2)[]".to_owned());
        assert_eq!(
            altered("ALTER TABLE main.t ADD COLUMN \"a b\" DECIMAL(9, 2)[];"),
            Alteration::Add { column: column(), if_not_exists: false, sql_type: sql_type.clone() }
        );
        assert_eq!(altered("alter table t rename \"a b\" to c"), Alteration::Rename { column: column(), to });
        assert_eq!(
            altered("ALTER TABLE t DROP IF EXISTS \"a b\""),
            Alteration::Drop { column: column(), if_exists: true }
        );
        assert_eq!(
            altered("ALTER TABLE t ALTER \"a b\" TYPE DECIMAL(9, 2)[]"),
            Alteration::Type { column: column(), sql_type }
        );
        for sql in [
            "DROP TABLE a, b",
            "ALTER TABLE t ADD COLUMN x",
            "ALTER TABLE t DROP x, y",
            "ALTER TABLE t ALTER x DROP NOT NULL",
        ] {
            assert!(parse(sql).unwrap_err().to_string().contains("is not supported"), "{sql}");
        }
        assert_eq!(parse("SELECT 1").unwrap(), None);
        assert_eq!((only("begin transaction;"), only("END")), (Change::Begin, Change::Commit));
        assert_eq!(only("ROLLBACK WORK"), Change::Rollback);
        assert!(parse("ROLLBACK TO x").unwrap_err().to_string().contains("is not supported"));
    }
}
