use super::dice::{Dice, now};
use quinn::crypto::rustls::QuicClientConfig;
use quinn::{Connection, ConnectionError, Endpoint, RecvStream, SendStream};
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, aws_lc_rs, ring, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, PrivatePkcs8KeyDer, ServerName, UnixTime};
use rustls::sign::{CertifiedKey, SingleCertAndKey};
use rustls::{ClientConfig, DigitallySignedStruct, Error, SignatureScheme};
use std::path::Path;
use std::sync::Arc;
use valise::config::Layout;
use valise::cose::{KemPrivate, PqSigningKey, SigningKey};
use valise::envelope::{Heads, KeyRing, Outgoing, Signed, StatementDraft, compose};
use valise::model::{Act, DAY, DirectoryRef, Entropy, MessageId, OnBehalf, Party};
use valise::node::joining;
use valise::transport::TlsIdentity;
use valise::trust::federation::{Member, PartA, PartB, PrekeyEntry, Route};
use valise::trust::issue::{self, Issued, Serial, Terms};
use valise::trust::{Directory, Prekey, PrekeyId, Role, Validity, pkcs8, thumbprint};
use valise::wire::{FrameHeader, FrameKind, HEADER_LEN};

/// A party whose keys the drill holds, so that it can say what no gateway would.
pub struct Stranger {
    /// Who it is.
    pub party: Party,
    /// What it publishes.
    pub member: Member,
    /// Its keys for messages.
    pub ring: KeyRing,
    /// Its gateway certificate and the one above it.
    pub chain: [Issued; 2],
    gateway_key: SigningKey,
    dice: Dice,
}

/// An open connection to a gateway on which the drill writes bytes of its own.
pub struct Line {
    /// The connection.
    pub connection: Connection,
    _endpoint: Endpoint,
}

impl Stranger {
    /// Makes a party with all its certificates, valid now.
    pub fn new(code: &str, seed: u64) -> Self {
        let mut dice = Dice::seeded(seed);
        let party: Party = code.parse().expect("a party");
        let [root, issuing, gateway_key, seal, log] = [(); 5].map(|()| SigningKey::generate(&mut dice));
        let mut certify = |role, subject: &SigningKey, authority, days| {
            let start = now().saturating_add(if role == Role::Root { -DAY } else { -60 });
            let terms = Terms { serial: Serial::draw(&mut dice), validity: Validity::days(start, days) };
            issue::certificate(role, &party, &subject.verifying_key(), authority, terms)
                .expect("a certificate")
        };
        let root_cert = certify(Role::Root, &root, &root, 3650);
        let (seal_cert, log_cert) =
            (certify(Role::Seal, &seal, &root, 365), certify(Role::Log, &log, &root, 365));
        let issuing_cert = certify(Role::Issuing, &issuing, &root, 365);
        let gateway = certify(Role::Gateway, &gateway_key, &issuing, issue::GATEWAY_DAYS);
        let private = KemPrivate::generate(&mut dice);
        let id = PrekeyId(MessageId::random(&mut dice).0);
        let prekey =
            Prekey { id, public: private.public(), validity: Validity::days(now().saturating_add(-60), 30) };
        let seal_x5t = thumbprint(&seal_cert.der);
        let a = PartA::first(party.clone(), now(), &root_cert.der, &seal_cert.der);
        let b = PartB {
            issuing: vec![issuing_cert.der.clone().into()],
            prekeys: vec![PrekeyEntry::new(&prekey, false)],
            // Nobody is there.
            routes: vec![Route::Quic("127.0.0.1:9".to_owned())],
            ..PartB::first(party.clone(), now(), &log_cert.der, None)
        };
        let member = Member {
            part_a: a.sign(&root).expect("a part A").to_bytes(),
            part_b: Some(b.sign(&seal_x5t, &seal).expect("a part B").to_bytes()),
        };
        let ring = KeyRing {
            gateway: format!("gw1.{}", party.dns_suffix()),
            party: party.clone(),
            seal: (seal, seal_x5t),
            log: (log, thumbprint(&log_cert.der)),
            twin: PqSigningKey::generate(&mut dice),
            prekeys: vec![(id.0.to_vec(), private)],
        };
        Self { party, member, ring, chain: [gateway, issuing_cert], gateway_key, dice }
    }

    /// Reads the directory of a gateway as this party does.
    pub fn directory(&self, dir: &Path) -> Directory {
        joining::peek(&Layout::under(dir), Some(&self.party)).expect("a directory that lists the stranger")
    }

    /// Returns what it shows in a handshake.
    pub fn identity(&self) -> TlsIdentity {
        let [gateway, issuing] = &self.chain;
        TlsIdentity::new(&gateway.der, &issuing.der, &self.gateway_key).expect("its own key and certificate")
    }

    /// Draws a new message id.
    pub fn message_id(&mut self) -> MessageId {
        MessageId::random(&mut self.dice)
    }

    /// Fills a buffer by chance.
    pub fn noise(&mut self, length: usize) -> Vec<u8> {
        let mut bytes = vec![0; length];
        self.dice.fill(&mut bytes);
        bytes
    }

    /// Signs a training act for a party.
    pub fn sign(&mut self, directory: &Directory, to: &Party, case: &str, id: MessageId, act: Act) -> Signed {
        let said = StatementDraft {
            case: case.parse().expect("a case id"),
            audience: vec![to.clone()],
            issued_at: now(),
            message_id: id,
            parents: Vec::new(),
            directory: DirectoryRef { version: directory.version(), digest: directory.digest() },
            heads: Heads::default(),
            exercise: true,
            on_behalf_of: None,
            act,
        };
        said.sign(&self.ring, &mut self.dice).expect("a statement can be signed")
    }

