//! The roads by relay: tried while the direct one is down, in their order, the last that worked first.

use super::{Courier, Held, PATIENCE, WINDOW, Waiting, urgency};
use crate::model::{DAY, Digest, MessageId, Party, Timestamp};
use crate::node::gateway::Post;
use crate::node::retry;
use crate::relay::{Custody, Freight, Lane, Notice, Parcel, Refused};
use crate::store::{Change, SignedCustody};
use crate::transport::{CloseCode, Link, Receiver};
use crate::wire::FrameKind;
use futures_util::future::join_all;
use std::collections::BTreeMap;
use std::time::Duration;
use tokio::time::timeout;

/// How long a relay may take over a handshake before the next one is tried.
const HANDSHAKE: Duration = Duration::from_secs(5);

/// The envelopes that were brought to a relay and are not answered yet, by the digest of their bodies.
type Brought = BTreeMap<Digest, MessageId>;

/// What a relay has signed for just now.
struct Signed {
    envelope: MessageId,
    custody: Vec<u8>,
    since: Timestamp,
}

impl Courier {
    /// Brings what waits to the peer's relays for as long as the direct road is down and the gateway runs.
    pub async fn run_relays(&self, post: Post) {
        let mut failures = 0;
        loop {
            let retry = &post.gateway.config.retry;
            let pause = match self.bring_all(&post).await {
                Ok(()) => {
                    failures = 0;
                    i64::from(retry.max_seconds)
                }
                Err(cause) => {
                    failures += 1;
                    tracing::warn!(failures, cause, "no relay took all that waits; it is tried again");
                    retry::pause(failures, retry, &mut *post.gateway.entropy())
                }
            };
            let woken = self.by_relay.notified();
            if self.bag().waiting.is_empty() {
                woken.await;
            } else {
                let _ = timeout(Duration::from_secs(pause.unsigned_abs()), woken).await;
            }
        }
    }

    /// Takes a relay's word that an envelope was not collected: it is brought again while its time lasts.
    ///
    /// # Errors
    /// Words on why the notice was not kept.
    pub async fn expired(
        &self,
        post: &Post,
        relay: &Party,
        notice: &Notice,
        said: &[u8],
    ) -> Result<(), String> {
        let Freight::Envelope { envelope, .. } = notice.parcel.freight else { return Ok(()) };
        if notice.parcel.thread.lane == Lane::Bulk {
            // Whoever lacks a piece asks for it again.
            return Ok(());
        }
        let known = post.gateway.ledger.custodies(&envelope).map_err(|e| e.to_string())?;
        let custody = known.into_iter().find(|kept| kept.relay == *relay).map(|kept| kept.custody);
        let kept = SignedCustody {
            relay: relay.clone(),
            since: notice.parcel.received_at,
            custody: custody.unwrap_or_default(),
            notice: Some(said.to_vec()),
        };
        let mut change = Change::default();
        change.custody(&envelope, kept).map_err(|e| e.to_string())?;
        post.gateway.ledger.commit(change).await.map_err(|e| e.to_string())?.into_inner();
        if let Some(waiting) = self.bag().waiting.get_mut(&envelope) {
            waiting.custody.retain(|held| held.relay != *relay);
            waiting.last_cause = Some(gave_up(relay, notice.parcel.received_at));
        }
        self.by_relay.notify_one();
        Ok(())
    }

    /// Notes what the store knows of relays that have an envelope.
    pub fn in_custody(&self, envelope: &MessageId, kept: Vec<SignedCustody>) {
        if let Some(waiting) = self.bag().waiting.get_mut(envelope) {
            let held = |kept: SignedCustody| Held { relay: kept.relay, since: kept.since };
            let (gone, here): (Vec<_>, Vec<_>) = kept.into_iter().partition(|kept| kept.notice.is_some());
            waiting.custody = here.into_iter().map(held).collect();
            waiting.last_cause = gone.first().map(|kept| gave_up(&kept.relay, kept.since));
        }
    }

