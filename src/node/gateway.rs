mod chain;
mod held;

use crate::case;
use crate::case::{ActFacts, ActHeader, Case, Decision, Draft, Equivocation, Event, Held, HeldId, Opening};
use crate::config::GatewayConfig;
use crate::control::{ReleaseShown, ShownElement};
use crate::envelope;
use crate::envelope::{Disclosure, EnvelopeError, Heads, KeyRing, Opened, StatementDraft};
use crate::evidence::Receipt;
use crate::model::{CaseId, DAY, Digest, DirectoryRef, Entropy, MandateFault, MessageId, Party, Timestamp};
use crate::node::attachments;
use crate::node::attachments::Attic;
use crate::node::audit;
use crate::node::board::Board;
use crate::node::content;
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
use crate::store::{Change, Durable, Ledger, OutboxRow, StoreError};
use crate::transport::{Link, PeerCheck, Road};
use crate::trust::{Directory, Freshness, MandateDocument, TrustError, Usage};
use crate::wire;
use std::sync::Arc;

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

/// What a spent permit has opened.
pub struct OpenedPermit {
    /// The case.
    pub case: CaseId,
    /// The permit.
    pub permit: case::Permit,
    /// When it was spent.
    pub at: Timestamp,
    /// The act, the path and the disclosure of each element.
    pub disclosures: Vec<(Digest, String, Vec<u8>)>,
}

/// What a verified peer act has come to: its receipt is durable, or it contradicts an earlier act.
pub enum Received {
    /// It is kept; the receipt may leave.
    Kept(Durable<Vec<u8>>),
    /// It was kept before; this is the receipt it got then.
    Known(Vec<u8>),
    /// The same identity was used for another statement; the proof is kept (DESIGN §12.12).
    Equivocation,
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
        // Only what goes out is offered to those who get it.
        self.attach(&mut draft)?;
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

    /// Spends a permit and shows what it opens: the use is durable before the vault is asked (DESIGN §8).
    ///
    /// # Errors
    /// [`NodeError::Refused`] if the permit was used, has expired or is another officer's.
    pub async fn spend(
        &self,
        slot: &Slot,
        id: case::PermitId,
        officer: &str,
    ) -> Result<ReleaseShown, NodeError> {
        let opened = self.open_permit(slot, id.clone(), officer).await?;
        let originator = slot.read().opening().expect("a case with a permit was opened").peer.clone();
        let mut elements = Vec::new();
        let mut photographs = Vec::new();
        for (act, path, disclosure) in opened.disclosures {
            let disclosure = Disclosure::parse(&disclosure)?;
            let value = disclosure.value();
            photographs.push((act, path.clone(), attachments::photographs(&path, &value)));
            let value = content::to_json(&value);
            elements.push(ShownElement { act, path, label: disclosure.label().cloned(), value });
        }
        let files = attachments::views(self, &photographs)?;
        self.attic.grant(id.as_str(), officer, photographs);
        Ok(ReleaseShown {
            files,
            id: id.as_str().to_owned(),
            case: opened.case,
            to: opened.permit.to.name,
            purpose: opened.permit.purpose,
            officer: officer.to_owned(),
            shown_at: opened.at,
            originator,
            basis: opened.permit.basis.into_iter().collect(),
            elements,
        })
    }

