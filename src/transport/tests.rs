use super::{CloseCode, Link, PeerCheck, Place, Road, RoadKind, TlsIdentity, TransportError, tls};
use crate::model::{DAY, Party, Timestamp};
use crate::trust::fixture::{Listing, NOW, Pki, directory, key};
use crate::trust::issue::{self, Issued};
use crate::trust::{Directory, Role, TrustError, Usage};
use crate::wire::{FrameFault, FrameHeader, FrameKind};
use quinn::crypto::rustls::QuicClientConfig;
use rcgen::{ExtendedKeyUsagePurpose, SanType};
use rustls::crypto::{CryptoProvider, aws_lc_rs};
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::sync::{Arc, RwLock};
use std::time::Duration;

mod tcp;

const LOOPBACK: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 0);

/// A party's directory at an instant that the test sets.
struct Check {
    directory: Directory,
    now: RwLock<Timestamp>,
}

impl PeerCheck for Check {
    fn check(&self, end_entity: &[u8], above: &[&[u8]], usage: Usage) -> Result<Party, TrustError> {
        self.directory.verify_gateway(end_entity, above, usage, *self.now.read().unwrap())
    }
}

struct Node {
    pki: Pki,
    identity: Arc<TlsIdentity>,
    check: Arc<Check>,
    road: Road,
    /// A UDP socket that never answers: what stands for the peers of this node is blocked.
    blocked: Option<UdpSocket>,
}

impl Node {
    fn new(pki: Pki, listings: &[Listing]) -> Self {
        let gateway = pki.gateway.clone();
        Self::showing(pki, &gateway, listings)
    }

    /// A node that shows this certificate instead of its good one.
    fn showing(pki: Pki, gateway: &Issued, listings: &[Listing]) -> Self {
        let identity = TlsIdentity::new(&gateway.der, &pki.issuing.der, &pki.gateway_key).unwrap();
        let listings = [listings, &[pki.listing()]].concat();
        let check = Arc::new(Check { directory: directory(&pki, &listings), now: RwLock::new(NOW) });
        let identity = Arc::new(identity);
        let road = Road::bind(LOOPBACK.into(), Arc::clone(&identity), check.clone()).unwrap();
        Self { pki, identity, check, road, blocked: None }
    }

    /// The same node in a network that lets no UDP through.
    fn without_udp(mut self) -> Self {
        self.blocked = Some(UdpSocket::bind(LOOPBACK).unwrap());
        self
    }

    fn place_of(&self, other: &Self) -> Place {
        let quic = self.blocked.as_ref().map_or(other.address(), |hole| hole.local_addr().unwrap());
        Place { quic, tcp: other.road.tcp_address().unwrap() }
    }

    fn address(&self) -> SocketAddr {
        self.road.local_address().unwrap()
    }

    async fn reach(&self, other: &Self) -> Result<Link, TransportError> {
        self.road.connect(&other.pki.party, self.place_of(other)).await
    }
}

/// Two nodes that know and trust each other.
fn pair() -> (Node, Node) {
    let (a, b) = (Pki::new("XAA"), Pki::new("XAB"));
    let (listing_a, listing_b) = (a.listing(), b.listing());
    (Node::new(a, &[listing_b]), Node::new(b, &[listing_a]))
}

async fn linked(a: &Node, b: &Node) -> (Link, Link) {
    let (there, here) = tokio::join!(a.reach(b), b.road.accept());
    (there.unwrap(), here.unwrap())
}

async fn echo_once(link: &Link, other: &Link) {
    let (mut send, mut receive) = link.open().await.unwrap();
    send.send(FrameKind::Ping, b"hello").await.unwrap();
    let (mut back, mut heard) = other.accept_stream().await.unwrap();
    let (kind, body) = heard.next().await.unwrap().unwrap();
    assert_eq!((kind, body.as_slice()), (FrameKind::Ping, b"hello".as_slice()));
    back.send(FrameKind::Pong, &body).await.unwrap();
    assert_eq!(receive.next().await.unwrap(), Some((FrameKind::Pong, b"hello".to_vec())));
    send.finish();
    assert_eq!(heard.next().await, Ok(None));
}

/// The first cause that a client hears of, in connecting or in the first use of the link.
async fn first_cause(client: &Node, server: &Node) -> TransportError {
    match client.reach(server).await {
        Err(cause) => cause,
        Ok(link) => {
            let (mut send, mut receive) = match link.open().await {
                Ok(halves) => halves,
                Err(cause) => return cause,
            };
            match send.send(FrameKind::Ping, b"").await {
                Err(cause) => cause,
                Ok(()) => receive.next().await.unwrap_err(),
            }
        }
    }
}

