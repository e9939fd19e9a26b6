//! Drills of two States and up to two relays, honest or not: whole nodes, whole relays, the same network and clock.

use super::check::Watcher;
use super::fault::{Fault, Kind};
use super::in_paused_time;
use super::machine::{SimPlatform, SimRuntime};
use super::net::Net;
use super::node::{Failures, Node, OFFICERS, Site};
use super::visit;
use crate::federation::{Federation, Keys, START};
use crate::heap::{DAY, HOUR, Millis, SECOND};
use crate::rogue::{Deeds, Rogue, Vice};
use crate::samples;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, sleep_until};
use valise::case::Direction;
use valise::control::Command;
use valise::model::{ActKind, Digest, Party, Timestamp};
use valise::node::{Live, Machine, RelayParts, RelayPost, RelayStation, Renewal};
use valise::relay::{MailboxState, Quotas, Signer, prove_dropped};
use valise::store::{IndexChoice, Mailroom, MemDisk, Mode, Shelf, StoreOptions};
use valise::transport::{Road, TlsIdentity};

/// How long everything may take to come to rest after the last fault.
const HEALING: Millis = 3 * DAY;

/// What a relay is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RelayKind {
    /// The code that ships.
    Honest,
    /// It lies, and says that it keeps parcels for so many seconds.
    Rogue(Vice, i64),
}

/// A drill.
#[derive(Clone, Debug)]
pub struct Drill {
    /// Draws the weather and all keys of a day.
    pub seed: u64,
    /// The relays, which are the members after the two States.
    pub relays: Vec<RelayKind>,
    /// For how many days the officers of the first State make requests.
    pub days: u32,
    /// How many it makes a day.
    pub a_day: u32,
    /// What goes wrong with links and nodes.
    pub faults: Vec<Fault>,
    /// On which day the first State acknowledges what the second has asked on the first day.
    pub acknowledge_on: u32,
}

/// An act that arrived at the second State.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Arrival {
    /// What.
    pub act: ActKind,
    /// When, by its receiver.
    pub at: Timestamp,
}

/// How a drill ended.
#[derive(Clone, Debug, Default)]
pub struct Outcome {
    /// What broke a rule.
    pub violation: Option<String>,
    /// How many requests the first State has made.
    pub made: u64,
    /// What has arrived at the second one, in this order.
    pub arrivals: Vec<Arrival>,
    /// How many acts wait at the first State on the last day of its officers, and how many of these say why or where.
    pub waited: [usize; 2],
    /// How many acts wait at the end, and what is said of the first.
    pub waiting: (usize, Option<String>),
    /// What the States have refused and noticed, by code.
    pub noticed: BTreeMap<String, u64>,
    /// How many parcels are proved to have been dropped by a relay.
    pub proved: usize,
    /// What the rogues did.
    pub deeds: Vec<Deeds>,
}

/// Plays a drill; all of it happens on this thread, in no time.
///
/// # Panics
/// If a node or relay of a fresh disk does not start, which is a bug.
pub fn drill(federation: &Arc<Federation>, drill: &Drill) -> Outcome {
    in_paused_time(async {
        let mut stage = Stage::new(federation, drill);
        stage.play(drill).await;
        let outcome = stage.outcome(drill);
        stage.end().await;
        outcome
    })
}

struct Stage {
    site: Site,
    nodes: Vec<Node>,
    honest: Vec<RelayPost>,
    rogues: Vec<Arc<Rogue>>,
    begin: Instant,
    made: u64,
    waited: [usize; 2],
}

impl Stage {
    fn new(federation: &Arc<Federation>, drill: &Drill) -> Self {
        let net = Net::new(drill.seed, drill.faults.clone(), 0, 0);
        let relays: Vec<usize> = (2..2 + drill.relays.len()).collect();
        let site = Site {
            seed: drill.seed,
            federation: Arc::clone(federation),
            net,
            faults: drill.faults.clone(),
            bug: None,
            relays,
            failed: Arc::new(Failures::default()),
        };
        let mut stage = Self {
            nodes: (0..federation.members.len()).map(Node::new).collect(),
            site,
            honest: Vec::new(),
            rogues: Vec::new(),
            begin: Instant::now(),
            made: 0,
            waited: [0, 0],
        };
        for (at, kind) in drill.relays.iter().enumerate() {
            stage.relay(2 + at, *kind);
        }
        for node in &mut stage.nodes[..2] {
            node.start(&stage.site).expect("a fresh disk holds nothing that is damaged");
        }
        stage
    }

