//! Pages made into a site: what the page function shows, with SQL that is composed already. Pages that have problems make none.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use anyhow::Result;
use indicatif::HumanBytes;
use quack_page::oidc::{self, Oidc, Secret};
use quack_page::password;
use quack_page::signed::GUEST;
use quack_page::site::{self, Limits, Segment, Site, User};

use super::compose::Composer;
use super::fence::Drawn;
use super::html;
use super::page::{self, FOLDER, Page};
use super::shapes::Shapes;
use super::sharing::{self, Shared, Sharing};
use super::unsteady;
use super::web;
use crate::config::{Config, Dash};
use crate::digest;
use crate::error::{self, failure, usage};
use crate::query;

/// Most bytes of a page's HTML: an answer of Lambda's has 6 MB with what is around it.
const LARGEST_HTML: usize = 4 << 20;

/// A file that each page loads.
pub(super) struct Asset {
    /// With a digest of its content.
    pub name: String,
    pub content_type: &'static str,
    pub bytes: &'static [u8],
}

/// The pages of a project as they are to be deployed: a site but for what it runs on.
pub(crate) struct Compiled {
    dash: Dash,
    /// What the client of the issuer proves itself with.
    secret: Option<Secret>,
    volatile: BTreeSet<String>,
    pages: Vec<site::Page>,
    /// The shapes of maps, as JSON, by what pages call them.
    shapes: BTreeMap<String, Vec<u8>>,
}

/// Compiles the pages of the project; nothing where none are to be deployed.
///
/// # Errors
/// Pages that have problems, all of them told; pages that nobody could look at; a user whose verifier is none.
pub(crate) fn compile(config: &Config) -> Result<Option<Compiled>> {
    let Some(dash) = &config.dash else { return Ok(None) };
    if dash.users.is_empty() && dash.oidc.is_none() && !dash.public {
        return Err(usage(
            "`[dash]` deploys pages that nobody could look at: it has no users",
            "`quackctl dash add-user NAME` makes one; or name an identity provider in [dash.oidc]; or set public = true, and anybody \
             who has the address sees them",
        ));
    }
    for name in dash.users.keys() {
        check_no_guest(name)?;
    }
    if let Some((name, _)) = dash.users.iter().find(|(_, verifier)| !password::is_verifier(verifier)) {
        return Err(usage(
            format!("the verifier of the user `{name}` in [dash.users] is none"),
            format!("`quackctl dash add-user {name}` makes one of a password"),
        ));
    }
    let secret = match &dash.oidc {
        Some(oidc) => oidc.secret(&config.dir)?.map(|secret| Secret {
            issuer: oidc.issuer.clone(),
            client_id: oidc.client_id.clone(),
            secret,
        }),
        None => None,
    };
    let composer = Composer::open()?;
    let (mut pages, mut shapes, mut problems) = (Vec::new(), BTreeMap::new(), Vec::new());
    for page in page::all(&config.dir)?.into_values() {
        match page {
            Ok(page) => match compiled(&page, &composer, &config.dir) {
                Ok((compiled, own)) => {
                    pages.push(compiled);
                    shapes.extend(own.all().into_iter().map(|(name, made)| (name.to_owned(), made.json.clone())));
                }
                Err(found) => problems.extend(found),
            },
            Err(error) => problems.push(error::words(error.as_ref())),
        }
    }
    if !problems.is_empty() {
        return Err(failure(
            format!(
                "`[dash]` deploys the pages of {FOLDER}/, and not all of them are right:\n  {}",
                problems.join("\n  ")
            ),
            "mend them, or take [dash] out of quack.toml; `quackctl dash check` looks at more of them",
        ));
    }
    if pages.is_empty() {
        return Err(failure(
            format!("`[dash]` deploys the pages of {FOLDER}/, and there are none"),
            "`quackctl dash new NAME` writes one",
        ));
    }
    Ok(Some(Compiled { dash: dash.clone(), secret, volatile: unsteady::names()?, pages, shapes }))
}

