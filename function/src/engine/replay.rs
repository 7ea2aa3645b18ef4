//! The table function that hands a result that is already running to a second statement, chunk by chunk: first the
//! chunks that were kept, then the rest of the stream. This is how a result is written to the bucket without running
//! its query twice.

use super::raw::{Chunk, Connection, LogicalType, Rows};
use crate::failure::Failure;
use duckdb::ffi;
use std::collections::VecDeque;
use std::ffi::{CStr, CString, c_void};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The function's name in SQL.
pub(crate) const FUNCTION: &CStr = c"__quack_replay";

/// A running result: what was fetched of it, and what is left.
pub(crate) struct Source {
    /// Chunks that were fetched already, in order.
    pub kept: VecDeque<Chunk>,
    /// The rest, unless the kept chunks are all.
    pub rows: Option<Rows>,
    /// How many more rows may be handed out.
    pub limit: u64,
    /// Types of the columns.
    pub types: Vec<LogicalType>,
    /// Rows handed out so far.
    pub handed_out: u64,
    /// Whether the limit cut rows off.
    pub truncated: bool,
    /// The query's own error, when it failed midway.
    pub failure: Option<Failure>,
}

impl Source {
    /// A source of columns of `types`, without rows yet, that hands out `limit` rows at most.
    pub(crate) fn new(types: Vec<LogicalType>, limit: u64) -> Self {
        Self { kept: VecDeque::new(), rows: None, limit, types, handed_out: 0, truncated: false, failure: None }
    }

    /// Takes back the chunks that were handed out, all of them: they come again, and the limit counts from the start.
    pub(crate) fn again(&mut self, chunks: VecDeque<Chunk>) {
        self.kept = chunks;
        self.handed_out = 0;
    }

    /// The next chunk, cut to what the limit leaves.
    ///
    /// # Errors
    /// The query's own, when it fails midway.
    pub(crate) fn next(&mut self) -> Result<Option<Chunk>, Failure> {
        let left = self.limit - self.handed_out;
        if left == 0 && self.truncated {
            return Ok(None);
        }
        let chunk = match (self.kept.pop_front(), &mut self.rows) {
            (Some(chunk), _) => Some(chunk),
            (None, Some(rows)) => rows.fetch()?,
            (None, None) => None,
        };
        let Some(mut chunk) = chunk else {
            // DuckDB does not take the question again for what came to its end.
            self.rows = None;
            return Ok(None);
        };
        self.truncated |= chunk.len() > left;
        if left == 0 {
            return Ok(None);
        }
        chunk.truncate(left);
        self.handed_out += chunk.len();
        Ok(Some(chunk))
    }
}

/// Where the function finds its source. Empty but during [`Replay::run`].
#[derive(Clone, Default)]
pub(crate) struct Replay(Arc<Mutex<Option<Source>>>);

// SAFETY: the source is reached under the mutex only, so by one thread at a time, and DuckDB's results and chunks may
// move between threads.
unsafe impl Send for Replay {}
// SAFETY: the same.
unsafe impl Sync for Replay {}

impl Replay {
    /// Registers the function for every connection of `connection`'s database.
    ///
    /// # Errors
    /// When DuckDB refuses it.
    pub(crate) fn register(&self, connection: &Connection) -> Result<(), Failure> {
        // SAFETY: a new function that is whole before it is registered; DuckDB copies the name, and frees the slot with the
        // function.
        unsafe {
            let mut function = ffi::duckdb_create_table_function();
            ffi::duckdb_table_function_set_name(function, FUNCTION.as_ptr());
            let slot = Box::into_raw(Box::new(self.clone()));
            ffi::duckdb_table_function_set_extra_info(function, slot.cast::<c_void>(), Some(drop_slot));
            ffi::duckdb_table_function_set_bind(function, Some(bind));
            ffi::duckdb_table_function_set_init(function, Some(init));
            ffi::duckdb_table_function_set_function(function, Some(produce));
            let state = ffi::duckdb_register_table_function(connection.raw(), function);
            ffi::duckdb_destroy_table_function(&mut function);
            if state == ffi::DuckDBSuccess {
                Ok(())
            } else {
                Err(Failure::new("Quack.InitError", "DuckDB did not take the function that replays results"))
            }
        }
    }

