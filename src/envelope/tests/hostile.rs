use super::forge::*;
use super::*;
use crate::cose::label;
use crate::envelope::packed::Unpacked;
use crate::model::{DAY, Timestamp};
use crate::trust::federation::SealEntry;
use crate::trust::fixture::{Listing, Pki, directory};
use crate::trust::{Directory, Role, thumbprint};
use crate::wire;
use ciborium::Value;
use serde_bytes::ByteBuf;

/// XBB's verdict on an honest envelope of XAA about this statement.
fn verdict(signed: &Signed) -> &'static str {
    opened(&sent(signed, XAA, XBB).bytes, XBB).map_or_else(|code| code, |_| "accepted")
}

/// XBB's verdict on a statement that is shown with all its disclosures, as in a dossier.
fn verdict_on_archived(signed: &Signed) -> &'static str {
    let verified = Statement::verify(&signed.bytes, &signed.disclosures, &known_to(XBB), NOW);
    verified.map_or_else(|error| error.code(), |_| "accepted")
}

/// XBB's verdict on a statement of XAA with other signed headers.
fn verdict_on_headers(edit: impl FnOnce(&mut Vec<(Value, Value)>)) -> &'static str {
    let act = acknowledgement();
    verdict(&forged(act.clone(), signed(act).disclosures, edit))
}

/// XBB's verdict on an envelope of XAA whose sealed body was changed and routed honestly.
fn verdict_on_seal(change: impl FnOnce(&mut Vec<Value>)) -> &'static str {
    let envelope = sent(&signed(acknowledgement()), XAA, XBB).bytes;
    let mut seal = parts(&layers(&envelope).1);
    change(&mut seal);
    opened(&rerouted(&envelope, &assembled(seal), XAA), XBB).map_or_else(|code| code, |_| "accepted")
}

#[test]
fn nothing_changed_is_accepted() {
    assert_eq!(verdict_on_headers(|_| ()), "accepted");
    assert_eq!(verdict_on_seal(|_| ()), "accepted");
}

#[test]
fn re_sealed_to_a_third_state() {
    let received = opened(&sent(&signed(acknowledgement()), XAA, XBB).bytes, XBB).unwrap();
    let copied = Signed {
        bytes: received.bytes,
        digest: received.statement.digest,
        body: Cut::of(&received.disclosures).unwrap().body,
        disclosures: received.disclosures,
        seed: received.seed,
        mandate: None,
    };
    let by_the_recipient = sent(&copied, XBB, XCC);
    assert_eq!(opened(&by_the_recipient.bytes, XCC).unwrap_err(), "wrong-sender");
    let by_a_stolen_gateway = sent(&copied, XAA, XCC);
    assert_eq!(opened(&by_a_stolen_gateway.bytes, XCC).unwrap_err(), "not-addressed");
}

#[test]
fn routed_by_another_partys_gateway() {
    let envelope = sent(&signed(acknowledgement()), XAA, XBB).bytes;
    let sealed = layers(&envelope).1;
    // The seal is bound to its sender, so that another's route does not even open it.
    assert_eq!(opened(&rerouted(&envelope, &sealed, XCC), XBB).unwrap_err(), "cannot-open");
    assert_eq!(opened(&sent(&signed(acknowledgement()), XCC, XBB).bytes, XBB).unwrap_err(), "wrong-sender");
}

#[test]
fn delivered_to_another_mailbox() {
    let envelope = sent(&signed(acknowledgement()), XAA, XBB).bytes;
    assert_eq!(opened(&envelope, XCC).unwrap_err(), "not-addressed");
    let (mut route, sealed) = (route(&envelope), layers(&envelope).1);
    route.to = named(XCC);
    let stolen = joined(&route.sign(&ring(XAA)).unwrap(), &sealed);
    assert_eq!(opened(&stolen, XCC).unwrap_err(), "prekey-gone", "no prekey of XCC opens it");
}

