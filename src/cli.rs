//! The command line: clap definitions and nothing else.

mod age;
mod branch;
mod dash;
mod history;
mod rows;
mod serve;
mod stage;

use std::ffi::{OsStr, OsString};
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand};

use self::age::{age, since};
pub(crate) use self::branch::{BranchCommand, OnBranch};
pub(crate) use self::dash::{DashArgs, DashCommand};
pub(crate) use self::history::{HistoryArgs, Span};
pub(crate) use self::rows::{BenchArgs, LoadArgs, QueryArgs, RegisterArgs, TextArgs};
pub(crate) use self::serve::{ServeArgs, ServeCommand};
pub(crate) use self::stage::{StackName, TemplateArgs, UpArgs};
use crate::config::Overrides;
use crate::console::context::Voice;

/// A serverless SQL engine over your data lake: one command puts it up, one takes it away.
#[derive(Debug, Parser)]
#[command(
    name = "quackctl",
    version,
    propagate_version = true,
    max_term_width = 100,
    after_help = "\
Start here:
  quackctl init && quackctl up                      a whole engine on this laptop
  quackctl load --sample taxi --table trips         some data in it
  quackctl query 'SELECT count(*) FROM trips'       SQL on it
  quackctl down                                     all gone again

Values come from flags, then the environment (QUACK_*, .env), then quack.toml, then defaults."
)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub global: Global,
    #[command(subcommand)]
    pub command: Command,
}

/// Options that every command takes.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Global options")]
pub(crate) struct Global {
    /// Where the lake lives: `local` or `aws`
    #[arg(long, global = true, value_name = "NAME")]
    pub target: Option<String>,
    /// Which of the project's deployments, e.g. dev or prod
    #[arg(long, global = true, value_name = "NAME")]
    pub stage: Option<String>,
    /// AWS region [default: as for the AWS CLI]
    #[arg(long, global = true, value_name = "NAME")]
    pub region: Option<String>,
    /// AWS profile [default: as for the AWS CLI]
    #[arg(long, global = true, value_name = "NAME")]
    pub profile: Option<String>,
    /// Run as if started in DIR
    #[arg(short = 'C', global = true, value_name = "DIR")]
    pub dir: Option<PathBuf>,
    /// Print the command's result as JSON
    #[arg(long, global = true)]
    pub json: bool,
    /// Say what is being done, and where each setting came from
    #[arg(short, long, global = true, conflicts_with = "quiet")]
    pub verbose: bool,
    /// Print results and errors, nothing else
    #[arg(long, global = true)]
    pub quiet: bool,
}

impl Cli {
    /// The command line of this process.
    ///
    /// # Errors
    /// What is wrong with it; or help, which was asked for.
    pub(crate) fn of_process() -> Result<Self, clap::Error> {
        Self::try_parse_from(std::env::args_os().map(unmistaken))
    }
}

/// SQL that begins with a comment is no option: a blank before it says so. An option's name has no blank in it, and no
/// line of its own.
fn unmistaken(argument: OsString) -> OsString {
    let is_comment = argument.to_str().and_then(|text| text.strip_prefix("--")).is_some_and(|rest| {
        let name = rest.split('=').next().unwrap_or(rest);
        !name.chars().all(|c| c.is_ascii_alphanumeric() || c == '-')
    });
    if is_comment { [OsStr::new(" "), &argument].into_iter().collect() } else { argument }
}

impl Global {
    /// What the configuration is told.
    pub(crate) fn overrides(&self) -> Overrides {
        let Self { target, stage, region, profile, dir, .. } = self.clone();
        Overrides { target, stage, region, profile, dir, ..Overrides::default() }
    }

    /// How the command speaks.
    pub(crate) fn voice(&self) -> Voice {
        let Self { json, quiet, verbose, .. } = *self;
        Voice { json, quiet, verbose, flags: self.flags() }
    }

