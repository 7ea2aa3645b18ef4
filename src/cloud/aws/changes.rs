//! CloudFormation's account of a change set, as a plan: one line a resource, one a property.

use aws_sdk_cloudformation::types::{
    Change, ChangeAction, ChangeSource, EvaluationType, Replacement, ResourceAttribute, ResourceChange,
    ResourceChangeDetail, ResourceTargetDefinition,
};

use super::stack::Stack;
use super::template::{STACK_KIND, Wanted, replaces};
use crate::cloud::change::{Planned, PlannedAction, Property};

/// The plan that `changes` make of `stack` on its way to `wanted`.
pub(super) fn planned(changes: &[Change], stack: Option<&Stack>, wanted: &Wanted) -> Vec<Planned> {
    let changes: Vec<&ResourceChange> = changes.iter().filter_map(Change::resource_change).collect();
    let replaced: Vec<&str> =
        changes.iter().filter(|change| is_replaced(change)).filter_map(|change| change.logical_resource_id()).collect();
    let mut planned: Vec<Planned> = changes
        .iter()
        // Some CloudFormations, though not AWS's, name resources that a condition leaves out.
        .filter(|change| !(is_new(change) && change.logical_resource_id().is_some_and(|id| wanted.leaves_out(id))))
        .filter_map(|change| one(change, &replaced, stack, wanted))
        .collect();
    if planned.is_empty() {
        planned.extend(stack.and_then(|stack| parameters(stack, wanted)));
    }
    planned.sort_by_key(|change| !change.is_destructive());
    planned
}

/// The parameters of a stack that change. Some CloudFormations, though not AWS's, do not tell what comes of them.
fn parameters(stack: &Stack, wanted: &Wanted) -> Option<Planned> {
    let changed = wanted.parameters.iter().filter(|(name, value)| stack.parameter(name) != Some(value));
    let properties: Vec<Property> = changed
        .map(|(name, value)| Property {
            name: (*name).to_owned(),
            before: stack.parameter(name).map(str::to_owned),
            after: Some(value.clone()),
            replaces: false,
        })
        .collect();
    let planned = Planned::added("Stack", STACK_KIND, Some(stack.name.clone()));
    (!properties.is_empty()).then_some(Planned { action: PlannedAction::Modify, properties, ..planned })
}

/// Whether there is no such resource yet; what is said to be modified, too, where it has no name.
fn is_new(change: &ResourceChange) -> bool {
    match change.action() {
        Some(ChangeAction::Add) => true,
        Some(ChangeAction::Import | ChangeAction::Remove) | None => false,
        Some(_) => change.physical_resource_id().is_none_or(str::is_empty),
    }
}

/// CloudFormation says `Conditional` where it does not know yet; our own templates' properties we know.
fn is_replaced(change: &ResourceChange) -> bool {
    let kind = change.resource_type().unwrap_or_default();
    match change.replacement() {
        Some(Replacement::True) => true,
        Some(Replacement::Conditional) => change
            .details()
            .iter()
            .any(|detail| is_direct(detail) && property_name(detail).is_some_and(|name| replaces(kind, root(&name)))),
        _ => false,
    }
}

fn one(change: &ResourceChange, replaced: &[&str], stack: Option<&Stack>, wanted: &Wanted) -> Option<Planned> {
    let kind = change.resource_type().unwrap_or_default();
    let action = match change.action()? {
        ChangeAction::Import => PlannedAction::Adopt,
        ChangeAction::Remove => PlannedAction::Remove,
        // Some CloudFormations, though not AWS's, have what a condition takes away changed.
        _ if change.logical_resource_id().is_some_and(|id| wanted.leaves_out(id)) => PlannedAction::Remove,
        _ if is_new(change) => PlannedAction::Add,
        _ if is_replaced(change) => PlannedAction::Replace,
        _ => PlannedAction::Modify,
    };
    let mut properties: Vec<Property> = Vec::new();
    let details = match action {
        PlannedAction::Add | PlannedAction::Remove => &[],
        _ => change.details(),
    };
    for detail in details.iter().filter(|detail| happens(detail, replaced)) {
        let Some(name) = property_name(detail) else { continue };
        let (before, after) = values(detail, stack, wanted);
        let replaces = action == PlannedAction::Replace && replaces(kind, root(&name));
        match properties.iter_mut().find(|known| known.name == name) {
            // The same property is told again for each cause; the cause that is a parameter tells the values.
            Some(known) if known.before.is_none() && known.after.is_none() => {
                (known.before, known.after) = (before, after);
            }
            Some(_) => {}
            None => properties.push(Property { name, before, after, replaces }),
        }
    }
    // What only might change, should something else change that does not, is no change.
    if action == PlannedAction::Modify && properties.is_empty() {
        return None;
    }
    Some(Planned {
        action,
        resource: change.logical_resource_id().unwrap_or_default().to_owned(),
        kind: kind.to_owned(),
        name: change.physical_resource_id().filter(|name| !name.is_empty()).map(str::to_owned),
        properties,
    })
}

/// Whether the template or a parameter changes the property itself.
fn is_direct(detail: &ResourceChangeDetail) -> bool {
    matches!(detail.change_source(), Some(ChangeSource::DirectModification | ChangeSource::ParameterReference))
}

/// Whether a change comes about: a reference to another resource changes only when that resource is replaced.
fn happens(detail: &ResourceChangeDetail, replaced: &[&str]) -> bool {
    let cause = detail.causing_entity().and_then(|entity| entity.split('.').next()).unwrap_or_default();
    match detail.change_source() {
        Some(ChangeSource::ResourceReference | ChangeSource::ResourceAttribute) => {
            detail.evaluation() == Some(&EvaluationType::Static) || replaced.contains(&cause)
        }
        _ => true,
    }
}

/// `MemorySize`, `Environment.Variables.X`, `Tags`, `DeletionPolicy`.
fn property_name(detail: &ResourceChangeDetail) -> Option<String> {
    let target: &ResourceTargetDefinition = detail.target()?;
    if let Some(path) = target.path() {
        let path = path.trim_start_matches('/');
        return Some(path.strip_prefix("Properties/").unwrap_or(path).replace('/', "."));
    }
    match (target.attribute()?, target.name()) {
        (ResourceAttribute::Properties, Some(name)) => Some(name.to_owned()),
        (attribute, _) => Some(attribute.as_str().to_owned()),
    }
}

fn root(name: &str) -> &str {
    name.split('.').next().unwrap_or(name)
}

/// The values before and after: as CloudFormation tells them, else those of the parameter that causes the change.
fn values(detail: &ResourceChangeDetail, stack: Option<&Stack>, wanted: &Wanted) -> (Option<String>, Option<String>) {
    let told = |value: Option<&str>| value.map(str::to_owned);
    let target = detail.target();
    let before = told(target.and_then(|target| target.before_value()));
    let after = told(target.and_then(|target| target.after_value()));
    if before.is_some() || after.is_some() || detail.change_source() != Some(&ChangeSource::ParameterReference) {
        return (before, after);
    }
    let parameter = detail.causing_entity().unwrap_or_default();
    (told(stack.and_then(|stack| stack.parameter(parameter))), wanted.parameters.get(parameter).cloned())
}