    /// Runs `work` while the function hands out `source`, and gives the source back.
    pub(crate) fn run<T>(&self, source: Source, work: impl FnOnce() -> T) -> (T, Option<Source>) {
        *self.lock() = Some(source);
        struct Clear<'a>(&'a Replay);
        impl Drop for Clear<'_> {
            fn drop(&mut self) {
                self.0.lock().take();
            }
        }
        let clear = Clear(self);
        let done = work();
        let source = self.lock().take();
        drop(clear);
        (done, source)
    }

    fn lock(&self) -> MutexGuard<'_, Option<Source>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

unsafe extern "C" fn drop_slot(slot: *mut c_void) {
    // SAFETY: the box that `register` gave away, which DuckDB gives back once.
    drop(unsafe { Box::from_raw(slot.cast::<Replay>()) });
}

/// The replay behind DuckDB's `extra_info` pointer.
///
/// # Safety
/// `slot` is what [`Replay::register`] gave to DuckDB.
unsafe fn slot_of<'a>(slot: *mut c_void) -> &'a Replay {
    // SAFETY: the caller's promise; DuckDB keeps the slot for as long as it calls the function.
    unsafe { &*slot.cast::<Replay>() }
}

unsafe extern "C" fn bind(info: ffi::duckdb_bind_info) {
    // SAFETY: DuckDB calls this with the slot that `register` gave to it.
    let replay = unsafe { slot_of(ffi::duckdb_bind_get_extra_info(info)) };
    match &*replay.lock() {
        // SAFETY: DuckDB's own `info`, and a C string, which it copies.
        None => unsafe {
            ffi::duckdb_bind_set_error(info, c"this function is for the engine's own use".as_ptr());
        },
        Some(source) => {
            for (index, logical_type) in source.types.iter().enumerate() {
                if let Ok(name) = CString::new(column(index)) {
                    // SAFETY: DuckDB's own `info`, a C string and a live type, which it copies.
                    unsafe { ffi::duckdb_bind_add_result_column(info, name.as_ptr(), logical_type.raw()) };
                }
            }
        }
    }
}

/// Name of the function's column `index`.
pub(crate) fn column(index: usize) -> String {
    format!("c{index}")
}

unsafe extern "C" fn init(info: ffi::duckdb_init_info) {
    // One thread: the rows keep their order.
    // SAFETY: DuckDB's own `info`.
    unsafe { ffi::duckdb_init_set_max_threads(info, 1) };
}

unsafe extern "C" fn produce(info: ffi::duckdb_function_info, output: ffi::duckdb_data_chunk) {
    // SAFETY: DuckDB calls this with the slot that `register` gave to it.
    let replay = unsafe { slot_of(ffi::duckdb_function_get_extra_info(info)) };
    let produced = catch_unwind(AssertUnwindSafe(|| {
        let mut slot = replay.lock();
        let source = slot.as_mut().ok_or_else(|| Failure::new("Quack.InternalError", "no result to replay"))?;
        source.next().inspect_err(|failure| source.failure = Some(failure.clone()))
    }));
    // SAFETY: DuckDB's own `info` and `output`, which has the columns that `bind` named; they share the chunk's vectors.
    unsafe {
        match produced {
            Ok(Ok(Some(chunk))) => {
                for index in 0..chunk.width() {
                    let to = ffi::duckdb_data_chunk_get_vector(output, index as ffi::idx_t);
                    ffi::duckdb_vector_reference_vector(to, chunk.vector(index));
                }
                ffi::duckdb_data_chunk_set_size(output, chunk.len());
            }
            Ok(Ok(None)) => ffi::duckdb_data_chunk_set_size(output, 0),
            Ok(Err(_)) | Err(_) => ffi::duckdb_function_set_error(info, c"the query failed".as_ptr()),
        }
    }
}
