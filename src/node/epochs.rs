//! The life of prekeys (DESIGN §6): weekly epochs made ahead with no officer present, one key of last resort,
//! and private halves that are deleted when their time has come. Pure: what is to be done now, no more.

use crate::model::{DAY, Timestamp};
use crate::trust::{PrekeyId, Validity};

/// How many days senders may seal to an epoch.
pub const EPOCH_DAYS: u32 = 7;
/// How many epochs are made before the present one ends, so that a peer that hears nothing for weeks still
/// seals to a short-lived key. With the key of last resort, and keys that are retired, they fit in a part B of 8 KiB.
pub const AHEAD: i64 = 2;
/// How many days a private half outlives its epoch, for what is under way.
pub const KEPT_DAYS: i64 = 90;
/// How many days senders may seal to a key of last resort; with [`KEPT_DAYS`] it lives a year.
pub const LAST_RESORT_DAYS: u32 = 275;

/// One prekey whose private half is held.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Epoch {
    /// Its name.
    pub id: PrekeyId,
    /// When senders may seal to it.
    pub validity: Validity,
}

/// What is to be done about the prekeys now.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Plan {
    /// The validities of the prekeys to make.
    pub make: Vec<Validity>,
    /// The prekeys whose private halves are to be deleted.
    pub delete: Vec<PrekeyId>,
}

impl Epoch {
    /// Tells whether this is a key of last resort: one that lives much longer than an epoch.
    pub const fn is_last_resort(&self) -> bool {
        self.validity.seconds() > 2 * EPOCH_DAYS as i64 * DAY
    }

    /// Tells whether senders may seal to it now or later.
    pub fn is_published(&self, now: Timestamp) -> bool {
        self.validity.not_after >= now
    }

    /// Tells whether the private half has outlived its use.
    pub fn is_over(&self, now: Timestamp) -> bool {
        now > self.validity.not_after.saturating_add(KEPT_DAYS * DAY)
    }
}

/// How much faster than it runs a clock that has leapt forward is believed, where something is deleted for good.
const CATCH_UP: i64 = 24;

/// Returns up to where time is settled: it follows the clock, but not faster than [`CATCH_UP`] times as the gateway has
/// run. So a clock that is set forward by mistake costs an hour of running for each day before a private half is
/// deleted early, and one that stood off for months deletes within days.
pub fn settle(before: Option<Timestamp>, ran: i64, now: Timestamp) -> Timestamp {
    before.map_or(now, |before| now.min(before.saturating_add(ran.saturating_mul(CATCH_UP))))
}

/// Decides what to make now, and what to delete that is over at `settled`.
///
/// Epochs begin where whole weeks since 1970 begin, so that all that a clock does is choose among them: a
/// restart, a second call or a step back makes none twice.
pub fn plan(held: &[Epoch], now: Timestamp, settled: Timestamp) -> Plan {
    let mut make: Vec<Validity> = (0..=AHEAD)
        .map(|ahead| epoch(now, ahead))
        .filter(|week| !held.iter().any(|e| covers(e, week)))
        .collect();
    let resort = |e: &&Epoch| e.is_last_resort() && e.validity.contains(now);
    // The next one comes at half of its life: a peer that saw the old one has long to hear of it.
    if !held.iter().filter(resort).any(|e| now < e.validity.renew_at()) {
        // It begins before the present epoch, since senders choose the prekey that begins last.
        let start = epoch(now, 0).not_before.saturating_add(-DAY);
        make.push(Validity::days(start, LAST_RESORT_DAYS));
    }
    Plan { make, delete: held.iter().filter(|e| e.is_over(settled)).map(|e| e.id).collect() }
}

/// Returns the week that lies `ahead` weeks after the present one.
fn epoch(now: Timestamp, ahead: i64) -> Validity {
    let week = i64::from(EPOCH_DAYS) * DAY;
    let into = now.unix().rem_euclid(week);
    let start = now.saturating_add(ahead * week - into);
    Validity { not_before: start, not_after: start.saturating_add(week - 1) }
}

