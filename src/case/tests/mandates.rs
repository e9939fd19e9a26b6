//! Mandates as they are known, and cases in which an agent acts (ISACS 9.3).

use super::*;
use crate::case::{Behalf, Mandates};
use crate::model::{
    CaseScope, MandateFault, MandateRevocation, MandateTerms, OnBehalf, PeerScope, Power, SignedBytes,
};
use proptest::prelude::*;

fn terms(principal: &str) -> MandateTerms {
    MandateTerms {
        principal: party(principal),
        agent: party("org:ecowas"),
        powers: Power::ALL.into(),
        cases: CaseScope::All,
        peers: PeerScope::All,
        not_before: start(),
        not_after: start().saturating_add(DAY),
    }
}

fn record(issuer: &str, seed: u8, act: &Act, at: i64) -> ActRecord {
    let (direction, at) = (Direction::Received, start().saturating_add(at));
    ActRecord { facts: facts(issuer, seed, &[], act), direction, at, beyond: None }
}

fn given(mandate: u8, principal: &str, accepted: bool) -> Act {
    Act::Mandate(Box::new(crate::model::Mandate {
        mandate: Digest([mandate; 32]),
        terms: terms(principal),
        grant: SignedBytes(Vec::new()),
        acceptance: accepted.then(|| SignedBytes(Vec::new())),
    }))
}

fn ended(mandate: u8) -> Act {
    let reason = "moved".to_owned().into();
    Act::MandateRevocation(MandateRevocation { mandate: Digest([mandate; 32]), reason })
}

/// Everything that is ever said about two mandates, by the principals, the agent and a stranger.
fn said() -> Vec<ActRecord> {
    vec![
        record("XAA", 1, &given(1, "XAA", false), 0),
        record("org:ecowas", 2, &given(1, "XAA", true), 5),
        record("XAA", 3, &given(1, "XAA", true), 9),
        record("XAA", 4, &ended(1), 20),
        record("XAA", 5, &ended(1), 30),
        record("XCC", 6, &given(2, "XCC", false), 1),
        record("org:ecowas", 7, &ended(2), 2),
        record("XBB", 8, &ended(2), 3),
    ]
}

proptest! {
    #[test]
    fn what_is_known_of_mandates_depends_on_no_order(order in Just((0..8_usize).collect::<Vec<_>>()).prop_shuffle()) {
        let (records, mut known, mut twice) = (said(), Mandates::default(), Mandates::default());
        for at in &order {
            known.note_act(&case_id(), &records[*at]);
        }
        for at in order.iter().chain(&order) {
            twice.note_act(&case_id(), &records[*at]);
        }
        prop_assert_eq!(&known, &twice);
        let held = known.get(&Digest([1; 32])).unwrap();
        prop_assert!(held.accepted && records[1..3].iter().any(|r| r.facts.header.digest == held.act));
        // The first word of the principal ends it; nobody else's ends any.
        prop_assert_eq!(known.ended(&party("XAA"), &Digest([1; 32])), Some(start().saturating_add(20)));
        prop_assert_eq!(known.ended(&party("XCC"), &Digest([2; 32])), None);
    }
}

/// Takes in an act of the agent or its peer, as `me` sees it.
fn take(case: &mut Case, me: &str, record: (&str, u8, &Act), agent: bool, audience: &[&str]) -> Vec<Event> {
    let (issuer, seed, act) = record;
    let mut facts = facts(issuer, seed, &[], act);
    facts.header.on_behalf_of = agent.then(|| OnBehalf { principal: party("XAA"), mandate: Digest([1; 32]) });
    let command = Command::PeerAct {
        case: CaseId::mint(&party("org:ecowas"), 2026, 1),
        me: party(me),
        facts,
        audience: audience.iter().map(|name| party(name)).collect(),
        received_at: start().saturating_add(i64::from(seed)),
        beyond: (seed == 9).then_some(MandateFault::Revoked),
    };
    let events = decide(case, command, start()).unwrap().events;
    events.iter().for_each(|event| case.apply(event));
    events
}

#[test]
fn the_principal_observes_and_the_other_side_sees_both() {
    let request = Act::Request(Box::new(request_of(1)));
    let behalf = || Some(Behalf { principal: party("XAA"), agent: party("org:ecowas") });
    let mut observed = Case::default();
    take(&mut observed, "XAA", ("org:ecowas", 1, &request), true, &["XBB", "XAA"]);
    let opening = observed.opening().unwrap();
    assert_eq!((opening.role, &opening.peer), (Role::Observer, &party("XBB")));
    assert_eq!(opening.behalf, behalf());
    assert_eq!((opening.requester(), opening.requested()), (&party("org:ecowas"), &party("XBB")));
    let digest = observed.acts().next().unwrap().facts.header.digest;
    let ack = ack_of(digest, start().saturating_add(1));
    take(&mut observed, "XAA", ("XBB", 2, &ack), false, &["org:ecowas", "XAA"]);
    let view = view(&observed, start(), Warning { ack: 0, respond: 0 }).unwrap();
    assert_eq!(view.state, CaseState::Acknowledged);
    assert_eq!(view.clocks.received_at, Some(start().saturating_add(1)), "the acknowledgement repeats it");
    let own = Command::Withdraw { reason: "found".to_owned().into() };
    assert_eq!(decide(&observed, own, start()).unwrap_err(), Refused::OnlyObserves);

    let mut asked = Case::default();
    take(&mut asked, "XBB", ("org:ecowas", 1, &request), true, &["XBB", "XAA"]);
    let opening = asked.opening().unwrap();
    assert_eq!((opening.role, &opening.peer), (Role::Requested, &party("org:ecowas")));
    assert_eq!(
        (opening.behalf.clone(), opening.audience()),
        (behalf(), vec![party("org:ecowas"), party("XAA")])
    );
}

#[test]
fn what_the_agent_did_beyond_its_mandate_is_kept_and_flagged() {
    let request = Act::Request(Box::new(request_of(1)));
    let mut observed = Case::default();
    take(&mut observed, "XAA", ("org:ecowas", 9, &request), true, &["XBB", "XAA"]);
    let view = view(&observed, start(), Warning { ack: 0, respond: 0 }).unwrap();
    assert!(view.flags.iter().any(|flag| flag.code == FlagCode::BeyondMandate));
}
