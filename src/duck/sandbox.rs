//! The one way to open a DuckDB on this machine: told what it may touch, and locked to that before it is given anything to
//! run. The catalog, a function's answer and a user's SQL all end up in such a DuckDB; what they smuggle in finds no file
//! that was not named, no network, no extension, no way to unlock it.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use duckdb::Connection;
use quack_function::sql::literal;

/// What a DuckDB may touch, and how much it may take. By default nothing but memory. Not `Debug`: its setup may hold keys.
#[derive(Clone, Default)]
pub(crate) struct Sandbox<'a> {
    /// Files that it may read, as its SQL names them.
    pub files: &'a [PathBuf],
    /// A folder that it may read and write.
    pub folder: Option<&'a Path>,
    /// Folders of object storage that it may read and write, `s3://bucket/`.
    pub buckets: &'a [String],
    /// Where it spills what does not fit its memory; nowhere without.
    pub spill: Option<&'a Path>,
    /// As DuckDB writes it, e.g. `512MB`; most of the machine's without.
    pub memory: Option<&'a str>,
    /// All of the machine's processors without.
    pub threads: Option<u32>,
    /// SQL of our own that runs before the lock: more settings, an extension, a secret.
    pub setup: &'a str,
}

/// Opens a DuckDB in memory and locks it. Its time zone is the function's, whatever the machine's is: the two answer one
/// query together.
///
/// # Errors
/// When DuckDB cannot start, or `setup` fails.
pub(crate) fn open(sandbox: &Sandbox<'_>) -> Result<Connection> {
    let connection = Connection::open_in_memory().context("DuckDB does not start")?;
    lock(&connection, sandbox).context("DuckDB does not start")?;
    Ok(connection)
}

/// Locks a database that was opened otherwise, through one of its connections: before it is given anything to run.
///
/// # Errors
/// DuckDB's.
pub(crate) fn lock(connection: &Connection, sandbox: &Sandbox<'_>) -> duckdb::Result<()> {
    // A DuckDB without time zones knows no such setting, and is in UTC.
    _ = connection.execute_batch("SET autoload_known_extensions = false; SET GLOBAL TimeZone = 'UTC'");
    connection.execute_batch(&sandbox.sql())
}

impl Sandbox<'_> {
    fn sql(&self) -> String {
        let mut sql = String::from(
            "SET autoinstall_known_extensions = false; SET autoload_known_extensions = false;
             SET allow_community_extensions = false; SET allow_persistent_secrets = false;\n",
        );
        let mut set = |name: &str, value: String| sql.push_str(&format!("SET {name} = {value};\n"));
        set("temp_directory", literal(&self.spill.map_or_else(String::new, text)));
        if let Some(memory) = self.memory {
            set("memory_limit", literal(memory));
        }
        if let Some(threads) = self.threads {
            set("threads", threads.to_string());
        }
        // Before the folders are named: what an address of an extension's is, only the extension knows.
        sql.push_str(self.setup);
        sql.push_str(";\n");
        let mut set = |name: &str, value: String| sql.push_str(&format!("SET {name} = {value};\n"));
        set("allowed_paths", list(self.files.iter().map(|file| text(file))));
        // Spilling needs no leave. The separator keeps out a neighbour whose name begins alike.
        let folder = self.folder.map(|folder| format!("{}/", text(folder).trim_end_matches('/')));
        set("allowed_directories", list(folder.into_iter().chain(self.buckets.iter().cloned())));
        sql.push_str("SET enable_external_access = false; SET lock_configuration = true;");
        sql
    }
}

fn text(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}