    /// The flags that say which stage is meant, each with a space after it.
    pub(crate) fn flags(&self) -> String {
        let flag = |name: &str, value: &Option<String>| {
            value.as_ref().map(|value| format!("--{name} {value} ")).unwrap_or_default()
        };
        let flags =
            [("target", &self.target), ("stage", &self.stage), ("region", &self.region), ("profile", &self.profile)];
        flags.into_iter().map(|(name, value)| flag(name, value)).collect()
    }
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Write a commented quack.toml into this folder
    #[command(after_help = "Examples:\n  quackctl init\n  quackctl -C lake init")]
    Init,
    /// Build the function, provision the target, load the declared data, prove it with a query
    Up(UpArgs),
    /// Show what `up` would do: resources added, changed, replaced, removed, property by property
    #[command(after_help = "\
Changes nothing. Exit code: 0 when there is nothing to change, 2 when there is, 1 on errors.
With -o the plan is also saved, and `quackctl up FILE` makes exactly it: when anything that it rests on has changed
meanwhile (settings, code, what is up, account, region), it says what, and does nothing. The file is JSON without secrets.

Examples:
  quackctl plan
  quackctl --target aws plan -o lake.plan; quackctl --target aws up lake.plan
  quackctl --target aws plan --json | jq '.changes[].resource'")]
    Plan {
        /// Save the plan, for `quackctl up FILE`
        #[arg(short, long, value_name = "FILE")]
        output: Option<PathBuf>,
    },
    /// Print the CloudFormation template that `up` deploys on AWS, and its parameters; deploys nothing
    Template(TemplateArgs),
    /// Build the function and print the folder of its artifact; `up` does so by itself
    #[command(after_help = "Examples:\n  quackctl build\n  ls $(quackctl build)")]
    Build {
        /// The function that shows pages, instead of the engine's
        #[arg(long)]
        pages: bool,
    },
    /// Load files, a URL or a sample into a table
    Load(LoadArgs),
    /// Make a table of Parquet files that lie in S3 already, without copying them
    Register(RegisterArgs),
    /// List the tables and views, or show one table's columns and statistics, or a view's SQL
    #[command(
        after_help = "Examples:\n  quackctl tables\n  quackctl tables trips\n  quackctl tables trips --history\n  quackctl tables --json | jq '.tables[].name'"
    )]
    Tables {
        /// Show this table or view
        name: Option<String>,
        /// List what the table was after each change; each can be queried: FROM trips AT (VERSION => 3)
        #[arg(long, requires = "name")]
        history: bool,
        #[command(flatten)]
        on: OnBranch,
    },
    /// Put the many small files of a table together into few large ones
    #[command(after_help = "\
A table of many partitions that are smaller than 16 MB each is not partitioned any more: what it was partitioned by becomes columns
like others, by which rows are sorted. Earlier versions stay as they were.

Examples:
  quackctl compact trips
  quackctl compact trips --sort pickup_at
  quackctl compact trips --z-order pickup_at,trip_distance")]
    Compact {
        /// The table
        table: String,
        /// Sort the rows by these columns, so that queries on them skip more; all files are written anew then
        #[arg(long, value_name = "COLUMN", value_delimiter = ',')]
        sort: Vec<String>,
        /// Put the rows into a Z-order of these columns, 2 to 8: queries on any of them skip much, not only those on the first
        #[arg(long, value_name = "COLUMN", value_delimiter = ',', conflicts_with = "sort")]
        z_order: Vec<String>,
        /// Leave the table partitioned as it is, however small its partitions are
        #[arg(long)]
        keep_partitions: bool,
    },
    /// Forget versions of a table that are older, and delete the files that only they had
    #[command(after_help = "\
Without --yes it only tells what would go. The version that the table is at always stays.

