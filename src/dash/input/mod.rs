//! What a reader of a page can set: an input gives its queries parameters, `$day`, which the engine binds. A value is checked for what
//! it is before anything is asked.

mod kind;
mod written;

use std::collections::BTreeMap;

use quack_function::wire::Params;

pub(super) use self::kind::{Day, Kind, Options};
use self::kind::{fits_whole, iso, shown};
use self::written::Written;
use crate::duck::lists;

/// Longest text that a reader may give, characters, and most values of a list.
pub(super) const LONGEST: usize = 1000;
const MOST_VALUES: usize = 1000;

/// What readers gave, by the names of parameters; a list's values one after another.
pub(super) type Given = BTreeMap<String, Vec<String>>;

/// An input.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Input {
    pub name: String,
    /// What stands before it.
    pub label: String,
    pub kind: Kind,
    /// The line of the page that its fence is on.
    pub line: usize,
}

impl Input {
    /// Reads what stands in the fence `input name`.
    ///
    /// # Errors
    /// What is wrong with it, for whoever wrote the page.
    pub(super) fn parse(name: &str, yaml: &str) -> Result<Self, String> {
        let written: Written = serde_saphyr::from_str(yaml).map_err(|error| first_line(&error.to_string()))?;
        let label = written.label.clone().unwrap_or_else(|| labelled(name));
        let kind = written.kind()?;
        Ok(Self { name: name.to_owned(), label, kind, line: 1 })
    }

    /// The parameters that it gives, each with the type that it is cast to where SQL does not say it by itself.
    pub(super) fn parameters(&self) -> Vec<(String, Option<String>)> {
        let one = |sql_type: Option<&str>| vec![(self.name.clone(), sql_type.map(str::to_owned))];
        match &self.kind {
            Kind::Date { .. } => one(Some("DATE")),
            Kind::Range { .. } => ["from", "to"].map(|end| (self.end(end), Some("DATE".to_owned()))).to_vec(),
            // A number may be chosen as well as a text.
            Kind::Select { .. } => one(None),
            Kind::Multiselect { of, .. } => one(Some(&format!("{of}[]"))),
            Kind::Text { .. } => one(Some("VARCHAR")),
            Kind::Number { is_whole: true, .. } => one(Some("BIGINT")),
            Kind::Number { .. } => one(Some("DOUBLE")),
            Kind::Switch { .. } => one(Some("BOOLEAN")),
        }
    }

    /// The query whose rows can be chosen from.
    pub(super) fn query(&self) -> Option<&str> {
        match &self.kind {
            Kind::Select { options: Options::Query(query), .. }
            | Kind::Multiselect { options: Options::Query(query), .. } => Some(query),
            _ => None,
        }
    }

    /// The parameter of an end of a range.
    pub(super) fn end(&self, end: &str) -> String {
        format!("{}_{end}", self.name)
    }

