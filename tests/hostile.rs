//! What a hostile or broken peer sends is refused with a code, counted, and logged without its contents; it
//! ends at most its own stream or connection, and nothing that is stored is lost or changed (DESIGN §13).
#![allow(clippy::unwrap_used, reason = "what does not hold ends the drill")]

mod common;

use ciborium::Value as Cbor;
use common::siege::{Siege, WORD, run};
use common::stranger::{Line, Stranger, frame};
use common::{await_some, digests, request, stopwatch, submit, text};
use serde_bytes::{ByteBuf, Bytes};
use std::net::UdpSocket;
use std::thread;
use std::time::Duration;
use tokio::task::JoinSet;
use valise::cose::{Payload, label, sign1};
use valise::envelope::{Lane, Outgoing, Route};
use valise::model::{Act, Digest, MessageId, Party};
use valise::wire::{FrameKind, Limits, decode, encode};

/// How many junk streams the flood has, and how many acts must pass it.
const FLOOD: usize = 2000;
const ACTS: usize = 20;
/// The most memory that a gateway under a flood may have, in KiB.
const MEMORY: u64 = 256 << 10;

#[test]
fn each_bad_frame_ends_its_own_stream_only() {
    let mut siege = Siege::begin(&[]);
    run(async {
        let line = siege.line().await;
        let before = siege.stored();
        let long = u32::try_from(Limits::ENVELOPE.bytes + 1).unwrap().to_be_bytes();
        let cases: [(&str, Vec<u8>); 9] = [
            ("not-a-frame", format!("GET /{WORD} HTTP/1.1\r\n\r\n").into_bytes()),
            ("not-a-frame", siege.xcc.noise(4096)),
            ("unsupported-version", [b"VL\x00\x01\0\0\0\x0e".as_slice(), WORD.as_bytes()].concat()),
            ("unknown-kind", [b"VL\x01\x60\0\0\0\x0e".as_slice(), WORD.as_bytes()].concat()),
            ("too-long", [b"VL\x01\x01".as_slice(), &long, WORD.as_bytes()].concat()),
            ("too-long", b"VL\x01\x04\xff\xff\xff\xff".to_vec()),
            ("truncated", b"VL\x01".to_vec()),
            ("truncated", [b"VL\x01\x01\0\0\x01\0".as_slice(), WORD.as_bytes()].concat()),
            ("unexpected-frame", frame(FrameKind::Reject, WORD.as_bytes())),
        ];
        for (code, bytes) in cases {
            let (count, logged) = (siege.pair.xbb.refused(code), siege.pair.xbb.log().len());
            assert_eq!(line.say(&bytes).await, [], "{code}");
            siege.pair.xbb.await_refused(code, count);
            assert!(line.lives().await, "the connection outlives {code}");
            let told = code == "unexpected-frame" || siege.pair.xbb.log()[logged..].contains(code);
            assert!(told, "{code} is logged");
        }
        assert_eq!(siege.stored(), before);
    });
    siege.unharmed();
}

