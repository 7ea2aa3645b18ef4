//! `aws.tags`: the user's own tags.

use std::collections::BTreeMap;

use anyhow::Result;

use super::reject::bad_value;
use super::values::Values;

/// Tags that AWS takes on one resource, less those that quackctl and CloudFormation put there.
/// Source: <https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-properties-resource-tags.html>.
const MOST: usize = 40;

const WANTED: &str = "up to 40 tags, e.g. [\"team=data\", \"cost-center=42\"]: names of 1 to 128 characters, each once, values of up \
                      to 256, of letters, digits, spaces and _.:/=+-@; no name begins with `aws:` or `quackctl:`";

impl Values {
    /// The tags, by name.
    ///
    /// # Errors
    /// What AWS would not take as one.
    pub(super) fn tags(&mut self) -> Result<BTreeMap<String, String>> {
        let key = "aws.tags";
        let (list, origin) = self.list(key, WANTED)?;
        let mut tags = BTreeMap::new();
        for text in &list {
            let tag = parse(text).filter(|(name, _)| !tags.contains_key(*name) && tags.len() < MOST);
            let Some((name, value)) = tag else { return Err(bad_value(key, text, &origin, WANTED)) };
            tags.insert(name.to_owned(), value.to_owned());
        }
        self.origins.push((key, list.join(","), origin));
        Ok(tags)
    }
}

/// Name and value of `name=value`.
fn parse(text: &str) -> Option<(&str, &str)> {
    let (name, value) = text.split_once('=')?;
    let plain = |text: &str| text.chars().all(|c| c.is_alphanumeric() || " _.:/=+-@".contains(c));
    let reserved = ["aws:", "quackctl:"].iter().any(|prefix| name.to_ascii_lowercase().starts_with(prefix));
    let fits = (1..=128).contains(&name.chars().count()) && value.chars().count() <= 256;
    (fits && !reserved && plain(name) && plain(value)).then_some((name, value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_is_a_name_and_a_value_that_aws_takes() {
        assert_eq!(parse("team=data"), Some(("team", "data")));
        assert_eq!(parse("a=b=c"), Some(("a", "b=c")));
        assert_eq!(parse("empty="), Some(("empty", "")));
        let long = format!("{}=x", "n".repeat(129));
        for text in ["team", "=x", "aws:x=1", "AWS:x=1", "quackctl:id=1", "a\n=b", "a=<b>", long.as_str()] {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
