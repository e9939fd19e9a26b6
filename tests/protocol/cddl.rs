//! Checks messages against `docs/valise.cddl`.

use crate::federation::{Federation, Seeded};
use crate::forge::{body, changed_inside, layers, parts, set};
use crate::hex::unhex;
use crate::{read, text, vectors};
use cddl::validate_cbor_from_slice;
use ciborium::Value;
use serde_bytes::ByteBuf;
use valise::cose::SigningKey;
use valise::envelope::{
    Content, GatewayWord, GivenBack, OfferedPrekey, RecoveryList, RecoveryQuestion, RecoveryWants,
};
use valise::model::{Digest, Head, MessageId, Party, Timestamp};
use valise::relay::{
    Collected, Custody, Freight, Lane, MailboxState, Notice, Parcel, Refused, Row, Signer, Thread, Wrapped,
};
use valise::trust::federation::{Documents, Held, Holdings};
use valise::wire::{self, Bag, FrameKind, Limits, encode_value};

const CDDL: &str = include_str!("../../docs/valise.cddl");

/// Validates against one rule, which the validator expects to be the first.
fn fits(rule: &str, bytes: &[u8]) -> Result<(), String> {
    let text = format!("start = {rule}\n{CDDL}");
    validate_cbor_from_slice(&text, bytes, None).map_err(|error| format!("{rule}: {error}"))
}

#[track_caller]
fn assert_fits(rule: &str, bytes: &[u8]) {
    fits(rule, bytes).unwrap();
}

fn frame(name: &str) -> Vec<u8> {
    unhex(text(&read(name), "/frame"))
}

#[test]
fn envelopes_and_what_they_hold() {
    for act in vectors::acts() {
        let name = format!("{}.json", act.kind().code());
        assert_fits("envelope", body(&frame(&name)));
        assert_fits("content", &unhex(text(&read(&name), "/opens/content")));
        assert_fits("packed", &unhex(text(&read(&name), "/opens/plaintext")));
        assert_fits(act.kind().code(), &wire::encode(&act).unwrap());
    }
}

#[test]
fn the_request_of_an_agent_and_its_mandate() {
    assert_fits("envelope", body(&frame("on_behalf_of.json")));
    assert_fits("content", &unhex(text(&read("on_behalf_of.json"), "/opens/content")));
    assert_fits("packed", &unhex(text(&read("on_behalf_of.json"), "/opens/plaintext")));
}

#[test]
fn answers_and_what_they_hold() {
    assert_fits("receipts", body(&frame("receipts.json")));
    assert_fits("reject", body(&frame("reject.json")));
    let vector = read("receipts.json");
    assert_fits("receipt", &unhex(text(&vector, "/opens/receipt")));
    for leaf in vector["opens"]["log"].as_array().unwrap() {
        assert_fits("leaf", &unhex(leaf.as_str().unwrap()));
    }
}

#[test]
fn a_bag_of_envelopes_and_answers() {
    let framed = |name: &str, kind| (kind, body(&frame(name)).to_vec());
    let frames = vec![
        framed("request.json", FrameKind::Envelope),
        framed("receipts.json", FrameKind::Receipts),
        framed("reject.json", FrameKind::Reject),
    ];
    let (from, to) = ("XAA".parse().unwrap(), "XBB".parse().unwrap());
    let bags = Bag::pack(&from, &to, frames, usize::MAX).unwrap();
    assert_fits("bag", &bags[0]);
    assert!(fits("bag", &bags[0][1..]).is_err());
}

#[test]
fn what_relays_and_their_members_say() {
    let party = |name: &str| name.parse::<Party>().unwrap();
    let (key, digest, at) = (SigningKey::from_seed(&[7; 32]), Digest::of(&[b"it"]), Timestamp::EPOCH);
    let relay = party("org:relay-west");
    let name = format!("gw1.{}", relay.dns_suffix());
    let signer = Signer { party: relay.clone(), name, key: (key, digest) };
    let thread = Thread { from: party("XAA"), to: party("XBB"), lane: Lane::Acts };
    let envelope = Freight::Envelope { envelope: MessageId([1; 16]), route: digest, sealed: digest };
    for freight in [envelope, Freight::Receipts, Freight::Reject, Freight::Want, Freight::Notice] {
        let (thread, expires) = (thread.clone(), at.saturating_add(60));
        let parcel = Parcel { digest, freight, thread, index: 3, size: 9, received_at: at, expires };
        let custody = Custody::sign(&parcel, &signer);
        assert_fits("custody", &custody);
        assert_fits("parcel", &Wrapped { custody, body: b"bytes".to_vec() }.encode());
        assert_fits("expired", &Notice { to: party("XAA"), parcel, at }.sign(&signer));
    }
    let row = Row { from: party("XAA"), lane: Lane::Bulk, next: 9, missing: vec![3, 5] };
    assert_fits("mailbox-state", &MailboxState { relay: relay.clone(), at, rows: vec![row] }.sign(&signer));
    let collected = Collected { relay, at, parcels: vec![digest] }.sign(&signer);
    assert_fits("collected", &collected);
    assert!(fits("custody", &collected).is_err(), "a confirmation is no custody");
    let (code, words) = ("quota-full".to_owned(), "words".to_owned());
    assert_fits("refused", &Refused { to: party("XAA"), parcel: digest, code, words }.sign(&signer));
}