/// What cannot be run where pages are deployed, though it can be here.
pub(super) fn undeployable(sql: &str) -> Option<String> {
    query::travels(sql).then(|| {
        "pages that are deployed have tables as they are, not `AT` a version or a time: make a table of it, by CREATE TABLE ... AS, or take \
         [dash] out of quack.toml"
            .to_owned()
    })
}

/// A page of the project in `dir` with the shapes of its maps, or what is wrong with it.
fn compiled(page: &Page, composer: &Composer, dir: &Path) -> Result<(site::Page, Shapes), Vec<String>> {
    let (mut queries, mut shared, mut problems) = (Vec::new(), BTreeMap::new(), Vec::new());
    let sharing = Sharing::of(page, composer);
    for query in &page.queries {
        match composer.compose(page, query) {
            Ok(composed) => {
                if let Some(words) = undeployable(&composed.sql) {
                    problems.push(format!("{FOLDER}/{}.md:{}: `{}`: {words}", page.name, query.line, query.name));
                }
                let compiled = |over: Option<sharing::Over>| site::Query {
                    name: query.name.clone(),
                    sql: composed.sql.clone(),
                    inputs: composed.inputs.clone(),
                    reads_user: composed.reads_user,
                    ttl_s: query.drawn.as_ref().and_then(Drawn::ttl_s),
                    over: over
                        .map(|over| site::Over { sql: over.composed.sql, shared: over.shared.into_iter().collect() }),
                };
                if let Some(at) = sharing.0.iter().position(|one| one.query.name == query.name) {
                    let Shared { table, readers, .. } = sharing.0[at].clone();
                    let (always, query) = (query.share.is_some(), compiled(sharing.base(page, composer, query)));
                    shared.insert(at, site::Shared { table, readers, always, query });
                }
                // One that only others read is not asked for by itself.
                if page.runs(query) > 0 {
                    queries.push(compiled(sharing.over(page, composer, query)));
                }
            }
            Err(words) => problems.push(format!("{FOLDER}/{}.md:{}: `{}`: {words}", page.name, query.line, query.name)),
        }
    }
    let shapes = Shapes::of(page, dir).unwrap_or_else(|found| {
        problems.push(Shapes::told(page, &found));
        Shapes::default()
    });
    if !problems.is_empty() {
        return Err(problems);
    }
    let html = html::segments(page, composer, &shapes);
    let bytes: usize = html.iter().map(|segment| if let Segment::Text(text) = segment { text.len() } else { 0 }).sum();
    if bytes > LARGEST_HTML {
        let words = format!(
            "it is {} of HTML, and a page has {} at most",
            HumanBytes(bytes as u64),
            HumanBytes(LARGEST_HTML as u64)
        );
        return Err(vec![format!("{FOLDER}/{}.md: {words}: make several pages of it", page.name)]);
    }
    let compiled = site::Page {
        name: page.name.clone(),
        title: page.title.clone(),
        allow: page.allow.clone(),
        html,
        budget_usd: page.budget_usd,
        inputs: page.inputs.clone(),
        queries,
        shared: shared.into_values().collect(),
        shapes: shapes.all().into_keys().map(str::to_owned).collect(),
    };
    Ok((compiled, shapes))
}

/// Refuses a user whom quack.toml may not name.
///
/// # Errors
/// The name that invitations have.
pub(crate) fn check_no_guest(name: &str) -> Result<()> {
    match name == GUEST {
        false => Ok(()),
        true => Err(usage(
            format!("`{GUEST}` in [dash.users] is nobody's name: it is who comes by an invitation"),
            "give the user another one",
        )),
    }
}

impl Compiled {
    /// What tells these pages, and who may look at them, from others. The issuer's secret is not in it: a digest is written down, and a
    /// weak secret could be found by it.
    ///
    /// # Errors
    /// None that can be: pages are such as JSON keeps.
    pub(crate) fn digest(&self) -> Result<String> {
        let Self { dash, volatile, pages, shapes, secret: _ } = self;
        let pages = serde_json::to_string(pages)?;
        let shapes: Vec<_> = shapes.iter().map(|(name, shape)| (name, digest::hex(&digest::sha256(shape)))).collect();
        Ok(digest::short(format!("{dash:?} {volatile:?} {pages} {shapes:?}")))
    }