#[test]
fn each_bad_envelope_gets_a_signed_refusal_and_changes_nothing() {
    let mut xdd = Stranger::new("XDD", 4);
    let xee = Stranger::new("XEE", 5);
    let mut siege = Siege::begin(&[&xdd]);
    siege.pair.xaa.start();
    let held = text(&siege.pair.xaa.ask(submit()).unwrap()["case"]);
    siege.pair.drain();
    run(async {
        let line = siege.line().await;
        let before = siege.stored();
        let signed = siege.request("XCC-2026-000001");
        let good = siege.seal(&signed);
        for (code, body) in malformed(&good.bytes) {
            siege.refused(&line, &body, code).await;
        }
        let garbage = self_routed(&siege, WORD.as_bytes());
        siege.refused(&line, &garbage, "not-deterministic-cbor").await;
        let garbage = self_routed(&siege, &encode(&WORD).unwrap());
        siege.refused(&line, &garbage, "bad-structure").await;

        let xaa: Party = "XAA".parse().unwrap();
        let elsewhere = siege.xcc.seal(&siege.directory, &xaa, &signed);
        let reject = siege.refused(&line, &elsewhere.bytes, "not-addressed").await;
        assert_eq!(reject.envelope, elsewhere.envelope, "the refusal names what it refuses");
        let for_xaa = siege.xcc.sign(
            &siege.directory,
            &xaa,
            "XCC-2026-000001",
            signed_id(),
            Act::Request(Box::new(request())),
        );
        let resealed = siege.seal(&for_xaa);
        siege.refused(&line, &resealed.bytes, "not-addressed").await;

        let directory = xdd.directory(&siege.pair.xbb.dir);
        let of_xdd = xdd.sign(
            &directory,
            &siege.xbb,
            "XDD-2026-000001",
            signed_id(),
            Act::Request(Box::new(request())),
        );
        let of_xdd = xdd.seal(&directory, &siege.xbb, &of_xdd);
        siege.refused(&line, &of_xdd.bytes, "wrong-sender").await;
        let forged = forged(&siege, &xee);
        siege.refused(&line, &forged, "unknown-party").await;

        let intruding = siege.request(&held);
        let intruding = siege.seal(&intruding);
        siege.refused(&line, &intruding.bytes, "wrong-case").await;
        let invented = siege.request("XAA-2026-900000");
        let invented = siege.seal(&invented);
        siege.refused(&line, &invented.bytes, "unknown-case").await;

        assert!(line.lives().await);
        assert_eq!(siege.stored(), before);
        siege.receipt(&line, &good).await;
    });
    siege.pair.agreed(&held).unwrap();
    siege.unharmed();
}

/// Envelopes that are not what the wire allows, or whose layers do not hold, by their code.
fn malformed(good: &[u8]) -> Vec<(&'static str, Vec<u8>)> {
    let cbor = "not-deterministic-cbor";
    let (route, sealed): (ByteBuf, ByteBuf) = decode(good, &Limits::ENVELOPE).unwrap();
    let join = |route: &[u8], sealed: &[u8]| encode(&(Bytes::new(route), Bytes::new(sealed))).unwrap();
    let flipped = |bytes: &[u8], at: usize| {
        let mut bytes = bytes.to_vec();
        bytes[at] ^= 1;
        bytes
    };
    let nested = [vec![0x81; 100_000], vec![0]].concat();
    vec![
        (cbor, Vec::new()),
        (cbor, WORD.as_bytes().to_vec()),
        (cbor, nested.clone()),
        (cbor, b"\x5f\x41\x00\x41\x00\xff".to_vec()),
        (cbor, good[..good.len() - 1].to_vec()),
        (cbor, [good, b"\0"].concat()),
        (cbor, join(&nested, &sealed)),
        ("unexpected-content", encode(&WORD).unwrap()),
        ("unexpected-content", encode(&[WORD; 3]).unwrap()),
        ("bad-structure", join(&encode(&WORD).unwrap(), &sealed)),
        ("bad-signature", join(&flipped(&route, route.len() - 1), &sealed)),
        ("body-mismatch", join(&route, &flipped(&sealed, sealed.len() - 1))),
        ("body-mismatch", join(&route, &flipped(&sealed, sealed.len() / 2))),
        ("body-mismatch", join(&route, WORD.as_bytes())),
    ]
}

/// A route of XCC's own that truthfully names this body.
fn self_routed(siege: &Siege, sealed: &[u8]) -> Vec<u8> {
    routed(&siege.xcc, &siege.xbb, sealed)
}

/// The same of a party whom nobody knows.
fn forged(siege: &Siege, unknown: &Stranger) -> Vec<u8> {
    routed(unknown, &siege.xbb, WORD.as_bytes())
}

