//! From the text of an event to statements: what each asks for, and the SELECT in it, which is what is judged and run.
//!
//! The text is cut by our own tokenizer. A cut in a wrong place makes wrong SQL, and nothing worse: each piece is judged by
//! DuckDB's own parser.

use super::pivot::Pivot;
use crate::copy::{BadCopy, CopySource, CopyStatement};
use crate::failure::Failure;
use crate::sql::{Token, Tokens, identifier};
use crate::wire::Destination;

/// Most statements of an event.
const MAX_STATEMENTS: usize = 1000;

/// A statement, on the way to be judged.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Statement {
    /// The SELECT in it; blanks in front keep its place in the event, which DuckDB's errors tell.
    pub(crate) select: String,
    pub(crate) action: Action,
}

/// What is to be done with a SELECT.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Action {
    Run,
    /// The SELECT is what the query is like once its values are found.
    Pivot(Pivot),
    Explain {
        analyze: bool,
        format: Option<&'static str>,
    },
    Write(Destination),
    SetVariable(String),
    /// The SELECT is empty.
    ResetVariable(String),
}

/// Formats of EXPLAIN.
const EXPLAIN_FORMATS: &[&str] = &["text", "json", "html", "graphviz", "yaml", "mermaid"];

/// Words that begin a statement that is not run, and what to do instead.
const REFUSED: &[(&[&str], &str)] = &[
    (
        &["CREATE"],
        "nothing of it would last: name a part of the query with WITH; CREATE TABLE and CREATE VIEW are for `quackctl query` and \
         `quackctl shell`, which change the lake",
    ),
    (
        &["INSERT", "UPDATE", "DELETE", "MERGE", "TRUNCATE", "DROP", "ALTER", "COMMENT"],
        "the function by itself changes no table: `quackctl query` and `quackctl shell` run it, as far as README says",
    ),
    (&["EXPORT", "IMPORT"], "write what you need with COPY (SELECT ...) TO 's3://bucket/key'"),
    (&["ATTACH", "DETACH", "USE"], "no other database is opened: name tables, or files by their s3:// addresses"),
    (
        &["INSTALL", "LOAD", "FORCE"],
        "extensions are packaged with the function: `extensions` under [function] in quack.toml",
    ),
    (
        &["SET", "RESET", "PRAGMA"],
        "the function's settings are fixed: SET VARIABLE name = value is there, and FROM pragma_version() and its like",
    ),
    (&["CALL"], "call the function in a query: FROM name(...)"),
    (&["PREPARE", "EXECUTE", "DEALLOCATE"], "nothing is kept between queries: send the query itself"),
    (&["BEGIN", "START", "COMMIT", "END", "ROLLBACK", "ABORT"], "each event is a transaction of its own already"),
    (&["CHECKPOINT", "VACUUM", "ANALYZE"], "nothing is kept in the function that this could tidy"),
    (&["EXPLAIN"], "EXPLAIN takes one SELECT, and the options ANALYZE and FORMAT"),
    (&["COPY"], "write COPY (SELECT ...) TO 's3://bucket/key' (FORMAT parquet)"),
    (
        &["PIVOT", "PIVOT_WIDER", "PIVOT_LONGER", "UNPIVOT", "WITH", "FROM", "SELECT", "TABLE", "VALUES"],
        "only SELECT is run, one at a time; a PIVOT inside of another query must name its values, IN ('a', 'b')",
    ),
];

/// Refuses a statement that is no SELECT, by its first word.
pub(crate) fn refused(sql: &str) -> Failure {
    let mut tokens = Tokens::new(sql).map(|(token, _)| token);
    let first = match tokens.next() {
        Some(Token::Word(word)) => word.to_ascii_uppercase(),
        _ => String::new(),
    };
    // CREATE SECRET is told by its name, whatever stands between.
    let between = ["OR", "REPLACE", "PERSISTENT", "TEMPORARY", "TEMP"];
    let second = tokens.find(|token| !between.iter().any(|word| token.is(word)));
    if (first == "CREATE" || first == "DROP") && second.is_some_and(|token| token.is("SECRET")) {
        let why = "the function has the keys of its own role, and no others";
        return Failure::refused(&format!("{first} SECRET"), why);
    }
    let known = REFUSED.iter().find(|(words, _)| words.contains(&first.as_str()));
    let (what, why) = known.map_or(("this statement", "only SELECT is run"), |(_, why)| (first.as_str(), *why));
    Failure::refused(what, why)
}

/// Refuses a `COPY` for what is wrong with it.
pub(crate) fn refused_copy(error: &BadCopy) -> Failure {
    let message = error.to_string();
    let (what, why) = message.split_once(": ").unwrap_or((&message, "its options are told as plain values"));
    Failure::refused(what, why)
}

