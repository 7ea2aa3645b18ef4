//! What each tile of a page may cost, told while its rows are asked for: by the catalog, and nothing is invoked.

use std::collections::BTreeMap;

use hyper::StatusCode;
use quack_function::wire::Spill;
use quack_page::input::Given;
use serde_json::json;
use tokio_util::sync::CancellationToken;

use super::super::ask;
use super::super::compose::Composer;
use super::super::page::{self, Page};
use super::super::together::{self, Means};
use super::answer::Asked;
use super::response::{self, Answer};
use crate::lake::catalog;
use crate::planner::Planner;
use crate::query::{self, Coordinator, Request};

/// US dollars of each query of the page that is shown; those of which nothing is known are left out.
pub(super) async fn of(asked: &Asked, page: &str) -> Answer {
    let known = if page::is_name(page) { estimates(asked, page).await.unwrap_or_default() } else { BTreeMap::new() };
    response::of(StatusCode::OK, "application/json", json!(known).to_string())
}

async fn estimates(asked: &Asked, page: &str) -> Option<BTreeMap<String, f64>> {
    let Asked { context, target, .. } = asked;
    let page = Page::read(&page::path(&context.config.dir, page), page).ok()?;
    let composer = Composer::open().ok()?;
    let (planner, mut known) = (Planner::default(), BTreeMap::new());
    let means = Means { context, target, cancel: &CancellationToken::new() };
    for query in page.queries.iter().filter(|query| query.drawn.is_some()) {
        let Ok(composed) = composer.compose(&page, query) else { continue };
        if let Some(over) = together::over(&page, &composer, query, &Given::new(), &context.caller.user)
            && let Some(usd) = together::estimated(&planner, &means, &over).await
        {
            known.insert(query.name.clone(), usd);
            continue;
        }
        // Metadata of tables never changes, and is read once.
        let Ok(catalog) = catalog::read_for(&target.bucket, &composed.sql).await else { continue };
        // As they were, tables are known to the function alone.
        if !matches!(query::travel(&target.bucket, &catalog, &composed.sql).await, Ok(None)) {
            continue;
        }
        let coordinator = Coordinator::new(context, target, &catalog);
        let request = Request { sql: composed.sql, limit: Some(ask::MOST_ROWS), spill: Spill::Auto };
        if let Some(estimate) = query::estimate(&planner, &coordinator, &request) {
            known.insert(query.name.clone(), estimate.usd);
        }
    }
    Some(known)
}
