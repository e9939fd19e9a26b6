use crate::bugs::Bug;
use crate::check::{Checker, Violation};
use crate::draw::Draw;
use crate::fault::{self, Fault, Kind, Tampering};
use crate::federation::{Federation, START};
use crate::heap::{DAY, HOUR, Heap, MINUTE, Millis, SECOND};
use crate::hostile;
use crate::lane::{Frame, Letter};
use crate::link::Links;
use crate::officer::{Deed, Office};
use crate::report::Tally;
use crate::samples::{self, Form};
use crate::shell::{Shell, Taken};
use crate::trace::{Trace, content};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use valise::model::{Digest, MessageId, Request, Timestamp};

/// How long healing may take before it counts as failed.
const HEALING: Millis = 60 * DAY;
/// The first and the longest pause between two tries.
const PAUSES: (Millis, Millis) = (30 * SECOND, HOUR);
/// An office's officer, who does everything, and a colleague.
pub(crate) const OFFICERS: [&str; 2] = ["ama", "kofi"];
/// To how many of those whom it knows a State writes.
const PARTNERS: usize = 6;

/// What a run is made of.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Draws everything.
    pub seed: u64,
    /// How many days officers act.
    pub days: u32,
    /// How many requests each State makes.
    pub cases_per_state: u32,
    /// Multiplies the rates of all faults.
    pub harsh: u64,
    /// How many of a thousand acts take the real lane.
    pub real_permille: u64,
    /// A planted bug.
    pub bug: Option<Bug>,
    /// Which of the drawn faults happen; all of them if absent.
    pub only: Option<BTreeSet<usize>>,
}

/// The federation in motion.
pub struct World {
    pub(crate) settings: Settings,
    pub(crate) federation: Arc<Federation>,
    pub(crate) shells: Vec<Shell>,
    pub(crate) offices: Vec<Office>,
    pub(crate) checker: Checker,
    pub(crate) tally: Tally,
    pub(crate) template: Request,
    pub(crate) now: Millis,
    pub(crate) in_flight: Vec<Vec<Deed>>,
    heap: Heap<Happening>,
    links: Links,
    faults: Vec<Fault>,
    skews: BTreeMap<usize, Vec<Fault>>,
    down_until: Vec<Millis>,
    boots: Vec<u32>,
    syncing: Vec<bool>,
    sending: Vec<BTreeMap<MessageId, Sending>>,
    woken: BTreeMap<(usize, usize), Millis>,
    chance: Draw,
    trace: Trace,
}

/// What happens at one instant.
#[derive(Debug)]
enum Happening {
    Deed { state: usize, deed: Deed },
    Arrival { from: usize, to: usize, frame: Frame, nature: Nature },
    Sync { state: usize, boot: u32 },
    Try { state: usize, envelope: MessageId, turn: u32 },
    Fault { fault: Fault },
    Restart { state: usize },
}

/// What a frame is in truth, which no shell is told.
#[derive(Clone, Copy, Debug)]
enum Nature {
    /// An answer.
    Answer,
    /// A genuine letter with this statement.
    Genuine(Digest),
    /// Nobody may believe it.
    Forged(Tampering),
    /// A second statement under a known message id.
    Contradiction,
}

/// How the delivery of one envelope stands.
#[derive(Clone, Copy, Debug, Default)]
struct Sending {
    failures: u32,
    turn: u32,
}

