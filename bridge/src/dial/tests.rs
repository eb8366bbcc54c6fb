#![expect(clippy::unwrap_used, clippy::panic, reason = "tests")]
//! With a certificate for `localhost` by an authority of these tests alone.

use std::net::SocketAddr;

use rustls::{
    ServerConfig,
    pki_types::{PrivateKeyDer, pem::PemObject},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
};
use tokio_rustls::TlsAcceptor;

use super::*;

fn file(name: &str) -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src/dial").join(name)
}

/// Answers every byte over TLS with the same byte.
async fn echo() -> SocketAddr {
    let chain = CertificateDer::pem_file_iter(file("server.pem")).unwrap().map(Result::unwrap).collect();
    let key = PrivateKeyDer::from_pem_file(file("server.key")).unwrap();
    let config = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((tcp, _)) = listener.accept().await {
            let acceptor = acceptor.clone();
            tokio::spawn(async move {
                if let Ok(tls) = acceptor.accept(tcp).await {
                    let (mut reads, mut writes) = tokio::io::split(tls);
                    let _ = tokio::io::copy(&mut reads, &mut writes).await;
                }
            });
        }
    });
    address
}

async fn dial(ca_file: Option<&str>, url: &str) -> Result<Stream, String> {
    let ca_file = ca_file.map(file);
    let target = Target::parse(url, "--ari-url", "wss://pbx").unwrap();
    Dialer::new(ca_file.as_deref()).unwrap().dial(&target).await.map_err(|trouble| trouble.to_string())
}

#[tokio::test]
async fn tls_is_for_whom_it_is_trusted() {
    let port = echo().await.port();
    let mut stream =
        dial(Some("ca.pem"), &format!("wss://localhost:{port}")).await.unwrap_or_else(|why| panic!("{why}"));
    stream.write_all(b"x").await.unwrap();
    assert_eq!(stream.read_u8().await.unwrap(), b'x');

    let why = dial(None, &format!("wss://localhost:{port}")).await.err().unwrap();
    assert!(why.contains("signed by nobody this machine trusts") && why.contains("--ca-file"), "{why}");
    let why = dial(Some("ca.pem"), &format!("https://127.0.0.1:{port}")).await.err().unwrap();
    assert!(why.contains("for another name"), "{why}");
}

#[tokio::test]
async fn what_is_wrong_is_told() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let answering = tokio::spawn(async move {
        let (mut tcp, _) = listener.accept().await.unwrap();
        tcp.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await.unwrap();
        // Not closed before it has been read.
        let _ = tcp.read_to_end(&mut Vec::new()).await;
    });
    let why = dial(None, &format!("wss://127.0.0.1:{port}")).await.err().unwrap();
    assert!(why.contains("does not speak TLS"), "{why}");
    answering.await.unwrap();
    let why = dial(None, &format!("ws://127.0.0.1:{port}")).await.err().unwrap();
    assert!(why.contains("refuses the connection"), "{why}");
    let why = dial(None, "ws://nobody.invalid").await.err().unwrap();
    assert!(why.contains("nobody.invalid cannot be resolved"), "{why}");

    let dir = tempfile::tempdir().unwrap();
    assert!(matches!(Dialer::new(Some(&dir.path().join("absent"))), Err(TrustError::File(..))));
    std::fs::write(dir.path().join("empty"), "no certificate").unwrap();
    assert!(matches!(Dialer::new(Some(&dir.path().join("empty"))), Err(TrustError::Empty(_))));
}
