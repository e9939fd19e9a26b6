//! What the three layers promise, and each way of breaking them named by its fault.

mod acts;
mod forge;
mod golden;
mod hostile;
mod outside;

use super::fixture::*;
use super::*;
use crate::cose::ExportSecret;
use crate::model::{Act, ActKind, Digest, MessageId, Response};
use crate::trust::fixture::NOW;
use crate::wire::Limits;
use proptest::prelude::*;
use proptest::sample::Index;

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn every_act_arrives_as_it_was_said(act in acts::act(), exercise: bool, seed: u32) {
        let draft = StatementDraft { exercise, ..draft(act, &[XBB, XCC]) };
        let signed = draft.sign(&ring(XAA), &mut Seeded(seed.into())).unwrap();
        let outgoing = sent(&signed, XAA, XBB);
        let opened = opened(&outgoing.bytes, XBB).unwrap();

        prop_assert_eq!(opened.envelope, outgoing.envelope);
        prop_assert_eq!(opened.export.as_bytes(), outgoing.export.as_bytes());
        prop_assert_eq!((&opened.bytes, &opened.disclosures), (&signed.bytes, &signed.disclosures));
        prop_assert_eq!(&opened.statement.issuer, &named(XAA));
        prop_assert_eq!(opened.statement.digest, signed.digest);
        let said = opened.statement.said;
        prop_assert_eq!(&said.act, &draft.act);
        prop_assert_eq!((&said.case, &said.audience, said.issued_at), (&draft.case, &draft.audience, NOW));
        prop_assert_eq!((said.message_id, &said.parents), (draft.message_id, &draft.parents));
        prop_assert_eq!((said.directory, said.heads), (draft.directory, draft.heads));
        prop_assert_eq!(said.exercise, exercise);
    }

    #[test]
    fn an_archived_act_is_sealed_as_it_was_the_first_time(act in acts::act(), seed: u32) {
        let signed = draft(act, &[XBB]).sign(&ring(XAA), &mut Seeded(seed.into())).unwrap();
        let first = Packed::of_signed(&signed).unwrap();
        prop_assert_eq!(&Packed::of(&signed.content(), &signed.seed).unwrap(), &first);
        let unpacked = first.unpack().unwrap();
        let (detached, _) = crate::cose::detach(&signed.bytes, &Limits::ENVELOPE).unwrap();
        prop_assert_eq!((unpacked.statement, unpacked.cut.disclosures), (detached, signed.disclosures));
    }

    #[test]
    fn elements_join_to_the_act_that_was_split(act in acts::act(), seed: u32) {
        let elements = split(&act, &mut Seeded(seed.into())).unwrap();
        prop_assert_eq!(join(act.kind(), &elements).unwrap(), act);
    }

    #[test]
    fn a_dropped_doubled_or_moved_element_is_refused(act in acts::act(), from: Index, to: Index) {
        let elements = split(&act, &mut Seeded(1)).unwrap();
        let (from, to) = (from.index(elements.len()), to.index(elements.len()));
        let mut dropped = elements.clone();
        let taken = dropped.remove(from);
        let mut doubled = elements.clone();
        doubled.insert(to, taken.clone());
        let mut moved = dropped.clone();
        moved.insert(to, taken);

        let signed = signed(act.clone());
        let verify = |list: &[Disclosure]| {
            Statement::verify(&signed.bytes, list, &known_to(XBB), NOW).map_err(|error| error.code())
        };
        prop_assert!(verify(&signed.disclosures).is_ok());
        for wrong in [&dropped, &doubled] {
            prop_assert_eq!(verify(wrong).unwrap_err(), "disclosure-mismatch");
        }
        prop_assert!(join(act.kind(), &doubled).is_err());
        // A member that an act may lack is missed by the signed digests only.
        prop_assert!(join(act.kind(), &dropped).map_or(true, |joined| joined != act));
        if from != to {
            prop_assert!(join(act.kind(), &moved).is_err());
        }
    }
}

#[test]
fn the_elements_of_a_response_are_cut_at_items_and_elements() {
    let elements = split(&response(), &mut Seeded(1)).unwrap();
    let paths: Vec<_> = elements.iter().map(Disclosure::path).collect();
    assert_eq!(
        paths,
        ["items/0/item", "items/0/outcome", "items/0/elements/0", "items/0/elements/1", "request"]
    );
    let labelled: Vec<_> = elements.iter().filter(|d| d.label().is_some()).map(Disclosure::path).collect();
    assert_eq!(labelled, ["items/0/elements/0"]);
}

