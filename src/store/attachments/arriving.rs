//! Files that a peer sends and that are not whole yet.

use super::{Attachments, FileError, Incoming, SYNC_EVERY};
use crate::model::Digest;
use crate::vault::pieces::{COMMITMENT, Pieces, SEALED_PIECE, sealed_len};
use ring::digest;
use std::io;
use std::sync::Arc;
use std::thread::JoinHandle;

/// A file that is not whole, and which of its pieces are here, once that was looked up.
pub(super) struct Arriving {
    pub incoming: Incoming,
    here: Option<Here>,
    /// What its pieces hold from the first on, as far as they came in order, and how many did.
    hashed: Option<(digest::Context, u64)>,
    /// What was written of it, on its way to the disk beside the pieces that come.
    syncing: Option<JoinHandle<io::Result<()>>>,
}

/// Which pieces of a file are here, by index.
#[derive(Clone)]
pub(super) struct Here(Vec<bool>);

impl Here {
    /// Counts the pieces that are here.
    pub fn count(&self) -> u64 {
        self.0.iter().filter(|here| **here).count() as u64
    }

    /// Tells whether a piece is here.
    pub fn has(&self, index: u64) -> bool {
        usize::try_from(index).ok().and_then(|at| self.0.get(at)).is_some_and(|here| *here)
    }

    /// Returns the first run of pieces that are lacking: the first of them, and the first after them that is here.
    pub fn gap(&self) -> (u64, u64) {
        let from = self.0.iter().position(|here| !here).unwrap_or(self.0.len());
        let run = self.0[from..].iter().take_while(|here| !**here).count();
        (from as u64, (from + run) as u64)
    }
}

impl Arriving {
    pub const fn of(incoming: Incoming) -> Self {
        Self { incoming, here: None, hashed: None, syncing: None }
    }
}

impl Attachments {
    /// Tells which pieces of an awaited file are here: each begins with the commitment of its file.
    pub(super) fn here(&self, name: &Digest, incoming: &Incoming) -> Result<Here, FileError> {
        if let Some(here) = self.waiting().get(name).and_then(|arriving| arriving.here.clone()) {
            return Ok(here);
        }
        let (file, pieces) = (name.to_string(), Pieces::new(&incoming.key.0, incoming.size));
        let length = self.disk.len(&file).map_err(FileError::io("look at", name))?;
        let mut here = Vec::new();
        for index in 0..pieces.count() {
            let at = index * SEALED_PIECE as u64;
            let mut start = [0; COMMITMENT];
            let whole = at + sealed_len(incoming.size, index) as u64 <= length;
            if whole {
                self.disk.read_at(&file, at, &mut start).map_err(FileError::io("read", name))?;
            }
            here.push(whole && pieces.begins(&start));
        }
        let here = Here(here);
        if let Some(arriving) = self.waiting().get_mut(name) {
            arriving.here = Some(here.clone());
        }
        Ok(here)
    }

    /// Notes whether a piece is here; returns how many are.
    pub(super) fn mark(&self, name: &Digest, index: u64, is_here: bool) -> u64 {
        let mut open = self.waiting();
        let Some(here) = open.get_mut(name).and_then(|arriving| arriving.here.as_mut()) else { return 0 };
        if let Some(piece) = usize::try_from(index).ok().and_then(|at| here.0.get_mut(at)) {
            *piece = is_here;
        }
        here.count()
    }

    /// Writes a piece that a peer sent. Every few pieces they begin to go to the disk beside what comes; they are
    /// durable at the end.
    pub(super) fn write_arriving(&self, name: &Digest, index: u64, sealed: &[u8]) -> Result<(), FileError> {
        let (file, at) = (name.to_string(), index * SEALED_PIECE as u64);
        self.disk.write_at(&file, at, sealed).map_err(FileError::io("write", name))?;
        if index % SYNC_EVERY != SYNC_EVERY - 1 {
            return Ok(());
        }
        // One at a time, so that what comes never outruns the disk by more than that.
        self.settle(name)?;
        let disk = Arc::clone(&self.disk);
        let sync = std::thread::Builder::new().name("valise-sync".to_owned()).spawn(move || disk.sync(&file));
        let sync = sync.map_err(FileError::io("sync", name))?;
        if let Some(arriving) = self.waiting().get_mut(name) {
            arriving.syncing = Some(sync);
        }
        Ok(())
    }

    /// Waits for what is on its way to the disk.
    fn settle(&self, name: &Digest) -> Result<(), FileError> {
        let syncing = self.waiting().get_mut(name).and_then(|arriving| arriving.syncing.take());
        let Some(syncing) = syncing else { return Ok(()) };
        let done = syncing.join().unwrap_or_else(|_| Err(io::Error::other("the thread that syncs is gone")));
        done.or_else(|error| self.lost(name, error))
    }

    /// After a failed sync what was written reads well and the disk may never have got it: all of it is asked for
    /// again.
    fn lost(&self, name: &Digest, error: io::Error) -> Result<(), FileError> {
        let cut = self.disk.truncate(&name.to_string(), 0);
        self.forget_what_is_here(name);
        cut.map_err(FileError::io("truncate", name))?;
        Err(FileError::io("sync", name)(error))
    }

    /// Hashes the text of a piece if it is the next one since the first.
    pub(super) fn hash_on(&self, name: &Digest, index: u64, text: &[u8]) {
        // Taken out meanwhile, so that others need not wait; who comes between makes the file be read at the end.
        let taken = self.waiting().get_mut(name).and_then(|arriving| arriving.hashed.take());
        let taken = if index == 0 { Some((digest::Context::new(&digest::SHA256), 0)) } else { taken };
        let Some((mut hash, next)) = taken.filter(|(_, next)| *next == index) else { return };
        hash.update(text);
        if let Some(arriving) = self.waiting().get_mut(name) {
            arriving.hashed = Some((hash, next + 1));
        }
    }

    /// Makes a whole file durable, and tells what is in it if all of its pieces came in order; else it has to be read.
    pub(super) fn hashed(&self, name: &Digest, count: u64) -> Result<Option<Digest>, FileError> {
        self.settle(name)?;
        if let Err(error) = self.disk.sync(&name.to_string()) {
            self.lost(name, error)?;
        }
        let hashed = self.waiting().get_mut(name).and_then(|arriving| arriving.hashed.take());
        Ok(hashed.filter(|(_, next)| *next == count).map(|(hash, _)| sum(hash)))
    }

    /// Forgets what was hashed, after a piece that was not written; the file is read at the end.
    pub(super) fn unhash(&self, name: &Digest) {
        if let Some(arriving) = self.waiting().get_mut(name) {
            arriving.hashed = None;
        }
    }

    pub(super) fn forget_what_is_here(&self, name: &Digest) {
        if let Some(arriving) = self.waiting().get_mut(name) {
            arriving.here = None;
            arriving.hashed = None;
        }
    }
}

pub(super) fn sum(hash: digest::Context) -> Digest {
    let mut out = Digest([0; 32]);
    out.0.copy_from_slice(hash.finish().as_ref());
    out
}