#[test]
fn stripped_signature() {
    let strip = |bytes: &[u8]| {
        let mut parts = parts(bytes);
        parts[3] = Value::Bytes(Vec::new());
        assembled(parts)
    };
    let good = signed(acknowledgement());
    assert_eq!(verdict(&Signed { bytes: strip(&good.bytes), ..good.clone() }), "bad-signature");
    let (route, sealed) = layers(&sent(&good, XAA, XBB).bytes);
    assert_eq!(opened(&joined(&strip(&route), &sealed), XBB).unwrap_err(), "bad-signature");
}

#[test]
fn signed_by_another_key_of_the_same_party() {
    let good = signed(acknowledgement());
    let by_log_key = resigned(&good.bytes, &ring(XAA).log.0);
    assert_eq!(verdict(&Signed { bytes: by_log_key, ..good.clone() }), "bad-signature");
    let log_certificate = Value::Array(vec![Value::from(-16), Value::Bytes(ring(XAA).log.1.0.to_vec())]);
    let named = edited(&good.bytes, |map| set(map, label::X5T, log_certificate));
    let by_gateway = Signed { bytes: resigned(&named, &ring(XAA).log.0), ..good };
    assert_eq!(verdict(&by_gateway), "unknown-key", "a stolen gateway cannot speak as the State");
}

#[test]
fn swapped_kem_ciphertext() {
    let other = layers(&sent(&signed(refusal()), XAA, XBB).bytes).1;
    let act = draft(acknowledgement(), &[XBB]).sign(&ring(XAA), &mut Seeded(1)).unwrap();
    let envelope =
        compose(&act, &named(XBB), &ring(XAA), &known_to(XAA), NOW, DAY, &mut Seeded(77)).unwrap().bytes;
    let recipient = |seal: &[u8]| parts(seal)[3].as_array().unwrap()[0].as_array().unwrap().clone();
    for member in [1, 2] {
        let mut seal = parts(&layers(&envelope).1);
        let mut mixed = seal[3].as_array().unwrap()[0].as_array().unwrap().clone();
        assert_ne!(mixed[member], recipient(&other)[member]);
        mixed[member] = recipient(&other)[member].clone();
        seal[3] = Value::Array(vec![Value::Array(mixed)]);
        let mixed = rerouted(&envelope, &assembled(seal), XAA);
        assert_eq!(opened(&mixed, XBB).unwrap_err(), "cannot-open", "member {member}");
    }
}

#[test]
fn edited_header() {
    let edit = |bytes: &[u8]| edited(bytes, |map| set(map, label::CONTENT_TYPE, "text/plain".into()));
    let good = signed(acknowledgement());
    assert_eq!(verdict(&Signed { bytes: edit(&good.bytes), ..good.clone() }), "bad-signature");
    let (route, sealed) = layers(&sent(&good, XAA, XBB).bytes);
    assert_eq!(opened(&joined(&edit(&route), &sealed), XBB).unwrap_err(), "bad-signature");
    let another_commitment = |seal: &mut Vec<Value>| {
        let bytes = edited(&assembled(seal.clone()), |map| {
            set(map, label::KEY_COMMITMENT, Value::Bytes(vec![0; 32]));
        });
        *seal = parts(&bytes);
    };
    assert_eq!(verdict_on_seal(another_commitment), "cannot-open");
}

#[test]
fn alg_in_both_buckets() {
    let double = |alg: i64| move |parts: &mut Vec<Value>| parts[1] = Value::Map(vec![(1.into(), alg.into())]);
    let good = signed(acknowledgement());
    let mut statement = parts(&good.bytes);
    double(-19)(&mut statement);
    assert_eq!(verdict(&Signed { bytes: assembled(statement), ..good }), "duplicate-header");
    assert_eq!(verdict_on_seal(double(3)), "duplicate-header");
}

