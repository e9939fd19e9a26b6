use super::{
    Location, Position, Reader, Record, RecordRef, StoreError, journal::Journal, marks::SyncedMark,
    view::Shared,
};
use std::{
    pin::Pin,
    sync::{
        Arc,
        mpsc::{Receiver, SyncSender, TryRecvError},
    },
    task::{Context, Poll},
    time::Duration,
};
use tokio::sync::oneshot;

/// What is written together or not at all.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Transaction {
    /// The records, in their order in the journal.
    pub records: Vec<Record>,
    /// What the evidence logs gain by it.
    pub leaves: Vec<Leaf>,
}

/// An entry for the evidence log that is kept with one peer (DESIGN §7).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Leaf {
    /// Whose log.
    pub peer: String,
    /// The entry's bytes.
    pub entry: Vec<u8>,
    /// Whether a receipt is wanted for it.
    pub receipt: bool,
}

/// Keeps the evidence logs: appends a group's leaves and signs one checkpoint for each peer among them.
pub trait Notary: Send {
    /// Loads the logs' state at open, before the first group.
    ///
    /// # Errors
    /// A reason, on which the store does not open.
    fn restore(&mut self, _reader: &Reader) -> Result<(), String> {
        Ok(())
    }

    /// Seals one commit group, before it is written; its records are written in the same group.
    ///
    /// # Errors
    /// A reason, on which the store stops: what it may have signed is never written.
    fn seal_group(&mut self, leaves: &[Leaf]) -> Result<NotarySeal, String>;
}

/// What the notary adds to a group.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NotarySeal {
    /// Records of the logs themselves.
    pub records: Vec<Record>,
    /// One entry per leaf, in the order of the leaves.
    pub receipts: Vec<Option<Vec<u8>>>,
}

/// A value that a committed transaction vouches for.
///
/// Only the committer makes one, after the sync; who holds it may acknowledge.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use]
pub struct Durable<T> {
    value: T,
    sequence: u64,
    locations: Vec<Location>,
    receipts: Vec<Option<Vec<u8>>>,
}

impl<T> Durable<T> {
    /// Returns the value.
    pub const fn get(&self) -> &T {
        &self.value
    }

    /// Returns the sequence number of the group that holds the transaction.
    pub const fn sequence(&self) -> u64 {
        self.sequence
    }

    /// Returns where the transaction's records lie, in their order.
    pub fn locations(&self) -> &[Location] {
        &self.locations
    }

    /// Returns the receipts of the transaction's leaves, in their order.
    pub fn receipts(&self) -> &[Option<Vec<u8>>] {
        &self.receipts
    }

    /// Lets the same commit vouch for what `change` makes of the value.
    pub fn map<U>(self, change: impl FnOnce(T) -> U) -> Durable<U> {
        let Self { value, sequence, locations, receipts } = self;
        Durable { value: change(value), sequence, locations, receipts }
    }

    /// Gives the value away.
    pub fn into_inner(self) -> T {
        self.value
    }
}

/// Resolves once the transaction is durable, or never will be. Dropping it does not take the
/// transaction back.
#[derive(Debug)]
#[must_use]
pub struct Ticket(oneshot::Receiver<Outcome>);

type Outcome = Result<Durable<()>, StoreError>;

impl Ticket {
    /// Waits on this thread; within an asynchronous task await the ticket instead.
    ///
    /// # Errors
    /// The reason why the transaction was not acknowledged.
    pub fn wait(mut self) -> Outcome {
        match self.0.try_recv() {
            Ok(outcome) => outcome,
            Err(oneshot::error::TryRecvError::Empty) => {
                self.0.blocking_recv().unwrap_or_else(|_| Err(gone()))
            }
            Err(oneshot::error::TryRecvError::Closed) => Err(gone()),
        }
    }

    pub(super) fn refused(error: StoreError) -> Self {
        let (reply, ticket) = oneshot::channel();
        // The receiver is at hand, so the message cannot be lost.
        let _ = reply.send(Err(error));
        Self(ticket)
    }
}

impl Future for Ticket {
    type Output = Outcome;
    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Outcome> {
        Pin::new(&mut self.0).poll(context).map(|received| received.unwrap_or_else(|_| Err(gone())))
    }
}

/// A transaction on its way to the committer.
pub(super) struct Pending {
    transaction: Transaction,
    reply: oneshot::Sender<Outcome>,
}

impl Pending {
    pub fn new(transaction: Transaction) -> (Self, Ticket) {
        let (reply, ticket) = oneshot::channel();
        (Self { transaction, reply }, Ticket(ticket))
    }

    /// Returns the error to the ticket.
    pub fn refuse(self, error: StoreError) {
        answer(self.reply, Err(error));
    }
}

/// What the committer's thread is asked to do.
pub(super) enum Job {
    Commit(Pending),
    Close(SyncSender<Result<(), StoreError>>),
}

