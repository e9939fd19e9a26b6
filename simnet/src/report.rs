use crate::check::{Rule, Violation};
use crate::federation::MAX_STATES;
use crate::heap::DAY;
use crate::world::{Settings, World};
use serde::Serialize;
use std::collections::BTreeMap;
use std::fmt;
use valise::rules::deadline::Clock;

/// What a run counts.
#[derive(Clone, Debug, Default)]
pub struct Tally {
    /// Things that happened.
    pub events: u64,
    /// Requests that officers sent off.
    pub cases: u64,
    /// Durable acts by kind.
    pub acts: BTreeMap<&'static str, u64>,
    /// Acts through the real lane.
    pub real: u64,
    /// Acts through the fast lane.
    pub fast: u64,
    /// Officers' commands that were refused.
    pub refused: u64,
    /// Frames that were sent.
    pub frames: u64,
    /// Frames that were lost.
    pub lost: u64,
    /// Frames that came twice.
    pub duplicated: u64,
    /// Letters that were sent again.
    pub retries: u64,
    /// Forged letters that arrived.
    pub forged: u64,
    /// Rejections that were sent.
    pub rejects: u64,
    /// Proofs of contradiction that were kept.
    pub equivocations: u64,
    /// Crashes.
    pub crashes: u64,
    /// Releases that were asked for.
    pub releases: u64,
    /// Releases that were denied.
    pub denied: u64,
    /// Permits under which something was shown.
    pub shown: u64,
    /// Faults by kind.
    pub faults: BTreeMap<&'static str, u64>,
}

/// The summary of a run.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// The seed.
    pub seed: u64,
    /// How many States took part.
    pub states: usize,
    /// How many days officers acted.
    pub days: u32,
    /// How many days went by until all had healed.
    pub virtual_days: f64,
    /// How long the run took, in seconds.
    pub wall_seconds: f64,
    /// Days of virtual time in a second.
    pub days_per_second: f64,
    /// Things that happened.
    pub events: u64,
    /// Requests that officers sent off.
    pub cases: u64,
    /// Durable acts.
    pub acts: u64,
    /// Durable acts by kind.
    pub acts_by_kind: BTreeMap<&'static str, u64>,
    /// The share of acts that took the real cryptography.
    pub real_share: f64,
    /// Acknowledgements that came too late.
    pub late_acknowledgements: u64,
    /// Responses that came too late.
    pub late_responses: u64,
    /// Clocks that still ran after their end, at the end.
    pub overdue: u64,
    /// Officers' commands that were refused.
    pub refused_commands: u64,
    /// Releases: asked for, denied, shown.
    pub releases: [u64; 3],
    /// Frames: sent, lost, doubled, sent again.
    pub frames: [u64; 4],
    /// Forged letters that arrived, and rejections that were sent.
    pub forged_and_rejected: [u64; 2],
    /// Proofs of contradiction.
    pub equivocations: u64,
    /// Crashes.
    pub crashes: u64,
    /// Faults by kind.
    pub faults: BTreeMap<&'static str, u64>,
    /// How often each rule was checked, by its number in DESIGN.
    pub checks: BTreeMap<&'static str, u64>,
    /// The digest over all that happened.
    pub fingerprint: String,
    /// What went wrong first.
    pub violation: Option<String>,
}

