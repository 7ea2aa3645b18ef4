//! The walk over a query that finds what can be worked out in parts.
//!
//! From the outside in, each SELECT is tried as a whole: if one table of it can be split, it is replaced by a table of
//! partial results and what is left to do with them. Where that cannot be, the parts that it is made of are tried, down
//! to the tables themselves, of which the rows and columns that the query needs are gathered. Every step puts something
//! equal in the place of something, so that any mixture of them is right.

use std::collections::HashSet;

use quack_function::wire::Column;
use serde_json::Value;

use super::ast::{self, class, items, kind, set, text};
use super::context::PlanContext;
use super::draft::{Draft, Shape};
use super::from_clause::{self, FromClause, Place};
use super::query_plan::{Broadcast, Fetch, QueryPlan, Strategy};
use super::reads::Reads;
use super::refusal::Refusal;
use super::request::{Request, Workers};
use super::{aggregate, display, estimate, gather, names, project, prune, recipes, schemas, splits, worth};
use crate::lake::catalog::Table;

/// A plan has to leave each function at most this share of what one alone would read, in percent.
const WORTH_PERCENT: u64 = 67;

/// Drafts a node that gives certain columns.
type Way = fn(&PlanContext<'_>, &Value, &FromClause, &[Column]) -> Result<Draft, Refusal>;

/// The state of a walk: what it has found so far.
pub(super) struct Walk<'a> {
    context: &'a PlanContext<'a>,
    request: &'a Request<'a>,
    /// The whole query.
    root: &'a Value,
    fetches: Vec<Fetch>,
    /// Bytes that come without having been reduced, as estimated.
    gathered_bytes: u64,
    /// The first thing that stood in the way of something better.
    because: Option<Refusal>,
}

impl<'a> Walk<'a> {
    /// Begins at `root`, with nothing found.
    pub(super) fn new(context: &'a PlanContext<'a>, request: &'a Request<'a>, root: &'a Value) -> Self {
        Self { context, request, root, fetches: Vec::new(), gathered_bytes: 0, because: None }
    }

    /// A node that gives the rows of `node` from tables of partial results.
    ///
    /// # Errors
    /// What stands in the way of any such thing.
    pub(super) fn query(&mut self, node: &Value) -> Result<Value, Refusal> {
        if references(node).iter().all(|name| self.context.catalog.find(name).is_none()) {
            return Ok(node.clone());
        }
        if kind(node) != "SELECT_NODE" {
            return self.sides(node);
        }
        let from = FromClause::of(self.context.scratch, node);
        if let Ok(columns) = self.context.scratch.describe(node)
            && let Some(final_node) = self.whole(node, &from, &columns)?
        {
            return Ok(final_node);
        }
        self.parts(node, &from)
    }

    /// Tries to split one table of a SELECT that stands for itself.
    fn whole(&mut self, node: &Value, from: &FromClause, columns: &[Column]) -> Result<Option<Value>, Refusal> {
        let mut places = from_clause::places(self.context.scratch, self.context.functions, node, from);
        places.sort_by_key(|place| std::cmp::Reverse(self.table(&place.table).map_or(0, |(_, table)| table.bytes)));
        if places.is_empty() {
            self.because
                .get_or_insert_with(|| Refusal("the parts of no table give the parts of the answer".to_owned()));
        }
        for place in &places {
            if let Err(why) = self.check_worth(place, node) {
                self.because.get_or_insert(why);
                continue;
            }
            for draft in self.drafts(node) {
                let (fetches, gathered_bytes) = (self.fetches.len(), self.gathered_bytes);
                match draft(self.context, node, from, columns).and_then(|draft| self.take(draft, place, node, columns))
                {
                    Ok(final_node) => return Ok(Some(final_node)),
                    Err(why) => {
                        self.fetches.truncate(fetches);
                        self.gathered_bytes = gathered_bytes;
                        self.because.get_or_insert(why);
                    }
                }
            }
        }
        Ok(None)
    }

    /// The ways to work out a node, the best first.
    fn drafts(&self, node: &Value) -> Vec<Way> {
        if from_clause::is_grouped(self.context.functions, node) {
            vec![aggregate::draft, gather::draft]
        } else if from_clause::has_window(node) {
            vec![|_, _, _, _| Err(Refusal("a window function looks from one row at others".to_owned())), gather::draft]
        } else {
            vec![project::draft, gather::draft]
        }
    }

    fn table(&self, name: &str) -> Option<(&str, &Table)> {
        self.context.catalog.find(name)
    }

