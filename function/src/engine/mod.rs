//! DuckDB, opened once per instance; every invocation gets a connection and a transaction of its own, and neither
//! outlives it.

mod error;
mod inline;
mod invocation;
mod raw;
mod replay;
mod sandbox;
mod settings;
mod spill;
mod storage;
mod type_name;
#[cfg(test)]
mod value_test;
mod writes;

pub use crate::s3::{Partition, S3Access};
pub use error::Failure;
pub use settings::Settings;
pub use storage::Folder;

use crate::wire::{Column, Data, Event};
use invocation::Invocation;
use raw::{Connection, Database};
use replay::Replay;
use settings::SECRET;
use writes::Writes;

/// What an invocation found.
pub struct Outcome {
    pub data: Data,
    pub columns: Vec<Column>,
    /// Rows returned, inline or spilled.
    pub rows: u64,
    /// Size of the encoded rows.
    pub bytes: u64,
    /// Whether the limit cut rows off.
    pub truncated: bool,
}

/// The engine of one instance.
pub struct Engine {
    settings: Settings,
    writes: Option<Writes>,
    instance: Option<Instance>,
    version: String,
}

/// An open database with the extensions loaded and the sandbox closed.
struct Instance {
    database: Database,
    replay: Replay,
}

impl Engine {
    /// Opens DuckDB, loads the extensions, and closes the sandbox.
    ///
    /// # Errors
    /// When an extension is missing, or DuckDB refuses a setting.
    pub fn open(settings: Settings) -> Result<Self, Failure> {
        let instance = Some(Instance::open(&settings)?);
        let writes = settings.writes();
        Ok(Self { settings, writes, instance, version: raw::library_version() })
    }

    /// DuckDB's version, e.g. `v1.5.5`.
    pub fn version(&self) -> &str {
        &self.version
    }

    /// Runs an event's SQL. `name` names the object of a spilled result; `room_bytes` is how large the encoded rows may
    /// be to go into the response.
    ///
    /// # Errors
    /// The sandbox's or DuckDB's; the engine is good for the next invocation all the same.
    pub fn run(
        &mut self,
        event: &Event,
        name: &str,
        room_bytes: impl Fn(&[Column]) -> usize,
    ) -> Result<Outcome, Failure> {
        sandbox::check_text(&event.q, self.writes.as_ref())?;
        // Taken out, so that an instance is lost, not reused, if anything below panics.
        let instance = match self.instance.take() {
            Some(instance) => instance,
            None => Instance::open(&self.settings)?,
        };
        let (outcome, clean) = instance.run(event, &self.settings.result_folder(name), &room_bytes);
        if clean && self.settings.has_no_files() {
            self.instance = Some(instance);
        }
        outcome
    }
}

impl Instance {
    fn open(settings: &Settings) -> Result<Self, Failure> {
        settings.remove_files()?;
        let database = Database::open(&settings.open_options())?;
        let replay = Replay::default();
        let connection = database.connect()?;
        connection.execute(&settings.setup_sql()?)?;
        replay.register(&connection)?;
        drop(connection);
        Ok(Self { database, replay })
    }

    /// Runs the event, and says whether the instance is as it was before.
    fn run(
        &self,
        event: &Event,
        result_folder: &str,
        room_bytes: &dyn Fn(&[Column]) -> usize,
    ) -> (Result<Outcome, Failure>, bool) {
        let connection = match self.database.connect() {
            Ok(connection) => connection,
            Err(failure) => return (Err(failure), false),
        };
        let mut invocation = Invocation {
            instance: self,
            connection: &connection,
            event,
            result_folder,
            room_bytes,
            only_queries: !sandbox::runs_text(&event.q),
        };
        let outcome = connection.execute("BEGIN TRANSACTION").and_then(|_| invocation.run());
        let only_queries = invocation.only_queries;
        // A rollback that fails means that the transaction had ended before: something may have been committed.
        let clean = connection.execute("ROLLBACK").is_ok() && (only_queries || is_pristine(&connection));
        (outcome, clean)
    }
}

/// Whether nothing was left behind that no rollback undoes: another secret or database, or a log.
fn is_pristine(connection: &Connection) -> bool {
    let remains = format!(
        "SELECT 1 WHERE current_setting('enable_logging') OR EXISTS (FROM duckdb_logs) \
         OR EXISTS (FROM duckdb_secrets() WHERE name <> '{SECRET}') \
         OR EXISTS (FROM duckdb_databases() WHERE NOT internal AND database_name <> 'memory')"
    );
    connection.execute(&remains).is_ok_and(|rows| rows == 0)
}
