//! A run: sorted rows in one file that never changes once it is whole.
//!
//! Blocks lie back to back, each after those that it names; the last is the root. A block is named by its
//! place and its SHA-256, so that whoever knows the root's name is told of every changed byte that it reads.
//!
//! | block | bytes | |
//! |---|---|---|
//! | level | 1 | 0 holds rows, any other names the blocks of the level below |
//! | entries | | in ascending order of their keys, to the block's end |
//!
//! | entry | bytes | |
//! |---|---|---|
//! | shared | 2 | how many bytes the key shares with the one before it in the block |
//! | rest | 2 | the length of the rest of the key |
//! | value | 2 | the length of the value; 65535 where the key is gone |
//! | | | the rest of the key, the value |
//!
//! The value of an inner entry is the [`BlockName`] of a block whose keys are not below the entry's key and
//! below the next one's.

use super::{Disk, IndexFault, MAX_INDEX_KEY, format::Input, index::end_of};
use crate::model::Digest;
use std::{
    collections::HashMap,
    io,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

/// A change to one key: its new value, or `None` where the key goes.
pub(super) type Delta = (Vec<u8>, Option<Vec<u8>>);

/// A block is closed before it grows beyond this; one entry may be larger.
const BLOCK: usize = 4096;
/// Longer is no block: what is allocated for a damaged name is bounded.
const MAX_BLOCK: u32 = 1 << 16;
const ENTRY_HEAD: usize = 6;
const GONE: u16 = u16::MAX;
/// What gathers before it is written.
const WRITE: usize = 1 << 20;
/// Inner blocks that are kept in memory for all runs together, in bytes.
const CACHE: usize = 4 << 20;

/// Names a block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct BlockName {
    offset: u64,
    len: u32,
    digest: Digest,
}

impl BlockName {
    pub const BYTES: usize = 44;

    pub fn to_bytes(self) -> [u8; Self::BYTES] {
        let mut out = [0; Self::BYTES];
        out[..8].copy_from_slice(&self.offset.to_be_bytes());
        out[8..12].copy_from_slice(&self.len.to_be_bytes());
        out[12..].copy_from_slice(self.digest.as_bytes());
        out
    }

    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let mut input = Input(bytes);
        let name = Self { offset: input.u64()?, len: input.u32()?, digest: input.digest()? };
        input.0.is_empty().then_some(name)
    }
}

/// Says which file a run is, and all that must be found in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct RunName {
    /// The file's number; no two runs of one index ever have the same.
    pub number: u64,
    /// The root, which vouches for the rest.
    pub root: BlockName,
    /// How long the file is.
    pub bytes: u64,
}

pub(super) fn run_file(number: u64) -> String {
    format!("run-{number:010}")
}

/// Writes a run from rows in ascending order.
pub(super) struct RunWriter<'d> {
    disk: &'d dyn Disk,
    number: u64,
    pending: Vec<u8>,
    written: u64,
    levels: Vec<OpenBlock>,
}

/// A block that still grows.
struct OpenBlock {
    bytes: Vec<u8>,
    /// Not above any key of this block, and above all of the block before it.
    low: Vec<u8>,
    last: Vec<u8>,
}

impl OpenBlock {
    fn new(level: usize, low: Vec<u8>) -> Self {
        Self { bytes: vec![level.min(255) as u8], low, last: Vec::new() }
    }

    fn is_full_for(&self, key: &[u8], value: usize) -> bool {
        self.bytes.len() > 1 && self.bytes.len() + ENTRY_HEAD + key.len() + value > BLOCK
    }

    fn push(&mut self, key: &[u8], value: Option<&[u8]>) {
        // The first of a block shares nothing, whatever the block before it ended with.
        let shared = if self.bytes.len() > 1 { common(&self.last, key) } else { 0 };
        let rest = key.get(shared..).unwrap_or_default();
        let length = value.map_or(GONE, |value| value.len() as u16);
        for head in [shared as u16, rest.len() as u16, length] {
            self.bytes.extend_from_slice(&head.to_be_bytes());
        }
        self.bytes.extend_from_slice(rest);
        self.bytes.extend_from_slice(value.unwrap_or_default());
        self.last.truncate(shared);
        self.last.extend_from_slice(rest);
    }
}

fn common(a: &[u8], b: &[u8]) -> usize {
    a.iter().zip(b).take_while(|(a, b)| a == b).count()
}

