//! Connections, with TLS or without: one way for the websocket and for requests, so that what is wrong is told in the same
//! words everywhere.

use std::{
    fmt, io,
    path::Path,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use hyper_util::client::legacy::connect::{Connected, Connection};
use rustls::{
    ClientConfig, RootCertStore,
    pki_types::{CertificateDer, ServerName, pem::PemObject},
};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
    time::timeout,
};
use tokio_rustls::TlsConnector;

use crate::{target::Target, trouble::Trouble};

/// How long a connection may take to come about, TLS included.
const PATIENCE: Duration = Duration::from_secs(10);

/// The certificates of `--ca-file` cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum TrustError {
    /// Not readable, or not PEM.
    #[error("the file of certificates {0} cannot be read as PEM: {1}")]
    File(String, String),
    /// Readable, and without any certificate.
    #[error("the file {0} holds no certificate")]
    Empty(String),
    /// The TLS library refuses them.
    #[error("TLS cannot be set up: {0}")]
    Setup(#[from] rustls::Error),
}

trait Io: AsyncRead + AsyncWrite + Unpin + Send {}
impl<T: AsyncRead + AsyncWrite + Unpin + Send> Io for T {}

/// A connection.
pub struct Stream(Box<dyn Io>);

/// Makes connections. Cheap to clone.
#[derive(Clone)]
pub struct Dialer(TlsConnector);

impl fmt::Debug for Dialer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Dialer")
    }
}

impl Dialer {
    /// Trusts the authorities of the operating system, and in addition those in the PEM file.
    pub fn new(ca_file: Option<&Path>) -> Result<Self, TrustError> {
        let mut roots = RootCertStore::empty();
        let found = rustls_native_certs::load_native_certs();
        // A machine without certificates can still speak without TLS, or with those of the file alone.
        roots.add_parsable_certificates(found.certs);
        if let Some(path) = ca_file {
            let shown = path.display().to_string();
            let unreadable = |error: rustls::pki_types::pem::Error| TrustError::File(shown.clone(), error.to_string());
            let before = roots.len();
            for certificate in CertificateDer::pem_file_iter(path).map_err(unreadable)? {
                roots.add(certificate.map_err(unreadable)?)?;
            }
            if roots.len() == before {
                return Err(TrustError::Empty(shown));
            }
        }
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_root_certificates(roots)
            .with_no_client_auth();
        Ok(Self(TlsConnector::from(Arc::new(config))))
    }

    /// Connects, or says why not.
    pub async fn dial(&self, target: &Target) -> Result<Stream, Trouble> {
        let peer = target.authority();
        timeout(PATIENCE, self.connect(target, &peer))
            .await
            .unwrap_or_else(|_| Err(Trouble::Slow(peer.clone(), PATIENCE.as_secs())))
    }

    async fn connect(&self, target: &Target, peer: &str) -> Result<Stream, Trouble> {
        let addresses = tokio::net::lookup_host((target.host.as_str(), target.port))
            .await
            .map_err(|_| Trouble::Name(target.host.clone()))?;
        let mut why = Trouble::Name(target.host.clone());
        for address in addresses {
            match TcpStream::connect(address).await {
                Ok(tcp) => return self.secure(tcp, target, peer).await,
                Err(error) => why = Trouble::from_io(peer, &error),
            }
        }
        Err(why)
    }

    async fn secure(&self, tcp: TcpStream, target: &Target, peer: &str) -> Result<Stream, Trouble> {
        // Messages are small and written whole: waiting for more (Nagle's algorithm) only delays them.
        tcp.set_nodelay(true).map_err(|error| Trouble::from_io(peer, &error))?;
        if !target.tls {
            return Ok(Stream(Box::new(tcp)));
        }
        let name = ServerName::try_from(target.host.clone())
            .map_err(|_| Trouble::Tls(peer.to_owned(), "the name in the address is no server name".to_owned()))?;
        match self.0.connect(name, tcp).await {
            Ok(tls) => Ok(Stream(Box::new(tls))),
            Err(error) => Err(match Trouble::from_io(peer, &error) {
                // A server that hangs up on our first TLS message most likely expects none.
                Trouble::Closed(peer) => Trouble::Tls(peer, "the server hung up during the TLS handshake".to_owned()),
                other => other,
            }),
        }
    }
}

impl AsyncRead for Stream {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_read(cx, buffer)
    }
}

impl AsyncWrite for Stream {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(cx)
    }
}

impl Connection for Stream {
    fn connected(&self) -> Connected {
        Connected::new()
    }
}

#[cfg(test)]
mod tests;
