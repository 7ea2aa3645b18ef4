//! `doctor --policy`: the least that a deployer needs, as an IAM policy.

use std::collections::BTreeMap;
use std::fmt;

use serde::Serialize;

use super::super::session::Session;
use super::permissions;
use crate::config::Config;

/// Most characters of a managed policy.
const MOST_MANAGED: usize = 6144;

/// An IAM policy document.
/// Grammar: <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_grammar.html>.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Policy {
    version: &'static str,
    statement: Vec<Statement>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct Statement {
    sid: String,
    effect: &'static str,
    action: Vec<&'static str>,
    resource: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    condition: Option<BTreeMap<&'static str, BTreeMap<&'static str, String>>>,
}

impl Policy {
    /// What `up`, `load`, `query`, `logs` and `down` need with this configuration.
    pub(crate) fn new(config: &Config, session: &Session) -> Self {
        let statement = permissions::needed(config).into_iter().map(|statement| Statement {
            effect: "Allow",
            action: statement.actions.iter().map(|(action, _)| *action).collect(),
            resource: statement.resource.arns(config, session),
            condition: statement.condition.entry(config).map(|entry| [("StringEquals", [entry].into())].into()),
            sid: statement.sid,
        });
        Self { version: "2012-10-17", statement: statement.collect() }
    }

    /// What to do about a policy that is too long for a managed one, white space not counted.
    /// Source: <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html>.
    pub(crate) fn too_long(&self) -> Option<String> {
        let characters = serde_json::to_string(self).map_or(0, |text| text.len());
        (characters > MOST_MANAGED).then(|| {
            format!(
                "note: this policy has {characters} characters, and a managed one takes {MOST_MANAGED}: make it an inline policy of a role, \
                 which takes 10240, or two managed policies of its statements"
            )
        })
    }
}

/// JSON, with or without `--json`.
impl fmt::Display for Policy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", serde_json::to_string_pretty(self).map_err(|_| fmt::Error)?)
    }
}
