//! Which queries the server may answer itself, in its own memory: those whose functions are known to make little of little. All
//! others are for the function, which has memory and time of its own.

use serde_json::Value;

/// Functions whose values are about as large as what they are given, or aggregates, whose memory DuckDB counts. Beside them those of
/// `pg_catalog`, by the beginnings of their names, and operators.
const FUNCTIONS: &[&str] = &[
    "abs",
    "age",
    "any_value",
    "array_agg",
    "array_contains",
    "array_length",
    "array_lower",
    "array_position",
    "array_remove",
    "array_to_string",
    "array_upper",
    "ascii",
    "avg",
    "bool_and",
    "bool_or",
    "btrim",
    "ceil",
    "ceiling",
    "char_length",
    "character_length",
    "chr",
    "coalesce",
    "col_description",
    "contains",
    "count",
    "count_star",
    "current_catalog",
    "current_database",
    "current_date",
    "current_localtimestamp",
    "current_query",
    "current_role",
    "current_schema",
    "current_schemas",
    "current_setting",
    "current_timestamp",
    "current_user",
    "date_part",
    "date_trunc",
    "dense_rank",
    "ends_with",
    "epoch",
    "extract",
    "first",
    "floor",
    "format_type",
    "gen_random_uuid",
    "generate_subscripts",
    "get_current_timestamp",
    "getdatabaseencoding",
    "getvariable",
    "greatest",
    "hash",
    "ifnull",
    "ilike_escape",
    "initcap",
    "instr",
    "json_object",
    "last",
    "lcase",
    "least",
    "left",
    "len",
    "length",
    "like_escape",
    "list_contains",
    "list_position",
    "list_value",
    "ln",
    "localtime",
    "localtimestamp",
    "log",
    "lower",
    "ltrim",
    "max",
    "md5",
    "min",
    "mod",
    "not_ilike_escape",
    "not_like_escape",
    "now",
    "nullif",
    "obj_description",
    "octet_length",
    "pi",
    "position",
    "power",
    "prefix",
    "quote_ident",
    "quote_literal",
    "random",
    "rank",
    "regexp_full_match",
    "regexp_matches",
    "right",
    "round",
    "row",
    "row_number",
    "rtrim",
    "session_user",
    "set_config",
    "shobj_description",
    "sign",
    "split_part",
    "sqrt",
    "starts_with",
    "string_agg",
    "string_split",
    "strlen",
    "strpos",
    "struct_extract",
    "struct_pack",
    "substr",
    "substring",
    "suffix",
    "sum",
    "today",
    "transaction_timestamp",
    "trim",
    "trunc",
    "txid_current",
    "typeof",
    "ucase",
    "unnest",
    "upper",
    "user",
    "uuid",
    "version",
];

/// Beginnings of names of functions of the catalog.
const BEGINNINGS: &[&str] = &["pg_", "to_reg", "has_", "inet_", "_pg_"];

/// How often values may be put together that both may be long: each time they may be twice as long.
const DOUBLINGS: usize = 8;

/// The longest query, bytes.
const LONGEST: usize = 32 << 10;

/// Whether a query, of this text and this syntax tree, makes little of little.
pub(super) fn is_bounded(sql: &str, tree: &Value) -> bool {
    let mut found = Found::default();
    found.look(tree);
    let may_grow = if found.recurses { found.joins == 0 } else { found.doublings <= DOUBLINGS };
    sql.len() <= LONGEST && found.unknown == 0 && may_grow
}

/// Whether something of a query that is not known to be little hangs on constants alone: DuckDB reckons that out as it binds, though
/// nothing of the query is run.
pub(super) fn folds(tree: &Value) -> bool {
    let mut found = Found { of_constants: true, ..Found::default() };
    found.look(tree);
    found.unknown > 0 || found.doublings > DOUBLINGS
}

/// Whether a value hangs on rows or parameters.
fn is_variable(tree: &Value) -> bool {
    match tree {
        Value::Object(fields) => {
            let class = fields.get("class").and_then(Value::as_str).unwrap_or_default();
            ["COLUMN_REF", "PARAMETER", "SUBQUERY", "STAR"].contains(&class) || fields.values().any(is_variable)
        }
        Value::Array(items) => items.iter().any(is_variable),
        _ => false,
    }
}

/// What a tree has in it.
#[derive(Default)]
struct Found {
    /// Only what hangs on constants alone is looked for.
    of_constants: bool,
    unknown: usize,
    /// Values put together; and those among them that both may be long.
    joins: usize,
    doublings: usize,
    recurses: bool,
}

