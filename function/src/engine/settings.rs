//! The engine's settings, from the environment that Lambda gives.

use super::access::Access;
use super::storage::Folder;
use super::threads;
use crate::failure::Failure;
use crate::s3::S3Access;
use crate::sql::literal;
use crate::wire::RESULTS_PREFIX;
use std::io::ErrorKind;
use std::path::PathBuf;
use std::{env, fs};

/// What the process itself needs beside DuckDB's own memory: code, encoders, chunks that are kept for a spill.
const HEADROOM_MIB: u64 = 100;
const MIN_MEMORY_MIB: u64 = 64;

/// What Lambda gives a function under `/tmp` unless it is told otherwise, MiB.
const TEMP_MIB: u64 = 512;

/// How much of a result waits to be fetched. DuckDB has each connection set it for itself.
const BUFFER: &str = "streaming_buffer_size";

/// Name of the one secret of an instance: the bucket's credentials.
const SECRET: &str = "lake";

/// Settings of an instance. The variables that set them; an empty one counts as absent:
///
/// | variable | what it holds |
/// | --- | --- |
/// | `QUACK_BUCKET` | the lake's bucket; there is no function without it |
/// | `QUACK_EXTENSIONS` | extensions to load, in this order, with commas between; `httpfs` when absent, none when empty |
/// | `QUACK_RESULTS` | key prefix of spilled results, ends in `/`; `_quack/results/` when absent |
/// | `QUACK_CATALOG` | key of the lake's catalog; `_quack/catalog.json` when absent |
/// | `QUACK_TABLES` | key prefix of the tables' folders, ends in `/`; `tables/` when absent |
/// | `QUACK_READ` | folders that SQL may only read, `s3://bucket/prefix/`, with commas between |
/// | `QUACK_WRITE` | folders that SQL may write to, likewise; the whole bucket when absent |
/// | `AWS_REGION`, `AWS_DEFAULT_REGION` | the bucket's region; Lambda sets it |
/// | `AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY`, `AWS_SESSION_TOKEN` | keys; Lambda sets those of its role |
/// | `AWS_ENDPOINT_URL_S3`, `AWS_ENDPOINT_URL` | the URL of S3 where it is not AWS's own |
/// | `AWS_LAMBDA_FUNCTION_MEMORY_SIZE` | MiB; Lambda sets it |
/// | `QUACK_S3_IS_NEAR` | `true`: S3 answers at once, and a query need not have many requests under way |
/// | `QUACK_TEMP_MIB` | size of the instance's `/tmp`, MiB; 512, Lambda's own, when absent |
/// | `QUACK_LOG_SQL` | `false`: the log has a digest of the SQL, not the SQL |
/// | `AWS_LAMBDA_RUNTIME_API` | `host:port` that invocations come from; Lambda sets it |
/// | `LAMBDA_TASK_ROOT` | the folder of the artifact; Lambda sets it |
#[derive(Debug, Clone)]
pub struct Settings {
    /// The lake's bucket.
    pub bucket: String,
    /// Folders that SQL may read beside the bucket, and not write to.
    pub read: Vec<Folder>,
    /// Folders that SQL may write to.
    pub write: Vec<Folder>,
    /// Key prefix of spilled results, in the bucket.
    pub results: String,
    /// Key of the lake's catalog, in the bucket.
    pub catalog: String,
    /// Key prefix of the tables' folders, in the bucket.
    pub tables: String,
    /// Memory of the whole process, MiB.
    pub memory_mib: u64,
    /// Extensions to load, by name.
    pub extensions: Vec<String>,
    /// The folders where `<name>.duckdb_extension` may lie; the first that has it wins.
    pub extension_dirs: Vec<PathBuf>,
    /// Where DuckDB writes what does not fit into memory.
    pub temp_dir: PathBuf,
    /// How much it may write there, MiB.
    pub temp_mib: u64,
    /// Whether S3 answers at once.
    pub s3_is_near: bool,
    /// Whether the log may say which SQL was run.
    pub log_sql: bool,
    /// Access to the bucket.
    pub s3: S3Access,
}

