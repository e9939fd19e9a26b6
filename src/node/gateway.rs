mod chain;
mod held;
mod received;
mod release;

pub use received::Received;

use crate::case;
use crate::case::{Decision, Draft, Event};
use crate::config::GatewayConfig;
use crate::cose::LastChecked;
use crate::envelope;
use crate::envelope::{Disclosure, EnvelopeError, Heads, KeyRing, StatementDraft};
use crate::model::{
    Act, CaseId, DAY, Digest, DirectoryRef, Entropy, Held, HeldId, MessageId, Party, Timestamp,
};
use crate::node::attachments;
use crate::node::attachments::Attic;
use crate::node::board::Board;
use crate::node::counters::Counters;
use crate::node::courier::Courier;
use crate::node::couriers::Couriers;
use crate::node::desk::{Desk, Slot};
use crate::node::error::NodeError;
use crate::node::generations::Generations;
use crate::node::intake;
use crate::node::live::Live;
use crate::node::machine::Machine;
use crate::node::mandates::Register;
use crate::node::prekeys::PrekeyKeeper;
use crate::node::recovery;
use crate::node::recovery::Recovery;
use crate::node::renewal::Renewing;
use crate::rules::freshness;
use crate::store::{Change, Durable, Kept, Ledger, OutboxRow, StoreError};
use crate::transport::{Link, PeerCheck, Road};
use crate::trust::{Directory, Freshness, MandateDocument, TrustError, Usage};
use crate::wire;
use std::sync::{Arc, Mutex};

/// One running gateway: what it knows, what it holds, and whom it can reach.
pub struct Gateway {
    /// The checked configuration.
    pub config: GatewayConfig,
    /// The machine on which it runs.
    pub machine: Arc<Machine>,
    /// The party for which it speaks.
    pub party: Party,
    /// Whose key speaks for which party, as known now, and where that is kept for as long as the gateway runs.
    pub board: Board,
    /// Keeps the prekeys and what is published of them; `None` where they stay as they are.
    pub keeper: Option<PrekeyKeeper>,
    /// Whose certificate is let in.
    pub doorkeeper: Arc<Doorkeeper>,
    /// The keys of this gateway, as held now.
    pub keys: Arc<Live<KeyRing>>,
    /// What it shows to peers, and by which issuing key that is certified.
    pub renewing: Renewing,
    /// Lets one rotation happen at a time.
    pub rotating: tokio::sync::Mutex<()>,
    /// What is durable.
    pub ledger: Ledger,
    /// The cases.
    pub desk: Desk,
    /// The mandates that were seen.
    pub mandates: Register,
    /// The way out to each peer.
    pub couriers: Couriers,
    /// The files of acts.
    pub attic: Attic,
    /// What was refused.
    pub counters: Counters,
    /// The signature of the newest receipts.
    pub last_checked: Mutex<LastChecked>,
    /// What it waits for after a restore from a backup.
    pub recovery: Recovery,
    /// Since when it runs.
    pub since: Timestamp,
}

/// What became of an act that was made here.
pub struct Made {
    /// The case.
    pub case: CaseId,
    /// The statement digest.
    pub digest: Digest,
    /// To whom it goes.
    pub peer: Party,
    /// When it was made.
    pub at: Timestamp,
    /// What waits, if the act needs other officers first; then the digest is what they confirm.
    pub held: Option<Held>,
}

/// Who makes an act.
#[derive(Clone, Copy, Debug)]
pub enum Author<'a> {
    /// An officer.
    Officer(&'a str),
    /// The gateway itself, when a clock says so.
    Timer,
}

/// An act that was decided about and is ready to be signed.
struct Prepared {
    events: Vec<Event>,
    draft: Draft,
    mandate: Option<MandateDocument>,
}

/// Checks peers' certificates at the present time.
pub struct Doorkeeper {
    /// Whose root speaks for whom.
    pub directory: Arc<Live<Directory>>,
    /// Tells the time.
    pub machine: Arc<Machine>,
}

impl PeerCheck for Doorkeeper {
    fn check(&self, end_entity: &[u8], intermediates: &[&[u8]], usage: Usage) -> Result<Party, TrustError> {
        self.directory.get().verify_gateway(end_entity, intermediates, usage, self.machine.now())
    }
}

impl Gateway {
    /// Returns the party for which the gateway speaks.
    pub const fn me(&self) -> &Party {
        &self.party
    }

    /// Reads the clock.
    pub fn now(&self) -> Timestamp {
        self.machine.now()
    }

    /// Opens a random source.
    pub fn entropy(&self) -> Box<dyn Entropy + Send> {
        self.machine.entropy()
    }

    /// Returns the directory as it stands now; a long piece of work keeps the one that it began with.
    pub fn directory(&self) -> Arc<Directory> {
        self.board.get()
    }

    /// Looks into the folders of its own keys; `None` where they stay as they are.
    pub fn generations(&self) -> Option<Generations> {
        let keys = self.keeper.as_ref()?.folder().clone();
        Some(Generations::new(keys, &self.config.data.join("pki")))
    }