    /// Signs a training act in the name of whoever stands in the header, for these recipients.
    pub fn sign_for(
        &mut self,
        directory: &Directory,
        audience: &[&Party],
        case: &str,
        on_behalf_of: Option<OnBehalf>,
        act: Act,
    ) -> Signed {
        let said = StatementDraft {
            case: case.parse().expect("a case id"),
            audience: audience.iter().map(|party| (*party).clone()).collect(),
            issued_at: now(),
            message_id: self.message_id(),
            parents: Vec::new(),
            directory: DirectoryRef { version: directory.version(), digest: directory.digest() },
            heads: Heads::default(),
            exercise: true,
            on_behalf_of,
            act,
        };
        said.sign(&self.ring, &mut self.dice).expect("a statement can be signed")
    }

    /// Seals a signed statement to a party.
    pub fn seal(&mut self, directory: &Directory, to: &Party, signed: &Signed) -> Outgoing {
        compose(signed, to, &self.ring, directory, now(), DAY, &mut self.dice).expect("it can be sealed")
    }

    /// Connects to the gateway at a UDP port as itself.
    pub async fn call(&self, port: u16) -> Result<Line, ConnectionError> {
        Line::dial(port, Some((&self.chain, &self.gateway_key))).await
    }

    /// Connects with the certificate of another one: the key fits neither it nor the other's root.
    pub async fn call_as(&self, other: &Self, port: u16) -> Result<Line, ConnectionError> {
        Line::dial(port, Some((&other.chain, &self.gateway_key))).await
    }
}

impl Line {
    /// Connects to a gateway, showing this certificate or none; whoever answers is believed.
    pub async fn dial(
        port: u16,
        identity: Option<(&[Issued; 2], &SigningKey)>,
    ) -> Result<Self, ConnectionError> {
        let provider = Arc::new(CryptoProvider {
            kx_groups: vec![aws_lc_rs::kx_group::X25519MLKEM768],
            ..ring::default_provider()
        });
        let config = ClientConfig::builder_with_provider(Arc::clone(&provider))
            .with_protocol_versions(&[&rustls::version::TLS13])
            .expect("the provider does TLS 1.3")
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(Credulous(provider)));
        let mut config = match identity {
            None => config.with_no_client_auth(),
            Some((chain, key)) => {
                let chain = chain.iter().map(|cert| CertificateDer::from(cert.der.clone())).collect();
                let key = ring::sign::any_eddsa_type(&PrivatePkcs8KeyDer::from(pkcs8(key).as_slice()));
                let shown = CertifiedKey::new(chain, key.expect("a key of Ed25519"));
                // The key need not be the certificate's: a thief has only one of them.
                config.with_client_cert_resolver(Arc::new(SingleCertAndKey::from(shown)))
            }
        };
        config.alpn_protocols = vec![b"valise/2".to_vec()];
        config.enable_sni = false;
        let crypto = QuicClientConfig::try_from(config).expect("a suite for the first packets");
        let endpoint = Endpoint::client(([127, 0, 0, 1], 0).into()).expect("a socket");
        let config = quinn::ClientConfig::new(Arc::new(crypto));
        let connecting = endpoint.connect_with(config, ([127, 0, 0, 1], port).into(), "peer.internal");
        let connection = connecting.expect("a sound address").await?;
        Ok(Self { connection, _endpoint: endpoint })
    }

    /// Opens a stream.
    pub async fn open(&self) -> (SendStream, RecvStream) {
        self.connection.open_bi().await.expect("the connection lives")
    }

    /// Sends bytes on a stream of their own, ends it, and returns the frames that come back.
    pub async fn say(&self, bytes: &[u8]) -> Vec<(FrameKind, Vec<u8>)> {
        let (mut send, mut receive) = self.open().await;
        // A gateway may stop the stream at the first bad byte; its answer is then no less of interest.
        let _ = send.write_all(bytes).await;
        let _ = send.finish();
        let mut rest = receive.read_to_end(4 << 20).await.expect("the connection lives");
        let mut frames = Vec::new();
        while !rest.is_empty() {
            let header: [u8; HEADER_LEN] = rest[..HEADER_LEN].try_into().expect("a whole header");
            let header = FrameHeader::parse(&header).expect("a sound header");
            let body = rest.split_off(HEADER_LEN + header.length());
            frames.push((header.kind(), rest.split_off(HEADER_LEN)));
            rest = body;
        }
        frames
    }

    /// Sends one envelope on a stream of its own and returns the one answer.
    pub async fn send(&self, body: &[u8]) -> (FrameKind, Vec<u8>) {
        let mut answers = self.say(&frame(FrameKind::Envelope, body)).await;
        assert_eq!(answers.len(), 1, "one envelope has one answer");
        answers.remove(0)
    }

    /// Tells whether the gateway still answers on this connection.
    pub async fn lives(&self) -> bool {
        self.say(&frame(FrameKind::Ping, b"drill")).await == [(FrameKind::Pong, b"drill".to_vec())]
    }
}

/// Writes a frame.
pub fn frame(kind: FrameKind, body: &[u8]) -> Vec<u8> {
    let header = FrameHeader::new(kind, body.len()).expect("within the limit of its kind");
    [&header.encode(), body].concat()
}

/// Believes any gateway: what is drilled is whom the gateway believes.
#[derive(Debug)]
struct Credulous(Arc<CryptoProvider>);

impl ServerCertVerifier for Credulous {
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
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        unreachable!("QUIC has no TLS 1.2")
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, certificate, signature, &self.0.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
