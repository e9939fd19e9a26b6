//! Watches a run from outside and compares what it does with the invariants of DESIGN §12 and the law.

use crate::disk::Disk;
use crate::draw::Draw;
use crate::heap::Millis;
use crate::reference::{Attempt, Expected, Made, Reference, Settled, Times, may_give};
use crate::shell::Shell;
use std::collections::{BTreeMap, BTreeSet};
use valise::case::{
    ActRecord, Body, Case, ChanceJudgement, Clocks, Event, FlagCode, ItemState, Permit, View,
};
use valise::evidence::ProvedReceipt;
use valise::model::{ActKind, CaseId, Digest, Head, MessageId, Outcome, Party, Timestamp};

/// What must hold, by its number in DESIGN §12 where it has one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Rule {
    /// Every restricted release has an earlier journal entry holding a matching permit.
    PermitFirst,
    /// No plaintext leaves before signature, audience and route are verified.
    VerifiedFirst,
    /// Refusals and withheld elements carry ground and reason.
    Grounds,
    /// `received_at` is set once, and is the instant at which the bytes came.
    ReceivedOnce,
    /// The fold is independent of order and duplication; both sides see the same, and what the law says.
    SameFold,
    /// One digest per (issuer, message id).
    OneDigest,
    /// No two inconsistent heads are ever signed.
    OneHead,
    /// No act is lost; after healing each one is where it should be.
    NoneLost,
    /// An act acknowledged by a receipt survives.
    Survives,
    /// Only local commands may be refused by state, and only where the law does.
    Law,
    /// Directory versions never fall.
    DirectoryRises,
    /// Whom the federation has suspended is not heard.
    Suspended,
}

/// A rule that was broken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// Which one.
    pub rule: Rule,
    /// When, in virtual time.
    pub at: Millis,
    /// How.
    pub words: String,
}

/// The watcher of one run.
#[derive(Default)]
pub struct Checker {
    reference: Reference,
    counts: BTreeMap<Rule, u64>,
    violation: Option<Violation>,
    now: Millis,
    offered: BTreeMap<(usize, Digest), Vec<Timestamp>>,
    attested: BTreeMap<(usize, Digest), Timestamp>,
    left: BTreeMap<usize, BTreeMap<Digest, CaseId>>,
    heads: BTreeMap<(usize, usize), BTreeMap<u64, Digest>>,
    shown: BTreeMap<String, u32>,
    commanded: BTreeMap<(usize, CaseId, ActKind), i64>,
    ids: BTreeMap<(Party, MessageId), Digest>,
    contradictions: BTreeSet<(usize, CaseId, Digest)>,
}

impl Rule {
    /// Returns where DESIGN states it.
    pub const fn number(self) -> &'static str {
        match self {
            Self::PermitFirst => "12.1",
            Self::VerifiedFirst => "12.2",
            Self::Grounds => "12.3",
            Self::ReceivedOnce => "12.4",
            Self::SameFold => "12.5",
            Self::OneDigest => "12.12",
            Self::OneHead => "12.13",
            Self::NoneLost => "12.14",
            Self::Survives => "12.16",
            Self::Law => "4",
            Self::DirectoryRises => "12.6",
            Self::Suspended => "6",
        }
    }
}

impl Checker {
    /// Returns the first violation, if there was one.
    pub const fn violation(&self) -> Option<&Violation> {
        self.violation.as_ref()
    }

    /// Returns how often each rule was checked.
    pub const fn counts(&self) -> &BTreeMap<Rule, u64> {
        &self.counts
    }

    /// Returns the model of the law.
    pub const fn reference(&self) -> &Reference {
        &self.reference
    }

    /// Moves the clock by which violations are dated.
    pub const fn at(&mut self, now: Millis) {
        self.now = now;
    }

    /// An officer did, or was refused, something; it is `careless` if it lacks a word that the law asks for.
    pub fn attempted(
        &mut self,
        case: &CaseId,
        side: usize,
        attempt: &Attempt,
        careless: bool,
        refused: Option<&str>,
    ) {
        let may = self.reference.allows(case, side, attempt);
        if careless {
            let words = || format!("{case}: an act without its ground or reason was not refused");
            self.require(Rule::Grounds, refused.is_some(), words);
        } else {
            let words = || format!("{case}: the law says {may}, the case says {refused:?}");
            self.require(Rule::Law, may == refused.is_none(), words);
        }
    }

