//! What a receipt proves, and each way of breaking it named by its fault.

use super::*;
use crate::cose::SigningKey;
use crate::envelope::fixture::{Seeded, XAA, XBB, XCC, known_to, listing, named, ring};
use crate::model::{DAY, Digest, MessageId, Timestamp};
use crate::trust::Directory;
use crate::trust::fixture::{Listing, NOW, Pki, directory};
use crate::wire;
use crate::wire::Limits;
use ciborium::Value;
use proptest::prelude::*;
use serde_bytes::{ByteBuf, Bytes};

const STATEMENT: Digest = Digest([0x53; 32]);

fn received(statement: Digest, at: Timestamp) -> Leaf {
    Leaf::Act { direction: Direction::Received, statement, at }
}

/// XBB's log about XAA: its genesis, then these leaves.
fn log(leaves: &[Leaf]) -> MerkleLog {
    let (owner, peer) = (named(XBB), named(XAA));
    let genesis = Leaf::Genesis { owner, peer, nonce: MessageId([1; 16]), at: NOW, continues: None };
    let mut log = MerkleLog::default();
    std::iter::once(&genesis).chain(leaves).for_each(|leaf| {
        log.append(leaf.encode().unwrap());
    });
    log
}

fn checkpoint(log: &MerkleLog, at: Timestamp) -> Checkpoint {
    Checkpoint { owner: named(XBB), peer: named(XAA), head: log.head().unwrap(), at }
}

fn issue(checkpoint: &Checkpoint, log: &MerkleLog, index: u64, key: &(SigningKey, Digest)) -> Receipt {
    Receipt::issue(checkpoint, log, &[index], key).unwrap().pop().unwrap()
}

/// XBB's receipt for the leaf at `index`.
fn receipt(leaves: &[Leaf], index: u64) -> Receipt {
    let log = log(leaves);
    issue(&checkpoint(&log, NOW), &log, index, &ring(XBB).log)
}

/// XAA's verdict on a receipt of XBB for `STATEMENT`.
fn verdict(receipt: &Receipt) -> &'static str {
    verdict_by(receipt, &known_to(XAA), NOW)
}

fn verdict_by(receipt: &Receipt, directory: &Directory, now: Timestamp) -> &'static str {
    let proved = receipt.verify((&named(XBB), &named(XAA)), &STATEMENT, directory, now);
    proved.map_or_else(|error| error.code(), |_| "proved")
}

/// Takes a receipt apart, changes it and puts it together: leaf, protected, unprotected, payload, signature.
fn changed(receipt: &Receipt, change: impl FnOnce(&mut Vec<u8>, &mut Vec<Value>)) -> Receipt {
    let (mut leaf, cose): (ByteBuf, ByteBuf) = wire::decode(receipt.as_bytes(), &Limits::RECEIPTS).unwrap();
    let mut parts = wire::decode::<Value>(&cose, &Limits::RECEIPTS).unwrap().into_array().unwrap();
    change(&mut leaf, &mut parts);
    let cose = wire::encode(&parts).unwrap();
    Receipt::from_bytes(wire::encode(&(Bytes::new(&leaf), Bytes::new(&cose))).unwrap())
}

#[test]
fn a_receipt_proves_who_received_what_and_when() {
    let leaves = [received(Digest([1; 32]), NOW), received(STATEMENT, NOW.saturating_add(-5))];
    let proved =
        receipt(&leaves, 2).verify((&named(XBB), &named(XAA)), &STATEMENT, &known_to(XAA), NOW).unwrap();
    let received_at = NOW.saturating_add(-5);
    let expected = ProvedReceipt {
        by: named(XBB),
        statement: STATEMENT,
        received_at,
        head: log(&leaves).head().unwrap(),
    };
    assert_eq!(proved, expected);
}

#[test]
fn anyone_can_verify_it() {
    let receipt = receipt(&[received(STATEMENT, NOW)], 1);
    assert_eq!(verdict_by(&receipt, &known_to(XCC), NOW), "proved");
}

