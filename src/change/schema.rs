//! `CREATE SCHEMA`, `DROP SCHEMA`.

use anyhow::Result;

use super::done::{Changed, Deed};
use super::reader::{Reader, unsupported};
use super::write::Session;
use crate::error::usage;
use crate::lake::catalog::{Catalog, Scope};
use crate::lake::schemas;
use crate::query::Coordinator;

const CREATE: &str = "write CREATE SCHEMA [IF NOT EXISTS] name";
const DROP: &str = "write DROP SCHEMA [IF EXISTS] name [CASCADE]";

/// What becomes of a schema.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum SchemaChange {
    Create { schema: String, if_not_exists: bool },
    Drop { schema: String, if_exists: bool, cascade: bool },
}

/// Reads what follows `CREATE SCHEMA`.
///
/// # Errors
/// A form that is not supported.
pub(super) fn created(reader: &mut Reader<'_>, replaces: bool) -> Result<SchemaChange> {
    let if_not_exists = reader.takes(&["IF", "NOT", "EXISTS"]);
    let schema = reader.schema(CREATE)?;
    match reader.peek().is_some() || replaces {
        true => Err(unsupported("CREATE SCHEMA in this form", CREATE)),
        false => Ok(SchemaChange::Create { schema, if_not_exists }),
    }
}

/// Reads what follows `DROP SCHEMA`.
///
/// # Errors
/// A form that is not supported.
pub(super) fn dropped(reader: &mut Reader<'_>) -> Result<SchemaChange> {
    let if_exists = reader.takes(&["IF", "EXISTS"]);
    let schema = reader.schema(DROP)?;
    let cascade = reader.takes(&["CASCADE"]);
    if !cascade {
        reader.takes(&["RESTRICT"]);
    }
    match reader.peek() {
        Some(_) => Err(unsupported("DROP SCHEMA in this form", DROP)),
        None => Ok(SchemaChange::Drop { schema, if_exists, cascade }),
    }
}

/// Makes or drops one.
///
/// # Errors
/// It is there, or not; it is not empty; what the bucket says.
pub(super) async fn run(
    coordinator: &Coordinator<'_>,
    session: &Session<'_>,
    change: &SchemaChange,
) -> Result<Changed> {
    let bucket = &coordinator.target.bucket;
    match change {
        SchemaChange::Create { schema, if_not_exists } => {
            let create = |catalog: &mut Catalog| schemas::create(catalog, schema, *if_not_exists);
            // Not a write for nothing: tools ask for their schema each time.
            let is_there = *if_not_exists && schemas::find(coordinator.catalog, schema).is_some();
            let made = !is_there && session.transaction.update(bucket, Scope::NONE, create).await?;
            Ok(Changed { changed: made, ..Changed::nothing(Deed::CreateSchema, schema) })
        }
        SchemaChange::Drop { schema, if_exists, cascade } => {
            let is_there = schemas::find(coordinator.catalog, schema).is_some();
            if *if_exists && !is_there && !schema.eq_ignore_ascii_case("main") {
                return Ok(Changed::nothing(Deed::DropSchema, schema));
            }
            // The files of a table that goes are looked for in its metadata.
            let members = schemas::members(coordinator.catalog, schema);
            let scope = if *cascade && !members.is_empty() { Scope::All } else { Scope::NONE };
            let drop = |catalog: &mut Catalog| {
                if *cascade && schemas::members(catalog, schema).iter().any(|name| catalog.others.contains_key(name)) {
                    let help = "run it again";
                    return Err(usage(format!("somebody else has put a table into `{schema}` meanwhile"), help));
                }
                schemas::take_out(catalog, schema, *cascade)
            };
            session.transaction.update(bucket, scope, drop).await?;
            Ok(Changed::nothing(Deed::DropSchema, schema).made())
        }
    }
}
