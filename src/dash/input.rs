//! An input as a page has it: YAML in a fence.

use std::fmt;

use serde::Deserialize;
use serde_json::Value;

use super::fence::is_variable;
use crate::duck::types;
use crate::error::nearest;
use quack_page::input::{Day, Input, Kind, Options, fits_whole, iso, shown};

/// Reads what stands in the fence `input name`.
///
/// # Errors
/// What is wrong with it, for whoever wrote the page.
pub(super) fn parse(name: &str, yaml: &str) -> Result<Input, String> {
    let written = read(yaml)?;
    let label = written.label.clone().unwrap_or_else(|| labelled(name));
    let kind = written.kind()?;
    Ok(Input { name: name.to_owned(), label, kind, line: 1 })
}

/// What is written, each value as it is: `007` and `NO` are texts as much as `Soho`, whatever YAML makes of them.
fn read(yaml: &str) -> Result<Written<Vec<String>>, String> {
    #[derive(Deserialize)]
    struct Peek {
        default: Option<Value>,
    }
    let wrong = |error: serde_saphyr::Error| first_line(&error.to_string());
    // Which of them is said is not known before.
    if serde_saphyr::from_str(yaml).is_ok_and(|Peek { default }| default.is_some_and(|default| default.is_array())) {
        let written: Written<Vec<String>> = serde_saphyr::from_str(yaml).map_err(wrong)?;
        return match written.kind.as_str() {
            "multiselect" => Ok(written),
            kind => Err(format!("an input of type {} has one `default`, and no list of them", shown(kind))),
        };
    }
    let Written { kind, label, default, from, to, options, query, of, min, max, step }: Written<String> =
        serde_saphyr::from_str(yaml).map_err(wrong)?;
    let default = default.map(|one| vec![one]);
    Ok(Written { kind, label, default, from, to, options, query, of, min, max, step })
}

/// An input as a page has it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written<D> {
    #[serde(rename = "type")]
    kind: String,
    label: Option<String>,
    default: Option<D>,
    from: Option<String>,
    to: Option<String>,
    options: Option<Vec<Option<String>>>,
    query: Option<String>,
    of: Option<String>,
    min: Option<String>,
    max: Option<String>,
    step: Option<String>,
}

const KINDS: &[&str] = &["date", "range", "select", "multiselect", "text", "number", "switch"];

