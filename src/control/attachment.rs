use crate::model::Digest;
use serde::{Deserialize, Serialize};

/// How far a file that was offered has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OfferView {
    /// How many pieces are here.
    pub held: u64,
    /// How many there are.
    pub pieces: u64,
    /// The bytes of a piece but the last.
    pub piece: u64,
}

/// A file that an act names.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AttachmentView {
    /// The act.
    pub act: Digest,
    /// The element in which it stands.
    pub path: String,
    /// Its place among the element's photographs.
    pub place: u32,
    /// SHA-256 of the file.
    pub sha256: Digest,
    /// Its length in bytes; absent if it does not travel.
    pub size: Option<u64>,
    /// `verified`, `arriving`, `on_request` (it was left at its sender), or `named` (only its digest is known).
    pub state: String,
    /// How many pieces are here.
    pub held: u64,
    /// How many there are.
    pub pieces: u64,
}

/// A piece of a file, whose bytes follow.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PieceView {
    /// How many pieces the file has.
    pub pieces: u64,
}
