//! The columns of a table, as a statement names them.

use anyhow::Result;
use quack_function::names;
use quack_function::sql::identifier;
use quack_function::wire::Column;

use super::reader::Value;
use crate::error::{failure, nearest, usage};
use crate::lake::catalog::Table;

/// A table's columns: those in its files, then those that it is partitioned by.
pub(super) struct Columns<'a> {
    /// The table's name.
    name: &'a str,
    all: Vec<Column>,
    /// How a column that the table is partitioned by, or was before it was compacted, is reckoned from the others, where it was
    /// loaded so.
    reckoned: Vec<Option<&'a str>>,
}

impl<'a> Columns<'a> {
    pub(super) fn of(name: &'a str, table: &'a Table) -> Self {
        let mut all = table.own_columns();
        all.extend(table.partitions.iter().cloned());
        let reckoned = |column: &Column| {
            let by =
                table.partition_by.iter().find_map(|by| by.split_once('=').filter(|(of, _)| of.trim() == column.name));
            let expression = by.map(|(_, expression)| expression.trim());
            let is_itself = |by: &&str| by.trim_matches('"').eq_ignore_ascii_case(&column.name);
            expression.filter(|by| !is_itself(by))
        };
        let reckoned = all.iter().map(reckoned).collect();
        Self { name, all, reckoned }
    }

    pub(super) fn all(&self) -> &[Column] {
        &self.all
    }

    /// The place of a column.
    ///
    /// # Errors
    /// There is none of that name: the error names the nearest.
    pub(super) fn place(&self, wanted: &str) -> Result<usize> {
        self.all.iter().position(|column| column.name.eq_ignore_ascii_case(wanted)).ok_or_else(|| {
            let near = nearest(wanted, self.all.iter().map(|column| column.name.as_str()));
            let names = || self.all.iter().map(|column| column.name.as_str()).collect::<Vec<_>>().join(", ");
            let help = near.map_or_else(|| format!("columns: {}", names()), |near| format!("did you mean `{near}`?"));
            usage(format!("`{}` has no column `{wanted}`", self.name), help)
        })
    }

    /// The places of columns that are each named once.
    ///
    /// # Errors
    /// One that is not there, or is named twice.
    pub(super) fn places<'b>(&self, names: impl IntoIterator<Item = &'b str>) -> Result<Vec<usize>> {
        let mut places = Vec::new();
        for name in names {
            let place = self.place(name)?;
            if places.contains(&place) {
                return Err(usage(format!("`{name}` is named twice"), "name each column once"));
            }
            places.push(place);
        }
        Ok(places)
    }

    /// For each of `given` values, which of the columns it is for: those of `list`, or one after another.
    ///
    /// # Errors
    /// As for [`Self::places`]; another number of them.
    pub(super) fn places_of(&self, list: Option<&[String]>, given: usize) -> Result<Vec<usize>> {
        let mut places = self.given(list)?;
        if list.is_none() && places.len() != given {
            places = (0..self.all.len()).collect();
        }
        if places.len() == given {
            return Ok(places);
        }
        let wanted = if list.is_some() { "the list names".to_owned() } else { format!("`{}` has", self.name) };
        Err(failure(
            format!("{wanted} {}, and the rows have {}", counted(places.len()), counted(given)),
            "name the columns that the rows are for: INSERT INTO name (column, ...) SELECT ...",
        ))
    }

    /// The places of the columns that rows have, when `list` names them or not: of those that are not reckoned.
    ///
    /// # Errors
    /// As for [`Self::places`].
    pub(super) fn given(&self, list: Option<&[String]>) -> Result<Vec<usize>> {
        match list {
            Some(list) => self.places(list.iter().map(String::as_str)),
            None => Ok((0..self.all.len()).filter(|at| self.reckoned[*at].is_none()).collect()),
        }
    }

    /// The places of columns that are set, and what to.
    ///
    /// # Errors
    /// As for [`Self::places`].
    pub(super) fn assignments(&self, set: &[(String, Value)]) -> Result<Vec<(usize, String)>> {
        let places = self.places(set.iter().map(|(column, _)| column.as_str()))?;
        Ok(places.into_iter().zip(set.iter().map(|(_, value)| value.sql())).collect())
    }

    /// A query that gives whole rows of the table, of their types: those of `from`, with a `value` for each of `places`; what is
    /// reckoned from others is, and all else is NULL.
    pub(super) fn rows(&self, places: &[usize], value: impl Fn(usize) -> String, from: &str) -> String {
        let (mut list, mut reckoned) = (Vec::new(), Vec::new());
        for (at, Column { name, sql_type }) in self.all.iter().enumerate() {
            let cast = |value: &str| format!("CAST({value} AS {sql_type}) AS {}", identifier(name));
            match (places.contains(&at), self.reckoned[at]) {
                (true, _) => list.push(cast(&value(at))),
                (false, Some(expression)) => reckoned.push(cast(&format!("({expression}\n)"))),
                (false, None) => list.push(cast("NULL")),
            }
        }
        let inner = format!("SELECT {} FROM {from}", list.join(", "));
        match reckoned.is_empty() {
            true => inner,
            false => format!(
                "SELECT *, {} FROM (\n{inner}\n) AS {}",
                reckoned.join(", "),
                identifier(names::parts(self.name).1)
            ),
        }
    }
}

fn counted(count: usize) -> String {
    format!("{count} column{}", if count == 1 { "" } else { "s" })
}