    /// The values of its parameters: what is given, else what the page says.
    ///
    /// # Errors
    /// A value that is none of its kind.
    pub(super) fn values(&self, given: &Given) -> Result<Params, String> {
        let of = |name: &str| given.get(name).and_then(|values| values.first()).map(String::as_str);
        let own = of(&self.name);
        // A field that was emptied, to write another value, is what it was at first.
        let filled = own.filter(|text| !text.trim().is_empty());
        if own.is_some_and(|text| text.chars().count() > LONGEST) {
            return Err(format!("the value of `{}` is longer than {LONGEST} characters", self.name));
        }
        let wrong = |text: &str, what: &str| format!("`{}` is {what}, and `{}` is none", self.name, shown(text));
        let day = |name: &str, default: Day| match of(name).filter(|text| !text.is_empty()) {
            None => Ok(default.date()),
            Some(text) => iso(text).ok_or_else(|| wrong(text, "a date like 2019-04-01")),
        };
        let one = |value: Option<String>| Ok(Params::from([(self.name.clone(), value)]));
        match &self.kind {
            Kind::Date { default, min, max } => {
                let day = day(&self.name, *default)?;
                let is_within = min.is_none_or(|min| min.date() <= day) && max.is_none_or(|max| day <= max.date());
                match is_within {
                    true => one(Some(day.to_string())),
                    false => Err(format!("`{}` is {day}, which is out of its bounds", self.name)),
                }
            }
            Kind::Range { from, to } => {
                let (first, last) = (self.end("from"), self.end("to"));
                let (from, to) = (day(&first, *from)?, day(&last, *to)?);
                Ok(Params::from([(first, Some(from.to_string())), (last, Some(to.to_string()))]))
            }
            Kind::Select { options, default } => match (own, options) {
                (None, _) => one(default.clone()),
                // Nothing is chosen.
                (Some(""), _) => one(None),
                (Some(text), Options::Said(all)) if !all.iter().any(|known| known == text) => {
                    Err(wrong(text, "one of its options"))
                }
                (Some(text), _) => one(Some(text.to_owned())),
            },
            Kind::Multiselect { options, default, .. } => {
                let values = given.get(&self.name).unwrap_or(default);
                // None of all is said by one empty value.
                let values: Vec<&String> = values.iter().filter(|value| !value.is_empty()).collect();
                if values.len() > MOST_VALUES || values.iter().any(|value| value.chars().count() > LONGEST) {
                    return Err(format!(
                        "`{}` takes {MOST_VALUES} values at most, of {LONGEST} characters each",
                        self.name
                    ));
                }
                if let Options::Said(all) = options
                    && let Some(other) = values.iter().find(|value| !all.contains(value))
                {
                    return Err(wrong(other, "some of its options"));
                }
                let items: Vec<String> = values.into_iter().map(|value| lists::item(value)).collect();
                one(Some(format!("[{}]", items.join(", "))))
            }
            Kind::Text { default } => one(Some(own.unwrap_or(default).to_owned())),
            Kind::Number { default, min, max, is_whole, .. } => {
                let number = match filled {
                    None => *default,
                    Some(text) => {
                        let number = text.trim().parse::<f64>().ok().filter(|number| number.is_finite());
                        let number = number.filter(|number| !is_whole || fits_whole(*number));
                        number.ok_or_else(|| wrong(text, if *is_whole { "a whole number" } else { "a number" }))?
                    }
                };
                let is_within = min.is_none_or(|min| min <= number) && max.is_none_or(|max| number <= max);
                match is_within {
                    true => one(Some(number.to_string())),
                    false => Err(format!("`{}` is {number}, which is out of its bounds", self.name)),
                }
            }
            Kind::Switch { default } => match own {
                None => one(Some(default.to_string())),
                Some(text @ ("true" | "false")) => one(Some(text.to_owned())),
                Some(text) => Err(wrong(text, "true or false")),
            },
        }
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
    use super::*;

    fn values(yaml: &str, given: &[(&str, &str)]) -> Result<Vec<(String, Option<String>)>, String> {
        let input = Input::parse("it", yaml).unwrap();
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
    fn types_are_said_where_sql_does_not() {
        let of = |yaml: &str| Input::parse("it", yaml).unwrap().parameters().remove(0).1;
        assert_eq!(of("type: date\ndefault: today").as_deref(), Some("DATE"));
        assert_eq!(of("type: number\ndefault: 1").as_deref(), Some("BIGINT"));
        assert_eq!(of("type: number\ndefault: 1\nstep: 0.5").as_deref(), Some("DOUBLE"));
        assert_eq!(of("type: multiselect\noptions: [1]\nof: bigint").as_deref(), Some("BIGINT[]"));
        assert_eq!(of("type: select\noptions: [1]"), None);
        assert_eq!(Input::parse("pickup_day", "type: switch").unwrap().label, "Pickup day");
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
            ("type: number\ndefault: 5\nmin: 10\nmax: 1", "out of its bounds"),
            ("type: date\ndefault: 2019-04-01\nmax: 2019-03-01", "out of its bounds"),
            ("type: multiselect\noptions: [a]\nof: 'INTEGER; DROP'", "`of: INTEGER; DROP`"),
            ("type: switch\ndefault: 3", "true or false"),
            ("type: select\noptions: [a]\ndefault: b", "none of the options"),
            ("typ: date", "typ"),
            ("- a", ""),
            ("type: [", ""),
        ] {
            let words = Input::parse("it", yaml).unwrap_err();
            assert!(words.contains(said), "{yaml}: {words}");
        }
    }
}
