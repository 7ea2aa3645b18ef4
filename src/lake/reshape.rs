//! Tables that get other columns while their files stay as they are: what a file lacks is NULL, what it has more is not read, and
//! numbers of a narrower type are cast.

use std::collections::HashSet;

use quack_function::sql_type::SqlType;
use quack_function::wire::Column;

use super::iceberg::snapshot::{fields, stored_columns};
use super::table::{ColumnStats, FileColumn, Table};
use crate::duck::types;

/// What a table's columns cannot become without its files being written anew.
#[derive(Debug, Clone)]
pub(crate) struct Limits {
    /// Names that columns have or had, in lower case: files may have something else under such a name.
    taken: HashSet<String>,
}

impl Limits {
    /// Those of a table; nothing, if its files have to have its columns.
    pub(crate) fn of(table: &Table) -> Option<Self> {
        let state = table.origin.0.as_ref()?;
        let own = table.columns.iter().map(|column| (&column.name, &column.sql_type));
        let stored = stored_columns(&state.metadata);
        let is_stored = own.eq(stored.iter().map(|column| (&column.name, &column.sql_type)));
        // Of files that were added to columns which are not stored yet nothing tells what they have.
        if table.schema.is_some() || !is_stored && table.files.iter().any(|file| file.schema.is_none()) {
            return None;
        }
        let names = state.metadata.schemas.iter().flat_map(fields).filter_map(|field| field["name"].as_str());
        let names = names.chain(table.columns.iter().map(|column| column.name.as_str()));
        Some(Self { taken: names.map(str::to_lowercase).collect() })
    }

    /// Whether columns `own` may become `wanted`.
    pub(crate) fn allow(&self, own: &[Column], wanted: &[Column]) -> bool {
        wanted.iter().all(|column| match own.iter().find(|own| own.name == column.name) {
            Some(own) => own.sql_type == column.sql_type || grows(&own.sql_type, &column.sql_type),
            None => !self.taken.contains(&column.name.to_lowercase()),
        })
    }
}

/// Whether values of the first type are all values of the second, for whoever follows Iceberg's rules, too.
pub(crate) fn grows(from: &str, to: &str) -> bool {
    let (Ok(from), Ok(to)) = (types::parse(from), types::parse(to)) else { return false };
    match (from, to) {
        (SqlType::Plain(from), SqlType::Plain("BIGINT")) => {
            ["TINYINT", "SMALLINT", "INTEGER", "UTINYINT", "USMALLINT"].contains(&from)
        }
        (SqlType::Plain("FLOAT"), SqlType::Plain("DOUBLE")) => true,
        (SqlType::Decimal { width: a, scale: b }, SqlType::Decimal { width: c, scale: d }) => a < c && b == d,
        _ => false,
    }
}

/// Has the table have the columns `wanted` in its files, besides its partitions. `false` where that is not to be had: then
/// nothing was changed, and its files have to be written anew.
pub(crate) fn reshape(table: &mut Table, wanted: &[Column]) -> bool {
    let own = table.own_columns();
    if !Limits::of(table).is_some_and(|limits| limits.allow(&own, wanted)) {
        return false;
    }
    let Some(current) = table.origin.0.as_ref().map(|state| state.metadata.current_schema_id) else { return false };
    let is_new = |column: &&Column| !own.iter().any(|own| own.name == column.name);
    let new: Vec<&Column> = wanted.iter().filter(is_new).collect();
    // The bounds of some are no bounds of what they are cast to.
    let is_same = |name: &str| {
        let of = |columns: &[Column]| {
            columns.iter().find(|column| column.name == name).map(|column| column.sql_type.clone())
        };
        of(&own).is_some_and(|before| before != "FLOAT" || of(wanted).as_deref() == Some("FLOAT"))
    };
    let is_wanted = |name: &str| wanted.iter().any(|column| column.name == name);
    for file in &mut table.files {
        if file.schema.is_none() {
            table.differs.entry(current).or_default();
            file.schema = Some(current);
        }
        file.columns.retain(|name, _| is_wanted(name) && is_same(name));
        let nothing = FileColumn { nulls: Some(file.rows), bytes: Some(0), ..FileColumn::default() };
        file.columns.extend(new.iter().map(|column| (column.name.clone(), nothing.clone())));
    }
    for differs in table.differs.values_mut() {
        differs.named.retain(|name, _| is_wanted(name));
        differs.lacks.retain(|name| is_wanted(name));
        differs.lacks.extend(new.iter().map(|column| column.name.clone()));
    }
    let told = |Column { name, sql_type }: &Column| {
        let known = table.columns.iter().find(|column| column.name == *name);
        let bounds = known.filter(|_| is_same(name)).map(|column| (column.min.clone(), column.max.clone()));
        let (min, max) = bounds.unwrap_or_default();
        let nulls = known.map_or(Some(table.rows), |column| column.nulls);
        ColumnStats { name: name.clone(), sql_type: sql_type.clone(), nulls, min, max }
    };
    let mut columns: Vec<ColumnStats> = wanted.iter().map(told).collect();
    columns.extend(table.columns.drain(own.len()..));
    table.columns = columns;
    table.comments.retain(|name, _| table.columns.iter().any(|column| column.name == *name));
    true
}