impl Settings {
    /// Reads the environment.
    ///
    /// # Errors
    /// When `QUACK_BUCKET` is missing, or a variable does not hold what it should.
    pub fn from_env() -> Result<Self, Failure> {
        let var = |name: &str| env::var(name).ok().filter(|value| !value.is_empty());
        let bucket = var("QUACK_BUCKET").ok_or_else(|| {
            Failure::new("Quack.InitError", "QUACK_BUCKET is not set: it names the bucket that the function serves")
        })?;
        let beside_executable =
            env::current_exe().ok().and_then(|path| path.parent().map(|dir| dir.join("extensions")));
        let read = Folder::list("QUACK_READ", &var("QUACK_READ").unwrap_or_default())?;
        let write = match var("QUACK_WRITE") {
            Some(list) => Folder::list("QUACK_WRITE", &list)?,
            None => vec![Folder::whole(&bucket)],
        };
        let path_style = read.iter().map(|folder| &folder.bucket).chain([&bucket]).any(|name| name.contains('.'));
        Ok(Self {
            bucket,
            read,
            write,
            results: var("QUACK_RESULTS").unwrap_or_else(|| RESULTS_PREFIX.to_owned()),
            catalog: var("QUACK_CATALOG").unwrap_or_else(|| "_quack/catalog.json".to_owned()),
            tables: var("QUACK_TABLES").unwrap_or_else(|| "tables/".to_owned()),
            memory_mib: var("AWS_LAMBDA_FUNCTION_MEMORY_SIZE").and_then(|size| size.parse().ok()).unwrap_or(1024),
            extensions: env::var("QUACK_EXTENSIONS")
                .unwrap_or_else(|_| "httpfs".to_owned())
                .split(',')
                .map(|name| name.trim().to_owned())
                .filter(|name| !name.is_empty())
                .collect(),
            extension_dirs: var("LAMBDA_TASK_ROOT")
                .map(|root| PathBuf::from(root).join("extensions"))
                .into_iter()
                .chain(beside_executable)
                .collect(),
            temp_dir: env::temp_dir().join(format!("quack-{}", std::process::id())),
            temp_mib: var("QUACK_TEMP_MIB").and_then(|size| size.parse().ok()).unwrap_or(TEMP_MIB),
            s3_is_near: var("QUACK_S3_IS_NEAR").is_some_and(|says| says == "true"),
            log_sql: var("QUACK_LOG_SQL").is_none_or(|says| says != "false"),
            s3: S3Access {
                key_id: var("AWS_ACCESS_KEY_ID"),
                secret: var("AWS_SECRET_ACCESS_KEY"),
                session_token: var("AWS_SESSION_TOKEN"),
                region: var("AWS_REGION").or_else(|| var("AWS_DEFAULT_REGION")),
                endpoint: var("AWS_ENDPOINT_URL_S3").or_else(|| var("AWS_ENDPOINT_URL")),
                path_style,
            },
        })
    }

    /// The memory that DuckDB may have, MiB: it fills that with files that it has read, and the process takes a third more.
    pub(super) fn duckdb_mib(&self) -> u64 {
        (self.memory_mib * 2 / 5).saturating_sub(HEADROOM_MIB).max(MIN_MEMORY_MIB)
    }

    /// The options that DuckDB opens with.
    pub(super) fn open_options(&self) -> Vec<(&'static str, String)> {
        let memory_mib = self.duckdb_mib();
        vec![
            // The extensions' signatures were checked when the artifact was made; checking again costs 60 ms.
            ("allow_unsigned_extensions", "true".to_owned()),
            ("autoinstall_known_extensions", "false".to_owned()),
            ("autoload_known_extensions", "false".to_owned()),
            ("allow_persistent_secrets", "false".to_owned()),
            ("arrow_lossless_conversion", "true".to_owned()),
            ("memory_limit", format!("{memory_mib}MiB")),
            ("threads", threads::few().to_string()),
            ("temp_directory", self.temp_dir.display().to_string()),
            // An eighth stays free: a disk also holds what DuckDB does not count, such as room that a file was given before
            // it was written to, and who writes more than there is gets a worse error.
            ("max_temp_directory_size", format!("{}MiB", self.temp_mib * 7 / 8)),
        ]
    }

