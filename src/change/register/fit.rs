//! Which columns of a file are those of another program's table: by their numbers, as Iceberg has it, or by names where the file
//! has no numbers.

use std::collections::{BTreeMap, HashMap, HashSet};

use quack_function::sql_type::SqlType;
use quack_function::wire::Column;

use super::footers::Node;
use crate::duck::types;
use crate::lake::iceberg::foreign::{Field, Of};
use crate::lake::iceberg::shapes::Held;
use crate::lake::reshape::grows;

/// Deepest nesting of a file's columns.
const DEPTH: usize = 64;

/// A column of a file, with what is within it.
struct Tree<'a> {
    node: &'a Node,
    within: Vec<Tree<'a>>,
}

/// Takes a tree from the front of `nodes`.
fn tree<'a>(nodes: &mut &'a [Node], depth: usize) -> Option<Tree<'a>> {
    let (node, rest) = nodes.split_first().filter(|_| depth < DEPTH)?;
    *nodes = rest;
    let within = (0..node.children).map(|_| tree(nodes, depth + 1)).collect::<Option<_>>()?;
    Some(Tree { node, within })
}

/// What a table's columns are called, and which type they have.
pub(super) struct Wanted<'a> {
    pub fields: &'a [Field],
    /// The same in DuckDB's words.
    pub columns: &'a [Column],
    /// Numbers by names, for files without numbers.
    pub names: Option<&'a HashMap<String, i32>>,
}

/// The columns of files, as the schema (`nodes`) and DuckDB (`described`) tell of them, each with the one of the table's that it is.
///
/// # Errors
/// What is wrong, in words that follow the name of the file.
pub(super) fn held(wanted: &Wanted<'_>, nodes: &[Node], described: &[Column]) -> Result<Vec<Held>, String> {
    let mut left = nodes;
    let mut trees = Vec::new();
    while !left.is_empty() {
        trees.push(tree(&mut left, 0).ok_or("its schema is none")?);
    }
    // DuckDB calls the second column of a name otherwise.
    let mut known = HashSet::new();
    if let Some(twice) = trees.iter().find(|tree| !known.insert(tree.node.name.to_lowercase())) {
        return Err(format!("it has two columns {:?}, but for upper and lower case", twice.node.name));
    }
    if !trees.iter().map(|tree| &tree.node.name).eq(described.iter().map(|column| &column.name)) {
        return Err("its columns are not those of its schema".to_owned());
    }
    let has_numbers = trees.iter().any(|tree| tree.node.id.is_some());
    if !has_numbers && wanted.names.is_none() {
        return Err("its columns have no numbers (field ids), and the table has no mapping of names to such".to_owned());
    }
    let number = |node: &Node| match wanted.names.filter(|_| !has_numbers) {
        Some(names) => names.get(&node.name).copied(),
        None => node.id.and_then(|id| i32::try_from(id).ok()),
    };
    let mut taken: BTreeMap<i32, &str> = BTreeMap::new();
    let mut held = Vec::with_capacity(trees.len());
    for (tree, column) in trees.iter().zip(described) {
        let id = number(tree.node);
        if let Some(other) = id.and_then(|id| taken.insert(id, &tree.node.name)) {
            return Err(format!("its columns {other:?} and {:?} have one number", tree.node.name));
        }
        let at = wanted.fields.iter().position(|field| Some(field.id) == id);
        let of = at.and_then(|at| Some((wanted.fields.get(at)?, wanted.columns.get(at)?)));
        if let Some((field, own)) = of {
            fits(field, own, tree, column, has_numbers)?;
        }
        held.push(Held { column: column.clone(), of: of.map(|(_, own)| own.name.clone()) });
    }
    Ok(held)
}

/// Refuses a column that is not read as the table's.
fn fits(field: &Field, own: &Column, tree: &Tree<'_>, column: &Column, has_numbers: bool) -> Result<(), String> {
    let theirs = types::parse(&column.sql_type);
    let is_same = theirs.as_ref().is_ok_and(|theirs| *theirs == field.sql_type());
    if !is_same && !grows(&column.sql_type, &own.sql_type) {
        return Err(format!(
            "its column {:?} is {}, and the table's `{}` is {}",
            column.name, column.sql_type, own.name, own.sql_type
        ));
    }
    if has_numbers && !is_within(&field.of, &tree.within) {
        return Err(format!(
            "what is within its column {:?} is not what is within the table's `{}`",
            column.name, own.name
        ));
    }
    Ok(())
}

/// Whether what is within a column of a file has the numbers and names of what is within the table's.
fn is_within(of: &Of, within: &[Tree<'_>]) -> bool {
    let is =
        |field: &Field, tree: &Tree<'_>| tree.node.id == Some(field.id.into()) && is_within(&field.of, &tree.within);
    match (of, within) {
        (Of::Plain(..), []) => true,
        (Of::Struct(fields), trees) => {
            let all = fields.iter().zip(trees);
            fields.len() == trees.len()
                && all.into_iter().all(|(field, tree)| field.name == tree.node.name && is(field, tree))
        }
        (Of::List(element), [Tree { within, .. }]) => matches!(within.as_slice(), [own] if is(element, own)),
        (Of::Map(pair), [Tree { within, .. }]) => {
            matches!(within.as_slice(), [key, value] if is(&pair[0], key) && is(&pair[1], value))
        }
        _ => false,
    }
}

/// The columns of the table, each of the type as DuckDB spells it for a file that has just that, where there is one.
pub(super) fn columns<'a>(fields: &[Field], described: impl Iterator<Item = &'a Column>) -> Vec<Column> {
    let nested = |of: &SqlType| matches!(of, SqlType::Struct(_) | SqlType::List(_) | SqlType::Map(..));
    let spelled: Vec<(SqlType, &str)> = described
        .filter_map(|column| Some((types::parse(&column.sql_type).ok()?, column.sql_type.as_str())))
        .filter(|(sql_type, _)| nested(sql_type))
        .collect();
    let column = |field: &Field| {
        let sql_type = field.sql_type();
        let known = spelled.iter().find(|(known, _)| *known == sql_type);
        Column { name: field.name.clone(), sql_type: known.map_or_else(|| sql_type.to_string(), |of| of.1.to_owned()) }
    };
    fields.iter().map(column).collect()
}
