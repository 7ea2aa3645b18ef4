//! `[dash.oidc]`: an identity provider that says who somebody is, and whom of its users pages let in.

use std::collections::BTreeSet;
use std::path::Path;

use anyhow::Result;
use quack_page::oidc::{EMAIL, host, is_issuer, is_pattern};

use super::environment;
use super::keys::FILE;
use super::reject::bad_value;
use super::values::Values;
use crate::error::usage;

/// What is asked of an issuer where nothing else is said.
const SCOPES: &str = "openid email";

const SECRET_ENV: &str = "dash.oidc.client_secret_env";

/// An issuer of OpenID Connect.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Oidc {
    pub issuer: String,
    pub client_id: String,
    /// The variable of the environment that has the client's secret; of a public client there is none.
    pub client_secret_env: Option<String>,
    /// The claim that is a user's name.
    pub claim: String,
    /// Who may come in: names, `*@domain`, `*`.
    pub allow: BTreeSet<String>,
    /// With blanks between, `openid` among them.
    pub scopes: String,
    /// What it is called where one signs in.
    pub label: String,
}

impl Oidc {
    /// The client's secret, if it has one. It is in no file of the project that others read.
    ///
    /// # Errors
    /// A variable that is not there.
    pub(crate) fn secret(&self, dir: &Path) -> Result<Option<String>> {
        let Some(name) = &self.client_secret_env else { return Ok(None) };
        let secret = environment::read(dir, None)?.remove(name).filter(|secret| !secret.trim().is_empty());
        secret.map(|secret| Some(secret.trim().to_owned())).ok_or_else(|| {
            usage(
                format!("`{SECRET_ENV}` says that the client's secret is in the variable {name}, and it is not there"),
                format!(
                    "set {name} in the environment or in .env; a client without a secret needs no `client_secret_env`"
                ),
            )
        })
    }
}

impl Values {
    /// What `[dash.oidc]` says; nothing where it is not there, or says nothing.
    ///
    /// # Errors
    /// An issuer by no HTTPS; what is missing; who is nobody.
    pub(super) fn oidc(&mut self) -> Result<Option<Oidc>> {
        let [issuer, client_id, label] =
            ["dash.oidc.issuer", "dash.oidc.client_id", "dash.oidc.label"].map(|key| self.optional(key));
        let (issuer, client_id, label) = (issuer?, client_id?, label?);
        let (client_secret_env, claim) = (self.optional(SECRET_ENV)?, self.text("dash.oidc.claim", EMAIL)?);
        let (scopes, allow) = (self.text("dash.oidc.scopes", SCOPES)?, self.oidc_allow()?);
        let is_empty =
            [&issuer, &client_id, &label, &client_secret_env].iter().all(|value| value.is_none()) && allow.is_empty();
        if is_empty {
            return Ok(None);
        }
        let missing =
            |key: &str, what: &str, help: &str| usage(format!("[dash.oidc] in {FILE} has no `{key}`: {what}"), help);
        let issuer = issuer.ok_or_else(|| {
            let help = "e.g. issuer = \"https://cognito-idp.eu-central-1.amazonaws.com/eu-central-1_AbCdEfGhI\"";
            missing("issuer", "the address of the identity provider, exactly as it calls itself", help)
        })?;
        if !is_issuer(&issuer) {
            let wanted = "the address that the identity provider calls itself in /.well-known/openid-configuration, by https, without `?` and `#`";
            return Err(bad_value(
                "dash.oidc.issuer",
                &format!("{issuer:?}"),
                &self.origin("dash.oidc.issuer"),
                wanted,
            ));
        }
        let client_id = client_id.ok_or_else(|| {
            missing("client_id", "what the issuer calls this site", "register an application there, and give its id")
        })?;
        if allow.is_empty() {
            let help =
                "e.g. allow = [\"*@example.com\", \"ann@example.org\"]; \"*\" is everybody who has an account there";
            return Err(missing("allow", "nobody could come in, or everybody whom the issuer knows", help));
        }
        // As the function compares them.
        let allow = match claim.as_str() {
            EMAIL => allow.iter().map(|pattern| pattern.to_ascii_lowercase()).collect(),
            _ => allow,
        };
        let is_plain = |text: &str| !text.is_empty() && text.len() <= 200 && text.chars().all(|c| c.is_ascii_graphic());
        for (key, value) in [("dash.oidc.client_id", &client_id), ("dash.oidc.claim", &claim)] {
            if !is_plain(value) {
                return Err(bad_value(key, &format!("{value:?}"), &self.origin(key), "a text without blanks"));
            }
        }
        let mut wanted: Vec<&str> = scopes.split_whitespace().collect();
        if !wanted.iter().all(|scope| is_plain(scope)) {
            let (key, wanted) = ("dash.oidc.scopes", "scopes with blanks between, e.g. \"openid email\"");
            return Err(bad_value(key, &format!("{scopes:?}"), &self.origin(key), wanted));
        }
        if !wanted.contains(&"openid") {
            wanted.insert(0, "openid");
        }
        let is_variable = |name: &&String| {
            let plain = |c: char| c.is_ascii_alphanumeric() || c == '_';
            !name.is_empty() && name.chars().all(plain) && !name.starts_with(|c: char| c.is_ascii_digit())
        };
        if client_secret_env.as_ref().is_some_and(|name| !is_variable(&name)) {
            // It may be the secret.
            let wanted = "the name of a variable of the environment, e.g. \"DASH_CLIENT_SECRET\"";
            return Err(bad_value(SECRET_ENV, "what is there", &self.origin(SECRET_ENV), wanted));
        }
        let label = label.unwrap_or_else(|| host(&issuer).to_owned());
        let scopes = wanted.join(" ");
        Ok(Some(Oidc { issuer, client_id, client_secret_env, claim, allow, scopes, label }))
    }

