//! What one function has to do for a query: how many values it reads, and how many rows go through the kinds of work that take long, by
//! DuckDB's own plan of it over tables of as many rows as the lake's. DuckDB knows nothing else of them there, and takes each condition for
//! one that a fifth of the rows meets.

use serde_json::Value;

use super::ast::{self, items, text};

/// What is to be done for a query.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(crate) struct Work {
    /// How many tables are read.
    pub tables: usize,
    /// Bytes of columns that are read, each as often as its table is; and each once, as they come to who reads them.
    pub read_bytes: f64,
    pub carried_bytes: f64,
    /// Values of columns that are read, each as often as its table is; and those of no fixed width among them.
    pub values: f64,
    pub wide: f64,
    /// How many steps the plan has.
    pub steps: u32,
    /// Rows that hash tables of joins are made of.
    pub built: f64,
    /// Rows that are grouped beyond the first time: once more for each further grouping set.
    pub regrouped: f64,
}

impl Work {
    /// Adds what a plan comes to, as `EXPLAIN (FORMAT json)` has it, of a query with so many grouping sets; nothing of what is no plan.
    pub(super) fn add_plan(&mut self, plan: &Value, grouping_sets: usize) -> Option<()> {
        let steps = plan.as_array().filter(|steps| !steps.is_empty())?;
        for step in steps {
            self.add(step, grouping_sets.saturating_sub(1) as f64);
        }
        Some(())
    }

    /// Adds a step and those below it: rows that come out of it, and the most rows that a table below it has.
    fn add(&mut self, step: &Value, more_sets: f64) -> (f64, f64) {
        let came: Vec<(f64, f64)> = items(step, "children").iter().map(|child| self.add(child, more_sets)).collect();
        let all: f64 = came.iter().map(|(rows, _)| rows).sum();
        let rows = estimated(step).unwrap_or_else(|| came.iter().map(|(rows, _)| *rows).fold(1.0, f64::max));
        let name = text(step, "name").trim();
        let table = match name {
            "RANGE" => rows,
            _ => came.iter().map(|(_, table)| *table).fold(1.0, f64::max),
        };
        self.steps = self.steps.saturating_add(1);
        match name {
            "CROSS_PRODUCT" | "NESTED_LOOP_JOIN" | "BLOCKWISE_NL_JOIN" | "PIECEWISE_MERGE_JOIN" | "IE_JOIN" => {}
            name if name.contains("JOIN") => self.built += came.get(1).map_or(0.0, |(rows, _)| *rows),
            "HASH_GROUP_BY" => self.regrouped += all * more_sets,
            _ => {}
        }
        // Without anything known of values, joins of joins seem to have more rows than there ever are.
        (rows.min(table), table)
    }
}

/// How many rows come out of a step, where that is said.
fn estimated(step: &Value) -> Option<f64> {
    step.get("extra_info")?.get("Estimated Cardinality")?.as_str()?.parse().ok()
}

/// The most grouping sets that a SELECT in a query has.
pub(super) fn grouping_sets(root: &Value) -> usize {
    let mut most = 0;
    ast::visit(root, &mut |object| {
        most = most.max(items(object, "group_sets").len());
        true
    });
    most
}

#[cfg(test)]
mod tests {
    use super::super::Planner;
    use super::super::testing::catalog;
    use super::*;

    #[test]
    fn rows_that_go_through_a_plan_are_counted() {
        let (planner, catalog) = (Planner::default(), catalog(28, 28 << 20));
        let work = |sql: &str| planner.work(sql, &catalog).unwrap_or_else(|| panic!("{sql}"));
        let all = work("SELECT sum(n) FROM t");
        assert_eq!((all.tables, all.values, all.wide, all.built), (1, 28_000.0, 0.0, 0.0), "{all:?}");
        let day = work("SELECT sum(n) FROM t WHERE day = '2024-01-03' AND n > 7");
        assert_eq!(day.values, 1_000.0, "a day has a file of its own: {day:?}");
        let joined = work("SELECT a.n FROM t a JOIN t b USING (n) ORDER BY 1");
        assert_eq!((joined.tables, joined.values, joined.built), (1, 56_000.0, 28_000.0), "{joined:?}");
        assert!(joined.steps > all.steps);
        let rolled = work("SELECT day, n, count(*) FROM t GROUP BY ROLLUP (day, n)");
        assert_eq!((rolled.regrouped, all.regrouped), (56_000.0, 0.0), "twice more: {rolled:?}");
        let once =
            "WITH x AS MATERIALIZED (SELECT day, sum(n) AS s FROM t GROUP BY 1) SELECT * FROM x a JOIN x b USING (day)";
        assert_eq!(work(once).values, 28_000.0, "what is read twice is worked out once");
    }

    #[test]
    fn what_has_no_plan_has_no_work() {
        let (planner, catalog) = (Planner::default(), catalog(2, 2));
        for sql in ["no SQL", "SELECT * FROM u", "SELECT x FROM t", "SELECT 1; SELECT 2", "DROP VIEW t"] {
            assert_eq!(planner.work(sql, &catalog), None, "{sql}");
        }
        for plan in ["null", "[]", "{}", "7"] {
            assert_eq!(Work::default().add_plan(&serde_json::from_str(plan).unwrap(), 0), None, "{plan}");
        }
        let odd = serde_json::json!([{ "name": 7, "children": [{}], "extra_info": { "Estimated Cardinality": [] } }]);
        let mut work = Work::default();
        assert_eq!(work.add_plan(&odd, 0), Some(()));
        assert_eq!(work, Work { steps: 2, ..Work::default() });
    }
}