#[test]
fn about_another_statement_or_direction() {
    assert_eq!(verdict(&receipt(&[received(Digest([1; 32]), NOW)], 1)), "about-something-else");
    let sent = Leaf::Act { direction: Direction::Sent, statement: STATEMENT, at: NOW };
    assert_eq!(verdict(&receipt(&[sent, received(STATEMENT, NOW)], 1)), "about-something-else");
    assert_eq!(verdict(&receipt(&[received(STATEMENT, NOW)], 0)), "about-something-else", "the genesis leaf");
}

#[test]
fn about_another_pair() {
    let log = log(&[received(STATEMENT, NOW)]);
    let good = checkpoint(&log, NOW);
    let other_peer = Checkpoint { peer: named(XCC), ..good.clone() };
    let other_owner = Checkpoint { owner: named(XCC), ..good.clone() };
    for (checkpoint, key) in [(other_peer, ring(XBB).log), (other_owner, ring(XCC).log)] {
        assert_eq!(verdict(&issue(&checkpoint, &log, 1, &key)), "about-something-else");
    }
    let turned = issue(&good, &log, 1, &ring(XBB).log).verify(
        (&named(XAA), &named(XBB)),
        &STATEMENT,
        &known_to(XAA),
        NOW,
    );
    assert_eq!(turned.unwrap_err().code(), "about-something-else");
}

#[test]
fn signed_by_another_key() {
    let log = log(&[received(STATEMENT, NOW)]);
    let issued = |key: &(SigningKey, Digest)| verdict(&issue(&checkpoint(&log, NOW), &log, 1, key));
    assert_eq!(issued(&ring(XCC).log), "unknown-key", "another State's log key");
    assert_eq!(issued(&ring(XBB).seal), "unknown-key", "its own seal key");
    assert_eq!(issued(&(ring(XCC).log.0, ring(XBB).log.1)), "bad-signature", "under its name");
}

#[test]
fn a_log_key_that_does_not_hold() {
    let receipt = receipt(&[received(STATEMENT, NOW)], 1);
    let at_xaa = |of_xbb: Option<Listing>| {
        let listings: Vec<Listing> = of_xbb.into_iter().chain([listing(XAA)]).collect();
        directory(&Pki::new(XAA), &listings)
    };
    assert_eq!(verdict_by(&receipt, &at_xaa(Some(listing(XBB))), NOW), "proved");
    assert_eq!(verdict_by(&receipt, &at_xaa(None), NOW), "unknown-party");
    let revoked = Pki::new(XBB).listing_revoking(&[4]);
    assert_eq!(verdict_by(&receipt, &at_xaa(Some(revoked)), NOW), "revoked");
    assert_eq!(verdict_by(&receipt, &known_to(XAA), NOW.saturating_add(400 * DAY)), "expired");
}

#[test]
fn a_leaf_that_is_not_in_the_log() {
    let good = receipt(&[received(STATEMENT, NOW)], 1);
    let earlier = received(STATEMENT, NOW.saturating_add(-DAY)).encode().unwrap();
    assert_eq!(verdict(&changed(&good, |leaf, _| *leaf = earlier)), "bad-signature", "a backdated leaf");
}

#[test]
fn the_proof_of_another_leaf() {
    let leaves = [received(STATEMENT, NOW), received(Digest([1; 32]), NOW)];
    let other = receipt(&leaves, 2);
    let (_, cose): (ByteBuf, ByteBuf) = wire::decode(other.as_bytes(), &Limits::RECEIPTS).unwrap();
    let proof = wire::decode::<Value>(&cose, &Limits::RECEIPTS).unwrap().into_array().unwrap()[1].clone();
    let mixed = changed(&receipt(&leaves, 1), |_, parts| parts[1] = proof);
    assert_eq!(verdict(&mixed), "bad-signature");
}

