//! Tier A: the pure rooms on one event heap, without sockets, files or a runtime. Tier B, whole nodes,
//! will stand beside it with the same faults, officers, model of the law and checks.

use crate::federation::Federation;
use crate::trace::Trace;
use crate::world::{Settings, World};
use std::sync::Arc;

/// Runs a seed to its end.
pub fn run(federation: &Arc<Federation>, settings: Settings) -> World {
    run_traced(federation, settings, Trace::default())
}

/// Runs a seed to its end, or to where a trace of an earlier run says otherwise.
pub fn run_traced(federation: &Arc<Federation>, settings: Settings, trace: Trace) -> World {
    let mut world = World::new(federation, settings, trace);
    world.run();
    world
}

/// Runs a seed twice, and says at which event the second run first differs.
///
/// # Errors
/// The first divergence, in words.
pub fn check_determinism(federation: &Arc<Federation>, settings: &Settings) -> Result<World, String> {
    let first = run_traced(federation, settings.clone(), Trace::recording()).into_trace();
    let mut second = World::new(federation, settings.clone(), Trace::comparing(first));
    second.run();
    second.divergence().map_or(Ok(second), Err)
}
