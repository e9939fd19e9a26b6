use super::*;
use crate::cose::label;
use crate::wire::{Fault, FaultKind, WireError};
use proptest::prelude::*;

const KNOWN: Known<'_> =
    Known { protected: &[label::KID, label::VERSION, label::ACT], unprotected: &[label::VDP] };
const LIMITS: Limits = Limits::ENVELOPE;
const AAD: &[u8] = b"context";

type Entries = Vec<(i64, Value)>;

fn key() -> SigningKey {
    SigningKey::from_seed(&[1; 32])
}

fn protected() -> Entries {
    vec![
        (label::ACT, Value::from("request")),
        (label::KID, Value::Bytes(b"k1".to_vec())),
        (label::VERSION, Value::from(1)),
    ]
}

fn sample() -> Vec<u8> {
    sign1(&key(), protected(), vec![], Payload::Attached(b"content"), AAD).unwrap()
}

fn parse(bytes: &[u8]) -> Result<Sign1, CoseError> {
    Sign1::parse(bytes, &LIMITS, &KNOWN)
}

fn verify(bytes: &[u8]) -> Result<Verified, CoseError> {
    parse(bytes)?.verify(&key().verifying_key(), None, AAD)
}

fn ints(labels: &[i64]) -> Value {
    Value::Array(labels.iter().copied().map(Value::from).collect())
}

/// Signs buckets that `sign1` itself would never make; the signature is right.
fn forged(protected: &[u8], unprotected: Entries) -> Vec<u8> {
    let head = [0x40 | u8::try_from(protected.len()).unwrap()];
    let to_sign = [b"\x84\x6aSignature1", &head[..], protected, b"\x47context\x47content"].concat();
    let map = unprotected.into_iter().map(|(label, value)| (Value::from(label), value)).collect();
    encode_value(&Value::Array(vec![
        Value::Bytes(protected.to_vec()),
        Value::Map(map),
        Value::Bytes(b"content".to_vec()),
        Value::Bytes(key().sign(&to_sign).to_vec()),
    ]))
    .unwrap()
}

fn forged_map(protected: Entries, unprotected: Entries) -> Vec<u8> {
    let map = protected.into_iter().map(|(label, value)| (Value::from(label), value)).collect();
    forged(&encode_value(&Value::Map(map)).unwrap(), unprotected)
}

#[test]
fn a_message_is_these_bytes() {
    // {1: -19, 2: [-70002, -70001], 4: 'k1', -70001: 1, -70002: "request"}
    let protected = b"\xa5\x01\x32\x02\x82\x3a\x00\x01\x11\x71\x3a\x00\x01\x11\x70\x04\x42k1\
                      \x3a\x00\x01\x11\x70\x01\x3a\x00\x01\x11\x71\x67request";
    assert_eq!(protected.len(), 0x26);
    let to_sign = [&b"\x84\x6aSignature1\x58\x26"[..], protected, b"\x47context\x47content"].concat();
    let signature = key().sign(&to_sign);
    let golden = [&b"\x84\x58\x26"[..], protected, b"\xa0\x47content\x58\x40", &signature].concat();
    assert_eq!(sample(), golden);

    let digest = Digest::of(&[&to_sign]);
    assert_eq!(parse(&golden).unwrap().sig_structure_digest(None, AAD).unwrap(), digest);
    assert_eq!(verify(&golden).unwrap().sig_structure_digest(), digest);
}

#[test]
fn a_verified_message_gives_headers_and_payload() {
    let verified = verify(&sample()).unwrap();
    assert_eq!(verified.payload(), b"content");
    assert_eq!(verified.headers().bytes(label::KID).unwrap(), b"k1");
    assert_eq!(verified.headers().read::<String>(label::ACT).unwrap(), "request");
    assert_eq!(verified.headers().read::<u64>(label::ACT), Err(CoseError::HeaderValue(label::ACT)));
    assert_eq!(verified.headers().bytes(label::X5T), Err(CoseError::MissingHeader(label::X5T)));
    assert_eq!(verified.unprotected_headers().labels().count(), 0);
}

#[test]
fn a_detached_payload_is_given_by_the_reader() {
    let vdp = vec![(label::VDP, Value::from("proof"))];
    let bytes = sign1(&key(), protected(), vdp, Payload::Detached(b"root"), AAD).unwrap();
    let message = parse(&bytes).unwrap();
    let public = key().verifying_key();
    let verified = message.clone().verify(&public, Some(b"root"), AAD).unwrap();
    assert_eq!(verified.payload(), b"root");
    assert_eq!(verified.unprotected_headers().get(label::VDP), Some(&Value::from("proof")));
    assert_eq!(message.clone().verify(&public, Some(b"toor"), AAD).unwrap_err(), CoseError::Signature);
    assert_eq!(message.verify(&public, None, AAD).unwrap_err(), CoseError::Detachment);
    let attached = parse(&sample()).unwrap();
    assert_eq!(attached.verify(&public, Some(b"content"), AAD).unwrap_err(), CoseError::Detachment);
}

