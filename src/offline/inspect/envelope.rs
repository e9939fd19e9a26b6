use super::cbor::head_len;
use super::{Shown, cbor, hex, line, malformed, misplaced};
use crate::cose;
use crate::cose::{CoseError, Known, Sign1, label};
use crate::envelope::Route;
use crate::model::Party;
use crate::offline::OfflineError;
use crate::wire;
use crate::wire::Limits;
use ciborium::Value;
use serde_bytes::ByteBuf;
use serde_json::json;
use std::cell::RefCell;

/// The labels that a route may have.
const ROUTE: Known<'_> =
    Known { protected: &[label::CONTENT_TYPE, label::KID, label::X5T], unprotected: &[] };

/// Shows the body of an envelope frame that begins at `base`: what a relay learns, then every item.
pub(super) fn show(body: &[u8], base: usize) -> Result<Shown, OfflineError> {
    let tree = cbor::show(body, &Limits::ENVELOPE, base)?;
    let layers = wire::decode::<(ByteBuf, ByteBuf)>(body, &Limits::ENVELOPE);
    let (route_bytes, sealed) = layers.map_err(|error| misplaced(base, &error))?;
    // Behind the head of the array of two and the head of each byte string.
    let route_at = base + 1 + head_len(route_bytes.len());
    let sealed_at = route_at + route_bytes.len() + head_len(sealed.len());
    let (gateway, route) = read_route(&route_bytes).map_err(|error| placed(route_at, &error))?;
    let prekeys = prekeys(&sealed).map_err(|error| placed(sealed_at, &error))?;

    let from = Party::from_dns_name(&gateway)
        .ok_or_else(|| malformed(route_at, &"the sender is no gateway of a party"))?;
    let facts = [
        format!("envelope {} from {from} to {}, by {gateway:?}", route.envelope, route.to),
        format!("kept by relays until {}", route.expires),
        format!("sealed body of {} bytes to the prekeys {}", sealed.len(), prekeys.join(", ")),
        "no signature was verified: there are no keys here".to_owned(),
    ];
    let text: String = facts.iter().map(|fact| line(base, 0, fact)).collect();
    let value = json!({
        "envelope": route.envelope,
        "from": from,
        "gateway": gateway,
        "to": route.to,
        "expires": route.expires,
        "sealed_bytes": sealed.len(),
        "prekeys": prekeys,
        "items": tree.value,
    });
    Ok(Shown { text: text + &tree.text, value })
}

/// Reads the gateway's name and what it says, signed by nobody knows whom.
fn read_route(bytes: &[u8]) -> Result<(String, Route), CoseError> {
    let route = Sign1::parse(bytes, &Limits::ENVELOPE, &ROUTE)?;
    let gateway = String::from_utf8_lossy(route.unverified_headers().bytes(label::KID)?).into_owned();
    let (_, _, payload, _) = wire::decode::<(ByteBuf, Value, ByteBuf, ByteBuf)>(bytes, &Limits::ENVELOPE)?;
    Ok((gateway, wire::decode(&payload, &Limits::ENVELOPE)?))
}

/// Lists the prekeys of a sound seal; opening it without a key takes it apart and goes no further.
fn prekeys(sealed: &[u8]) -> Result<Vec<String>, CoseError> {
    let kids = RefCell::new(Vec::new());
    let none = |kid: &[u8]| {
        kids.borrow_mut().push(hex(kid));
        None
    };
    match cose::open(sealed, &Limits::ENVELOPE, &none, &[]) {
        Ok(_) | Err(CoseError::NotForUs) => Ok(kids.into_inner()),
        Err(fault) => Err(fault),
    }
}

fn placed(base: usize, error: &CoseError) -> OfflineError {
    malformed(base, &format_args!("{error} [{}]", error.code()))
}