impl World {
    /// Sets the stage; nothing has happened yet. `trace` follows the run, and may hold an earlier one.
    pub fn new(federation: &Arc<Federation>, settings: Settings, trace: Trace) -> Self {
        let seed = settings.seed;
        let states = federation.members.len();
        let end = Millis::from(settings.days) * DAY;
        let partners = partners(federation, seed);
        let faults = fault::draw(seed, &partners, end, settings.harsh);
        let happening =
            |(at, _): &(usize, &Fault)| settings.only.as_ref().is_none_or(|only| only.contains(at));
        let chosen: Vec<Fault> =
            faults.iter().enumerate().filter(happening).map(|(_, fault)| *fault).collect();
        let mut skews: BTreeMap<usize, Vec<Fault>> = BTreeMap::new();
        for fault in &chosen {
            if let Kind::Skew { state, .. } = fault.kind {
                skews.entry(state).or_default().push(*fault);
            }
        }
        let mut world = Self {
            federation: Arc::clone(federation),
            shells: (0..states).map(|me| Shell::new(federation, me, seed, settings.bug)).collect(),
            offices: (0..states).map(|state| Office::draw(seed, state)).collect(),
            checker: Checker::default(),
            tally: Tally::default(),
            template: samples::template(),
            now: 0,
            in_flight: vec![Vec::new(); states],
            heap: Heap::default(),
            links: Links::new(seed, chosen.iter()),
            faults,
            skews,
            down_until: vec![0; states],
            boots: vec![0; states],
            syncing: vec![false; states],
            sending: vec![BTreeMap::new(); states],
            woken: BTreeMap::new(),
            chance: Draw::new(seed, "chance", &[]),
            trace,
            settings,
        };
        for fault in chosen {
            *world.tally.faults.entry(fault.kind.code()).or_default() += 1;
            world.heap.push(fault.from, Happening::Fault { fault });
        }
        world.plan_requests(&partners);
        world
    }

    /// Lets everything happen, until all has healed or something is wrong.
    pub fn run(&mut self) {
        while let Some((at, seq, what)) = self.heap.pop() {
            self.now = at;
            self.checker.at(at);
            self.tally.events += 1;
            if !self.trace.note(&[at.unsigned_abs(), seq, what.content()], || what.describe()) {
                return;
            }
            if at > self.end() + HEALING {
                self.checker.unhealed(HEALING / DAY);
                return;
            }
            self.happen(what);
            if self.checker.violation().is_some() {
                return;
            }
        }
        self.now = self.now.max(self.end());
        let mut draw = Draw::new(self.settings.seed, "refold", &[]);
        let times: Vec<Timestamp> = (0..self.shells.len()).map(|state| self.clock(state)).collect();
        self.checker.converged(&self.shells, |state| times[state], &mut draw);
    }

    /// Returns what went wrong first.
    pub const fn violation(&self) -> Option<&Violation> {
        self.checker.violation()
    }

    /// Returns all faults that the seed draws, whether they happen or not.
    pub fn faults(&self) -> &[Fault] {
        &self.faults
    }

    /// Returns what the run is made of.
    pub const fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Says where the run left the one that its trace holds, if it did.
    pub fn divergence(&self) -> Option<String> {
        self.trace.divergence()
    }

    /// Returns what was traced.
    pub fn into_trace(self) -> Trace {
        self.trace
    }

    /// Returns the digest over all that happened.
    pub const fn fingerprint(&self) -> u64 {
        self.trace.fingerprint()
    }

    /// Returns when officers stop and faults end.
    pub fn end(&self) -> Millis {
        Millis::from(self.settings.days) * DAY
    }

    /// Reads a State's clock: as wrong as its faults make it, and never below what the State has written.
    pub(crate) fn clock(&self, state: usize) -> Timestamp {
        let skews = self.skews.get(&state).into_iter().flatten().filter(|fault| fault.is_on(self.now));
        let skew: i64 =
            skews.map(|fault| if let Kind::Skew { seconds, .. } = fault.kind { seconds } else { 0 }).sum();
        let shown = START.saturating_add(self.now / SECOND + skew);
        self.shells[state].disk().newest.map_or(shown, |newest| shown.max(newest))
    }

    /// Plans a deed; after the end nobody does anything new.
    pub(crate) fn plan(&mut self, state: usize, after: Millis, deed: Deed) {
        let at = self.now + after.max(1);
        if at < self.end() {
            self.heap.push(at, Happening::Deed { state, deed });
        }
    }

    /// Draws whether an act takes the real lane; where somebody tampers, half of them do.
    pub(crate) fn draws_real(&mut self, from: usize, to: usize) -> bool {
        let tampered = self.links.is_tampered(from, to, self.now);
        let real = self.chance.chance(if tampered { 500 } else { self.settings.real_permille });
        *(if real { &mut self.tally.real } else { &mut self.tally.fast }) += 1;
        real
    }

    /// Sees to it that what a shell has pending is synced soon.
    pub(crate) fn sync_soon(&mut self, state: usize) {
        if self.shells[state].has_pending() && !self.syncing[state] {
            self.syncing[state] = true;
            let at = self.now + self.chance.between(20, 200);
            self.heap.push(at, Happening::Sync { state, boot: self.boots[state] });
        }
    }

