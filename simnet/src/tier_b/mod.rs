//! Tier B: whole nodes, with the code that ships, on a network, disks and clocks in memory. One thread, paused
//! time: nothing depends on the wall clock, and a seed draws all that happens.

mod bug;
mod check;
mod fault;
mod machine;
mod net;
mod node;
mod relayed;
mod report;
mod trips;
mod visit;
mod world;

pub use bug::NodeBug;
pub use fault::{Fault, Kind};
pub use relayed::{Arrival, Drill, Outcome, RelayKind, drill};
pub use report::Report;
pub use trips::{Trips, trips};
pub use world::{Settings, Tally, World};

use crate::check::Rule;
use crate::federation::Federation;
use crate::shrink::{Shrunk, fewest};
use crate::trace::Trace;
use std::collections::BTreeSet;
use std::sync::Arc;

/// Runs a future on this thread; the clock leaps whenever all that runs waits for it.
fn in_paused_time<T>(what: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .expect("a runtime without threads or IO needs nothing of the machine");
    runtime.block_on(what)
}

/// Runs a seed to its end.
pub fn run(federation: &Arc<Federation>, settings: Settings) -> World {
    run_traced(federation, settings, Trace::default())
}

/// Runs a seed to its end, or to where a trace of an earlier run says otherwise.
///
/// # Panics
/// If the machine has no room for a runtime.
pub fn run_traced(federation: &Arc<Federation>, settings: Settings, trace: Trace) -> World {
    in_paused_time(async {
        let mut world = World::new(federation, settings, trace);
        world.play().await;
        world.keep_counts();
        world.end().await;
        world
    })
}

/// Runs a seed twice, and says at which event the second run first differs.
///
/// # Errors
/// The first divergence, in words.
pub fn check_determinism(federation: &Arc<Federation>, settings: &Settings) -> Result<World, String> {
    let first = run_traced(federation, settings.clone(), Trace::recording()).into_trace();
    let second = run_traced(federation, settings.clone(), Trace::comparing(first));
    let divergence = second.trace().divergence();
    divergence.map_or(Ok(second), Err)
}

/// Finds the few faults with which a rule is still broken, in at most `budget` runs.
pub fn shrink(federation: &Arc<Federation>, settings: &Settings, rule: Rule, budget: u32) -> Shrunk {
    let drawn = fault::draw(
        settings.seed,
        federation.members.len(),
        i64::from(settings.days) * crate::heap::DAY,
        settings.harsh,
    );
    let all = settings.only.clone().unwrap_or_else(|| (0..drawn.len()).collect());
    fewest(all, budget, |only: &BTreeSet<usize>| {
        let world = run(federation, Settings { only: Some(only.clone()), ..settings.clone() });
        world.violation().is_some_and(|violation| violation.rule == rule)
    })
}
