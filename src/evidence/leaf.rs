use crate::evidence::EvidenceError;
use crate::model::Digest;
use crate::model::Head;
use crate::model::MessageId;
use crate::model::Party;
use crate::model::Timestamp;
use crate::wire;
use crate::wire::Limits;
use serde::{Deserialize, Serialize};

/// Which way an act went, seen from the owner of the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    /// The owner sent it.
    Sent,
    /// The owner received it.
    Received,
}

/// One entry of a log between two parties (DESIGN §7).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Leaf {
    /// Opens the log: whose it is, about whom, since when. Its nonce tells two logs of one pair apart.
    Genesis {
        /// The party that keeps the log.
        owner: Party,
        /// The party it is about.
        peer: Party,
        /// Drawn once.
        nonce: MessageId,
        /// When the log was opened.
        at: Timestamp,
        /// The last head of the log before it, known from the peer, if the owner has lost that log.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        continues: Option<Head>,
    },
    /// Records one act.
    Act {
        /// Which way it went.
        direction: Direction,
        /// The statement digest.
        statement: Digest,
        /// When: for a received act this is the `received_at` that starts the clocks (ISACS 8.3.1).
        at: Timestamp,
    },
}

impl Leaf {
    /// Encodes the leaf as it is hashed (RFC 9162 §2.1.1 adds the prefix).
    ///
    /// # Errors
    /// [`EvidenceError::Wire`] if it cannot be encoded, which is a bug.
    pub fn encode(&self) -> Result<Vec<u8>, EvidenceError> {
        Ok(wire::encode(self)?)
    }

    /// Reads a leaf.
    ///
    /// # Errors
    /// [`EvidenceError::Wire`] if the bytes are no leaf.
    pub fn parse(bytes: &[u8]) -> Result<Self, EvidenceError> {
        Ok(wire::decode(bytes, &Limits::REJECT)?)
    }

    /// Returns the instant that the leaf records.
    pub const fn at(&self) -> Timestamp {
        match self {
            Self::Genesis { at, .. } | Self::Act { at, .. } => *at,
        }
    }
}
