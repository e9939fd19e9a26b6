//! One State's gateway: a small deterministic shell around the real rooms, which does what `node` does.
//! It decides, signs, seals, commits, and only then answers.

use crate::bugs::Bug;
use crate::commit::{Pending, Waiting};
use crate::disk::{Disk, Group, Row};
use crate::draw::Draw;
use crate::federation::{Federation, Member};
use crate::lane::{self, Answers, Frame, Letter, Opened};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use valise::case::{
    self, ActFacts, ActHeader, ActRecord, Case, Command, Decision, Direction, Draft, Equivocation, Event,
    Permit, Refused, View,
};
use valise::envelope::{EnvelopeError, Heads, Reject, StatementDraft};
use valise::evidence::{Direction as Way, Entry, Leaf, Log, LogBook, MerkleLog, ProvedReceipt, Receipt};
use valise::model::{CaseId, DAY, Digest, DirectoryRef, Head, MessageId, Party, Timestamp};
use valise::rules::deadline::Warning;

/// One gateway, with what it holds in memory and on disk.
pub struct Shell {
    pub(crate) federation: Arc<Federation>,
    pub(crate) me: usize,
    seed: u64,
    bug: Option<Bug>,
    disk: Disk,
    /// Groups that were reported as synced and were not; only a planted bug fills it.
    limbo: Vec<Group>,
    pending: Vec<Pending>,
    busy: BTreeSet<CaseId>,
    claiming: BTreeSet<(Party, MessageId)>,
    cases: BTreeMap<CaseId, Case>,
    ids: BTreeMap<(Party, MessageId), Digest>,
    pub(crate) logs: LogBook,
    minted: u32,
    boots: u32,
    syncs: u64,
    pub(crate) entropy: Draw,
}

/// What has become of a frame.
pub enum Taken {
    /// It will be answered after the next sync.
    Pending,
    /// It was answered at once, with the receipt for this act.
    Answered {
        /// In which case the act is.
        case: CaseId,
        /// The act.
        digest: Digest,
        /// The answer.
        frames: Vec<Frame>,
    },
    /// It was refused; the signed rejection, where the envelope is known.
    Refused(Vec<Frame>),
    /// Something else is being decided in the same case; it is tried again after the sync.
    Busy,
    /// A rejection of this envelope came.
    Rejected(MessageId),
    /// There was nothing to do.
    Nothing,
}

/// What a sync has made durable and what may leave now.
#[derive(Default)]
pub struct Synced {
    /// The events, in their order.
    pub events: Vec<(CaseId, Event)>,
    /// The envelopes that may be sent now.
    pub queued: Vec<MessageId>,
    /// The answers that may leave now.
    pub frames: Vec<(usize, Frame)>,
    /// For which acts a receipt is among them.
    pub receipted: Vec<(CaseId, Digest)>,
    /// The receipts of others that were proved.
    pub proved: Vec<(usize, ProvedReceipt)>,
    /// The new heads of our logs.
    pub heads: Vec<(usize, Head)>,
}

impl Shell {
    /// Starts the gateway of a State with an empty disk.
    pub fn new(federation: &Arc<Federation>, me: usize, seed: u64, bug: Option<Bug>) -> Self {
        Self {
            logs: logbook(&federation.members[me], seed, me, 0),
            federation: Arc::clone(federation),
            me,
            seed,
            bug,
            disk: Disk::default(),
            limbo: Vec::new(),
            pending: Vec::new(),
            busy: BTreeSet::new(),
            claiming: BTreeSet::new(),
            cases: BTreeMap::new(),
            ids: BTreeMap::new(),
            minted: 0,
            boots: 0,
            syncs: 0,
            entropy: Draw::new(seed, "entropy", &[me as u64, 0]),
        }
    }

    /// Returns what is durable.
    pub const fn disk(&self) -> &Disk {
        &self.disk
    }

    /// Returns a case.
    pub fn case(&self, id: &CaseId) -> Option<&Case> {
        self.cases.get(id)
    }