    /// Something was decided as the law has it, or not.
    pub fn law(&mut self, holds: bool, words: impl FnOnce() -> String) {
        self.require(Rule::Law, holds, words);
    }

    /// An officer's act was taken on, so that one more of its kind may be made.
    pub fn commanded(&mut self, side: usize, case: &CaseId, kind: ActKind) {
        *self.commanded.entry((side, case.clone(), kind)).or_default() += 1;
    }

    /// A State has made an act durable.
    pub fn made(&mut self, by: usize, to: usize, case: &CaseId, record: &ActRecord) {
        let facts = &record.facts;
        let kind = facts.kind();
        let left = self.commanded.entry((by, case.clone(), kind)).or_default();
        *left -= 1;
        let ordered = *left >= 0;
        self.require(Rule::Law, ordered, || format!("{case}: a {} that nobody ordered", kind.code()));
        let identity = (facts.header.issuer.clone(), facts.header.message_id);
        let first = *self.ids.entry(identity).or_insert(facts.header.digest);
        let once = first == facts.header.digest;
        self.require(Rule::OneDigest, once, || format!("{case}: one message id was used twice"));
        self.reference.made(case, made(by, to, record));
    }

    /// A State has made durable what an officer thinks of a request's chance of success.
    pub fn judged(&mut self, judgement: &ChanceJudgement) {
        self.reference.judged(judgement.request, judgement.reasonable);
    }

    /// A genuine letter with this act has reached a State, whose clock says `now`.
    pub fn offered(&mut self, to: usize, digest: Digest, now: Timestamp) {
        self.offered.entry((to, digest)).or_default().push(now);
    }

    /// A letter that nobody may believe has reached a State.
    pub fn forged(&mut self, what: &str, refused: bool) {
        self.require(Rule::VerifiedFirst, refused, || format!("a letter was believed that was {what}"));
    }

    /// A contradiction to an earlier act was taken in.
    pub fn contradicted(&mut self, by: usize, case: &CaseId, second: Digest) {
        self.contradictions.insert((by, case.clone(), second));
    }

    /// A State has made a received act durable.
    pub fn kept(&mut self, by: usize, case: &CaseId, record: &ActRecord) {
        let digest = record.facts.header.digest;
        let Some(act) = self.reference.act(&digest) else {
            return self
                .require(Rule::VerifiedFirst, false, || format!("{case}: {digest} was made by nobody"));
        };
        let (to, twice, same) = (act.to, act.kept.is_some(), act.facts == record.facts);
        let came = self.offered.get(&(by, digest)).is_some_and(|times| times.contains(&record.at));
        self.require(Rule::VerifiedFirst, to == by, || {
            format!("{case}: {digest} does not speak to its keeper")
        });
        self.require(Rule::ReceivedOnce, !twice, || format!("{case}: {digest} was processed twice"));
        self.require(Rule::ReceivedOnce, came, || {
            format!("{case}: {digest} is kept as of {}, when it did not come", record.at)
        });
        self.require(Rule::SameFold, same, || format!("{case}: {digest} is kept otherwise than it was made"));
        if let Some(act) = self.reference.act_mut(&digest) {
            act.kept.get_or_insert(record.at);
        }
    }

    /// A State lets a receipt leave; `disk` is what it holds at that instant.
    pub fn left(&mut self, by: usize, case: &CaseId, digest: Digest, disk: &Disk) {
        let recorded =
            |event: &Event| matches!(event, Event::ActRecorded(r) if r.facts.header.digest == digest);
        let durable = disk.journal.get(case).is_some_and(|events| events.iter().any(recorded));
        self.require(Rule::Survives, durable, || {
            format!("{case}: a receipt leaves before {digest} is synced")
        });
        self.left.entry(by).or_default().insert(digest, case.clone());
    }

    /// Something still waits so many days after the last fault has ended.
    pub fn unhealed(&mut self, days: i64) {
        self.require(Rule::NoneLost, false, || format!("it has not healed after {days} days"));
    }

    /// A State has proved a receipt of another.
    pub fn proved(&mut self, by: usize, to: usize, receipt: &ProvedReceipt) {
        let digest = receipt.statement;
        let first = *self.attested.entry((by, digest)).or_insert(receipt.received_at);
        let same = first == receipt.received_at;
        self.require(Rule::ReceivedOnce, same, || format!("{digest} has receipts of two instants"));
        self.head(by, to, receipt.head);
    }