impl Found {
    fn look(&mut self, tree: &Value) {
        match tree {
            Value::Object(fields) => {
                let text = |name: &str| fields.get(name).and_then(Value::as_str).unwrap_or_default();
                self.recurses |= text("type") == "RECURSIVE_CTE_NODE";
                // An array of a fixed length has room for all of it, whatever is in it.
                self.unknown += usize::from(text("id") == "ARRAY" && !self.of_constants);
                let name = text("function_name").to_lowercase();
                let counts = !self.of_constants || !is_variable(tree);
                if !name.is_empty() && !is_table_function(tree) && counts {
                    let arguments =
                        fields.get("children").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
                    self.call(&name, arguments);
                }
                for (field, value) in fields {
                    match (field.as_str(), value.get("function_name")) {
                        // What FROM calls is judged by `ask`; its arguments are not.
                        ("function", Some(_)) if text("type") == "TABLE_FUNCTION" => self.look(&value["children"]),
                        _ => self.look(value),
                    }
                }
            }
            Value::Array(items) => items.iter().for_each(|item| self.look(item)),
            _ => {}
        }
    }

    fn call(&mut self, name: &str, arguments: &[Value]) {
        let is_long = |argument: &&Value| argument["class"] != "CONSTANT";
        match name {
            "||" | "concat" | "concat_ws" | "list_concat" | "array_concat" => {
                self.joins += 1;
                self.doublings += arguments.iter().filter(is_long).count().saturating_sub(1);
            }
            "replace" => {
                self.joins += 1;
                self.doublings += 1;
                let length = |at: usize| {
                    arguments.get(at).and_then(|argument| argument["value"]["value"].as_str()).map(str::len)
                };
                let is_little = matches!((length(1), length(2)), (Some(old), Some(new)) if new <= 2 * old.max(1));
                self.unknown += usize::from(!is_little);
            }
            _ => {
                let is_operator = !name.chars().any(|letter| letter.is_alphanumeric());
                let is_known = is_operator
                    || FUNCTIONS.contains(&name)
                    || BEGINNINGS.iter().any(|beginning| name.starts_with(beginning));
                self.unknown += usize::from(!is_known);
            }
        }
    }
}

/// Whether this is the expression that FROM calls, rather than a value.
fn is_table_function(tree: &Value) -> bool {
    tree["class"].is_null()
}

#[cfg(test)]
mod tests {
    use super::super::ask::{Parser, is_own, reckons};

    #[test]
    fn constants_are_not_reckoned_out() {
        let parser = Parser::default();
        for sql in [
            "SELECT length(repeat('x', 2000000000)) + $1 FROM trips",
            "FROM trips WHERE note = rpad('x', 2000000000, 'x')",
            "SELECT (SELECT len(range(1000000000))) FROM trips",
        ] {
            assert!(reckons(&parser, sql), "{sql}");
        }
        for sql in [
            "SELECT strftime(pickup_at, '%Y'), repeat(note, 3), 'a' || 'b', 1 + 1, DATE '2019-04-01' FROM trips WHERE day = $1",
            "SELECT list_transform(l, x -> x + 1), sum(fare) FILTER (fare > 1) FROM trips GROUP BY ALL",
            "INSERT INTO trips VALUES (1)",
        ] {
            assert!(!reckons(&parser, sql), "{sql}");
        }
    }

    #[test]
    fn what_may_become_large_is_not_answered_here() {
        let parser = Parser::default();
        for sql in [
            "SELECT 1 + 1, 'a' || 'b', upper('x'), coalesce(NULL, 1), CASE WHEN true THEN 1 END, now()",
            "SELECT n.nspname || '.' || c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace",
            "SELECT count(*), array_agg(relname ORDER BY oid), row_number() OVER () FROM pg_class GROUP BY relkind, oid",
            "SELECT replace(nspname, 'pg_temp_', 'pg_toast_temp_') FROM pg_namespace",
            "SELECT * FROM generate_series(1, 3) AS s",
        ] {
            assert!(is_own(&parser, sql), "{sql}");
        }
        let doubled =
            (0..30).fold("SELECT 'x' AS x".to_owned(), |sql, _| format!("SELECT x || x AS x FROM ({sql}) AS s"));
        let large = format!("SELECT '{}'", "x".repeat(40_000));
        for sql in [
            "SELECT repeat('x', 2000000000)",
            "SELECT rpad('x', 2000000000, 'x')",
            "SELECT generate_series(1, 1000000000)",
            "SELECT range(1000000000)",
            "SELECT list_resize([1], 1000000000)",
            "SELECT format('{:>1000000000}', 1)",
            "SELECT NULL::INTEGER[100000][100000]",
            "SELECT replace('xxxx', 'x', 'a very long text in its place')",
            "SELECT length(repeat(relname, 100000000)) FROM pg_class",
            "SELECT * FROM generate_series(1, length(repeat('x', 2000000000))) AS s",
            "WITH RECURSIVE t AS (SELECT 'x' AS x UNION ALL SELECT x || 'x' FROM t) SELECT count(*) FROM t",
            &doubled,
            &large,
        ] {
            assert!(!is_own(&parser, sql), "{sql}");
        }
    }
}