    /// Lists the cases.
    pub const fn cases(&self) -> &BTreeMap<CaseId, Case> {
        &self.cases
    }

    /// Shows a case as the officer sees it.
    pub fn view(&self, id: &CaseId, now: Timestamp) -> Option<View> {
        let mut view = case::view(self.cases.get(id)?, now, Warning::default())?;
        if self.bug == Some(Bug::DueOffByADay) {
            view.clocks.ack_due = view.clocks.ack_due.map(|due| due.saturating_add(DAY));
            view.clocks.respond_due = view.clocks.respond_due.map(|due| due.saturating_add(DAY));
        }
        if let (Some(Bug::FirstVersionShown), Some(first)) = (self.bug, view.versions.first()) {
            view.clocks = first.clocks.clone();
        }
        Some(view)
    }

    /// Tells whether a decision of this case waits for the sync.
    pub fn is_busy(&self, id: &CaseId) -> bool {
        self.busy.contains(id)
    }

    /// Tells whether anything waits for the sync.
    pub fn has_pending(&self) -> bool {
        !self.pending.is_empty()
    }

    /// Mints the number of a new case.
    pub fn mint(&mut self, now: Timestamp) -> CaseId {
        self.minted += 1;
        CaseId::mint(&self.member().party, now.year(), self.minted)
    }

    /// Does what an officer or a timer wants; what follows waits for the sync.
    ///
    /// # Errors
    /// [`Refused`] as [`case::decide`] says.
    pub fn command(
        &mut self,
        id: &CaseId,
        command: Command,
        real: bool,
        now: Timestamp,
    ) -> Result<Decision, Refused> {
        let label_ignored = self.bug == Some(Bug::LabelIgnored);
        let empty = Case::default();
        let decision = case::decide(self.cases.get(id).unwrap_or(&empty), command, now)?;
        let mut pending = Pending { events: decision.events.clone(), ..Pending::new(id.clone(), now) };
        if let (Some(denial), true) = (&decision.denied, label_ignored) {
            pending.events = vec![Event::PermitGranted(permit_despite(denial, now))];
        }
        if let Some(draft) = &decision.draft {
            self.say(id, draft, real, now, &mut pending);
        }
        self.commit(pending);
        Ok(decision)
    }

    /// Takes in a frame that the State `from` has sent over its own link.
    pub fn take(&mut self, from: usize, frame: &Frame, now: Timestamp) -> Taken {
        match frame {
            Frame::Envelope(letter) => self.take_envelope(from, letter, now),
            Frame::Receipts(answers) => self.take_receipts(from, answers, now),
            Frame::Reject(body) => {
                let member = &self.federation.members[self.me];
                let peer = &self.federation.members[from].party;
                match Reject::verify(body, peer, &member.directory, now) {
                    Ok(reject) => self.rejected(from, reject.envelope, now),
                    Err(_) => Taken::Nothing,
                }
            }
        }
    }

    /// Makes the pending decisions durable as one group, and says what may leave now.
    pub fn sync(&mut self) -> Synced {
        let mut pending = std::mem::take(&mut self.pending);
        self.busy.clear();
        self.claiming.clear();
        let (group, receipts) = self.seal(&mut pending);
        let synced = self.answers(&pending, &group, receipts);
        self.syncs += 1;
        if self.bug == Some(Bug::SkippedSync) && self.syncs.is_multiple_of(5) {
            self.limbo.push(group.clone());
        } else {
            let late = std::mem::take(&mut self.limbo);
            late.into_iter().chain([group.clone()]).for_each(|group| self.disk.write(group));
        }
        self.remember(&group.events);
        synced
    }

    /// Loses what is not durable; `landed` says whether the group in flight had reached the disk.
    pub fn crash(&mut self, landed: bool) {
        let mut pending = std::mem::take(&mut self.pending);
        if landed && !pending.is_empty() {
            let (group, _) = self.seal(&mut pending);
            self.disk.write(group);
        }
        self.limbo.clear();
        self.busy.clear();
        self.claiming.clear();
        self.boots += 1;
        self.restore();
    }

