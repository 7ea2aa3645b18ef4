//! A site, its bucket and engine, and instances of the page function.

mod lambda;
mod object_store;

use std::fs::File;
use std::process::{Child, Command};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use quack_function::testing::RuntimeApi;
use quack_page::password;
use quack_page::signed::{KEY_BYTES, Key};
use serde_json::{Value, json};
use tempfile::TempDir;

pub(crate) use self::lambda::{Lambda, Way};
pub(crate) use self::object_store::ObjectStore;

pub(crate) const BUCKET: &str = "lake";
pub(crate) const KEY_ID: &str = "AKIAQUACKTEST";
pub(crate) const SECRET: &str = "quack-test-secret";
pub(crate) const PASSWORD: &str = "correct horse";
/// The shapes of the page that is ann's alone.
pub(crate) const SHAPES: &str = "0123456789abcdef0123456789abcdef.geojson";

/// What instances share.
pub(crate) struct World {
    pub store: ObjectStore,
    pub lambda: Lambda,
    pub site: Value,
}

impl World {
    /// A lake with two tables and a site of two pages, of which one is ann's alone.
    pub(crate) fn start() -> Self {
        let world = Self { store: ObjectStore::start(), lambda: Lambda::start(), site: site() };
        world.write(&world.site);
        world.store.put("_quack/dash/key", [7; KEY_BYTES]);
        world.store.put("_quack/dash/assets/dash-1.js", "let a = 1;");
        world.store.put("_quack/dash/assets/dash-1.css", [0x1f, 0x8b, 0, 1]);
        world.store.put(&format!("_quack/dash/shapes/{SHAPES}"), [0x1f, 0x8b, 0, 2]);
        world.commit(1);
        world
    }

    pub(crate) fn write(&self, site: &Value) {
        self.store.put("_quack/dash/site.json", site.to_string());
    }

    /// What a load leaves: the table `trips` is where it never was.
    pub(crate) fn commit(&self, at: u32) {
        let trips = json!({ "metadata": format!("tables/trips/metadata/{at}.json") });
        let zones = json!({ "metadata": "tables/zones/metadata/1.json" });
        let catalog = json!({ "version": 2, "tables": { "trips": trips, "zones": zones } });
        self.store.put("_quack/catalog.json", catalog.to_string());
    }

    pub(crate) fn key() -> Key {
        Key::of(&[7; KEY_BYTES]).unwrap()
    }

    pub(crate) fn instance(&self) -> Instance {
        Instance::start(self)
    }
}

fn site() -> Value {
    let query = |name: &str, sql: &str, more: Value| {
        let mut query = json!({ "name": name, "sql": sql, "inputs": [] });
        query.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        query
    };
    let day = json!({ "name": "day", "label": "Day", "kind": { "date": { "default": { "fixed": "2019-04-01" } } } });
    let top =
        json!({ "name": "top", "label": "Top", "kind": { "number": { "default": 3, "is_whole": true, "max": 50 } } });
    json!({
        "version": 1, "built": "2026-11-27T11:00:00Z", "volatile": ["now", "random"],
        "users": { "ann": { "verifier": password::verifier(PASSWORD).unwrap() }, "bea": { "verifier": password::verifier("battery staple").unwrap() } },
        "engine": { "version": "v1.5.5", "timeout_s": 60, "gb_second_usd": 0.00001, "request_usd": 0.0000002 },
        "assets": { "script": "dash-1.js", "style": "dash-1.css" },
        "limits": { "session_per_minute": 40 },
        "pages": [
            { "name": "trips", "title": "Trips", "inputs": [day, top],
              "html": [{ "text": "<h1>Trips on " }, { "value": "day" }, { "text": "</h1>" }, { "field": { "input": 0 } }],
              "queries": [
                query("by_zone", "SELECT * FROM trips WHERE d = CAST($day AS DATE)", json!({ "inputs": [0] })),
                query("top", "SELECT * FROM zones LIMIT CAST($top AS BIGINT)", json!({ "inputs": [1] })),
                query("now", "SELECT now()", json!({})), query("lately", "SELECT now(), 1", json!({ "ttl_s": 3600 })),
                query("mine", "SELECT * FROM trips WHERE who = $user", json!({ "reads_user": true })) ] },
            { "name": "secret", "title": "Secret", "allow": ["ann"], "html": [{ "text": "<p>hidden</p>" }], "inputs": [], "shapes": [SHAPES],
              "queries": [query("hidden", "SELECT 'hidden'", json!({}))] },
        ],
    })
}

