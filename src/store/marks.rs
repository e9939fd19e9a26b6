//! A small file beside the journal that says what its last writer knew. It ends in the SHA-256 of what
//! precedes it; one that is missing, torn or flipped says nothing and is never an error.
//!
//! | `synced`, two slots at bytes 0 and 512 | |
//! |---|---|
//! | magic | `VALISES1` |
//! | sequence | 8 |
//! | chain | 32 |
//! | digest | 32 |

use super::{Disk, Position, StoreError, format::Input};
use crate::model::Digest;

const SYNCED: &str = "synced";
const SYNCED_MAGIC: &[u8; 8] = b"VALISES1";
const SYNCED_LEN: usize = 80;
/// The slots lie in different sectors, so that a torn write leaves one of them.
const SLOTS: [u64; 2] = [0, 512];

/// Reads up to where the journal is known to have been synced.
pub(super) fn read_synced(disk: &dyn Disk) -> Position {
    let slot = |offset: &u64| {
        let mut bytes = [0; SYNCED_LEN];
        disk.read_at(SYNCED, *offset, &mut bytes).ok()?;
        let mut input = Input(unseal(SYNCED_MAGIC, &bytes)?);
        Some(Position { sequence: input.u64()?, chain: input.digest()? })
    };
    SLOTS.iter().filter_map(slot).max_by_key(|at| at.sequence).unwrap_or(Position::GENESIS)
}

/// Keeps the evidence of what was synced; it costs no sync of its own.
pub(super) struct SyncedMark {
    marks: usize,
}

impl SyncedMark {
    /// Makes the file where it is missing.
    pub fn prepare(disk: &dyn Disk) -> Result<Self, StoreError> {
        let made = disk.len(SYNCED).map(|_| ()).or_else(|_| disk.create(SYNCED));
        made.map(|()| Self { marks: 0 }).map_err(StoreError::io("create", SYNCED))
    }

    /// Notes that everything up to `at` is synced; a failure only loses evidence.
    pub fn note(&mut self, disk: &dyn Disk, at: Position) {
        self.marks += 1;
        let bytes = seal(SYNCED_MAGIC, &[&at.sequence.to_be_bytes(), at.chain.as_bytes()]);
        if let Err(error) = disk.write_at(SYNCED, SLOTS[self.marks % SLOTS.len()], &bytes) {
            tracing::warn!(%error, "cannot write the file `synced`");
        }
    }

    /// Makes the last note durable.
    pub fn sync(&self, disk: &dyn Disk) -> Result<(), StoreError> {
        disk.sync(SYNCED).map_err(StoreError::io("sync", SYNCED))
    }
}

pub(super) fn seal(magic: &[u8; 8], parts: &[&[u8]]) -> Vec<u8> {
    let mut out = magic.to_vec();
    parts.iter().for_each(|part| out.extend_from_slice(part));
    let digest = Digest::of(&[&out]);
    out.extend_from_slice(digest.as_bytes());
    out
}

pub(super) fn unseal<'a>(magic: &[u8; 8], bytes: &'a [u8]) -> Option<&'a [u8]> {
    let (covered, digest) = bytes.split_last_chunk::<32>()?;
    (Digest::of(&[covered]).as_bytes() == digest).then_some(())?;
    covered.strip_prefix(magic)
}
