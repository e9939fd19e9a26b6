//! The index of a node: what is new in a small index of changes, all else in sorted runs (`run.rs`).
//!
//! Once the changes are many they are frozen and folded into a run of their own, and runs of like size are
//! merged into one, both beside the work of the store. So what lies in memory, what a start reads and
//! what a row costs do not grow with the journal. Only runs outlive the process: what they do not hold yet
//! is taken from the journal's tail at the next open.

use super::{
    Batch, Disk, Index, IndexFault, MemIndex, Position, Row, SledIndex,
    merge::{Feed, Merge, RecentFeed, unwrap, wrap},
    run::{Common, Run, RunName, RunWriter, run_file},
    runs::{self, RunList},
    staged::StagedIndex,
};
use std::{
    io,
    path::PathBuf,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
        mpsc::{Receiver, SyncSender, sync_channel},
    },
    thread::JoinHandle,
};

/// New rows that become a run in a running node; some 3,000 acts.
pub(super) const FOLD_ROWS: usize = 1 << 16;
/// Runs of like size that become one.
const LIKE: usize = 4;
/// Runs below this many bytes are alike.
const SMALL_RUN: u64 = 4 << 20;
/// Rows between two looks at whether to stop.
const STEP: usize = 1024;

/// Where the changes live that are in no run yet.
#[derive(Clone)]
pub(super) enum Fresh {
    /// In memory.
    Memory,
    /// In memory as far as it is not too much, the rest in sled databases below this directory.
    Sled(PathBuf),
}

impl Fresh {
    fn make(&self, number: u64) -> Box<dyn Index> {
        match self {
            Self::Memory => Box::new(MemIndex::new()),
            Self::Sled(home) => {
                let path = home.join(format!("new-{number}"));
                Box::new(StagedIndex::above(Box::new(move || Ok(Box::new(SledIndex::create(&path)?)))))
            }
        }
    }
}

/// How a layered index works.
#[derive(Clone)]
pub(super) struct Ways {
    pub fresh: Fresh,
    /// New rows that become a run.
    pub fold_rows: usize,
    /// Whether folds and merges have a thread of their own.
    pub beside: bool,
}

/// See the head of this file.
pub(super) struct LayeredIndex {
    ways: Ways,
    recent: Box<dyn Index>,
    /// Rows that were applied to `recent`.
    rows: usize,
    made: u64,
    at: Position,
    // Before the stack, so that its thread ends first.
    worker: Option<Worker>,
    stack: Arc<Stack>,
}

/// What does not change any more.
struct Stack {
    disk: Arc<dyn Disk>,
    common: Arc<Common>,
    state: Mutex<State>,
    stopping: AtomicBool,
}

struct State {
    /// Up to where the runs hold the journal's rows.
    at: Position,
    /// The oldest first.
    runs: Vec<Arc<Run>>,
    frozen: Option<Arc<Frozen>>,
    next_number: u64,
    fault: Option<IndexFault>,
}

/// Changes that become a run.
struct Frozen {
    index: Box<dyn Index>,
    at: Position,
}

/// What lies below the newest changes: those that become a run, and the runs, the oldest first.
type Layers = (Option<Arc<Frozen>>, Vec<Arc<Run>>);

/// Why a fold or a merge came to nothing.
pub(super) enum Trouble {
    /// It will be tried again.
    Disk(io::Error),
    Fault(IndexFault),
    Stopped,
}

impl From<io::Error> for Trouble {
    fn from(error: io::Error) -> Self {
        Self::Disk(error)
    }
}

impl From<IndexFault> for Trouble {
    fn from(fault: IndexFault) -> Self {
        Self::Fault(fault)
    }
}

