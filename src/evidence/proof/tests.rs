use super::*;
use crate::envelope::fixture::{XAA, XBB, known_to, named, refusal};
use crate::evidence::HeadClaim;
use crate::evidence::dossier::tests::hostile::forked;
use crate::evidence::dossier::tests::story::{Story, anchor, log_keys};
use crate::model::{DAY, MessageId};
use proptest::prelude::*;

/// XBB has shown one history to XAA, and another to somebody else.
pub(crate) fn fork() -> Accusation {
    let story = Story::told();
    let (_, receipt) = forked(&story, 2);
    let claim = |bytes: &[u8]| HeadClaim::Receipt(ByteBuf::from(bytes));
    Accusation::Contradiction(Contradiction {
        owner: named(XBB),
        peer: named(XAA),
        first: claim(story.receipts[0].as_bytes()),
        second: Some(claim(receipt.as_bytes())),
    })
}

/// XBB has used the message id of its acknowledgement for a refusal too.
pub(crate) fn equivocation() -> Accusation {
    let mut story = Story::told();
    let again = (31 * DAY, 31 * DAY + 60);
    story.say_as(XBB, XAA, refusal(), again, |draft| draft.message_id = MessageId([2; 16]));
    let statement = |at: usize| ByteBuf::from(story.said[at].1.statement.clone());
    Accusation::Equivocation(Equivocation { issuer: named(XBB), first: statement(1), second: statement(3) })
}

/// A file by XAA that holds this accusation.
pub(crate) fn proof(accusation: Accusation) -> Proof {
    Proof {
        version: PROOF_VERSION,
        made_by: named(XAA),
        made_at: Story::told().made_at,
        summary: "what it says".to_owned(),
        trust: ByteBuf::from(known_to(XAA).bundle()),
        accusation,
    }
}

pub(crate) fn file(accusation: Accusation) -> Vec<u8> {
    proof(accusation).seal(&log_keys(XAA)).unwrap()
}

/// The code of the first fault, or of what is proved.
fn verdict(bytes: &[u8]) -> &'static str {
    let report = verify_proof(bytes, &anchor());
    assert_eq!(report.valid, report.first_fault().is_none());
    assert_eq!(report.valid, report.convicts.is_some());
    report.first_fault().map_or_else(|| report.convicts.as_ref().unwrap().code, |fault| fault.code)
}

#[test]
fn a_proof_convicts_its_signer_alone() {
    for (accusation, code) in [(fork(), "fork"), (equivocation(), "equivocation")] {
        let report = verify_proof(&file(accusation), &anchor());
        let conviction = report.convicts.unwrap();
        assert_eq!((conviction.party, conviction.code), (named(XBB), code));
        assert!(report.valid && report.acts.is_empty() && report.kind == FileKind::Proof);
    }
}

#[test]
fn nobody_is_convicted_by_words_that_can_all_be_true() {
    let Accusation::Equivocation(twice) = equivocation() else { panic!("an equivocation") };
    let story = Story::told();
    let said = |at: usize| ByteBuf::from(story.said[at].1.statement.clone());
    let accuse = |change: &dyn Fn(&mut Equivocation)| {
        let mut changed = twice.clone();
        change(&mut changed);
        verdict(&file(Accusation::Equivocation(changed)))
    };
    assert_eq!(accuse(&|e| e.second = e.first.clone()), "malformed-evidence", "the same words twice");
    assert_eq!(accuse(&|e| e.second = said(2)), "malformed-evidence", "two ids");
    assert_eq!(accuse(&|e| e.second = said(0)), "about-something-else", "another's words");
    assert_eq!(accuse(&|e| e.issuer = named(XAA)), "about-something-else", "another accused");
    let bent = |e: &mut Equivocation| {
        let last = e.second.len() - 1;
        e.second[last] ^= 1;
    };
    assert_eq!(accuse(&bent), "bad-signature");
    let Accusation::Contradiction(fork) = fork() else { panic!("a contradiction") };
    let same = Contradiction { second: Some(fork.first.clone()), ..fork };
    assert_eq!(verdict(&file(Accusation::Contradiction(same))), "malformed-evidence");
}

#[test]
fn a_proof_stands_by_its_own_keys_and_its_makers_seal() {
    let good = file(fork());
    let code = |anchor| verify_proof(&good, &anchor).first_fault().map(|fault| fault.code);
    assert_eq!(code(TrustAnchor::default()), Some("not-anchored"));
    assert_eq!(code(TrustAnchor { roots: vec![crate::model::Digest([7; 32])] }), Some("not-anchored"));
    assert_eq!(verdict(&proof(fork()).seal(&log_keys(XBB)).unwrap()), "unknown-key");
    assert_eq!(
        verdict(&Proof { version: 0, ..proof(fork()) }.seal(&log_keys(XAA)).unwrap()),
        "malformed-evidence"
    );
    // What was sealed as one kind of file does not pass as the other.
    let dossier = Story::told().dossier(XAA);
    assert!(!is_proof(&dossier) && is_proof(&good) && !is_proof(b"neither"));
    assert_ne!(verdict(&dossier), "fork");
    assert!(!crate::evidence::dossier::verify(&good, &anchor()).valid);
    let relabelled = SealedFile::seal(
        &wire::encode(&proof(fork())).unwrap(),
        "application/vnd.valise.dossier+cbor",
        &log_keys(XAA),
    );
    assert_eq!(verdict(&relabelled.unwrap()), "malformed-evidence");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn a_flipped_bit_of_a_proof_convicts_nobody(at: usize, bit in 0u8..8) {
        static MADE: std::sync::OnceLock<Vec<u8>> = std::sync::OnceLock::new();
        let mut flipped = MADE.get_or_init(|| file(equivocation())).clone();
        let at = at % flipped.len();
        flipped[at] ^= 1 << bit;
        prop_assert!(!verify_proof(&flipped, &anchor()).valid, "byte {}", at);
        prop_assert!(!verify_proof(&flipped[..at], &anchor()).valid, "cut at {}", at);
    }
}
