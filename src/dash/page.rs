//! A page: a Markdown file among the project's dashboards, with what it asks and what its readers can set.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use anyhow::Result;
use pulldown_cmark::{CodeBlockKind, Event, Options, Parser, Tag, TagEnd};
use serde::Deserialize;
use serde_json::Value;

use super::fence::{self, Drawn, Fence};
use super::file::text;
pub(crate) use super::file::{FOLDER, is_name, names, path};
use super::input;
use crate::config::is_user;
use crate::error::failure;
use quack_page::input::{Input, Kind};

/// The parameter that is who looks: the server gives it, no reader.
pub(super) const USER: &str = "user";

/// Longest SQL of a query, bytes, and most queries and parameters of a page.
const LONGEST_SQL: usize = 64 << 10;
const MOST: usize = 100;

/// A page of the project.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Page {
    /// The file's, without `.md`: what stands in addresses.
    pub name: String,
    pub title: String,
    /// Most that one load of it may cost, US dollars.
    pub budget_usd: Option<f64>,
    /// Who may look at it where it is deployed; all that are signed in, where it is not said.
    pub(super) allow: Option<BTreeSet<String>>,
    /// Its Markdown, and the line that it begins at.
    pub(super) body: String,
    pub(super) first_line: usize,
    pub(super) inputs: Vec<Input>,
    pub(super) queries: Vec<Query>,
}

/// What a page asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Query {
    pub name: String,
    /// One SELECT, as it stands in the page.
    pub sql: String,
    /// Without, it is there for inputs and other queries.
    pub drawn: Option<Drawn>,
    /// The line of the page that its fence is on.
    pub line: usize,
}

/// What stands before a page's text, between lines of `---`.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Front {
    title: Option<String>,
    budget: Option<Value>,
    allow: Option<BTreeSet<String>>,
}

/// All pages of the project in `dir` by their names, each with what is wrong with it.
///
/// # Errors
/// A folder that cannot be read.
pub(crate) fn all(dir: &Path) -> Result<BTreeMap<String, Result<Page>>> {
    let read = |name: String| (name.clone(), Page::read(&path(dir, &name), &name));
    Ok(names(dir)?.into_iter().map(read).collect())
}

impl Page {
    /// The page in a file.
    ///
    /// # Errors
    /// A file that cannot be read; what is wrong in it, with its line.
    pub(crate) fn read(path: &Path, name: &str) -> Result<Self> {
        Self::parse(name, &text(path, name)?).map_err(|wrong| wrong.within(name))
    }

    /// The page that a text is.
    ///
    /// # Errors
    /// What is wrong with it, and where.
    pub(super) fn parse(name: &str, text: &str) -> Result<Self, Wrong> {
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let (front, from) = front(text)?;
        let mut page = Self {
            name: name.to_owned(),
            title: front.title.unwrap_or_else(|| name.to_owned()),
            budget_usd: front.budget.as_ref().map(usd).transpose().map_err(|words| Wrong { line: 1, words })?,
            allow: front.allow.map(allowed).transpose().map_err(|words| Wrong { line: 1, words })?,
            body: text[from..].to_owned(),
            first_line: text[..from].matches('\n').count() + 1,
            inputs: Vec::new(),
            queries: Vec::new(),
        };
        for block in blocks(text, from) {
            let wrong = |words: String| Wrong { line: block.line, words };
            if block.is_paragraph {
                group(&block.text).map_err(wrong)?;
                continue;
            }
            match fence::parse(&block.info).map_err(wrong)? {
                Fence::Code => continue,
                _ if !block.is_closed => return Err(wrong("the fence that begins here never ends".to_owned())),
                Fence::Sql { name, .. } if block.text.len() > LONGEST_SQL => {
                    return Err(wrong(format!("`{name}` is longer than {LONGEST_SQL} bytes: make a view of it")));
                }
                Fence::Sql { name, drawn } => {
                    page.queries.push(Query { name, sql: block.text.clone(), drawn, line: block.line });
                }
                Fence::Input { name } => {
                    let input =
                        input::parse(&name, &block.text).map_err(|words| wrong(format!("`{name}`: {words}")))?;
                    page.inputs.push(Input { line: block.line, ..input });
                }
            }
            page.takes_last().map_err(wrong)?;
        }
        page.knows_what_it_names()?;
        Ok(page)
    }

    /// Refuses names that are there twice, of which one would stand for the other, and too many.
    fn takes_last(&self) -> Result<(), String> {
        let mut queries: Vec<String> = self.queries.iter().map(|query| query.name.to_lowercase()).collect();
        let of_inputs = self.inputs.iter().flat_map(Input::parameters);
        let mut parameters: Vec<String> = of_inputs.map(|(name, _)| name.to_lowercase()).collect();
        if queries.len() > MOST || parameters.len() > MOST {
            return Err(format!("a page has {MOST} queries and {MOST} parameters at most: make several pages of it"));
        }
        if parameters.iter().any(|name| name == USER) {
            return Err(format!("`${USER}` is who is signed in: give the input another name"));
        }
        for (what, names) in [("query", &mut queries), ("input", &mut parameters)] {
            names.sort();
            if let Some(pair) = names.windows(2).find(|pair| pair[0] == pair[1]) {
                return Err(format!("there is a {what} `{}` already: rename one", pair[0]));
            }
        }
        Ok(())
    }

