use super::*;
use crate::model::Purpose;
use crate::rules::release::{Authority, AuthorityKind};
use proptest::prelude::*;
use proptest::sample::{Index, select, subsequence};

const OUTCOMES: [Outcome; 4] = [Outcome::Full, Outcome::Partial, Outcome::NoneFound, Outcome::NotOurs];

fn digest(n: u8) -> Digest {
    Digest::of(&[&[n]])
}

/// Any act of any issuer, building on any acts, known or not, earlier or later, even on itself.
fn any_facts(n: u8) -> impl Strategy<Value = ActFacts> {
    let issuer = select(vec!["XAA", "XBB", "XBB", "XAA", "XCC"]);
    // Most acts name the first one, so that many of them count.
    let request = prop_oneof![4 => Just(0u8), 1 => 0u8..12];
    let outcome = (0u32..3, select(OUTCOMES.to_vec()));
    let body = (0u8..4, request, outcome, 0i64..2).prop_map(|(kind, request, outcome, shift)| {
        let request = digest(request);
        match kind {
            0 => Act::Request(Box::new(request_of(2))),
            1 => ack_of(request, start().saturating_add(shift)),
            2 => Act::Response(response(request, &[outcome])),
            _ => Act::Refusal(refusal(request)),
        }
    });
    let parents = prop::collection::vec(prop_oneof![6 => 0u8..3, 1 => 0u8..14], 0..2);
    (issuer, body, parents).prop_map(move |(issuer, act, parents)| {
        let (issuer, act) =
            if n == 0 { ("XAA", Act::Request(Box::new(request_of(2)))) } else { (issuer, act) };
        let parents: Vec<Digest> =
            if n == 0 { Vec::new() } else { parents.into_iter().map(digest).collect() };
        let mut made = facts(issuer, n, &parents, &act);
        made.header.digest = digest(n);
        made
    })
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
    (0u8..2, 0u8..3, 0i64..9).prop_map(move |(kind, id, hours)| {
        let (id, at) = (PermitId::of(&MessageId([id; 16])), start().saturating_add(hours * HOUR));
        let (to, officer, purpose) = (to.clone(), "awa".to_owned(), Purpose::Tracing);
        if kind == 0 {
            Event::PermitUsed(PermitUse { id, at, officer })
        } else {
            Event::ReleaseDenied(Denial { at, id, to, purpose, officer, elements: Vec::new() })
        }
    })
}

/// A set of evidence as a journal of `me`, in an arbitrary order.
fn any_journal() -> impl Strategy<Value = Vec<Event>> {
    let acts: Vec<_> = (0..8u8).map(|n| (any_facts(n), any::<bool>(), 0i64..100)).collect();
    let receipts = prop::collection::vec(any_receipt(), 0..12);
    let conflicts = prop::collection::vec(any_receipt(), 0..2);
    let local = prop::collection::vec(any_local(), 0..5);
    (subsequence((0..8usize).collect::<Vec<_>>(), 1..=8), acts, receipts, conflicts, local).prop_map(
        |(kept, acts, receipts, conflicts, local)| {
            let opening =
                Opening { case: case_id(), me: party("XAA"), peer: party("XBB"), role: Role::Requester };
            let record = |n: usize| {
                let (facts, received, days) = acts[n].clone();
                let direction = if received { Direction::Received } else { Direction::Sent };
                Event::ActRecorded(ActRecord { facts, direction, at: start().saturating_add(days * DAY) })
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

/// One step of a story: what XBB tries, how long each thing takes on its way, and what gets lost at first.
#[derive(Clone, Debug)]
struct Step {
    kind: u8,
    item: u32,
    outcome: Outcome,
    after: i64,
    transit: i64,
    copies: usize,
}

fn any_step() -> impl Strategy<Value = Step> {
    (0u8..4, 0u32..3, select(OUTCOMES.to_vec()), 0..30 * DAY, 0..20 * DAY, 1usize..3).prop_map(
        |(kind, item, outcome, after, transit, copies)| Step { kind, item, outcome, after, transit, copies },
    )
}

/// Plays a story; acts travel in the order that their delays give, several copies each, and all arrive.
fn play(steps: &[Step], swaps: &[Index]) -> (Side, Side) {
    let (mut asker, mut asked) = asked(3);
    let request = asked.request();
    let mut now = start();
    let mut travelling = Vec::new();
    for step in steps {
        now = now.saturating_add(step.after);
        let command = match step.kind {
            0 => acknowledge(),
            1 | 2 => Command::Respond(response(request, &[(step.item, step.outcome)])),
            _ => Command::Refuse(refusal(request)),
        };
        if let Ok(facts) = asked.act(command, now) {
            let arrival = now.saturating_add(step.transit);
            travelling
                .extend((0..step.copies).map(|n| (arrival.saturating_add(n as i64 * DAY), facts.clone())));
        }
    }
    travelling.sort_by_key(|(arrival, _)| *arrival);
    let mut receipts: Vec<_> =
        travelling.iter().map(|(arrival, facts)| asker.take(facts, *arrival)).collect();
    for (n, swap) in swaps.iter().enumerate().take(receipts.len()) {
        let other = swap.index(receipts.len());
        receipts.swap(n, other);
    }
    receipts.into_iter().for_each(|receipt| asked.confirm(receipt));
    (asker, asked)
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
        steps in prop::collection::vec(any_step(), 0..10),
        swaps in prop::collection::vec(any::<Index>(), 0..20),
        later in 0..200 * DAY,
    ) {
        let (asker, asked) = play(&steps, &swaps);
        let now = start().saturating_add(later);
        prop_assert_eq!(shared(&asker.view(now)), shared(&asked.view(now)));
        prop_assert!(asker.flags().iter().all(|code| *code == FlagCode::AnsweredAgain));
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
            id, to, purpose: Purpose::Tracing, officer: officer(), elements: None,
        };
        asker.decide(release, start()).unwrap();
        let tries = hours.iter().map(|h| start().saturating_add(h * HOUR));
        let spent: Vec<_> = tries
            .filter(|now| {
                asker.decide(Command::UsePermit { id: PermitId::of(&id), officer: officer() }, *now).is_ok()
            })
            .collect();
        let first_valid = hours.iter().find(|h| **h < 24).map(|h| start().saturating_add(h * HOUR));
        prop_assert_eq!(spent, first_valid.into_iter().collect::<Vec<_>>());
    }
}
