use super::{
    Disk, Location, Position, StoreError,
    index::{Batch, Index, IndexChoice, IndexFault, MemIndex, Row, check_batch},
    journal,
    marks::CleanMark,
    sled_index::SledIndex,
};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

/// A record as the indexer sees it.
#[derive(Debug, Clone, Copy)]
pub struct RecordRef<'a> {
    /// What the bytes are.
    pub kind: u8,
    /// The contents; `None` for a big kind (see [`super::Record::is_big`]), at commit as in a rebuild.
    pub bytes: Option<&'a [u8]>,
    /// Where the record lies.
    pub location: Location,
}

/// Says what each record changes in the index, at commit and in a rebuild alike.
pub trait Indexer: Send {
    /// Returns the changes that `record` makes. They must follow from the record alone: an orderly
    /// reopening replays nothing, and a rebuild replays everything.
    fn index(&mut self, record: &RecordRef<'_>) -> Batch;
}

/// Hears of the store's failure once, so that the process can end with a non-zero code.
pub type OnFailure = Box<dyn Fn(&StoreError) + Send + Sync>;

/// Says what became of the index at open.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum IndexReport {
    /// The index of the last orderly close is in use.
    Kept,
    /// It was deleted and rebuilt from the journal.
    Rebuilt {
        /// Why the old one was not believed.
        why: String,
        /// Whether the new one lives in memory.
        in_memory: bool,
    },
}

/// Reads the store; it cannot write.
#[derive(Clone)]
pub struct Reader(pub(super) Arc<Shared>);

impl Reader {
    /// Reads a record from the journal and checks it.
    ///
    /// # Errors
    /// `Corrupt` if its bytes changed at rest, `Io` if they cannot be read.
    pub fn read(&self, at: &Location) -> Result<Vec<u8>, StoreError> {
        journal::read_record(&*self.0.disk, at, None)
    }

    /// Looks a key up in the index.
    ///
    /// # Errors
    /// `Closed`, or `Failed` if the index is lost and the journal is too damaged to rebuild it.
    pub fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        self.0.ask(|index| index.get(key))
    }

    /// Lists at most `limit` of the rows whose keys begin with `prefix` and come after `after`, in
    /// ascending order.
    ///
    /// # Errors
    /// As for [`Self::get`].
    pub fn page(&self, prefix: &[u8], after: Option<&[u8]>, limit: usize) -> Result<Vec<Row>, StoreError> {
        self.0.ask(|index| index.page(prefix, after, limit))
    }

    /// Returns the last of the rows whose keys begin with `prefix`.
    ///
    /// # Errors
    /// As for [`Self::get`].
    pub fn last(&self, prefix: &[u8]) -> Result<Option<Row>, StoreError> {
        self.0.ask(|index| index.last(prefix))
    }

    /// Lists the rows whose keys begin with `prefix`, in ascending order.
    ///
    /// # Errors
    /// As for [`Self::get`].
    pub fn scan(&self, prefix: &[u8]) -> Result<Vec<Row>, StoreError> {
        self.0.ask(|index| index.scan_prefix(prefix))
    }
}

/// What the committer and all readers share.
pub(super) struct Shared {
    pub disk: Arc<dyn Disk>,
    view: Mutex<View>,
    failure: OnceLock<StoreError>,
    on_failure: Option<OnFailure>,
    statistics: Mutex<Statistics>,
}

/// What the committer has written since the start.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Statistics {
    /// Groups; each was synced once.
    pub groups: u64,
    /// The transactions in them.
    pub transactions: u64,
    /// The bytes of their records.
    pub bytes: u64,
}

struct View {
    /// `None` once closed, or when the store failed while rebuilding it.
    index: Option<Box<dyn Index>>,
    indexer: Box<dyn Indexer>,
    /// Where the index stands.
    position: Position,
}

impl Shared {
    pub fn new(
        disk: Arc<dyn Disk>,
        index: Box<dyn Index>,
        indexer: Box<dyn Indexer>,
        position: Position,
        on_failure: Option<OnFailure>,
    ) -> Self {
        let view = Mutex::new(View { index: Some(index), indexer, position });
        let statistics = Mutex::default();
        Self { disk, view, failure: OnceLock::new(), on_failure, statistics }
    }