fn routed(sender: &Stranger, to: &Party, sealed: &[u8]) -> Vec<u8> {
    let route = Route {
        envelope: signed_id(),
        to: to.clone(),
        size: sealed.len() as u64,
        expires: common::dice::now().saturating_add(60),
        body: Digest::of(&[sealed]),
        attachments: Vec::new(),
        lane: Lane::Acts,
    };
    let (key, certificate) = &sender.ring.log;
    let thumbprint = Cbor::Array(vec![Cbor::from(-16), Cbor::Bytes(certificate.0.to_vec())]);
    let protected = vec![
        (label::CONTENT_TYPE, "application/vnd.valise.route+cbor".into()),
        (label::KID, Cbor::Bytes(sender.ring.gateway.clone().into_bytes())),
        (label::X5T, thumbprint),
    ];
    let payload = encode(&route).unwrap();
    let route = sign1(key, protected, Vec::new(), Payload::Attached(&payload), &[]).unwrap();
    encode(&(Bytes::new(&route), Bytes::new(sealed))).unwrap()
}

const fn signed_id() -> MessageId {
    MessageId([7; 16])
}

#[test]
fn a_replayed_envelope_gets_the_same_receipt_and_is_not_kept_twice() {
    let mut siege = Siege::begin(&[]);
    run(async {
        let line = siege.line().await;
        let signed = siege.request("XCC-2026-000001");
        let captured = siege.seal(&signed);
        let first = siege.receipt(&line, &captured).await;
        let before = siege.stored();
        assert_eq!(before.0.as_array().map(Vec::len), Some(1));
        let later = siege.line().await;
        for line in [&line, &later] {
            assert_eq!(siege.receipt(line, &captured).await, first);
        }
        let resealed = siege.seal(&signed);
        assert_eq!(siege.receipt(&later, &resealed).await, first, "by whatever road it comes");
        assert_eq!(siege.stored(), before);
    });
    siege.unharmed();
}

#[test]
fn copies_that_arrive_at_once_are_kept_once() {
    let mut siege = Siege::begin(&[]);
    run(async {
        let line = siege.line().await;
        let signed = siege.request("XCC-2026-000001");
        let before = siege.pair.xbb.status()["journal"]["transactions"].as_u64().unwrap();
        let mut receipts = Vec::new();
        let copies: Vec<Outgoing> = (0..24).map(|_| siege.seal(&signed)).collect();
        let mut copies: Vec<_> = copies.iter().map(|copy| Box::pin(siege.receipt(&line, copy))).collect();
        std::future::poll_fn(|context| {
            copies.retain_mut(|copy| match copy.as_mut().poll(context) {
                std::task::Poll::Ready(receipt) => {
                    receipts.push(receipt);
                    false
                }
                std::task::Poll::Pending => true,
            });
            if copies.is_empty() { std::task::Poll::Ready(()) } else { std::task::Poll::Pending }
        })
        .await;
        assert!(receipts.iter().all(|receipt| *receipt == receipts[0]));
        let case = siege.pair.xbb.show("XCC-2026-000001").unwrap();
        assert_eq!(digests(&case), [signed.digest.to_string()]);
        assert_eq!(siege.pair.xbb.status()["journal"]["transactions"], before + 1);
    });
    siege.unharmed();
}

#[test]
fn an_equivocation_is_refused_and_its_proof_kept_once() {
    let mut siege = Siege::begin(&[]);
    run(async {
        let line = siege.line().await;
        let id = siege.xcc.message_id();
        let first = siege.say("XCC-2026-000001", id, Act::Request(Box::new(request())));
        let first = siege.seal(&first);
        siege.receipt(&line, &first).await;
        // The elements are salted anew, so the same words make another statement.
        let second = siege.say("XCC-2026-000001", id, Act::Request(Box::new(request())));
        let second = siege.seal(&second);
        siege.refused(&line, &second.bytes, "equivocation").await;
        let before = siege.stored();
        siege.refused(&line, &second.bytes, "equivocation").await;
        assert_eq!(siege.stored(), before, "the proof is kept once");
        let case = siege.pair.xbb.show("XCC-2026-000001").unwrap();
        assert_eq!(digests(&case).len(), 1, "the act that came first stands");
    });
    siege.unharmed();
}