    /// What goes into the bucket beside the site, and not into it.
    pub(super) fn secret(&self) -> Option<&Secret> {
        self.secret.as_ref()
    }

    /// What goes into the bucket beside the site: shapes of maps, as JSON, by their names.
    pub(super) fn shapes(&self) -> &BTreeMap<String, Vec<u8>> {
        &self.shapes
    }

    /// The site that runs on `engine`, at `url`, which ends in `/`.
    pub(super) fn site(self, engine: site::Engine, url: &str) -> Site {
        let Self { dash, secret, volatile, pages, .. } = self;
        let oidc = dash.oidc.map(|oidc| Oidc {
            issuer: oidc.issuer,
            client_id: oidc.client_id,
            has_secret: secret.is_some(),
            claim: oidc.claim,
            allow: oidc.allow,
            scopes: oidc.scopes,
            label: oidc.label,
            callback: oidc::callback(url),
        });
        let [script, style, maps] = assets().map(|asset| asset.name);
        Site {
            version: site::VERSION,
            built: chrono::Utc::now().to_rfc3339_opts(chrono::SecondsFormat::Secs, true),
            engine,
            assets: site::Assets { script, style, maps },
            public: dash.public,
            volatile,
            users: dash.users.into_iter().map(|(name, verifier)| (name, User { verifier })).collect(),
            oidc,
            revoked: BTreeSet::new(),
            limits: Limits {
                session_per_minute: dash.session_per_minute,
                page_usd_day: dash.page_usd_day,
                user_usd_day: dash.user_usd_day,
            },
            pages,
        }
    }
}

