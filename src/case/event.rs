use super::{ActFacts, Approval, Bar, Body, Denial, Filing, Permit, PermitUse};
use crate::model::{CaseId, Digest, MandateFault, MessageId, Party, Text, Timestamp};
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
    /// Another officer agreed to a release.
    PermitApproved(Approval),
    /// Another officer barred a release, or it lapsed.
    PermitBarred(Bar),
    /// Another officer looked at a release that was made in an emergency.
    EmergencyReviewed(Approval),
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
    /// Who acts for whom, if one side is an agent (ISACS 9.3).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub behalf: Option<Behalf>,
}

/// An agent that acts in a case for its principal (ISACS 9.3).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Behalf {
    /// For whom is acted.
    pub principal: Party,
    /// Who acts.
    pub agent: Party,
}

/// Which part a party plays in a case.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// It asks (ISACS 8.1).
    Requester,
    /// It is asked (ISACS 8.3).
    Requested,
    /// Its agent asks or is asked; it has a copy of every act (ISACS 9.3).
    Observer,
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
    /// Why our agent's mandate does not carry the act that it made in our name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub beyond: Option<MandateFault>,
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
    /// Opens a case between two parties of which nobody is an agent.
    pub const fn bilateral(case: CaseId, me: Party, peer: Party, role: Role) -> Self {
        Self { case, me, peer, role, behalf: None }
    }

    /// Returns the party that speaks on our side: our agent where we only look on.
    pub fn speaker(&self) -> &Party {
        match (&self.behalf, self.role) {
            (Some(behalf), Role::Observer) => &behalf.agent,
            (_, Role::Requester | Role::Requested) | (None, Role::Observer) => &self.me,
        }
    }

    /// Returns the party that asks.
    pub fn requester(&self) -> &Party {
        if self.asks() { self.speaker() } else { &self.peer }
    }

    /// Returns the party that is asked.
    pub fn requested(&self) -> &Party {
        if self.asks() { &self.peer } else { self.speaker() }
    }

    /// Returns the one to whom `issuer` speaks in this case; none for an outsider.
    pub fn counterparty(&self, issuer: &Party) -> Option<&Party> {
        let speaker = self.speaker();
        if issuer == speaker {
            Some(&self.peer)
        } else if *issuer == self.peer {
            Some(speaker)
        } else {
            None
        }
    }

    /// Returns all to whom our acts go: the other side, then the principal of whichever side is an agent.
    pub fn audience(&self) -> Vec<Party> {
        [&self.peer]
            .into_iter()
            .chain(self.behalf.as_ref().map(|behalf| &behalf.principal))
            .cloned()
            .collect()
    }

    /// Tells whether we act for another party.
    pub fn is_agent(&self) -> bool {
        self.behalf.as_ref().is_some_and(|behalf| behalf.agent == self.me)
    }

    /// Tells whether our side asks.
    pub fn asks(&self) -> bool {
        match self.role {
            Role::Requester => true,
            Role::Requested => false,
            Role::Observer => self.case.minted_by(self.speaker()),
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
            Self::Observer => "observer",
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