#[test]
fn a_proof_of_another_length() {
    let good = receipt(&[received(STATEMENT, NOW)], 1);
    let with_proof = |proof: (u64, u64, Vec<Digest>)| {
        let bytes = Value::Bytes(wire::encode(&proof).unwrap());
        let proofs = Value::Map(vec![(Value::from(-1), Value::Array(vec![bytes]))]);
        verdict(&changed(&good, |_, parts| parts[1] = Value::Map(vec![(396.into(), proofs)])))
    };
    assert_eq!(with_proof((2, 1, vec![])), "not-included", "too short");
    assert_eq!(with_proof((2, 1, vec![Digest([1; 32]); 2])), "not-included", "too long");
    assert_eq!(with_proof((2, 2, vec![])), "not-included", "beyond the end");
    let sibling = log(&[]).head().unwrap().root;
    assert_eq!(with_proof((2, 1, vec![sibling])), "proved");
    assert_eq!(
        with_proof((3, 2, vec![sibling])),
        "malformed-evidence",
        "the same root, said of three leaves"
    );
    assert_eq!(with_proof((2, 1, vec![Digest([1; 32])])), "bad-signature", "another sibling");
}

#[test]
fn a_checkpoint_older_than_its_leaf() {
    let log = log(&[received(STATEMENT, NOW)]);
    let older = issue(&checkpoint(&log, NOW.saturating_add(-1)), &log, 1, &ring(XBB).log);
    assert_eq!(verdict(&older), "malformed-evidence");
}

#[test]
fn another_layout() {
    let good = receipt(&[received(STATEMENT, NOW)], 1);
    let proofs = |value: Value| changed(&good, |_, parts| parts[1] = Value::Map(vec![(396.into(), value)]));
    assert_eq!(verdict(&proofs(Value::Null)), "malformed-evidence");
    assert_eq!(verdict(&proofs(Value::Map(vec![]))), "malformed-evidence", "no proof");
    let two = Value::Array(vec![Value::Bytes(vec![]), Value::Bytes(vec![])]);
    assert_eq!(verdict(&proofs(Value::Map(vec![((-1).into(), two)]))), "malformed-evidence", "two proofs");
    let one = || Value::Array(vec![Value::Bytes(vec![])]);
    assert_eq!(verdict(&proofs(Value::Map(vec![((-2).into(), one())]))), "malformed-evidence", "consistency");
    assert_eq!(verdict(&proofs(Value::Map(vec![((-1).into(), one())]))), "not-deterministic-cbor");
    let attached = changed(&good, |_, parts| parts[2] = Value::Bytes(vec![0; 32]));
    assert_eq!(verdict(&attached), "bad-payload", "the root is inside");
    let algorithm = changed(&good, |_, parts| parts[1].as_map_mut().unwrap().push((1.into(), (-19).into())));
    assert_eq!(verdict(&algorithm), "duplicate-header");
}

#[test]
fn every_flipped_byte_of_a_receipt_is_refused() {
    let good = receipt(&[received(STATEMENT, NOW)], 1);
    let directory = known_to(XAA);
    assert_eq!(verdict_by(&good, &directory, NOW), "proved");
    for at in 0..good.as_bytes().len() {
        let mut flipped = good.as_bytes().to_vec();
        flipped[at] ^= 1 << (at % 8);
        assert_ne!(verdict_by(&Receipt::from_bytes(flipped), &directory, NOW), "proved", "byte {at}");
        let cut = Receipt::from_bytes(good.as_bytes()[..at].to_vec());
        assert_ne!(verdict_by(&cut, &directory, NOW), "proved", "cut at {at}");
    }
}

#[test]
fn a_leaf_has_its_golden_bytes() {
    let hex = |leaf: Leaf| leaf.encode().unwrap().iter().map(|b| format!("{b:02x}")).collect::<String>();
    let statement = "53".repeat(32);
    let act = format!(
        "a163616374a36261741a6b49d20069646972656374696f6e6872656365697665646973746174656d656e745820{statement}"
    );
    assert_eq!(hex(received(STATEMENT, NOW)), act);
    let nonce = MessageId([1; 16]);
    let genesis = Leaf::Genesis { owner: named(XBB), peer: named(XAA), nonce, at: NOW, continues: None };
    let golden = "a16767656e65736973a46261741a6b49d2006470656572635841416";
    assert_eq!(hex(genesis), format!("{golden}56e6f6e636550{}656f776e657263584242", "01".repeat(16)));
}

