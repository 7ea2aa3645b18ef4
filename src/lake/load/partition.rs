//! `--partition-by NAME=EXPR`: what it says, and whether it fits the columns.

use anyhow::Result;
use duckdb::Connection;
use quack_function::wire::Column;

use super::expression;
use crate::duck::words::{columns, words};
use crate::error::{nearest, usage};
use crate::lake::catalog::Table;

use quack_function::names::is_name;
use quack_function::sql::identifier;

/// Most folders that one load may make.
pub(super) const MOST: usize = 10_000;

/// Types whose values have a text that a folder name can carry and a query can read back.
const TYPES: &[&str] = &[
    "BOOLEAN",
    "TINYINT",
    "SMALLINT",
    "INTEGER",
    "BIGINT",
    "UTINYINT",
    "USMALLINT",
    "UINTEGER",
    "UBIGINT",
    "HUGEINT",
    "UHUGEINT",
    "FLOAT",
    "DOUBLE",
    "VARCHAR",
    "DATE",
    "TIME",
    "TIMESTAMP",
    "TIMESTAMP WITH TIME ZONE",
    "UUID",
];

/// One level of folders, or a column that was one before the table was compacted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Partition {
    pub name: String,
    pub expression: String,
    /// Whether it is a folder, or a column in the files.
    pub is_folder: bool,
}

impl Partition {
    /// Reads `NAME=EXPR`, or `COLUMN` for a column as it is.
    ///
    /// # Errors
    /// A usage error for a name that cannot be a column's and for an empty expression.
    pub(super) fn parse(text: &str) -> Result<Self> {
        let (name, expression) = text.split_once('=').unwrap_or((text, text));
        let (name, expression) = (name.trim(), expression.trim());
        if !is_name(name) || expression.is_empty() {
            return Err(usage(
                format!("cannot partition by `{text}`"),
                "give NAME=EXPR: a name of letters, digits and `_`, and SQL, e.g. 'day=CAST(pickup AS DATE)'",
            ));
        }
        Ok(Self { name: name.to_owned(), expression: expression.to_owned(), is_folder: true })
    }

    /// As `table` has it, which was loaded by it: nothing, if it is a column in the files that rows bring along.
    pub(super) fn of(self, table: &Table) -> Option<Self> {
        let is_called = |name: &str| name.eq_ignore_ascii_case(&self.name);
        let is_folder = table.partitions.iter().any(|column| is_called(&column.name));
        let is_column = table.columns.iter().any(|column| is_called(&column.name));
        (is_folder || is_column && !self.is_plain()).then_some(Self { is_folder, ..self })
    }

    /// True when the expression is no more than a column of that name, if there is one.
    pub(super) fn is_plain(&self) -> bool {
        let bare = self.expression.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
        bare.unwrap_or(&self.expression).eq_ignore_ascii_case(&self.name)
    }
}

/// Refuses to partition by a column whose values folder names do not bring back.
///
/// # Errors
/// A usage error that names the column and its type.
pub(crate) fn can_be_folder(column: &Column) -> Result<()> {
    let base = column.sql_type.split('(').next().unwrap_or_default();
    if column.sql_type.ends_with(']') || !(TYPES.contains(&base) || base == "DECIMAL") {
        return Err(usage(
            format!("cannot partition by `{}`: folder names cannot carry {}", column.name, column.sql_type),
            "partition by a number, a text, a date or a time",
        ));
    }
    Ok(())
}

/// How the rows are split: the extra columns to select, and the partition columns with their types.
#[derive(Debug, Default)]
pub(super) struct Plan {
    /// `, (EXPR) AS "name"` for each that is not a column already.
    pub select: String,
    pub columns: Vec<Column>,
}

