use super::Disk;
use std::{
    collections::BTreeMap,
    io,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

/// A disk in memory that remembers what was synced, loses the rest in a crash and fails on demand.
///
/// Clones share one disk, as two handles on one directory would.
#[derive(Clone, Default)]
pub struct MemDisk(Arc<Mutex<State>>);

impl MemDisk {
    /// Makes an empty disk without limits or faults.
    pub fn new() -> Self {
        Self::default()
    }

    /// Makes an independent disk with the same contents, limits and pending faults.
    pub fn copy(&self) -> Self {
        Self(Arc::new(Mutex::new(self.state().clone())))
    }

    /// Cuts the power: unsynced entries are gone, and of each file's unsynced bytes only the first
    /// `keep(name, unsynced bytes)` survive. Pending faults are cleared, as by a new machine.
    pub fn crash(&self, mut keep: impl FnMut(&str, u64) -> u64) {
        let mut state = self.state();
        state.names = state.durable_names.clone();
        let names = state.names.clone();
        for (name, id) in &names {
            if let Some(body) = state.bodies.get_mut(id) {
                let unsynced = body.pending.iter().map(Change::bytes).sum();
                body.survive(keep(name, unsynced));
            }
        }
        state.bodies.retain(|id, _| names.values().any(|kept| kept == id));
        state.failing_sync = None;
        state.torn_write = None;
    }

    /// Limits the sum of all file lengths to `bytes`, or lifts the limit.
    pub fn set_capacity(&self, bytes: Option<u64>) {
        self.state().capacity = bytes;
    }

    /// Lets the `nth` sync from now (0 is the next) fail as Linux does: the bytes still read well, will
    /// never reach the disk unless they are written again, and later syncs succeed.
    pub fn fail_sync(&self, nth: u64) {
        self.state().failing_sync = Some(nth);
    }

    /// Lets the `nth` write from now (0 is the next) stop with an error after `kept` bytes.
    pub fn tear_write(&self, nth: u64, kept: usize) {
        self.state().torn_write = Some((nth, kept));
    }

    /// Counts the successful syncs of files and of the directory.
    pub fn syncs(&self) -> u64 {
        self.state().syncs
    }

    /// Changes a file behind everyone's back, durably, as a failing medium does; false if it is missing.
    pub fn edit(&self, name: &str, change: impl Fn(&mut Vec<u8>)) -> bool {
        let mut state = self.state();
        let Ok(body) = state.body(name) else { return false };
        change(&mut body.current);
        change(&mut body.durable);
        true
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // A test that panics inside `edit` only ever spoils its own disk.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Disk for MemDisk {
    fn list(&self) -> io::Result<Vec<String>> {
        Ok(self.state().names.keys().cloned().collect())
    }

    fn create(&self, name: &str) -> io::Result<()> {
        let mut state = self.state();
        if state.names.contains_key(name) {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        state.next_id += 1;
        let id = state.next_id;
        state.bodies.insert(id, Body::default());
        state.names.insert(name.to_owned(), id);
        state.sync_names()
    }

    fn write_at(&self, name: &str, offset: u64, bytes: &[u8]) -> io::Result<()> {
        self.state().write(name, usize_of(offset)?, bytes)
    }

    fn read_at(&self, name: &str, offset: u64, buf: &mut [u8]) -> io::Result<()> {
        let mut state = self.state();
        let body = state.body(name)?;
        let from = body.current.get(usize_of(offset)?..).ok_or(io::ErrorKind::UnexpectedEof)?;
        buf.copy_from_slice(from.get(..buf.len()).ok_or(io::ErrorKind::UnexpectedEof)?);
        Ok(())
    }

    fn len(&self, name: &str) -> io::Result<u64> {
        Ok(self.state().body(name)?.current.len() as u64)
    }

    fn truncate(&self, name: &str, len: u64) -> io::Result<()> {
        let change = Change::Length(usize_of(len)?);
        let mut state = self.state();
        let body = state.body(name)?;
        change.apply(&mut body.current, u64::MAX);
        body.pending.push(change);
        Ok(())
    }

    fn sync(&self, name: &str) -> io::Result<()> {
        let mut state = self.state();
        let outcome = state.count_sync();
        let body = state.body(name)?;
        let pending = std::mem::take(&mut body.pending);
        outcome?;
        pending.iter().for_each(|change| change.apply(&mut body.durable, u64::MAX));
        Ok(())
    }

    fn sync_dir(&self) -> io::Result<()> {
        self.state().sync_names()
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        self.state().names.remove(name).map(|_| ()).ok_or(io::ErrorKind::NotFound.into())
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        let mut state = self.state();
        let id = state.names.remove(from).ok_or(io::ErrorKind::NotFound)?;
        state.names.insert(to.to_owned(), id);
        Ok(())
    }

    fn free_space(&self) -> io::Result<u64> {
        let state = self.state();
        Ok(state.capacity.map_or(u64::MAX, |capacity| capacity.saturating_sub(state.used())))
    }
}

#[derive(Clone, Default)]
struct State {
    names: BTreeMap<String, u64>,
    durable_names: BTreeMap<String, u64>,
    bodies: BTreeMap<u64, Body>,
    next_id: u64,
    capacity: Option<u64>,
    failing_sync: Option<u64>,
    torn_write: Option<(u64, usize)>,
    syncs: u64,
}

impl State {
    fn body(&mut self, name: &str) -> io::Result<&mut Body> {
        let id = self.names.get(name).ok_or(io::ErrorKind::NotFound)?;
        self.bodies.get_mut(id).ok_or(io::ErrorKind::NotFound.into())
    }

    fn used(&self) -> u64 {
        self.names.values().filter_map(|id| self.bodies.get(id)).map(|body| body.current.len() as u64).sum()
    }

    fn write(&mut self, name: &str, offset: usize, bytes: &[u8]) -> io::Result<()> {
        let torn = match &mut self.torn_write {
            Some((0, kept)) => Some((*kept).min(bytes.len())),
            Some((nth, _)) => {
                *nth -= 1;
                None
            }
            None => None,
        };
        if torn.is_some() {
            self.torn_write = None;
        }
        let spare = self.capacity.map_or(u64::MAX, |capacity| capacity.saturating_sub(self.used()));
        let body = self.body(name)?;
        let room = (body.current.len() as u64).saturating_add(spare).saturating_sub(offset as u64);
        let fits = usize::try_from(room).unwrap_or(usize::MAX).min(bytes.len());
        let kept = torn.unwrap_or(fits).min(fits);
        let change = Change::Write(offset, bytes[..kept].to_vec());
        change.apply(&mut body.current, u64::MAX);
        body.pending.push(change);
        match (torn, fits < bytes.len()) {
            (None, false) => Ok(()),
            (None, true) => Err(io::ErrorKind::StorageFull.into()),
            (Some(_), _) => Err(io::ErrorKind::WriteZero.into()),
        }
    }

    fn sync_names(&mut self) -> io::Result<()> {
        self.count_sync()?;
        self.durable_names = self.names.clone();
        Ok(())
    }

    fn count_sync(&mut self) -> io::Result<()> {
        match &mut self.failing_sync {
            Some(0) => {
                self.failing_sync = None;
                return Err(io::Error::other("injected sync failure"));
            }
            Some(nth) => *nth -= 1,
            None => {}
        }
        self.syncs += 1;
        Ok(())
    }
}

#[derive(Clone, Default)]
struct Body {
    current: Vec<u8>,
    durable: Vec<u8>,
    pending: Vec<Change>,
}

impl Body {
    fn survive(&mut self, mut budget: u64) {
        for change in std::mem::take(&mut self.pending) {
            if budget == 0 {
                break;
            }
            change.apply(&mut self.durable, budget);
            budget = budget.saturating_sub(change.bytes());
        }
        self.current = self.durable.clone();
    }
}

#[derive(Clone)]
enum Change {
    Write(usize, Vec<u8>),
    Length(usize),
}

impl Change {
    fn bytes(&self) -> u64 {
        match self {
            Self::Write(_, bytes) => bytes.len() as u64,
            Self::Length(_) => 0,
        }
    }

    fn apply(&self, file: &mut Vec<u8>, budget: u64) {
        match self {
            Self::Length(len) => file.resize(*len, 0),
            Self::Write(offset, bytes) => {
                let kept = usize::try_from(budget).unwrap_or(usize::MAX).min(bytes.len());
                let end = offset + kept;
                if file.len() < end {
                    file.resize(end, 0);
                }
                file[*offset..end].copy_from_slice(&bytes[..kept]);
            }
        }
    }
}

fn usize_of(n: u64) -> io::Result<usize> {
    usize::try_from(n).map_err(|_| io::ErrorKind::InvalidInput.into())
}
