//! The engine as clients of PostgreSQL see it.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use predicates::str::contains;
use serde_json::json;

use crate::support::{Place, Project, Server, python, text};

crate::on_every_target! {
    drivers_get_what_they_ask_for,
}

pub(crate) const TRIPS: &str = "CREATE TABLE trips AS SELECT i AS id, (9 + i * 0.5)::DECIMAL(9,2) AS fare, \
                     CASE WHEN i <= 4 THEN DATE '2019-04-01' ELSE DATE '2019-04-02' END AS day FROM range(1, 7) r(i)";

fn clients() -> (std::path::PathBuf, std::path::PathBuf) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/clients");
    (python("clients", &folder.join("requirements.txt")), folder)
}

fn drivers_get_what_they_ask_for(place: Place) {
    let (python, folder) = clients();
    let project = Project::up_at(place, "");
    project.succeed(["query", TRIPS], "a table");
    let server = Server::start(&project, &[]);
    let port = server.port.to_string();
    let output = Command::new(python).arg(folder.join("drivers.py")).arg(port).output().unwrap();
    assert!(output.status.success(), "{}", text(&output));
    assert!(text(&output).contains("answers of clients"), "{}", text(&output));
    assert_eq!(project.rows("SELECT count(*)::INT AS n FROM trips"), json!([{"n": 6}]));
    server.end();
}

#[test]
fn transactions_are_as_postgresql_has_them() {
    let (python, folder) = clients();
    let project = Project::up("");
    let server = Server::start(&project, &[]);
    let port = server.port.to_string();
    let output = Command::new(python).arg(folder.join("transactions.py")).arg(port).output().unwrap();
    assert!(output.status.success(), "{}", text(&output));
    assert!(text(&output).contains("as PostgreSQL has them"), "{}", text(&output));
    server.end();
}

#[test]
fn a_variable_is_what_it_was_when_it_was_set() {
    let project = Project::up("");
    let server = Server::start(&project, &[]);
    let script = "c = psycopg.connect(f'host=127.0.0.1 port={P} user=ann', autocommit=True)\n\
                  one = lambda sql, *values: c.execute(sql, *values).fetchone()[0]\n\
                  c.execute('SET VARIABLE r = random()')\n\
                  print(one(\"SELECT getvariable('r')\") == one(\"SELECT getvariable('R')\"))\n\
                  c.execute('SET VARIABLE l = [1, 2]')\n\
                  c.execute(\"SET VARIABLE n = len(getvariable('l')) + %s::INT\", [40])\n\
                  print(one(\"SELECT getvariable('n')\"), one(\"SELECT getvariable('n') + %s\", [1]))\n\
                  for sql in ['SET VARIABLE n = nothing', 'SET VARIABLE n = (', \"SET VARIABLE big = repeat('x', 2000000)\"]:\n\
                  \x20try: c.execute(sql); print('was taken')\n\
                  \x20except psycopg.Error as error: print(error.sqlstate)\n\
                  print(one(\"SELECT getvariable('n')\"))\n\
                  c.execute('RESET VARIABLE n')\n\
                  print(one(\"SELECT getvariable('n') IS NULL\"), one(\"SELECT getvariable('l')\"))\n\
                  c.execute('DISCARD ALL')\n\
                  print(one(\"SELECT getvariable('l') IS NULL\"))";
    assert_eq!(succeeds(&server, script), "True\n42 43\n42703\n42601\n54000\n42\nTrue [1, 2]\nTrue\n");
    server.end();
}

/// Runs Python with psycopg; `P` in it is the port.
fn psycopg(server: &Server, script: &str) -> std::process::Output {
    let (python, _) = clients();
    let script = format!("import psycopg, sys, time\nP = {}\n{script}", server.port);
    Command::new(python).args(["-c", &script]).output().unwrap()
}

