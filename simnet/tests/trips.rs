//! An exchange costs no round trip that it does not need, over a line of 600 ms.

use simnet::federation::Federation;
use simnet::tier_b::trips;
use std::sync::Arc;

/// One way, in milliseconds: a satellite.
const TRAVEL: i64 = 300;

#[test]
fn a_warm_exchange_takes_one_round_trip_and_a_cold_one_two() {
    let federation = Arc::new(Federation::new(3, 0).expect("certificates can be issued"));
    let trips = trips(&federation, TRAVEL);
    println!("{trips:?}");
    // The clock of the simulation stands still while a node computes; the rest is how often it is looked at.
    let slack = 20;
    assert!((600..=600 + slack).contains(&trips.warm.as_millis()), "{trips:?}");
    assert!((1200..=1200 + slack).contains(&trips.cold.as_millis()), "{trips:?}");
}