    /// A State has signed a head of its log about another.
    pub fn head(&mut self, owner: usize, peer: usize, head: Head) {
        let first = *self.heads.entry((owner, peer)).or_default().entry(head.size).or_insert(head.root);
        let words = || format!("State {owner} signed two heads of size {} about State {peer}", head.size);
        self.require(Rule::OneHead, first == head.root, words);
    }

    /// A State holds the receipt for an act of its own.
    pub fn receipted(&mut self, digest: &Digest) {
        let kept = self.reference.act(digest).is_some_and(|act| act.kept.is_some());
        self.require(Rule::Survives, kept, || format!("{digest} has a receipt and is not durable"));
        if let Some(act) = self.reference.act_mut(digest) {
            act.receipted = true;
        }
    }

    /// An officer is shown what a permit opens; `journal` is what is durable of the case.
    pub fn shown(&mut self, case: &CaseId, permit: &Permit, journal: &[Event], now: Timestamp) {
        let granted = journal.iter().any(|event| matches!(event, Event::PermitGranted(p) if p == permit));
        let used = journal.iter().any(|event| matches!(event, Event::PermitUsed(u) if u.id == permit.id));
        let id = &permit.id;
        self.require(Rule::PermitFirst, granted && used, || format!("{case}: {id} is not in the journal"));
        let times = self.shown.entry(format!("{case} {id}")).or_default();
        *times += 1;
        let once = *times == 1;
        self.require(Rule::PermitFirst, once, || format!("{case}: {id} was used again"));
        for element in &permit.elements {
            let label = self.reference.act(&element.act).and_then(|act| act.elements.get(&element.path));
            let may = label.is_some_and(|label| may_give(label, &permit.to, permit.purpose, now));
            let words = || format!("{case}: {id} gives {} to {}", element.path, permit.to.name);
            self.require(Rule::PermitFirst, may, words);
        }
    }

    /// Compares what a State sees of a case at `now` with what the law says of the same evidence.
    pub fn seen(&mut self, case: &CaseId, side: usize, view: &View, now: Timestamp) {
        let expected = self.reference.expect(case, side, now);
        let seen = seen(view);
        self.require(Rule::SameFold, seen == expected, || {
            format!("{case}, State {side}: sees {seen:?}, the law says {expected:?}")
        });
    }

    /// A State has come back from a crash.
    pub fn restarted(&mut self, by: usize, shell: &Shell) {
        for (digest, case) in self.left.get(&by).cloned().unwrap_or_default() {
            let there = shell.case(&case).is_some_and(|case| case.act(&digest).is_some());
            self.require(Rule::Survives, there, || format!("{case}: {digest} had a receipt and was lost"));
        }
    }

    /// Everything has healed: each act must be where it belongs, and both sides must agree.
    pub fn converged(&mut self, shells: &[Shell], now: impl Fn(usize) -> Timestamp, draw: &mut Draw) {
        let acts: Vec<(Digest, bool, bool)> =
            self.reference.acts().map(|(d, act)| (*d, act.kept.is_some(), act.receipted)).collect();
        for (digest, kept, receipted) in acts {
            self.require(Rule::NoneLost, kept, || format!("{digest} never reached its addressee"));
            self.require(Rule::NoneLost, receipted, || format!("{digest} never got its receipt"));
        }
        for (by, shell) in shells.iter().enumerate() {
            self.require(Rule::NoneLost, shell.disk().outbox.is_empty(), || {
                format!("State {by} still has something in its outbox")
            });
            self.restarted(by, shell);
        }
        for (by, case, second) in self.contradictions.clone() {
            let proof = shells[by].case(&case).is_some_and(|c| c.equivocations().any(|e| e.second == second));
            self.require(Rule::OneDigest, proof, || format!("{case}: no proof of the second statement"));
        }
        for case in self.reference.cases().cloned().collect::<Vec<_>>() {
            self.agree(&case, shells, &now, draw);
        }
    }