impl<'d> RunWriter<'d> {
    /// Begins a file.
    pub fn create(disk: &'d dyn Disk, number: u64) -> io::Result<Self> {
        disk.create(&run_file(number))?;
        let levels = vec![OpenBlock::new(0, Vec::new())];
        Ok(Self { disk, number, pending: Vec::with_capacity(WRITE + (BLOCK << 1)), written: 0, levels })
    }

    /// Adds a row; its key is above all before it. Keys and values are within the index's limits.
    pub fn push(&mut self, key: &[u8], value: Option<&[u8]>) -> io::Result<()> {
        if self.levels[0].is_full_for(key, value.map_or(0, <[u8]>::len)) {
            // The shortest key that parts the two blocks.
            let low = key.get(..=common(&self.levels[0].last, key)).unwrap_or(key).to_vec();
            self.close_block(0, low)?;
        }
        self.levels[0].push(key, value);
        Ok(())
    }

    /// Makes the file whole, durable if it is to `last`, and names it.
    pub fn finish(mut self, last: bool) -> io::Result<RunName> {
        let mut level = 0;
        while level + 1 < self.levels.len() {
            self.close_block(level, Vec::new())?;
            level += 1;
        }
        let top = std::mem::take(&mut self.levels[level].bytes);
        let root = self.put(&top)?;
        self.write()?;
        if last {
            self.disk.sync(&run_file(self.number))?;
        }
        Ok(RunName { number: self.number, root, bytes: self.written })
    }

    /// Puts a block into the file and its name into the level above; `low` begins the next one.
    fn close_block(&mut self, level: usize, low: Vec<u8>) -> io::Result<()> {
        let closed = std::mem::replace(&mut self.levels[level], OpenBlock::new(level, low));
        let name = self.put(&closed.bytes)?.to_bytes();
        if self.levels.len() == level + 1 {
            self.levels.push(OpenBlock::new(level + 1, Vec::new()));
        }
        if self.levels[level + 1].is_full_for(&closed.low, name.len()) {
            self.close_block(level + 1, closed.low.clone())?;
        }
        self.levels[level + 1].push(&closed.low, Some(&name));
        Ok(())
    }

    fn put(&mut self, block: &[u8]) -> io::Result<BlockName> {
        let offset = self.written + self.pending.len() as u64;
        self.pending.extend_from_slice(block);
        if self.pending.len() >= WRITE {
            self.write()?;
        }
        Ok(BlockName { offset, len: block.len() as u32, digest: Digest::of(&[block]) })
    }

    fn write(&mut self) -> io::Result<()> {
        self.disk.write_at(&run_file(self.number), self.written, &self.pending)?;
        self.written += self.pending.len() as u64;
        self.pending.clear();
        Ok(())
    }
}

/// What all runs of one index share: the inner blocks that were read lately, and whether one of them is damaged.
#[derive(Default)]
pub(super) struct Common {
    cached: Mutex<Cached>,
    damaged: AtomicBool,
}

/// A block, and when it was used last.
type Used = (Arc<[u8]>, u64);

#[derive(Default)]
struct Cached {
    blocks: HashMap<(u64, u64), Used>,
    bytes: usize,
    clock: u64,
}

impl Common {
    /// Tells whether a block could not be read as it was written.
    pub fn is_damaged(&self) -> bool {
        self.damaged.load(Ordering::Relaxed)
    }

    fn get(&self, key: (u64, u64)) -> Option<Arc<[u8]>> {
        let mut cached = self.cached.lock().unwrap_or_else(PoisonError::into_inner);
        cached.clock += 1;
        let clock = cached.clock;
        let (block, used) = cached.blocks.get_mut(&key)?;
        *used = clock;
        Some(Arc::clone(block))
    }

    fn put(&self, key: (u64, u64), block: &Arc<[u8]>) {
        let mut cached = self.cached.lock().unwrap_or_else(PoisonError::into_inner);
        if cached.bytes + block.len() > CACHE {
            cached.forget_half();
        }
        cached.clock += 1;
        let clock = cached.clock;
        if cached.blocks.insert(key, (Arc::clone(block), clock)).is_none() {
            cached.bytes += block.len();
        }
    }
}

