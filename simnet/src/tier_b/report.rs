use super::world::World;
use crate::heap::DAY;
use serde::Serialize;
use std::collections::BTreeMap;
use std::fmt;

/// The summary of a run of whole nodes.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// The seed.
    pub seed: u64,
    /// How many nodes took part.
    pub nodes: usize,
    /// For how many days officers acted and faults happened.
    pub days: u32,
    /// After how many days everything had healed.
    pub virtual_days: f64,
    /// How long the run took.
    pub wall_seconds: f64,
    /// Virtual days per second.
    pub days_per_second: f64,
    /// Cases that were opened.
    pub cases: u64,
    /// Acts that nodes hold.
    pub acts: u64,
    /// Acts that officers were told are made, by kind.
    pub acts_by_kind: BTreeMap<String, u64>,
    /// Acknowledgements and responses that came too late.
    pub late: [u64; 2],
    /// Commands of officers that were refused or could not be carried out.
    pub refused_commands: u64,
    /// Releases that were asked for, and shown.
    pub releases: [u64; 2],
    /// Datagrams that were sent, lost, doubled; their bytes.
    pub datagrams: [u64; 4],
    /// Losses of power, ends after a failed sync, starts.
    pub crashes_ends_starts: [u64; 3],
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
        let (tally, settings) = (&world.tally, &world.settings);
        let counts = world.site.net.counts();
        let virtual_days = world.now as f64 / DAY as f64;
        Self {
            seed: settings.seed,
            nodes: world.nodes.len(),
            days: settings.days,
            virtual_days,
            wall_seconds,
            days_per_second: virtual_days / wall_seconds.max(1e-9),
            cases: tally.cases,
            acts: world.watcher.acts().count() as u64,
            acts_by_kind: tally.acts.clone(),
            late: tally.late,
            refused_commands: tally.refused,
            releases: tally.releases,
            datagrams: [counts.sent, counts.lost, counts.doubled, counts.bytes],
            crashes_ends_starts: [tally.crashes, tally.ended, tally.starts],
            faults: tally.faults.clone(),
            checks: world.watcher.counts().iter().map(|(rule, n)| (rule.number(), *n)).collect(),
            fingerprint: format!("{:016x}", world.trace().fingerprint()),
            violation: world.violation().map(ToString::to_string),
        }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let list = |pairs: Vec<String>| pairs.join(", ");
        let healed = (self.virtual_days - f64::from(self.days)).max(0.0);
        let (seed, nodes, days) = (self.seed, self.nodes, self.days);
        writeln!(f, "seed {seed}: {nodes} whole nodes, {days} days and {healed:.1} until healed")?;
        writeln!(f, "cases       {}", self.cases)?;
        let acts = self.acts_by_kind.iter().map(|(kind, n)| format!("{kind} {n}")).collect();
        writeln!(f, "acts        {} ({}); all with the real cryptography", self.acts, list(acts))?;
        writeln!(f, "late        {} acknowledgements, {} responses", self.late[0], self.late[1])?;
        writeln!(f, "releases    {} asked for, {} shown", self.releases[0], self.releases[1])?;
        writeln!(f, "refused     {} commands of officers", self.refused_commands)?;
        let [sent, lost, doubled, bytes] = self.datagrams;
        writeln!(f, "datagrams   {sent} sent ({bytes} bytes), {lost} lost, {doubled} doubled")?;
        let faults = self.faults.iter().map(|(kind, n)| format!("{kind} {n}")).collect();
        let [crashes, ended, starts] = self.crashes_ends_starts;
        writeln!(f, "faults      {}", list(faults))?;
        writeln!(
            f,
            "nodes       {crashes} losses of power, {ended} ends after a failed sync, {starts} starts"
        )?;
        let checks = self.checks.iter().map(|(rule, n)| format!("{rule} {n}")).collect();
        writeln!(f, "checks      {}", list(checks))?;
        let (wall, speed) = (self.wall_seconds, self.days_per_second);
        writeln!(f, "time        {wall:.2} s, {speed:.1} virtual days a second")?;
        writeln!(f, "fingerprint {}", self.fingerprint)?;
        match &self.violation {
            Some(words) => writeln!(f, "VIOLATION   {words}"),
            None => writeln!(f, "every rule held"),
        }
    }
}
