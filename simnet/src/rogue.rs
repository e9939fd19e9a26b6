//! A relay that does everything that a relay can do against its members: it has its keys, and nothing else.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::{Mutex as Turn, watch};
use valise::envelope::{EnvelopeError, Lane as RouteLane, Receipts, Reject, Want, read_route};
use valise::model::{Digest, Party, Timestamp};
use valise::relay::{Collected, Custody, Freight, Lane, Parcel, Signer, Thread, Wrapped};
use valise::transport::{Link, Receiver, Road, Sender};
use valise::trust::Directory;
use valise::wire::FrameKind;

/// For how long a relay that reorders gathers what it turns round.
const GATHER: Duration = Duration::from_secs(5);
/// How many old parcels a relay replays with each new one.
const REPLAYED: usize = 32;

/// What a relay does to its members. Every one of them withholds the directory: it answers no question about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Vice {
    /// It signs for acts and forgets them.
    Drops,
    /// It brings everything twice.
    Duplicates,
    /// It brings the newest first.
    Reorders,
    /// It brings again what was collected long ago.
    Replays,
    /// It signs for other parcels than it got, or not at all, and forgets them.
    Forges,
    /// It changes a byte of what it brings.
    Damages,
    /// It is honest but for the directory.
    Withholds,
}

impl Vice {
    /// Every vice.
    pub const ALL: [Self; 7] = [
        Self::Drops,
        Self::Duplicates,
        Self::Reorders,
        Self::Replays,
        Self::Forges,
        Self::Damages,
        Self::Withholds,
    ];
}

/// What a rogue did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Deeds {
    /// Parcels that it took.
    pub taken: u64,
    /// Parcels that it forgot though it had signed for them, or had pretended to.
    pub dropped: u64,
    /// Parcels that it brought again.
    pub repeated: u64,
    /// Parcels that it brought in another order.
    pub reordered: u64,
    /// Custodies that it forged.
    pub forged: u64,
    /// Parcels that it changed.
    pub damaged: u64,
    /// Questions about the directory that it did not answer.
    pub withheld: u64,
}

/// A parcel with its body.
type Held = (Parcel, Vec<u8>);

/// The rogue.
pub struct Rogue {
    signer: Signer,
    directory: Directory,
    vice: Vice,
    retention: i64,
    clock: Box<dyn Fn() -> Timestamp + Send + Sync>,
    state: Mutex<State>,
    bell: watch::Sender<()>,
}

#[derive(Default)]
struct State {
    next: BTreeMap<Thread, u64>,
    waiting: BTreeMap<Party, Vec<Held>>,
    history: BTreeMap<Party, Vec<Held>>,
    deeds: Deeds,
}

impl Rogue {
    /// Sets up a relay with its own keys and clock; it says that it keeps parcels for `retention` seconds.
    pub fn new(
        signer: Signer,
        directory: Directory,
        (vice, retention): (Vice, i64),
        clock: Box<dyn Fn() -> Timestamp + Send + Sync>,
    ) -> Arc<Self> {
        let (state, bell) = (Mutex::default(), watch::Sender::new(()));
        Arc::new(Self { signer, directory, vice, retention, clock, state, bell })
    }

    /// Tells what it has done.
    pub fn deeds(&self) -> Deeds {
        self.state().deeds
    }

    /// Serves members for as long as the road is open.
    pub async fn serve(self: Arc<Self>, road: Arc<Road>) {
        while let Some(link) = road.accept().await {
            tokio::spawn(Arc::clone(&self).serve_link(link));
        }
    }

    async fn serve_link(self: Arc<Self>, link: Link) {
        while let Ok((sender, receiver)) = link.accept_stream().await {
            let peer = link.peer().clone();
            tokio::spawn(Arc::clone(&self).serve_stream(peer, Arc::new(Turn::new(sender)), receiver));
        }
    }

    async fn serve_stream(self: Arc<Self>, peer: Party, sender: Arc<Turn<Sender>>, mut receiver: Receiver) {
        while let Ok(Some((kind, body))) = receiver.next().await {
            let answer = match kind {
                FrameKind::Envelope | FrameKind::Receipts | FrameKind::Reject | FrameKind::Want => {
                    self.take(kind, body).ok().map(|custody| (FrameKind::Custody, custody))
                }
                FrameKind::Collect => {
                    tokio::spawn(Arc::clone(&self).push(peer.clone(), Arc::clone(&sender)));
                    None
                }
                FrameKind::Collected => {
                    self.collected(&peer, &body);
                    None
                }
                FrameKind::Ping => Some((FrameKind::Pong, body)),
                FrameKind::Holdings | FrameKind::News => {
                    self.state().deeds.withheld += 1;
                    None
                }
                FrameKind::Pong
                | FrameKind::AuditQuestion
                | FrameKind::AuditAnswer
                | FrameKind::RecoveryQuestion
                | FrameKind::RecoveryList
                | FrameKind::RecoveryAct
                | FrameKind::Custody
                | FrameKind::Parcel
                | FrameKind::Refused => return,
            };
            if let Some((kind, bytes)) = answer
                && sender.lock().await.send(kind, &bytes).await.is_err()
            {
                return;
            }
        }
    }

