//! Differential fuzzing: queries that a seed makes, each by plan and by DuckDB alone.
//!
//! `QUACK_FUZZ_SEED` repeats a run, `QUACK_FUZZ_COUNT` makes it longer or shorter.

use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use rand::{Rng, SeedableRng};

use super::support::Lake;
use crate::planner::{Grain, Strategy};

/// Queries of one run.
const COUNT: u64 = 2000;

/// The seed of a run that is given none: the same queries every time.
const SEED: u64 = 20_190_401;

/// At least so many of 100 queries have to be divided, or the run has shown little.
const LEAST_SPLIT_PERCENT: u64 = 70;

#[test]
fn any_query_gives_the_same_rows() {
    let setting = |name: &str| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    let (seed, count) = (setting("QUACK_FUZZ_SEED").unwrap_or(SEED), setting("QUACK_FUZZ_COUNT").unwrap_or(COUNT));
    let mut lake = Lake::mixed();
    let (mut split, mut bad, mut differences) = (0, 0, Vec::new());
    for number in 0..count {
        let mut maker = Maker(StdRng::seed_from_u64(seed.wrapping_add(number)));
        let (sql, in_order) = maker.query();
        lake.workers = maker.pick(&[2, 3, 8]);
        // Files as they are, or in pieces.
        lake.grain = maker.pick(&[Grain::default(), Grain { rows: 1, bytes: 1 }, Grain { rows: 100, bytes: 1 }]);
        if let Err(error) = lake.binds(&sql) {
            bad += 1;
            assert!(bad * 50 < count.max(100), "the maker is wrong too often: {sql}: {error}");
            continue;
        }
        match lake.difference(&sql, in_order) {
            Ok(plan) => split += u64::from(plan.strategy != Strategy::Single),
            Err(difference) => differences.push(format!("QUACK_FUZZ_SEED={} {difference}", seed.wrapping_add(number))),
        }
    }
    println!("seed {seed}: {count} queries, {split} divided, {bad} that DuckDB refuses");
    assert!(differences.is_empty(), "{} of {count}:\n{}", differences.len(), differences.join("\n\n"));
    assert!(split * 100 >= count * LEAST_SPLIT_PERCENT, "only {split} of {count} were divided");
}

/// Makes queries.
struct Maker(StdRng);

/// The kinds of values that expressions are made of.
#[derive(Clone, Copy, PartialEq)]
enum Kind {
    Number,
    Text,
    Time,
    Truth,
}

impl Maker {
    fn pick<T: Clone>(&mut self, from: &[T]) -> T {
        from.choose(&mut self.0).unwrap().clone()
    }

    fn chance(&mut self, percent: u32) -> bool {
        self.0.random_range(0..100) < percent
    }

    fn number(&mut self, below: u32) -> u32 {
        self.0.random_range(0..below)
    }

    /// A query, and whether its rows have one order only.
    fn query(&mut self) -> (String, bool) {
        match self.number(25) {
            0 => (
                format!(
                    "SELECT {} FROM ({}) AS sub",
                    self.pick(&["count(*)", "max(c0)", "min(c0), count(c0)"]),
                    self.groups().0
                ),
                false,
            ),
            1 => {
                let (a, b) = (self.column(Kind::Number), self.column(Kind::Number));
                let (wa, wb) = (self.conditions(), self.conditions());
                let all = self.pick(&["UNION ALL", "UNION", "EXCEPT", "INTERSECT"]);
                (format!("SELECT {a} AS c0 FROM t{wa} {all} SELECT {b} FROM t{wb}"), false)
            }
            2 => {
                let (value, conditions) = (self.pick(&["i", "id", "tiny", "k"]), self.conditions());
                let inner = self.pick(&["avg", "max", "min"]);
                (format!("SELECT id AS c0 FROM t WHERE {value} >= (SELECT {inner}({value}) FROM t{conditions})"), false)
            }
            3 => {
                let (by, value) = (self.column(Kind::Number), self.column(Kind::Number));
                let function = self
                    .pick(&["sum({})", "count({})", "min({})", "lag({}, 1)", "first_value({})"])
                    .replace("{}", &value);
                let conditions = self.conditions();
                (
                    format!(
                        "SELECT id AS c0, {function} OVER (PARTITION BY {by} ORDER BY id) AS c1 FROM t{conditions}"
                    ),
                    false,
                )
            }
            4..=7 => self.rows(),
            8..=12 => self.nested(),
            _ => self.groups(),
        }
    }