    /// Tells since when the directory is stale, if it is: then nothing restricted leaves (`rules/freshness.rs`).
    pub fn stale_since(&self) -> Option<Timestamp> {
        match self.directory().freshness(self.now()) {
            Freshness::Fresh { .. } => None,
            Freshness::Stale { since, .. } => Some(since),
        }
    }

    /// Returns the keys as they are held now.
    pub fn ring(&self) -> Arc<KeyRing> {
        self.keys.get()
    }

    /// Decides about a case, signs and seals what follows, and commits all of it; then the courier has it. Where
    /// policy asks for other officers, it is laid by until they agree.
    ///
    /// # Errors
    /// [`NodeError::Refused`] if state or rules forbid it, [`NodeError::Policy`] if policy does,
    /// [`NodeError::Store`] if it was not committed.
    pub async fn make(
        &self,
        id: &CaseId,
        slot: &Slot,
        command: case::Command,
        author: Author<'_>,
    ) -> Result<Made, NodeError> {
        let _turn = slot.turn.lock().await;
        let prepared = self.prepare(slot, command.clone())?;
        let needed = self.needed(author, &prepared)?;
        match author {
            Author::Officer(officer) if needed.approvals > 1 => {
                self.hold((id, officer), prepared, &command, needed).await
            }
            Author::Officer(_) | Author::Timer => {
                self.send(id, slot, prepared, Change::default(), None).await
            }
        }
    }

    /// Decides about an act, which nobody has signed yet.
    fn prepare(&self, slot: &Slot, command: case::Command) -> Result<Prepared, NodeError> {
        let now = self.now();
        let Decision { events, draft, .. } = case::decide(&slot.read(), command, now)?;
        let mut draft = draft.expect("a command that makes an act decides on a draft");
        let opened = |event: &Event| if let Event::Opened(o) = event { Some(o.clone()) } else { None };
        let opening = events.iter().find_map(opened).or_else(|| slot.read().opening().cloned());
        let opening = opening.expect("an act is made in a case that is or was opened");
        self.may_speak(&draft.aud, slot.read().opening().is_none())?;
        let mandate = self.mandated(&opening, &mut draft, now)?;
        self.may_follow(&draft, now)?;
        Ok(Prepared { events, draft, mandate })
    }

    /// Signs and seals an act, and commits it together with `change`; the caller has the turn.
    async fn send(
        &self,
        id: &CaseId,
        slot: &Slot,
        Prepared { mut events, mut draft, mandate }: Prepared,
        mut change: Change,
        held: Option<&HeldId>,
    ) -> Result<Made, NodeError> {
        let now = self.now();
        // Only what goes out is offered to those who get it, and only what goes out is signed.
        self.attach(&mut draft)?;
        if let Act::Mandate(given) = &mut draft.act {
            **given = envelope::complete_mandate((**given).clone(), &self.ring())?;
        }
        let (recorded, rows, digest) = self.say(id, (&draft, mandate), now, &mut change)?;
        events.push(recorded);
        if let Some(held) = held {
            held::sent(&mut change, held, digest, now)?;
        }
        add_events(&mut change, id, slot, &events)?;
        let _committed: Durable<()> = self.ledger.commit(change).await?;
        self.apply(id, slot, &events);
        for row in rows {
            if let Some(courier) = self.couriers.get(&row.peer) {
                courier.push(row);
            }
        }
        let peer = draft.aud.swap_remove(0);
        Ok(Made { case: id.clone(), digest, peer, at: now, held: None })
    }

    /// Commits events that say nothing to anyone, such as a permit; returns them once durable.
    ///
    /// # Errors
    /// As for [`Self::make`].
    pub async fn note(
        &self,
        id: &CaseId,
        slot: &Slot,
        command: case::Command,
    ) -> Result<Decision, NodeError> {
        let _turn = slot.turn.lock().await;
        let decision = case::decide(&slot.read(), command, self.now())?;
        let mut change = Change::default();
        add_events(&mut change, id, slot, &decision.events)?;
        let _committed: Durable<()> = self.ledger.commit(change).await?;
        self.apply(id, slot, &decision.events);
        Ok(decision)
    }

    /// After a restore nothing is said to a party that has not given back what it had, and no case gets a number
    /// that one may have already (DESIGN §7).
    fn may_speak(&self, audience: &[Party], opens: bool) -> Result<(), NodeError> {
        if opens { self.recovery.check_all() } else { self.recovery.check(audience) }
    }

