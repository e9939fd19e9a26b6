use super::RefusedFrame;
use crate::model::{Party, Timestamp};
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
