//! Views expanded: where a query names one, its SELECT comes in the place of the name, so that it can be divided as if it had been
//! written there. Whoever wrote the view is not whoever asks, so how much comes of it is bounded.

use std::collections::HashMap;

use serde_json::{Value, json};

use super::ast::{self, items, kind, text};
use super::normal;
use super::refusal::Refusal;
use super::schemas;
use super::scratch::Scratch;
use super::walk::references;
use crate::lake::catalog::Catalog;

/// Views that stand upon each other, at most.
const DEEPEST: usize = 100;

/// Puts the SELECTs of views in the place of their names. Whether there were any; common table expressions are then inlined, too,
/// so that none of the query's is taken for what a view names.
///
/// # Errors
/// A view that does not bind by itself, reads itself, or has what the planner does not support; a query that becomes too long.
pub(super) fn expand(scratch: &Scratch, root: &mut Value, catalog: &Catalog) -> Result<bool, Refusal> {
    if !references(root).iter().any(|name| catalog.view(name).is_some()) {
        return Ok(false);
    }
    normal::inline(root)?;
    let mut expansion =
        Expansion { scratch, catalog, bodies: HashMap::new(), open: Vec::new(), left: normal::MOST_VALUES };
    expansion.within(root)?;
    Ok(true)
}

struct Expansion<'a> {
    scratch: &'a Scratch,
    catalog: &'a Catalog,
    /// SELECTs of views by their names, expanded themselves, and how many values each of their trees has.
    bodies: HashMap<String, (Value, usize)>,
    /// The views that are being expanded.
    open: Vec<String>,
    /// Values that may still be put into the place of names.
    left: usize,
}

impl Expansion<'_> {
    fn within(&mut self, node: &mut Value) -> Result<(), Refusal> {
        ast::change(node, &mut |object| {
            let is_plain = kind(object) == "BASE_TABLE" && text(object, "schema_name").is_empty();
            let Some((name, view)) = self.catalog.view(text(object, "table_name")).filter(|_| is_plain) else {
                return Ok(true);
            };
            let body = self.body(name, &view.sql)?;
            let alias = Some(text(object, "alias")).filter(|alias| !alias.is_empty());
            let alias = alias.unwrap_or(text(object, "table_name")).to_owned();
            let mut columns = items(object, "column_name_alias").to_vec();
            columns.extend(view.aliases.iter().skip(columns.len()).map(|name| json!(name)));
            *object = ast::derived(body, &alias, columns);
            Ok::<bool, Refusal>(false)
        })
    }

    /// The SELECT of a view, with those of others in it.
    fn body(&mut self, name: &str, sql: &str) -> Result<Value, Refusal> {
        if !self.bodies.contains_key(name) {
            if self.open.iter().any(|open| open == name) || self.open.len() >= DEEPEST {
                return Err(Refusal(format!("the view `{name}` reads itself, or too many others")));
            }
            self.open.push(name.to_owned());
            let mut body = self.scratch.parse(sql)?;
            schemas::join(&mut body)?;
            normal::check(&body)?;
            normal::inline(&mut body)?;
            self.within(&mut body)?;
            for table in references(&body) {
                if let Some((table, known)) = self.catalog.find(table) {
                    self.scratch.add_table(table, known)?;
                }
            }
            // A name that the view lacks must not be found in the query around it.
            self.scratch.describe(&body)?;
            self.open.pop();
            let values = normal::values(&body);
            self.bodies.insert(name.to_owned(), (body, values));
        }
        let Some((body, values)) = self.bodies.get(name) else { return Ok(Value::Null) };
        self.left = self.left.checked_sub(*values).ok_or_else(normal::too_long)?;
        Ok(body.clone())
    }
}
