use super::course::{delay, outcome as told, withdraw};
use super::returns::{give_back, incomplete, judge, pleading, received, resubmit};
use super::*;
use crate::model::{
    Clarification, ClarificationRequest, Delay, Purpose, Resubmission, ReturnIncomplete, Ternary, Withdrawal,
};
use crate::rules::release::{Authority, AuthorityKind};
use crate::rules::returns;
use proptest::prelude::*;
use proptest::sample::{Index, select, subsequence};

const OUTCOMES: [Outcome; 4] = [Outcome::Full, Outcome::Partial, Outcome::NoneFound, Outcome::NotOurs];

fn digest(n: u8) -> Digest {
    Digest::of(&[&[n]])
}

/// Any act of any issuer, building on any acts, known or not, earlier or later, even on itself; the first
/// asks, and often the second returns it and the third asks again.
fn any_facts(n: u8) -> impl Strategy<Value = ActFacts> {
    let issuer = select(vec!["XAA", "XBB", "XBB", "XAA", "XCC"]);
    // Most acts name a request that counts, so that many of them count too.
    let request = prop_oneof![4 => Just(0u8), 2 => Just(2u8), 1 => 0u8..12];
    let outcome = (0u32..3, select(OUTCOMES.to_vec()));
    let act = (0u8..14, request, 0u8..12, outcome, 0i64..2).prop_map(
        |(kind, request, other, (item, outcome), shift)| {
            any_act(kind, request, other, (item, outcome), shift)
        },
    );
    let parents = prop::collection::vec(prop_oneof![6 => 0u8..3, 1 => 0u8..14], 0..2);
    (issuer, act, parents, any::<bool>()).prop_map(move |(issuer, act, parents, usual)| {
        let parents: Vec<Digest> = parents.into_iter().map(digest).collect();
        let (issuer, act, parents) = match (n, usual) {
            (0, _) => ("XAA", Act::Request(Box::new(incomplete())), Vec::new()),
            (1, true) => ("XBB", any_act(5, 0, 0, (0, Outcome::Full), 0), vec![digest(0)]),
            (2, true) => ("XAA", any_act(7, 0, 1, (0, Outcome::Full), 0), vec![digest(1)]),
            _ => (issuer, act, parents),
        };
        let mut made = facts(issuer, n, &parents, &act);
        made.header.digest = digest(n);
        made
    })
}

fn any_act(kind: u8, request: u8, other: u8, (item, outcome): (u32, Outcome), shift: i64) -> Act {
    let (request, other) = (digest(request), digest(other));
    match kind {
        0 => Act::Request(Box::new(request_of(2))),
        1 => ack_of(request, start().saturating_add(shift)),
        2 | 3 => Act::Response(response(request, &[(item, outcome)])),
        4 => Act::Refusal(refusal(request)),
        5 | 6 => {
            let missing = returns::wanted(&incomplete());
            Act::ReturnIncomplete(ReturnIncomplete { request, missing, judgement: None })
        }
        7 | 8 => {
            let again = Box::new(if shift == 0 { incomplete() } else { request_of(3) });
            Act::Resubmission(Resubmission { previous: request, returned_by: other, request: again })
        }
        9 => Act::Delay(Delay { request, grounds: Vec::new(), expected: None }),
        10 => Act::ClarificationRequest(ClarificationRequest { about: other, question: words("why?") }),
        11 => Act::Clarification(Clarification { request_for: other, answer: words("so") }),
        12 => Act::Withdrawal(Withdrawal { request, reason: words("no need") }),
        _ => Act::OutcomeNotice(told(request, item, Ternary::Yes)),
    }
}

fn any_receipt() -> impl Strategy<Value = Receipt> {
    (0u8..8, 0i64..100, select(vec!["XAA", "XBB", "XCC"])).prop_map(|(n, days, by)| Receipt {
        digest: digest(n),
        received_at: start().saturating_add(days * DAY),
        by: party(by),
    })
}

fn any_local() -> impl Strategy<Value = Event> {
    let to = Authority { name: "police-cid".into(), kind: AuthorityKind::Competent, designated: true };
    (0u8..4, 0u8..3, 0i64..9).prop_map(move |(kind, id, hours)| {
        let (id, at) = (PermitId::of(&MessageId([id; 16])), start().saturating_add(hours * HOUR));
        let (to, officer, purpose) = (to.clone(), "awa".to_owned(), Purpose::Tracing);
        match kind {
            0 => Event::PermitUsed(PermitUse { id, at, officer }),
            1 => Event::ReleaseDenied(Denial { at, id, to, purpose, officer, elements: Vec::new() }),
            2 => Event::Filed(Filing { acts: 3 + hours.unsigned_abs() % 6, at, officer, reason: None }),
            _ => {
                let (request, reasonable) = (digest(0), hours % 2 == 0);
                Event::ChanceJudged(ChanceJudgement { at, request, officer, reasonable, reason: words("so") })
            }
        }
    })
}