async fn counted(node: &Node, code: &str) {
    for _ in 0..200 {
        if node.road.refusals().contains_key(code) {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("{code} is not among {:?}", node.road.refusals());
}

/// A client that shows a changed certificate is refused: each side names the same cause.
async fn client_is_refused(change: impl FnOnce(&Pki) -> Issued, code: &str) {
    let (a, b) = (Pki::new("XAA"), Pki::new("XAB"));
    let (listing_a, listing_b, shown) = (a.listing(), b.listing(), change(&a));
    let server = Node::new(b, &[listing_a]);
    client_hears(&Node::showing(a, &shown, &[listing_b]), &server, code).await;
}

/// A client is refused: each side names the same cause.
async fn client_hears(client: &Node, server: &Node, code: &str) {
    let TransportError::RefusedByPeer { reason } = first_cause(client, server).await else {
        panic!("the client did not hear that it was refused");
    };
    assert!(reason.starts_with(&format!("[{code}] ")), "{reason}");
    counted(server, code).await;
}

/// A server that shows a changed certificate is refused by the client, who knows why.
async fn server_is_refused(change: impl FnOnce(&Pki) -> Issued, code: &str) {
    let (a, b) = (Pki::new("XAA"), Pki::new("XAB"));
    let (listing_a, listing_b, shown) = (a.listing(), b.listing(), change(&b));
    let (client, server) = (Node::new(a, &[listing_b]), Node::showing(b, &shown, &[listing_a]));
    let cause = client.reach(&server).await.unwrap_err();
    assert!(matches!(cause, TransportError::Distrusted(_)), "{cause}");
    assert_eq!(cause.code(), code);
    counted(&server, "refused-by-peer").await;
}

/// A connection from `a` to `b` with the algorithms of another provider.
async fn connect_with(
    theirs: CryptoProvider,
    a: &Node,
    b: &Node,
) -> Result<quinn::Connection, quinn::ConnectionError> {
    let (identity, check, expected) = (a.identity.clone(), a.check.clone(), b.pki.party.clone());
    let config = tls::client(Arc::new(theirs), identity, check, expected, tls::Verdict::default()).unwrap();
    raw_connect(config, b).await
}

async fn raw_connect(
    config: QuicClientConfig,
    to: &Node,
) -> Result<quinn::Connection, quinn::ConnectionError> {
    let config = quinn::ClientConfig::new(Arc::new(config));
    let endpoint = quinn::Endpoint::client(LOOPBACK).unwrap();
    endpoint.connect_with(config, to.address(), "peer.internal").unwrap().await
}

/// What a peer may begin a handshake with that speaks TLS 1.3 and is not welcome on either road: no certificate, the name of
/// another protocol, the name of none.
fn strange_ways_to_greet(a: &Node) -> [rustls::ClientConfig; 3] {
    let mut anonymous = unlike_ours(a, tls::provider()).with_no_client_auth();
    anonymous.alpn_protocols = vec![tls::ALPN.to_vec()];
    let mut other_protocol = unlike_ours(a, tls::provider()).with_client_cert_resolver(a.identity.clone());
    other_protocol.alpn_protocols = vec![b"h3".to_vec()];
    let nameless = unlike_ours(a, tls::provider()).with_client_cert_resolver(a.identity.clone());
    [anonymous, other_protocol, nameless]
}

/// Begins a handshake of `a` in which the rest is left to the test.
fn unlike_ours(
    a: &Node,
    provider: Arc<CryptoProvider>,
) -> rustls::ConfigBuilder<rustls::ClientConfig, rustls::client::WantsClientCert> {
    rustls::ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13])
        .unwrap()
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(tls::Verifier {
            check: a.check.clone(),
            expected: None,
            verdict: tls::Verdict::default(),
            says_later: false,
        }))
}

/// A stream on which a test writes bytes of its own.
async fn raw_stream(link: &Link) -> (quinn::SendStream, quinn::RecvStream) {
    let super::link::Wire::Quic(connection) = &link.wire else { panic!("it is no link by QUIC") };
    connection.open_bi().await.unwrap()
}

fn dns(name: &str) -> Vec<SanType> {
    vec![SanType::DnsName(name.to_owned().try_into().unwrap())]
}

