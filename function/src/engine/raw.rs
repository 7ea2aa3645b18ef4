//! DuckDB's C API behind types that free what they hold. Every other file of the engine is safe code over these
//! (but for the table function of [`super::replay`], which DuckDB calls back).
//!
//! The crate `duckdb` is not enough here: its streaming results panic when a fetch fails.

use super::Failure;
use arrow::array::{RecordBatch, StructArray};
use arrow::datatypes::{Schema, SchemaRef};
use arrow::ffi::{FFI_ArrowArray, FFI_ArrowSchema, from_ffi};
use duckdb::ffi;
use std::ffi::{CStr, CString, c_char, c_void};
use std::marker::PhantomData;
use std::ptr;
use std::sync::Arc;

/// A C string from `text`; DuckDB cannot hold a NUL character in SQL, a name or an option.
fn c_string(text: &str) -> Result<CString, Failure> {
    CString::new(text).map_err(|_| Failure::new("DuckDB.ParserError", "the SQL holds a NUL character"))
}

/// The version of the library, e.g. `v1.5.5`.
pub fn library_version() -> String {
    unsafe { text_of(ffi::duckdb_library_version()) }
}

/// Copies a string that DuckDB owns.
///
/// # Safety
/// `text` is null or a C string.
pub(super) unsafe fn text_of(text: *const c_char) -> String {
    if text.is_null() { String::new() } else { unsafe { CStr::from_ptr(text) }.to_string_lossy().into_owned() }
}

/// Copies a string that DuckDB made for the caller, and frees it.
///
/// # Safety
/// `text` is null or a C string to be freed with `duckdb_free`.
unsafe fn owned_text(text: *mut c_char) -> Option<String> {
    if text.is_null() {
        return None;
    }
    let copy = unsafe { text_of(text) };
    unsafe { ffi::duckdb_free(text.cast::<c_void>()) };
    Some(copy)
}

/// Turns DuckDB's error object, which may be null or hold no error, into a `Result`, and frees it.
///
/// # Safety
/// `error` is null or owned by the caller.
unsafe fn check(mut error: ffi::duckdb_error_data) -> Result<(), Failure> {
    if error.is_null() {
        return Ok(());
    }
    let failure = unsafe {
        ffi::duckdb_error_data_has_error(error).then(|| Failure::duckdb(text_of(ffi::duckdb_error_data_message(error))))
    };
    unsafe { ffi::duckdb_destroy_error_data(&mut error) };
    failure.map_or(Ok(()), Err)
}

/// An in-memory database.
pub struct Database(ffi::duckdb_database);

impl Database {
    /// Opens a new database with `options`.
    ///
    /// # Errors
    /// When an option is unknown or has a wrong value.
    pub fn open(options: &[(&str, String)]) -> Result<Self, Failure> {
        struct Config(ffi::duckdb_config);
        impl Drop for Config {
            fn drop(&mut self) {
                unsafe { ffi::duckdb_destroy_config(&mut self.0) }
            }
        }
        let mut config = Config(ptr::null_mut());
        if unsafe { ffi::duckdb_create_config(&mut config.0) } != ffi::DuckDBSuccess {
            return Err(Failure::new("Quack.InitError", "DuckDB made no configuration"));
        }
        for (name, value) in options {
            let (c_name, c_value) = (c_string(name)?, c_string(value)?);
            if unsafe { ffi::duckdb_set_config(config.0, c_name.as_ptr(), c_value.as_ptr()) } != ffi::DuckDBSuccess {
                return Err(Failure::new("Quack.InitError", format!("DuckDB has no option {name} = {value}")));
            }
        }
        let (mut database, mut error) = (ptr::null_mut(), ptr::null_mut());
        if unsafe { ffi::duckdb_open_ext(c":memory:".as_ptr(), &mut database, config.0, &mut error) }
            != ffi::DuckDBSuccess
        {
            let message = unsafe { owned_text(error) }.unwrap_or_default();
            return Err(Failure::new("Quack.InitError", format!("DuckDB did not open: {message}")));
        }
        Ok(Self(database))
    }

    /// A new connection.
    ///
    /// # Errors
    /// When DuckDB refuses it.
    pub fn connect(&self) -> Result<Connection<'_>, Failure> {
        let mut connection = ptr::null_mut();
        if unsafe { ffi::duckdb_connect(self.0, &mut connection) } != ffi::DuckDBSuccess {
            return Err(Failure::new("DuckDB.ConnectionError", "DuckDB made no connection"));
        }
        Ok(Connection(connection, PhantomData))
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        unsafe { ffi::duckdb_close(&mut self.0) }
    }
}

