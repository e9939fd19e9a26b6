//! When things are due (ISACS 8.3.1, 8.3.4.1). No other place computes a due date.

use crate::model::{DAY, PartialDate, Timestamp};
use std::fmt;

/// The lengths of the two clocks, in whole days of UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Profile {
    /// Days in which the acknowledgement should reach the requesting State.
    pub ack_days: u16,
    /// Days in which the response should be provided.
    pub respond_days: u16,
}

/// One of the two clocks that run on a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Clock {
    /// Until an acknowledgement arrives (ISACS 8.3.1).
    Ack,
    /// Until a response arrives (ISACS 8.3.4.1).
    Respond,
}

/// How long before a due instant a clock counts as due soon, in seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Warning {
    /// For the acknowledgement.
    pub ack: i64,
    /// For the response.
    pub respond: i64,
}

/// Where a clock stands at some instant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Standing {
    /// It runs, and its end is not near.
    Running,
    /// It runs, and its end is near.
    DueSoon,
    /// It runs although its end has passed.
    Overdue,
    /// It stopped in time.
    Met,
    /// It stopped too late.
    MetLate,
}

impl Profile {
    /// Seven days and eight weeks (ISACS 8.3.1, 8.3.4.1).
    pub const ISACS_05_31: Self = Self { ack_days: 7, respond_days: 56 };

    /// Returns the first instant at which an acknowledgement is late (exclusive, UTC).
    pub const fn ack_due(&self, received_at: Timestamp) -> Timestamp {
        after_whole_days(received_at, self.ack_days)
    }

    /// Returns the first instant at which a response is late (exclusive, UTC).
    pub const fn respond_due(&self, received_at: Timestamp) -> Timestamp {
        after_whole_days(received_at, self.respond_days)
    }

    /// Tells whether a return lets both clocks start again with the next version: only one that reached
    /// the requester before the acknowledgement was due, so that nobody gains time by returning late.
    pub fn restarts(&self, received_at: Timestamp, returned_at: Timestamp) -> bool {
        returned_at < self.ack_due(received_at)
    }
}

impl Default for Warning {
    fn default() -> Self {
        Self { ack: 2 * DAY, respond: 14 * DAY }
    }
}

impl Clock {
    /// Returns the clock's name as JSON writes it.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Ack => "ack",
            Self::Respond => "respond",
        }
    }
}

impl fmt::Display for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

impl Standing {
    /// Returns the standing's name as JSON writes it.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::DueSoon => "due_soon",
            Self::Overdue => "overdue",
            Self::Met => "met",
            Self::MetLate => "met_late",
        }
    }
}

/// Tells where a clock stands that is due at `due` and stopped at `stopped_at`, if it has stopped.
pub fn standing(now: Timestamp, due: Timestamp, stopped_at: Option<Timestamp>, warn: i64) -> Standing {
    match stopped_at {
        Some(at) if at < due => Standing::Met,
        Some(_) => Standing::MetLate,
        None if now >= due => Standing::Overdue,
        None if due.seconds_since(now) <= warn => Standing::DueSoon,
        None => Standing::Running,
    }
}

/// Tells whether a date has passed in UTC; one known to the month or year passes with its last day.
pub fn has_passed(date: PartialDate, now: Timestamp) -> bool {
    let (date, today) = (date.to_string(), now.to_string());
    // Both are in the form of RFC 3339, in which text order is the order of time.
    today.get(..date.len()).is_some_and(|today| today > date.as_str())
}

/// The day of receipt does not count; `days` whole days follow it.
const fn after_whole_days(received_at: Timestamp, days: u16) -> Timestamp {
    received_at.start_of_day().saturating_add((days as i64 + 1) * DAY)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn clause_8_3_1_and_8_3_4_1_golden_dates() {
        let profile = Profile::ISACS_05_31;
        for received in ["2026-01-01T00:00:00Z", "2026-01-01T10:00:00Z", "2026-01-01T23:59:59Z"] {
            assert_eq!(profile.ack_due(at(received)).to_string(), "2026-01-09T00:00:00Z");
            assert_eq!(profile.respond_due(at(received)).to_string(), "2026-02-27T00:00:00Z");
        }
        assert_eq!(profile.respond_due(at("2028-01-05T00:00:00Z")).to_string(), "2028-03-02T00:00:00Z");
    }

    #[test]
    fn clause_8_3_2_only_a_return_before_the_ack_is_due_restarts_the_clocks() {
        let (received, due) = (at("2026-01-01T10:00:00Z"), at("2026-01-09T00:00:00Z"));
        assert!(Profile::ISACS_05_31.restarts(received, due.saturating_add(-1)));
        assert!(!Profile::ISACS_05_31.restarts(received, due));
    }

    #[test]
    fn a_partial_date_passes_with_its_last_day() {
        for (date, last) in [("2026-02-28", "28"), ("2026-02", "28")] {
            let date: PartialDate = date.parse().unwrap();
            assert!(!has_passed(date, at(&format!("2026-02-{last}T23:59:59Z"))), "{date}");
            assert!(has_passed(date, at("2026-03-01T00:00:00Z")), "{date}");
        }
        assert!(!has_passed("2026".parse().unwrap(), at("2026-12-31T23:59:59Z")));
        assert!(has_passed("2026".parse().unwrap(), at("2027-01-01T00:00:00Z")));
    }

    #[test]
    fn a_due_instant_is_exclusive() {
        let due = at("2026-01-09T00:00:00Z");
        let last = due.saturating_add(-1);
        assert_eq!(standing(due, due, Some(last), 0), Standing::Met);
        assert_eq!(standing(due, due, Some(due), 0), Standing::MetLate);
        assert_eq!(standing(last, due, None, 0), Standing::Running);
        assert_eq!(standing(due, due, None, 0), Standing::Overdue);
        assert_eq!(standing(due.saturating_add(-2 * DAY), due, None, 2 * DAY), Standing::DueSoon);
        assert_eq!(standing(due.saturating_add(-2 * DAY - 1), due, None, 2 * DAY), Standing::Running);
    }

    fn instant() -> impl Strategy<Value = Timestamp> {
        (0i64..200_000_000_000).prop_map(|s| Timestamp::from_unix(s).unwrap())
    }

    proptest! {
        #[test]
        fn every_receipt_gets_its_whole_days_and_less_than_one_more(received in instant()) {
            let profile = Profile::ISACS_05_31;
            for (due, days) in [(profile.ack_due(received), 7), (profile.respond_due(received), 56)] {
                let given = due.seconds_since(received);
                prop_assert!(given > days * DAY && given <= (days + 1) * DAY);
                prop_assert_eq!(due, due.start_of_day());
            }
        }

        #[test]
        fn a_later_receipt_is_never_due_earlier(a in instant(), b in instant()) {
            let profile = Profile::ISACS_05_31;
            let (first, second) = (a.min(b), a.max(b));
            prop_assert!(profile.ack_due(first) <= profile.ack_due(second));
            prop_assert!(profile.respond_due(first) <= profile.respond_due(second));
        }

        #[test]
        fn what_stopped_in_time_is_never_overdue(received in instant(), after in 0i64..8 * DAY, now in instant()) {
            let due = Profile::ISACS_05_31.ack_due(received);
            let stopped = received.saturating_add(after);
            let expected = if stopped < due { Standing::Met } else { Standing::MetLate };
            prop_assert_eq!(standing(now, due, Some(stopped), 2 * DAY), expected);
        }
    }
}
