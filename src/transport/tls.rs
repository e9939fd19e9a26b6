//! The one place where a gateway's TLS key is used, and where the peer's certificate meets `trust`.

use super::{TransportError, kx::X25519MlKem768};
use crate::cose::SigningKey;
use crate::model::Party;
use crate::trust::{TrustError, Usage, pkcs8};
use quinn::crypto::rustls::{QuicClientConfig, QuicServerConfig};
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{ResolvesClientCert, Resumption};
use rustls::crypto::ring::{cipher_suite, default_provider, sign::any_eddsa_type};
use rustls::crypto::{CryptoProvider, WebPkiSupportedAlgorithms, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, PrivatePkcs8KeyDer, ServerName, UnixTime};
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::server::{ClientHello, NoServerSessionStorage, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use rustls::{
    DigitallySignedStruct, DistinguishedName, Error, OtherError, PeerIncompatible, SignatureScheme,
    version::TLS13,
};
use std::fmt;
use std::sync::{Arc, LazyLock, OnceLock, PoisonError, RwLock};

/// Names this protocol and its version within TLS (RFC 7301).
pub(super) const ALPN: &[u8] = b"valise/2";

/// Decides whom a certificate path speaks for; whoever implements it brings the time.
pub trait PeerCheck: Send + Sync {
    /// Tells which party the path speaks for.
    /// # Errors
    /// The first cause for which it speaks for nobody.
    fn check(&self, end_entity: &[u8], intermediates: &[&[u8]], usage: Usage) -> Result<Party, TrustError>;
}

/// Holds the certificate and key with which this gateway shows itself; each handshake reads it anew.
pub struct TlsIdentity(RwLock<Arc<CertifiedKey>>);

/// What the peer check said in one handshake; empty until the peer has shown a certificate.
pub(super) type Verdict = Arc<OnceLock<Result<Party, TrustError>>>;

impl TlsIdentity {
    /// Takes a gateway certificate, the issuing certificate above it, and the gateway's key.
    /// # Errors
    /// `Identity` if the key is not the certificate's.
    pub fn new(gateway: &[u8], issuing: &[u8], key: &SigningKey) -> Result<Self, TransportError> {
        Ok(Self(RwLock::new(certified(gateway, issuing, key)?)))
    }

    /// Puts a renewed certificate in place; open links stay as they are.
    /// # Errors
    /// `Identity` if the key is not the certificate's; the old identity then stays.
    pub fn swap(&self, gateway: &[u8], issuing: &[u8], key: &SigningKey) -> Result<(), TransportError> {
        let renewed = certified(gateway, issuing, key)?;
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = renewed;
        Ok(())
    }

    fn current(&self) -> Arc<CertifiedKey> {
        Arc::clone(&self.0.read().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Returns the algorithms of this gateway: two cipher suites, one hybrid group, Ed25519.
pub(super) fn provider() -> Arc<CryptoProvider> {
    static PROVIDER: LazyLock<Arc<CryptoProvider>> = LazyLock::new(|| {
        Arc::new(CryptoProvider {
            cipher_suites: vec![
                cipher_suite::TLS13_AES_256_GCM_SHA384,
                cipher_suite::TLS13_CHACHA20_POLY1305_SHA256,
            ],
            kx_groups: vec![&X25519MlKem768],
            signature_verification_algorithms: ED25519_ONLY,
            ..default_provider()
        })
    });
    Arc::clone(&PROVIDER)
}

/// Configures one connection to `expected` over QUIC; `verdict` receives what the check says of its
/// certificate.
pub(super) fn client(
    provider: Arc<CryptoProvider>,
    identity: Arc<TlsIdentity>,
    check: Arc<dyn PeerCheck>,
    expected: Party,
    verdict: Verdict,
) -> Result<QuicClientConfig, TransportError> {
    let config = client_over_tcp(provider, identity, check, expected, verdict)?;
    QuicClientConfig::with_initial(Arc::new(config), initial_suite()).map_err(|e| identity_error(&e))
}

/// Configures one connection to `expected` over TCP, with the same algorithms and the same check.
pub(super) fn client_over_tcp(
    provider: Arc<CryptoProvider>,
    identity: Arc<TlsIdentity>,
    check: Arc<dyn PeerCheck>,
    expected: Party,
    verdict: Verdict,
) -> Result<rustls::ClientConfig, TransportError> {
    let verifier = Verifier { check, expected: Some(expected), verdict, says_later: false };
    let mut config = rustls::ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&TLS13])
        .map_err(|e| identity_error(&e))?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(verifier))
        .with_client_cert_resolver(identity);
    config.alpn_protocols = vec![ALPN.to_vec()];
    // A resumed session would skip the certificate check.
    config.resumption = Resumption::disabled();
    // The first packet is readable on the way; the name in it would tell who traces with whom.
    config.enable_sni = false;
    Ok(config)
}

/// Configures the answer to one connection over QUIC; `verdict` receives what the check says of its
/// certificate.
pub(super) fn server(
    identity: Arc<TlsIdentity>,
    check: Arc<dyn PeerCheck>,
    verdict: Verdict,
) -> Result<QuicServerConfig, TransportError> {
    let config = server_config(identity, check, verdict, false)?;
    QuicServerConfig::with_initial(Arc::new(config), initial_suite()).map_err(|e| identity_error(&e))
}

/// Configures the answer to one connection over TCP. The handshake ends even if the check refuses the
/// peer, since an alert of TLS has no room for the cause: whoever calls reads `verdict` before anything
/// else, tells the peer, and hangs up.
pub(super) fn server_over_tcp(
    identity: Arc<TlsIdentity>,
    check: Arc<dyn PeerCheck>,
    verdict: Verdict,
) -> Result<rustls::ServerConfig, TransportError> {
    server_config(identity, check, verdict, true)
}

/// Says to a refused peer why: the code of the cause, and words that tell nothing of ours.
pub(super) fn words_for_peer(cause: &TrustError) -> String {
    WordsForPeer { code: cause.code(), words: cause.words_for_peer() }.to_string()
}

fn server_config(
    identity: Arc<TlsIdentity>,
    check: Arc<dyn PeerCheck>,
    verdict: Verdict,
    says_later: bool,
) -> Result<rustls::ServerConfig, TransportError> {
    let verifier = Verifier { check, expected: None, verdict, says_later };
    let mut config = rustls::ServerConfig::builder_with_provider(provider())
        .with_protocol_versions(&[&TLS13])
        .map_err(|e| identity_error(&e))?
        .with_client_cert_verifier(Arc::new(verifier))
        .with_cert_resolver(identity);
    config.alpn_protocols = vec![ALPN.to_vec()];
    config.session_storage = Arc::new(NoServerSessionStorage {});
    config.send_tls13_tickets = 0;
    config.max_early_data_size = 0;
    Ok(config)
}

/// Asks `trust` who the peer is, and keeps the answer for the link and for the log.
pub(super) struct Verifier {
    pub check: Arc<dyn PeerCheck>,
    pub expected: Option<Party>,
    pub verdict: Verdict,
    /// Whether a refusal ends the handshake only after it: see [`server_over_tcp`].
    pub says_later: bool,
}

impl Verifier {
    fn judge(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        usage: Usage,
    ) -> Result<(), Error> {
        let intermediates: Vec<&[u8]> = intermediates.iter().map(AsRef::as_ref).collect();
        let found =
            self.check.check(end_entity, &intermediates, usage).and_then(|found| match &self.expected {
                Some(expected) if *expected != found => {
                    Err(TrustError::UnexpectedParty { expected: expected.clone(), found })
                }
                Some(_) | None => Ok(found),
            });
        match self.verdict.get_or_init(|| found) {
            Ok(_) => Ok(()),
            Err(_) if self.says_later => Ok(()),
            Err(cause) => {
                let words = WordsForPeer { code: cause.code(), words: cause.words_for_peer() };
                Err(Error::Other(OtherError(Arc::new(words))))
            }
        }
    }
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        self.judge(end_entity, intermediates, Usage::Server).map(|()| ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Err(PeerIncompatible::Tls13RequiredForQuic.into())
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, certificate, signature, &ED25519_ONLY)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        ED25519_ONLY.supported_schemes()
    }
}