#[test]
fn the_key_and_the_context_are_bound() {
    let other = SigningKey::from_seed(&[2; 32]).verifying_key();
    assert_eq!(parse(&sample()).unwrap().verify(&other, None, AAD).unwrap_err(), CoseError::Signature);
    let public = key().verifying_key();
    assert_eq!(parse(&sample()).unwrap().verify(&public, None, b"").unwrap_err(), CoseError::Signature);
}

#[test]
fn writers_cannot_set_alg_or_crit_or_a_label_twice() {
    let sign = |protected, unprotected| sign1(&key(), protected, unprotected, Payload::Attached(b""), b"");
    let kid = || (label::KID, Value::Bytes(vec![1]));
    for label in [label::ALG, label::CRIT] {
        let entry = || vec![(label, Value::from(1))];
        assert_eq!(sign(entry(), vec![]), Err(CoseError::MisplacedHeader(label)));
        assert_eq!(sign(vec![], entry()), Err(CoseError::MisplacedHeader(label)));
    }
    assert_eq!(sign(vec![kid(), kid()], vec![]), Err(CoseError::DuplicateHeader(label::KID)));
    assert_eq!(sign(vec![kid()], vec![kid()]), Err(CoseError::DuplicateHeader(label::KID)));
}

#[test]
fn stripped_signature() {
    let mut bytes = sample();
    bytes.truncate(bytes.len() - 66);
    bytes.push(0x40);
    assert_eq!(verify(&bytes).unwrap_err(), CoseError::Signature);
    *bytes.last_mut().unwrap() = 0xf6;
    assert_eq!(verify(&bytes).unwrap_err(), CoseError::Structure("COSE_Sign1"));
}

#[test]
fn edited_header() {
    let bytes = sample();
    let at = bytes.windows(7).position(|window| window == b"request").unwrap();
    let edited = [&bytes[..at], b"refusal", &bytes[at + 7..]].concat();
    assert_eq!(verify(&edited).unwrap_err(), CoseError::Signature);
}

#[test]
fn headers_that_are_signed_but_wrong() {
    use CoseError::*;
    let alg = || (label::ALG, Value::from(alg::ED25519));
    let crit = |labels: &[i64]| (label::CRIT, ints(labels));
    let version = || (label::VERSION, Value::from(1));
    let kid = || (label::KID, Value::Bytes(vec![1]));
    let cases: [(&str, Entries, Entries, CoseError); 18] = [
        ("alg in both buckets", vec![alg()], vec![alg()], DuplicateHeader(label::ALG)),
        ("alg in the open only", vec![kid()], vec![alg()], MisplacedHeader(label::ALG)),
        ("no alg", vec![kid()], vec![], MissingHeader(label::ALG)),
        ("EdDSA of old", vec![(label::ALG, Value::from(-8))], vec![], Algorithm),
        ("alg as text", vec![(label::ALG, Value::from("Ed25519"))], vec![], Algorithm),
        ("crit in the open", vec![alg()], vec![crit(&[label::KID])], MisplacedHeader(label::CRIT)),
        ("unknown crit", vec![alg(), (99, Value::Null), crit(&[99])], vec![], UnknownCritical(99)),
        ("crit names what is absent", vec![alg(), crit(&[label::KID])], vec![], MissingHeader(label::KID)),
        ("empty crit", vec![alg(), crit(&[])], vec![], HeaderValue(label::CRIT)),
        (
            "repeated crit",
            vec![alg(), version(), crit(&[label::VERSION; 2])],
            vec![],
            HeaderValue(label::CRIT),
        ),
        ("crit is no array", vec![alg(), (label::CRIT, Value::from(1))], vec![], HeaderValue(label::CRIT)),
        ("private but not critical", vec![alg(), version()], vec![], NotCritical(label::VERSION)),
        ("unknown header", vec![alg(), (99, Value::Null)], vec![], UnknownHeader(99)),
        ("unknown private header", vec![alg(), (-70999, Value::Null)], vec![], UnknownHeader(-70999)),
        ("unknown open header", vec![alg()], vec![(99, Value::Null)], UnknownHeader(99)),
        ("protected label in the open", vec![alg()], vec![kid()], MisplacedHeader(label::KID)),
        ("open label protected", vec![alg(), (label::VDP, Value::Null)], vec![], UnknownHeader(label::VDP)),
        ("one label in both", vec![alg(), kid()], vec![kid()], DuplicateHeader(label::KID)),
    ];
    for (name, protected, unprotected, error) in cases {
        assert_eq!(verify(&forged_map(protected, unprotected)).unwrap_err(), error, "{name}");
    }
    // The way of forging is sound: with good headers it verifies.
    verify(&forged_map(vec![alg(), version(), crit(&[label::VERSION])], vec![])).unwrap();
}