/// Script, style, and the script of maps.
pub(super) fn assets() -> [Asset; 3] {
    let asset = |name: &str, end: &str, content_type, bytes: &'static [u8]| {
        let digest = digest::hex(&digest::sha256(bytes)[..8]);
        Asset { name: format!("{name}-{digest}.{end}"), content_type, bytes }
    };
    let script = "text/javascript; charset=utf-8";
    [
        asset("dash", "js", script, web::SCRIPT),
        asset("dash", "css", "text/css; charset=utf-8", web::STYLE),
        asset("map", "js", script, web::MAPS),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Overrides;

    fn compile_in(toml: &str, pages: &[(&str, &str)]) -> Result<Option<Compiled>> {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("quack.toml"), toml).unwrap();
        std::fs::create_dir(dir.path().join(FOLDER)).unwrap();
        for (name, text) in pages {
            std::fs::write(dir.path().join(FOLDER).join(name), text).unwrap();
        }
        let overrides = Overrides { dir: Some(dir.path().to_owned()), is_new: true, ..Overrides::default() };
        compile(&Config::load(&overrides)?)
    }

    const PAGE: &str = "---\nallow: [ann]\nbudget: $0.5\n---\n# {{ day }}\n```input day\ntype: date\ndefault: 2019-04-01\n```\n\
        ```sql base\nSELECT * FROM trips WHERE owner = $user\n```\n```sql q table ttl=60s\nSELECT $day, * FROM base\n```\n";

    #[test]
    fn pages_make_a_site() {
        assert!(compile_in("", &[("x.md", PAGE)]).unwrap().is_none());
        let compiled = compile_in("[dash]\npublic = true\n[dash.limits]\npage_usd_day = 2.0\n", &[("x.md", PAGE)]);
        let engine = site::Engine { version: "1".into(), timeout_s: 1, gb_second_usd: 1.0, request_usd: 1.0 };
        let site = compiled.unwrap().unwrap().site(engine, "https://site.example/");
        assert!(site.public && site.limits.page_usd_day == Some(2.0) && site.pages.len() == 1);
        let page = &site.pages[0];
        assert_eq!((page.allow.clone(), page.budget_usd), (Some(["ann".to_owned()].into()), Some(0.5)));
        assert_eq!(page.queries.len(), 1, "what only others read is not asked for: {:?}", page.queries);
        let query = &page.queries[0];
        assert!(query.sql.contains("CAST($user AS VARCHAR)") && query.sql.contains("CAST($day AS DATE)"), "{query:?}");
        assert!(query.reads_user && query.ttl_s == Some(60) && query.inputs == [0].into(), "{query:?}");
        for name in ["now", "random", "uuid", "current_date", "today", "nextval"] {
            assert!(site.volatile.contains(name), "{name}");
        }
        for name in ["count", "sum", "lower", "date_trunc", "regexp_replace", "list_sort", "range"] {
            assert!(!site.volatile.contains(name), "{name}");
        }
    }

    #[test]
    fn shapes_go_beside_the_site_and_their_page_names_them() {
        let zones = r#"{"type":"FeatureCollection","features":[{"id":7,"properties":{"secret":1},"geometry":
            {"type":"Polygon","coordinates":[[[0,0],[0,1],[1,1],[0,0]]]}}]}"#;
        let map = "```sql m map shapes=zones.geojson x=zone color=n\nSELECT 7 AS zone, 1 AS n\n```\n";
        let toml = "[dash]\npublic = true\n";
        let compiled = compile_in(toml, &[("x.md", map), ("y.md", PAGE), ("zones.geojson", zones)]).unwrap().unwrap();
        let shapes = compiled.shapes().clone();
        let (name, json) = shapes.first_key_value().unwrap();
        assert!(shapes.len() == 1 && site::is_shapes(name) && !String::from_utf8_lossy(json).contains("secret"));
        let engine = site::Engine { version: "1".into(), timeout_s: 1, gb_second_usd: 1.0, request_usd: 1.0 };
        let site = compiled.site(engine, "https://site.example/");
        assert_eq!(site.pages[0].shapes, [name.clone()].into());
        assert!(site.pages[1].shapes.is_empty());
        let html = format!("{:?}", site.pages[0].html);
        assert!(html.contains(&format!("/shapes/x/{name}")) && !html.contains("zones.geojson"), "{html}");
        let Err(error) = compile_in(toml, &[("x.md", map)]) else { panic!("a file that is not there") };
        assert!(
            format!("{error:#}").contains("dashboards/x.md:1: `m`: there is no `dashboards/zones.geojson`"),
            "{error:#}"
        );
    }

    #[test]
    fn what_is_wrong_deploys_nothing() {
        let user = format!("[dash.users]\nann = \"{}\"\n", password::verifier("correct horse").unwrap());
        for (toml, pages, said) in [
            ("[dash]\n", &[("x.md", PAGE)][..], "it has no users"),
            ("[dash.users]\nann = \"$argon2id$x\"\n", &[("x.md", PAGE)], "the verifier of the user `ann`"),
            ("[dash.users]\nguest = \"$argon2id$x\"\n", &[("x.md", PAGE)], "comes by an invitation"),
            (&user, &[], "there are none"),
            (&user, &[("x.md", "```sql a baz\nSELECT 1\n```\n")], "dashboards/x.md:1: there is no chart `baz`"),
            (&user, &[("x.md", "```sql a table\nSELECT $no\n```\n")], "dashboards/x.md:1: `a`: `$no`"),
            (&user, &[("x.md", "```sql a table\nFROM t AT (VERSION => 1)\n```\n")], "not `AT` a version or a time"),
            (&user, &[("x.md", &format!("{} a", ">".repeat(200_000)))], "dashboards/x.md: it is "),
            (&user, &[("x.md", "---\nallow: []\n---\n")], "names nobody"),
            (&user, &[("x.md", "---\nallow: ['a b']\n---\n")], "`allow: a b`"),
            (&user, &[("x.md", "```input user\ntype: text\n```\n")], "give the input another name"),
        ] {
            let Err(error) = compile_in(toml, pages) else { panic!("{said}") };
            assert!(format!("{error:#}").contains(said), "{said}: {error:#}");
        }
        assert!(compile_in(&user, &[("x.md", PAGE)]).unwrap().is_some());
    }
}
