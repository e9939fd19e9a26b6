//! Every interleaving of a small release protocol: two officers, one originator, one consent for one
//! release, a clock that jumps, and a disk that forgets what was not committed.
//!
//! What holds here holds for all orders of these steps, not only for those that somebody thought of
//! (DESIGN §12: invariants 1, 9, 10 and 11).

use super::consent::{ask_to, granting, pair, police, question};
use super::*;
use crate::model::{ActKind, Purpose, Restriction};
use crate::rules::label::covers;
use std::collections::BTreeSet;

/// One step of somebody; each is tried in every state, and most are refused in most.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Step {
    /// The officer asks to release, under the first or the second name.
    Ask(u8),
    /// The same officer, or another, agrees.
    Approve(u8, &'static str),
    /// An officer bars the release.
    Bar(u8),
    /// The asking officer, or another, uses the permit.
    Use(u8, &'static str),
    /// The originator's grant arrives, for one release.
    Grant,
    /// The originator's withdrawal arrives.
    Withdraw,
    /// A third State's grant arrives.
    Forge,
    /// The clock goes on beyond the end of consent and permits, or back.
    Clock(bool),
}

const STEPS: [Step; 13] = [
    Step::Ask(1),
    Step::Ask(2),
    Step::Approve(1, "awa"),
    Step::Approve(1, "kofi"),
    Step::Approve(2, "kofi"),
    Step::Bar(1),
    Step::Use(1, "awa"),
    Step::Use(1, "kofi"),
    Step::Use(2, "awa"),
    Step::Grant,
    Step::Withdraw,
    Step::Forge,
    Step::Clock(true),
];

/// What the explored State knows, and by how many of what steps it came there.
#[derive(Clone)]
struct World {
    side: Side,
    late: bool,
}

struct Script {
    grant: ActFacts,
    forged: ActFacts,
    withdrawal: ActFacts,
    question: Digest,
}

/// XAA has asked for consent; what XBB may answer is written, and has not arrived.
fn stage() -> (World, Script) {
    let (mut asker, mut asked, response) = pair();
    let asking = asker.act(question(response, "police-cid"), day(1)).unwrap();
    carry(&mut asker, &mut asked, &asking, day(1));
    let question = asking.header.digest;
    let grant = asked.act(granting(question, "police-cid", true), day(2)).unwrap();
    let back = Command::WithdrawConsent { grant: grant.header.digest, reason: words("a source is at risk") };
    let withdrawal = asked.act(back, day(2)).unwrap();
    let Command::GrantConsent(said) = granting(question, "police-cid", false) else { unreachable!() };
    let forged = facts("XCC", 66, &[], &Act::ConsentGrant(said));
    (World { side: asker, late: false }, Script { grant, forged, withdrawal, question })
}

impl World {
    fn now(&self) -> Timestamp {
        if self.late { day(20) } else { day(3) }
    }

    /// Takes a step; a refused one changes nothing.
    fn step(&mut self, step: Step, script: &Script) {
        let id = |seed: u8| PermitId::of(&MessageId([seed; 16]));
        let now = self.now();
        let command = match step {
            Step::Ask(seed) => ask_to(seed, police(), Terms { approvals: 2, ..Terms::default() }),
            Step::Approve(seed, officer) => {
                let Some(permit) = self.side.case.permit(&id(seed)) else { return };
                let digest = permit.digest();
                let officer = officer.to_owned();
                Command::ApproveRelease(Approval { id: id(seed), officer, digest, at: now, signature: None })
            }
            Step::Bar(seed) => {
                Command::BarRelease { id: id(seed), officer: "kofi".into(), reason: words("no need") }
            }
            Step::Use(seed, officer) => {
                Command::UsePermit { id: id(seed), officer: officer.to_owned(), vouched: all() }
            }
            Step::Grant => return drop(self.side.take(&script.grant, now)),
            Step::Withdraw => return drop(self.side.take(&script.withdrawal, now)),
            Step::Forge => return drop(self.side.take(&script.forged, now)),
            Step::Clock(_) => {
                self.late = !self.late;
                return;
            }
        };
        let before = self.side.journal.len();
        let outcome = self.side.decide(command, now);
        assert!(outcome.is_ok() || self.side.journal.len() == before, "a refusal changes nothing");
        if let (Step::Use(..), Ok(_)) = (step, outcome) {
            self.released(script);
        }
    }

    /// Checks the release that was just made against the journal alone, as an auditor would.
    #[expect(clippy::wildcard_enum_match_arm, reason = "all other cases are alike here")]
    fn released(&self, script: &Script) {
        let journal = &self.side.journal;
        let Some(Event::PermitUsed(used)) = journal.last() else { panic!("a use is journaled last") };
        let earlier = &journal[..journal.len() - 1];
        let granted = earlier.iter().find_map(|event| match event {
            Event::PermitGranted(permit) if permit.id == used.id => Some(permit),
            _ => None,
        });
        let permit = granted.expect("invariant 1: an earlier entry holds the permit");
        assert_eq!(permit.officer, used.officer, "invariant 1");
        assert!(used.at < permit.expires && used.at >= permit.granted_at, "invariant 1");
        let uses = journal.iter().filter(|e| matches!(e, Event::PermitUsed(u) if u.id == used.id)).count();
        assert_eq!(uses, 1, "a permit is used once");
        let barred = earlier.iter().any(|e| matches!(e, Event::PermitBarred(bar) if bar.id == used.id));
        assert!(!barred, "a barred permit opens nothing");
        let second = earlier.iter().any(|event| {
            matches!(event, Event::PermitApproved(word)
                if word.id == used.id && word.officer != permit.officer && word.digest == permit.digest())
        });
        assert!(second, "invariant 11: another officer agreed to just this");
        assert_eq!(permit.consents, [script.grant.header.digest].into(), "invariant 10: the originator's");
        let has = |facts: &ActFacts| {
            earlier.iter().any(|event| {
                matches!(event, Event::ActRecorded(r) if r.facts.header.digest == facts.header.digest)
            })
        };
        assert!(has(&script.grant) && !has(&script.withdrawal), "invariant 10: unrevoked");
        let Body::ConsentGrant { scope, expires, single_use, .. } = &script.grant.body else { panic!() };
        assert!(used.at < *expires, "invariant 10: not over");
        let paths: BTreeSet<String> = scope.elements.iter().map(ToString::to_string).collect();
        assert!(permit.elements.iter().all(|e| paths.contains(&e.path)), "invariant 10: within its scope");
        assert!(scope.purposes.contains(&Purpose::Tracing) && scope.lifts.contains(&Restriction::F));
        let served = journal.iter().filter(|e| matches!(e, Event::PermitUsed(_))).count();
        assert!(!single_use || served == 1, "invariant 10: one release for one consent");
    }

    /// What decides about all that can follow.
    fn key(&self) -> String {
        format!("{:?} {:?}", self.late, self.side.case)
    }
}

#[test]
fn every_interleaving_of_a_release_keeps_invariants_1_10_and_11() {
    let (start, script) = stage();
    let mut seen = BTreeSet::from([Digest::of(&[start.key().as_bytes()])]);
    let mut edge = vec![start];
    let (mut uses, mut states) = (0, 1);
    // Names and texts are few, so that the world is finite: it is walked to its end.
    while !edge.is_empty() {
        let mut next = Vec::new();
        for world in &edge {
            for step in STEPS {
                let mut after = world.clone();
                after.step(step, &script);
                // The disk keeps the journal and nothing else: what it amounts to is the same.
                if seen.insert(Digest::of(&[after.key().as_bytes()])) {
                    let mut again = Case::default();
                    after.side.journal.iter().for_each(|event| again.apply(event));
                    assert_eq!(again, after.side.case, "after {step:?}");
                    uses += usize::from(matches!(after.side.journal.last(), Some(Event::PermitUsed(_))));
                    next.push(after);
                }
            }
        }
        states += next.len();
        edge = next;
    }
    assert!(states > 500 && uses > 0, "the protocol was explored: {states} states, {uses} releases");
    assert_eq!(script.question, script.grant.names()[0]);
}

#[test]
fn kill_9_between_permit_and_release_at_every_point() {
    // A run that ends in a release, with the events that each step commits.
    let (mut world, script) = stage();
    for step in [Step::Grant, Step::Ask(1), Step::Approve(1, "kofi"), Step::Use(1, "awa")] {
        world.step(step, &script);
    }
    let journal = world.side.journal.clone();
    assert!(matches!(journal.last(), Some(Event::PermitUsed(_))));
    for kept in 1..=journal.len() {
        let mut case = Case::default();
        journal[..kept].iter().for_each(|event| case.apply(event));
        let mut after = World { side: Side { case, ..world.side.clone() }, late: false };
        after.side.journal = journal[..kept].to_vec();
        let spent = kept == journal.len();
        let again = after.side.decide(
            Command::UsePermit {
                id: PermitId::of(&MessageId([1; 16])),
                officer: "awa".into(),
                vouched: all(),
            },
            day(3),
        );
        // Either the use is on record, and nothing opens again, or it is not, and nothing was shown.
        match again {
            Ok(_) => assert!(!spent && kept == journal.len() - 1, "after {kept} events"),
            Err(refused) => assert_eq!(spent, matches!(refused, Refused::PermitUsed { .. }), "{refused}"),
        }
    }
}

#[test]
fn whatever_is_derived_restricts_what_its_sources_do() {
    let (asker, _, response) = pair();
    let record = asker.case.act(&response).unwrap();
    assert_eq!(record.facts.kind(), ActKind::Response);
    let labels: Vec<Label> =
        record.facts.elements().iter().map(|e| e.label.clone().unwrap_or_default()).collect();
    let derived = crate::rules::label::join_all(&labels);
    assert!(labels.iter().all(|label| covers(&derived, label)), "invariant 9");
    assert!(!covers(&Label::default(), &derived));
}
