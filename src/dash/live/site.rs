//! What is at which address.

use std::net::SocketAddr;

use hyper::body::Incoming;
use hyper::header::{HOST, ORIGIN};
use hyper::{Method, Request, StatusCode};
use quack_page::form::Form;
use quack_page::html::{Frame, filled};
use quack_page::input::{self, Given};
use quack_page::site::Assets;
use tokio::runtime::Handle;
use tokio::task;
use tokio_util::sync::CancellationToken;

use super::super::compose::Composer;
use super::super::file;
use super::super::html;
use super::super::page::{self, Page};
use super::super::shapes::Shapes;
use super::answer::Asked;
use super::edit::Editor;
use super::response::{self, Answer};
use super::titles::Titles;
use super::{assets, changes, estimates, shapes};
use crate::cloud::Target;
use crate::console::context::Context;
use crate::error;
use crate::lake::branch;

/// The pages of a project, and what they are answered with.
pub(super) struct Site {
    asked: Asked,
    /// What `Host` may be: a page elsewhere whose name was made to lead here is not answered.
    hosts: Vec<String>,
    editor: Editor,
    titles: Titles,
}

impl Site {
    pub(super) fn new(context: Context, target: Target, address: SocketAddr, ending: CancellationToken) -> Self {
        let mut hosts = vec![address.to_string(), format!("localhost:{}", address.port())];
        // The port that browsers do not say.
        if address.port() == 80 {
            hosts.extend([address.ip().to_string(), "localhost".to_owned()]);
        }
        Self { asked: Asked::new(context, target, ending), hosts, editor: Editor::new(), titles: Titles::default() }
    }

    /// Waits until no query runs.
    pub(super) async fn ended(&self) {
        self.asked.ended().await;
    }

    pub(super) async fn answer(&self, request: Request<Incoming>) -> Answer {
        let is_own = |host: &str| self.hosts.iter().any(|own| own.eq_ignore_ascii_case(host));
        let all = |name| request.headers().get_all(name).iter().map(|value| value.to_str().unwrap_or_default());
        let is_for_us = all(HOST).count() == 1 && all(HOST).all(is_own);
        // Browsers that do not tell `Sec-Fetch-Site` tell this.
        if !is_for_us || !all(ORIGIN).all(|origin| origin.strip_prefix("http://").is_some_and(is_own)) {
            return response::error(StatusCode::FORBIDDEN, "this is another server than the request is for", "");
        }
        if let Some(site) = request.headers().get("sec-fetch-site")
            && !["same-origin", "none"].iter().any(|own| site == own)
        {
            // Who followed a link from elsewhere goes on from here; nothing was asked by that.
            let words = "The link is another site's, and these pages are shown to nobody but you. Choose one above.";
            return task::block_in_place(|| {
                self.notice("", StatusCode::FORBIDDEN, "Dashboards of this machine", words)
            });
        }
        match (request.method(), request.uri().path()) {
            (&Method::POST, "/edit/run") => return self.editor.run(&self.asked, request).await,
            (&Method::POST, "/edit/save") => return self.editor.save(&self.asked, request).await,
            (&Method::GET, "/edit/run" | "/edit/save") => {
                return response::error(StatusCode::METHOD_NOT_ALLOWED, "there is only POST here", "");
            }
            (&Method::GET, _) => {}
            _ => return response::error(StatusCode::METHOD_NOT_ALLOWED, "there is only GET here", ""),
        }
        let given = input::given(request.uri().query().unwrap_or_default());
        let path: Vec<&str> = request.uri().path().split('/').skip(1).collect();
        match path.as_slice() {
            [""] => task::block_in_place(|| self.first()),
            ["events"] => changes::events(self.asked.context.config.dir.clone()),
            ["edit"] => task::block_in_place(|| self.edit()),
            ["edit", "shapes"] => task::block_in_place(|| shapes::given(&self.asked.context.config.dir, &given)),
            ["shapes", page, name] => task::block_in_place(|| shapes::of(&self.asked.context.config.dir, page, name)),
            ["edit", "known"] => self.editor.known(&self.asked, &given),
            ["assets", name] => assets::find(name).unwrap_or_else(missing),
            ["api", page] => match page.strip_suffix(".estimates") {
                // What judges SQL stays on one thread.
                Some(page) => task::block_in_place(|| Handle::current().block_on(estimates::of(&self.asked, page))),
                None => missing(),
            },
            ["api", page, query] => match Form::of(query) {
                (query, Some(form)) => self.asked.rows(page, query, form, &given).await,
                _ => missing(),
            },
            [page] if page::is_name(page) => task::block_in_place(|| self.page(page, &given)),
            _ => missing(),
        }
    }