    /// Remembers the first failure, tells the owner, and returns what every ticket gets from now on.
    pub fn fail(&self, cause: &StoreError) -> StoreError {
        let mut first = false;
        let failure = self.failure.get_or_init(|| {
            first = true;
            StoreError::Failed { cause: cause.to_string() }
        });
        if first {
            tracing::error!(%cause, "the store has stopped");
            self.on_failure.iter().for_each(|tell| tell(failure));
        }
        failure.clone()
    }

    pub fn failed(&self) -> Option<&StoreError> {
        self.failure.get()
    }

    pub fn count(&self, transactions: u64, bytes: u64) {
        let mut statistics = self.statistics.lock().unwrap_or_else(PoisonError::into_inner);
        statistics.groups += 1;
        statistics.transactions += transactions;
        statistics.bytes += bytes;
    }

    pub fn statistics(&self) -> Statistics {
        *self.statistics.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Tells up to where all is durable.
    pub fn position(&self) -> Position {
        self.view().position
    }

    pub fn check_open(&self) -> Result<(), StoreError> {
        match self.failed() {
            Some(failure) => Err(failure.clone()),
            None if self.view().index.is_none() => Err(StoreError::Closed),
            None => Ok(()),
        }
    }

    /// Asks the indexer what the records of a planned group change.
    pub fn index_records<'a>(
        &self,
        records: impl Iterator<Item = RecordRef<'a>>,
    ) -> Result<Batch, StoreError> {
        index_all(&mut *self.view().indexer, records)
    }

    /// Brings the index to a group that is now durable.
    pub fn apply(&self, batch: Batch, position: Position) -> Result<(), StoreError> {
        let mut view = self.view();
        view.position = position;
        let applied = view.index.as_mut().ok_or(StoreError::Closed)?.apply(batch, position);
        applied.or_else(|fault| self.replace(&mut view, &fault))
    }

    /// Takes the index away for the orderly close and returns its seal.
    pub fn close_index(&self) -> Option<CleanMark> {
        let (index, at) = {
            let mut view = self.view();
            (view.index.take()?, view.position)
        };
        let closed = index.close().unwrap_or_else(|fault| {
            tracing::warn!(%fault, "the index will be rebuilt at the next start");
            None
        });
        closed.map(|index_seal| CleanMark { at, index_seal })
    }

    fn ask<T>(&self, question: impl Fn(&dyn Index) -> Result<T, IndexFault>) -> Result<T, StoreError> {
        let mut view = self.view();
        let unavailable = || self.failed().cloned().unwrap_or(StoreError::Closed);
        match question(&**view.index.as_ref().ok_or_else(unavailable)?) {
            Ok(answer) => Ok(answer),
            Err(fault) => {
                self.replace(&mut view, &fault)?;
                let index = view.index.as_ref().ok_or_else(unavailable)?;
                question(&**index).map_err(|fault| self.fail(&rebuild_failed(&fault)))
            }
        }
    }

    /// Puts a rebuilt index in memory in the place of one that cannot be believed any more; the next
    /// open builds a lasting one.
    fn replace(&self, view: &mut View, fault: &IndexFault) -> Result<(), StoreError> {
        tracing::warn!(%fault, "rebuilding the index in memory");
        // Nothing may come out of the old one any more, whatever happens below.
        view.index = None;
        let index = rebuild_in_memory(&*self.disk, &mut *view.indexer, view.position);
        view.index = Some(index.map_err(|error| self.fail(&error))?);
        Ok(())
    }