    /// Whether the folder that DuckDB may write to is empty. DuckDB itself removes what it wrote when its query ends.
    pub(super) fn has_no_files(&self) -> bool {
        match fs::read_dir(&self.temp_dir) {
            Ok(mut entries) => entries.next().is_none(),
            Err(error) => error.kind() == ErrorKind::NotFound,
        }
    }

    /// Removes the folder that DuckDB may write to, with what an instance before left in it.
    ///
    /// # Errors
    /// When something stays.
    pub(super) fn remove_files(&self) -> Result<(), Failure> {
        match fs::remove_dir_all(&self.temp_dir) {
            Err(error) if error.kind() != ErrorKind::NotFound => {
                let place = self.temp_dir.display();
                Err(Failure::new("Quack.InternalError", format!("files stay behind in {place}: {error}")))
            }
            _ => Ok(()),
        }
    }

    /// The statements that make a database that is just open ready for users' SQL.
    pub(super) fn setup_sql(&self) -> Result<String, Failure> {
        let mut sql = String::new();
        for name in &self.extensions {
            let file = format!("{name}.duckdb_extension");
            let path =
                self.extension_dirs.iter().map(|dir| dir.join(&file)).find(|path| path.exists()).ok_or_else(|| {
                    Failure::new(
                        "Quack.InitError",
                        format!("extension {name} is not in the artifact: no extensions/{file}"),
                    )
                })?;
            sql += &format!("LOAD {};\n", literal(&path.display().to_string()));
        }
        let has = |extension: &str| self.extensions.iter().any(|name| name == extension);
        if has("icu") {
            // Whatever the machine's own zone is: the encodings say UTC.
            sql += "SET GLOBAL TimeZone = 'UTC';\n";
        }
        if has("httpfs") {
            sql += &format!("CREATE SECRET {SECRET} ({});\n", self.s3.secret_options());
            // A connection for each thread, instead of one for each file. What S3 has closed meanwhile is opened again.
            sql += "SET GLOBAL httpfs_connection_caching = true;\n";
            // Four parts of 16 MiB in flight rather than fifty of 80: what an upload holds stays small.
            sql += "SET GLOBAL s3_uploader_max_filesize = '160GB';\nSET GLOBAL s3_uploader_thread_limit = 4;\n";
        }
        // What makes room for a buffer this large first gives back the pages of those before it, which DuckDB's allocator would
        // keep for ten seconds: chunks of wide rows are such, and as many as one was quick enough to free would stay.
        sql += "SET GLOBAL allocator_bulk_deallocation_flush_threshold = '16MiB';\n";
        let readable: Vec<_> = self.access().read.iter().map(|folder| literal(&folder.to_string())).collect();
        sql += &format!("SET GLOBAL allowed_directories = [{}];\n", readable.join(", "));
        sql += &format!("SET GLOBAL allowed_configs = ['{BUFFER}', 'threads'];\n");
        sql += "SET GLOBAL enable_external_access = false;\nSET GLOBAL lock_configuration = true;\n";
        Ok(sql)
    }

    /// The statement that makes a connection ready for an event's SQL: a chunk at a time waits to be fetched, as DuckDB counts
    /// 16 bytes of a text, however long it is, and a megabyte of such can be the whole result.
    pub(super) fn connection_sql() -> String {
        format!("SET SESSION {BUFFER} = '16 bytes'")
    }

    /// The address of the folder for the spilled result `name`: one of its own, so that it can be emptied.
    pub(super) fn result_folder(&self, name: &str) -> String {
        format!("s3://{}/{}{name}", self.bucket, self.results)
    }

    /// Where SQL may read and write.
    pub(super) fn access(&self) -> Access {
        let read = [Folder::whole(&self.bucket)].into_iter().chain(self.read.iter().cloned()).collect();
        Access { read, write: self.write.clone() }
    }
}
