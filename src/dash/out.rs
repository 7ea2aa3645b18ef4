//! A page's HTML as it is written: what stands in it for whatever depends on who looks and on what they set.

use pulldown_cmark::{CowStr, Event};
use quack_page::site::Segment;
use serde_json::json;

/// What stands around a placeholder in HTML: a character that no HTML has, as whatever a page says has another in its place.
pub(super) const MARK: char = '\0';

/// What is written: Markdown, groups, and inputs, of which those that follow one another stand in one form.
#[derive(Default)]
pub(super) struct Out<'a> {
    events: Vec<Event<'a>>,
    in_form: bool,
    /// What ends each group that is open.
    ends: Vec<&'static str>,
}

impl<'a> Out<'a> {
    pub(super) fn events(&mut self, events: Vec<Event<'a>>) {
        self.close_form();
        self.events.extend(events);
    }

    pub(super) fn html(&mut self, html: String) {
        self.close_form();
        self.write(html);
    }

    pub(super) fn field(&mut self, field: Segment) {
        if !self.in_form {
            self.write("<form class=\"inputs\">\n".to_owned());
            self.in_form = true;
        }
        self.events.push(Event::Html(placeholder(&field)));
    }

    /// Opens a group.
    pub(super) fn open(&mut self, begin: String, end: &'static str) {
        self.close_form();
        self.ends.push(end);
        self.write(begin);
    }

    /// Closes the last group, and gives what ends it; there may be none.
    pub(super) fn close(&mut self) -> Option<&'static str> {
        self.close_form();
        let end = self.ends.pop()?;
        self.write(end.to_owned());
        Some(end)
    }

    fn close_form(&mut self) {
        if std::mem::take(&mut self.in_form) {
            self.write("</form>\n".to_owned());
        }
    }

    fn write(&mut self, html: String) {
        self.events.push(Event::Html(CowStr::from(html)));
    }

    pub(super) fn end(mut self) -> Vec<Segment> {
        self.close_form();
        for end in std::mem::take(&mut self.ends).into_iter().rev() {
            self.write(end.to_owned());
        }
        let mut html = String::new();
        pulldown_cmark::html::push_html(&mut html, self.events.into_iter());
        split(&html)
    }
}

/// What stands in HTML for a segment that is none.
pub(super) fn placeholder(segment: &Segment) -> CowStr<'static> {
    CowStr::from(format!("{MARK}{}{MARK}", json!(segment)))
}

/// The segments of HTML with placeholders, which are each between two marks.
fn split(html: &str) -> Vec<Segment> {
    let segment = |(at, piece): (usize, &str)| match at % 2 {
        1 => serde_json::from_str(piece).unwrap_or_else(|_| Segment::Text(String::new())),
        _ => Segment::Text(piece.to_owned()),
    };
    let pieces = html.split(MARK).enumerate().filter(|(_, piece)| !piece.is_empty());
    pieces.map(segment).collect()
}