    /// Queries within queries, tables more than once, and names that mean two things.
    fn nested(&mut self) -> (String, bool) {
        let (groups, condition, more) = (self.groups().0, self.condition(), self.conditions());
        let (low, high) = (self.number(3000), self.number(40));
        let not = self.pick(&["", "NOT "]);
        let key = self.pick(&["k", "id", "i", "tiny"]);
        let sql = match self.number(17) {
            0 => {
                format!("SELECT id FROM t AS o WHERE {not}EXISTS (SELECT * FROM u WHERE u.k = o.k AND weight > {high})")
            }
            1 => {
                format!("SELECT id FROM t AS o WHERE {not}EXISTS (SELECT 1 FROM t WHERE t.i = o.tiny AND {condition})")
            }
            2 => format!("SELECT id, s FROM t WHERE {key} {not}IN (SELECT {key} FROM t{more})"),
            3 => format!("SELECT name FROM u WHERE k {not}IN (SELECT k FROM t WHERE {condition})"),
            4 => format!(
                "SELECT o.id, (SELECT max(n.money) FROM t AS n WHERE n.k = o.k AND n.id < {low}) FROM t AS o \
                 WHERE o.id < {high}"
            ),
            5 => format!("SELECT DISTINCT ON (k) k, id FROM t{more} ORDER BY k, id DESC"),
            6 => format!(
                "WITH g AS ({groups}) SELECT a.c0, count(*) FROM g AS a JOIN g AS b ON a.c0 = b.c0 GROUP BY a.c0"
            ),
            7 => format!("SELECT name, n FROM (SELECT k, count(*) AS n FROM t{more} GROUP BY k) AS g JOIN u USING (k)"),
            8 => format!("SELECT u.k, count(t.id), sum(i) FROM u LEFT JOIN t ON u.k = t.k AND {} GROUP BY u.k", {
                let own = ["t.i > 0", "t.id < 700", "t.s IS NULL", "weight > 20", "t.b"];
                self.pick(&own)
            }),
            9 => {
                format!("SELECT p.day, count(*), sum(t.i) FROM p JOIN t ON p.id = t.id AND p.id > {low} GROUP BY p.day")
            }
            10 => {
                format!("SELECT day, count(*), min(id) FROM p WHERE day >= '2019-04-{:02}' GROUP BY day", 1 + high % 16)
            }
            11 => format!("SELECT t.id, name FROM t FULL JOIN u ON t.k = u.k AND t.id < {low}"),
            12 => format!("SELECT sum(i) AS i, k FROM t{more} GROUP BY k ORDER BY i, k"),
            13 => format!("SELECT k % 2 AS k, count(*) AS id FROM t{more} GROUP BY k"),
            14 => format!("SELECT -i AS i, id FROM t{more} ORDER BY i + 1, id"),
            15 => format!(
                "SELECT k AS key, max(i) AS top, top - min(i) AS range FROM t{more} GROUP BY key HAVING top > {high}"
            ),
            _ => format!("SELECT count(*), sum(c0::VARCHAR = '3') FROM ({groups} UNION ALL {groups})"),
        };
        let in_order = sql.ends_with("ORDER BY i, k") || sql.ends_with("i + 1, id");
        (sql, in_order)
    }

    fn column(&mut self, kind: Kind) -> String {
        self.pick(match kind {
            Kind::Number => &["id", "k", "i", "money", "tiny", "big", "st.a", "list[1]", "huge"][..],
            Kind::Text => &["s", "st.b", "upper(s)", "substr(s, 1, 1)"][..],
            Kind::Time => &["day", "ts", "date_trunc('day', ts)", "day + 1"][..],
            Kind::Truth => &["b", "i > 0", "s IS NULL", "k = 3"][..],
        })
        .to_owned()
    }

    /// Floating-point numbers: only in sums and their like, as their order changes the last digits.
    fn float(&mut self) -> String {
        self.pick(&["x", "y", "x / 3", "i * 0.1::DOUBLE", "x - y", "d"]).to_owned()
    }

    fn kind(&mut self) -> Kind {
        self.pick(&[Kind::Number, Kind::Number, Kind::Text, Kind::Time, Kind::Truth])
    }

