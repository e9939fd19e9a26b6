use crate::model::{Digest, MessageId, Party, Timestamp};
use serde::{Deserialize, Serialize};

/// Which lane a parcel takes; bulk never delays or displaces acts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Lane {
    /// Statements, their answers, and the relay's own notices.
    Acts,
    /// Attachments.
    Bulk,
}

/// What a parcel is, as far as a relay can see.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Freight {
    /// A routed, sealed statement.
    Envelope {
        /// The envelope's random identity.
        envelope: MessageId,
        /// SHA-256 of the route as it came.
        route: Digest,
        /// SHA-256 of the sealed body, which the route names.
        sealed: Digest,
    },
    /// A member's sealed receipts for envelopes.
    Receipts,
    /// A member's rejection of an envelope.
    Reject,
    /// A member's sealed word that it wants a part of a file.
    Want,
    /// The relay's own notice that a parcel has expired.
    Notice,
}

/// From whom, to whom, in which lane: the parcels of one thread are numbered without a gap.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Thread {
    /// Whose gateway made the parcels.
    pub from: Party,
    /// In whose mailbox they go.
    pub to: Party,
    /// The lane.
    pub lane: Lane,
}

/// A parcel that somebody brings; whoever fills this in has proved it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Offer {
    /// SHA-256 of the body of its frame.
    pub digest: Digest,
    /// What it is.
    pub freight: Freight,
    /// Where it goes.
    pub thread: Thread,
    /// The length of the body in bytes.
    pub size: u64,
    /// Until when the sender wants it kept; absent for an answer.
    pub expires: Option<Timestamp>,
    /// The party on the line.
    pub brought_by: Party,
}

/// A parcel in a relay's custody: all that the relay knows of it, and what it signs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Parcel {
    /// SHA-256 of the body of its frame.
    pub digest: Digest,
    /// What it is.
    pub freight: Freight,
    /// Where it goes.
    pub thread: Thread,
    /// Its number in the thread, from 0.
    pub index: u64,
    /// The length of the body in bytes.
    pub size: u64,
    /// When the relay took it.
    pub received_at: Timestamp,
    /// Until when the relay keeps it.
    pub expires: Timestamp,
}

impl Lane {
    /// Both lanes, the more urgent first.
    pub const ALL: [Self; 2] = [Self::Acts, Self::Bulk];
}
