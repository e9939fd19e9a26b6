use crate::model::{CaseId, Digest, Party, SignedBytes, Text, Timestamp};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// What an agent may do for its principal (ISACS 8.1, 9.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Power {
    /// Open a case with a tracing request.
    Initiate,
    /// Carry on as the side that asks: submit again, ask and answer questions, withdraw, tell outcomes.
    Conduct,
    /// Take requests in for the principal and answer them.
    Receive,
}

/// In which cases a mandate holds.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CaseScope {
    /// In all.
    All,
    /// In training cases only (ISACS 7.1.4).
    Exercises,
    /// In these, whose numbers were agreed on before.
    Cases(BTreeSet<CaseId>),
}

/// Towards whom a mandate holds.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PeerScope {
    /// Towards every party.
    All,
    /// Towards these.
    Parties(BTreeSet<Party>),
}

/// What a principal lets an agent do; there is no sub-delegation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MandateTerms {
    /// For whom is acted.
    pub principal: Party,
    /// Who acts.
    pub agent: Party,
    /// What it may do; at least one.
    pub powers: BTreeSet<Power>,
    /// In which cases.
    pub cases: CaseScope,
    /// Towards whom.
    pub peers: PeerScope,
    /// The first instant at which it holds.
    pub not_before: Timestamp,
    /// The first instant at which it holds no more.
    pub not_after: Timestamp,
}

/// On whose behalf a statement is made, and by which mandate; it stands in the protected header.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OnBehalf {
    /// For whom is acted.
    pub principal: Party,
    /// The digest of the mandate.
    pub mandate: Digest,
}

/// Why a mandate does not carry an act.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MandateFault {
    /// No mandate came with the act, or none is held.
    Missing,
    /// Its terms hold something that is not known here, which may narrow it.
    NotUnderstood,
    /// It is another one than the statement names.
    AnotherMandate,
    /// It was given by another party than the one named as principal.
    WrongPrincipal,
    /// It was given to another agent.
    WrongAgent,
    /// The agent has not countersigned it.
    NotAccepted,
    /// It does not let the agent make such an act.
    Power,
    /// It does not hold in this case.
    Case,
    /// It does not hold towards this party.
    Peer,
    /// It does not hold yet.
    NotYetValid,
    /// It holds no more.
    Expired,
    /// The principal has revoked it.
    Revoked,
    /// A mandate cannot be handed on.
    SubDelegation,
    /// The principal is not among the recipients, who must have a copy of every act.
    NoCopy,
    /// The case is not one in which is acted on behalf of this principal.
    AnotherCase,
}

/// Gives a mandate, or accepts one that was given (ISACS 9.3).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Mandate {
    /// The digest of the mandate.
    pub mandate: Digest,
    /// Its terms, as the principal has signed them.
    pub terms: MandateTerms,
    /// The principal's signature over them, a COSE_Sign1.
    pub grant: SignedBytes,
    /// The agent's countersignature; absent until it accepts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub acceptance: Option<SignedBytes>,
}

/// Ends a mandate (ISACS 9.3).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MandateRevocation {
    /// The digest of the mandate.
    pub mandate: Digest,
    /// Why.
    pub reason: Text,
}

impl Mandate {
    /// Writes a mandate that nobody has signed yet: the principal's signature is made when it goes out, after the
    /// officers who must agree to it (DESIGN §8).
    pub const fn unsigned(terms: MandateTerms) -> Self {
        Self { mandate: Digest([0; 32]), terms, grant: SignedBytes(Vec::new()), acceptance: None }
    }

    /// Returns the mandate with the place for the agent's countersignature, which is made when it goes out.
    #[must_use]
    pub fn to_accept(self) -> Self {
        Self { acceptance: Some(SignedBytes(Vec::new())), ..self }
    }

    /// Tells whether the principal's signature is still to be made.
    pub const fn lacks_grant(&self) -> bool {
        self.grant.0.is_empty()
    }

    /// Tells whether the agent's countersignature is still to be made.
    pub fn lacks_acceptance(&self) -> bool {
        self.acceptance.as_ref().is_some_and(|bytes| bytes.0.is_empty())
    }
}

impl Power {
    /// Every power.
    pub const ALL: [Self; 3] = [Self::Initiate, Self::Conduct, Self::Receive];

    /// Returns the code as the wire and JSON write it.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Initiate => "initiate",
            Self::Conduct => "conduct",
            Self::Receive => "receive",
        }
    }

    /// Finds a power by its code.
    pub fn from_code(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|power| power.code() == code)
    }
}

impl MandateFault {
    /// Returns the stable code for a rejection (`docs/protocol.md` lists them).
    pub const fn code(self) -> &'static str {
        match self {
            Self::Missing => "mandate-missing",
            Self::NotUnderstood => "mandate-not-understood",
            Self::AnotherMandate => "mandate-differs",
            Self::WrongPrincipal => "mandate-wrong-principal",
            Self::WrongAgent => "mandate-wrong-agent",
            Self::NotAccepted => "mandate-not-accepted",
            Self::Power => "mandate-wrong-act",
            Self::Case => "mandate-wrong-case",
            Self::Peer => "mandate-wrong-peer",
            Self::NotYetValid => "mandate-not-yet-valid",
            Self::Expired => "mandate-expired",
            Self::Revoked => "mandate-revoked",
            Self::SubDelegation => "mandate-handed-on",
            Self::NoCopy => "mandate-no-copy",
            Self::AnotherCase => "mandate-other-case",
        }
    }

    /// Says it in words that may be told to the peer.
    pub const fn words(self) -> &'static str {
        match self {
            Self::Missing => "there is no mandate for acting on behalf of the principal",
            Self::NotUnderstood => "the mandate holds terms that are not understood here",
            Self::AnotherMandate => "the mandate is another one than the statement names",
            Self::WrongPrincipal => "the mandate was given by another party than the principal named",
            Self::WrongAgent => "the mandate was given to another agent",
            Self::NotAccepted => "the agent has not countersigned the mandate",
            Self::Power => "the mandate does not cover such an act",
            Self::Case => "the mandate does not cover this case",
            Self::Peer => "the mandate does not hold towards this party",
            Self::NotYetValid => "the mandate is not valid yet",
            Self::Expired => "the mandate has expired",
            Self::Revoked => "the principal has revoked the mandate",
            Self::SubDelegation => "a mandate cannot be handed on",
            Self::NoCopy => "the principal is not among the recipients of the act",
            Self::AnotherCase => "the case is not one in which is acted on behalf of this principal",
        }
    }
}