#[test]
fn protected_bucket_that_is_not_deterministic() {
    let cbor = |offset, kind| CoseError::Wire(WireError::Cbor(Fault { offset, kind }));
    let cases: [(&str, &[u8], CoseError); 7] = [
        ("non-minimal label", b"\xa1\x18\x01\x32", cbor(1, FaultKind::NotShortest)),
        ("duplicate label", b"\xa2\x01\x32\x01\x32", cbor(3, FaultKind::DuplicateKey)),
        ("unsorted labels", b"\xa2\x04\x41k\x01\x32", cbor(4, FaultKind::KeyOrder)),
        ("trailing bytes", b"\xa1\x01\x32\x00", cbor(3, FaultKind::Trailing)),
        ("text label", b"\xa2\x01\x32\x61a\x00", CoseError::HeaderLabel),
        ("no map", b"\x80", CoseError::Structure("a header map")),
        ("empty", b"", CoseError::MissingHeader(label::ALG)),
    ];
    for (name, protected, error) in cases {
        assert_eq!(verify(&forged(protected, vec![])).unwrap_err(), error, "{name}");
    }
}

#[test]
fn outer_structure_that_is_not_a_sign1() {
    let good = sample();
    let cbor = |offset, kind| CoseError::Wire(WireError::Cbor(Fault { offset, kind }));
    let trailing = [&good[..], &[0]].concat();
    assert_eq!(verify(&trailing).unwrap_err(), cbor(good.len(), FaultKind::Trailing));
    assert_eq!(verify(&[&[0xd2], &good[..]].concat()).unwrap_err(), cbor(0, FaultKind::Tag));
    assert_eq!(verify(b"\x80").unwrap_err(), CoseError::Structure("COSE_Sign1"));
    assert_eq!(verify(b"\xa0").unwrap_err(), CoseError::Structure("COSE_Sign1"));
    assert_eq!(verify(b"\x84\xa0\xa0\x40\x40").unwrap_err(), CoseError::Structure("a protected bucket"));
    let text_payload = [&good[..good.len() - 66 - 8], b"\x67content", &good[good.len() - 66..]].concat();
    assert_eq!(verify(&text_payload).unwrap_err(), CoseError::Structure("COSE_Sign1"));
}

#[test]
fn truncated_or_flipped_at_every_byte() {
    let good = sample();
    for at in 0..good.len() {
        assert!(verify(&good[..at]).is_err(), "cut at {at}");
        for bit in 0..8 {
            let mut flipped = good.clone();
            flipped[at] ^= 1 << bit;
            assert!(verify(&flipped).is_err(), "bit {bit} of byte {at}");
        }
    }
}

proptest! {
    #[test]
    fn messages_round_trip(payload: Vec<u8>, aad: Vec<u8>, kid: Vec<u8>, seed: [u8; 32]) {
        let key = SigningKey::from_seed(&seed);
        let kid = vec![(label::KID, Value::Bytes(kid))];
        let bytes = sign1(&key, kid.clone(), vec![], Payload::Attached(&payload), &aad).unwrap();
        let verified = parse(&bytes).unwrap().verify(&key.verifying_key(), None, &aad).unwrap();
        prop_assert_eq!(verified.payload(), &payload[..]);
        prop_assert_eq!(verified.headers().get(label::KID), Some(&kid[0].1));
    }

    #[test]
    fn no_bytes_make_it_panic(bytes: Vec<u8>) {
        prop_assert!(verify(&bytes).is_err());
    }
}

#[test]
fn what_was_checked_last_vouches_for_the_same_bytes_key_and_signature_only() {
    let mut last = LastChecked::default();
    let mut check = |bytes: &[u8], key: &VerifyingKey, aad: &[u8]| {
        parse(bytes).unwrap().verify_after(&mut last, key, None, aad).map(|proved| proved.payload().to_vec())
    };
    let (good, key) = (sample(), key().verifying_key());
    assert_eq!(check(&good, &key, AAD).unwrap(), b"content");
    assert_eq!(check(&good, &key, AAD).unwrap(), b"content");
    let flipped = |at: usize| {
        let mut bytes = good.clone();
        bytes[at] ^= 1;
        bytes
    };
    let payload = good.windows(7).position(|window| window == b"content").unwrap();
    for wrong in [flipped(good.len() - 1), flipped(payload)] {
        assert_eq!(check(&wrong, &key, AAD), Err(CoseError::Signature));
        assert!(check(&good, &key, AAD).is_ok(), "a refusal changes nothing");
    }
    let other = SigningKey::from_seed(&[2; 32]).verifying_key();
    assert_eq!(check(&good, &other, AAD), Err(CoseError::Signature));
    assert_eq!(check(&good, &key, b"another context"), Err(CoseError::Signature));
}

#[test]
fn a_payload_is_taken_out_and_put_back_byte_for_byte() {
    let good = sample();
    let (without, payload) = detach(&good, &LIMITS).unwrap();
    assert_eq!(payload, b"content");
    assert_eq!(attach(&without, &payload, &LIMITS).unwrap(), good);
    let alone = sign1(&key(), protected(), vec![], Payload::Detached(b"content"), AAD).unwrap();
    assert_eq!(without, alone);
    assert_eq!(attach(&good, &payload, &LIMITS), Err(CoseError::Detachment));
    assert_eq!(detach(&without, &LIMITS), Err(CoseError::Detachment));
    assert!(attach(b"\x83\x40\xa0\xf6", &payload, &LIMITS).is_err());
}
