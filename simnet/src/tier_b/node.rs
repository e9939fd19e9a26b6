//! One whole node: the code that ships, on a machine, a disk and a socket that can fail.

use super::bug::NodeBug;
use super::fault::Fault;
use super::machine::{LyingDisk, SimPlatform, SimRuntime};
use super::net::{self, Net};
use crate::federation::Federation;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::Notify;
use valise::config::{
    Address, Authority, AuthorityKind, Draft, DraftOfficer, Environment, GatewayConfig, Layout, Roads,
    Surroundings,
};
use valise::control::{Command, Failure, Reply};
use valise::evidence::LogBook;
use valise::model::{Party, Role};
use valise::node::{Live, Machine, Parts, Post, Renewal, Station, joining};
use valise::store::{Disk, IndexChoice, Ledger, MemDisk, Mode, Shelf, StoreError, StoreOptions};
use valise::transport::Road;
use valise::vault::BodyKey;
use zeroize::Zeroizing;

/// The officers of each node.
pub const OFFICERS: [&str; 2] = ["awa", "rui"];
/// Free bytes that a node wants to see on its disk.
const FLOOR: u64 = 64 << 10;
/// How often a crash waits for the tasks that it ends.
const PATIENCE: usize = 10_000;

/// Where a run takes place, for all of its nodes.
pub struct Site {
    /// Draws everything.
    pub seed: u64,
    /// The States and their keys.
    pub federation: Arc<Federation>,
    /// The network.
    pub net: Net,
    /// What goes wrong.
    pub faults: Vec<Fault>,
    /// A planted bug.
    pub bug: Option<NodeBug>,
    /// The members that are relays, at which all others have a mailbox.
    pub relays: Vec<usize>,
    /// Nodes whose store has failed, so that their process ends.
    pub failed: Arc<Failures>,
}

/// Nodes whose store has failed.
#[derive(Default)]
pub struct Failures {
    nodes: Mutex<Vec<(usize, u64)>>,
    some: Notify,
}

/// A node, on or off.
pub struct Node {
    number: usize,
    /// Its disk, which outlives it.
    pub disk: MemDisk,
    /// Where it keeps the directory, likewise.
    shelf: MemDisk,
    boot: u64,
    post: Option<Post>,
    snapshot: Option<MemDisk>,
}

/// Says why a node did not start.
#[derive(Debug)]
pub enum NoStart {
    /// It may start later.
    Later,
    /// What it has synced is damaged or does not fit together.
    Damaged(String),
}

impl Failures {
    /// Waits until a store has failed, and returns its node and boot.
    pub async fn next(&self) -> (usize, u64) {
        loop {
            let some = self.some.notified();
            if let Some(failed) = self.nodes.lock().unwrap_or_else(PoisonError::into_inner).pop() {
                return failed;
            }
            some.await;
        }
    }

    fn note(&self, node: usize, boot: u64) {
        self.nodes.lock().unwrap_or_else(PoisonError::into_inner).push((node, boot));
        self.some.notify_one();
    }
}

impl Node {
    /// Sets up a node that is off.
    pub fn new(number: usize) -> Self {
        Self { number, disk: MemDisk::new(), shelf: MemDisk::new(), boot: 0, post: None, snapshot: None }
    }

    /// Returns the gateway, if the node is on.
    pub const fn post(&self) -> Option<&Post> {
        self.post.as_ref()
    }

    /// Returns how often the node was started.
    pub const fn boot(&self) -> u64 {
        self.boot
    }

    /// Asks what an officer asks over the control socket; `None` if the node is off.
    pub async fn ask(&self, officer: &str, command: Command) -> Option<Reply> {
        Some(self.post.as_ref()?.ask(officer, command).await)
    }

    /// Starts the node on what its disk holds.
    ///
    /// # Errors
    /// [`NoStart`], with words for the report.
    pub fn start(&mut self, site: &Site) -> Result<(), NoStart> {
        self.boot += 1;
        let station = self.open(site).map_err(|error| match error {
            Refusal::Store(error) if error.retryable() => NoStart::Later,
            Refusal::Store(StoreError::Io { .. }) => NoStart::Later,
            Refusal::Store(error) => NoStart::Damaged(error.to_string()),
            Refusal::Other(words) => NoStart::Damaged(words),
        })?;
        self.post = Some(station.start());
        Ok(())
    }

    /// Ends the node as a loss of power does; `survives` of a thousand unsynced bytes reach the disk.
    pub async fn crash(&mut self, site: &Site, survives: u64) {
        site.net.unplug(self.number);
        if let Some(post) = self.post.take() {
            post.gateway.machine.halt();
            for _ in 0..PATIENCE {
                if Arc::strong_count(&post.gateway) == 1 {
                    break;
                }
                tokio::task::yield_now().await;
            }
            assert_eq!(Arc::strong_count(&post.gateway), 1, "every task of a node ends with its machine");
        }
        self.disk.crash(|_, unsynced| unsynced * survives / 1000);
        self.shelf.crash(|_, unsynced| unsynced * survives / 1000);
        if site.bug == Some(NodeBug::DirectoryForgotten) {
            self.shelf = MemDisk::new();
        }
        if site.bug == Some(NodeBug::DiskRollsBack) {
            let older = self.snapshot.replace(self.disk.copy());
            self.disk = older.unwrap_or_else(|| self.disk.copy());
        }
    }