#[tokio::test]
async fn two_parties_exchange_frames_both_ways() {
    let (a, b) = pair();
    let (there, here) = linked(&a, &b).await;
    assert_eq!((there.peer(), here.peer()), (&b.pki.party, &a.pki.party));
    assert_eq!(there.remote(), b.address());
    echo_once(&there, &here).await;
    echo_once(&here, &there).await;
    assert_eq!((there.road(), here.road()), (RoadKind::Quic, RoadKind::Quic));
    assert!(a.road.refusals().is_empty() && b.road.refusals().is_empty());
    there.close(CloseCode::Done, "bye");
    let reason = "bye".to_owned();
    assert_eq!(here.closed().await, TransportError::ClosedByPeer { code: Some(CloseCode::Done), reason });
    assert_eq!(there.closed().await, TransportError::ClosedHere);
}

#[tokio::test]
async fn the_longest_frame_of_each_kind_passes() {
    let (a, b) = pair();
    let (there, here) = linked(&a, &b).await;
    let frames = [(FrameKind::Envelope, 1 << 20), (FrameKind::Receipts, 256 << 10), (FrameKind::Reject, 0)];
    let (mut send, _) = there.open().await.unwrap();
    let sending = async {
        for (kind, length) in frames {
            send.send(kind, &vec![7; length]).await.unwrap();
        }
        let cause = send.send(FrameKind::Reject, &[0; 4097]).await.unwrap_err();
        assert_eq!(cause.code(), "too-long", "refused before a byte is sent");
        send.finish();
    };
    let receiving = async {
        let (_, mut receive) = here.accept_stream().await.unwrap();
        for (kind, length) in frames {
            assert_eq!(receive.next().await.unwrap(), Some((kind, vec![7; length])));
        }
        assert_eq!(receive.next().await, Ok(None));
    };
    tokio::join!(sending, receiving);
}

#[tokio::test]
async fn long_frames_are_handed_over_and_read_into_the_same_memory() {
    let (a, b) = pair();
    let (there, here) = linked(&a, &b).await;
    hand_over_long_frames(&there, &here).await;
}

/// Hands over some long frames, of which the other end reuses the bodies.
async fn hand_over_long_frames(link: &Link, other: &Link) {
    let (mut send, _receive) = link.open().await.unwrap();
    let bodies: Vec<Vec<u8>> = (0..6).map(|nth| vec![nth; 700_000 + usize::from(nth)]).collect();
    let sent = bodies.clone();
    let sending = tokio::spawn(async move {
        for body in sent {
            send.hand_over(FrameKind::Envelope, body.into()).await.unwrap();
        }
        let cause = send.hand_over(FrameKind::Reject, vec![0; 4097].into()).await.unwrap_err();
        assert_eq!(cause.code(), "too-long", "refused before a byte is sent");
        send.finish();
    });
    let (_back, mut heard) = other.accept_stream().await.unwrap();
    let mut places = Vec::new();
    for body in bodies {
        let (kind, came) = heard.next().await.unwrap().unwrap();
        assert!(kind == FrameKind::Envelope && came == body);
        places.push(came.as_ptr());
        heard.reuse(came);
    }
    assert_eq!(heard.next().await, Ok(None));
    sending.await.unwrap();
    places.sort_unstable();
    places.dedup();
    assert!(places.len() <= 4, "six frames lay in {} places", places.len());
}

#[tokio::test]
async fn each_bad_client_certificate_is_refused_with_its_cause() {
    client_is_refused(|a| a.odd_gateway(|p| p.not_after = rcgen::date_time_ymd(2027, 1, 15)), "expired")
        .await;
    let not_yet = |p: &mut rcgen::CertificateParams| p.not_before = rcgen::date_time_ymd(2027, 1, 16);
    client_is_refused(|a| a.odd_gateway(not_yet), "not-yet-valid").await;
    let server_only = |p: &mut rcgen::CertificateParams| {
        p.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    };
    client_is_refused(|a| a.odd_gateway(server_only), "wrong-usage").await;
    let other = |p: &mut rcgen::CertificateParams| p.subject_alt_names = dns("gw1.npc.xab.valise.internal");
    client_is_refused(|a| a.odd_gateway(other), "wrong-root").await;
    let unknown = |p: &mut rcgen::CertificateParams| p.subject_alt_names = dns("gw1.npc.xac.valise.internal");
    client_is_refused(|a| a.odd_gateway(unknown), "unknown-party").await;
    let by_thief = |a: &Pki| a.odd(Role::Gateway, &a.gateway_key.verifying_key(), &key("thief"), |_| ());
    client_is_refused(by_thief, "bad-signature").await;
    client_is_refused(|a| a.odd_gateway(|p| p.subject_alt_names = vec![]), "wrong-name").await;
}

