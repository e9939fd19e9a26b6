//! The checks bite: each planted bug is found within a hundred seeds, by a rule that it breaks.

mod common;
#[macro_use]
#[path = "common/planted.rs"]
mod planted;

use common::{REPLAY, federation, settings};
use simnet::bugs::Bug;
use simnet::check::Rule;
use simnet::shrink::shrink;
use simnet::tier_a;
use simnet::world::Settings;

/// Runs seeds with a bug until one of the rules that it breaks is broken.
fn find(bug: Bug, rules: &[Rule]) {
    planted::find(bug.code(), rules, REPLAY, |seed| {
        let world = tier_a::run(federation(), Settings { bug: Some(bug), ..settings(seed) });
        world.violation().map(|violation| (violation.rule, violation.to_string()))
    });
}

found! {
    Bug by Rule;
    a_receipt_before_the_sync: ReceiptBeforeSync by Survives;
    a_skipped_sync: SkippedSync by Survives, PermitFirst;
    a_duplicate_that_is_processed: DuplicateProcessed by ReceivedOnce;
    a_clock_from_the_wrong_instant: ClockFromIssuer by ReceivedOnce;
    a_due_date_that_is_off_by_a_day: DueOffByADay by SameFold;
    clocks_of_a_version_that_was_returned: FirstVersionShown by SameFold;
    a_release_without_a_permit: ReleaseWithoutPermit by PermitFirst;
    a_permit_that_is_used_again: PermitReused by PermitFirst;
    a_label_that_is_ignored: LabelIgnored by PermitFirst;
    a_retry_that_counts_as_a_new_act: RetryAsNewAct by VerifiedFirst;
    a_parent_that_is_ignored: ParentIgnored by SameFold;
    an_outbox_that_is_lost_at_a_crash: OutboxLost by NoneLost;
    a_late_act_that_is_dropped: LateActDropped by NoneLost;
    a_route_of_another_party: RouteOfAnother by VerifiedFirst;
    an_audience_that_is_ignored: AudienceIgnored by VerifiedFirst;
    a_rejection_that_settles_an_act: RejectSettles by NoneLost;
    a_log_that_is_forgotten_at_a_crash: LogForgotten by OneHead;
    a_contradiction_that_is_kept_as_an_act: EquivocationKept by VerifiedFirst;
}

#[test]
fn a_failure_shrinks_to_the_faults_that_it_needs() {
    let failing = Settings { bug: Some(Bug::LogForgotten), ..settings(1) };
    let world = tier_a::run(federation(), failing.clone());
    let drawn = world.faults().len();
    let rule = world.violation().map(|violation| violation.rule);
    assert_eq!(rule, Some(Rule::OneHead));
    let shrunk = shrink(federation(), &failing, Rule::OneHead, 60);
    let again = tier_a::run(federation(), Settings { only: Some(shrunk.faults.clone()), ..failing });
    assert_eq!(again.violation().map(|violation| violation.rule), rule, "what is left still fails");
    assert!(shrunk.faults.len() <= 2 && drawn > 20, "{} of {drawn} faults are left", shrunk.faults.len());
}
