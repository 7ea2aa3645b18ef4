//! What of the stack's template there is with which settings: its conditions, evaluated as CloudFormation does.

use std::collections::{BTreeMap, BTreeSet};

use super::doctor::testing::{config, session};
use super::template::{Code, STACK, Wanted};
use crate::arch::Arch;

/// A condition's expression, and what of it is left to read.
struct Reader<'a> {
    rest: &'a str,
    conditions: &'a BTreeMap<&'a str, &'a str>,
    parameters: &'a BTreeMap<&'static str, String>,
}

impl<'a> Reader<'a> {
    fn took(&mut self, start: &str) -> bool {
        let rest = self.rest.trim_start().strip_prefix(start);
        self.rest = rest.unwrap_or(self.rest);
        rest.is_some()
    }

    fn word(&mut self) -> &'a str {
        let rest = self.rest.trim_start();
        let end = rest.find([',', ']', '\n']).unwrap_or(rest.len());
        self.rest = &rest[end..];
        rest[..end].trim().trim_matches('"')
    }

    fn value(&mut self) -> String {
        match self.took("!Ref ") {
            true => {
                let name = self.word();
                self.parameters.get(name).unwrap_or_else(|| panic!("no parameter {name}")).clone()
            }
            false => self.word().to_owned(),
        }
    }

    fn holds(&mut self) -> bool {
        if self.took("!Condition ") {
            let name = self.word();
            return Reader { rest: self.conditions[name], ..*self }.holds();
        }
        let holds = if self.took("!Equals [") {
            let one = self.value();
            assert!(self.took(","));
            one == self.value()
        } else if self.took("!Not [") {
            !self.holds()
        } else if self.took("!And [") {
            let mut all = self.holds();
            while self.took(",") {
                all &= self.holds();
            }
            all
        } else {
            panic!("what is {}?", self.rest)
        };
        assert!(self.took("]"), "{}", self.rest);
        holds
    }
}

/// The name of each entry of the template's section, and all that follows it.
fn entries(section: &str) -> Vec<(&'static str, &'static str)> {
    let start = STACK.find(&format!("\n{section}:\n")).unwrap() + section.len() + 3;
    let text = &STACK[start..];
    let mut found = Vec::new();
    let mut at = 0;
    for line in text.split_inclusive('\n') {
        // The next section.
        if line.starts_with(|c: char| c.is_ascii_alphabetic()) {
            break;
        }
        if let Some(entry) = line.strip_prefix("  ").filter(|entry| entry.starts_with(|c: char| c.is_ascii_uppercase()))
        {
            let (name, _) = entry.split_once(':').unwrap();
            found.push((name, &text[at + 2 + name.len() + 1..]));
        }
        at += line.len();
    }
    found
}

/// The resources that there are with the `quack.toml` that `text` is.
fn resources(text: &str) -> BTreeSet<&'static str> {
    let config = config(text);
    let page = config.dash.as_ref().map(|_| "_quack/dash/function.zip");
    let code = Code::Zip("_quack/functions/x.zip".to_owned());
    let wanted = Wanted::stack(&config, &session(&config), Arch::Arm64, &code, page);
    let conditions: BTreeMap<&str, &str> =
        entries("Conditions").into_iter().map(|(name, rest)| (name, rest.lines().next().unwrap())).collect();
    let holds =
        |name: &str| Reader { rest: conditions[name], conditions: &conditions, parameters: &wanted.parameters }.holds();
    let is_there = |name: &str, body: &str| {
        let own = body.split("\n\n").next().unwrap().lines();
        let mut condition = own.filter_map(|line| line.strip_prefix("    Condition: "));
        let is_there = condition.next().is_none_or(holds);
        assert_eq!(wanted.leaves_out(name), !is_there, "{name} with {text}");
        is_there
    };
    entries("Resources").into_iter().filter(|(name, body)| is_there(name, body)).map(|(name, _)| name).collect()
}

const ENGINE: [&str; 5] = ["Bucket", "BucketPolicy", "Function", "LogGroup", "Role"];
const PAGES: [&str; 4] = ["PageFunction", "PageLogGroup", "PageRole", "PageUrl"];

fn set(lists: &[&[&'static str]]) -> BTreeSet<&'static str> {
    lists.concat().into_iter().collect()
}

#[test]
fn without_its_section_there_is_nothing_of_pages() {
    assert_eq!(resources(""), set(&[&ENGINE]));
    assert_eq!(resources("[function]\nurl = true\n"), set(&[&ENGINE, &["Url"]]));
    let theirs = "[lake]\nbucket = \"theirs\"\nmanage = false\nprefix = \"q/\"\n";
    assert_eq!(resources(theirs), set(&[&ENGINE[2..]]));
}

#[test]
fn pages_are_asked_by_everybody_or_by_cloudfront_alone() {
    let public = resources("[dash]\npublic = true\n");
    assert_eq!(public, set(&[&ENGINE, &PAGES, &["PageUrlPermission", "PageInvokePermission"]]));
    let edge: [&str; 4] = ["PageAccess", "PageDistribution", "PageEdgeUrlPermission", "PageEdgeInvokePermission"];
    assert_eq!(resources("[dash]\ncloudfront = true\n"), set(&[&ENGINE, &PAGES, &edge]));
    let domain = "[dash]\ncloudfront = true\ndomain = \"bi.example.com\"\n\
                  certificate_arn = \"arn:aws:acm:us-east-1:123456789012:certificate/0a\"\n";
    assert_eq!(resources(domain), set(&[&ENGINE, &PAGES, &edge]));
    let zoned = format!("{domain}hosted_zone_id = \"Z0123ABC\"\n");
    assert_eq!(resources(&zoned), set(&[&ENGINE, &PAGES, &edge, &["PageRecord", "PageRecordV6"]]));
}
