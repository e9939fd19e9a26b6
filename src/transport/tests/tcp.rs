//! The road by TLS over TCP, as a node takes it whose UDP is blocked.

use super::*;
use crate::transport::tcp::Half;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::Instant;
use tokio_rustls::TlsConnector;

/// Two nodes that know and trust each other; the first has no UDP.
fn blocked_pair() -> (Node, Node) {
    let (a, b) = pair();
    (a.without_udp(), b)
}

fn half(link: &Link) -> impl Future<Output = Half> {
    let super::super::link::Wire::Tcp(connection) = link.wire.clone() else { panic!("it is no link by TCP") };
    async move { connection.open().await.unwrap() }
}

#[tokio::test]
async fn where_udp_is_blocked_tcp_is_taken_within_two_seconds_and_remembered() {
    let (a, b) = blocked_pair();
    let watch = Instant::now();
    let (there, here) = linked(&a, &b).await;
    let first = watch.elapsed();
    assert_eq!((there.road(), here.road()), (RoadKind::Tcp, RoadKind::Tcp));
    assert_eq!((there.peer(), here.peer()), (&b.pki.party, &a.pki.party));
    echo_once(&there, &here).await;
    echo_once(&here, &there).await;
    // The head start of QUIC is 1.5 s; the rest is the handshake on a busy machine.
    assert!((1400..4000).contains(&first.as_millis()), "{first:?}");

    let watch = Instant::now();
    let (again, _) = linked(&a, &b).await;
    assert!(watch.elapsed() < Duration::from_millis(1400), "QUIC is not waited for again");
    assert_eq!(again.road(), RoadKind::Tcp);

    // The same peer where UDP gets through is another network.
    let open = Place { quic: b.address(), ..a.place_of(&b) };
    let (by_quic, _) = tokio::join!(a.road.connect(&b.pki.party, open), b.road.accept());
    assert_eq!(by_quic.unwrap().road(), RoadKind::Quic);
}

#[tokio::test]
async fn long_frames_are_handed_over_by_tcp_too() {
    let (a, b) = blocked_pair();
    let (there, here) = linked(&a, &b).await;
    hand_over_long_frames(&there, &here).await;
}

#[tokio::test]
async fn a_peer_that_is_not_there_is_missed_on_both_roads() {
    let (a, b) = blocked_pair();
    let nobody = TcpListener::bind(LOOPBACK).await.unwrap().local_addr().unwrap();
    let place = Place { tcp: nobody, ..a.place_of(&b) };
    let cause = a.road.connect(&b.pki.party, place).await.unwrap_err();
    assert_eq!(cause.code(), "no-road");
    let words = cause.to_string();
    assert!(
        words.contains("QUIC: the handshake did not end in time") && words.contains("refused"),
        "{words}"
    );
}

#[tokio::test]
async fn the_longest_frames_pass_both_ways_at_once() {
    let (a, b) = blocked_pair();
    let (there, here) = linked(&a, &b).await;
    let (mut send, mut receive) = there.open().await.unwrap();
    let talk = async |send: &mut super::super::Sender, receive: &mut super::super::Receiver| {
        let (told, heard) = tokio::join!(
            async {
                for _ in 0..3 {
                    send.send(FrameKind::Envelope, &vec![7; 1 << 20]).await?;
                }
                send.finish();
                Ok::<_, TransportError>(())
            },
            async {
                let mut frames = 0;
                while let Some((kind, body)) = receive.next().await? {
                    assert_eq!((kind, body.len()), (FrameKind::Envelope, 1 << 20));
                    frames += 1;
                }
                Ok::<_, TransportError>(frames)
            }
        );
        told.unwrap();
        heard.unwrap()
    };
    let other = async {
        let (mut send, mut receive) = here.accept_stream().await.unwrap();
        talk(&mut send, &mut receive).await
    };
    assert_eq!(tokio::join!(talk(&mut send, &mut receive), other), (3, 3));
    assert!(there.open().await.is_ok());
}

#[tokio::test]
async fn each_side_hears_why_the_other_closed() {
    let (a, b) = blocked_pair();
    let (there, here) = linked(&a, &b).await;
    let (mut waiting, _) = (there.open().await.unwrap().1, ());
    here.close(CloseCode::GoingAway, "maintenance");
    let closed =
        TransportError::ClosedByPeer { code: Some(CloseCode::GoingAway), reason: "maintenance".to_owned() };
    assert_eq!(there.closed().await, closed);
    assert_eq!(waiting.next().await, Err(closed.clone()));
    assert_eq!(there.open().await.unwrap_err(), closed);
    assert_eq!(here.closed().await, TransportError::ClosedHere);

    let (there, _here) = linked(&a, &b).await;
    b.road.close(CloseCode::GoingAway, "the end").await;
    let reason = "the end".to_owned();
    assert_eq!(
        there.closed().await,
        TransportError::ClosedByPeer { code: Some(CloseCode::GoingAway), reason }
    );
    assert!(b.road.accept().await.is_none());
}