impl LayeredIndex {
    /// Opens the runs of a list; what came after them is applied by the caller.
    pub fn open(disk: Arc<dyn Disk>, list: &RunList, ways: Ways) -> Result<Self, IndexFault> {
        let common = Arc::new(Common::default());
        let recent = ways.fresh.make(0);
        let state = State {
            at: list.at,
            runs: list.open(&disk, &common),
            frozen: None,
            next_number: list.runs.iter().map(|run| run.number + 1).max().unwrap_or(1),
            fault: None,
        };
        let (state, stopping) = (Mutex::new(state), AtomicBool::new(false));
        let stack = Arc::new(Stack { disk, common, state, stopping });
        let worker = ways.beside.then(|| Worker::start(Arc::clone(&stack))).transpose();
        let worker = worker.map_err(|error| IndexFault(format!("cannot start its thread: {error}")))?;
        let index = Self { ways, recent, rows: 0, made: 0, at: list.at, worker, stack };
        // Many short lives leave many small runs.
        index.work();
        Ok(index)
    }

    /// Lets what is new become a run, unless what was new before has not yet become one.
    fn freeze(&mut self) -> Result<(), IndexFault> {
        // Either way it is tried again after as many rows.
        self.rows = 0;
        if self.stack.state().frozen.is_none() {
            let index = std::mem::replace(&mut self.recent, self.ways.fresh.make(self.made + 1));
            self.made += 1;
            self.stack.state().frozen = Some(Arc::new(Frozen { index, at: self.at }));
        }
        self.work();
        Ok(())
    }

    fn work(&self) {
        match &self.worker {
            Some(worker) => worker.wake(),
            None => self.stack.work(),
        }
    }

    /// Asks all layers; if a run is damaged, nothing that it says is believed at the next open either.
    fn ask<T>(
        &self,
        question: impl Fn(Option<&dyn Index>, &[Arc<Run>]) -> Result<T, IndexFault>,
    ) -> Result<T, IndexFault> {
        let (frozen, runs) = self.stack.layers()?;
        let answer = question(frozen.as_deref().map(|frozen| &*frozen.index), &runs);
        if answer.is_err() && self.stack.common.is_damaged() {
            let gone = runs::disown(&*self.stack.disk);
            gone.map_err(|error| IndexFault(format!("its damaged runs cannot be disowned: {error}")))?;
        }
        answer
    }
}

impl Index for LayeredIndex {
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, IndexFault> {
        if let Some(wrapped) = self.recent.get(key)? {
            return unwrap(wrapped);
        }
        self.ask(|frozen, runs| {
            if let Some(wrapped) = frozen.map(|frozen| frozen.get(key)).transpose()?.flatten() {
                return unwrap(wrapped);
            }
            for run in runs.iter().rev() {
                if let Some(value) = run.get(key)? {
                    return Ok(value);
                }
            }
            Ok(None)
        })
    }

