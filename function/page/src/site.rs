//! A site: all pages of a project as the page function shows them, one object in the bucket. Whoever can write to the bucket can
//! write it, so it is looked at before it is used.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::input::Input;
use crate::oidc::Oidc;

/// The form of a site that this crate writes and reads.
pub const VERSION: u32 = 1;

/// All of a project's pages.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Site {
    /// [`VERSION`].
    pub version: u32,
    /// When it was made, RFC 3339.
    pub built: String,
    pub engine: Engine,
    pub assets: Assets,
    /// Whoever has the address may look.
    #[serde(default)]
    pub public: bool,
    /// Names, in lower case, that make SQL another thing each time: `now`, `random`.
    pub volatile: BTreeSet<String>,
    pub users: BTreeMap<String, User>,
    /// Who else may say who somebody is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub oidc: Option<Oidc>,
    /// Ids of invitations that hold no longer.
    #[serde(default)]
    pub revoked: BTreeSet<String>,
    pub limits: Limits,
    pub pages: Vec<Page>,
}

/// The function that queries are run by.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Engine {
    /// Whatever is another where answers may be: versions of DuckDB and of the function.
    pub version: String,
    /// The longest that an invocation takes, seconds.
    pub timeout_s: u32,
    /// US dollars for a GB-second and for a request.
    pub gb_second_usd: f64,
    pub request_usd: f64,
}

/// What every page loads: names of objects below `assets/`, each with a digest of its content in it, as `dash-0123456789abcdef.js`. An
/// object may be compressed with gzip.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Assets {
    pub script: String,
    pub style: String,
    /// What pages with maps load besides.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub maps: String,
}

/// Who may sign in, under the name that is the key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct User {
    /// What [`crate::password::verifier`] made of the password.
    pub verifier: String,
}

/// How much is asked at most.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Limits {
    /// Requests for rows of one session in a minute.
    pub session_per_minute: u32,
    /// US dollars of a day (UTC), as far as an instance of the function has seen them.
    #[serde(default)]
    pub page_usd_day: Option<f64>,
    #[serde(default)]
    pub user_usd_day: Option<f64>,
}

/// A page.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Page {
    /// What stands in its address.
    pub name: String,
    pub title: String,
    /// Who may look; all that are signed in, where it is not said.
    #[serde(default)]
    pub allow: Option<BTreeSet<String>>,
    /// What stands in the middle of the document.
    pub html: Vec<Segment>,
    /// Most that one load of it may cost, US dollars.
    #[serde(default)]
    pub budget_usd: Option<f64>,
    pub inputs: Vec<Input>,
    /// Those that are asked for by themselves.
    pub queries: Vec<Query>,
    /// Those that several of them read: each after those that it reads itself.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub shared: Vec<Shared>,
    /// The shapes of its maps: names of objects below `shapes/`, as [`shapes_name`] gives them, each compressed with gzip. They are for who
    /// may look at the page.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub shapes: BTreeSet<String>,
}

/// Most bytes of a map's shapes: base64 of them goes into the 6 MB that Lambda answers with.
pub const MOST_SHAPES_BYTES: usize = 4 << 20;

const SHAPES: &str = ".geojson";

/// What shapes of this digest are called.
pub fn shapes_name(digest: &str) -> String {
    format!("{digest}{SHAPES}")
}

/// Whether shapes may be called so: by a digest.
pub fn is_shapes(name: &str) -> bool {
    let is_digit = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
    name.strip_suffix(SHAPES).is_some_and(|digest| digest.len() == 32 && digest.bytes().all(is_digit))
}

/// Whether a page may be called so: its name stands in addresses.
pub fn is_page(name: &str) -> bool {
    let is_first = |byte: &u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9');
    let is_inside = |byte: &u8| is_first(byte) || matches!(byte, b'-' | b'_');
    let bytes = name.as_bytes();
    name.len() <= 64 && bytes.first().is_some_and(is_first) && bytes.iter().all(is_inside)
}

/// A piece of a page's HTML.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Segment {
    /// HTML as it is.
    Text(String),
    /// The value of that parameter, for `{{ name }}`.
    Value(String),
    /// The field of that input.
    Field {
        /// Its place in [`Page::inputs`].
        input: usize,
        /// Of an input whose choice is a query's rows, the parameters that the query has, with blanks between.
        #[serde(default)]
        asks: Option<String>,
    },
}

/// A query of a page, with all that it reads of the page in it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Query {
    pub name: String,
    pub sql: String,
    /// The inputs whose parameters it has, by their places in [`Page::inputs`].
    pub inputs: BTreeSet<usize>,
    /// It has the parameter `$user`, which is who is signed in.
    #[serde(default)]
    pub reads_user: bool,
    /// Seconds that an answer is kept for, where the SQL is another thing each time or reads files by their address; of any other
    /// query it is kept until a table that it reads changes.
    #[serde(default)]
    pub ttl_s: Option<u32>,
    /// The same over rows that others read, too.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub over: Option<Over>,
}

/// A query over rows of others, which were run before.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Over {
    pub sql: String,
    /// Whose rows: places in [`Page::shared`].
    pub shared: BTreeSet<usize>,
}

/// A query that is run once for all that read it, if that pays.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shared {
    /// What its rows are called in the SQL of those, [`crate::shared::TABLE`] and a digest.
    pub table: String,
    /// How many they are on a load of the page.
    pub readers: u32,
    /// The page says that it pays.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub always: bool,
    pub query: Query,
}
