//! Puts messages together wrongly, with the right keys where the fault is to lie deeper.

use ciborium::Value;
use serde_bytes::{ByteBuf, Bytes};
use valise::cose::{Payload, SigningKey, label, sign1};
use valise::envelope::{Cut, Disclosure, KeyRing, Signed, label_digest};
use valise::model::Digest;
use valise::wire::{self, FrameHeader, FrameKind, HEADER_LEN, Limits, encode_value};

/// Writes a frame.
pub fn frame(kind: FrameKind, body: &[u8]) -> Vec<u8> {
    [&FrameHeader::new(kind, body.len()).unwrap().encode()[..], body].concat()
}

/// The body of a frame.
pub fn body(frame: &[u8]) -> &[u8] {
    &frame[HEADER_LEN..]
}

/// The members of a CBOR array.
pub fn parts(bytes: &[u8]) -> Vec<Value> {
    wire::decode::<Value>(bytes, &Limits::ENVELOPE).unwrap().into_array().unwrap()
}

pub fn assembled(parts: Vec<Value>) -> Vec<u8> {
    encode_value(&Value::Array(parts)).unwrap()
}

/// Takes the body of an envelope frame apart: route and sealed body.
pub fn layers(envelope: &[u8]) -> (Vec<u8>, Vec<u8>) {
    let (route, sealed): (ByteBuf, ByteBuf) = wire::decode(envelope, &Limits::ENVELOPE).unwrap();
    (route.into_vec(), sealed.into_vec())
}

pub fn joined(route: &[u8], sealed: &[u8]) -> Vec<u8> {
    wire::encode(&(Bytes::new(route), Bytes::new(sealed))).unwrap()
}

/// Changes one member of a COSE structure.
pub fn changed(bytes: &[u8], member: usize, change: impl FnOnce(&mut Value)) -> Vec<u8> {
    let mut parts = parts(bytes);
    change(&mut parts[member]);
    assembled(parts)
}

/// Changes what a member of a COSE structure holds as encoded CBOR.
pub fn changed_inside(bytes: &[u8], member: usize, change: impl FnOnce(&mut Value)) -> Vec<u8> {
    changed(bytes, member, |value| {
        let mut inner = wire::decode(value.as_bytes().unwrap(), &Limits::ENVELOPE).unwrap();
        change(&mut inner);
        *value = Value::Bytes(encode_value(&inner).unwrap());
    })
}

/// Sets a member of a map.
pub fn set(map: &mut Value, key: Value, value: Value) {
    let map = map.as_map_mut().unwrap();
    map.retain(|(known, _)| *known != key);
    map.push((key, value));
}

/// Signs a COSE_Sign1 anew over its own protected bucket and payload (RFC 9052 §4.4).
pub fn resigned(bytes: &[u8], key: &SigningKey) -> Vec<u8> {
    let mut parts = parts(bytes);
    let signed = vec!["Signature1".into(), parts[0].clone(), Value::Bytes(vec![]), parts[2].clone()];
    parts[3] = Value::Bytes(key.sign(&assembled(signed)).to_vec());
    assembled(parts)
}

/// A statement whose seal key signs other elements and other headers than it should.
pub fn forged(
    good: &Signed,
    ring: &KeyRing,
    disclosures: Vec<Disclosure>,
    edit: impl FnOnce(&mut Value),
) -> Signed {
    // The reader derives the salts anew from the seed.
    let cut = Cut::seeded(body_of(&disclosures), &good.seed).unwrap();
    let disclosures = cut.disclosures;
    let digests: Vec<Digest> = disclosures.iter().map(Disclosure::digest).collect();
    let labels = wire::to_value(&label_digest(&disclosures).unwrap()).unwrap();
    let bytes = changed_inside(&good.bytes, 2, |payload| *payload = wire::to_value(&digests).unwrap());
    let bytes = changed_inside(&bytes, 0, |headers| {
        set(headers, label::LABEL_DIGEST.into(), labels);
        edit(headers);
    });
    let bytes = resigned(&bytes, &ring.seal.0);
    Signed { bytes, digest: good.digest, body: cut.body, disclosures, seed: good.seed.clone(), mandate: None }
}

/// An act of which no list is cut.
fn body_of(disclosures: &[Disclosure]) -> Vec<u8> {
    let member = |d: &Disclosure| (d.path().into(), d.value());
    encode_value(&Value::Map(disclosures.iter().map(member).collect())).unwrap()
}

/// Routes a changed body, or a changed route, with the key of a gateway.
pub fn rerouted(envelope: &[u8], sealed: &[u8], ring: &KeyRing, edit: impl FnOnce(&mut Value)) -> Vec<u8> {
    let mut route =
        wire::decode::<Value>(parts(&layers(envelope).0)[2].as_bytes().unwrap(), &Limits::ENVELOPE).unwrap();
    set(&mut route, "body".into(), wire::to_value(&Digest::of(&[sealed])).unwrap());
    set(&mut route, "size".into(), (sealed.len() as u64).into());
    edit(&mut route);
    let protected = vec![
        (label::CONTENT_TYPE, "application/vnd.valise.route+cbor".into()),
        (label::KID, Value::Bytes(ring.gateway.clone().into_bytes())),
        (label::X5T, Value::Array(vec![(-16).into(), Value::Bytes(ring.log.1.0.to_vec())])),
    ];
    let payload = encode_value(&route).unwrap();
    let signed = sign1(&ring.log.0, protected, vec![], Payload::Attached(&payload), &[]).unwrap();
    joined(&signed, sealed)
}