#[test]
fn what_somebody_holds_of_the_directory() {
    let digest = Digest::of(&[b"it"]);
    let each = [("XAA".parse().unwrap(), Held(1, 7, digest))].into();
    let full = Holdings {
        root: (2, digest),
        genesis: digest,
        snapshot: (9, digest),
        parts: digest,
        each: Some(each),
    };
    assert_fits("holdings", &full.to_bytes());
    assert_eq!(Holdings::parse(&full.to_bytes()).unwrap(), full);
    assert_fits("holdings", &full.clone().brief().to_bytes());
    assert!(Holdings::parse(&full.to_bytes()[1..]).is_err());
    assert_fits("documents", &Documents::part_b(b"\x82\x40\x80").to_bytes());
}

#[test]
fn what_a_restored_gateway_asks_and_gets() {
    let federation = Federation::make();
    let (to, ring) = ("XAA".parse::<Party>().unwrap(), federation.ring("XBB"));
    let prekeys = federation.offered();
    for wants in [RecoveryWants::List(3), RecoveryWants::Acts(vec![Digest([1; 32])])] {
        let prekeys = prekeys.iter().map(OfferedPrekey::new).collect();
        let question = RecoveryQuestion { to: to.clone(), restored_at: federation.now, prekeys, wants };
        assert_fits("recovery-question", &question.sign(&ring).unwrap());
    }
    let head = Head { log: Digest([2; 32]), size: 3, root: Digest([4; 32]) };
    for (next, seen) in [(None, None), (Some(1024), Some(head))] {
        let list = RecoveryList { to: to.clone(), acts: vec![Digest([1; 32])], next, seen };
        assert_fits("recovery-list", &list.sign(&ring).unwrap());
    }
    let content = Content::parse(&unhex(text(&read("request.json"), "/opens/content"))).unwrap();
    let given = GivenBack { content, receipts: vec![ByteBuf::from(b"bytes")] };
    assert_fits("given-back", &wire::encode(&given).unwrap());
    let offered = std::slice::from_ref(&prekeys[0]);
    let sealed = given.seal(&Digest([1; 32]), (&to, &to), offered, federation.now, &mut Seeded(1)).unwrap();
    assert_fits("recovery-act", &sealed);
}

#[test]
fn every_state_of_a_field_and_of_an_answer() {
    let fields = [
        r#"{"state":"value","value":"00123","normalised":{"value":"123","list":"x","version":"1"},"marking":"m1"}"#,
        r#"{"state":"partly_read","value":"?742*"}"#,
        r#"{"state":"never_marked"}"#,
        r#"{"state":"not_possible","reason":"weapon destroyed"}"#,
        r#"{"state":"withheld","reason":"sub judice","ground":"a2","law":"Act 3"}"#,
    ];
    for field in fields {
        let typed: valise::model::Field<valise::model::Text> = serde_json::from_str(field).unwrap();
        assert_fits("field", &wire::encode(&typed).unwrap());
    }
    let label = r#"{"audience":{"named":["customs"]},"purposes":["tracing"],"onward":"none","not_in_court":true,
        "other":[{"code":"x","text":"y"}],"expires":"2030-01-01T00:00:00Z"}"#;
    let label: valise::model::Label = serde_json::from_str(label).unwrap();
    assert_fits("label", &wire::encode(&label).unwrap());
}

/// Without this, a rule that fits everything would pass the tests above.
#[test]
fn what_is_malformed_does_not_fit() {
    let unfit = |name: &str| {
        let bytes = frame(&format!("malformed/{name}.json"));
        assert!(fits("envelope", body(&bytes)).is_err(), "{name} fits");
    };
    unfit("member-too-many");
    unfit("route-without-signature");
    unfit("route-with-an-unknown-member");
    unfit("iv-too-short");
    unfit("no-recipients");
    unfit("kem-ciphertext-too-short");
    unfit("alg-in-both-buckets");

    let content = unhex(text(&read("refusal.json"), "/opens/content"));
    let content: Value = wire::decode(&content, &Limits::ENVELOPE).unwrap();
    let statement: ByteBuf = wire::from_value(&content.as_map().unwrap()[0].1).unwrap();
    assert_fits("statement", &statement);
    let with = |label: i64, value: Value| {
        changed_inside(&statement, 0, |headers| set(headers, label.into(), value.clone()))
    };
    for wrong in [with(-70001, 0.into()), with(-70002, "extradition".into()), with(99, 1.into())] {
        assert!(fits("statement", &wrong).is_err());
    }
    let mut tuple = parts(&statement);
    tuple.push(Value::Null);
    assert!(fits("statement", &encode_value(&Value::Array(tuple)).unwrap()).is_err());
    let route = layers(body(&frame("refusal.json"))).0;
    assert!(fits("statement", &route).is_err());
    assert!(fits("field", &wire::encode(&serde_json::json!({ "state": "lost" })).unwrap()).is_err());
}