    /// Refuses to split a table where each function would have nearly as much to read as one alone, or where the
    /// functions would not agree.
    fn check_worth(&self, place: &Place, node: &Value) -> Result<(), Refusal> {
        let bytes = |name: &str| self.table(name).map_or(0, |(_, table)| table.bytes);
        let names = references(node);
        let Some((name, table)) = self.table(&place.table) else {
            return Err(Refusal(format!("there is no `{}`", place.table)));
        };
        let most = splits::most(table, self.request.grain);
        if most < 2 {
            return Err(Refusal(format!("`{name}` is one file")));
        }
        if names.iter().filter(|other| other.eq_ignore_ascii_case(name)).count() != 1 {
            return Err(Refusal(format!("`{name}` is read more than once")));
        }
        let all = names.iter().map(|name| bytes(name)).fold(0, u64::saturating_add);
        let count = most.min(self.most_splits()).max(1) as u64;
        if !pays(all.saturating_sub(table.bytes - table.bytes / count), all) {
            return Err(Refusal(format!(
                "with a part of `{name}` each function would still read most of what one alone does"
            )));
        }
        if !is_deterministic(node) {
            return Err(Refusal("a subquery may give each function other rows".to_owned()));
        }
        Ok(())
    }

    fn most_splits(&self) -> usize {
        self.request.workers.most()
    }

    /// Makes the fetch of a draft, and the final node over it.
    fn take(&mut self, draft: Draft, place: &Place, node: &Value, columns: &[Column]) -> Result<Value, Refusal> {
        let Draft { map, mut final_node, shape } = draft;
        let broadcast = self.broadcast(node, &place.table);
        let name = self.fetch(&map, place, shape, broadcast)?;
        set(&mut final_node, "from_table", ast::table(&name, ""));
        if self.context.scratch.describe(&final_node)? != *columns {
            return Err(Refusal("the parts would not give columns of the same types".to_owned()));
        }
        // Subqueries of what is left may read tables of their own.
        self.subqueries(&mut final_node)?;
        Ok(final_node)
    }

    fn broadcast(&self, node: &Value, split: &str) -> Vec<Broadcast> {
        let (reads, mut broadcast) = (Reads::of(node), Vec::<Broadcast>::new());
        for name in references(node) {
            if let Some((name, table)) = self.table(name).filter(|(name, _)| !name.eq_ignore_ascii_case(split))
                && !broadcast.iter().any(|known| known.table == name)
            {
                broadcast.push(Broadcast { table: name.to_owned(), bytes: reads.table(table) });
            }
        }
        broadcast
    }

    /// Notes a fetch, and gives the name of the table that it fills. An equal fetch is made once.
    fn fetch(
        &mut self,
        map: &Value,
        place: &Place,
        shape: Shape,
        broadcast: Vec<Broadcast>,
    ) -> Result<String, Refusal> {
        let scratch = self.context.scratch;
        let sql = scratch.print(&schemas::split(map))?;
        if let Some(known) = self.fetches.iter().find(|fetch| fetch.sql == sql && fetch.table == place.table) {
            return Ok(known.name.clone());
        }
        let columns = scratch.describe_sql(&sql)?;
        let names: HashSet<String> = columns.iter().map(|column| column.name.to_lowercase()).collect();
        if names.len() != columns.len() {
            return Err(Refusal("two columns have one name".to_owned()));
        }
        let (table_name, table) =
            self.context.catalog.find(&place.table).ok_or_else(|| Refusal(format!("there is no `{}`", place.table)))?;
        let keep = prune::files(scratch, table, place);
        let kept = || keep.iter().filter_map(|index| table.files.get(*index));
        let (read_bytes, rows) = (Reads::of(map).files(table, kept()), kept().map(|file| file.rows));
        if shape.unreduced {
            let more = rows.fold(0, u64::saturating_add).saturating_mul(estimate::row_bytes(&columns));
            self.gathered_bytes = self.gathered_bytes.saturating_add(more);
            if self.gathered_bytes > self.request.gather_bytes {
                let because = self.because.as_ref().map(|why| format!("{}, and ", why.0)).unwrap_or_default();
                return Err(Refusal(format!("{because}more rows would have to be gathered than pays")));
            }
        }
        let count = match self.request.workers {
            Workers::Exactly(count) => count,
            Workers::Auto(most) => usize::try_from(read_bytes / worth::SPLIT_READ_BYTES).unwrap_or(most).clamp(1, most),
        };
        let name = names::partials(self.fetches.len());
        scratch.add_partials(&name, &columns)?;
        self.fetches.push(Fetch {
            name: name.clone(),
            columns,
            strategy: shape.strategy,
            sql,
            table: table_name.to_owned(),
            splits: splits::pack(table, &keep, count, shape.ordered, self.request.grain),
            read_bytes,
            pruned_files: table.files.len() - keep.len(),
            broadcast,
            ordered: shape.ordered,
            enough_rows: shape.enough_rows,
        });
        Ok(name)
    }

    /// Puts partial results in the place of every table of either side of a set operation.
    fn sides(&mut self, node: &Value) -> Result<Value, Refusal> {
        let mut made = node.clone();
        for side in ["left", "right"] {
            if let Some(below) = node.get(side) {
                set(&mut made, side, self.query(below)?);
            }
        }
        self.subqueries(&mut made)?;
        Ok(made)
    }