#[test]
fn headers_that_this_version_does_not_know() {
    let list = |map: &mut Vec<(Value, Value)>, listed: i64| {
        let crit = map.iter_mut().find(|(key, _)| *key == Value::from(label::CRIT)).unwrap();
        crit.1.as_array_mut().unwrap().push(listed.into());
    };
    assert_eq!(verdict_on_headers(|map| list(map, -70099)), "unknown-critical-header");
    assert_eq!(verdict_on_headers(|map| set(map, -70099, 1.into())), "unknown-critical-header");
    assert_eq!(verdict_on_headers(|map| map.push((99.into(), 1.into()))), "unknown-header");
    assert_eq!(verdict_on_headers(|map| map.retain(|(key, _)| *key != 2.into())), "not-marked-critical");
    assert_eq!(verdict_on_headers(|map| map.retain(|(key, _)| *key != (-70003).into())), "missing-header");
}

#[test]
fn another_wire_version() {
    assert_eq!(verdict_on_headers(|map| set(map, label::VERSION, 0.into())), "unsupported-version");
}

#[test]
fn what_this_version_does_not_do() {
    let root = Value::Bytes(vec![0; 32]);
    assert_eq!(verdict_on_headers(|map| set(map, label::MANIFEST_ROOT, root)), "malformed-envelope");
    assert_eq!(verdict_on_headers(|map| set(map, label::FLAGS, 2.into())), "unsupported");
    let envelope = sent(&signed(acknowledgement()), XAA, XBB).bytes;
    for (attachments, lane) in [(vec![Digest([1; 32])], Lane::Acts), (Vec::new(), Lane::Bulk)] {
        let route = Route { attachments, lane, ..route(&envelope) };
        let bytes = joined(&route.sign(&ring(XAA)).unwrap(), &layers(&envelope).1);
        assert_eq!(opened(&bytes, XBB).unwrap_err(), "unsupported");
    }
}

#[test]
fn unknown_act() {
    assert_eq!(verdict_on_headers(|map| set(map, label::ACT, "extradition".into())), "unknown-act");
    assert_eq!(verdict_on_headers(|map| set(map, label::ACT, "refusal".into())), "unexpected-content");
}

#[test]
fn another_media_type() {
    let text = "application/vnd.valise.route+cbor";
    assert_eq!(verdict_on_headers(|map| set(map, label::CONTENT_TYPE, text.into())), "malformed-envelope");
}

#[test]
fn claims_that_are_not_the_five() {
    let claims = |change: fn(&mut Vec<(Value, Value)>)| {
        verdict_on_headers(|map| {
            let claims = map.iter_mut().find(|(key, _)| *key == Value::from(label::CWT_CLAIMS)).unwrap();
            change(claims.1.as_map_mut().unwrap());
        })
    };
    assert_eq!(claims(|map| map.push((4.into(), 1.into()))), "malformed-envelope", "an expiry");
    assert_eq!(claims(|map| map.truncate(4)), "malformed-envelope", "no cti");
    assert_eq!(claims(|map| map[2].1 = "XBB".into()), "unexpected-content", "aud is a list");
    assert_eq!(claims(|map| map[2].1 = Value::Array(vec!["XCC".into()])), "not-addressed");
    assert_eq!(claims(|map| map[0].1 = "XCC".into()), "unknown-key", "in another State's name");
    assert_eq!(claims(|map| map[0].1 = "XDD".into()), "unknown-party");
    assert_eq!(claims(|map| map[1].1 = "../../etc".into()), "unexpected-content");
}

#[test]
fn unknown_or_ill_typed_body_field() {
    let verdict_on = |path: &str, value: Value| {
        let mut elements = signed(acknowledgement()).disclosures;
        elements.retain(|element| element.path() != path);
        let bytes = wire::encode(&(Value::Bytes(vec![7; 16]), path, Value::Null, value)).unwrap();
        elements.push(Disclosure::parse(&bytes).unwrap());
        elements.sort_by_key(|element| (element.path().len(), element.path().to_owned()));
        let forged = forged(acknowledgement(), elements, |_| ());
        verdict_on_archived(&forged)
    };
    assert_eq!(verdict_on("automatic", Value::Bool(false)), "accepted");
    assert_eq!(verdict_on("colour", "red".into()), "unexpected-content");
    assert_eq!(verdict_on("automatic", "no".into()), "unexpected-content");
    assert_eq!(verdict_on("automatic/x", Value::Bool(false)), "malformed-envelope", "through a value");
    assert_eq!(verdict_on("note", Value::Null), "unexpected-content", "an absent member is left out");
}

