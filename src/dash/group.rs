//! Groups of a page, each between `::: word` and `:::`: what stands side by side, in tabs, or once for each row of a query.

use super::fence::is_variable;
use crate::error::nearest;

/// Longest title of a tab, characters.
const LONGEST_TITLE: usize = 100;

/// What a paragraph says of groups.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Group {
    Row,
    Column,
    Tabs,
    /// One of the tabs, with its title: a text, no Markdown.
    Tab(String),
    /// A section for each row of the query, whose first column is the variable.
    Each {
        variable: String,
        query: String,
    },
    End,
}

/// What a paragraph begins or ends, of its text as the file has it: nothing where it is text.
///
/// # Errors
/// What is wrong with it, for whoever wrote the page.
pub(super) fn parse(paragraph: &str) -> Result<Option<Group>, String> {
    let Some(words) = paragraph.trim().strip_prefix(":::") else { return Ok(None) };
    if let Some((first, _)) = words.trim().split_once('\n') {
        return Err(format!("`::: {}`: what begins or ends there has an empty line behind it", first.trim()));
    }
    let words = words.trim();
    let (word, rest) = words.split_once(char::is_whitespace).unwrap_or((words, ""));
    let rest = rest.trim();
    let alone = |group: Group| match rest {
        "" => Ok(Some(group)),
        more => Err(format!("`::: {words}`: a {word} has no `{more}` behind it; what is in it stands below")),
    };
    match word {
        "" => Ok(Some(Group::End)),
        "row" => alone(Group::Row),
        "column" => alone(Group::Column),
        "tabs" => alone(Group::Tabs),
        "tab" if rest.is_empty() => Err("`::: tab` has no title: write ::: tab By day".to_owned()),
        "tab" if rest.chars().count() > LONGEST_TITLE || rest.contains("{{") || rest.contains(char::is_control) => Err(
            format!("`::: {words}`: a tab's title is a text of {LONGEST_TITLE} characters at most, without {{{{ }}}}"),
        ),
        "tab" => Ok(Some(Group::Tab(rest.to_owned()))),
        "each" => each(words, rest).map(Some),
        other => {
            let known = ["row", "column", "tabs", "tab", "each"];
            let near = nearest(other, known.iter().copied());
            let near = near.map_or_else(String::new, |near| format!(" (did you mean `{near}`?)"));
            Err(format!(
                "`::: {words}`: what begins there is a row, a column, tabs, a tab or each{near}, and `:::` ends it, \
                 each with an empty line behind it"
            ))
        }
    }
}

fn each(words: &str, rest: &str) -> Result<Group, String> {
    let pieces: Vec<&str> = rest.split_whitespace().collect();
    match pieces.as_slice() {
        [variable, "in", query] if is_variable(variable) && is_variable(query) => {
            Ok(Group::Each { variable: (*variable).to_owned(), query: (*query).to_owned() })
        }
        _ => Err(format!(
            "`::: {words}`: a loop says the name of a row and a query of the page, e.g. ::: each zone in zones"
        )),
    }
}

/// The groups that are open at a place of a page, each with the line that it begins at.
#[derive(Default)]
pub(super) struct Open(Vec<(Group, usize)>);

impl Open {
    /// Opens a group, or closes the last one, which it gives.
    ///
    /// # Errors
    /// A group that cannot stand where it does.
    pub(super) fn take(&mut self, group: Group, line: usize) -> Result<Option<(Group, usize)>, String> {
        let within = self.0.last().map(|(group, _)| group);
        match (&group, within) {
            (Group::End, None) => return Err("`:::` ends what was begun before it, and nothing was".to_owned()),
            (Group::End, _) => return Ok(self.0.pop()),
            (Group::Tab(_), Some(Group::Tabs)) => {}
            (Group::Tab(title), Some(Group::Tab(other))) => {
                return Err(format!("`::: tab {title}` stands in the tab `{other}`: end that one before, with `:::`"));
            }
            (Group::Tab(title), _) => {
                return Err(format!("`::: tab {title}` stands in no tabs: `::: tabs` begins them"));
            }
            (Group::Tabs, _) if self.is_looped() => {
                return Err("`::: tabs` in a loop: put the loop into a tab instead".to_owned());
            }
            (Group::Each { variable, .. }, _) if self.is_looped() => {
                return Err(format!(
                    "`::: each {variable}` in a loop: make one query of both, with a row for each section"
                ));
            }
            _ => {}
        }
        self.0.push((group, line));
        Ok(None)
    }

    /// Whether this is in a loop.
    pub(super) fn is_looped(&self) -> bool {
        self.0.iter().any(|(group, _)| matches!(group, Group::Each { .. }))
    }

    /// Refuses, at the end of a page, what would go on behind it. A row or a column ends there.
    ///
    /// # Errors
    /// The line of it, and what is wrong.
    pub(super) fn end(self) -> Result<(), (usize, String)> {
        let goes_on = |group: &Group| !matches!(group, Group::Row | Group::Column);
        match self.0.into_iter().find(|(group, _)| goes_on(group)) {
            Some((_, line)) => {
                Err((line, "what begins here never ends: `:::` behind an empty line ends it".to_owned()))
            }
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_paragraph_says_what_begins() {
        let each = Group::Each { variable: "zone".into(), query: "zones".into() };
        for (text, group) in [
            ("::: row", Group::Row),
            (":::column \n", Group::Column),
            ("::: tabs", Group::Tabs),
            ("::: tab  By <b> *day*", Group::Tab("By <b> *day*".into())),
            ("::: each zone in  zones", each),
            (":::", Group::End),
        ] {
            assert_eq!(parse(text), Ok(Some(group)), "{text}");
        }
        assert_eq!(parse("text :::"), Ok(None));
        for (text, said) in [
            ("::: colum", "did you mean `column`"),
            ("::: box", "`::: box`"),
            ("::: row a", "no `a` behind it"),
            ("::: tab", "no title"),
            ("::: tab {{ day }}", "without {{ }}"),
            ("::: each zones", "each zone in zones"),
            ("::: each 1 in zones", "each zone in zones"),
            ("::: row\ntext", "an empty line behind it"),
        ] {
            let words = parse(text).unwrap_err();
            assert!(words.contains(said), "{text}: {words}");
        }
    }
}
