//! A relay for tests: its key, its quotas, and parcels that somebody brings.

use super::{Freight, Lane, Offer, Quotas, Signer, Thread};
use crate::model::{DAY, Digest, MessageId, Timestamp};
use crate::trust::fixture::{NOW, Pki, key, party};
use crate::trust::thumbprint;

pub(crate) const RELAY: &str = "org:relay-west";
pub(crate) const KIB: u64 = 1024;

pub(crate) fn quotas() -> Quotas {
    Quotas {
        acts_bytes: 8 * KIB,
        acts_parcels: 8,
        bulk_bytes: 16 * KIB,
        bulk_parcels: 8,
        bulk_total: 24 * KIB,
        retention: 30 * DAY,
    }
}

pub(crate) fn signer(name: &str) -> Signer {
    let pki = Pki::new(name);
    let key = (key(&format!("{name} log")), thumbprint(&pki.log.der));
    Signer { name: format!("gw1.{}", pki.party.dns_suffix()), party: pki.party, key }
}

pub(crate) fn offer(number: u32, from: &str, to: &str, lane: Lane, size: u64) -> Offer {
    let digest = Digest::of(&[&number.to_be_bytes()]);
    let freight = Freight::Envelope { envelope: MessageId([1; 16]), route: digest, sealed: digest };
    let thread = Thread { from: party(from), to: party(to), lane };
    Offer { digest, freight, thread, size, expires: Some(at(10 * DAY)), brought_by: party(from) }
}

pub(crate) fn at(seconds: i64) -> Timestamp {
    NOW.saturating_add(seconds)
}
