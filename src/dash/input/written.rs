//! An input as a page has it: YAML in a fence.

use std::fmt;

use serde::Deserialize;
use serde_json::Value;

use super::super::fence::is_variable;
use super::kind::{Day, Kind, Options, fits_whole, iso, shown};
use crate::duck::types;
use crate::error::nearest;

/// An input as a page has it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Written {
    #[serde(rename = "type")]
    kind: String,
    pub label: Option<String>,
    default: Option<Value>,
    from: Option<Value>,
    to: Option<Value>,
    options: Option<Vec<Value>>,
    query: Option<String>,
    of: Option<String>,
    min: Option<Value>,
    max: Option<Value>,
    step: Option<Value>,
}

const KINDS: &[&str] = &["date", "range", "select", "multiselect", "text", "number", "switch"];

impl Written {
    /// What the input is.
    ///
    /// # Errors
    /// What is wrong with it, for whoever wrote the page.
    pub(super) fn kind(&self) -> Result<Kind, String> {
        let Self { default, .. } = self;
        let day = |value: &Option<Value>, name: &str| match value {
            Some(value) => self::day(value),
            None => Err(format!("`{name}` is missing: the first day that is shown, e.g. `{name}: 2019-04-01`")),
        };
        let bound = |value: &Option<Value>| value.as_ref().map(self::day).transpose();
        let number = |value: &Option<Value>, name: &str| match value.as_ref().map(|value| (value.as_f64(), value)) {
            None => Ok(None),
            Some((Some(number), _)) if number.is_finite() => Ok(Some(number)),
            Some((_, other)) => Err(format!("`{name}: {}` is no number", shown(&text(other)))),
        };
        let allowed: &[&str] = match self.kind.as_str() {
            "date" => &["default", "min", "max"],
            "range" => &["from", "to"],
            "select" => &["default", "options", "query"],
            "multiselect" => &["default", "options", "query", "of"],
            "number" => &["default", "min", "max", "step"],
            "text" | "switch" => &["default"],
            other => {
                let hint = nearest(other, KINDS.iter().copied()).map(|near| format!("did you mean `{near}`?"));
                let hint = hint.unwrap_or_else(|| format!("there are {}", KINDS.join(", ")));
                return Err(format!("there is no input of type `{}`; {hint}", shown(other)));
            }
        };
        if let Some(stray) = self.said().find(|name| !allowed.contains(name)) {
            return Err(format!("an input of type {} has no `{stray}`; it takes {}", self.kind, allowed.join(", ")));
        }
        Ok(match self.kind.as_str() {
            "date" => {
                let (default, min, max) = (day(default, "default")?, bound(&self.min)?, bound(&self.max)?);
                within(default.date(), min.map(Day::date), max.map(Day::date))?;
                Kind::Date { default, min, max }
            }
            "range" => Kind::Range { from: day(&self.from, "from")?, to: day(&self.to, "to")? },
            "select" => {
                let default = default.as_ref().map(text);
                Kind::Select { options: self.options(default.as_slice())?, default }
            }
            "multiselect" => {
                let default = match default {
                    None => Vec::new(),
                    Some(Value::Array(values)) => values.iter().map(text).collect(),
                    Some(one) => vec![text(one)],
                };
                let of = self.of.as_deref().unwrap_or("VARCHAR");
                let parsed = types::parse(of).or_else(|why| types::parse(&of.to_ascii_uppercase()).map_err(|_| why));
                let of = parsed.map_err(|why| format!("`of: {}`: {why}", shown(of)))?.to_string();
                Kind::Multiselect { options: self.options(&default)?, default, of }
            }
            "text" => Kind::Text { default: default.as_ref().map(text).unwrap_or_default() },
            "switch" => match default {
                None => Kind::Switch { default: false },
                Some(Value::Bool(default)) => Kind::Switch { default: *default },
                Some(other) => return Err(format!("`default: {}`: it is true or false", shown(&text(other)))),
            },
            _ => {
                let Some(default) = number(default, "default")? else {
                    return Err("`default` is missing: the number that is there at first".to_owned());
                };
                let (min, max, step) =
                    (number(&self.min, "min")?, number(&self.max, "max")?, number(&self.step, "step")?);
                within(default, min, max)?;
                let is_whole = [Some(default), min, max, step].into_iter().flatten().all(fits_whole);
                Kind::Number { default, min, max, step, is_whole }
            }
        })
    }

    /// What it says beyond its type and label.
    fn said(&self) -> impl Iterator<Item = &'static str> {
        let Self { default, from, to, options, query, of, min, max, step, .. } = self;
        let all = [
            ("default", default.is_some()),
            ("from", from.is_some()),
            ("to", to.is_some()),
            ("options", options.is_some()),
            ("query", query.is_some()),
            ("of", of.is_some()),
            ("min", min.is_some()),
            ("max", max.is_some()),
            ("step", step.is_some()),
        ];
        all.into_iter().filter_map(|(name, is_said)| is_said.then_some(name))
    }

    /// What can be chosen, of which the defaults have to be some.
    fn options(&self, defaults: &[String]) -> Result<Options, String> {
        match (&self.options, &self.query) {
            (Some(options), None) => {
                let options: Vec<String> = options.iter().map(text).collect();
                match defaults.iter().find(|default| !options.contains(default)) {
                    Some(other) => Err(format!("`default: {}`: it is none of the options", shown(other))),
                    None => Ok(Options::Said(options)),
                }
            }
            (None, Some(query)) if is_variable(query) => Ok(Options::Query(query.clone())),
            (None, Some(query)) => Err(format!("`query: {}`: it is the name of a query of the page", shown(query))),
            _ => {
                Err("say what can be chosen: either `options: [a, b]`, or `query: zones`, a query of the page"
                    .to_owned())
            }
        }
    }
}

/// Refuses a default that nobody could set.
fn within<T: PartialOrd + fmt::Display>(default: T, min: Option<T>, max: Option<T>) -> Result<(), String> {
    let is_within = min.as_ref().is_none_or(|min| *min <= default) && max.as_ref().is_none_or(|max| default <= *max);
    match is_within {
        true => Ok(()),
        false => Err(format!("`default: {default}` is out of its bounds, `min` and `max`")),
    }
}

/// A day as a page writes it.
fn day(value: &Value) -> Result<Day, String> {
    let said = text(value);
    let ago = || {
        let days = said.strip_suffix(" days ago").or_else(|| said.strip_suffix(" day ago"))?;
        days.parse::<u64>().ok().filter(|days| *days < 100_000)
    };
    match said.as_str() {
        "today" => Ok(Day::Ago(0)),
        "yesterday" => Ok(Day::Ago(1)),
        other => match (iso(other), ago()) {
            (Some(date), _) => Ok(Day::Fixed(date)),
            (None, Some(days)) => Ok(Day::Ago(days)),
            (None, None) => {
                Err(format!("`{}` is no date: write 2019-04-01, today, yesterday or `7 days ago`", shown(other)))
            }
        },
    }
}

/// A value of YAML as text.
fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}
