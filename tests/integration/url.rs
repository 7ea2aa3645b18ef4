//! The function's URL: SQL by HTTP, for whoever signs as somebody that may ask.

use std::time::SystemTime;

use aws_sigv4::http_request::{SignableBody, SignableRequest, SigningSettings, sign};
use aws_sigv4::sign::v4;
use predicates::str::contains;
use serde_json::{Value, json};

use crate::support::{Place, Project};

crate::on_every_target! {
    sql_comes_by_the_functions_url,
}

/// Who signs, and at which address the function is reached: an emulator's own name of a URL resolves nowhere.
struct Caller {
    key: String,
    secret: String,
    url: String,
}

impl Caller {
    fn of(project: &Project, place: Place) -> Self {
        let url = project.json(["outputs", "url", "--json"]);
        let url = url.as_str().unwrap_or_else(|| panic!("{url}")).to_owned();
        if place == Place::Aws {
            let (key, secret) = ("test".to_owned(), "test".to_owned());
            let name = url.trim_start_matches("https://").split('.').next().unwrap().to_owned();
            assert!(url.ends_with(".on.aws/"), "{url}");
            let url = format!("{}/_aws/lambda-url/{name}/", project.account().emulator.endpoint);
            return Self { key, secret, url };
        }
        let keys = project.json(["outputs", "credentials_file", "--json"]);
        let keys = std::fs::read_to_string(keys.as_str().unwrap()).unwrap();
        let value = |name: &str| {
            let line = keys.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(" = "));
            line.unwrap().to_owned()
        };
        Self { key: value("aws_access_key_id"), secret: value("aws_secret_access_key"), url }
    }

    /// Posts `body`, and gives the status and the answer.
    fn post(&self, body: &str) -> (u16, Value) {
        let identity = aws_credential_types::Credentials::new(&self.key, &self.secret, None, None, "test").into();
        let params = v4::SigningParams::builder().identity(&identity).region("us-east-1").name("lambda");
        let params = params.time(SystemTime::now()).settings(SigningSettings::default()).build().unwrap().into();
        let host = self.url.split('/').nth(2).unwrap();
        let headers = [("host", host), ("content-type", "application/json")];
        let request =
            SignableRequest::new("POST", &self.url, headers.into_iter(), SignableBody::Bytes(body.as_bytes()));
        let (signed, _) = sign(request.unwrap(), &params).unwrap().into_parts();
        let agent: ureq::Agent = ureq::Agent::config_builder().http_status_as_error(false).build().into();
        let mut post = agent.post(&self.url).header("content-type", "application/json");
        for (name, value) in signed.headers() {
            post = post.header(name, value);
        }
        let mut answer = post.send(body).unwrap();
        let text = answer.body_mut().read_to_string().unwrap();
        (answer.status().as_u16(), serde_json::from_str(&text).unwrap_or(Value::String(text)))
    }
}

fn sql_comes_by_the_functions_url(place: Place) {
    let project = Project::up_at(place, "[function]\nurl = true\n");
    project.succeed(["query", "CREATE TABLE t AS SELECT i FROM range(3) r(i)"], "a table");
    let caller = Caller::of(&project, place);
    let (status, answer) = caller.post(r#"{"q": "SELECT sum(i)::INT AS s FROM t", "who": {"application": "curl"}}"#);
    assert_eq!((status, &answer["data"]["records"]), (200, &json!([{"s": 3}])), "{answer}");
    for (body, status, told) in [
        (r#"{"q": "SELECT nothing FROM t"}"#, 400, "nothing"),
        (r#"{"q": "FROM read_csv('/etc/passwd')"}"#, 403, "/etc/passwd"),
        ("SELECT 1", 400, "is not JSON"),
        ("", 400, "no body"),
    ] {
        let (found, answer) = caller.post(body);
        let message = answer["errorMessage"].as_str().unwrap_or_default();
        assert!(found == status && message.contains(told), "{body}: {found} {answer}");
    }
    let asked = project.json(["history", "--json"]);
    let asked = asked.as_array().unwrap().iter().find(|query| query["application"] == "curl").unwrap();
    assert_eq!((&asked["sql"], &asked["tables"]), (&json!("SELECT sum(i)::INT AS s FROM t"), &json!(["t"])));
    if place == Place::Local {
        assert_eq!(asked["user"], "arn:aws:iam::000000000000:root", "who signed");
        let stranger = Caller { secret: "wrong".to_owned(), ..Caller::of(&project, place) };
        assert_eq!(stranger.post(r#"{"q": "SELECT 1"}"#).0, 403);
        let unsigned = ureq::post(&caller.url).send("{\"q\": \"SELECT 1\"}").unwrap_err();
        assert!(unsigned.to_string().contains("403"), "{unsigned}");
    }

    if place == Place::Aws {
        // The emulator's change sets do not see that a resource's condition has changed.
        return;
    }
    project.write("quack.toml", "");
    let changes = project.json(["up", "--json"])["changes"].clone();
    assert!(changes.to_string().contains("no URL any more"), "{changes}");
    assert_eq!(caller.post(r#"{"q": "SELECT 1"}"#).0, 403);
    project.quackctl(["outputs", "url"]).assert().code(2).stderr(contains("no output `url`"));
    assert_eq!(project.json(["up", "--json"])["changes"], json!([]), "nothing is left to do");
    project.write("quack.toml", "[function]\nurl = true\n");
    project.succeed(["up"], "with a URL again");
    assert_eq!(caller.post(r#"{"q": "SELECT 1"}"#).0, 200);
}