    fn relay(&mut self, number: usize, kind: RelayKind) {
        let federation = &self.site.federation;
        let platform = SimPlatform::new(&self.site.net, self.site.seed, (number, 1), &self.site.faults, None);
        let machine = Arc::new(Machine::on(Box::new(platform)));
        let ring = federation.ring(number, Keys::first());
        let signer = Signer { party: ring.party.clone(), name: ring.gateway.clone(), key: ring.log.clone() };
        let directory = federation.members[number].directory.clone();
        let (issuing, der) = federation.issuing(number).expect("a certificate can be issued");
        let renewal = Renewal::new(ring.party.clone(), issuing, der);
        let (identity, renewal) = renewal.first(&machine).expect("a certificate can be renewed");
        match kind {
            RelayKind::Honest => {
                let mut options = StoreOptions::new(Arc::new(MemDisk::new()), IndexChoice::Memory);
                options.mode = Mode::Inline;
                let room = Mailroom::open(options, Arc::new(MemDisk::new()));
                let (room, _) = room.expect("an empty disk can be opened");
                let parts = RelayParts {
                    signer,
                    quotas: quotas(),
                    look: Duration::from_secs(60),
                    machine: Arc::clone(&machine),
                    directory: Arc::new(Live::new(directory)),
                    shelf: Shelf::new(Arc::new(MemDisk::new())),
                    room,
                    identity: Arc::clone(&identity),
                    renewal,
                };
                let road = self.road(number, &machine, identity, parts.doorkeeper());
                self.honest
                    .push(RelayStation::open(parts, road).expect("an empty store can be read").start());
            }
            RelayKind::Rogue(vice, retention) => {
                let live = Arc::new(Live::new(federation.members[number].directory.clone()));
                let clock = Arc::clone(&machine);
                let check =
                    Arc::new(valise::node::Doorkeeper { directory: live, machine: Arc::clone(&machine) });
                let road = Arc::new(self.road(number, &machine, identity, check));
                let clock = Box::new(move || clock.now());
                let rogue = Rogue::new(signer, directory, (vice, retention), clock);
                tokio::spawn(Arc::clone(&rogue).serve(road));
                self.rogues.push(rogue);
            }
        }
    }

    fn road(
        &self,
        number: usize,
        machine: &Arc<Machine>,
        identity: Arc<TlsIdentity>,
        check: Arc<valise::node::Doorkeeper>,
    ) -> Road {
        let mut seed = [0; 32];
        seed[..8].copy_from_slice(&self.site.seed.to_be_bytes());
        seed[8] = 100 + u8::try_from(number).expect("few members");
        let runtime = Arc::new(SimRuntime(Arc::clone(machine)));
        let road = Road::over(self.site.net.socket(number), runtime, Some(seed), identity, check);
        road.expect("a socket in memory has an address")
    }

    async fn play(&mut self, drill: &Drill) {
        let end = Millis::from(drill.days) * DAY;
        let template = samples::template();
        let to = self.site.federation.members[1].party.clone();
        let back = self.site.federation.members[0].party.clone();
        let request = |to: &Party| Command::RequestSubmit {
            request: Box::new(samples::request(&template, to, 1, samples::Form::Complete)),
            to: None,
            on_behalf_of: None,
            via: None,
            incomplete: None,
            exercise: false,
        };
        self.ask(1, request(&back)).await;
        for hour in 1.. {
            let at = hour * HOUR;
            sleep_until(self.begin + Duration::from_millis(at.unsigned_abs())).await;
            if at <= end && hour % (24 / Millis::from(drill.a_day)) == 0 {
                self.ask(0, request(&to)).await;
                self.made += 1;
            }
            if at >= Millis::from(drill.acknowledge_on) * DAY {
                self.acknowledge(0).await;
            }
            self.acknowledge(1).await;
            if at == end {
                let waiting = self.waiting(0);
                let explained = waiting.iter().filter(|(cause, held)| cause.is_some() || *held);
                self.waited = [waiting.len(), explained.count()];
            }
            let rest = at > end && self.waiting(0).is_empty() && self.waiting(1).is_empty();
            if rest || at >= end + HEALING {
                return;
            }
        }
    }

    /// Acknowledges all that an inbox asks to acknowledge.
    async fn acknowledge(&mut self, node: usize) {
        let Some(Ok(inbox)) = self.nodes[node].ask(OFFICERS[0], Command::InboxList).await else { return };
        for entry in visit::entries(&inbox).into_iter().filter(|entry| entry.todo == "acknowledge") {
            self.ask(node, Command::CaseAck { case: entry.case, note: None }).await;
        }
    }

    async fn ask(&mut self, node: usize, command: Command) {
        let reply = self.nodes[node].ask(OFFICERS[0], command).await.expect("the node is on");
        reply.expect("nothing stands in the way of it");
    }