    /// Finds the row of an envelope that waits for its receipt.
    pub fn row(&self, envelope: &MessageId) -> Option<&Row> {
        self.disk.outbox.get(envelope).or_else(|| {
            let waiting = self.limbo.iter().flat_map(|group| &group.queued);
            waiting.into_iter().find(|row| row.envelope == *envelope)
        })
    }

    /// Gives the letter of a retry: the same as ever.
    pub fn retry(&mut self, envelope: &MessageId, now: Timestamp) -> Option<(usize, Letter)> {
        let row = self.row(envelope)?;
        let (peer, letter, statement) = (row.peer, row.letter.clone(), row.statement);
        if self.bug != Some(Bug::RetryAsNewAct) {
            return Some((peer, letter));
        }
        let mut said = StatementDraft::clone(self.disk.said.get(&statement)?);
        said.message_id = MessageId::random(&mut self.entropy);
        let to = self.federation.members[peer].party.clone();
        let member = &self.federation.members[self.me];
        let composed = lane::compose(&Arc::new(said), &to, member, false, now, &mut self.entropy).ok()?;
        Some((peer, composed.letter))
    }

    /// Signs a second statement under the message id of one that was said before.
    pub fn contradict(&mut self, statement: &Digest, real: bool, now: Timestamp) -> Option<(Party, Letter)> {
        let mut said = StatementDraft::clone(self.disk.said.get(statement)?);
        said.exercise = !said.exercise;
        let to = said.audience.first()?.clone();
        let member = &self.federation.members[self.me];
        let composed = lane::compose(&Arc::new(said), &to, member, real, now, &mut self.entropy).ok()?;
        Some((to, composed.letter))
    }

    /// Tells whether a planted bug shows elements at an instant at which nothing may be shown.
    pub fn shows_early(&self) -> bool {
        self.bug == Some(Bug::ReleaseWithoutPermit)
    }

    /// Tells whether a planted bug shows the elements of a spent permit again.
    pub fn shows_again(&self) -> bool {
        self.bug == Some(Bug::PermitReused)
    }

    fn member(&self) -> &Member {
        &self.federation.members[self.me]
    }

    fn take_envelope(&mut self, from: usize, letter: &Letter, now: Timestamp) -> Taken {
        let federation = Arc::clone(&self.federation);
        let (member, peer) = (&federation.members[self.me], &federation.members[from].party);
        let opened = match lane::open(letter, member, now, self.bug) {
            Ok(opened) => opened,
            Err((envelope, error)) => return self.refuse(peer, envelope, error.code()),
        };
        if opened.issuer != *peer && self.bug != Some(Bug::RouteOfAnother) {
            return self.refuse(peer, Some(opened.envelope), EnvelopeError::WrongSender.code());
        }
        let id = opened.said.case.clone();
        let identity = (opened.issuer.clone(), opened.said.message_id);
        if self.busy.contains(&id) || self.claiming.contains(&identity) {
            return Taken::Busy;
        }
        let known = self.cases.get(&id).is_some_and(|case| case.act(&opened.digest).is_some());
        if known && self.bug != Some(Bug::DuplicateProcessed) {
            return self.known(from, opened);
        }
        if self.drops(&opened, now) {
            return Taken::Nothing;
        }
        self.claiming.insert(identity.clone());
        let first = self.ids.get(&identity).copied().filter(|first| *first != opened.digest);
        let first = first.filter(|_| self.bug != Some(Bug::EquivocationKept));
        let events = match first {
            Some(first) => self.equivocation(&id, &opened, first, now),
            None => self.peer_events(&id, &opened, known, now),
        };
        let leaf = Leaf::Act { direction: Way::Received, statement: opened.digest, at: now };
        let Opened { envelope, export, .. } = opened;
        let answer = Waiting { peer: from, envelope, export, receipt: first.is_none() };
        let pending =
            Pending { events, leaf: Some((from, leaf)), answer: Some(answer), ..Pending::new(id, now) };
        if self.bug == Some(Bug::ReceiptBeforeSync) {
            return self.answer_early(pending);
        }
        self.commit(pending);
        Taken::Pending
    }