/// Cuts an event's SQL into statements.
///
/// # Errors
/// `Quack.SandboxError` for a statement that is refused by its form, `Quack.BadEvent` when there are too many, or none.
pub(crate) fn split(sql: &str) -> Result<Vec<Statement>, Failure> {
    let (mut statements, mut start, mut empty) = (Vec::new(), 0, true);
    let ends = Tokens::new(sql).map(|(token, end)| (token == Token::Symbol(';'), end));
    for (is_end, end) in ends.chain([(true, sql.len() + 1)]) {
        empty &= is_end;
        if is_end {
            if !empty {
                statements.push(Piece { sql, start, text: &sql[start..end - 1] }.statement()?);
            }
            (start, empty) = (end, true);
        }
        if statements.len() > MAX_STATEMENTS {
            return Err(Failure::new("Quack.BadEvent", format!("`q` holds more than {MAX_STATEMENTS} statements")));
        }
    }
    if statements.is_empty() {
        let shown: String = sql.chars().take(80).collect();
        return Err(Failure::new("Quack.BadEvent", format!("`q` holds no SQL statement: {shown:?}")));
    }
    Ok(statements)
}

/// A statement's place in the event's SQL.
struct Piece<'a> {
    sql: &'a str,
    start: usize,
    text: &'a str,
}

impl<'a> Piece<'a> {
    fn statement(&self) -> Result<Statement, Failure> {
        let mut tokens = Tokens::new(self.text);
        let is = |token: &Option<(Token, usize)>, word: &str| token.as_ref().is_some_and(|(token, _)| token.is(word));
        let first = tokens.next();
        if is(&first, "EXPLAIN") {
            return self.explain();
        }
        if is(&first, "COPY") {
            return self.copy();
        }
        let sets = is(&first, "SET");
        if (sets || is(&first, "RESET")) && is(&tokens.next(), "VARIABLE") {
            return self.variable(sets);
        }
        Ok(Statement { select: self.placed(0, self.text), action: Action::Run })
    }

    /// `part` of the piece, which begins at byte `at` of it, with blanks in front that stand for everything before.
    fn placed(&self, at: usize, part: &str) -> String {
        let before = &self.sql[..self.start + at];
        let line = before.rfind('\n').map_or(0, |end| end + 1);
        let (lines, columns) = (before[..line].matches('\n').count(), before[line..].chars().count());
        format!("{}{}{part}", "\n".repeat(lines), " ".repeat(columns))
    }

    /// `EXPLAIN [ANALYZE] [(ANALYZE, FORMAT name)] SELECT ...`
    fn explain(&self) -> Result<Statement, Failure> {
        let wrong = || refused("EXPLAIN");
        let tokens: Vec<_> = Tokens::new(self.text).collect();
        let (mut at, mut analyze, mut format) = (1, false, None);
        let word = |at: usize, word: &str| tokens.get(at).is_some_and(|(token, _)| token.is(word));
        let symbol = |at: usize, symbol: char| tokens.get(at).is_some_and(|(token, _)| *token == Token::Symbol(symbol));
        if word(at, "ANALYZE") || word(at, "ANALYSE") {
            (analyze, at) = (true, at + 1);
        }
        if symbol(at, '(') && (word(at + 1, "ANALYZE") || word(at + 1, "ANALYSE") || word(at + 1, "FORMAT")) {
            while !symbol(at, ')') {
                at += 1;
                if word(at, "FORMAT") {
                    at += 1;
                    let name = tokens.get(at).and_then(|(token, _)| token.name()).unwrap_or_default();
                    let known = EXPLAIN_FORMATS.iter().find(|known| known.eq_ignore_ascii_case(&name));
                    format = Some(*known.ok_or_else(wrong)?);
                } else if word(at, "ANALYZE") || word(at, "ANALYSE") {
                    analyze = true;
                    // `ANALYZE true`
                    at += usize::from(word(at + 1, "TRUE"));
                } else {
                    return Err(wrong());
                }
                at += 1;
                if !symbol(at, ',') && !symbol(at, ')') {
                    return Err(wrong());
                }
            }
            at += 1;
        }
        let start = tokens[at - 1].1;
        if word(at, "EXPLAIN") || at >= tokens.len() {
            return Err(wrong());
        }
        let select = self.placed(start, &self.text[start..]);
        Ok(Statement { select, action: Action::Explain { analyze, format } })
    }

    fn copy(&self) -> Result<Statement, Failure> {
        let copy = CopyStatement::parse(self.text).map_err(|error| refused_copy(&error))?;
        let select = match copy.source {
            CopySource::Query(query) => {
                let at = query.as_ptr() as usize - self.text.as_ptr() as usize;
                self.placed(at, query)
            }
            CopySource::Table { name, columns } => {
                let quoted = |names: &[String], comma: &str| {
                    names.iter().map(|name| identifier(name)).collect::<Vec<_>>().join(comma)
                };
                let columns = if columns.is_empty() { "*".to_owned() } else { quoted(&columns, ", ") };
                format!("SELECT {columns} FROM {}", quoted(&name, "."))
            }
        };
        Ok(Statement { select, action: Action::Write(copy.destination) })
    }