impl ClientCertVerifier for Verifier {
    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &[]
    }

    fn verify_client_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        _now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        self.judge(end_entity, intermediates, Usage::Client).map(|()| ClientCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Err(PeerIncompatible::Tls13RequiredForQuic.into())
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, certificate, signature, &ED25519_ONLY)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        ED25519_ONLY.supported_schemes()
    }
}

impl ResolvesServerCert for TlsIdentity {
    fn resolve(&self, _hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.current())
    }
}

impl ResolvesClientCert for TlsIdentity {
    fn resolve(&self, _hints: &[&[u8]], schemes: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        schemes.contains(&SignatureScheme::ED25519).then(|| self.current())
    }

    fn has_certs(&self) -> bool {
        true
    }
}

/// What travels to a refused peer in the reason of the close; our own words stay in our log.
///
/// It is `Error::Other` since that alone writes these words as they are.
#[derive(Debug)]
struct WordsForPeer {
    code: &'static str,
    words: &'static str,
}

impl fmt::Display for WordsForPeer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "[{}] {}", self.code, self.words)
    }
}

impl std::error::Error for WordsForPeer {}

impl fmt::Debug for Verifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Verifier(expects {:?})", self.expected)
    }
}

impl fmt::Debug for TlsIdentity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TlsIdentity")
    }
}

static ED25519_ONLY: WebPkiSupportedAlgorithms = WebPkiSupportedAlgorithms {
    all: &[webpki::ring::ED25519],
    mapping: &[(SignatureScheme::ED25519, &[webpki::ring::ED25519])],
};

/// RFC 9001 §5.2 fixes AES-128-GCM for the first packets; the handshake then takes one of our suites.
pub(super) fn initial_suite() -> rustls::quic::Suite {
    cipher_suite::TLS13_AES_128_GCM_SHA256
        .tls13()
        .and_then(|suite| suite.quic_suite())
        .expect("the provider's AES-128-GCM suite is one of TLS 1.3 and of QUIC")
}

fn certified(gateway: &[u8], issuing: &[u8], key: &SigningKey) -> Result<Arc<CertifiedKey>, TransportError> {
    let der = pkcs8(key);
    let signer = any_eddsa_type(&PrivatePkcs8KeyDer::from(der.as_slice())).map_err(|e| identity_error(&e))?;
    let chain = [gateway, issuing].map(|der| CertificateDer::from(der.to_vec())).to_vec();
    let certified = CertifiedKey::new(chain, signer);
    certified.keys_match().map_err(|e| identity_error(&e))?;
    Ok(Arc::new(certified))
}

fn identity_error(cause: &dyn fmt::Display) -> TransportError {
    TransportError::Identity(cause.to_string())
}