/// A connection: what it alone sees (temporary tables, variables, prepared statements) ends with it.
pub struct Connection<'db>(ffi::duckdb_connection, PhantomData<&'db Database>);

impl Connection<'_> {
    /// Splits `sql` into statements.
    ///
    /// # Errors
    /// DuckDB's parser error.
    pub fn statements(&self, sql: &str) -> Result<Statements<'_>, Failure> {
        let sql = c_string(sql)?;
        let mut extracted = ptr::null_mut();
        let count = unsafe { ffi::duckdb_extract_statements(self.0, sql.as_ptr(), &mut extracted) };
        let statements = Statements { connection: self, extracted, count };
        let message = unsafe { text_of(ffi::duckdb_extract_statements_error(extracted)) };
        if count == 0 && !message.is_empty() { Err(Failure::duckdb(message)) } else { Ok(statements) }
    }

    /// Runs the statements of `sql` to their ends, drops their rows, and says how many there were.
    ///
    /// # Errors
    /// The first statement's that fails.
    pub fn execute(&self, sql: &str) -> Result<u64, Failure> {
        let statements = self.statements(sql)?;
        let mut count = 0;
        for index in 0..statements.len() {
            let mut rows = statements.prepare(index)?.stream()?;
            while let Some(chunk) = rows.fetch()? {
                count += chunk.len();
            }
        }
        Ok(count)
    }

    /// The first row of `sql` as Arrow.
    ///
    /// # Errors
    /// DuckDB's, and when there is no row.
    pub fn first_row(&self, sql: &str) -> Result<RecordBatch, Failure> {
        let mut rows = self.statements(sql)?.prepare(0)?.stream()?;
        let (names, types): (Vec<_>, Vec<_>) = rows.columns().into_iter().unzip();
        let exporter = rows.exporter(&names, &types)?;
        let chunk = rows.fetch()?.ok_or_else(|| Failure::new("Quack.InternalError", "a statement gave no row"))?;
        exporter.batch(&chunk)
    }

    pub(super) fn raw(&self) -> ffi::duckdb_connection {
        self.0
    }
}

impl Drop for Connection<'_> {
    fn drop(&mut self) {
        unsafe { ffi::duckdb_disconnect(&mut self.0) }
    }
}

/// The parsed statements of one SQL text.
pub struct Statements<'c> {
    connection: &'c Connection<'c>,
    extracted: ffi::duckdb_extracted_statements,
    count: ffi::idx_t,
}

impl<'c> Statements<'c> {
    /// How many statements there are.
    pub fn len(&self) -> u64 {
        self.count
    }

    /// Binds and plans a statement. What it names must exist: run the ones before it first.
    ///
    /// # Errors
    /// DuckDB's binder or catalog error.
    pub fn prepare(&self, index: u64) -> Result<Prepared<'c>, Failure> {
        let mut prepared = Prepared(ptr::null_mut(), PhantomData);
        let state = unsafe {
            ffi::duckdb_prepare_extracted_statement(self.connection.0, self.extracted, index, &mut prepared.0)
        };
        if state == ffi::DuckDBSuccess {
            return Ok(prepared);
        }
        Err(Failure::duckdb(unsafe { text_of(ffi::duckdb_prepare_error(prepared.0)) }))
    }
}

impl Drop for Statements<'_> {
    fn drop(&mut self) {
        unsafe { ffi::duckdb_destroy_extracted(&mut self.extracted) }
    }
}

/// A statement that is ready to run.
pub struct Prepared<'c>(ffi::duckdb_prepared_statement, PhantomData<&'c ()>);

impl<'c> Prepared<'c> {
    /// What kind of statement it is.
    pub fn kind(&self) -> ffi::duckdb_statement_type {
        unsafe { ffi::duckdb_prepared_statement_type(self.0) }
    }

    /// How many parameters (`?`, `$1`) it has.
    pub fn parameters(&self) -> u64 {
        unsafe { ffi::duckdb_nparams(self.0) }
    }

    /// Starts it; rows come as they are fetched.
    ///
    /// # Errors
    /// DuckDB's, as far as the first rows show it.
    pub fn stream(&self) -> Result<Rows<'c>, Failure> {
        // SAFETY: all zeroes is the empty result that DuckDB then fills.
        let mut rows = Rows { result: unsafe { std::mem::zeroed() }, _connection: PhantomData };
        if unsafe { ffi::duckdb_execute_prepared_streaming(self.0, &mut rows.result) } == ffi::DuckDBSuccess {
            return Ok(rows);
        }
        Err(Failure::duckdb(rows.error()))
    }
}