/// An instance of the function; it ends with this value.
pub(crate) struct Instance {
    child: Child,
    api: RuntimeApi,
    root: TempDir,
}

/// What it answered.
#[derive(Debug)]
pub(crate) struct Answer {
    pub status: u64,
    pub headers: Value,
    pub cookies: Vec<String>,
    pub body: Vec<u8>,
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers[name].as_str()
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// What a browser sends back of its cookie.
    pub(crate) fn cookie(&self) -> String {
        self.cookies[0].split(';').next().unwrap().to_owned()
    }
}

impl Instance {
    fn start(world: &World) -> Self {
        let (root, api) = (tempfile::tempdir().unwrap(), RuntimeApi::start());
        let log = File::create(root.path().join("log")).unwrap();
        let child = Command::new(env!("CARGO_BIN_EXE_page"))
            .env_clear()
            .envs([("AWS_LAMBDA_FUNCTION_NAME", "page"), ("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST")])
            .envs([("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "256"), ("AWS_REGION", "us-east-1")])
            .envs([("AWS_ACCESS_KEY_ID", KEY_ID), ("AWS_SECRET_ACCESS_KEY", SECRET)])
            .envs([("QUACK_BUCKET", BUCKET), ("QUACK_DASH", "_quack/dash/"), ("QUACK_CATALOG", "_quack/catalog.json")])
            .envs([("QUACK_FUNCTION", "quack"), ("QUACK_SITE_URL", "")])
            .env("AWS_LAMBDA_RUNTIME_API", &api.address)
            .env("AWS_ENDPOINT_URL_S3", &world.store.endpoint)
            .env("AWS_ENDPOINT_URL_LAMBDA", &world.lambda.endpoint)
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn()
            .unwrap();
        Self { child, api, root }
    }

    /// Sends the request of a function URL.
    pub(crate) fn request(&self, event: &Value) -> Answer {
        let answer = self.api.invoke(&event.to_string()).unwrap_or_else(|error| panic!("{event}: {error}"));
        let text = answer["body"].as_str().unwrap();
        let body = match answer["isBase64Encoded"].as_bool().unwrap() {
            true => STANDARD.decode(text).unwrap(),
            false => text.as_bytes().to_vec(),
        };
        let cookies = answer["cookies"].as_array().unwrap().iter().map(|cookie| cookie.as_str().unwrap().to_owned());
        let status = answer["statusCode"].as_u64().unwrap();
        Answer { status, headers: answer["headers"].clone(), cookies: cookies.collect(), body }
    }

    pub(crate) fn get(&self, address: &str, cookie: &str) -> Answer {
        self.request(&event("GET", address, cookie))
    }

    /// Sends a form.
    pub(crate) fn post(&self, path: &str, form: &str) -> Answer {
        let mut event = event("POST", path, "");
        (event["body"], event["isBase64Encoded"]) = (json!(STANDARD.encode(form)), json!(true));
        self.request(&event)
    }

    /// Signs in, and gives the cookie.
    pub(crate) fn sign_in(&self, user: &str, password: &str) -> String {
        let answer = self.post("/login", &format!("user={user}&password={}&to=/trips", password.replace(' ', "+")));
        assert_eq!((answer.status, answer.header("location")), (303, Some("/trips")), "{answer:?}");
        answer.cookie()
    }

    /// What it has written to its log.
    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(self.root.path().join("log")).unwrap()
    }
}

impl Drop for Instance {
    fn drop(&mut self) {
        _ = self.child.kill();
        _ = self.child.wait();
    }
}

/// A request as a function URL has it.
pub(crate) fn event(method: &str, address: &str, cookie: &str) -> Value {
    let (path, query) = address.split_once('?').unwrap_or((address, ""));
    let cookies: Vec<&str> = if cookie.is_empty() { Vec::new() } else { vec![cookie] };
    json!({
        "version": "2.0", "rawPath": path, "rawQueryString": query, "cookies": cookies, "headers": {}, "isBase64Encoded": false,
        "requestContext": { "http": { "method": method, "path": path, "sourceIp": "192.0.2.1" } },
    })
}
