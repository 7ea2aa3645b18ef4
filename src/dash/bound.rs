//! Whether a query of a page holds over the lake as it is: it binds, and has the columns of its chart.

use anyhow::Result;
use quack_function::wire::{Column, Params};
use tokio_util::sync::CancellationToken;

use super::bind::Binder;
use super::compose::{Composed, Composer};
use super::fence::Drawn;
use super::hint::hinted;
use super::page::{Page, Query};
use super::values;
use crate::bucket::Bucket;
use crate::duck::words::is_sure;
use crate::error::{self, nearest};
use crate::invoke::fault::of_words;
use crate::lake::catalog::Catalog;
use crate::lake::hollow::said;
use crate::output::is_numeric;
use crate::query;
use quack_page::input::Given;

/// The lake that queries are bound over.
pub(super) struct Over<'a> {
    pub bucket: &'a Bucket,
    pub catalog: &'a Catalog,
    pub binder: Binder<'a>,
    pub composer: Composer,
    /// Who looks.
    pub user: &'a str,
    pub cancel: &'a CancellationToken,
}

impl Over<'_> {
    /// What is run for a query with what is given, else with what the page's inputs are at first; or what is wrong with it.
    ///
    /// # Errors
    /// `cancel`; a query that takes too long to bind.
    pub(super) async fn bound(
        &self,
        page: &Page,
        query: &Query,
        given: &Given,
    ) -> Result<Result<(Composed, Params), Vec<String>>> {
        let composed = match self.composer.compose(page, query) {
            Ok(composed) => composed,
            Err(words) => return Ok(Err(vec![words])),
        };
        let params = match values::params(page, &composed, given, self.user) {
            Ok(params) => params,
            Err(words) => return Ok(Err(vec![words])),
        };
        let travels = match query::travel(self.bucket, self.catalog, &composed.sql).await {
            Ok(travelled) => travelled.is_some(),
            Err(error) => return Ok(Err(vec![error::advised(&error)])),
        };
        match self.binder.columns(&query.name, (&composed.sql, &params), self.cancel).await? {
            // As they were, tables are known to the function alone.
            _ if travels => {}
            Ok(columns) => {
                let missing = query.drawn.as_ref().map(|drawn| missing(drawn, &columns)).unwrap_or_default();
                if !missing.is_empty() {
                    return Ok(Err(missing));
                }
            }
            Err(error) => {
                let words = error::words(said(error).as_ref());
                // What only the function knows, it says when the query is run.
                if is_sure(&words) {
                    let told = hinted(of_words(&words, self.catalog), page);
                    let help = error::help(&told);
                    // Below the line that shows the place.
                    let help = help.map(|help| format!("\n{help}")).unwrap_or_default();
                    return Ok(Err(vec![format!("{}{help}", error::words(told.as_ref()))]));
                }
            }
        }
        Ok(Ok((composed, params)))
    }
}

/// Whether a chart draws a column's values: of a BIGNUM the digits come as text.
fn draws(column: &Column) -> bool {
    is_numeric(column) && column.sql_type != "BIGNUM"
}

/// Whether its values are lists of what a chart draws.
fn draws_items(column: &Column) -> bool {
    let item = column.sql_type.strip_suffix(']').and_then(|list| list.rsplit_once('['));
    item.is_some_and(|(item, length)| {
        let is_list = length.chars().all(|digit| digit.is_ascii_digit());
        is_list && draws(&Column { sql_type: item.to_owned(), ..column.clone() })
    })
}

/// What is said of columns that a chart wants: that the query has not, and of which it wants numbers.
pub(super) fn missing(drawn: &Drawn, columns: &[Column]) -> Vec<String> {
    let told = |(option, name): (&str, &str)| {
        let names = columns.iter().map(|column| column.name.as_str());
        match columns.iter().find(|column| column.name.eq_ignore_ascii_case(name)) {
            Some(column) if drawn.wants_numbers(option) && !draws(column) => Some(format!(
                "`{option}={name}`: a {} draws numbers, and it is {}",
                drawn.chart.name(),
                column.sql_type
            )),
            Some(column) if drawn.wants_lists(option) && !draws_items(column) => Some(format!(
                "`{option}={name}`: it draws lists of numbers, and the column is {}; list(number ORDER BY day) makes one",
                column.sql_type
            )),
            Some(_) => None,
            None if name.is_empty() => {
                Some(format!("`{option}=`: a column's name is missing there: is there a comma too many?"))
            }
            None => {
                let help = match nearest(name, names.clone()) {
                    Some(near) => format!("did you mean `{near}`?"),
                    None => format!("it has {}", names.collect::<Vec<_>>().join(", ")),
                };
                Some(format!("`{option}={name}`: the query has no column `{name}`; {help}"))
            }
        }
    };
    drawn.columns().filter_map(told).collect()
}
