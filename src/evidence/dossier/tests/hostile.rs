use super::story::{Story, anchor, log_keys, sealed};
use super::verdict;
use crate::envelope::Content;
use crate::envelope::fixture::{Seeded, XAA, XBB, draft, named, request};
use crate::evidence::dossier::{Dossier, verify};
use crate::evidence::{
    Accusation, Checkpoint, Contradiction, Direction, Entry, HeadClaim, Leaf, Log, LogBook, MerkleLog,
    ProvedLeaf, Receipt,
};
use crate::model::{Act, DAY, Head, MessageId};
use crate::trust::fixture::NOW;
use crate::wire;
use proptest::prelude::*;
use serde_bytes::ByteBuf;

/// A dossier whose parts its own maker has changed before sealing them.
fn changed(change: impl FnOnce(&mut Dossier)) -> &'static str {
    let mut parts = Story::told().parts(XAA);
    change(&mut parts);
    verdict(&sealed(parts))
}

/// The request alone, none of its elements shown; made once, since each signature takes a while.
fn small() -> Vec<u8> {
    static MADE: std::sync::OnceLock<Vec<u8>> = std::sync::OnceLock::new();
    MADE.get_or_init(make_small).clone()
}

fn make_small() -> Vec<u8> {
    let mut story = Story::told();
    story.said.truncate(1);
    story.receipts.truncate(1);
    story.redact(|_| true);
    story.dossier(XAA)
}

/// How many tests share the bytes of the small dossier, so that they run on as many cores.
const SHARES: usize = 4;

/// Flips every byte of one share, not a sample; one bit of each, and which one changes from byte to byte.
fn flip_all_of(share: usize) {
    let good = small();
    assert_eq!(verdict(&good), "valid");
    let mut flipped = good.clone();
    for at in (share..good.len()).step_by(SHARES) {
        flipped[at] ^= 1 << (at / SHARES % 8);
        assert_ne!(verdict(&flipped), "valid", "byte {at} of {}", good.len());
        flipped[at] = good[at];
    }
}

#[test]
fn every_flipped_byte_of_a_small_dossier_is_found() {
    flip_all_of(0);
}

#[test]
fn every_flipped_byte_of_a_small_dossier_is_found_second_share() {
    flip_all_of(1);
}

#[test]
fn every_flipped_byte_of_a_small_dossier_is_found_third_share() {
    flip_all_of(2);
}

#[test]
fn every_flipped_byte_of_a_small_dossier_is_found_last_share() {
    flip_all_of(SHARES - 1);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn a_flipped_bit_of_a_small_dossier_is_found(at: usize, bit in 0u8..8) {
        let mut flipped = small();
        let at = at % flipped.len();
        flipped[at] ^= 1 << bit;
        prop_assert_ne!(verdict(&flipped), "valid", "byte {}", at);
    }

    #[test]
    fn a_flipped_bit_that_its_maker_sealed_is_found(part in 0usize..7, piece: usize, at: usize, bit in 0u8..8) {
        static MADE: std::sync::OnceLock<Dossier> = std::sync::OnceLock::new();
        let mut parts = MADE.get_or_init(|| Story::told().parts(XAA)).clone();
        let flip = |bytes: &mut [u8]| bytes[at % bytes.len()] ^= 1 << bit;
        let nth = |count: usize| piece % count;
        let (statement, log) = (nth(parts.statements.len()), nth(parts.logs.len()));
        match part {
            0 => { let nth = nth(parts.receipts.len()); flip(&mut parts.receipts[nth]) }
            1 => flip(&mut parts.statements[statement].statement),
            2 => {
                let shown = &mut parts.statements[statement].disclosures;
                let nth = piece % shown.len();
                flip(&mut shown[nth]);
            }
            3 => {
                let mut anchor = parts.logs[log].anchor.encode().unwrap();
                // The heads of the three byte strings have another form then, or none.
                flip(&mut anchor);
                let Ok(anchor) = crate::evidence::Anchor::parse(&anchor) else { return Ok(()) };
                parts.logs[log].anchor = anchor;
            }
            4 => {
                let leaves = &mut parts.logs[log].leaves;
                let nth = piece % leaves.len();
                flip(&mut leaves[nth].leaf);
            }
            5 => {
                let path = parts.logs[log].leaves.iter_mut().flat_map(|leaf| leaf.path.iter_mut()).next();
                let Some(path) = path else { return Ok(()) };
                flip(&mut path.0);
            }
            _ => {
                let Some(head) = parts.logs[log].heads.first_mut() else { return Ok(()) };
                flip(&mut head.head.root.0);
            }
        }
        prop_assert_ne!(verdict(&sealed(parts)), "valid", "part {} piece {} byte {}", part, piece, at);
    }

    #[test]
    fn no_cut_and_no_junk_is_valid(cut: usize, junk: Vec<u8>) {
        let good = small();
        prop_assert_ne!(verdict(&good[..cut % good.len()]), "valid");
        prop_assert_ne!(verdict(&junk), "valid");
        prop_assert_ne!(verdict(&[good, vec![0]].concat()), "valid");
    }
}