    /// Refuses queries and inputs that are named and not there.
    fn knows_what_it_names(&self) -> Result<(), Wrong> {
        for query in &self.queries {
            let Some(filter) = query.drawn.as_ref().and_then(Drawn::filter) else { continue };
            let words = match self.inputs.iter().find(|input| input.name == filter).map(|input| &input.kind) {
                None => format!("`filter={filter}`: the page has no input `{filter}`"),
                Some(Kind::Range { .. }) => format!("`filter={filter}`: a click gives one value, and a range has two"),
                Some(_) => continue,
            };
            return Err(Wrong { line: query.line, words });
        }
        for input in &self.inputs {
            if let Some(query) = input.query()
                && self.query(query).is_none()
            {
                let words = format!("`{}`: the page has no query `{query}` to choose from", input.name);
                return Err(Wrong { line: input.line, words });
            }
        }
        Ok(())
    }

    /// The query of that name, in any case, as SQL has names.
    pub(super) fn query(&self, name: &str) -> Option<&Query> {
        self.queries.iter().find(|query| query.name.eq_ignore_ascii_case(name))
    }

    /// How often a load of the page runs a query: once where it is shown, and once for each input that chooses from it.
    pub(super) fn runs(&self, query: &Query) -> usize {
        let chooses = |input: &&Input| input.query().is_some_and(|name| name.eq_ignore_ascii_case(&query.name));
        usize::from(query.drawn.is_some()) + self.inputs.iter().filter(chooses).count()
    }
}

/// The names in `{{ name }}` of a text, each with its line.
pub(super) fn placeholders(text: &str) -> Vec<(usize, &str)> {
    let mut found = Vec::new();
    for (number, line) in text.lines().enumerate() {
        let behind = line.split("{{").skip(1).filter_map(|rest| rest.split_once("}}"));
        found.extend(behind.map(|(name, _)| (number + 1, name.trim())).filter(|(_, name)| fence::is_variable(name)));
    }
    found
}

/// What is wrong with a page, and on which line of it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Wrong {
    pub line: usize,
    pub words: String,
}

impl Wrong {
    /// The same of the file of that page.
    pub(super) fn within(self, name: &str) -> anyhow::Error {
        failure(format!("{FOLDER}/{name}.md:{}: {}", self.line, self.words), "")
    }
}

/// What a paragraph of one line says of groups.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Group {
    Row,
    Column,
    End,
}

/// What a line begins or ends: nothing where it is text.
///
/// # Errors
/// A word behind `:::` that is none.
pub(super) fn group(line: &str) -> Result<Option<Group>, String> {
    match line.trim().strip_prefix(":::").map(str::trim) {
        None => Ok(None),
        Some("row") => Ok(Some(Group::Row)),
        Some("column") => Ok(Some(Group::Column)),
        Some("") => Ok(Some(Group::End)),
        Some(other) => Err(format!(
            "`::: {other}`: what begins there is a `row` or a `column`, and `:::` ends it, each with an empty line behind it"
        )),
    }
}

/// A fenced block of a page, or a paragraph that may be about groups.
struct Block {
    is_paragraph: bool,
    /// Another fence ends it.
    is_closed: bool,
    info: String,
    text: String,
    line: usize,
}

/// How pages are read as Markdown.
pub(super) fn options() -> Options {
    Options::ENABLE_TABLES | Options::ENABLE_STRIKETHROUGH | Options::ENABLE_FOOTNOTES | Options::ENABLE_TASKLISTS
}

/// The fenced blocks of `text` from byte `from` on, and the paragraphs that begin as groups do.
fn blocks(text: &str, from: usize) -> Vec<Block> {
    let (mut blocks, mut open): (Vec<Block>, Option<Block>) = (Vec::new(), None);
    // The line of the byte that was counted up to.
    let (mut line, mut counted) = (1, 0);
    let begun =
        |info: String, is_paragraph, line| Block { is_paragraph, is_closed: false, info, text: String::new(), line };
    for (event, range) in Parser::new_ext(&text[from..], options()).into_offset_iter() {
        match event {
            Event::Start(tag @ (Tag::CodeBlock(_) | Tag::Paragraph)) => {
                line += text[counted..from + range.start].matches('\n').count();
                counted = from + range.start;
                match tag {
                    Tag::CodeBlock(CodeBlockKind::Fenced(info)) => open = Some(begun(info.into_string(), false, line)),
                    Tag::Paragraph if text[counted..].starts_with(":::") => {
                        open = Some(begun(String::new(), true, line))
                    }
                    _ => {}
                }
            }
            Event::Text(text) => {
                if let Some(block) = &mut open {
                    block.text.push_str(&text);
                }
            }
            Event::End(TagEnd::CodeBlock | TagEnd::Paragraph) => {
                let whole = text[from + range.start..from + range.end].trim_end();
                let is_closed = whole.ends_with("```") || whole.ends_with("~~~");
                blocks.extend(open.take().map(|block| Block { is_closed, ..block }));
            }
            _ => {}
        }
    }
    blocks
}

