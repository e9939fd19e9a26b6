//! simnet: a year of the federation in a minute, and every failure replays.
//!
//! A seed draws everything: who knows whom, what officers do and when, what goes wrong. The run is checked
//! throughout against the invariants of DESIGN §12 and a small model of the law; then all faults end, and
//! everything must converge.

/// Mistakes that can be planted, to prove that the checks bite.
pub mod bugs;
pub mod check;
mod chronicle;
mod commit;
mod deeds;
mod disk;
mod draw;
pub mod fault;
/// The States, their keys and whom each knows.
pub mod federation;
mod heap;
mod hostile;
mod lane;
mod link;
mod officer;
mod orders;
mod reference;
/// The summary of a run.
pub mod report;
/// A relay that lies.
pub mod rogue;
mod samples;
mod shell;
/// Finds the few faults that a failure needs.
pub mod shrink;
pub mod tier_a;
/// Whole nodes on a simulated network.
pub mod tier_b;
/// Follows a run so that it can be compared with another.
pub mod trace;
/// The federation in motion.
pub mod world;