impl Cached {
    /// Lets go of the half that was used least lately: rarely, so that it may look at all.
    fn forget_half(&mut self) {
        let mut used: Vec<u64> = self.blocks.values().map(|(_, used)| *used).collect();
        let half = used.len() / 2;
        if used.is_empty() {
            return;
        }
        let (_, median, _) = used.select_nth_unstable(half);
        let median = *median;
        self.blocks.retain(|_, (_, used)| *used > median);
        self.bytes = self.blocks.values().map(|(block, _)| block.len()).sum();
    }
}

/// A block of rows, and where the next one begins if there is one.
type Found = (Arc<[u8]>, Option<Vec<u8>>);

/// Reads a run.
pub(super) struct Run {
    disk: Arc<dyn Disk>,
    name: RunName,
    common: Arc<Common>,
    doomed: AtomicBool,
}

impl Run {
    pub fn new(disk: Arc<dyn Disk>, name: RunName, common: Arc<Common>) -> Self {
        Self { disk, name, common, doomed: AtomicBool::new(false) }
    }

    pub const fn name(&self) -> &RunName {
        &self.name
    }

    /// Has the file removed as soon as nobody reads it.
    pub fn doom(&self) {
        self.doomed.store(true, Ordering::Relaxed);
    }

    /// Tells what the run says about a key: `None` if nothing, `Some(None)` that it is gone.
    pub fn get(&self, key: &[u8]) -> Result<Option<Option<Vec<u8>>>, IndexFault> {
        let (leaf, _) = self.leaf_for(key)?;
        let mut entries = Entries::of(&leaf);
        while let Some((found, value)) = entries.next()? {
            match found.cmp(key) {
                std::cmp::Ordering::Less => {}
                std::cmp::Ordering::Equal => return Ok(Some(value.map(<[u8]>::to_vec))),
                std::cmp::Ordering::Greater => break,
            }
        }
        Ok(None)
    }

    /// Lists the rows whose keys begin with `prefix` and come after `after`, in ascending order.
    pub fn feed(&self, prefix: &[u8], after: Option<&[u8]>) -> RunFeed<'_> {
        let after = after.filter(|after| *after >= prefix);
        RunFeed {
            run: self,
            prefix: prefix.to_vec(),
            after: after.map(<[u8]>::to_vec),
            seek: Some(after.unwrap_or(prefix).to_vec()),
            rows: Vec::new().into_iter(),
        }
    }

    /// Returns the last row whose key begins with `prefix` and comes before `before`.
    pub fn last(&self, prefix: &[u8], before: Option<&[u8]>) -> Result<Option<Delta>, IndexFault> {
        let mut end = end_of(prefix, before);
        loop {
            let (leaf, low) = self.leaf_before(end.as_deref())?;
            let mut found = None;
            let mut entries = Entries::of(&leaf);
            while let Some((key, value)) = entries.next()? {
                if end.as_deref().is_some_and(|end| key >= end) {
                    break;
                }
                found = Some((key.to_vec(), value.map(<[u8]>::to_vec)));
            }
            if found.is_some() || low.is_empty() || low.as_slice() <= prefix {
                return Ok(found.filter(|(key, _)| key.starts_with(prefix)));
            }
            end = Some(low);
        }
    }

    /// Finds the block that holds `key` if any does, and where the next one begins.
    fn leaf_for(&self, key: &[u8]) -> Result<Found, IndexFault> {
        let (mut block, mut next) = (self.block(&self.name.root)?, None);
        while level(&block) > 0 {
            let (mut child, mut entries) = (None, Entries::of(&block));
            while let Some((low, name)) = entries.next()? {
                if child.is_some() && low > key {
                    next = Some(low.to_vec());
                    break;
                }
                child = Some(name.ok_or_else(damaged)?);
            }
            block = self.below(&block, child)?;
        }
        Ok((block, next))
    }

    /// Finds the last block that may hold a key before `end`, and where it begins.
    fn leaf_before(&self, end: Option<&[u8]>) -> Result<(Arc<[u8]>, Vec<u8>), IndexFault> {
        let (mut block, mut begins) = (self.block(&self.name.root)?, Vec::new());
        while level(&block) > 0 {
            let (mut child, mut entries) = (None, Entries::of(&block));
            while let Some((low, name)) = entries.next()? {
                if child.is_some() && end.is_some_and(|end| low >= end) {
                    break;
                }
                begins = low.to_vec();
                child = Some(name.ok_or_else(damaged)?);
            }
            block = self.below(&block, child)?;
        }
        Ok((block, begins))
    }

    fn below(&self, above: &[u8], name: Option<&[u8]>) -> Result<Arc<[u8]>, IndexFault> {
        let block = self.block(&name.and_then(BlockName::from_bytes).ok_or_else(damaged)?)?;
        // Only so does every walk end.
        if level(&block) < level(above) { Ok(block) } else { Err(damaged()) }
    }

    fn block(&self, name: &BlockName) -> Result<Arc<[u8]>, IndexFault> {
        let block = self.read(name);
        if block.is_err() {
            self.common.damaged.store(true, Ordering::Relaxed);
        }
        block
    }

    fn read(&self, name: &BlockName) -> Result<Arc<[u8]>, IndexFault> {
        let key = (self.name.number, name.offset);
        if let Some(block) = self.common.get(key) {
            return Ok(block);
        }
        let file = run_file(self.name.number);
        if name.len == 0 || name.len > MAX_BLOCK {
            return Err(damaged());
        }
        let mut bytes = vec![0; name.len as usize];
        let read = self.disk.read_at(&file, name.offset, &mut bytes);
        read.map_err(|error| IndexFault(format!("{file} cannot be read: {error}")))?;
        if Digest::of(&[&bytes]) != name.digest {
            return Err(IndexFault(format!("a block of {file} does not match its digest")));
        }
        let block: Arc<[u8]> = bytes.into();
        if level(&block) > 0 {
            self.common.put(key, &block);
        }
        Ok(block)
    }
}

