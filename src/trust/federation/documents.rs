use super::signed::Document;
use crate::trust::TrustError;
use crate::wire::{Limits, decode, encode};
use serde::{Deserialize, Serialize};
use serde_bytes::ByteBuf;

/// Documents of a federation on their way, by gateway, relay or file; nothing in them has been proved.
///
/// A whole directory has all root documents from version 1, one snapshot, and the parts of all parties in the order
/// of the parties. News may have fewer.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Documents {
    /// Root documents, oldest first.
    pub roots: Vec<ByteBuf>,
    /// A snapshot.
    pub snapshot: Option<ByteBuf>,
    /// Parts A.
    pub parts_a: Vec<ByteBuf>,
    /// Parts B.
    pub parts_b: Vec<ByteBuf>,
}

impl Documents {
    /// Reads documents from the bytes of a file or frame.
    ///
    /// # Errors
    /// `BadDocument`.
    pub fn parse(bytes: &[u8]) -> Result<Self, TrustError> {
        decode(bytes, &Limits::FILE).map_err(|_| TrustError::BadDocument {
            what: Document::Snapshot,
            why: "these are not the documents of a federation",
        })
    }

    /// Reads news from the body of a frame, which is shorter than a file may be.
    ///
    /// # Errors
    /// `BadDocument`.
    pub fn from_frame(bytes: &[u8]) -> Result<Self, TrustError> {
        let why = "this is no news of a federation";
        decode(bytes, &Limits::NEWS).map_err(|_| TrustError::BadDocument { what: Document::Snapshot, why })
    }

    /// Returns the bytes of a file.
    pub fn to_bytes(&self) -> Vec<u8> {
        encode(self).expect("byte strings have an encoding")
    }

    /// Makes news of one party's part B.
    pub fn part_b(bytes: &[u8]) -> Self {
        Self { parts_b: vec![ByteBuf::from(bytes)], ..Self::default() }
    }
}
