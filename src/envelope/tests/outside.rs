//! What a relay sees, and how much of it there is.

use super::forge::*;
use super::*;
use crate::model::Refusal;
use crate::wire::{FrameHeader, FrameKind, HEADER_LEN, Limits, encode_value};
use ciborium::Value;

/// Blanks every byte string that is drawn at random, signed or encrypted; what is left a relay can read.
fn readable(envelope: &[u8]) -> Vec<u8> {
    fn blank(value: &Value) -> Value {
        Value::Bytes(vec![0; value.as_bytes().unwrap().len()])
    }
    let (route_bytes, sealed) = layers(envelope);
    let route = Route { envelope: MessageId([0; 16]), body: Digest([0; 32]), ..route(envelope) };
    let mut outer = parts(&route_bytes);
    outer[2] = Value::Bytes(crate::wire::encode(&route).unwrap());
    outer[3] = blank(&outer[3]);
    let mut seal = parts(&edited(&sealed, |map| set(map, -70010, Value::Null)));
    seal[1] = Value::Map(vec![(5.into(), blank(&seal[1].as_map().unwrap()[0].1))]);
    seal[2] = blank(&seal[2]);
    let recipient = seal[3].as_array().unwrap()[0].as_array().unwrap().clone();
    let encapsulated = blank(&recipient[1].as_map().unwrap()[0].1);
    let layer =
        vec![recipient[0].clone(), Value::Map(vec![((-70011).into(), encapsulated)]), blank(&recipient[2])];
    seal[3] = Value::Array(vec![Value::Array(layer)]);
    let both = [Value::Bytes(assembled(outer)), Value::Bytes(assembled(seal))];
    encode_value(&Value::Array(both.to_vec())).unwrap()
}

#[test]
fn two_acts_in_one_bucket_differ_in_random_bytes_only() {
    let refusal = |length: usize| {
        let Act::Refusal(Refusal { request, mut grounds }) = refusal() else { panic!("a refusal") };
        grounds[0].reason = "x".repeat(length).into();
        Act::Refusal(Refusal { request, grounds })
    };
    let acknowledgement = sent(&signed(acknowledgement()), XAA, XBB).bytes;
    let short = sent(&signed(refusal(12)), XAA, XBB).bytes;
    let longer = sent(&signed(refusal(20)), XAA, XBB).bytes;
    assert_ne!(acknowledgement, short);
    for other in [&short, &longer] {
        assert_eq!(acknowledgement.len(), other.len());
        assert_eq!(readable(&acknowledgement), readable(other));
    }
    let request = sent(&signed(request()), XAA, XBB).bytes;
    assert_ne!(readable(&acknowledgement), readable(&request), "the size bucket is what a relay learns");
}

#[test]
fn nothing_outside_the_seal_tells_what_it_is_about() {
    for act in [request(), acknowledgement(), response(), refusal()] {
        let signed = signed(act);
        let envelope = sent(&signed, XAA, XBB).bytes;
        let said = draft(acknowledgement(), &[XBB]);
        let case = said.case.as_str().as_bytes();
        let kinds = ActKind::ALL.map(|kind| kind.code().as_bytes());
        let secrets = [case, b"2027", b"8.", b"5.1", b"007432", said.message_id.as_bytes(), &signed.digest.0];
        for secret in secrets.into_iter().chain(kinds) {
            let found = envelope.windows(secret.len()).any(|window| window == secret);
            assert!(!found, "{:?} is outside the seal", String::from_utf8_lossy(secret));
        }
        let parties = [&b"XBB"[..], b"gw1.npc.xaa.valise.internal"];
        assert!(parties.iter().all(|name| envelope.windows(name.len()).any(|window| window == *name)));
    }
}

/// Prints how long a request of about 1 KiB and its receipt are, layer by layer.
#[test]
fn a_request_and_its_receipt_are_small() {
    let act = request();
    let signed = signed(act);
    let values: usize = signed.disclosures.iter().map(|d| encode_value(&d.value()).unwrap().len()).sum();
    let elements: usize = signed.disclosures.iter().map(|d| d.bytes().len()).sum();
    let outgoing = sent(&signed, XAA, XBB);
    let (route, sealed) = layers(&outgoing.bytes);
    let content = crate::wire::encode(&Packed::of_signed(&signed).unwrap()).unwrap();
    println!("values of {} elements: {values} B", signed.disclosures.len());
    println!("disclosures: {elements} B; statement: {} B; content: {} B", signed.bytes.len(), content.len());
    println!("padded: {} B; seal: {} B", crate::wire::padme_len(content.len() + 4), sealed.len());
    println!("route: {} B; envelope: {} B; frame header: {HEADER_LEN} B", route.len(), outgoing.bytes.len());

    let sealed = seal_receipt(outgoing.envelope, &outgoing.export, &[0; 500], &mut Seeded(3)).unwrap();
    let receipts = Receipts::sign(&named(XAA), vec![sealed.clone()], &ring(XBB)).unwrap();
    let two = Receipts::sign(&named(XAA), vec![sealed.clone(), sealed.clone()], &ring(XBB)).unwrap();
    println!(
        "sealed receipt of 500 B: {} B; frame of one: {} B; each further one: {} B",
        sealed.sealed.len(),
        receipts.len(),
        two.len() - receipts.len()
    );
    assert!((900..1300).contains(&values), "the request is about 1 KiB");
    assert!(outgoing.bytes.len() < Limits::ENVELOPE.bytes / 100);
    assert!(FrameHeader::new(FrameKind::Receipts, receipts.len()).is_ok());
}
