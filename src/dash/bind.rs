//! The columns of a query, by a DuckDB without rows, within a time. Nothing interrupts DuckDB while it binds, `SELECT *, *` of a query doubles
//! its columns, and no limit holds for the memory that this takes: so it binds in a process of its own, which can be ended.

use std::cell::RefCell;
use std::io::{self, BufRead as _, Write as _};
use std::process::Stdio;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use quack_function::wire::{Column, Params};
use rustix::process::{Signal, getpid, kill_process};
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio_util::sync::CancellationToken;

use crate::error::{failure, interrupted, words};
use crate::lake::catalog::Catalog;
use crate::lake::hollow::{self, Hollow, said};

/// The subcommand that is [`bind`].
const COMMAND: &str = "bind";

/// How long a query may take to bind: a second is long.
const WITHIN: Duration = Duration::from_secs(5);

/// How long the process takes for one before it ends by itself: whoever asked may be gone.
const GIVES_UP: Duration = Duration::from_secs(8);

/// What the process is asked, a line of JSON each: what its DuckDB has, first; then one query after another.
#[derive(Debug, Serialize, Deserialize)]
struct Asked {
    sql: String,
    params: Params,
}

/// What it says of a query, a line of JSON.
#[derive(Debug, Serialize, Deserialize)]
enum Said {
    Columns(Vec<Column>),
    /// What is wrong with it, in DuckDB's words.
    Wrong(String),
}

/// What binds pages' queries.
pub(super) struct Binder<'a> {
    catalog: &'a Catalog,
    /// None while it binds, and before.
    process: RefCell<Option<Process>>,
}

/// The process, which ends with this.
struct Process {
    _child: Child,
    stdin: ChildStdin,
    stdout: BufReader<ChildStdout>,
}

impl<'a> Binder<'a> {
    /// Over the tables of a catalog.
    pub(super) fn new(catalog: &'a Catalog) -> Self {
        Self { catalog, process: RefCell::default() }
    }

    /// The columns of the query of that name.
    ///
    /// # Errors
    /// The outer one: `cancel`, a process that does not start, a query that takes too long. The inner one: what is wrong with the query.
    pub(super) async fn columns(
        &self,
        name: &str,
        (sql, params): (&str, &Params),
        cancel: &CancellationToken,
    ) -> Result<Result<Vec<Column>>> {
        let kept = self.process.borrow_mut().take();
        let mut process = match kept {
            Some(process) => process,
            None => Process::start(self.catalog).await?,
        };
        let asked = Asked { sql: sql.to_owned(), params: params.clone() };
        let help = "name the columns that it needs, rather than `*` of queries of `*`";
        let said = tokio::select! {
            said = process.ask(&asked) => said,
            () = cancel.cancelled() => return Err(interrupted("interrupted")),
            () = tokio::time::sleep(WITHIN) => {
                let words = format!("`{name}`: DuckDB does not say within {} s what columns it has", WITHIN.as_secs());
                return Err(failure(words, help));
            }
        };
        let Ok(said) = said else {
            return Err(failure(format!("`{name}`: DuckDB ended while it looked what columns it has"), help));
        };
        self.process.replace(Some(process));
        Ok(match said {
            Said::Columns(columns) => Ok(columns),
            Said::Wrong(words) => Err(anyhow::Error::msg(words)),
        })
    }
}

impl Process {
    async fn start(catalog: &Catalog) -> Result<Self> {
        let mut command = Command::new(std::env::current_exe().context("cannot find this program's own file")?);
        command.arg(COMMAND).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).kill_on_drop(true);
        // Ctrl-C is for whoever asks, who ends it then.
        command.process_group(0);
        let mut child = command.spawn().context("cannot start a process of this program's own")?;
        let (Some(stdin), Some(stdout)) = (child.stdin.take(), child.stdout.take()) else { bail!("it has no pipes") };
        let mut process = Self { _child: child, stdin, stdout: BufReader::new(stdout) };
        process.write(&hollow::statements(catalog, |_| true)?).await?;
        Ok(process)
    }

    async fn ask(&mut self, asked: &Asked) -> Result<Said> {
        self.write(asked).await?;
        let mut line = String::new();
        self.stdout.read_line(&mut line).await?;
        Ok(serde_json::from_str(&line)?)
    }

    async fn write(&mut self, what: &impl Serialize) -> Result<()> {
        let mut line = serde_json::to_vec(what)?;
        line.push(b'\n');
        // What is asked is read before anything is said.
        self.stdin.write_all(&line).await?;
        Ok(self.stdin.flush().await?)
    }
}

/// The process: reads what is asked from standard input, and says what there is to say, until nothing is asked any more.
///
/// # Errors
/// What is asked that is not understood; DuckDB that does not start.
pub(crate) fn bind() -> Result<()> {
    let mut lines = io::stdin().lock().lines();
    let Some(setup) = lines.next() else { return Ok(()) };
    let setup: Vec<String> = serde_json::from_str(&setup?)?;
    let (began, watched) = mpsc::channel::<mpsc::Receiver<()>>();
    thread::spawn(move || {
        for ended in watched {
            if ended.recv_timeout(GIVES_UP) == Err(mpsc::RecvTimeoutError::Timeout) {
                // No way leads out of the binder: not an end that waits for other threads, or writes what is left of them.
                _ = kill_process(getpid(), Signal::KILL);
            }
        }
    });
    let hollow = Hollow::made(&setup)?;
    for line in lines {
        let Asked { sql, params } = serde_json::from_str(&line?)?;
        let (end, ended) = mpsc::channel();
        _ = began.send(ended);
        let said = match hollow.columns(&sql, &params) {
            Ok(columns) => Said::Columns(columns),
            Err(error) => Said::Wrong(words(said(error).as_ref())),
        };
        drop(end);
        let mut out = io::stdout().lock();
        serde_json::to_writer(&mut out, &said)?;
        out.write_all(b"\n")?;
        out.flush()?;
    }
    Ok(())
}
