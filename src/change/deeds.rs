//! What a statement does, row by row, as one query: each row that it gives is a row of the table that goes or becomes another, or a
//! new one. It is run once and written down, so what may not be asked twice, `random()` say, is not; the table's files are then
//! written anew by what it says.

use quack_function::sql::identifier;
use quack_function::wire::Column;

use super::columns::Columns;

/// What becomes of a row.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Act {
    /// New values, each by the place of its column; the others stay.
    Update(Vec<(usize, String)>),
    Delete,
    /// A new row of these values; NULL elsewhere.
    Insert(Vec<(usize, String)>),
    Nothing,
    /// Ends the statement with this message.
    Error(Option<String>),
}

/// What becomes of the rows for which a condition is true, the first that is.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Action {
    pub condition: Option<String>,
    pub act: Act,
}

/// Rows to which something may be done.
#[derive(Debug, Clone)]
pub(super) struct Branch {
    /// What stands behind FROM, with a WHERE.
    pub from: String,
    /// More that it selects.
    pub also: String,
    /// What the table is called in it, if it is there.
    pub target: Option<Target>,
    /// A row of the table may be there several times.
    pub repeats: bool,
    /// What is to be done, in the order of which the first counts.
    pub actions: Vec<Action>,
}

/// The table, as a part of a query: by its files, so that it is known which file a row is in, and where.
#[derive(Debug, Clone)]
pub(super) struct Target {
    /// As an identifier.
    pub alias: String,
    /// What the column is called that says which file a row is in.
    pub file: &'static str,
}

impl Target {
    /// Which file a row is in.
    pub(super) fn file(&self) -> String {
        format!("{}.{}", self.alias, self.file)
    }

    /// Where in its file a row is.
    pub(super) fn row(&self) -> String {
        format!("{}.file_row_number", self.alias)
    }
}

/// What a row of the deeds says is done, in its column `deed`.
pub(super) const INSERTED: u8 = 0;
pub(super) const DELETED: u8 = 1;
pub(super) const UPDATED: u8 = 2;
pub(super) const REFUSED: u8 = 3;

/// The name of branch `number`, which later ones may refer to.
pub(super) fn branch_name(number: usize) -> String {
    format!("quack_branch_{number}")
}

/// The query. Its columns: `deed`, then `file` and `row` of the row that it is done to, the new values `c0`, `c1`, ... by the place of
/// their `columns`, and what an error `said`. `before` is what its WITH begins with. Of rows that are deleted it has the values
/// only `with_deleted`.
pub(super) fn query(columns: &Columns<'_>, before: &[String], branches: &[Branch], with_deleted: bool) -> String {
    let mut with: Vec<String> = before.to_vec();
    let mut deeds: Vec<String> = Vec::new();
    for (number, branch) in branches.iter().enumerate() {
        let writer = Writer { columns, branch, with_deleted, name: branch_name(number) };
        with.push(format!("{} AS MATERIALIZED (\n{}\n)", writer.name, writer.select()));
        deeds.extend(writer.changed());
        deeds.extend(writer.inserted());
        deeds.extend(writer.refused());
    }
    let with = if with.is_empty() { String::new() } else { format!("WITH {}\n", with.join(",\n")) };
    if deeds.is_empty() {
        // Nothing can be done.
        let nulls = columns.all().iter().enumerate();
        let nulls = nulls.map(|(at, column)| format!("CAST(NULL AS {}) AS c{at}", column.sql_type));
        let nulls = nulls.collect::<Vec<_>>().join(", ");
        deeds.push(format!("{}, {nulls}, NULL::VARCHAR AS said LIMIT 0", nowhere(INSERTED)));
    }
    format!("{with}{}", deeds.join("\nUNION ALL\n"))
}

