//! What user SQL may do: read and write object storage as far as the settings go, and nothing that outlives the
//! invocation.
//!
//! DuckDB enforces the first half itself (`allowed_directories`, no external access, a locked configuration). What
//! that lets through is refused here, statement by statement, before anything runs.

use super::Failure;
use super::writes::Writes;
use crate::sql::{Token, tokens};
use duckdb::ffi::{self, duckdb_statement_type};

/// Ends the message of whatever the sandbox refuses.
pub const CONFINED: &str = "The function's SQL is confined to its bucket and the folders of `lake.read`: no local files, \
                            other buckets or http addresses, and no ATTACH, INSTALL, LOAD, SET, PRAGMA, transactions or secrets.";

/// Words that begin a refused statement, also behind `EXPLAIN ANALYZE`, which runs it.
const REFUSED_WORDS: &[&str] = &[
    "ATTACH",
    "DETACH",
    "USE",
    "SET",
    "RESET",
    "PRAGMA",
    "LOAD",
    "INSTALL",
    "FORCE",
    "IMPORT",
    "CHECKPOINT",
    "BEGIN",
    "START",
    "COMMIT",
    "END",
    "ROLLBACK",
    "ABORT",
];

/// Functions that change the instance, or write files, although they are called from a query.
const REFUSED_FUNCTIONS: &[&str] =
    &["enable_logging", "disable_logging", "truncate_duckdb_logs", "load_aws_credentials", "copy_dir"];

/// In an `s3://` address: begins settings of its own, which could send it to another server. What text hides that is made
/// as SQL runs meets the wall that the process has around its network.
const ADDRESS_SETTINGS: &[&str] = &["?s3_", "&s3_"];

/// Functions that run SQL which they are given as text, where [`check_text`] sees nothing.
const TEXT_RUNNERS: &[&str] = &["query", "json_execute_serialized_sql"];

/// Whether `sql` may run SQL that it holds or makes as text.
pub fn runs_text(sql: &str) -> bool {
    tokens(sql)
        .windows(2)
        .any(|pair| pair[1] == Token::Symbol('(') && TEXT_RUNNERS.iter().any(|function| pair[0].names(function)))
}

/// Refuses `sql` when a statement of it would leave the sandbox or outlive the invocation. Without `writes` it may write
/// wherever DuckDB lets it.
///
/// # Errors
/// `Quack.SandboxError`, naming the statement.
pub fn check_text(sql: &str, writes: Option<&Writes>) -> Result<(), Failure> {
    let tokens = tokens(sql);
    for token in &tokens {
        if let Some(function) = REFUSED_FUNCTIONS.iter().find(|function| token.names(function)) {
            return Err(refused(function));
        }
        if let Token::Text(text) | Token::Quoted(text) = token
            && ADDRESS_SETTINGS.iter().any(|settings| text.to_ascii_lowercase().contains(settings))
        {
            return Err(refused("an s3:// address with settings of its own"));
        }
    }
    for statement in tokens.split(|token| *token == Token::Symbol(';')) {
        let statement = without_explain(statement);
        check_statement(statement)?;
        if let Some(writes) = writes {
            writes.check(statement)?;
        }
    }
    Ok(())
}

fn check_statement(statement: &[Token]) -> Result<(), Failure> {
    let starts_with = |words: &[&str]| {
        words.len() <= statement.len() && words.iter().zip(statement).all(|(word, token)| token.is(word))
    };
    if starts_with(&["SET", "VARIABLE"]) || starts_with(&["RESET", "VARIABLE"]) {
        return Ok(());
    }
    for words in [&["UPDATE", "EXTENSIONS"], &["COPY", "FROM"]] {
        if starts_with(words) {
            return Err(refused(&words.join(" ")));
        }
    }
    if let [first @ Token::Word(_), rest @ ..] = statement
        && (first.is("CREATE") || first.is("DROP"))
    {
        let prefixes = ["OR", "REPLACE", "PERSISTENT", "TEMPORARY", "TEMP"];
        let named = rest.iter().find(|token| !prefixes.iter().any(|prefix| token.is(prefix)));
        if named.is_some_and(|token| token.is("SECRET")) {
            return Err(refused(if first.is("DROP") { "DROP SECRET" } else { "CREATE SECRET" }));
        }
    }
    match statement.first().and_then(|first| REFUSED_WORDS.iter().find(|word| first.is(word))) {
        Some(word) => Err(refused(word)),
        None => Ok(()),
    }
}

/// Strips `EXPLAIN [ANALYZE] [(options)]`.
fn without_explain<'t, 's>(mut statement: &'t [Token<'s>]) -> &'t [Token<'s>] {
    while let Some(first) = statement.first()
        && (first.is("EXPLAIN") || first.is("ANALYZE"))
    {
        statement = &statement[1..];
        let options_end = statement.iter().position(|token| *token == Token::Symbol(')'));
        if let (Some(Token::Symbol('(')), Some(end)) = (statement.first(), options_end)
            && !statement[1..end].first().is_some_and(|token| token.is("SELECT"))
        {
            statement = &statement[end + 1..];
        }
    }
    statement
}

