//! A whole case with a dossier of it, and each way of spoiling that named by its fault.

pub(crate) mod hostile;
pub(crate) mod story;

use super::*;
use crate::evidence::{TrustAnchor, dossier::verify};
use crate::model::{DAY, Digest};
use crate::trust::fixture::NOW;
use story::{Story, anchor};

/// The code of the first fault, or `valid`.
fn verdict(bytes: &[u8]) -> &'static str {
    let report = verify(bytes, &anchor());
    assert_eq!(report.valid, report.first_fault().is_none());
    report.first_fault().map_or("valid", |fault| fault.code)
}

#[test]
fn either_side_proves_the_same_case() {
    let story = Story::told();
    let by_requester = verify(&story.dossier("XAA"), &anchor());
    let by_requested = verify(&story.dossier("XBB"), &anchor());
    for report in [&by_requester, &by_requested] {
        assert!(report.valid, "{:#?}", report.findings);
        assert_eq!(report.acts.len(), 3);
        let clock = &report.clocks[0];
        assert_eq!((clock.ack, clock.respond), (Some("met"), Some("met")));
    }
    assert_eq!(by_requester.clocks, by_requested.clocks, "both sides get equal due dates from one dossier");
    assert_eq!(by_requester.acts, by_requested.acts);
}

#[test]
fn acts_are_bounded_by_the_other_partys_evidence() {
    let report = verify(&Story::told().dossier("XAA"), &anchor());
    let bound = |at: usize| {
        let act = &report.acts[at];
        report.time_bounds.iter().find(|b| b.of == "act" && b.digest == act.digest).unwrap().clone()
    };
    let request = bound(0);
    assert_eq!((request.not_before, request.not_after), (None, Some(NOW.saturating_add(60))));
    let ack = bound(1);
    assert_eq!(ack.not_before, Some(NOW), "it cites the request");
    assert_eq!(ack.not_after, Some(NOW.saturating_add(DAY + 60)), "by the requester's receipt");
}

#[test]
fn a_redacted_copy_still_verifies() {
    let mut story = Story::told();
    story.redact(|path| path.starts_with("items/0/elements/0"));
    let report = verify(&story.dossier("XAA"), &anchor());
    assert!(report.valid, "{:#?}", report.findings);
    let response = &report.acts[2];
    assert_eq!((response.elements - response.disclosed, report.clocks[0].respond), (1, Some("met")));
    story.redact(|_| true);
    let report = verify(&story.dossier("XAA"), &anchor());
    assert!(report.valid && report.acts.iter().all(|act| act.disclosed == 0));
    assert!(report.findings.iter().any(|finding| finding.code == "not-judged"));
}

#[test]
fn late_acts_are_said_to_be_late_and_are_no_fault() {
    let report = verify(&Story::at([0, 9 * DAY, 70 * DAY]).dossier("XAA"), &anchor());
    assert!(report.valid, "{:#?}", report.findings);
    assert_eq!((report.clocks[0].ack, report.clocks[0].respond), (Some("met_late"), Some("met_late")));
    let codes: Vec<_> = report.findings.iter().map(|finding| finding.code).collect();
    assert!(codes.contains(&"ack-late") && codes.contains(&"response-late"));
}

#[test]
fn the_summary_says_it_to_people() {
    let story = Story::told();
    let sealed = SealedDossier::parse(&story.dossier("XAA")).unwrap();
    let summary = sealed.dossier.summary;
    for part in ["XAA to XBB: request", "attests to have had it at", "in time (ISACS 8.3.1)"] {
        assert!(summary.contains(part), "{part} in {summary}");
    }
}

#[test]
fn another_anchor_vouches_for_nothing() {
    let bytes = Story::told().dossier("XAA");
    let code = |anchor| verify(&bytes, &anchor).first_fault().map(|fault| fault.code);
    assert_eq!(code(TrustAnchor::default()), Some("not-anchored"));
    assert_eq!(code(TrustAnchor { roots: vec![Digest([7; 32])] }), Some("not-anchored"));
}
