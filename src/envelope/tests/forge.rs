//! Takes messages apart and puts them together wrongly; signs by hand, so that RFC 9052 §4.4 is
//! written out a second time.

use crate::cose::SigningKey;
use crate::envelope::elements::body_of;
use crate::envelope::fixture::{XAA, XBB, draft, ring};
use crate::envelope::{Disclosure, Route, Signed, label_digest};
use crate::model::{Act, Digest};
use crate::wire;
use crate::wire::{Limits, encode_value};
use ciborium::Value;
use serde_bytes::{ByteBuf, Bytes};

/// The members of a message that is a CBOR array.
pub(super) fn parts(bytes: &[u8]) -> Vec<Value> {
    wire::decode::<Value>(bytes, &Limits::ENVELOPE).unwrap().into_array().unwrap()
}

pub(super) fn assembled(parts: Vec<Value>) -> Vec<u8> {
    encode_value(&Value::Array(parts)).unwrap()
}

/// Edits the protected header map of a COSE structure and leaves all else.
pub(super) fn edited(bytes: &[u8], edit: impl FnOnce(&mut Vec<(Value, Value)>)) -> Vec<u8> {
    let mut parts = parts(bytes);
    let header = parts[0].as_bytes().unwrap();
    let mut map = wire::decode::<Value>(header, &Limits::HEADERS).unwrap().into_map().unwrap();
    edit(&mut map);
    parts[0] = Value::Bytes(encode_value(&Value::Map(map)).unwrap());
    assembled(parts)
}

/// Sets a header; a private one is listed in `crit` too.
pub(super) fn set(map: &mut Vec<(Value, Value)>, label: i64, value: Value) {
    map.retain(|(key, _)| *key != Value::from(label));
    map.push((Value::from(label), value));
    let crit = map.iter_mut().find(|(key, _)| *key == Value::from(2)).map(|(_, listed)| listed);
    if let Some(Value::Array(listed)) = crit
        && label < -65536
        && !listed.contains(&Value::from(label))
    {
        listed.push(Value::from(label));
    }
}

/// Signs a COSE_Sign1 anew: the signature is over ["Signature1", protected, h'', payload].
pub(super) fn resigned(bytes: &[u8], key: &SigningKey) -> Vec<u8> {
    let mut parts = parts(bytes);
    let context = Value::Text("Signature1".to_owned());
    let signed = vec![context, parts[0].clone(), Value::Bytes(Vec::new()), parts[2].clone()];
    parts[3] = Value::Bytes(key.sign(&encode_value(&Value::Array(signed)).unwrap()).to_vec());
    assembled(parts)
}

/// What XAA's seal key signs over other elements, and other headers, than `draft` would write.
pub(super) fn forged(
    act: Act,
    disclosures: Vec<Disclosure>,
    edit: impl FnOnce(&mut Vec<(Value, Value)>),
) -> Signed {
    let good = draft(act, &[XBB]).sign(&ring(XAA), &mut super::Seeded(1)).unwrap();
    let mut parts = parts(&good.bytes);
    let digests: Vec<Digest> = disclosures.iter().map(Disclosure::digest).collect();
    parts[2] = Value::Bytes(wire::encode(&digests).unwrap());
    let labels = wire::to_value(&label_digest(&disclosures).unwrap()).unwrap();
    let bytes = edited(&assembled(parts), |map| {
        set(map, -70006, labels);
        edit(map);
    });
    let body = body_of(&disclosures).unwrap_or_default().into();
    Signed { bytes: resigned(&bytes, &ring(XAA).seal.0), body, disclosures, ..good }
}

/// Takes an envelope apart: route and sealed body.
pub(super) fn layers(envelope: &[u8]) -> (Vec<u8>, Vec<u8>) {
    let (route, sealed): (ByteBuf, ByteBuf) = wire::decode(envelope, &Limits::ENVELOPE).unwrap();
    (route.into_vec(), sealed.into_vec())
}

pub(super) fn joined(route: &[u8], sealed: &[u8]) -> Vec<u8> {
    wire::encode(&(Bytes::new(route), Bytes::new(sealed))).unwrap()
}

/// The route as its payload says it.
pub(super) fn route(envelope: &[u8]) -> Route {
    let parts = parts(&layers(envelope).0);
    wire::decode(parts[2].as_bytes().unwrap(), &Limits::ENVELOPE).unwrap()
}

/// Routes another body honestly, with the gateway key of `by`.
pub(super) fn rerouted(envelope: &[u8], sealed: &[u8], by: &str) -> Vec<u8> {
    let (body, size) = (Digest::of(&[sealed]), sealed.len() as u64);
    joined(&Route { body, size, ..route(envelope) }.sign(&ring(by)).unwrap(), sealed)
}

pub(super) fn flip_last(bytes: &[u8]) -> Vec<u8> {
    let mut out = bytes.to_vec();
    *out.last_mut().unwrap() ^= 1;
    out
}