/// A set of evidence as a journal of `me`, in an arbitrary order.
fn any_journal() -> impl Strategy<Value = Vec<Event>> {
    let acts: Vec<_> = (0..8u8).map(|n| (any_facts(n), any::<bool>(), 0i64..100)).collect();
    let receipts = prop::collection::vec(any_receipt(), 0..12);
    let conflicts = prop::collection::vec(any_receipt(), 0..2);
    let local = prop::collection::vec(any_local(), 0..5);
    (subsequence((0..8usize).collect::<Vec<_>>(), 3..=8), acts, receipts, conflicts, local).prop_map(
        |(kept, acts, receipts, conflicts, local)| {
            let opening = Opening {
                case: case_id(),
                me: party("XAA"),
                peer: party("XBB"),
                role: Role::Requester,
                behalf: None,
            };
            let record = |n: usize| {
                let (facts, received, days) = acts[n].clone();
                let direction = if received { Direction::Received } else { Direction::Sent };
                Event::ActRecorded(ActRecord {
                    facts,
                    direction,
                    at: start().saturating_add(days * DAY),
                    beyond: None,
                })
            };
            std::iter::once(Event::Opened(opening))
                .chain(kept.into_iter().map(record))
                .chain(receipts.into_iter().map(Event::ReceiptRecorded))
                .chain(conflicts.into_iter().map(Event::ReceiptConflict))
                .chain(local)
                .collect()
        },
    )
}

fn folded(events: &[Event]) -> Case {
    let mut case = Case::default();
    events.iter().for_each(|event| case.apply(event));
    case
}

/// One step of a story: what a side tries, how long each thing takes on its way, and how often it comes.
#[derive(Clone, Debug)]
struct Step {
    by_asker: bool,
    kind: u8,
    item: u32,
    outcome: Outcome,
    after: i64,
    transit: i64,
    copies: usize,
}

fn any_step() -> impl Strategy<Value = Step> {
    let who = prop_oneof![2 => Just(false), 1 => Just(true)];
    (who, 0u8..8, 0u32..3, select(OUTCOMES.to_vec()), 0..10 * DAY, 0..20 * DAY, 1usize..3).prop_map(
        |(by_asker, kind, item, outcome, after, transit, copies)| Step {
            by_asker,
            kind,
            item,
            outcome,
            after,
            transit,
            copies,
        },
    )
}

/// What a side tries in a step, on the request as it knows it.
fn tried(side: &Side, step: &Step) -> Option<Command> {
    let view = side.view(start());
    let request = view.versions.last()?.digest;
    let theirs = |q: &&QuestionView| q.issuer == view.peer;
    let command = match (step.by_asker, step.kind) {
        (_, 0) => {
            let act = view.acts.iter().rfind(|act| act.issuer == view.peer)?;
            Command::AskClarification { about: act.digest, question: words("why?") }
        }
        (_, 1) => {
            let question = view.questions.iter().find(theirs)?.digest;
            Command::Clarify { question, answer: words("so") }
        }
        (_, 2) => Command::TellOutcome(told(request, step.item, Ternary::Yes)),
        (true, 3) => withdraw(),
        (true, _) => resubmit(story_request()),
        (false, 3) => acknowledge(),
        (false, 4) => delay(request, None),
        (false, 5) => give_back(&story_request()),
        (false, 6) => Command::Respond(response(request, &[(step.item, step.outcome)])),
        (false, _) => Command::Refuse(refusal(request)),
    };
    Some(command)
}

fn story_request() -> Request {
    Request { items: vec![weapon(); 3], ..pleading() }
}

/// Plays a story; acts travel in the order that their delays give, several copies each, and all arrive;
/// the receipts come back last of all, in any order.
fn play(steps: &[Step], swaps: &[Index]) -> (Side, Side) {
    let (asker, asked) = received(story_request());
    let mut sides = [asker, asked];
    let mut now = start();
    let mut travelling: Vec<(Timestamp, usize, ActFacts)> = Vec::new();
    let mut receipts = Vec::new();
    for step in steps {
        now = now.saturating_add(step.after);
        travelling = arrive(travelling, now, &mut sides, &mut receipts);
        let (me, other) = if step.by_asker { (0, 1) } else { (1, 0) };
        let Some(command) = tried(&sides[me], step) else { continue };
        if matches!(command, Command::Return { .. }) {
            // Where the judgement is refused, the return is too.
            let _ = sides[me].decide(judge(false), now);
        }
        if let Ok(facts) = sides[me].act(command, now) {
            let arrival = now.saturating_add(step.transit);
            let copies = (0..step.copies).map(|n| arrival.saturating_add(n as i64 * DAY));
            travelling.extend(copies.map(|at| (at, other, facts.clone())));
        }
    }
    arrive(travelling, now.saturating_add(100 * DAY), &mut sides, &mut receipts);
    for (n, swap) in swaps.iter().enumerate().take(receipts.len()) {
        let other = swap.index(receipts.len());
        receipts.swap(n, other);
    }
    let [mut asker, mut asked] = sides;
    for (reader, receipt) in receipts {
        if reader == 0 { asked.confirm(receipt) } else { asker.confirm(receipt) }
    }
    (asker, asked)
}

