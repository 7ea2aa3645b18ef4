//! `quackctl serve`: PostgreSQL's wire protocol in front of the engine.

use std::io::{BufRead as _, IsTerminal as _, Write as _};
use std::path::Path;
use std::sync::Arc;

use anyhow::Result;
use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

use crate::cli::{ServeArgs, ServeCommand};
use crate::console::context::Context;
use crate::error::usage;
use crate::serve::{self, Options, Users};

/// Fewest characters of a password.
const SHORTEST: usize = 8;

/// Serves until Ctrl-C, or makes a user.
///
/// # Errors
/// An engine that is not up; an address, a certificate or a user that is none.
pub(crate) async fn run(context: &Context, args: ServeArgs) -> Result<()> {
    if let Some(ServeCommand::AddUser { name }) = &args.command {
        return add_user(context, name);
    }
    let users = Users::of(&context.config.users)?;
    let tls = match (&args.tls_cert, &args.tls_key) {
        (Some(cert), Some(key)) => Some(acceptor(cert, key)?),
        _ => None,
    };
    serve::serve(context, Options { listen: args.listen, users, tls }).await
}

fn acceptor(cert: &Path, key: &Path) -> Result<serve::TlsAcceptor> {
    let wrong = |path: &Path, why: String| usage(format!("`{}`: {why}", path.display()), "give a file of PEM");
    let chain: Vec<CertificateDer<'static>> = CertificateDer::pem_file_iter(cert)
        .and_then(Iterator::collect)
        .map_err(|error| wrong(cert, error.to_string()))?;
    let own = PrivateKeyDer::from_pem_file(key).map_err(|error| wrong(key, error.to_string()))?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(chain, own)
        .map_err(|error| wrong(cert, error.to_string()))?;
    Ok(serve::TlsAcceptor::from(Arc::new(config)))
}

fn add_user(context: &Context, name: &str) -> Result<()> {
    if name.is_empty() || name.contains('=') || name.chars().any(char::is_control) {
        return Err(usage(format!("`{name}` cannot be a user's name"), "give a name without `=`"));
    }
    let password = password(name)?;
    if password.chars().count() < SHORTEST {
        return Err(usage(format!("a password has {SHORTEST} characters at least"), "give a longer one"));
    }
    let line = format!("{name}={}", serve::verifier(&password));
    context.say("put this among `users` under [serve] in quack.toml; the password cannot be made of it again:");
    context.print(&Line { user: name.to_owned(), line })
}

/// A user as quack.toml has it.
#[derive(serde::Serialize)]
struct Line {
    user: String,
    line: String,
}

impl std::fmt::Display for Line {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        writeln!(f, "{}", toml::Value::from(self.line.as_str()))
    }
}

/// The password: typed where nobody sees it, or the first line of standard input.
fn password(name: &str) -> Result<String> {
    let stdin = std::io::stdin();
    let hidden = stdin.is_terminal().then(|| Hidden::of(&stdin)).flatten();
    if hidden.is_some() {
        let mut stderr = std::io::stderr();
        write!(stderr, "password of `{name}`: ")?;
        stderr.flush()?;
    }
    let mut line = String::new();
    stdin.lock().read_line(&mut line)?;
    if hidden.is_some() {
        writeln!(std::io::stderr())?;
    }
    Ok(line.trim_end_matches(['\n', '\r']).to_owned())
}

/// A terminal that does not show what is typed, until this is dropped.
struct Hidden(rustix::termios::Termios);

impl Hidden {
    fn of(stdin: &std::io::Stdin) -> Option<Self> {
        let before = rustix::termios::tcgetattr(stdin).ok()?;
        let mut quiet = before.clone();
        quiet.local_modes.remove(rustix::termios::LocalModes::ECHO);
        rustix::termios::tcsetattr(stdin, rustix::termios::OptionalActions::Now, &quiet).ok()?;
        Some(Self(before))
    }
}

impl Drop for Hidden {
    fn drop(&mut self) {
        _ = rustix::termios::tcsetattr(std::io::stdin(), rustix::termios::OptionalActions::Now, &self.0);
    }
}