#[test]
fn a_part_that_its_maker_leaves_out() {
    assert_eq!(changed(|d| drop(d.statements.remove(0))), "about-something-else", "its receipt is left");
    let without = |d: &mut Dossier| {
        d.statements.remove(0);
        d.receipts.remove(0);
    };
    assert_eq!(changed(without), "missing-act");
    assert_eq!(changed(|d| drop(d.receipts.remove(1))), "receipt-missing");
    assert_eq!(changed(|d| drop(d.logs.remove(0))), "not-in-log");
    assert_eq!(changed(|d| drop(d.logs[0].leaves.remove(1))), "not-in-log");
    assert_eq!(changed(|d| drop(d.logs[0].leaves.remove(0))), "about-something-else", "the first leaf");
    assert_eq!(changed(|d| d.statements.clear()), "empty");
}

#[test]
fn a_part_that_stands_in_another_place() {
    assert_eq!(changed(|d| d.statements.swap(0, 2)), "valid", "digests say what is what");
    assert_eq!(changed(|d| d.statements[2].disclosures.swap(0, 1)), "disclosure-mismatch");
    assert_eq!(changed(|d| d.logs[0].leaves.swap(1, 2)), "malformed-evidence");
    assert_eq!(changed(|d| d.statements.push(d.statements[0].clone())), "duplicate");
    assert_eq!(changed(|d| d.receipts.push(d.receipts[0].clone())), "duplicate");
}

#[test]
fn a_part_that_is_another() {
    let swap_disclosures = |d: &mut Dossier| {
        let other = d.statements[1].disclosures.clone();
        d.statements[2].disclosures = other;
    };
    assert_eq!(changed(swap_disclosures), "disclosure-mismatch");
    let other_case = |d: &mut Dossier| d.case = crate::model::CaseId::mint(&named(XAA), 2027, 2);
    assert_eq!(changed(other_case), "about-something-else");
    let bent = |bytes: &mut ByteBuf| {
        let last = bytes.len() - 1;
        bytes[last] ^= 1;
    };
    assert_eq!(changed(|d| bent(&mut d.receipts[0])), "bad-signature");
    let statement = |d: &mut Dossier| {
        let last = d.statements[0].statement.len() - 1;
        d.statements[0].statement[last] ^= 1;
    };
    assert_eq!(changed(statement), "bad-signature");
    assert_eq!(changed(|d| d.logs[0].leaves[1].path[0].0[0] ^= 1), "not-included");
    assert_eq!(changed(|d| d.logs[0].heads[0].path[0].0[0] ^= 1), "not-consistent");
    assert_eq!(changed(|d| d.version = 0), "malformed-evidence");
    let foreign = Dossier { made_by: named(XBB), ..Story::told().parts(XAA) }.seal(&log_keys(XAA)).unwrap();
    assert_eq!(verdict(&foreign), "unknown-key", "sealed by another than its maker");
}

#[test]
fn an_act_that_was_never_said() {
    let forged = |d: &mut Dossier| {
        let forger = crate::envelope::fixture::ring("XCC");
        let mut ring = crate::envelope::fixture::ring(XBB);
        ring.seal.0 = forger.seal.0;
        let signed = draft(request(), &[XAA]).sign(&ring, &mut Seeded(1)).unwrap();
        d.statements.push(Content { statement: signed.bytes, disclosures: Vec::new(), mandate: None });
    };
    assert_eq!(changed(forged), "bad-signature");
}

