//! A document: what is around every page, and what of a page depends on who looks and on what they set.

use crate::escape::escaped;
use crate::field;
use crate::input::{Given, Input};
use crate::site::{Assets, Segment};

/// What is around what a document says.
pub struct Frame<'a> {
    /// The page that it is, or nothing.
    pub name: &'a str,
    pub title: &'a str,
    /// Names and titles of the pages that stand in its head.
    pub links: &'a [(&'a str, &'a str)],
    pub assets: &'a Assets,
    /// It follows a file as it is saved.
    pub is_live: bool,
    /// Who is signed in, and can sign out.
    pub user: Option<&'a str>,
    /// What else pages are over than the lake as it is.
    pub about: Option<&'a str>,
}

impl Frame<'_> {
    /// The document with `main` in its middle, which is HTML.
    pub fn document(&self, main: &str) -> String {
        let Self { name, title, links, assets, is_live, user, about } = self;
        let link = |(page, title): &(&str, &str)| {
            let current = if page == name { " aria-current=\"page\"" } else { "" };
            format!("<a href=\"/{}\"{current}>{}</a>", escaped(page), escaped(title))
        };
        let links: String = links.iter().map(link).collect();
        let live = if *is_live { " data-live" } else { "" };
        let edit = match (*is_live, name.is_empty()) {
            (false, _) => String::new(),
            (true, true) => "<a class=\"edit\" href=\"/edit\">Edit</a>".to_owned(),
            (true, false) => format!("<a class=\"edit\" href=\"/edit?page={}\">Edit</a>", escaped(name)),
        };
        let leave = user.map_or_else(String::new, |user| {
            let user = escaped(user);
            format!(
                "<form class=\"session\" method=\"post\" action=\"/logout\"><span>{user}</span> <button>Sign out</button></form>"
            )
        });
        let about = about.map_or_else(String::new, |about| format!("<p class=\"about\">{}</p>\n", escaped(about)));
        format!(
            "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\
             <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"><title>{}</title>\
             <link rel=\"icon\" href=\"data:,\"><link rel=\"stylesheet\" href=\"/assets/{}\"><script type=\"module\" src=\"/assets/{}\"></script></head>\n\
             <body data-page=\"{}\" data-maps=\"/assets/{}\"{live}>\n<header><nav aria-label=\"Dashboards\">{links}</nav>{edit}{leave}</header>\n{about}\
             <main>\n{main}</main>\n</body></html>\n",
            escaped(title),
            escaped(&assets.style),
            escaped(&assets.script),
            escaped(name),
            escaped(&assets.maps)
        )
    }

    /// A document that says something instead of a page.
    pub fn notice(&self, words: &str) -> String {
        let (title, words) = (escaped(self.title), escaped(words));
        self.document(&format!("<h1>{title}</h1>\n<pre class=\"notice\">{words}</pre>\n"))
    }
}

/// A page's HTML with what readers gave; a value that is none of its input's counts as not given.
pub fn filled(segments: &[Segment], inputs: &[Input], given: &Given) -> String {
    let mut html = String::new();
    for segment in segments {
        match segment {
            Segment::Text(text) => html.push_str(text),
            Segment::Value(name) => {
                if let Some(value) = inputs.iter().find_map(|input| field::told(input, name, given)) {
                    let (name, value) = (escaped(name), escaped(&value));
                    html.push_str(&format!("<output data-value=\"{name}\">{value}</output>"));
                }
            }
            Segment::Field { input, asks } => {
                if let Some(input) = inputs.get(*input) {
                    html.push_str(&field::html(input, given, asks.as_deref()));
                    if let Err(words) = input.values(given) {
                        let words = escaped(&words);
                        html.push_str(&format!(
                            "<p class=\"note refused\" role=\"status\">{words}: the page is shown as if it was not given</p>\n"
                        ));
                    }
                }
            }
        }
    }
    html
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::input::Kind;

    #[test]
    fn what_is_given_and_is_no_value_is_told() {
        let day = crate::input::Day::Fixed("2019-04-01".parse().unwrap());
        let kind = Kind::Date { default: day, min: None, max: None };
        let inputs = [Input { name: "day".into(), label: "Day".into(), kind, line: 1 }];
        let shown = |value: &str| {
            let given = Given::from([("day".to_owned(), vec![value.to_owned()])]);
            filled(&[Segment::Field { input: 0, asks: None }], &inputs, &given)
        };
        let html = shown("2019-04-31<b>");
        assert!(
            html.contains("role=\"status\">`day` is a date like 2019-04-01, and `2019-04-31&lt;b&gt;` is none"),
            "{html}"
        );
        assert!(html.contains("value=\"2019-04-01\"") && !shown("2019-04-30").contains("refused"), "{html}");
    }

    #[test]
    fn nothing_that_is_given_is_a_tag() {
        let input = Input { name: "it".into(), label: "It".into(), kind: Kind::Text { default: "d".into() }, line: 1 };
        let segments = [
            Segment::Text("<p>".into()),
            Segment::Value("it".into()),
            Segment::Value("none".into()),
            Segment::Field { input: 7, asks: None },
        ];
        let given = Given::from([("it".to_owned(), vec!["<script>".to_owned()])]);
        let html = filled(&segments, &[input], &given);
        assert_eq!(html, "<p><output data-value=\"it\">&lt;script&gt;</output>");
        let assets = Assets { script: "s.js".into(), style: "s.css".into(), maps: "m.js".into() };
        let frame = Frame {
            name: "x",
            title: "<b>",
            links: &[("x", "\"><i>")],
            assets: &assets,
            is_live: false,
            user: Some("<u>"),
            about: Some("<s>"),
        };
        let document = frame.notice("<a>");
        assert!(!["<b>", "<i>", "<u>", "<s>", "<a>"].iter().any(|tag| document.contains(tag)), "{document}");
        assert!(document.contains("href=\"/x\" aria-current") && !document.contains("data-live"), "{document}");
        assert!(!document.contains("/edit"), "{document}");
        let live = Frame { is_live: true, ..frame }.notice("");
        assert!(live.contains("<a class=\"edit\" href=\"/edit?page=x\">"), "{live}");
    }
}
