//! The data of `consent` verbs.

use crate::model::{CaseId, Digest, ElementPath, Party, Purpose, Recipient, Restriction, Timestamp};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// A question for consent and what has become of it (ISACS 8.3.4.2 f).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConsentView {
    /// The statement digest of the question, by which it is answered.
    pub id: Digest,
    /// The case.
    pub case: CaseId,
    /// Who asked.
    pub asked_by: Party,
    /// Whether this side is to answer.
    pub ours_to_answer: bool,
    /// `asked`, `granted`, `spent`, `expired`, `denied`, `withdrawn`.
    pub state: String,
    /// The response.
    pub response: Digest,
    /// The elements: those granted, or those asked for.
    pub elements: BTreeSet<ElementPath>,
    /// To whom.
    pub recipient: Recipient,
    /// For what.
    pub purposes: BTreeSet<Purpose>,
    /// The restrictions to be lifted.
    pub lifts: BTreeSet<Restriction>,
    /// The statement digest of the grant.
    #[serde(default)]
    pub grant: Option<Digest>,
    /// When the consent ends.
    #[serde(default)]
    pub expires: Option<Timestamp>,
    /// Whether it serves one release only.
    #[serde(default)]
    pub single_use: Option<bool>,
}
