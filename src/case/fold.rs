mod version;

pub use version::ItemState;
pub(super) use version::{ItemStanding, Version};

use super::consent;
use super::{ActRecord, Body, Case, Flag, FlagCode, FollowUpFacts, Opening};
use crate::model::{ActKind, Digest, Party, Timestamp};
use std::collections::{BTreeMap, BTreeSet};
use version::Returned;

/// What a set of evidence amounts to.
pub(super) struct Folded<'a> {
    /// The acts whose whole ancestry is known, in topological, then digest order.
    pub order: Vec<&'a ActRecord>,
    /// The acts that wait for an ancestor.
    pub waiting: Vec<&'a ActRecord>,
    /// The versions of the request with what was answered to each; the last one is current.
    pub versions: Vec<Version<'a>>,
    /// The questions about acts, by their statement digest.
    pub questions: BTreeMap<Digest, Question<'a>>,
    /// The last that each side told of each item's outcome.
    pub follow_ups: BTreeMap<(&'a Party, u32), FollowUp<'a>>,
    /// The withdrawal of the request.
    pub withdrawal: Option<&'a ActRecord>,
    /// What is remarkable.
    pub flags: BTreeSet<Flag>,
}

/// A question about an act, with its last answer.
pub(super) struct Question<'a> {
    /// The question.
    pub record: &'a ActRecord,
    /// The act that it is about.
    pub about: Digest,
    /// The answer.
    pub answer: Option<&'a ActRecord>,
}

/// What one side told of one item's outcome.
pub(super) struct FollowUp<'a> {
    /// The notice.
    pub record: &'a ActRecord,
    /// What it says of the item.
    pub said: FollowUpFacts,
}

impl<'a> Folded<'a> {
    /// Folds a case; `opening` is the case's own.
    pub fn of(case: &'a Case, opening: &'a Opening) -> Self {
        let mut flags = standing_flags(case, opening);
        let (insiders, outsiders): (Vec<_>, Vec<_>) = case
            .acts
            .values()
            .partition(|record| opening.counterparty(&record.facts.header.issuer).is_some());
        flags.extend(outsiders.into_iter().map(|record| flag(FlagCode::Stranger, record)));
        let (order, waiting) = topological(&insiders);
        flags.extend(waiting.iter().map(|record| flag(FlagCode::Waiting, record)));
        let mut folded = Self {
            versions: open_versions(case, opening, &order),
            order,
            waiting,
            questions: BTreeMap::new(),
            follow_ups: BTreeMap::new(),
            withdrawal: None,
            flags,
        };
        for record in folded.order.clone() {
            folded.step(case, opening, record);
        }
        if folded.withdrawal.is_some() {
            folded.versions.iter_mut().for_each(Version::withdraw);
        }
        folded
    }

