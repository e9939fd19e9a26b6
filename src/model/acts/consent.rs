use crate::model::{Digest, ElementPath, Purpose, Recipient, Restriction, Text, Timestamp};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// What may be passed on to whom and for what: the scope of a consent and of the question for it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scope {
    /// The elements of the response.
    pub elements: BTreeSet<ElementPath>,
    /// To whom.
    pub recipient: Recipient,
    /// For what.
    pub purposes: BTreeSet<Purpose>,
    /// The restrictions that are lifted for just this; no other is.
    pub lifts: BTreeSet<Restriction>,
}

/// Asks the State that gave information to consent to passing it on (ISACS 8.3.4.2 f).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ConsentRequest {
    /// The statement digest of the response.
    pub response: Digest,
    /// What is asked for.
    pub scope: Scope,
    /// Why it is needed.
    pub reason: Text,
}

/// Consents to passing information on; only the State that gave it can (ISACS 8.3.4.2 f).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ConsentGrant {
    /// The statement digest of the question.
    pub consent_request: Digest,
    /// What is granted, at most what was asked for.
    pub scope: Scope,
    /// The first instant at which it grants nothing.
    pub expires: Timestamp,
    /// Whether it serves one release only.
    pub single_use: bool,
}

/// Refuses consent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ConsentDenial {
    /// The statement digest of the question.
    pub consent_request: Digest,
    /// Why.
    pub reason: Text,
}

/// Takes a consent back; what was released under it before stays released.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ConsentWithdrawal {
    /// The statement digest of the grant.
    pub grant: Digest,
    /// Why.
    pub reason: Text,
}

/// Tells the State that gave information, beforehand, that a court or law compels its disclosure
/// (ISACS 8.4; UN Firearms Protocol 12(5)).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DisclosureNotice {
    /// The statement digest of the response.
    pub disclosed: Digest,
    /// The elements.
    pub elements: BTreeSet<ElementPath>,
    /// To whom.
    pub recipient: Recipient,
    /// The court order or law that compels it.
    pub compelled_by: Text,
}
