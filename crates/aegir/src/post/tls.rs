//! Encrypted connections: rustls with ring, and the certificates that the system trusts.

use std::io;
use std::sync::Arc;

use aegir_hosting::Machine;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use tokio_rustls::rustls::crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature};
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use tokio_rustls::rustls::{ClientConfig, DigitallySignedStruct, Error, RootCertStore, SignatureScheme};

use super::fault::PostFault;

/// Whose certificates are trusted.
pub(super) enum Trust {
    /// Those of the system.
    System,
    /// These alone.
    These(Vec<CertificateDer<'static>>),
}

/// Whether it matters who is at the other end.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Verify {
    /// It must be the machine that was named.
    Name,
    /// Whoever it is, others are not to listen. For what would else be sent in the open.
    Nobody,
}

/// Encrypts a connection to `machine`.
pub(super) async fn encrypt(
    stream: TcpStream,
    machine: &Machine,
    at: &str,
    trust: &Trust,
    verify: Verify,
) -> Result<TlsStream<TcpStream>, PostFault> {
    let failed = |source| PostFault::NotEncrypted { at: at.to_owned(), source };
    let name = ServerName::try_from(machine.bare()).map_err(|error| failed(io::Error::other(error)))?;
    let provider = Arc::new(ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider.clone()).with_safe_default_protocol_versions();
    let config = config.map_err(|error| failed(io::Error::other(error)))?;
    let config = match verify {
        Verify::Name => config.with_root_certificates(trust.roots().await?),
        Verify::Nobody => config.dangerous().with_custom_certificate_verifier(Arc::new(Anybody(provider))),
    };
    TlsConnector::from(Arc::new(config.with_no_client_auth())).connect(name, stream).await.map_err(failed)
}

impl Trust {
    /// Read anew each time: news are rare, and authorities come and go while we run.
    async fn roots(&self) -> Result<RootCertStore, PostFault> {
        let certificates = match self {
            Trust::System => {
                let loaded = tokio::task::spawn_blocking(rustls_native_certs::load_native_certs).await;
                loaded.map(|loaded| loaded.certs).unwrap_or_default()
            }
            Trust::These(certificates) => certificates.clone(),
        };
        let mut roots = RootCertStore::empty();
        roots.add_parsable_certificates(certificates);
        match roots.is_empty() {
            true => Err(PostFault::NoRoots),
            false => Ok(roots),
        }
    }
}

/// Takes any certificate, and only that its owner is at the other end is certain.
#[derive(Debug)]
struct Anybody(Arc<CryptoProvider>);

impl ServerCertVerifier for Anybody {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, certificate, signed, &self.0.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, certificate, signed, &self.0.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