    fn oidc_allow(&mut self) -> Result<BTreeSet<String>> {
        let key = "dash.oidc.allow";
        let wanted = "a list of names, domains and `*`, e.g. [\"ann@example.org\", \"*@example.com\"]";
        let (allow, origin) = self.list(key, wanted)?;
        self.origins.push((key, allow.join(","), origin.clone()));
        match allow.iter().find(|pattern| !is_pattern(pattern)) {
            Some(other) => Err(bad_value(key, &format!("{other:?}"), &origin, wanted)),
            None => Ok(allow.into_iter().collect()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn oidc(toml: &str) -> Result<Option<Oidc>> {
        let mut values = Values::default();
        values.read_file(toml)?;
        values.oidc()
    }

    const WHOLE: &str = "issuer = \"https://id.example/a\"\nclient_id = \"quack\"\nallow = [\"*@example.com\"]\n";

    #[test]
    fn an_issuer_needs_little() {
        assert_eq!(oidc("[dash]\npublic = true\n").unwrap(), None);
        let told = oidc(&format!("[dash.oidc]\n{WHOLE}")).unwrap().unwrap();
        assert_eq!(
            (told.claim.as_str(), told.scopes.as_str(), told.label.as_str()),
            ("email", "openid email", "id.example")
        );
        assert!(told.client_secret_env.is_none() && told.allow.contains("*@example.com"), "{told:?}");
        let large = WHOLE.replace("*@example.com", "*@Example.com\", \"Ann@example.org");
        let told = oidc(&format!("[dash.oidc]\n{large}")).unwrap().unwrap();
        assert_eq!(told.allow, ["*@example.com", "ann@example.org"].map(str::to_owned).into());
        let told = oidc(&format!("[dash.oidc]\n{large}claim = \"sub\"\n")).unwrap().unwrap();
        assert!(told.allow.contains("Ann@example.org"), "{told:?}");
        let more = "scopes = \"profile\"\nclaim = \"sub\"\nlabel = \"Us\"\nclient_secret_env = \"DASH_SECRET\"\n";
        let told = oidc(&format!("[dash.oidc]\n{WHOLE}{more}")).unwrap().unwrap();
        assert_eq!((told.claim.as_str(), told.scopes.as_str(), told.label.as_str()), ("sub", "openid profile", "Us"));
    }

    #[test]
    fn what_makes_no_sense_teaches() {
        for (toml, said, help) in [
            ("client_id = \"x\"", "has no `issuer`", "https://"),
            ("label = \"x\"", "has no `issuer`", "https://"),
            ("issuer = \"https://id.example\"", "has no `client_id`", "register"),
            ("issuer = \"https://id.example\"\nclient_id = \"x\"", "has no `allow`", "*@example.com"),
            ("issuer = \"https://id.example\"\nclient_id = \"x\"\nallow = []", "has no `allow`", "*@example.com"),
            ("issuer = \"http://id.example\"", "`dash.oidc.issuer` cannot be \"http://id.example\"", "by https"),
            ("issuer = \"id.example\"", "\"id.example\"", "by https"),
            ("issuer = \"https://id.example\"\nclient_id = \"a b\"\nallow = [\"*\"]", "\"a b\"", "without blanks"),
            ("allow = [\"*.example.com\"]", "\"*.example.com\"", "a list of names"),
            ("allow = \"ann\"", "`dash.oidc.allow`", "a list of names"),
            ("isuer = \"x\"", "`dash.oidc.isuer`", "`dash.oidc.issuer`"),
            ("client_secret = \"s3cret\"", "does not belong into quack.toml", "client_secret_env"),
            (&format!("{WHOLE}client_secret_env = \"s3cret-x\""), "client_secret_env", "the name of a variable"),
        ] {
            let error = crate::error::advised(&oidc(&format!("[dash.oidc]\n{toml}\n")).unwrap_err());
            assert!(error.contains(said) && error.contains(help) && !error.contains("s3cret"), "{toml}: {error}");
        }
    }

    #[test]
    fn a_secret_is_in_the_environment() {
        let dir = tempfile::tempdir().unwrap();
        let mut told = oidc(&format!("[dash.oidc]\n{WHOLE}")).unwrap().unwrap();
        assert_eq!(told.secret(dir.path()).unwrap(), None);
        told.client_secret_env = Some("A_SECRET_OF_TESTS".to_owned());
        let error = crate::error::advised(&told.secret(dir.path()).unwrap_err());
        assert!(error.contains("A_SECRET_OF_TESTS") && error.contains(".env"), "{error}");
        std::fs::write(dir.path().join(".env"), "A_SECRET_OF_TESTS=s3cret\n").unwrap();
        assert_eq!(told.secret(dir.path()).unwrap().as_deref(), Some("s3cret"));
    }
}