/// The reminders that both sides can derive.
fn dues(side: &Side, now: Timestamp) -> Vec<Reminder> {
    let all = reminders(&side.case, now, Warning::default());
    all.into_iter().filter(|r| r.code != ReminderCode::ChanceNotJudged).collect()
}

/// Delivers what has arrived by `now`; returns what still travels.
fn arrive(
    travelling: Vec<(Timestamp, usize, ActFacts)>,
    now: Timestamp,
    sides: &mut [Side; 2],
    receipts: &mut Vec<(usize, Receipt)>,
) -> Vec<(Timestamp, usize, ActFacts)> {
    let (mut here, on_the_way): (Vec<_>, Vec<_>) = travelling.into_iter().partition(|(at, ..)| *at <= now);
    here.sort_by_key(|(at, ..)| *at);
    receipts.extend(here.into_iter().map(|(at, reader, facts)| (reader, sides[reader].take(&facts, at))));
    on_the_way
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn the_fold_does_not_depend_on_order_or_duplication(
        (journal, shuffled) in any_journal().prop_flat_map(|journal| {
            let twice = [journal.clone(), journal.clone()].concat();
            (Just(journal), Just(twice).prop_shuffle())
        }),
        after in 0..90 * DAY,
    ) {
        let (a, b) = (folded(&journal), folded(&shuffled));
        prop_assert_eq!(&a, &b);
        let now = start().saturating_add(after);
        prop_assert_eq!(view(&a, now, Warning::default()), view(&b, now, Warning::default()));
        prop_assert_eq!(auto_ack_due(&a, 5), auto_ack_due(&b, 5));
        prop_assert_eq!(reminders(&a, now, Warning::default()), reminders(&b, now, Warning::default()));
    }

    #[test]
    fn every_act_is_shown_or_flagged_as_an_outsiders(journal in any_journal()) {
        let case = folded(&journal);
        let shown = view(&case, start(), Warning::default()).expect("it was opened");
        let strangers = shown.flags.iter().filter(|flag| flag.code == FlagCode::Stranger).count();
        prop_assert_eq!(shown.acts.len() + strangers, case.acts.len());
    }

    #[test]
    fn both_sides_see_one_case(
        steps in prop::collection::vec(any_step(), 0..14),
        swaps in prop::collection::vec(any::<Index>(), 0..20),
        later in 0..200 * DAY,
    ) {
        let (asker, asked) = play(&steps, &swaps);
        let now = start().saturating_add(later);
        prop_assert_eq!(shared(&asker.view(now)), shared(&asked.view(now)));
        prop_assert_eq!(dues(&asker, now), dues(&asked, now));
        let expected = [FlagCode::AnsweredAgain, FlagCode::Delayed, FlagCode::IncompleteRequest];
        prop_assert!(asker.flags().iter().all(|code| expected.contains(code)), "{:?}", asker.flags());
    }

    #[test]
    fn received_at_is_set_once(receipts in prop::collection::vec(any_receipt(), 1..20)) {
        let mut asker = Side::new("XAA");
        let request = asker.act(submit_to("XBB", request_of(1)), start()).unwrap();
        let mut first = None;
        for receipt in receipts {
            let receipt = Receipt { digest: request.header.digest, ..receipt };
            first = first.or((receipt.by == party("XBB")).then_some(receipt.received_at));
            asker.confirm(receipt);
            prop_assert_eq!(asker.view(start()).clocks.received_at, first);
        }
    }

    #[test]
    fn a_permit_is_spent_at_most_once(hours in prop::collection::vec(0i64..40, 0..6)) {
        let (mut asker, mut asked) = asked(1);
        let answer = response(asked.request(), &[(0, Outcome::Full)]);
        let answer = asked.act(Command::Respond(answer), start()).unwrap();
        asker.take(&answer, start());
        let id = MessageId([7; 16]);
        let to = Authority { name: "customs".into(), kind: AuthorityKind::Competent, designated: false };
        let officer = || "awa".to_owned();
        let release = Command::RequestRelease {
            id, to, purpose: Purpose::Tracing, officer: officer(), elements: None, terms: Terms::default(),
        };
        asker.decide(release, start()).unwrap();
        let tries = hours.iter().map(|h| start().saturating_add(h * HOUR));
        let spent: Vec<_> = tries
            .filter(|now| {
                asker.decide(Command::UsePermit { id: PermitId::of(&id), officer: officer(), vouched: BTreeSet::new() }, *now).is_ok()
            })
            .collect();
        let first_valid = hours.iter().find(|h| **h < 24).map(|h| start().saturating_add(h * HOUR));
        prop_assert_eq!(spent, first_valid.into_iter().collect::<Vec<_>>());
    }
}
