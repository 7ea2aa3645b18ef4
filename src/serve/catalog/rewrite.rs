//! PostgreSQL's SQL that DuckDB has other words for: names of the schema `pg_catalog`, its operators, collations, the types that make
//! a number of a name, settings.

use quack_function::sql::{Token, Tokens, literal};
use quack_pinned::duckdb;

use super::super::settings::Settings;
use super::super::tokens::closing;

/// The schema whose names are known without it, too.
const SCHEMA: &str = "pg_catalog";

/// The schema of the standard, and what stands in its place.
const STANDARD: (&str, &str) = ("information_schema", "quack_is");

/// Types that make the number of something of its name, and what does it here.
const NUMBERS: &[(&str, &str)] = &[
    ("regclass", "to_regclass"),
    ("regtype", "to_regtype"),
    ("regnamespace", "to_regnamespace"),
    ("regproc", "to_regproc"),
];

/// Functions that are called otherwise.
const RENAMED: &[(&str, &str)] = &[("json_build_object", "json_object"), ("string_to_array", "string_split")];

/// Words for whoever asks, which the layer tells behind `pg_`.
pub(super) const USER: &[&str] = &["current_user", "session_user", "current_role"];

/// Functions whose one column is called as they are in FROM.
const SERIES: &[&str] = &["generate_series", "unnest"];

/// Words behind which something is read.
const READS: &[&str] = &["FROM", "JOIN", "LATERAL"];

/// Words that may come behind what FROM reads, and are no name for it.
const FOLLOW: &[&str] = &[
    "WHERE",
    "JOIN",
    "ON",
    "USING",
    "CROSS",
    "LEFT",
    "RIGHT",
    "FULL",
    "INNER",
    "NATURAL",
    "GROUP",
    "ORDER",
    "HAVING",
    "LIMIT",
    "OFFSET",
    "UNION",
    "EXCEPT",
    "INTERSECT",
    "WITH",
    "AS",
];

/// What dbt's statements begin with. Its adapter for DuckDB asks for DuckDB's version where all others mean PostgreSQL's.
const DBT: &str = "/* {\"app\": \"dbt\"";

/// A pattern that is looked for anywhere, as PostgreSQL does: DuckDB's `~` wants the whole text to be like it.
fn anywhere(text: &str) -> String {
    match text.strip_prefix('\'').and_then(|text| text.strip_suffix('\'')) {
        Some(pattern) => format!("'(?s:.*)(?:{pattern})(?s:.*)'"),
        None => text.to_owned(),
    }
}

/// `sql` with its words in lower case, as PostgreSQL has names that stand in no quotes: columns are called so.
fn folded(sql: &str) -> String {
    let mut folded = sql.to_owned();
    for (token, end) in Tokens::new(sql) {
        if let Token::Word(word) = token {
            folded.replace_range(end - word.len()..end, &word.to_ascii_lowercase());
        }
    }
    folded
}

