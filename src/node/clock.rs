use crate::model::Timestamp;
use std::time::{SystemTime, UNIX_EPOCH};

/// Reads the time of day of the operating system; the only place that does.
pub fn wall() -> Timestamp {
    #[expect(clippy::disallowed_methods, reason = "this is the one place that reads the clock")]
    let elapsed = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(elapsed.as_secs()).ok().and_then(Timestamp::from_unix).unwrap_or(Timestamp::EPOCH)
}