impl Drop for Prepared<'_> {
    fn drop(&mut self) {
        unsafe { ffi::duckdb_destroy_prepare(&mut self.0) }
    }
}

/// The running result of a statement.
pub struct Rows<'c> {
    result: ffi::duckdb_result,
    _connection: PhantomData<&'c ()>,
}

impl Rows<'_> {
    /// The next chunk of rows, `None` at the end.
    ///
    /// # Errors
    /// The query's own, when it fails midway.
    pub fn fetch(&mut self) -> Result<Option<Chunk>, Failure> {
        let chunk = unsafe { ffi::duckdb_fetch_chunk(self.result) };
        if !chunk.is_null() {
            let chunk = Chunk(chunk);
            if chunk.len() > 0 {
                return Ok(Some(chunk));
            }
        }
        match self.error() {
            message if message.is_empty() => Ok(None),
            message => Err(Failure::duckdb(message)),
        }
    }

    /// True when the statement has rows to give, false when it only did something.
    pub fn is_query(&self) -> bool {
        unsafe { ffi::duckdb_result_return_type(self.result) != ffi::duckdb_result_type_DUCKDB_RESULT_TYPE_NOTHING }
    }

    /// Names and types of the columns.
    pub fn columns(&mut self) -> Vec<(String, LogicalType)> {
        let count = unsafe { ffi::duckdb_column_count(&mut self.result) };
        (0..count)
            .map(|index| unsafe {
                let name = text_of(ffi::duckdb_column_name(&mut self.result, index));
                (name, LogicalType(ffi::duckdb_column_logical_type(&mut self.result, index)))
            })
            .collect()
    }

    /// What turns this result's chunks into Arrow.
    ///
    /// # Errors
    /// When a type has no Arrow form.
    pub fn exporter(&mut self, names: &[String], types: &[LogicalType]) -> Result<ArrowExporter, Failure> {
        let options = unsafe { ffi::duckdb_result_get_arrow_options(&mut self.result) };
        ArrowExporter::new(options, names, types)
    }

    fn error(&mut self) -> String {
        unsafe { text_of(ffi::duckdb_result_error(&mut self.result)) }
    }
}

impl Drop for Rows<'_> {
    fn drop(&mut self) {
        unsafe { ffi::duckdb_destroy_result(&mut self.result) }
    }
}

/// Up to `duckdb_vector_size()` (2048) rows, in columns.
pub struct Chunk(ffi::duckdb_data_chunk);

// SAFETY: a chunk owns its data, counted by atomic references; it is used by one thread at a time.
unsafe impl Send for Chunk {}

impl Chunk {
    /// How many rows it has.
    pub fn len(&self) -> u64 {
        unsafe { ffi::duckdb_data_chunk_get_size(self.0) }
    }

    /// Keeps only the first `rows` rows.
    pub fn truncate(&mut self, rows: u64) {
        if rows < self.len() {
            unsafe { ffi::duckdb_data_chunk_set_size(self.0, rows) }
        }
    }

    /// A column's vector; it lives as long as the chunk.
    pub(super) fn vector(&self, column: usize) -> ffi::duckdb_vector {
        unsafe { ffi::duckdb_data_chunk_get_vector(self.0, column as ffi::idx_t) }
    }

    /// How many columns it has.
    pub fn width(&self) -> usize {
        unsafe { ffi::duckdb_data_chunk_get_column_count(self.0) as usize }
    }
}

impl Drop for Chunk {
    fn drop(&mut self) {
        unsafe { ffi::duckdb_destroy_data_chunk(&mut self.0) }
    }
}

/// A DuckDB type.
pub struct LogicalType(ffi::duckdb_logical_type);

// SAFETY: a logical type is never changed after it was made.
unsafe impl Send for LogicalType {}

impl LogicalType {
    pub(super) fn raw(&self) -> ffi::duckdb_logical_type {
        self.0
    }

    /// Which type it is.
    pub fn id(&self) -> ffi::duckdb_type {
        unsafe { ffi::duckdb_get_type_id(self.0) }
    }

    /// The name that an extension gave to it (`JSON`).
    pub fn alias(&self) -> Option<String> {
        unsafe { owned_text(ffi::duckdb_logical_type_get_alias(self.0)) }
    }

