//! Pages as documents, for who may see them.

use quack_page::html::{Frame, filled};
use quack_page::input;
use quack_page::site::{Page, Site};

use crate::door::Visitor;
use crate::limits::Counted;
use crate::request::Request;
use crate::response::Response;

/// The pages that a visitor may see.
pub(crate) struct Shown<'a> {
    pub site: &'a Site,
    pub pages: &'a [&'a Page],
    pub visitor: &'a Visitor,
}

impl Shown<'_> {
    /// Leads to the first page.
    pub(crate) fn first(&self) -> Response {
        match self.pages.first() {
            Some(page) => Response::elsewhere(&format!("/{}", page.name)),
            None => self.notice("There are no pages for you", "Ask whoever runs this site to let you see one."),
        }
    }

    /// The page of that name, with what a reader gave.
    pub(crate) fn page(&self, name: &str, request: &Request, counted: &mut Counted) -> Response {
        let Some(page) = self.pages.iter().find(|page| page.name == name) else {
            return self.notice("There is no such page", "Or it is not for you. Choose one above.");
        };
        counted.load(page, &self.visitor.session);
        let given = input::given(&request.query);
        let main = filled(&page.html, &page.inputs, &given);
        Response::html(200, self.framed(&page.name, &page.title, |frame| frame.document(&main)))
    }

    fn notice(&self, title: &str, words: &str) -> Response {
        Response::html(404, self.framed("", title, |frame| frame.notice(words))).because(title)
    }

    fn framed(&self, name: &str, title: &str, document: impl FnOnce(&Frame<'_>) -> String) -> String {
        let links: Vec<(&str, &str)> =
            self.pages.iter().map(|page| (page.name.as_str(), page.title.as_str())).collect();
        let user = self.visitor.is_signed_in.then_some(self.visitor.user.as_str());
        document(&Frame { name, title, links: &links, assets: &self.site.assets, is_live: false, user, about: None })
    }
}
