//! Bytes of a request with its receipt on the line, and how many round trips they take on a slow one.

use crate::figure::{Bound, Figure};
use crate::nodes::{self, Lab, Node, ask, queued};
use crate::{Failure, proxy};
use std::thread::sleep;
use std::time::{Duration, Instant};
use valise::control::Command;

/// What to measure.
#[derive(clap::Args)]
pub struct Options {
    /// How many requests, one after the other.
    #[arg(long, default_value_t = 50)]
    count: u32,
    /// The round trip of the slow line in milliseconds.
    #[arg(long, default_value_t = 600)]
    round_trip: u64,
}

/// Half of a round trip and half of the next are no third one; syncs and cryptography lie within it.
const SLACK: f64 = 1.3;

/// Measures both.
pub fn measure(lab: &Lab, options: &Options) -> Result<Vec<Figure>, Failure> {
    let port = nodes::free_port()?;
    let (reached, counts) = proxy::open(port)?;
    let (mut xaa, mut xbb) = (lab.gateway("XAA")?, lab.gateway_behind("XBB", port, reached)?);
    nodes::join(&[&xaa, &xbb])?;
    xaa.start()?;
    xbb.start()?;
    let submit = nodes::submit(&nodes::request(1024, "XBB")?);
    for _ in 0..5 {
        exchange(&xaa, &submit)?;
    }
    let mut figures =
        vec![alone(&xaa, &submit, &counts, options.count)?, batched(&xaa, &submit, &counts, options.count)?];
    counts.slow(Duration::from_millis(options.round_trip / 2));
    #[expect(clippy::cast_precision_loss, reason = "milliseconds")]
    let trip = options.round_trip as f64;
    // The first one on the slow line tells QUIC how slow it is.
    exchange(&xaa, &submit)?;
    sleep(Duration::from_secs(2));
    let warm = exchange(&xaa, &submit)?;
    figures.push(Figure::new("warm exchange", (warm, trip), "ms", (Bound::AtMost, SLACK)));
    xaa.stop()?;
    xaa.start()?;
    // Handshake, then the comparison of directories that a start makes necessary, then the request.
    let first = exchange(&xaa, &submit)?;
    figures.push(Figure::new(
        "first exchange after a start",
        (first, 3.0 * trip),
        "ms",
        (Bound::AtMost, SLACK),
    ));
    counts.end();
    Ok(figures)
}

/// Returns the milliseconds from the word to the receipt.
fn exchange(xaa: &Node, submit: &Command) -> Result<f64, Failure> {
    let mut line = xaa.line()?;
    let begun = Instant::now();
    ask(&mut line, submit.clone())?;
    while queued(&mut line)? > 0 {
        sleep(Duration::from_millis(1));
    }
    Ok(begun.elapsed().as_secs_f64() * 1e3)
}

fn alone(xaa: &Node, submit: &Command, counts: &proxy::Counts, count: u32) -> Result<Figure, Failure> {
    sleep(Duration::from_secs(1));
    let before = counts.read();
    for _ in 0..count {
        exchange(xaa, submit)?;
    }
    sleep(Duration::from_secs(1));
    Ok(per_request("bytes of a 1 KiB request and its receipt, alone", before, counts.read(), count))
}

fn batched(xaa: &Node, submit: &Command, counts: &proxy::Counts, count: u32) -> Result<Figure, Failure> {
    let before = counts.read();
    std::thread::scope(|scope| {
        let hands: Vec<_> = (0..count).map(|_| scope.spawn(|| xaa.ask(submit.clone()))).collect();
        hands.into_iter().try_for_each(|hand| hand.join().map_err(|_| "a hand panicked")?.map(drop))
    })?;
    xaa.drain()?;
    sleep(Duration::from_secs(1));
    Ok(per_request("bytes of a 1 KiB request and its receipt, in batches", before, counts.read(), count))
}

fn per_request(what: &str, before: (u64, u64), after: (u64, u64), count: u32) -> Figure {
    let (bytes, datagrams) = (after.0 - before.0, after.1 - before.1);
    #[expect(clippy::cast_precision_loss, reason = "small counts")]
    let each = |sum: u64| sum as f64 / f64::from(count);
    Figure::new(what, (each(bytes), 4000.0), "B", (Bound::AtMost, 1.0))
        .guaranteeing(&[
            "padded (Padmé), sealed to ML-KEM-768 with X25519, receipted with a proof in the peer's log",
        ])
        .with("datagrams", each(datagrams))
        .with("with IPv4 and UDP headers, B", each(bytes + datagrams * proxy::HEADERS))
}