impl Drop for Run {
    fn drop(&mut self) {
        if self.doomed.load(Ordering::Relaxed) {
            // What stays is removed at the next open.
            let _ = self.disk.remove(&run_file(self.name.number));
        }
    }
}

fn level(block: &[u8]) -> u8 {
    block.first().copied().unwrap_or(0)
}

fn damaged() -> IndexFault {
    IndexFault("a block of a run cannot be read".to_owned())
}

/// A key, and its value unless it is gone.
type EntryOf<'k, 'b> = (&'k [u8], Option<&'b [u8]>);

/// Walks through the entries of a block.
struct Entries<'b> {
    rest: Input<'b>,
    key: Vec<u8>,
}

impl<'b> Entries<'b> {
    fn of(block: &'b [u8]) -> Self {
        Self { rest: Input(block.get(1..).unwrap_or_default()), key: Vec::new() }
    }

    fn next(&mut self) -> Result<Option<EntryOf<'_, 'b>>, IndexFault> {
        if self.rest.0.is_empty() {
            return Ok(None);
        }
        let value = self.step().ok_or_else(damaged)?;
        Ok(Some((&self.key, value)))
    }

    fn step(&mut self) -> Option<Option<&'b [u8]>> {
        let mut number = || Some(u16::from_be_bytes(self.rest.take(2)?.try_into().ok()?));
        let (shared, rest, value) = (usize::from(number()?), usize::from(number()?), number()?);
        if shared > self.key.len() || shared + rest > MAX_INDEX_KEY {
            return None;
        }
        self.key.truncate(shared);
        self.key.extend_from_slice(self.rest.take(rest)?);
        if value == GONE { Some(None) } else { self.rest.take(usize::from(value)).map(Some) }
    }
}

/// The rows of a run, block by block.
pub(super) struct RunFeed<'r> {
    run: &'r Run,
    prefix: Vec<u8>,
    after: Option<Vec<u8>>,
    seek: Option<Vec<u8>>,
    rows: std::vec::IntoIter<Delta>,
}

impl RunFeed<'_> {
    fn fill(&mut self, from: &[u8]) -> Result<(), IndexFault> {
        let (leaf, next) = self.run.leaf_for(from)?;
        let (mut rows, mut entries) = (Vec::new(), Entries::of(&leaf));
        self.seek = next;
        while let Some((key, value)) = entries.next()? {
            let early =
                key < self.prefix.as_slice() || self.after.as_deref().is_some_and(|after| key <= after);
            if early {
                continue;
            }
            if !key.starts_with(&self.prefix) {
                self.seek = None;
                break;
            }
            rows.push((key.to_vec(), value.map(<[u8]>::to_vec)));
        }
        self.rows = rows.into_iter();
        Ok(())
    }
}

impl Iterator for RunFeed<'_> {
    type Item = Result<Delta, IndexFault>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some(row) = self.rows.next() {
                return Some(Ok(row));
            }
            let from = self.seek.take()?;
            if let Err(fault) = self.fill(&from) {
                return Some(Err(fault));
            }
        }
    }
}