#[test]
fn an_empty_list_is_an_element() {
    let empty = Act::Response(Response { request: Digest([1; 32]), items: Vec::new(), note: None });
    let elements = split(&empty, &mut Seeded(1)).unwrap();
    assert_eq!(elements.iter().map(Disclosure::path).collect::<Vec<_>>(), ["items", "request"]);
    assert_eq!(join(ActKind::Response, &elements).unwrap(), empty);
}

#[test]
fn equal_elements_have_unequal_digests() {
    let elements = split(&response(), &mut Seeded(1)).unwrap();
    let again = split(&response(), &mut Seeded(100)).unwrap();
    assert!(elements.iter().zip(&again).all(|(a, b)| a.value() == b.value() && a.digest() != b.digest()));
}

#[test]
fn debug_shows_no_serial_number() {
    let signed = signed(request());
    let opened = opened(&sent(&signed, XAA, XBB).bytes, XBB).unwrap();
    let shown = format!("{signed:?} {opened:?}");
    let serial_as_numbers = format!("{:?}", "007432".as_bytes());
    assert!(!shown.contains("007432") && !shown.contains(serial_as_numbers.trim_matches(['[', ']'])));
}

#[test]
fn a_receipt_is_read_by_the_sender_of_its_envelope_only() {
    let outgoing = sent(&signed(acknowledgement()), XAA, XBB);
    let opened = opened(&outgoing.bytes, XBB).unwrap();
    let sealed = seal_receipt(opened.envelope, &opened.export, b"a receipt", &mut Seeded(2)).unwrap();
    assert_eq!(open_receipt(&sealed, &outgoing.export).unwrap(), b"a receipt");

    let code = |sealed: &SealedReceipt, export| open_receipt(sealed, export).unwrap_err().code();
    let other = SealedReceipt { envelope: MessageId([9; 16]), ..sealed.clone() };
    assert_eq!(code(&other, &outgoing.export), "cannot-open", "for another envelope");
    assert_eq!(code(&sealed, &ExportSecret::from_bytes([9; 32])), "cannot-open", "of another envelope");
}

#[test]
fn receipts_and_rejections_are_of_one_pair() {
    let (envelope, at_xaa) = (MessageId([7; 16]), known_to(XAA));
    let receipts = vec![SealedReceipt { envelope, sealed: vec![1] }];
    let frame = Receipts::sign(&named(XAA), receipts.clone(), &ring(XBB)).unwrap();
    assert_eq!(Receipts::verify(&frame, &named(XBB), &at_xaa, NOW).unwrap(), receipts);

    let reject = |to: &str, by: &str| Reject::sign(&named(to), envelope, ("code", "words", true), &ring(by));
    let frame_of_reject = reject(XAA, XBB).unwrap();
    let read = Reject::verify(&frame_of_reject, &named(XBB), &at_xaa, NOW).unwrap();
    assert_eq!((read.envelope, read.code.as_str(), read.words.as_str()), (envelope, "code", "words"));
    assert!(read.retryable);

    let refused = |bytes: &[u8]| Reject::verify(bytes, &named(XBB), &at_xaa, NOW).unwrap_err().code();
    assert_eq!(refused(&reject(XAA, XCC).unwrap()), "wrong-sender", "from another party");
    assert_eq!(refused(&reject(XCC, XBB).unwrap()), "not-addressed", "for another party");
    assert_eq!(refused(&frame), "malformed-envelope", "signed for another use");
    assert_eq!(refused(&forge::flip_last(&frame_of_reject)), "bad-signature");
    let receipts_refused =
        |peer: &str, bytes: &[u8]| Receipts::verify(bytes, &named(peer), &at_xaa, NOW).unwrap_err().code();
    assert_eq!(receipts_refused(XCC, &frame), "wrong-sender");
    assert_eq!(receipts_refused(XBB, &frame_of_reject), "malformed-envelope");
    let elsewhere = Receipts::sign(&named(XCC), receipts, &ring(XBB)).unwrap();
    assert_eq!(receipts_refused(XBB, &elsewhere), "not-addressed");
}