    /// `SET VARIABLE name = expression`, `RESET VARIABLE name`
    fn variable(&self, sets: bool) -> Result<Statement, Failure> {
        let wrong = || Failure::refused("a variable in this form", "write SET VARIABLE name = value");
        let tokens: Vec<_> = Tokens::new(self.text).collect();
        let name = match tokens.get(2) {
            Some((token @ (Token::Word(_) | Token::Quoted(_)), _)) => token.name().ok_or_else(wrong)?,
            _ => return Err(wrong()),
        };
        if !sets {
            let action = Action::ResetVariable(name);
            return if tokens.len() == 3 { Ok(Statement { select: String::new(), action }) } else { Err(wrong()) };
        }
        let end = match tokens.get(3) {
            Some((Token::Symbol('='), end)) => *end,
            Some((token, end)) if token.is("TO") => *end,
            _ => return Err(wrong()),
        };
        // The expression stays where it is; SELECT takes the place of what stood before it.
        let placed = self.placed(end, &self.text[end..]);
        let blank = placed.len() - self.text[end..].len();
        let select = format!("{}SELECT {}", &placed[..blank.saturating_sub("SELECT ".len())], &self.text[end..]);
        Ok(Statement { select, action: Action::SetVariable(name) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn only(sql: &str) -> Statement {
        let mut statements = split(sql).unwrap();
        assert_eq!(statements.len(), 1, "{sql}");
        statements.remove(0)
    }

    #[test]
    fn statements_end_at_semicolons_and_keep_their_place() {
        let selects: Vec<_> = split(";; SELECT ';' -- ;\n; SELECT\n2;").unwrap();
        let selects: Vec<_> = selects.iter().map(|statement| statement.select.as_str()).collect();
        assert_eq!(
            selects,
            [
                "   SELECT ';' -- ;\n".strip_prefix(' ').map(|rest| format!(" {rest}")).unwrap().as_str(),
                "\n  SELECT\n2"
            ]
        );
        assert!(split(" ;; -- x").unwrap_err().message.contains("no SQL statement"));
        assert!(split(&"SELECT 1;".repeat(1001)).is_err());
    }

    #[test]
    fn explain_is_taken_apart() {
        for (sql, analyze, format) in [
            ("EXPLAIN SELECT 1", false, None),
            ("explain analyze SELECT 1", true, None),
            ("EXPLAIN (ANALYZE, FORMAT json) SELECT 1", true, Some("json")),
            ("EXPLAIN (FORMAT 'graphviz') SELECT 1", false, Some("graphviz")),
        ] {
            let statement = only(sql);
            assert_eq!(statement.action, Action::Explain { analyze, format }, "{sql}");
            assert_eq!(statement.select.trim(), "SELECT 1");
            assert_eq!(statement.select.len(), sql.len(), "it keeps its place");
        }
        assert_eq!(only("EXPLAIN (SELECT 1)").select.trim(), "(SELECT 1)");
        for sql in [
            "EXPLAIN",
            "EXPLAIN EXPLAIN SELECT 1",
            "EXPLAIN (FORMAT x) SELECT 1",
            "EXPLAIN (ANALYZE FORMAT json) SELECT 1",
        ] {
            assert!(split(sql).unwrap_err().message.starts_with("EXPLAIN is refused: "), "{sql}");
        }
    }

    #[test]
    fn variables_and_copies_are_taken_apart() {
        let statement = only("SET VARIABLE \"my x\" = 1 + 2");
        assert_eq!(statement.action, Action::SetVariable("my x".to_owned()));
        assert_eq!(statement.select.trim(), "SELECT  1 + 2");
        assert_eq!(only("RESET VARIABLE x").action, Action::ResetVariable("x".to_owned()));
        assert!(split("SET VARIABLE x").is_err() && split("RESET VARIABLE x y").is_err());
        let statement = only("COPY (SELECT 1) TO 's3://b/x.csv'");
        assert_eq!(statement.select, "      SELECT 1");
        assert_eq!(only("COPY a.\"b\" (c) TO 's3://b/x.csv'").select, "SELECT \"c\" FROM \"a\".\"b\"");
    }

    #[test]
    fn refusals_name_the_statement_and_say_what_to_do() {
        for (sql, what) in [
            ("create table t (a int)", "CREATE is refused: nothing of it would last"),
            ("DROP SECRET x", "DROP SECRET is refused"),
            ("CREATE /* */ OR REPLACE PERSISTENT -- x\n SECRET s (TYPE s3)", "CREATE SECRET is refused"),
            ("PRAGMA x", "PRAGMA is refused"),
            ("foo", "this statement is refused"),
            ("", "this statement is refused"),
        ] {
            assert!(refused(sql).message.starts_with(what), "{sql}: {}", refused(sql));
        }
    }
}