    /// Puts partial results in the place of every table of a SELECT, one by one.
    fn parts(&mut self, node: &Value, from: &FromClause) -> Result<Value, Refusal> {
        let mut made = node.clone();
        for (index, leaf) in from.leaves.iter().enumerate() {
            let Some(reference) = node.pointer(&leaf.pointer) else { continue };
            let (new, pointer) = if kind(reference) == "BASE_TABLE" {
                (self.gathered(node, from, index)?, leaf.pointer.clone())
            } else if let Some(below) = reference.pointer("/subquery/node") {
                (self.query(below)?, format!("{}/subquery/node", leaf.pointer))
            } else {
                continue;
            };
            if let Some(place) = made.pointer_mut(&pointer) {
                *place = new;
            }
        }
        self.subqueries(&mut made)?;
        Ok(made)
    }

    /// A reference to the rows and columns that the query needs of the table at leaf `index`.
    fn gathered(&mut self, node: &Value, from: &FromClause, index: usize) -> Result<Value, Refusal> {
        let map = gather::table(self.context, self.root, node, from, index);
        let leaf = from.leaves.get(index);
        let (Some(map), Some(leaf)) = (map, leaf) else {
            return Err(Refusal("a table cannot be told from a subquery".to_owned()));
        };
        let reference = node.pointer(&leaf.pointer).unwrap_or(&Value::Null);
        let conditions = from.conditions(index, self.context.functions);
        let place = Place {
            table: text(reference, "table_name").to_owned(),
            alias: leaf.alias.clone(),
            conditions: from_clause::conditions_on_names(reference, conditions),
        };
        let name = self.fetch(&map, &place, gather::SHAPE, Vec::new())?;
        Ok(ast::table(&name, &leaf.alias))
    }

    /// Plans the subqueries in the expressions of a node, not those of its FROM clause.
    fn subqueries(&mut self, node: &mut Value) -> Result<(), Refusal> {
        let Value::Object(fields) = node else { return Ok(()) };
        for value in fields.values_mut() {
            ast::change(value, &mut |object| {
                if class(object) == "SUBQUERY"
                    && let Some(below) = object.pointer_mut("/subquery/node")
                {
                    *below = self.query(below)?;
                }
                Ok::<bool, Refusal>(!ast::is_query(object))
            })?;
        }
        Ok(())
    }

    /// The plan, if it gains anything.
    ///
    /// # Errors
    /// When it does not.
    pub(super) fn finish(self, final_sql: String) -> Result<QueryPlan, Refusal> {
        let fetches = self.fetches;
        let all = fetches
            .iter()
            .map(|fetch| fetch.read_bytes.saturating_add(fetch.broadcast_bytes()))
            .fold(0, u64::saturating_add);
        if let Workers::Auto(_) = self.request.workers {
            worth::check_read(all)?;
        }
        let each =
            fetches.iter().map(|fetch| fetch.most_read().saturating_add(fetch.broadcast_bytes())).max().unwrap_or(0);
        if fetches.iter().all(|fetch| fetch.splits.len() < 2) {
            return Err(self.because.unwrap_or_else(|| Refusal("all that it needs is in one file".to_owned())));
        }
        if !pays(each, all) {
            return Err(Refusal("each function would have to read nearly as much as one alone".to_owned()));
        }
        let used = |strategy| fetches.iter().any(|fetch| fetch.strategy == strategy);
        let strategies = [Strategy::PartialAggregate, Strategy::Gather, Strategy::Projection];
        let strategy = strategies.into_iter().find(|strategy| used(*strategy)).unwrap_or(Strategy::Single);
        Ok(QueryPlan {
            strategy,
            reason: display::reason(&fetches, self.because.as_ref()),
            fetches,
            final_sql,
            table_bytes: all,
        })
    }
}

/// Whether reading `each` bytes instead of `all` is worth another function.
fn pays(each: u64, all: u64) -> bool {
    u128::from(each) * 100 <= u128::from(all) * u128::from(WORTH_PERCENT)
}

/// Whether what each function works out for itself, of tables that it reads whole, is the same for all of them: nothing
/// there depends on the order in which rows happen to come.
fn is_deterministic(node: &Value) -> bool {
    let mut settled = true;
    ast::visit(node, &mut |object| {
        if ast::is_query(object) && !std::ptr::eq(object, node) {
            let loose = |object: &Value| {
                class(object) == "WINDOW"
                    || kind(object).starts_with("LIMIT")
                    || !items(object, "distinct_on_targets").is_empty()
                    || recipes::depends_on_order(text(object, "function_name"))
            };
            ast::visit(object, &mut |below| {
                settled &= !loose(below);
                settled
            });
        }
        settled
    });
    settled
}

/// The names of tables in `tree`, as often as they come.
pub(super) fn references(tree: &Value) -> Vec<&str> {
    let mut found = Vec::new();
    ast::visit(tree, &mut |object| {
        if kind(object) == "BASE_TABLE" {
            found.push(text(object, "table_name"));
        }
        true
    });
    found
}
