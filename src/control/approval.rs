//! The data of replies about acts that wait for a second officer (DESIGN §8).

use crate::model::{Digest, Held};
use serde::{Deserialize, Serialize};

/// How an act stands that needs other officers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ApprovalState {
    /// Too few officers agree to it yet.
    AwaitingApproval,
    /// It went out.
    Sent,
    /// An officer gave it back to its author.
    Returned,
}

/// An act that needs other officers; only `approval show` says what is in it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ApprovalView {
    /// What waits; its digest is what another officer confirms.
    #[serde(flatten)]
    pub held: Held,
    /// How it stands.
    pub state: ApprovalState,
    /// How many do.
    pub agreed: u32,
    /// The others who do.
    pub agreed_by: Vec<String>,
    /// Its statement digest, once it went out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub statement: Option<Digest>,
    /// Why it was given back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// All that it says, as JSON text over which the digest is made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub words: Option<String>,
    /// The files that it names and that go with it, while it waits; [`ApprovalView::words`] names their digests.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub files: Vec<HeldFile>,
}

/// A file that an act names which waits for another officer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HeldFile {
    /// SHA-256 of the file.
    pub sha256: Digest,
    /// Its length in bytes.
    pub size: u64,
}