#[tokio::test]
async fn a_link_ends_when_nobody_holds_it() {
    let (a, b) = blocked_pair();
    let (there, here) = linked(&a, &b).await;
    drop(there);
    let end = tokio::time::timeout(Duration::from_secs(5), here.closed()).await.unwrap();
    assert_eq!(end.code(), "closed-by-peer");
}

#[tokio::test]
async fn a_cut_ends_the_link_and_its_streams_for_that_cause() {
    let (a, b) = blocked_pair();
    let proxy = TcpListener::bind(LOOPBACK).await.unwrap();
    let (at, to) = (proxy.local_addr().unwrap(), b.road.tcp_address().unwrap());
    let carry = tokio::spawn(async move {
        let (mut near, _) = proxy.accept().await.unwrap();
        let mut far = TcpStream::connect(to).await.unwrap();
        let _ = copy_bidirectional(&mut near, &mut far).await;
    });
    let place = Place { tcp: at, ..a.place_of(&b) };
    let (there, here) = tokio::join!(a.road.connect(&b.pki.party, place), b.road.accept());
    let (there, here) = (there.unwrap(), here.unwrap());
    let (mut send, mut receive) = there.open().await.unwrap();
    send.send(FrameKind::Ping, b"1").await.unwrap();
    let (_back, mut heard) = here.accept_stream().await.unwrap();
    heard.next().await.unwrap();
    carry.abort();
    assert_eq!(receive.next().await, Err(TransportError::Lost));
    assert_eq!(heard.next().await, Err(TransportError::Lost));
    assert_eq!(there.closed().await, TransportError::Lost);
}

#[tokio::test]
async fn each_bad_certificate_is_refused_with_the_same_cause_as_over_quic() {
    type Change = fn(&Pki) -> Issued;
    let cases: [(Change, &str); 4] = [
        (|a| a.odd_gateway(|p| p.not_after = rcgen::date_time_ymd(2027, 1, 15)), "expired"),
        (|a| a.odd_gateway(|p| p.subject_alt_names = dns("gw1.npc.xab.valise.internal")), "wrong-root"),
        (|a| a.odd(Role::Gateway, &a.gateway_key.verifying_key(), &key("thief"), |_| ()), "bad-signature"),
        (|a| a.odd_gateway(|p| p.subject_alt_names = vec![]), "wrong-name"),
    ];
    for (change, code) in cases {
        let (a, b) = (Pki::new("XAA"), Pki::new("XAB"));
        let (listing_a, listing_b, shown) = (a.listing(), b.listing(), change(&a));
        let server = Node::new(b, &[listing_a]);
        let client = Node::showing(a, &shown, &[listing_b]).without_udp();
        client_hears(&client, &server, code).await;
        let nobody = tokio::time::timeout(Duration::from_millis(50), server.road.accept()).await;
        assert!(nobody.is_err(), "a refused peer has no link");
    }
    let (a, b) = (Pki::new("XAA"), Pki::new("XAB"));
    let shown = b.odd_gateway(|p| p.not_after = rcgen::date_time_ymd(2027, 1, 15));
    let (listing_a, listing_b) = (a.listing(), b.listing());
    let (client, server) = (Node::new(a, &[listing_b]).without_udp(), Node::showing(b, &shown, &[listing_a]));
    let cause = client.reach(&server).await.unwrap_err();
    assert!(matches!(cause, TransportError::Distrusted(_)), "{cause}");
    assert_eq!(cause.code(), "expired");
    counted(&server, "refused-by-peer").await;
}