    /// Returns the version of the request that is to be answered.
    pub fn current(&self) -> Option<&Version<'a>> {
        self.versions.last()
    }

    /// Returns the acts that no other act builds on yet: the parents of the next one.
    pub fn heads(&self) -> Vec<Digest> {
        let built_on: BTreeSet<Digest> = self.order.iter().flat_map(|record| record.facts.needs()).collect();
        let all: BTreeSet<Digest> = self.order.iter().map(|record| record.facts.header.digest).collect();
        all.difference(&built_on).copied().collect()
    }

    fn step(&mut self, case: &Case, opening: &Opening, record: &'a ActRecord) {
        let facts = &record.facts;
        if !may_make(opening, facts.kind(), &facts.header.issuer) {
            return self.raise(FlagCode::WrongRole, record);
        }
        if record.beyond.is_some() {
            self.raise(FlagCode::BeyondMandate, record);
        }
        let exercise = self.versions.first().map(|version| version.request.facts.header.exercise);
        if exercise.is_some_and(|exercise| exercise != facts.header.exercise) {
            self.raise(FlagCode::ExerciseMismatch, record);
        }
        if facts.is_defective() {
            self.raise(FlagCode::DefectiveAnswer, record);
        }
        let arrival = case.arrival(record);
        match &facts.body {
            Body::Request(_) | Body::Resubmission { .. } => self.asked(record),
            Body::Acknowledgement { request, received_at, .. } => {
                self.answered(request, record, arrival, |v, raise| v.confirm(record, *received_at, raise));
            }
            Body::ReturnIncomplete { request, .. } => {
                self.answered(request, record, arrival, |v, raise| v.give_back(record, arrival, raise));
            }
            Body::Response { request, outcomes, .. } => {
                self.answered(request, record, arrival, |v, raise| v.respond(outcomes, arrival, raise));
            }
            Body::Delay { request, .. } => {
                self.answered(request, record, arrival, |v, raise| v.put_off(record, raise));
            }
            Body::Refusal { request, .. } => {
                self.answered(request, record, arrival, |v, raise| v.refuse(arrival, raise));
            }
            Body::ClarificationRequest { about } => {
                self.questions.insert(facts.header.digest, Question { record, about: *about, answer: None });
            }
            Body::Clarification { request_for } => self.clarified(request_for, record),
            Body::Withdrawal { request } => self.withdrawn(request, record),
            Body::OutcomeNotice { request, items, .. } => self.followed_up(request, items, record),
            Body::ConsentRequest { .. }
            | Body::ConsentGrant { .. }
            | Body::ConsentDenial { .. }
            | Body::ConsentWithdrawal { .. }
            | Body::DisclosureNotice { .. } => {
                if let Some(code) = consent::remark(case, opening, facts) {
                    self.raise(code, record);
                }
            }
            Body::Mandate { .. }
            | Body::MandateRevocation { .. }
            | Body::Notice { .. }
            | Body::AssistanceRequest { .. }
            | Body::AssistanceReply { .. } => {}
        }
    }

    /// Notes what is remarkable about a request that counts, or that it does not count.
    fn asked(&mut self, record: &'a ActRecord) {
        let Some(request) = record.facts.request() else { return };
        if self.version(&record.facts.header.digest).is_none() {
            return self.raise(FlagCode::SecondRequest, record);
        }
        if !request.unmet.is_empty() {
            self.raise(FlagCode::IncompleteRequest, record);
        }
        if request.can_comply == Some(false) {
            self.raise(FlagCode::CannotComply, record);
        }
    }

    /// Applies an act of the requested side to the version that it names.
    fn answered(
        &mut self,
        request: &Digest,
        record: &'a ActRecord,
        arrival: Option<Timestamp>,
        apply: impl FnOnce(&mut Version<'a>, &mut dyn FnMut(FlagCode)),
    ) {
        let Some(version) = self.versions.iter_mut().find(|v| v.request.facts.header.digest == *request)
        else {
            return self.raise(FlagCode::UnknownRequest, record);
        };
        let mut raise = |code| {
            self.flags.insert(flag(code, record));
        };
        if version.returned.is_some() {
            raise(FlagCode::AfterReturn);
        }
        apply(version, &mut raise);
        // Each such act tells the requester that its request was received (ISACS 8.3.1, DESIGN §4).
        version.acknowledge(arrival);
    }

    fn clarified(&mut self, request_for: &Digest, record: &'a ActRecord) {
        let asked_by_other =
            |q: &&mut Question<'_>| q.record.facts.header.issuer != record.facts.header.issuer;
        match self.questions.get_mut(request_for).filter(asked_by_other) {
            Some(question) => question.answer = Some(record),
            None => self.raise(FlagCode::UnknownQuestion, record),
        }
    }

    fn withdrawn(&mut self, request: &Digest, record: &'a ActRecord) {
        match self.version(request) {
            Some(_) => {
                self.withdrawal.get_or_insert(record);
            }
            None => self.raise(FlagCode::UnknownRequest, record),
        }
    }

    fn followed_up(&mut self, request: &Digest, items: &[FollowUpFacts], record: &'a ActRecord) {
        let Some(count) = self.version(request).map(|version| version.items.len()) else {
            return self.raise(FlagCode::UnknownRequest, record);
        };
        for said in items {
            if usize::try_from(said.item).is_ok_and(|at| at < count) {
                let told = FollowUp { record, said: *said };
                self.follow_ups.insert((&record.facts.header.issuer, said.item), told);
            } else {
                self.raise(FlagCode::UnknownItem, record);
            }
        }
    }

    fn version(&self, request: &Digest) -> Option<&Version<'a>> {
        self.versions.iter().find(|version| version.request.facts.header.digest == *request)
    }

    fn raise(&mut self, code: FlagCode, record: &ActRecord) {
        self.flags.insert(flag(code, record));
    }
}

/// Tells whether an act of this kind is the issuer's to make in the case.
fn may_make(opening: &Opening, kind: ActKind, issuer: &Party) -> bool {
    match kind {
        ActKind::Request | ActKind::Resubmission | ActKind::Withdrawal => issuer == opening.requester(),
        ActKind::Acknowledgement
        | ActKind::ReturnIncomplete
        | ActKind::Response
        | ActKind::Delay
        | ActKind::Refusal => issuer == opening.requested(),
        ActKind::ClarificationRequest
        | ActKind::Clarification
        | ActKind::OutcomeNotice
        // Whose they are follows from whose information it is; `case::consent` decides.
        | ActKind::ConsentRequest
        | ActKind::ConsentGrant
        | ActKind::ConsentDenial
        | ActKind::ConsentWithdrawal
        | ActKind::DisclosureNotice
        | ActKind::Mandate
        | ActKind::MandateRevocation => true,
        ActKind::Notice | ActKind::AssistanceRequest => issuer == opening.requester(),
        ActKind::AssistanceReply => issuer == opening.requested(),
    }
}

