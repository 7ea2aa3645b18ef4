//! Dashboards as a reader has them: the scenes in `tests/browser` drive a real Chromium over pages that a real `quackctl dash`, or a
//! deployed page function, shows.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};

use crate::support::{Chromium, Project, Server, chromium, node, text, until};

/// What the pages in `tests/browser/pages` are about, and a table of texts that would be code where they are not kept from it.
const TABLES: [&str; 2] = [
    "CREATE TABLE trips AS SELECT i AS id, DATE '2019-04-01' + (i % 20)::INT AS day, (i * 7 % 24)::INT AS hour, \
     ['Harlem', 'Midtown', 'Astoria', 'SoHo', 'Chelsea', 'JFK Airport'][1 + ((i * i) % 11 % 6)::INT] AS zone, \
     ['card', 'cash'][1 + (i % 7 = 0)::INT] AS paid, 2 + (i * 37 % 101) / 10 AS distance, \
     (500 + (i * 37 % 101) * 25 + (i * 13 % 17) * 40)::DECIMAL(9, 2) / 100 AS fare FROM range(600) r(i)",
    "CREATE TABLE hostile AS SELECT unnest(['<img src=x onerror=alert(1)>', '</script><script>alert(2)</script>', \
     '<svg/onload=alert(3)>', 'javascript:alert(4)', '\" onmouseover=alert(5) x=\"', '{a|b} {b} {{c}} ${alert(6)}', \
     '__proto__', 'constructor', 'toString', repeat('x', 300), 'a' || chr(10) || 'b' || chr(8232) || 'c', '&lt;b&gt; &amp;', \
     '<style>*{display:none}</style>', '<iframe srcdoc=\"<script>parent.ran=1</script>\">', chr(8238) || 'evil']) AS text, \
     unnest(range(1, 16)) AS n",
];

/// More bytes than a function answers with at once, and than the engine does.
const MANY: &str = "---\ntitle: Many\n---\n# Many\n\n```sql rows table\nSELECT i, md5(i::VARCHAR) || md5((i + 1)::VARCHAR) AS text FROM range(100000) r(i)\n```\n\n\
    ```sql points scatter x=x y=y\nSELECT i AS x, (i * 7919 % 100000)::DOUBLE AS y FROM range(100000) r(i)\n```\n";

/// A page for one alone.
const SECRET: &str = "---\ntitle: Secret\nallow: [bob]\n---\n# For Bob\n\n```sql q table\nSELECT $user AS who\n```\n";

/// A project whose engine is up, with tables and pages, and what drives a browser over them.
struct Scenes {
    project: Project,
    modules: PathBuf,
    chromium: Chromium,
}

impl Scenes {
    /// Nothing where Node or Chromium are not to be had.
    fn set() -> Option<Self> {
        let (modules, chromium) = (node("browser", &here())?, chromium()?);
        let project = Project::up("");
        for table in TABLES {
            project.succeed(["query", table], "a table");
        }
        fs::create_dir(project.dir().join("dashboards")).unwrap();
        Some(Self { project, modules, chromium })
    }

    /// Pages of `tests/browser/pages`.
    fn copy(&self, is_wanted: impl Fn(&str) -> bool) {
        for page in fs::read_dir(here().join("pages")).unwrap() {
            let page = page.unwrap();
            let name = page.file_name();
            if is_wanted(name.to_str().unwrap()) {
                fs::copy(page.path(), self.pages().join(name)).unwrap();
            }
        }
    }

    fn pages(&self) -> PathBuf {
        self.project.dir().join("dashboards")
    }

    fn play(&self, scenes: &str, port: &str, more: &[&OsStr]) {
        let pages = self.pages();
        let arguments = [&[port.as_ref(), pages.as_ref()], more].concat();
        self.chromium.scenes(scenes, &self.modules, &arguments);
    }
}

fn here() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/browser")
}

#[test]
fn pages_are_what_a_reader_of_them_is_told() {
    let Some(scenes) = Scenes::set() else { return };
    scenes.copy(|_| true);
    let server = Server::of("dash", &scenes.project, &[]);
    scenes.play("scenes", &server.port.to_string(), &[]);
    assert!(!server.end().contains("panicked"));
}

