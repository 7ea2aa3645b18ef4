//! What is at which address.

use std::collections::HashMap;
use std::time::Duration;

use quack_page::form::Form;
use quack_page::input;
use quack_page::oidc::Secret;
use quack_page::signed::Key;
use quack_page::site::{Page, Site};

use crate::asked::Asked;
use crate::aws::Aws;
use crate::cache::{Cache, Memory};
use crate::catalog::Catalog;
use crate::door::Door;
use crate::engine::{Engine, Failed};
use crate::limits::Counted;
use crate::loaded::{self, Loaded};
use crate::log::{self, Entry};
use crate::place::Rest;
use crate::provider::Issuer;
use crate::request::Request;
use crate::response::Response;
use crate::settings::Settings;
use crate::shown::Shown;
use crate::store::{Found, Store};

/// How long after a change of the site, or of who may look, an instance may still go by what was.
const AGE: Duration = Duration::from_secs(5);

/// Most assets, and most shapes, that are kept in memory.
const MOST_KEPT: usize = 8;

/// The function, with all that it keeps from one request to the next.
pub(crate) struct Function {
    aws: Aws,
    settings: Settings,
    site: Loaded<Site>,
    key: Loaded<Key>,
    secret: Loaded<Secret>,
    issuer: Issuer,
    catalog: Loaded<Catalog>,
    memory: Memory,
    counted: Counted,
    assets: HashMap<String, Vec<u8>>,
    shapes: HashMap<String, Vec<u8>>,
}

impl Function {
    pub(crate) fn new(settings: Settings) -> Self {
        Self {
            aws: Aws::new(&settings),
            settings,
            site: Loaded::default(),
            key: Loaded::default(),
            secret: Loaded::default(),
            issuer: Issuer::default(),
            catalog: Loaded::default(),
            memory: Memory::default(),
            counted: Counted::default(),
            assets: HashMap::new(),
            shapes: HashMap::new(),
        }
    }

    /// Answers a request. What is refused, and what cost something, has a line in the log.
    pub(crate) fn answer(&mut self, request: &Request) -> Response {
        let mut user = String::new();
        let response = self.routed(request, &mut user);
        let what = if response.refused.is_some() { "refused" } else { "ran" };
        if response.refused.is_some() || response.usd.is_some() {
            let entry = Entry {
                what,
                status: response.status,
                user: &user,
                address: &request.address,
                path: &log::path(&request.path),
                words: response.refused.as_deref().unwrap_or_default(),
                usd: response.usd,
            };
            entry.write();
        }
        response
    }

    fn routed(&mut self, request: &Request, user: &mut String) -> Response {
        let Self { aws, settings, site, key, secret, issuer, catalog, memory, counted, assets, shapes } = self;
        let dash = &settings.dash;
        let store = Store { aws, bucket_url: &settings.bucket_url };
        let path: Vec<&str> = request.path.split('/').skip(1).collect();
        let is_post = match (request.method.as_str(), path.as_slice()) {
            ("GET", _) => false,
            ("POST", ["login" | "logout"]) => true,
            _ => return Response::error(405, "there is only GET here", ""),
        };
        if let ["assets", name] = path.as_slice() {
            return asset(&store, dash, name, assets);
        }
        let made_key =
            |body: Option<&[u8]>| body.and_then(Key::of).ok_or("it is no key; `quackctl up` makes one".to_owned());
        let site = site.get(&store, &format!("{dash}site.json"), AGE, loaded::site);
        let (site, key) = match site.and_then(|site| Ok((site, key.get(&store, &format!("{dash}key"), AGE, made_key)?)))
        {
            Ok(both) => both,
            Err(words) => return unshown(&words),
        };
        let door = Door { site, key, is_secure: settings.is_secure, cookie: &settings.cookie };
        match (path.as_slice(), is_post) {
            (["login"], true) => return door.sign_in(request, counted),
            (["logout"], true) => return door.sign_out(request),
            (["login"], false) => return door.form(200, &to(request), ""),
            (["invite", token], _) => return door.invited(token, request),
            _ => {}
        }
        if let (["oidc", step], Some(oidc)) = (path.as_slice(), &site.oidc) {
            if *step == "start" {
                return door.begin(oidc, issuer, request, counted, &to(request));
            }
            if *step == "callback" {
                let secret = oidc.has_secret.then(|| secret.get(&store, &format!("{dash}oidc"), AGE, loaded::secret));
                return match secret.transpose() {
                    Ok(secret) if secret.is_none_or(|secret| secret.is_of(oidc)) => {
                        door.end(oidc, issuer, secret, request, counted)
                    }
                    Ok(_) => unshown("the secret is another client's; `quackctl up` writes both"),
                    Err(words) => unshown(&words),
                };
            }
        }
        // What a script asks for, which follows nothing to a form.
        let is_api = matches!(path.as_slice(), ["api", ..] | ["shapes", _, _]);
        let Some(visitor) = door.visitor(request) else {
            let words = "nobody is signed in";
            return match path.as_slice() {
                _ if is_api => Response::error(401, words, "load the page again to sign in"),
                [""] => Response::elsewhere("/login").because(words),
                _ => Response::elsewhere(&login(request)).because(words),
            };
        };
        user.clone_from(&visitor.user);
        let pages: Vec<&Page> = site.pages.iter().filter(|page| visitor.may_see(page)).collect();
        let shown = Shown { site, pages: &pages, visitor: &visitor };
        let (page, name, rest) = match path.as_slice() {
            [""] => return shown.first(),
            [name] => return shown.page(name, request, counted),
            ["shapes", page, name] => {
                if request.is_elsewhere {
                    return Response::error(403, "another site asks", "");
                }
                if let Err(over) = counted.request(&visitor.session, &site.limits) {
                    return over.response();
                }
                let page = pages.iter().find(|own| own.name == *page);
                return match page.and_then(|page| page.shapes.get(*name)) {
                    Some(name) => given(&store, dash, name, shapes),
                    None => Response::error(
                        404,
                        "there are no such shapes on a page that you may see",
                        "load the page again",
                    ),
                };
            }
            ["api", page, query] => (*page, *query, None),
            ["api", page, query, rest, part] => (*page, *query, Some((*rest, *part))),
            _ => return Response::error(404, "there is nothing at this address", ""),
        };
        if request.is_elsewhere {
            return Response::error(403, "another site asks", "");
        }
        let is_counted = match rest {
            None => counted.request(&visitor.session, &site.limits),
            Some(_) => counted.part(&visitor.session, &site.limits),
        };
        if let Err(over) = is_counted {
            return over.response();
        }
        let page = pages.iter().find(|own| own.name == page);
        let (query, form) = Form::of(name);
        let query =
            page.and_then(|page| Some((page, page.queries.iter().find(|own| own.name.eq_ignore_ascii_case(query))?)));
        let (Some((page, query)), Some(form)) = (query, form) else {
            return Response::error(404, "there is no such query on a page that you may see", "load the page again");
        };
        let folder = format!("{dash}cache/");
        if let Some((rest, part)) = rest {
            return match Rest::of(key, rest, &visitor.user, &page.name, name) {
                Some(rest) => rest.part(&store, &folder, part),
                None => Response::error(404, "that is no rest of an answer to you", "load the page again"),
            };
        }
        let given = input::given(&request.query);
        let engine = Engine {
            aws,
            lambda_url: &settings.lambda_url,
            function: &settings.function,
            store,
            bucket: &settings.bucket,
            prices: &site.engine,
        };
        let mut cache = Cache { store, folder, memory };
        let (given, visitor, patience) = (&given, &visitor, request.left());
        let asks_again = request.asks_again;
        let asked = Asked { site, page, query, name, form, key, given, visitor, patience, asks_again };
        asked.rows(&engine, &mut cache, counted, |sql| {
            let parse = |body: Option<&[u8]>| body.map_or_else(|| Ok(Catalog::default()), Catalog::parse);
            let now = catalog.get(&store, &settings.catalog, Duration::ZERO, parse);
            now.map(|now| now.reads(sql, &site.volatile)).map_err(|words| {
                log::line("the catalog cannot be used", &words);
                Failed::new(503, "the lake's catalog cannot be used", "whoever runs the site finds in the log why")
            })
        })
    }
}

