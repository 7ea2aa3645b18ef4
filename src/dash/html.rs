//! A page as HTML: its Markdown, with a tile in the place of each query that is shown and a field in that of each input. HTML in the
//! file is shown as the text that it is, and links go to pages alone: nothing of a file runs.

use std::collections::BTreeMap;

use pulldown_cmark::{Alignment, CodeBlockKind, CowStr, Event, Parser, Tag, TagEnd, TextMergeStream};
use quack_page::escape::escaped;
use quack_page::site::Segment;
use serde_json::json;

use super::compose::{Composed, Composer};
use super::fence::{self, Fence};
use super::page::{self, Group, Page, Query};
use crate::digest;

/// What stands around a placeholder in HTML: a character that no HTML has, as whatever a page says has another in its place.
const MARK: char = '\0';

/// What stands in the middle of a document that shows `page`.
pub(super) fn segments(page: &Page, composer: &Composer) -> Vec<Segment> {
    let body = page.body.replace(MARK, "\u{fffd}");
    let events: Vec<Event<'_>> = TextMergeStream::new(Parser::new_ext(&body, page::options())).collect();
    let mut out = Out::default();
    let (mut at, mut depth) = (0, 0_usize);
    while at < events.len() {
        if depth == 0
            && let [Event::Start(Tag::Paragraph), Event::Text(text), Event::End(TagEnd::Paragraph), ..] = &events[at..]
            && let Ok(Some(group)) = page::group(text)
        {
            out.group(&group);
            at += 3;
            continue;
        }
        if let Event::Start(Tag::CodeBlock(CodeBlockKind::Fenced(info))) = &events[at]
            && let Ok(fence @ (Fence::Sql { .. } | Fence::Input { .. })) = fence::parse(info)
        {
            at += events[at..].iter().position(|event| *event == Event::End(TagEnd::CodeBlock)).unwrap_or(0) + 1;
            match fence {
                Fence::Sql { name, .. } => {
                    if let Some(query) = page.query(&name) {
                        out.html(tile(page, query, composer));
                    }
                }
                Fence::Input { name } => {
                    if let Some(at) = page.inputs.iter().position(|input| input.name == name) {
                        let asked = page.inputs[at].query().and_then(|query| page.query(query));
                        let asks = asked.map(|query| inputs(page, &composer.compose(page, query)));
                        out.field(Segment::Field { input: at, asks });
                    }
                }
                Fence::Code => {}
            }
            continue;
        }
        match &events[at] {
            Event::Start(_) => depth += 1,
            Event::End(_) => depth = depth.saturating_sub(1),
            _ => {}
        }
        out.events(harmless(&events[at], page));
        at += 1;
    }
    out.end()
}

/// What is written of an event.
fn harmless<'a>(event: &Event<'a>, page: &Page) -> Vec<Event<'a>> {
    match event {
        Event::Html(text) | Event::InlineHtml(text) => vec![Event::Text(text.clone())],
        Event::Text(text) if text.contains("{{") => filled(text, page),
        // The words of a picture stand for it: pages load nothing from elsewhere.
        Event::Start(Tag::Image { .. }) | Event::End(TagEnd::Image) => Vec::new(),
        Event::Start(Tag::Link { link_type, dest_url, title, id }) if !is_page(dest_url) => {
            let (link_type, title, id) = (*link_type, title.clone(), id.clone());
            vec![Event::Start(Tag::Link { link_type, dest_url: CowStr::from("#"), title, id })]
        }
        // How cells are aligned would stand in styles of their own, which a page has none of.
        Event::Start(Tag::Table(columns)) => vec![Event::Start(Tag::Table(vec![Alignment::None; columns.len()]))],
        event => vec![event.clone()],
    }
}

/// Whether a link goes to a page: of this site, or of another by HTTP; or to an address that mail is sent to.
fn is_page(url: &str) -> bool {
    let lower = url.to_ascii_lowercase();
    let scheme = lower.split(['/', '?', '#']).next().unwrap_or_default();
    match scheme.split_once(':') {
        Some((scheme, _)) => matches!(scheme, "http" | "https" | "mailto"),
        None => !lower.chars().any(char::is_control),
    }
}

/// A text with placeholders of values for each `{{ name }}`.
fn filled<'a>(text: &str, page: &Page) -> Vec<Event<'a>> {
    let (mut events, mut rest) = (Vec::new(), text);
    let plain = |text: &str| Event::Text(CowStr::from(text.to_owned()));
    while let Some((before, behind)) = rest.split_once("{{") {
        let Some((name, after)) = behind.split_once("}}") else { break };
        match page.inputs.iter().any(|input| input.parameters().iter().any(|(known, _)| known == name.trim())) {
            true => {
                events.extend([plain(before), Event::InlineHtml(placeholder(&Segment::Value(name.trim().to_owned())))])
            }
            false => events.push(plain(&rest[..rest.len() - after.len()])),
        }
        rest = after;
    }
    events.push(plain(rest));
    events
}

