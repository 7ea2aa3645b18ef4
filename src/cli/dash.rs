//! The command line of `quackctl dash`.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Subcommand};

use super::age::age;
use super::branch::OnBranch;

#[derive(Debug, Args)]
#[command(
    args_conflicts_with_subcommands = true,
    after_help = "\
A page is a Markdown file in dashboards/. Its fences say what it asks (```sql by_zone bar x=zone
y=trips) and what its readers can set (```input day); `$day` in SQL is the input's value, bound and
never spliced. `::: row`, `::: tabs` and `::: each zone in zones` begin what stands side by side, in
tabs, and once for each row of a query; `:::` ends it. A page is shown as it is saved.

Edit, in the head of a page, is an editor of its SQL: it completes, runs, draws, and writes fences
into the file.

With [dash] in quack.toml, `quackctl up` deploys the pages, for whoever signs in.

Examples:
  quackctl dash new trips --table trips
  quackctl dash
  quackctl dash check
  quackctl dash export trips --html trips.html
  quackctl dash --branch preview       as they will be when that branch is published
  quackctl dash add-user ann"
)]
pub(crate) struct DashArgs {
    #[command(subcommand)]
    pub command: Option<DashCommand>,
    /// Address to show the pages on, of this machine alone
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "127.0.0.1:8080")]
    pub listen: SocketAddr,
    /// Do not have a browser show them
    #[arg(long)]
    pub no_open: bool,
    /// Show the pages over this branch, as they will be when it is published [without NAME: preview]
    #[arg(long, value_name = "NAME", num_args = 0..=1, default_missing_value = "preview")]
    pub branch: Option<String>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum DashCommand {
    /// Check pages: their queries bind, the columns of their charts are there, a load costs no more than its budget
    #[command(after_help = "\
Each query is run once, with what the page's inputs are at first, to know what a load costs; one that
several read, before them, if that pays. Exit code: 1 when anything is wrong.

Examples:
  quackctl dash check
  quackctl dash check trips --no-run
  quackctl dash check --json | jq '.pages[].costUsd'")]
    Check {
        /// Only these pages
        pages: Vec<String>,
        /// Run nothing: no query costs anything, and what a load costs is not known
        #[arg(long)]
        no_run: bool,
        #[command(flatten)]
        on: OnBranch,
    },
    /// Write a first page
    #[command(after_help = "Examples:\n  quackctl dash new trips --table trips\n  quackctl dash new scratch")]
    New {
        /// What the page is called: dashboards/NAME.md
        name: String,
        /// A page about this table
        #[arg(long, value_name = "TABLE")]
        table: Option<String>,
    },
    /// Write a page as it is now to one file, with its rows in it: for who has no quackctl, and no network
    #[command(after_help = "\
The HTML file asks nobody for anything and opens in any browser; it shows what the inputs were, and
they cannot be set. A PDF is printed by Chromium: $CHROMIUM, or one in PATH. When a query fails,
nothing is written, and the exit code is 1. A file that is there is replaced when the new one is
whole.

Examples:
  quackctl dash export trips --html trips.html
  quackctl dash export trips --set day=2019-04-02 --set zones=JFK --set zones=SoHo --html trips.html --pdf trips.pdf")]
    Export {
        /// The page: dashboards/PAGE.md
        page: String,
        /// Write HTML to this file
        #[arg(long, value_name = "FILE", required_unless_present = "pdf")]
        html: Option<PathBuf>,
        /// Write a PDF to this file
        #[arg(long, value_name = "FILE")]
        pdf: Option<PathBuf>,
        /// Set an input, by the name that `$name` in SQL has; again for each choice of several
        #[arg(long, value_name = "NAME=VALUE", value_parser = setting)]
        set: Vec<(String, String)>,
        #[command(flatten)]
        on: OnBranch,
    },
    /// Print the line for quack.toml that lets a user sign in to deployed pages; asks for a password, or reads it from standard input
    #[command(after_help = "\
The next `quackctl up` lets the user in; one whose line is gone is out then, signed in or not.

Examples:
  quackctl dash add-user ann
  pwgen 24 1 | tee ann.txt | quackctl dash add-user ann")]
    AddUser { name: String },
    /// Print a link that lets somebody look at deployed pages without a password, until it expires
    #[command(after_help = "Examples:\n  quackctl dash invite\n  quackctl dash invite ann --for 12h")]
    Invite {
        /// Who it is for, as `allow` of a page and `$user` of its queries know them
        #[arg(default_value = "guest")]
        name: String,
        /// How long it holds
        #[arg(long = "for", value_name = "AGE", default_value = "7d", value_parser = age)]
        lasts: Duration,
    },
    /// Have an invitation hold no longer, nor the sessions of those whom it let in
    #[command(after_help = "Examples:\n  quackctl dash revoke 0f3c9a5b7d1e2468")]
    Revoke {
        /// The invitation's id, as `invite` told it
        id: String,
    },
}

/// The value of an input.
fn setting(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or("write the input's name, `=`, and its value: day=2019-04-02")?;
    Ok((name.to_owned(), value.to_owned()))
}