#[test]
fn a_path_of_a_hundred_thousand_segments() {
    let path = "a/".repeat(100_000);
    let bytes = wire::encode(&(Value::Bytes(vec![7; 16]), path, Value::Null, Value::Null)).unwrap();
    assert_eq!(Disclosure::parse(&bytes).unwrap_err().code(), "malformed-envelope");
}

#[test]
fn a_content_of_many_strings_of_nothing() {
    let disclosures = vec![ByteBuf::new(); 60_000];
    let bytes = wire::encode(&Content { statement: Vec::new(), disclosures, mandate: None }).unwrap();
    assert_eq!(Content::parse(&bytes).unwrap_err().code(), "not-deterministic-cbor");
}

#[test]
fn a_seed_of_other_salts() {
    let good = signed(response());
    let other = SaltSeed([9; 32]);
    assert_eq!(Packed::of(&good.content(), &other).unwrap_err().code(), "malformed-envelope");
    assert_eq!(verdict(&Signed { seed: other, ..good }), "bad-signature");
}

#[test]
fn a_packed_statement_that_carries_a_payload() {
    let signed = signed(response());
    let packed = Packed { statement: signed.bytes.clone(), ..Packed::of_signed(&signed).unwrap() };
    let Unpacked { statement, cut, .. } = packed.unpack().unwrap();
    let verified = Statement::verify_cut(&statement, &cut, &known_to(XBB), NOW);
    assert_eq!(verified.unwrap_err().code(), "bad-payload");
}

#[test]
fn elements_of_more_items_than_one_act_may_have() {
    let zeros = Value::Array(vec![0.into(); 5000]);
    let element = |at| {
        let path = format!("items/0/elements/{at}");
        Disclosure::parse(&assembled(vec![
            Value::Bytes(vec![7; 16]),
            path.into(),
            Value::Null,
            zeros.clone(),
        ]))
    };
    let elements = |count| (0..count).map(element).collect::<Result<Vec<_>, _>>().unwrap();
    let code = |count| join(ActKind::Response, &elements(count)).unwrap_err().code();
    assert_eq!(code(13), "unexpected-content", "65,013 items");
    assert_eq!(code(14), "not-deterministic-cbor", "70,014 items");
}

#[test]
fn a_salt_that_is_short() {
    let bytes = wire::encode(&(Value::Bytes(vec![7; 15]), "note", Value::Null, Value::Null)).unwrap();
    assert_eq!(Disclosure::parse(&bytes).unwrap_err().code(), "malformed-envelope");
}

#[test]
fn an_act_cut_elsewhere() {
    let Act::Response(response) = response() else { panic!("the fixture is a response") };
    let items = wire::encode(&response.items).unwrap();
    let items: Value = wire::decode(&items, &wire::Limits::ENVELOPE).unwrap();
    let whole = wire::encode(&(Value::Bytes(vec![7; 16]), "items", Value::Null, items)).unwrap();
    let mut elements = signed(Act::Response(response)).disclosures;
    let request = elements.pop().unwrap();
    let elements = vec![Disclosure::parse(&whole).unwrap(), request];
    // The label of an element inside would not be seen.
    let elsewhere = forged(crate::envelope::fixture::response(), elements, |_| ());
    assert_eq!(verdict_on_archived(&elsewhere), "malformed-envelope");
    // What travels is not cut yet.
    assert_eq!(verdict(&elsewhere), "bad-signature");
}

