//! From a request to a plan: what is refused outright, and what every plan is checked for in the end.

use std::cell::OnceCell;

use serde_json::Value;

use super::ast::{self, text};
use super::context::PlanContext;
use super::functions::Functions;
use super::query_plan::{QueryPlan, Strategy};
use super::recipes::Way;
use super::refusal::Refusal;
use super::request::{Request, Workers};
use super::scratch::Scratch;
use super::walk::{Walk, references};
use super::{display, from_clause, names, normal, recipes, schemas, spell, views, worth};
use crate::lake::catalog::{Catalog, Table};
use crate::lake::named;

/// Most characters of a syntax tree with every common table expression in place: past that, planning takes longer than
/// it saves.
const LARGEST_TREE: usize = 4 << 20;

/// Plans queries, one after another.
#[derive(Default)]
pub(crate) struct Planner {
    /// Opened when a query first needs it.
    scratch: OnceCell<Scratch>,
}

impl Planner {
    /// Plans a query. There is always a plan: what cannot be split runs on one function, which also says what is wrong
    /// with SQL that is wrong.
    pub(crate) fn plan(&self, request: &Request<'_>) -> QueryPlan {
        self.try_plan(request).unwrap_or_else(|why| QueryPlan {
            strategy: Strategy::Single,
            reason: display::single(&why.0),
            fetches: Vec::new(),
            final_sql: request.sql.to_owned(),
            table_bytes: named_bytes(request),
        })
    }

    pub(super) fn scratch(&self) -> Result<&Scratch, Refusal> {
        Ok(match self.scratch.get() {
            Some(scratch) => scratch,
            None => {
                let opened = Scratch::open()?;
                self.scratch.get_or_init(|| opened)
            }
        })
    }

    fn try_plan(&self, request: &Request<'_>) -> Result<QueryPlan, Refusal> {
        check_bounds(request)?;
        let scratch = self.scratch()?;
        let mut root = scratch.parse(request.sql)?;
        if let Some(limit) = request.limit {
            // One more than is shown, so that it can be said that there are more.
            normal::limit(scratch, &mut root, limit.saturating_add(1))?;
        }
        schemas::join(&mut root)?;
        normal::check(&root)?;
        let sql = match views::expand(scratch, &mut root, request.catalog)? {
            true => scratch.print(&root)?,
            false => request.sql.to_owned(),
        };
        if let Some(name) = names::reserved_in(&root) {
            return Err(reserved(name));
        }
        let written = root.clone();
        normal::inline(&mut root)?;
        for (name, table) in tables_of(&root, request.catalog)? {
            if let Some(column) = table.columns.iter().find(|column| names::is_reserved(&column.name)) {
                return Err(reserved(&column.name));
            }
            scratch.add_table(name, table)?;
        }
        let columns = scratch.describe_sql(&sql)?;
        // As it was written: what follows makes nodes of its own.
        root = written;
        spell::out(&mut root, &columns)?;
        scratch.check_printed(&root)?;
        normal::inline(&mut root)?;
        if root.to_string().len() > LARGEST_TREE {
            return Err(Refusal("it is too long".to_owned()));
        }
        normal::lighten_exists(&mut root)?;
        let functions = Functions::of(scratch, &root)?;
        if let Some(name) = functions.volatile_in(&root) {
            return Err(Refusal(format!("`{name}` gives another value each time that it is asked")));
        }
        check_known(&functions, &root)?;
        from_clause::check_aggregates(scratch, &functions, &root)?;
        let context = PlanContext { scratch, functions: &functions, catalog: request.catalog };
        let mut walk = Walk::new(&context, request, &root);
        let final_node = walk.query(&root)?;
        let final_sql = scratch.print(&final_node)?;
        if scratch.describe_sql(&final_sql)? != columns {
            return Err(Refusal("the parts would not give columns of the same types".to_owned()));
        }
        walk.finish(final_sql)
    }
}

fn reserved(name: &str) -> Refusal {
    Refusal(format!("`{name}` is a name that partial results have"))
}

