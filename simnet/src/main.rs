//! Runs simnet from the command line.

use clap::{Parser, ValueEnum};
use serde::Serialize;
use simnet::bugs::Bug;
use simnet::check::{Rule, Violation};
use simnet::federation::Federation;
use simnet::report::Report;
use simnet::shrink::{Shrunk, shrink};
use simnet::tier_b::NodeBug;
use simnet::world::Settings;
use simnet::{tier_a, tier_b};
use std::collections::BTreeSet;
use std::fmt::Display;
use std::process::ExitCode;
use std::sync::Arc;

/// How many requests a State makes in a year unless told otherwise: 193 of them make about 20,000.
const CASES_A_YEAR: u32 = 104;
/// How many runs shrinking may take.
const SHRINKING: u32 = 200;

/// Simulates a federation of valise gateways; a seed draws everything, so that every failure replays.
#[derive(Parser, Debug)]
#[command(name = "simnet")]
struct Args {
    /// What is simulated: the pure rooms of many States, or whole nodes
    #[arg(long, value_enum, default_value_t = Tier::A)]
    tier: Tier,
    /// How many States take part (at most 676; 250 whole nodes) [default: 12]
    #[arg(long)]
    states: Option<usize>,
    /// For how many days officers act; then everything heals [default: 90; 60 with whole nodes]
    #[arg(long)]
    days: Option<u32>,
    /// A small world that takes about a second, for sweeps over many seeds
    #[arg(long, value_enum)]
    profile: Option<Profile>,
    /// The seed
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// How many seeds to run, counted from --seed
    #[arg(long, default_value_t = 1)]
    runs: u64,
    /// How many requests each State makes
    #[arg(long)]
    cases: Option<u32>,
    /// Multiplies the rates of all faults
    #[arg(long, default_value_t = 1)]
    harsh: u64,
    /// How many of a thousand acts use the real signatures and seals; whole nodes always do
    #[arg(long, default_value_t = 60)]
    real: u64,
    /// How many of a thousand datagrams between whole nodes are lost in any weather
    #[arg(long, default_value_t = 300)]
    loss: u64,
    /// Plants a bug
    #[arg(long)]
    bug: Option<String>,
    /// Only these of the drawn faults happen, by number; 'none' for none
    #[arg(long, value_parser = faults)]
    faults: Option<BTreeSet<usize>>,
    /// Runs the seed twice and stops where the second run first differs
    #[arg(long)]
    check_determinism: bool,
    /// Prints the summary as JSON
    #[arg(long)]
    json: bool,
}

/// What is simulated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Tier {
    /// The pure rooms on one event heap.
    A,
    /// Whole nodes on a network in memory.
    B,
}

/// The size of a world.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Profile {
    /// About a second of wall time for each seed.
    Second,
}

/// What a run left.
struct Outcome {
    summary: String,
    violation: Option<Violation>,
    drawn: Vec<String>,
}

