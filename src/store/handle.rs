use super::{
    Disk, Indexer, Location, Notary, Position, Reader, StoreError,
    commit::{Committer, Job, Pending, Ticket, Transaction, check_size},
    index::{IndexChoice, Row},
    journal::Journal,
    marks::{self, SyncedMark},
    rebuild::{Room, open_index},
    view::{IndexReport, OnFailure, Shared, Statistics},
};
use std::{
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        mpsc::{SyncSender, TrySendError, sync_channel},
    },
    thread::JoinHandle,
};

/// Where commits happen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// On the committer's own thread, in groups.
    Thread,
    /// Inside `submit`, one at a time: a simulation sees the same order in every run.
    Inline,
}

/// How a store is opened.
pub struct StoreOptions {
    /// Where the journal lies.
    pub disk: Arc<dyn Disk>,
    /// Where the index lives.
    pub index: IndexChoice,
    /// Where commits happen.
    pub mode: Mode,
    /// Size in bytes at which a new journal segment begins.
    pub segment_bytes: u64,
    /// Free bytes below which nothing is written, and at open the index is kept in memory.
    pub free_space_floor: u64,
    /// Called once when the store fails, so that the process can end; it must not call the store.
    pub on_failure: Option<OnFailure>,
}

impl StoreOptions {
    /// Segments of 64 MiB, a floor of 64 MiB, a committer thread.
    pub fn new(disk: Arc<dyn Disk>, index: IndexChoice) -> Self {
        let (segment_bytes, free_space_floor) = (64 << 20, 64 << 20);
        Self { disk, index, mode: Mode::Thread, segment_bytes, free_space_floor, on_failure: None }
    }
}

/// What was found at open.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenReport {
    /// Where the journal ends.
    pub position: Position,
    /// How many bytes of a group that was never acknowledged were cut.
    pub bytes_cut: u64,
    /// What became of the index.
    pub index: IndexReport,
}

/// The store: the journal, its index and its one writer. Clones share it.
///
/// Dropping the last clone without [`Store::close`] loses nothing; the next open rebuilds the index.
#[derive(Clone)]
pub struct Store(Arc<Inner>);

struct Inner {
    reader: Reader,
    engine: Engine,
}

enum Engine {
    Inline(Mutex<Committer>),
    Thread(Worker),
}

struct Worker {
    // Taken only on drop: the thread ends when its queue does.
    jobs: Option<SyncSender<Job>>,
    thread: Option<JoinHandle<()>>,
}

/// Transactions that may wait for the committer.
const QUEUE: usize = 4096;

impl Store {
    /// Opens the store: cuts a torn tail, checks that nothing synced is damaged, and opens or rebuilds
    /// the index.
    ///
    /// # Errors
    /// `Corrupt` if synced bytes have changed or gone, `UnsupportedVersion` if a newer release wrote
    /// them, `Io` if the disk refuses, `TooLarge` if the indexer makes a row over its limit, `Failed` if
    /// the notary cannot restore its state.
    pub fn open(
        options: StoreOptions,
        mut notary: Box<dyn Notary>,
        mut indexer: Box<dyn Indexer>,
    ) -> Result<(Self, OpenReport), StoreError> {
        let StoreOptions { disk, index, mode, segment_bytes, free_space_floor, on_failure } = options;
        let (journal, bytes_cut) =
            Journal::open(Arc::clone(&disk), segment_bytes, marks::read_synced(&*disk))?;
        let position = journal.position();
        let free = disk.free_space().map_err(StoreError::io("measure the free space of", "the disk"))?;
        let room = if free >= free_space_floor { Room::Ample } else { Room::Scarce };
        let (opened, found) = open_index(&*disk, &index, room, position, &mut *indexer)?;
        let report = OpenReport { position, bytes_cut, index: found };
        let synced = SyncedMark::prepare(&*disk)?;
        let shared = Arc::new(Shared::new(disk, (index, opened), indexer, position, on_failure));
        let reader = Reader(Arc::clone(&shared));
        notary.restore(&reader).map_err(|cause| StoreError::Failed { cause })?;
        let mut committer = Committer { shared, journal, synced, notary, free_space_floor };
        committer.note_synced();
        let engine = match mode {
            Mode::Inline => Engine::Inline(Mutex::new(committer)),
            Mode::Thread => Engine::Thread(Worker::start(committer)?),
        };
        Ok((Self(Arc::new(Inner { reader, engine })), report))
    }

