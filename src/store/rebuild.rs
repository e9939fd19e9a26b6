//! How an index is opened, caught up with the journal, or made again from it.

use super::{
    Batch, Disk, Index, IndexChoice, IndexFault, Indexer, MemIndex, Position, RealDisk, StoreError,
    index::check_batch,
    journal::{self, Place},
    layers::{FOLD_ROWS, Fresh, LayeredIndex, Trouble, Ways, write_run},
    merge::{Feed, Merge},
    run::{Common, Delta, Run, RunName},
    runs::{self, RunList},
    view::{IndexReport, RecordRef},
};
use std::{
    collections::BTreeMap,
    fs,
    num::NonZero,
    path::Path,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
};

/// How much room a disk has for an index.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Room {
    /// Enough.
    Ample,
    /// Nobody knows, since something failed: runs are tried, and what is new is kept in memory.
    Doubtful,
    /// Too little: sled on a full disk becomes unopenable, and runs would fill it.
    Scarce,
}

/// Opens the index that belongs to a journal ending at `until`: what its runs hold stands, the rest comes
/// from the journal's tail, or all of it if there are no runs that can be believed.
pub(super) fn open_index(
    disk: &dyn Disk,
    choice: &IndexChoice,
    room: Room,
    until: Position,
    indexer: &mut dyn Indexer,
) -> Result<(Box<dyn Index>, IndexReport), StoreError> {
    let (home, ways) = match choice {
        IndexChoice::Memory => {
            let index = rebuild_in_memory(disk, indexer, until)?;
            let why = "it is kept in memory".to_owned();
            return Ok((index, IndexReport::Rebuilt { why, in_memory: true }));
        }
        IndexChoice::Runs { disk, fold_rows } => {
            let ways = Ways { fresh: Fresh::Memory, fold_rows: *fold_rows, beside: false };
            (Ok(Arc::clone(disk)), ways)
        }
        IndexChoice::Sled(path) => {
            let fresh = if room == Room::Ample { Fresh::Sled(path.clone()) } else { Fresh::Memory };
            (clear(path), Ways { fresh, fold_rows: FOLD_ROWS, beside: true })
        }
    };
    let opened = match home {
        Ok(runs) => open_layers(disk, &runs, (ways, room), until, indexer),
        Err(fault) => Err(Rebuild::Index(fault)),
    };
    match opened {
        Ok(opened) => Ok(opened),
        Err(Rebuild::Journal(error)) => Err(error),
        Err(Rebuild::Index(fault)) => {
            let index = rebuild_in_memory(disk, indexer, until)?;
            Ok((index, IndexReport::Rebuilt { why: fault.0, in_memory: true }))
        }
    }
}