fn main() -> ExitCode {
    let args = Args::parse();
    let mut failed = Vec::new();
    for seed in args.seed..args.seed.saturating_add(args.runs) {
        match run(&args, seed) {
            Ok(true) => {}
            Ok(false) => failed.push(seed),
            Err(words) => {
                eprintln!("{words}");
                return ExitCode::FAILURE;
            }
        }
    }
    if args.runs > 1 {
        eprintln!("{} seeds, {} failed {failed:?}", args.runs, failed.len());
    }
    if failed.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Runs one seed; false if a rule was broken.
fn run(args: &Args, seed: u64) -> Result<bool, String> {
    let federation = Federation::new(args.states(), seed);
    let federation = Arc::new(federation.map_err(|cause| format!("the federation cannot be made: {cause}"))?);
    let outcome = match args.tier {
        Tier::A => rooms(args, &federation, seed)?,
        Tier::B => nodes(args, &federation, seed)?,
    };
    println!("{}", outcome.summary);
    let Some(violation) = outcome.violation else { return Ok(true) };
    let shrunk = args.shrink(&federation, seed, violation.rule)?;
    eprintln!("\n{} of {} faults suffice ({} runs):", shrunk.faults.len(), outcome.drawn.len(), shrunk.runs);
    for at in &shrunk.faults {
        eprintln!("  {at}: {}", outcome.drawn[*at]);
    }
    eprintln!("replay:\n  {}", args.replay(&shrunk.faults, seed));
    Ok(false)
}

fn rooms(args: &Args, federation: &Arc<Federation>, seed: u64) -> Result<Outcome, String> {
    let settings = args.rooms(seed)?;
    let started = std::time::Instant::now();
    let world = if args.check_determinism {
        tier_a::check_determinism(federation, &settings).map_err(|words| twice(seed, &words))?
    } else {
        tier_a::run(federation, settings)
    };
    let report = Report::new(&world, started.elapsed().as_secs_f64());
    Ok(Outcome {
        summary: args.show(&report),
        violation: world.violation().cloned(),
        drawn: world.faults().iter().map(ToString::to_string).collect(),
    })
}

fn nodes(args: &Args, federation: &Arc<Federation>, seed: u64) -> Result<Outcome, String> {
    let settings = args.nodes(seed)?;
    let started = std::time::Instant::now();
    let world = if args.check_determinism {
        tier_b::check_determinism(federation, &settings).map_err(|words| twice(seed, &words))?
    } else {
        tier_b::run(federation, settings)
    };
    let report = tier_b::Report::new(&world, started.elapsed().as_secs_f64());
    Ok(Outcome {
        summary: args.show(&report),
        violation: world.violation().cloned(),
        drawn: world.faults().iter().map(ToString::to_string).collect(),
    })
}

fn twice(seed: u64, words: &str) -> String {
    format!("seed {seed} is not deterministic: {words}")
}

impl Args {
    fn states(&self) -> usize {
        let small = self.profile.map(|Profile::Second| if self.tier == Tier::A { 12 } else { 4 });
        self.states.or(small).unwrap_or(12)
    }

    fn days(&self) -> u32 {
        let usual = if self.tier == Tier::A { 90 } else { 60 };
        let small = self.profile.map(|Profile::Second| if self.tier == Tier::A { 90 } else { 10 });
        self.days.or(small).unwrap_or(usual)
    }

    fn cases(&self) -> u32 {
        let small = self.profile.map(|Profile::Second| if self.tier == Tier::A { 20 } else { 5 });
        self.cases.or(small).unwrap_or((CASES_A_YEAR * self.days()).div_ceil(365))
    }

    fn rooms(&self, seed: u64) -> Result<Settings, String> {
        let all = || Bug::ALL.map(Bug::code).join(", ");
        let find =
            |code: &String| Bug::from_code(code).ok_or_else(|| format!("no such bug; there are {}", all()));
        Ok(Settings {
            seed,
            days: self.days(),
            cases_per_state: self.cases(),
            harsh: self.harsh,
            real_permille: self.real,
            bug: self.bug.as_ref().map(find).transpose()?,
            only: self.faults.clone(),
        })
    }

    fn nodes(&self, seed: u64) -> Result<tier_b::Settings, String> {
        let all = || NodeBug::ALL.map(NodeBug::code).join(", ");
        let find = |code: &String| {
            NodeBug::from_code(code).ok_or_else(|| format!("no such bug; there are {}", all()))
        };
        Ok(tier_b::Settings {
            seed,
            days: self.days(),
            cases_per_node: self.cases(),
            harsh: self.harsh,
            loss: self.loss,
            bug: self.bug.as_ref().map(find).transpose()?,
            only: self.faults.clone(),
        })
    }

    fn shrink(&self, federation: &Arc<Federation>, seed: u64, rule: Rule) -> Result<Shrunk, String> {
        Ok(match self.tier {
            Tier::A => shrink(federation, &self.rooms(seed)?, rule, SHRINKING),
            Tier::B => tier_b::shrink(federation, &self.nodes(seed)?, rule, SHRINKING),
        })
    }

    fn show(&self, report: &(impl Serialize + Display)) -> String {
        if self.json {
            serde_json::to_string_pretty(report).expect("a report has nothing that JSON lacks")
        } else {
            report.to_string()
        }
    }

    /// Writes the command that replays a failure.
    fn replay(&self, faults: &BTreeSet<usize>, seed: u64) -> String {
        let listed: Vec<String> = faults.iter().map(ToString::to_string).collect();
        let faults = if listed.is_empty() { "none".to_owned() } else { listed.join(",") };
        let bug = self.bug.as_ref().map(|bug| format!(" --bug {bug}")).unwrap_or_default();
        let (tier, share) = match self.tier {
            Tier::A => ("a", format!("--real {}", self.real)),
            Tier::B => ("b", format!("--loss {}", self.loss)),
        };
        format!(
            "cargo run --release -p simnet -- --tier {tier} --states {} --days {} --cases {} --seed {seed} \
             --harsh {} {share} --faults {faults}{bug}",
            self.states(),
            self.days(),
            self.cases(),
            self.harsh
        )
    }
}

fn faults(list: &str) -> Result<BTreeSet<usize>, String> {
    if list == "none" {
        return Ok(BTreeSet::new());
    }
    list.split(',').map(|n| n.parse().map_err(|_| format!("'{n}' is no number of a fault"))).collect()
}
