//! A gateway at work: its cases laid out, a courier for each peer, and the tasks that go on for its life.

use crate::case;
use crate::model::{Party, Timestamp};
use crate::node::attachments::Attic;
use crate::node::audit;
use crate::node::board::Board;
use crate::node::counters::Counters;
use crate::node::courier::Courier;
use crate::node::couriers::Couriers;
use crate::node::desk::{Desk, Slot};
use crate::node::gateway::{Author, Gateway, Post};
use crate::node::gossip;
use crate::node::mailbox;
use crate::node::mandates::Register;
use crate::node::office;
use crate::node::parts::Parts;
use crate::node::prekeys;
use crate::node::recovery::Recovery;
use crate::store::StoreError;
use crate::transport::{CloseCode, Road};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// How often the clocks are looked at; nothing that they start is due to the minute.
const TICK: Duration = Duration::from_secs(60);

/// A whole gateway, but for the socket on which officers speak to it.
pub struct Station {
    post: Post,
    couriers: Vec<Courier>,
}

impl Station {
    /// Lays out the cases and the outbox; nothing runs before [`Self::start`].
    ///
    /// # Errors
    /// What the store says if its cases cannot be read.
    pub fn open(parts: Parts, road: Road) -> Result<Self, StoreError> {
        let party = parts.config.party.clone();
        let desk = Desk::new(parts.ledger.clone())?;
        let mandates = Register::default();
        // A case that holds a mandate is never at rest.
        for slot in desk.active() {
            let case = slot.read();
            let Some(opening) = case.opening() else { continue };
            case.acts().for_each(|record| mandates.get().note_act(&opening.case, record));
        }
        let mut rows: BTreeMap<Party, Vec<_>> = BTreeMap::new();
        for row in parts.ledger.outbox()? {
            rows.entry(row.peer.clone()).or_default().push(row);
        }
        let doorkeeper = parts.doorkeeper();
        let recovery = Recovery::load(&parts.ledger)?;
        // All of them, before any task asks whether it may speak.
        parts.peers.iter().filter(|(peer, _)| !parts.config.relays.contains(peer)).for_each(|(peer, _)| {
            recovery.expect(peer);
        });
        let mut couriers = Vec::new();
        for (peer, roads) in parts.peers {
            let waiting = rows.remove(&peer).unwrap_or_default();
            let ids: Vec<_> = waiting.iter().map(|row| row.envelope).collect();
            let courier = Courier::new(peer, roads, waiting);
            for id in ids {
                courier.in_custody(&id, parts.ledger.custodies(&id)?);
            }
            couriers.push(courier);
        }
        for (peer, waiting) in rows {
            tracing::error!(
                acts = waiting.len(),
                "acts wait for {peer}, which the directory no longer lists"
            );
        }
        let gateway = Gateway {
            since: parts.machine.now(),
            config: parts.config,
            machine: parts.machine,
            party,
            board: Board::new(parts.directory, parts.shelf),
            keeper: parts.keeper,
            doorkeeper,
            keys: parts.ring,
            renewing: parts.renewal,
            rotating: tokio::sync::Mutex::default(),
            ledger: parts.ledger,
            desk,
            mandates,
            couriers: Couriers::default(),
            attic: Attic::new(parts.attachments),
            counters: Counters::default(),
            last_checked: std::sync::Mutex::default(),
            recovery,
        };
        let post = Post { gateway: Arc::new(gateway), road: Arc::new(road) };
        Ok(Self { post, couriers })
    }

    /// Starts everything that goes on for the life of the gateway; needs a tokio runtime.
    pub fn start(self) -> Post {
        let post = self.post;
        post.spawn(accept(post.clone()));
        post.spawn(watch(post.clone()));
        post.spawn(post.gateway.renewing.clone().run(Arc::clone(&post.gateway.machine)));
        if post.gateway.keeper.is_some() {
            post.spawn(prekeys::run(post.clone()));
        }
        post.spawn(gossip::follow(post.clone()));
        for courier in self.couriers {
            post.enlist(courier);
        }
        for relay in post.gateway.config.relays.clone() {
            if post.gateway.couriers.get(&relay).is_none() {
                tracing::error!(%relay, "a relay of ours is not in the directory");
                continue;
            }
            // After a restore too: what a peer gives back may come by it.
            post.spawn(mailbox::run(post.clone(), relay));
        }
        post
    }
}

