//! `quackctl serve`: PostgreSQL's wire protocol in front of the engine.

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
    let password = super::password::read(name)?;
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