/// The columns of the query.
pub(super) fn listed(columns: &Columns<'_>) -> Vec<Column> {
    let column = |name: &str, sql_type: &str| Column { name: name.to_owned(), sql_type: sql_type.to_owned() };
    let mut listed = vec![column("deed", "INTEGER"), column("file", "VARCHAR"), column("row", "BIGINT")];
    listed.extend(columns.all().iter().enumerate().map(|(at, own)| column(&format!("c{at}"), &own.sql_type)));
    listed.push(column("said", "VARCHAR"));
    listed
}

/// Writes one branch.
struct Writer<'a> {
    columns: &'a Columns<'a>,
    branch: &'a Branch,
    with_deleted: bool,
    name: String,
}

impl Writer<'_> {
    fn acts(&self) -> impl Iterator<Item = (usize, &Act)> {
        self.branch.actions.iter().map(|action| &action.act).enumerate()
    }

    fn numbers(&self, is: impl Fn(&Act) -> bool) -> Vec<String> {
        self.acts().filter(|(_, act)| is(act)).map(|(number, _)| number.to_string()).collect()
    }

    /// The rows of the branch, with all that may be done to them. As DuckDB does, every value is reckoned for every row.
    fn select(&self) -> String {
        let Branch { from, also, target, actions, .. } = self.branch;
        let mut list = vec![match target {
            Some(target) => format!("{} AS quack_file, {} AS quack_row{also}", target.file(), target.row()),
            None => format!("NULL::VARCHAR AS quack_file, NULL::BIGINT AS quack_row{also}"),
        }];
        for (number, Action { condition, act }) in actions.iter().enumerate() {
            list.push(format!("{} IS TRUE AS quack_if_{number}", condition.as_deref().unwrap_or("true")));
            match act {
                Act::Update(values) | Act::Insert(values) if !values.is_empty() => {
                    let value = |(at, value): &(usize, String)| format!("c{at} := {}", self.cast(*at, value));
                    let values: Vec<String> = values.iter().map(value).collect();
                    list.push(format!("struct_pack({}) AS quack_new_{number}", values.join(", ")));
                }
                Act::Error(Some(message)) => list.push(format!("CAST({message} AS VARCHAR) AS quack_new_{number}")),
                _ => {}
            }
        }
        if let (Some(Target { alias, .. }), true) = (target, self.needs_old()) {
            let value = |(at, column): (usize, &Column)| format!("c{at} := {alias}.{}", identifier(&column.name));
            let values: Vec<String> = self.columns.all().iter().enumerate().map(value).collect();
            list.push(format!("struct_pack({}) AS quack_old", values.join(", ")));
        }
        let when: String = (0..actions.len()).map(|number| format!(" WHEN quack_if_{number} THEN {number}")).collect();
        let when = if when.is_empty() { "NULL".to_owned() } else { format!("CASE{when} END") };
        format!("SELECT *, {when} AS quack_when FROM (\nSELECT {}\nFROM {from}\n) AS quack_rows", list.join(",\n"))
    }

    fn needs_old(&self) -> bool {
        self.acts().any(|(_, act)| match act {
            Act::Update(_) => true,
            Act::Delete => self.with_deleted,
            _ => false,
        })
    }

    fn cast(&self, at: usize, value: &str) -> String {
        format!("CAST({value} AS {})", self.columns.all()[at].sql_type)
    }

    /// The rows of the table that go or become others, each once. One that several rows match is deleted if one of them says so;
    /// else each column has the value that the last clause gives it that is for one of them, as DuckDB has it.
    fn changed(&self) -> Option<String> {
        let Self { name, branch, .. } = self;
        let deletes = self.numbers(|act| *act == Act::Delete);
        let updates: Vec<(usize, &[(usize, String)])> = self
            .acts()
            .filter_map(|(number, act)| match act {
                Act::Update(values) => Some((number, values.as_slice())),
                _ => None,
            })
            .collect();
        let all = self.numbers(|act| matches!(act, Act::Update(_) | Act::Delete));
        if all.is_empty() {
            return None;
        }
        let gone =
            if deletes.is_empty() { "false".to_owned() } else { format!("quack_when IN ({})", deletes.join(", ")) };
        let once = |value: &str, aggregate: &str| match branch.repeats {
            true => format!("{aggregate}({value})"),
            false => value.to_owned(),
        };
        let mut list = vec![format!("quack_file, quack_row, {} AS quack_gone", once(&gone, "bool_or"))];
        for (number, _) in &updates {
            let new = format!("CASE WHEN quack_when = {number} THEN quack_new_{number} END");
            list.push(format!("{} AS quack_new_{number}", once(&new, "any_value")));
        }
        if self.needs_old() {
            list.push(format!("{} AS quack_old", once("quack_old", "any_value")));
        }
        let group = if branch.repeats { " GROUP BY quack_file, quack_row" } else { "" };
        let rows = format!("SELECT {} FROM {name} WHERE quack_when IN ({}){group}", list.join(", "), all.join(", "));
        let value = |at: usize| {
            let sets = |values: &[(usize, String)]| values.iter().any(|(of, _)| *of == at);
            let news = updates.iter().rev().filter(|(_, values)| sets(values));
            let news: String = news
                .map(|(number, _)| format!(" WHEN quack_new_{number} IS NOT NULL THEN quack_new_{number}.c{at}"))
                .collect();
            match (updates.is_empty(), self.with_deleted) {
                (true, false) => self.cast(at, "NULL"),
                (true, true) => format!("quack_old.c{at}"),
                // Of rows that go nobody needs the new values.
                (false, _) => format!("CASE WHEN quack_gone THEN quack_old.c{at}{news} ELSE quack_old.c{at} END"),
            }
        };
        let deed = format!("CASE WHEN quack_gone THEN {DELETED} ELSE {UPDATED} END");
        let values = self.list(value);
        Some(format!(
            "SELECT {deed} AS deed, quack_file AS file, quack_row AS \"row\", {values}, NULL::VARCHAR AS said FROM ({rows}) AS quack_changed"
        ))
    }

    /// `... AS c0, ... AS c1`
    fn list(&self, value: impl Fn(usize) -> String) -> String {
        let values = (0..self.columns.all().len()).map(|at| format!("{} AS c{at}", value(at)));
        values.collect::<Vec<_>>().join(", ")
    }

    /// The new rows.
    fn inserted(&self) -> Vec<String> {
        let inserted = self.acts().filter_map(|(number, act)| {
            let Act::Insert(values) = act else { return None };
            let places: Vec<usize> = values.iter().map(|(at, _)| *at).collect();
            let from = format!("{} WHERE quack_when = {number}", self.name);
            let rows = self.columns.rows(&places, |at| format!("quack_new_{number}.c{at}"), &from);
            let values = self.list(|at| identifier(&self.columns.all()[at].name));
            Some(format!("{}, {values}, NULL::VARCHAR AS said FROM (\n{rows}\n) AS quack_inserted", nowhere(INSERTED)))
        });
        inserted.collect()
    }

    /// What ends the statement.
    fn refused(&self) -> Vec<String> {
        let refused = self.acts().filter_map(|(number, act)| {
            let Act::Error(message) = act else { return None };
            let said = if message.is_some() { format!("quack_new_{number}") } else { "NULL::VARCHAR".to_owned() };
            let nulls = self.list(|at| self.cast(at, "NULL"));
            let from = format!("{} WHERE quack_when = {number} LIMIT 1", self.name);
            Some(format!("({}, {nulls}, {said} AS said FROM {from})", nowhere(REFUSED)))
        });
        refused.collect()
    }
}

/// The beginning of a deed that is not done to a row of the table.
fn nowhere(deed: u8) -> String {
    format!("SELECT {deed} AS deed, NULL::VARCHAR AS file, NULL::BIGINT AS \"row\"")
}
