//! What went wrong, in words that say what to do: errors of the function, and of Lambda's API before or after it.

use std::error::Error as StdError;
use std::io::ErrorKind;

use aws_sdk_lambda::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_lambda::operation::invoke::InvokeError;
use serde::Deserialize;

use super::hint::{self, between};
use super::version;
use crate::config::Config;
use crate::error::{Kind, failure, failure_of, nearest};
use crate::lake::catalog::{Catalog, DataFile, Table, is_elsewhere};

/// Kinds of errors of DuckDB's that tell of memory and disk.
const MEMORY: &[&str] = &["DuckDB.OutofMemoryError", "DuckDB.OutOfMemoryError", "DuckDB.IOError"];

/// So many tables are listed where none of them is near to what was meant.
const FEW: usize = 10;

/// An error object as Lambda and every runtime write it.
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct ErrorObject {
    error_type: String,
    error_message: String,
}

/// The error in the payload of a failed invocation.
pub(crate) fn of_function(payload: &[u8], catalog: &Catalog, config: &Config) -> anyhow::Error {
    let error = serde_json::from_slice(payload).unwrap_or_else(|_| ErrorObject {
        error_type: String::new(),
        error_message: String::from_utf8_lossy(payload).into_owned(),
    });
    let (kind, message) = (error.error_type.as_str(), error.error_message.as_str());
    // What else is wrong with an event, SQL has brought.
    if kind == "Quack.BadEvent" && message.starts_with("the event is malformed") {
        return failure(format!("the function does not know what this quackctl asks: {message}"), version::help());
    }
    // What SQL says itself is no word of Lambda's, nor of DuckDB's about its memory.
    let is_engines = kind.starts_with("Quack.") || kind.starts_with("DuckDB.") && !MEMORY.contains(&kind);
    if is_engines {
        return of_engine(kind, message, catalog);
    }
    if kind == "Sandbox.Timedout" || message.contains("Task timed out after") {
        // What the function was deployed with, which quack.toml may not say any more.
        let told =
            message.split_once("timed out after ").and_then(|(_, told)| told.split_once(" seconds")?.0.parse().ok());
        let seconds: f64 = told.unwrap_or(config.timeout_s.into());
        return failure(
            format!("the query did not end within the {seconds} s that the function may take"),
            "raise function.timeout_s in quack.toml (to 900 at most) and run `quackctl up`, or ask for less",
        );
    }
    // DuckDB calls this one out of memory, too: what does not fit there goes to the disk.
    if ["max_temp_directory_size", "no space left on device"].iter().any(|sign| message.contains(sign)) {
        let (memory_mb, disk_mb) = (config.memory_mb, config.ephemeral_mb);
        return failure(
            format!("the query needs more than the function's {memory_mb} MB of memory and {disk_mb} MB of disk"),
            "raise function.memory_mb or function.ephemeral_mb in quack.toml (to 10240 at most) and run `quackctl up`, or ask for \
             less",
        );
    }
    if kind == "Runtime.OutOfMemory" || message.contains("Out of Memory Error") {
        return failure(
            format!("the query needs more than the function's {} MB of memory", config.memory_mb),
            "raise function.memory_mb in quack.toml (to 10240 at most) and run `quackctl up`, or ask for less",
        );
    }
    if message.contains("signal: killed") {
        return failure(
            format!("the function was killed from outside: {message}"),
            format!(
                "run it again; should it end so each time, it may need more than its {} MB: raise function.memory_mb in \
                 quack.toml and run `quackctl up`",
                config.memory_mb
            ),
        );
    }
    if kind == "Function.ResponseSizeTooLarge" {
        return failure(format!("the result does not fit a response: {message}"), "ask for less with --limit");
    }
    if kind.starts_with("Runtime.") {
        return failure(
            format!("the function crashed: {message}"),
            "`quackctl logs` shows its last words; the next query gets a new instance",
        );
    }
    of_engine(kind, message, catalog)
}

/// What a DuckDB on this machine said of SQL, as if the function had.
pub(crate) fn of_words(words: &str, catalog: &Catalog) -> anyhow::Error {
    of_engine("", words, catalog)
}

