use super::fixture::{KIB, RELAY, at, offer, quotas, signer};
use super::*;
use crate::model::{DAY, Digest, Party, Timestamp};
use crate::trust::Directory;
use crate::trust::fixture::{NOW, Pki, directory, key, party};
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};

fn plan() -> Plan {
    Plan::new(signer(RELAY), quotas(), ["XAA", "XBB", "XCC"].map(party).into())
}

/// The directory of a party in which all parties of these tests stand.
fn known_to(me: &str) -> Directory {
    let listings: Vec<_> = ["XAA", "XBB", "XCC", RELAY].map(|name| Pki::new(name).listing()).into();
    directory(&Pki::new(me), &listings)
}

/// Decides, applies, and returns what is to be done.
fn play(plan: &mut Plan, command: Command, now: Timestamp) -> Result<Vec<Effect>, Refusal> {
    let decision = plan.decide(command, now)?;
    decision.events.iter().for_each(|event| plan.apply(event));
    Ok(decision.effects)
}

fn custody(effects: &[Effect]) -> Parcel {
    let given = effects.iter().find_map(|e| if let Effect::Custody(p) = e { Some(p.clone()) } else { None });
    given.expect("custody is given")
}

fn bring(plan: &mut Plan, offer: Offer) -> Parcel {
    custody(&play(plan, Command::Deposit(offer), NOW).unwrap())
}

fn confirm(by: &str, parcels: &[&Parcel]) -> Command {
    let parcels = parcels.iter().map(|p| p.digest).collect();
    Command::Confirm { by: party(by), parcels, proof: b"signed".to_vec() }
}

fn order(plan: &Plan, to: &str) -> Vec<(String, u64)> {
    let next = plan.next_for(&party(to), &BTreeSet::new(), 100);
    next.iter().map(|p| (p.thread.from.to_string(), p.index)).collect()
}

#[test]
fn a_parcel_brought_twice_gets_the_same_custody_and_is_held_once() {
    let mut plan = plan();
    let first = bring(&mut plan, offer(1, "XAA", "XBB", Lane::Acts, KIB));
    let again = bring(&mut plan, offer(1, "XAA", "XBB", Lane::Acts, KIB));
    assert_eq!(first, again);
    assert_eq!(order(&plan, "XBB"), [("XAA".to_owned(), 0)]);
}

#[test]
fn junk_of_one_source_fills_its_own_share_and_no_other() {
    let mut plan = plan();
    let flood =
        (0..1000).map(|n| play(&mut plan, Command::Deposit(offer(n, "XCC", "XBB", Lane::Acts, KIB)), NOW));
    let refused = flood.filter(|outcome| *outcome == Err(Refusal::QuotaFull)).count();
    assert_eq!(refused, 992);
    bring(&mut plan, offer(2000, "XAA", "XBB", Lane::Acts, KIB));
    // The act does not wait behind the flood either: the sources take turns.
    let position = order(&plan, "XBB").iter().position(|(from, _)| from == "XAA");
    assert!(position.is_some_and(|at| at < 2), "{position:?}");
}

#[test]
fn bulk_takes_no_room_from_acts_and_never_goes_first() {
    let mut plan = plan();
    for (number, from) in [(1, "XAA"), (2, "XAA"), (3, "XCC")] {
        bring(&mut plan, offer(number, from, "XBB", Lane::Bulk, 8 * KIB));
    }
    let full = |n, from| Command::Deposit(offer(n, from, "XBB", Lane::Bulk, 8 * KIB));
    assert_eq!(plan.decide(full(4, "XAA"), NOW), Err(Refusal::QuotaFull));
    assert_eq!(plan.decide(full(5, "XCC"), NOW), Err(Refusal::BulkFull));
    bring(&mut plan, offer(6, "XAA", "XBB", Lane::Acts, 8 * KIB));
    let first = plan.next_for(&party("XBB"), &BTreeSet::new(), 1);
    assert_eq!(first[0].thread.lane, Lane::Acts);
}

