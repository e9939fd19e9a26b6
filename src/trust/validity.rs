use crate::model::{DAY, Timestamp};

/// A span of validity; both ends belong to it (RFC 5280 §4.1.2.5).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Validity {
    /// The first second of the span.
    pub not_before: Timestamp,
    /// The last second of the span.
    pub not_after: Timestamp,
}

impl Validity {
    /// Makes a span of `days` days that begins at `start`.
    pub const fn days(start: Timestamp, days: u32) -> Self {
        Self { not_before: start, not_after: start.saturating_add(days as i64 * DAY) }
    }

    /// Tells whether `at` lies in the span.
    pub fn contains(&self, at: Timestamp) -> bool {
        self.not_before <= at && at <= self.not_after
    }

    /// Tells whether the whole span lies in `outer`.
    pub fn within(&self, outer: &Self) -> bool {
        outer.contains(self.not_before) && outer.contains(self.not_after)
    }

    /// Returns the length in seconds; negative if the span ends before it begins.
    pub const fn seconds(&self) -> i64 {
        self.not_after.seconds_since(self.not_before)
    }

    /// Returns half of the span, from when a gateway renews its certificate without anybody's help.
    pub const fn renew_at(&self) -> Timestamp {
        self.not_before.saturating_add(self.seconds() / 2)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_ends_belong_to_the_span() {
        let start = Timestamp::from_unix(1_800_000_000).unwrap();
        let week = Validity::days(start, 7);
        assert!(week.contains(start) && week.contains(week.not_after));
        assert!(!week.contains(start.saturating_add(-1)) && !week.contains(week.not_after.saturating_add(1)));
        assert_eq!(week.renew_at().seconds_since(start), 7 * DAY / 2);
        assert!(week.within(&week) && !Validity::days(start, 8).within(&week));
    }
}
