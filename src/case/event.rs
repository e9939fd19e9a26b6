use super::{ActFacts, Body, Denial, Filing, Permit, PermitUse};
use crate::model::{CaseId, Digest, MessageId, Party, Text, Timestamp};
use serde::{Deserialize, Serialize};

/// What the journal keeps of a case: one addition to its set of evidence.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Event {
    /// The first act of the case was sent or received.
    Opened(Opening),
    /// An act was signed and committed here, or verified and committed here.
    ActRecorded(ActRecord),
    /// The other side's gateway attested that it has one of our acts.
    ReceiptRecorded(Receipt),
    /// It attested the same act again with another instant, which counts for nothing (DESIGN §12.4).
    ReceiptConflict(Receipt),
    /// An issuer used one message id for two statements (DESIGN §12.12).
    Equivocation(Equivocation),
    /// An officer judged whether an incomplete request has a reasonable chance of success.
    ChanceJudged(ChanceJudgement),
    /// An officer has put the case away.
    Filed(Filing),
    /// A release was permitted; nothing was shown yet.
    PermitGranted(Permit),
    /// A permit was spent; it is committed before anything is shown.
    PermitUsed(PermitUse),
    /// A release was asked for and denied.
    ReleaseDenied(Denial),
}

/// Between whom a case runs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Opening {
    /// The case.
    pub case: CaseId,
    /// The party whose gateway this is.
    pub me: Party,
    /// The other party.
    pub peer: Party,
    /// Which part `me` plays.
    pub role: Role,
}

/// Which part a party plays in a case.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// It asks (ISACS 8.1).
    Requester,
    /// It is asked (ISACS 8.3).
    Requested,
}

/// Which way an act went.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    /// From here.
    Sent,
    /// To here.
    Received,
}

/// An act as this side holds it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ActRecord {
    /// What the clocks and the rules need of it.
    pub facts: ActFacts,
    /// Which way it went.
    pub direction: Direction,
    /// For a received act the `received_at` of our receipt; for a sent one the instant of its commit.
    pub at: Timestamp,
}

/// What a gateway attests of an act: it is verified and durable there since then (DESIGN §4).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Receipt {
    /// The statement digest of the act.
    pub digest: Digest,
    /// Since when the gateway has it.
    pub received_at: Timestamp,
    /// The party of the gateway.
    pub by: Party,
}

/// Proof that an issuer used one message id for two statements; both bodies are kept.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Equivocation {
    /// Who signed both.
    pub issuer: Party,
    /// The message id of both.
    pub message_id: MessageId,
    /// The statement that counts, since it came first.
    pub first: Digest,
    /// The statement that does not.
    pub second: Digest,
    /// When the second came.
    pub at: Timestamp,
}

/// An officer's judgement whether a request has a reasonable chance of success although the requester
/// cannot give everything (ISACS 8.3.2 ¶3); the last one made counts.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct ChanceJudgement {
    /// When.
    pub at: Timestamp,
    /// The statement digest of the request.
    pub request: Digest,
    /// By whom.
    pub officer: String,
    /// Whether there is a reasonable chance.
    pub reasonable: bool,
    /// Why; it names no weapon and no person, since events stand in the clear.
    pub reason: Text,
}

impl Opening {
    /// Returns the party that asks.
    pub const fn requester(&self) -> &Party {
        match self.role {
            Role::Requester => &self.me,
            Role::Requested => &self.peer,
        }
    }

    /// Returns the party that is asked.
    pub const fn requested(&self) -> &Party {
        match self.role {
            Role::Requester => &self.peer,
            Role::Requested => &self.me,
        }
    }

    /// Returns the one to whom `issuer` speaks in this case; none for an outsider.
    pub fn counterparty(&self, issuer: &Party) -> Option<&Party> {
        if *issuer == self.me {
            Some(&self.peer)
        } else if *issuer == self.peer {
            Some(&self.me)
        } else {
            None
        }
    }
}

impl ActRecord {
    /// Tells whether the requested side returned `request` with it.
    pub(super) fn is_return_of(&self, request: &Digest, opening: &Opening) -> bool {
        matches!(&self.facts.body, Body::ReturnIncomplete { request: named, .. } if named == request)
            && self.facts.header.issuer == *opening.requested()
    }
}

impl Role {
    /// Returns the role as JSON writes it.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Requester => "requester",
            Self::Requested => "requested",
        }
    }
}

impl Direction {
    /// Returns the direction as JSON writes it.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Sent => "sent",
            Self::Received => "received",
        }
    }
}
