//! Where each kind of entry is found in the index.

use super::Location;
use crate::model::{CaseId, Digest, Head, HeldId, MessageId, Party};
use crate::relay::Row as MailboxRow;

/// Raised with every change to which rows an entry makes: an index of another version is made again.
pub const VERSION: u32 = 1;

pub const EVENTS: &[u8] = b"e/";
pub const CASES: &[u8] = b"c/";
pub const ACTIVE: &[u8] = b"a/";
pub const RELEASES: &[u8] = b"p/";
pub const OUTBOX: &[u8] = b"o/";
pub const HELD: &[u8] = b"d/h/";
pub const WAITING: &[u8] = b"d/w/";
pub const LEAVES: &[u8] = b"l/";
pub const OUR_HEADS: &[u8] = b"h/o/";
pub const LOCAL_ACTS: &[u8] = b"j/";
pub const ALARMS: &[u8] = b"x/";
pub const CUSTODIES: &[u8] = b"k/";

pub const RESTORED: &[u8] = b"z/restored";
pub const RECOVERED: &[u8] = b"z/recovered/";

pub fn reopened(peer: &Party) -> Vec<u8> {
    [b"z/reopened/", peer.to_string().as_bytes()].concat()
}
pub fn recovered(peer: &Party) -> Vec<u8> {
    [RECOVERED, peer.to_string().as_bytes()].concat()
}
pub fn event(case: &CaseId, at: &Location) -> Vec<u8> {
    [&events(case)[..], &order(at)].concat()
}
pub fn events(case: &CaseId) -> Vec<u8> {
    [EVENTS, case.as_str().as_bytes(), b"\0"].concat()
}
/// Sorts by minter, year and number.
pub fn case(case: &CaseId) -> Vec<u8> {
    [&minted(case.minter(), case.year())[..], &case.number().to_be_bytes()].concat()
}
/// What the cases begin with that one party minted in one year.
pub fn minted(minter: &str, year: u16) -> Vec<u8> {
    [CASES, minter.as_bytes(), b"\0", &year.to_be_bytes()].concat()
}
pub fn active(case: &CaseId) -> Vec<u8> {
    [ACTIVE, case.as_str().as_bytes()].concat()
}
pub fn releases(case: &CaseId) -> Vec<u8> {
    [RELEASES, case.as_str().as_bytes()].concat()
}
pub fn identity(issuer: &Party, id: &MessageId) -> Vec<u8> {
    [b"i/", issuer.to_string().as_bytes(), b"\0", &id.0[..]].concat()
}
pub fn body(statement: &Digest) -> Vec<u8> {
    [b"b/", &statement.0[..]].concat()
}
pub fn outbox(envelope: &MessageId) -> Vec<u8> {
    [OUTBOX, &envelope.0[..]].concat()
}
pub fn held(id: &HeldId) -> Vec<u8> {
    [HELD, id.as_str().as_bytes()].concat()
}
pub fn waiting(id: &HeldId) -> Vec<u8> {
    [WAITING, id.as_str().as_bytes()].concat()
}
pub fn held_end(id: &HeldId) -> Vec<u8> {
    [b"d/e/", id.as_str().as_bytes()].concat()
}
/// What the words for one act begin with.
pub fn words(id: &HeldId) -> Vec<u8> {
    [b"d/v/", id.as_str().as_bytes(), b"\0"].concat()
}
pub fn word(id: &HeldId, at: &Location) -> Vec<u8> {
    [&words(id)[..], &order(at)].concat()
}
pub fn leaf(peer: &Party, nth: u32, index: u64) -> Vec<u8> {
    [&leaves(peer)[..], &nth.to_be_bytes(), &index.to_be_bytes()].concat()
}
/// Marks that a statement has a leaf, and which.
pub fn leaf_of(log: (&Party, u32), statement: &Digest, index: u64) -> Vec<u8> {
    [&leaves_of(log, statement)[..], &index.to_be_bytes()].concat()
}
/// What the marks of a statement's leaves in one log begin with.
pub fn leaves_of((peer, nth): (&Party, u32), statement: &Digest) -> Vec<u8> {
    [b"s/", peer.to_string().as_bytes(), b"\0", &nth.to_be_bytes(), &statement.0[..]].concat()
}
/// Finds the statement whose receipt shows a head.
pub fn shown(peer: &Party, head: &Head) -> Vec<u8> {
    [&shown_at(peer, head)[..], &head.root.0[..]].concat()
}
/// What the heads of one log at one size begin with; a log has but one root there.
pub fn shown_at(peer: &Party, head: &Head) -> Vec<u8> {
    let size = head.size.to_be_bytes();
    [b"g/", peer.to_string().as_bytes(), b"\0", &head.log.0[..], &size[..]].concat()
}
/// What the leaves of all logs about a peer begin with.
pub fn leaves(peer: &Party) -> Vec<u8> {
    [LEAVES, peer.to_string().as_bytes(), b"\0"].concat()
}
/// The newest head of each of our logs about a peer.
pub fn nth_head(peer: &Party, nth: u32) -> Vec<u8> {
    [&nth_heads(peer)[..], &nth.to_be_bytes()].concat()
}
pub fn nth_heads(peer: &Party) -> Vec<u8> {
    [b"h/n/", peer.to_string().as_bytes(), b"\0"].concat()
}
pub fn head(peer: &Party, ours: bool) -> Vec<u8> {
    [if ours { OUR_HEADS } else { b"h/p/" }, peer.to_string().as_bytes()].concat()
}
pub fn receipt(statement: &Digest, ours: bool) -> Vec<u8> {
    [if ours { b"r/o/" } else { b"r/p/" }, &statement.0[..]].concat()
}
pub fn audits(peer: &Party) -> Vec<u8> {
    [b"y/", peer.to_string().as_bytes(), b"\0"].concat()
}
pub fn audit(peer: &Party, at: &Location) -> Vec<u8> {
    [audits(peer), order(at).to_vec()].concat()
}
pub fn anchor(peer: &Party) -> Vec<u8> {
    [b"n/", peer.to_string().as_bytes()].concat()
}
pub fn alarm(at: &Location) -> Vec<u8> {
    [ALARMS, &order(at)[..]].concat()
}
pub fn envelope_of(statement: &Digest, envelope: &MessageId) -> Vec<u8> {
    [&envelopes_of(statement)[..], &envelope.0].concat()
}
/// What the marks of a statement's envelopes begin with.
pub fn envelopes_of(statement: &Digest) -> Vec<u8> {
    [b"q/", &statement.0[..]].concat()
}
pub fn custody(envelope: &MessageId, relay: Option<&Party>) -> Vec<u8> {
    let relay = relay.map(ToString::to_string).unwrap_or_default();
    [CUSTODIES, &envelope.0[..], relay.as_bytes()].concat()
}
pub fn mailbox(relay: &Party, row: Option<&MailboxRow>) -> Vec<u8> {
    let row = row.map(|row| format!("{}/{:?}", row.from, row.lane)).unwrap_or_default();
    [b"m/", relay.to_string().as_bytes(), b"\0", row.as_bytes()].concat()
}
pub fn copy_receipt(statement: &Digest, by: &Party) -> Vec<u8> {
    [b"r/c/", &statement.0[..], by.to_string().as_bytes()].concat()
}
pub fn local_act(at: &Location) -> Vec<u8> {
    [LOCAL_ACTS, &order(at)[..]].concat()
}

/// What the answers begin with that a courier is to carry to one peer.
pub fn owed_to(peer: &Party) -> Vec<u8> {
    [b"w/", peer.to_string().as_bytes(), b"\0"].concat()
}
pub fn owed(peer: &Party, envelope: &MessageId) -> Vec<u8> {
    [&owed_to(peer)[..], &envelope.0[..]].concat()
}

/// Sorts as the journal does: by segment, then by place in it.
fn order(at: &Location) -> [u8; 12] {
    let mut out = [0; 12];
    out[..4].copy_from_slice(&at.segment.to_be_bytes());
    out[4..].copy_from_slice(&at.offset.to_be_bytes());
    out
}