#[tokio::test]
async fn a_stranger_to_our_tls_is_refused() {
    let (a, b) = pair();
    let mut theirs = (*tls::provider()).clone();
    theirs.kx_groups = vec![aws_lc_rs::kx_group::X25519];
    let mut classic = unlike_ours(&a, Arc::new(theirs)).with_client_cert_resolver(a.identity.clone());
    classic.alpn_protocols = vec![tls::ALPN.to_vec()];
    for config in strange_ways_to_greet(&a).into_iter().chain([classic]) {
        let socket = TcpStream::connect(b.road.tcp_address().unwrap()).await.unwrap();
        let name = ServerName::try_from("peer.internal").unwrap();
        let welcomed = async {
            let mut tls = TlsConnector::from(Arc::new(config)).connect(name, socket).await?;
            tls.read_u8().await
        };
        assert!(welcomed.await.is_err(), "it is not welcome");
    }
    // Bytes that are no TLS at all.
    let mut socket = TcpStream::connect(b.road.tcp_address().unwrap()).await.unwrap();
    socket.write_all(b"GET / HTTP/1.1\r\n\r\n").await.unwrap();
    let mut rest = Vec::new();
    let _ = socket.read_to_end(&mut rest).await;
    assert!(rest.len() < 16, "an alert at most");
    assert_eq!(b.road.refusals().get("protocol"), Some(&5));
    assert!(b.road.accept_now().is_none());
}

#[tokio::test]
async fn a_host_that_only_opens_sockets_is_kept_to_its_share() {
    let (a, b) = blocked_pair();
    let at = b.road.tcp_address().unwrap();
    let mut silent = Vec::new();
    for _ in 0..16 {
        silent.push(TcpStream::connect(at).await.unwrap());
    }
    let mut one_too_many = TcpStream::connect(at).await.unwrap();
    assert_eq!(one_too_many.read(&mut [0; 1]).await.unwrap_or(0), 0, "it is hung up on");
    counted(&b, "busy").await;
    // Who comes by QUIC is not held up, and the places are free again when the handshakes end.
    let open = Place { quic: b.address(), tcp: at };
    let (there, _) = tokio::join!(a.road.connect(&b.pki.party, open), b.road.accept());
    assert_eq!(there.unwrap().road(), RoadKind::Quic);
    drop(silent);
    counted(&b, "protocol").await;
    let (there, here) = linked(&a, &b).await;
    echo_once(&there, &here).await;
}

#[tokio::test]
async fn a_bad_frame_and_a_stall_end_only_their_streams() {
    let (a, b) = blocked_pair();
    let (there, here) = linked(&a, &b).await;
    for (bytes, code) in [(b"GET / HTTP/1.1".as_slice(), "not-a-frame"), (b"V", "truncated")] {
        let raw = half(&there).await;
        assert_eq!(raw.write(bytes).await, Ok(bytes.len()));
        raw.finish();
        let (_back, mut heard) = here.accept_stream().await.unwrap();
        assert_eq!(heard.next().await.unwrap_err().code(), code);
    }
    let raw = half(&there).await;
    raw.write(b"VL\x01").await.unwrap();
    let (_back, mut heard) = here.accept_stream().await.unwrap();
    heard.stall = Duration::from_millis(20);
    assert_eq!(heard.next().await, Err(TransportError::Stalled));
    assert!(raw.read(&mut [0; 1]).await.is_err(), "the other side hears that it was given up");

    // Nobody reads: what does not fit into the window of a stream stalls.
    let (mut send, _receive) = there.open().await.unwrap();
    send.stall = Duration::from_millis(200);
    let first = send.send(FrameKind::Envelope, &vec![0; 1 << 20]).await;
    assert_eq!(first, Err(TransportError::Stalled));
    here.accept_stream().await.unwrap();
    echo_once(&there, &here).await;
}

/// Who takes the connection and says nothing is given up, on either side of it, and holds up nobody meanwhile.
#[tokio::test]
async fn a_handshake_that_does_not_end_is_given_up_on_both_sides() {
    let (a, b) = blocked_pair();
    let mute = TcpListener::bind(LOOPBACK).await.unwrap();
    let place = Place { tcp: mute.local_addr().unwrap(), ..a.place_of(&b) };
    let began = Instant::now();
    // Here the peer never answers; there a caller never asks.
    let never_asks = TcpStream::connect(b.road.tcp_address().unwrap()).await.unwrap();
    let (missed, (met, _)) = tokio::join!(a.road.connect(&b.pki.party, place), linked(&a, &b));
    let cause = missed.unwrap_err();
    assert_eq!(cause.code(), "no-road", "{cause}");
    assert!(cause.to_string().contains("TCP: the handshake did not end in time"), "{cause}");
    assert!(began.elapsed() < Duration::from_secs(20), "{:?}", began.elapsed());
    assert_eq!(met.road(), RoadKind::Tcp);
    counted(&b, "handshake-timeout").await;
    drop(never_asks);
}
