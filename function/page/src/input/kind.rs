//! The kinds of inputs, and what is said of each.

use chrono::{Days, NaiveDate, Utc};
use serde::{Deserialize, Serialize};

/// What an input is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    Date {
        default: Day,
        min: Option<Day>,
        max: Option<Day>,
    },
    /// Two days: `$name_from` and `$name_to`.
    Range {
        from: Day,
        to: Day,
    },
    Select {
        options: Options,
        default: Option<String>,
    },
    /// A list, of this type.
    Multiselect {
        options: Options,
        default: Vec<String>,
        of: String,
    },
    Text {
        default: String,
    },
    /// Whole numbers only, if all that is said of it are.
    Number {
        default: f64,
        min: Option<f64>,
        max: Option<f64>,
        step: Option<f64>,
        is_whole: bool,
    },
    Switch {
        default: bool,
    },
    /// A row of that query, by its first column: a page has a section for each, and no field.
    Row {
        query: String,
    },
}

/// What can be chosen.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Options {
    Said(Vec<String>),
    /// The rows of that query: the first column the value, the second, if there is one, what is shown.
    Query(String),
}

/// A day; of those that move, in UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Day {
    Fixed(NaiveDate),
    /// So many days ago.
    Ago(u64),
}

impl Day {
    /// Which day it is now.
    pub fn date(self) -> NaiveDate {
        let today = || Utc::now().date_naive();
        match self {
            Self::Fixed(date) => date,
            Self::Ago(days) => today().checked_sub_days(Days::new(days)).unwrap_or_else(today),
        }
    }
}

/// A date of ten characters.
pub fn iso(text: &str) -> Option<NaiveDate> {
    NaiveDate::parse_from_str(text, "%Y-%m-%d").ok().filter(|date| date.to_string() == text)
}

/// Whether it is a whole number that no digit of is lost.
pub fn fits_whole(number: f64) -> bool {
    number.fract() == 0.0 && number.abs() <= 9_007_199_254_740_991.0
}

/// A value as an error quotes it.
pub fn shown(text: &str) -> String {
    let cut: String = text.chars().take(80).collect();
    if cut.len() < text.len() { format!("{cut}…") } else { cut }
}