    fn agree(&mut self, case: &CaseId, shells: &[Shell], now: &impl Fn(usize) -> Timestamp, draw: &mut Draw) {
        let Some((asker, asked)) = self.reference.parties(case) else { return };
        // Both are asked at one instant, so that only what they hold can make a difference.
        let at = now(asker).max(now(asked));
        let views = [asker, asked].map(|side| shells[side].view(case, at));
        let [Some(mine), Some(theirs)] = &views else {
            return self.require(Rule::SameFold, false, || format!("{case}: one side has no such case"));
        };
        self.seen(case, asker, mine, at);
        self.seen(case, asked, theirs, at);
        let same = (mine.state, &mine.clocks, &mine.items) == (theirs.state, &theirs.clocks, &theirs.items);
        self.require(Rule::SameFold, same, || format!("{case}: the sides do not agree"));
        for side in [asker, asked] {
            let Some(mut journal) = shells[side].disk().journal.get(case).cloned() else { continue };
            let again = draw.index(journal.len());
            journal.extend(journal.get(again).cloned());
            draw.shuffle(&mut journal);
            let mut folded = Case::default();
            journal.iter().for_each(|event| folded.apply(event));
            let same = shells[side].case(case) == Some(&folded);
            self.require(Rule::SameFold, same, || format!("{case}: another order gives another case"));
        }
    }

    fn require(&mut self, rule: Rule, holds: bool, words: impl FnOnce() -> String) {
        *self.counts.entry(rule).or_default() += 1;
        if !holds && self.violation.is_none() {
            self.violation = Some(Violation { rule, at: self.now, words: words() });
        }
    }
}

pub(crate) fn made(by: usize, to: usize, record: &ActRecord) -> Made {
    let facts = record.facts.clone();
    let (mut outcomes, mut follow_ups) = (Vec::new(), Vec::new());
    let (mut elements, mut count) = (BTreeMap::new(), 0);
    match &facts.body {
        Body::Request(request) | Body::Resubmission { request, .. } => count = request.items,
        Body::Response { outcomes: said, elements: given, .. } => {
            outcomes = said.iter().map(|o| (o.item, o.outcome)).collect();
            elements = given.iter().map(|e| (e.path.clone(), e.label.clone().unwrap_or_default())).collect();
        }
        Body::OutcomeNotice { items, .. } => follow_ups.clone_from(items),
        Body::Acknowledgement { .. }
        | Body::ReturnIncomplete { .. }
        | Body::Delay { .. }
        | Body::Refusal { .. }
        | Body::ClarificationRequest { .. }
        | Body::Clarification { .. }
        | Body::Withdrawal { .. }
        | Body::ConsentRequest { .. }
        | Body::ConsentGrant { .. }
        | Body::ConsentDenial { .. }
        | Body::ConsentWithdrawal { .. }
        | Body::DisclosureNotice { .. }
        | Body::Mandate { .. }
        | Body::MandateRevocation { .. }
        | Body::Notice { .. }
        | Body::AssistanceRequest { .. }
        | Body::AssistanceReply { .. } => {}
    }
    Made {
        by,
        to,
        kind: facts.kind(),
        needs: facts.needs(),
        names: facts.names(),
        outcomes,
        follow_ups,
        items: count,
        elements,
        facts,
        kept: None,
        receipted: false,
    }
}

pub(crate) fn seen(view: &View) -> Expected {
    let waiting = view.flags.iter().filter(|flag| flag.code == FlagCode::Waiting);
    let versions = view.versions.iter();
    let questions = view.questions.iter();
    Expected {
        state: view.state,
        times: times(&view.clocks),
        late: view.clocks.late(),
        overdue: view.clocks.overdue(),
        versions: versions.map(|v| (v.digest, v.returned_by, times(&v.clocks))).collect(),
        items: view.items.iter().map(|item| standing(item.state)).collect(),
        delay: view.delay.as_ref().map(|delay| delay.act),
        questions: questions.map(|q| (q.digest, (q.about, q.answer))).collect(),
        told: view.outcomes.iter().map(|told| (told.act, told.item)).collect(),
        waiting: waiting.filter_map(|flag| flag.act).collect(),
    }
}

const fn times(clocks: &Clocks) -> Times {
    Times {
        received_at: clocks.received_at,
        ack: [clocks.ack_due, clocks.ack_at],
        response: [clocks.respond_due, clocks.responded_at],
    }
}

const fn standing(state: ItemState) -> Settled {
    match state {
        ItemState::Open => Settled::Open,
        ItemState::Answered(Outcome::Partial) => Settled::InPart,
        ItemState::Answered(Outcome::Full | Outcome::NoneFound | Outcome::NotOurs) => Settled::Answered,
        ItemState::Refused => Settled::Refused,
        ItemState::Returned => Settled::Returned,
        ItemState::Withdrawn => Settled::Withdrawn,
    }
}
