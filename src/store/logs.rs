use super::keys;
use super::{Entry, Reader, StoreError, ledger};
use crate::evidence::{EvidenceError, Log};
use crate::model::{Digest, Head, Party};

/// A log about a peer as far as it is durable, read leaf by leaf where it lies (DESIGN §7).
pub struct StoredLog {
    reader: Reader,
    peer: Party,
    nth: u32,
    head: Option<Head>,
}

impl StoredLog {
    /// Opens the newest log about a peer at its newest head.
    ///
    /// # Errors
    /// What the store says if it cannot be read.
    pub(super) fn open(reader: Reader, peer: &Party) -> Result<Self, StoreError> {
        let (nth, head) = match ledger::find(&reader, &keys::head(peer, true))? {
            Some(Entry::Head { nth, head, .. }) => (nth, Some(head)),
            _ => (0, None),
        };
        Ok(Self { reader, peer: peer.clone(), nth, head })
    }

    /// Opens all logs about a peer, oldest first: after a loss another begins.
    ///
    /// # Errors
    /// As for [`Self::open`].
    pub(super) fn all(reader: &Reader, peer: &Party) -> Result<Vec<Self>, StoreError> {
        let log = |entry| {
            let Entry::Head { nth, head, .. } = entry else { return None };
            Some(Self { reader: reader.clone(), peer: peer.clone(), nth, head: Some(head) })
        };
        let found = ledger::scan(reader, &keys::nth_heads(peer))?;
        Ok(found.into_iter().filter_map(|(entry, _)| log(entry)).collect())
    }

    /// Returns the head that was signed last; `None` if the log is empty.
    pub const fn signed(&self) -> Option<&Head> {
        self.head.as_ref()
    }

    /// Lists the places of the leaves that record a statement.
    ///
    /// # Errors
    /// What the store says if it cannot be read.
    pub fn places(&self, statement: &Digest) -> Result<Vec<u64>, StoreError> {
        let prefix = keys::leaves_of((&self.peer, self.nth), statement);
        let place = |key: &[u8]| key.get(prefix.len()..)?.try_into().ok().map(u64::from_be_bytes);
        let marks = self.reader.scan(&prefix)?;
        Ok(marks.iter().filter_map(|(key, _)| place(key)).filter(|place| *place < self.size()).collect())
    }

    fn entry(&self, index: u64) -> Result<(Vec<u8>, Vec<Digest>), EvidenceError> {
        let found = ledger::find(&self.reader, &keys::leaf(&self.peer, self.nth, index));
        match found.map_err(|cause| EvidenceError::Unread(cause.to_string()))? {
            Some(Entry::Leaf { leaf, completed, .. }) if index < self.size() => Ok((leaf, completed)),
            _ => Err(EvidenceError::NotIncluded),
        }
    }
}

impl Log for StoredLog {
    fn size(&self) -> u64 {
        self.head.map_or(0, |head| head.size)
    }

    fn leaf(&self, index: u64) -> Result<Vec<u8>, EvidenceError> {
        Ok(self.entry(index)?.0)
    }

    /// The last leaf of a subtree carries its hash.
    fn node(&self, level: u32, index: u64) -> Result<Digest, EvidenceError> {
        let (leaf, completed) = self.entry(((index + 1) << level) - 1)?;
        match level.checked_sub(1) {
            None => Ok(crate::evidence::leaf_hash(&leaf)),
            Some(at) => completed.get(at as usize).copied().ok_or(EvidenceError::NotIncluded),
        }
    }
}