    /// Signs and seals an act, and adds all of it to a change.
    fn say(
        &self,
        id: &CaseId,
        (draft, mandate): (&Draft, Option<MandateDocument>),
        now: Timestamp,
        change: &mut Change,
    ) -> Result<(Event, Vec<OutboxRow>, Digest), NodeError> {
        let mut entropy = self.entropy();
        let (ring, directory) = (self.ring(), self.directory());
        let peer = draft.aud.first().expect("an act is addressed to somebody");
        let (mine, theirs) = self.ledger.heads(peer)?;
        let said = StatementDraft {
            case: id.clone(),
            audience: draft.aud.clone(),
            issued_at: now,
            message_id: MessageId::random(&mut *entropy),
            parents: draft.parents.clone(),
            directory: DirectoryRef { version: directory.version(), digest: directory.digest() },
            heads: Heads(mine, theirs),
            exercise: draft.exercise,
            on_behalf_of: draft.on_behalf_of.clone(),
            act: draft.act.clone(),
        };
        let carried = mandate.as_ref().map(wire::encode).transpose().map_err(EnvelopeError::from)?;
        let signed = said.sign(&ring, &mut *entropy)?;
        if let Some(since) = self.stale_since() {
            let mut labels = signed.disclosures.iter().filter_map(Disclosure::label);
            let barred = labels.any(|label| freshness::refusal(label, None, Some(since), now).is_some());
            (!barred).then_some(()).ok_or(NodeError::Stale(since))?;
        }
        let signed = match mandate {
            Some(mandate) => signed.with_mandate(mandate),
            None => signed,
        };
        let horizon = i64::from(self.config.retry.horizon_days) * DAY;
        // Our own words are not restricted to us: the whole body lies in one piece.
        let elements: Vec<_> =
            signed.disclosures.iter().map(|d| (d.path().to_owned(), false, d.bytes().to_vec())).collect();
        let seed = Some(signed.seed.0);
        let body = Kept { statement: &signed.bytes, mandate: carried.as_deref(), seed };
        self.ledger.keep_body(change, signed.digest, body, &elements, &mut *entropy)?;
        let mut rows = Vec::new();
        // One statement, and for each recipient a copy sealed to it alone.
        for peer in &draft.aud {
            let out = envelope::compose(&signed, peer, &ring, &directory, now, horizon, &mut *entropy)?;
            let row = OutboxRow {
                envelope: out.envelope,
                peer: peer.clone(),
                case: id.clone(),
                statement: signed.digest,
                act: draft.act.kind(),
                queued_at: now,
                export: Vec::new(),
            };
            self.ledger.queue(change, row.clone(), out.bytes, out.export.as_bytes(), &mut *entropy)?;
            change.sent(peer, signed.digest, now)?;
            rows.push(row);
        }
        let me = self.me().clone();
        let recorded = case::recorded(draft, me, signed.digest, said.message_id, now);
        Ok((recorded, rows, signed.digest))
    }

    /// Applies committed events; a case in which nothing waits may then go from memory.
    pub fn apply(&self, id: &CaseId, slot: &Slot, events: &[Event]) {
        slot.apply(events);
        let mut mandates = self.mandates.get();
        events.iter().for_each(|event| mandates.note(id, event));
        drop(mandates);
        self.desk.changed();
        if case::is_at_rest(&slot.read()) {
            self.desk.rest(id);
        }
    }
}

/// Adds events to a change, and that nothing waits any more where they bring that about.
pub fn add_events(change: &mut Change, id: &CaseId, slot: &Slot, events: &[Event]) -> Result<(), StoreError> {
    for event in events {
        change.event(id, event.clone())?;
    }
    if would_rest(slot, events) { change.at_rest(id) } else { Ok(()) }
}

fn would_rest(slot: &Slot, events: &[Event]) -> bool {
    let mut after = slot.read().clone();
    events.iter().for_each(|event| after.apply(event));
    case::is_at_rest(&after)
}

/// What a courier and the intake share: the gateway, and the road on which it is reached.
#[derive(Clone)]
pub struct Post {
    /// The gateway.
    pub gateway: Arc<Gateway>,
    /// The road.
    pub road: Arc<Road>,
}

impl Post {
    /// Runs a task for as long as the gateway does.
    pub fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        self.gateway.machine.spawn(task);
    }

    /// Serves a link, whoever opened it.
    pub fn serve(&self, link: Link) {
        self.spawn(intake::serve_link(self.clone(), link));
    }

    /// Opens a way to a peer and keeps it going; one that is open already stays as it is.
    pub fn enlist(&self, courier: Courier) {
        if self.gateway.couriers.get(&courier.peer).is_none() {
            let courier = self.gateway.couriers.add(courier);
            let (by_relay, post) = (Arc::clone(&courier), self.clone());
            self.spawn(attachments::run(self.clone(), courier.peer.clone()));
            self.spawn(attachments::bring(self.clone(), courier.peer.clone()));
            // After a restore nothing goes out before the peer has given back what it had.
            if !self.gateway.config.relays.contains(&courier.peer) {
                self.gateway.recovery.expect(&courier.peer);
            }
            if self.gateway.recovery.lacks(&courier.peer) {
                self.spawn(recovery::run(self.clone(), Arc::clone(&courier)));
            }
            self.spawn(async move {
                post.gateway.recovery.cleared(&by_relay.peer).await;
                by_relay.run_relays(post).await;
            });
            let post = self.clone();
            self.spawn(async move {
                post.gateway.recovery.cleared(&courier.peer).await;
                courier.run(post).await;
            });
        }
    }
}
