//! What connected peers cost that say nothing.

use crate::figure::{Bound, Figure};
use crate::nodes::{self, Lab, Node};
use crate::{Failure, stats};
use std::thread::sleep;
use std::time::{Duration, Instant};
use valise::control::Command;

/// What to measure.
#[derive(clap::Args)]
pub struct Options {
    /// How many peers, each a process of its own of some 20 MiB.
    #[arg(long, default_value_t = 193)]
    peers: u32,
    /// Seconds of silence that are measured.
    #[arg(long, default_value_t = 30)]
    seconds: u64,
}

/// Measures memory and CPU of the one to whom all are connected.
pub fn measure(lab: &Lab, options: &Options) -> Result<Vec<Figure>, Failure> {
    let mut hub = lab.gateway("XAA")?;
    let mut peers =
        nodes::codes(options.peers).map(|code| lab.gateway(&code)).collect::<Result<Vec<Node>, _>>()?;
    let all: Vec<&Node> = std::iter::once(&hub).chain(&peers).collect();
    nodes::join(&all)?;
    hub.start()?;
    for peer in &mut peers {
        peer.start()?;
    }
    sleep(Duration::from_secs(5));
    let pid = hub.pid()?;
    let before = stats::memory(pid, "VmRSS")?;
    let connect = || -> Result<(), Failure> {
        for peer in &peers {
            peer.ask(Command::PeerPing { peer: "XAA".parse().map_err(|_| "a party")? })?;
        }
        Ok(())
    };
    connect()?;
    sleep(Duration::from_secs(3));
    let after = stats::memory(pid, "VmRSS")?;
    let linked = linked(&hub)?;
    let (used, begun) = (stats::cpu(pid)?, Instant::now());
    sleep(Duration::from_secs(options.seconds));
    let share = (stats::cpu(pid)? - used) / begun.elapsed().as_secs_f64() * 100.0;
    let each = (after - before) / f64::from(options.peers);
    Ok(vec![
        Figure::new("memory of an idle peer", (each, 100.0), "KiB", (Bound::AtMost, 1.0))
            .with("peers with a link", linked)
            .with("gateway before, MiB", before / 1024.0)
            .with("gateway after, MiB", after / 1024.0),
        // A hundredth of a core is the least that the kernel's ticks show in half a minute.
        Figure::new("CPU of all idle peers", (share, 1.0), "% of a core", (Bound::AtMost, 1.0))
            .with("peers with a link", linked),
    ])
}

fn linked(hub: &Node) -> Result<f64, Failure> {
    let list = hub.ask(Command::PeerList)?;
    let peers = list.as_array().ok_or("no list of peers")?;
    Ok(peers.iter().filter(|peer| peer["connected"] == true).map(|_| 1.0).sum())
}