    /// Brings an envelope that waits in no outbox to the first of the peer's relays that signs for it.
    ///
    /// # Errors
    /// The cause at the last relay, or that there is none.
    pub async fn entrust(&self, post: &Post, envelope: &[u8]) -> Result<(), String> {
        let mut cause = "neither a direct road nor a relay leads to it".to_owned();
        for relay in self.roads().relays {
            match timeout(PATIENCE, self.entrust_to(post, &relay, envelope)).await {
                Ok(Ok(())) => return Ok(()),
                Ok(Err(why)) => cause = format!("{relay}: {why}"),
                Err(_) => cause = format!("{relay}: no answer within {} seconds", PATIENCE.as_secs()),
            }
        }
        Err(cause)
    }

    async fn entrust_to(&self, post: &Post, relay: &Party, envelope: &[u8]) -> Result<(), String> {
        let line = post.gateway.couriers.get(relay).ok_or("the relay is not among the peers")?;
        let link = line.link(post).await?;
        let (mut sender, mut receiver) = link.open().await.map_err(|e| e.to_string())?;
        sender.send(FrameKind::Envelope, envelope).await.map_err(|e| e.to_string())?;
        sender.finish();
        let (directory, now) = (post.gateway.directory(), post.gateway.now());
        match receiver.next().await.map_err(|e| e.to_string())? {
            Some((FrameKind::Custody, bytes)) => {
                let custody = Custody::verify(&bytes, relay, &directory, now)
                    .map_err(|e| format!("its custody does not hold: {e}"))?;
                let is_that = custody.parcel.digest == Digest::of(&[envelope]);
                is_that.then_some(()).ok_or_else(|| "it signed for something else".to_owned())
            }
            Some((FrameKind::Refused, bytes)) => {
                let refused = Refused::verify(&bytes, relay, &directory, now)
                    .map_err(|e| format!("its refusal does not hold: {e}"))?;
                Err(format!("it does not take it: {} ({})", refused.words, refused.code))
            }
            Some(_) => Err("it answered with a frame that is no answer".to_owned()),
            None => Err("it ended the stream before it had answered".to_owned()),
        }
    }

    /// Lists the peer's relays, the one that took something last before the others.
    pub(in crate::node) fn relays_in_order(&self) -> Vec<Party> {
        let mut relays = self.roads().relays;
        if let Some(last) = self.bag().relay.clone() {
            relays.sort_by_key(|relay| *relay != last);
        }
        relays
    }

    /// Returns the link to a relay that stands, or makes one within seconds.
    ///
    /// # Errors
    /// Words on why the relay cannot be reached.
    pub(in crate::node) async fn link_to_relay(&self, post: &Post, relay: &Party) -> Result<Link, String> {
        let line = post.gateway.couriers.get(relay).ok_or("the relay is not among the peers")?;
        let link = timeout(HANDSHAKE, line.link(post)).await;
        link.unwrap_or_else(|_| Err(format!("no handshake within {} seconds", HANDSHAKE.as_secs())))
    }

    /// Forgets a link to a relay that has ended.
    pub(in crate::node) fn unlink_relay(&self, post: &Post, relay: &Party, link: &Link) {
        if let Some(line) = post.gateway.couriers.get(relay) {
            line.unlink(link);
        }
    }

    /// Tells whether nothing can go directly now, as far as is known.
    pub(in crate::node) fn is_cut_off(&self) -> bool {
        let direct = self.roads().direct.is_some();
        let bag = self.bag();
        bag.link.is_none() && (!direct || bag.failures > 0)
    }

