//! The small federation in which tests run: five States for ninety days in rough weather.

use simnet::federation::Federation;
use simnet::world::Settings;
use std::sync::{Arc, LazyLock};

static FEDERATION: LazyLock<Arc<Federation>> =
    LazyLock::new(|| Arc::new(Federation::new(5, 0).expect("certificates can be issued")));

/// The command that replays a run of a test; its seed follows.
pub const REPLAY: &str = "cargo run --release -p simnet -- --states 5 --days 90 --cases 12 --harsh 2";

/// The States; their keys do not depend on the seed.
pub fn federation() -> &'static Arc<Federation> {
    &FEDERATION
}

/// What a test runs.
pub fn settings(seed: u64) -> Settings {
    Settings { seed, days: 90, cases_per_state: 12, harsh: 2, real_permille: 100, bug: None, only: None }
}