impl Report {
    /// Sums a run up.
    pub fn new(world: &World, wall_seconds: f64) -> Self {
        let (late, overdue) = clocks(world);
        let Settings { seed, days, .. } = world.settings;
        let tally = &world.tally;
        let virtual_days = world.now as f64 / DAY as f64;
        let all = (tally.real + tally.fast).max(1);
        Self {
            seed,
            states: world.shells.len().min(MAX_STATES),
            days,
            virtual_days,
            wall_seconds,
            days_per_second: virtual_days / wall_seconds.max(1e-9),
            events: tally.events,
            cases: tally.cases,
            acts: tally.acts.values().sum(),
            acts_by_kind: tally.acts.clone(),
            real_share: tally.real as f64 / all as f64,
            late_acknowledgements: late[0],
            late_responses: late[1],
            overdue,
            refused_commands: tally.refused,
            releases: [tally.releases, tally.denied, tally.shown],
            frames: [tally.frames, tally.lost, tally.duplicated, tally.retries],
            forged_and_rejected: [tally.forged, tally.rejects],
            equivocations: tally.equivocations,
            crashes: tally.crashes,
            faults: tally.faults.clone(),
            checks: world.checker.counts().iter().map(|(rule, n)| (rule.number(), *n)).collect(),
            fingerprint: format!("{:016x}", world.fingerprint()),
            violation: world.violation().map(ToString::to_string),
        }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let list = |map: &BTreeMap<&'static str, u64>| {
            map.iter().map(|(name, n)| format!("{name} {n}")).collect::<Vec<_>>().join(", ")
        };
        writeln!(
            f,
            "seed {}: {} States, {} days and {:.1} until healed",
            self.seed,
            self.states,
            self.days,
            (self.virtual_days - f64::from(self.days)).max(0.0)
        )?;
        writeln!(f, "cases       {}", self.cases)?;
        writeln!(
            f,
            "acts        {} ({}); {:.1} % with the real cryptography",
            self.acts,
            list(&self.acts_by_kind),
            self.real_share * 100.0
        )?;
        writeln!(
            f,
            "late        {} acknowledgements, {} responses; {} clocks overdue at the end",
            self.late_acknowledgements, self.late_responses, self.overdue
        )?;
        let [asked, denied, shown] = self.releases;
        writeln!(f, "releases    {asked} asked for, {denied} denied, {shown} shown")?;
        writeln!(f, "refused     {} commands of officers", self.refused_commands)?;
        let [sent, lost, doubled, again] = self.frames;
        writeln!(f, "frames      {sent} sent, {lost} lost, {doubled} doubled, {again} retries")?;
        let [forged, rejected] = self.forged_and_rejected;
        writeln!(
            f,
            "hostile     {forged} forged letters, {rejected} rejections, {} contradictions proved",
            self.equivocations
        )?;
        writeln!(f, "faults      {}; {} crashes took place", list(&self.faults), self.crashes)?;
        writeln!(f, "checks      {}", list(&self.checks))?;
        writeln!(
            f,
            "time        {} events, {:.2} s, {:.0} virtual days a second",
            self.events, self.wall_seconds, self.days_per_second
        )?;
        writeln!(f, "fingerprint {}", self.fingerprint)?;
        match &self.violation {
            Some(words) => writeln!(f, "VIOLATION   {words}"),
            None => writeln!(f, "every rule held"),
        }
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let day = self.at as f64 / DAY as f64;
        write!(f, "rule {} ({:?}) on day {day:.3}: {}", self.rule.number(), self.rule, self.words)
    }
}

/// Counts the clocks that stopped late, and those that never did.
fn clocks(world: &World) -> ([u64; 2], u64) {
    let (mut late, mut overdue) = ([0; 2], 0);
    for case in world.checker.reference().cases() {
        let Some((asker, _)) = world.checker.reference().parties(case) else { continue };
        let Some(view) = world.shells[asker].view(case, world.clock(asker)) else { continue };
        let stopped = view.clocks.late();
        late[0] += u64::from(stopped.contains(&Clock::Ack));
        late[1] += u64::from(stopped.contains(&Clock::Respond));
        overdue += view.clocks.overdue().len() as u64;
    }
    (late, overdue)
}

impl Rule {
    /// Every rule that the checker knows.
    pub const ALL: [Self; 10] = [
        Self::PermitFirst,
        Self::VerifiedFirst,
        Self::Grounds,
        Self::ReceivedOnce,
        Self::SameFold,
        Self::OneDigest,
        Self::OneHead,
        Self::NoneLost,
        Self::Survives,
        Self::Law,
    ];
}