#[test]
fn a_parcel_is_taken_only_from_its_maker_and_for_a_member() {
    let plan = plan();
    let mut replayed = offer(1, "XAA", "XBB", Lane::Acts, KIB);
    replayed.brought_by = party("XCC");
    assert_eq!(plan.decide(Command::Deposit(replayed), NOW), Err(Refusal::NotTheSender));
    let nobody = offer(2, "XAA", "XDD", Lane::Acts, KIB);
    assert_eq!(plan.decide(Command::Deposit(nobody), NOW), Err(Refusal::NoMailbox));
    let late = offer(3, "XAA", "XBB", Lane::Acts, KIB);
    assert_eq!(plan.decide(Command::Deposit(late), at(11 * DAY)), Err(Refusal::AlreadyExpired));
}

#[test]
fn nobody_empties_the_mailbox_of_another() {
    let mut plan = plan();
    let held = bring(&mut plan, offer(1, "XAA", "XBB", Lane::Acts, KIB));
    let none = plan.decide(confirm("XCC", &[&held]), NOW).unwrap();
    assert_eq!(none, Decision::default());
    let done = play(&mut plan, confirm("XBB", &[&held]), NOW).unwrap();
    assert_eq!(done, [Effect::Forget(held.digest)]);
    assert!(order(&plan, "XBB").is_empty());
    assert_eq!(plan.usage().count(), 0);
}

#[test]
fn what_expires_is_told_to_its_sender_with_a_signature() {
    let mut plan = plan();
    let held = bring(&mut plan, offer(1, "XAA", "XBB", Lane::Acts, KIB));
    let before = plan.decide(Command::Tick, at(10 * DAY - 1)).unwrap();
    assert_eq!(before, Decision::default());
    let after = plan.decide(Command::Tick, at(10 * DAY)).unwrap();
    after.events.iter().for_each(|event| plan.apply(event));
    assert!(after.effects.contains(&Effect::Forget(held.digest)));
    let [(digest, body)] = after.bodies.as_slice() else { panic!("one notice") };
    let waiting = plan.next_for(&party("XAA"), &BTreeSet::new(), 10);
    assert_eq!(waiting.iter().map(|p| p.digest).collect::<Vec<_>>(), [*digest]);
    let notice = Notice::verify(body, &party(RELAY), &known_to("XAA"), at(10 * DAY)).unwrap();
    assert_eq!((notice.parcel, notice.at), (held, at(10 * DAY)));
    // A notice of a notice would never end.
    assert_eq!(plan.decide(Command::Tick, at(100 * DAY)).unwrap().bodies, []);
}

/// A custody receipt and the mailbox state that XBB signs after it had seen these parcels.
fn custody_and_state(parcel: &Parcel, seen: &[&Parcel], state_at: Timestamp) -> (Vec<u8>, Vec<u8>) {
    let mut inbox = Inbox::default();
    seen.iter().for_each(|parcel| drop(inbox.see(parcel)));
    let state = MailboxState { relay: party(RELAY), at: state_at, rows: inbox.rows() };
    (Custody::sign(parcel, &signer(RELAY)), state.sign(&signer("XBB")))
}

fn judge(custody: &[u8], state: &[u8], notice: Option<&[u8]>) -> Result<Dropped, NotProved> {
    let pair = (&party(RELAY), &party("XBB"));
    prove_dropped(pair, custody, state, notice, &known_to("XAA"), at(20 * DAY))
}

