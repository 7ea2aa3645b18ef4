//! What to write instead: of a table that is not there, as other queries of the page are meant as often as the lake's tables; and of an
//! input's value, in the form that text has, or in quotes.

use quack_function::sql::{Token, tokens};

use super::blocks::placeholders;
use super::page::Page;
use crate::error::{self, failure_of, nearest};

/// Most queries that are named where none is near.
const FEW: usize = 10;

/// An error of a query of the page, with its queries where it is about a table that is not there.
pub(super) fn hinted(error: anyhow::Error, page: &Page) -> anyhow::Error {
    let message = error::words(error.as_ref());
    let missing = message.split_once("Table with name ").and_then(|(_, rest)| rest.split_once(" does not exist"));
    let names = || page.queries.iter().map(|query| query.name.as_str());
    let Some((missing, _)) = missing.filter(|_| names().next().is_some()) else { return error };
    let help = error::help(&error).unwrap_or_default();
    let near =
        nearest(missing.trim_matches('"'), names()).map(|near| format!("did you mean `{near}`, a query of the page?"));
    let help = match (near, help.starts_with("did you mean ")) {
        (Some(near), true) => format!("{near} Or {}", help.trim_start_matches("did you mean ")),
        (Some(near), false) => near,
        (None, _) if names().count() <= FEW => {
            format!("{help}; queries of the page: {}", names().collect::<Vec<_>>().join(", "))
        }
        (None, _) => return error,
    };
    failure_of(error::kind(&error), message, help)
}

/// What is said of SQL that has a parameter's name where its value is meant, and would have no value there.
pub(super) fn misused(sql: &str, is_parameter: impl Fn(&str) -> bool) -> Option<String> {
    if let Some((_, name)) = placeholders(sql).into_iter().find(|(_, name)| is_parameter(name)) {
        return Some(format!("`{{{{ {name} }}}}` is for text: in SQL write `${name}`, without quotes around it"));
    }
    let quoted = |token: Token<'_>| match token {
        Token::Text(text) => {
            let name = text.strip_prefix("'$")?.strip_suffix('\'')?;
            is_parameter(name).then(|| name.to_owned())
        }
        _ => None,
    };
    let name = tokens(sql).into_iter().find_map(quoted)?;
    Some(format!("`'${name}'` is that text and no value: write `${name}`, without quotes around it"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::failure;

    #[test]
    fn a_misspelt_query_of_the_page_is_told() {
        let page = Page::parse("x", "```sql by_zone\nSELECT 1\n```\n```sql a bar\nFROM by_zon\n```\n").unwrap();
        let told = |name: &str, help: &str| {
            let words = format!("Catalog Error: Table with name {name} does not exist!\n\nLINE 1: FROM {name}");
            let told = hinted(failure(&words, help), &page);
            assert_eq!(told.to_string(), words);
            error::advised(&told).rsplit_once(&format!("{name}; ")).unwrap().1.to_owned()
        };
        assert_eq!(told("by_zon", "tables: trips"), "did you mean `by_zone`, a query of the page?");
        assert_eq!(
            told("by_zon", "did you mean `by_zones`? `quackctl tables` lists the tables"),
            "did you mean `by_zone`, a query of the page? Or `by_zones`? `quackctl tables` lists the tables"
        );
        assert_eq!(told("elsewhere", "tables: trips"), "tables: trips; queries of the page: by_zone, a");
        let other = hinted(failure("Binder Error: x", "y"), &page);
        assert_eq!(error::advised(&other), "Binder Error: x; y");
    }
}