    fn take_receipts(&mut self, from: usize, answers: &Answers, now: Timestamp) -> Taken {
        let federation = Arc::clone(&self.federation);
        let (member, peer) = (&federation.members[self.me], &federation.members[from].party);
        let export = |envelope: &MessageId| self.row(envelope)?.export;
        let Ok(receipts) = lane::open_answers(answers, peer, member, now, export) else {
            return Taken::Nothing;
        };
        let rows: Vec<(Row, Vec<u8>)> = receipts
            .into_iter()
            .filter_map(|(envelope, receipt)| Some((self.row(&envelope)?.clone(), receipt)))
            .filter(|(row, _)| row.peer == from)
            .collect();
        if rows.iter().any(|(row, _)| self.busy.contains(&row.case)) {
            return Taken::Busy;
        }
        let mut settled = false;
        for (row, receipt) in rows {
            settled |= self.take_receipt(from, &row, receipt, now).is_some();
        }
        if settled { Taken::Pending } else { Taken::Nothing }
    }

    fn take_receipt(&mut self, from: usize, row: &Row, receipt: Vec<u8>, now: Timestamp) -> Option<()> {
        let proved = self.prove(from, &row.statement, receipt, now)?;
        let case = self.cases.get(&row.case)?;
        let (head, received_at) = (proved.head, proved.received_at);
        let seen = case::Receipt { digest: proved.statement, received_at, by: proved.by.clone() };
        let decision = case::decide(case, Command::PeerReceipt(seen), now).ok()?;
        self.commit(Pending {
            events: decision.events,
            settled: Some((row.envelope, from, head)),
            proved: Some((from, proved)),
            ..Pending::new(row.case.clone(), now)
        });
        Some(())
    }

    /// Verifies a receipt for one of our statements.
    fn prove(
        &self,
        from: usize,
        statement: &Digest,
        receipt: Vec<u8>,
        now: Timestamp,
    ) -> Option<ProvedReceipt> {
        let parties = (&self.federation.members[from].party, &self.member().party);
        Receipt::from_bytes(receipt).verify(parties, statement, &self.member().directory, now).ok()
    }

    pub(crate) fn refuse(&self, peer: &Party, envelope: Option<MessageId>, code: &str) -> Taken {
        let id = envelope.unwrap_or(MessageId([0; 16]));
        let body = Reject::sign(peer, id, (code, code, false), &self.member().ring);
        Taken::Refused(body.map(|body| Frame::Reject(Arc::new(body))).into_iter().collect())
    }

    /// An officer looks at a rejection and asks to try again; the act stays where it is.
    fn rejected(&mut self, from: usize, envelope: MessageId, now: Timestamp) -> Taken {
        let row = self.row(&envelope).filter(|row| row.peer == from).cloned();
        let Some(row) = row else { return Taken::Nothing };
        if self.bug == Some(Bug::RejectSettles) && !self.busy.contains(&row.case) {
            let head = Head { log: row.statement, size: 0, root: row.statement };
            let settled = Some((envelope, row.peer, head));
            self.commit(Pending { settled, ..Pending::new(row.case, now) });
            return Taken::Pending;
        }
        Taken::Rejected(envelope)
    }

    fn drops(&self, opened: &Opened, now: Timestamp) -> bool {
        let late = || {
            let view = self.view(&opened.said.case, now)?;
            Some(view.clocks.respond_due.is_some_and(|due| now >= due))
        };
        self.bug == Some(Bug::LateActDropped) && late() == Some(true)
    }

