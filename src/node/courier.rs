//! Delivers the outbox to one peer: pipelined, retried for weeks, woken by any contact (DESIGN §9).

use crate::config::Roads;
use crate::cose::ExportSecret;
use crate::envelope::{Receipts, Reject, SealedReceipt, open_receipt};
use crate::model::{Digest, MessageId, Party, Timestamp};
use crate::node::audit;
use crate::node::error::NodeError;
use crate::node::gateway::{Gateway, Post};
use crate::node::gossip;
use crate::node::reseal::{Remedy, is_nameless};
use crate::node::retry;
use crate::store::{HeldEnvelope, OutboxRow};
use crate::transport::{CloseCode, Link, Sender, TransportError};
use crate::trust::federation::Holdings;
use crate::wire::FrameKind;
use futures_util::future::join_all;
use futures_util::stream::{FuturesUnordered, StreamExt as _};
use std::collections::BTreeSet;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::Notify;
use tokio::time::{Instant, sleep, timeout, timeout_at};

mod bag;
mod by_hand;
mod relays;

use bag::{Bag, Broken, Pause, urgency};
pub use bag::{Held, Standing, Waiting};
pub(super) use relays::{Said, hear};

/// The most envelopes that wait for their receipts at once.
const WINDOW: usize = 64;
/// How long the peer may stay silent while receipts are awaited.
const PATIENCE: Duration = Duration::from_secs(10);
/// How long an audit holds on a link that stands, in seconds.
const AUDIT_EVERY: i64 = 3600;
/// How long the direct road may take to open where there is another.
const IMPATIENCE: Duration = Duration::from_secs(4);
/// How long a stream with nothing to carry is kept for the next act.
const LINGER: Duration = Duration::from_secs(20);

/// The way out to one peer.
pub struct Courier {
    /// The peer.
    pub peer: Party,
    roads: Mutex<Roads>,
    bag: Mutex<Bag>,
    wake: Notify,
    by_relay: Notify,
    /// Wakes whoever fetches the files of the peer's acts.
    pub files: Notify,
    /// Wakes whoever brings our files to the peer's relays.
    pub wishes: Notify,
}

/// What is under way over one stream.
#[derive(Default)]
struct Flight {
    /// Sent, and not answered yet.
    sent: BTreeSet<MessageId>,
    /// Receipted, and not durable here yet.
    kept: BTreeSet<MessageId>,
}

/// Which receipts were to be kept, and whether all of them were.
type Kept = (Vec<MessageId>, Result<(), Broken>);

impl Flight {
    fn is_empty(&self) -> bool {
        self.sent.is_empty() && self.kept.is_empty()
    }

    fn holds(&self, id: &MessageId) -> bool {
        self.sent.contains(id) || self.kept.contains(id)
    }

    fn receipted(&mut self, id: MessageId) {
        self.sent.remove(&id);
        self.kept.insert(id);
    }

    fn end(&mut self, kept: &[MessageId]) {
        kept.iter().for_each(|id| {
            self.kept.remove(id);
        });
    }
}

impl Courier {
    /// Opens the way to a peer with what the outbox holds for it.
    pub fn new(peer: Party, roads: Roads, rows: Vec<OutboxRow>) -> Self {
        let courier = Self {
            peer,
            roads: Mutex::new(roads),
            bag: Mutex::default(),
            wake: Notify::new(),
            by_relay: Notify::new(),
            files: Notify::new(),
            wishes: Notify::new(),
        };
        rows.into_iter().for_each(|row| courier.push(row));
        courier
    }