    /// Leads to the first page.
    fn first(&self) -> Answer {
        match page::names(&self.asked.context.config.dir) {
            Err(error) => {
                self.notice("", StatusCode::INTERNAL_SERVER_ERROR, "There is nothing to show", &error::advised(&error))
            }
            Ok(names) => match names.iter().find(|name| page::is_name(name)) {
                Some(name) => {
                    let mut found = response::of(StatusCode::FOUND, "text/plain", "");
                    response::set(&mut found, "location", &format!("/{name}"));
                    found
                }
                None => {
                    let strayed = file::strayed(&file::below(&self.asked.context.config.dir));
                    let words = strayed.unwrap_or_else(|| "`quackctl dash new NAME` writes a first page".to_owned());
                    self.notice("", StatusCode::NOT_FOUND, "There are no pages", &words)
                }
            },
        }
    }

    fn page(&self, name: &str, given: &Given) -> Answer {
        let dir = &self.asked.context.config.dir;
        let page = match Page::read(&page::path(dir, name), name) {
            Ok(page) => page,
            Err(error) if page::path(dir, name).exists() => {
                let status = StatusCode::UNPROCESSABLE_ENTITY;
                return self.notice(name, status, "The page has a mistake", &error::advised(&error));
            }
            Err(error) => {
                return self.notice(name, StatusCode::NOT_FOUND, "There is no such page", &error::advised(&error));
            }
        };
        let shapes = match Shapes::of(&page, dir) {
            Ok(shapes) => shapes,
            Err(problems) => {
                let words = Shapes::told(&page, &problems);
                return self.notice(name, StatusCode::UNPROCESSABLE_ENTITY, "A map of the page has a mistake", &words);
            }
        };
        match Composer::open() {
            Ok(composer) => {
                let main = filled(&html::segments(&page, &composer, &shapes), &page.inputs, given);
                response::html(StatusCode::OK, self.framed(name, &page.title, |frame| frame.document(&main)))
            }
            Err(error) => {
                self.notice(name, StatusCode::INTERNAL_SERVER_ERROR, "It cannot be shown", &error::advised(&error))
            }
        }
    }

    /// The document of the editor, whose script is another.
    fn edit(&self) -> Answer {
        let assets = assets::of_editor();
        let document = self.framed_with(&assets, "", "Editor", |frame| frame.document(&self.editor.html()));
        response::html(StatusCode::OK, document)
    }

    /// A document that says something, with links to all pages.
    fn notice(&self, name: &str, status: StatusCode, title: &str, words: &str) -> Answer {
        response::html(status, self.framed(name, title, |frame| frame.notice(words)))
    }

    /// A document of this title, with links to all pages.
    fn framed(&self, name: &str, title: &str, document: impl FnOnce(&Frame<'_>) -> String) -> String {
        self.framed_with(&assets::names(), name, title, document)
    }

    fn framed_with(
        &self,
        assets: &Assets,
        name: &str,
        title: &str,
        document: impl FnOnce(&Frame<'_>) -> String,
    ) -> String {
        let titles = self.titles.of(&self.asked.context.config.dir);
        let links: Vec<(&str, &str)> = titles.iter().map(|(name, title)| (name.as_str(), title.as_str())).collect();
        let about = self.about();
        document(&Frame { name, title, links: &links, assets, is_live: true, user: None, about: about.as_deref() })
    }

    /// Which branch the pages are over, if it is one, and what differs in it.
    fn about(&self) -> Option<String> {
        let Asked { context, target, .. } = &self.asked;
        let branch = context.branch.as_deref()?;
        let found = Handle::current().block_on(branch::look(&target.bucket, branch));
        Some(match found {
            Ok(found) => {
                let differs: Vec<String> = found.differences.iter().map(|difference| difference.to_string()).collect();
                let differs = if differs.is_empty() { "nothing".to_owned() } else { differs.join(", ") };
                format!("branch {branch} · not published · differs in {}", differs.replace('`', ""))
            }
            Err(error) => format!("branch {branch} · {}", error::words(error.as_ref())),
        })
    }
}

fn missing() -> Answer {
    response::error(StatusCode::NOT_FOUND, "there is nothing at this address", "")
}
