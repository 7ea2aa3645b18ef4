//! `aws.subnets` and `aws.security_groups`: a network of the user's own.

use anyhow::Result;

use super::reject::bad_value;
use super::values::Values;
use crate::error::usage;

/// The most that Lambda takes.
/// Source: <https://docs.aws.amazon.com/lambda/latest/api/API_VpcConfig.html>.
const MOST_SUBNETS: usize = 16;
const MOST_GROUPS: usize = 5;

/// Where the function's network interfaces are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Vpc {
    /// `subnet-...`, at least one.
    pub subnets: Vec<String>,
    /// `sg-...`, at least one.
    pub security_groups: Vec<String>,
}

impl Values {
    /// The function's network.
    ///
    /// # Errors
    /// Ids that AWS would not take as such; one list without the other.
    pub(super) fn vpc(&mut self) -> Result<Option<Vpc>> {
        let subnets = self.ids("aws.subnets", "subnet-", MOST_SUBNETS)?;
        let security_groups = self.ids("aws.security_groups", "sg-", MOST_GROUPS)?;
        match (subnets.is_empty(), security_groups.is_empty()) {
            (true, true) => Ok(None),
            (false, false) => Ok(Some(Vpc { subnets, security_groups })),
            (is_missing, _) => {
                let (given, missing) = match is_missing {
                    true => ("security_groups", "subnets"),
                    false => ("subnets", "security_groups"),
                };
                Err(usage(
                    format!("`aws.{given}` is set and `aws.{missing}` is not: a function is in a VPC by both"),
                    format!("add `{missing}` under [aws], or leave `{given}` away"),
                ))
            }
        }
    }

    /// A list of ids of one kind.
    fn ids(&mut self, key: &'static str, prefix: &str, most: usize) -> Result<Vec<String>> {
        let wanted = format!("up to {most} ids, each once, e.g. [\"{prefix}0123456789abcdef0\"]");
        let (ids, origin) = self.list(key, &wanted)?;
        let is_id = |id: &str| {
            let rest = id.strip_prefix(prefix).unwrap_or_default();
            (8..=17).contains(&rest.len()) && rest.bytes().all(|c| c.is_ascii_digit() || (b'a'..=b'f').contains(&c))
        };
        for (index, id) in ids.iter().enumerate() {
            let is_first = ids.iter().position(|other| other == id) == Some(index);
            if index >= most || !is_first || !is_id(id) {
                return Err(bad_value(key, id, &origin, &wanted));
            }
        }
        self.origins.push((key, ids.join(","), origin));
        Ok(ids)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn vpc(toml: &str) -> Result<Option<Vpc>> {
        let mut values = Values::default();
        values.read_file(&format!("[aws]\n{toml}"))?;
        values.vpc()
    }

    #[test]
    fn subnets_and_security_groups_come_together_by_their_ids() {
        assert_eq!(vpc("").unwrap(), None);
        assert_eq!(vpc("subnets = []").unwrap(), None);
        let text = "subnets = [\"subnet-0a1b2c3d\", \"subnet-0123456789abcdef0\"]\nsecurity_groups = [\"sg-0123456789abcdef0\"]";
        let found = vpc(text).unwrap().unwrap();
        assert_eq!(
            (found.subnets.len(), found.security_groups.as_slice()),
            (2, &["sg-0123456789abcdef0".to_owned()][..])
        );
        let twice = "\"sg-0123456789abcdef0\", \"sg-0123456789abcdef0\"";
        let many: Vec<String> = (0..6).map(|n| format!("\"sg-0123456789abcdef{n}\"")).collect();
        for groups in
            ["", "\"sg-\"", "\"sg-XYZ01234\"", "\"subnet-0a1b2c3d\"", "\"sg-0a1b2c3d, sg-0\"", twice, &many.join(",")]
        {
            let text = format!("subnets = [\"subnet-0a1b2c3d\"]\nsecurity_groups = [{groups}]");
            assert!(vpc(&text).is_err(), "{text}");
        }
        assert!(vpc("security_groups = [\"sg-0a1b2c3d\"]").unwrap_err().to_string().contains("`aws.subnets` is not"));
    }
}
