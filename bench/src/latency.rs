//! Milliseconds from an officer's word to the verified receipt, with nothing else on the line.

use crate::figure::{Bound, Figure};
use crate::nodes::{self, Lab, ask, queued};
use crate::{Failure, limits, stats};
use std::time::Instant;

/// What to measure.
#[derive(clap::Args)]
pub struct Options {
    /// How many requests, one after the other.
    #[arg(long, default_value_t = 300)]
    count: usize,
}

/// Measures the median and the 99th percentile.
pub fn measure(lab: &Lab, options: &Options) -> Result<Vec<Figure>, Failure> {
    let (xaa, _xbb) = nodes::pair(lab)?;
    let submit = nodes::submit(&nodes::request(1024, "XBB")?);
    let mut line = xaa.line()?;
    let mut took = Vec::with_capacity(options.count);
    for nth in 0..options.count + 20 {
        let begun = Instant::now();
        ask(&mut line, submit.clone())?;
        while queued(&mut line)? > 0 {
            std::hint::spin_loop();
        }
        // The first ones open the road.
        if nth >= 20 {
            took.push(begun.elapsed().as_secs_f64() * 1e3);
        }
    }
    let crypto = limits::ours(1024)?.exchange(1.0) / 1e3;
    let mut syncs = limits::syncs(&lab.home, 4096, 500)?;
    let trip = stats::percentile(&mut limits::round_trips(500)?, 0.5);
    let (sync, worst) = (stats::percentile(&mut syncs, 0.5), stats::percentile(&mut syncs, 0.99));
    let limit = 2.0 * sync + crypto + trip;
    let limit_99 = 2.0 * worst + crypto + trip;
    let parts = |figure: Figure| {
        figure
            .guaranteeing(&["as for exchange: nothing is sent or receipted before it is synced"])
            .with("sync, median ms", sync)
            .with("sync, 99th percentile ms", worst)
            .with("primitives, ms", crypto)
            .with("loopback round trip, ms", trip)
    };
    let (half, most) = (stats::percentile(&mut took, 0.5), stats::percentile(&mut took, 0.99));
    Ok(vec![
        parts(Figure::new("latency, median", (half, limit), "ms", (Bound::AtMost, 1.5))),
        parts(Figure::new("latency, 99th percentile", (most, limit_99), "ms", (Bound::AtMost, 3.0))),
    ])
}