/// Removes all below an index's directory but the runs: no process opens what another had as new.
fn clear(path: &Path) -> Result<Arc<dyn Disk>, IndexFault> {
    let fault = |error: std::io::Error| IndexFault(error.to_string());
    let runs = path.join("runs");
    let disk = RealDisk::open(&runs).map_err(|error| IndexFault(error.to_string()))?;
    for entry in fs::read_dir(path).map_err(fault)? {
        let entry = entry.map_err(fault)?;
        if entry.path() == runs {
            continue;
        }
        let is_folder = entry.file_type().map_err(fault)?.is_dir();
        if is_folder { fs::remove_dir_all(entry.path()) } else { fs::remove_file(entry.path()) }
            .map_err(fault)?;
    }
    Ok(Arc::new(disk))
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

impl From<IndexFault> for Rebuild {
    fn from(fault: IndexFault) -> Self {
        Self::Index(fault)
    }
}

impl From<std::io::Error> for Rebuild {
    fn from(error: std::io::Error) -> Self {
        Self::Index(IndexFault(error.to_string()))
    }
}

impl From<Trouble> for Rebuild {
    fn from(trouble: Trouble) -> Self {
        Self::Index(match trouble {
            Trouble::Disk(error) => IndexFault(error.to_string()),
            Trouble::Fault(fault) => fault,
            Trouble::Stopped => IndexFault("it was stopped".to_owned()),
        })
    }
}

fn open_layers(
    disk: &dyn Disk,
    runs: &Arc<dyn Disk>,
    (ways, room): (Ways, Room),
    until: Position,
    indexer: &mut dyn Indexer,
) -> Result<(Box<dyn Index>, IndexReport), Rebuild> {
    let (list, from, report) = match believed(disk, &**runs, until)? {
        Ok((list, from)) => {
            let groups = until.sequence - list.at.sequence;
            let kept = if groups == 0 { IndexReport::Kept } else { IndexReport::CaughtUp { groups } };
            (list, from, kept)
        }
        Err(why) if room != Room::Scarce => {
            runs::disown(&**runs)?;
            RunList { at: Position::GENESIS, runs: Vec::new() }.tidy(&**runs)?;
            let list =
                RunList { at: until, runs: build_runs(disk, runs, until, indexer)?.into_iter().collect() };
            list.put(&**runs)?;
            (list, None, IndexReport::Rebuilt { why, in_memory: false })
        }
        Err(why) => return Err(Rebuild::Index(IndexFault(format!("{why}, and the disk is nearly full")))),
    };
    list.tidy(&**runs)?;
    let mut index = LayeredIndex::open(Arc::clone(runs), &list, ways)?;
    if let Some(from) = from {
        catch_up(disk, &mut index, from, until, indexer)?;
    }
    Ok((Box::new(index), report))
}

/// Reads the list of runs, and finds from where on the journal goes further than they; or says why they are
/// not believed.
fn believed(
    disk: &dyn Disk,
    runs: &dyn Disk,
    until: Position,
) -> Result<Result<(RunList, Option<Place>), String>, StoreError> {
    let Some(list) = RunList::read(runs) else {
        return Ok(Err("there was none that can be believed".to_owned()));
    };
    if list.at == until {
        return Ok(Ok((list, None)));
    }
    let found = if list.at.sequence < until.sequence { journal::find(disk, list.at)? } else { None };
    Ok(found.map(|place| (list, Some(place))).ok_or_else(|| "it is of another journal than this".to_owned()))
}

/// Rows that are gathered before they are applied.
const BATCH: usize = 4096;

fn catch_up(
    disk: &dyn Disk,
    index: &mut dyn Index,
    from: Place,
    until: Position,
    indexer: &mut dyn Indexer,
) -> Result<(), Rebuild> {
    let mut gathered = Batch::new();
    journal::replay(disk, from, until, |position, stored| {
        gathered.extend(index_all(indexer, stored.iter().map(journal::Stored::as_ref))?);
        if gathered.len() >= BATCH || position == until {
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
    match catch_up(disk, &mut index, Place::START, until, indexer) {
        Ok(()) => Ok(Box::new(index)),
        Err(Rebuild::Journal(error)) => Err(error),
        Err(Rebuild::Index(fault)) => Err(rebuild_failed(&fault)),
    }
}

/// Asks the indexer what records change, and refuses what is over the index's limits.
pub(super) fn index_all<'a>(
    indexer: &mut dyn Indexer,
    records: impl Iterator<Item = RecordRef<'a>>,
) -> Result<Batch, StoreError> {
    let batch: Batch = records.flat_map(|record| indexer.index(&record)).collect();
    check_batch(&batch)?;
    Ok(batch)
}

pub(super) fn rebuild_failed(fault: &IndexFault) -> StoreError {
    StoreError::Failed { cause: fault.to_string() }
}

/// Segments that one thread reads before it looks for more.
const SPAN: usize = 4;
/// Bytes of rows that are sorted at once.
const SHEAF: usize = 48 << 20;

/// Makes one run of all that the journal holds up to `until`: each processor reads whole segments and
/// sorts their rows, then all is merged.
fn build_runs(
    disk: &dyn Disk,
    runs: &Arc<dyn Disk>,
    until: Position,
    indexer: &dyn Indexer,
) -> Result<Option<RunName>, Rebuild> {
    let starts = journal::segment_starts(disk)?;
    let spans: Vec<&[Place]> = starts.chunks(SPAN).collect();
    let next = AtomicUsize::new(0);
    let done = Mutex::new(BTreeMap::new());
    let threads = std::thread::available_parallelism().map_or(1, NonZero::get).min(spans.len().max(1));
    let work = |mut indexer: Box<dyn Indexer>| {
        loop {
            let nth = next.fetch_add(1, Ordering::Relaxed);
            let Some(span) = spans.get(nth) else { break };
            let built = Sorting::span(disk, &**runs, nth, span, until.sequence, &mut *indexer);
            let failed = built.is_err();
            done.lock().unwrap_or_else(PoisonError::into_inner).insert(nth, built);
            if failed {
                // What comes after damage is not wanted any more.
                next.fetch_add(spans.len(), Ordering::Relaxed);
            }
        }
    };
    std::thread::scope(|scope| {
        for indexer in (0..threads).map(|_| indexer.fork()) {
            scope.spawn(|| work(indexer));
        }
    });
    let (mut at, mut names) = (Position::GENESIS, Vec::new());
    for (nth, built) in done.into_inner().unwrap_or_else(PoisonError::into_inner) {
        let (begins, ends, made) = built?;
        // Until it reaches the end, each span goes on where the one before it ended.
        if begins != at {
            let segment = u32::try_from(nth * SPAN + 1).unwrap_or(u32::MAX);
            return Err(
                StoreError::Corrupt { segment, offset: 0, record: None, fault: super::Fault::Chain }.into()
            );
        }
        at = ends;
        names.extend(made);
        if at.sequence == until.sequence {
            break;
        }
    }
    if at != until {
        let fault = super::Fault::MissingGroups;
        let segment = u32::try_from(starts.len()).unwrap_or(u32::MAX);
        return Err(StoreError::Corrupt { segment, offset: 0, record: None, fault }.into());
    }
    merge_runs(runs, &names)
}

fn merge_runs(disk: &Arc<dyn Disk>, names: &[RunName]) -> Result<Option<RunName>, Rebuild> {
    let common = Arc::new(Common::default());
    let open = |name: &RunName| Run::new(Arc::clone(disk), *name, Arc::clone(&common));
    let runs: Vec<Run> = names.iter().map(open).collect();
    let feeds = runs.iter().rev().map(|run| Box::new(run.feed(b"", None)) as Feed<'_>).collect();
    let number = names.iter().map(|name| name.number + 1).max().unwrap_or(1);
    let merged = write_run(&**disk, number, Box::new(Merge::of(feeds)?), false, true, || false)?;
    runs.iter().for_each(Run::doom);
    Ok(merged)
}

/// Rows on their way into a run, in one piece of memory.
#[derive(Default)]
struct Sorting {
    bytes: Vec<u8>,
    rows: Vec<Slot>,
}

/// Where a row lies, and what its key begins with.
#[derive(Clone, Copy)]
struct Slot {
    begins: u128,
    at: u32,
    key: u16,
    value: u16,
}

const GONE: u16 = u16::MAX;

impl Sorting {
    /// Sorts the rows of some segments into runs; returns behind which groups they begin and end, and the
    /// runs, the oldest first.
    fn span(
        disk: &dyn Disk,
        runs: &dyn Disk,
        nth: usize,
        segments: &[Place],
        until: u64,
        indexer: &mut dyn Indexer,
    ) -> Result<(Position, Position, Vec<RunName>), Rebuild> {
        let begins = segments.first().map_or(Position::GENESIS, |place| place.position);
        let (mut at, mut sorting, mut made) = (begins, Self::default(), Vec::new());
        // Numbers grow with the place in the journal; a span makes far fewer runs than this.
        let number = |made: &Vec<RunName>| 1 + (nth as u64) * 10_000 + made.len() as u64;
        for segment in segments.iter().take_while(|segment| segment.position.sequence < until) {
            let from = Place { position: at, ..*segment };
            at = journal::replay_segment(disk, from, until, |_, stored| {
                for (key, value) in index_all(indexer, stored.iter().map(journal::Stored::as_ref))? {
                    sorting.push(&key, value.as_deref());
                }
                if sorting.bytes.len() >= SHEAF {
                    made.extend(sorting.write(runs, number(&made))?);
                }
                Ok::<(), Rebuild>(())
            })?;
        }
        made.extend(sorting.write(runs, number(&made))?);
        Ok((begins, at, made))
    }

    fn push(&mut self, key: &[u8], value: Option<&[u8]>) {
        let mut begins = [0; 16];
        key.iter().zip(&mut begins).for_each(|(byte, place)| *place = *byte);
        let at = self.bytes.len() as u32;
        let length = value.map_or(GONE, |value| value.len() as u16);
        self.rows.push(Slot {
            begins: u128::from_be_bytes(begins),
            at,
            key: key.len() as u16,
            value: length,
        });
        self.bytes.extend_from_slice(key);
        self.bytes.extend_from_slice(value.unwrap_or_default());
    }

    fn key(&self, slot: &Slot) -> &[u8] {
        self.bytes
            .get(slot.at as usize..)
            .and_then(|rest| rest.get(..usize::from(slot.key)))
            .unwrap_or_default()
    }

    fn value(&self, slot: &Slot) -> Option<&[u8]> {
        let from = slot.at as usize + usize::from(slot.key);
        (slot.value != GONE).then(|| self.bytes.get(from..from + usize::from(slot.value)).unwrap_or_default())
    }

    fn write(&mut self, disk: &dyn Disk, number: u64) -> Result<Option<RunName>, Rebuild> {
        let mut rows = std::mem::take(&mut self.rows);
        // Of rows with one key the newest comes first, and counts.
        rows.sort_unstable_by(|a, b| {
            a.begins.cmp(&b.begins).then_with(|| self.key(a).cmp(self.key(b))).then(b.at.cmp(&a.at))
        });
        rows.dedup_by(|later, first| self.key(later) == self.key(first));
        let row = |slot: &Slot| -> Result<Delta, IndexFault> {
            Ok((self.key(slot).to_vec(), self.value(slot).map(<[u8]>::to_vec)))
        };
        let written = write_run(disk, number, Box::new(rows.iter().map(row)), true, false, || false)?;
        self.bytes = Vec::new();
        Ok(written)
    }
}