    fn plan_requests(&mut self, partners: &[Vec<usize>]) {
        for (state, partners) in partners.iter().enumerate() {
            let mut draw = Draw::new(self.settings.seed, "requests", &[state as u64]);
            for _ in 0..self.settings.cases_per_state {
                let Some(to) = draw.pick(partners).copied() else { continue };
                let at = draw.between(1, self.end());
                let items = if draw.chance(300) { 2 + u32::from(draw.chance(300)) } else { 1 };
                let form = Form::draw(&mut draw);
                let careless = draw.chance(30).then_some(Form::Careless);
                for form in careless.into_iter().chain([form]) {
                    self.heap.push(at, Happening::Deed { state, deed: Deed::Ask { to, items, form } });
                }
            }
        }
    }

    fn happen(&mut self, what: Happening) {
        match what {
            Happening::Deed { state, deed } => {
                if self.is_down(state) {
                    let after = self.down_until[state] - self.now + HOUR;
                    self.plan(state, after, deed);
                } else {
                    self.do_deed(state, deed);
                    self.sync_soon(state);
                }
            }
            Happening::Arrival { from, to, frame, nature } => self.arrive(from, to, frame, nature),
            Happening::Sync { state, boot } => {
                if boot == self.boots[state] {
                    self.syncing[state] = false;
                    self.synced(state);
                }
            }
            Happening::Try { state, envelope, turn } => self.try_again(state, envelope, turn),
            Happening::Fault { fault } => self.begin(fault),
            Happening::Restart { state } => {
                if self.now >= self.down_until[state] {
                    self.restart(state);
                }
            }
        }
    }

    fn arrive(&mut self, from: usize, to: usize, frame: Frame, nature: Nature) {
        if self.is_down(to) {
            self.tally.lost += 1;
            return;
        }
        let now = self.clock(to);
        if let Nature::Genuine(digest) = nature {
            self.checker.offered(to, digest, now);
        }
        let taken = self.shells[to].take(from, &frame, now);
        if matches!(taken, Taken::Busy) {
            let after = self.chance.between(100, 400);
            self.heap.push(self.now + after, Happening::Arrival { from, to, frame, nature });
            return;
        }
        if let Nature::Forged(how) = nature {
            self.tally.forged += 1;
            self.checker.forged(how.words(), matches!(taken, Taken::Refused(_)));
        } else {
            self.wake(to, from);
        }
        match taken {
            Taken::Answered { case, digest, frames } => {
                self.checker.left(to, &case, digest, self.shells[to].disk());
                frames.into_iter().for_each(|frame| self.send(to, from, frame, Nature::Answer));
            }
            Taken::Refused(frames) => {
                self.tally.rejects += frames.len() as u64;
                frames.into_iter().for_each(|frame| self.send(to, from, frame, Nature::Answer));
            }
            Taken::Rejected(envelope) => self.postpone(to, envelope),
            Taken::Pending | Taken::Busy | Taken::Nothing => {}
        }
        self.sync_soon(to);
    }

    /// Sends a frame on its way, with all that its fate holds.
    fn send(&mut self, from: usize, to: usize, frame: Frame, nature: Nature) {
        self.tally.frames += 1;
        let fate = self.links.fate(from, to, self.now);
        self.tally.lost += u64::from(fate.copies.is_empty());
        self.tally.duplicated += u64::from(fate.copies.len() > 1);
        let mut arriving = (frame, nature);
        if let (Frame::Envelope(letter), Some(how), Nature::Genuine(_)) =
            (&arriving.0, fate.tampering, nature)
        {
            let forgery = self.tamper(from, to, &letter.clone(), how);
            match forgery {
                Some((_, _, letter)) if how == Tampering::Edited => {
                    arriving = (Frame::Envelope(letter), Nature::Forged(how));
                }
                Some((from, to, letter)) => {
                    let at = self.now + self.chance.between(SECOND, HOUR);
                    let (frame, nature) = (Frame::Envelope(letter), Nature::Forged(how));
                    self.heap.push(at, Happening::Arrival { from, to, frame, nature });
                }
                None => {}
            }
        }
        for after in fate.copies.into_iter().chain(fate.replayed) {
            let (frame, nature) = arriving.clone();
            self.heap.push(self.now + after, Happening::Arrival { from, to, frame, nature });
        }
    }