/// An error of DuckDB, with its caret lines as they are.
fn of_engine(kind: &str, message: &str, catalog: &Catalog) -> anyhow::Error {
    let message = message.trim_end();
    if let Some(name) = between(message, "Table with name ", " does not exist") {
        // DuckDB knows only the tables that came with the query, so its own guess is of no use.
        let lines: Vec<&str> = message.lines().filter(|line| !line.starts_with("Did you mean ")).collect();
        let last = |name: &str| name.rsplit('.').next().unwrap_or_default().trim_matches('"').to_ascii_lowercase();
        let own = catalog.names().find(|own| last(own) == last(name) && *own != name);
        let help = match nearest(name, catalog.names()) {
            // In another schema, or in none.
            _ if let Some(own) = own => {
                format!("there is `{own}`: write it so, `quackctl tables` lists the schemas, too")
            }
            Some(near) => format!("did you mean `{near}`? `quackctl tables` lists the tables"),
            None if catalog.names().next().is_none() => {
                "there are no tables yet: `quackctl load FILE --table NAME`".to_owned()
            }
            None if catalog.names().count() <= FEW => {
                format!("tables: {}", catalog.names().collect::<Vec<_>>().join(", "))
            }
            None => "`quackctl tables` lists the tables".to_owned(),
        };
        return failure(lines.join("\n"), help);
    }
    let is_lost = |file: &&DataFile| {
        let key = if is_elsewhere(&file.key) { file.key.clone() } else { format!("/{}", file.key) };
        message.contains(&format!("{key}'"))
    };
    let of = |table: &Table| table.files.iter().find(is_lost).map(|file| is_elsewhere(&file.key));
    let mut tables = catalog.tables.iter().filter(|_| message.contains("404"));
    let lost = tables.find_map(|(name, table)| Some((name, of(table)?)));
    if let Some((name, is_elsewhere)) = lost {
        let help = match is_elsewhere {
            true => format!("`quackctl register ADDRESS --table {name} --replace` looks at what is there now"),
            false => format!(
                "`quackctl recover` lists what can be had back; else `quackctl load SOURCE --table {name} --replace`"
            ),
        };
        return failure_of(Kind::Gone, format!("files of table `{name}` are gone from the bucket: {message}"), help);
    }
    if let Some(help) = hint::of(message, catalog) {
        return failure(message, help);
    }
    let local = between(message, "COPY TO \"", "\" is refused").filter(|to| !to.contains("://"));
    let copies = local.map(|to| format!("`quackctl query -o {to} 'SELECT ...'` writes a file on this machine"));
    let help = match kind {
        "Quack.SandboxError" if let Some(copies) = &copies => copies,
        // Other refusals say themselves what to do instead.
        "Quack.SandboxError" if !message.starts_with("reading ") => "",
        "Quack.SandboxError" | "DuckDB.PermissionError" => "bring data in with `quackctl load SOURCE --table NAME`",
        _ => "",
    };
    let error_kind = if is_denied(kind, message) { Kind::Denied } else { Kind::Other };
    failure_of(error_kind, message, help)
}

/// Whether the function was denied what lies in S3. DuckDB has no code for it but the status in its words.
fn is_denied(kind: &str, message: &str) -> bool {
    let words = ["HTTP 403", "HTTP code 403", "403 (Forbidden)", "AccessDenied", "Access Denied"];
    matches!(kind, "DuckDB.HTTPError" | "DuckDB.IOError") && words.iter().any(|words| message.contains(words))
}

/// An error of Lambda's API or of the way to it.
pub(crate) fn of_service(error: &SdkError<InvokeError>, function: &str) -> anyhow::Error {
    let Some(service) = error.as_service_error() else {
        return match refused(error) {
            true => failure("nothing answers where the function should be", "run `quackctl up`"),
            false => failure(
                format!("the connection was lost while the query ran: {}", root(error)),
                "run it again; `quackctl status` tells whether the stage is well",
            ),
        };
    };
    let message = service.message().unwrap_or("no message");
    match service {
        InvokeError::ResourceNotFoundException(_) => {
            failure_of(Kind::Missing, format!("there is no function `{function}`"), "run `quackctl up`")
        }
        InvokeError::TooManyRequestsException(_) => throttled(),
        InvokeError::ServiceException(_) => {
            failure(format!("Lambda had trouble of its own: {message}"), "run the query again")
        }
        InvokeError::RequestTooLargeException(_) => {
            failure(format!("the query is too large to send: {message}"), "shorten the SQL")
        }
        _ => failure_of(
            if service.code() == Some("AccessDeniedException") { Kind::Denied } else { Kind::Other },
            format!("Lambda refused the query: {}: {message}", service.code().unwrap_or("unknown error")),
            "`quackctl status` tells what is up; `quackctl up` mends it",
        ),
    }
}

/// The function was throttled until patience ended.
pub(crate) fn throttled() -> anyhow::Error {
    failure_of(
        Kind::Throttled,
        "the function has been at its concurrency limit for minutes",
        "try again later, or raise function.concurrency in quack.toml and run `quackctl up`",
    )
}

