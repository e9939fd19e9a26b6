use crate::model::{Digest, Ground, PartialDate, Ternary, Text};
use serde::{Deserialize, Serialize};

/// Announces that the response comes late, with the reasons that are owed (ISACS 8.3.4.2).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Delay {
    /// The statement digest of the request.
    pub request: Digest,
    /// At least one ground, each with its reason.
    pub grounds: Vec<Ground>,
    /// When the response is expected.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expected: Option<PartialDate>,
}

/// Asks what an act of the other side means (ISACS 8.3.4.2); either side may.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClarificationRequest {
    /// The statement digest of the act in question.
    pub about: Digest,
    /// The question.
    pub question: Text,
}

/// Answers a request for clarification.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Clarification {
    /// The statement digest of the request for clarification.
    pub request_for: Digest,
    /// The answer.
    pub answer: Text,
}

/// Withdraws a request; the requester no longer needs an answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Withdrawal {
    /// The statement digest of the request.
    pub request: Digest,
    /// Why.
    pub reason: Text,
}

/// What followed from the trace of one item (ISACS 5.3, 10.2 c).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FollowUp {
    /// The item's place in the request, counted from zero.
    pub item: u32,
    /// Whether the point at which it became illicit was found.
    pub point_of_diversion: Ternary,
    /// Whether those responsible are or were prosecuted (5.3 a).
    pub prosecution: Ternary,
    /// What was done about the diversion.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub action: Option<Text>,
    /// What prevents its like (5.3 b).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub preventive_measure: Option<Text>,
}

/// Tells the other side what came of a trace (ISACS 5.3, 10.2 c); either side may, also after the end.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OutcomeNotice {
    /// The statement digest of the request.
    pub request: Digest,
    /// What followed, item by item; at least one.
    #[serde(default)]
    pub items: Vec<FollowUp>,
}
