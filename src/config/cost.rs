//! `[cost]`: what a month's queries may cost.

use anyhow::Result;

use super::keys::Origin;
use super::reject::bad_value;
use super::values::Values;

const KEY: &str = "cost.budget_usd_month";

/// What a calendar month's queries may cost.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Budget {
    /// US dollars, at Lambda's public price; months are those of UTC.
    pub usd_month: f64,
    /// Whether queries are refused once it is used up; else a note says so.
    pub hard: bool,
}

impl Values {
    /// The budget; nothing where none is set.
    ///
    /// # Errors
    /// What is no amount.
    pub(super) fn budget(&mut self) -> Result<Option<Budget>> {
        let hard = self.choice("cost.hard", &[("false", false), ("true", true)])?;
        let usd_month = self.usd(KEY)?;
        Ok(usd_month.map(|usd_month| Budget { usd_month, hard }))
    }

    /// An amount; nothing where it is 0 or not said.
    ///
    /// # Errors
    /// What is no amount.
    pub(super) fn usd(&mut self, key: &'static str) -> Result<Option<f64>> {
        let (value, origin) = self.value(key).unwrap_or((toml::Value::Integer(0), Origin::Default));
        let amount = match &value {
            toml::Value::Integer(whole) => Some(*whole as f64),
            toml::Value::Float(amount) => Some(*amount),
            toml::Value::String(text) if origin != Origin::File => text.trim().parse().ok(),
            _ => None,
        };
        let name = key.rsplit('.').next().unwrap_or(key);
        let wanted = format!("dollars: {name} = 5.0; 0 is no bound");
        let Some(usd) = amount.filter(|amount| amount.is_finite() && *amount >= 0.0) else {
            return Err(bad_value(key, &value.to_string(), &origin, &wanted));
        };
        self.origins.push((key, usd.to_string(), origin));
        Ok((usd > 0.0).then_some(usd))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn budget(toml: &str) -> Result<Option<Budget>> {
        let mut values = Values::default();
        values.read_file(toml)?;
        values.budget()
    }

    #[test]
    fn a_budget_is_an_amount() {
        assert_eq!(budget("").unwrap(), None);
        assert_eq!(budget("budget_usd_month = 0.0\n").unwrap(), None);
        assert_eq!(budget("budget_usd_month = 5\n").unwrap(), Some(Budget { usd_month: 5.0, hard: false }));
        let hard = budget("[cost]\nbudget_usd_month = 0.25\nhard = true\n").unwrap();
        assert_eq!(hard, Some(Budget { usd_month: 0.25, hard: true }));
        for value in ["-1", "nan", "inf", "\"5\"", "true"] {
            let error = budget(&format!("[cost]\nbudget_usd_month = {value}\n")).unwrap_err().to_string();
            assert!(error.contains("cost.budget_usd_month") && error.contains(value), "{error}");
        }
    }
}