    /// Returns how the peer is reached.
    pub fn roads(&self) -> Roads {
        self.roads.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Looks for the peer on other roads from now on; a link that stands is kept.
    pub fn readdress(&self, roads: Roads) {
        *self.roads.lock().unwrap_or_else(PoisonError::into_inner) = roads;
        self.wake.notify_one();
        self.by_relay.notify_one();
    }

    /// Notes what the peer has of the directory.
    pub fn informed(&self, holdings: Option<Holdings>) {
        self.bag().holdings = holdings;
    }

    /// Tells what the peer is known to have of the directory.
    pub fn holdings(&self) -> Option<Holdings> {
        self.bag().holdings.clone()
    }

    /// Returns the link that stands, if one does.
    pub fn standing_link(&self) -> Option<Link> {
        self.bag().link.clone()
    }

    /// Takes an envelope that was committed to the outbox.
    pub fn push(&self, row: OutboxRow) {
        self.bag().waiting.insert(row.envelope, Waiting::new(row));
        self.wake.notify_one();
        if self.is_cut_off() {
            self.by_relay.notify_one();
        }
    }

    /// Notes that the peer was heard: whatever waits for it is tried now.
    pub fn heard(&self, now: Timestamp, link: Option<&Link>) {
        let mut bag = self.bag();
        bag.heard(now);
        if let Some(link) = link {
            bag.link.get_or_insert_with(|| link.clone());
        }
        let idle = bag.waiting.is_empty();
        drop(bag);
        self.files.notify_one();
        if !idle {
            self.wake.notify_one();
        }
    }

    /// Tries again now: one envelope, or all of them. Returns those that were woken.
    pub fn retry(&self, only: Option<MessageId>) -> Vec<MessageId> {
        let mut bag = self.bag();
        bag.next_try = None;
        let chosen = bag.waiting.iter_mut().filter(|(id, _)| only.is_none_or(|only| only == **id));
        let woken = chosen.map(|(id, waiting)| {
            waiting.refused = false;
            waiting.keyless = false;
            *id
        });
        let woken: Vec<_> = woken.collect();
        drop(bag);
        self.wake.notify_one();
        self.by_relay.notify_one();
        woken
    }

    /// Tells how the courier stands.
    pub fn standing(&self) -> Standing {
        let bag = self.bag();
        let mut waiting: Vec<Waiting> = bag.waiting.values().cloned().collect();
        waiting.sort_by_key(|w| (w.row.queued_at, w.row.envelope));
        Standing {
            waiting,
            next_try: bag.next_try.map(|pause| pause.shown),
            last_cause: bag.last_cause.clone(),
            last_contact: bag.last_contact,
            link: bag.link.as_ref().map(Link::road),
        }
    }

    /// Tells whether an act still waits, and if so whether the peer has refused it.
    pub fn waits(&self, statement: &Digest) -> Option<bool> {
        self.bag().waiting.values().find(|w| w.row.statement == *statement).map(|w| w.refused)
    }

    /// Lists the envelopes that hold a statement.
    pub fn of_statement(&self, statement: &Digest) -> Vec<MessageId> {
        let bag = self.bag();
        bag.waiting.values().filter(|w| w.row.statement == *statement).map(|w| w.row.envelope).collect()
    }

    /// Lets go of a statement's envelopes, whose outbox rows are settled.
    pub fn settled(&self, statement: &Digest) {
        self.bag().waiting.retain(|_, waiting| waiting.row.statement != *statement);
    }

    /// Delivers for as long as the gateway runs.
    pub async fn run(&self, post: Post) {
        loop {
            self.due().await;
            match self.deliver(&post).await {
                Ok(()) => self.bag().went_well(),
                Err(cause) => self.failed(&cause, &post),
            }
        }
    }

    /// Returns the link that stands, or makes one.
    ///
    /// # Errors
    /// Words on why the peer cannot be reached.
    pub async fn link(&self, post: &Post) -> Result<Link, String> {
        let standing = self.bag().link.clone();
        if let Some(link) = standing {
            let doorkeeper = &post.gateway.doorkeeper;
            match link.recheck(&**doorkeeper) {
                Ok(()) => return Ok(link),
                Err(cause) => link.close(CloseCode::Distrusted, cause.words_for_peer()),
            }
        }
        let Roads { direct, tcp, .. } = self.roads();
        let direct = direct.ok_or("no direct road to it is known")?;
        let place = post.gateway.machine.place(&direct, tcp.as_ref()).await?;
        let link = post.road.connect(&self.peer, place).await.map_err(|e| e.to_string())?;
        self.bag().link = Some(link.clone());
        // The peer may speak first on a link that we opened: it needs no way in (DESIGN §9).
        post.serve(link.clone());
        gossip::greet(post, self, &link).await;
        Ok(link)
    }

    /// Closes a link whose certificate has expired or was revoked since: links outlive certificates.
    pub fn check_trust(&self, gateway: &Gateway) {
        let link = self.bag().link.clone();
        if let Some((link, cause)) = link.and_then(|l| l.recheck(&*gateway.doorkeeper).err().map(|e| (l, e)))
        {
            tracing::warn!(%cause, "a link is closed");
            link.close(CloseCode::Distrusted, cause.words_for_peer());
            self.unlink(&link);
        }
    }

    /// Forgets a link that has ended, unless another stands by now.
    pub fn unlink(&self, ended: &Link) {
        let mut bag = self.bag();
        if bag.link.take_if(|link| link.is_same(ended)).is_some() {
            bag.audited = None;
        }
    }

    /// Waits until something waits and its time has come.
    async fn due(&self) {
        let is_sendable = |bag: &Bag| bag.waiting.values().any(Waiting::is_sendable);
        loop {
            let woken = self.wake.notified();
            let direct = self.roads().direct.is_some();
            let next = {
                let bag = self.bag();
                let road = direct || bag.link.is_some();
                (road && is_sendable(&bag)).then_some(bag.next_try)
            };
            match next {
                Some(Some(pause)) if Instant::now() < pause.until => {
                    // A wake-up only matters if it cleared the pause.
                    let _ = timeout_at(pause.until, woken).await;
                }
                Some(_) => return,
                None => woken.await,
            }
        }
    }

    /// Sends what waits over one stream, until nothing waits any more.
    async fn deliver(&self, post: &Post) -> Result<(), Broken> {
        let link = if self.roads().relays.is_empty() {
            self.link(post).await?
        } else {
            let late = |_| Err("the direct road does not open; the relays are tried".to_owned());
            timeout(IMPATIENCE, self.link(post)).await.unwrap_or_else(late)?
        };
        let result = self.exchange(post, &link).await;
        if result.is_err() {
            self.unlink(&link);
            link.close(CloseCode::Done, "the exchange broke off");
        }
        result
    }

    /// Exchanges over one stream; what has its receipt is made durable beside what is sent next.
    async fn exchange(&self, post: &Post, link: &Link) -> Result<(), Broken> {
        let (mut sender, mut receiver) = link.open().await.map_err(|e| e.to_string())?;
        let mut flight = Flight::default();
        let mut keeping = FuturesUnordered::new();
        let mut result = loop {
            if let Err(cause) = self.fill(post, &mut sender, &mut flight).await {
                break Err(cause.into());
            }
            if flight.is_empty() {
                if timeout(LINGER, self.wake.notified()).await.is_ok() {
                    continue;
                }
                sender.finish();
                break Ok(());
            }
            let waits = !flight.sent.is_empty();
            let heard = tokio::select! {
                biased;
                kept = keeping.next(), if !keeping.is_empty() => {
                    let (ids, outcome): Kept = kept.expect("it is not empty");
                    flight.end(&ids);
                    match outcome {
                        Ok(()) => continue,
                        broken @ Err(_) => break broken,
                    }
                }
                frame = receiver.next(), if waits => self.hear(post, frame, &mut flight).await,
                () = self.wake.notified(), if flight.sent.len() < WINDOW => continue,
                () = sleep(PATIENCE), if waits => {
                    Err(format!("no answer within {} seconds", PATIENCE.as_secs()).into())
                }
            };
            match heard {
                Ok(receipts) if receipts.is_empty() => {}
                Ok(receipts) => keeping.push(self.keep(post, receipts)),
                Err(broken) => break Err(broken),
            }
        };
        // However the stream ended: a commit that has begun is seen to its end.
        while let Some((_, outcome)) = keeping.next().await {
            result = result.and(outcome);
        }
        result
    }

    /// Sends envelopes until the window is full.
    async fn fill(&self, post: &Post, sender: &mut Sender, flight: &mut Flight) -> Result<(), String> {
        let mut next = self.bag().sendable(post.gateway.now());
        next.retain(|id| !flight.holds(id));
        next.truncate(WINDOW.saturating_sub(flight.sent.len()));
        for id in next {
            let held = post.gateway.ledger.envelope(&id).map_err(|e| e.to_string())?;
            let Some(HeldEnvelope { bytes, .. }) = held else {
                self.bag().waiting.remove(&id);
                continue;
            };
            if let Some(waiting) = self.bag().waiting.get_mut(&id) {
                waiting.attempts = waiting.attempts.saturating_add(1);
            }
            sender.send(FrameKind::Envelope, &bytes).await.map_err(|e| e.to_string())?;
            flight.sent.insert(id);
        }
        Ok(())
    }

    /// Takes what the peer answered; returns the receipts among it, which are to be kept.
    async fn hear(
        &self,
        post: &Post,
        frame: Result<Option<(FrameKind, Vec<u8>)>, TransportError>,
        flight: &mut Flight,
    ) -> Result<Vec<SealedReceipt>, Broken> {
        match frame.map_err(|e| e.to_string())? {
            Some((FrameKind::Receipts, body)) => {
                let receipts = self.verify(post, &body)?;
                receipts.iter().for_each(|sealed| flight.receipted(sealed.envelope));
                self.heard(post.gateway.now(), None);
                Ok(receipts)
            }
            Some((FrameKind::Reject, body)) => {
                self.reject(post, &body, &mut flight.sent).await.map(|()| Vec::new())
            }
            Some(_) => Err("the peer answered with a frame that is no answer".to_owned().into()),
            None => Err("the peer ended the stream before it had answered".to_owned().into()),
        }
    }

    /// Takes an answer of the peer that came by relay; that it came says nothing of the direct road.
    ///
    /// # Errors
    /// Words on why it ends nothing.
    pub async fn answered(&self, post: &Post, receipts: bool, body: &[u8]) -> Result<(), String> {
        let taken = if receipts {
            let receipts = self.verify(post, body).map_err(|broken| broken.cause)?;
            self.keep(post, receipts).await.1
        } else {
            self.reject(post, body, &mut BTreeSet::new()).await
        };
        taken.map_err(|broken| broken.cause)
    }

    fn verify(&self, post: &Post, body: &[u8]) -> Result<Vec<SealedReceipt>, Broken> {
        let receipts = Receipts::verify(body, &self.peer, &post.gateway.directory(), post.gateway.now());
        receipts.map_err(|e| format!("the peer's receipts do not hold: {e}").into())
    }

    /// Keeps receipts, together, so that one sync makes all of them durable; returns which, and whether all were kept.
    async fn keep(&self, post: &Post, receipts: Vec<SealedReceipt>) -> Kept {
        let mut result = Ok(());
        let taken = join_all(receipts.iter().map(|sealed| self.receipt(post, sealed))).await;
        for (sealed, taken) in receipts.iter().zip(taken) {
            match taken {
                Ok(()) => {
                    let mut bag = self.bag();
                    bag.waiting.remove(&sealed.envelope);
                    bag.went_well();
                    drop(bag);
                    self.audit_once_a_contact(post);
                }
                Err(cause) => {
                    self.note(&sealed.envelope, &cause.to_string());
                    result = Err(Broken::until_kept(cause.to_string()));
                }
            }
        }
        (receipts.iter().map(|sealed| sealed.envelope).collect(), result)
    }

    /// Audits the peer's log once on each link, and then every hour while receipts come (DESIGN §7).
    fn audit_once_a_contact(&self, post: &Post) {
        let now = post.gateway.now();
        let mut bag = self.bag();
        if bag.audited.is_some_and(|at| now.seconds_since(at) < AUDIT_EVERY) {
            return;
        }
        bag.audited = Some(now);
        drop(bag);
        post.spawn(audit::audit(post.clone(), self.peer.clone()));
    }

    async fn receipt(&self, post: &Post, sealed: &SealedReceipt) -> Result<(), NodeError> {
        let row = self.bag().waiting.get(&sealed.envelope).map(|w| w.row.clone());
        let key = post.gateway.ledger.receipt_key(&sealed.envelope)?;
        let (Some(row), Some(key)) = (row, key) else { return Ok(()) };
        let receipt = open_receipt(sealed, &ExportSecret::from_bytes(key))?;
        post.gateway.receipted(&row, receipt).await
    }

    async fn reject(&self, post: &Post, body: &[u8], sent: &mut BTreeSet<MessageId>) -> Result<(), Broken> {
        let now = post.gateway.now();
        // Only the addressee's own log key is believed: nobody on the way can park an envelope.
        let reject = Reject::verify(body, &self.peer, &post.gateway.directory(), now)
            .map_err(|e| format!("the peer's rejection does not hold: {e}"))?;
        let cause = format!("the peer refused it: {} ({})", reject.words, reject.code);
        tracing::warn!(envelope = %reject.envelope, code = %reject.code, "an envelope was refused");
        if is_nameless(&reject.envelope) {
            return Err(cause.into());
        }
        sent.remove(&reject.envelope);
        if !self.bag().waiting.contains_key(&reject.envelope) {
            return Err("the peer refused an envelope that does not wait for it".to_owned().into());
        }
        self.note(&reject.envelope, &cause);
        match Remedy::of(&reject.code, reject.retryable) {
            Remedy::Later => {
                // What a relay had was refused with it, and is brought again.
                self.mark(&reject.envelope, |waiting| waiting.custody.clear());
                Err(Broken::until_kept(cause))
            }
            Remedy::Officer => {
                self.mark(&reject.envelope, |waiting| waiting.refused = true);
                Ok(())
            }
            Remedy::Reseal => {
                let resealed = self.reseal(&post.gateway, &reject.envelope).await?;
                match (resealed, reject.code.as_str()) {
                    (true, _) => Ok(()),
                    (false, "prekey-gone") => {
                        self.mark(&reject.envelope, |waiting| waiting.keyless = true);
                        Ok(())
                    }
                    (false, _) => Err(Broken::until_kept(cause)),
                }
            }
        }
    }

    /// Seals again what was refused for its keys; tells whether there was something newer to use.
    async fn reseal(&self, gateway: &Gateway, envelope: &MessageId) -> Result<bool, String> {
        let row = self.bag().waiting.get(envelope).map(|w| w.row.clone());
        let Some(row) = row else { return Ok(true) };
        let next = match gateway.reseal(&row).await {
            Ok(next) => next,
            Err(NodeError::Envelope(_)) => None,
            Err(cause) => return Err(format!("a refused act could not be sealed again: {cause}")),
        };
        let Some(next) = next else { return Ok(false) };
        tracing::info!(old = %envelope, new = %next.envelope, "the same statement was sealed again");
        self.bag().waiting.remove(envelope);
        self.push(next);
        Ok(true)
    }

    /// Seals again what waits for a newer prekey of the peer, once the directory has one.
    pub async fn check_keys(&self, gateway: &Gateway) {
        let keyless: Vec<_> = {
            let bag = self.bag();
            bag.waiting.iter().filter(|(_, w)| w.keyless).map(|(id, _)| *id).collect()
        };
        for envelope in keyless {
            if let Err(cause) = self.reseal(gateway, &envelope).await {
                tracing::warn!(cause, "an act still waits for a newer prekey of its peer");
            }
        }
    }

    fn mark(&self, envelope: &MessageId, change: impl FnOnce(&mut Waiting)) {
        if let Some(waiting) = self.bag().waiting.get_mut(envelope) {
            change(waiting);
        }
    }

    fn note(&self, envelope: &MessageId, cause: &str) {
        self.mark(envelope, |waiting| waiting.last_cause = Some(cause.to_owned()));
    }

    fn failed(&self, broken: &Broken, post: &Post) {
        let cause = broken.cause.as_str();
        let now = post.gateway.now();
        let mut bag = self.bag();
        bag.failures = bag.failures.saturating_add(1);
        let pause = retry::pause(bag.failures, &post.gateway.config.retry, &mut *post.gateway.entropy());
        bag.next_try = Some(Pause {
            until: Instant::now() + Duration::from_secs(pause.unsigned_abs()),
            contact_helps: broken.contact_helps,
            shown: now.saturating_add(pause),
        });
        bag.last_cause = Some(cause.to_owned());
        let failures = bag.failures;
        let alone = |w: &&mut Waiting| w.is_sendable() && w.custody.is_empty();
        bag.waiting.values_mut().filter(alone).for_each(|w| w.last_cause = Some(cause.to_owned()));
        drop(bag);
        self.by_relay.notify_one();
        tracing::warn!(failures, pause_seconds = pause, cause, "delivery failed; it is tried again");
    }

    fn bag(&self) -> MutexGuard<'_, Bag> {
        self.bag.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
