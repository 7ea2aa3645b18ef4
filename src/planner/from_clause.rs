//! What a FROM clause is made of: its tables, whose rows pass through it one by one, and which conditions hold for the
//! rows of each.

use serde_json::Value;

use super::ast::{self, child, class, conjuncts, items, kind, text};
use super::functions::Functions;
use super::refusal::Refusal;
use super::scratch::Scratch;

/// One table, subquery or table function of a FROM clause.
pub(super) struct Leaf {
    /// Where it is, as a JSON pointer from the node that the FROM clause belongs to.
    pub pointer: String,
    /// What the query calls it.
    pub alias: String,
    /// Its columns, in lower case; `None` where they cannot be told without what is around it.
    columns: Option<Vec<String>>,
    /// Whether each row of the whole FROM clause comes of exactly one row of this table, so that the parts of a table
    /// give the parts of the result.
    pub row_preserving: bool,
    /// Conditions that drop a row of this leaf before anything else sees it; they may be about other leaves, too.
    filters: Vec<Value>,
}

/// A FROM clause taken apart.
pub(super) struct FromClause {
    pub leaves: Vec<Leaf>,
    /// A NATURAL join compares columns that the query does not name.
    pub natural: bool,
}

impl FromClause {
    /// Takes apart the FROM clause of the SELECT `node`.
    pub(super) fn of(scratch: &Scratch, node: &Value) -> Self {
        let mut from = Self { leaves: Vec::new(), natural: false };
        let filters = child(node, "where_clause").map(conjuncts).unwrap_or_default();
        if let Some(reference) = child(node, "from_table") {
            from.add(scratch, reference, "/from_table".to_owned(), true, filters);
        }
        from
    }