fn succeeds(server: &Server, script: &str) -> String {
    let output = psycopg(server, script);
    assert!(output.status.success(), "{}", text(&output));
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn who_has_a_password_comes_in_and_nobody_else() {
    let mut project = Project::up("");
    let made =
        project.quackctl(["serve", "add-user", "ann", "--json"]).write_stdin("correct horse\n").output().unwrap();
    assert!(made.status.success(), "{}", text(&made));
    let made: serde_json::Value = serde_json::from_slice(&made.stdout).unwrap();
    let line = made["line"].as_str().unwrap();
    assert!(line.starts_with("ann=SCRAM-SHA-256$4096:") && !line.contains("horse"));
    let odd = project.quackctl(["serve", "add-user", r#"x"y\z"#]).write_stdin("correct horse\n").output().unwrap();
    let odd: toml::Value = toml::from_str(&format!("users = [{}]", String::from_utf8(odd.stdout).unwrap())).unwrap();
    assert!(odd["users"][0].as_str().unwrap().starts_with(r#"x"y\z=SCRAM"#), "{odd}");
    project
        .quackctl(["serve", "add-user", "bob"])
        .write_stdin("short\n")
        .assert()
        .code(2)
        .stderr(contains("8 characters"));
    project.set("QUACK_SERVE_USERS", line);
    let server = Server::start(&project, &[]);
    let come = |user: &str, password: &str| {
        let script = format!(
            "c = psycopg.connect(host='127.0.0.1', port=P, user='{user}', password='{password}', dbname='lake')\n\
             print(c.execute('SELECT 42').fetchone()[0])"
        );
        psycopg(&server, &script)
    };
    assert_eq!(text(&come("ann", "correct horse")).trim(), "42");
    let told = |output: std::process::Output| {
        assert!(!output.status.success());
        text(&output)
    };
    let wrong = told(come("ann", "wrong horse"));
    assert!(wrong.contains("\"ann\""), "{wrong}");
    // What is no password message, instead of one.
    let message = |body: &[u8]| [b"p", &(body.len() as u32 + 4).to_be_bytes()[..], body].concat();
    let first = b"SCRAM-SHA-256\0\0\0\0\x14n,,n=,r=abcdefghijkl";
    for said in [
        message(b"secret\0"),
        message(b"SCRAM-SHA-256\0\x7f\xff\xff\xffn,,n=,r=a"),
        message(b"c=biws,r=abc,p=AAAA"),
        message(b""),
        [message(first), message(b"c=biws")].concat(),
        [message(first), message(b"\xff\xfe")].concat(),
    ] {
        let mut stream = TcpStream::connect(("127.0.0.1", server.port)).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
        stream.write_all(b"\0\0\0\x12\0\x03\0\0user\0ann\0\0").unwrap();
        let _ = stream.write_all(&said);
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer);
        // It is told so, and not let in.
        assert!(answer.windows(5).any(|bytes| bytes == b"FATAL"), "{said:?}: {answer:?}");
    }
    let unknown = told(come("eve", "correct horse"));
    assert!(wrong.contains("authentication failed") && unknown.contains("authentication failed"), "{wrong}{unknown}");
    // Who is not known is told what who is wrong is.
    let last =
        |told: &str| told.lines().rev().find(|line| line.contains("authentication")).unwrap().replace("eve", "ann");
    assert_eq!(last(&wrong), last(&unknown));
    let said = server.end();
    assert!(!said.contains("horse") && !said.contains("panicked"), "{said}");
    project.set("QUACK_SERVE_USERS", "ann=correct horse");
    let refused = project.quackctl(["serve"]).output().unwrap();
    assert!(text(&refused).contains("add-user ann") && !text(&refused).contains("horse"), "{}", text(&refused));
}

#[test]
fn with_a_certificate_nobody_comes_in_without_tls() {
    let mut project = Project::up("");
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let cert = project.write("cert.pem", made.cert.pem()).display().to_string();
    let key = project.write("key.pem", made.signing_key.serialize_pem()).display().to_string();
    let line = project.quackctl(["serve", "add-user", "ann"]).write_stdin("correct horse\n").output().unwrap();
    let line = String::from_utf8(line.stdout).unwrap();
    project.set(
        "QUACK_SERVE_USERS",
        line.lines().find(|line| line.contains("SCRAM")).unwrap().trim().trim_matches(['"', ',']),
    );
    let server = Server::start(&project, &["--tls-cert", &cert, "--tls-key", &key]);
    let come = |how: &str| {
        let script = format!(
            "c = psycopg.connect(f'host=localhost hostaddr=127.0.0.1 port={{P}} user=ann password=\\'correct horse\\' {how}')\n\
             print(c.execute('SELECT 42').fetchone()[0], c.pgconn.ssl_in_use, c.execute('SELECT CURRENT_USER').fetchone()[0])"
        );
        text(&psycopg(&server, &script))
    };
    assert_eq!(come(&format!("sslmode=verify-full sslrootcert={cert}")).trim(), "42 True ann");
    assert_eq!(come("sslmode=prefer").trim(), "42 True ann");
    assert!(come("sslmode=disable").contains("takes connections with TLS only"), "{}", come("sslmode=disable"));
    assert!(come("sslmode=verify-full sslrootcert=/nowhere.pem").contains("nowhere.pem"));
    // What was sent before the handshake is not the client's word: it is not even waited for what comes after.
    let mut stream = TcpStream::connect(("127.0.0.1", server.port)).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    stream.write_all(b"\0\0\0\x08\x04\xd2\x16\x2f\0\0\0\x12\0\x03\0\0user\0ann\0\0").unwrap();
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    assert!(answer.is_empty() || answer[0] == b'S' && !answer.contains(&b'R'), "{answer:?}");
    assert!(!server.end().contains("panicked"));
}

#[test]
fn others_are_not_let_in_without_tls_and_users() {
    let project = Project::up("");
    let refused = project.quackctl(["serve", "--listen", "0.0.0.0:0"]).assert().code(2);
    refused.stderr(contains("others could reach 0.0.0.0:0"));
    project.quackctl(["serve", "--tls-cert", "nothing.pem"]).assert().code(2).stderr(contains("--tls-key"));
    let one = Server::start(&project, &[]);
    let address = format!("127.0.0.1:{}", one.port);
    project.quackctl(["serve", "--listen", &address]).assert().code(2).stderr(contains("cannot listen on"));
}

#[test]
fn what_a_client_no_longer_wants_ends() {
    let project = Project::up("");
    let server = Server::start(&project, &[]);
    let slow = "SELECT count(*) FROM range(100000000000) r(i) WHERE i % 7 = 3";
    // By the client's own word.
    let script = format!(
        "import threading\nc = psycopg.connect(f'host=127.0.0.1 port={{P}} user=ann', autocommit=True)\n\
         threading.Timer(1, c.cancel_safe).start()\n\
         try:\n  c.execute('{slow}'); print('ended')\nexcept psycopg.errors.QueryCanceled: print('cancelled')\n\
         print(c.execute('SELECT 1').fetchone()[0])"
    );
    assert_eq!(succeeds(&server, &script), "cancelled\n1\n");
    // Because its time is up.
    let script = format!(
        "c = psycopg.connect(f'host=127.0.0.1 port={{P}} user=ann', autocommit=True)\n\
         c.execute(\"SET statement_timeout = '500ms'\")\n\
         try:\n  c.execute('{slow}'); print('ended')\nexcept psycopg.errors.QueryCanceled: print('cancelled')"
    );
    assert_eq!(succeeds(&server, &script), "cancelled\n");
    // Because the client has gone: else the server would wait for it when it ends.
    let mut gone = TcpStream::connect(("127.0.0.1", server.port)).unwrap();
    gone.write_all(b"\0\0\0\x12\0\x03\0\0user\0ann\0\0").unwrap();
    let query = format!("{slow}\0");
    gone.write_all(&[&b"Q"[..], &(query.len() as u32 + 4).to_be_bytes(), query.as_bytes()].concat()).unwrap();
    // What it has sent already, and nobody has read, does not hide that.
    gone.write_all(b"Q\0\0\0\x0dSELECT 1\0").unwrap();
    std::thread::sleep(Duration::from_millis(700));
    drop(gone);
    let started = Instant::now();
    server.end();
    assert!(started.elapsed() < Duration::from_secs(25), "it waited for a client that had gone");
}

#[test]
fn who_ends_a_server_twice_ends_what_runs() {
    let project = Project::up("");
    let mut server = Server::start(&project, &[]);
    let (python, _) = clients();
    let script = format!(
        "import psycopg\nc = psycopg.connect('host=127.0.0.1 port={} user=ann', autocommit=True)\nprint('in', flush=True)\n\
         try: c.execute('SELECT count(*) FROM range(100000000000) r(i) WHERE i % 7 = 3')\n\
         except psycopg.Error as error: print(error.sqlstate)",
        server.port
    );
    let mut client = Command::new(python).args(["-c", &script]).stdout(Stdio::piped()).spawn().unwrap();
    let mut said = BufReader::new(client.stdout.take().unwrap());
    let mut line = String::new();
    said.read_line(&mut line).unwrap();
    std::thread::sleep(Duration::from_millis(700));
    let pid = rustix::process::Pid::from_raw(server.child.id().cast_signed()).unwrap();
    let press = || rustix::process::kill_process(pid, rustix::process::Signal::INT).unwrap();
    press();
    std::thread::sleep(Duration::from_millis(700));
    assert!(server.child.try_wait().unwrap().is_none(), "the first time what runs is waited for");
    press();
    let ended = server.child.wait().unwrap();
    said.read_line(&mut line).unwrap();
    client.wait().unwrap();
    assert!(ended.success(), "{ended}");
    assert_eq!(line, "in\n57014\n");
}

#[test]
fn a_server_that_is_killed_has_made_nothing_by_half() {
    let project = Project::up("");
    project.succeed(["query", TRIPS], "a table");
    let mut server = Server::start(&project, &[]);
    let (python, _) = clients();
    let script = format!(
        "import psycopg, time\nc = psycopg.connect('host=127.0.0.1 port={} user=ann')\n\
         c.execute('DELETE FROM trips'); c.execute('CREATE TABLE half AS SELECT 1 AS a'); print('done', flush=True); time.sleep(60)",
        server.port
    );
    let mut client = Command::new(python).args(["-c", &script]).stdout(Stdio::piped()).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(client.stdout.take().unwrap()).read_line(&mut line).unwrap();
    assert_eq!(line, "done\n");
    server.child.kill().unwrap();
    assert_eq!(project.rows("SELECT count(*)::INT AS n FROM trips"), json!([{"n": 6}]));
    project.quackctl(["query", "FROM half"]).assert().code(1);
    client.kill().unwrap();
    client.wait().unwrap();
}

/// What no client sends: a server that falls is found by the next one, which is well.
#[test]
fn what_is_no_message_ends_its_connection_and_no_other() {
    let project = Project::up("");
    let server = Server::start(&project, &[]);
    let hello = b"\0\0\0\x12\0\x03\0\0user\0ann\0\0";
    let garbage: &[&[u8]] = &[
        b"\xff\xff\xff\xff",
        b"\0\0\0\x04",
        b"GET / HTTP/1.1\r\n\r\n",
        b"\0\0\0\x08\x04\xd2\x16\x2f",
        b"Q\xff\xff\xff\xff",
        b"Q\0\0\0\x03",
        b"Q\x7f\xff\xff\xff",
        b"B\0\0\0\x08\0\0\xff\xff",
        b"P\0\0\0\x05\0",
        b"E\0\0\0\x04",
        b"D\0\0\0\x06X\0",
        b"d\0\0\0\x05x",
        b"d\0\0\0\x03",
        b"P\0\0\0\x07a\0\0",
        b"B\0\0\0\x0a\0\0\0\x01\0\x01",
        b"p\0\0\0\x05\0",
        b"Z\0\0\0\x04",
    ];
    for bytes in garbage {
        for before in [&hello[..], b""] {
            let mut stream = TcpStream::connect(("127.0.0.1", server.port)).unwrap();
            stream.set_read_timeout(Some(Duration::from_millis(300))).unwrap();
            // The other side may be gone by then.
            let _ = stream.write_all(&[before, bytes].concat());
            let _ = stream.read_to_end(&mut Vec::new());
        }
    }
    let script = "print(psycopg.connect(f'host=127.0.0.1 port={P} user=ann').execute('SELECT 42').fetchone()[0])";
    assert_eq!(succeeds(&server, script), "42\n");
    assert!(!server.end().contains("panicked"));
}