/// `sql` without what DuckDB does not take.
pub(super) fn rewritten(sql: &str, settings: &Settings) -> String {
    let sql = &folded(sql);
    let tokens: Vec<_> = Tokens::new(sql).collect();
    let mut edits: Vec<(usize, usize, String)> = Vec::new();
    let from = |at: usize| -> usize {
        let (token, end) = &tokens[at];
        end - match token {
            Token::Word(text) | Token::Quoted(text) | Token::Text(text) => text.len(),
            Token::Symbol(symbol) => symbol.len_utf8(),
        }
    };
    let is_symbol = |at: usize, symbol: char| tokens.get(at).is_some_and(|(token, _)| *token == Token::Symbol(symbol));
    let is_name = |at: usize| matches!(tokens.get(at), Some((Token::Word(_) | Token::Quoted(_), _)));
    let is_word = |at: usize, word: &str| tokens.get(at).is_some_and(|(token, _)| token.is(word));
    let is_user = |at: usize| USER.iter().any(|word| is_word(at, word));
    let reads_catalog = (0..tokens.len()).any(|at| is_word(at, SCHEMA) || is_word(at, "pg_constraint"));
    let is_dbt = sql.trim_start().starts_with(DBT);
    let mut at = 0;
    while at < tokens.len() {
        if is_word(at, "OPERATOR") && is_symbol(at + 1, '(') {
            let close = (at + 2..tokens.len()).find(|at| is_symbol(*at, ')'));
            if let Some(close) = close {
                let begin = if is_word(at + 2, SCHEMA) { at + 4 } else { at + 2 };
                if begin < close {
                    let operator = &sql[from(begin)..from(close)];
                    edits.push((from(at), tokens[close].1, operator.to_owned()));
                    if let (true, Some((Token::Text(text), end))) =
                        (operator.trim().ends_with('~'), tokens.get(close + 1))
                    {
                        edits.push((from(close + 1), *end, anywhere(text)));
                    }
                }
                at = close + 1;
                continue;
            }
        }
        if let (true, Some((Token::Text(text), end))) = (is_symbol(at, '~'), tokens.get(at + 1)) {
            edits.push((from(at + 1), *end, anywhere(text)));
            at += 2;
            continue;
        }
        // 'by\_%', as psql completes names: a backslash takes away what the letter behind it means.
        if (is_word(at, "LIKE") || is_word(at, "ILIKE"))
            && let Some((Token::Text(pattern), end)) = tokens.get(at + 1)
            && pattern.contains('\\')
            && !is_word(at + 2, "ESCAPE")
        {
            edits.push((*end, *end, " escape '\\'".to_owned()));
            at += 2;
            continue;
        }
        // The same within `lower('by\_%')`, as it completes names of settings.
        if at > 2
            && is_symbol(at, ')')
            && let (Token::Text(pattern), Token::Symbol('('), call) = (&tokens[at - 1].0, &tokens[at - 2].0, at - 3)
            && is_word(call, "lower")
            && pattern.contains('\\')
            && !is_word(at + 1, "ESCAPE")
        {
            let first = if call > 2 && is_symbol(call - 1, '.') { call - 2 } else { call };
            if first > 0 && (is_word(first - 1, "LIKE") || is_word(first - 1, "ILIKE")) {
                edits.push((tokens[at].1, tokens[at].1, " escape '\\'".to_owned()));
            }
        }
        if is_word(at, "COLLATE") {
            let dotted = is_symbol(at + 2, '.');
            let last = if dotted { at + 3 } else { at + 1 };
            if let Some((_, end)) = tokens.get(last) {
                edits.push((from(at), *end, String::new()));
            }
            at = last + 1;
            continue;
        }
        if is_word(at, STANDARD.0) && is_symbol(at + 1, '.') {
            // system.information_schema.tables, as DuckDB's own clients say it.
            let begin = if at >= 2 && is_symbol(at - 1, '.') { at - 2 } else { at };
            edits.push((from(begin), tokens[at].1, STANDARD.1.to_owned()));
            at += 2;
            continue;
        }
        if is_dbt && is_word(at, "version") && is_symbol(at + 1, '(') && is_symbol(at + 2, ')') {
            edits.push((from(at), tokens[at + 2].1, literal(&format!("v{}", duckdb::VERSION))));
            at += 3;
            continue;
        }
        if is_word(at, "current_setting")
            && is_symbol(at + 1, '(')
            && let Some((Token::Text(_), _)) = tokens.get(at + 2)
            && let Some(close) = (at + 3..tokens.len().min(at + 8)).find(|at| is_symbol(*at, ')'))
            && let Some(name) = tokens[at + 2].0.name()
        {
            let value = settings.get(&name).map_or_else(|| "NULL".to_owned(), |(_, value)| literal(value));
            edits.push((from(at), tokens[close].1, format!("CAST({value} AS VARCHAR)")));
            at = close + 1;
            continue;
        }
        // Of a column, as psql's \dconfig has it: DuckDB's own wants a text that is spelled out.
        if is_word(at, "current_setting")
            && is_symbol(at + 1, '(')
            && (is_name(at + 2) && is_symbol(at + 3, '.') && is_name(at + 4))
            && is_symbol(at + 5, ')')
        {
            let name = &sql[from(at + 2)..tokens[at + 4].1];
            let value = format!("(select min(own.setting) from pg_settings as own where own.name = {name})");
            edits.push((from(at), tokens[at + 5].1, value));
            at += 6;
            continue;
        }
        if is_user(at)
            && !is_symbol(at + 1, '(')
            && !is_symbol(at + 1, '.')
            && !at.checked_sub(1).is_some_and(|before| is_symbol(before, '.') || is_word(before, "as"))
        {
            edits.push((from(at), tokens[at].1, format!("pg_{}()", &sql[from(at)..tokens[at].1])));
            at += 1;
            continue;
        }
        // a.attnum = ANY(ix.indkey): DuckDB takes no query of its rows for a condition of an outer join, which ANY is to it.
        if is_word(at, "ANY")
            && is_symbol(at + 1, '(')
            && at >= 2
            && is_symbol(at - 1, '=')
            && is_name(at - 2)
            && let Some(close) = closing(&tokens, at + 1)
            && (close == at + 3 || close == at + 5 && is_symbol(at + 3, '.'))
            && is_name(close - 1)
        {
            let of = if at >= 4 && is_symbol(at - 3, '.') { at - 4 } else { at - 2 };
            // Else it is only the end of what is compared.
            let is_all = of > 0
                && is_name(of)
                && !is_user(of)
                && (is_symbol(of - 1, '(') || ["ON", "AND", "OR", "WHERE"].iter().any(|word| is_word(of - 1, word)));
            if is_all {
                let contains =
                    format!("list_contains({}, {})", &sql[from(at + 2)..from(close)], &sql[from(of)..tokens[at - 2].1]);
                edits.push((from(of), tokens[close].1, contains));
                at = close + 1;
                continue;
            }
        }
        // 'trips'::regclass, 'trips'::pg_catalog.regclass
        if let (Some((Token::Text(text), _)), true, true) =
            (tokens.get(at), is_symbol(at + 1, ':'), is_symbol(at + 2, ':'))
        {
            let named = if is_word(at + 3, SCHEMA) { at + 5 } else { at + 3 };
            if let Some((_, function)) = NUMBERS.iter().find(|(name, _)| is_word(named, name)) {
                edits.push((from(at), tokens[named].1, format!("{function}({text})")));
                at = named + 1;
                continue;
            }
        }
        // '{1,2}'::oid[]
        if let Some((Token::Text(text), _)) = tokens.get(at)
            && let Some(inside) = text.strip_prefix("'{").and_then(|text| text.strip_suffix("}'"))
            && is_symbol(at + 1, ':')
            && is_symbol(at + 2, ':')
            && is_symbol(at + 4, '[')
            && is_symbol(at + 5, ']')
        {
            edits.push((from(at), tokens[at].1, format!("'[{inside}]'")));
            at += 6;
            continue;
        }
        if let Some((_, renamed)) = RENAMED.iter().find(|(name, _)| is_word(at, name) && is_symbol(at + 1, '(')) {
            edits.push((from(at), tokens[at].1, (*renamed).to_owned()));
            at += 1;
            continue;
        }
        // CAST('trips' AS REGCLASS)
        if is_word(at, "CAST")
            && is_symbol(at + 1, '(')
            && is_word(at + 3, "AS")
            && let Some((Token::Text(text), _)) = tokens.get(at + 2)
        {
            let named = if is_word(at + 4, SCHEMA) { at + 6 } else { at + 4 };
            if let Some((_, function)) = NUMBERS.iter().find(|(name, _)| is_word(named, name))
                && is_symbol(named + 1, ')')
            {
                edits.push((from(at), tokens[named + 1].1, format!("{function}({text})")));
                at = named + 2;
                continue;
            }
        }
        // SELECT generate_series(1, 3), which gives a row for each.
        if reads_catalog
            && is_word(at, SERIES[0])
            && is_symbol(at + 1, '(')
            && at > 0
            && (is_symbol(at - 1, ',') || is_word(at - 1, "select"))
            && let Some(close) = closing(&tokens, at + 1)
        {
            edits.push((from(at), from(at), "unnest(".to_owned()));
            edits.push((tokens[close].1, tokens[close].1, ")".to_owned()));
        }
        // generate_series(1, 3) s, where `s` is the column, too.
        let before = if at >= 2 && is_word(at - 2, SCHEMA) { at.checked_sub(3) } else { at.checked_sub(1) };
        let is_read = before.is_some_and(|before| READS.iter().any(|word| is_word(before, word)));
        if is_read
            && SERIES.iter().any(|name| is_word(at, name))
            && is_symbol(at + 1, '(')
            && let Some(close) = closing(&tokens, at + 1)
        {
            let named = if is_word(close + 1, "AS") { close + 2 } else { close + 1 };
            if let Some((Token::Word(alias), end)) = tokens.get(named)
                && !FOLLOW.iter().any(|word| word.eq_ignore_ascii_case(alias))
                && !is_symbol(named + 1, '(')
            {
                edits.push((*end, *end, format!("({alias})")));
            }
        }
        if is_word(at, SCHEMA) && is_symbol(at + 1, '.') {
            edits.push((from(at), tokens[at + 1].1, String::new()));
            at += 2;
            continue;
        }
        at += 1;
    }
    let mut text = sql.to_owned();
    edits.sort_by_key(|(from, ..)| *from);
    let mut first = text.len();
    for (from, to, with) in edits.into_iter().rev() {
        // One that reaches into another is left out.
        if to <= first {
            text.replace_range(from..to, &with);
            first = from;
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rewritten(sql: &str) -> String {
        super::rewritten(sql, &Settings::new("ann", std::iter::empty()))
    }

    #[test]
    fn names_without_quotes_are_in_lower_case() {
        assert_eq!(rewritten("SELECT A AS \"B\", 'C' -- D\n, Ä FROM T"), "select a as \"B\", 'C' -- D\n, Ä from t");
    }

    #[test]
    fn words_of_postgresqls_own_are_put_into_duckdbs() {
        assert_eq!(
            rewritten("SELECT 1 WHERE c.relname OPERATOR(pg_catalog.~) '^(t)$' COLLATE pg_catalog.default"),
            "select 1 where c.relname ~ '(?s:.*)(?:^(t)$)(?s:.*)' "
        );
        assert_eq!(
            rewritten("SELECT pg_catalog.format_type(1, 2), 'pg_catalog.x' FROM pg_catalog.pg_class"),
            "select format_type(1, 2), 'pg_catalog.x' from pg_class"
        );
        assert_eq!(rewritten("a !~ '^pg_' AND b ~ c"), "a !~ '(?s:.*)(?:^pg_)(?s:.*)' and b ~ c");
        assert_eq!(rewritten("FROM information_schema.tables"), "from quack_is.tables");
        assert_eq!(rewritten("FROM system.information_schema.tables"), "from quack_is.tables");
        assert_eq!(
            rewritten("SELECT current_setting('JIT', true), current_setting(x)"),
            "select CAST('off' AS VARCHAR), current_setting(x)"
        );
        assert_eq!(
            rewritten("SELECT pg_catalog.current_setting(s.name) AS v FROM pg_catalog.pg_settings s"),
            "select (select min(own.setting) from pg_settings as own where own.name = s.name) as v from pg_settings s"
        );
        assert_eq!(
            rewritten("SELECT 'a.b'::pg_catalog.regclass, CAST('a' AS REGCLASS)"),
            "select to_regclass('a.b'), to_regclass('a')"
        );
        assert_eq!(
            rewritten("LEFT JOIN pg_attribute a ON t.oid = a.attrelid AND a.attnum = ANY(ix.indkey) AND b = any (c)"),
            "left join pg_attribute a on t.oid = a.attrelid and list_contains(ix.indkey, a.attnum) and list_contains(c, b)"
        );
        for sql in [
            "a = any(array[1]) or a > any(b)",
            "where a.n::int = any(l)",
            "where 1 + a = any(l)",
            "where case when a then b end = any(l)",
            "on (x).y = any(l)",
            "select a = any(l)",
        ] {
            assert_eq!(rewritten(sql), sql);
        }
        assert_eq!(
            rewritten("a LIKE 'x\\_%' AND b NOT ILIKE 'y%' AND c LIKE 'z\\_' ESCAPE '\\'"),
            "a like 'x\\_%' escape '\\' and b not ilike 'y%' and c like 'z\\_' escape '\\'"
        );
        assert_eq!(
            rewritten("a LIKE pg_catalog.lower('x\\_%') AND b ILIKE lower('\\y') AND lower('\\z') = c"),
            "a like lower('x\\_%') escape '\\' and b ilike lower('\\y') escape '\\' and lower('\\z') = c"
        );
        // Edits that would reach into one another.
        assert_eq!(rewritten("WHERE current_user = ANY(r.m)"), "where pg_current_user() = any(r.m)");
        rewritten("WHERE a COLLATE \"cccccccccccccc\" = ANY(\"\u{e4}\")");
        rewritten("SELECT 1 FROM pg_catalog.information_schema.");
        assert_eq!(rewritten("SELECT CURRENT_USER, x.session_user"), "select pg_current_user(), x.session_user");
        assert_eq!(
            rewritten("SELECT s, unnest(y) AS z FROM pg_catalog.generate_series(0, len(x)) s, unnest(y) WHERE a"),
            "select s, unnest(y) as z from generate_series(0, len(x)) s(s), unnest(y) where a"
        );
        assert_eq!(
            rewritten("SELECT any('{1,2}'::oid[]), json_build_object('a', 'b'), '{1}'"),
            "select any('[1,2]'::oid[]), json_object('a', 'b'), '{1}'"
        );
        let dbt = "\n/* {\"app\": \"dbt\", \"dbt_version\": \"1.12.0\"} */\nSELECT version()";
        assert_eq!(rewritten(dbt), dbt.replace("SELECT version()", "select 'v1.5.5'"));
        for sql in [
            "SELECT version()",
            "SELECT OPERATOR(",
            "SELECT CAST('a' AS",
            "SELECT 'a'::",
            "SELECT current_setting('a'",
            "COLLATE",
        ] {
            assert_eq!(rewritten(sql), sql.to_lowercase(), "{sql}");
        }
    }
}
