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
mod sql;
mod type_name;

pub use error::Failure;
pub use settings::Settings;

use crate::wire::{Column, Data, Event};
use raw::{Connection, Database};
use replay::Replay;

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
    instance: Option<Instance>,
    version: String,
}

/// An open database with the extensions loaded and the sandbox closed.
struct Instance {
    database: Database,
    replay: Replay,
    /// What [`verify`] says of an instance that nothing was left in.
    pristine: String,
}

impl Engine {
    /// Opens DuckDB, loads the extensions, and closes the sandbox.
    ///
    /// # Errors
    /// When an extension is missing, or DuckDB refuses a setting.
    pub fn open(settings: Settings) -> Result<Self, Failure> {
        let instance = Some(Instance::open(&settings)?);
        Ok(Self { settings, instance, version: raw::library_version() })
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
        sandbox::check_text(&event.q)?;
        // Taken out, so that an instance is lost, not reused, if anything below panics.
        let instance = match self.instance.take() {
            Some(instance) => instance,
            None => Instance::open(&self.settings)?,
        };
        let (outcome, clean) = instance.run(event, &self.settings.result_folder(name), &room_bytes);
        if clean {
            self.instance = Some(instance);
        }
        outcome
    }
}

impl Instance {
    fn open(settings: &Settings) -> Result<Self, Failure> {
        let database = Database::open(&settings.open_options())?;
        let replay = Replay::default();
        let pristine = {
            let connection = database.connect()?;
            connection.execute(&settings.setup_sql()?)?;
            replay.register(&connection)?;
            fingerprint(&connection)?
        };
        Ok(Self { database, replay, pristine })
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
        let outcome = connection
            .execute("BEGIN TRANSACTION")
            .and_then(|()| invocation::run(self, &connection, event, result_folder, room_bytes));
        // A rollback that fails means that the transaction had ended before: something may have been committed.
        let clean = connection.execute("ROLLBACK").is_ok()
            && fingerprint(&connection).is_ok_and(|fingerprint| fingerprint == self.pristine);
        (outcome, clean)
    }
}

/// What of the whole instance a statement could have changed.
fn fingerprint(connection: &Connection) -> Result<String, Failure> {
    let row = connection.first_row(
        "SELECT concat_ws(' ', current_setting('enable_logging'), (SELECT list(name) FROM duckdb_secrets()), \
         (SELECT list(database_name) FROM duckdb_databases() WHERE NOT internal))",
    )?;
    let mut text = String::new();
    crate::value::write_text(&mut text, row.schema().field(0), row.column(0), 0);
    Ok(text)
}
#[cfg(test)]
mod value_test;