    async fn bring_all(&self, post: &Post) -> Result<(), String> {
        let mut first = None;
        for relay in self.relays_in_order() {
            if !self.is_cut_off() {
                return Ok(());
            }
            let ids = self.to_bring(post, &relay);
            if ids.is_empty() {
                continue;
            }
            match self.bring(post, &relay, &ids).await {
                Ok(()) => self.bag().relay = Some(relay),
                Err(cause) => {
                    let cause = format!("{relay}: {cause}");
                    ids.iter().for_each(|id| self.note_if_alone(id, &cause));
                    first.get_or_insert(cause);
                }
            }
        }
        let alone = self.bag().waiting.values().any(|w| w.is_sendable() && w.custody.is_empty());
        first.filter(|_| alone).map_or(Ok(()), Err)
    }

    /// Chooses what a relay is brought: what no relay has, and what another has had for long in vain.
    fn to_bring(&self, post: &Post, relay: &Party) -> Vec<MessageId> {
        let now = post.gateway.now();
        let grace = i64::from(post.gateway.config.retry.max_seconds);
        let bag = self.bag();
        let due = |waiting: &Waiting| {
            let mut ages = waiting.custody.iter().map(|held| now.seconds_since(held.since));
            let here = waiting.custody.iter().find(|held| held.relay == *relay);
            // What a relay has had for a day is brought again: it gives the same custody, or has lost it.
            here.is_none_or(|held| now.seconds_since(held.since) > DAY) && ages.all(|age| age > grace)
        };
        let mut ids: Vec<_> = bag.waiting.values().filter(|w| w.is_sendable() && due(w)).collect();
        ids.sort_by_key(|w| (urgency(&w.row, now), w.row.envelope));
        ids.into_iter().map(|w| w.row.envelope).collect()
    }

    async fn bring(&self, post: &Post, relay: &Party, ids: &[MessageId]) -> Result<(), String> {
        let link = self.link_to_relay(post, relay).await?;
        let result = self.bring_over(post, relay, &link, ids).await;
        if result.is_err() {
            self.unlink_relay(post, relay, &link);
            link.close(CloseCode::Done, "the exchange broke off");
        }
        result
    }

    async fn bring_over(
        &self,
        post: &Post,
        relay: &Party,
        link: &Link,
        ids: &[MessageId],
    ) -> Result<(), String> {
        let (mut sender, mut receiver) = link.open().await.map_err(|e| e.to_string())?;
        let mut refused = None;
        for some in ids.chunks(WINDOW) {
            let mut brought = Brought::new();
            for id in some {
                let held = post.gateway.ledger.envelope(id).map_err(|e| e.to_string())?;
                // Its receipt has come by another road meanwhile.
                let Some(held) = held else { continue };
                if let Some(waiting) = self.bag().waiting.get_mut(id) {
                    waiting.attempts = waiting.attempts.saturating_add(1);
                }
                sender.send(FrameKind::Envelope, &held.bytes).await.map_err(|e| e.to_string())?;
                brought.insert(Digest::of(&[&held.bytes]), *id);
            }
            let mut signed = Vec::new();
            while !brought.is_empty() {
                match self.signed_for(post, relay, &mut receiver, &mut brought).await? {
                    Ok(custody) => signed.push(custody),
                    Err(cause) => drop(refused.get_or_insert(cause)),
                }
            }
            // Together, so that one sync makes all of them durable.
            let held = signed.into_iter().map(|custody| self.hold(post, relay, custody));
            join_all(held).await.into_iter().collect::<Result<(), _>>()?;
        }
        sender.finish();
        refused.map_or(Ok(()), Err)
    }

    /// Waits for the relay's word about one envelope; what it refuses never parks the envelope, since only
    /// the addressee's own signature does that. Returns the custody, or the cause of a refusal.
    async fn signed_for(
        &self,
        post: &Post,
        relay: &Party,
        receiver: &mut Receiver,
        brought: &mut Brought,
    ) -> Result<Result<Signed, String>, String> {
        match hear(post, relay, receiver).await? {
            Said::Custody(parcel, bytes) => {
                let id = brought.remove(&parcel.digest).ok_or("it signed for something else")?;
                let is_that = matches!(parcel.freight, Freight::Envelope { envelope, .. } if envelope == id);
                if !is_that || parcel.thread.from != *post.gateway.me() || parcel.thread.to != self.peer {
                    return Err("its custody is for another parcel".to_owned());
                }
                Ok(Ok(Signed { envelope: id, custody: bytes, since: parcel.received_at }))
            }
            Said::Refused(refused) => {
                let id = brought.remove(&refused.parcel).ok_or("it refused something else")?;
                let cause = format!("{relay} does not take it: {} ({})", refused.words, refused.code);
                self.note_if_alone(&id, &cause);
                Ok(Err(cause))
            }
        }
    }

