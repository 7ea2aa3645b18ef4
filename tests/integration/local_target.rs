//! The local target's own: its process, its port, its files.

use std::fs;
use std::net::TcpStream;

use crate::support::{Project, is_running};
use predicates::prelude::*;
use predicates::str::contains;

#[test]
fn down_ends_the_process_and_frees_the_port() {
    for arguments in [["down", "--yes"], ["down", "--keep-data"]] {
        let project = Project::up("");
        let pid = project.pid();
        let url = || project.json(["status", "--json"])["endpoint"].as_str().unwrap().to_owned();
        let endpoint = url().trim_start_matches("http://").to_owned();
        assert!(TcpStream::connect(&endpoint).is_ok());
        project.quackctl(["up"]).assert().success();
        assert_eq!((pid, format!("http://{endpoint}")), (project.pid(), url()));
        project.quackctl(arguments).assert().success();
        assert!(!is_running(pid), "the daemon is still there");
        assert!(TcpStream::connect(&endpoint).is_err(), "the port is still open");
    }
}

#[test]
fn a_stage_that_is_not_there_is_told_from_those_that_are() {
    let project = Project::up("");
    let mut query = project.quackctl(["query", "SELECT 1", "--stage", "deb"]);
    let advice = "up are: dev; use --stage dev, or run `quackctl --stage deb up`";
    query.assert().code(2).stderr(contains("deb").and(contains(advice)));
    let status = project.quackctl(["--stage", "deb", "status"]).assert().code(4);
    status.stdout(contains("run `quackctl --stage deb up`; up are: dev"));
    let down = project.quackctl(["--stage", "dev", "down", "--keep-data"]).assert().success();
    down.stdout(contains("kept for the next `quackctl --stage dev up`"));
    std::fs::remove_file(project.dir().join("quack.toml")).unwrap();
    let query = project.quackctl(["query", "SELECT 1", "--stage", "deb"]).assert().code(1);
    query.stderr(contains("nothing is up").and(contains("`quackctl --stage deb init`")));
}

#[test]
fn what_would_be_left_out_of_a_command_line_is_refused() {
    let project = Project::new("");
    let load = project.quackctl(["load", "x.csv", "--table", "t", "--rows", "5"]).assert().code(2);
    load.stderr(contains("--rows"));
    let query = project.quackctl(["query", "SELECT", "1"]).assert().code(2);
    query.stderr(contains("`1` is one more").and(contains("quackctl query 'SELECT 42'")));
}

#[test]
fn a_port_that_is_taken_is_named() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port();
    let project = Project::new(&format!("[local]\nport = {port}\n"));
    project
        .quackctl(["up"])
        .assert()
        .code(1)
        .stderr(contains(port.to_string()).and(contains("taken").or(contains("in use"))));
    assert_eq!(project.files(), ["quack.toml"]);
}

#[test]
fn a_plan_tells_of_a_restart_and_of_tables_to_load_and_a_taken_port_stops_nothing() {
    let data = "[[data]]\ntable = \"trips\"\nsample = \"taxi\"\nrows = 1000\n";
    let project = Project::new(data);
    let table = "Table ([[data]]) trips: added";
    project.quackctl(["plan"]).assert().code(2).stdout(contains(table));
    project.quackctl(["up"]).assert().success();
    project.quackctl(["plan"]).assert().code(0).stdout(contains("no changes"));
    let pid = project.pid();

    project.write("quack.toml", format!("{data}[local]\nidle_s = 77\n"));
    project.quackctl(["plan"]).assert().code(2).stdout(contains("idle_s: 300 -> 77").and(contains("1 to change")));
    assert_eq!(project.pid(), pid, "a plan changes nothing");

    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port();
    project.write("quack.toml", format!("{data}[local]\nport = {port}\n"));
    project.quackctl(["plan"]).assert().code(2).stdout(contains(format!("port: 0 -> {port}")));
    project.quackctl(["up"]).assert().code(1).stderr(contains(format!("port {port}")).and(contains("taken")));
    assert!(is_running(pid), "what was healthy is stopped");

    let more = format!("{data}[[data]]\ntable = \"more\"\nsample = \"taxi\"\nrows = 10\n");
    project.write("quack.toml", more);
    project.quackctl(["plan"]).assert().code(2).stdout(contains("more: added").and(contains("trips").not()));
    project.quackctl(["up"]).assert().success();
    project.quackctl(["plan"]).assert().code(0);
    project.quackctl(["down", "--keep-data"]).assert().success();
    project.quackctl(["plan"]).assert().code(2).stdout(contains("[[data]]").not());
}