/// Refuses what needs no look at the query's syntax.
fn check_bounds(request: &Request<'_>) -> Result<(), Refusal> {
    if matches!(request.workers, Workers::Exactly(0 | 1) | Workers::Auto(0 | 1)) {
        return Err(Refusal("only one may be used".to_owned()));
    }
    match request.workers {
        // Before anything is parsed, and before there is a DuckDB here: most queries end at this.
        Workers::Auto(_) => match named_bytes(request) {
            0 => Err(Refusal("it names no table of the lake".to_owned())),
            bytes => worth::check(bytes),
        },
        Workers::Exactly(_) => Ok(()),
    }
}

/// Bytes of all tables that the SQL may name, however it does: known before anything is parsed.
fn named_bytes(request: &Request<'_>) -> u64 {
    let named = named::names(request.sql, &request.catalog.views);
    let tables = request.catalog.tables.iter().filter(|(name, _)| named.contains(&name.to_ascii_lowercase()));
    tables.map(|(_, table)| table.bytes).fold(0, u64::saturating_add)
}

/// The tables that a tree names, each once.
pub(super) fn tables_of<'a>(tree: &Value, catalog: &'a Catalog) -> Result<Vec<(&'a str, &'a Table)>, Refusal> {
    let mut tables: Vec<(&str, &Table)> = Vec::new();
    for name in references(tree) {
        let (name, table) =
            catalog.find(name).ok_or_else(|| Refusal(format!("`{name}` is not a table of the catalog")))?;
        if !tables.iter().any(|(known, _)| *known == name) {
            tables.push((name, table));
        }
    }
    if tables.is_empty() { Err(Refusal("it reads no table".to_owned())) } else { Ok(tables) }
}

/// Refuses an aggregate function that estimates, or of which nothing is known: no part of such a query is divided.
fn check_known(functions: &Functions, tree: &Value) -> Result<(), Refusal> {
    let mut refused = None;
    ast::visit(tree, &mut |object| {
        if functions.names_aggregate(object) {
            let name = text(object, "function_name");
            refused = match recipes::of(name).map(|aggregate| &aggregate.way) {
                Some(Way::Estimated) => Some(format!("what `{name}` estimates depends on how the rows come")),
                None => Some(format!("the aggregate function `{name}` is not known to the planner")),
                Some(_) => None,
            };
        }
        refused.is_none()
    });
    refused.map_or(Ok(()), |why| Err(Refusal(why)))
}

#[cfg(test)]
mod tests {
    use super::super::testing::catalog;
    use quack_function::file_part::FilePart;

    use super::super::request::Grain;
    use super::super::worth::PAYS_FROM_BYTES;
    use super::*;
    use crate::lake::catalog::FileColumn;

    fn plan(planner: &Planner, catalog: &Catalog, workers: Workers, sql: &str) -> QueryPlan {
        planner.plan(&Request {
            sql,
            catalog,
            workers,
            gather_bytes: 1 << 20,
            limit: Some(20),
            grain: Grain::default(),
        })
    }

    const GROUPED: &str = "SELECT n % 7, count(*) FROM t GROUP BY ALL";

    #[test]
    fn what_one_function_does_soon_is_not_planned_at_all() {
        let (planner, small) = (Planner::default(), catalog(30, PAYS_FROM_BYTES - 30));
        let small_enough = "another function pays from 512.00 MiB on";
        for (sql, why) in [(GROUPED, small_enough), ("no SQL, t", small_enough), ("SELECT 42", "names no table")] {
            let plan = plan(&planner, &small, Workers::default(), sql);
            assert_eq!((plan.strategy, plan.final_sql.as_str()), (Strategy::Single, sql));
            assert!(plan.reason.contains(why), "{}", plan.reason);
        }
        assert!(planner.scratch.get().is_none(), "a DuckDB was opened for it");
        // Unless somebody wants it so.
        let forced = plan(&planner, &small, Workers::Exactly(8), GROUPED);
        assert_eq!((forced.strategy, forced.fetches[0].splits.len()), (Strategy::PartialAggregate, 8));
    }