    fn add<'a>(
        &mut self,
        scratch: &Scratch,
        reference: &'a Value,
        pointer: String,
        row_preserving: bool,
        filters: Vec<&'a Value>,
    ) {
        if kind(reference) != "JOIN" {
            self.leaves.push(Leaf {
                alias: alias(reference),
                columns: columns(scratch, reference),
                row_preserving,
                filters: filters.into_iter().cloned().collect(),
                pointer,
            });
            return;
        }
        let on = child(reference, "condition").map(conjuncts).unwrap_or_default();
        let both = |on: Vec<&'a Value>| filters.iter().copied().chain(on).collect::<Vec<_>>();
        let way = text(reference, "ref_type");
        self.natural |= way == "NATURAL";
        // Of each side: whether it is row-preserving, and what filters its rows.
        let (left, right) = match (way, text(reference, "join_type")) {
            ("POSITIONAL", _) => ((false, Vec::new()), (false, Vec::new())),
            ("ASOF", "INNER" | "LEFT") => ((true, filters.clone()), (false, Vec::new())),
            ("REGULAR" | "CROSS" | "NATURAL", join) => match join {
                "INNER" => ((true, both(on.clone())), (true, both(on))),
                "LEFT" | "ANTI" => ((true, filters.clone()), (false, on)),
                "RIGHT" => ((false, on), (true, filters.clone())),
                "SEMI" => ((true, both(on.clone())), (false, on)),
                _ => ((false, Vec::new()), (false, Vec::new())),
            },
            _ => ((false, Vec::new()), (false, Vec::new())),
        };
        for (side, (side_preserving, filters)) in [("left", left), ("right", right)] {
            if let Some(below) = child(reference, side) {
                self.add(scratch, below, format!("{pointer}/{side}"), row_preserving && side_preserving, filters);
            }
        }
    }

    /// Whether a column called `name` (in lower case) is in sight.
    ///
    /// # Errors
    /// When that cannot be told.
    pub(super) fn has_column(&self, name: &str) -> Result<bool, Refusal> {
        let mut found = false;
        for leaf in &self.leaves {
            let columns =
                leaf.columns.as_ref().ok_or_else(|| Refusal("a subquery in FROM looks outside".to_owned()))?;
            found |= columns.iter().any(|column| column == name);
        }
        Ok(found)
    }

    /// The leaf that a column belongs to, where that is beyond doubt.
    fn owner(&self, names: &[&str]) -> Option<usize> {
        let names: Vec<String> = names.iter().map(|name| name.to_lowercase()).collect();
        let has = |leaf: &Leaf, name: &String| leaf.columns.as_ref().is_some_and(|columns| columns.contains(name));
        let only = |test: &dyn Fn(&Leaf) -> bool| {
            let mut found = self.leaves.iter().enumerate().filter(|(_, leaf)| test(leaf));
            found.next().filter(|_| found.next().is_none()).map(|(index, _)| index)
        };
        let (first, second) = (names.first()?, names.get(1));
        if let Some(index) = only(&|leaf| leaf.alias.to_lowercase() == *first) {
            return second.filter(|second| self.leaves.get(index).is_some_and(|leaf| has(leaf, second))).map(|_| index);
        }
        // Not a table's name: a column, or a field of one.
        let known = self.leaves.iter().all(|leaf| leaf.columns.is_some());
        if known { only(&|leaf| has(leaf, first)) } else { None }
    }

    /// Whether a column in `expression` is known to be of this FROM clause, or there is none at all.
    fn has_one_of(&self, expression: &Value) -> bool {
        let (mut any, mut own) = (false, false);
        ast::visit(expression, &mut |object| {
            any |= class(object) == "COLUMN_REF";
            own |= self.owner(&ast::column_names(object)).is_some();
            !own
        });
        own || !any
    }

    /// The conditions that each row of leaf `index` has to meet, and that ask for nothing but that row.
    pub(super) fn conditions(&self, index: usize, functions: &Functions) -> Vec<Value> {
        let filters = self.leaves.get(index).map(|leaf| leaf.filters.as_slice()).unwrap_or_default();
        filters.iter().filter(|filter| self.is_about(filter, index, functions)).cloned().collect()
    }

    fn is_about(&self, filter: &Value, index: usize, functions: &Functions) -> bool {
        let (mut columns, mut simple) = (0, true);
        ast::visit(filter, &mut |object| {
            match class(object) {
                "COLUMN_REF" => {
                    columns += 1;
                    simple &= self.owner(&ast::column_names(object)) == Some(index);
                }
                "SUBQUERY" | "LAMBDA" | "WINDOW" | "STAR" => simple = false,
                _ => simple &= !functions.is_aggregate(object),
            }
            simple
        });
        simple && columns > 0
    }

    /// `expression` such that two ways to write the same column are the same: without the table's name where there is
    /// but one such column.
    pub(super) fn canonical(&self, expression: &Value) -> Value {
        let mut canonical = ast::plain(expression);
        // Nothing in here fails.
        let _ = ast::change(&mut canonical, &mut |object| {
            let names: Vec<String> = ast::column_names(object).iter().map(|name| name.to_lowercase()).collect();
            if let [first, rest @ ..] = names.as_slice() {
                let texts: Vec<&str> = names.iter().map(String::as_str).collect();
                let of_table = self.leaves.iter().any(|leaf| leaf.alias.to_lowercase() == *first);
                let same = rest.first().is_some_and(|second| of_table && self.owner(&texts) == self.owner(&[second]));
                ast::set(object, "column_names", if same { rest.to_vec() } else { names.clone() });
            }
            Ok::<bool, std::convert::Infallible>(!ast::is_query(object))
        });
        canonical
    }
}

/// What a query calls a table reference.
fn alias(reference: &Value) -> String {
    let own = text(reference, "alias");
    let name = match kind(reference) {
        _ if !own.is_empty() => own,
        "BASE_TABLE" => text(reference, "table_name"),
        "TABLE_FUNCTION" => child(reference, "function").map_or("", |function| text(function, "function_name")),
        _ => own,
    };
    name.to_owned()
}

fn columns(scratch: &Scratch, reference: &Value) -> Option<Vec<String>> {
    let own_names = items(reference, "column_name_alias").is_empty();
    match kind(reference) {
        "EMPTY" => Some(Vec::new()),
        "BASE_TABLE" if own_names => scratch.columns_of(text(reference, "table_name")),
        _ => {
            let all = ast::select(vec![ast::star()], reference.clone(), None);
            let columns = scratch.describe(&all).ok()?;
            Some(columns.into_iter().map(|column| column.name.to_lowercase()).collect())
        }
    }
}

