//! The shapes of pages' maps, as their files are now.

use std::path::Path;

use hyper::StatusCode;
use quack_page::input::Given;

use super::super::fence::{self, Joined};
use super::super::page::{self, Page};
use super::super::shapes::{self, Shapes, Written};
use super::response::{self, Answer};
use crate::error;

/// The shapes that a page of the project in `dir` calls so.
pub(super) fn of(dir: &Path, page: &str, name: &str) -> Answer {
    let missing = || {
        response::error(
            StatusCode::NOT_FOUND,
            "the page has no such shapes, or other ones by now",
            "load the page again",
        )
    };
    if !page::is_name(page) {
        return missing();
    }
    let page = match Page::read(&page::path(dir, page), page) {
        Ok(page) => page,
        Err(error) => return response::error(StatusCode::NOT_FOUND, &error::advised(&error), ""),
    };
    match Shapes::of(&page, dir) {
        Ok(shapes) => shapes.all().remove(name).map_or_else(missing, answer),
        Err(problems) => response::error(StatusCode::UNPROCESSABLE_ENTITY, &Shapes::told(&page, &problems), ""),
    }
}

/// Those that a map would have that is yet to be written: `file` and, if it is said, `key`.
pub(super) fn given(dir: &Path, given: &Given) -> Answer {
    let value = |name: &str| given.get(name).and_then(|values| values.first()).filter(|value| !value.is_empty());
    let file = value("file").cloned().unwrap_or_default();
    let joined = match value("key") {
        _ if value("lat").is_some() => Joined::Nothing,
        Some(key) => Joined::By(key.clone()),
        None => Joined::Usual,
    };
    match shapes::written(dir, &fence::Given { file, joined }) {
        Ok(made) => answer(&made),
        Err(words) => response::error(StatusCode::UNPROCESSABLE_ENTITY, &words, ""),
    }
}

fn answer(made: &Written) -> Answer {
    response::of(StatusCode::OK, "application/geo+json", made.json.clone())
}