/// Whether the error in the payload of a failed invocation may not come again: storage that did not answer, an instance
/// that ended.
pub(crate) fn is_transient(payload: &[u8]) -> bool {
    let Ok(error) = serde_json::from_slice::<ErrorObject>(payload) else { return true };
    let (kind, message) = (error.error_type.as_str(), error.error_message.as_str());
    match kind {
        "Runtime.OutOfMemory" => false,
        _ if kind.starts_with("Runtime.") => !message.contains("no space left on device"),
        // S3's own trouble, and connections to it; what is not there or not allowed stays so. An address may have any
        // number in its port and path.
        "DuckDB.HTTPError" | "DuckDB.IOError" => !["HTTP 404", "HTTP 403", "Not Found", "Forbidden", "No files found"]
            .iter()
            .any(|word| message.contains(word)),
        _ => false,
    }
}

fn refused(error: &SdkError<InvokeError>) -> bool {
    causes(error).any(|cause| {
        cause.downcast_ref::<std::io::Error>().is_some_and(|cause| cause.kind() == ErrorKind::ConnectionRefused)
    })
}

fn root(error: &SdkError<InvokeError>) -> String {
    causes(error).last().map_or_else(|| error.to_string(), ToString::to_string)
}

fn causes<'a>(error: &'a SdkError<InvokeError>) -> impl Iterator<Item = &'a (dyn StdError + 'static)> {
    std::iter::successors(error.source(), |cause| (*cause).source())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Overrides;
    use crate::error::{Failure, kind};

    fn shown(kind: &str, message: &str, tables: &[&str]) -> String {
        let payload = serde_json::json!({ "errorType": kind, "errorMessage": message }).to_string();
        shown_raw(payload.as_bytes(), tables)
    }

    fn shown_raw(payload: &[u8], tables: &[&str]) -> String {
        of(payload, tables).downcast_ref::<Failure>().map(|failure| format!("{failure:?}")).unwrap()
    }

    fn of(payload: &[u8], tables: &[&str]) -> anyhow::Error {
        let table =
            serde_json::json!({"source": "", "loaded_at": "", "rows": 0, "bytes": 0, "columns": [], "files": []});
        let tables: serde_json::Map<_, _> = tables.iter().map(|name| ((*name).to_owned(), table.clone())).collect();
        let catalog = serde_json::from_value(serde_json::json!({ "version": 1, "tables": tables })).unwrap();
        let dir = tempfile::tempdir().unwrap();
        let overrides = Overrides { dir: Some(dir.path().to_owned()), ..Overrides::default() };
        of_function(payload, &catalog, &Config::load(&overrides).unwrap())
    }

    #[test]
    fn names_the_nearest_table_of_the_catalog() {
        let message = "Catalog Error: Table with name tripz does not exist!\nDid you mean \"pg_type\"?\n\nLINE 1: FROM tripz\n             ^";
        let shown = shown("CatalogError", message, &["trips", "zones"]);
        assert!(shown.contains("did you mean `trips`?"), "{shown}");
        assert!(!shown.contains("pg_type") && shown.contains("LINE 1: FROM tripz\\n"), "{shown}");
    }

    #[test]
    fn a_few_tables_are_listed_where_none_is_near() {
        let message = "Catalog Error: Table with name elsewhere does not exist!";
        assert!(shown("DuckDB.CatalogError", message, &["trips", "zones"]).contains("tables: trips, zones"));
        let names: Vec<String> = (0..11).map(|n| format!("t{n}")).collect();
        let many = names.iter().map(String::as_str).collect::<Vec<_>>();
        assert!(shown("DuckDB.CatalogError", message, &many).contains("`quackctl tables` lists"));
    }

    #[test]
    fn a_name_in_another_schema_or_in_none_is_told() {
        let message = "Catalog Error: Table with name lake.main.Trips does not exist!";
        let told = shown("DuckDB.CatalogError", message, &["trips", "zones"]);
        assert!(told.contains("there is `trips`: write it so"), "{told}");
    }

    #[test]
    fn refusals_speak_for_themselves_but_for_files() {
        let calls = shown("Quack.SandboxError", "CALL is refused: call the function in a query", &[]);
        assert!(!calls.contains("quackctl load"), "{calls}");
        let reads = shown("Quack.SandboxError", "reading \"/etc/passwd\" is refused: SQL may read under s3://b/", &[]);
        assert!(reads.contains("quackctl load"), "{reads}");
        let near =
            shown("Quack.SandboxError", "COPY TO \"out/x.csv\" is refused: SQL may write only under s3://b/", &[]);
        assert!(near.contains("quackctl query -o out/x.csv "), "{near}");
        let far = shown("Quack.SandboxError", "COPY TO \"s3://c/x\" is refused: SQL may write only under s3://b/", &[]);
        assert!(!far.contains("-o"), "{far}");
    }

    #[test]
    fn advises_on_the_ends_that_lambda_makes() {
        let timeout = shown("Sandbox.Timedout", "RequestId: 1 Error: Task timed out after 3.00 seconds", &[]);
        assert!(timeout.contains("within the 3 s") && timeout.contains("function.timeout_s"), "{timeout}");
        let killed = shown("Runtime.ExitError", "RequestId: 1 Error: Runtime exited with error: signal: killed", &[]);
        assert!(killed.contains("killed from outside") && killed.contains("run it again"), "{killed}");
        let full = shown("Runtime.OutOfMemory", "RequestId: 1 Error: Runtime exited with error: signal: killed", &[]);
        assert!(full.contains("needs more than the function's") && full.contains("function.memory_mb"), "{full}");
        let spilled = "Out of Memory Error: failed to offload data block of size 256.0 KiB (448.0 MiB/448.0 MiB used).\nThis limit \
                       was set by the 'max_temp_directory_size' setting.";
        let no_space = "RequestId: 1 Error: Runtime exited with error: no space left on device: /tmp holds 512 MB (EphemeralStorage)";
        for (kind, message) in [("DuckDB.OutofMemoryError", spilled), ("Runtime.ExitError", no_space)] {
            let full = shown(kind, message, &[]);
            assert!(full.contains("512 MB of disk") && full.contains("function.ephemeral_mb"), "{full}");
        }
        // What SQL says of itself is none of these.
        for said in
            ["Out of Memory Error: x", "Task timed out after 3.00 seconds", "no setting max_temp_directory_size"]
        {
            for kind in ["DuckDB.InvalidInputError", "Quack.SandboxError"] {
                assert!(shown(kind, said, &[]).contains(said), "{kind}: {said}");
            }
        }
        let asked = shown("Quack.BadEvent", "the event is malformed: unknown variant `x`", &[]);
        assert!(asked.contains("does not know what this quackctl asks") && asked.contains("`quackctl up`"), "{asked}");
        let given = shown("Quack.BadEvent", "the SQL has parameters (`?`, `$1`) that nothing gives a value", &[]);
        assert!(!given.contains("this quackctl"), "{given}");
        let crash = shown("Runtime.ExitError", "RequestId: 1 Error: Runtime exited with error: exit status 1", &[]);
        assert!(crash.contains("quackctl logs"), "{crash}");
    }

    #[test]
    fn tells_what_may_pass_from_what_stays() {
        let passes = |kind: &str, message: &str| {
            is_transient(serde_json::json!({ "errorType": kind, "errorMessage": message }).to_string().as_bytes())
        };
        let get = |status: &str| format!("HTTP GET error on 'http://127.0.0.1:40403/lake/a.parquet' (HTTP {status})");
        for status in ["500", "503", "503 Service Unavailable"] {
            assert!(passes("DuckDB.HTTPError", &get(status)), "{status}");
        }
        for status in ["404", "403", "404 Not Found"] {
            assert!(!passes("DuckDB.HTTPError", &get(status)), "{status}");
        }
        let lost = "Could not establish connection error for HTTP HEAD to 'http://127.0.0.1:40403/lake/a.parquet'";
        assert!(passes("DuckDB.IOError", lost));
        assert!(passes("Runtime.ExitError", "Runtime exited with error: signal: killed"));
        assert!(is_transient(b"half of an err"));
        for kind in ["Runtime.OutOfMemory", "Sandbox.Timedout", "DuckDB.BinderError", "DuckDB.InvalidInputError"] {
            assert!(!passes(kind, "it stays so"), "{kind}");
        }
    }

    #[test]
    fn denied_is_what_s3_denies_and_not_a_number_in_an_address() {
        let denied = |kind: &str, message: &str| is_denied(kind, message);
        assert!(denied("DuckDB.HTTPError", "HTTP GET error on 'https://lake/a.parquet' (HTTP 403)"));
        assert!(!denied("DuckDB.HTTPError", "HTTP GET error on 'http://127.0.0.1:40403/lake/a.parquet' (HTTP 503)"));
        assert!(!denied("DuckDB.ConversionError", "Could not convert string 'HTTP 403' to INT32"));
        let payload = br#"{"errorType": "DuckDB.HTTPError", "errorMessage": "HTTP GET error on 'x' (HTTP 403)"}"#;
        assert_eq!(kind(&of(payload, &[])), Kind::Denied);
        assert_eq!(kind(&of(b"403 Forbidden", &[])), Kind::Other);
    }

    #[test]
    fn shows_what_is_no_error_object_as_it_is() {
        assert!(shown_raw(b"no JSON", &[]).contains("no JSON"));
    }
}
