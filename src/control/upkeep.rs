//! What a node answers about its own upkeep.

use crate::model::{Digest, Party, Timestamp};
use serde::{Deserialize, Serialize};

/// The answer to `gateway backup`: up to where all is durable. The command line copies the rest from the files.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BackupPoint {
    /// The last group of the journal.
    pub sequence: u64,
    /// The chain over all groups up to it.
    pub chain: Digest,
}

/// The answer to `gateway clock`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClockView {
    /// The instant that the gateway goes by.
    pub now: Timestamp,
    /// What the machine's clock shows.
    pub wall: Timestamp,
    /// How far the machine's clock stands behind what it has shown before.
    pub behind_seconds: i64,
    /// Up to when time is settled: by how long the gateway has run, or by what a peer has signed.
    pub settled: Timestamp,
    /// From where the mark was lowered, if it was.
    pub lowered_from: Option<Timestamp>,
}

/// What a gateway that was restored from a backup still waits for from one peer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecoveryView {
    /// The peer.
    pub peer: Party,
    /// Since when it is asked.
    pub since: Timestamp,
    /// How many acts it has given back so far.
    pub recovered: u64,
    /// The cause of the last failure.
    pub last_cause: Option<String>,
    /// The officer who decided to go on without it, if one has.
    pub without: Option<String>,
}
