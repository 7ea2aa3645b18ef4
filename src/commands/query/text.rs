//! Where the SQL of a query comes from.

use std::io::{IsTerminal as _, Read as _};
use std::path::Path;

use anyhow::Result;
use quack_function::wire::Params;
use rustix::fs::FileType;

use crate::cli::QueryArgs;
use crate::console::context::Context;
use crate::error::usage;
use crate::query::statements;

/// The values of parameters, by name.
///
/// # Errors
/// What is no `NAME=VALUE`, and a name that comes twice.
pub(super) fn params(args: &QueryArgs) -> Result<Params> {
    let mut params = Params::new();
    for given in &args.params {
        let help = "give --param NAME=VALUE, each name once, and write $NAME in the SQL";
        let (name, value) = given.split_once('=').ok_or_else(|| usage(format!("`{given}` is no parameter"), help))?;
        let name = name.trim_start_matches('$');
        if name.is_empty() || params.keys().any(|known| known.eq_ignore_ascii_case(name)) {
            return Err(usage(format!("`{given}` is no parameter of its own"), help));
        }
        params.insert(name.to_owned(), Some(value.to_owned()));
    }
    Ok(params)
}

const STDIN: &str = "standard input";

/// The SQL, from wherever it comes; `None` when none is given.
///
/// # Errors
/// A file that cannot be read, what is no text or no SQL.
pub(super) fn of(context: &Context, args: &QueryArgs) -> Result<Option<String>> {
    let (bytes, origin) = match (&args.sql, &args.query, &args.file) {
        (Some(dash), _, _) if dash == "-" => (read(context)?, STDIN.to_owned()),
        (_, _, Some(file)) if file == Path::new("-") => (read(context)?, STDIN.to_owned()),
        (Some(sql), _, _) | (_, Some(sql), _) => (sql.clone().into_bytes(), "the SQL".to_owned()),
        (_, _, Some(file)) => (read_file(context, file)?, format!("`{}`", file.display())),
        (None, None, None) => match piped(context)? {
            Some(bytes) => (bytes, STDIN.to_owned()),
            None => return Ok(None),
        },
    };
    let sql = String::from_utf8(bytes).map_err(|error| {
        let at = error.utf8_error().valid_up_to();
        usage(format!("{origin} is not UTF-8 text (byte {at})"), "save it as UTF-8, without anything binary")
    })?;
    if is_web_page(&sql) {
        return Err(usage(
            format!("{origin} is a web page, not SQL"),
            "fetch the file itself: sites that show code have an address for the raw text",
        ));
    }
    if let Some(command) = sql.split_whitespace().next().filter(|word| word.starts_with(['.', '\\'])) {
        let help =
            "`quackctl shell` takes it, also from a file: quackctl shell < FILE; `quackctl tables` lists the tables";
        return Err(usage(format!("`{command}` is a command of the shell, not SQL"), help));
    }
    if statements::is_blank(&sql) {
        return Err(usage(format!("{origin} holds no statement"), "e.g. quackctl query 'SELECT 42'"));
    }
    Ok(Some(sql))
}

fn read_file(context: &Context, file: &Path) -> Result<Vec<u8>> {
    let name = file.display().to_string();
    if name.starts_with("http://") || name.starts_with("https://") {
        let help = format!("fetch it first: curl -fsSL {name} | quackctl query -");
        return Err(usage(format!("`{name}` is an address, and -f takes a file"), help));
    }
    // As `-C` has it, relative to the folder that the command runs in.
    std::fs::read(context.config.here.join(file))
        .map_err(|error| usage(format!("cannot read `{name}`: {error}"), "give -f a file of SQL"))
}

fn read(context: &Context) -> Result<Vec<u8>> {
    let mut input = std::io::stdin().lock();
    if input.is_terminal() {
        context.say("type SQL and end it with Ctrl-D; `quackctl shell` is more comfortable");
    }
    let mut bytes = Vec::new();
    input.read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// What is in a file or a pipe that standard input is; an empty pipe, as schedulers give to what they start, is nothing.
fn piped(context: &Context) -> Result<Option<Vec<u8>>> {
    let kind = rustix::fs::fstat(std::io::stdin()).map(|stat| FileType::from_raw_mode(stat.st_mode));
    Ok(match kind {
        Ok(FileType::RegularFile) => Some(read(context)?),
        Ok(FileType::Fifo) => Some(read(context)?).filter(|bytes| !bytes.is_empty()),
        _ => None,
    })
}

fn is_web_page(sql: &str) -> bool {
    let start: String = sql.trim_start().chars().take(9).collect();
    let start = start.to_ascii_lowercase();
    ["<!doctype", "<html", "<head", "<?xml"].iter().any(|tag| start.starts_with(tag))
}
