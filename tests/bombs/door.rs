//! The doors: every place where the gateway reads what another party wrote.

use crate::bomb::long_head;
use crate::federation::Federation;
use ciborium::Value;
use std::hint::black_box;
use valise::cose;
use valise::cose::{Known, OpeningKey, Payload, Sign1, label, sign1};
use valise::envelope::{
    Content, Cut, Disclosure, KeyRing, Packed, Receipts, Reject, Route, SaltSeed, Statement, open,
};
use valise::evidence::{Leaf, Receipt};
use valise::model::{Digest, Timestamp};
use valise::trust::Directory;
use valise::wire::{FrameHeader, HEADER_LEN, Limits, check, unpad};

const KNOWN: Known<'_> = Known { protected: &[label::KID], unprotected: &[label::VDP] };

/// One reader, and how a bomb is carried to where it might go off.
pub struct Door {
    pub name: &'static str,
    /// Whether it takes every item that is within the limits of an envelope.
    pub takes_any_item: bool,
    pub wrap: fn(&World, Vec<u8>) -> Vec<u8>,
    /// Tells whether the input is taken.
    pub open: fn(&World, &[u8]) -> bool,
}

/// Two parties that know each other, and the instant at which they read.
pub struct World {
    xaa: (KeyRing, Directory),
    xbb: (KeyRing, Directory),
    now: Timestamp,
}

impl World {
    pub fn load() -> Self {
        let federation: Federation =
            serde_json::from_str(include_str!("../../docs/vectors/federation.json")).unwrap();
        let of = |name| (federation.ring(name), federation.directory(name));
        Self { xaa: of("XAA"), xbb: of("XBB"), now: federation.now }
    }
}

pub fn all() -> impl Iterator<Item = Door> {
    wire().into_iter().chain(cose()).chain(envelope()).chain(evidence())
}

/// A reader that keeps whatever it reads, to see that the measure sees it.
pub fn control() -> Door {
    let keeps = |_: &World, input: &[u8]| black_box(ciborium::from_reader::<Value, _>(input)).is_ok();
    Door { name: "control", takes_any_item: true, wrap: as_it_is, open: keeps }
}

fn wire() -> Vec<Door> {
    let header =
        |_: &World, input: &[u8]| FrameHeader::parse(input.first_chunk::<HEADER_LEN>().unwrap()).is_ok();
    vec![
        Door {
            takes_any_item: true,
            ..door("check", as_it_is, |_, input| check(input, &Limits::ENVELOPE).is_ok())
        },
        door("frame", as_it_is, header),
        door("unpad", as_it_is, |_, input| unpad(input).is_ok()),
        door("content", as_it_is, |_, input| Content::parse(input).is_ok()),
        door("content-disclosures", in_content, |_, input| Content::parse(input).is_ok()),
        door("packed", as_it_is, |_, input| Packed::parse(input).is_ok()),
        door(
            "packed-body",
            |_, bomb| bomb,
            |_, input| Cut::seeded(input.to_vec(), &SaltSeed([7; 32])).is_ok(),
        ),
    ]
}

fn cose() -> Vec<Door> {
    let parse = |_: &World, input: &[u8]| Sign1::parse(input, &Limits::ENVELOPE, &KNOWN).is_ok();
    let unseal = |world: &World, input: &[u8]| {
        let (_, private) = &world.xbb.0.prekeys[0];
        let find = |_: &[u8]| Some(OpeningKey { private, info: vec![] });
        cose::open(input, &Limits::ENVELOPE, &find, &[]).is_ok()
    };
    vec![
        door("sign1", as_it_is, parse),
        door("sign1-protected", |_, bomb| sandwich(&[0x84], &string(&bomb), &[0xa0, 0x40, 0x40]), parse),
        door("sign1-unprotected", in_unprotected, parse),
        door("seal", as_it_is, unseal),
        door("seal-recipients", |_, bomb| sandwich(&[0x84, 0x40, 0xa0, 0x40], &bomb, &[]), unseal),
        door(
            "encrypt0",
            |_, bomb| sandwich(&[0x83, 0x40, 0xa1, 0x05], &bomb, &[0x40]),
            |_, input| cose::decrypt0(&[7; 32], input, &Limits::ENVELOPE, &[]).is_ok(),
        ),
    ]
}