    /// Hands a transaction to the committer; transactions commit in the order of submission.
    ///
    /// It never waits for the disk in `Thread` mode: when the queue is full the ticket says `Busy`.
    pub fn submit(&self, transaction: Transaction) -> Ticket {
        if let Err(error) = check_size(&transaction) {
            return Ticket::refused(error);
        }
        let (pending, ticket) = Pending::new(transaction);
        match &self.0.engine {
            Engine::Inline(committer) => {
                let mut committer = lock(committer);
                committer.commit(vec![pending]);
                committer.note_synced();
            }
            Engine::Thread(worker) => worker.submit(pending, &self.0.reader.0),
        }
        ticket
    }

    /// Reads a record from the journal and checks it; see [`Reader::read`].
    ///
    /// # Errors
    /// `Corrupt` if its bytes changed at rest, `Io` if they cannot be read.
    pub fn read(&self, at: &Location) -> Result<Vec<u8>, StoreError> {
        self.0.reader.read(at)
    }

    /// Looks a key up in the index; see [`Reader::get`].
    ///
    /// # Errors
    /// `Closed`, or `Failed` if the index is lost and cannot be rebuilt.
    pub fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        self.0.reader.get(key)
    }

    /// Lists the rows whose keys begin with `prefix`, in ascending order; see [`Reader::scan`].
    ///
    /// # Errors
    /// As for [`Self::get`].
    pub fn scan(&self, prefix: &[u8]) -> Result<Vec<Row>, StoreError> {
        self.0.reader.scan(prefix)
    }

    /// Returns a handle that can only read.
    pub fn reader(&self) -> Reader {
        self.0.reader.clone()
    }

    /// Tells up to where all is durable.
    pub fn position(&self) -> Position {
        self.0.reader.0.position()
    }

    /// Tells what was written since the start.
    pub fn statistics(&self) -> Statistics {
        self.0.reader.0.statistics()
    }

    /// Tells whether the store has failed: nothing will be written until the process starts again.
    pub fn failed(&self) -> Option<StoreError> {
        self.0.reader.0.failed().cloned()
    }

    /// Commits what was submitted and closes in good order, so that the next open finds the index in
    /// place. It waits on this thread; within an asynchronous task use a blocking one.
    ///
    /// # Errors
    /// `Failed` if the store failed before or now, `Closed` if it was closed before.
    pub fn close(&self) -> Result<(), StoreError> {
        match &self.0.engine {
            Engine::Inline(committer) => lock(committer).close(),
            Engine::Thread(worker) => worker.close(&self.0.reader.0),
        }
    }
}

impl Worker {
    fn start(committer: Committer) -> Result<Self, StoreError> {
        let (jobs, queue) = sync_channel(QUEUE);
        let thread = std::thread::Builder::new()
            .name("valise-commit".to_owned())
            .spawn(move || committer.run(&queue))
            .map_err(StoreError::io("start", "the committer's thread"))?;
        Ok(Self { jobs: Some(jobs), thread: Some(thread) })
    }

    fn submit(&self, pending: Pending, shared: &Shared) {
        let refused = match self.jobs.as_ref().map(|jobs| jobs.try_send(Job::Commit(pending))) {
            Some(Err(TrySendError::Full(job))) => Some((job, StoreError::Busy)),
            Some(Err(TrySendError::Disconnected(job))) => Some((job, stopped(shared))),
            Some(Ok(())) | None => None,
        };
        if let Some((Job::Commit(pending), error)) = refused {
            pending.refuse(error);
        }
    }

    fn close(&self, shared: &Shared) -> Result<(), StoreError> {
        let (reply, done) = sync_channel(1);
        // If the committer is gone, so is `reply`, and the wait below ends at once.
        let _ = self.jobs.as_ref().map(|jobs| jobs.send(Job::Close(reply)));
        done.recv().unwrap_or_else(|_| Err(stopped(shared)))
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        self.jobs = None;
        // The disk's lock must be free once the store is gone. A panic in there has been told already.
        let _ = self.thread.take().map(JoinHandle::join);
    }
}

fn stopped(shared: &Shared) -> StoreError {
    shared.failed().cloned().unwrap_or(StoreError::Closed)
}

fn lock(committer: &Mutex<Committer>) -> MutexGuard<'_, Committer> {
    // After a panic inside a commit the store has failed, and the committer refuses by itself.
    committer.lock().unwrap_or_else(PoisonError::into_inner)
}
