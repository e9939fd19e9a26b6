use super::fixture::{NOW, Pki, directory, key, party};
use super::{ActOnBehalf, Directory, MandateDocument, MandateError, covers, thumbprint};
use crate::cose::{Payload, SigningKey, label, sign1};
use crate::model::{
    ActKind, CaseId, CaseScope, DAY, Digest, MandateFault, MandateTerms, OnBehalf, Party, PeerScope, Power,
    SignedBytes, Timestamp,
};
use crate::wire;
use ciborium::Value;
use proptest::prelude::*;
use std::collections::BTreeSet;

const PRINCIPAL: &str = "XAA";
const AGENT: &str = "org:ecowas";
const PEER: &str = "XBB";
const OTHER: &str = "XCC";

fn terms() -> MandateTerms {
    MandateTerms {
        principal: party(PRINCIPAL),
        agent: party(AGENT),
        powers: Power::ALL.into(),
        cases: CaseScope::All,
        peers: PeerScope::All,
        not_before: NOW,
        not_after: NOW.saturating_add(DAY),
    }
}

fn seal(name: &str) -> (SigningKey, Digest) {
    let pki = Pki::new(name);
    (pki.seal_key.clone(), thumbprint(&pki.seal.der))
}

fn known() -> Directory {
    directory(&Pki::new(PEER), &[PRINCIPAL, AGENT, PEER, OTHER].map(|name| Pki::new(name).listing()))
}

fn accepted(terms: &MandateTerms) -> MandateDocument {
    MandateDocument::grant(terms, &seal(PRINCIPAL)).unwrap().accept(&party(AGENT), &seal(AGENT)).unwrap()
}

/// What of an act the relation looks at.
#[derive(Clone, Debug)]
struct Done {
    agent: Party,
    named: OnBehalf,
    kind: ActKind,
    asks: bool,
    case: CaseId,
    exercise: bool,
    audience: Vec<Party>,
    at: Timestamp,
}

impl Done {
    fn act(&self) -> ActOnBehalf<'_> {
        ActOnBehalf {
            agent: &self.agent,
            on_behalf_of: &self.named,
            kind: self.kind,
            asks: self.asks,
            case: &self.case,
            exercise: self.exercise,
            audience: &self.audience,
            at: self.at,
        }
    }
}

/// A request by the agent that `terms()` carry.
fn request(mandate: Digest) -> Done {
    Done {
        agent: party(AGENT),
        named: OnBehalf { principal: party(PRINCIPAL), mandate },
        kind: ActKind::Request,
        asks: true,
        case: CaseId::mint(&party(AGENT), 2027, 1),
        exercise: false,
        audience: vec![party(PEER), party(PRINCIPAL)],
        at: NOW,
    }
}

