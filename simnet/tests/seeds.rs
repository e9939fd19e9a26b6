//! A fixed set of seeds: no rule is broken, whatever their faults, and every run replays.

mod common;

use common::{REPLAY, federation, settings};
use simnet::report::Report;
use simnet::tier_a;
use simnet::world::World;
use valise::model::ActKind;

/// The kinds of act by which a trace is asked for and answered (ISACS 8).
const OF_A_CASE: [ActKind; 11] = [
    ActKind::Request,
    ActKind::Acknowledgement,
    ActKind::ReturnIncomplete,
    ActKind::Resubmission,
    ActKind::Response,
    ActKind::Delay,
    ActKind::Refusal,
    ActKind::ClarificationRequest,
    ActKind::Clarification,
    ActKind::Withdrawal,
    ActKind::OutcomeNotice,
];

fn hold(seeds: std::ops::Range<u64>) {
    for seed in seeds {
        let world = tier_a::run(federation(), settings(seed));
        assert_eq!(world.violation().map(ToString::to_string), None, "seed {seed}: {REPLAY} --seed {seed}");
    }
}

#[test]
fn no_rule_is_broken() {
    hold(0..20);
}

#[test]
fn no_rule_is_broken_by_others() {
    hold(20..40);
}

#[test]
fn a_run_holds_what_it_should() {
    let report = Report::new(&tier_a::run(federation(), settings(6)), 1.0);
    assert_eq!(report.cases, 60, "each of five States has asked twelve times");
    let missing: Vec<&str> = OF_A_CASE
        .map(ActKind::code)
        .into_iter()
        .filter(|kind| !report.acts_by_kind.contains_key(kind))
        .collect();
    assert_eq!(missing, [""; 0], "kinds that nobody made");
    assert!(report.real_share >= 0.05, "at least 5 % of the acts use the real cryptography");
    assert!(report.late_acknowledgements > 0 && report.late_responses > 0, "some officers are late");
    assert!(report.crashes > 0 && report.frames[1] > 0, "things went wrong");
    assert!(report.checks.values().all(|checks| *checks > 0) && report.checks.len() == 10);
}

#[test]
fn a_seed_gives_the_same_run_twice_and_another_seed_another() {
    let first = tier_a::check_determinism(federation(), &settings(7)).map(|world| world.fingerprint());
    let other = tier_a::run(federation(), settings(8));
    assert_eq!(first.as_ref().map(|print| *print == other.fingerprint()), Ok(false));
}

#[test]
fn without_faults_nothing_is_sent_twice() {
    let calm = simnet::world::Settings { only: Some([].into()), ..settings(1) };
    let report = Report::new(&tier_a::run(federation(), calm), 1.0);
    assert_eq!((report.frames[1], report.frames[2], report.frames[3]), (0, 0, 0));
    assert_eq!(report.violation, None);
}

#[test]
fn the_seed_draws_the_faults() {
    let drawn = |seed| World::new(federation(), settings(seed), Default::default()).faults().to_vec();
    assert_eq!(drawn(1), drawn(1));
    assert_ne!(drawn(1), drawn(2));
}