    fn page(&self, prefix: &[u8], after: Option<&[u8]>, limit: usize) -> Result<Vec<Row>, IndexFault> {
        self.ask(|frozen, runs| {
            let mut feeds: Vec<Feed<'_>> = Vec::with_capacity(runs.len() + 2);
            for recent in std::iter::once(&*self.recent).chain(frozen) {
                feeds.push(Box::new(RecentFeed::of(recent, prefix, after, limit)));
            }
            feeds.extend(runs.iter().rev().map(|run| Box::new(run.feed(prefix, after)) as Feed<'_>));
            let mut rows = Vec::new();
            for row in Merge::of(feeds)? {
                if rows.len() == limit {
                    break;
                }
                let (key, value) = row?;
                rows.extend(value.map(|value| (key, value)));
            }
            Ok(rows)
        })
    }

    fn last(&self, prefix: &[u8], before: Option<&[u8]>) -> Result<Option<Row>, IndexFault> {
        self.ask(|frozen, runs| {
            let mut before = before.map(<[u8]>::to_vec);
            loop {
                // Of rows with one key the newest counts: it is looked at first.
                let mut last: Option<(Vec<u8>, Option<Vec<u8>>)> = None;
                let mut look = |found: Option<(Vec<u8>, Option<Vec<u8>>)>| {
                    let later = |(key, _): &(Vec<u8>, _)| last.as_ref().is_none_or(|(last, _)| key > last);
                    if let Some(found) = found.filter(later) {
                        last = Some(found);
                    }
                };
                for recent in std::iter::once(&*self.recent).chain(frozen) {
                    let found = recent.last(prefix, before.as_deref())?;
                    look(found.map(|(key, wrapped)| Ok((key, unwrap(wrapped)?))).transpose()?);
                }
                for run in runs.iter().rev() {
                    look(run.last(prefix, before.as_deref())?);
                }
                match last {
                    Some((key, None)) => before = Some(key),
                    Some((key, Some(value))) => return Ok(Some((key, value))),
                    None => return Ok(None),
                }
            }
        })
    }

    fn apply(&mut self, batch: Batch, high_water: Position) -> Result<(), IndexFault> {
        self.rows += batch.len();
        let changes = batch.into_iter().map(|(key, value)| (key, Some(wrap(value)))).collect();
        self.recent.apply(changes, high_water)?;
        self.at = high_water;
        if self.rows >= self.ways.fold_rows { self.freeze() } else { Ok(()) }
    }

    fn high_water(&self) -> Result<Position, IndexFault> {
        Ok(self.at)
    }

    fn close(mut self: Box<Self>) -> Result<(), IndexFault> {
        drop(self.worker.take());
        let done = |trouble| match trouble {
            Trouble::Disk(error) => IndexFault(format!("what is new in it cannot be kept: {error}")),
            Trouble::Fault(fault) => fault,
            Trouble::Stopped => IndexFault("it was stopped".to_owned()),
        };
        self.stack.fold().map_err(done)?;
        self.stack.state().frozen = Some(Arc::new(Frozen { index: self.recent, at: self.at }));
        self.stack.fold().map_err(done)
    }
}

impl Stack {
    fn state(&self) -> MutexGuard<'_, State> {
        // Each change to it is one assignment, so that a panic elsewhere leaves it whole.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn layers(&self) -> Result<Layers, IndexFault> {
        let state = self.state();
        match &state.fault {
            Some(fault) => Err(fault.clone()),
            None => Ok((state.frozen.clone(), state.runs.clone())),
        }
    }

    /// Folds what is frozen, then merges runs that are alike.
    fn work(&self) {
        let done = self.fold().and_then(|()| self.merge_all());
        match done {
            Ok(()) | Err(Trouble::Stopped) => {}
            Err(Trouble::Disk(error)) => {
                tracing::warn!(%error, "the index could not be folded; it is tried again later");
            }
            Err(Trouble::Fault(fault)) => self.state().fault = Some(fault),
        }
    }

    fn fold(&self) -> Result<(), Trouble> {
        let (frozen, mut list, number) = {
            let mut state = self.state();
            let Some(frozen) = state.frozen.clone() else { return Ok(()) };
            (frozen, state.list(), state.number())
        };
        if frozen.at == list.at {
            self.state().frozen = None;
            return Ok(());
        }
        let feed = RecentFeed::of(&*frozen.index, b"", None, usize::MAX);
        // Nothing lies below the first run that a key could be gone from.
        let keep_gone = !list.runs.is_empty();
        let run = write_run(&*self.disk, number, Box::new(feed), keep_gone, true, || false)?;
        list.at = frozen.at;
        list.runs.extend(run);
        list.put(&*self.disk)?;
        let mut state = self.state();
        state.runs.extend(run.map(|run| self.open(run)));
        state.at = list.at;
        state.frozen = None;
        Ok(())
    }

    fn merge_all(&self) -> Result<(), Trouble> {
        loop {
            let (old, from, mut list, number) = {
                let mut state = self.state();
                let sizes: Vec<u64> = state.runs.iter().map(|run| run.name().bytes).collect();
                let Some((from, to)) = alike(&sizes) else { return Ok(()) };
                (state.runs[from..to].to_vec(), from, state.list(), state.number())
            };
            let feeds = old.iter().rev().map(|run| Box::new(run.feed(b"", None)) as Feed<'_>).collect();
            let merged = Box::new(Merge::of(feeds)?);
            let stopping = || self.stopping.load(Ordering::Relaxed);
            let run = write_run(&*self.disk, number, merged, from > 0, true, stopping)?;
            let span = from..from + old.len();
            list.runs.splice(span.clone(), run);
            list.put(&*self.disk)?;
            self.state().runs.splice(span, run.map(|run| self.open(run)));
            old.iter().for_each(|run| run.doom());
        }
    }

    fn open(&self, name: RunName) -> Arc<Run> {
        Arc::new(Run::new(Arc::clone(&self.disk), name, Arc::clone(&self.common)))
    }
}

impl State {
    fn list(&self) -> RunList {
        RunList { at: self.at, runs: self.runs.iter().map(|run| *run.name()).collect() }
    }

    fn number(&mut self) -> u64 {
        self.next_number += 1;
        self.next_number - 1
    }
}

/// Writes the rows of a feed as a run; `None` if there are none.
pub(super) fn write_run(
    disk: &dyn Disk,
    number: u64,
    rows: Feed<'_>,
    keep_gone: bool,
    last: bool,
    stop: impl Fn() -> bool,
) -> Result<Option<RunName>, Trouble> {
    let mut writer = RunWriter::create(disk, number)?;
    let mut written = 0_usize;
    let fill = |writer: &mut RunWriter<'_>| {
        for row in rows {
            let (key, value) = row?;
            if value.is_some() || keep_gone {
                writer.push(&key, value.as_deref())?;
                written += 1;
                if written.is_multiple_of(STEP) && stop() {
                    return Err(Trouble::Stopped);
                }
            }
        }
        Ok(())
    };
    let filled = fill(&mut writer);
    let done = filled.and_then(|()| if written > 0 { Ok(Some(writer.finish(last)?)) } else { Ok(None) });
    if !matches!(done, Ok(Some(_))) {
        // It may be what fills the disk. What stays is removed at the next open.
        let _ = disk.remove(&run_file(number));
    }
    done
}

/// Finds runs that are to become one: so many of like size, the newest first. The oldest run is the first.
fn alike(sizes: &[u64]) -> Option<(usize, usize)> {
    let class = |size: u64| (size.max(SMALL_RUN) / SMALL_RUN).ilog2() / 2;
    let mut to = sizes.len();
    while to > 0 {
        // A small run among big ones costs little to take along.
        let mut from = to - 1;
        let highest = sizes[from..].iter().copied().map(class).max()?;
        while from > 0 && class(sizes[from - 1]) <= highest {
            from -= 1;
        }
        if to - from >= LIKE {
            return Some((from, to));
        }
        to = from;
    }
    None
}

struct Worker {
    stack: Arc<Stack>,
    wake: Option<SyncSender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Worker {
    fn start(stack: Arc<Stack>) -> io::Result<Self> {
        let (wake, woken) = sync_channel(1);
        let work = Arc::clone(&stack);
        let run = move |woken: &Receiver<()>| woken.iter().for_each(|()| work.work());
        let thread =
            std::thread::Builder::new().name("valise-index".to_owned()).spawn(move || run(&woken))?;
        Ok(Self { stack, wake: Some(wake), thread: Some(thread) })
    }

    fn wake(&self) {
        // If it is full, the thread will look again anyhow.
        let _ = self.wake.as_ref().map(|wake| wake.try_send(()));
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        self.stack.stopping.store(true, Ordering::Relaxed);
        self.wake = None;
        // A panic in there left the runs as they were.
        let _ = self.thread.take().map(JoinHandle::join);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_of_like_size_become_one_and_there_are_never_many() {
        const M: u64 = 1 << 20;
        assert_eq!(alike(&[]), None);
        assert_eq!(alike(&[6 * M; 3]), None);
        assert_eq!(alike(&[6 * M; 4]), Some((0, 4)));
        assert_eq!(alike(&[900 * M, 6 * M, 6 * M, 6 * M]), None);
        assert_eq!(alike(&[900 * M, 6 * M, M, 6 * M, M]), Some((1, 5)), "what is small goes along");
        let (mut sizes, mut written) = (Vec::new(), 0);
        for _ in 0..2000 {
            sizes.push(6 * M);
            while let Some((from, to)) = alike(&sizes) {
                let merged = sizes.drain(from..to).sum();
                written += merged;
                sizes.insert(from, merged);
            }
            assert!(sizes.len() <= 3 * 6, "{sizes:?}");
        }
        assert!(written < 2000 * 6 * M * 7, "a row is written again once for each size: {written}");
    }
}
