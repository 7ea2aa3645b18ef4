//! What is known of a statement before it is run: its parameters, and the columns that it will give. The tables without rows tell, so
//! it costs nothing.

use anyhow::Result;
use quack_function::sql::Tokens;
use quack_function::wire::{Column, Params};
use tokio_util::sync::CancellationToken;

use super::encode::{Field, Scalar, WireType};
use super::params;
use super::refusal::Refusal;
use super::run::Ran;
use super::session::{Prepared, Session};
use super::statement::Statement;
use crate::change;
use crate::lake::catalog::Scope;
use crate::query;

impl Session {
    /// What is known of a statement without running it: its parameters, of which clients have named some types, and its columns.
    ///
    /// # Errors
    /// What DuckDB says of it.
    pub(super) async fn prepare(&mut self, sql: &str, asked: &[u32]) -> Result<Prepared, Refusal> {
        let wrong = |error: anyhow::Error| Refusal::of(&error, sql);
        let statement = Statement::of(sql);
        let count = params::count(sql).max(if statement == Statement::Sql { asked.len() } else { 0 });
        let known = self.known().await.map_err(wrong)?;
        let found = if count > 0 { known.parameters(sql, &self.who()).unwrap_or_default() } else { Vec::new() };
        let expected = |at: usize| {
            let name = (at + 1).to_string();
            found.iter().find(|parameter| parameter.name == name).and_then(|parameter| parameter.sql_type.clone())
        };
        let (mut parameters, mut types) = (Vec::with_capacity(count), Vec::with_capacity(count));
        for at in 0..count {
            let named = asked.get(at).copied().and_then(WireType::of_oid);
            let expected = expected(at);
            let wire_type =
                named.or_else(|| expected.as_ref().map(WireType::of)).unwrap_or(WireType::Scalar(Scalar::Text));
            // Text may stand for whatever the statement has there; so may a number of another width.
            let sql_type = match (expected, wire_type) {
                (Some(expected), _) => expected.to_string(),
                (None, wire_type) => wire_type.duckdb(),
            };
            parameters.push(wire_type);
            types.push(sql_type);
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
            Statement::Sql | Statement::Show(_) => self.fields(&typed, &nulls).await.map_err(wrong)?,
            _ => None,
        };
        Ok(Prepared { sql: typed, written: sql.to_owned(), parameters, fields })
    }

    /// The columns of SQL, if it gives rows.
    async fn fields(&mut self, sql: &str, nulls: &Params) -> Result<Option<Vec<Field>>> {
        let own = format!("{}{sql}", self.variables);
        if let Some(change) = change::parse(&own)? {
            return match change.returns() {
                true => self.returned(sql).await.map(Some),
                false => Ok(None),
            };
        }
        if !gives_rows(sql) {
            return Ok(None);
        }
        let known = self.known().await?;
        let columns = match known.columns(sql, nulls, &self.who()) {
            Ok(columns) => columns,
            // What only the function can say: of files, of functions of its extensions, of versions of tables.
            Err(error) if self.is_only_the_functions(sql, &error).await? => self.described(&own, nulls).await?,
            Err(error) => return Err(error),
        };
        Ok(Some(columns.iter().map(Field::of).collect()))
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

    /// The columns of a RETURNING: those of a SELECT of them over the table, which is not run.
    async fn returned(&mut self, sql: &str) -> Result<Vec<Field>> {
        let known = self.known().await?;
        Ok(known.returned(sql)?.iter().map(Field::of).collect())
    }
}

/// Whether SQL that changes no table gives rows: what writes files does not.
fn gives_rows(sql: &str) -> bool {
    let first = Tokens::new(sql).map(|(token, _)| token).next();
    !first.is_some_and(|token| token.is("COPY"))
}