    fn view(&self) -> MutexGuard<'_, View> {
        // The view is whole between any two calls, so a panic in an indexer does not spoil it.
        self.view.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Opens the index that belongs to a journal ending at `until`, or builds it; in memory if `roomy` is
/// false, since sled on a full disk becomes unopenable.
pub(super) fn open_index(
    disk: &dyn Disk,
    choice: &IndexChoice,
    roomy: bool,
    clean: Option<CleanMark>,
    until: Position,
    indexer: &mut dyn Indexer,
) -> Result<(Box<dyn Index>, IndexReport), StoreError> {
    let report = |why: String, in_memory| IndexReport::Rebuilt { why, in_memory };
    let (path, why) = match choice {
        IndexChoice::Memory => {
            let index = rebuild_in_memory(disk, indexer, until)?;
            return Ok((index, report("it is kept in memory".to_owned(), true)));
        }
        IndexChoice::Sled(path) if !roomy => {
            SledIndex::remove(path).map_err(|fault| rebuild_failed(&fault))?;
            let index = rebuild_in_memory(disk, indexer, until)?;
            return Ok((index, report("the disk is nearly full".to_owned(), true)));
        }
        IndexChoice::Sled(path) => match reopen(path, clean, until) {
            Ok(index) => return Ok((index, IndexReport::Kept)),
            Err(fault) => (path, fault.0),
        },
    };
    let built = SledIndex::create(path).map_err(Rebuild::Index).and_then(|mut index| {
        rebuild(disk, &mut index, indexer, until)?;
        Ok(index)
    });
    match built {
        Ok(index) => Ok((Box::new(index), report(why, false))),
        Err(Rebuild::Journal(error)) => Err(error),
        Err(Rebuild::Index(fault)) => {
            let index = rebuild_in_memory(disk, indexer, until)?;
            // What is left of it may be what fills the disk; the next open removes it in any case.
            let _ = SledIndex::remove(path);
            Ok((index, report(format!("{why}; then {fault}"), true)))
        }
    }
}

fn reopen(
    path: &std::path::Path,
    clean: Option<CleanMark>,
    until: Position,
) -> Result<Box<dyn Index>, IndexFault> {
    if until == Position::GENESIS {
        return Err(IndexFault("the journal is new".to_owned()));
    }
    let clean = clean.ok_or_else(|| IndexFault("the last stop was not orderly".to_owned()))?;
    if clean.at != until {
        return Err(IndexFault("the journal ends elsewhere than at the last close".to_owned()));
    }
    let index = SledIndex::reopen(path, &clean.index_seal)?;
    if index.high_water()? != until {
        return Err(IndexFault("it stands elsewhere than the journal".to_owned()));
    }
    Ok(Box::new(index))
}

enum Rebuild {
    Journal(StoreError),
    Index(IndexFault),
}

impl From<StoreError> for Rebuild {
    fn from(error: StoreError) -> Self {
        Self::Journal(error)
    }
}

/// Rows that a rebuild gathers before it applies them.
const REBUILD_BATCH: usize = 4096;

fn rebuild(
    disk: &dyn Disk,
    index: &mut dyn Index,
    indexer: &mut dyn Indexer,
    until: Position,
) -> Result<(), Rebuild> {
    let mut gathered = Batch::new();
    journal::replay(disk, until, |position, stored| {
        gathered.extend(index_all(indexer, stored.iter().map(journal::Stored::as_ref))?);
        if gathered.len() >= REBUILD_BATCH || position == until {
            index.apply(std::mem::take(&mut gathered), position).map_err(Rebuild::Index)?;
        }
        Ok(())
    })
}

fn rebuild_in_memory(
    disk: &dyn Disk,
    indexer: &mut dyn Indexer,
    until: Position,
) -> Result<Box<dyn Index>, StoreError> {
    let mut index = MemIndex::new();
    match rebuild(disk, &mut index, indexer, until) {
        Ok(()) => Ok(Box::new(index)),
        Err(Rebuild::Journal(error)) => Err(error),
        Err(Rebuild::Index(fault)) => Err(rebuild_failed(&fault)),
    }
}

fn index_all<'a>(
    indexer: &mut dyn Indexer,
    records: impl Iterator<Item = RecordRef<'a>>,
) -> Result<Batch, StoreError> {
    let batch: Batch = records.flat_map(|record| indexer.index(&record)).collect();
    check_batch(&batch)?;
    Ok(batch)
}

fn rebuild_failed(fault: &IndexFault) -> StoreError {
    StoreError::Failed { cause: fault.to_string() }
}