/// Refuses a statement by DuckDB's own idea of what it is: the second lock behind [`check_text`].
///
/// # Errors
/// `Quack.SandboxError`.
pub fn check_kind(kind: duckdb_statement_type) -> Result<(), Failure> {
    let refused_kinds = [
        (ffi::duckdb_statement_type_DUCKDB_STATEMENT_TYPE_TRANSACTION, "a transaction statement"),
        (ffi::duckdb_statement_type_DUCKDB_STATEMENT_TYPE_PRAGMA, "PRAGMA"),
        (ffi::duckdb_statement_type_DUCKDB_STATEMENT_TYPE_LOAD, "LOAD"),
        (ffi::duckdb_statement_type_DUCKDB_STATEMENT_TYPE_EXTENSION, "an extension's statement"),
        (ffi::duckdb_statement_type_DUCKDB_STATEMENT_TYPE_ATTACH, "ATTACH"),
        (ffi::duckdb_statement_type_DUCKDB_STATEMENT_TYPE_DETACH, "DETACH"),
        (ffi::duckdb_statement_type_DUCKDB_STATEMENT_TYPE_COPY_DATABASE, "COPY FROM"),
        (ffi::duckdb_statement_type_DUCKDB_STATEMENT_TYPE_UPDATE_EXTENSIONS, "UPDATE EXTENSIONS"),
    ];
    match refused_kinds.iter().find(|(refused, _)| *refused == kind) {
        Some((_, name)) => Err(refused(name)),
        None => Ok(()),
    }
}

fn refused(what: &str) -> Failure {
    Failure::new("Quack.SandboxError", format!("{what} is refused. {CONFINED}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn refuses(sql: &str, what: &str) {
        let failure = check_text(sql, None).expect_err(sql);
        assert_eq!(failure.error_type, "Quack.SandboxError");
        assert!(failure.message.starts_with(&format!("{what} is refused.")), "{sql}: {failure}");
    }

    #[test]
    fn refuses_what_leaves_the_sandbox_or_outlives_the_invocation() {
        for word in REFUSED_WORDS {
            refuses(&format!("{word} x"), word);
            refuses(&format!("SELECT 1; /* x */ {} x", word.to_lowercase()), word);
            refuses(&format!("EXPLAIN ANALYZE {word} x"), word);
            refuses(&format!("EXPLAIN (ANALYZE, FORMAT json) {word} x"), word);
        }
        refuses("UPDATE EXTENSIONS", "UPDATE EXTENSIONS");
        refuses("COPY FROM DATABASE a TO b", "COPY FROM");
    }

    #[test]
    fn refuses_secrets_wherever_they_hide() {
        refuses("CREATE SECRET (TYPE s3)", "CREATE SECRET");
        refuses("create /* x */ or--y\nreplace persistent secret s (type s3)", "CREATE SECRET");
        refuses("SELECT ';'; CREATE TEMP SECRET s (TYPE s3)", "CREATE SECRET");
        refuses("EXPLAIN ANALYZE CREATE SECRET s (TYPE s3)", "CREATE SECRET");
        refuses("create\u{a0}secret s (type s3)", "CREATE SECRET");
        refuses("DROP SECRET lake", "DROP SECRET");
        refuses("DROP TEMPORARY SECRET IF EXISTS lake", "DROP SECRET");
    }

    #[test]
    fn refuses_functions_that_change_the_instance() {
        refuses("CALL enable_logging()", "enable_logging");
        refuses("FROM \"Enable_Logging\"('x')", "enable_logging");
    }

    #[test]
    fn refuses_addresses_that_lead_elsewhere() {
        let what = "an s3:// address with settings of its own";
        refuses("FROM read_text('s3://b/x?s3_endpoint=example.com')", what);
        refuses("FROM \"s3://b/x.csv?x=1&S3_region=y\"", what);
        assert_eq!(check_text("FROM 's3://b/s3_?.parquet' WHERE url LIKE '%?s3%'", None), Ok(()));
    }

    #[test]
    fn sees_functions_that_run_text() {
        assert!(runs_text("FROM query('FROM enable_' || 'logging()')"));
        assert!(runs_text("FROM \"Query\" /* x */ ('x')"));
        assert!(runs_text("SELECT * FROM json_execute_serialized_sql(x)"));
        assert!(!runs_text("SELECT query FROM t -- query('x')"));
    }

    #[test]
    fn lets_queries_through() {
        for sql in [
            "SELECT 'CREATE SECRET s', \"set\" FROM t -- ATTACH 'x'",
            "CREATE TABLE secret (a INTEGER)",
            "CREATE TEMP TABLE x AS SELECT $$; SET threads = 1 $$",
            "SET VARIABLE x = 1; SELECT getvariable('x')",
            "UPDATE t SET a = 1",
            "EXPLAIN (SELECT 1)",
            "COPY (FROM t) TO 's3://b/x.parquet'",
            "FROM t SELECT a",
            ";;",
            "",
        ] {
            assert_eq!(check_text(sql, None), Ok(()), "{sql}");
        }
    }
}