    /// Lists what waits at a node: what is said of it, and whether a relay has it.
    fn waiting(&self, node: usize) -> Vec<(Option<String>, bool)> {
        let post = self.nodes[node].post().expect("the node is on");
        let couriers = post.gateway.couriers.all();
        let waiting = couriers.iter().flat_map(|courier| courier.standing().waiting);
        waiting.map(|waiting| (waiting.last_cause, !waiting.custody.is_empty())).collect()
    }

    fn outcome(&self, drill: &Drill) -> Outcome {
        let mut watcher = Watcher::default();
        let waiting = self.waiting(0);
        if waiting.is_empty() && self.waiting(1).is_empty() {
            watcher.converged(&self.site.federation, &self.nodes);
        } else {
            watcher.look(&self.site.federation, &self.nodes);
        }
        let mut noticed: BTreeMap<String, u64> = BTreeMap::new();
        for node in &self.nodes[..2] {
            let refusals = node.post().expect("the node is on").gateway.counters.refusals();
            refusals.into_iter().for_each(|(code, count)| *noticed.entry(code).or_default() += count);
        }
        Outcome {
            violation: watcher.violation().map(ToString::to_string),
            made: self.made,
            arrivals: self.arrivals(),
            waited: self.waited,
            waiting: (waiting.len(), waiting.into_iter().find_map(|(cause, _)| cause)),
            noticed,
            proved: (0..drill.relays.len()).map(|at| self.proved(2 + at)).sum(),
            deeds: self.rogues.iter().map(|rogue| rogue.deeds()).collect(),
        }
    }

    /// Lists what the second State has received, in order.
    fn arrivals(&self) -> Vec<Arrival> {
        let gateway = &self.nodes[1].post().expect("the node is on").gateway;
        let mut out = Vec::new();
        for slot in gateway.desk.page(None, usize::MAX).unwrap_or_default() {
            let case = slot.read();
            let received = case.acts().filter(|record| record.direction == Direction::Received);
            out.extend(received.map(|record| Arrival { act: record.facts.kind(), at: record.at }));
        }
        out.sort_by_key(|arrival| arrival.at);
        out
    }

    /// Counts the parcels of the first State of which it is proved that a relay has dropped them.
    fn proved(&self, relay: usize) -> usize {
        let federation = &self.site.federation;
        let [sender, addressee] = [0, 1].map(|at| &self.nodes[at].post().expect("the node is on").gateway);
        let relay = &federation.members[relay].party;
        let now = addressee.now();
        let ring = federation.ring(1, Keys::first());
        let state = MailboxState {
            relay: relay.clone(),
            at: now,
            rows: addressee.ledger.mailbox(relay).unwrap_or_default(),
        };
        let signer = Signer { party: ring.party.clone(), name: ring.gateway.clone(), key: ring.log.clone() };
        let state = state.sign(&signer);
        let directory = sender.directory();
        let mut proved = 0;
        for slot in sender.desk.page(None, usize::MAX).unwrap_or_default() {
            let acts: Vec<Digest> = slot.read().acts().map(|record| record.facts.header.digest).collect();
            for (envelope, to) in
                acts.iter().flat_map(|act| sender.ledger.envelopes_of(act).unwrap_or_default())
            {
                let held = sender.ledger.custodies(&envelope).unwrap_or_default();
                for kept in held.into_iter().filter(|kept| kept.relay == *relay) {
                    let notice = kept.notice.as_deref();
                    let pair = (relay, &to);
                    proved += usize::from(
                        prove_dropped(pair, &kept.custody, &state, notice, &directory, now).is_ok(),
                    );
                }
            }
        }
        proved
    }

    async fn end(&mut self) {
        for node in &mut self.nodes[..2] {
            node.crash(&self.site, 1000).await;
        }
        for relay in &self.honest {
            relay.close().await;
        }
    }
}

/// The quotas of a relay as its settings give them.
const fn quotas() -> Quotas {
    Quotas {
        acts_bytes: 256 << 20,
        acts_parcels: 20_000,
        bulk_bytes: 2 << 30,
        bulk_parcels: 20_000,
        bulk_total: 16 << 30,
        retention: 60 * 86_400,
    }
}

impl Drill {
    /// Cuts the direct road between the States for the whole drill.
    pub fn by_relay_only() -> Fault {
        Fault { from: 0, until: 1000 * DAY, kind: Kind::Cut { link: (0, 1), one_way: false } }
    }

    /// Returns the instant of a number of days after the beginning.
    pub fn day(day: i64) -> Timestamp {
        START.saturating_add(day * DAY / SECOND)
    }
}
