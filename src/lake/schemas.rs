//! Schemas: what may stand before a table's or a view's name and a dot. `main` is always there, and stands before no name.

use anyhow::Result;
use quack_function::names;

use super::catalog::{self, Catalog, Scope};
use super::drop;
use crate::bucket::Bucket;
use crate::error::{failure, nearest, usage};

/// What the schema `name` is really called, if there is one.
pub(crate) fn find<'a>(catalog: &'a Catalog, name: &str) -> Option<&'a str> {
    catalog.schemas.iter().map(String::as_str).find(|known| known.eq_ignore_ascii_case(name))
}

/// Refuses a table's or a view's name in a schema that is not there.
///
/// # Errors
/// That it is; the nearest is named.
pub(crate) fn check(catalog: &Catalog, name: &str) -> Result<()> {
    let Some(schema) = names::parts(name).0.filter(|schema| find(catalog, schema).is_none()) else { return Ok(()) };
    Err(missing(catalog, schema))
}

fn missing(catalog: &Catalog, schema: &str) -> anyhow::Error {
    let near = nearest(schema, catalog.schemas.iter().map(String::as_str));
    let help = near.map_or_else(
        || format!("`quackctl query 'CREATE SCHEMA {schema}'` makes it"),
        |near| format!("did you mean `{near}`?"),
    );
    failure(format!("there is no schema `{schema}`"), help)
}

/// Makes a schema; false where it is there already and may be.
///
/// # Errors
/// It is there and may not be; nothing can be called so.
pub(crate) fn create(catalog: &mut Catalog, name: &str, if_not_exists: bool) -> Result<bool> {
    let known = if name.eq_ignore_ascii_case("main") { Some("main") } else { find(catalog, name) };
    match known {
        Some(_) if if_not_exists => return Ok(false),
        Some(known) => {
            return Err(failure(
                format!("there is a schema `{known}` already"),
                "CREATE SCHEMA IF NOT EXISTS lets it be",
            ));
        }
        None => {}
    }
    if !names::is_schema(name) {
        return Err(usage(
            format!("`{name}` cannot be a schema's name"),
            "use letters, digits and `_`, not a digit first, at most 64, and no name of DuckDB's own schemas and databases",
        ));
    }
    catalog.schemas.insert(name.to_owned());
    Ok(true)
}

/// Makes the schema that the table `name` is to be in, if the `catalog` has none, in the bucket's and in that one.
///
/// # Errors
/// What the bucket says.
pub(crate) async fn ensure(bucket: &Bucket, catalog: &mut Catalog, name: &str) -> Result<()> {
    if check(catalog, name).is_ok() {
        return Ok(());
    }
    with_that_of(catalog, name);
    let made = catalog::update(bucket, Scope::NONE, |catalog| {
        with_that_of(catalog, name);
        Ok(())
    });
    made.await
}

/// Makes the schema of a table or a view that comes back, if it is gone.
pub(crate) fn with_that_of(catalog: &mut Catalog, name: &str) {
    if let Some(schema) = names::parts(name).0.filter(|schema| find(catalog, schema).is_none()) {
        catalog.schemas.insert(schema.to_owned());
    }
}

/// The names of the tables and views in a schema.
pub(crate) fn members(catalog: &Catalog, schema: &str) -> Vec<String> {
    let is_in = |name: &&str| names::parts(name).0.is_some_and(|own| own.eq_ignore_ascii_case(schema));
    catalog.names().filter(is_in).map(str::to_owned).collect()
}

/// Takes a schema out of the catalog, with all that is in it if that is to go, too.
///
/// # Errors
/// There is none; there is something in it that is not to go.
pub(crate) fn take_out(catalog: &mut Catalog, name: &str, with_all: bool) -> Result<()> {
    if name.eq_ignore_ascii_case("main") {
        return Err(failure("the schema `main` cannot be dropped", "DROP TABLE and DROP VIEW take out what is in it"));
    }
    let schema = find(catalog, name).map(str::to_owned).ok_or_else(|| missing(catalog, name))?;
    let members = members(catalog, &schema);
    if let (Some(first), false) = (members.first(), with_all) {
        return Err(failure(
            format!("the schema `{schema}` is not empty: `{first}` is in it"),
            format!("DROP SCHEMA {schema} CASCADE drops the tables and views in it, too"),
        ));
    }
    for member in &members {
        if catalog.views.remove(member).is_none() {
            drop::take_out(catalog, member)?;
        }
    }
    catalog.schemas.remove(&schema);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lake::catalog::Table;

    #[test]
    fn a_schema_comes_and_goes_with_what_is_in_it() {
        let mut catalog = Catalog::default();
        assert!(create(&mut catalog, "Sales", false).unwrap());
        assert!(!create(&mut catalog, "sales", true).unwrap());
        assert!(!create(&mut catalog, "Main", true).unwrap());
        for name in ["sales", "main", "temp", "Memory", "1st", "a.b", ""] {
            assert!(create(&mut catalog, name, false).is_err(), "{name}");
        }
        catalog.tables.insert("sales.orders".to_owned(), Table::of(Vec::new()));
        catalog.tables.insert("orders".to_owned(), Table::of(Vec::new()));
        assert!(check(&catalog, "SALES.x").is_ok() && check(&catalog, "x").is_ok());
        assert!(check(&catalog, "sale.x").unwrap_err().to_string().contains("no schema `sale`"));
        assert!(take_out(&mut catalog, "sales", false).unwrap_err().to_string().contains("`sales.orders` is in it"));
        take_out(&mut catalog, "SALES", true).unwrap();
        assert_eq!((catalog.schemas.len(), catalog.tables.len()), (0, 1));
        assert!(take_out(&mut catalog, "sales", true).is_err() && take_out(&mut catalog, "main", true).is_err());
    }
}
