//! The file: a document that has its script, its style and its rows in it, and asks nobody for anything.

use anyhow::Result;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chrono::{DateTime, SecondsFormat, Utc};
use quack_page::escape::escaped;
use quack_page::html::filled;
use quack_page::input::Given;

use super::super::compose::Composer;
use super::super::fence::Chart;
use super::super::html;
use super::super::page::{Page, Query};
use super::super::shapes::{self, Shapes, Written};
use super::super::web;
use crate::digest;

/// The rows of a query.
pub(super) struct Kept {
    pub query: String,
    /// Of a tile in a loop, the number of its section, of which the first is 1.
    pub section: Option<usize>,
    /// An Arrow stream.
    pub arrow: Vec<u8>,
    pub rows: u64,
    pub ms: f64,
    pub usd: Option<f64>,
    pub truncated: bool,
}

/// The document that shows `page` as it was `made`, of the lake or of a branch of it, with the values of its inputs that were given.
///
/// Whatever is not ours stands in it as text that was escaped, or as base64: neither has a `<`. The policy lets the scripts and the
/// one style run that have these digests.
pub(super) fn document(
    page: &Page,
    composer: &Composer,
    given: &Given,
    (kept, shapes): (&[Kept], &Shapes),
    (made, branch): (DateTime<Utc>, Option<&str>),
) -> Result<String> {
    let (script, style) = (std::str::from_utf8(web::SCRIPT)?, std::str::from_utf8(web::STYLE)?);
    let hash = |text: &str| format!("'sha256-{}'", STANDARD.encode(digest::sha256(text)));
    let main = filled(&html::segments(page, composer, shapes), &page.inputs, given);
    // Before the other, which looks for it.
    let is_map = |query: &Query| query.drawn.as_ref().is_some_and(|drawn| drawn.chart == Chart::Map);
    let maps = match page.queries.iter().any(is_map) {
        true => Some(std::str::from_utf8(web::MAPS)?),
        false => None,
    };
    let scripts: String =
        maps.into_iter().chain([script]).map(|script| format!("<script type=\"module\">{script}</script>\n")).collect();
    let hashes: Vec<String> = maps.into_iter().chain([script]).map(hash).collect();
    let policy = format!(
        "default-src 'none'; script-src {}; style-src {}; img-src data: blob:; base-uri 'none'; form-action 'none'",
        hashes.join(" "),
        hash(style)
    );
    let rows: String = kept.iter().map(Kept::element).collect();
    let shapes: String = shapes.all().into_values().map(|made| element(&page.name, made)).collect();
    let (title, name) = (escaped(&page.title), escaped(&page.name));
    let (moment, words) = (made.to_rfc3339_opts(SecondsFormat::Secs, true), made.format("%Y-%m-%d %H:%M"));
    // A branch's name has letters, digits, `-` and `_`; and whoever reads the file may never have heard of it.
    let branch = branch.map(|branch| format!(", on the branch {}, which was not published", escaped(branch)));
    let branch = branch.unwrap_or_default();
    Ok(format!(
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\
         <meta http-equiv=\"content-security-policy\" content=\"{policy}\"><meta name=\"referrer\" content=\"no-referrer\">\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"><title>{title}</title>\
         <link rel=\"icon\" href=\"data:,\"><style>{style}</style></head>\n\
         <body data-page=\"{name}\" data-snapshot>\n<header></header>\n<main>\n{main}\
         <p class=\"made\">As it was on <time datetime=\"{moment}\">{words} UTC</time>{branch}</p>\n</main>\n\
         {rows}{shapes}{scripts}</body></html>\n"
    ))
}

/// The shapes of maps, by the address that a tile has: a script of no language, which is data.
fn element(page: &str, Written { name, json }: &Written) -> String {
    let address = escaped(&shapes::address(page, name));
    format!(
        "<script type=\"text/plain\" class=\"shapes\" data-shapes=\"{address}\">{}</script>\n",
        STANDARD.encode(json)
    )
}

impl Kept {
    /// A script of no language, which is data.
    fn element(&self) -> String {
        let usd = self.usd.map(|usd| format!(" data-usd=\"{usd:.10}\"")).unwrap_or_default();
        let section = self.section.map(|section| format!(" data-section=\"{section}\"")).unwrap_or_default();
        let truncated = if self.truncated { " data-truncated=\"1\"" } else { "" };
        format!(
            "<script type=\"text/plain\" class=\"rows\" data-query=\"{}\" data-ms=\"{:.1}\"{section}{usd}{truncated}>{}</script>\n",
            escaped(&self.query),
            self.ms,
            STANDARD.encode(&self.arrow)
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn script_and_style_can_stand_in_a_document() {
        for text in
            [web::SCRIPT, web::STYLE, web::MAPS].map(|bytes| std::str::from_utf8(bytes).unwrap().to_ascii_lowercase())
        {
            for other in ["</script", "</style", "<!--", "\r", "\0"] {
                assert!(!text.contains(other), "{other:?}");
            }
        }
    }

    #[test]
    fn nothing_of_data_or_the_page_ends_what_it_stands_in() {
        let hostile = "</script></style></main><script>alert(1)</script><img src=x onerror=alert(2)>";
        let text = format!(
            "---\ntitle: '{hostile}'\n---\n# {hostile} {{{{ who }}}}\n\n```input who\ntype: text\ndefault: ''\n```\n\
             ```sql q table title=\"{hostile}\"\nSELECT $who\n```\n"
        );
        let page = Page::parse("x", &text).unwrap();
        let given = Given::from([("who".to_owned(), vec![hostile.to_owned()])]);
        let arrow = hostile.as_bytes().to_vec();
        let kept = Kept { query: "q".into(), section: None, arrow, rows: 1, ms: 1.0, usd: Some(0.5), truncated: true };
        let made = "2026-11-27T12:00:00Z".parse().unwrap();
        let document =
            document(&page, &Composer::open().unwrap(), &given, (&[kept], &Shapes::default()), (made, Some("b")))
                .unwrap();
        let own = document.replace(std::str::from_utf8(web::SCRIPT).unwrap(), "");
        assert_eq!(own.matches("<script").count(), 2, "{own}");
        assert_eq!((own.matches("</script").count(), own.matches("</style").count()), (2, 1), "{own}");
        assert!(
            !own.contains("<img")
                && own.contains("2026-11-27 12:00 UTC</time>, on the branch b, which was not published</p>")
                && own.contains("data-usd=\"0.5"),
            "{own}"
        );
    }
}
