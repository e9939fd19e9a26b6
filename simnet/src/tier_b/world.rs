//! The run of whole nodes: one task plays officers, faults and supervisor, in the order of a heap.

use super::bug::NodeBug;
use super::check::{Watcher, view};
use super::fault::{self, Fault, Kind};
use super::net::Net;
use super::node::{Failures, NoStart, Node, OFFICERS, Site};
use super::visit;
use crate::check::Violation;
use crate::chronicle::Chronicle;
use crate::draw::Draw;
use crate::federation::{Federation, START};
use crate::heap::{DAY, HOUR, Heap, MINUTE, Millis, SECOND};
use crate::officer::{Office, Temper};
use crate::samples;
use crate::trace::Trace;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, sleep_until};
use valise::case;
use valise::control::{ActedView, Command, Reply};
use valise::envelope::KeyRing;
use valise::model::{Digest, Request, Timestamp};
use valise::node::Gateway;
use valise::rules::deadline::{Clock, Warning};
use valise::trust::federation::Documents;

/// How long healing may take before it counts as failed; no retry waits longer than an hour.
const HEALING: Millis = 10 * DAY;
/// How often everything is looked at.
const LOOK: Millis = 6 * HOUR;
/// How soon a supervisor starts a process again that has ended.
const RESTART: Millis = 10 * SECOND;

/// What a run is made of.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Draws everything.
    pub seed: u64,
    /// For how many days officers act and faults happen.
    pub days: u32,
    /// How many requests each node makes.
    pub cases_per_node: u32,
    /// Multiplies the rates of all faults.
    pub harsh: u64,
    /// How many of a thousand datagrams are lost in any weather.
    pub loss: u64,
    /// A planted bug.
    pub bug: Option<NodeBug>,
    /// Which of the drawn faults happen; all of them if absent.
    pub only: Option<BTreeSet<usize>>,
}

/// The nodes in motion.
pub struct World {
    pub(super) settings: Settings,
    pub(super) nodes: Vec<Node>,
    pub(super) watcher: Watcher,
    pub(super) tally: Tally,
    pub(super) drawn: Vec<Fault>,
    pub(super) site: Site,
    pub(super) now: Millis,
    chronicle: Chronicle,
    begin: Instant,
    heap: Heap<Happening>,
    offices: Vec<Office>,
    template: Request,
    visits: Vec<u64>,
    /// Until when a node stays off; a start that was planned before then comes to nothing.
    off_until: Vec<Millis>,
    healing: bool,
    trace: Trace,
}

/// What a run counted.
#[derive(Clone, Debug, Default)]
pub struct Tally {
    /// Cases that were opened.
    pub cases: u64,
    /// Acts that officers were told are made.
    pub acts: BTreeMap<String, u64>,
    /// Commands that were refused or could not be carried out.
    pub refused: u64,
    /// Releases that were asked for and shown.
    pub releases: [u64; 2],
    /// Losses of power.
    pub crashes: u64,
    /// Processes that ended because a sync had failed.
    pub ended: u64,
    /// Starts.
    pub starts: u64,
    /// Faults by kind.
    pub faults: BTreeMap<&'static str, u64>,
    /// Directories that the authority has handed to a node.
    pub bulletins: u64,
    /// Acknowledgements and responses that came too late.
    pub late: [u64; 2],
}

/// What happens at one instant.
#[derive(Clone, Copy, Debug)]
enum Happening {
    Ask {
        node: usize,
        to: usize,
        number: u32,
    },
    Visit {
        node: usize,
    },
    Begin {
        fault: Fault,
    },
    End {
        fault: Fault,
    },
    Start {
        node: usize,
    },
    /// The authority's newest directory is handed to a node.
    Bulletin {
        node: usize,
    },
    Look,
}

impl World {
    /// Sets the stage; needs a tokio runtime with paused time.
    pub fn new(federation: &Arc<Federation>, settings: Settings, trace: Trace) -> Self {
        let end = Millis::from(settings.days) * DAY;
        let nodes = federation.members.len();
        let drawn = fault::draw(settings.seed, nodes, end, settings.harsh);
        let chosen = |(at, _): &(usize, &Fault)| settings.only.as_ref().is_none_or(|only| only.contains(at));
        let faults: Vec<Fault> = drawn.iter().enumerate().filter(chosen).map(|(_, fault)| *fault).collect();
        let net = Net::new(settings.seed, faults.clone(), settings.loss, end);
        let site = Site {
            seed: settings.seed,
            federation: Arc::clone(federation),
            net,
            faults,
            bug: settings.bug,
            relays: Vec::new(),
            failed: Arc::new(Failures::default()),
        };
        let mut world = Self {
            nodes: (0..nodes).map(Node::new).collect(),
            watcher: Watcher::default(),
            tally: Tally::default(),
            drawn,
            site,
            now: 0,
            chronicle: Chronicle::new(federation),
            begin: Instant::now(),
            heap: Heap::default(),
            offices: (0..nodes).map(|node| Office::draw(settings.seed, node)).collect(),
            template: samples::template(),
            visits: vec![0; nodes],
            off_until: vec![0; nodes],
            healing: false,
            trace,
            settings,
        };
        world.plan(end);
        world
    }