#[track_caller]
fn assert_refused(document: &MandateDocument, fault: MandateFault) {
    match document.verify(&known(), NOW) {
        Err(MandateError::Fault(found)) => assert_eq!(found, fault),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_mandate_that_both_signed_carries_an_act_within_it() {
    let document = accepted(&terms());
    let mandate = document.verify(&known(), NOW).unwrap();
    assert_eq!((mandate.terms(), mandate.digest()), (&terms(), document.digest().unwrap()));
    assert_eq!(mandate.covers(&request(mandate.digest()).act()), Ok(()));
}

#[test]
fn clause_9_3_beyond_the_mandate_in_every_direction() {
    let narrow = MandateTerms {
        powers: [Power::Initiate].into(),
        cases: CaseScope::Cases([CaseId::mint(&party(AGENT), 2027, 1)].into()),
        peers: PeerScope::Parties([party(PEER)].into()),
        ..terms()
    };
    let mandate = accepted(&narrow).verify(&known(), NOW).unwrap();
    let good = request(mandate.digest());
    assert_eq!(mandate.covers(&good.act()), Ok(()));
    let principal = || party(PRINCIPAL);
    let cases: Vec<(MandateFault, Done)> = vec![
        (MandateFault::AnotherMandate, request(Digest([0; 32]))),
        (
            MandateFault::WrongPrincipal,
            Done { named: OnBehalf { principal: party(OTHER), ..good.named.clone() }, ..good.clone() },
        ),
        (MandateFault::WrongAgent, Done { agent: party(OTHER), ..good.clone() }),
        (MandateFault::Power, Done { kind: ActKind::Withdrawal, ..good.clone() }),
        (MandateFault::Power, Done { kind: ActKind::Response, asks: false, ..good.clone() }),
        (MandateFault::Power, Done { kind: ActKind::Clarification, ..good.clone() }),
        (MandateFault::Case, Done { case: CaseId::mint(&party(AGENT), 2027, 2), ..good.clone() }),
        (MandateFault::Peer, Done { audience: vec![party(OTHER), principal()], ..good.clone() }),
        (MandateFault::NoCopy, Done { audience: vec![party(PEER)], ..good.clone() }),
        (MandateFault::NoCopy, Done { audience: vec![party(PEER), party(OTHER)], ..good.clone() }),
        (
            MandateFault::NoCopy,
            Done { audience: vec![party(PEER), principal(), party(OTHER)], ..good.clone() },
        ),
        (MandateFault::NotYetValid, Done { at: NOW.saturating_add(-1), ..good.clone() }),
        (MandateFault::Expired, Done { at: NOW.saturating_add(DAY), ..good.clone() }),
    ];
    for (fault, done) in cases {
        assert_eq!(mandate.covers(&done.act()), Err(fault), "{done:?}");
    }
}

#[test]
fn an_agent_hands_nothing_on() {
    for kind in [ActKind::Mandate, ActKind::MandateRevocation, ActKind::Notice, ActKind::AssistanceRequest] {
        let done = Done { kind, ..request(Digest([0; 32])) };
        assert_eq!(covers(&terms(), &done.act()), Err(MandateFault::SubDelegation), "{kind:?}");
    }
    // The agent gives a mandate in its principal's name to a third party, with its own key.
    let onward = MandateTerms { agent: party(OTHER), ..terms() };
    let by_agent = MandateDocument::grant(&onward, &seal(AGENT)).unwrap();
    let refused = by_agent.accept(&party(OTHER), &seal(OTHER)).unwrap().verify(&known(), NOW).unwrap_err();
    assert_eq!(refused.code(), "unknown-key");
}

#[test]
fn signed_by_the_wrong_principal() {
    // Another State signs, and says so: the terms name XAA.
    let forged = signed_by(OTHER, "application/vnd.valise.mandate+cbor", &terms());
    assert_refused(&MandateDocument { grant: forged, acceptance: None }, MandateFault::WrongPrincipal);
}

#[test]
fn countersigned_by_another_or_for_another_mandate() {
    let granted = MandateDocument::grant(&terms(), &seal(PRINCIPAL)).unwrap();
    let by_other = granted.accept(&party(OTHER), &seal(OTHER)).unwrap();
    assert_refused(&by_other, MandateFault::WrongAgent);
    let wider = MandateTerms { not_after: NOW.saturating_add(9 * DAY), ..terms() };
    let swapped = MandateDocument { acceptance: accepted(&wider).acceptance, ..granted.clone() };
    assert_refused(&swapped, MandateFault::AnotherMandate);
    let unsigned = granted.verify(&known(), NOW).unwrap();
    let done = request(unsigned.digest());
    assert_eq!(unsigned.covers(&done.act()), Err(MandateFault::NotAccepted));
}

#[test]
fn a_relay_key_used_as_agent_speaks_for_nobody() {
    let granted = MandateDocument::grant(&terms(), &seal(PRINCIPAL)).unwrap();
    // The key that routes for the body, as its relay's would, with its own certificate and with the seal's.
    let (routing, own) = (key(&format!("{AGENT} log")), thumbprint(&Pki::new(AGENT).log.der));
    let refused = |certificate| {
        let accepted = granted.accept(&party(AGENT), &(routing.clone(), certificate)).unwrap();
        accepted.verify(&known(), NOW).unwrap_err().code()
    };
    assert_eq!(refused(own), "unknown-key");
    assert_eq!(refused(seal(AGENT).1), "bad-signature");
}

#[test]
fn a_mandate_ends_with_the_certificates_under_which_it_was_signed() {
    let forever = MandateTerms { not_after: NOW.saturating_add(3650 * DAY), ..terms() };
    let document = accepted(&forever);
    let late = NOW.saturating_add(400 * DAY);
    assert_eq!(document.verify(&known(), late).unwrap_err().code(), "expired");
    let revoking =
        [Pki::new(PRINCIPAL).listing_revoking(&[3]), Pki::new(AGENT).listing(), Pki::new(PEER).listing()];
    let after = directory(&Pki::new(PEER), &revoking);
    assert_eq!(document.verify(&after, NOW).unwrap_err().code(), "revoked");
}

#[test]
fn unknown_scopes_refuse_the_whole_mandate() {
    for (member, unknown) in [
        ("powers", Value::Array(vec!["initiate".into(), "negotiate".into()])),
        ("powers", Value::Array(Vec::new())),
        ("cases", "handguns".into()),
        ("peers", "neighbours".into()),
        ("fee", 1.into()),
    ] {
        let mut value = wire::to_value(&terms()).unwrap();
        let map = value.as_map_mut().unwrap();
        map.retain(|(key, _)| key.as_text() != Some(member));
        map.push((member.into(), unknown));
        let grant = signed_by(PRINCIPAL, "application/vnd.valise.mandate+cbor", &value);
        assert_refused(&MandateDocument { grant, acceptance: None }, MandateFault::NotUnderstood);
    }
}

#[test]
fn what_was_signed_for_another_use_is_no_mandate() {
    let grant = signed_by(PRINCIPAL, "application/vnd.valise.statement+cbor", &terms());
    let refused = MandateDocument { grant, acceptance: None }.verify(&known(), NOW).unwrap_err();
    assert_eq!(refused.code(), "bad-header");
}

/// Signs anything with a party's seal key, as a broken implementation would.
fn signed_by<T: serde::Serialize>(name: &str, media_type: &str, content: &T) -> SignedBytes {
    let (key, certificate) = seal(name);
    let protected = vec![
        (label::CONTENT_TYPE, Value::from(media_type)),
        (label::CWT_CLAIMS, Value::Map(vec![(1.into(), name.into())])),
        (label::X5T, Value::Array(vec![(-16).into(), Value::Bytes(certificate.0.to_vec())])),
    ];
    let payload = wire::encode(content).unwrap();
    SignedBytes(sign1(&key, protected, Vec::new(), Payload::Attached(&payload), &[]).unwrap())
}

fn parties() -> impl Strategy<Value = Party> {
    prop::sample::select(vec![PRINCIPAL, AGENT, PEER, OTHER]).prop_map(party)
}

fn cases() -> impl Strategy<Value = CaseId> {
    (1..4_u32).prop_map(|number| CaseId::mint(&party(AGENT), 2027, number))
}

fn any_terms() -> impl Strategy<Value = MandateTerms> {
    let powers = prop::collection::btree_set(prop::sample::select(Power::ALL.to_vec()), 1..=3);
    let in_cases = prop_oneof![
        Just(CaseScope::All),
        Just(CaseScope::Exercises),
        prop::collection::btree_set(cases(), 1..3).prop_map(CaseScope::Cases),
    ];
    let towards = prop_oneof![
        Just(PeerScope::All),
        prop::collection::btree_set(parties(), 1..3).prop_map(PeerScope::Parties),
    ];
    (powers, in_cases, towards, -5..5_i64, 1..9_i64).prop_map(|(powers, cases, peers, from, length)| {
        let not_before = NOW.saturating_add(from * DAY);
        MandateTerms {
            powers,
            cases,
            peers,
            not_before,
            not_after: not_before.saturating_add(length * DAY),
            ..terms()
        }
    })
}

fn any_done() -> impl Strategy<Value = Done> {
    let audience = prop::collection::vec(parties(), 0..4);
    let kind = prop::sample::select(ActKind::ALL.to_vec());
    let when = -9 * DAY..9 * DAY;
    (parties(), parties(), kind, any::<bool>(), cases(), any::<bool>(), audience, when).prop_map(
        |(agent, principal, kind, asks, case, exercise, audience, at)| Done {
            agent,
            named: OnBehalf { principal, mandate: Digest([0; 32]) },
            kind,
            asks,
            case,
            exercise,
            audience,
            at: NOW.saturating_add(at),
        },
    )
}

/// A relaxation of one condition, by which a mandate can only carry more.
fn widened(terms: &MandateTerms, what: u8) -> MandateTerms {
    let mut wide = terms.clone();
    match what % 5 {
        0 => wide.powers = BTreeSet::from(Power::ALL),
        1 => wide.cases = CaseScope::All,
        2 => wide.peers = PeerScope::All,
        3 => wide.not_before = Timestamp::EPOCH,
        _ => wide.not_after = wide.not_after.saturating_add(99 * DAY),
    }
    wide
}

proptest! {
    #[test]
    fn a_wider_mandate_carries_whatever_a_narrower_one_does(
        terms in any_terms(), done in any_done(), what in any::<u8>(), right in any::<bool>(),
    ) {
        // Half of the acts are by the right parties, or hardly any would be carried.
        let done = if right { fitting(done) } else { done };
        if covers(&terms, &done.act()).is_ok() {
            prop_assert!(covers(&widened(&terms, what), &done.act()).is_ok());
        }
    }

    #[test]
    fn what_is_carried_names_its_parties_and_falls_within_its_time(terms in any_terms(), done in any_done()) {
        let done = fitting(done);
        if covers(&terms, &done.act()).is_ok() {
            prop_assert_eq!(&done.agent, &terms.agent);
            prop_assert_eq!(&done.named.principal, &terms.principal);
            prop_assert!(done.at >= terms.not_before && done.at < terms.not_after);
            prop_assert_eq!(done.audience.get(1), Some(&terms.principal));
            prop_assert_eq!(done.audience.len(), 2);
        }
        for (agent, principal) in [(OTHER, PRINCIPAL), (AGENT, OTHER)] {
            let named = OnBehalf { principal: party(principal), ..done.named.clone() };
            let strange = Done { agent: party(agent), named, ..done.clone() };
            prop_assert!(covers(&terms, &strange.act()).is_err());
        }
    }
}

fn fitting(done: Done) -> Done {
    let named = OnBehalf { principal: party(PRINCIPAL), ..done.named };
    Done { agent: party(AGENT), named, audience: vec![party(PEER), party(PRINCIPAL)], ..done }
}
