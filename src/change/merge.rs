//! `MERGE INTO`: rows of a table or a query are held against those of a table of the lake; what matches is updated or deleted, what
//! does not is inserted.

use anyhow::Result;
use quack_function::sql::identifier;

use super::clauses::{Clause, MERGE, Merge, On, Then, Update, Values, When};
use super::columns::Columns;
use super::deeds::{Act, Action, Branch, branch_name};
use super::done::{Deed, Outcome};
use super::parts;
use super::reader::Value;
use super::replace::{self, ACTION, Deeds};
use super::write::{Session, Work};
use crate::query::Coordinator;

/// Merges rows into a table.
///
/// # Errors
/// There is no such table or column; what DuckDB says of the source, the conditions and the values; others that keep changing the
/// table.
pub(super) async fn run(coordinator: &Coordinator<'_>, session: &Session<'_>, merge: &Merge) -> Result<Outcome> {
    merge.with.iter().try_for_each(parts::check_with)?;
    parts::check_expressions(merge.expressions())?;
    let source = parts::name_of_one(&merge.source, MERGE)?;
    let returning = parts::check_returning(&merge.returning, &merge.alias, Some(ACTION))?;
    replace::until_current(coordinator, session, &merge.table, async |now| {
        let mut work = Work::new(now, session);
        let (name, table) = now.catalog.table(&merge.table)?;
        table.check_is_own(name)?;
        let columns = Columns::of(name, table);
        let target = replace::whole(&work, table, &merge.alias)?;
        let statement =
            Statement { merge, columns: &columns, source: &source, given: given(&mut work, merge).await?, target };
        let deeds = Deeds {
            before: merge.with.iter().map(parts::Part::queries).chain([statement.source()]).collect(),
            branches: statement.branches()?,
            variables: merge.source.variables(),
            // What was not there and was to be inserted may have come meanwhile.
            is_strict: merge.of(When::ByTarget).next().is_some(),
            deed: Deed::Merge,
            alias: &merge.alias,
            returning: &returning,
        };
        replace::by_deeds(work, name, table, &columns, deeds).await
    })
    .await
}

/// The names of the source's columns, where a clause takes them all.
async fn given(work: &mut Work<'_>, merge: &Merge) -> Result<Vec<String>> {
    let takes_all = |clause: &Clause| {
        matches!(
            clause.then,
            Then::Update(Update::All | Update::ByName) | Then::Insert { values: Values::All | Values::ByName, .. }
        )
    };
    if !merge.clauses.iter().any(takes_all) {
        return Ok(Vec::new());
    }
    let described = match &merge.with {
        Some(with) => {
            format!("{}DESCRIBE WITH{}\nFROM {}", with.variables(), with.queries(), merge.source.text())
        }
        None => merge.source.behind("DESCRIBE FROM "),
    };
    let columns = work.columns(&described).await?;
    Ok(columns.into_iter().map(|column| column.name).collect())
}

/// A MERGE, with what is known of its table.
struct Statement<'a> {
    merge: &'a Merge,
    columns: &'a Columns<'a>,
    /// What the statement calls the source.
    source: &'a str,
    /// The source's columns, as far as they are needed.
    given: Vec<String>,
    /// The table, as a part of a query.
    target: replace::Source,
}

/// The source, as all parts of the query read it: its rows are had once, and numbered.
const SOURCE: &str = "quack_source";
const NUMBER: &str = "quack_number";

impl Statement<'_> {
    fn source(&self) -> String {
        let rows = self.merge.source.text();
        format!("{SOURCE} AS MATERIALIZED (\nSELECT *, row_number() OVER () AS {NUMBER} FROM {rows}\n)")
    }

    /// The rows that match, then those of the source and those of the table that do not.
    fn branches(&self) -> Result<Vec<Branch>> {
        let source = format!("{SOURCE} AS {}", identifier(self.source));
        let on = match &self.merge.on {
            On::Condition(condition) => format!("ON {}", condition.bracketed()),
            On::Columns(names) => {
                format!("USING ({})", names.iter().map(|name| identifier(name)).collect::<Vec<_>>().join(", "))
            }
        };
        let number = format!("{}.{NUMBER}", identifier(self.source));
        let matched = branch_name(0);
        let branch = |when, from, also, has_target: bool, repeats| -> Result<Branch> {
            let target = has_target.then(|| self.target.target.clone());
            let actions = self.merge.of(when).map(|clause| self.action(clause)).collect::<Result<_>>()?;
            Ok(Branch { from, also, target, repeats, actions })
        };
        let mut branches = vec![branch(
            When::Matched,
            format!("{source} JOIN {} {on}", self.target.sql),
            format!(", {number} AS {NUMBER}"),
            true,
            true,
        )?];
        if self.merge.of(When::ByTarget).next().is_some() {
            let seen = format!("(SELECT {NUMBER} AS quack_seen FROM {matched}) AS quack_seen ON {number} = quack_seen");
            branches.push(branch(When::ByTarget, format!("{source} ANTI JOIN {seen}"), String::new(), false, false)?);
        }
        if self.merge.of(When::BySource).next().is_some() {
            let target = &self.target.target;
            let seen = format!(
                "(SELECT quack_file AS quack_seen_in, quack_row AS quack_seen FROM {matched}) AS quack_seen \
                 ON {} = quack_seen_in AND {} = quack_seen",
                target.file(),
                target.row()
            );
            let from = format!("{} ANTI JOIN {seen}", self.target.sql);
            branches.push(branch(When::BySource, from, String::new(), true, false)?);
        }
        Ok(branches)
    }

    fn action(&self, clause: &Clause) -> Result<Action> {
        let condition = clause.condition.as_ref().map(parts::Part::bracketed);
        let act = match &clause.then {
            Then::Update(update) => Act::Update(self.update(update)?),
            Then::Delete => Act::Delete,
            Then::Insert { columns, values } => Act::Insert(self.insert(columns.as_deref(), values)?),
            Then::Nothing => Act::Nothing,
            Then::Error(message) => Act::Error(message.as_ref().map(parts::Part::bracketed)),
        };
        Ok(Action { condition, act })
    }

    fn update(&self, update: &Update) -> Result<Vec<(usize, String)>> {
        match update {
            Update::Set(set) => self.columns.assignments(set),
            Update::All => self.all(),
            Update::ByName => self.by_name(),
        }
    }

    fn insert(&self, list: Option<&[String]>, values: &Values) -> Result<Vec<(usize, String)>> {
        match values {
            Values::Listed(values) => {
                let places = self.columns.places_of(list, values.len())?;
                Ok(places.into_iter().zip(values.iter().map(Value::sql)).collect())
            }
            Values::All => self.all(),
            Values::ByName => self.by_name(),
            Values::Defaults => Ok(Vec::new()),
        }
    }

    fn given(&self) -> impl Iterator<Item = String> {
        self.given.iter().map(|name| format!("{}.{}", identifier(self.source), identifier(name)))
    }

    fn all(&self) -> Result<Vec<(usize, String)>> {
        Ok(self.columns.places_of(None, self.given.len())?.into_iter().zip(self.given()).collect())
    }

    fn by_name(&self) -> Result<Vec<(usize, String)>> {
        Ok(self.columns.places(self.given.iter().map(String::as_str))?.into_iter().zip(self.given()).collect())
    }
}
