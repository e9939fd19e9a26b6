//! Two States between whom every road but that by relay is cut, and relays that lie: what each vice comes to, by its name
//! (DESIGN §13); and an outage of thirty days, by the direct road and by relay.

use simnet::federation::Federation;
use simnet::rogue::Vice;
use simnet::tier_b::{Drill, Fault, Kind, Outcome, RelayKind, drill};
use std::sync::{Arc, LazyLock};
use valise::model::ActKind;

const DAY: i64 = 86_400_000;
const HOUR: i64 = 3600;

static FEDERATION: LazyLock<Arc<Federation>> =
    LazyLock::new(|| Arc::new(Federation::new(4, 0).expect("certificates can be issued")));

fn play(seed: u64, relays: Vec<RelayKind>, days: u32) -> Outcome {
    let faults = vec![Drill::by_relay_only()];
    let drill_ = Drill { seed, relays, days, a_day: 2, faults, acknowledge_on: 1 };
    let outcome = drill(&FEDERATION, &drill_);
    assert_eq!(outcome.violation, None, "{drill_:?}");
    outcome
}

fn requests(outcome: &Outcome) -> u64 {
    outcome.arrivals.iter().filter(|arrival| arrival.act == ActKind::Request).count() as u64
}

/// All that was made has arrived, once, and its receipts are home.
fn converged(outcome: &Outcome) {
    assert_eq!((requests(outcome), outcome.waiting.0), (outcome.made, 0), "{outcome:?}");
}

const fn rogue(vice: Vice) -> RelayKind {
    RelayKind::Rogue(vice, 60 * 86_400)
}

#[test]
fn an_honest_relay_brings_everything() {
    let outcome = play(1, vec![RelayKind::Honest], 4);
    converged(&outcome);
    assert_eq!((outcome.made, outcome.proved), (8, 0), "{outcome:?}");
    assert!(outcome.noticed.is_empty(), "an honest relay is accused of nothing: {outcome:?}");
}

#[test]
fn a_relay_that_drops_is_convicted_by_its_own_custody() {
    let outcome = play(2, vec![RelayKind::Rogue(Vice::Drops, 86_400)], 3);
    assert_eq!(requests(&outcome), 0, "nothing comes through it: {outcome:?}");
    assert!(outcome.waiting.0 as u64 >= outcome.made, "and nobody believes that anything did");
    assert!(outcome.deeds[0].dropped > 0);
    // What was taken long enough ago is proved: what came last may still come.
    assert!(outcome.proved as u64 >= outcome.made - 2, "{outcome:?}");
    assert!(outcome.noticed.get("relay-lost").is_some_and(|count| *count > 0), "it signs anew: {outcome:?}");
}

#[test]
fn a_relay_that_drops_holds_nothing_up_where_there_is_another() {
    let outcome = play(3, vec![RelayKind::Rogue(Vice::Drops, 86_400), RelayKind::Honest], 3);
    converged(&outcome);
    assert!(outcome.deeds[0].dropped > 0 && outcome.proved > 0, "{outcome:?}");
}

#[test]
fn a_relay_that_repeats_changes_nothing() {
    let outcome = play(4, vec![rogue(Vice::Duplicates)], 3);
    converged(&outcome);
    assert!(outcome.deeds[0].repeated > 0);
}

#[test]
fn a_relay_that_reorders_changes_nothing_and_is_noticed() {
    // While the addressee is away several wait at once.
    let gap = Fault { from: DAY / 2, until: 2 * DAY, kind: Kind::Isolation { node: 1 } };
    let faults = vec![Drill::by_relay_only(), gap];
    let relays = vec![rogue(Vice::Reorders)];
    let outcome =
        drill(&FEDERATION, &Drill { seed: 5, relays, days: 3, a_day: 8, faults, acknowledge_on: 1 });
    assert_eq!(outcome.violation, None);
    converged(&outcome);
    assert!(outcome.deeds[0].reordered > 0, "{outcome:?}");
    assert!(outcome.noticed.get("relay-gap").is_some_and(|count| *count > 0), "{outcome:?}");
}

#[test]
fn a_relay_that_replays_old_parcels_changes_nothing() {
    let outcome = play(6, vec![rogue(Vice::Replays)], 3);
    converged(&outcome);
    assert!(outcome.deeds[0].repeated > 0, "{outcome:?}");
}

#[test]
fn a_relay_that_forges_custody_is_not_believed() {
    let alone = play(7, vec![rogue(Vice::Forges)], 2);
    assert!(alone.deeds[0].forged > 0 && alone.waiting.0 as u64 >= alone.made, "{alone:?}");
    let cause = alone.waiting.1.clone().unwrap_or_default();
    assert!(cause.contains("custody does not hold") || cause.contains("signed for"), "{cause}");
    let with_another = play(7, vec![rogue(Vice::Forges), RelayKind::Honest], 2);
    converged(&with_another);
}

#[test]
fn a_relay_that_damages_is_noticed_and_parks_nothing() {
    let alone = play(8, vec![rogue(Vice::Damages)], 2);
    assert_eq!(requests(&alone), 0);
    assert!(alone.noticed.get("relay-damage").is_some_and(|count| *count > 0), "{alone:?}");
    converged(&play(8, vec![rogue(Vice::Damages), RelayKind::Honest], 2));
}

#[test]
fn a_relay_that_withholds_the_directory_holds_no_act_up() {
    converged(&play(9, vec![rogue(Vice::Withholds)], 2));
}

/// A request a day for thirty days, and an acknowledgement on the last but one, while the second State is out of reach.
fn outage(relays: Vec<RelayKind>, mut faults: Vec<Fault>) -> Outcome {
    faults.push(Fault { from: DAY / 2, until: 31 * DAY, kind: Kind::Isolation { node: 1 } });
    let outcome =
        drill(&FEDERATION, &Drill { seed: 11, relays, days: 30, a_day: 2, faults, acknowledge_on: 29 });
    assert_eq!(outcome.violation, None);
    converged(&outcome);
    // Nothing had expired in silence: all of it waited, with a cause or at a relay.
    // (The newest is a moment old, and nobody has tried it yet.)
    let [waited, explained] = outcome.waited;
    assert!(waited >= 59 && explained + 1 >= waited, "{:?}", outcome.waited);
    let after = Drill::day(31);
    let late: Vec<_> = outcome.arrivals.iter().filter(|arrival| arrival.at >= after).collect();
    let (first, last) = (late[0].at, late[late.len() - 1].at);
    println!(
        "{} acts arrive {} s after the end of the outage, the last {} s later",
        late.len(),
        first.seconds_since(after),
        last.seconds_since(first)
    );
    assert!(first.seconds_since(after) <= 2 * HOUR, "no pause grows beyond the hour");
    assert!(last.seconds_since(first) <= 600, "the queue is drained in minutes");
    outcome
}

/// In which order a heap goes is tested beside it (`node/courier/bag.rs`).
#[test]
fn after_thirty_days_the_direct_road_drains_the_queue_in_minutes() {
    let outcome = outage(Vec::new(), Vec::new());
    let late = outcome.arrivals.iter().filter(|arrival| arrival.at >= Drill::day(31));
    assert!(late.count() >= 59, "{outcome:?}");
}

#[test]
fn after_thirty_days_a_relay_drains_its_mailbox_in_minutes() {
    // The relay itself is out of reach for all of them but the last two days, the addressee for all.
    let relay = Fault { from: DAY / 2, until: 29 * DAY, kind: Kind::Isolation { node: 2 } };
    outage(vec![RelayKind::Honest], vec![Drill::by_relay_only(), relay]);
}