/// Most bytes and records of one transaction; attachments are files beside the journal.
pub(super) const MAX_TRANSACTION_BYTES: u64 = 16 << 20;
pub(super) const MAX_TRANSACTION_RECORDS: usize = 4096;
/// A group takes no further transaction once it holds this much.
const GROUP_TRANSACTIONS: usize = 1024;
const GROUP_BYTES: u64 = 16 << 20;
const GROUP_RECORDS: usize = 1 << 16;

/// Refuses a transaction that is over its limits.
pub(super) fn check_size(transaction: &Transaction) -> Result<(), StoreError> {
    let check = |what, size, limit| {
        if size > limit { Err(StoreError::TooLarge { what, size, limit }) } else { Ok(()) }
    };
    let items = transaction.records.len().max(transaction.leaves.len());
    check("a transaction in records", items as u64, MAX_TRANSACTION_RECORDS as u64)?;
    check("a transaction in bytes", bytes_in(transaction), MAX_TRANSACTION_BYTES)
}

/// The one writer of the journal. It runs on a thread of its own, or inline in a simulation.
pub(super) struct Committer {
    pub shared: Arc<Shared>,
    pub journal: Journal,
    pub synced: SyncedMark,
    pub notary: Box<dyn Notary>,
    pub free_space_floor: u64,
}

impl Committer {
    /// Commits jobs in their order until the store closes or its last handle goes.
    pub fn run(mut self, jobs: &Receiver<Job>) {
        let mut next = jobs.recv().ok();
        let mut patience = Patience::default();
        while let Some(job) = next {
            match job {
                Job::Close(reply) => {
                    // A closer that went away does not want its answer.
                    let _ = reply.send(self.close());
                    break;
                }
                Job::Commit(first) => {
                    patience.wait();
                    let (group, left) = gather(first, jobs);
                    patience.learn(group.len());
                    self.commit(group);
                    next = left.or_else(|| self.next_job(jobs));
                }
            }
        }
    }

    /// Commits one group: one seal, one write, one sync; then the index, then the tickets.
    pub fn commit(&mut self, group: Vec<Pending>) {
        let _watch = PanicWatch(Arc::clone(&self.shared));
        let (transactions, replies): (Vec<_>, Vec<_>) =
            group.into_iter().map(|pending| (pending.transaction, pending.reply)).unzip();
        match self.commit_group(transactions) {
            Ok(outcomes) => {
                replies.into_iter().zip(outcomes).for_each(|(reply, outcome)| answer(reply, Ok(outcome)));
            }
            Err(error) => replies.into_iter().for_each(|reply| answer(reply, Err(error.clone()))),
        }
    }

    /// Leaves evidence of what is synced; called when there is nothing else to do.
    pub fn note_synced(&mut self) {
        if self.shared.failed().is_none() {
            self.synced.note(&*self.shared.disk, self.journal.position());
        }
    }

    /// Closes in good order, so that the next open finds all in the index.
    pub fn close(&mut self) -> Result<(), StoreError> {
        self.shared.check_open()?;
        self.note_synced();
        self.shared.close_index();
        self.synced.sync(&*self.shared.disk).map_err(|error| self.shared.fail(&error))
    }

    /// Waits for the next job; the idle moment before it is when the synced mark is written.
    fn next_job(&mut self, jobs: &Receiver<Job>) -> Option<Job> {
        match jobs.try_recv() {
            Ok(job) => Some(job),
            Err(TryRecvError::Disconnected) => None,
            Err(TryRecvError::Empty) => {
                self.note_synced();
                jobs.recv().ok()
            }
        }
    }

    fn commit_group(&mut self, transactions: Vec<Transaction>) -> Result<Vec<Durable<()>>, StoreError> {
        self.shared.check_open()?;
        // Before the notary signs: a head that is signed and then not written must not exist (DESIGN §12.13).
        self.check_space(&transactions)?;
        self.seal_and_write(transactions).map_err(|error| self.shared.fail(&error))
    }

    fn check_space(&self, transactions: &[Transaction]) -> Result<(), StoreError> {
        let free =
            self.shared.disk.free_space().map_err(StoreError::io("measure the free space of", "the disk"));
        let free = free.map_err(|error| self.shared.fail(&error))?;
        let needed = transactions.iter().map(bytes_in).sum::<u64>().saturating_add(self.free_space_floor);
        if free < needed { Err(StoreError::DiskFull { free, needed }) } else { Ok(()) }
    }

    fn seal_and_write(&mut self, transactions: Vec<Transaction>) -> Result<Vec<Durable<()>>, StoreError> {
        let shape: Vec<_> = transactions.iter().map(|t| (t.records.len(), t.leaves.len())).collect();
        let (mut records, mut leaves) = (Vec::new(), Vec::new());
        for transaction in transactions {
            records.extend(transaction.records);
            leaves.extend(transaction.leaves);
        }
        let receipts = self.seal(&leaves, &mut records)?;
        let group = self.journal.plan(&records)?;
        // Asked before the write, so that a row over its limit is refused while nothing is written yet.
        let changes = self.shared.index_records(references(&records, &group.locations))?;
        self.journal.write(&group)?;
        self.shared.count(shape.len() as u64, records.iter().map(|r| r.bytes.len() as u64).sum());
        self.shared.apply(changes, group.position)?;
        Ok(share_out(&shape, group.position, group.locations, receipts))
    }