#[test]
fn dropping_relay_is_convicted_by_its_custody_and_the_addressees_word() {
    let mut plan = plan();
    let [first, second, third] = [1, 2, 3].map(|n| bring(&mut plan, offer(n, "XAA", "XBB", Lane::Acts, KIB)));
    let (custody, state) = custody_and_state(&second, &[&first, &third], at(11 * DAY));
    let dropped = judge(&custody, &state, None).unwrap();
    assert_eq!((dropped.relay, dropped.received_at), (party(RELAY), NOW));
    // A relay that brings nothing at all is convicted too.
    let (custody, state) = custody_and_state(&second, &[], at(11 * DAY));
    assert!(judge(&custody, &state, None).is_ok());
    let (custody, early) = custody_and_state(&second, &[&first], at(9 * DAY));
    assert!(matches!(judge(&custody, &early, None), Err(NotProved::TooEarly)));
    let (custody, all) = custody_and_state(&second, &[&first, &second], at(11 * DAY));
    assert!(matches!(judge(&custody, &all, None), Err(NotProved::HasCome)));
    let notice = Notice { to: party("XAA"), parcel: second.clone(), at: at(10 * DAY) }.sign(&signer(RELAY));
    let (custody, state) = custody_and_state(&second, &[&first], at(11 * DAY));
    assert!(matches!(judge(&custody, &state, Some(&notice)), Err(NotProved::WasTold)));
}

#[test]
fn forged_custody_is_not_believed() {
    let mut plan = plan();
    let held = bring(&mut plan, offer(1, "XAA", "XBB", Lane::Acts, KIB));
    let (relay, directory) = (party(RELAY), known_to("XAA"));
    let verify = |bytes: &[u8]| Custody::verify(bytes, &relay, &directory, NOW);
    let good = Custody::sign(&held, &signer(RELAY));
    assert_eq!(verify(&good).unwrap().parcel, held);
    // Another party's signature, the relay's name over another's key, an edited parcel, another use.
    assert!(matches!(verify(&Custody::sign(&held, &signer("XCC"))), Err(RelayError::WrongParty)));
    let thief = Signer { key: (key("a thief"), signer(RELAY).key.1), ..signer(RELAY) };
    assert!(matches!(verify(&Custody::sign(&held, &thief)), Err(RelayError::Cose(_))));
    let mut edited = good.clone();
    let last = edited.len() - 70;
    edited[last] ^= 1;
    assert!(verify(&edited).is_err());
    let notice = Notice { to: party("XAA"), parcel: held, at: at(10 * DAY) }.sign(&signer(RELAY));
    assert!(verify(&notice).is_err());
}

#[test]
fn damaged_parcel_is_found_before_anything_is_opened() {
    let mut plan = plan();
    let body = b"sealed bytes".to_vec();
    let mut brought = offer(1, "XAA", "XBB", Lane::Acts, body.len() as u64);
    brought.digest = Digest::of(&[&body]);
    let custody = Custody::sign(&bring(&mut plan, brought), &signer(RELAY));
    let (relay, here, elsewhere) = (party(RELAY), known_to("XBB"), known_to("XCC"));
    let wrapped = Wrapped { custody: custody.clone(), body }.encode();
    assert_eq!(Wrapped::verify(wrapped.clone(), &relay, &here, NOW).unwrap().1, b"sealed bytes");
    assert!(matches!(Wrapped::verify(wrapped.clone(), &relay, &elsewhere, NOW), Err(RelayError::WrongParty)));
    let damaged = Wrapped { custody, body: b"sealed bytez".to_vec() }.encode();
    assert!(matches!(Wrapped::verify(damaged, &relay, &here, NOW), Err(RelayError::Damaged)));
}

#[test]
fn duplicating_reordering_and_replaying_relay_is_noticed() {
    let mut plan = plan();
    let [a, b, c] = [1, 2, 3].map(|n| bring(&mut plan, offer(n, "XAA", "XBB", Lane::Acts, KIB)));
    let mut inbox = Inbox::default();
    assert_eq!(inbox.see(&a).0, Seen::Next);
    assert_eq!(inbox.see(&c).0, Seen::Skips { missing: 1 });
    assert_eq!(inbox.see(&a).0, Seen::Again);
    assert_eq!(inbox.see(&b).0, Seen::Late);
    assert_eq!(inbox.see(&b).0, Seen::Again);
    assert_eq!(inbox.rows()[0].next, 3);
}