#[tokio::test]
async fn each_bad_server_certificate_is_refused_with_its_cause() {
    server_is_refused(|b| b.odd_gateway(|p| p.not_after = rcgen::date_time_ymd(2027, 1, 15)), "expired")
        .await;
    let client_only = |p: &mut rcgen::CertificateParams| {
        p.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
    };
    server_is_refused(|b| b.odd_gateway(client_only), "wrong-usage").await;
    let other = |p: &mut rcgen::CertificateParams| p.subject_alt_names = dns("gw1.npc.xaa.valise.internal");
    server_is_refused(|b| b.odd_gateway(other), "wrong-root").await;
}

#[tokio::test]
async fn a_revoked_gateway_and_one_outside_its_constraint_are_refused() {
    let (a, b) = (Pki::new("XAA"), Pki::new("XAB"));
    let (revoked, listing_b) = (a.listing_revoking(&[2]), b.listing());
    let (client, server) = (Node::new(a, &[listing_b]), Node::new(b, &[revoked]));
    let cause = first_cause(&client, &server).await.to_string();
    assert!(cause.contains("[revoked]"), "{cause}");

    let (mut a, b) = (Pki::new("XAA"), Pki::new("XAB"));
    a.issuing = a.odd(Role::Issuing, &a.issuing_key.verifying_key(), &a.root_key, |p| {
        let narrow = rcgen::GeneralSubtree::DnsName("other.npc.xaa.valise.internal".to_owned());
        p.name_constraints =
            Some(rcgen::NameConstraints { permitted_subtrees: vec![narrow], excluded_subtrees: vec![] });
    });
    let (listing_a, listing_b) = (a.listing(), b.listing());
    let (client, server) = (Node::new(a, &[listing_b]), Node::new(b, &[listing_a]));
    let cause = first_cause(&client, &server).await.to_string();
    assert!(cause.contains("[name-outside-constraint]"), "{cause}");
}

#[tokio::test]
async fn a_party_that_answers_for_another_is_found_out() {
    let (a, b, c) = (Pki::new("XAA"), Pki::new("XAB"), Pki::new("XAC"));
    let listings = [a.listing(), b.listing(), c.listing()];
    let (a, c) = (Node::new(a, &listings[1..]), Node::new(c, &listings[..2]));
    let cause = a.road.connect(&b.party, c.address().into()).await.unwrap_err();
    let expected = TrustError::UnexpectedParty { expected: b.party, found: c.pki.party.clone() };
    assert_eq!(cause, TransportError::Distrusted(expected));
}

#[tokio::test]
async fn a_renewed_identity_serves_new_links_and_leaves_open_ones() {
    let (a, b) = pair();
    let (old_there, old_here) = linked(&a, &b).await;
    *a.check.now.write().unwrap() = NOW.saturating_add(10 * DAY);
    assert_eq!(old_there.recheck(&*a.check).unwrap_err().code(), "expired");
    assert_eq!(a.reach(&b).await.unwrap_err().code(), "expired");

    let mut terms = crate::trust::fixture::terms(Role::Gateway, 9);
    terms.validity = crate::trust::Validity::days(NOW.saturating_add(-DAY), 30);
    let (party, new_key) = (&b.pki.party, key("XAB gateway, renewed"));
    let public = new_key.verifying_key();
    let renewed = issue::certificate(Role::Gateway, party, &public, &b.pki.issuing_key, terms).unwrap();
    let wrong_key = b.identity.swap(&renewed.der, &b.pki.issuing.der, &b.pki.gateway_key);
    assert_eq!(wrong_key.unwrap_err().code(), "bad-identity");
    b.identity.swap(&renewed.der, &b.pki.issuing.der, &new_key).unwrap();

    let (new_there, new_here) = linked(&a, &b).await;
    assert_eq!(new_there.recheck(&*a.check), Ok(()));
    echo_once(&new_there, &new_here).await;
    echo_once(&old_there, &old_here).await;
}

