//! Measures real gateway processes over loopback, each figure beside the limit that was measured in the same run
//! (`docs/performance.md`). Run it with `cargo run --release -p bench -- exchange`.

#![expect(clippy::disallowed_methods, reason = "a benchmark reads the clock, and draws at random")]

mod attach;
mod exchange;
mod figure;
mod idle;
mod latency;
mod limits;
mod nodes;
mod proxy;
mod relay;
mod start;
mod stats;
mod wire;

use clap::{Parser, Subcommand};
use figure::Figure;
use std::path::PathBuf;
use std::process::ExitCode;

/// What went wrong, in words; a benchmark has nobody to hide them from.
pub type Failure = Box<dyn std::error::Error + Send + Sync>;

/// The command line.
#[derive(Parser)]
#[command(about, version)]
struct Args {
    /// What to measure.
    #[command(subcommand)]
    what: What,
    /// Print one JSON document instead of lines.
    #[arg(long, global = true)]
    json: bool,
    /// The folder below which data is kept while it runs; it should lie on the disk that is meant.
    #[arg(long, global = true, value_name = "DIR", default_value = "target")]
    on: PathBuf,
    /// The valise binary; built with cargo by default.
    #[arg(long, global = true, value_name = "FILE")]
    valise: Option<PathBuf>,
}

#[derive(Subcommand)]
enum What {
    /// Requests per second, 64 in flight, from the signature to the verified receipt.
    Exchange(exchange::Options),
    /// Milliseconds of one request, alone on the line.
    Latency(latency::Options),
    /// MiB per second of a large photograph, and the memory it takes on both sides.
    Attach(attach::Options),
    /// CPU of a relay for each act, and the draining of many mailboxes.
    Relay(relay::Options),
    /// Seconds to start with very many cases, and milliseconds of a page.
    Start(start::Options),
    /// Memory and CPU of connected peers that say nothing.
    Idle(idle::Options),
    /// Bytes of a request with its receipt on the line, and round trips over a slow one.
    Wire(wire::Options),
}

fn main() -> ExitCode {
    let args = Args::parse();
    match measure(&args) {
        Ok(figures) => {
            figure::print(&figures, args.json);
            // A target that is missed on this machine is a finding, as everywhere in valise.
            if figures.iter().all(Figure::is_met) { ExitCode::SUCCESS } else { ExitCode::from(1) }
        }
        Err(cause) => {
            eprintln!("bench: {cause}");
            ExitCode::from(69)
        }
    }
}

fn measure(args: &Args) -> Result<Vec<Figure>, Failure> {
    if cfg!(debug_assertions) {
        return Err("an unoptimised build measures nothing; run it with --release".into());
    }
    std::fs::create_dir_all(&args.on)?;
    let home = tempfile::Builder::new().prefix("bench-").tempdir_in(&args.on)?;
    let home = std::fs::canonicalize(home.path()).map(|path| (home, path))?;
    let lab = nodes::Lab { valise: nodes::binary(args.valise.as_deref())?, home: home.1.clone() };
    match &args.what {
        What::Exchange(options) => exchange::measure(&lab, options),
        What::Latency(options) => latency::measure(&lab, options),
        What::Attach(options) => attach::measure(&lab, options),
        What::Relay(options) => relay::measure(&lab, options),
        What::Start(options) => start::measure(&lab, options),
        What::Idle(options) => idle::measure(&lab, options),
        What::Wire(options) => wire::measure(&lab, options),
    }
}
