use super::*;
use crate::envelope::fixture::{XAA, XBB, acknowledgement, ring, sent, signed};
use crate::envelope::{Receipts, Reject};
use crate::model::MessageId;
use crate::trust::fixture::Pki;
use crate::wire;

fn framed(kind: FrameKind, body: &[u8]) -> Vec<u8> {
    [&FrameHeader::new(kind, body.len()).unwrap().encode()[..], body].concat()
}

/// An envelope of XAA for XBB, the body of its frame.
fn envelope() -> Vec<u8> {
    sent(&signed(acknowledgement()), XAA, XBB).bytes
}

fn offset(bytes: &[u8], kind: Option<Kind>) -> usize {
    let Err(OfflineError::Malformed { offset, .. }) = inspect(bytes, kind) else { panic!("not malformed") };
    offset
}

/// Every offset of a report with the member that stands there.
fn offsets<'v>(value: &'v Json, found: &mut Vec<(usize, &'v Json)>) {
    if let Some(offset) = value.get("offset").and_then(Json::as_u64) {
        found.push((offset as usize, value));
    }
    match value {
        Json::Array(items) => items.iter().for_each(|item| offsets(item, found)),
        Json::Object(map) => map.values().for_each(|item| offsets(item, found)),
        Json::Null | Json::Bool(_) | Json::Number(_) | Json::String(_) => {}
    }
}

#[test]
fn every_item_has_its_place() {
    let item =
        wire::encode(&serde_json::json!({ "a": [1, -500, "é\u{1b}"], "b": true, "zz": null })).unwrap();
    let report = inspect(&item, None).unwrap();
    assert_eq!(report.kind, Kind::Cbor);
    let expected = "       0  map of 3\n       3    \"a\": array of 3\n       4      1\n       5      -500\n       8      \
                    \"é\\u{1b}\"\n      14    \"b\": true\n      18    \"zz\": null\n";
    assert_eq!(report.text, expected);
}

#[test]
fn offsets_lead_to_the_bytes_of_their_items() {
    let bytes = framed(FrameKind::Envelope, &envelope());
    let report = inspect(&bytes, None).unwrap();
    let mut found = Vec::new();
    offsets(&report.value, &mut found);
    let (mut texts, mut strings) = (0, 0);
    for (offset, item) in found {
        if let Some(text) = item.get("text").and_then(Json::as_str) {
            let encoded = wire::encode(text).unwrap();
            assert!(bytes[offset..].starts_with(&encoded), "{text} at {offset}");
            texts += 1;
        }
        if let Some(hexed) = item.get("bytes").and_then(Json::as_str) {
            let head = cbor::head_len(hexed.len() / 2);
            assert_eq!(hex(&bytes[offset + head..][..hexed.len() / 2]), hexed, "at {offset}");
            strings += 1;
        }
    }
    assert!(texts > 5 && strings > 5, "the layers inside byte strings are looked into");
}

#[test]
fn an_envelope_shows_what_a_relay_learns() {
    let body = envelope();
    let report = inspect(&framed(FrameKind::Envelope, &body), None).unwrap();
    assert_eq!(report.kind, Kind::Frame);
    let seen = &report.value["body"];
    assert_eq!((seen["from"].as_str(), seen["to"].as_str()), (Some("XAA"), Some("XBB")));
    assert_eq!(seen["prekeys"], serde_json::json!(["02".repeat(16)]));
    assert!(report.text.contains("from XAA to XBB") && report.text.contains("no signature was verified"));
    let alone = inspect(&body, Some(Kind::Envelope)).unwrap();
    assert_eq!(alone.value["envelope"], seen["envelope"]);
    assert_eq!(inspect(&body, None).unwrap().kind, Kind::Cbor, "it has no mark of its own");
}

#[test]
fn receipts_and_rejections_are_shown() {
    let (to, by) = (ring(XAA).party, ring(XBB));
    let receipts = Receipts::sign(&to, Vec::new(), &by).unwrap();
    let reject = Reject::sign(&to, MessageId([1; 16]), ("prekey-gone", "gone", false), &by).unwrap();
    for (kind, body, word) in
        [(FrameKind::Receipts, receipts, "receipts"), (FrameKind::Reject, reject, "prekey-gone")]
    {
        let report = inspect(&framed(kind, &body), None).unwrap();
        assert!(report.text.contains(word), "{}", report.text);
    }
    assert!(inspect(&framed(FrameKind::Ping, b"ab"), None).unwrap().text.contains("6162"));
}