    /// Makes what a hostile party makes of a letter: from whom, to whom, what.
    fn tamper(
        &mut self,
        from: usize,
        to: usize,
        letter: &Letter,
        how: Tampering,
    ) -> Option<(usize, usize, Letter)> {
        let federation = Arc::clone(&self.federation);
        let members = &federation.members;
        let now = self.clock(from);
        let near = if how == Tampering::Misaddressed { from } else { to };
        let others: Vec<usize> =
            members[near].acquainted.iter().copied().filter(|at| ![from, to].contains(at)).collect();
        let other = self.chance.pick(&others).copied();
        let draw = &mut self.chance;
        match how {
            Tampering::Replayed => None,
            Tampering::Edited => Some((from, to, hostile::edit(letter, draw))),
            Tampering::Resealed => {
                let third = other?;
                let letter = hostile::reseal(letter, &members[to], &members[third].party, now, draw)?;
                Some((to, third, letter))
            }
            Tampering::Rerouted => {
                let thief = other?;
                let letter = hostile::reroute(letter, &members[thief], &members[to].party, now, draw)?;
                Some((thief, to, letter))
            }
            Tampering::Misaddressed => {
                let other = other?;
                let letter = hostile::misaddress(letter, &members[from], &members[other].party, now, draw)?;
                Some((from, other, letter))
            }
        }
    }

    fn synced(&mut self, state: usize) {
        let synced = self.shells[state].sync();
        self.in_flight[state].clear();
        for (peer, head) in synced.heads {
            self.checker.head(state, peer, head);
        }
        for (by, receipt) in &synced.proved {
            self.checker.proved(*by, state, receipt);
        }
        for (case, digest) in &synced.receipted {
            self.checker.left(state, case, *digest, self.shells[state].disk());
        }
        self.observe(state, &synced.events);
        for envelope in synced.queued {
            self.sending[state].insert(envelope, Sending::default());
            self.try_again(state, envelope, 0);
        }
        for (peer, frame) in synced.frames {
            self.send(state, peer, frame, Nature::Answer);
        }
    }

    /// Sends an envelope and plans the next try, unless it has its receipt or another try was planned.
    fn try_again(&mut self, state: usize, envelope: MessageId, turn: u32) {
        let planned = self.sending[state].get(&envelope).is_some_and(|sending| sending.turn == turn);
        if !planned || self.is_down(state) {
            return;
        }
        let Some(statement) = self.shells[state].row(&envelope).map(|row| row.statement) else {
            self.sending[state].remove(&envelope);
            return;
        };
        let now = self.clock(state);
        let first = self.sending[state].get(&envelope).is_none_or(|sending| sending.failures == 0);
        let letter = if first {
            self.shells[state].row(&envelope).map(|row| (row.peer, row.letter.clone()))
        } else {
            self.tally.retries += 1;
            self.shells[state].retry(&envelope, now)
        };
        if let Some((peer, letter)) = letter {
            self.send(state, peer, Frame::Envelope(letter), Nature::Genuine(statement));
        }
        let failures = self.sending[state].get(&envelope).map_or(0, |sending| sending.failures);
        let full = (PAUSES.0 << failures.min(12)).min(PAUSES.1);
        let pause = full / 2 + self.chance.between(0, full / 2 + 1);
        self.replan(state, envelope, pause, failures + 1);
    }

    /// Plans the next try of an envelope in place of the one that was planned.
    fn replan(&mut self, state: usize, envelope: MessageId, after: Millis, failures: u32) {
        if let Some(sending) = self.sending[state].get_mut(&envelope) {
            *sending = Sending { failures, turn: sending.turn + 1 };
            let turn = sending.turn;
            self.heap.push(self.now + after, Happening::Try { state, envelope, turn });
        }
    }

    /// A peer was heard: what waits for it is tried now, though not at every word that it says.
    fn wake(&mut self, state: usize, peer: usize) {
        let woken = self.woken.entry((state, peer)).or_insert(-HOUR);
        if self.now - *woken < HOUR {
            return;
        }
        *woken = self.now;
        let waiting: Vec<MessageId> = self.sending[state]
            .iter()
            .filter(|(_, sending)| sending.failures > 2)
            .map(|(envelope, _)| *envelope)
            .filter(|envelope| self.shells[state].row(envelope).is_some_and(|row| row.peer == peer))
            .collect();
        for envelope in waiting {
            let after = self.chance.between(1, 5 * SECOND);
            self.replan(state, envelope, after, 1);
        }
    }