#[test]
fn edited_label() {
    let good = signed(response());
    let at = good.disclosures.iter().position(|element| element.label().is_some()).unwrap();
    let unlabelled = |element: &Disclosure, value: Value| {
        let mut parts = parts(element.bytes());
        parts[2] = Value::Null;
        parts[3] = value;
        Disclosure::parse(&assembled(parts)).unwrap()
    };
    let mut elements = good.disclosures.clone();
    elements[at] = unlabelled(&elements[at], elements[at].value());
    let stripped = Signed { disclosures: elements.clone(), ..good.clone() };
    assert_eq!(verdict_on_archived(&stripped), "disclosure-mismatch", "the label alone");
    let signed_so = forged(response(), elements.clone(), |_| ());
    assert_eq!(verdict_on_archived(&signed_so), "malformed-envelope", "and signed so");
    // What travels has each label in its element only, so that the digests come out otherwise.
    assert_eq!(verdict(&signed_so), "bad-signature");
    let digest = wire::to_value(&label_digest(&good.disclosures).unwrap()).unwrap();
    let two_labels = forged(response(), elements, |map| set(map, label::LABEL_DIGEST, digest));
    assert_eq!(verdict_on_archived(&two_labels), "disclosure-mismatch", "header and element differ");
}

#[test]
fn body_swapped_between_two_routes() {
    let one = sent(&signed(acknowledgement()), XAA, XBB).bytes;
    let two = {
        let signed = signed(acknowledgement());
        compose(&signed, &named(XBB), &ring(XAA), &known_to(XAA), NOW, DAY, &mut Seeded(500)).unwrap().bytes
    };
    let ((route_one, _), (_, sealed_two)) = (layers(&one), layers(&two));
    let mixed = joined(&route_one, &sealed_two);
    assert_eq!(opened(&mixed, XBB).unwrap_err(), "body-mismatch");
    // Routed honestly, the body still answers to its own envelope's identity only.
    assert_eq!(opened(&rerouted(&one, &sealed_two, XAA), XBB).unwrap_err(), "cannot-open");
    let (envelope, error) = open(&mixed, &ring(XBB), &known_to(XBB), NOW).unwrap_err();
    assert_eq!(envelope, Some(route(&one).envelope), "the refusal can be told");
    assert!(error.is_retryable(), "another road may bring the right body");
}

#[test]
fn prekey_deleted() {
    let outgoing = sent(&signed(acknowledgement()), XAA, XBB);
    let forgotten = KeyRing { prekeys: Vec::new(), ..ring(XBB) };
    let (envelope, error) = open(&outgoing.bytes, &forgotten, &known_to(XBB), NOW).unwrap_err();
    assert_eq!((envelope, error.code()), (Some(outgoing.envelope), "prekey-gone"));
    assert!(!error.is_retryable(), "the same bytes never open again");
}

#[test]
fn recipient_without_a_prekey_of_now() {
    let late = NOW.saturating_add(30 * DAY);
    let signed = signed(acknowledgement());
    let refused = compose(&signed, &named(XBB), &ring(XAA), &known_to(XAA), late, DAY, &mut Seeded(1));
    assert_eq!(refused.unwrap_err().code(), "no-prekey");
}

#[test]
fn an_act_too_long_for_a_frame() {
    let Act::Refusal(mut refusal) = refusal() else { panic!("the fixture is a refusal") };
    refusal.grounds[0].reason = "x".repeat((1 << 20) - 2000).into();
    let signed = signed(Act::Refusal(refusal));
    let refused = compose(&signed, &named(XBB), &ring(XAA), &known_to(XAA), NOW, DAY, &mut Seeded(1));
    assert_eq!(refused.unwrap_err().code(), "too-long");
}

/// XBB's verdict at `at`, where XAA publishes this.
fn verdict_with(of_xaa: Option<Listing>, ring_of_xaa: &KeyRing, at: Timestamp) -> &'static str {
    let signed = draft(acknowledgement(), &[XBB]).sign(ring_of_xaa, &mut Seeded(1)).unwrap();
    let envelope =
        compose(&signed, &named(XBB), ring_of_xaa, &known_to(XAA), NOW, DAY, &mut Seeded(1000)).unwrap();
    let listings: Vec<Listing> = of_xaa.into_iter().chain([listing(XBB)]).collect();
    let at_xbb: Directory = directory(&Pki::new(XBB), &listings);
    let verdict = open(&envelope.bytes, &ring(XBB), &at_xbb, at);
    verdict.map_or_else(|(_, error)| error.code(), |_| "accepted")
}