    /// Keeps the custody as evidence before it is relied upon.
    async fn hold(
        &self,
        post: &Post,
        relay: &Party,
        Signed { envelope: id, custody, since }: Signed,
    ) -> Result<(), String> {
        let known = post.gateway.ledger.custodies(&id).map_err(|e| e.to_string())?;
        let first = known.into_iter().find(|kept| kept.relay == *relay && kept.notice.is_none());
        match first.filter(|kept| !kept.custody.is_empty()) {
            // The first one convicts a relay that has lost the parcel, and signs for it anew each time it is asked.
            Some(first) if first.custody != custody => {
                post.gateway.counters.refused("relay-lost");
                tracing::warn!(%relay, "a relay signs anew for what it should have");
            }
            Some(_) => {}
            None => {
                let mut change = Change::default();
                let kept = SignedCustody { relay: relay.clone(), since, custody, notice: None };
                change.custody(&id, kept).map_err(|e| e.to_string())?;
                post.gateway.ledger.commit(change).await.map_err(|e| e.to_string())?.into_inner();
            }
        }
        if let Some(waiting) = self.bag().waiting.get_mut(&id) {
            waiting.custody.retain(|held| held.relay != *relay);
            waiting.custody.push(Held { relay: relay.clone(), since });
        }
        Ok(())
    }

    /// Notes why an envelope is in nobody's custody.
    fn note_if_alone(&self, id: &MessageId, cause: &str) {
        if let Some(waiting) = self.bag().waiting.get_mut(id).filter(|w| w.custody.is_empty()) {
            waiting.last_cause = Some(cause.to_owned());
        }
    }
}

/// What a relay says of a parcel that was brought to it.
pub(in crate::node) enum Said {
    /// It holds it; the signed bytes are its evidence.
    Custody(Parcel, Vec<u8>),
    /// It does not take it.
    Refused(Refused),
}

/// Waits for a relay's signed word about a parcel.
///
/// # Errors
/// Words on why it said nothing that can be believed.
pub(in crate::node) async fn hear(
    post: &Post,
    relay: &Party,
    receiver: &mut Receiver,
) -> Result<Said, String> {
    let silent = || format!("no answer within {} seconds", PATIENCE.as_secs());
    let frame = timeout(PATIENCE, receiver.next()).await.map_err(|_| silent())?;
    let (directory, now) = (post.gateway.directory(), post.gateway.now());
    match frame.map_err(|e| e.to_string())? {
        Some((FrameKind::Custody, bytes)) => {
            let custody = Custody::verify(&bytes, relay, &directory, now)
                .map_err(|e| format!("its custody does not hold: {e}"))?;
            Ok(Said::Custody(custody.parcel, bytes))
        }
        Some((FrameKind::Refused, bytes)) => {
            let refused = Refused::verify(&bytes, relay, &directory, now);
            Ok(Said::Refused(refused.map_err(|e| format!("its refusal does not hold: {e}"))?))
        }
        Some(_) => Err("the relay answered with a frame that is no answer".to_owned()),
        None => Err("the relay ended the stream before it had answered".to_owned()),
    }
}

/// Says that a relay has given up an envelope that it had since then.
fn gave_up(relay: &Party, since: Timestamp) -> String {
    format!("{relay} had it since {since} and gave it up: the addressee did not collect it in time")
}
