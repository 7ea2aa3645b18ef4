//! How a session begins: who the client is, and what it is told at first.

use std::collections::HashMap;
use std::sync::Arc;

use async_trait::async_trait;
use futures::StreamExt as _;
use pgwire::api::auth::mechanism::AuthMechanismFactory as _;
use pgwire::api::auth::sasl::SaslMechanisms;
use pgwire::api::auth::sasl::scram::{ScramAuth, ScramSecret};
use pgwire::api::auth::{
    AuthDriver, AuthOutcome, AuthSource, LoginInfo, Password, ServerParameterProvider, finish_authentication,
    protocol_negotiation, save_startup_parameters_to_metadata,
};
use pgwire::api::{
    ClientInfo, METADATA_USER, PgWireConnectionState, PidSecretKeyGenerator as _, RandomPidSecretKeyGenerator,
};
use pgwire::error::{ErrorInfo, PgWireError, PgWireResult};
use pgwire::messages::PgWireFrontendMessage as Message;
use pgwire::tokio::server::{MaybeTls, PgWireMessageServerCodec};
use tokio_util::codec::Framed;

use super::settings::Settings;
use super::users::Users;

/// The connection of a client that says who it is.
pub(super) type Socket = Framed<MaybeTls, PgWireMessageServerCodec<()>>;

/// Who comes in: the users of `quack.toml`, or anybody, who is then somebody on this machine.
pub(super) struct Door {
    driver: AuthDriver<Arc<Told>>,
    mechanisms: Option<SaslMechanisms>,
    keys: RandomPidSecretKeyGenerator,
    /// Whether nobody comes in without TLS.
    needs_tls: bool,
}

/// What a client is told at first.
#[derive(Debug)]
struct Told;

impl ServerParameterProvider for Told {
    fn server_parameters<C: ClientInfo>(&self, client: &C) -> Option<HashMap<String, String>> {
        let settings = settings_of(client);
        Some(settings.reported().map(|(name, value)| (name.to_owned(), value.to_owned())).collect())
    }
}

/// The settings that a client's first message asks for.
pub(super) fn settings_of<C: ClientInfo>(client: &C) -> Settings {
    let metadata = client.metadata();
    let user = metadata.get(METADATA_USER).map(String::as_str).unwrap_or_default();
    let asked = metadata.iter().filter(|(name, _)| !matches!(name.as_str(), "user" | "database" | "options"));
    Settings::new(user, asked.map(|(name, value)| (name.as_str(), value.as_str())))
}

/// The verifiers of passwords, by name.
#[derive(Debug)]
struct Verifiers(Users);

#[async_trait]
impl AuthSource for Verifiers {
    async fn get_password(&self, login: &LoginInfo) -> PgWireResult<Password> {
        Err(PgWireError::InvalidPassword(login.user().unwrap_or_default().to_owned()))
    }

    async fn get_scram_secret(&self, login: &LoginInfo) -> PgWireResult<(ScramSecret, Option<()>)> {
        Ok((self.0.secret(login.user().unwrap_or_default()), None))
    }
}

impl Door {
    /// With `users`, each with a password; for anybody where there are none. With `needs_tls`, only in secret.
    pub(super) fn new(users: Users, needs_tls: bool) -> Self {
        let mechanisms = (!users.is_empty()).then(|| {
            let mut scram = ScramAuth::new(Arc::new(Verifiers(users)));
            scram.set_iterations(super::users::ITERATIONS);
            SaslMechanisms::new(vec![Arc::new(scram)])
        });
        Self {
            driver: AuthDriver::new(Arc::new(Told)),
            mechanisms,
            keys: RandomPidSecretKeyGenerator::default(),
            needs_tls,
        }
    }

    /// Lets a client in. One that only came to cancel something is given back what it said.
    ///
    /// # Errors
    /// Who may not come in; who goes away, or speaks another protocol.
    pub(super) async fn admit(&self, socket: &mut Socket) -> Result<Option<Message>, PgWireError> {
        while let Some(message) = socket.next().await {
            match message? {
                cancel @ Message::CancelRequest(_) => return Ok(Some(cancel)),
                // Before anything is said of passwords. To cancel something, older clients come without.
                Message::Startup(_) if self.needs_tls && !matches!(socket.get_ref(), MaybeTls::Tls(_)) => {
                    return Err(without_tls());
                }
                Message::Startup(startup) => {
                    protocol_negotiation(socket, &startup).await?;
                    save_startup_parameters_to_metadata(socket, &startup);
                    let (pid, secret) = self.keys.generate(socket);
                    socket.set_pid_and_secret_key(pid, secret);
                    match &self.mechanisms {
                        None => finish_authentication(socket, &*Arc::new(Told)).await?,
                        Some(mechanisms) => {
                            let outcome = self.driver.begin_authentication(socket, mechanisms.create()).await?;
                            self.outcome(socket, outcome).await?;
                        }
                    }
                }
                Message::PasswordMessageFamily(password) => {
                    let outcome = self.driver.advance_authentication(socket, password).await?;
                    self.outcome(socket, outcome).await?;
                }
                _ => return Err(unexpected()),
            }
            if matches!(socket.state(), PgWireConnectionState::ReadyForQuery) {
                return Ok(None);
            }
        }
        Err(unexpected())
    }

    async fn outcome(&self, socket: &mut Socket, outcome: AuthOutcome) -> PgWireResult<()> {
        match outcome {
            AuthOutcome::InProgress => Ok(()),
            AuthOutcome::Authenticated { final_message, .. } => {
                self.driver.complete_authentication(socket, final_message).await
            }
        }
    }
}

fn without_tls() -> PgWireError {
    let words = "the server takes connections with TLS only: sslmode=require, or better verify-full".to_owned();
    PgWireError::UserError(Box::new(ErrorInfo::new("FATAL".to_owned(), "28000".to_owned(), words)))
}

pub(super) fn unexpected() -> PgWireError {
    let words = "the client did not begin as the protocol has it".to_owned();
    PgWireError::UserError(Box::new(ErrorInfo::new("FATAL".to_owned(), super::refusal::PROTOCOL.to_owned(), words)))
}