/// Finds the versions of the request: the first one, and each that answers a return of the one before.
///
/// Of several candidates the one that was received first counts, so that a later one can never move a
/// clock that runs (DESIGN §12.4).
fn open_versions<'a>(case: &'a Case, opening: &Opening, order: &[&'a ActRecord]) -> Vec<Version<'a>> {
    let mut first = None;
    let mut again: BTreeMap<Digest, (&ActRecord, &ActRecord)> = BTreeMap::new();
    let rank = |record: &ActRecord| {
        let received_at = case.arrival(record);
        (received_at.is_none(), received_at, record.facts.header.digest)
    };
    for record in order.iter().filter(|r| may_make(opening, r.facts.kind(), &r.facts.header.issuer)) {
        let Body::Resubmission { previous, returned_by, .. } = &record.facts.body else {
            if record.facts.kind() == ActKind::Request {
                first = first.into_iter().chain([*record]).min_by_key(|r| rank(r));
            }
            continue;
        };
        let Some(returned) = case.act(returned_by).filter(|r| r.is_return_of(previous, opening)) else {
            continue;
        };
        let kept = again.entry(*previous).or_insert((record, returned));
        if rank(record) < rank(kept.0) {
            *kept = (record, returned);
        }
    }
    let mut versions: Vec<_> = first.map(|request| Version::new(case, request, None)).into_iter().collect();
    while let Some(last) = versions.last() {
        let Some((request, returned)) = again.remove(&last.request.facts.header.digest) else { break };
        let restarts = Returned::of(last, returned, case.arrival(returned)).restarts;
        let respond_from = last.respond_from.filter(|_| !restarts);
        versions.push(Version::new(case, request, respond_from));
    }
    versions
}

/// The remarkable things that need no order.
fn standing_flags(case: &Case, opening: &Opening) -> BTreeSet<Flag> {
    let minter = (!opening.case.minted_by(opening.requester()))
        .then_some(Flag { code: FlagCode::WrongMinter, act: None });
    let conflicts = case
        .receipt_conflicts
        .iter()
        .map(|receipt| Flag { code: FlagCode::ReceiptConflict, act: Some(receipt.digest) });
    let equivocations =
        case.equivocations.iter().map(|proof| Flag { code: FlagCode::Equivocation, act: Some(proof.first) });
    minter.into_iter().chain(conflicts).chain(equivocations).collect()
}

/// Sorts acts so that each follows all that it needs, by digest where that leaves a choice; returns
/// those whose ancestry is not complete apart.
fn topological<'a>(acts: &[&'a ActRecord]) -> (Vec<&'a ActRecord>, Vec<&'a ActRecord>) {
    let mut pending: BTreeMap<Digest, (&ActRecord, usize)> = BTreeMap::new();
    let mut needed_by: BTreeMap<Digest, Vec<Digest>> = BTreeMap::new();
    for record in acts {
        let needs = record.facts.needs();
        let digest = record.facts.header.digest;
        pending.insert(digest, (*record, needs.len()));
        needs.into_iter().for_each(|need| needed_by.entry(need).or_default().push(digest));
    }
    let mut ready: BTreeSet<Digest> =
        pending.iter().filter(|(_, (_, open))| *open == 0).map(|(digest, _)| *digest).collect();
    let mut order = Vec::new();
    while let Some(digest) = ready.pop_first() {
        order.extend(pending.remove(&digest).map(|(record, _)| record));
        for child in needed_by.remove(&digest).unwrap_or_default() {
            if let Some((_, open)) = pending.get_mut(&child) {
                *open -= 1;
                if *open == 0 {
                    ready.insert(child);
                }
            }
        }
    }
    (order, pending.into_values().map(|(record, _)| record).collect())
}

/// A request without items, which only a peer can send, is answered or refused as a whole.
fn item_count(request: &ActRecord) -> usize {
    request.facts.request().map_or(0, |r| usize::try_from(r.items).unwrap_or(usize::MAX).max(1))
}

fn earliest(a: Option<Timestamp>, b: Option<Timestamp>) -> Option<Timestamp> {
    match (a, b) {
        (Some(a), Some(b)) => Some(a.min(b)),
        (only, None) | (None, only) => only,
    }
}

const fn flag(code: FlagCode, record: &ActRecord) -> Flag {
    Flag { code, act: Some(record.facts.header.digest) }
}
