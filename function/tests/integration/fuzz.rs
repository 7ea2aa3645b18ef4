//! SQL by chance, always the same: made by a grammar over the functions that exist, allowed or not, then damaged. Whatever
//! comes of it, the instance is as it was, and nothing is written where nothing may be.

use crate::support::Function;
use serde_json::json;

/// How many statements, unless `QUACK_FUZZ_COUNT` says otherwise.
const COUNT: u64 = 300;

const STATE: &str = "SELECT upper('alice') AS u, (SELECT count(*) FROM duckdb_tables()) AS t, (SELECT count(*) FROM duckdb_views() \
                     WHERE NOT internal) AS v, (SELECT count(*) FROM duckdb_databases()) AS d, current_setting('threads') AS s";

/// Pieces that damage is made of.
const SPLINTERS: &[&str] = &[
    ";",
    "'",
    "\"",
    "--",
    "/*",
    "*/",
    "$$",
    "E'\\''",
    "(",
    ")",
    "[",
    "]",
    "{",
    "}",
    "COPY (",
    ") TO 's3://lake/x.csv'",
    "; COMMIT; ",
    "; CREATE MACRO upper(x) AS 'mallory'; ",
    "FROM ",
    "EXPLAIN ANALYZE ",
    "SET VARIABLE x = ",
    "PIVOT ",
    "query(",
    "'/etc/passwd'",
    "'s3://other/x.csv'",
    "\u{a0}",
    "\u{200b}",
    "\n",
    "PREPARE p AS ",
    "CALL ",
    "PRAGMA ",
    " UNION ALL ",
    "::POINTER",
    "$1",
    "?",
    "..",
    "system.main.",
    "NULL",
    ", ",
    " AS ",
    "\\",
    "E'a'\n'b\\''; ",
];

/// Steele, Lea and Flood's SplitMix64.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) % sides as u64) as usize
    }

    fn pick<'a, T: ?Sized>(&mut self, from: &[&'a T]) -> &'a T {
        from[self.roll(from.len())]
    }
}

/// Names of functions, as `functions.txt` has them: of expressions, and of FROM.
struct Names {
    expressions: Vec<&'static str>,
    tables: Vec<&'static str>,
}

impl Names {
    fn read() -> Self {
        let mut names = Self { expressions: Vec::new(), tables: Vec::new() };
        let mut in_from = false;
        for line in include_str!("../../src/functions.txt").lines().filter(|line| !line.starts_with('#')) {
            match line.strip_prefix('[') {
                Some(title) => in_from = title.split([' ', ':', ']']).nth(1) == Some("table"),
                None if in_from => names.tables.extend(line.split_whitespace()),
                // Those would only take time.
                None => {
                    names.expressions.extend(line.split_whitespace().filter(|name| !name.starts_with("icu_collate")))
                }
            }
        }
        names
    }