    /// Width and scale of a DECIMAL.
    pub fn decimal(&self) -> (u8, u8) {
        unsafe { (ffi::duckdb_decimal_width(self.0), ffi::duckdb_decimal_scale(self.0)) }
    }

    /// The values of an ENUM.
    pub fn enum_values(&self) -> Vec<String> {
        let count = unsafe { ffi::duckdb_enum_dictionary_size(self.0) };
        (0..ffi::idx_t::from(count))
            .map(|index| unsafe { owned_text(ffi::duckdb_enum_dictionary_value(self.0, index)) }.unwrap_or_default())
            .collect()
    }

    /// The length of an ARRAY.
    pub fn array_len(&self) -> u64 {
        unsafe { ffi::duckdb_array_type_array_size(self.0) }
    }

    /// What it is made of: the element of a LIST or ARRAY, key and value of a MAP, the fields of a STRUCT, the members
    /// of a UNION; each with its name where it has one.
    pub fn children(&self) -> Vec<(String, Self)> {
        use ffi::*;
        let unnamed = |child| (String::new(), Self(child));
        let named = |name, child| (unsafe { owned_text(name) }.unwrap_or_default(), Self(child));
        unsafe {
            match self.id() {
                DUCKDB_TYPE_DUCKDB_TYPE_LIST => vec![unnamed(duckdb_list_type_child_type(self.0))],
                DUCKDB_TYPE_DUCKDB_TYPE_ARRAY => vec![unnamed(duckdb_array_type_child_type(self.0))],
                DUCKDB_TYPE_DUCKDB_TYPE_MAP => {
                    vec![unnamed(duckdb_map_type_key_type(self.0)), unnamed(duckdb_map_type_value_type(self.0))]
                }
                DUCKDB_TYPE_DUCKDB_TYPE_STRUCT => (0..duckdb_struct_type_child_count(self.0))
                    .map(|i| named(duckdb_struct_type_child_name(self.0, i), duckdb_struct_type_child_type(self.0, i)))
                    .collect(),
                DUCKDB_TYPE_DUCKDB_TYPE_UNION => (0..duckdb_union_type_member_count(self.0))
                    .map(|i| named(duckdb_union_type_member_name(self.0, i), duckdb_union_type_member_type(self.0, i)))
                    .collect(),
                _ => Vec::new(),
            }
        }
    }
}

impl Drop for LogicalType {
    fn drop(&mut self) {
        unsafe { ffi::duckdb_destroy_logical_type(&mut self.0) }
    }
}

/// Turns a result's chunks into Arrow record batches.
pub struct ArrowExporter {
    options: ffi::duckdb_arrow_options,
    c_schema: FFI_ArrowSchema,
    schema: SchemaRef,
}

impl ArrowExporter {
    fn new(options: ffi::duckdb_arrow_options, names: &[String], types: &[LogicalType]) -> Result<Self, Failure> {
        let mut this = Self { options, c_schema: FFI_ArrowSchema::empty(), schema: Arc::new(Schema::empty()) };
        let names = names.iter().map(|name| c_string(name)).collect::<Result<Vec<_>, _>>()?;
        let mut names = names.iter().map(|name| name.as_ptr()).collect::<Vec<_>>();
        let mut types = types.iter().map(LogicalType::raw).collect::<Vec<_>>();
        unsafe {
            check(ffi::duckdb_to_arrow_schema(
                this.options,
                types.as_mut_ptr(),
                names.as_mut_ptr(),
                types.len() as ffi::idx_t,
                ptr::from_mut(&mut this.c_schema).cast(),
            ))?;
        }
        this.schema = Arc::new(Schema::try_from(&this.c_schema).map_err(Failure::arrow)?);
        Ok(this)
    }

    /// The schema of the batches.
    pub fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    /// A copy of `chunk` as Arrow.
    ///
    /// # Errors
    /// When a value does not fit Arrow.
    pub fn batch(&self, chunk: &Chunk) -> Result<RecordBatch, Failure> {
        let mut array = FFI_ArrowArray::empty();
        let data = unsafe {
            check(ffi::duckdb_data_chunk_to_arrow(self.options, chunk.0, ptr::from_mut(&mut array).cast()))?;
            from_ffi(array, &self.c_schema).map_err(Failure::arrow)?
        };
        let columns = StructArray::from(data).columns().to_vec();
        RecordBatch::try_new(self.schema.clone(), columns).map_err(Failure::arrow)
    }
}

impl Drop for ArrowExporter {
    fn drop(&mut self) {
        unsafe { ffi::duckdb_destroy_arrow_options(&mut self.options) }
    }
}