    fn take(&self, kind: FrameKind, body: Vec<u8>) -> Result<Vec<u8>, EnvelopeError> {
        let now = (self.clock)();
        let (from, to, freight, lane) = self.read(kind, &body, now)?;
        let thread = Thread { from, to, lane };
        let is_act = matches!(freight, Freight::Envelope { .. });
        let mut state = self.state();
        let next = state.next.entry(thread.clone()).or_default();
        let index = *next;
        *next += 1;
        let parcel = Parcel {
            digest: Digest::of(&[&body]),
            freight,
            thread,
            index,
            size: body.len() as u64,
            received_at: now,
            expires: now.saturating_add(self.retention),
        };
        state.deeds.taken += 1;
        if self.vice == Vice::Forges && is_act {
            state.deeds.forged += 1;
            state.deeds.dropped += 1;
            if state.deeds.forged & 1 == 0 {
                return Ok(Custody::sign(&Parcel { digest: Digest([7; 32]), ..parcel }, &self.signer));
            }
            let mut custody = Custody::sign(&parcel, &self.signer);
            let last = custody.len() - 1;
            custody[last] ^= 1;
            return Ok(custody);
        }
        let custody = Custody::sign(&parcel, &self.signer);
        if self.vice == Vice::Drops && is_act {
            state.deeds.dropped += 1;
            return Ok(custody);
        }
        state.waiting.entry(parcel.thread.to.clone()).or_default().push((parcel, body));
        drop(state);
        self.bell.send_replace(());
        Ok(custody)
    }

    #[expect(clippy::wildcard_enum_match_arm, reason = "nothing else is read here")]
    fn read(
        &self,
        kind: FrameKind,
        body: &[u8],
        now: Timestamp,
    ) -> Result<(Party, Party, Freight, Lane), EnvelopeError> {
        let directory = &self.directory;
        let plain = |(from, to), freight| (from, to, freight, Lane::Acts);
        Ok(match kind {
            FrameKind::Receipts => plain(Receipts::parties(body, directory, now)?, Freight::Receipts),
            FrameKind::Reject => plain(Reject::parties(body, directory, now)?, Freight::Reject),
            FrameKind::Want => plain(Want::parties(body, directory, now)?, Freight::Want),
            _ => {
                let (from, route, digest) = read_route(body, directory, now)?;
                let (envelope, sealed) = (route.envelope, route.body);
                let lane = if route.lane == RouteLane::Bulk { Lane::Bulk } else { Lane::Acts };
                (from, route.to, Freight::Envelope { envelope, route: digest, sealed }, lane)
            }
        })
    }

    fn collected(&self, peer: &Party, body: &[u8]) {
        let pair = (peer, &self.signer.party);
        let Ok(said) = Collected::verify(body, pair, &self.directory, (self.clock)()) else { return };
        let gone: BTreeSet<Digest> = said.parcels.into_iter().collect();
        let mut state = self.state();
        let waiting = state.waiting.entry(peer.clone()).or_default();
        let (done, left) = std::mem::take(waiting).into_iter().partition(|(p, _)| gone.contains(&p.digest));
        *waiting = left;
        state.history.entry(peer.clone()).or_default().extend::<Vec<Held>>(done);
    }

    async fn push(self: Arc<Self>, peer: Party, sender: Arc<Turn<Sender>>) {
        let mut bell = self.bell.subscribe();
        let mut pushed = BTreeSet::new();
        loop {
            if self.vice == Vice::Reorders {
                tokio::time::sleep(GATHER).await;
            }
            for (parcel, mut body) in self.next(&peer, &pushed) {
                pushed.insert(parcel.digest);
                if self.vice == Vice::Damages && matches!(parcel.freight, Freight::Envelope { .. }) {
                    let last = body.len() - 1;
                    body[last] ^= 1;
                    self.state().deeds.damaged += 1;
                }
                let wrapped = Wrapped { custody: Custody::sign(&parcel, &self.signer), body };
                if sender.lock().await.send(FrameKind::Parcel, &wrapped.encode()).await.is_err() {
                    return;
                }
            }
            if bell.changed().await.is_err() {
                return;
            }
        }
    }

    /// Chooses what a member is brought now, in which order, and how often.
    fn next(&self, peer: &Party, pushed: &BTreeSet<Digest>) -> Vec<Held> {
        let mut state = self.state();
        let fresh = state.waiting.get(peer).cloned().unwrap_or_default();
        let mut out: Vec<Held> = fresh.into_iter().filter(|(p, _)| !pushed.contains(&p.digest)).collect();
        match self.vice {
            Vice::Duplicates => {
                state.deeds.repeated += out.len() as u64;
                out = out.into_iter().flat_map(|held| [held.clone(), held]).collect();
            }
            Vice::Reorders => {
                state.deeds.reordered += out.len().saturating_sub(1) as u64;
                out.reverse();
            }
            Vice::Replays if !out.is_empty() => {
                let old =
                    state.history.get(peer).map(|all| all.iter().rev().take(REPLAYED).cloned().collect());
                let old: Vec<Held> = old.unwrap_or_default();
                state.deeds.repeated += old.len() as u64;
                out.extend(old);
            }
            Vice::Replays | Vice::Drops | Vice::Forges | Vice::Damages | Vice::Withholds => {}
        }
        out
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
