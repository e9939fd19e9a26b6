//! The bilateral case: a set of evidence, folded into clocks, outcomes and permits (DESIGN §4).
//!
//! [`Case`] only collects: acts, receipts, proofs of misbehaviour and local permits. What they amount to
//! ([`view`]) is computed from the whole set, so that it does not depend on the order in which they came
//! or on how often. [`decide`] says which events a command causes; [`Case::apply`] adds them.

mod chain;
mod command;
mod consent;
mod event;
mod facts;
mod filing;
mod flag;
mod fold;
mod held;
mod mandates;
mod permit;
mod refused;
mod reminder;
mod view;

#[cfg(test)]
mod tests;

pub use chain::{may_follow, restricted_towards};
pub use command::{Command, Decision, Draft, auto_ack_due, decide, recorded};
pub use consent::{Consent, ConsentState, Granted, consents};
pub use event::{ActRecord, Behalf, ChanceJudgement, Direction, Equivocation, Event, Opening, Receipt, Role};
pub use facts::{
    ActFacts, ActHeader, Body, ElementFacts, FollowUpFacts, FollowsFacts, ItemOutcome, RequestFacts,
    element_path,
};
pub use filing::{Filing, is_at_rest};
pub use flag::{Flag, FlagCode};
pub use fold::ItemState;
pub use held::{HeldAct, HeldEnd, Word, words as held_words};
pub use mandates::{HeldMandate, Mandates};
pub use permit::{
    Approval, Bar, Denial, DeniedElement, ElementRef, Permit, PermitId, PermitUse, Terms, stale_refusal,
};
pub use refused::Refused;
pub use reminder::{Reminder, ReminderCode, reminders};
pub use view::{
    ActView, CaseState, Clocks, DelayView, ItemView, OutcomeView, QuestionView, Restriction, VersionView,
    View, view,
};

use crate::model::{Digest, Label, Party, Timestamp};
use std::collections::{BTreeMap, BTreeSet};

/// Everything that one side knows of a case; it only grows, and merging it in any order gives the same.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Case {
    opening: Option<Opening>,
    acts: BTreeMap<Digest, ActRecord>,
    receipts: BTreeMap<(Digest, Party), Timestamp>,
    receipt_conflicts: BTreeSet<Receipt>,
    equivocations: BTreeSet<Equivocation>,
    judgements: BTreeMap<Digest, ChanceJudgement>,
    filing: Option<Filing>,
    permits: BTreeMap<PermitId, Permit>,
    uses: BTreeMap<PermitId, PermitUse>,
    denials: BTreeSet<Denial>,
    approvals: BTreeSet<Approval>,
    bars: BTreeMap<PermitId, Bar>,
    reviews: BTreeMap<PermitId, Approval>,
}

impl Case {
    /// Adds what an event says; a repeated event changes nothing.
    pub fn apply(&mut self, event: &Event) {
        match event {
            Event::Opened(opening) => {
                self.opening.get_or_insert_with(|| opening.clone());
            }
            Event::ActRecorded(record) => {
                let kept = self.acts.entry(record.facts.header.digest).or_insert_with(|| record.clone());
                kept.at = kept.at.min(record.at);
            }
            Event::ReceiptRecorded(receipt) => self.merge_receipt(receipt),
            Event::ReceiptConflict(receipt) => {
                self.receipt_conflicts.insert(receipt.clone());
            }
            Event::Equivocation(proof) => {
                self.equivocations.insert(proof.clone());
            }
            Event::ChanceJudged(judgement) => {
                let kept = self.judgements.entry(judgement.request).or_insert_with(|| judgement.clone());
                *kept = kept.clone().max(judgement.clone());
            }
            Event::Filed(filing) => self.filing = self.filing.take().max(Some(filing.clone())),
            Event::PermitGranted(permit) => {
                self.permits.entry(permit.id.clone()).or_insert_with(|| permit.clone());
            }
            Event::PermitUsed(permit_use) => {
                let kept = self.uses.entry(permit_use.id.clone()).or_insert_with(|| permit_use.clone());
                *kept = kept.clone().min(permit_use.clone());
            }
            Event::ReleaseDenied(denial) => {
                self.denials.insert(denial.clone());
            }
            Event::PermitApproved(approval) => {
                self.approvals.insert(approval.clone());
            }
            Event::PermitBarred(bar) => {
                let kept = self.bars.entry(bar.id.clone()).or_insert_with(|| bar.clone());
                *kept = kept.clone().min(bar.clone());
            }
            Event::EmergencyReviewed(review) => {
                let kept = self.reviews.entry(review.id.clone()).or_insert_with(|| review.clone());
                *kept = kept.clone().min(review.clone());
            }
        }
    }

    /// Returns how the case was opened; none before it was.
    pub const fn opening(&self) -> Option<&Opening> {
        self.opening.as_ref()
    }

    /// Lists the acts, in the order of their digests.
    pub fn acts(&self) -> impl Iterator<Item = &ActRecord> {
        self.acts.values()
    }

    /// Returns the statement digest of the newest version of the request.
    pub fn current_request(&self) -> Option<Digest> {
        let folded = fold::Folded::of(self, self.opening.as_ref()?);
        folded.current().map(|version| version.request.facts.header.digest)
    }

    /// Returns an act by its statement digest.
    pub fn act(&self, digest: &Digest) -> Option<&ActRecord> {
        self.acts.get(digest)
    }