fn unshown(words: &str) -> Response {
    log::line("the site cannot be shown", words);
    Response::error(503, "the site cannot be shown", "whoever runs it finds in the log why").because(words)
}

/// Where a request says that signing in is to lead.
fn to(request: &Request) -> String {
    input::given(&request.query).remove("to").and_then(|mut all| all.pop()).unwrap_or_default()
}

/// Where a visitor that is to sign in goes.
fn login(request: &Request) -> String {
    let query = if request.query.is_empty() { String::new() } else { format!("?{}", request.query) };
    let to: String = form_urlencoded::byte_serialize(format!("{}{query}", request.path).as_bytes()).collect();
    format!("/login?to={to}")
}

/// The shapes of a page's maps, which are for who may look at it: nobody keeps them, as nobody keeps rows.
fn given(store: &Store<'_>, dash: &str, name: &str, known: &mut HashMap<String, Vec<u8>>) -> Response {
    match kept(store, &format!("{dash}shapes/{name}"), known) {
        Ok(Some(body)) => Response::of(200, "application/geo+json", body).with("content-encoding", "gzip"),
        Ok(None) => Response::error(404, "the shapes are not there", "`quackctl up` writes them"),
        Err(words) => {
            log::line("shapes cannot be read", &words);
            Response::error(502, "the shapes cannot be read", "try again in a moment")
        }
    }
}

/// An object that is what it is for as long as it is called so.
fn kept(store: &Store<'_>, key: &str, known: &mut HashMap<String, Vec<u8>>) -> Result<Option<Vec<u8>>, String> {
    if let Some(body) = known.get(key) {
        return Ok(Some(body.clone()));
    }
    let Found::Object(object) = store.get(key, None)? else { return Ok(None) };
    if known.len() >= MOST_KEPT {
        known.clear();
    }
    known.insert(key.to_owned(), object.body.clone());
    Ok(Some(object.body))
}

/// A script or a style: of pages' own, which anybody may have.
fn asset(store: &Store<'_>, dash: &str, name: &str, known: &mut HashMap<String, Vec<u8>>) -> Response {
    let missing = || Response::error(404, "there is nothing at this address", "");
    let content_type = match name.rsplit_once('.') {
        Some((_, "js")) => "text/javascript; charset=utf-8",
        Some((_, "css")) => "text/css; charset=utf-8",
        _ => return missing(),
    };
    if !loaded::is_asset(name) {
        return missing();
    }
    let body = match kept(store, &format!("{dash}assets/{name}"), known) {
        Ok(Some(body)) => body,
        Ok(None) => return missing(),
        Err(words) => {
            log::line("an asset cannot be read", &words);
            return missing();
        }
    };
    let is_gzip = body.starts_with(&[0x1f, 0x8b]);
    let response = Response::of(200, content_type, body).forever();
    if is_gzip { response.with("content-encoding", "gzip") } else { response }
}