#[test]
fn far_number_of_a_lying_relay_costs_bounded_memory() {
    let mut plan = plan();
    let mut far = bring(&mut plan, offer(1, "XAA", "XBB", Lane::Acts, KIB));
    far.index = u64::MAX;
    let (seen, row) = Inbox::default().see(&far);
    assert_eq!(seen, Seen::Skips { missing: u64::MAX });
    assert_eq!(row.missing.len(), 256);
}

#[derive(Clone, Debug)]
enum Step {
    Bring { number: u32, from: usize, to: usize, bulk: bool, kib: u64 },
    Collect { by: usize, most: usize },
    Pass { days: i64 },
    Restart,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let bring = (0u32..40, 0usize..3, 0usize..3, any::<bool>(), 1u64..5)
        .prop_map(|(number, from, to, bulk, kib)| Step::Bring { number, from, to, bulk, kib });
    let collect = (0usize..3, 1usize..4).prop_map(|(by, most)| Step::Collect { by, most });
    let pass = (0i64..4).prop_map(|days| Step::Pass { days });
    proptest::collection::vec(
        prop_oneof![6 => bring, 3 => collect, 1 => pass, 1 => Just(Step::Restart)],
        0..80,
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Whatever happens: each parcel under custody is collected, told as expired, or still there; numbers
    /// have no gap; no share is exceeded; a restart changes nothing.
    #[test]
    fn custody_ends_in_collection_or_a_notice_and_never_in_silence(steps in steps()) {
        let names = ["XAA", "XBB", "XCC"];
        let (mut plan, mut now) = (plan(), NOW);
        let mut owed: BTreeMap<Digest, Party> = BTreeMap::new();
        let mut numbers: BTreeMap<Thread, u64> = BTreeMap::new();
        for step in steps {
            let decision = match step {
                Step::Bring { number, from, to, bulk, kib } => {
                    let lane = if bulk { Lane::Bulk } else { Lane::Acts };
                    let mut offer = offer(number, names[from], names[to], lane, kib * KIB);
                    // The same number from another source or lane is another parcel.
                    offer.digest = Digest::of(&[format!("{number} {from} {to} {bulk} {kib}").as_bytes()]);
                    match plan.decide(Command::Deposit(offer), now) {
                        Ok(decision) => decision,
                        Err(_) => continue,
                    }
                }
                Step::Collect { by, most } => {
                    let taken = plan.next_for(&party(names[by]), &BTreeSet::new(), most);
                    for parcel in &taken {
                        owed.remove(&parcel.digest);
                    }
                    plan.decide(confirm(names[by], &taken.iter().collect::<Vec<_>>()), now).unwrap()
                }
                Step::Pass { days } => {
                    now = now.saturating_add(days * DAY);
                    plan.decide(Command::Tick, now).unwrap()
                }
                Step::Restart => {
                    let held: Vec<Parcel> = owed.keys().filter_map(|d| plan.held(d)).cloned().collect();
                    let fresh = Plan::new(signer(RELAY), quotas(), names.map(party).into());
                    let fresh = fresh.restore(held, numbers.clone());
                    for name in names {
                        prop_assert_eq!(order(&plan, name), order(&fresh, name));
                    }
                    plan = fresh;
                    continue;
                }
            };
            for event in &decision.events {
                plan.apply(event);
                match event {
                    Event::Taken(parcel) => {
                        let next = numbers.entry(parcel.thread.clone()).or_insert(0);
                        prop_assert_eq!(parcel.index, *next);
                        *next += 1;
                        owed.insert(parcel.digest, parcel.thread.from.clone());
                    }
                    Event::Expired { parcel, .. } => {
                        let from = owed.remove(parcel);
                        prop_assert!(from.is_some(), "what expires was owed");
                    }
                    Event::Collected { .. } => {}
                }
            }
            let notices = decision.events.iter().filter(|e| matches!(e, Event::Taken(p) if p.freight == Freight::Notice));
            let expired = decision.events.iter().filter(|e| matches!(e, Event::Expired { .. }));
            prop_assert!(notices.count() <= expired.count());
            for digest in owed.keys() {
                prop_assert!(plan.held(digest).is_some(), "custody vanished");
            }
            for (_, lane, used) in plan.usage().filter(|(source, _, _)| **source != party(RELAY)) {
                let (bytes, parcels) = if lane == Lane::Acts { (8 * KIB, 8) } else { (16 * KIB, 8) };
                prop_assert!(used.bytes <= bytes && used.parcels <= parcels);
            }
        }
    }
}

/// A file of the sender and one of the addressee, each with its own words; a stranger judges them.
fn files(
    parcel: &Parcel,
    seen: &[&Parcel],
    state_at: Timestamp,
    notice: Option<Vec<u8>>,
) -> [CustodyFile; 2] {
    let (custody, state) = custody_and_state(parcel, seen, state_at);
    let signed = SignedFor { custody: custody.into(), notice: notice.map(Into::into) };
    let empty = MailboxState { relay: party(RELAY), at: state_at, rows: Vec::new() }.sign(&signer("XAA"));
    let file = |by: &str, parcels, mailbox| {
        CustodyFile::new((&party(by), &party(RELAY)), at(20 * DAY), Vec::new(), parcels, mailbox)
    };
    [file("XAA", vec![signed], empty), file("XBB", Vec::new(), state)]
}

fn fate([sender, addressee]: &[CustodyFile; 2]) -> Result<Fate, RelayError> {
    let again = |file: &CustodyFile| CustodyFile::parse(&file.encode().unwrap()).unwrap();
    let (sender, addressee) = (again(sender), again(addressee));
    let directory = known_to("XCC");
    let words = [(&sender, &directory), (&addressee, &directory)];
    let [judged] = super::judge((&sender, &directory), &words).try_into().unwrap();
    judged.map(|(_, fate)| fate)
}

#[test]
fn a_stranger_judges_a_relay_by_the_files_of_both_sides() {
    let mut plan = plan();
    let [first, second] = [1, 2].map(|n| bring(&mut plan, offer(n, "XAA", "XBB", Lane::Acts, KIB)));
    let dropped = files(&first, &[&second], at(11 * DAY), None);
    assert!(
        matches!(fate(&dropped), Ok(Fate::Dropped(Dropped { missed_at, .. })) if missed_at == at(11 * DAY))
    );
    assert_eq!(fate(&files(&first, &[&first], at(11 * DAY), None)).unwrap(), Fate::Delivered);
    assert_eq!(fate(&files(&first, &[], at(9 * DAY), None)).unwrap(), Fate::TooEarly);
    let notice = Notice { to: party("XAA"), parcel: first.clone(), at: at(10 * DAY) }.sign(&signer(RELAY));
    assert_eq!(fate(&files(&first, &[], at(11 * DAY), Some(notice))).unwrap(), Fate::GivenUp);
    // Without the addressee's word nothing is proved, and a word that somebody else signed is none.
    let directory = known_to("XCC");
    let alone = super::judge((&dropped[0], &directory), &[]);
    assert!(matches!(alone.as_slice(), [Ok((_, Fate::Unheard))]));
    let state = MailboxState { relay: party(RELAY), at: at(11 * DAY), rows: Vec::new() };
    let mut forged = dropped.clone();
    forged[1].mailbox = state.sign(&Signer { name: signer("XBB").name, ..signer("XAA") }).into();
    assert!(fate(&forged).is_err());
    // Custody that the relay never signed accuses nobody.
    let mut invented = dropped;
    invented[0].parcels[0].custody = Custody::sign(&first, &signer("XAA")).into();
    assert!(matches!(fate(&invented), Err(RelayError::WrongParty)));
}
