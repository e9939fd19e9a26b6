//! What a relay costs that forwards acts, and how the mailboxes of very many members drain at once.

use crate::figure::{Bound, Figure};
use crate::nodes::{self, Lab, Node, ask};
use crate::{Failure, stats};
use std::thread;
use std::time::{Duration, Instant};
use valise::control::Command;

/// What to measure.
#[derive(clap::Args)]
pub struct Options {
    /// Acts that pass for the measure of CPU.
    #[arg(long, default_value_t = 2000)]
    acts: u32,
    /// Members whose mailboxes are filled while they are away, each a process of its own of some 20 MiB.
    #[arg(long, default_value_t = 193)]
    members: u32,
    /// Acts in each of these mailboxes.
    #[arg(long, default_value_t = 20)]
    each: u32,
}

const RELAY: &str = "org:relay-bench";
/// Officers' connections that submit at once.
const HANDS: u32 = 32;

/// Measures both.
pub fn measure(lab: &Lab, options: &Options) -> Result<Vec<Figure>, Failure> {
    let full = exchange(&Lab { home: lab.home.join("direct"), ..lab.clone() }, options.acts)?;
    let mut relay = lab.relay(RELAY)?;
    let mut xaa = lab.gateway_by(RELAY, "XAA")?;
    let codes: Vec<String> = nodes::codes(options.members).collect();
    let mut members =
        codes.iter().map(|code| lab.gateway_by(RELAY, code)).collect::<Result<Vec<Node>, _>>()?;
    nodes::join(&[&relay, &xaa].into_iter().chain(&members).collect::<Vec<_>>())?;
    relay.start()?;
    xaa.start()?;
    let first = members.first_mut().ok_or("a relay has members")?;
    first.start()?;
    submit_all(&xaa, &codes[..1], 50)?;
    xaa.drain()?;
    let (before, begun) = (stats::cpu(relay.pid()?)?, Instant::now());
    submit_all(&xaa, &codes[..1], options.acts)?;
    xaa.drain()?;
    let alone = f64::from(options.acts) / begun.elapsed().as_secs_f64();
    let forwarding = (stats::cpu(relay.pid()?)? - before) * 1e6 / f64::from(options.acts);
    first.stop()?;

    // The members are away while their mailboxes fill.
    submit_all(&xaa, &codes, options.each)?;
    await_handed_over(&xaa)?;
    let begun = Instant::now();
    for member in &mut members {
        member.start()?;
    }
    let started = begun.elapsed().as_secs_f64();
    xaa.drain()?;
    let took = begun.elapsed().as_secs_f64();
    let acts = f64::from(options.members * options.each);
    Ok(vec![
        Figure::new("CPU of a relay for an act", (forwarding, full), "us", (Bound::AtMost, 0.35))
            .guaranteeing(&["custody is synced before it is signed", "the relay reads nothing but the route"])
            .with("acts", f64::from(options.acts)),
        Figure::new(
            "mailboxes empty after the last start",
            (took - started, acts / alone),
            "s",
            (Bound::AtMost, 1.0),
        )
        .guaranteeing(&["each act is receipted by its addressee"])
        .with("members", f64::from(options.members))
        .with("acts in each mailbox", f64::from(options.each))
        .with("starting the members before, s", started)
        .with("acts a second through the relay to one member", alone)
        .with("acts a second from the first start on", acts / took),
    ])
}

/// Returns the CPU of a whole direct exchange on both sides, in microseconds.
fn exchange(lab: &Lab, acts: u32) -> Result<f64, Failure> {
    std::fs::create_dir_all(&lab.home)?;
    let (xaa, xbb) = nodes::pair(lab)?;
    let to = ["XBB".to_owned()];
    submit_all(&xaa, &to, 50)?;
    xaa.drain()?;
    let used = || -> Result<f64, Failure> { Ok(stats::cpu(xaa.pid()?)? + stats::cpu(xbb.pid()?)?) };
    let before = used()?;
    submit_all(&xaa, &to, acts)?;
    xaa.drain()?;
    Ok((used()? - before) * 1e6 / f64::from(acts))
}

/// Submits so many requests to each.
fn submit_all(node: &Node, to: &[String], each: u32) -> Result<(), Failure> {
    let commands = to
        .iter()
        .map(|to| Ok(nodes::submit(&nodes::request(1024, to)?)))
        .collect::<Result<Vec<_>, Failure>>()?;
    let hand = |nth: u32| -> Result<(), Failure> {
        let mut line = node.line()?;
        for turn in (nth..each).step_by(HANDS as usize) {
            for command in &commands {
                ask(&mut line, command.clone()).map_err(|cause| format!("turn {turn}: {cause}"))?;
            }
        }
        Ok(())
    };
    thread::scope(|scope| {
        let hand = &hand;
        let hands: Vec<_> = (0..HANDS).map(|nth| scope.spawn(move || hand(nth))).collect();
        hands.into_iter().try_for_each(|hand| hand.join().map_err(|_| "a hand panicked")?)
    })
}

/// Waits until the relay has signed for all that waits.
fn await_handed_over(node: &Node) -> Result<(), Failure> {
    let begun = Instant::now();
    while begun.elapsed() < Duration::from_secs(300) {
        let list = node.ask(Command::QueueList)?;
        let rows = list.as_array().ok_or("no queue")?;
        if rows.iter().all(|row| row["custody"].as_array().is_some_and(|custody| !custody.is_empty())) {
            return Ok(());
        }
        thread::sleep(Duration::from_millis(200));
    }
    Err("the relay does not take what waits".into())
}
