//! `[dash]`: the project's pages, put up with the engine; for whom, and how much of it.

use std::collections::BTreeMap;

use anyhow::Result;
pub(crate) use quack_page::oidc::is_name as is_user;

use super::edge::Edge;
use super::keys::Origin;
use super::oidc::Oidc;
use super::reject::bad_value;
use super::values::Values;

const USERS: &str = "dash.users";

const WANTED: &str = "users as `quackctl dash add-user NAME` prints them: ann = \"$argon2id$...\" below [dash.users]";

/// Most requests that one who is signed in makes in a minute, unless it is said otherwise.
const PER_MINUTE: u32 = 120;

/// Pages that are deployed.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Dash {
    /// Whether they are shown to anybody, without a password.
    pub public: bool,
    /// Who may sign in: verifiers of passwords, by name.
    pub users: BTreeMap<String, String>,
    /// What stands before them.
    pub edge: Option<Edge>,
    /// Who else says who somebody is.
    pub oidc: Option<Oidc>,
    /// Most requests of one session in a minute.
    pub session_per_minute: u32,
    /// Most that the queries of a page, and those of a user, may cost in a day, US dollars.
    pub page_usd_day: Option<f64>,
    pub user_usd_day: Option<f64>,
}

impl Values {
    /// What `[dash]` says; nothing where there is no such section.
    ///
    /// # Errors
    /// What is no user, no amount.
    pub(super) fn dash(&mut self) -> Result<Option<Dash>> {
        let dash = Dash {
            public: self.choice("dash.public", &[("false", false), ("true", true)])?,
            users: self.dash_users()?,
            edge: self.edge()?,
            oidc: self.oidc()?,
            session_per_minute: self.number("dash.limits.session_per_minute", PER_MINUTE, 1, 100_000)?,
            page_usd_day: self.usd("dash.limits.page_usd_day")?,
            user_usd_day: self.usd("dash.limits.user_usd_day")?,
        };
        Ok(self.has_dash.then_some(dash))
    }

    /// The verifiers, by name. They are not said in `origins`: nobody is to read them in a log.
    fn dash_users(&mut self) -> Result<BTreeMap<String, String>> {
        let (value, origin) = self.value(USERS).unwrap_or((toml::Table::new().into(), Origin::Default));
        // What is there may be a password by mistake.
        let wrong = |name: &str| match is_user(name) {
            true => bad_value(&format!("{USERS}.{name}"), "what is there", &origin, WANTED),
            false => bad_value(USERS, "what is there", &origin, WANTED),
        };
        let written: Vec<(String, String)> = match value {
            toml::Value::Table(table) => table
                .into_iter()
                .map(|(name, value)| match value {
                    toml::Value::String(verifier) => Ok((name, verifier)),
                    _ => Err(wrong(&name)),
                })
                .collect::<Result<_>>()?,
            // From the environment, with blanks between.
            toml::Value::String(text) if origin != Origin::File => {
                let pair =
                    |word: &str| word.split_once('=').map(|(name, verifier)| (name.to_owned(), verifier.to_owned()));
                text.split_whitespace().map(|word| pair(word).ok_or_else(|| wrong(""))).collect::<Result<_>>()?
            }
            _ => return Err(wrong("")),
        };
        let mut users = BTreeMap::new();
        for (name, verifier) in written {
            if !is_user(&name) || !verifier.starts_with("$argon2id$") || users.contains_key(&name) {
                return Err(wrong(&name));
            }
            users.insert(name, verifier);
        }
        self.origins.push((USERS, users.keys().cloned().collect::<Vec<_>>().join(","), origin));
        Ok(users)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dash(toml: &str) -> Result<Option<Dash>> {
        let mut values = Values::default();
        values.read_file(toml)?;
        values.dash()
    }

    #[test]
    fn the_section_alone_has_pages_deployed() {
        assert_eq!(dash("").unwrap(), None);
        let bare = dash("[dash]\n").unwrap().unwrap();
        assert!(!bare.public && bare.users.is_empty() && bare.session_per_minute == PER_MINUTE);
        let toml = "[dash]\npublic = true\n[dash.users]\nann = \"$argon2id$x\"\n[dash.limits]\npage_usd_day = 0.5\n";
        let told = dash(toml).unwrap().unwrap();
        assert!(told.public && told.users.contains_key("ann") && told.page_usd_day == Some(0.5));
        assert_eq!(told.user_usd_day, None);
    }

    #[test]
    fn what_makes_no_sense_is_quoted_but_for_what_may_be_a_password() {
        for (toml, said, unsaid) in [
            ("users = 3", "dash.users", "secret"),
            ("[dash.users]\nann = \"secret\"", "dash.users.ann", "secret"),
            ("[dash.users]\n\"a b\" = \"$argon2id$\"", "dash.users", "secret"),
            ("public = 3", "dash.public", "secret"),
            ("[dash.limits]\nuser_usd_day = -1", "-1", "secret"),
            ("domain = \"x.example\"", "aws acm request-certificate", "secret"),
            ("pubic = true", "dash.public", "secret"),
        ] {
            let error = crate::error::advised(&dash(&format!("[dash]\n{toml}\n")).unwrap_err());
            assert!(error.contains(said) && !error.contains(unsaid), "{toml}: {error}");
        }
    }
}