    /// Lets everything happen, until all has healed or something is wrong.
    pub async fn play(&mut self) {
        while let Some((at, seq, what)) = self.heap.pop() {
            if !self.wait_until(at).await {
                return;
            }
            let counts = self.site.net.counts();
            let note = [at.unsigned_abs(), seq, counts.sent, counts.bytes, counts.lost];
            if !self.trace.note(&note, || format!("{what:?} at {at} ms after {counts:?}")) {
                return;
            }
            self.happen(what).await;
            if self.watcher.violation().is_some() {
                return;
            }
            if self.healing && self.has_healed() {
                self.watcher.converged(&self.site.federation, &self.nodes);
                return;
            }
        }
    }

    /// Counts what only nodes that are on can tell.
    pub fn keep_counts(&mut self) {
        let late = self.nodes.iter().filter_map(Node::post).flat_map(|post| late(&post.gateway));
        self.tally.late = late.fold([0, 0], |sum, one| [sum[0] + one[0], sum[1] + one[1]]);
    }

    /// Ends all nodes, so that nothing of the run is left.
    pub async fn end(&mut self) {
        for node in &mut self.nodes {
            node.crash(&self.site, 1000).await;
        }
    }

    /// Returns what went wrong first.
    pub const fn violation(&self) -> Option<&Violation> {
        self.watcher.violation()
    }

    /// Returns all faults that the seed draws, whether they happen or not.
    pub fn faults(&self) -> &[Fault] {
        &self.drawn
    }

    /// Returns the trace of the run.
    pub const fn trace(&self) -> &Trace {
        &self.trace
    }

    /// Returns what was traced.
    pub fn into_trace(self) -> Trace {
        self.trace
    }

    fn plan(&mut self, end: Millis) {
        for node in 0..self.nodes.len() {
            self.heap.push(0, Happening::Start { node });
            let partners = self.site.federation.members[node].acquainted.clone();
            let mut draw = Draw::new(self.settings.seed, "node requests", &[node as u64]);
            for number in 0..self.settings.cases_per_node {
                let Some(to) = draw.pick(&partners).copied() else { continue };
                self.heap.push(draw.between(MINUTE, end), Happening::Ask { node, to, number });
            }
            self.heap.push(draw.between(HOUR, 12 * HOUR), Happening::Visit { node });
        }
        for fault in self.site.faults.clone() {
            *self.tally.faults.entry(fault.kind.code()).or_default() += 1;
            self.heap.push(fault.from, Happening::Begin { fault });
            self.heap.push(fault.until, Happening::End { fault });
        }
        self.heap.push(LOOK, Happening::Look);
    }

    /// Lets the nodes run until an instant, and starts those again whose process ends meanwhile.
    async fn wait_until(&mut self, at: Millis) -> bool {
        let until = self.begin + Duration::from_millis(at.unsigned_abs());
        loop {
            let failed = Arc::clone(&self.site.failed);
            let ended = tokio::select! {
                biased;
                ended = failed.next() => Some(ended),
                () = sleep_until(until) => None,
            };
            self.now = self.site.net.now();
            self.watcher.at(self.now);
            let Some((node, boot)) = ended else { return true };
            if self.nodes[node].boot() == boot && self.nodes[node].post().is_some() {
                self.tally.ended += 1;
                // The process ends, the machine goes on: what was written is still in its cache.
                self.nodes[node].crash(&self.site, 1000).await;
                self.heap.push(self.now + RESTART, Happening::Start { node });
            }
        }
    }

    async fn happen(&mut self, what: Happening) {
        match what {
            Happening::Ask { node, to, number } => self.request(node, to, number).await,
            Happening::Visit { node } => self.visit(node).await,
            Happening::Begin { fault } => self.begin(fault).await,
            Happening::End { fault } => self.cease(fault),
            Happening::Start { node } => self.start(node),
            Happening::Bulletin { node } => self.bulletin(node).await,
            Happening::Look => {
                self.watcher.look(&self.site.federation, &self.nodes);
                if self.now >= self.last_day() {
                    self.healing = true;
                }
                if self.now > self.last_day() + HEALING {
                    let words = self.what_waits();
                    self.watcher.unhealed(|| format!("after {} days: {words}", HEALING / DAY));
                }
                if self.healing {
                    self.compare_directories().await;
                }
                let pause = if self.healing { HOUR } else { LOOK };
                self.heap.push(self.now + pause, Happening::Look);
            }
        }
    }