#[test]
fn a_busy_function_is_said_to_be_waited_for() {
    let project = Project::up("[function]\nconcurrency = 1\ntimeout_s = 8\n");
    let mut slow = project.process(["query", "--workers", "1", "SELECT sum(hash(i)) FROM range(100000000000) t(i)"]);
    let mut slow = slow.stdout(std::process::Stdio::null()).stderr(std::process::Stdio::null()).spawn().unwrap();
    // Until the slow one has begun, the other finds the function free.
    loop {
        let waited = project.quackctl(["query", "SELECT 1 AS one"]).output().unwrap();
        let said = crate::support::text(&waited);
        assert!(waited.status.success(), "{said}");
        if said.contains("at its concurrency limit; waiting") {
            break;
        }
        assert!(slow.try_wait().unwrap().is_none(), "nothing was said of the wait");
    }
    slow.wait().unwrap();
}

#[test]
fn secrets_are_for_the_owner_alone_and_never_shown() {
    use std::os::unix::fs::PermissionsExt;
    let project = Project::up("");
    let status = project.json(["status", "--json"]);
    let path = status["credentials_file"].as_str().unwrap();
    assert_eq!(fs::metadata(path).unwrap().permissions().mode() & 0o777, 0o600);
    let text = fs::read_to_string(path).unwrap();
    let secret = text.lines().find_map(|line| line.strip_prefix("aws_secret_access_key")).unwrap();
    let secret = secret.trim_start_matches([' ', '=']);
    assert!(secret.len() >= 32);
    project.quackctl(["query", "SELECT 1"]).assert().success();
    for arguments in [["status", "--json"], ["status", "--verbose"], ["logs", "--verbose"], ["up", "--verbose"]] {
        let output = project.quackctl(arguments).output().unwrap();
        assert!(!crate::support::text(&output).contains(secret), "{arguments:?} shows the key");
    }
    for file in project.files().iter().filter(|file| !path.ends_with(file.as_str())) {
        let content = fs::read(project.dir().join(file)).unwrap();
        assert!(!String::from_utf8_lossy(&content).contains(secret), "{file} holds the key");
    }
}

#[test]
fn a_process_that_was_halted_is_told_of_and_not_waited_for() {
    let project = Project::up("");
    let pid = project.pid();
    let send = |signal| rustix::process::kill_process(rustix::process::Pid::from_raw(pid).unwrap(), signal).unwrap();
    send(rustix::process::Signal::STOP);
    let go_on = format!("kill -CONT {pid}");
    project.quackctl(["status"]).assert().code(3).stdout(contains("was halted").and(contains(&go_on)));
    for arguments in [vec!["query", "SELECT 1"], vec!["up"], vec!["tables"]] {
        let refused = project.process([]).args(arguments).output().unwrap();
        let said = crate::support::text(&refused);
        assert!(said.contains("was halted") && said.contains(&go_on) && refused.status.code() == Some(1), "{said}");
    }
    send(rustix::process::Signal::CONT);
    project.quackctl(["status"]).assert().success().stdout(contains("healthy"));
}

#[test]
fn who_does_not_answer_is_not_waited_for_without_end() {
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let mut project = Project::new("target = \"aws\"\n[aws]\nregion = \"us-east-1\"\n");
    for (name, value) in [
        ("AWS_ENDPOINT_URL", format!("http://{}", silent.local_addr().unwrap())),
        ("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE".to_owned()),
        ("AWS_SECRET_ACCESS_KEY", "secret".to_owned()),
    ] {
        project.set(name, &value);
    }
    let said = contains("aws did not answer within 30 s").and(contains("quackctl doctor"));
    project.quackctl(["status"]).assert().code(1).stderr(said);
}

#[test]
fn a_look_for_drift_is_said_to_be_for_aws() {
    let project = Project::up("");
    let drift = project.quackctl(["status", "--drift"]).assert().success();
    drift.stderr(contains("note: --drift looks at what AWS holds"));
}

#[test]
fn a_bucket_that_is_named_is_said_to_be_for_aws() {
    let project = Project::new("[lake]\nbucket = \"my-own-lake\"\n");
    let told = contains("note: `lake.bucket` is for --target aws");
    let up = project.quackctl(["up"]).assert().success();
    up.stderr(told).stdout(contains("my-own-lake").not());
}

#[test]
fn data_that_are_not_there_are_told_with_their_table_and_place() {
    let project = Project::new("[[data]]\ntable = \"trips\"\nsource = \"nosuch.csv\"\n");
    let said = contains("table `trips` of [[data]] in quack.toml: there is no file `nosuch.csv`");
    let place = format!("help: it was looked for in {}\n", project.dir().display());
    project.quackctl(["up"]).assert().code(1).stderr(said.and(contains(place)));
}