fn envelope() -> Vec<Door> {
    let opens = |world: &World, input: &[u8]| open(input, &world.xbb.0, &world.xbb.1, world.now).is_ok();
    let element = |_: &World, input: &[u8]| Disclosure::parse(input).is_ok();
    vec![
        door("envelope", as_it_is, opens),
        door("envelope-route", |_, bomb| sandwich(&[0x82], &string(&bomb), &[0x40]), opens),
        door(
            "envelope-route-unprotected",
            |world, bomb| sandwich(&[0x82], &string(&in_unprotected(world, bomb)), &[0x40]),
            opens,
        ),
        door("element", as_it_is, element),
        // Whether a value is an element of its act is asked once the statement has been proved.
        Door {
            takes_any_item: true,
            ..door("element-value", |_, bomb| sandwich(&salted(&[0xf6]), &bomb, &[]), element)
        },
        door("element-label", |_, bomb| sandwich(&salted(&[]), &bomb, &[0xf6]), element),
        door(
            "route-payload",
            |world, bomb| signed(&world.xaa.0, "route", &bomb),
            |world, input| Route::verify(input, &world.xbb.1, world.now).is_ok(),
        ),
        door(
            "receipts-payload",
            |world, bomb| signed(&world.xbb.0, "receipts", &bomb),
            |world, input| Receipts::verify(input, &world.xbb.0.party, &world.xaa.1, world.now).is_ok(),
        ),
        door(
            "reject-payload",
            |world, bomb| signed(&world.xbb.0, "reject", &bomb),
            |world, input| Reject::verify(input, &world.xbb.0.party, &world.xaa.1, world.now).is_ok(),
        ),
        door("statement", in_unprotected, |world, input| {
            Statement::verify(input, &[], &world.xbb.1, world.now).is_ok()
        }),
    ]
}

fn evidence() -> Vec<Door> {
    let verify = |world: &World, input: &[u8]| {
        let parties = (&world.xbb.0.party, &world.xaa.0.party);
        let receipt = Receipt::from_bytes(input.to_vec());
        receipt.verify(parties, &Digest([7; 32]), &world.xaa.1, world.now).is_ok()
    };
    vec![
        door("receipt", as_it_is, verify),
        door("receipt-leaf", |_, bomb| sandwich(&[0x82], &string(&bomb), &[0x40]), verify),
        door(
            "receipt-proof",
            |world, bomb| sandwich(&[0x82, 0x40], &string(&in_unprotected(world, bomb)), &[]),
            verify,
        ),
        door("leaf", as_it_is, |_, input| Leaf::parse(input).is_ok()),
    ]
}

fn door(name: &'static str, wrap: fn(&World, Vec<u8>) -> Vec<u8>, open: fn(&World, &[u8]) -> bool) -> Door {
    Door { name, takes_any_item: false, wrap, open }
}

fn as_it_is(_: &World, bomb: Vec<u8>) -> Vec<u8> {
    bomb
}

/// A COSE_Sign1 whose unprotected bucket holds the bomb as its proofs.
fn in_unprotected(_: &World, bomb: Vec<u8>) -> Vec<u8> {
    sandwich(&[0x84, 0x40, 0xa1, 0x19, 0x01, 0x8c], &bomb, &[0x40, 0x40])
}

/// The content of a seal whose list of disclosures is the bomb.
fn in_content(_: &World, bomb: Vec<u8>) -> Vec<u8> {
    sandwich(b"\xa2\x69statement\x40\x6bdisclosures", &bomb, &[])
}

/// What a gateway signs for one use, with the bomb as its payload.
fn signed(ring: &KeyRing, media: &str, bomb: &[u8]) -> Vec<u8> {
    let protected = vec![
        (label::CONTENT_TYPE, format!("application/vnd.valise.{media}+cbor").into()),
        (label::KID, Value::Bytes(ring.gateway.clone().into_bytes())),
        (label::X5T, Value::Array(vec![(-16).into(), Value::Bytes(ring.log.1.0.to_vec())])),
    ];
    sign1(&ring.log.0, protected, vec![], Payload::Attached(bomb), &[]).unwrap()
}

/// The head, the salt and the path of an element, and what follows them.
fn salted(then: &[u8]) -> Vec<u8> {
    [&[0x84, 0x50][..], &[7; 16], b"\x64note", then].concat()
}

fn sandwich(before: &[u8], bomb: &[u8], after: &[u8]) -> Vec<u8> {
    [before, bomb, after].concat()
}

fn string(content: &[u8]) -> Vec<u8> {
    [long_head(0x59, content.len()), content.to_vec()].concat()
}