#[test]
fn clause_8_1_one_npc_is_heard_only_under_the_keys_that_the_directory_names() {
    let seconds_later = |seconds| NOW.saturating_add(seconds);
    assert_eq!(verdict_with(Some(listing(XAA)), &ring(XAA), NOW), "accepted");
    assert_eq!(verdict_with(None, &ring(XAA), NOW), "unknown-party");
    let suspended = listing(XAA).with(|l| l.suspended_since = Some(NOW));
    assert_eq!(verdict_with(Some(suspended), &ring(XAA), NOW), "suspended");
    assert_eq!(verdict_with(Some(listing(XAA)), &ring(XAA), seconds_later(-2 * DAY)), "not-yet-valid");
    let revoked = Pki::new(XAA).listing_revoking(&[4]);
    assert_eq!(verdict_with(Some(revoked), &ring(XAA), NOW), "revoked", "the log certificate");
    let revoked = Pki::new(XAA).listing_revoking(&[3]);
    assert_eq!(verdict_with(Some(revoked), &ring(XAA), NOW), "revoked", "the seal certificate");
}

#[test]
fn expired_seal_certificate() {
    let pki = Pki::new(XAA);
    let short = pki.odd(Role::Seal, &pki.seal_key.verifying_key(), &pki.root_key, |params| {
        params.not_after = params.not_before + std::time::Duration::from_secs(2 * 86_400);
    });
    let mine = KeyRing { seal: (pki.seal_key.clone(), thumbprint(&short.der)), ..ring(XAA) };
    let short = SealEntry { certificate: short.der.into(), retired: None };
    let theirs = pki.listing().with(|l| l.a.seals = vec![short]);
    assert_eq!(verdict_with(Some(theirs.clone()), &mine, NOW), "accepted");
    assert_eq!(verdict_with(Some(theirs), &mine, NOW.saturating_add(DAY + 1)), "expired");
}

#[test]
fn every_flipped_byte_of_an_envelope_is_refused() {
    let envelope = sent(&signed(acknowledgement()), XAA, XBB).bytes;
    let (ring, directory) = (ring(XBB), known_to(XBB));
    for at in 0..envelope.len() {
        let mut flipped = envelope.clone();
        flipped[at] ^= 1 << (at % 8);
        assert!(open(&flipped, &ring, &directory, NOW).is_err(), "byte {at}");
    }
    for length in 0..envelope.len() {
        assert!(open(&envelope[..length], &ring, &directory, NOW).is_err(), "cut at {length}");
    }
}

#[test]
fn every_flipped_byte_behind_an_honest_route_is_refused() {
    let envelope = sent(&signed(acknowledgement()), XAA, XBB).bytes;
    let (ring, directory) = (ring(XBB), known_to(XBB));
    let sealed = layers(&envelope).1;
    for at in 0..sealed.len() {
        let mut flipped = sealed.clone();
        flipped[at] ^= 1 << (at % 8);
        let bytes = rerouted(&envelope, &flipped, XAA);
        assert!(open(&bytes, &ring, &directory, NOW).is_err(), "byte {at}");
    }
}

#[test]
fn every_flipped_byte_of_a_statement_is_refused() {
    let (good, directory) = (signed(response()), known_to(XBB));
    let refused =
        |bytes: &[u8], list: &[Disclosure]| Statement::verify(bytes, list, &directory, NOW).is_err();
    assert!(!refused(&good.bytes, &good.disclosures));
    for at in 0..good.bytes.len() {
        let mut flipped = good.bytes.clone();
        flipped[at] ^= 1 << (at % 8);
        assert!(refused(&flipped, &good.disclosures), "byte {at}");
    }
    for (which, element) in good.disclosures.iter().enumerate() {
        for at in 0..element.bytes().len() {
            let mut bytes = element.bytes().to_vec();
            bytes[at] ^= 1 << (at % 8);
            let Ok(element) = Disclosure::parse(&bytes) else { continue };
            let mut list = good.disclosures.clone();
            list[which] = element;
            assert!(refused(&good.bytes, &list), "element {which} byte {at}");
        }
    }
}
