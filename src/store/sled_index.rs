use super::{
    Position,
    index::{self, Batch, Index, IndexFault, Row, after_prefix},
};
use crate::model::Digest;
use std::{
    fs, io,
    ops::Bound,
    panic::{AssertUnwindSafe, catch_unwind},
    path::{Path, PathBuf},
};

/// What is new in the index and too much for memory, in a sled database that lives no longer than its process.
///
/// sled 0.34.7 neither syncs nor survives damage: one flipped bit made its scans hang, a full disk left
/// it unopenable (DESIGN §10). So no process opens what another left, each row carries a checksum of our
/// own, and an error or a panic in it is an `IndexFault`. It also keeps a place in memory for each of its
/// pages, so that it must not grow with the journal: see `layers.rs`.
pub struct SledIndex {
    db: sled::Db,
    // After the database, whose last writes go there.
    _home: Home,
}

/// A directory that goes with its owner.
struct Home(PathBuf);

impl Drop for Home {
    fn drop(&mut self) {
        // What stays is removed at the next open.
        let _ = fs::remove_dir_all(&self.0);
    }
}

const HIGH_WATER: &[u8] = b"h";
/// Rows of the store's callers begin with this byte.
const ROW: u8 = b'k';
const CHECKSUM: usize = 8;
const CACHE_BYTES: u64 = 16 << 20;

impl SledIndex {
    /// Makes an empty index in place of whatever lies at `path`.
    pub fn create(path: &Path) -> Result<Self, IndexFault> {
        match fs::remove_dir_all(path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(fault(error)),
            Ok(()) | Err(_) => {}
        }
        let config = sled::Config::new().path(path).cache_capacity(CACHE_BYTES).flush_every_ms(None);
        Ok(Self { db: guarded(|| config.open())?, _home: Home(path.to_owned()) })
    }

    fn fetch(&self, key: &[u8]) -> Result<Option<Vec<u8>>, IndexFault> {
        guarded(|| self.db.get(key))?.map(|stored| unwrap_value(key, &stored)).transpose()
    }

    fn collect(&self, range: (Bound<Vec<u8>>, Bound<Vec<u8>>), limit: usize) -> Result<Vec<Row>, IndexFault> {
        let mut rows: Vec<Row> = Vec::new();
        for row in self.db.range(range).take(limit) {
            let (key, stored) = row.map_err(fault)?;
            let (key, value) = unwrap_row(&key, &stored)?;
            // A scan that does not move forward would never end.
            if rows.last().is_some_and(|(last, _)| *last >= key) {
                return Err(IndexFault("a scan went backwards".to_owned()));
            }
            rows.push((key, value));
        }
        Ok(rows)
    }
}

impl Index for SledIndex {
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, IndexFault> {
        self.fetch(&row_key(key))
    }

    fn page(&self, prefix: &[u8], after: Option<&[u8]>, limit: usize) -> Result<Vec<Row>, IndexFault> {
        let from = after.filter(|after| *after >= prefix);
        let start =
            from.map_or_else(|| Bound::Included(row_key(prefix)), |after| Bound::Excluded(row_key(after)));
        guarded(|| Ok::<_, IndexFault>(self.collect((start, end_of(prefix)), limit)))?
    }

    fn last(&self, prefix: &[u8], before: Option<&[u8]>) -> Result<Option<Row>, IndexFault> {
        let before = before.map(row_key);
        let end = index::end_of(&row_key(prefix), before.as_deref());
        if end.as_deref().is_some_and(|end| end <= row_key(prefix).as_slice()) {
            return Ok(None);
        }
        let range = (Bound::Included(row_key(prefix)), end.map_or(Bound::Unbounded, Bound::Excluded));
        let last = guarded(|| self.db.range(range).next_back().transpose())?;
        last.map(|(key, stored)| unwrap_row(&key, &stored)).transpose()
    }

    fn apply(&mut self, batch: Batch, high_water: Position) -> Result<(), IndexFault> {
        let mut changes = sled::Batch::default();
        for (key, value) in batch {
            let key = row_key(&key);
            match value {
                Some(value) => changes.insert(key.as_slice(), wrap_value(&key, &value)),
                None => changes.remove(key.as_slice()),
            }
        }
        let position = [&high_water.sequence.to_be_bytes()[..], high_water.chain.as_bytes()].concat();
        changes.insert(HIGH_WATER, wrap_value(HIGH_WATER, &position));
        guarded(|| self.db.apply_batch(changes))
    }

    fn high_water(&self) -> Result<Position, IndexFault> {
        let Some(value) = self.fetch(HIGH_WATER)? else { return Ok(Position::GENESIS) };
        let parts = value.split_first_chunk::<8>();
        let position = parts.and_then(|(sequence, chain)| {
            Some(Position { sequence: u64::from_be_bytes(*sequence), chain: Digest(chain.try_into().ok()?) })
        });
        position.ok_or_else(|| IndexFault("its high-water mark has the wrong length".to_owned()))
    }

    fn close(self: Box<Self>) -> Result<(), IndexFault> {
        Ok(())
    }
}

/// Returns where the rows end whose keys begin with `prefix`.
fn end_of(prefix: &[u8]) -> Bound<Vec<u8>> {
    after_prefix(&row_key(prefix)).map_or(Bound::Unbounded, Bound::Excluded)
}

fn unwrap_row(key: &[u8], stored: &[u8]) -> Result<Row, IndexFault> {
    let value = unwrap_value(key, stored)?;
    Ok((key.get(1..).unwrap_or_default().to_vec(), value))
}

fn row_key(key: &[u8]) -> Vec<u8> {
    [&[ROW], key].concat()
}

fn wrap_value(key: &[u8], value: &[u8]) -> Vec<u8> {
    [&checksum(key, value)[..], value].concat()
}

fn unwrap_value(key: &[u8], stored: &[u8]) -> Result<Vec<u8>, IndexFault> {
    let (found, value) =
        stored.split_at_checked(CHECKSUM).ok_or_else(|| IndexFault("a value is cut short".to_owned()))?;
    if found == checksum(key, value) {
        Ok(value.to_vec())
    } else {
        Err(IndexFault("a value does not match its checksum".to_owned()))
    }
}

fn checksum(key: &[u8], value: &[u8]) -> [u8; CHECKSUM] {
    let mut out = [0; CHECKSUM];
    let digest = Digest::of(&[&(key.len() as u64).to_be_bytes(), key, value]);
    out.copy_from_slice(&digest.as_bytes()[..CHECKSUM]);
    out
}

/// Turns a panic inside sled into a fault: damage reaches its assertions as well as its errors.
fn guarded<T, E: std::fmt::Display>(call: impl FnOnce() -> Result<T, E>) -> Result<T, IndexFault> {
    match catch_unwind(AssertUnwindSafe(call)) {
        Ok(outcome) => outcome.map_err(fault),
        Err(_) => Err(IndexFault("sled panicked".to_owned())),
    }
}

fn fault(error: impl std::fmt::Display) -> IndexFault {
    IndexFault(error.to_string())
}