Examples:
  quackctl expire trips --older-than 7d
  quackctl expire trips --older-than 7d --yes")]
    Expire {
        /// The table
        table: String,
        /// Versions that are older than this go: 7d, 36h
        #[arg(long, value_name = "TIME", value_parser = age, default_value = "7d")]
        older_than: Duration,
        /// Do it
        #[arg(short, long)]
        yes: bool,
        /// Also versions that are younger than a day, which somebody may be reading
        #[arg(long)]
        force: bool,
    },
    /// Have a table be as it was at a version before; that is a new version, and nothing is lost
    #[command(after_help = "Examples:\n  quackctl tables trips --history\n  quackctl rollback trips --to 3")]
    Rollback {
        /// The table
        table: String,
        /// The version, as `quackctl tables TABLE --history` lists it
        #[arg(long, value_name = "VERSION")]
        to: i64,
    },
    /// Drop a table, its rows and its files; or a view
    #[command(after_help = "Examples:\n  quackctl drop trips\n  quackctl drop trips --yes")]
    Drop {
        /// The table or the view
        table: String,
        /// Do not ask
        #[arg(short, long)]
        yes: bool,
    },
    /// Give a table another name; its files stay where they are; or a view
    #[command(after_help = "Examples:\n  quackctl rename trips trips_2019")]
    Rename {
        /// The table or the view
        old: String,
        /// Its new name
        new: String,
    },
    /// List what was replaced or deleted in the last 7 days, or bring it back
    #[command(after_help = "\
Without arguments it lists the catalogs that the bucket keeps, and which tables each has that the current one lacks.
Nothing is lost by it: what it replaces can be brought back in the same way.

Examples:
  quackctl recover
  quackctl recover trips                              as it was before it was replaced or dropped
  quackctl recover --at 2026-03-01T09:30:00Z          all tables, as they were then; asks before newer ones go
  quackctl recover trips --at 'VERSION'               one table, from that catalog")]
    Recover {
        /// The table or the view to bring back
        table: Option<String>,
        /// A catalog's version, or a time at which it was the current one
        #[arg(long, value_name = "VERSION|TIME")]
        at: Option<String>,
        /// Do not ask before tables go that were not there then
        #[arg(short, long)]
        yes: bool,
    },
    /// Run SQL on the function
    Query(QueryArgs),
    /// Measure one query three ways: map-reduce, one function, DuckDB on this machine; or model it on many functions
    Bench(BenchArgs),
    /// Run SQL interactively
    #[command(after_help = "\
A statement ends with `;` and may take several lines. Tab completes keywords, functions, tables and columns.
Commands: .tables  .schema [TABLE]  .mode [NAME]  .width [N]  .timer [on|off]  .read FILE  .output [FILE]  .help  .quit
Also those of psql: \\d  \\dt  \\x  \\?  \\q
What SET VARIABLE sets lasts until the end of the shell.
A script on standard input stops at the first error, says at which line, and exits with 1 or 2.")]
    Shell,
    /// Let whoever speaks PostgreSQL's protocol ask the engine: psql, drivers, dbt, BI tools
    Serve(ServeArgs),
    /// Change tables where nobody else sees it, and publish all of it at once, or discard it
    #[command(after_help = "\
A branch is the lake as it was when the branch was made, with changes of its own. `query`, `load`, `serve`, `tables` and `dash` read and
change it in the lake's place, with --branch NAME.

Examples:
  quackctl branch create preview
  quackctl serve --branch preview &            a dbt run, say, against 127.0.0.1:5433
  quackctl dash --branch                       the pages, as they will be
  quackctl branch publish preview")]
    Branch {
        #[command(subcommand)]
        command: BranchCommand,
    },
    /// Show the project's dashboards, as their files are saved; check them; begin one
    Dash(DashArgs),
    /// Show what is up, where, and whether it is well
    #[command(after_help = "\
Examples:
  quackctl status
  quackctl status --json

Exit codes: 0 up and well, 3 up and not well, 4 nothing is up, 1 not known.