    /// Returns the usage label of an element of an act, if it has one.
    pub fn label(&self, act: &Digest, path: &str) -> Option<&Label> {
        let elements = self.acts.get(act)?.facts.elements();
        let path = path.strip_prefix("request/").unwrap_or(path);
        elements.iter().find(|element| element.path == path)?.label.as_ref()
    }

    /// Returns the last judgement of a request's chance of success, if one was made here.
    pub fn judgement(&self, request: &Digest) -> Option<&ChanceJudgement> {
        self.judgements.get(request)
    }

    /// Tells whether an officer has put the case away and nothing has come since.
    pub fn is_filed(&self) -> bool {
        self.filing.as_ref().is_some_and(|filing| filing.acts >= self.acts.len() as u64)
    }

    /// Returns the last time that the case was put away.
    pub const fn filing(&self) -> Option<&Filing> {
        self.filing.as_ref()
    }

    /// Lists the permits that were granted, by id.
    pub fn permits(&self) -> impl Iterator<Item = &Permit> {
        self.permits.values()
    }

    /// Returns a permit by its id.
    pub fn permit(&self, id: &PermitId) -> Option<&Permit> {
        self.permits.get(id)
    }

    /// Returns when and by whom a permit was used, if it was.
    pub fn permit_use(&self, id: &PermitId) -> Option<&PermitUse> {
        self.uses.get(id)
    }

    /// Lists the releases that were denied, oldest first.
    pub fn denials(&self) -> impl Iterator<Item = &Denial> {
        self.denials.iter()
    }

    /// Counts the officers who agree to a permit, the one who asked among them.
    pub fn agreed(&self, permit: &Permit) -> u32 {
        permit::agreed(self, permit, |_| true)
    }

    /// Lists the words of other officers for a permit.
    pub fn approvals<'c>(&'c self, id: &'c PermitId) -> impl Iterator<Item = &'c Approval> {
        self.approvals.iter().filter(move |approval| approval.id == *id)
    }

    /// Returns who barred a permit and why, or that it lapsed.
    pub fn barred(&self, id: &PermitId) -> Option<&Bar> {
        self.bars.get(id)
    }

    /// Tells whether a permit was barred, or has lapsed.
    pub fn is_barred(&self, id: &PermitId) -> bool {
        self.bars.contains_key(id)
    }

    /// Lists the releases made in an emergency at which no other officer has looked yet.
    pub fn unreviewed(&self) -> impl Iterator<Item = &Permit> {
        self.permits().filter(|permit| permit.emergency.is_some() && !self.reviews.contains_key(&permit.id))
    }

    /// Returns the latest instant of this gateway's own clock that the case holds.
    pub fn latest(&self) -> Timestamp {
        let acts = self.acts.values().map(|record| record.at);
        let permits = self.permits.values().map(|permit| permit.granted_at);
        let uses = self.uses.values().map(|used| used.at);
        let denials = self.denials.iter().map(|denial| denial.at);
        let approvals = self.approvals.iter().chain(self.reviews.values()).map(|approval| approval.at);
        let bars = self.bars.values().map(|bar| bar.at);
        let all = acts.chain(permits).chain(uses).chain(denials).chain(approvals).chain(bars);
        all.max().unwrap_or(Timestamp::EPOCH)
    }

    /// Lists the proofs that an issuer used one message id for two statements.
    pub fn equivocations(&self) -> impl Iterator<Item = &Equivocation> {
        self.equivocations.iter()
    }

    /// Returns the instant at which the gateway of the party that an act speaks to attested to have it.
    ///
    /// No clock compares any other instant (DESIGN §4).
    fn arrival(&self, record: &ActRecord) -> Option<Timestamp> {
        let header = &record.facts.header;
        let opening = self.opening.as_ref()?;
        let reader = opening.counterparty(&header.issuer)?;
        if record.direction == Direction::Received && *reader == opening.me {
            return Some(record.at);
        }
        let receipt = |by: &Party| self.receipts.get(&(header.digest, by.clone())).copied();
        receipt(reader).or_else(|| match (&opening.behalf, opening.role) {
            // Where a mandate has ended, answers go to the principal alone.
            (Some(behalf), Role::Requester | Role::Requested) if behalf.agent == *reader => {
                receipt(&behalf.principal)
            }
            (_, Role::Requester | Role::Requested) => None,
            (_, Role::Observer) => self.observed_arrival(record, opening),
        })
    }

    /// Returns when an act arrived, for a principal that sees no receipts between its agent and the other
    /// side: what the other side says has come to both; of a request, the acknowledgement repeats it.
    fn observed_arrival(&self, record: &ActRecord, opening: &Opening) -> Option<Timestamp> {
        if record.facts.header.issuer == opening.peer {
            return Some(record.at);
        }
        self.acts.values().find_map(|other| {
            let Body::Acknowledgement { request, received_at, .. } = &other.facts.body else { return None };
            let names = *request == record.facts.header.digest;
            (names && other.facts.header.issuer == opening.peer).then_some(*received_at)
        })
    }

    /// Keeps the earliest of several receipts and holds the others against their signer.
    fn merge_receipt(&mut self, receipt: &Receipt) {
        let key = (receipt.digest, receipt.by.clone());
        let kept = self.receipts.entry(key).or_insert(receipt.received_at);
        if *kept == receipt.received_at {
            return;
        }
        let later = (*kept).max(receipt.received_at);
        *kept = (*kept).min(receipt.received_at);
        self.receipt_conflicts.insert(Receipt { received_at: later, ..receipt.clone() });
    }
}