impl Written<Vec<String>> {
    /// What the input is.
    ///
    /// # Errors
    /// What is wrong with it, for whoever wrote the page.
    fn kind(&self) -> Result<Kind, String> {
        let default = self.default.as_ref().and_then(|all| all.first()).cloned();
        let day = |value: &Option<String>, name: &str| match value {
            Some(value) => self::day(value),
            None => {
                let which = if name == "to" { "last" } else { "first" };
                Err(format!("`{name}` is missing: the {which} day that is shown, e.g. `{name}: 2019-04-01`"))
            }
        };
        let bound = |value: &Option<String>| value.as_deref().map(self::day).transpose();
        let number =
            |value: &Option<String>, name: &str| match value.as_ref().map(|value| (value.parse::<f64>(), value)) {
                None => Ok(None),
                Some((Ok(number), _)) if number.is_finite() => Ok(Some(number)),
                Some((_, other)) => Err(format!("`{name}: {}` is no number", shown(other))),
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
                let (default, min, max) = (day(&default, "default")?, bound(&self.min)?, bound(&self.max)?);
                within(default.date(), min.map(Day::date), max.map(Day::date))?;
                Kind::Date { default, min, max }
            }
            "range" => Kind::Range { from: day(&self.from, "from")?, to: day(&self.to, "to")? },
            "select" => Kind::Select { options: self.options(default.as_slice())?, default },
            "multiselect" => {
                let default = self.default.clone().unwrap_or_default();
                let of = self.of.as_deref().unwrap_or("VARCHAR");
                let parsed = types::parse(of).or_else(|why| types::parse(&of.to_ascii_uppercase()).map_err(|_| why));
                let of = parsed.map_err(|why| format!("`of: {}`: {why}", shown(of)))?.to_string();
                Kind::Multiselect { options: self.options(&default)?, default, of }
            }
            "text" => Kind::Text { default: default.unwrap_or_default() },
            "switch" => match default.as_deref() {
                None | Some("false") => Kind::Switch { default: false },
                Some("true") => Kind::Switch { default: true },
                Some(other) => return Err(format!("`default: {}`: it is true or false", shown(other))),
            },
            _ => {
                let Some(default) = number(&default, "default")? else {
                    return Err("`default` is missing: the number that is there at first".to_owned());
                };
                let (min, max, step) =
                    (number(&self.min, "min")?, number(&self.max, "max")?, number(&self.step, "step")?);
                within(default, min, max)?;
                if let Some(step) = step.filter(|step| *step <= 0.0) {
                    return Err(format!("`step: {step}`: from one number to the next is more than 0"));
                }
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
                let options: Option<Vec<String>> = options.iter().cloned().collect();
                let options = options.ok_or("one of the `options` is nothing: null as a text stands in quotes")?;
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
    if let (Some(min), Some(max)) = (&min, &max)
        && min > max
    {
        return Err(format!("`min: {min}` is more than `max: {max}`"));
    }
    let is_within = min.as_ref().is_none_or(|min| *min <= default) && max.as_ref().is_none_or(|max| default <= *max);
    match is_within {
        true => Ok(()),
        false => Err(format!("`default: {default}` is out of its bounds, `min` and `max`")),
    }
}

/// A day as a page writes it.
fn day(said: &str) -> Result<Day, String> {
    let ago = || {
        let days = said.strip_suffix(" days ago").or_else(|| said.strip_suffix(" day ago"))?;
        days.parse::<u64>().ok().filter(|days| *days < 100_000)
    };
    match said {
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

/// `pickup_day` as people read it.
fn labelled(name: &str) -> String {
    let words = name.replace('_', " ");
    let mut letters = words.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}

/// Of what a library says of YAML: the place and what is wrong.
pub(super) fn first_line(words: &str) -> String {
    let line = words.lines().next().unwrap_or_default();
    let line = line.strip_prefix("error: ").unwrap_or(line);
    let hint = if line.contains("tab") { "; indent with blanks, not with tabs" } else { "" };
    format!("in the YAML below it, {line}{hint}")
}

#[cfg(test)]
mod tests {
    use quack_page::input::Given;

    use super::*;

    fn values(yaml: &str, given: &[(&str, &str)]) -> Result<Vec<(String, Option<String>)>, String> {
        let input = parse("it", yaml).unwrap();
        let mut all = Given::new();
        for (name, value) in given {
            all.entry((*name).to_owned()).or_default().push((*value).to_owned());
        }
        input.values(&all).map(|values| values.into_iter().collect())
    }

    fn one(yaml: &str, given: &[(&str, &str)]) -> Result<String, String> {
        values(yaml, given).map(|mut values| values.remove(0).1.unwrap_or_else(|| "NULL".to_owned()))
    }

    #[test]
    fn values_are_of_their_input() {
        let date = "type: date\ndefault: 2019-04-01\nmax: 2019-04-30";
        assert_eq!(one(date, &[]).unwrap(), "2019-04-01");
        assert_eq!(one(date, &[("it", "2019-04-02")]).unwrap(), "2019-04-02");
        for wrong in ["2019-04-31", "x", "2019-4-1", "2019-05-01", "' OR 1=1", "+12345-1-1"] {
            assert!(one(date, &[("it", wrong)]).unwrap_err().contains(wrong), "{wrong}");
        }
        let range = values("type: range\nfrom: 2019-01-01\nto: today", &[("it_to", "2019-02-01")]).unwrap();
        let text = |value: &str| Some(value.to_owned());
        assert_eq!(range, [("it_from".to_owned(), text("2019-01-01")), ("it_to".to_owned(), text("2019-02-01"))]);
        assert_eq!(one("type: select\nquery: zones", &[]).unwrap(), "NULL");
        assert!(one("type: select\noptions: [a, 1]", &[("it", "b")]).is_err());
        assert_eq!(one("type: select\noptions: [a, 1]", &[("it", "1")]).unwrap(), "1");
        assert_eq!(one("type: select\noptions: [a, 1]\ndefault: a", &[("it", "")]).unwrap(), "NULL");
        let many = "type: multiselect\nquery: zones\ndefault: [a]";
        assert_eq!(one(many, &[]).unwrap(), r#"["a"]"#);
        assert_eq!(one(many, &[("it", "x"), ("it", r#"y"\"#)]).unwrap(), r#"["x", "y\"\\"]"#);
        assert_eq!(one(many, &[("it", "")]).unwrap(), "[]");
        assert_eq!(one("type: number\ndefault: 10\nmax: 20", &[("it", "11")]).unwrap(), "11");
        assert_eq!(one("type: number\ndefault: 10", &[("it", " ")]).unwrap(), "10");
        assert_eq!(one(date, &[("it", "")]).unwrap(), "2019-04-01");
        for wrong in ["21", "1.5", "nan", "1e99", "x"] {
            assert!(one("type: number\ndefault: 10\nmax: 20", &[("it", wrong)]).is_err(), "{wrong}");
        }
        assert_eq!(one("type: number\ndefault: 0.5", &[("it", "1.25")]).unwrap(), "1.25");
        assert_eq!(one("type: switch", &[("it", "true")]).unwrap(), "true");
        assert!(one("type: switch", &[("it", "yes")]).is_err());
        assert!(one("type: text", &[("it", &"x".repeat(1001))]).unwrap_err().contains("longer than"));
    }

    #[test]
    fn what_is_written_is_what_is_chosen() {
        let said = "options: [01001, 02134, NO, 1.10, 0x10, Y, \"null\", \"007\", ' x ']";
        let Kind::Select { options: Options::Said(options), .. } =
            parse("it", &format!("type: select\n{said}")).unwrap().kind
        else {
            panic!("it is a list")
        };
        assert_eq!(options, ["01001", "02134", "NO", "1.10", "0x10", "Y", "null", "007", " x "]);
        assert_eq!(one("type: text\ndefault: 007", &[]).unwrap(), "007");
        assert_eq!(one("type: select\nquery: zones\ndefault: 1.10", &[]).unwrap(), "1.10");
        assert_eq!(one("type: multiselect\nquery: zones\ndefault: [007, NO]", &[]).unwrap(), r#"["007", "NO"]"#);
        assert_eq!(one("type: multiselect\nquery: zones\ndefault: 007", &[]).unwrap(), r#"["007"]"#);
        assert_eq!(one("type: number\ndefault: 1e1\nmax: \"20\"", &[]).unwrap(), "10");
        for (wrong, told) in [
            ("type: select\noptions: [{value: a, label: A}]", "in the YAML below it"),
            ("type: select\noptions: [a, null]", "one of the `options` is nothing"),
            ("type: select\nquery: zones\ndefault: [a]", "has one `default`"),
            ("type: number\ndefault: 0x10", "`default: 0x10` is no number"),
            ("type: switch\ndefault: yes", "it is true or false"),
        ] {
            let words = parse("it", wrong).map(|_| ()).unwrap_err();
            assert!(words.contains(told), "{wrong}: {words}");
        }
    }

    #[test]
    fn types_are_said_where_sql_does_not() {
        let of = |yaml: &str| parse("it", yaml).unwrap().parameters().remove(0).1;
        assert_eq!(of("type: date\ndefault: today").as_deref(), Some("DATE"));
        assert_eq!(of("type: number\ndefault: 1").as_deref(), Some("BIGINT"));
        assert_eq!(of("type: number\ndefault: 1\nstep: 0.5").as_deref(), Some("DOUBLE"));
        assert_eq!(of("type: multiselect\noptions: [1]\nof: bigint").as_deref(), Some("BIGINT[]"));
        assert_eq!(of("type: select\noptions: [1]"), None);
        assert_eq!(parse("pickup_day", "type: switch").unwrap().label, "Pickup day");
    }

    #[test]
    fn what_is_wrong_is_told() {
        for (yaml, said) in [
            ("type: dat", "did you mean `date`"),
            ("type: date", "`default` is missing"),
            ("type: date\ndefault: soon", "`soon` is no date"),
            ("type: date\ndefault: today\noptions: [a]", "has no `options`"),
            ("type: select", "say what can be chosen"),
            ("type: select\nquery: a b", "the name of a query"),
            ("type: number\ndefault: x", "no number"),
            ("type: number\ndefault: 5\nmin: 10\nmax: 1", "`min: 10` is more than `max: 1`"),
            ("type: number\ndefault: 5\nmin: 10", "out of its bounds"),
            ("type: number\ndefault: 5\nstep: 0", "`step: 0`"),
            ("type: range\nfrom: 2019-04-01", "`to` is missing: the last day"),
            ("type: date\ndefault: 2019-04-01\nmax: 2019-03-01", "out of its bounds"),
            ("type: multiselect\noptions: [a]\nof: 'INTEGER; DROP'", "`of: INTEGER; DROP`"),
            ("type: switch\ndefault: 3", "true or false"),
            ("type: select\noptions: [a]\ndefault: b", "none of the options"),
            ("typ: date", "typ"),
            ("- a", ""),
            ("type: [", ""),
        ] {
            let words = parse("it", yaml).unwrap_err();
            assert!(words.contains(said), "{yaml}: {words}");
        }
    }
}
