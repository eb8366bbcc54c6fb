//! What can be wrong on the way to Asterisk or to the CRM, in words for the person who has to repair it.

use std::io;

use rustls::CertificateError;

/// Why something cannot be reached or does not do what it should. The texts never hold a password, a query or a body.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Trouble {
    /// The name has no address.
    #[error("the name {0} cannot be resolved: check the address and the DNS of this machine")]
    Name(String),
    /// Nobody listens.
    #[error("{0} refuses the connection: nothing listens there (not running, or another port)")]
    Refused(String),
    /// The network does not get there.
    #[error("{0} cannot be reached: {1}")]
    Unreachable(String, String),
    /// It took too long.
    #[error("{0} did not answer within {1} s")]
    Slow(String, u64),
    /// TLS did not come about.
    #[error("no TLS connection to {0}: {1}")]
    Tls(String, String),
    /// ARI: 401.
    #[error(
        "Asterisk refuses the user or the password (401): they are those of a section with type = user in ari.conf, and Asterisk has to reload it (module reload res_ari.so)"
    )]
    Password,
    /// ARI: 403.
    #[error("Asterisk refuses this machine (403): see permit, deny and acl of the user in ari.conf")]
    NotAllowed,
    /// ARI: 404.
    #[error(
        "there is no ARI at this address (404): ari.conf needs enabled = yes, the modules res_ari and res_ari_events must be loaded, and a prefix in http.conf belongs into the address"
    )]
    NoAri,
    /// ARI: 400.
    #[error("Asterisk does not accept the application {0} (400)")]
    Application(String),
    /// Another program uses the application.
    #[error(
        "another program has taken over the ARI application {0}: Asterisk gives its events to the newest only, so each program needs an application name of its own (--app)"
    )]
    Replaced(String),
    /// An answer that fits nothing above.
    #[error("{0} answered with status {1}")]
    Status(String, u16),
    /// The protocol was not kept.
    #[error("{0} does not keep the protocol: {1}")]
    Protocol(String, String),
    /// The other side ended the connection.
    #[error("{0} closed the connection")]
    Closed(String),
    /// Half-open: nothing came, not even the answer to a ping.
    #[error("{0} has been silent for {1} s and did not answer a ping: the connection is taken for dead")]
    Silent(String, u64),
}

impl Trouble {
    /// From connecting or from reading.
    pub(crate) fn from_io(peer: &str, error: &io::Error) -> Self {
        if let Some(tls) = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>()) {
            return Self::Tls(peer.to_owned(), plain_tls(tls));
        }
        match error.kind() {
            io::ErrorKind::ConnectionRefused => Self::Refused(peer.to_owned()),
            io::ErrorKind::ConnectionReset
            | io::ErrorKind::BrokenPipe
            | io::ErrorKind::UnexpectedEof
            | io::ErrorKind::ConnectionAborted => Self::Closed(peer.to_owned()),
            kind => Self::Unreachable(peer.to_owned(), kind.to_string()),
        }
    }

    /// The trouble inside an error of the HTTP client.
    pub(crate) fn from_chain(peer: &str, error: &(dyn std::error::Error + 'static)) -> Self {
        let mut next = Some(error);
        while let Some(error) = next {
            if let Some(trouble) = error.downcast_ref::<Self>() {
                return trouble.clone();
            }
            if let Some(error) = error.downcast_ref::<io::Error>() {
                return Self::from_io(peer, error);
            }
            if error.downcast_ref::<hyper::Error>().is_some_and(hyper::Error::is_incomplete_message) {
                return Self::Closed(peer.to_owned());
            }
            next = error.source();
        }
        Self::Protocol(peer.to_owned(), error.to_string())
    }
}

/// What a TLS library says, and what to do about it.
fn plain_tls(error: &rustls::Error) -> String {
    match error {
        rustls::Error::InvalidCertificate(reason) => match reason {
            CertificateError::UnknownIssuer => {
                "its certificate is signed by nobody this machine trusts; give the authority's certificate with --ca-file"
                    .to_owned()
            }
            CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
                "its certificate has expired (or the clock of this machine is wrong)".to_owned()
            }
            CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
                "its certificate is not valid yet (or the clock of this machine is wrong)".to_owned()
            }
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
                "its certificate is for another name than the one in the address".to_owned()
            }
            other => format!("its certificate is refused: {other:?}"),
        },
        rustls::Error::InvalidMessage(_) => {
            "what answers there does not speak TLS; use http:// or ws://, or the port that does".to_owned()
        }
        other => other.to_string(),
    }
}
