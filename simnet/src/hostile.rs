//! What a hostile relay or State makes out of a letter that it has in its hands. None of it may be believed.

use crate::draw::Draw;
use crate::federation::Member;
use crate::lane::{self, FastLetter, Letter};
use serde_bytes::{ByteBuf, Bytes};
use std::sync::Arc;
use valise::cose::{Payload, label, sign1};
use valise::envelope::{self, Cut, Lane, Route, Signed};
use valise::model::{Digest, MessageId, Party, Timestamp};
use valise::wire::{self, Limits};

/// The media type that marks what a log key signs as a route.
const ROUTE: &str = "application/vnd.valise.route+cbor";
/// SHA-256 in a certificate thumbprint (RFC 9054 §2.1).
const SHA_256: i64 = -16;

/// Changes one bit of a letter.
pub fn edit(letter: &Letter, draw: &mut Draw) -> Letter {
    match letter {
        Letter::Real(bytes) => {
            let mut bytes = bytes.to_vec();
            let at = draw.index(bytes.len());
            if let Some(byte) = bytes.get_mut(at) {
                *byte ^= 1 << draw.below(8);
            }
            Letter::Real(Arc::new(bytes))
        }
        Letter::Fast(fast) => Letter::Fast(FastLetter { intact: false, ..fast.clone() }),
    }
}

/// Seals a statement that `holder` received to a third State.
pub fn reseal(
    letter: &Letter,
    holder: &Member,
    third: &Party,
    now: Timestamp,
    draw: &mut Draw,
) -> Option<Letter> {
    match letter {
        Letter::Real(bytes) => {
            let opened = envelope::open(bytes, &holder.ring, &holder.directory, now).ok()?;
            let signed = Signed {
                bytes: opened.bytes,
                digest: opened.statement.digest,
                body: Cut::of(&opened.disclosures).ok()?.body,
                disclosures: opened.disclosures,
                seed: opened.seed,
                mandate: None,
            };
            let (ring, directory) = (&holder.ring, &holder.directory);
            let out = envelope::compose(&signed, third, ring, directory, now, lane::KEEP_FOR, draw).ok()?;
            Some(Letter::Real(Arc::new(out.bytes)))
        }
        Letter::Fast(fast) => Some(Letter::Fast(FastLetter {
            envelope: MessageId::random(draw),
            routed_by: holder.party.clone(),
            to: third.clone(),
            ..fast.clone()
        })),
    }
}

/// Signs a new route around a sealed body, as if it came from `thief`.
pub fn reroute(
    letter: &Letter,
    thief: &Member,
    to: &Party,
    now: Timestamp,
    draw: &mut Draw,
) -> Option<Letter> {
    match letter {
        Letter::Real(bytes) => {
            let (_, sealed): (ByteBuf, ByteBuf) = wire::decode(bytes, &Limits::ENVELOPE).ok()?;
            let route = Route {
                envelope: MessageId::random(draw),
                to: to.clone(),
                size: sealed.len() as u64,
                expires: now.saturating_add(lane::KEEP_FOR),
                body: Digest::of(&[&sealed]),
                attachments: Vec::new(),
                lane: Lane::Acts,
            };
            let route = sign_route(&route, thief)?;
            let bytes = wire::encode(&(Bytes::new(&route), Bytes::new(&sealed))).ok()?;
            Some(Letter::Real(Arc::new(bytes)))
        }
        Letter::Fast(fast) => {
            Some(Letter::Fast(FastLetter { routed_by: thief.party.clone(), ..fast.clone() }))
        }
    }
}

/// Seals what its issuer said to one State to another one, by the issuer's own keys.
pub fn misaddress(
    letter: &Letter,
    issuer: &Member,
    other: &Party,
    now: Timestamp,
    draw: &mut Draw,
) -> Option<Letter> {
    let Letter::Fast(fast) = letter else { return None };
    if draw.chance(500) {
        return lane::compose(&fast.said, other, issuer, true, now, draw).ok().map(|c| c.letter);
    }
    Some(Letter::Fast(FastLetter { to: other.clone(), ..fast.clone() }))
}

fn sign_route(route: &Route, by: &Member) -> Option<Vec<u8>> {
    let (key, certificate) = &by.ring.log;
    let protected = vec![
        (label::CONTENT_TYPE, ROUTE.into()),
        (label::KID, wire::to_value(Bytes::new(by.ring.gateway.as_bytes())).ok()?),
        (label::X5T, wire::to_value(&(SHA_256, Bytes::new(&certificate.0))).ok()?),
    ];
    let payload = wire::encode(route).ok()?;
    sign1(key, protected, Vec::new(), Payload::Attached(&payload), &[]).ok()
}
