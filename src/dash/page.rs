//! A page: a Markdown file among the project's dashboards, with what it asks and what its readers can set.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use anyhow::Result;

use super::blocks::blocks;
use super::fence::{self, Drawn, Fence};
use super::file::text;
pub(crate) use super::file::{FOLDER, is_name, names, path};
use super::front;
use super::group::{self, Group, Open};
use super::input;
use crate::error::failure;
use quack_page::input::{Input, Kind};

/// The parameter that is who looks: the server gives it, no reader.
pub(super) const USER: &str = "user";

/// What the tab that is shown is called in a page's address.
const TAB: &str = "tab";

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
    /// What its readers can set, and the rows of its loops, of which each section has one.
    pub(super) inputs: Vec<Input>,
    pub(super) queries: Vec<Query>,
    pub(super) loops: Vec<Loop>,
    pub(super) has_tabs: bool,
}

/// Most sections that a page makes of a loop, as its script has it (`web/src/row.ts`).
pub(super) const MOST_SECTIONS: usize = 50;

/// What stands once for each row of a query.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Loop {
    /// The input that is the row, by its place in the page.
    pub input: usize,
    pub query: String,
    /// The lines of the page that it is on, the first and the last.
    pub lines: (usize, usize),
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
    /// The loop that it stands in, by its place in the page.
    pub within: Option<usize>,
    /// Whether it is run once for those that read it, where the page says so.
    pub share: Option<bool>,
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
        let (front, from) = front::read(text).map_err(|(line, words)| Wrong { line, words })?;
        let mut page = Self {
            name: name.to_owned(),
            title: front.title.unwrap_or_else(|| name.to_owned()),
            budget_usd: front.budget_usd,
            allow: front.allow,
            body: text[from..].to_owned(),
            first_line: text[..from].matches('\n').count() + 1,
            inputs: Vec::new(),
            queries: Vec::new(),
            loops: Vec::new(),
            has_tabs: false,
        };
        let mut open = Open::default();
        for block in blocks(text, from) {
            let wrong = |words: String| Wrong { line: block.line, words };
            if block.is_paragraph {
                if let Some(group) = group::parse(&block.text).map_err(wrong)? {
                    page.group(&mut open, group, block.line).map_err(wrong)?;
                }
                continue;
            }
            let within = open.is_looped().then(|| page.loops.len() - 1);
            match fence::parse(&block.info).map_err(wrong)? {
                Fence::Code => continue,
                _ if !block.is_closed => return Err(wrong("the fence that begins here never ends".to_owned())),
                Fence::Sql { name, .. } if block.text.len() > LONGEST_SQL => {
                    return Err(wrong(format!("`{name}` is longer than {LONGEST_SQL} bytes: make a view of it")));
                }
                Fence::Sql { name, drawn, share } => {
                    let (sql, line) = (block.text.clone(), block.line);
                    page.queries.push(Query { name, sql, drawn, line, within, share });
                }
                Fence::Input { name } if within.is_some() => {
                    return Err(wrong(format!(
                        "`input {name}` in a loop: a reader sets it once, so put it before the loop"
                    )));
                }
                Fence::Input { name } => {
                    let input =
                        input::parse(&name, &block.text).map_err(|words| wrong(format!("`{name}`: {words}")))?;
                    page.inputs.push(Input { line: block.line, ..input });
                }
            }
            page.takes_last().map_err(wrong)?;
        }
        open.end().map_err(|(line, words)| Wrong { line, words })?;
        page.knows_what_it_names()?;
        Ok(page)
    }

    /// Takes what begins or ends on a line.
    fn group(&mut self, open: &mut Open, group: Group, line: usize) -> Result<(), String> {
        self.has_tabs |= group == Group::Tabs;
        let each = match &group {
            Group::Each { variable, query } => Some((variable.clone(), query.clone())),
            _ => None,
        };
        let ended = open.take(group, line)?;
        if let (Some((Group::Each { .. }, _)), Some(last)) = (ended, self.loops.last_mut()) {
            last.lines.1 = line;
        }
        let Some((variable, query)) = each else { return Ok(()) };
        let kind = Kind::Row { query: query.clone() };
        self.inputs.push(Input { name: variable.clone(), label: variable, kind, line });
        self.loops.push(Loop { input: self.inputs.len() - 1, query, lines: (line, line) });
        self.takes_last()
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
        for (what, names) in [("a query", &mut queries), ("an input", &mut parameters)] {
            names.sort();
            if let Some(pair) = names.windows(2).find(|pair| pair[0] == pair[1]) {
                return Err(format!("there is {what} `{}` already: rename one", pair[0]));
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
                Some(Kind::Row { .. }) => format!("`filter={filter}`: it is the row of a loop, which no click sets"),
                Some(_) => continue,
            };
            return Err(Wrong { line: query.line, words });
        }
        for input in &self.inputs {
            let Some(query) = input.query() else { continue };
            let Input { name, line, .. } = input;
            let words = match (self.query(query), &input.kind) {
                (Some(Query { within: None, .. }), _) => continue,
                (Some(_), _) => {
                    format!("`{name}`: the query `{query}` stands in a loop, and is another in each section")
                }
                (None, Kind::Row { .. }) => format!("`::: each {name} in {query}`: the page has no query `{query}`"),
                (None, _) => format!("`{name}`: the page has no query `{query}` to choose from"),
            };
            return Err(Wrong { line: *line, words });
        }
        match self.inputs.iter().find(|input| self.has_tabs && input.name == TAB) {
            None => Ok(()),
            Some(input) => {
                let words =
                    format!("`{TAB}` in the page's address is the tab that is shown: give the input another name");
                Err(Wrong { line: input.line, words })
            }
        }
    }

    /// The parameters that are known in the loop `within`, or outside of all, each with the type that it is cast to.
    pub(super) fn known(&self, within: Option<usize>) -> impl Iterator<Item = (String, Option<String>)> {
        let is_known = move |at: usize| self.row_of(at).is_none_or(|each| Some(each) == within);
        let inputs = self.inputs.iter().enumerate().filter(move |(at, _)| is_known(*at));
        inputs.flat_map(|(_, input)| input.parameters())
    }

    /// The loop whose row an input is.
    pub(super) fn row_of(&self, input: usize) -> Option<usize> {
        self.loops.iter().position(|each| each.input == input)
    }

    /// The query of that name, in any case, as SQL has names.
    pub(super) fn query(&self, name: &str) -> Option<&Query> {
        self.queries.iter().find(|query| query.name.eq_ignore_ascii_case(name))
    }

    /// How often a load of the page runs a query: once where it is shown (in a loop, in each section), and once for each input that
    /// chooses from it and each loop over it.
    pub(super) fn runs(&self, query: &Query) -> usize {
        let chooses = |input: &&Input| input.query().is_some_and(|name| name.eq_ignore_ascii_case(&query.name));
        usize::from(query.drawn.is_some()) + self.inputs.iter().filter(chooses).count()
    }
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
        let looped = "```sql zones\nSELECT 1\n```\n\n- ::: tab\n\n::: each zone in zones\n\n```sql a table\n```\n\n:::\n\n```sql b\n```\n";
        let looped = Page::parse("x", looped).unwrap();
        assert_eq!(looped.loops, [Loop { input: 0, query: "zones".into(), lines: (7, 12) }]);
        assert_eq!(looped.queries.iter().map(|query| query.within).collect::<Vec<_>>(), [None, Some(0), None]);
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
            ("---\nallow: ann\n---\n", 1, "a list of users' names, as in allow: [ann, bob]"),
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
            ("a\n\n::: tab A", 3, "stands in no tabs"),
            ("::: tabs\n\n::: tab A\n\n::: tab B", 5, "in the tab `A`"),
            ("::: tabs\n\n::: tab A\n\n:::\n\na", 1, "never ends"),
            ("::: each z in q\n\n:::", 1, "no query `q`"),
            ("::: each z in q\n\n```sql q\nSELECT 1\n```\n\n:::", 1, "`q` stands in a loop"),
            ("::: each z in q\n\n::: each y in q", 3, "`::: each y` in a loop"),
            ("::: each z in q\n\n::: tabs", 3, "in a loop"),
            ("::: each z in q\n\n```input a\ntype: text\n```\n", 3, "`input a` in a loop"),
            ("```sql q\nSELECT 1\n```\n::: each z in q\n\n```sql a bar filter=z\n```\n\n:::", 6, "no click sets"),
            ("```input z\ntype: text\n```\n::: each Z in q\n\n:::", 4, "`z` already"),
            ("::: tabs\n\n:::\n\n```input tab\ntype: text\n```\n", 5, "another name"),
            ("a\n\n```sql q\nSELECT 1\n\nmore", 3, "never ends"),
        ] {
            let wrong = Page::parse("x", text).unwrap_err();
            assert!(wrong.line == line && wrong.words.contains(said), "{text}: {wrong:?}");
        }
    }
}
