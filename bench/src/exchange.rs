//! Requests per second between two gateways, from an officer's word to the receipt that the sender has verified.

use crate::figure::{Bound, Figure};
use crate::nodes::{self, Lab, Node, ask, queued};
use crate::{Failure, limits, stats};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};
use valise::control::Command;

/// What to measure.
#[derive(clap::Args)]
pub struct Options {
    /// Seconds of measuring, after two of warming up.
    #[arg(long, default_value_t = 10)]
    seconds: u64,
    /// Requests between the officer's word and the receipt at once.
    #[arg(long, default_value_t = 64)]
    in_flight: usize,
    /// Bytes of each request; both sizes by default.
    #[arg(long, value_name = "BYTES", value_delimiter = ',', default_value = "1024,16384")]
    sizes: Vec<usize>,
}

/// What every counted request has behind it.
const GUARANTEES: [&str; 4] = [
    "signed, sealed and synced before it is sent",
    "verified, opened and synced before its receipt is signed",
    "its receipt is proved in the peer's log, verified and synced by the sender",
    "both clocks and the case are decided on",
];

/// How many officers' connections submit at once; the node takes 64.
const HANDS: usize = 48;

/// Measures each size.
pub fn measure(lab: &Lab, options: &Options) -> Result<Vec<Figure>, Failure> {
    let (xaa, xbb) = nodes::pair(lab)?;
    let mut figures = Vec::new();
    for &size in &options.sizes {
        figures.push(one(&xaa, &xbb, size, options)?);
    }
    Ok(figures)
}

fn one(xaa: &Node, xbb: &Node, size: usize, options: &Options) -> Result<Figure, Failure> {
    let request = nodes::request(size, "XBB")?;
    let submit = nodes::submit(&request);
    let run = Run { xaa, submit, in_flight: options.in_flight };
    run.spin(Duration::from_secs(2))?;
    let before = (stats::cpu(xaa.pid()?)?, stats::cpu(xbb.pid()?)?);
    let (count, took) = run.spin(Duration::from_secs(options.seconds))?;
    let after = (stats::cpu(xaa.pid()?)?, stats::cpu(xbb.pid()?)?);
    // Right after, on the same cores: the machine is as warm and as noisy.
    let (ours, fastest) = (limits::ours(size)?, limits::fastest(size)?);
    #[expect(clippy::cast_precision_loss, reason = "small counts")]
    let (done, cores, group) = (count as f64, limits::cores() as f64, options.in_flight as f64 / 2.0);
    let rate = done / took.as_secs_f64();
    let limit = cores * 1e6 / fastest.exchange(group);
    let own = cores * 1e6 / ours.exchange(group);
    let figure =
        Figure::new(format!("exchange {size} B"), (rate, limit), "requests/s", (Bound::AtLeast, 0.6));
    Ok(figure
        .guaranteeing(&GUARANTEES)
        .with("in flight", group * 2.0)
        .with("limit with the primitives in use, requests/s", own)
        .with("ratio to that", rate / own)
        .with("sign, us", ours.sign)
        .with("verify, us", ours.verify)
        .with("encapsulate and seal, us", ours.seal)
        .with("decapsulate and open, us", ours.open)
        .with("fastest: sign, us", fastest.sign)
        .with("fastest: verify, us", fastest.verify)
        .with("fastest: encapsulate and seal, us", fastest.seal)
        .with("fastest: decapsulate and open, us", fastest.open)
        .with("CPU of the sender, us a request", (after.0 - before.0) * 1e6 / done)
        .with("CPU of the addressee, us a request", (after.1 - before.1) * 1e6 / done))
}

struct Run<'a> {
    xaa: &'a Node,
    submit: Command,
    in_flight: usize,
}

impl Run<'_> {
    /// Keeps so many requests in flight for so long; returns how many got their receipts, and the time until the last.
    fn spin(&self, span: Duration) -> Result<(usize, Duration), Failure> {
        let (said, waiting, over) = (AtomicUsize::new(0), AtomicUsize::new(0), AtomicBool::new(false));
        let busy = AtomicUsize::new(0);
        let failure: Mutex<Option<String>> = Mutex::new(None);
        let begun = Instant::now();
        thread::scope(|scope| -> Result<(), Failure> {
            for _ in 0..HANDS.min(self.in_flight) {
                scope.spawn(|| {
                    if let Err(cause) = self.hand(&said, &waiting, &busy, &over) {
                        over.store(true, Ordering::Relaxed);
                        failure
                            .lock()
                            .unwrap_or_else(std::sync::PoisonError::into_inner)
                            .get_or_insert(cause.to_string());
                    }
                });
            }
            let mut line = self.xaa.line()?;
            while begun.elapsed() < span && !over.load(Ordering::Relaxed) {
                waiting.store(queued(&mut line)?, Ordering::Relaxed);
                thread::sleep(Duration::from_millis(2));
            }
            over.store(true, Ordering::Relaxed);
            Ok(())
        })?;
        if let Some(cause) = failure.lock().unwrap_or_else(std::sync::PoisonError::into_inner).take() {
            return Err(cause.into());
        }
        self.xaa.drain()?;
        Ok((said.into_inner(), begun.elapsed()))
    }

    fn hand(
        &self,
        said: &AtomicUsize,
        waiting: &AtomicUsize,
        busy: &AtomicUsize,
        over: &AtomicBool,
    ) -> Result<(), Failure> {
        let mut line = self.xaa.line()?;
        while !over.load(Ordering::Relaxed) {
            let mine = busy.fetch_add(1, Ordering::Relaxed);
            if mine + waiting.load(Ordering::Relaxed) < self.in_flight {
                ask(&mut line, self.submit.clone())?;
                said.fetch_add(1, Ordering::Relaxed);
                waiting.fetch_add(1, Ordering::Relaxed);
            } else {
                thread::sleep(Duration::from_micros(500));
            }
            busy.fetch_sub(1, Ordering::Relaxed);
        }
        Ok(())
    }
}
