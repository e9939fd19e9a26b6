use super::RefusedFrame;
use crate::model::{Digest, Party, Timestamp};
use serde::{Deserialize, Serialize};

/// What `federation sync` has brought.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SyncView {
    /// How many documents are in force now that were not before.
    pub new: u32,
    /// The version of the snapshot in force.
    pub snapshot: u64,
    /// Whether the directory is as new as its publishers promised to keep it.
    pub fresh: bool,
    /// Until when it is, or since when it is not.
    pub until: Timestamp,
    /// Who was asked.
    pub asked: Vec<AskedView>,
    /// What was refused, with the cause.
    pub refused: Vec<RefusedFrame>,
}

/// One peer that was asked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AskedView {
    /// Who.
    pub peer: Party,
    /// Why directories were not compared; `None` if they were.
    pub cause: Option<String>,
}

/// A key of a gateway that can be rotated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum KeyUse {
    /// Speaks for the party.
    Seal,
    /// Signs routes, receipts and checkpoints.
    Log,
    /// Certifies the TLS keys of the gateway.
    Gateway,
    /// Certifies all others.
    Root,
}

/// What `identity rotate` has made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RotatedView {
    /// Which key.
    pub what: KeyUse,
    /// The name of its files.
    pub name: String,
    /// The thumbprint of its certificate.
    pub thumbprint: Digest,
    /// Whether the federation's authority must list it before it is in force.
    pub needs_authority: bool,
}
