//! Which columns of a file are those of another program's table: by their numbers, as Iceberg has it, or by names where the file
//! has no numbers.

use std::collections::{BTreeMap, HashMap, HashSet};

use quack_function::sql_type::SqlType;
use quack_function::wire::Column;
use serde_json::{Value as Json, json};

use super::footers::Node;
use crate::duck::types;
use crate::lake::iceberg::foreign::{Field, Of};
use crate::lake::iceberg::shapes::{Held, iceberg_type};
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
        let nested = match of {
            Some((field, own)) => fits(field, own, tree, column, has_numbers)?,
            None => None,
        };
        held.push(Held { column: column.clone(), of: of.map(|(_, own)| own.name.clone()), nested });
    }
    Ok(held)
}

/// Refuses a column that is not read as the table's. Gives what Iceberg calls its type, if what is within it is not just what is
/// within the table's: DuckDB casts structs by the names in them.
fn fits(
    field: &Field,
    own: &Column,
    tree: &Tree<'_>,
    column: &Column,
    has_numbers: bool,
) -> Result<Option<Json>, String> {
    let theirs = types::parse(&column.sql_type)?;
    if theirs == field.sql_type() {
        return match has_numbers && !is_within(&field.of, &tree.within) {
            false => Ok(None),
            true => Err(format!(
                "what is within its column {:?} is not what is within the table's `{}`",
                column.name, own.name
            )),
        };
    }
    if grows(&column.sql_type, &own.sql_type) {
        return Ok(None);
    }
    match has_numbers && !tree.within.is_empty() && becomes(&field.of, tree, &theirs) {
        true => Ok(Some(named(tree, &theirs))),
        false => Err(format!(
            "its column {:?} is {}, and the table's `{}` is {}",
            column.name, column.sql_type, own.name, own.sql_type
        )),
    }
}

/// Whether a cast makes the table's column of a file's, of the type `theirs`: what has one number has one name, too, and what is within
/// it is as the table has it, or narrower.
fn becomes(of: &Of, tree: &Tree<'_>, theirs: &SqlType) -> bool {
    let is = |field: &Field, tree: &Tree<'_>, theirs: &SqlType| {
        tree.node.id == Some(field.id.into()) && becomes(&field.of, tree, theirs)
    };
    match (of, theirs, tree.within.as_slice()) {
        (Of::Plain(own, _), _, []) => own == theirs || grows(&theirs.to_string(), &own.to_string()),
        (Of::Struct(fields), SqlType::Struct(members), trees) if trees.len() == members.len() => {
            let mut known = HashSet::new();
            let mut any = false;
            let mut all = trees.iter().zip(members);
            let fit = all.all(|(tree, (name, theirs))| {
                let own = fields.iter().find(|field| tree.node.id == Some(field.id.into()));
                any |= own.is_some();
                let is_own = match own {
                    Some(field) => field.name == *name && is(field, tree, theirs),
                    None => fields.iter().all(|field| field.name.to_lowercase() != name.to_lowercase()),
                };
                tree.node.id.is_some() && tree.node.name == *name && known.insert(name.to_lowercase()) && is_own
            });
            fit && any
        }
        (Of::List(element), SqlType::List(theirs), [Tree { within, .. }]) => {
            matches!(within.as_slice(), [own] if is(element, own, theirs))
        }
        (Of::Map(pair), SqlType::Map(key, value), [Tree { within, .. }]) => {
            matches!(within.as_slice(), [k, v] if is(&pair[0], k, key) && is(&pair[1], v, value))
        }
        _ => false,
    }
}

/// What Iceberg calls a type of a file's, with the numbers that are in it.
fn named(tree: &Tree<'_>, theirs: &SqlType) -> Json {
    match (theirs, tree.within.as_slice()) {
        (SqlType::Struct(members), trees) => {
            let field = |(tree, (name, theirs)): (&Tree<'_>, &(String, SqlType))| json!({ "id": tree.node.id, "name": name, "required": false, "type": named(tree, theirs) });
            json!({ "type": "struct", "fields": trees.iter().zip(members).map(field).collect::<Vec<_>>() })
        }
        (SqlType::List(theirs), [Tree { within, .. }]) if let [own] = within.as_slice() => json!({
            "type": "list", "element-id": own.node.id, "element-required": false, "element": named(own, theirs)
        }),
        (SqlType::Map(key, value), [Tree { within, .. }]) if let [k, v] = within.as_slice() => json!({
            "type": "map", "key-id": k.node.id, "key": named(k, key),
            "value-id": v.node.id, "value-required": false, "value": named(v, value)
        }),
        _ => iceberg_type(theirs),
    }
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