#[test]
fn acts_of_others_pass_while_a_peer_floods() {
    let mut siege = Siege::begin(&[]);
    siege.pair.xaa.start();
    let flooder = Stranger::new("XCC", 3);
    let (port, junk) = (siege.pair.xbb.port, siege.xcc.noise(4096));
    let flood = thread::spawn(move || run(flood(flooder, port, junk)));
    let watch = stopwatch();
    let mut slowest = Duration::ZERO;
    for _ in 0..ACTS {
        let sent = stopwatch();
        let case = text(&siege.pair.xaa.ask(submit()).unwrap()["case"]);
        await_some("a receipt under a flood", || {
            siege.pair.xaa.show(&case).filter(|view| view["received_at"].is_string())
        });
        slowest = slowest.max(sent.elapsed());
    }
    let passed = watch.elapsed();
    flood.join().unwrap();
    let refused = siege.pair.xbb.refused("not-a-frame");
    assert!(refused >= FLOOD as u64, "each is counted, not {refused}");
    let memory = memory(siege.pair.xbb.pid());
    eprintln!("{ACTS} acts passed in {passed:?}, the slowest in {slowest:?}; the gateway has {memory} KiB");
    assert!(memory < MEMORY, "{memory} KiB");
    siege.unharmed();
}

/// Opens all its junk streams on one connection, as many at once as the gateway lets it.
async fn flood(flooder: Stranger, port: u16, junk: Vec<u8>) {
    let line = flooder.call(port).await.unwrap();
    let mut streams = JoinSet::new();
    for _ in 0..FLOOD {
        let (mut send, mut receive) = line.open().await;
        let junk = junk.clone();
        streams.spawn(async move {
            // The gateway stops the stream at the first bad byte.
            let _ = send.write_all(&junk).await;
            let _ = send.finish();
            let _ = receive.read_to_end(1 << 20).await;
        });
    }
    while streams.join_next().await.is_some() {}
    assert!(line.lives().await, "the flooder is answered like everybody");
}

fn memory(pid: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

#[test]
fn whoever_shows_no_sound_certificate_stays_outside() {
    let siege = Siege::begin(&[]);
    let port = siege.pair.xbb.port;
    run(async {
        let before = siege.stored();
        let imposter = Stranger::new("XCC", 6);
        let unknown = Stranger::new("XEE", 5);
        outside(&siege, "protocol", Line::dial(port, None).await).await;
        outside(&siege, "unknown-party", unknown.call(port).await).await;
        outside(&siege, "bad-signature", imposter.call(port).await).await;
        outside(&siege, "protocol", imposter.call_as(&siege.xcc, port).await).await;
        assert!(siege.line().await.lives().await, "the true XCC is let in");
        assert_eq!(siege.stored(), before);
    });
    siege.unharmed();
}

/// A TLS 1.3 client may hold a connection for a moment before it is refused; it is never answered.
async fn outside(siege: &Siege, code: &str, dialled: Result<Line, quinn::ConnectionError>) {
    if let Ok(line) = dialled {
        line.connection.closed().await;
    }
    siege.pair.xbb.await_refused(code, 0);
    assert!(siege.pair.xbb.log().contains(code), "{code} is logged");
}

#[test]
fn datagrams_that_are_no_quic_are_ignored() {
    let mut siege = Siege::begin(&[]);
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    for length in (1..1200).step_by(7) {
        socket.send_to(&siege.xcc.noise(length), ("127.0.0.1", siege.pair.xbb.port)).unwrap();
    }
    run(async { assert!(siege.line().await.lives().await) });
    siege.unharmed();
}
