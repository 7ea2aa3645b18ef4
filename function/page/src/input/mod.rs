//! What a reader of a page can set: an input gives its queries parameters, `$day`, which the engine binds. A value is checked for what
//! it is before anything is asked.

mod kind;

use std::collections::BTreeMap;

use quack_function::sql::list_item;
use quack_function::wire::Params;
use serde::{Deserialize, Serialize};

pub use self::kind::{Day, Kind, Options, fits_whole, iso, shown};

/// Longest text that a reader may give, characters, and most values of a list.
pub const LONGEST: usize = 1000;
const MOST_VALUES: usize = 1000;

/// What readers gave, by the names of parameters; a list's values one after another.
pub type Given = BTreeMap<String, Vec<String>>;

/// What a reader gave, of the part of an address behind `?`.
pub fn given(query: &str) -> Given {
    let mut given = Given::new();
    for (name, value) in form_urlencoded::parse(query.as_bytes()) {
        given.entry(name.into_owned()).or_default().push(value.into_owned());
    }
    given
}

/// An input.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Input {
    pub name: String,
    /// What stands before it.
    pub label: String,
    pub kind: Kind,
    /// The line of the page that its fence is on.
    #[serde(skip)]
    pub line: usize,
}

impl Input {
    /// The parameters that it gives, each with the type that it is cast to where SQL does not say it by itself.
    pub fn parameters(&self) -> Vec<(String, Option<String>)> {
        let one = |sql_type: Option<&str>| vec![(self.name.clone(), sql_type.map(str::to_owned))];
        match &self.kind {
            Kind::Date { .. } => one(Some("DATE")),
            Kind::Range { .. } => ["from", "to"].map(|end| (self.end(end), Some("DATE".to_owned()))).to_vec(),
            // A number may be chosen as well as a text.
            Kind::Select { .. } | Kind::Row { .. } => one(None),
            Kind::Multiselect { of, .. } => one(Some(&format!("{of}[]"))),
            Kind::Text { .. } => one(Some("VARCHAR")),
            Kind::Number { is_whole: true, .. } => one(Some("BIGINT")),
            Kind::Number { .. } => one(Some("DOUBLE")),
            Kind::Switch { .. } => one(Some("BOOLEAN")),
        }
    }

    /// The query whose rows can be chosen from, or make sections.
    pub fn query(&self) -> Option<&str> {
        match &self.kind {
            Kind::Select { options: Options::Query(query), .. }
            | Kind::Multiselect { options: Options::Query(query), .. }
            | Kind::Row { query } => Some(query),
            _ => None,
        }
    }

    /// The parameter of an end of a range.
    pub fn end(&self, end: &str) -> String {
        format!("{}_{end}", self.name)
    }

    /// The values of its parameters: what is given, else what the page says.
    ///
    /// # Errors
    /// A value that is none of its kind.
    pub fn values(&self, given: &Given) -> Result<Params, String> {
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
                let items: Vec<String> = values.into_iter().map(|value| list_item(value)).collect();
                one(Some(format!("[{}]", items.join(", "))))
            }
            // An empty text is a value of a row, and NULL is what is not given.
            Kind::Row { .. } => one(own.map(str::to_owned)),
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_of_a_loop_is_any_text_or_null() {
        let row =
            Input { name: "zone".into(), label: "zone".into(), kind: Kind::Row { query: "zones".into() }, line: 1 };
        let value = |query: &str| row.values(&given(query)).map(|mut values| values.remove("zone").unwrap());
        assert_eq!(value(""), Ok(None));
        assert_eq!(value("zone="), Ok(Some(String::new())));
        assert_eq!(value("zone='%3B+DROP"), Ok(Some("'; DROP".to_owned())));
        assert!(value(&format!("zone={}", "x".repeat(LONGEST + 1))).unwrap_err().contains("longer than"));
        assert_eq!((row.parameters(), row.query()), (vec![("zone".to_owned(), None)], Some("zones")));
    }

    #[test]
    fn values_come_by_name() {
        let given = given("day=2019-04-01&zones=a+b&zones=c%26d&x");
        assert_eq!(given["zones"], ["a b", "c&d"]);
        assert_eq!(
            (given["day"].as_slice(), given["x"].as_slice()),
            (&["2019-04-01".to_owned()][..], &[String::new()][..])
        );
    }
}
