//! What people write about tables, views and columns. Of a table, others that read Iceberg see it, too.

use anyhow::Result;

use super::catalog::Catalog;
use crate::error::{nearest, usage};

/// Puts what is written about the table or the view `name`, or about a column of it; nothing takes away what was there. Gives how
/// that is called.
///
/// # Errors
/// There is neither, or no such column; the nearest is named.
pub(crate) fn put(catalog: &mut Catalog, name: &str, column: Option<&str>, text: Option<&str>) -> Result<String> {
    let text = text.map(str::to_owned);
    if let Some(known) = catalog.view(name).map(|(known, _)| known.to_owned())
        && let Some(view) = catalog.views.get_mut(&known)
    {
        match column {
            None => view.comment = text,
            Some(column) => {
                let names: Vec<String> = view.columns.iter().map(|column| column.name.clone()).collect();
                view.columns[find(&known, column, &names)?].comment = text;
            }
        }
        return Ok(known);
    }
    let known = catalog.table(name)?.0.to_owned();
    if let Some(table) = catalog.tables.get_mut(&known) {
        match column {
            None => table.comment = text,
            Some(column) => {
                let mut names: Vec<String> = table.columns.iter().map(|column| column.name.clone()).collect();
                let column = names.swap_remove(find(&known, column, &names)?);
                match text {
                    Some(text) => table.comments.insert(column, text),
                    None => table.comments.remove(&column),
                };
            }
        }
    }
    Ok(known)
}

/// Where among `names` a column of `of` is.
fn find(of: &str, column: &str, names: &[String]) -> Result<usize> {
    names.iter().position(|name| name.eq_ignore_ascii_case(column)).ok_or_else(|| {
        let near = nearest(column, names.iter().map(String::as_str));
        let help = near.map_or_else(|| format!("DESCRIBE {of} lists them"), |near| format!("did you mean `{near}`?"));
        usage(format!("`{of}` has no column `{column}`"), help)
    })
}