    fn seal(
        &mut self,
        leaves: &[Leaf],
        records: &mut Vec<Record>,
    ) -> Result<Vec<Option<Vec<u8>>>, StoreError> {
        let failed = |cause| StoreError::Failed { cause };
        let seal = self.notary.seal_group(leaves).map_err(failed)?;
        if seal.receipts.len() != leaves.len() {
            return Err(failed("the notary did not answer for every leaf".to_owned()));
        }
        records.extend(seal.records);
        Ok(seal.receipts)
    }
}

/// How long a group waits for company: not at all for acts that come one by one, and the longer the more come while
/// another is on its way to the disk, since what one act waits is then little beside what all of them save.
#[derive(Default)]
struct Patience(Duration);

impl Patience {
    const LEAST: Duration = Duration::from_micros(500);
    const MOST: Duration = Duration::from_millis(8);

    fn wait(&self) {
        if !self.0.is_zero() {
            std::thread::sleep(self.0);
        }
    }

    /// Looks at how many transactions a group had in the end.
    fn learn(&mut self, together: usize) {
        self.0 = match together {
            0 | 1 => Duration::ZERO,
            2..=3 => (self.0 / 2).max(Self::LEAST),
            4..=15 => (self.0 * 2).clamp(Self::LEAST, Self::MOST),
            // Enough came together: waiting longer makes each of them wait, and saves little.
            16.. => self.0,
        };
    }
}

/// Takes what else is queued into the group, up to its bounds; returns a job that is not a commit.
fn gather(first: Pending, jobs: &Receiver<Job>) -> (Vec<Pending>, Option<Job>) {
    let mut bytes = bytes_in(&first.transaction);
    let mut records = first.transaction.records.len();
    let mut group = vec![first];
    while group.len() < GROUP_TRANSACTIONS && bytes < GROUP_BYTES && records < GROUP_RECORDS {
        match jobs.try_recv() {
            Ok(Job::Commit(pending)) => {
                bytes += bytes_in(&pending.transaction);
                records += pending.transaction.records.len();
                group.push(pending);
            }
            Ok(close @ Job::Close(_)) => return (group, Some(close)),
            Err(TryRecvError::Empty | TryRecvError::Disconnected) => break,
        }
    }
    (group, None)
}

fn references<'a>(records: &'a [Record], locations: &'a [Location]) -> impl Iterator<Item = RecordRef<'a>> {
    records.iter().zip(locations).map(|(record, location)| {
        let bytes = (!Record::is_big(record.kind)).then_some(record.bytes.as_slice());
        RecordRef { kind: record.kind, bytes, location: *location }
    })
}

/// Gives each transaction its own locations and receipts; those of the notary's records stay over.
fn share_out(
    shape: &[(usize, usize)],
    position: Position,
    locations: Vec<Location>,
    receipts: Vec<Option<Vec<u8>>>,
) -> Vec<Durable<()>> {
    let (mut locations, mut receipts) = (locations.into_iter(), receipts.into_iter());
    let durable = |&(records, leaves): &(usize, usize)| Durable {
        value: (),
        sequence: position.sequence,
        locations: locations.by_ref().take(records).collect(),
        receipts: receipts.by_ref().take(leaves).collect(),
    };
    shape.iter().map(durable).collect()
}

fn bytes_in(transaction: &Transaction) -> u64 {
    let records = transaction.records.iter().map(|record| record.bytes.len() as u64).sum::<u64>();
    records + transaction.leaves.iter().map(|leaf| leaf.entry.len() as u64).sum::<u64>()
}

/// A caller that went away does not want its answer.
fn answer(reply: oneshot::Sender<Outcome>, outcome: Outcome) {
    let _ = reply.send(outcome);
}

fn gone() -> StoreError {
    StoreError::Failed { cause: "the committer is gone".to_owned() }
}

/// Marks the store as failed when a bug panics in the middle of a commit: the notary may have signed.
struct PanicWatch(Arc<Shared>);

impl Drop for PanicWatch {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.fail(&StoreError::Failed { cause: "the committer panicked".to_owned() });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Patience;
    use std::time::Duration;

    #[test]
    fn acts_that_come_one_by_one_wait_for_nobody_and_many_for_a_moment() {
        let mut patience = Patience::default();
        patience.learn(1);
        assert_eq!(patience.0, Duration::ZERO);
        for _ in 0..20 {
            patience.learn(8);
            assert!((Patience::LEAST..=Patience::MOST).contains(&patience.0));
        }
        assert_eq!(patience.0, Patience::MOST);
        patience.learn(2);
        assert!(patience.0 < Patience::MOST);
        patience.learn(1);
        assert_eq!(patience.0, Duration::ZERO);
    }
}
