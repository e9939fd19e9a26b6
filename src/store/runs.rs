//! The list of an index's runs, in the file `runs` beside them. It is replaced as a whole once every run
//! that it names is synced, so that it is true after any stop; one that is missing, torn or flipped says
//! nothing, and then the runs are made again from the journal.
//!
//! | `runs` | bytes | |
//! |---|---|---|
//! | magic | 8 | `VALISER1` |
//! | version | 4 | of the rows' meaning |
//! | sequence, chain | 8, 32 | of the last group whose rows the runs hold |
//! | runs | 60 each | number 8, root 44, length 8; the oldest first |
//! | digest | 32 | SHA-256 of what precedes it |

use super::{
    Disk, Position,
    format::Input,
    keys,
    marks::{seal, unseal},
    run::{BlockName, Common, Run, RunName, run_file},
};
use std::{io, sync::Arc};

const LIST: &str = "runs";
const NEW: &str = "runs.new";
const MAGIC: &[u8; 8] = b"VALISER1";
/// More is no list of ours.
const MAX_LIST: u64 = 1 << 20;

/// Which runs there are, and up to where they hold the journal's rows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct RunList {
    pub at: Position,
    /// The oldest first.
    pub runs: Vec<RunName>,
}

impl RunList {
    /// Reads the list; `None` if there is none that can be believed.
    pub fn read(disk: &dyn Disk) -> Option<Self> {
        let length = disk.len(LIST).ok().filter(|length| *length <= MAX_LIST)?;
        let mut bytes = vec![0; usize::try_from(length).ok()?];
        disk.read_at(LIST, 0, &mut bytes).ok()?;
        let mut input = Input(unseal(MAGIC, &bytes)?);
        if input.u32()? != keys::VERSION {
            return None;
        }
        let at = Position { sequence: input.u64()?, chain: input.digest()? };
        let mut runs = Vec::new();
        while !input.0.is_empty() {
            let number = input.u64()?;
            let root = BlockName::from_bytes(input.take(BlockName::BYTES)?)?;
            let bytes = input.u64()?;
            // A file that was cut is told of now, rather than when its end is read.
            if disk.len(&run_file(number)).ok()? != bytes {
                return None;
            }
            runs.push(RunName { number, root, bytes });
        }
        Some(Self { at, runs })
    }

    /// Replaces the list durably.
    pub fn put(&self, disk: &dyn Disk) -> io::Result<()> {
        let mut body = keys::VERSION.to_be_bytes().to_vec();
        body.extend_from_slice(&self.at.sequence.to_be_bytes());
        body.extend_from_slice(self.at.chain.as_bytes());
        for run in &self.runs {
            body.extend_from_slice(&run.number.to_be_bytes());
            body.extend_from_slice(&run.root.to_bytes());
            body.extend_from_slice(&run.bytes.to_be_bytes());
        }
        if disk.list()?.iter().any(|name| name == NEW) {
            disk.remove(NEW)?;
        }
        disk.create(NEW)?;
        disk.write_at(NEW, 0, &seal(MAGIC, &[&body]))?;
        disk.sync(NEW)?;
        disk.rename(NEW, LIST)?;
        disk.sync_dir()
    }

    /// Opens the runs, the oldest first.
    pub fn open(&self, disk: &Arc<dyn Disk>, common: &Arc<Common>) -> Vec<Arc<Run>> {
        let open = |name: &RunName| Arc::new(Run::new(Arc::clone(disk), *name, Arc::clone(common)));
        self.runs.iter().map(open).collect()
    }

    /// Removes every file that the list does not name.
    pub fn tidy(&self, disk: &dyn Disk) -> io::Result<()> {
        let kept: Vec<String> = self.runs.iter().map(|run| run_file(run.number)).collect();
        let stray = |name: &String| (name.starts_with("run-") && !kept.contains(name)) || name == NEW;
        disk.list()?.iter().filter(|name| stray(name)).try_for_each(|name| disk.remove(name))
    }
}

/// Takes the list away durably: what the runs say is not believed any more.
pub(super) fn disown(disk: &dyn Disk) -> io::Result<()> {
    if disk.list()?.iter().any(|name| name == LIST) {
        disk.remove(LIST)?;
        disk.sync_dir()?;
    }
    Ok(())
}
