use crate::check::Rule;
use crate::federation::Federation;
use crate::tier_a;
use crate::world::Settings;
use std::collections::BTreeSet;
use std::sync::Arc;

/// What is left of a failing seed.
#[derive(Clone, Debug)]
pub struct Shrunk {
    /// The numbers of the faults without which the rule is not broken.
    pub faults: BTreeSet<usize>,
    /// How many runs it took.
    pub runs: u32,
}

/// Finds the few faults of a run of the pure rooms with which a rule is still broken, in at most `budget` runs.
pub fn shrink(federation: &Arc<Federation>, settings: &Settings, rule: Rule, budget: u32) -> Shrunk {
    let drawn = tier_a::run(federation, settings.clone()).faults().len();
    let all = settings.only.clone().unwrap_or_else(|| (0..drawn).collect());
    fewest(all, budget, |only| {
        let world = tier_a::run(federation, Settings { only: Some(only.clone()), ..settings.clone() });
        world.violation().is_some_and(|violation| violation.rule == rule)
    })
}

/// Takes faults away for as long as the run still fails: halves first, then smaller parts, down to single
/// faults, in at most `budget` runs.
pub fn fewest(all: BTreeSet<usize>, budget: u32, fails: impl Fn(&BTreeSet<usize>) -> bool) -> Shrunk {
    let mut kept: Vec<usize> = all.into_iter().collect();
    let mut runs = 1;
    let mut part = kept.len();
    while part > 0 && runs < budget {
        let mut at = 0;
        while at < kept.len() && runs < budget {
            let rest: BTreeSet<usize> =
                kept[..at].iter().chain(&kept[(at + part).min(kept.len())..]).copied().collect();
            runs += 1;
            if fails(&rest) {
                kept = rest.into_iter().collect();
            } else {
                at += part;
            }
        }
        part /= 2;
    }
    Shrunk { faults: kept.into_iter().collect(), runs }
}