    fn condition(&mut self) -> String {
        match self.number(12) {
            0 => format!("id {} {}", self.pick(&["<", ">", ">=", "<>", "="]), self.number(3000)),
            1 => format!("i BETWEEN {} AND {}", -(self.number(1000) as i32), self.number(1000)),
            2 => format!("k IN ({}, {})", self.number(8), self.number(8)),
            3 => format!("k IS {}NULL", self.pick(&["", "NOT "])),
            4 => format!("s LIKE '{}%'", self.pick(&["a", "q", "x1", "_3"])),
            5 => format!("day {} '2019-04-{:02}'", self.pick(&["<", ">=", "="]), 1 + self.number(30)),
            6 => format!("ts < TIMESTAMP '2019-04-{:02} 12:00:00'", 1 + self.number(30)),
            7 => self.pick(&["b", "NOT b", "b IS NOT TRUE"]).to_owned(),
            8 => format!("(k = {} OR money > {})", self.number(8), self.number(10_000)),
            9 => format!("x > 1e6 + {}", self.number(1500)),
            10 => format!("tiny % {} = 0", 1 + self.number(5)),
            _ => format!("s {} 'm'", self.pick(&["<", ">="])),
        }
    }

    fn conditions(&mut self) -> String {
        let conditions: Vec<String> = (0..self.number(3)).map(|_| self.condition()).collect();
        if conditions.is_empty() { String::new() } else { format!(" WHERE {}", conditions.join(" AND ")) }
    }

    /// A FROM clause around `t`, whose columns stay what they are called.
    fn from(&mut self) -> String {
        let condition = self.condition();
        match self.number(12) {
            0 => "t JOIN u USING (k)".to_owned(),
            1 => "t LEFT JOIN (SELECT k AS uk, weight, name FROM u) AS v ON k = uk".to_owned(),
            2 => "(SELECT k AS uk FROM u) AS v RIGHT JOIN t ON k = uk AND weight > 20".replace("weight", "uk * 10"),
            3 => "t SEMI JOIN u ON t.k = u.k AND weight > 20".to_owned(),
            4 => "t ANTI JOIN u ON t.k = u.k".to_owned(),
            5 => format!("(SELECT * FROM t WHERE {condition}) AS t"),
            6 => "(SELECT k AS uk FROM u) AS v LEFT JOIN t ON k = uk".to_owned(),
            7 => "(SELECT * FROM t LIMIT 5000) AS t".to_owned(),
            _ => "t".to_owned(),
        }
    }

    fn aggregate(&mut self) -> String {
        let kind = self.kind();
        let any = self.column(kind);
        let (whole, other) = (self.column(Kind::Number), self.column(Kind::Number));
        let (float, second, truth) = (self.float(), self.float(), self.column(Kind::Truth));
        let call = match self.number(26) {
            0 | 1 => "count(*)".to_owned(),
            2 => format!("count({any})"),
            3 => format!("count(DISTINCT {any})"),
            4 => format!("sum({})", self.pick(&["id", "i", "money", "tiny", "big", "k"])),
            5 => format!("sum({float})"),
            6 => format!("avg({whole})"),
            7 => format!("avg({float})"),
            8 => format!("min({any})"),
            9 => format!("max({any})"),
            10 => format!(
                "{}({})",
                self.pick(&["stddev", "var_pop", "variance", "stddev_pop", "sem"]),
                self.pick(&["i", "x", "y", "tiny"])
            ),
            11 => format!("{}(x, {})", self.pick(&["corr", "covar_pop", "covar_samp"]), self.pick(&["y", "i", "tiny"])),
            12 => format!(
                "{}({}, x)",
                self.pick(&["regr_slope", "regr_count", "regr_avgx", "regr_sxy", "regr_syy"]),
                self.pick(&["y", "i"])
            ),
            13 => format!("{}({truth})", self.pick(&["bool_and", "bool_or", "count_if", "sum"])),
            14 => format!("{}({})", self.pick(&["bit_and", "bit_or", "bit_xor"]), self.pick(&["id", "tiny", "i"])),
            15 => format!("{}({any}, id)", self.pick(&["arg_min", "arg_max", "max_by", "arg_min_null"])),
            16 => format!("sum(DISTINCT {})", self.pick(&["tiny", "k", "i"])),
            17 => format!("median({other})"),
            18 => format!("string_agg({}, ',' ORDER BY id)", self.column(Kind::Text)),
            19 => format!("list({any} ORDER BY id)"),
            20 => format!("first({any} ORDER BY id DESC)"),
            21 => format!("approx_count_distinct({any})"),
            22 => format!("fsum({second})"),
            23 => "histogram(k)".to_owned(),
            24 => format!("min({whole}) + coalesce(max({other}), 0)"),
            _ => format!("avg(DISTINCT {})", self.pick(&["tiny", "k"])),
        };
        if self.chance(15) && !call.contains(" + coalesce") {
            format!("{call} FILTER (WHERE {})", self.condition())
        } else {
            call
        }
    }