    fn call(name: &str, arguments: &str) -> String {
        match name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_') {
            true => format!("{name}({arguments})"),
            false => format!("\"{name}\"({arguments})"),
        }
    }

    fn expression(&self, dice: &mut Dice, depth: usize) -> String {
        let constants = [
            "1",
            "'x'",
            "NULL",
            "1.5",
            "[1, 2]",
            "{'a': 1}",
            "a",
            "DATE '2020-01-01'",
            "'{\"a\": 1}'",
            "true",
            "x -> x",
        ];
        if depth == 0 || dice.roll(3) == 0 {
            return dice.pick(&constants).to_owned();
        }
        match dice.roll(9) {
            0 => format!("({} + {})", self.expression(dice, depth - 1), self.expression(dice, depth - 1)),
            1 => {
                format!("CASE WHEN {} THEN {} END", self.expression(dice, depth - 1), self.expression(dice, depth - 1))
            }
            2 => format!("({})", self.select(dice, depth - 1)),
            3 => format!(
                "TRY_CAST({} AS {})",
                self.expression(dice, depth - 1),
                dice.pick(&["INTEGER", "VARCHAR[]", "JSON", "mood"])
            ),
            4 => format!(
                "sum({}) OVER (ORDER BY {})",
                self.expression(dice, depth - 1),
                self.expression(dice, depth - 1)
            ),
            _ => {
                let arguments: Vec<_> = (0..1 + dice.roll(2)).map(|_| self.expression(dice, depth - 1)).collect();
                Self::call(dice.pick(&self.expressions), &arguments.join(", "))
            }
        }
    }

    fn from(&self, dice: &mut Dice, depth: usize) -> String {
        match dice.roll(8) {
            0 | 6 | 7 => "range(3) t(a)".to_owned(),
            1 if depth > 0 => format!("({}) t(a)", self.select(dice, depth - 1)),
            2 => dice.pick(&["'s3://lake/*.csv'", "'/etc/passwd'", "duckdb_logs", "nowhere", "pg_class"]).to_owned(),
            3 => "(VALUES (1), (2)) t(a)".to_owned(),
            _ => {
                let arguments: Vec<_> = (0..dice.roll(3)).map(|_| self.expression(dice, depth.min(1))).collect();
                Self::call(dice.pick(&self.tables), &arguments.join(", "))
            }
        }
    }

    fn select(&self, dice: &mut Dice, depth: usize) -> String {
        let (item, from) = (self.expression(dice, depth), self.from(dice, depth));
        match dice.roll(5) {
            0 => format!("FROM {from} LIMIT 3"),
            1 => format!("SELECT {item}"),
            2 => format!("WITH t(a) AS (SELECT 1) SELECT {item} FROM t, {from} LIMIT 3"),
            3 => format!("SELECT {item} FROM {from} GROUP BY ALL LIMIT 3"),
            _ => format!("SELECT {item}, * FROM {from} LIMIT 3"),
        }
    }

    /// A statement, damaged in two cases of three.
    fn statement(&self, dice: &mut Dice) -> String {
        let mut sql = self.select(dice, 2);
        for _ in 0..dice.roll(3) {
            let places: Vec<_> = sql.char_indices().map(|(at, _)| at).collect();
            let (from, to) = (places[dice.roll(places.len())], places[dice.roll(places.len())]);
            match dice.roll(3) {
                0 if from < to => sql.replace_range(from..to, ""),
                1 if from < to => {
                    let piece = sql[from..to].to_owned();
                    sql.insert_str(to, &piece);
                }
                _ => sql.insert_str(from, dice.pick(SPLINTERS)),
            }
        }
        sql
    }
}

#[test]
fn no_sql_leaves_a_trace() {
    let count = std::env::var("QUACK_FUZZ_COUNT").ok().and_then(|count| count.parse().ok()).unwrap_or(COUNT);
    let (names, function) = (Names::read(), Function::start());
    let before = function.rows(STATE);
    let (mut ran, mut refused, mut failed) = (0, 0, 0);
    for seed in 0..count {
        let sql = names.statement(&mut Dice(seed));
        // What runs for a long time on purpose tells nothing.
        if ["range", "repeat", "generate_", "lpad", "rpad", "bar"].iter().any(|name| sql.matches(name).count() > 2) {
            continue;
        }
        match function.invoke(json!({"q": sql})) {
            Ok(_) => ran += 1,
            Err(error) if error["errorType"] == "Quack.SandboxError" => refused += 1,
            Err(error) => {
                failed += 1;
                let message = error["errorMessage"].as_str().unwrap_or_default();
                assert!(
                    !message.contains("Stack Trace") && error["errorType"] != "Quack.InternalError",
                    "{seed}: {sql}\n{error}"
                );
            }
        }
        assert_eq!(function.rows(STATE), before, "{seed}: {sql}");
    }
    eprintln!(
        "of {count} statements {ran} ran, {refused} were refused, {failed} failed; the log: {:?}",
        function.log()
    );
    assert!(ran > 0 && refused > 0 && failed > 0);
}
