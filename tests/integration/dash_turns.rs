//! Deployed dashboards while a query runs: who else asks for it is told that it does, and asks again.

use std::ffi::OsStr;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::dash_deployed::asked;
use crate::support::{Got, Project, chromium, node};

/// A query that takes a second or more, and one that fails after as long.
const PAGE: &str = r#"# Slow

```input n
type: number
default: 0
```

```sql slow value y=n title="Slow"
SELECT count(*) + $n AS n FROM range(10000000) r(i) WHERE md5(i::VARCHAR) < '0'
```

```sql quick value y=n title="Quick"
SELECT $n AS n
```
"#;

const FAILS: &str = "# Fails\n\n```sql fails value y=n\nSELECT CASE WHEN count(*) >= 0 THEN error('no such luck') ELSE 0 END AS n FROM range(10000000) r(i) WHERE md5(i::VARCHAR) < '1'\n```\n";

/// What a reader's script got: how often it was told to ask again, how soon it was told the first time, and the answer.
struct Asked {
    again: u32,
    told: Option<Duration>,
    got: Got,
}

/// Asks as the page's script does.
fn patiently(url: &str) -> Asked {
    let agent = ureq::Agent::config_builder().http_status_as_error(false).build().new_agent();
    let (began, mut again, mut told) = (Instant::now(), 0, None);
    loop {
        let mut request = agent.get(url).header("prefer", "respond-async");
        if again > 0 {
            request = request.header("quack-waited", began.elapsed().as_millis().to_string());
        }
        let got = Got::of(request.call().unwrap());
        if got.status != 202 {
            return Asked { again, told, got };
        }
        assert!(began.elapsed() < Duration::from_secs(120), "{}", got.text());
        told = told.or(Some(began.elapsed()));
        again += 1;
        let said: Value = serde_json::from_slice(&got.body).unwrap();
        assert!(said["running"] == true && said["most_ms"] == 130_000 && got.header("retry-after") == "1", "{said}");
        thread::sleep(Duration::from_millis((said["for_ms"].as_u64().unwrap() / 2).clamp(250, 1000)));
    }
}

/// Two who ask for the same at once.
fn both<T: Send>(ask: impl Fn() -> T + Sync) -> [T; 2] {
    thread::scope(|scope| [scope.spawn(&ask), scope.spawn(&ask)].map(|reader| reader.join().unwrap()))
}

#[test]
fn readers_of_a_query_that_runs_wait_in_their_browsers() {
    let project = Project::new("[dash]\npublic = true\n");
    std::fs::create_dir(project.dir().join("dashboards")).unwrap();
    project.write("dashboards/slow.md", PAGE);
    project.write("dashboards/fails.md", FAILS);
    project.succeed(["up"], "with pages");
    project.succeed(["query", "CREATE TABLE t AS SELECT 1 AS a"], "without a catalog nothing is kept");
    let url = project.json(["outputs", "dashboards", "--json"]);
    let url = url.as_str().unwrap().trim_end_matches('/').to_owned();

    let slow = format!("{url}/api/slow/slow?n=7");
    let mut readers = both(|| patiently(&slow));
    readers.sort_by_key(|reader| reader.again);
    let [runner, other] = readers;
    assert_eq!((runner.again, runner.got.rows(), runner.got.header("quack-cached")), (0, "7\n".to_owned(), ""));
    assert_eq!((other.got.rows(), other.got.header("quack-cached")), ("7\n".to_owned(), "1"));
    assert!(other.again > 0 && other.told.unwrap() < Duration::from_secs(3), "{} {:?}", other.again, other.told);
    assert_eq!(asked(&project), 1);

    // What is saved by its link is the file, whoever runs it.
    let agent = ureq::Agent::config_builder().http_status_as_error(false).build().new_agent();
    let saved = both(|| Got::of(agent.get(format!("{url}/api/slow/slow.csv?n=7")).call().unwrap()));
    for file in &saved {
        assert_eq!((file.status, file.text().as_str()), (200, "n\n7\n"));
        assert_eq!(file.header("content-disposition"), "attachment; filename=\"slow-slow.csv\"");
    }
    assert_eq!(asked(&project), 2);

    let fails = format!("{url}/api/fails/fails");
    for reader in both(|| patiently(&fails)) {
        assert!(reader.got.status == 422 && reader.got.text().contains("no such luck"), "{}", reader.got.text());
    }
    assert_eq!(asked(&project), 3);

    if let (Some(modules), Some(chromium)) =
        (node("browser", &Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/browser")), chromium())
    {
        let port: &OsStr = url.rsplit(':').next().unwrap().as_ref();
        chromium.scenes("turns", &modules, &[port]);
        // For three values, once as a file, and once to fail, for however many readers.
        assert_eq!(asked(&project) - quick(&project), 3 + 5);
    }
    project.succeed(["down", "--yes"], "the end");
}

/// How often the engine was asked for what takes no time.
fn quick(project: &Project) -> u64 {
    let all = project.json(["history", "--json"]);
    all.as_array().unwrap().iter().filter(|query| query["tile"] == "slow/quick").count() as u64
}