    /// A query that groups: its columns are c0, c1, ...
    fn groups(&mut self) -> (String, bool) {
        let keys: Vec<String> = (0..self.number(3))
            .map(|_| {
                let kind = self.kind();
                self.column(kind)
            })
            .collect();
        let aggregates: Vec<String> = (0..1 + self.number(4)).map(|_| self.aggregate()).collect();
        let list: Vec<String> =
            keys.iter().chain(&aggregates).enumerate().map(|(index, item)| format!("{item} AS c{index}")).collect();
        let mut sql = format!("SELECT {} FROM {}{}", list.join(", "), self.from(), self.conditions());
        if !keys.is_empty() {
            let ordinals: Vec<String> = (1..=keys.len()).map(|ordinal| ordinal.to_string()).collect();
            let aliases: Vec<String> = (0..keys.len()).map(|index| format!("c{index}")).collect();
            sql.push_str(&match self.number(7) {
                0 => " GROUP BY ALL".to_owned(),
                1 => format!(" GROUP BY {}", ordinals.join(", ")),
                2 => format!(" GROUP BY {}", aliases.join(", ")),
                3 => format!(" GROUP BY ROLLUP ({})", keys.join(", ")),
                4 => format!(" GROUP BY CUBE ({})", ordinals.join(", ")),
                5 => format!(" GROUP BY GROUPING SETS (({}), ())", keys.join(", ")),
                _ => format!(" GROUP BY {}", keys.join(", ")),
            });
        }
        if self.chance(20) {
            sql.push_str(self.pick(&[
                " HAVING count(*) > 5",
                " HAVING max(i) > 100 OR min(id) < 500",
                " HAVING sum(i) IS NOT NULL",
            ]));
        }
        if self.chance(30)
            && !keys.is_empty()
            && !sql.contains("ROLLUP")
            && !sql.contains("CUBE")
            && !sql.contains("SETS")
        {
            let orders: Vec<String> = (0..keys.len())
                .map(|index| {
                    format!(
                        "{}{}",
                        self.pick(&["c#", "c# DESC", "c# NULLS FIRST"]).replace('#', &index.to_string()),
                        ""
                    )
                })
                .collect();
            sql.push_str(&format!(" ORDER BY {}", orders.join(", ")));
            if self.chance(50) {
                sql.push_str(&format!(" LIMIT {}", 1 + self.number(20)));
            }
            return (sql, true);
        }
        (sql, false)
    }

    /// A query that does not group.
    fn rows(&mut self) -> (String, bool) {
        let mut list = vec!["id AS c0".to_owned()];
        for index in 1..1 + self.number(4) {
            let kind = self.kind();
            list.push(format!("{} AS c{index}", self.column(kind)));
        }
        let distinct = self.chance(20);
        if distinct {
            list.remove(0);
        }
        if list.is_empty() {
            list.push("k AS c0".to_owned());
        }
        let sql = format!(
            "SELECT {}{} FROM {}{}",
            if distinct { "DISTINCT " } else { "" },
            list.join(", "),
            self.from(),
            self.conditions()
        );
        if distinct {
            return if self.chance(50) { (format!("{sql} ORDER BY ALL LIMIT 7"), true) } else { (sql, false) };
        }
        if sql.contains("v LEFT JOIN t") || !self.chance(60) {
            return (sql, false);
        }
        let kind = self.kind();
        let key = self.column(kind);
        let way = self.pick(&["", " DESC", " NULLS FIRST", " DESC NULLS LAST"]);
        let limit = self.pick(&["", " LIMIT 10", " LIMIT 25 OFFSET 3", " LIMIT 0"]);
        // A row of `t` comes once, so that its id makes the order complete.
        (format!("{sql} ORDER BY {key}{way}, id{limit}"), true)
    }
}