fn covers(held: &Epoch, week: &Validity) -> bool {
    !held.is_last_resort() && week.within(&held.validity)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Does what the plan says, as the node does.
    fn follow(held: &mut Vec<Epoch>, now: Timestamp, next: &mut u128) -> Plan {
        let plan = plan(held, now, now);
        held.retain(|e| !plan.delete.contains(&e.id));
        for validity in &plan.make {
            *next += 1;
            held.push(Epoch { id: PrekeyId(next.to_be_bytes()), validity: *validity });
        }
        plan
    }

    /// The one that a sender chooses: the newest that is valid.
    fn chosen(held: &[Epoch], now: Timestamp) -> Option<Epoch> {
        let valid = held.iter().filter(|e| e.validity.contains(now));
        valid.max_by_key(|e| (e.validity.not_before, e.id)).copied()
    }

    fn at(days: i64) -> Timestamp {
        Timestamp::from_unix(1_800_000_000).unwrap().saturating_add(days * DAY)
    }

    #[test]
    fn a_new_gateway_makes_three_weeks_and_a_last_resort_and_then_rests() {
        let (mut held, mut next) = (Vec::new(), 0);
        assert_eq!(follow(&mut held, at(0), &mut next).make.len(), 4);
        assert_eq!(follow(&mut held, at(0), &mut next), Plan::default());
        assert_eq!(held.iter().filter(|e| e.is_last_resort()).count(), 1);
        assert!(!chosen(&held, at(0)).unwrap().is_last_resort());
    }

    #[test]
    fn whoever_hears_nothing_for_months_falls_back_on_the_last_resort_whose_half_is_still_held() {
        let (mut held, mut next) = (Vec::new(), 0);
        follow(&mut held, at(0), &mut next);
        let old_card = held.clone();
        for day in 1..=i64::from(LAST_RESORT_DAYS) - 9 {
            follow(&mut held, at(day), &mut next);
            let sealed_to = chosen(&old_card, at(day)).expect("the old card still serves");
            assert!(held.iter().any(|e| e.id == sealed_to.id), "day {day}");
        }
    }

    #[test]
    fn an_epoch_is_deleted_ninety_days_after_its_end_and_a_last_resort_after_a_year() {
        let (mut held, mut next) = (Vec::new(), 0);
        follow(&mut held, at(0), &mut next);
        let first = chosen(&held, at(0)).unwrap();
        let resort = *held.iter().find(|e| e.is_last_resort()).unwrap();
        let end = first.validity.not_after.saturating_add(KEPT_DAYS * DAY);
        assert!(plan(&held, end, end).delete.is_empty());
        assert_eq!(plan(&held, end.saturating_add(1), end.saturating_add(1)).delete, [first.id]);
        assert!(!plan(&held, at(355), at(355)).delete.contains(&resort.id));
        assert!(plan(&held, at(366), at(366)).delete.contains(&resort.id));
    }

    proptest! {
        #[test]
        fn at_every_moment_there_is_one_to_seal_to_and_few_are_published(
            start in 0i64..10_000, pauses in prop::collection::vec(1i64..40, 1..60),
        ) {
            let (mut held, mut next, mut day) = (Vec::new(), 0, start);
            for pause in pauses {
                day += pause;
                follow(&mut held, at(day), &mut next);
                let chosen = chosen(&held, at(day)).expect("one is valid now");
                prop_assert!(!chosen.is_last_resort() && !chosen.is_over(at(day)));
                prop_assert!(held.iter().filter(|e| e.is_published(at(day))).count() <= 7);
                prop_assert!(held.iter().all(|e| !e.is_over(at(day))));
            }
        }

        #[test]
        fn a_clock_that_steps_back_makes_no_epoch_twice(steps in prop::collection::vec(-9i64..10, 1..60)) {
            let (mut held, mut next, mut day) = (Vec::new(), 0, 5_000);
            for step in steps {
                day += step;
                follow(&mut held, at(day), &mut next);
            }
            let mut weeks: Vec<_> = held.iter().filter(|e| !e.is_last_resort()).map(|e| e.validity).collect();
            weeks.sort_unstable();
            prop_assert!(weeks.windows(2).all(|two| two[0] != two[1]));
        }
    }

    #[test]
    fn a_leap_of_the_clock_is_believed_no_faster_than_a_day_in_an_hour() {
        assert_eq!(settle(None, 0, at(0)), at(0), "a new gateway has nothing to lose");
        assert_eq!(settle(Some(at(0)), 0, at(60)), at(0), "not by a restart");
        assert_eq!(settle(Some(at(0)), 3600, at(60)), at(1));
        assert_eq!(settle(Some(at(0)), 600, at(0).saturating_add(600)), at(0).saturating_add(600));
        assert_eq!(settle(Some(at(60)), 600, at(0)), at(0), "a step back is believed at once");
    }
}
