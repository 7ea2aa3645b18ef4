//! What pages are shown with: script and style, built into the program.

use hyper::StatusCode;
use quack_page::site::Assets;

use super::super::web;
use super::response::{self, Answer};

/// What they are called here.
pub(super) fn names() -> Assets {
    Assets { script: "dash.js".to_owned(), style: "dash.css".to_owned(), maps: "map.js".to_owned() }
}

/// What the editor is shown with.
pub(super) fn of_editor() -> Assets {
    Assets { script: "edit.js".to_owned(), style: "edit.css".to_owned(), maps: "map.js".to_owned() }
}

/// The file of that name.
pub(super) fn find(name: &str) -> Option<Answer> {
    let (content_type, bytes): (_, &'static [u8]) = match name {
        "dash.js" => ("text/javascript; charset=utf-8", web::SCRIPT),
        "map.js" => ("text/javascript; charset=utf-8", web::MAPS),
        "dash.css" => ("text/css; charset=utf-8", web::STYLE),
        "edit.js" => ("text/javascript; charset=utf-8", web::EDITOR_SCRIPT),
        "edit.css" => ("text/css; charset=utf-8", web::EDITOR_STYLE),
        _ => return None,
    };
    Some(response::of(StatusCode::OK, content_type, bytes))
}