#[test]
fn a_leaf_with_an_unknown_member_is_none() {
    let act = Value::Map(vec![
        ("direction".into(), "received".into()),
        ("statement".into(), Value::Bytes(vec![0x53; 32])),
        ("at".into(), 0.into()),
        ("colour".into(), "red".into()),
    ]);
    let bytes = wire::encode(&Value::Map(vec![("act".into(), act)])).unwrap();
    assert_eq!(Leaf::parse(&bytes).unwrap_err().code(), "unexpected-content");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn one_group_gives_one_head_for_each_peer(peers in proptest::collection::vec(0usize..3, 1..20), seed: u32) {
        let names = [XAA, XCC, "XDD"];
        let owner = ring(XBB);
        let mut book = LogBook::new(owner.party, owner.log, Box::new(Seeded(seed.into())));
        let entry = |(at, peer): (usize, &usize)| {
            let leaf = received(Digest([at as u8; 32]), NOW.saturating_add(-(at as i64)));
            Entry { peer: named(names[*peer]), leaf, receipt: at % 3 != 2 }
        };
        let entries: Vec<Entry> = peers.iter().enumerate().map(entry).collect();
        let sealed = book.seal_group(&entries).unwrap();

        let distinct: std::collections::BTreeSet<_> = peers.iter().collect();
        prop_assert_eq!(sealed.heads.len(), distinct.len());
        prop_assert_eq!(sealed.leaves.len(), entries.len() + distinct.len(), "with a genesis leaf each");
        let directory = known_to(XAA);
        for (at, (entry, receipt)) in entries.iter().zip(&sealed.receipts).enumerate() {
            prop_assert_eq!(receipt.is_some(), entry.receipt);
            let Some(receipt) = receipt else { continue };
            let statement = Digest([at as u8; 32]);
            let proved = receipt.verify((&named(XBB), &entry.peer), &statement, &directory, NOW).unwrap();
            prop_assert_eq!(proved.received_at, entry.leaf.at());
            let head = sealed.heads.iter().find(|(peer, ..)| *peer == entry.peer).unwrap().2;
            prop_assert_eq!(proved.head, head);
        }
        // A book that takes up its logs goes on where the first one stopped.
        let owner = ring(XBB);
        let mut restored = LogBook::new(owner.party, owner.log, Box::new(Seeded(0)));
        for (peer, nth, head) in &sealed.heads {
            let mut durable = MerkleLog::default();
            for new in sealed.leaves.iter().filter(|new| new.peer == *peer) {
                prop_assert_eq!(&durable.append(new.leaf.clone()), &new.added);
            }
            restored.resume(peer.clone(), *nth, &durable, head).unwrap();
        }
        let next = [Entry { peer: entries[0].peer.clone(), leaf: received(STATEMENT, NOW), receipt: true }];
        prop_assert_eq!(book.seal_group(&next).unwrap().heads, restored.seal_group(&next).unwrap().heads);
    }
}

#[test]
fn a_book_with_a_missing_leaf_is_refused() {
    let owner = ring(XBB);
    let mut book = LogBook::new(owner.party, owner.log, Box::new(Seeded(0)));
    let (whole, short) = (log(&[received(STATEMENT, NOW)]), log(&[]));
    let resumed = book.resume(named(XAA), 0, &short, &whole.head().unwrap());
    assert_eq!(resumed.unwrap_err().code(), "not-consistent");
}

/// Prints how long a receipt is, in a young log and in an old one.
#[test]
fn hundreds_of_receipts_fit_in_a_frame() {
    for leaves in [1u64, 1000, 100_000] {
        let log = log(&(0..leaves).map(|n| received(Digest([n as u8; 32]), NOW)).collect::<Vec<_>>());
        let receipt = issue(&checkpoint(&log, NOW), &log, leaves.div_ceil(2), &ring(XBB).log);
        println!("receipt in a log of {leaves} leaves: {} B", receipt.as_bytes().len());
        assert!(receipt.as_bytes().len() < Limits::RECEIPTS.bytes / 200);
    }
}