impl Post {
    /// Answers one command of an officer who may give it.
    ///
    /// # Errors
    /// What went wrong, why, and what to do next.
    pub async fn ask(&self, officer: &str, command: crate::control::Command) -> crate::control::Reply {
        office::answer(self, officer, command, &mut Vec::new()).await
    }

    /// Closes all links, tells the peers why, and lets nothing run on.
    pub async fn close(&self) {
        self.road.close(CloseCode::GoingAway, "the gateway is stopping").await;
        self.gateway.machine.halt();
    }
}

/// Lets links in, each served on its own. Whoever comes in has been heard. A link that we opened proves less: that the peer
/// lets us in, which it tells only after our side of the handshake has ended, is known from what it says.
async fn accept(post: Post) {
    while let Some(link) = post.road.accept().await {
        if let Some(courier) = post.gateway.couriers.get(link.peer()) {
            courier.heard(post.gateway.now(), Some(&link));
        }
        post.serve(link);
    }
}

/// Looks at the clocks of the cases and at the certificates behind the links, for the gateway's life.
async fn watch(post: Post) {
    let gateway = &post.gateway;
    let days = u16::try_from(gateway.config.clocks.auto_acknowledge_days).unwrap_or(u16::MAX);
    let mut next = None;
    let mut seen = None;
    let mut anchors_due = Instant::now();
    let mut told = None;
    loop {
        let stale = gateway.stale_since();
        if told != Some(stale) {
            told = Some(stale);
            tell_freshness(stale);
        }
        let changes = gateway.desk.changes();
        if seen != Some(changes) {
            seen = Some(changes);
            let due = |slot: &Arc<Slot>| case::auto_ack_due(&slot.read(), days);
            next = gateway.desk.active().iter().filter_map(due).min();
        }
        if next.is_some_and(|due| gateway.machine.settled() >= due) {
            acknowledge_what_is_due(gateway, days).await;
        }
        for courier in gateway.couriers.all() {
            courier.check_trust(gateway);
            courier.check_keys(gateway).await;
        }
        if Instant::now() >= anchors_due {
            anchors_due = Instant::now() + audit::ANCHOR_EVERY;
            if let Err(cause) = audit::anchor_what_has_grown(gateway).await {
                tracing::warn!(%cause, "an anchor was not signed");
            }
        }
        sleep(TICK).await;
        // No more than was slept: a machine that was suspended has not run.
        gateway.machine.has_run(i64::try_from(TICK.as_secs()).unwrap_or(0));
    }
}

/// Logs each change of it: the grace in which a stale directory still serves is no secret.
fn tell_freshness(stale: Option<Timestamp>) {
    match stale {
        Some(since) => {
            tracing::warn!(%since, "the directory is stale: nothing restricted leaves until there is news")
        }
        None => tracing::info!("the directory is fresh"),
    }
}

/// Acknowledges on its own what no officer has acknowledged in the configured days (ISACS 8.3.1). It cannot be taken back,
/// so a clock that has leapt is not enough: time must be settled so far.
async fn acknowledge_what_is_due(gateway: &Gateway, days: u16) {
    for slot in gateway.desk.active() {
        let waits = |o: &case::Opening| gateway.recovery.waits_for(&o.peer);
        if slot.read().opening().is_some_and(waits) {
            continue;
        }
        let due = case::auto_ack_due(&slot.read(), days).filter(|due| gateway.machine.settled() >= *due);
        let id = slot.read().opening().map(|opening| opening.case.clone());
        let (Some(_), Some(id)) = (due, id) else { continue };
        let command = case::Command::Acknowledge { automatic: true, note: None };
        match gateway.make(&id, &slot, command, Author::Timer).await {
            Ok(_) => tracing::info!(days, "a request was acknowledged automatically"),
            Err(cause) => tracing::warn!(%cause, "an automatic acknowledgement was not made"),
        }
    }
}