/// Checks `partitions` against the empty table `shape`, that has the source's `columns`.
///
/// # Errors
/// A usage error that quotes the expression and what DuckDB says of it.
pub(super) fn plan(connection: &Connection, shape: &str, source: &[Column], partitions: &[Partition]) -> Result<Plan> {
    let mut plan = Plan::default();
    for partition in partitions {
        let Partition { name, expression, is_folder } = partition;
        if find(&plan.columns, name).is_some() {
            return Err(usage(format!("two partitions are named `{name}`"), "give each its own name"));
        }
        let existing = if partition.is_plain() { find(source, name) } else { None };
        if let Some(column) = existing {
            plan.columns.push(column.clone());
            continue;
        }
        if find(source, name).is_some() {
            return Err(usage(
                format!("cannot partition by `{name}={expression}`: the data have a column `{name}` already"),
                "choose another name for the partition",
            ));
        }
        let near = nearest(expression, source.iter().map(|column| column.name.as_str()));
        let help = near
            .map_or_else(|| format!("columns: {}", names(source)), |near| format!("did you mean the column `{near}`?"));
        if expression == name {
            return Err(usage(format!("cannot partition by `{name}`: the data have no such column"), help));
        }
        expression::check(connection, expression).map_err(|why| {
            usage(format!("cannot partition by `{name}={expression}`: {why}"), "give one expression over the columns")
        })?;
        // The line break ends a comment that the expression may end with.
        let select = format!(", ({expression}\n) AS {}", identifier(name));
        let found = columns(connection, &format!("SELECT *{select} FROM {shape}")).map_err(|error| {
            let said = words(&error, std::path::Path::new("/"));
            usage(format!("cannot partition by `{name}={expression}`: {said}"), help)
        })?;
        plan.columns.extend(found.last().filter(|_| *is_folder).cloned());
        plan.select.push_str(&select);
    }
    plan.columns.iter().try_for_each(can_be_folder)?;
    if !source.is_empty() && source.iter().all(|column| find(&plan.columns, &column.name).is_some()) {
        return Err(usage("every column is a partition: the files would have none", "leave one column out"));
    }
    Ok(plan)
}

fn find<'a>(columns: &'a [Column], name: &str) -> Option<&'a Column> {
    columns.iter().find(|column| column.name.eq_ignore_ascii_case(name))
}

fn names(columns: &[Column]) -> String {
    columns.iter().map(|column| column.name.as_str()).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::duck::{self, Sandbox};

    fn planned(partitions: &[&str]) -> Result<Plan> {
        let connection = duck::open(&Sandbox::default()).unwrap();
        connection.execute_batch("CREATE TABLE shape (pickup TIMESTAMP, zone VARCHAR, tags VARCHAR[])").unwrap();
        let source = columns(&connection, "SELECT * FROM shape").unwrap();
        let partitions: Result<Vec<_>> = partitions.iter().map(|text| Partition::parse(text)).collect();
        plan(&connection, "shape", &source, &partitions?)
    }

    fn refused(partitions: &[&str]) -> String {
        planned(partitions).unwrap_err().to_string()
    }

    #[test]
    fn expressions_and_columns_become_partitions() {
        let plan = planned(&["day=CAST(pickup AS DATE)", "zone"]).unwrap();
        assert_eq!(plan.select, ", (CAST(pickup AS DATE)\n) AS \"day\"");
        let types: Vec<_> = plan.columns.iter().map(|c| (c.name.as_str(), c.sql_type.as_str())).collect();
        assert_eq!(types, [("day", "DATE"), ("zone", "VARCHAR")]);
        assert_eq!(planned(&["zone=\"Zone\""]).unwrap().select, "");
    }

    #[test]
    fn what_does_not_fit_is_quoted() {
        assert!(refused(&["day"]).contains("cannot partition by `day`: the data have no such column"));
        assert!(refused(&["d=pikup"]).contains("pikup"));
        assert!(refused(&["d=CAST(pickup AS"]).contains("Parser Error"));
        assert!(refused(&["n=count(*)"]).contains("cannot partition by `n=count(*)`"));
        assert!(refused(&["zone=upper(zone)"]).contains("have a column `zone` already"));
        assert!(refused(&["tags"]).contains("cannot carry VARCHAR[]"));
        assert!(refused(&["day=1", "DAY=2"]).contains("two partitions are named `DAY`"));
        assert!(refused(&["a b=1"]).contains("cannot partition by `a b=1`"));
        assert!(refused(&["day="]).contains("cannot partition by `day=`"));
    }
}