#[test]
fn deployed_pages_are_for_who_may_look() {
    let Some(scenes) = Scenes::set() else { return };
    let project = &scenes.project;
    scenes.copy(|name| ["charts.md", "inputs.md"].contains(&name));
    project.write("dashboards/many.md", MANY);
    project.write("dashboards/secret.md", SECRET);
    let mut ann = project.quackctl(["dash", "add-user", "ann", "--json"]);
    let ann: Value = serde_json::from_slice(&ann.write_stdin("correct horse\n").output().unwrap().stdout).unwrap();
    // One session asks for more in a minute than a reader does.
    project.write(
        "quack.toml",
        format!("[dash.users]\nann = {}\n[dash.limits]\nsession_per_minute = 1000\n", ann["verifier"]),
    );
    project.succeed(["up"], "with pages");
    let url = project.json(["outputs", "dashboards", "--json"]);
    let url = url.as_str().unwrap().trim_end_matches('/');
    let invite = |lasts| {
        let invited = project.json(["dash", "invite", "bob", "--for", lasts, "--json"]);
        let path = invited["url"].as_str().unwrap().strip_prefix(url).unwrap().to_owned();
        (path, invited["id"].as_str().unwrap().to_owned())
    };
    let ((good, _), (expired, _), (revoked, id)) = (invite("1h"), invite("1s"), invite("1h"));
    project.succeed(["dash", "revoke", &id], "a link that holds no longer");
    let links = json!({ "good": good, "expired": expired, "revoked": revoked });
    let port = url.rsplit(':').next().unwrap();
    scenes.play("deployed", port, &[links.to_string().as_ref()]);
    project.succeed(["down", "--yes"], "the end");
}

#[test]
fn an_exported_page_is_one_file_that_asks_nobody() {
    let Some(scenes) = Scenes::set() else { return };
    let project = &scenes.project;
    scenes.copy(|_| true);
    // A page of which a query fails is not exported.
    let hostile = fs::read_to_string(here().join("pages/hostile.md")).unwrap();
    let (before, after) = hostile.split_once("```sql error ").unwrap();
    let after = after.split_once("```\n").unwrap().1;
    project.write("dashboards/hostile.md", format!("{before}{after}"));
    fs::create_dir(project.dir().join("out")).unwrap();
    let export = |arguments: &[&str]| {
        let mut export = project.process(["dash", "export"].into_iter().chain(arguments.iter().copied()));
        scenes.chromium.named_in(&mut export).output().unwrap()
    };
    let payload = "who=\"><img src=x onerror=alert(23)></script><script>alert(24)</script>";
    for arguments in [
        &["charts", "--html", "out/charts.html", "--pdf", "out/charts.pdf"][..],
        &["inputs", "--set", "zone=SoHo", "--set", "days_from=2019-04-02", "--html", "out/inputs.html"],
        &["layout", "--html", "out/layout.html"],
        &["maps", "--html", "out/maps.html"],
        &["hostile", "--set", payload, "--html", "out/hostile.html"],
    ] {
        let output = export(arguments);
        assert!(output.status.success() && text(&output).contains("wrote out/"), "{}", text(&output));
    }
    scenes.chromium.scenes("exported", &scenes.modules, &[project.dir().join("out").as_ref()]);

    let before = fs::read(project.dir().join("out/charts.html")).unwrap();
    for (arguments, code, said) in [
        (&["wrong", "--html", "out/charts.html"][..], 1, "`no_column`: Binder Error"),
        (&["chart", "--html", "out/charts.html"], 1, "did you mean `charts`?"),
        (&["inputs", "--set", "zon=x", "--html", "out/charts.html"], 2, "did you mean `zone`?"),
        (&["inputs", "--set", "day=x", "--html", "out/charts.html"], 2, "day"),
        (&["inputs", "--set", "day", "--html", "out/charts.html"], 2, "day=2019-04-02"),
        (&["charts", "--html", "none/charts.html"], 2, "there is no folder"),
        (&["charts", "--html", "out/charts.html", "--pdf", "out/../out/charts.html"], 2, "are one file"),
        (&["charts"], 2, "--html"),
    ] {
        let output = export(arguments);
        assert!(output.status.code() == Some(code) && text(&output).contains(said), "{said}: {}", text(&output));
    }
    let mut none = project.process(["dash", "export", "charts", "--pdf", "out/none.pdf"]);
    let output = none.env_remove("CHROMIUM").env("PATH", "").output().unwrap();
    assert!(output.status.code() == Some(1) && text(&output).contains("none is installed"), "{}", text(&output));
    assert_eq!(fs::read(project.dir().join("out/charts.html")).unwrap(), before, "nothing was written over it");
    assert!(!project.dir().join("out/none.pdf").exists());

    // Interrupted while Chromium draws: nothing is left of either.
    // Its address is short: in others a browser makes no sockets.
    let temporary = tempfile::tempdir_in("/tmp").unwrap();
    let names = || fs::read_dir(temporary.path()).unwrap().map(|entry| entry.unwrap().path()).collect::<Vec<_>>();
    let begun = || names().iter().any(|folder| folder.join("profile/Default").exists()).then_some(());
    let mut export = project.process(["dash", "export", "charts", "--pdf", "out/charts.pdf"]);
    scenes.chromium.named_in(&mut export).env("TMPDIR", temporary.path());
    let mut export = export.spawn().unwrap();
    until("a profile of Chromium", begun);
    _ = kill_process(Pid::from_child(&export), Signal::INT);
    assert_eq!(export.wait().unwrap().code(), Some(130));
    assert!(names().is_empty(), "{:?}", names());
}