#[test]
fn backdating_is_flagged_by_what_the_act_cites() {
    let mut story = Story::told();
    let act = || crate::envelope::fixture::refusal();
    story.say_as(XBB, XAA, act(), (31 * DAY, 31 * DAY + 60), |draft| {
        draft.issued_at = NOW.saturating_add(DAY)
    });
    assert_eq!(verdict(&story.dossier(XAA)), "backdated");
}

#[test]
fn a_time_after_its_own_receipt_is_flagged() {
    let mut story = Story::told();
    let act = || crate::envelope::fixture::refusal();
    story.say_as(XBB, XAA, act(), (31 * DAY, 31 * DAY + 60), |d| d.issued_at = NOW.saturating_add(40 * DAY));
    assert_eq!(verdict(&story.dossier(XAA)), "postdated");
    let mut story = Story::told();
    story.say_as(XBB, XAA, act(), (31 * DAY, 31 * DAY + 60), |d| {
        d.issued_at = NOW.saturating_add(31 * DAY + 200)
    });
    assert_eq!(verdict(&story.dossier(XAA)), "valid", "clocks differ a little");
}

#[test]
fn one_message_id_for_two_statements() {
    let mut story = Story::told();
    let act = crate::envelope::fixture::refusal();
    story.say_as(XBB, XAA, act, (31 * DAY, 31 * DAY + 60), |draft| draft.message_id = MessageId([2; 16]));
    assert_eq!(verdict(&story.dossier(XAA)), "equivocation");
}

#[test]
fn two_receipts_for_one_act() {
    let mut story = Story::told();
    let statement = story.said[0].0;
    let at = NOW.saturating_add(5 * DAY);
    let leaf = Leaf::Act { direction: Direction::Received, statement, at };
    let book = &mut story.sides.get_mut(XBB).unwrap().book;
    let sealed = book.seal_group(&[Entry { peer: named(XAA), leaf, receipt: true }]).unwrap();
    story.receipts.extend(sealed.receipts.into_iter().flatten());
    assert_eq!(verdict(&story.dossier(XAA)), "receipt-conflict");
}

/// A second history that XBB keeps for other eyes: its log with one leaf changed, and a receipt from it.
pub(crate) fn forked(story: &Story, size: u64) -> (MerkleLog, Receipt) {
    let honest = &story.sides[XBB].log;
    let mut log = MerkleLog::default();
    for at in 0..size {
        let leaf = honest.leaf(at).unwrap();
        let other = Leaf::Act {
            direction: Direction::Received,
            statement: story.said[0].0,
            at: NOW.saturating_add(50),
        };
        log.append(if at == 1 { other.encode().unwrap() } else { leaf });
    }
    let checkpoint = Checkpoint {
        owner: named(XBB),
        peer: named(XAA),
        head: log.head().unwrap(),
        at: NOW.saturating_add(60),
    };
    let receipt = Receipt::issue(&checkpoint, &log, &[1], &log_keys(XBB).log).unwrap().pop().unwrap();
    (log, receipt)
}

#[test]
fn a_party_that_forks_its_log_is_convicted() {
    let story = Story::told();
    let size = story.sides[XBB].log.head_at(2).unwrap().unwrap().size;
    let (_, receipt) = forked(&story, size);
    let claim = |receipt: &Receipt| HeadClaim::Receipt(ByteBuf::from(receipt.as_bytes()));
    let proof = Contradiction {
        owner: named(XBB),
        peer: named(XAA),
        first: claim(&story.receipts[0]),
        second: Some(claim(&receipt)),
    };
    let mut accusing = Story::told();
    accusing.alarms.push(ByteBuf::from(Accusation::Contradiction(proof.clone()).encode().unwrap()));
    assert_eq!(verdict(&accusing.dossier(XAA)), "fork");
    // Nobody is convicted by a claim that contradicts nothing, or by another's words.
    let same = Contradiction { second: Some(claim(&story.receipts[0])), ..proof.clone() };
    let other = Contradiction { owner: named(XAA), peer: named(XBB), ..proof };
    for (proof, code) in [(same, "malformed-evidence"), (other, "about-something-else")] {
        let mut accusing = Story::told();
        accusing.alarms.push(ByteBuf::from(Accusation::Contradiction(proof.clone()).encode().unwrap()));
        assert_eq!(verdict(&accusing.dossier(XAA)), code);
    }
}