    async fn request(&mut self, node: usize, to: usize, number: u32) {
        let mut draw = Draw::new(self.settings.seed, "node request", &[node as u64, u64::from(number)]);
        let items = 1 + u32::from(draw.chance(200));
        let party = &self.site.federation.members[to].party;
        let request = Box::new(samples::request(&self.template, party, items, samples::Form::Complete));
        let command = Command::RequestSubmit {
            request,
            to: None,
            on_behalf_of: None,
            via: None,
            incomplete: None,
            exercise: false,
        };
        if self.act(node, command).await {
            self.tally.cases += 1;
        } else if self.now < self.last_day() {
            // The node is off or its disk is full: the officer tries again later.
            self.heap
                .push(self.now + draw.between(10 * MINUTE, 4 * HOUR), Happening::Ask { node, to, number });
        }
    }

    /// An officer looks at the inbox and does something about what is there.
    async fn visit(&mut self, node: usize) {
        self.visits[node] += 1;
        let mut draw = Draw::new(self.settings.seed, "visit", &[node as u64, self.visits[node]]);
        if self.now < self.last_day() {
            self.heap.push(self.now + draw.between(2 * HOUR, 16 * HOUR), Happening::Visit { node });
        }
        let Some(Ok(inbox)) = self.nodes[node].ask(OFFICERS[0], Command::InboxList).await else { return };
        let diligence = match self.offices[node].temper {
            Temper::Prompt => 500,
            Temper::Busy => 150,
            Temper::Slow => 50,
            Temper::Silent => 15,
        };
        for entry in visit::entries(&inbox) {
            if !draw.chance(diligence) {
                continue;
            }
            let Some(post) = self.nodes[node].post() else { return };
            let Some(seen) = view(&post.gateway, &entry.case, post.gateway.now()) else { continue };
            let slot = post.gateway.desk.known(&entry.case).ok().flatten();
            let Some(request) = slot.and_then(|slot| slot.read().current_request()) else { continue };
            for command in visit::deeds(&entry, &seen, request, &mut draw) {
                self.act(node, command).await;
            }
        }
    }

    /// Does what an officer wants, and notes what the officer was told; false if it was not done.
    async fn act(&mut self, node: usize, command: Command) -> bool {
        let verb = command.verb();
        let releases = matches!(command, Command::ReleaseRequest { .. });
        self.tally.releases[0] += u64::from(releases);
        let Some(reply) = self.nodes[node].ask(OFFICERS[0], command).await else { return false };
        self.trace.note(&[told(&reply)], || format!("node {node} answers {verb} with {reply:?}"));
        let data = match reply {
            Ok(data) => data,
            Err(_) => {
                self.tally.refused += 1;
                return false;
            }
        };
        if let Ok(acted) = serde_json::from_value::<ActedView>(data.clone()) {
            *self.tally.acts.entry(acted.act.code().to_owned()).or_default() += 1;
            self.watcher.promised(node, acted.case, acted.digest);
        } else if releases && let Ok(shown) = serde_json::from_value(data) {
            self.tally.releases[1] += 1;
            self.watcher.shown(&self.site.federation, (node, &self.nodes[node]), &shown);
        }
        true
    }

    async fn begin(&mut self, fault: Fault) {
        match fault.kind {
            Kind::Crash { node, survives } => {
                if self.nodes[node].post().is_some() {
                    self.tally.crashes += 1;
                }
                self.nodes[node].crash(&self.site, survives).await;
                self.off_until[node] = self.off_until[node].max(fault.until);
            }
            Kind::FullDisk { node } => self.nodes[node].disk.set_capacity(Some(0)),
            Kind::FailedSync { node } => self.nodes[node].disk.fail_sync(0),
            Kind::Suspension { node } => self.suspend(node, true),
            Kind::Rotation { node } => {
                let at = self.calendar();
                let made = self.chronicle.rotate(&self.site.federation, node, at);
                made.expect("keys of a run can be certified");
                // The node hears of it first: nobody else could tell it which keys it has.
                self.heap.push(self.now, Happening::Bulletin { node });
            }
            Kind::Cut { .. }
            | Kind::Isolation { .. }
            | Kind::Loss { .. }
            | Kind::Delay { .. }
            | Kind::Duplication { .. }
            | Kind::Narrow { .. }
            | Kind::Skew { .. } => {}
        }
    }

    fn cease(&mut self, fault: Fault) {
        match fault.kind {
            Kind::Crash { node, .. } => self.start(node),
            Kind::FullDisk { node } => self.nodes[node].disk.set_capacity(None),
            Kind::Suspension { node } => self.suspend(node, false),
            Kind::Rotation { .. }
            | Kind::FailedSync { .. }
            | Kind::Cut { .. }
            | Kind::Isolation { .. }
            | Kind::Loss { .. }
            | Kind::Delay { .. }
            | Kind::Duplication { .. }
            | Kind::Narrow { .. }
            | Kind::Skew { .. } => {}
        }
    }