fn list(items: impl Iterator<Item = String>) -> String {
    format!("[{}]", items.map(|item| literal(&item)).collect::<Vec<_>>().join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A folder with a secret in it, and SQL that tries to read, write or leave.
    fn attempts(dir: &Path) -> Vec<String> {
        let secret = dir.join("secret.csv");
        std::fs::write(&secret, "password\nhunter2\n").unwrap();
        let (secret, dir) = (secret.display(), dir.display());
        vec![
            format!("SELECT * FROM '{secret}'"),
            format!("SELECT content FROM read_text('{secret}')"),
            format!("SELECT content FROM read_blob('{dir}/inside/../secret.csv')"),
            format!("SELECT file FROM glob('{dir}/*')"),
            "SELECT content FROM read_text('/proc/self/environ')".to_owned(),
            format!("COPY (SELECT 1) TO '{dir}/written.csv'"),
            format!("COPY (SELECT 1) TO '{dir}/inside-not/written.csv'"),
            format!("ATTACH '{dir}/attached.db'"),
            format!("EXPORT DATABASE '{dir}/exported'"),
            "SELECT * FROM read_csv('http://127.0.0.1:9/x.csv')".to_owned(),
            "INSTALL httpfs".to_owned(),
            "LOAD httpfs".to_owned(),
            format!("LOAD '{dir}/x.duckdb_extension'"),
            "SET enable_external_access = true".to_owned(),
            "RESET allowed_directories".to_owned(),
            "SET lock_configuration = false".to_owned(),
            format!("SET temp_directory = '{dir}'"),
            format!("SET profiling_output = '{dir}/profile'"),
            format!("PRAGMA profile_output = '{dir}/profile'"),
            format!("SET log_query_path = '{dir}/queries'"),
            "CREATE PERSISTENT SECRET s (TYPE s3, KEY_ID 'a', SECRET 'b')".to_owned(),
        ]
    }

    /// Functions that the lock does not refuse, and that would write somewhere else later.
    #[test]
    fn logs_and_profiles_leave_no_file() {
        let dir = tempfile::tempdir().unwrap();
        let place = dir.path().display();
        for call in [
            format!("enable_logging('QueryLog', storage = 'file', storage_path = '{place}/logs')"),
            format!("enable_logging('QueryLog', storage = 'file', storage_path = '{place}/logs.csv')"),
            format!("enable_profiling(save_location = '{place}/profile.txt')"),
            format!("enable_profiling(format = 'json', save_location = '{place}/profile.json')"),
        ] {
            let connection = open(&Sandbox::default()).unwrap();
            for sql in [format!("SELECT * FROM {call}"), "SELECT 42".to_owned(), "SELECT 43".to_owned()] {
                // It may well be refused.
                _ = connection.query_row(&sql, [], |_| Ok(()));
            }
            drop(connection);
            assert_eq!(names(dir.path()), [""; 0], "{call}");
        }
    }

    fn names(dir: &Path) -> Vec<String> {
        let mut names: Vec<_> = std::fs::read_dir(dir)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned())
            .collect();
        names.sort();
        names
    }

    #[test]
    fn nothing_but_what_was_named_is_within_reach() {
        let dir = tempfile::tempdir().unwrap();
        let inside = dir.path().join("inside");
        std::fs::create_dir(&inside).unwrap();
        std::fs::create_dir(dir.path().join("inside-not")).unwrap();
        let named = [dir.path().join("named[1].csv")];
        std::fs::write(&named[0], "a\n1\n").unwrap();
        let sandboxes = [
            Sandbox::default(),
            Sandbox { files: &named, ..Sandbox::default() },
            Sandbox { folder: Some(&inside), spill: Some(&inside), ..Sandbox::default() },
        ];
        for (number, sandbox) in sandboxes.iter().enumerate() {
            let connection = open(sandbox).unwrap();
            for attempt in attempts(dir.path()) {
                let done = connection.prepare(&attempt).and_then(|mut statement| {
                    let rows = statement.query_map([], |_| Ok(()))?;
                    rows.collect::<duckdb::Result<Vec<_>>>()
                });
                assert!(done.is_err(), "{attempt} in sandbox {number}");
            }
            assert_eq!(names(dir.path()), ["inside", "inside-not", "named[1].csv", "secret.csv"]);
        }
    }

    #[test]
    fn what_was_named_is_read_and_written() {
        let dir = tempfile::tempdir().unwrap();
        let inside = dir.path().join("inside");
        std::fs::create_dir(&inside).unwrap();
        let file = dir.path().join("it's.csv");
        std::fs::write(&file, "a\n1\n").unwrap();
        let files = [file.clone()];
        let connection = open(&Sandbox { files: &files, folder: Some(&inside), ..Sandbox::default() }).unwrap();
        let (from, to) = (literal(&text(&file)), literal(&text(&inside.join("b.parquet"))));
        connection.execute_batch(&format!("COPY (FROM {from}) TO {to}")).unwrap();
        let read = connection.query_row(&format!("SELECT a FROM {to}"), [], |row| row.get::<_, i64>(0));
        assert_eq!(read.unwrap(), 1);
    }
}