    fn open(&self, site: &Site) -> Result<Station, Refusal> {
        let (number, federation) = (self.number, &site.federation);
        let platform = SimPlatform::new(&site.net, site.seed, (number, self.boot), &site.faults, site.bug);
        let machine = Arc::new(Machine::on(Box::new(platform)));
        let other = |e: &dyn std::fmt::Display| Refusal::Other(e.to_string());
        let shelf = Shelf::new(Arc::new(self.shelf.clone()));
        let member = &federation.members[number];
        let kept = joining::read(&shelf, Some(&member.party)).map_err(|e| other(&e.message))?;
        let directory = kept.unwrap_or_else(|| member.directory.clone());
        let mut ring = federation.ring_listed(number, &directory);
        if site.bug == Some(NodeBug::KeysForgotten) && self.boot > 1 {
            ring.prekeys.clear();
        }
        let (issuing, der) = federation.issuing(number).map_err(|e| other(&e))?;
        let renewal = Renewal::new(ring.party.clone(), issuing, der);
        let (identity, renewal) = renewal.first(&machine).map_err(|e| other(&e))?;
        let logs = LogBook::new(ring.party.clone(), ring.log.clone(), machine.entropy());
        let body_key = BodyKey::new(Zeroizing::new(federation.body_key(number)));
        let (ledger, _) = Ledger::open(self.store(site), logs, body_key).map_err(Refusal::Store)?;
        let mut partners = federation.members[number].acquainted.clone();
        if site.bug == Some(NodeBug::PartnerForgotten) && self.boot > 1 {
            partners.pop();
        }
        let relays: Vec<Party> = site.relays.iter().map(|at| federation.members[*at].party.clone()).collect();
        let peers = partners.iter().map(|at| {
            let is_relay = site.relays.contains(at);
            let by = if is_relay { Vec::new() } else { relays.clone() };
            let roads = Roads { direct: Some(at_node(*at)), tcp: None, relays: by };
            (federation.members[*at].party.clone(), roads)
        });
        let parts = Parts {
            config: config(&ring.party, relays.clone()).map_err(|e| other(&e.message))?,
            machine: Arc::clone(&machine),
            directory: Arc::new(Live::new(directory)),
            ring: Arc::new(Live::new(ring)),
            attachments: ledger
                .attachments(Arc::new(MemDisk::new()), 0, machine.entropy())
                .map_err(|e| other(&e))?,
            ledger,
            identity: Arc::clone(&identity),
            renewal,
            shelf,
            peers: peers.collect(),
            keeper: None,
        };
        let runtime = Arc::new(SimRuntime(machine));
        let mut seed = [0; 32];
        seed[..8].copy_from_slice(&site.seed.to_be_bytes());
        seed[8..16].copy_from_slice(&(number as u64).to_be_bytes());
        seed[16..24].copy_from_slice(&self.boot.to_be_bytes());
        let socket = site.net.socket(number);
        let road = Road::over(socket, runtime, Some(seed), identity, parts.doorkeeper());
        Station::open(parts, road.map_err(|e| other(&e))?).map_err(Refusal::Store)
    }

    fn store(&self, site: &Site) -> StoreOptions {
        let disk: Arc<dyn Disk> = match site.bug {
            Some(bug @ (NodeBug::SyncsLate | NodeBug::SyncsNever)) => {
                Arc::new(LyingDisk::new(self.disk.clone(), bug))
            }
            Some(_) | None => Arc::new(self.disk.clone()),
        };
        let mut options = StoreOptions::new(disk, IndexChoice::Memory);
        options.mode = Mode::Inline;
        options.segment_bytes = 256 << 10;
        options.free_space_floor = FLOOR;
        let (failed, node, boot) = (Arc::clone(&site.failed), self.number, self.boot);
        let told = AtomicBool::new(false);
        options.on_failure = Some(Box::new(move |_| {
            if !told.swap(true, Ordering::Relaxed) {
                failed.note(node, boot);
            }
        }));
        options
    }
}

enum Refusal {
    Store(StoreError),
    Other(String),
}

fn at_node(number: usize) -> Address {
    Address { host: number.to_string(), port: net::address(number).port() }
}

/// Reads the settings that `gateway init` would write.
fn config(party: &Party, relays: Vec<Party>) -> Result<GatewayConfig, Failure> {
    let officer =
        |name: &str| DraftOfficer { name: name.to_owned(), role: Role::Officer, user: None, key: None };
    let authority = |name: &str, kind, designated| Authority { name: name.to_owned(), kind, designated };
    let draft = Draft {
        approvals: 1,
        address: None,
        party: party.clone(),
        listen: net::address(0),
        officers: OFFICERS.map(officer).into(),
        authorities: vec![
            authority("police-cid", AuthorityKind::Competent, true),
            authority("customs", AuthorityKind::Competent, false),
            authority("high-court", AuthorityKind::Court, true),
        ],
        relays,
        demo: false,
    };
    let file = PathBuf::from("/nowhere/valise.toml");
    let layout = Layout::choose(Some(Path::new("/nowhere")), None, &Environment::default())?;
    let passwd = "awa:x:1001:1001::/:/bin/sh\nrui:x:1002:1002::/:/bin/sh\n";
    let around = Surroundings { layout: &layout, passwd, log: None };
    Ok(GatewayConfig::parse(&draft.to_toml(), &file, &around)?)
}