    /// Suspends the party of a node, or takes it back, and hands word of it to another one.
    fn suspend(&mut self, node: usize, is_out: bool) {
        let (party, at) = (self.site.federation.members[node].party.clone(), self.calendar());
        self.chronicle.suspend(&party, is_out, at);
        let teller = (node + 1) % self.nodes.len();
        self.heap.push(self.now, Happening::Bulletin { node: teller });
    }

    /// The authority publishes, and a node that is on takes it and puts its own newest keys in use; one that is off, later.
    async fn bulletin(&mut self, node: usize) {
        let bundle = self.chronicle.publish(self.calendar()).expect("what is signed can be published");
        let news = Documents::parse(&bundle).expect("it was just written");
        let Some(post) = self.nodes[node].post() else {
            self.heap.push(self.now + HOUR, Happening::Bulletin { node });
            return;
        };
        let gateway = std::sync::Arc::clone(&post.gateway);
        let taken = gateway.board.take(news, gateway.now()).await;
        self.tally.bulletins += 1;
        if !taken.refused.is_empty() {
            self.heap.push(self.now + HOUR, Happening::Bulletin { node });
        }
        let ring = self.site.federation.ring_listed(node, &gateway.directory());
        gateway.keys.amend(|before| KeyRing { prekeys: before.prekeys.clone(), ..ring.clone() });
    }

    /// Once all faults are over, somebody brings everybody the newest directory.
    async fn compare_directories(&mut self) {
        for node in &self.nodes {
            let Some(post) = node.post() else { continue };
            let newest = self
                .nodes
                .iter()
                .filter_map(Node::post)
                .max_by_key(|post| post.gateway.directory().version());
            let Some(newest) = newest else { continue };
            let bundle = newest.gateway.directory().bundle();
            let gateway = &post.gateway;
            if gateway.directory().bundle() != bundle {
                let news = Documents::parse(&bundle).expect("it was verified");
                gateway.board.take(news, gateway.now()).await;
            }
        }
    }

    /// What a clock says that is right.
    fn calendar(&self) -> Timestamp {
        START.saturating_add(self.now / SECOND)
    }

    fn start(&mut self, node: usize) {
        if self.nodes[node].post().is_some() || self.now < self.off_until[node] {
            return;
        }
        self.tally.starts += 1;
        match self.nodes[node].start(&self.site) {
            Ok(()) => {}
            Err(NoStart::Later) => self.heap.push(self.now + 10 * MINUTE, Happening::Start { node }),
            Err(NoStart::Damaged(words)) => self.watcher.damaged(node, &words),
        }
    }

    fn has_healed(&self) -> bool {
        self.nodes.iter().all(|node| {
            let idle = |post: &valise::node::Post| {
                post.gateway.couriers.all().iter().all(|courier| courier.standing().waiting.is_empty())
            };
            node.post().is_some_and(idle)
        })
    }

    fn what_waits(&self) -> String {
        let mut words = Vec::new();
        for (number, node) in self.nodes.iter().enumerate() {
            let Some(post) = node.post() else {
                words.push(format!("node {number} is off"));
                continue;
            };
            for courier in post.gateway.couriers.all() {
                let waiting = courier.standing().waiting;
                let Some(first) = waiting.first() else { continue };
                words.push(format!(
                    "{} acts of node {number} wait for {}, the first in {}: {}",
                    waiting.len(),
                    courier.peer,
                    first.row.case,
                    first.last_cause.as_deref().unwrap_or("never tried")
                ));
            }
        }
        words.truncate(3);
        words.join("; ")
    }

    fn last_day(&self) -> Millis {
        Millis::from(self.settings.days) * DAY
    }
}

/// Counts the clocks of the cases that a node has opened which stopped too late.
fn late(gateway: &Gateway) -> Vec<[u64; 2]> {
    let mut all = Vec::new();
    for slot in gateway.desk.page(None, usize::MAX).unwrap_or_default() {
        let case = slot.read();
        let seen = case::view(&case, gateway.now(), Warning { ack: 0, respond: 0 });
        let Some(seen) = seen.filter(|seen| seen.role == case::Role::Requester) else { continue };
        let stopped = seen.clocks.late();
        all.push([Clock::Ack, Clock::Respond].map(|clock| u64::from(stopped.contains(&clock))));
    }
    all
}

/// Boils a reply down to a number.
fn told(reply: &Reply) -> u64 {
    let text = match reply {
        Ok(data) => data.to_string(),
        Err(failure) => failure.code.clone(),
    };
    u64::from_be_bytes(Digest::of(&[text.as_bytes()]).0[..8].try_into().unwrap_or_default())
}
