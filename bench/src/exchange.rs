//! Requests per second between two gateways, from an officer's word to the receipt that the sender has verified.

use crate::figure::{Bound, Figure};
use crate::nodes::{self, Lab, Node, ask, queued};
use crate::{Failure, limits, stats};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
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
        let gate = Gate::default();
        let begun = Instant::now();
        let said = thread::scope(|scope| -> Result<usize, Failure> {
            let gate = &gate;
            let hand = move || self.hand(gate).map_err(|cause| gate.end(Some(cause.to_string())));
            let hands: Vec<_> =
                (0..HANDS.min(self.in_flight)).map(|_| scope.spawn(move || hand().unwrap_or(0))).collect();
            let watched = self.watch(gate, begun + span);
            gate.end(watched.err().map(|cause| cause.to_string()));
            Ok(hands.into_iter().map(|hand| hand.join().unwrap_or(0)).sum())
        })?;
        if let Some(cause) = gate.lock().failure.take() {
            return Err(cause.into());
        }
        self.xaa.drain()?;
        Ok((said, begun.elapsed()))
    }

    /// Tells the hands how many requests wait for their receipts.
    fn watch(&self, gate: &Gate, until: Instant) -> Result<(), Failure> {
        let mut line = self.xaa.line()?;
        while Instant::now() < until && !gate.lock().over {
            let waiting = queued(&mut line)?;
            let mut state = gate.lock();
            state.waiting = waiting;
            let room = self.in_flight.saturating_sub(state.waiting + state.busy);
            drop(state);
            (0..room).for_each(|_| gate.room.notify_one());
            thread::sleep(Duration::from_millis(4));
        }
        Ok(())
    }

    /// Submits whenever there is room; returns how many times.
    fn hand(&self, gate: &Gate) -> Result<usize, Failure> {
        let (mut line, mut said) = (self.xaa.line()?, 0);
        loop {
            let mut state = gate.lock();
            while !state.over && state.busy + state.waiting >= self.in_flight {
                state = gate.room.wait(state).unwrap_or_else(PoisonError::into_inner);
            }
            if state.over {
                return Ok(said);
            }
            state.busy += 1;
            drop(state);
            let answer = ask(&mut line, self.submit.clone());
            let mut state = gate.lock();
            state.busy -= 1;
            answer?;
            state.waiting += 1;
            said += 1;
        }
    }
}

/// What lets no more requests out than there may be in flight; nobody spins on the cores that are measured.
#[derive(Default)]
struct Gate {
    state: Mutex<State>,
    room: Condvar,
}

#[derive(Default)]
struct State {
    busy: usize,
    waiting: usize,
    over: bool,
    failure: Option<String>,
}

impl Gate {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn end(&self, failure: Option<String>) {
        let mut state = self.lock();
        state.over = true;
        if let Some(cause) = failure {
            state.failure.get_or_insert(cause);
        }
        drop(state);
        self.room.notify_all();
    }
}
