//! The data of replies about releases (DESIGN §8).

use crate::control::{AttachmentView, ElementView};
use crate::model::{CaseId, Digest, Label, Party, Purpose, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// What became of a release.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReleaseState {
    /// Permitted, not yet used.
    Permitted,
    /// Too few officers agree to it yet.
    AwaitingApproval,
    /// Another officer barred it.
    Barred,
    /// Used.
    Used,
    /// Not used in time.
    Expired,
    /// Denied by a rule.
    Denied,
}

/// A release as lists show it; it holds no content.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReleaseView {
    /// The permit.
    pub id: String,
    /// The case.
    pub case: CaseId,
    /// What became of it.
    pub state: ReleaseState,
    /// The recipient authority.
    pub to: String,
    /// For what.
    pub purpose: Purpose,
    /// Who asked.
    pub officer: String,
    /// The elements it opens.
    pub elements: Vec<ElementView>,
    /// Each element that forbids it, with the rule; empty unless it was denied.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub forbids: Vec<ForbidView>,
    /// The clauses and rules on which it rests.
    #[serde(default)]
    pub basis: Vec<String>,
    /// The rule that denied it, such as `8.3.4.2(d)`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rule: Option<String>,
    /// When it was granted or denied.
    pub granted_at: Timestamp,
    /// From when it can no longer be used.
    pub expires: Option<Timestamp>,
    /// The digest that another officer confirms.
    #[serde(default)]
    pub digest: Option<Digest>,
    /// All that the permit says, as JSON text over which the digest is made; no content of any element.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub words: Option<String>,
    /// How many officers must agree, the one who asked among them.
    #[serde(default)]
    pub approvals: u32,
    /// How many do.
    #[serde(default)]
    pub agreed: u32,
    /// The consents on which it rests.
    #[serde(default)]
    pub consents: Vec<Digest>,
    /// Why it was made without waiting for them.
    #[serde(default)]
    pub emergency: Option<String>,
    /// Whether another officer must still look at it.
    #[serde(default)]
    pub unreviewed: bool,
}

/// An element that forbids a release.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ForbidView {
    /// The statement digest of the act that holds it.
    pub act: Digest,
    /// The path.
    pub path: String,
    /// The rule, such as `8.3.4.2(f)`.
    pub rule: String,
    /// The same in words.
    pub why: String,
}

/// A used release with what it opened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReleaseShown {
    /// The permit.
    pub id: String,
    /// The case.
    pub case: CaseId,
    /// The recipient authority.
    pub to: String,
    /// For what.
    pub purpose: Purpose,
    /// Who asked.
    pub officer: String,
    /// When it was shown.
    pub shown_at: Timestamp,
    /// Which State gave it.
    pub originator: Party,
    /// The clauses and rules on which it rests.
    pub basis: Vec<String>,
    /// What it opened.
    pub elements: Vec<ShownElement>,
    /// The files that stand in it; they can be read for ten minutes.
    #[serde(default)]
    pub files: Vec<AttachmentView>,
}

/// An opened element; its label travels with it (DESIGN §3.10).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShownElement {
    /// The statement digest of the act that holds it.
    pub act: Digest,
    /// The path.
    pub path: String,
    /// The label.
    pub label: Option<Label>,
    /// The value.
    pub value: Value,
}