    /// An envelope was refused: an officer asks a day later to try again.
    fn postpone(&mut self, state: usize, envelope: MessageId) {
        self.replan(state, envelope, DAY, 1);
    }

    fn begin(&mut self, fault: Fault) {
        match fault.kind {
            Kind::Crash { state, landed } => self.crash(state, landed, fault.until),
            Kind::Contradiction { state } => self.contradict(state),
            Kind::Loss { .. }
            | Kind::Delay { .. }
            | Kind::Duplication { .. }
            | Kind::Cut { .. }
            | Kind::Isolation { .. }
            | Kind::Skew { .. }
            | Kind::Tampering { .. } => {}
        }
    }

    fn crash(&mut self, state: usize, landed: bool, until: Millis) {
        let again = self.is_down(state);
        self.down_until[state] = self.down_until[state].max(until);
        self.heap.push(until, Happening::Restart { state });
        if again {
            return;
        }
        self.tally.crashes += 1;
        self.boots[state] += 1;
        self.syncing[state] = false;
        let before: BTreeMap<_, usize> =
            self.shells[state].disk().journal.iter().map(|(id, events)| (id.clone(), events.len())).collect();
        self.shells[state].crash(landed);
        // What had reached the disk counts, although nobody was told.
        let landed: Vec<_> = self.shells[state]
            .disk()
            .journal
            .iter()
            .flat_map(|(id, events)| {
                let known = before.get(id).copied().unwrap_or(0);
                events[known..].iter().map(|event| (id.clone(), event.clone()))
            })
            .collect();
        self.observe(state, &landed);
        let lost = std::mem::take(&mut self.in_flight[state]);
        for deed in lost {
            let after = until - self.now + self.chance.between(HOUR, DAY);
            self.plan(state, after, deed);
        }
    }

    fn restart(&mut self, state: usize) {
        self.checker.restarted(state, &self.shells[state]);
        let rows: Vec<MessageId> = self.shells[state].disk().outbox.keys().copied().collect();
        for envelope in rows {
            self.sending[state].entry(envelope).or_default();
            let after = self.chance.between(1, MINUTE);
            self.replan(state, envelope, after, 1);
        }
    }

    fn contradict(&mut self, state: usize) {
        let reference = self.checker.reference();
        let said: Vec<Digest> = self.shells[state]
            .disk()
            .said
            .keys()
            .filter(|digest| reference.act(digest).is_some_and(|act| act.receipted))
            .copied()
            .collect();
        let Some(statement) = self.chance.pick(&said).copied().filter(|_| !self.is_down(state)) else {
            return;
        };
        let (now, real) = (self.clock(state), self.chance.chance(200));
        let Some((to, letter)) = self.shells[state].contradict(&statement, real, now) else { return };
        if let Some(to) = self.federation.number(&to) {
            self.send(state, to, Frame::Envelope(letter), Nature::Contradiction);
        }
    }

    fn is_down(&self, state: usize) -> bool {
        self.now < self.down_until[state]
    }
}

impl Happening {
    /// Boils down what happens to a number, for the trace.
    fn content(&self) -> u64 {
        match self {
            Self::Deed { state, .. } => *state as u64,
            Self::Arrival { to, frame, .. } => content(frame) ^ *to as u64,
            Self::Sync { state, .. } | Self::Restart { state } => *state as u64,
            Self::Try { envelope, .. } => u64::from_be_bytes(envelope.0[..8].try_into().unwrap_or_default()),
            Self::Fault { fault } => fault.until.unsigned_abs(),
        }
    }

    fn describe(&self) -> String {
        let mut text = format!("{self:?}");
        text.truncate(400);
        text
    }
}

/// Draws to whom each State writes, out of those whom it knows.
fn partners(federation: &Federation, seed: u64) -> Vec<Vec<usize>> {
    let of = |(state, member): (usize, &crate::federation::Member)| {
        let mut known = member.acquainted.clone();
        Draw::new(seed, "partners", &[state as u64]).shuffle(&mut known);
        known.truncate(PARTNERS);
        known
    };
    federation.members.iter().enumerate().map(of).collect()
}