Use the AWS CLI on the local target, with the endpoint and the keys that `status --json` tells:
  export AWS_SHARED_CREDENTIALS_FILE=$(quackctl status --json | jq -r .credentials_file)
  aws --region us-east-1 --endpoint-url $(quackctl status --json | jq -r .endpoint) s3 ls")]
    Status {
        /// Also what was changed by other means than quackctl (AWS)
        #[arg(long)]
        drift: bool,
    },
    /// Print where everything is, by name, for scripts
    #[command(after_help = "\
Examples:
  quackctl outputs
  quackctl outputs --json
  aws s3 ls s3://$(quackctl --target aws outputs bucket)/")]
    Outputs {
        /// Only this one's value, e.g. bucket, function, region, endpoint, account
        name: Option<String>,
    },
    /// Show the functions' logs
    #[command(after_help = "\
Examples:
  quackctl logs
  quackctl logs -f
  quackctl logs --since 15m --errors
  quackctl logs --pages -f       who is let in to dashboards, who is refused
  quackctl logs --json | jq 'select(.record.timeMs > 1000)'")]
    Logs {
        /// Only what is younger than this, e.g. 30s, 15m, 2h, 1w, 2026-11-01 [default: all; on AWS 1h]
        #[arg(long, value_name = "AGE", value_parser = since)]
        since: Option<Duration>,
        /// Keep printing new lines until Ctrl-C
        #[arg(short, long)]
        follow: bool,
        /// Only what tells of what went wrong
        #[arg(long)]
        errors: bool,
        /// Of the function that shows deployed dashboards, not of the engine
        #[arg(long)]
        pages: bool,
    },
    /// List what was asked, by whom, and what it cost
    History(HistoryArgs),
    /// Look whether everything is there that the other commands need: tools, credentials, quotas, permissions
    #[command(after_help = "\
Changes nothing. Exit code: 1 when something is in the way.

Examples:
  quackctl doctor
  quackctl --target aws doctor --json | jq '.checks[] | select(.state != \"ok\")'
  quackctl --target aws doctor --policy > policy.json       for whoever gives you permissions")]
    Doctor {
        /// Print the least IAM policy that `up`, `load`, `query`, `recover`, `logs`, `history` and `down` need
        #[arg(long)]
        policy: bool,
    },
    /// Remove everything that `up` made
    #[command(after_help = "\
Examples:
  quackctl down                  asks before data is deleted
  quackctl down --yes            does not ask
  quackctl down --keep-data      keeps the bucket; a later `up` finds it again")]
    Down {
        /// Do not ask
        #[arg(short, long)]
        yes: bool,
        /// Keep the bucket and the tables in it
        #[arg(long)]
        keep_data: bool,
    },
    /// List what quackctl keeps for all projects of yours, and remove what is old
    #[command(after_help = "\
Nothing in the cache is missed: what is needed again is made or fetched again. What is up does not need it.

Examples:
  quackctl cache
  quackctl cache prune                      what was not used for 30 days
  quackctl cache prune --unused-for 0s      all of it")]
    Cache {
        #[command(subcommand)]
        command: Option<CacheCommand>,
    },
    /// Print a completion script for your shell
    #[command(
        after_help = "Examples:\n  quackctl completions bash > ~/.local/share/bash-completion/completions/quackctl\n  quackctl completions zsh > ~/.zfunc/_quackctl"
    )]
    Completions { shell: clap_complete::Shell },
    /// Write the manual pages into a folder, for a package
    #[command(hide = true)]
    Man { folder: PathBuf },
    /// The local target's own process
    #[command(hide = true)]
    Daemon,
    /// What tells columns of queries, in a process that can be ended
    #[command(hide = true)]
    Bind,
}

#[derive(Debug, Subcommand)]
pub(crate) enum CacheCommand {
    /// Remove what has not been used for long
    Prune {
        /// How long, e.g. 12h or 7d
        #[arg(long, value_name = "AGE", value_parser = age, default_value = "30d")]
        unused_for: Duration,
    },
}
