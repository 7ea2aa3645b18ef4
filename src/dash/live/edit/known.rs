//! What the editor knows: the pages and what is in one of them, the lake's tables, and the words of SQL.

use std::path::Path;
use std::sync::OnceLock;

use anyhow::Result;
use serde_json::{Value, json};

use super::super::super::page::{self, Page};
use super::super::super::{file, written};
use crate::bucket::Bucket;
use crate::digest;
use crate::duck::{self, Sandbox};
use crate::error;
use crate::lake::catalog::{self, Scope};

/// The pages of the project in `dir`, and what stands in the one of that name.
pub(super) fn pages(dir: &Path, name: Option<&str>) -> Value {
    let all = page::all(dir).unwrap_or_default();
    let named = all.iter().filter(|(name, _)| page::is_name(name));
    let pages = named.map(|(name, page)| {
        let title = page.as_ref().map_or(name, |page| &page.title);
        json!({ "name": name, "title": title })
    });
    let pages: Vec<Value> = pages.collect();
    match name.map(|name| one(dir, name)) {
        None => json!({ "pages": pages }),
        Some(Ok(page)) => json!({ "pages": pages, "page": page }),
        Some(Err(error)) => json!({ "pages": pages, "error": error::advised(&error) }),
    }
}

fn one(dir: &Path, name: &str) -> Result<Value> {
    let text = file::text(&file::path(dir, name), name)?;
    let page = Page::parse(name, &text).map_err(|wrong| wrong.within(name))?;
    let inputs = page.inputs.iter().flat_map(|input| input.parameters());
    let inputs = inputs.map(|(name, sql_type)| json!({ "name": name, "type": sql_type })).collect::<Vec<_>>();
    let queries = page.queries.iter().map(|query| {
        let (chart, options) = written::drawn(query).unzip();
        json!({ "name": query.name, "sql": query.sql, "chart": chart, "options": options })
    });
    let queries: Vec<Value> = queries.collect();
    Ok(json!({ "name": name, "digest": digest::short(&text), "inputs": inputs, "queries": queries }))
}

/// Tables and views of the lake with their columns.
///
/// # Errors
/// What the bucket says; a catalog that is none.
pub(super) async fn tables(bucket: &Bucket) -> Result<Value> {
    let catalog = catalog::read_in(bucket, Scope::Outline).await?;
    let column = |name: &str, sql_type: &str| json!({ "name": name, "type": sql_type });
    let tables = catalog.tables.iter().map(|(name, table)| {
        let columns = table.columns.iter().map(|one| column(&one.name, &one.sql_type)).collect::<Vec<_>>();
        json!({ "name": name, "columns": columns })
    });
    let views = catalog.views.iter().map(|(name, view)| {
        let columns = view.columns.iter().map(|one| column(&one.name, &one.sql_type)).collect::<Vec<_>>();
        json!({ "name": name, "columns": columns })
    });
    Ok(tables.chain(views).collect())
}

/// Functions and keywords of this DuckDB, none when it does not start.
pub(super) fn words() -> &'static Value {
    static WORDS: OnceLock<Value> = OnceLock::new();
    WORDS.get_or_init(|| read_words().unwrap_or_default())
}

fn read_words() -> Result<Value> {
    let connection = duck::open(&Sandbox { memory: Some("64MB"), threads: Some(1), ..Sandbox::default() })?;
    let all = |sql: &str| -> Result<Vec<String>> {
        let mut statement = connection.prepare(sql)?;
        let rows = statement.query_map([], |row| row.get(0))?;
        Ok(rows.collect::<duckdb::Result<_>>()?)
    };
    let functions = all("SELECT DISTINCT function_name FROM duckdb_functions() WHERE function_type <> 'pragma' \
                         AND regexp_full_match(function_name, '[a-z][a-z0-9_]*') ORDER BY ALL")?;
    let keywords = all("SELECT keyword_name FROM duckdb_keywords() ORDER BY ALL")?;
    Ok(json!({ "functions": functions, "keywords": keywords }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_duckdbs() {
        let has = |kind: &str, word: &str| words()[kind].as_array().unwrap().iter().any(|known| known == word);
        assert!(has("functions", "date_trunc") && has("functions", "count") && has("keywords", "qualify"));
        assert!(!has("functions", "+"));
    }
}
