//! Whole nodes: a fixed set of seeds breaks no rule, every run replays, and each planted bug is found.

#[macro_use]
#[path = "common/planted.rs"]
mod planted;

use simnet::check::Rule;
use simnet::federation::Federation;
use simnet::tier_b::{self, NodeBug, Report, Settings};
use std::sync::{Arc, LazyLock};

static FEDERATION: LazyLock<Arc<Federation>> =
    LazyLock::new(|| Arc::new(Federation::new(3, 0).expect("certificates can be issued")));

/// The command that replays a run of a test; its seed follows.
const REPLAY: &str = "cargo run --release -p simnet -- --tier b --states 3 --days 8 --cases 4 --loss 100";
fn settings(seed: u64) -> Settings {
    Settings { seed, days: 8, cases_per_node: 4, harsh: 1, loss: 100, bug: None, only: None }
}

fn hold(seeds: std::ops::Range<u64>) {
    for seed in seeds {
        let world = tier_b::run(&FEDERATION, settings(seed));
        assert_eq!(world.violation().map(ToString::to_string), None, "seed {seed}: {REPLAY} --seed {seed}");
    }
}

#[test]
fn no_rule_is_broken() {
    hold(1..5);
}

#[test]
fn no_rule_is_broken_by_others() {
    hold(5..9);
}

#[test]
fn a_run_holds_what_it_should() {
    let report = Report::new(&tier_b::run(&FEDERATION, settings(9)), 1.0);
    assert_eq!((report.cases, report.violation), (12, None), "each of three nodes has asked four times");
    let [sent, lost, ..] = report.datagrams;
    assert!(lost > 0 && sent > lost, "the weather is bad");
    let checked = ["12.12", "12.13", "12.14", "12.16", "12.2", "12.4", "12.5"];
    assert!(checked.iter().all(|rule| report.checks.get(rule).is_some_and(|checks| *checks > 0)));
}

/// Whoever is let in by nobody for days tries ever less often, though each try gets as far as a handshake.
#[test]
fn a_party_that_is_suspended_knocks_ever_less_often() {
    let report = Report::new(&tier_b::run(&FEDERATION, settings(3)), 1.0);
    assert!(report.faults.contains_key("suspension"), "the seed draws one, of nearly three days");
    let [sent, ..] = report.datagrams;
    assert!(sent < 20_000, "{sent} datagrams");
}

#[test]
fn a_seed_gives_the_same_run_twice() {
    tier_b::check_determinism(&FEDERATION, &settings(2)).map(drop).unwrap();
}

/// Officers have time to tell twice of one item; a watcher that asks the law in another order cries wolf.
#[test]
fn what_was_told_last_counts() {
    let longer = Settings { days: 20, cases_per_node: 8, only: Some([].into()), ..settings(1) };
    let world = tier_b::run(&FEDERATION, longer);
    assert_eq!(world.violation().map(ToString::to_string), None);
}

/// Runs seeds with a bug until one of the rules that it breaks is broken.
fn find(bug: NodeBug, rules: &[Rule]) {
    planted::find(bug.code(), rules, REPLAY, |seed| {
        let world = tier_b::run(&FEDERATION, Settings { bug: Some(bug), ..settings(seed) });
        world.violation().map(|violation| (violation.rule, violation.to_string()))
    });
}

found! {
    NodeBug by Rule;
    a_disk_that_syncs_late: SyncsLate by Survives, PermitFirst;
    a_disk_that_never_syncs: SyncsNever by Survives, PermitFirst;
    a_generator_that_repeats_itself: EntropyRepeats by OneDigest, NoneLost, OneHead;
    a_disk_that_rolls_back: DiskRollsBack by Survives, OneHead, ReceivedOnce;
    keys_that_are_forgotten: KeysForgotten by NoneLost;
    a_partner_that_is_forgotten: PartnerForgotten by NoneLost, Survives;
    a_directory_that_is_forgotten: DirectoryForgotten by DirectoryRises;
}
