//! Runs simnet from the command line.

use clap::Parser;
use simnet::bugs::Bug;
use simnet::federation::Federation;
use simnet::report::Report;
use simnet::shrink::shrink;
use simnet::tier_a;
use simnet::world::{Settings, World};
use std::collections::BTreeSet;
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
    /// How many States take part (at most 676)
    #[arg(long, default_value_t = 12)]
    states: usize,
    /// For how many days officers act; then everything heals
    #[arg(long, default_value_t = 90)]
    days: u32,
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
    /// How many of a thousand acts use the real signatures and seals
    #[arg(long, default_value_t = 100)]
    real: u64,
    /// Plants a bug
    #[arg(long, value_parser = bug)]
    bug: Option<Bug>,
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

fn main() -> ExitCode {
    let args = Args::parse();
    let mut failed = false;
    for seed in args.seed..args.seed.saturating_add(args.runs) {
        failed |= !run(&args, seed);
    }
    if failed { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}

/// Runs one seed; false if a rule was broken.
fn run(args: &Args, seed: u64) -> bool {
    let federation = match Federation::new(args.states, seed) {
        Ok(federation) => Arc::new(federation),
        Err(cause) => {
            eprintln!("the federation cannot be made: {cause}");
            return false;
        }
    };
    let settings = settings(args, seed);
    let started = std::time::Instant::now();
    let world = if args.check_determinism {
        match tier_a::check_determinism(&federation, &settings) {
            Ok(world) => world,
            Err(words) => {
                eprintln!("seed {seed} is not deterministic: {words}");
                return false;
            }
        }
    } else {
        tier_a::run(&federation, settings.clone())
    };
    let report = Report::new(&world, started.elapsed().as_secs_f64());
    if args.json {
        println!("{}", serde_json::to_string_pretty(&report).expect("a report has nothing that JSON lacks"));
    } else {
        print!("{report}");
    }
    let Some(violation) = world.violation() else { return true };
    let shrunk = shrink(&federation, &settings, violation.rule, SHRINKING);
    eprintln!("\n{} of {} faults suffice ({} runs):", shrunk.faults.len(), world.faults().len(), shrunk.runs);
    for at in &shrunk.faults {
        eprintln!("  {at}: {}", world.faults()[*at]);
    }
    eprintln!("replay:\n  {}", replay(args, &world, &shrunk.faults, seed));
    false
}

fn settings(args: &Args, seed: u64) -> Settings {
    Settings {
        seed,
        days: args.days,
        cases_per_state: args.cases.unwrap_or((CASES_A_YEAR * args.days).div_ceil(365)),
        harsh: args.harsh,
        real_permille: args.real,
        bug: args.bug,
        only: args.faults.clone(),
    }
}

/// Writes the command that replays a failure.
fn replay(args: &Args, world: &World, faults: &BTreeSet<usize>, seed: u64) -> String {
    let listed: Vec<String> = faults.iter().map(ToString::to_string).collect();
    let faults = if listed.is_empty() { "none".to_owned() } else { listed.join(",") };
    let bug = args.bug.map(|bug| format!(" --bug {}", bug.code())).unwrap_or_default();
    let Settings { days, cases_per_state, harsh, real_permille, .. } = world.settings();
    format!(
        "cargo run --release -p simnet -- --states {} --days {days} --cases {cases_per_state} --seed {seed} \
         --harsh {harsh} --real {real_permille} --faults {faults}{bug}",
        args.states
    )
}

fn bug(code: &str) -> Result<Bug, String> {
    let all = || Bug::ALL.map(Bug::code).join(", ");
    Bug::from_code(code).ok_or_else(|| format!("no such bug; there are {}", all()))
}

fn faults(list: &str) -> Result<BTreeSet<usize>, String> {
    if list == "none" {
        return Ok(BTreeSet::new());
    }
    list.split(',').map(|n| n.parse().map_err(|_| format!("'{n}' is no number of a fault"))).collect()
}