/// What stands in HTML for a segment that is none.
fn placeholder(segment: &Segment) -> CowStr<'static> {
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

/// The place of a query's rows; nothing of one that is not shown.
fn tile(page: &Page, query: &Query, composer: &Composer) -> String {
    let Some(drawn) = &query.drawn else { return String::new() };
    let name = escaped(&query.name);
    let composed = composer.compose(page, query);
    // Of one that is wrong, which it says when its rows are asked for, the mistake.
    let digest = digest::short(composed.as_ref().map_or_else(|words| words.as_str(), |composed| composed.sql.as_str()));
    let title = drawn.options.get("title").map(|title| format!("<figcaption>{}</figcaption>", escaped(title)));
    // Not the title: a tile of which nothing else changed keeps its chart.
    let options: BTreeMap<_, _> = drawn.options.iter().filter(|(name, _)| *name != "title").collect();
    format!(
        "<figure class=\"tile\" id=\"tile-{name}\" data-query=\"{name}\" data-chart=\"{}\" data-options=\"{}\" data-inputs=\"{}\" \
         data-digest=\"{}\" aria-busy=\"true\">{}<div class=\"chart\"></div></figure>\n",
        drawn.chart.name(),
        escaped(&json!(options).to_string()),
        escaped(&inputs(page, &composed)),
        digest,
        title.unwrap_or_default()
    )
}

/// The parameters that a query has.
fn inputs(page: &Page, composed: &Result<Composed, String>) -> String {
    let inputs = composed.iter().flat_map(|composed| &composed.inputs);
    inputs.flat_map(|at| page.inputs[*at].parameters()).map(|(name, _)| name).collect::<Vec<_>>().join(" ")
}

/// What is written: Markdown, groups, and inputs, of which those that follow one another stand in one form.
#[derive(Default)]
struct Out<'a> {
    events: Vec<Event<'a>>,
    in_form: bool,
    groups: usize,
}

impl<'a> Out<'a> {
    fn events(&mut self, events: Vec<Event<'a>>) {
        self.close_form();
        self.events.extend(events);
    }

    fn html(&mut self, html: String) {
        self.close_form();
        self.write(html);
    }

    fn field(&mut self, field: Segment) {
        if !self.in_form {
            self.write("<form class=\"inputs\">\n".to_owned());
            self.in_form = true;
        }
        self.events.push(Event::Html(placeholder(&field)));
    }

    /// Opens a group, or closes the last one.
    fn group(&mut self, group: &Group) {
        self.close_form();
        let opened = match group {
            Group::Row => "<div class=\"group row\">\n",
            Group::Column => "<div class=\"group column\">\n",
            Group::End => {
                if self.groups > 0 {
                    self.groups -= 1;
                    self.write("</div>\n".to_owned());
                }
                return;
            }
        };
        self.groups += 1;
        self.write(opened.to_owned());
    }

    fn close_form(&mut self) {
        if std::mem::take(&mut self.in_form) {
            self.write("</form>\n".to_owned());
        }
    }

    fn write(&mut self, html: String) {
        self.events.push(Event::Html(CowStr::from(html)));
    }

    fn end(mut self) -> Vec<Segment> {
        self.close_form();
        self.write("</div>\n".repeat(self.groups));
        let mut html = String::new();
        pulldown_cmark::html::push_html(&mut html, self.events.into_iter());
        split(&html)
    }
}

#[cfg(test)]
mod tests {
    use quack_page::html::filled;
    use quack_page::input::Given;

    use super::*;

    fn shown(text: &str, given: &[(&str, &str)]) -> String {
        let page = Page::parse("x", text).unwrap();
        let given: Given = given.iter().map(|(name, value)| ((*name).to_owned(), vec![(*value).to_owned()])).collect();
        filled(&segments(&page, &Composer::open().unwrap()), &page.inputs, &given)
    }

    #[test]
    fn nothing_of_a_file_runs() {
        let hostile = "# <script>alert(1)</script>\n\n<img src=x onerror=alert(1)>\n\n<div>\n<b onclick=x>\n</div>\n\n\
            [a](javascript:alert(1)) [b]( JAVASCRIPT:x ) [c](data:text/html,x) [d](vbscript:x) <javascript:x>\n\n\
            ![p](https://evil.example/x.png \"t\")\n\n| a |\n|---|\n| <i> |\n\n[e](https://a.example/?a=1&b=2) [f](/trips?x=1)\n";
        let html = shown(hostile, &[]);
        for tag in
            ["<script", "<img", "<b ", "<i>", "<div", "javascript:alert", "JAVASCRIPT:x\"", "data:", "vbscript:x\""]
        {
            let runs = html.replace("&lt;", "").contains(tag);
            assert!(!runs, "{tag}: {html}");
        }
        assert!(
            html.contains("href=\"https://a.example/?a=1&amp;b=2\"") && html.contains("href=\"/trips?x=1\""),
            "{html}"
        );
    }

