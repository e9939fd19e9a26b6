//! What a node answers about its own upkeep.

use crate::control::AlarmView;
use crate::model::{Digest, Party, Timestamp};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

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

/// A peer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PeerView {
    /// The party.
    pub peer: Party,
    /// Where it is reached, `host:port`.
    pub address: String,
    /// Whether a connection stands now.
    pub connected: bool,
    /// By which road it stands: `quic` or `tcp`.
    pub road: Option<String>,
    /// When it last spoke to us.
    pub last_contact: Option<Timestamp>,
    /// How many of our acts wait for it.
    pub queued: u64,
}

/// How a peer answered a ping.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PingView {
    /// The party, as its certificate says.
    pub peer: Party,
    /// Where it was reached.
    pub address: String,
    /// By which road: `quic`, or `tcp` where UDP is blocked.
    pub road: String,
    /// The round trip, in milliseconds.
    pub rtt_ms: f64,
    /// The handshake, in milliseconds; absent on a connection that stood.
    pub handshake_ms: Option<f64>,
    /// The key exchange group, such as `X25519MLKEM768`.
    pub group: Option<String>,
}

/// How the node is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GatewayStatus {
    /// For whom it speaks.
    pub party: Party,
    /// Since when it runs.
    pub since: Timestamp,
    /// The program's version.
    pub version: String,
    /// Its control socket.
    pub socket: String,
    /// Its UDP address.
    pub listen: String,
    /// Its TCP address; absent if it takes in no TCP.
    pub listen_tcp: Option<String>,
    /// How many peers it knows.
    pub peers: u64,
    /// How many acts wait in the outbox.
    pub queue: u64,
    /// The journal since start.
    pub journal: JournalStatus,
    /// Refused messages by code.
    pub refused: BTreeMap<String, u64>,
    /// The head of the private journal, to be noted down and checked with `evidence head --check`.
    pub journal_head: String,
    /// The peers that have contradicted what they signed.
    pub alarms: Vec<AlarmView>,
    /// The peers from which a gateway that was restored from a backup has not everything back.
    pub recovery: Vec<RecoveryView>,
}

/// The journal's counters since start.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct JournalStatus {
    /// Commit groups; each was synced once.
    pub groups: u64,
    /// The transactions in them.
    pub transactions: u64,
    /// Bytes written.
    pub bytes: u64,
}