    /// Spends a permit and gives what it opens as it was signed; else as [`Self::spend`].
    ///
    /// # Errors
    /// As for [`Self::spend`].
    pub async fn open_permit(
        &self,
        slot: &Slot,
        id: case::PermitId,
        officer: &str,
    ) -> Result<OpenedPermit, NodeError> {
        let _turn = slot.turn.lock().await;
        let now = self.now();
        if let Some(since) = self.stale_since() {
            let case = slot.read();
            let why = case.permit(&id).and_then(|permit| case::stale_refusal(&case, permit, since, now));
            why.map_or(Ok(()), |_| Err(NodeError::Stale(since)))?;
        }
        let vouched = self.vouched(&slot.read(), &id);
        let command = case::Command::UsePermit { id: id.clone(), officer: officer.to_owned(), vouched };
        let decision = case::decide(&slot.read(), command, now)?;
        let used =
            |event: &Event| if let Event::PermitUsed(used) = event { Some(used.clone()) } else { None };
        let spending = decision.events.iter().find_map(used);
        let spending = spending.expect("a permit that may be used is used");
        let (case, permit) = {
            let case = slot.read();
            let opening = case.opening().expect("a case with a permit was opened");
            (opening.case.clone(), case.permit(&id).expect("it was decided about").clone())
        };
        let mut after = Change::default();
        if would_rest(slot, &decision.events) {
            after.at_rest(&case)?;
        }
        let spent = self.ledger.spend(&case, permit.clone(), spending, after).await?;
        self.apply(&case, slot, &decision.events);
        let acts = permit.elements.iter().map(|element| element.act);
        let opened = acts.zip(self.ledger.open_released(&spent)?);
        let disclosures = opened.map(|(act, (path, disclosure))| (act, path, disclosure)).collect();
        Ok(OpenedPermit { case, permit, at: now, disclosures })
    }

    /// Keeps a verified act of a peer. It is never refused by the state of its case (DESIGN §4); `beyond` is
    /// why our agent's mandate does not carry it.
    ///
    /// # Errors
    /// [`NodeError::Store`] if it was not committed: then no receipt may leave.
    pub async fn keep(&self, opened: &Opened, beyond: Option<MandateFault>) -> Result<Received, NodeError> {
        let statement = &opened.statement;
        let slot = self.desk.slot(&statement.said.case)?;
        let _turn = slot.turn.lock().await;
        if slot.read().act(&statement.digest).is_some() {
            return self.known(&statement.digest);
        }
        let (issuer, id) = (&statement.issuer, statement.said.message_id);
        let first = self.desk.claim(issuer, id, statement.digest)?;
        let now = self.now();
        let events = match first {
            Some(first) => match equivocation(&slot.read(), opened, first, now) {
                Some(event) => vec![event],
                None => return Ok(Received::Equivocation),
            },
            None => case::decide(&slot.read(), self.peer_act(opened, beyond, now), now)?.events,
        };
        let kept = self.commit_received(opened, &slot, &events, now).await;
        self.desk.release(issuer, id, statement.digest);
        match first {
            Some(_) => kept.map(|_| Received::Equivocation),
            None => kept.map(Received::Kept),
        }
    }

    /// After a restore nothing is said to a party that has not given back what it had, and no case gets a number
    /// that one may have already (DESIGN §7).
    fn may_speak(&self, audience: &[Party], opens: bool) -> Result<(), NodeError> {
        if opens { self.recovery.check_all() } else { self.recovery.check(audience) }
    }