    /// Pieces of pages in any order: no tag is in what comes of them but those that Markdown and tiles have.
    #[test]
    fn whatever_a_file_is_nothing_of_it_runs() {
        use rand::rngs::StdRng;
        use rand::{Rng, SeedableRng};
        const PIECES: &[&str] = &[
            "<script>x</script>",
            "<img src=x onerror=x>",
            "<svg/onload=x>",
            "[a](javascript:x)",
            "<javascript:x>",
            "![",
            "](",
            ")",
            "\n",
            "\n\n",
            "```",
            "```sql a bar title=\"<b>\"\n",
            "```sql b\n",
            "```input i\ntype: text\ndefault: <i>\n```\n",
            "SELECT $i",
            "FROM a",
            "{{ i }}",
            "{{",
            "}}",
            "::: row\n\n",
            ":::\n\n",
            "> ",
            "- ",
            "| a |\n|---|\n",
            "&lt;",
            "&#106;avascript:",
            "\"",
            "'",
            "<a href='",
            "[x]: data:text/html,x\n",
            "[x]",
            "\u{0}",
            "é",
            "---\n",
            "title: <b>\n",
            "$",
            "<!--",
            "-->",
            "<![CDATA[",
            "<?",
            "^[",
            "[^1]",
            "[^1]: <b>\n",
        ];
        let mut random = StdRng::seed_from_u64(14);
        let composer = Composer::open().unwrap();
        let mut pages = 0;
        for _ in 0..4000 {
            let text: String =
                (0..random.random_range(1..25)).map(|_| PIECES[random.random_range(0..PIECES.len())]).collect();
            let Ok(page) = Page::parse("x", &text) else { continue };
            pages += 1;
            let given = Given::from([("i".to_owned(), vec![text.chars().take(300).collect()])]);
            let main = filled(&segments(&page, &composer), &page.inputs, &given);
            let tags = main.split('<').skip(1).map(|tag| tag.trim_start_matches('/'));
            for tag in tags {
                let name = tag.split(|c: char| !c.is_ascii_alphanumeric()).next().unwrap();
                const KNOWN: &[&str] = &[
                    "p",
                    "h1",
                    "h2",
                    "h3",
                    "h4",
                    "h5",
                    "h6",
                    "ul",
                    "ol",
                    "li",
                    "blockquote",
                    "pre",
                    "code",
                    "em",
                    "strong",
                    "del",
                    "table",
                    "thead",
                    "tbody",
                    "tr",
                    "th",
                    "td",
                    "a",
                    "br",
                    "hr",
                    "sup",
                    "div",
                    "input",
                    "form",
                    "label",
                    "span",
                    "figure",
                    "figcaption",
                    "output",
                ];
                assert!(KNOWN.contains(&name), "<{tag}: {text:?}\n{main}");
                let link = tag.split('>').next().unwrap().split_once(" href=\"");
                let link = link.map_or("", |(_, rest)| rest.split('"').next().unwrap());
                assert!(is_page(link), "<{tag}: {text:?}");
            }
        }
        assert!(pages > 1000, "{pages}");
    }

    #[test]
    fn tiles_and_fields_stand_where_their_fences_are() {
        let text = "Day {{ day }}, {{none}} and {{\n\n```input day\ntype: date\ndefault: 2019-04-01\n```\n```input top\ntype: number\n\
            default: 3\n```\n::: row\n```sql a bar x=z title=\"<b>\"\nSELECT $day, z FROM hidden\n```\n\n```sql hidden\nSELECT $top\n```\n\
            *text*\n\n:::\n\n```sql\nSELECT '<'\n```\n";
        let html = shown(text, &[("day", "2019-05-06")]);
        assert!(html.contains("<p>Day <output data-value=\"day\">2019-05-06</output>, {{none}} and {{</p>"), "{html}");
        assert_eq!(html.matches("<form").count(), 1, "{html}");
        assert!(
            html.contains("<div class=\"group row\">\n<figure") && html.contains("<em>text</em></p>\n</div>"),
            "{html}"
        );
        assert!(
            html.contains("data-inputs=\"day top\"") && html.contains("<figcaption>&lt;b&gt;</figcaption>"),
            "{html}"
        );
        assert!(
            // The title is the tile's text, and no part of what it asks or how it draws.
            html.contains("data-options=\"{&quot;x&quot;:&quot;z&quot;}\""),
            "{html}"
        );
        assert!(!html.contains("tile-hidden") && html.contains("SELECT '&lt;'"), "{html}");
    }
}