#[test]
fn the_first_fault_and_its_byte_are_named() {
    let frame = framed(FrameKind::Envelope, &envelope());
    let with = |at: usize, byte: u8| {
        let mut bytes = frame.clone();
        bytes[at] = byte;
        bytes
    };
    let as_frame = Some(Kind::Frame);
    assert_eq!(offset(&with(0, b'X'), as_frame), 0);
    assert_eq!(offset(&with(2, 0), as_frame), 2);
    assert_eq!(offset(&with(3, 0x60), as_frame), 3);
    assert_eq!(offset(&with(4, 0xff), as_frame), 4);
    assert_eq!(offset(&frame[..5], as_frame), 5);
    assert_eq!(offset(&frame[..100], as_frame), 100);
    assert_eq!(offset(&[&frame[..], b"x"].concat(), as_frame), frame.len());
    assert_eq!(offset(&with(8, 0x9f), as_frame), 8, "an indefinite length");
    assert_eq!(offset(b"\x82\x00\x18\x05", None), 2, "not the shortest");
    assert_eq!(offset(b"\x80\x80", None), 1, "bytes follow");
    assert_eq!(offset(b"", None), 0);
}

#[test]
fn a_bag_shows_each_frame_at_its_place() {
    let (from, to) = (ring(XAA).party, ring(XBB).party);
    let frames = vec![(FrameKind::Envelope, envelope()), (FrameKind::Receipts, b"\x80".to_vec())];
    let bag = Bag::pack(&from, &to, frames, usize::MAX).unwrap().remove(0);
    let report = inspect(&bag, None).unwrap();
    assert_eq!(report.kind, Kind::Bag);
    assert_eq!(report.value["frames"][0]["body"]["from"], "XAA");
    let at = bag.len() - 1;
    assert!(report.text.ends_with(&format!("{at:>8}  array of 0\n")), "{}", report.text);
    let mut spoilt = bag.clone();
    spoilt[at] = 0x9f;
    assert_eq!(offset(&spoilt, None), at, "a fault within a frame");
    spoilt[at - HEADER_LEN] = b'X';
    assert_eq!(offset(&spoilt, None), at - HEADER_LEN, "a fault of the bag comes first");
}

#[test]
fn a_sound_item_that_is_no_envelope_is_refused() {
    assert_eq!(offset(b"\x80", Some(Kind::Envelope)), 0);
    let (route, sealed) =
        wire::decode::<(serde_bytes::ByteBuf, serde_bytes::ByteBuf)>(&envelope(), &Limits::ENVELOPE).unwrap();
    let swapped = wire::encode(&(&sealed, &route)).unwrap();
    assert_eq!(offset(&swapped, Some(Kind::Envelope)), 4, "a seal where the route should be");
    let twice = wire::encode(&(&route, &route)).unwrap();
    assert_eq!(
        offset(&twice, Some(Kind::Envelope)),
        1 + 3 + route.len() + 3,
        "a route where the seal should be"
    );
}

#[test]
fn byte_strings_inside_one_another_are_looked_into_for_a_while() {
    let mut bytes = vec![0x80];
    for _ in 0..3_000 {
        bytes = wire::encode(&[serde_bytes::Bytes::new(&bytes)]).unwrap();
    }
    let report = inspect(&bytes, None).unwrap();
    assert!(report.text.lines().count() < 40);
}

#[test]
fn a_certificate_is_shown_in_both_forms() {
    let seal = Pki::new(XAA).seal;
    let from_der = inspect(&seal.der, None).unwrap();
    let from_pem = inspect(seal.pem.as_bytes(), None).unwrap();
    assert_eq!((from_der.kind, &from_der), (Kind::Certificate, &from_pem));
    assert_eq!(from_der.value["x5t"], sha256(&seal.der));
    let extensions = [
        "subject alternative name: DNSName(seal.npc.xaa.valise.internal)",
        "key usage, critical: Digital Signature, Non Repudiation",
        "extended key usage: 1.3.6.1.5.5.7.3.36",
    ];
    for words in extensions {
        assert!(from_der.text.contains(words), "{words}: {}", from_der.text);
    }
    assert_eq!(offset(&[&seal.der[..], b"\0"].concat(), None), seal.der.len());
    assert_eq!(offset(&seal.der[..seal.der.len() - 1], None), 0, "the outermost length leads beyond the end");
    let mut inner = seal.der.clone();
    inner[5] = 0x80;
    assert!(offset(&inner, None) > 0, "the fault lies inside");
}
