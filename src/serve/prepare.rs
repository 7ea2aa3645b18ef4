//! What is known of a statement before it is run: its parameters, and the columns that it will give. The tables without rows tell, so
//! it costs nothing.

use anyhow::Result;
use quack_function::sql::Tokens;
use quack_function::sql_type::SqlType;
use quack_function::wire::{Column, Params};
use tokio_util::sync::CancellationToken;

use super::catalog::{Known, is_own};
use super::encode::{Field, Scalar, WireType};
use super::params;
use super::refusal::Refusal;
use super::run::Ran;
use super::session::{Prepared, Session};
use super::statement::Statement;
use crate::change;
use crate::lake::catalog::Scope;
use crate::query;

/// Most parameters of a statement: what the protocol can count.
const MOST: usize = 65_535;

/// Most parameters that are each asked for by itself.
const MOST_ASKED: usize = 64;

impl Session {
    /// What is known of a statement without running it: its parameters, of which clients have named some types, and its columns.
    ///
    /// # Errors
    /// What DuckDB says of it.
    pub(super) async fn prepare(&mut self, sql: &str, asked: &[u32]) -> Result<Prepared, Refusal> {
        let wrong = |error: anyhow::Error| Refusal::of(&error, sql);
        let statement = Statement::of(sql);
        let count = params::count(sql).max(if statement == Statement::Sql { asked.len() } else { 0 });
        if count > MOST {
            return Err(Refusal::new("54023", format!("a statement takes {MOST} parameters at most, not {count}")));
        }
        let known = self.known().await.map_err(wrong)?;
        let named: Vec<Option<WireType>> =
            (0..count).map(|at| asked.get(at).copied().and_then(WireType::of_oid)).collect();
        let expected = self.expected(&known, sql, &named);
        let is_of_catalog = count > 0 && is_own(sql, &self.who());
        let mut parameters = Vec::with_capacity(count);
        let mut types = Vec::with_capacity(count);
        for (named, expected) in named.into_iter().zip(expected) {
            let of_expected = expected.as_ref().map(WireType::of);
            let wire_type = named.or(of_expected).unwrap_or(WireType::Scalar(Scalar::Text));
            let wire_type = if is_of_catalog { wire_type.of_catalog() } else { wire_type };
            // What the statement has there counts: a text may stand for a date, a number be of another width.
            types.push(Some(expected.map_or_else(|| wire_type.duckdb(), |expected| expected.to_string())));
            parameters.push(wire_type);
        }
        let typed = params::typed(sql, &types);
        let nulls: Params = (1..=count).map(|number| (number.to_string(), None)).collect();
        let fields = match &statement {
            Statement::Show(name) if self.settings.get(name).is_some() => {
                let (name, _) = self.settings.get(name).unwrap_or_default();
                Some(vec![Field::of(&Column { name: name.to_owned(), sql_type: "VARCHAR".to_owned() })])
            }
            Statement::ShowAll => Some(
                ["name", "setting", "description"]
                    .map(|name| Field::of(&Column { name: name.to_owned(), sql_type: "VARCHAR".to_owned() }))
                    .to_vec(),
            ),
            Statement::Fetch { cursor, moves: false, .. } => {
                self.portals.get(cursor).and_then(|portal| portal.prepared.fields.clone())
            }
            Statement::Sql | Statement::Show(_) => self.fields(&known, &typed, &nulls).await.map_err(wrong)?,
            _ => None,
        };
        Ok(Prepared { sql: typed, written: sql.to_owned(), parameters, fields })
    }

    /// What DuckDB expects of each parameter, where that is one type.
    fn expected(&self, known: &Known, sql: &str, named: &[Option<WireType>]) -> Vec<Option<SqlType>> {
        let who = self.who();
        let ask = |sql: &str| -> Vec<Option<SqlType>> {
            let found = known.parameters(sql, &who).unwrap_or_default();
            let of = |at: usize| {
                let name = (at + 1).to_string();
                found.iter().find(|parameter| parameter.name == name).and_then(|parameter| parameter.sql_type.clone())
            };
            (0..named.len()).map(of).collect()
        };
        if named.is_empty() {
            return Vec::new();
        }
        let mut expected = ask(sql);
        if (2..=MOST_ASKED).contains(&named.len()) {
            // One that may be of any type hides what those beside it are: each of these is asked for while the others are said to
            // be something.
            let said = |at: usize| named[at].map_or_else(|| Scalar::Text.duckdb().to_owned(), WireType::duckdb);
            for own in (0..named.len()).filter(|at| expected[*at].is_none()).collect::<Vec<_>>() {
                let others: Vec<_> = (0..named.len()).map(|at| (at != own).then(|| said(at))).collect();
                expected[own] = ask(&params::typed(sql, &others)).swap_remove(own);
            }
        }
        expected
    }

    /// The columns of SQL, if it gives rows.
    async fn fields(&mut self, known: &Known, sql: &str, nulls: &Params) -> Result<Option<Vec<Field>>> {
        let own = format!("{}{sql}", self.variables);
        if let Some(change) = change::parse(&own)? {
            return match change.returns() {
                // Nothing of it is run.
                true => Ok(Some(known.returned(sql)?.iter().map(Field::of).collect())),
                false => Ok(None),
            };
        }
        if !gives_rows(sql) {
            return Ok(None);
        }
        let columns = match known.columns(sql, nulls, &self.who()) {
            Ok(columns) => columns,
            // What only the function can say: of files, of functions of its extensions, of versions of tables.
            Err(error) if self.is_only_the_functions(sql, &error).await? => self.described(&own, nulls).await?,
            Err(error) => return Err(error),
        };
        let mut fields: Vec<Field> = columns.iter().map(Field::of).collect();
        if is_own(sql, &self.who()) {
            fields.iter_mut().for_each(|field| field.wire_type = field.wire_type.of_catalog());
        }
        Ok(Some(fields))
    }

    /// Whether an error here may be none where the statement is run.
    async fn is_only_the_functions(&mut self, sql: &str, error: &anyhow::Error) -> Result<bool> {
        let said = error.to_string();
        let catalog = self.catalog(Scope::Outline).await?;
        let travels = query::travel(&self.target.bucket, &catalog, sql).await?.is_some();
        Ok(travels || !said.starts_with("Parser Error") && !said.starts_with("Binder Error"))
    }

    /// The columns of a query, by the function.
    async fn described(&mut self, sql: &str, nulls: &Params) -> Result<Vec<Column>> {
        let cancel = CancellationToken::new();
        let Ran::Rows(mut rows) = self.query(&format!("DESCRIBE {sql}"), nulls, &cancel).await? else {
            return Ok(Vec::new());
        };
        rows.described()
    }
}

/// Whether SQL that changes no table gives rows: what writes files does not.
fn gives_rows(sql: &str) -> bool {
    let first = Tokens::new(sql).map(|(token, _)| token).next();
    !first.is_some_and(|token| token.is("COPY"))
}
