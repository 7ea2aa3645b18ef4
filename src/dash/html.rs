//! A page as HTML: its Markdown, with a tile in the place of each query that is shown and a field in that of each input. HTML in the
//! file is shown as the text that it is, and links go to pages alone: nothing of a file runs.

use std::collections::{BTreeMap, BTreeSet};

use pulldown_cmark::{Alignment, CodeBlockKind, CowStr, Event, Parser, Tag, TagEnd, TextMergeWithOffset};
use quack_page::escape::escaped;
use quack_page::site::Segment;
use serde_json::json;

use super::blocks;
use super::compose::{Composed, Composer};
use super::fence::{self, Fence};
use super::group::{self, Group};
use super::out::{MARK, Out, placeholder};
use super::page::{Page, Query};
use super::shapes::Shapes;
use crate::digest;

/// What ends a loop.
const EACH_ENDS: &str = "</template>\n";

/// What stands in the middle of a document that shows `page`, whose maps have these shapes.
pub(super) fn segments(page: &Page, composer: &Composer, shapes: &Shapes) -> Vec<Segment> {
    let body = page.body.replace(MARK, "\u{fffd}");
    let parsed = TextMergeWithOffset::new(Parser::new_ext(&body, blocks::options()).into_offset_iter());
    let (events, places): (Vec<Event<'_>>, Vec<_>) = parsed.unzip();
    let (mut out, mut groups) = (Out::default(), Groups::default());
    let (mut at, mut depth) = (0, 0_usize);
    while at < events.len() {
        if depth == 0
            && events[at] == Event::Start(Tag::Paragraph)
            && let Ok(Some(group)) = group::parse(&body[places[at].clone()])
        {
            match groups.begin(group, page, composer) {
                Some((begin, end)) => out.open(begin, end),
                None => groups.end(out.close()),
            }
            at = behind(&events, at, TagEnd::Paragraph);
            continue;
        }
        if let Event::Start(Tag::CodeBlock(CodeBlockKind::Fenced(info))) = &events[at]
            && let Ok(fence @ (Fence::Sql { .. } | Fence::Input { .. })) = fence::parse(info)
        {
            at = behind(&events, at, TagEnd::CodeBlock);
            match fence {
                Fence::Sql { name, .. } => {
                    if let Some(query) = page.query(&name) {
                        out.html(tile(page, query, composer, shapes));
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
        out.events(harmless(&events[at], page, groups.within));
        at += 1;
    }
    out.end()
}

/// The place behind the end of what begins at `at`, which has none of its kind in it.
fn behind(events: &[Event<'_>], at: usize, end: TagEnd) -> usize {
    at + events[at..].iter().position(|event| *event == Event::End(end)).unwrap_or(0) + 1
}

/// What is written of an event, in the loop `within`.
fn harmless<'a>(event: &Event<'a>, page: &Page, within: Option<usize>) -> Vec<Event<'a>> {
    match event {
        Event::Html(text) | Event::InlineHtml(text) => vec![Event::Text(text.clone())],
        Event::Text(text) if text.contains("{{") => filled(text, page, within),
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

/// A text with placeholders of values for each `{{ name }}` that is known in the loop `within`.
fn filled<'a>(text: &str, page: &Page, within: Option<usize>) -> Vec<Event<'a>> {
    let known: Vec<String> = page.known(within).map(|(name, _)| name).collect();
    let (mut events, mut rest) = (Vec::new(), text);
    let plain = |text: &str| Event::Text(CowStr::from(text.to_owned()));
    while let Some((before, behind)) = rest.split_once("{{") {
        let Some((name, after)) = behind.split_once("}}") else { break };
        match known.iter().any(|known| known == name.trim()) {
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

/// The place of a query's rows; nothing of one that is not shown.
fn tile(page: &Page, query: &Query, composer: &Composer, shapes: &Shapes) -> String {
    let Some(drawn) = &query.drawn else { return String::new() };
    let name = escaped(&query.name);
    let composed = composer.compose(page, query);
    let digest = told(&composed);
    let title = drawn.options.get("title").map(|title| format!("<figcaption>{}</figcaption>", escaped(title)));
    // Not the title: a tile of which nothing else changed keeps its chart. Which file shapes are from is nobody's business.
    let is_told = |name: &str| !["title", "shapes", "key"].contains(&name);
    let options: BTreeMap<_, _> = drawn.options.iter().filter(|(name, _)| is_told(name)).collect();
    let shapes = shapes.address(&page.name, &query.name);
    let shapes = shapes.map(|address| format!(" data-shapes=\"{}\"", escaped(&address)));
    format!(
        "<figure class=\"tile\" id=\"tile-{name}\" data-query=\"{name}\" data-chart=\"{}\" data-options=\"{}\" data-inputs=\"{}\"{} \
         data-digest=\"{}\" aria-busy=\"true\">{}<div class=\"chart\"></div></figure>\n",
        drawn.chart.name(),
        escaped(&json!(options).to_string()),
        escaped(&inputs(page, &composed)),
        shapes.unwrap_or_default(),
        digest,
        title.unwrap_or_default()
    )
}

/// What tells one query from another: of one that is wrong, which it says when its rows are asked for, the mistake.
fn told(composed: &Result<Composed, String>) -> String {
    digest::short(composed.as_ref().map_or_else(|words| words.as_str(), |composed| composed.sql.as_str()))
}

/// The parameters that a query has.
fn inputs(page: &Page, composed: &Result<Composed, String>) -> String {
    let inputs = composed.iter().flat_map(|composed| &composed.inputs);
    inputs.flat_map(|at| page.inputs[*at].parameters()).map(|(name, _)| name).collect::<Vec<_>>().join(" ")
}

/// What is known of groups at a place of a page.
#[derive(Default)]
struct Groups {
    /// The loop that it is in.
    within: Option<usize>,
    /// What tabs are called in the page's address.
    tabs: BTreeSet<String>,
}

impl Groups {
    /// What begins a group, and what ends it; nothing of what is an end itself.
    fn begin(&mut self, group: Group, page: &Page, composer: &Composer) -> Option<(String, &'static str)> {
        Some(match group {
            Group::End => return None,
            Group::Row => ("<div class=\"group row\">\n".to_owned(), "</div>\n"),
            Group::Column => ("<div class=\"group column\">\n".to_owned(), "</div>\n"),
            Group::Tabs => ("<div class=\"tabs\">\n".to_owned(), "</div>\n"),
            Group::Tab(title) => {
                let (name, title) = (escaped(&self.tab(&title)), escaped(&title));
                let begin = format!(
                    "<section class=\"tab\" id=\"tab-{name}\" data-tab=\"{name}\"><p class=\"title\">{title}</p>\n"
                );
                (begin, "</section>\n")
            }
            Group::Each { variable, query } => {
                self.within = page.loops.iter().position(|each| page.inputs[each.input].name == variable);
                let asked = page.query(&query).map(|query| composer.compose(page, query));
                let inputs = asked.as_ref().map(|asked| inputs(page, asked)).unwrap_or_default();
                let begin = format!(
                    "<template class=\"each\" data-each=\"{}\" data-query=\"{}\" data-inputs=\"{}\" data-digest=\"{}\">\n",
                    escaped(&variable),
                    escaped(&query),
                    escaped(&inputs),
                    asked.as_ref().map(told).unwrap_or_default()
                );
                (begin, EACH_ENDS)
            }
        })
    }

    fn end(&mut self, end: Option<&str>) {
        if end == Some(EACH_ENDS) {
            self.within = None;
        }
    }

    /// What a tab of that title is called in the page's address.
    fn tab(&mut self, title: &str) -> String {
        let words = title.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty());
        let words = words.map(str::to_lowercase).collect::<Vec<_>>().join("-");
        let first = if words.is_empty() { "tab".to_owned() } else { words };
        let others = (2..).map(|number| format!("{first}-{number}"));
        let name = std::iter::once(first.clone()).chain(others).find(|name| !self.tabs.contains(name));
        let name = name.unwrap_or(first);
        self.tabs.insert(name.clone());
        name
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
        filled(&segments(&page, &Composer::open().unwrap(), &Shapes::default()), &page.inputs, &given)
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
            "::: tabs\n\n",
            "::: tab <b> \" & é\n\n",
            "::: each z in b\n\n",
            "{{ z }}",
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
            let main = filled(&segments(&page, &composer, &Shapes::default()), &page.inputs, &given);
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
                    "section",
                    "template",
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
    #[test]
    fn tabs_have_names_of_their_own_and_loops_a_template() {
        let text = "```sql zones\nSELECT 'a'\n```\n\n{{ zone }}\n\n::: tabs\n\n::: tab By <b>\n\na\n\n:::\n\n::: tab By b\n\n::: each zone in zones\n\n\
            ## {{ zone }}\n\n```sql q table\nSELECT $zone\n```\n\n:::\n\n:::\n\n:::\n\nend\n";
        let html = shown(text, &[("zone", "<i>")]);
        assert!(html.contains("<p>{{ zone }}</p>"), "{html}");
        assert!(html.contains("id=\"tab-by-b\" data-tab=\"by-b\"><p class=\"title\">By &lt;b&gt;</p>"), "{html}");
        assert!(html.contains("id=\"tab-by-b-2\""), "{html}");
        assert!(html.contains("data-each=\"zone\" data-query=\"zones\" data-inputs=\"\""), "{html}");
        let (section, rest) = html.split_once("<template").unwrap().1.split_once("</template>").unwrap();
        assert!(section.contains("<h2><output data-value=\"zone\">&lt;i&gt;</output></h2>"), "{html}");
        assert!(section.contains("id=\"tile-q\"") && section.contains("data-inputs=\"zone\""), "{html}");
        assert!(rest.starts_with("\n</section>\n</div>\n<p>end</p>"), "{html}");
    }
}
