use crate::model::{Party, Timestamp};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// How a relay is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RelayStatus {
    /// For whom it speaks.
    pub party: Party,
    /// Since when it runs.
    pub since: Timestamp,
    /// What waits, by addressee.
    pub mailboxes: Vec<MailboxView>,
    /// What waits, by sender and lane; each has a share of its own.
    pub sources: Vec<SourceView>,
    /// How often something was refused since the start, by code.
    pub refused: BTreeMap<String, u64>,
}

/// What waits in one mailbox.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MailboxView {
    /// The member.
    pub party: Party,
    /// How many parcels.
    pub parcels: u64,
    /// Since when the oldest waits.
    pub oldest: Timestamp,
}

/// What one sender has waiting in one lane.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SourceView {
    /// The sender.
    pub party: Party,
    /// `acts` or `bulk`.
    pub lane: String,
    /// How many parcels.
    pub parcels: u64,
    /// How many bytes.
    pub bytes: u64,
}

/// A relay that has signed for an envelope of ours.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CustodyView {
    /// Which relay.
    pub relay: Party,
    /// Since when it has it, by its own clock.
    pub since: Timestamp,
}
