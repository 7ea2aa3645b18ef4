//! The command line of `quackctl serve`.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::branch::OnBranch;

#[derive(Debug, Args)]
#[command(
    args_conflicts_with_subcommands = true,
    after_help = "\
Clients connect to any database by any name; on this machine's own address without a password, as long as there are no users.
Another address needs TLS and users. Whoever connects has the rights that this command has.

What is asked of the catalog (\\d, a BI tool that looks for tables) is answered here and costs nothing; every other statement is
one `quackctl query` would run: on functions, divided where that pays.

Examples:
  quackctl serve
  psql 'host=127.0.0.1 port=5433 dbname=lake' -c 'SELECT count(*) FROM trips'
  quackctl serve --branch preview
  quackctl serve add-user ann
  quackctl serve --listen 0.0.0.0:5433 --tls-cert cert.pem --tls-key key.pem"
)]
pub(crate) struct ServeArgs {
    #[command(subcommand)]
    pub command: Option<ServeCommand>,
    /// Address to listen on
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "127.0.0.1:5433")]
    pub listen: SocketAddr,
    /// Certificate chain, PEM; nobody comes in without TLS then
    #[arg(long, value_name = "FILE", requires = "tls_key")]
    pub tls_cert: Option<PathBuf>,
    /// Its private key, PEM
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    pub tls_key: Option<PathBuf>,
    #[command(flatten)]
    pub on: OnBranch,
}

#[derive(Debug, Subcommand)]
pub(crate) enum ServeCommand {
    /// Print the line for quack.toml that lets a user in; asks for a password, or reads it from standard input
    #[command(
        after_help = "Examples:\n  quackctl serve add-user ann\n  pwgen 24 1 | tee ann.txt | quackctl serve add-user ann"
    )]
    AddUser { name: String },
}