    /// Takes a peer's receipt for one of our acts: proves it, commits it, and empties the outbox row.
    ///
    /// # Errors
    /// [`NodeError::Evidence`] if it proves nothing, [`NodeError::Store`] if it was not committed.
    pub async fn receipted(&self, row: &OutboxRow, receipt: Vec<u8>) -> Result<(), NodeError> {
        let now = self.now();
        let receipt = Receipt::from_bytes(receipt);
        let parties = (&row.peer, self.me());
        let proved = receipt.verify(parties, &row.statement, &self.directory(), now)?;
        self.machine.corroborate(receipt.claimed()?.signed_at);
        let slot = self.desk.slot(&row.case)?;
        let _turn = slot.turn.lock().await;
        let seen = case::Receipt { digest: proved.statement, received_at: proved.received_at, by: proved.by };
        let decision = case::decide(&slot.read(), case::Command::PeerReceipt(seen), now)?;
        let mut change = Change::default();
        add_events(&mut change, &row.case, &slot, &decision.events)?;
        let copied = |o: &Opening| o.behalf.as_ref().is_some_and(|b| b.principal == row.peer);
        let is_copy = slot.read().opening().is_some_and(copied);
        audit::compare_receipt(self, &row.peer, (&receipt, proved.head), &mut change)?;
        change.acknowledged(&row.peer, row.statement, receipt.as_bytes(), proved.head, is_copy)?;
        change.settle(row.envelope)?;
        let _committed: Durable<()> = self.ledger.commit(change).await?;
        self.apply(&row.case, &slot, &decision.events);
        Ok(())
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
        let body = (signed.bytes.as_slice(), carried);
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

    fn peer_act(&self, opened: &Opened, beyond: Option<MandateFault>, now: Timestamp) -> case::Command {
        let said = &opened.statement.said;
        let header = ActHeader {
            digest: opened.statement.digest,
            issuer: opened.statement.issuer.clone(),
            message_id: said.message_id,
            parents: said.parents.clone(),
            exercise: said.exercise,
            on_behalf_of: said.on_behalf_of.clone(),
        };
        case::Command::PeerAct {
            case: said.case.clone(),
            me: self.me().clone(),
            facts: ActFacts::of(&said.act, header),
            audience: said.audience.clone(),
            received_at: now,
            beyond,
        }
    }

    async fn commit_received(
        &self,
        opened: &Opened,
        slot: &Slot,
        events: &[Event],
        now: Timestamp,
    ) -> Result<Durable<Vec<u8>>, NodeError> {
        let statement = &opened.statement;
        self.expect_files(&opened.statement)?;
        let mut change = Change::default();
        add_events(&mut change, &statement.said.case, slot, events)?;
        let restricted = |d: &envelope::Disclosure| d.label().is_some_and(|label| !label.is_unrestricted());
        let elements: Vec<_> = opened
            .disclosures
            .iter()
            .map(|d| (d.path().to_owned(), restricted(d), d.bytes().to_vec()))
            .collect();
        let mandate = opened.content.mandate.as_ref().map(wire::encode).transpose();
        let body = (opened.content.statement.as_slice(), mandate.map_err(EnvelopeError::from)?);
        self.ledger.keep_body(&mut change, statement.digest, body, &elements, &mut *self.entropy())?;
        let (bytes, named) = (opened.content.statement.as_slice(), statement.said.heads.0);
        audit::compare_statement(self, &statement.issuer, (statement.digest, bytes), named, &mut change)?;
        for proof in events.iter().filter_map(|e| if let Event::Equivocation(p) = e { Some(p) } else { None })
        {
            let second = (&proof.second, bytes);
            audit::compare_identity(self, &proof.issuer, &proof.first, second, &mut change)?;
        }
        let cited = (statement.digest, &statement.said.directory);
        audit::compare_directory(self, &statement.issuer, cited, &mut change)?;
        change.received(&statement.issuer, statement.digest, now)?;
        self.machine.corroborate(statement.said.issued_at);
        let committed = self.ledger.commit(change).await?;
        self.apply(&statement.said.case, slot, events);
        let receipt = committed.receipts().first().cloned().flatten();
        let receipt = receipt.expect("the notary gives a receipt for every leaf that asks for one");
        Ok(committed.map(|()| receipt))
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

    fn known(&self, statement: &Digest) -> Result<Received, NodeError> {
        let receipt = self.ledger.receipt(statement, true)?;
        Ok(Received::Known(receipt.expect("an act that was kept has the receipt of its commit")))
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

/// The case keeps each contradiction once; `None` if it has it, however often a peer sends it again.
fn equivocation(case: &Case, opened: &Opened, first: Digest, at: Timestamp) -> Option<Event> {
    let (issuer, second) = (opened.statement.issuer.clone(), opened.statement.digest);
    if case.equivocations().any(|known| known.second == second) {
        return None;
    }
    let message_id = opened.statement.said.message_id;
    Some(Event::Equivocation(Equivocation { issuer, message_id, first, second, at }))
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
