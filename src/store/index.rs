use super::{Disk, Position, StoreError};
use std::{collections::BTreeMap, ops::Bound, path::PathBuf, sync::Arc};

/// Longest value in bytes; a longer one belongs in the journal, and its [`super::Location`] here.
pub const MAX_INDEX_VALUE: usize = 3 * 1024;
/// Longest key in bytes.
pub const MAX_INDEX_KEY: usize = 512;

/// Changes to the index: each key's new value, or `None` where the key goes.
pub type Batch = Vec<(Vec<u8>, Option<Vec<u8>>)>;

/// A key and its value.
pub type Row = (Vec<u8>, Vec<u8>);

/// Says why an index can no longer be believed; it is then deleted and rebuilt, never repaired.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("index: {0}")]
pub struct IndexFault(pub String);

/// A view over the journal that can be deleted at any time and rebuilt from it (DESIGN §10).
pub trait Index: Send + Sync {
    /// Looks a key up.
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, IndexFault>;
    /// Lists at most `limit` of the keys that begin with `prefix` and come after `after`, in ascending order.
    fn page(&self, prefix: &[u8], after: Option<&[u8]>, limit: usize) -> Result<Vec<Row>, IndexFault>;
    /// Returns the last of the keys that begin with `prefix` and come before `before`.
    fn last(&self, prefix: &[u8], before: Option<&[u8]>) -> Result<Option<Row>, IndexFault>;
    /// Lists the keys that begin with `prefix`, in ascending order.
    fn scan_prefix(&self, prefix: &[u8]) -> Result<Vec<Row>, IndexFault> {
        self.page(prefix, None, usize::MAX)
    }
    /// Applies a batch and the journal position that it brings the index to, both or neither.
    fn apply(&mut self, batch: Batch, high_water: Position) -> Result<(), IndexFault>;
    /// Returns the position that the index stands at.
    fn high_water(&self) -> Result<Position, IndexFault>;
    /// Closes in good order: what can outlive the process is durable then.
    fn close(self: Box<Self>) -> Result<(), IndexFault>;
}

/// Where the index lives.
#[derive(Clone)]
pub enum IndexChoice {
    /// In memory, rebuilt at every open.
    Memory,
    /// In this directory, which belongs to the store alone: what is new in memory, what of it is too much in a sled
    /// database, the rest in sorted runs.
    Sled(PathBuf),
    /// As in a directory, but with what is new in memory, and with no thread of its own: for simulations.
    Runs {
        /// Where the runs lie.
        disk: Arc<dyn Disk>,
        /// How many new rows become a run.
        fold_rows: usize,
    },
}

/// An ordered map in memory: the index of a simulation, and of a node that is short of disk space.
pub struct MemIndex {
    rows: BTreeMap<Vec<u8>, Vec<u8>>,
    high_water: Position,
}

impl MemIndex {
    /// Makes an empty index that stands before the first group.
    pub const fn new() -> Self {
        Self { rows: BTreeMap::new(), high_water: Position::GENESIS }
    }
}

impl Default for MemIndex {
    fn default() -> Self {
        Self::new()
    }
}

impl Index for MemIndex {
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, IndexFault> {
        Ok(self.rows.get(key).cloned())
    }

    fn page(&self, prefix: &[u8], after: Option<&[u8]>, limit: usize) -> Result<Vec<Row>, IndexFault> {
        let from = after.filter(|after| *after >= prefix);
        let start = from.map_or(Bound::Included(prefix), Bound::Excluded);
        Ok(self
            .rows
            .range::<[u8], _>((start, Bound::Unbounded))
            .take_while(|(key, _)| key.starts_with(prefix))
            .take(limit)
            .map(|(key, value)| (key.clone(), value.clone()))
            .collect())
    }

    fn last(&self, prefix: &[u8], before: Option<&[u8]>) -> Result<Option<Row>, IndexFault> {
        let end = end_of(prefix, before);
        if end.as_deref().is_some_and(|end| end <= prefix) {
            return Ok(None);
        }
        let end = end.as_deref().map_or(Bound::Unbounded, Bound::Excluded);
        let mut rows = self.rows.range::<[u8], _>((Bound::Included(prefix), end));
        Ok(rows.next_back().map(|(key, value)| (key.clone(), value.clone())))
    }

    fn apply(&mut self, batch: Batch, high_water: Position) -> Result<(), IndexFault> {
        for (key, value) in batch {
            match value {
                Some(value) => self.rows.insert(key, value),
                None => self.rows.remove(&key),
            };
        }
        self.high_water = high_water;
        Ok(())
    }

    fn high_water(&self) -> Result<Position, IndexFault> {
        Ok(self.high_water)
    }

    fn close(self: Box<Self>) -> Result<(), IndexFault> {
        Ok(())
    }
}

/// Returns the first key that comes after all that begin with `prefix`; none if there is none.
pub(super) fn after_prefix(prefix: &[u8]) -> Option<Vec<u8>> {
    let kept = prefix.iter().rposition(|byte| *byte != u8::MAX)?;
    let mut end = prefix.get(..=kept)?.to_vec();
    *end.last_mut()? += 1;
    Some(end)
}

/// Returns where the keys end that begin with `prefix` and come before `before`; none if all after it do.
pub(super) fn end_of(prefix: &[u8], before: Option<&[u8]>) -> Option<Vec<u8>> {
    let end = after_prefix(prefix);
    match before {
        Some(before) if end.as_deref().is_none_or(|end| before < end) => Some(before.to_vec()),
        Some(_) | None => end,
    }
}

/// Refuses keys and values that are over their limits.
pub(super) fn check_batch(batch: &Batch) -> Result<(), StoreError> {
    let check = |what, size: usize, limit: usize| {
        let (size, limit) = (size as u64, limit as u64);
        if size > limit { Err(StoreError::TooLarge { what, size, limit }) } else { Ok(()) }
    };
    batch.iter().try_for_each(|(key, value)| {
        check("an index key in bytes", key.len(), MAX_INDEX_KEY)?;
        check("an index value in bytes", value.as_ref().map_or(0, Vec::len), MAX_INDEX_VALUE)
    })
}