    fn known(&mut self, from: usize, opened: Opened) -> Taken {
        let held = self.disk.receipts.get(&opened.digest);
        let late = || self.limbo.iter().flat_map(|group| &group.receipts);
        let held = held.or_else(|| late().find(|(digest, _)| *digest == opened.digest).map(|(_, r)| r));
        let Some(receipt) = held.cloned() else { return Taken::Nothing };
        let receipts = vec![(opened.envelope, opened.export, receipt)];
        let federation = Arc::clone(&self.federation);
        let (to, me) = (&federation.members[from].party, &federation.members[self.me]);
        let frames = lane::answer(to, me, receipts, &mut self.entropy).unwrap_or_default();
        Taken::Answered { case: opened.said.case.clone(), digest: opened.digest, frames }
    }

    fn peer_events(&self, id: &CaseId, opened: &Opened, known: bool, now: Timestamp) -> Vec<Event> {
        let said = &opened.said;
        let parents = if self.bug == Some(Bug::ParentIgnored) { Vec::new() } else { said.parents.clone() };
        let header = ActHeader {
            digest: opened.digest,
            issuer: opened.issuer.clone(),
            message_id: said.message_id,
            parents,
            exercise: said.exercise,
            on_behalf_of: said.on_behalf_of.clone(),
        };
        let facts = ActFacts::of(&said.act, header);
        let received_at = if self.bug == Some(Bug::ClockFromIssuer) { said.issued_at } else { now };
        let direction = Direction::Received;
        let record = ActRecord { facts: facts.clone(), direction, at: received_at, beyond: None };
        let twice = known || self.bug == Some(Bug::EquivocationKept) && self.cases.contains_key(id);
        if twice {
            return vec![Event::ActRecorded(record)];
        }
        let me = self.member().party.clone();
        let audience = said.audience.clone();
        let command = Command::PeerAct { case: id.clone(), me, facts, audience, received_at, beyond: None };
        let empty = Case::default();
        let decision = case::decide(self.cases.get(id).unwrap_or(&empty), command, now);
        decision.map(|decision| decision.events).unwrap_or_default()
    }

    fn equivocation(&self, id: &CaseId, opened: &Opened, first: Digest, at: Timestamp) -> Vec<Event> {
        let known = self.cases.get(id).is_some_and(|c| c.equivocations().any(|e| e.second == opened.digest));
        if known {
            return Vec::new();
        }
        let (issuer, message_id) = (opened.issuer.clone(), opened.said.message_id);
        vec![Event::Equivocation(Equivocation { issuer, message_id, first, second: opened.digest, at })]
    }

    fn say(&mut self, id: &CaseId, draft: &Draft, real: bool, now: Timestamp, pending: &mut Pending) {
        let federation = Arc::clone(&self.federation);
        let member = &federation.members[self.me];
        let to = draft.aud.first().expect("an act is addressed to somebody");
        let peer = federation.number(to).expect("officers only write to States that exist");
        let (mine, theirs) = self.disk.heads.get(&peer).copied().unwrap_or_default();
        let directory = &member.directory;
        let said = Arc::new(StatementDraft {
            case: id.clone(),
            audience: draft.aud.clone(),
            issued_at: now,
            message_id: MessageId::random(&mut self.entropy),
            parents: draft.parents.clone(),
            directory: DirectoryRef { version: directory.version(), digest: directory.digest() },
            heads: Heads(mine, theirs),
            exercise: draft.exercise,
            on_behalf_of: None,
            act: draft.act.clone(),
        });
        let composed = lane::compose(&said, to, member, real, now, &mut self.entropy)
            .expect("every State has a prekey that is valid throughout the run");
        let digest = composed.digest;
        pending.row = Some(Row {
            envelope: composed.envelope,
            peer,
            case: id.clone(),
            statement: digest,
            kind: draft.act.kind(),
            letter: composed.letter,
            export: composed.export,
        });
        pending.leaf = Some((peer, Leaf::Act { direction: Way::Sent, statement: digest, at: now }));
        pending.events.push(case::recorded(draft, member.party.clone(), digest, said.message_id, now));
        pending.said = Some((digest, said));
    }

