//! The data of replies about mandates, notices and assistance (ISACS 5.3, 9).

use crate::control::{ActedView, Delivery, Direction};
use crate::model::{CaseId, Digest, MandateTerms, Party, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;

/// An agent that acts in a case for its principal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BehalfView {
    /// For whom is acted.
    pub principal: Party,
    /// Who acts.
    pub agent: Party,
    /// The mandates on which it has acted.
    pub mandates: Vec<Digest>,
    /// Whether the principal has ended all of them.
    pub revoked: bool,
}

/// A mandate (ISACS 9.3).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MandateView {
    /// Its digest.
    pub mandate: Digest,
    /// The case in which it was given.
    pub case: CaseId,
    /// Its terms.
    #[serde(flatten)]
    pub terms: MandateTerms,
    /// `granted`, `in_force`, `not_yet_valid`, `expired` or `revoked`.
    pub state: String,
    /// Since when this party knows that it was revoked.
    pub revoked_at: Option<Timestamp>,
}

/// What became of the end of a mandate.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RevocationView {
    /// The mandate's digest.
    pub mandate: Digest,
    /// Whom it is told to.
    pub told: Vec<ActedView>,
    /// Whom it could not be told to, and why.
    pub not_told: BTreeMap<Party, String>,
}

/// A notice or a request for assistance, with what it says (ISACS 5.3, 9.1, 9.6).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExchangeView {
    /// The case that it opened.
    pub case: CaseId,
    /// Its statement digest.
    pub digest: Digest,
    /// Which way it went.
    pub direction: Direction,
    /// The other party.
    pub peer: Party,
    /// When it was made or received.
    pub at: Timestamp,
    /// Its topic, or the need.
    pub about: String,
    /// The trace from which a need arose.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trace: Option<CaseId>,
    /// Whether it has arrived, if it is ours.
    pub delivery: Delivery,
    /// What became of a request for assistance.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outcome: Option<String>,
    /// What it says, where it is shown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub content: Option<Value>,
}
