use crate::model::Timestamp;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Instant, SystemTime, UNIX_EPOCH};

/// The only place that reads a clock; it never runs backwards while the process lives.
#[derive(Debug, Default)]
pub struct Clock {
    newest: AtomicI64,
}

impl Clock {
    /// Reads the time of day.
    pub fn now(&self) -> Timestamp {
        #[expect(clippy::disallowed_methods, reason = "this is the one place that reads the clock")]
        let elapsed = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let read = i64::try_from(elapsed.as_secs()).unwrap_or(i64::MAX);
        let newest = self.newest.fetch_max(read, Ordering::Relaxed).max(read);
        Timestamp::from_unix(newest).unwrap_or(Timestamp::EPOCH)
    }
}

/// Starts a stopwatch, for figures shown to an operator.
pub fn stopwatch() -> Instant {
    #[expect(clippy::disallowed_methods, reason = "this is the one place that reads the clock")]
    Instant::now()
}