    fn commit(&mut self, pending: Pending) {
        self.busy.insert(pending.case.clone());
        self.pending.push(pending);
    }

    /// What a planted bug does: the receipt leaves, and the group is still to be synced.
    fn answer_early(&mut self, mut pending: Pending) -> Taken {
        let (Some((peer, leaf)), Some(answer)) = (pending.leaf.take(), pending.answer.take()) else {
            return Taken::Nothing;
        };
        let Leaf::Act { statement: digest, .. } = leaf else { return Taken::Nothing };
        let party = self.federation.members[peer].party.clone();
        let entry = Entry { peer: party.clone(), leaf, receipt: true };
        let Ok(mut sealed) = self.logs.seal_group(&[entry]) else { return Taken::Nothing };
        let receipt = sealed.receipts.pop().flatten().map(|r| r.as_bytes().to_vec()).unwrap_or_default();
        pending.early = Some((sealed, digest, receipt.clone()));
        let case = pending.case.clone();
        self.commit(pending);
        let federation = Arc::clone(&self.federation);
        let me = &federation.members[self.me];
        let receipts = vec![(answer.envelope, answer.export, receipt)];
        let frames = lane::answer(&party, me, receipts, &mut self.entropy).unwrap_or_default();
        Taken::Answered { case, digest, frames }
    }

    fn remember(&mut self, events: &[(CaseId, Event)]) {
        for (id, event) in events {
            if let Event::ActRecorded(record) = event {
                let header = &record.facts.header;
                self.ids.entry((header.issuer.clone(), header.message_id)).or_insert(header.digest);
            }
            self.cases.entry(id.clone()).or_default().apply(event);
        }
    }

    /// Builds again from the disk what the memory held.
    fn restore(&mut self) {
        self.entropy = Draw::new(self.seed, "entropy", &[self.me as u64, u64::from(self.boots)]);
        self.logs = logbook(self.member(), self.seed, self.me, self.boots);
        if self.bug != Some(Bug::LogForgotten) {
            for (peer, leaves) in &self.disk.leaves {
                let (party, mut log) = (&self.federation.members[*peer].party, MerkleLog::default());
                leaves.iter().for_each(|leaf| drop(log.append(leaf.clone())));
                // Leaves that do not come to the head that was signed show in the heads, which are checked.
                let resumed = log.head().and_then(|head| self.logs.resume(party.clone(), 0, &log, &head));
                resumed.expect("a log that is whole in memory is taken up at its own head");
            }
        }
        if self.bug == Some(Bug::OutboxLost) {
            self.disk.outbox.clear();
        }
        self.cases.clear();
        self.ids.clear();
        let journal: Vec<(CaseId, Event)> = self
            .disk
            .journal
            .iter()
            .flat_map(|(id, events)| events.iter().map(|event| (id.clone(), event.clone())))
            .collect();
        self.remember(&journal);
        let party = &self.federation.members[self.me].party;
        let minted = self.cases.keys().filter(|id| id.minted_by(party)).map(CaseId::number).max();
        self.minted = minted.unwrap_or(0);
    }
}

fn logbook(member: &Member, seed: u64, me: usize, boots: u32) -> LogBook {
    let entropy = Draw::new(seed, "genesis", &[me as u64, u64::from(boots)]);
    LogBook::new(member.party.clone(), member.ring.log.clone(), Box::new(entropy))
}

/// What a planted bug grants.
fn permit_despite(denial: &case::Denial, now: Timestamp) -> Permit {
    Permit {
        id: denial.id.clone(),
        to: denial.to.clone(),
        purpose: denial.purpose,
        officer: denial.officer.clone(),
        basis: BTreeSet::new(),
        elements: denial.elements.iter().map(|denied| denied.element.clone()).collect(),
        granted_at: now,
        expires: now.saturating_add(DAY),
        consents: BTreeSet::new(),
        approvals: 1,
        emergency: None,
    }
}
