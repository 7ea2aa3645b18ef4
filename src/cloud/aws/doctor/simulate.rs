//! Each permission of the table, held against the caller's own policies by IAM's simulator; nothing is done.

use std::collections::BTreeMap;

use anyhow::{Context as _, Result};
use aws_sdk_iam::types::{ContextEntry, ContextKeyTypeEnum, PolicyEvaluationDecisionType};
use futures::{StreamExt, TryStreamExt, stream};

use super::super::errors::{self, explain};
use super::super::session::Session;
use super::permissions::{self, Condition, Statement};
use crate::check::Check;
use crate::config::Config;
use crate::error::failure;

/// Simulations under way at once; IAM throttles them early.
const WINDOW: usize = 4;

/// Stands for the part of a name that is not known before it is made.
const ANY: &str = "quackctl";

/// One check for each statement of the policy.
pub(super) async fn check(config: &Config, session: &Session) -> Vec<Check> {
    let name = "permissions";
    let help = "allow iam:SimulatePrincipalPolicy on yourself, or compare with `quackctl doctor --policy`";
    let principal = match principal(session).await {
        Ok(Some(principal)) => principal,
        Ok(None) => {
            let help = "better to work as a user or role with the policy that `quackctl doctor --policy` prints";
            return vec![Check::warn(name, "you are the account's root user, who may do everything", help)];
        }
        Err(error) => return vec![Check::warn(name, format!("not known: {error:#}"), help)],
    };
    match simulate(config, session, &principal).await {
        Ok(allowed) => {
            let needed = permissions::needed(config);
            needed.iter().map(|needed| verdict(config, session, needed, &allowed)).collect()
        }
        Err(error) => vec![Check::warn(name, format!("not known: {error:#}"), help)],
    }
}

/// The IAM user or role behind the credentials; nothing for the account's root user.
async fn principal(session: &Session) -> Result<Option<String>> {
    let caller = session.caller.as_str();
    let resource = caller.splitn(6, ':').nth(5).with_context(|| format!("`{caller}` is no ARN"))?;
    let role = match resource.split('/').collect::<Vec<_>>().as_slice() {
        ["root"] => return Ok(None),
        ["user", ..] => return Ok(Some(caller.to_owned())),
        ["assumed-role", role, ..] => *role,
        _ => return Err(failure(format!("IAM cannot simulate `{caller}`"), "")),
    };
    // The ARN of a session leaves out the role's path.
    match session.iam.get_role().role_name(role).send().await {
        Ok(found) => Ok(found.role.map(|role| role.arn)),
        Err(error) if errors::is_code(&error, &["AccessDenied"]) => {
            Ok(Some(format!("arn:{}:iam::{}:role/{role}", session.partition(), session.account)))
        }
        Err(error) => Err(explain(error, &format!("look for the role {role}"))),
    }
}

/// `(action, resource)`.
type Question = (&'static str, String);

/// A context key and its value, for permissions with a condition.
type Entry = Option<(&'static str, String)>;

/// The answers for everything that `config` needs. One call asks for all actions on one resource.
async fn simulate(config: &Config, session: &Session, principal: &str) -> Result<BTreeMap<Question, bool>> {
    let mut calls: BTreeMap<(String, Entry), Vec<&'static str>> = BTreeMap::new();
    for needed in permissions::needed(config) {
        let entry = needed.condition.entry(config);
        for arn in examples(config, session, &needed) {
            let actions = needed.actions.iter().map(|(action, _)| *action);
            calls.entry((arn, entry.clone())).or_default().extend(actions);
        }
    }
    stream::iter(calls)
        .map(|((arn, entry), actions)| ask(session, principal, arn, entry, actions))
        .buffer_unordered(WINDOW)
        .try_concat()
        .await
        .map(|answers: Vec<_>| answers.into_iter().collect())
}

async fn ask(
    session: &Session,
    principal: &str,
    arn: String,
    entry: Entry,
    actions: Vec<&'static str>,
) -> Result<Vec<(Question, bool)>> {
    let context = entry.map(|(key, value)| {
        let entry = ContextEntry::builder().context_key_name(key).context_key_values(value);
        vec![entry.context_key_type(ContextKeyTypeEnum::String).build()]
    });
    let mut pages = session
        .iam
        .simulate_principal_policy()
        .policy_source_arn(principal)
        .set_action_names(Some(actions.iter().map(|action| (*action).to_owned()).collect()))
        .resource_arns(&arn)
        .set_context_entries(context)
        .into_paginator()
        .items()
        .send();
    let mut answers = Vec::new();
    while let Some(answer) = pages.next().await {
        let answer =
            answer.map_err(|error| explain(error, "simulate your permissions (iam:SimulatePrincipalPolicy)"))?;
        let action = actions.iter().find(|action| action.eq_ignore_ascii_case(answer.eval_action_name()));
        if let Some(action) = action {
            let allowed = *answer.eval_decision() == PolicyEvaluationDecisionType::Allowed;
            answers.push(((*action, arn.clone()), allowed));
        }
    }
    Ok(answers)
}

/// Resources as they might be called. Of a log group, which has two ARNs, the one whose streams are read.
fn examples(config: &Config, session: &Session, needed: &Statement) -> Vec<String> {
    let arn = |arn: String| if arn == "*" { arn } else { arn.replace('*', ANY) };
    needed.resource.arns(config, session).into_iter().map(arn).collect()
}

fn verdict(config: &Config, session: &Session, needed: &Statement, answers: &BTreeMap<Question, bool>) -> Check {
    let name = format!("may {}", needed.sid);
    let answered = |action| {
        let mut examples = examples(config, session, needed).into_iter();
        examples.all(|arn| answers.get(&(action, arn)).copied().unwrap_or_default())
    };
    let missing: Vec<_> = needed.actions.iter().filter(|(action, _)| !answered(*action)).collect();
    let resources = needed.resource.arns(config, session).join(" and ");
    if missing.is_empty() {
        return Check::ok(name, format!("{} actions on {resources}", needed.actions.len()));
    }
    let condition = match needed.condition {
        Condition::None => "",
        Condition::PassedToLambda => ", passed to lambda.amazonaws.com",
        Condition::Bounded => ", with the permissions boundary",
    };
    let lines: Vec<_> = missing.iter().map(|(action, commands)| format!("{action} (for {commands})")).collect();
    Check::fail(
        name,
        format!("on {resources}{condition} you may not do\n{}", lines.join("\n")),
        "have it allowed as `quackctl doctor --policy` prints it",
    )
}
