//! What comes from the web, or came with quackctl: downloads that go on where they broke off, DuckDB's library and
//! extensions, the files that lie beside an installed program; and what the cache keeps of all that.

pub(crate) mod download;
pub(crate) mod kept;
pub(crate) mod pinned;
pub(crate) mod shipped;

use std::sync::OnceLock;

use ureq::tls::{Certificate, RootCerts, TlsConfig};

/// How a server proves who it is: as the system says, whose list also has what an organisation added; where it has none, by
/// Mozilla's list.
pub(crate) fn tls() -> TlsConfig {
    static ROOTS: OnceLock<RootCerts> = OnceLock::new();
    let roots = ROOTS.get_or_init(|| {
        let system = rustls_native_certs::load_native_certs().certs;
        let roots: Vec<_> = system.iter().map(|root| Certificate::from_der(root).to_owned()).collect();
        if roots.is_empty() { RootCerts::WebPki } else { roots.into() }
    });
    TlsConfig::builder().root_certs(roots.clone()).build()
}