/// A table that may be split: each row of the node's FROM and WHERE comes of exactly one row of it.
pub(super) struct Place {
    /// The table's name as the query writes it.
    pub table: String,
    /// What the query calls it where the conditions are.
    pub alias: String,
    /// What its rows have to meet.
    pub conditions: Vec<Value>,
}

/// The tables of `node`, whose FROM clause `from` is, that may be split, also those inside subqueries of it that pass
/// rows one by one.
pub(super) fn places(scratch: &Scratch, functions: &Functions, node: &Value, from: &FromClause) -> Vec<Place> {
    let mut found = Vec::new();
    for (index, leaf) in from.leaves.iter().enumerate().filter(|(_, leaf)| leaf.row_preserving) {
        let Some(reference) = node.pointer(&leaf.pointer) else { continue };
        match kind(reference) {
            "BASE_TABLE" => found.push(Place {
                table: text(reference, "table_name").to_owned(),
                alias: leaf.alias.clone(),
                conditions: conditions_on_names(reference, from.conditions(index, functions)),
            }),
            "SUBQUERY" => {
                let below = reference.pointer("/subquery/node").filter(|below| passes_rows(functions, below));
                let places = |below| places(scratch, functions, below, &FromClause::of(scratch, below));
                found.extend(below.into_iter().flat_map(places));
            }
            _ => {}
        }
    }
    found
}

/// Refuses a query in which a subquery aggregates what a query around it gives: it is that one which is grouped then,
/// although nothing in it says so.
///
/// # Errors
/// The function that does.
pub(super) fn check_aggregates(scratch: &Scratch, functions: &Functions, tree: &Value) -> Result<(), Refusal> {
    let mut subqueries = Vec::new();
    ast::visit(tree, &mut |object| {
        if class(object) == "SUBQUERY" {
            ast::visit(object, &mut |below| {
                if kind(below) == "SELECT_NODE" {
                    subqueries.push(below);
                }
                true
            });
        }
        class(object) != "SUBQUERY"
    });
    for node in subqueries {
        let from = FromClause::of(scratch, node);
        for clause in ["select_list", "having", "qualify", "modifiers"].into_iter().filter_map(|key| child(node, key)) {
            let mut outer = None;
            ast::visit(clause, &mut |object| {
                if functions.is_aggregate(object) && !from.has_one_of(object) {
                    outer = Some(text(object, "function_name"));
                }
                !ast::is_query(object)
            });
            if let Some(name) = outer {
                return Err(Refusal(format!("`{name}` in a subquery aggregates rows of the query around it")));
            }
        }
    }
    Ok(())
}

/// `conditions` on the columns of a table reference, unless that gives them other names than the table does.
pub(super) fn conditions_on_names(reference: &Value, conditions: Vec<Value>) -> Vec<Value> {
    if items(reference, "column_name_alias").is_empty() { conditions } else { Vec::new() }
}

/// Whether a node gives its rows one by one: it neither groups, nor orders, nor looks from one row at another.
pub(super) fn passes_rows(functions: &Functions, node: &Value) -> bool {
    kind(node) == "SELECT_NODE"
        && items(node, "modifiers").is_empty()
        && !is_grouped(functions, node)
        && !has_window(node)
}

/// Whether a SELECT node groups its rows.
pub(super) fn is_grouped(functions: &Functions, node: &Value) -> bool {
    let aggregates = |key: &str| child(node, key).is_some_and(|clause| functions.aggregates(clause));
    text(node, "aggregate_handling") != "STANDARD_HANDLING"
        || !items(node, "group_expressions").is_empty()
        || !items(node, "group_sets").is_empty()
        || child(node, "having").is_some()
        || ["select_list", "qualify", "modifiers"].into_iter().any(aggregates)
}

/// Whether a SELECT node has window functions.
pub(super) fn has_window(node: &Value) -> bool {
    let window = |clause: &Value| ast::any(clause, &|object| class(object) == "WINDOW");
    ["select_list", "qualify", "modifiers"].into_iter().filter_map(|key| child(node, key)).any(window)
}