#[test]
fn two_histories_in_one_dossier_are_seen_without_an_accuser() {
    let mut story = Story::told();
    let (_, receipt) = forked(&story, 2);
    story.receipts[0] = receipt;
    let report = verify(&story.dossier(XAA), &anchor());
    assert!(report.findings.iter().any(|finding| finding.code == "fork"), "{:#?}", report.findings);
    assert!(!report.valid);
}

#[test]
fn a_second_log_that_continues_nothing() {
    let mut story = Story::told();
    let parts = story.parts(XAA);
    let ring = crate::envelope::fixture::ring(XBB);
    let mut book = LogBook::new(ring.party, ring.log, Box::new(Seeded(99)));
    let leaf =
        Leaf::Act { direction: Direction::Received, statement: story.said[0].0, at: NOW.saturating_add(60) };
    let mut log = MerkleLog::default();
    for new in book.seal_group(&[Entry { peer: named(XAA), leaf, receipt: true }]).unwrap().leaves {
        log.append(new.leaf);
    }
    story.sides.get_mut(XBB).unwrap().log = log;
    let second = story.proof(XBB, XAA);
    let both = Dossier { logs: [parts.logs, vec![second]].concat(), ..story.parts(XAA) };
    assert_eq!(verdict(&sealed(both)), "fork");
}

#[test]
fn a_new_log_must_not_forget() {
    let story = Story::told();
    let honest = story.sides[XBB].log.clone();
    let new_log = |continues: Head| {
        let (owner, peer, at) = (named(XBB), named(XAA), NOW.saturating_add(31 * DAY));
        let genesis =
            Leaf::Genesis { owner, peer, nonce: MessageId([9; 16]), at, continues: Some(continues) };
        let mut log = MerkleLog::default();
        log.append(genesis.encode().unwrap());
        let mut other = Story::told();
        other.sides.get_mut(XBB).unwrap().log = log;
        let parts = story.parts(XAA);
        verdict(&sealed(Dossier {
            logs: [parts.logs.clone(), vec![other.proof(XBB, XAA)]].concat(),
            ..parts
        }))
    };
    assert_eq!(new_log(honest.head().unwrap()), "valid");
    assert_eq!(new_log(honest.head_at(2).unwrap().unwrap()), "forgotten");
}

#[test]
fn an_anchor_needs_both_signatures() {
    let strip = |d: &mut Dossier| {
        let bytes = d.logs[0].anchor.encode().unwrap();
        let (classic, twin, key): (ByteBuf, ByteBuf, ByteBuf) =
            wire::decode(&bytes, &wire::Limits::ANCHOR).unwrap();
        let swapped = wire::encode(&(twin, classic, key)).unwrap();
        d.logs[0].anchor = crate::evidence::Anchor::parse(&swapped).unwrap();
    };
    assert_eq!(changed(strip), "wrong-algorithm");
    let other_twin = |d: &mut Dossier| {
        let story = Story::told();
        let mut keys = log_keys(XAA);
        keys.twin = super::story::twin(XBB);
        let head = story.sides[XAA].log.head().unwrap();
        let checkpoint = Checkpoint { owner: named(XAA), peer: named(XBB), head, at: story.made_at };
        d.logs[0].anchor = crate::evidence::Anchor::sign(&checkpoint, &keys).unwrap();
    };
    assert_eq!(changed(other_twin), "unknown-key");
}

#[test]
fn a_leaf_of_another_log() {
    let foreign = |d: &mut Dossier| {
        let leaf: ProvedLeaf = d.logs[1].leaves[1].clone();
        d.logs[0].leaves[1] = leaf;
    };
    assert_eq!(changed(foreign), "not-included");
}

#[test]
fn an_acknowledgement_that_repeats_another_instant() {
    let mut story = Story::told();
    story.said.truncate(1);
    story.receipts.truncate(1);
    let request = story.said[0].0;
    let received_at = NOW.saturating_add(3 * DAY);
    let ack = crate::model::Acknowledgement { request, received_at, automatic: false, note: None };
    story.say_as(XBB, XAA, Act::Acknowledgement(ack), (4 * DAY, 4 * DAY + 60), |draft| {
        draft.message_id = MessageId([77; 16])
    });
    assert_eq!(verdict(&story.dossier(XAA)), "received_at_mismatch");
}
