use super::{
    Disk, Location, Position, StoreError,
    index::{Batch, Index, IndexChoice, IndexFault, Row},
    journal,
    rebuild::{Room, index_all, open_index, rebuild_failed},
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
pub trait Indexer: Send + Sync {
    /// Returns the changes that `record` makes. They must follow from the record alone: an orderly
    /// reopening replays nothing, and a rebuild replays everything.
    fn index(&mut self, record: &RecordRef<'_>) -> Batch;
    /// Makes another one that begins at the first record of a group.
    fn fork(&self) -> Box<dyn Indexer>;
}

/// Hears of the store's failure once, so that the process can end with a non-zero code.
pub type OnFailure = Box<dyn Fn(&StoreError) + Send + Sync>;

/// Says what became of the index at open.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum IndexReport {
    /// It holds all that the journal does, as after an orderly close.
    Kept,
    /// The last groups were taken from the journal, as after any other stop.
    CaughtUp {
        /// How many.
        groups: u64,
    },
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
        self.0.ask(|index| index.last(prefix, None))
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
    choice: IndexChoice,
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
        (choice, index): (IndexChoice, Box<dyn Index>),
        indexer: Box<dyn Indexer>,
        position: Position,
        on_failure: Option<OnFailure>,
    ) -> Self {
        let view = Mutex::new(View { index: Some(index), indexer, position });
        let statistics = Mutex::default();
        Self { disk, choice, view, failure: OnceLock::new(), on_failure, statistics }
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

    /// Takes the index away for the orderly close; what it cannot keep the next open takes from the journal.
    pub fn close_index(&self) {
        let index = self.view().index.take();
        if let Some(Err(fault)) = index.map(Index::close) {
            tracing::warn!(%fault, "the index will be caught up at the next start");
        }
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

    /// Opens the index anew in the place of one that cannot be believed any more: what is new in memory, and
    /// runs only if they are not damaged.
    fn replace(&self, view: &mut View, fault: &IndexFault) -> Result<(), StoreError> {
        tracing::warn!(%fault, "making the index anew");
        // Nothing may come out of the old one any more, whatever happens below.
        view.index = None;
        let index = open_index(&*self.disk, &self.choice, Room::Doubtful, view.position, &mut *view.indexer);
        view.index = Some(index.map_err(|error| self.fail(&error))?.0);
        Ok(())
    }

    fn view(&self) -> MutexGuard<'_, View> {
        // The view is whole between any two calls, so a panic in an indexer does not spoil it.
        self.view.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