#[tokio::test]
async fn a_bad_frame_ends_only_its_stream() {
    let (a, b) = pair();
    let (there, here) = linked(&a, &b).await;
    let too_long = [b"VL\x01\x01".as_slice(), &(1u32 << 20 | 1).to_be_bytes()].concat();
    let whole = FrameHeader::new(FrameKind::Ping, 4).unwrap().encode();
    let cases: [(&[u8], &str); 7] = [
        (b"GET / HTTP/1.1", "not-a-frame"),
        (b"VL\x00\x01\0\0\0\0", "unsupported-version"),
        (b"VL\x01\x63\0\0\0\0", "unknown-kind"),
        (&too_long, "too-long"),
        (b"V", "truncated"),
        (&whole, "truncated"),
        (&[whole.as_slice(), b"123"].concat(), "truncated"),
    ];
    for (bytes, code) in cases {
        let (mut send, mut receive) = raw_stream(&there).await;
        send.write_all(bytes).await.unwrap();
        let _ = send.finish();
        let (back, mut heard) = here.accept_stream().await.unwrap();
        assert_eq!(heard.next().await.unwrap_err().code(), code);
        drop((back, heard));
        assert_eq!(receive.read(&mut [0; 1]).await.unwrap(), None);
    }
    echo_once(&there, &here).await;
}

#[tokio::test]
async fn a_sender_hears_that_its_stream_was_given_up() {
    let (a, b) = pair();
    let (there, here) = linked(&a, &b).await;
    let (mut send, _receive) = there.open().await.unwrap();
    send.send(FrameKind::Ping, b"1").await.unwrap();
    let (_back, heard) = here.accept_stream().await.unwrap();
    drop(heard);
    let refused = async {
        loop {
            if let Err(cause) = send.send(FrameKind::Envelope, &[0; 1 << 16]).await {
                return cause;
            }
        }
    };
    assert_eq!(refused.await, TransportError::StreamRefused { code: Some(CloseCode::Done) });
    assert_eq!(send.send(FrameKind::Ping, b"").await, Err(TransportError::StreamEnded));
    echo_once(&there, &here).await;
}

#[tokio::test]
async fn a_receiver_that_was_interrupted_goes_on_where_it_was() {
    let (a, b) = pair();
    let (there, here) = linked(&a, &b).await;
    let (mut send, _receive) = raw_stream(&there).await;
    let frame = [FrameHeader::new(FrameKind::Ping, 4).unwrap().encode().as_slice(), b"body"].concat();
    send.write_all(&frame[..1]).await.unwrap();
    let (_back, mut heard) = here.accept_stream().await.unwrap();
    for byte in &frame[1..] {
        let short = Duration::from_millis(5);
        assert!(tokio::time::timeout(short, heard.next()).await.is_err());
        send.write_all(&[*byte]).await.unwrap();
    }
    assert_eq!(heard.next().await.unwrap(), Some((FrameKind::Ping, b"body".to_vec())));
}

#[tokio::test]
async fn a_peer_that_stops_within_a_frame_ends_only_its_stream() {
    let (a, b) = pair();
    let (there, here) = linked(&a, &b).await;
    let (mut send, mut receive) = there.open().await.unwrap();
    send.send(FrameKind::Ping, b"1").await.unwrap();
    let (mut back, mut heard) = here.accept_stream().await.unwrap();
    heard.next().await.unwrap();
    let short = Duration::from_millis(20);

    // Nobody reads: two long frames do not fit into the window of a stream.
    send.stall = short;
    let (first, second) = (
        send.send(FrameKind::Envelope, &[0; 1 << 20]).await,
        send.send(FrameKind::Envelope, &[0; 1 << 20]).await,
    );
    assert_eq!((first, second), (Ok(()), Err(TransportError::Stalled)));

    // Half a frame, then silence.
    back.write(b"VL\x01").await.unwrap();
    receive.stall = short;
    assert_eq!(receive.next().await, Err(TransportError::Stalled));
    let given_up = TransportError::StreamRefused { code: Some(CloseCode::Stalled) };
    let reset = loop {
        if let Err(cause) = heard.next().await {
            break cause;
        }
    };
    assert_eq!(reset, given_up);
    echo_once(&there, &here).await;
}

