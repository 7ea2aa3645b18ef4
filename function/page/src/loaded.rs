//! Objects that every request needs, read again only when they changed: the site, its key, the catalog.

use std::time::{Duration, Instant};

use quack_function::names::is_name;
use quack_page::oidc::Secret;
use quack_page::password::is_verifier;
use quack_page::shared::TABLE;
use quack_page::signed::GUEST;
use quack_page::site::{Assets, Page, Query, Segment, Site, VERSION, is_page, is_shapes};

use crate::store::{Found, Store};

/// What was made of an object, and the entity tag that it had.
pub(crate) struct Loaded<T> {
    last: Option<(String, T)>,
    looked: Option<Instant>,
}

impl<T> Default for Loaded<T> {
    fn default() -> Self {
        Self { last: None, looked: None }
    }
}

impl<T> Loaded<T> {
    /// What `make` makes of the object as it is now, or was within `age`; of nothing where there is none.
    ///
    /// # Errors
    /// When it cannot be read, or is not what `make` takes; with the key.
    pub(crate) fn get(
        &mut self,
        store: &Store<'_>,
        key: &str,
        age: Duration,
        make: impl FnOnce(Option<&[u8]>) -> Result<T, String>,
    ) -> Result<&T, String> {
        if self.last.is_none() || self.looked.is_none_or(|at| at.elapsed() >= age) {
            let tag = self.last.as_ref().map(|(tag, _)| tag.clone()).filter(|tag| !tag.is_empty());
            let made = |body: Option<&[u8]>| make(body).map_err(|words| format!("{key} cannot be used: {words}"));
            match store.get(key, tag.as_deref())? {
                Found::Same => {}
                Found::Object(object) if tag.as_ref() == Some(&object.tag) => {}
                Found::Object(object) => self.last = Some((object.tag, made(Some(&object.body))?)),
                Found::Nothing => self.last = Some((String::new(), made(None)?)),
            }
            self.looked = Some(Instant::now());
        }
        self.last.as_ref().map(|(_, value)| value).ok_or_else(|| format!("{key} was not read"))
    }
}

/// Largest site, bytes.
const MOST_BYTES: usize = 16 << 20;

/// The site that an object holds.
///
/// # Errors
/// What `quackctl up` does not write.
pub(crate) fn site(body: Option<&[u8]>) -> Result<Site, String> {
    let body = body.ok_or("it is not there; `quackctl up` writes it")?;
    if body.len() > MOST_BYTES {
        return Err(format!("it has more than {MOST_BYTES} bytes"));
    }
    #[derive(serde::Deserialize)]
    struct Head {
        version: u32,
    }
    let Head { version } = serde_json::from_slice(body).map_err(|error| error.to_string())?;
    if version != VERSION {
        return Err(format!(
            "it is of version {version}, and this function knows {VERSION}; `quackctl up` brings both together"
        ));
    }
    let site: Site = serde_json::from_slice(body).map_err(|error| error.to_string())?;
    if let Some((name, _)) = site.users.iter().find(|(name, user)| *name == GUEST || !is_verifier(&user.verifier)) {
        return Err(format!("the user {:?} has no verifier of a password, or is called as guests are", shown(name)));
    }
    if site.oidc.as_ref().is_some_and(|oidc| !oidc.is_sound()) {
        return Err("its issuer is none that quackctl writes".to_owned());
    }
    if let Some(page) = site.pages.iter().find(|page| !is_sound(page)) {
        return Err(format!("the page {:?} is none that quackctl makes", shown(&page.name)));
    }
    let Assets { script, style, maps } = &site.assets;
    match is_asset(script) && is_asset(style) && (maps.is_empty() || is_asset(maps)) {
        true => Ok(site),
        false => Err("it names assets as no file is called".to_owned()),
    }
}

/// The secret that an object holds.
///
/// # Errors
/// What `quackctl up` does not write.
pub(crate) fn secret(body: Option<&[u8]>) -> Result<Secret, String> {
    let body = body.ok_or("it is not there; `quackctl up` writes it")?;
    // What is wrong with it is not told: it may be the secret.
    serde_json::from_slice(body).map_err(|_| "it is no secret of a client".to_owned())
}

