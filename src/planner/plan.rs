//! From a request to a plan: what is refused outright, and what every plan is checked for in the end.

use std::cell::OnceCell;
use std::collections::HashMap;

use quack_function::sql::tokens;
use serde_json::Value;

use super::ast::{self, class, text};
use super::functions::Functions;
use super::scratch::Scratch;
use super::walk::{PARTIALS, SPLIT_BYTES, Walk, references};
use super::{Plan, Request, Strategy, Tools, Why, Workers, explain, from, normal, recipes, spell};
use crate::lake::catalog::{Catalog, Table};

/// Beginnings of names that the planner makes: a query that has such a name could be mistaken.
const OWN_NAMES: &[&str] = &[PARTIALS, "__g", "__k", "__p", "__c", "__m"];

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
    pub(crate) fn plan(&self, request: &Request<'_>) -> Plan {
        self.try_plan(request).unwrap_or_else(|why| Plan {
            strategy: Strategy::Single,
            reason: explain::single(&why.0),
            fetches: Vec::new(),
            final_sql: request.sql.to_owned(),
            table_bytes: named_bytes(request),
        })
    }

    fn try_plan(&self, request: &Request<'_>) -> Result<Plan, Why> {
        check_bounds(request)?;
        let scratch = match self.scratch.get() {
            Some(scratch) => scratch,
            None => {
                let opened = Scratch::open()?;
                self.scratch.get_or_init(|| opened)
            }
        };
        let mut root = scratch.parse(request.sql)?;
        if let Some(limit) = request.limit {
            // One more than is shown, so that it can be said that there are more.
            normal::limit(scratch, &mut root, limit.saturating_add(1))?;
        }
        normal::check(&root)?;
        let written = root.clone();
        normal::inline(&mut root)?;
        for (name, table) in tables_of(&root, request.catalog)? {
            scratch.add_table(name, table)?;
        }
        let columns = scratch.describe_sql(request.sql)?;
        // As it was written: what follows makes nodes of its own.
        root = written;
        spell::out(&mut root, &columns)?;
        scratch.check_printed(&root)?;
        normal::inline(&mut root)?;
        if root.to_string().len() > LARGEST_TREE {
            return Err(Why("it is too long".to_owned()));
        }
        normal::lighten_exists(&mut root)?;
        let functions = Functions::of(scratch, &root)?;
        if let Some(name) = functions.volatile_in(&root) {
            return Err(Why(format!("`{name}` gives another value each time that it is asked")));
        }
        if let Some(name) = calls(&root, &|name| recipes::estimates(name)) {
            return Err(Why(format!("what `{name}` estimates depends on how the rows come")));
        }
        from::check_aggregates(scratch, &functions, &root)?;
        let tools = Tools { scratch, functions: &functions, catalog: request.catalog };
        let mut walk = Walk::new(&tools, request, &root);
        let last = walk.query(&root)?;
        let final_sql = scratch.print(&last)?;
        if scratch.describe_sql(&final_sql)? != columns {
            return Err(Why("the parts would not give columns of the same types".to_owned()));
        }
        walk.finish(final_sql)
    }
}

/// Refuses what needs no look at the query's syntax.
fn check_bounds(request: &Request<'_>) -> Result<(), Why> {
    if matches!(request.workers, Workers::Exactly(0 | 1) | Workers::Auto(0 | 1)) {
        return Err(Why("only one may be used".to_owned()));
    }
    if matches!(request.workers, Workers::Auto(_)) && named_bytes(request) < 2 * SPLIT_BYTES {
        return Err(Why("its tables are so small that another function would not pay".to_owned()));
    }
    let lowered = request.sql.to_lowercase();
    if OWN_NAMES.iter().any(|name| lowered.contains(name)) {
        return Err(Why("it has names that begin as those of partial results do".to_owned()));
    }
    Ok(())
}

/// Bytes of all tables that the SQL may name, however it does: known before anything is parsed.
fn named_bytes(request: &Request<'_>) -> u64 {
    let names = tokens(request.sql).into_iter().filter_map(|token| token.name());
    let tables: HashMap<String, u64> = names
        .filter_map(|name| request.catalog.find(&name).map(|(name, table)| (name.to_owned(), table.bytes)))
        .collect();
    tables.values().sum()
}

/// The tables that a tree names, each once.
fn tables_of<'a>(tree: &Value, catalog: &'a Catalog) -> Result<Vec<(&'a str, &'a Table)>, Why> {
    let mut tables: Vec<(&str, &Table)> = Vec::new();
    for name in references(tree) {
        let (name, table) = catalog.find(name).ok_or_else(|| Why(format!("`{name}` is not a table of the catalog")))?;
        if !tables.iter().any(|(known, _)| *known == name) {
            tables.push((name, table));
        }
    }
    if tables.is_empty() { Err(Why("it reads no table".to_owned())) } else { Ok(tables) }
}

/// The first function in `tree` whose name passes `test`.
fn calls<'a>(tree: &'a Value, test: &dyn Fn(&str) -> bool) -> Option<&'a str> {
    let mut found = None;
    ast::visit(tree, &mut |object| {
        let name = text(object, "function_name");
        if matches!(class(object), "FUNCTION" | "WINDOW") && test(name) {
            found = found.or(Some(name));
        }
        found.is_none()
    });
    found
}
