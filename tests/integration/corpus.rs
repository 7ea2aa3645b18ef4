//! Recorded statements of real clients, put to a PostgreSQL and to `quackctl serve` that hold the same tables: the answers are the same.

use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use crate::support::{Project, Server, python, skip, text};

/// Who a PostgreSQL runs as that root starts: it refuses to be root.
const NOBODY: u32 = 65534;

/// A PostgreSQL of the test's own, which ends with it.
struct PostgreSql {
    child: Child,
    folder: tempfile::TempDir,
    port: u16,
}

impl PostgreSql {
    /// Nothing where none is installed.
    fn start() -> Option<Self> {
        let found = |name: &str| -> Option<PathBuf> {
            let path = std::env::var_os("PATH")?;
            std::env::split_paths(&path).map(|folder| folder.join(name)).find(|program| program.is_file())
        };
        let (initdb, postgres) = (found("initdb")?, found("postgres")?);
        let folder = tempfile::tempdir().unwrap();
        let is_root = rustix::process::getuid().is_root();
        if is_root {
            std::os::unix::fs::chown(folder.path(), Some(NOBODY), Some(NOBODY)).unwrap();
        }
        let data = folder.path().join("data");
        let run = |program: &Path| {
            let mut command = Command::new(program);
            command.current_dir(folder.path()).arg("-D").arg(&data).stdout(Stdio::null()).stderr(Stdio::null());
            if is_root {
                command.uid(NOBODY).gid(NOBODY);
            }
            command
        };
        assert!(run(&initdb).args(["-U", "ann", "-A", "trust"]).status().unwrap().success());
        // Free a moment ago.
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let arguments = ["-c", "listen_addresses=127.0.0.1", "-c", "fsync=off", "-p", &port.to_string(), "-k", ""];
        let child = run(&postgres).args(arguments).spawn().unwrap();
        Some(Self { child, folder, port })
    }
}

impl Drop for PostgreSql {
    fn drop(&mut self) {
        // SIGINT ends it at once, and its children with it.
        if let Some(pid) = rustix::process::Pid::from_raw(self.child.id().cast_signed()) {
            let _ = rustix::process::kill_process(pid, rustix::process::Signal::INT);
        }
        let _ = self.child.wait();
        let _ = self.folder.path();
    }
}

#[test]
fn what_real_clients_ask_has_postgresqls_answers() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let statements = root.join("../shared/data/clients/statements.json");
    if !statements.exists() {
        return skip("corpus", &format!("there is no {}", statements.display()));
    }
    let Some(postgresql) = PostgreSql::start() else { return skip("corpus", "no PostgreSQL is installed") };
    let project = Project::up("");
    let server = Server::start(&project, &[]);
    let dsn = |port: u16, name: &str| format!("host=127.0.0.1 port={port} user=ann dbname={name}");
    let python = python("clients", &root.join("tests/clients/requirements.txt"));
    let compared = Command::new(python)
        .arg(root.join("tests/clients/corpus.py"))
        .arg(statements)
        .args([dsn(postgresql.port, "postgres"), dsn(server.port, "lake")])
        .output()
        .unwrap();
    assert!(compared.status.success(), "{}", text(&compared));
    // The figures of docs/clients.md, and what differs.
    eprint!("{}", text(&compared));
    server.end();
}
