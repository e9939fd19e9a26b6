//! Every layer of an envelope, and its receipt. The input is tried at each layer's own door, signed by
//! a party that means ill where the door asks for a signature.

#![no_main]

use libfuzzer_sys::fuzz_target;
use serde_bytes::ByteBuf;
use valise::cose;
use valise::cose::OpeningKey;
use valise::envelope::{
    Content, Cut, Disclosure, Packed, Route, SaltSeed, Statement, join, label_digest, open,
};
use valise::evidence::{Leaf, Receipt};
use valise::model::{ActKind, Digest};
use valise::wire::{Limits, encode};
use valise_fuzz::{WORLD, World, resigned};

fuzz_target!(|data: &[u8]| {
    let World { xaa: (xaa, at_xaa), xbb: (xbb, at_xbb), federation } = &*WORLD;
    let now = federation.now;
    if let Err((Some(_), error)) = open(data, xbb, at_xbb, now) {
        assert!(!error.code().is_empty());
    }
    if let Some(route) = resigned(data, &xaa.log.0) {
        drop(Route::verify(&route, at_xbb, now));
        let parts = (ByteBuf::from(route), ByteBuf::from(data));
        drop(open(&encode(&parts).unwrap(), xbb, at_xbb, now));
    }
    let find = |kid: &[u8]| {
        let (_, private) = xbb.prekeys.iter().find(|(held, _)| held == kid)?;
        Some(OpeningKey { private, info: Vec::new() })
    };
    drop(cose::open(data, &Limits::ENVELOPE, &find, &[]));
    drop(cose::decrypt0(&[7; 32], data, &Limits::RECEIPTS, &[]));
    content(data);
    packed(data);
    receipt(data);
    let at = Receipt::from_bytes(data.to_vec());
    drop(at.verify((&xbb.party, &xaa.party), &Digest([0x52; 32]), at_xaa, now));
});

/// The statement and its elements, each sound or not.
fn content(data: &[u8]) {
    let World { xaa: (xaa, _), xbb: (_, at_xbb), federation } = &*WORLD;
    let Ok(content) = Content::parse(data) else { return };
    let disclosures = content.parse_disclosures();
    let elements: &[Disclosure] = disclosures.as_deref().unwrap_or_default();
    for statement in [Some(content.statement.clone()), resigned(&content.statement, &xaa.seal.0)] {
        let Some(statement) = statement else { continue };
        if let Ok(statement) = Statement::verify(&statement, elements, at_xbb, federation.now) {
            assert_eq!(statement.issuer, xaa.party, "only its own key speaks for a party");
        }
    }
    label_digest(elements).unwrap();
    for kind in ActKind::ALL {
        if let Ok(act) = join(kind, elements) {
            assert_eq!(act.kind(), kind);
        }
    }
}

/// What lies inside a seal: the act, the seed of its salts, and a statement that carries no payload.
fn packed(data: &[u8]) {
    let World { xaa: (xaa, _), xbb: (_, at_xbb), federation } = &*WORLD;
    let Ok(packed) = Packed::parse(data) else { return };
    let Ok(cut) = Cut::seeded(packed.body, &SaltSeed(packed.seed)) else { return };
    assert_eq!(Cut::of(&cut.disclosures).as_ref(), Ok(&cut), "what was cut joins to the same body");
    if let Ok((statement, bytes)) = Statement::verify_cut(&packed.statement, &cut, at_xbb, federation.now) {
        assert_eq!(statement.issuer, xaa.party, "only its own key speaks for a party");
        Statement::verify(&bytes, &cut.disclosures, at_xbb, federation.now).unwrap();
    }
}

/// A leaf and the elements of a receipt.
fn receipt(data: &[u8]) {
    if let Ok(leaf) = Leaf::parse(data) {
        assert_eq!(leaf.encode().unwrap(), data, "a leaf has one form");
    }
    if let Ok(element) = Disclosure::parse(data) {
        assert_eq!(element.bytes(), data, "an element keeps its bytes");
    }
}