/// Whether a page has a name, and all that its parts lead to.
fn is_sound(page: &Page) -> bool {
    let has = |at: &usize| *at < page.inputs.len();
    is_page(&page.name)
        && page.queries.iter().all(|query| is_sound_query(query, page.inputs.len(), page.shared.len()))
        && page
            .shared
            .iter()
            .enumerate()
            .all(|(at, shared)| is_sound_query(&shared.query, page.inputs.len(), at) && is_table(&shared.table))
        && page.inputs.iter().all(|input| is_name(&input.name))
        && page.shapes.iter().all(|name| is_shapes(name))
        && page.html.iter().all(|segment| !matches!(segment, Segment::Field { input, .. } if !has(input)))
}

/// Whether a query names no more than so many inputs and shared queries.
fn is_sound_query(query: &Query, inputs: usize, shared: usize) -> bool {
    let over = query.over.iter().flat_map(|over| &over.shared);
    query.inputs.iter().all(|at| *at < inputs) && over.into_iter().all(|at| *at < shared)
}

/// Whether a table is one that stands for rows of a query.
fn is_table(name: &str) -> bool {
    name.strip_prefix(TABLE).is_some_and(|rest| !rest.is_empty() && rest.bytes().all(|byte| byte.is_ascii_hexdigit()))
}

/// Whether an asset may be called so: by one part of a key.
pub(crate) fn is_asset(name: &str) -> bool {
    let is_inside = |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.');
    !name.is_empty() && name.len() <= 100 && !name.starts_with('.') && name.bytes().all(is_inside)
}

fn shown(text: &str) -> String {
    text.chars().take(80).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn small() -> Value {
        json!({
            "version": 1, "built": "2026-11-27T11:00:00Z", "volatile": [], "users": {},
            "engine": { "version": "v1", "timeout_s": 60, "gb_second_usd": 0.0000133334, "request_usd": 0.0000002 },
            "assets": { "script": "dash-1.js", "style": "dash-1.css" }, "limits": { "session_per_minute": 120 },
            "pages": [{ "name": "trips", "title": "Trips", "html": [{ "text": "<p>" }, { "value": "day" }, { "field": { "input": 0 } }],
                "budget_usd": 0.001, "shapes": ["0123456789abcdef0123456789abcdef.geojson"],
                "inputs": [{ "name": "day", "label": "Day", "kind": { "date": { "default": { "ago": 1 } } } }],
                "queries": [{ "name": "q", "sql": "SELECT $day", "inputs": [0] }] }],
        })
    }

    fn read(site: &Value) -> Result<Site, String> {
        super::site(Some(site.to_string().as_bytes()))
    }

    #[test]
    fn a_site_is_read_back() {
        let site = read(&small()).unwrap();
        assert_eq!((site.pages[0].budget_usd, site.limits.session_per_minute), (Some(0.001), 120));
        let again = serde_json::to_value(&site).unwrap();
        assert_eq!(read(&again).unwrap(), site);
    }

    #[test]
    fn a_site_that_nobody_made_is_told() {
        assert!(super::site(None).unwrap_err().contains("quackctl up"));
        assert!(super::site(Some(b"[")).is_err());
        let changes: [(&str, Value, &str); 11] = [
            ("/version", json!(2), "version 2"),
            ("/pages/0/name", json!("../x"), "\"../x\""),
            ("/pages/0/name", json!(""), "none that quackctl makes"),
            ("/pages/0/queries/0/inputs", json!([1]), "none that quackctl makes"),
            ("/pages/0/html/2/field/input", json!(7), "none that quackctl makes"),
            ("/pages/0/inputs/0/name", json!("a\"b"), "none that quackctl makes"),
            ("/pages/0/shapes", json!(["../key"]), "none that quackctl makes"),
            ("/pages/0/shapes", json!([format!("{}.geojson/../../key", "0".repeat(32))]), "none that quackctl makes"),
            ("/assets/script", json!("../../key"), "assets"),
            ("/users", json!({ "ann": { "verifier": "x" } }), "\"ann\""),
            ("/pages", json!(7), "invalid type"),
        ];
        for (place, value, said) in changes {
            let mut site = small();
            *site.pointer_mut(place).unwrap() = value;
            let words = read(&site).unwrap_err();
            assert!(words.contains(said), "{place}: {words}");
        }
    }

    #[test]
    fn names_lead_nowhere_else() {
        assert!(is_page("trips") && is_page("2019-a_b") && is_asset("dash-0123456789abcdef.js"));
        for name in ["", "..", ".", "a/b", "A", "é", "a%2fb", "-a", &"a".repeat(65)] {
            assert!(!is_page(name), "{name}");
        }
        for name in ["", ".", "..", "..a", "a/b", "a\\b", "a%2f"] {
            assert!(!is_asset(name), "{name}");
        }
    }
}
