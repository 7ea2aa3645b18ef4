//! What is at which address.

use std::net::SocketAddr;

use anyhow::Result;
use hyper::body::Incoming;
use hyper::header::HOST;
use hyper::{Method, Request, StatusCode};
use tokio_util::sync::CancellationToken;

use super::super::compose::Composer;
use super::super::html::{self, Link};
use super::super::input::Given;
use super::super::page::{self, Page};
use super::answer::{Asked, Form};
use super::response::{self, Answer};
use super::{assets, changes};
use crate::cloud::Target;
use crate::console::context::Context;
use crate::error;

/// The pages of a project, and what they are answered with.
pub(super) struct Site {
    asked: Asked,
    /// What `Host` may be: a page elsewhere whose name was made to lead here is not answered.
    hosts: [String; 2],
}

impl Site {
    pub(super) fn new(context: Context, target: Target, address: SocketAddr, ending: CancellationToken) -> Self {
        let hosts = [address.to_string(), format!("localhost:{}", address.port())];
        Self { asked: Asked::new(context, target, ending), hosts }
    }

    pub(super) async fn answer(&self, request: Request<Incoming>) -> Answer {
        let host = request.headers().get(HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
        if !self.hosts.iter().any(|own| own.eq_ignore_ascii_case(host)) {
            return response::error(StatusCode::FORBIDDEN, "this is another server than the request is for", "");
        }
        if let Some(site) = request.headers().get("sec-fetch-site")
            && !["same-origin", "none"].iter().any(|own| site == own)
            && request.uri().path() != "/"
        {
            return response::error(StatusCode::FORBIDDEN, "requests of other sites' pages are not answered", "");
        }
        if request.method() != Method::GET {
            return response::error(StatusCode::METHOD_NOT_ALLOWED, "there is only GET here", "");
        }
        let given = given(request.uri().query().unwrap_or_default());
        let path: Vec<&str> = request.uri().path().split('/').skip(1).collect();
        match path.as_slice() {
            [""] => self.first(),
            ["events"] => changes::events(self.asked.context.config.dir.clone()),
            ["assets", name] => assets::find(name).unwrap_or_else(missing),
            ["api", page, query] => match Form::of(query) {
                (query, Some(form)) => self.asked.rows(page, query, form, &given).await,
                _ => missing(),
            },
            [page] if page::is_name(page) => self.page(page, &given),
            _ => missing(),
        }
    }

    /// Leads to the first page.
    fn first(&self) -> Answer {
        let pages = page::all(&self.asked.context.config.dir).unwrap_or_default();
        match pages.keys().find(|name| page::is_name(name)) {
            Some(name) => {
                let mut found = response::of(StatusCode::FOUND, "text/plain", "");
                response::set(&mut found, "location", &format!("/{name}"));
                found
            }
            None => {
                let words = "`quackctl dash new NAME` writes a first page";
                response::html(StatusCode::NOT_FOUND, html::notice("", "There are no pages", words, &[]))
            }
        }
    }

    fn page(&self, name: &str, given: &Given) -> Answer {
        let pages = page::all(&self.asked.context.config.dir).unwrap_or_default();
        let title = |name: &str, page: &Result<Page>| page.as_ref().map_or(name.to_owned(), |page| page.title.clone());
        let titles: Vec<(String, String)> = pages
            .iter()
            .filter(|(name, _)| page::is_name(name))
            .map(|(name, page)| (name.clone(), title(name, page)))
            .collect();
        let links: Vec<Link<'_>> = titles.iter().map(|(name, title)| Link { name, title }).collect();
        let notice =
            |status, title: &str, words: &str| response::html(status, html::notice(name, title, words, &links));
        match pages.get(name) {
            None => {
                notice(StatusCode::NOT_FOUND, "There is no such page", &format!("dashboards/{name}.md is not there"))
            }
            Some(Err(error)) => {
                notice(StatusCode::UNPROCESSABLE_ENTITY, "The page has a mistake", &error::words(error.as_ref()))
            }
            Some(Ok(page)) => match Composer::open() {
                Ok(composer) => response::html(StatusCode::OK, html::document(page, &links, &composer, given)),
                Err(error) => notice(StatusCode::INTERNAL_SERVER_ERROR, "It cannot be shown", &format!("{error:#}")),
            },
        }
    }
}

/// What a reader gave, of the part of an address behind `?`.
fn given(query: &str) -> Given {
    let mut given = Given::new();
    for (name, value) in form_urlencoded::parse(query.as_bytes()) {
        given.entry(name.into_owned()).or_default().push(value.into_owned());
    }
    given
}

fn missing() -> Answer {
    response::error(StatusCode::NOT_FOUND, "there is nothing at this address", "")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_come_by_name() {
        let given = given("day=2019-04-01&zones=a+b&zones=c%26d&x");
        assert_eq!(given["zones"], ["a b", "c&d"]);
        assert_eq!(
            (given["day"].as_slice(), given["x"].as_slice()),
            (&["2019-04-01".to_owned()][..], &[String::new()][..])
        );
    }
}