    #[test]
    fn each_function_has_enough_to_read() {
        let planner = Planner::default();
        for (bytes, functions) in [(PAYS_FROM_BYTES, 10), (PAYS_FROM_BYTES * 2, 21), (PAYS_FROM_BYTES * 100, 30)] {
            let plan = plan(&planner, &catalog(30, bytes.next_multiple_of(30)), Workers::default(), GROUPED);
            assert_eq!((plan.strategy, plan.fetches[0].splits.len()), (Strategy::PartialAggregate, functions));
        }
        // Of large files that hold other columns, too, a function reads the one that is named.
        for (bytes, functions) in [(100 << 20, 0), (192 << 20, 4), (400 << 20, 8)] {
            let mut wide = catalog(20, 20 << 30);
            for file in &mut wide.tables.get_mut("t").unwrap().files {
                let column = FileColumn { bytes: Some(bytes / 20 + 1), ..FileColumn::default() };
                file.columns.insert("n".to_owned(), column);
            }
            let plan = plan(&planner, &wide, Workers::default(), GROUPED);
            assert_eq!(plan.fetches.first().map_or(0, |fetch| fetch.splits.len()), functions, "{}", plan.reason);
            assert!(functions > 0 || plan.reason.contains("columns that it may have to read hold 100.31 MiB"));
        }
    }

    #[test]
    fn what_is_written_in_parts_makes_files_of_a_good_size_in_the_tables_order() {
        let (planner, large) = (Planner::default(), catalog(28, 28 * (200 << 20)));
        let stack = |workers: Workers, sql: &str| {
            planner.stack(&Request {
                sql,
                catalog: &large,
                workers,
                gather_bytes: 0,
                limit: None,
                grain: Grain::default(),
            })
        };
        for (workers, parts) in [(Workers::default(), 28), (Workers::Auto(4), 28), (Workers::Exactly(2), 28)] {
            let fetch = stack(workers, "SELECT n + 1 AS n, day FROM t WHERE n * 0 = 0").unwrap();
            let files: Vec<&str> = fetch.splits.iter().flat_map(|split| &split.files).map(FilePart::file).collect();
            assert!(files.is_sorted() && files.len() == 28);
            assert_eq!(fetch.splits.len(), parts, "two files are more than a part takes");
        }
        let days = "SELECT * FROM t WHERE day <= '2024-01-11'";
        assert_eq!(stack(Workers::default(), days).unwrap().splits.len(), 11);
        for sql in [
            "SELECT * FROM t ORDER BY n",
            "SELECT * FROM t LIMIT 3",
            "SELECT DISTINCT n FROM t",
            "SELECT day, count(*) FROM t GROUP BY day",
            "SELECT sum(n) FROM t",
            "SELECT n, random() AS r FROM t",
            "SELECT n, now() AS at FROM t",
            "SELECT n, rank() OVER (ORDER BY n) AS r FROM t",
            "SELECT * FROM t TABLESAMPLE 10%",
            "SELECT * FROM t WHERE day <= '2024-01-01'",
            "SELECT 42 AS t",
        ] {
            let why = stack(Workers::default(), sql).expect_err(sql);
            assert!(!why.is_empty());
        }
    }

    #[test]
    fn what_is_left_of_a_large_table_counts() {
        let (planner, large) = (Planner::default(), catalog(30, PAYS_FROM_BYTES * 6));
        let days = |last: u32| format!("SELECT count(*), sum(n) FROM t WHERE day <= '2024-01-{last:02}'");
        let four = plan(&planner, &large, Workers::default(), &days(1));
        assert!(four.strategy == Strategy::Single && four.reason.contains("hold 102.40 MiB"), "{}", four.reason);
        let more = plan(&planner, &large, Workers::default(), &days(11));
        assert_eq!((more.strategy, more.fetches[0].splits.len()), (Strategy::PartialAggregate, 11));
        let forced = plan(&planner, &large, Workers::Exactly(4), &days(4));
        assert_eq!(forced.strategy, Strategy::PartialAggregate);
    }
}
