//! Whether a query of a page holds over the lake as it is: it binds, and has the columns of its chart.

use anyhow::Result;
use quack_function::wire::{Column, Params};
use tokio_util::sync::CancellationToken;

use super::bind::Binder;
use super::compile::undeployable;
use super::compose::{Composed, Composer};
use super::fence::{Chart, Drawn};
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
    /// Whether pages are to be deployed, too.
    pub deploys: bool,
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
        if let Some(words) = undeployable(&composed.sql).filter(|_| self.deploys) {
            return Ok(Err(vec![words]));
        }
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

/// Whether a chart counts a column's values in bins.
fn counts(column: &Column) -> bool {
    draws(column) || column.sql_type == "DATE" || column.sql_type.starts_with("TIMESTAMP")
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
            Some(column) if drawn.chart == Chart::Histogram && option == "x" && counts(column) => None,
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
    let mut words: Vec<String> = drawn.columns().filter_map(told).collect();
    if words.is_empty() {
        words.extend(unsaid(drawn, columns));
    }
    words
}

/// What is said of columns that a chart takes where it names none, as the pages' own code has it: the first as x, the first with numbers
/// that is nothing else.
fn unsaid(drawn: &Drawn, columns: &[Column]) -> Option<String> {
    let option = |name: &str| drawn.options.get(name).map(String::as_str);
    let named = |name: &str| columns.iter().position(|column| column.name.eq_ignore_ascii_case(name.trim()));
    let x = option("x").map_or(Some(0), named);
    let (wanted, others) = match drawn.chart {
        Chart::Table | Chart::Value => return None,
        Chart::Map if option("lat").is_some() => return None,
        Chart::Bar | Chart::Line | Chart::Area | Chart::Scatter => {
            ("y", vec![x, option("color").and_then(named), option("facet").and_then(named)])
        }
        Chart::Pie => ("y", vec![x]),
        Chart::Map if option("y").is_some() => return None,
        Chart::Map => ("color", vec![x]),
        Chart::Histogram if option("x").is_none() => {
            let words = "a histogram counts numbers, and the query has no column of them";
            return (!columns.iter().any(counts)).then(|| words.to_owned());
        }
        Chart::Histogram => return None,
        Chart::Heatmap => {
            let y = option("y").map_or_else(|| (0..columns.len()).find(|at| Some(*at) != x), named);
            ("color", vec![x, y])
        }
    };
    let mut left = columns.iter().enumerate().filter(|(at, _)| !others.contains(&Some(*at)));
    (option(wanted).is_none() && !left.any(|(_, column)| draws(column))).then(|| {
        let name = drawn.chart.name();
        format!(
            "a {name} draws numbers, and the query has no column of them beside the others: name one with `{wanted}=`"
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dash::fence::{self, Fence};

    #[test]
    fn a_chart_that_names_no_column_takes_what_is_left() {
        let column = |(name, sql_type): (&str, &str)| Column { name: name.to_owned(), sql_type: sql_type.to_owned() };
        let columns = |all: &[(&str, &str)]| all.iter().copied().map(column).collect::<Vec<_>>();
        let (text, number, day) = (("t", "VARCHAR"), ("n", "BIGINT"), ("d", "DATE"));
        let told = |info: &str, all: &[(&str, &str)]| match fence::parse(info) {
            Ok(Fence::Sql { drawn: Some(drawn), .. }) => missing(&drawn, &columns(all)),
            other => panic!("{info}: {other:?}"),
        };
        for (info, all) in [
            ("sql q bar", &[text, number][..]),
            ("sql q bar x=t", &[number, text]),
            ("sql q pie", &[day, number]),
            ("sql q heatmap", &[text, day, number]),
            ("sql q heatmap x=d", &[text, day, number]),
            ("sql q histogram", &[text, day]),
            ("sql q histogram x=d", &[day]),
            ("sql q map", &[text, number]),
            ("sql q table", &[text]),
        ] {
            assert_eq!(told(info, all), [""; 0], "{info}");
        }
        for (info, all, said) in [
            ("sql q bar", &[text][..], "a bar draws numbers, and the query has no column of them"),
            ("sql q line", &[number, text], "name one with `y=`"),
            ("sql q bar x=t facet=n", &[text, number], "name one with `y=`"),
            ("sql q heatmap", &[text, day], "name one with `color=`"),
            ("sql q histogram", &[text], "a histogram counts numbers"),
            ("sql q histogram x=t", &[text], "`x=t`: a histogram draws numbers, and it is VARCHAR"),
            ("sql q map", &[text, day], "name one with `color=`"),
            ("sql q scatter y=n x=m", &[text, number], "no column `m`"),
        ] {
            let words = told(info, all);
            assert!(words.len() == 1 && words[0].contains(said), "{info}: {words:?}");
        }
    }
}
