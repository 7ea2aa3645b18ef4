//! `serve.users`: who may connect to `quackctl serve`, each with what a password is checked with.

use std::collections::BTreeMap;

use anyhow::Result;

use super::keys::Origin;
use super::reject::bad_value;
use super::values::Values;

const KEY: &str = "serve.users";

const WANTED: &str = "users as `quackctl serve add-user NAME` prints them: [\"ann=SCRAM-SHA-256$...\"], each name once";

impl Values {
    /// The verifiers, by name. They are not said in `origins`: nobody is to read them in a log.
    ///
    /// # Errors
    /// What is no user.
    pub(super) fn users(&mut self) -> Result<BTreeMap<String, String>> {
        let (list, origin): (Vec<String>, Origin) = self.list(KEY, WANTED)?;
        let mut users = BTreeMap::new();
        for text in &list {
            let user = text.split_once('=').filter(|(name, _)| !name.is_empty() && !users.contains_key(*name));
            // What is there may be a password by mistake.
            let Some((name, verifier)) = user else { return Err(bad_value(KEY, "what is there", &origin, WANTED)) };
            users.insert(name.to_owned(), verifier.to_owned());
        }
        self.origins.push((KEY, users.keys().cloned().collect::<Vec<_>>().join(","), origin));
        Ok(users)
    }
}
