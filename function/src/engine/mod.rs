//! DuckDB, opened once per instance; every invocation gets a connection and a transaction of its own, and neither
//! outlives it.

mod access;
mod guard;
mod inline;
mod invocation;
mod judge;
mod lake;
mod metadata;
mod needed;
mod pivot;
mod raw;
mod replay;
mod settings;
mod spill;
mod statement;
mod storage;
mod stream;
mod threads;
mod type_name;
#[cfg(test)]
mod value_test;
mod watch;

pub use crate::failure::Failure;
pub use crate::s3::{Partition, S3Access};
pub use settings::Settings;
pub use storage::Folder;

use crate::wire::{Column, Data, Event};
use guard::{Guard, Transaction};
use invocation::{Invocation, Plan};
use judge::Judge;
use lake::Lake;
use raw::Database;
use replay::Replay;
use threads::Threads;
use watch::Watch;

/// How often an event is run whose failure has lost its reason.
const MOST_ATTEMPTS: usize = 4;

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
    /// Names of the tables that were read.
    pub tables: Vec<String>,
}

/// The engine of one instance.
pub struct Engine {
    settings: Settings,
    instance: Option<Instance>,
    version: String,
}

/// An open database with the extensions loaded and the sandbox closed. Its fields go in this order: connections before
/// what they are connected to.
struct Instance {
    judge: Judge,
    lake: Lake,
    guard: Guard,
    threads: Threads,
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
        Ok(Self { settings, instance, version: raw::library_version() })
    }

    /// DuckDB's version, e.g. `v1.5.5`.
    pub fn version(&self) -> &str {
        &self.version
    }

    /// Whether the log may say which SQL was run.
    pub fn logs_sql(&self) -> bool {
        self.settings.log_sql
    }

    /// Runs an event's SQL. `name` names a spilled result that the event does not name; `room_bytes` is how large the encoded rows may
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
        // Taken out, so that an instance is lost, not reused, if anything below panics.
        let instance = match self.instance.take() {
            Some(instance) => instance,
            None => Instance::open(&self.settings)?,
        };
        let (outcome, clean) = match Plan::of(&instance, event) {
            Ok(plan) => {
                let folder = self.settings.result_folder(event.result.as_deref().unwrap_or(name));
                instance.run(&plan, event, &folder, &room_bytes)
            }
            // Nothing of it was run.
            Err(failure) => (Err(failure), true),
        };
        let sane = !matches!(&outcome, Err(failure) if failure.is_internal());
        if clean && sane && self.settings.has_no_files() {
            self.instance = Some(instance);
        } else {
            eprintln!("the instance is opened anew: it is not as it was");
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
        let judge = Judge::new(&database, settings.access())?;
        let guard = Guard::new(&database)?;
        let threads = Threads::new(&database, settings.duckdb_mib(), settings.s3_is_near)?;
        Ok(Self { judge, lake: Lake::new(settings), guard, threads, database, replay })
    }

    /// Runs an event that was judged, and says whether the instance is as it was before.
    ///
    /// Of a query that fails in one thread while another waits with a chunk to be fetched, DuckDB may tell no more than that
    /// it was interrupted. Such a one is run again for its reason, unless it has written something; so is one with few threads that had
    /// too little memory for many.
    fn run(
        &self,
        plan: &Plan,
        event: &Event,
        result_folder: &str,
        room_bytes: &dyn Fn(&[Column]) -> usize,
    ) -> (Result<Outcome, Failure>, bool) {
        // Each thread would hold what is to be written.
        let mut many = if plan.writes() { None } else { self.threads.wanted(|| plan.digest(event)) };
        let mut attempts = 1;
        let mut ended = self.attempt(plan, many, event, result_folder, room_bytes);
        while let (Err(failure), true) = &ended
            && (failure.has_lost_its_reason() || many.is_some() && failure.is_out_of_memory())
            && attempts < MOST_ATTEMPTS
            && !plan.writes()
        {
            if failure.is_out_of_memory() {
                many = None;
            }
            attempts += 1;
            ended = self.attempt(plan, many, event, result_folder, room_bytes);
        }
        if let Err(failure) = &mut ended.0
            && failure.has_lost_its_reason()
        {
            failure.message += "\nThe query failed in one of DuckDB's threads, and the reason was lost: run it again.";
        }
        ended
    }

    /// Runs an event once.
    fn attempt(
        &self,
        plan: &Plan,
        many: Option<u64>,
        event: &Event,
        result_folder: &str,
        room_bytes: &dyn Fn(&[Column]) -> usize,
    ) -> (Result<Outcome, Failure>, bool) {
        let connected = self.database.connect().and_then(|connection| {
            connection.execute(&Settings::connection_sql())?;
            Ok(connection)
        });
        let connection = match connected {
            Ok(connection) => connection,
            Err(failure) => return (Err(failure), false),
        };
        let invocation = Invocation { instance: self, connection: &connection, event, result_folder, room_bytes };
        let transaction = match Transaction::begin(&connection) {
            Ok(transaction) => transaction,
            Err(failure) => return (Err(failure), false),
        };
        let watch = event.result.is_some().then(|| Watch::start(&self.database, &connection, result_folder));
        let mut outcome = self.threads.run(many, || invocation.run(plan));
        if let Some((is_gone, may_be_gone)) = watch.map(Watch::end) {
            let spilled = outcome.as_ref().is_ok_and(|outcome| outcome.data.spilled.is_some());
            let looks = || watch::is_left(&self.database, result_folder).unwrap_or(false);
            if is_gone || (may_be_gone || spilled) && looks() {
                spill::remove(self, result_folder);
                outcome = Err(Failure::new("Quack.Cancelled", "whoever asked has gone away"));
            }
        }
        // The same transaction from beginning to end, rolled back, has left nothing in the catalog. One that cannot be
        // rolled back had ended before.
        let one_transaction = transaction.goes_on();
        let clean = connection.execute("ROLLBACK").is_ok() && self.guard.holds(!one_transaction);
        (outcome, clean)
    }
}
