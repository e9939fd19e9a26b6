use super::{ActRecord, Body, Event};
use crate::model::{CaseId, Digest, MandateTerms, Party, Timestamp};
use std::collections::BTreeMap;

/// All mandates that this side has seen, and which of them have ended (ISACS 9.3): a set that only grows,
/// the same in whatever order its acts came.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Mandates {
    held: BTreeMap<Digest, HeldMandate>,
    /// By principal too: only its own word ends a mandate, and it may come before the mandate.
    ended: BTreeMap<(Party, Digest), Timestamp>,
}

/// A mandate that this side has seen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeldMandate {
    /// Its digest.
    pub mandate: Digest,
    /// Its terms.
    pub terms: MandateTerms,
    /// The case in which it was given.
    pub case: CaseId,
    /// The act that holds its document: the agent's acceptance if that is here.
    pub act: Digest,
    /// Whether the agent has countersigned it.
    pub accepted: bool,
}

impl Mandates {
    /// Adds what an event of a case says, if it is about a mandate.
    pub fn note(&mut self, case: &CaseId, event: &Event) {
        if let Event::ActRecorded(record) = event {
            self.note_act(case, record);
        }
    }

    /// Adds what an act says, if it is about a mandate.
    pub fn note_act(&mut self, case: &CaseId, record: &ActRecord) {
        let header = &record.facts.header;
        match &record.facts.body {
            Body::Mandate { mandate, terms, accepted } => {
                let (mandate, accepted, act) = (*mandate, *accepted, header.digest);
                let new = HeldMandate { mandate, terms: terms.clone(), case: case.clone(), act, accepted };
                let kept = self.held.entry(mandate).or_insert_with(|| new.clone());
                let rank = |held: &HeldMandate| (!held.accepted, held.act);
                if rank(&new) < rank(kept) {
                    *kept = new;
                }
            }
            Body::MandateRevocation { mandate } => {
                let at = self.ended.entry((header.issuer.clone(), *mandate)).or_insert(record.at);
                *at = record.at.min(*at);
            }
            Body::Request(_)
            | Body::Acknowledgement { .. }
            | Body::ReturnIncomplete { .. }
            | Body::Resubmission { .. }
            | Body::Response { .. }
            | Body::Delay { .. }
            | Body::Refusal { .. }
            | Body::ClarificationRequest { .. }
            | Body::Clarification { .. }
            | Body::Withdrawal { .. }
            | Body::OutcomeNotice { .. }
            | Body::ConsentRequest { .. }
            | Body::ConsentGrant { .. }
            | Body::ConsentDenial { .. }
            | Body::ConsentWithdrawal { .. }
            | Body::DisclosureNotice { .. }
            | Body::Notice { .. }
            | Body::AssistanceRequest { .. }
            | Body::AssistanceReply { .. } => {}
        }
    }

    /// Returns since when this side knows that the principal has ended a mandate.
    pub fn ended(&self, principal: &Party, mandate: &Digest) -> Option<Timestamp> {
        self.ended.get(&(principal.clone(), *mandate)).copied()
    }

    /// Returns a mandate by its digest.
    pub fn get(&self, mandate: &Digest) -> Option<&HeldMandate> {
        self.held.get(mandate)
    }

    /// Lists the mandates, by digest.
    pub fn all(&self) -> impl Iterator<Item = &HeldMandate> {
        self.held.values()
    }
}
