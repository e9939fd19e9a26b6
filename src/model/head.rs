use super::Digest;
use serde::{Deserialize, Serialize};

/// The state of an append-only log: how many leaves it holds and the hash over them (RFC 9162 §2.1.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Head {
    /// Which log: the hash of its first leaf. A pair has a second log only after its owner lost the first.
    pub log: Digest,
    /// How many leaves the log holds.
    pub size: u64,
    /// The Merkle tree hash over them.
    pub root: Digest,
}

/// A directory as a statement cites it: an equal version with another digest proves a split view (DESIGN §6).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DirectoryRef {
    /// The directory's version.
    pub version: u64,
    /// The digest of its contents.
    pub digest: Digest,
}