/// What stands before a page's text, and the byte that the text begins at.
fn front(text: &str) -> Result<(Front, usize), Wrong> {
    let is_rule = |line: &str| line.trim_end() == "---";
    let mut lines = text.split_inclusive('\n');
    let Some(first) = lines.next().filter(|line| is_rule(line)) else { return Ok((Front::default(), 0)) };
    let mut at = first.len();
    for line in lines {
        if is_rule(line) {
            let yaml = &text[first.len()..at];
            let front = if yaml.trim().is_empty() { Ok(Front::default()) } else { serde_saphyr::from_str(yaml) };
            let front = front.map_err(|error| Wrong { line: 1, words: input::first_line(&error.to_string()) })?;
            return Ok((front, at + line.len()));
        }
        at += line.len();
    }
    Err(Wrong { line: 1, words: "the `---` of the first line is not closed by another".to_owned() })
}

/// Names of users, of which there is one at least.
fn allowed(names: BTreeSet<String>) -> Result<BTreeSet<String>, String> {
    match names.iter().find(|name| !is_user(name)) {
        Some(other) => Err(format!("`allow: {other}` is no user's name, as [dash.users] has them")),
        None if names.is_empty() => Err("`allow: []` lets nobody look: name somebody, or leave it away".to_owned()),
        None => Ok(names),
    }
}

/// An amount: `$0.001`, or the number alone.
fn usd(value: &Value) -> Result<f64, String> {
    let said = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let number = said.trim().trim_start_matches('$').parse::<f64>().ok();
    number
        .filter(|number| number.is_finite() && *number > 0.0)
        .ok_or_else(|| format!("`budget: {said}` is no amount: write what a load of the page may cost, e.g. $0.001"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TRIPS: &str = "---\ntitle: Trips\nbudget: $0.001\n---\n# Trips on {{ day }}\n```input day\ntype: date\n\
        default: 2019-04-01\n```\n```sql by_zone bar x=zone y=trips\nSELECT 1\n  FROM t\n```\n> ```sql zones\n> SELECT 2\n> ```\n\n```sql\nshown\n```\n";

    #[test]
    fn a_page_has_what_its_fences_say() {
        let page = Page::parse("trips", TRIPS).unwrap();
        assert_eq!((page.title.as_str(), page.budget_usd), ("Trips", Some(0.001)));
        let told: Vec<_> =
            page.queries.iter().map(|query| (query.name.as_str(), query.sql.as_str(), query.line)).collect();
        assert_eq!(told, [("by_zone", "SELECT 1\n  FROM t\n", 10), ("zones", "SELECT 2\n", 14)]);
        assert_eq!(page.inputs[0].name, "day");
        assert_eq!(page.queries.iter().map(|query| page.runs(query)).collect::<Vec<_>>(), [1, 0]);
        let bare = Page::parse("a-b", "text").unwrap();
        assert_eq!((bare.title.as_str(), bare.budget_usd), ("a-b", None));
    }

    #[test]
    fn what_is_wrong_has_its_line() {
        for (text, line, said) in [
            ("---\ntitle: x\n", 1, "not closed"),
            ("---\ntitel: x\n---\n", 1, "titel"),
            ("---\nbudget: free\n---\n", 1, "`budget: free`"),
            ("---\nbudget: 0\n---\n", 1, "`budget: 0`"),
            ("a\n\n```sql q baz\n```\n", 3, "no chart `baz`"),
            ("```input d\ntype: date\n```\n", 1, "`d`: `default` is missing"),
            ("```sql q\n```\n```sql Q\n```\n", 3, "a query `q` already"),
            ("```input a\ntype: range\nfrom: today\nto: today\n```\n```input a_to\ntype: text\n```\n", 6, "`a_to`"),
            ("```sql q bar filter=z\n```\n", 1, "no input `z`"),
            ("\n\n```input z\ntype: select\nquery: q\n```\n", 3, "no query `q`"),
            (
                "```input z\ntype: range\nfrom: today\nto: today\n```\n```sql q bar filter=z\n```\n",
                6,
                "a range has two",
            ),
            ("::: colum\n\na\n\n:::", 1, "`::: colum`"),
            ("a\n\n```sql q\nSELECT 1\n\nmore", 3, "never ends"),
        ] {
            let wrong = Page::parse("x", text).unwrap_err();
            assert!(wrong.line == line && wrong.words.contains(said), "{text}: {wrong:?}");
        }
    }
}
