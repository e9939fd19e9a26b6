//! The machine under one node: its clock, its randomness, its names, its tasks and its disk.

use super::bug::NodeBug;
use super::fault::{Fault, Kind};
use super::net::{self, Net};
use crate::draw::Draw;
use crate::federation::START;
use crate::heap::SECOND;
use quinn::{AsyncTimer, AsyncUdpSocket, Runtime, TokioRuntime};
use std::fmt;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;
use valise::config::Address;
use valise::model::{Entropy, Timestamp};
use valise::node::{Machine, Platform, Resolving};
use valise::store::{Disk, MemDisk};

/// What a node would otherwise ask the operating system for.
pub struct SimPlatform {
    net: Net,
    seed: u64,
    node: usize,
    boot: u64,
    opened: AtomicU64,
    skews: Vec<Fault>,
    bug: Option<NodeBug>,
}

impl SimPlatform {
    /// Makes the platform for one start of a node.
    pub fn new(
        net: &Net,
        seed: u64,
        (node, boot): (usize, u64),
        faults: &[Fault],
        bug: Option<NodeBug>,
    ) -> Self {
        let mine = |fault: &&Fault| matches!(fault.kind, Kind::Skew { node: skewed, .. } if skewed == node);
        let skews = faults.iter().filter(mine).copied().collect();
        Self { net: net.clone(), seed, node, boot, opened: AtomicU64::new(0), skews, bug }
    }
}

impl Platform for SimPlatform {
    fn wall(&self) -> Timestamp {
        let now = self.net.now();
        let wrong = self.skews.iter().filter(|fault| fault.is_on(now));
        let skew: i64 =
            wrong.map(|fault| if let Kind::Skew { seconds, .. } = fault.kind { seconds } else { 0 }).sum();
        START.saturating_add(now / SECOND + skew)
    }

    fn entropy(&self) -> Box<dyn Entropy + Send> {
        let number = self.opened.fetch_add(1, Ordering::Relaxed);
        // A machine that was copied with its generator's state draws the same numbers again.
        let boot = if self.bug == Some(NodeBug::EntropyRepeats) { 0 } else { self.boot };
        Box::new(Draw::new(self.seed, "entropy", &[self.node as u64, boot, number]))
    }

    fn resolve<'a>(&'a self, address: &'a Address) -> Resolving<'a> {
        let found = address.host.parse().ok().map(net::address);
        Box::pin(async move { found.ok_or_else(|| format!("{address} is no node")) })
    }
}

/// Lets quinn run on the node's machine, so that a crash takes it along.
pub struct SimRuntime(pub Arc<Machine>);

impl Runtime for SimRuntime {
    fn new_timer(&self, at: Instant) -> Pin<Box<dyn AsyncTimer>> {
        TokioRuntime.new_timer(at)
    }

    fn spawn(&self, task: Pin<Box<dyn Future<Output = ()> + Send>>) {
        self.0.spawn(task);
    }

    fn wrap_udp_socket(&self, _: std::net::UdpSocket) -> io::Result<Arc<dyn AsyncUdpSocket>> {
        Err(io::ErrorKind::Unsupported.into())
    }

    fn now(&self) -> Instant {
        TokioRuntime.now()
    }
}

impl fmt::Debug for SimRuntime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("simulated")
    }
}

/// A disk that tells untruths, as some do.
pub struct LyingDisk {
    disk: MemDisk,
    bug: NodeBug,
}

impl LyingDisk {
    /// Lies about `disk` as the bug says.
    pub const fn new(disk: MemDisk, bug: NodeBug) -> Self {
        Self { disk, bug }
    }
}

impl Disk for LyingDisk {
    fn list(&self) -> io::Result<Vec<String>> {
        self.disk.list()
    }
    fn create(&self, name: &str) -> io::Result<()> {
        self.disk.create(name)
    }
    fn write_at(&self, name: &str, offset: u64, bytes: &[u8]) -> io::Result<()> {
        if self.bug == NodeBug::SyncsLate {
            // What was written last is synced only now, after it was spoken about.
            self.disk.sync(name)?;
        }
        self.disk.write_at(name, offset, bytes)
    }
    fn read_at(&self, name: &str, offset: u64, buf: &mut [u8]) -> io::Result<()> {
        self.disk.read_at(name, offset, buf)
    }
    fn len(&self, name: &str) -> io::Result<u64> {
        self.disk.len(name)
    }
    fn truncate(&self, name: &str, len: u64) -> io::Result<()> {
        self.disk.truncate(name, len)
    }
    fn sync(&self, _: &str) -> io::Result<()> {
        Ok(())
    }
    fn sync_dir(&self) -> io::Result<()> {
        self.disk.sync_dir()
    }
    fn remove(&self, name: &str) -> io::Result<()> {
        self.disk.remove(name)
    }
    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        self.disk.rename(from, to)
    }
    fn free_space(&self) -> io::Result<u64> {
        self.disk.free_space()
    }
}