#[tokio::test]
async fn a_crowd_is_let_in_after_it_has_proved_its_addresses() {
    const CROWD: usize = 40;
    let (a, b) = pair();
    let a = Arc::new(a);
    let (party, address) = (b.pki.party.clone(), b.address());
    let mut crowd = tokio::task::JoinSet::new();
    for _ in 0..CROWD {
        let (a, party) = (Arc::clone(&a), party.clone());
        crowd.spawn(async move { a.road.connect(&party, address.into()).await });
    }
    let mut let_in = Vec::new();
    while let_in.len() < CROWD {
        let_in.push(b.road.accept().await.unwrap());
    }
    assert!(crowd.join_all().await.into_iter().all(|link| link.is_ok()));
    assert!(b.road.refusals().is_empty());
}

#[tokio::test]
async fn garbage_does_not_disturb_the_road() {
    let (a, b) = pair();
    let socket = UdpSocket::bind(LOOPBACK).unwrap();
    let mut noise = 1u32;
    for length in (0..1400).step_by(7) {
        let bytes: Vec<u8> = (0..length)
            .map(|_| {
                noise = noise.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                noise.to_be_bytes()[0]
            })
            .collect();
        socket.send_to(&bytes, b.address()).unwrap();
    }
    let (there, here) = linked(&a, &b).await;
    echo_once(&there, &here).await;
}

#[tokio::test]
async fn another_implementation_of_the_group_is_understood() {
    let (a, b) = pair();
    let theirs = CryptoProvider {
        kx_groups: vec![aws_lc_rs::kx_group::X25519MLKEM768],
        ..aws_lc_rs::default_provider()
    };
    let (there, here) = tokio::join!(connect_with(theirs, &a, &b), b.road.accept());
    assert!(there.is_ok());
    assert_eq!(here.unwrap().peer(), &a.pki.party);
}

#[tokio::test]
async fn a_peer_without_the_hybrid_group_is_refused() {
    let (a, b) = pair();
    for group in [aws_lc_rs::kx_group::X25519, aws_lc_rs::kx_group::MLKEM768] {
        let theirs = CryptoProvider { kx_groups: vec![group], ..aws_lc_rs::default_provider() };
        let cause: TransportError = connect_with(theirs, &a, &b).await.unwrap_err().into();
        assert_eq!(cause.code(), "refused-by-peer");
    }
    counted(&b, "protocol").await;
    assert_eq!(b.road.refusals()["protocol"], 2);
}

#[tokio::test]
async fn a_peer_without_certificate_or_protocol_name_is_refused() {
    let (a, b) = pair();
    for config in strange_ways_to_greet(&a) {
        let config = QuicClientConfig::with_initial(Arc::new(config), tls::initial_suite()).unwrap();
        let outcome = async { Ok(raw_connect(config, &b).await?.closed().await) };
        let cause: TransportError = outcome.await.unwrap_or_else(|e: quinn::ConnectionError| e).into();
        assert_eq!(cause.code(), "refused-by-peer", "{cause}");
    }
    assert!(!b.road.refusals().contains_key("expired"));
}

#[tokio::test]
async fn a_closed_road_tells_its_peers_and_accepts_no_more() {
    let (a, b) = pair();
    let (there, _here) = linked(&a, &b).await;
    b.road.close(CloseCode::GoingAway, "maintenance").await;
    let reason = "maintenance".to_owned();
    assert_eq!(
        there.closed().await,
        TransportError::ClosedByPeer { code: Some(CloseCode::GoingAway), reason }
    );
    assert!(b.road.accept().await.is_none());
    assert_eq!(there.open().await.unwrap_err().code(), "closed-by-peer");
    assert_eq!(b.reach(&a).await.unwrap_err(), TransportError::ClosedHere);
}

#[tokio::test]
async fn an_address_in_use_is_named() {
    let (a, _b) = pair();
    let taken = Road::bind(a.address().into(), Arc::clone(&a.identity), a.check.clone());
    assert_eq!(taken.unwrap_err().code(), "cannot-listen");
}

#[test]
fn what_a_peer_says_cannot_paint_our_log() {
    let close = quinn::ApplicationClose {
        error_code: 99u32.into(),
        reason: "\u{1b}[31mred\n".repeat(100).into_bytes().into(),
    };
    let error = TransportError::from(quinn::ConnectionError::ApplicationClosed(close));
    let TransportError::ClosedByPeer { code: None, reason } = &error else { panic!("{error:?}") };
    assert!(reason.len() <= 200 && !error.to_string().chars().any(char::is_control));
    assert_eq!(TransportError::from(FrameFault::WrongMagic).code(), "not-a-frame");
}
