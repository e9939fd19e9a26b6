//! Citations of snapshots that are newer than the one in force here: they are remembered, across restarts too, and compared once that
//! version comes in, so that publishers who tell two stories are found out whichever of the two comes first (DESIGN §6).

use crate::model::{Digest, DirectoryRef, Party};
use crate::store::Shelf;
use crate::wire::{Limits, decode, encode};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// The file in which they are kept.
const FILE: &str = "citations";
/// How many of one party are remembered; a newer one takes the place of its oldest, and of nobody else's.
const OF_A_PARTY: usize = 8;

/// What a statement says of the directory by which it was made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Citation {
    /// Who has signed the statement.
    pub by: Party,
    /// The statement.
    pub act: Digest,
    /// The snapshot that it cites.
    pub cited: DirectoryRef,
}

/// The citations that could not be compared yet, oldest first.
pub struct Citations(Mutex<Vec<Citation>>);

impl Citations {
    /// Reads what was kept.
    pub fn read(shelf: &Shelf) -> Self {
        let kept = shelf.read(FILE).ok().flatten();
        let kept: Option<Vec<Form>> = kept.and_then(|bytes| decode(&bytes, &Limits::FILE).ok());
        let citation = |(version, digest, by, act)| {
            let cited = DirectoryRef { version, digest };
            Citation { by, act, cited }
        };
        Self(Mutex::new(kept.into_iter().flatten().map(citation).collect()))
    }

    /// Remembers a citation; of one snapshot one for each party.
    pub fn note(&self, citation: Citation, shelf: &Shelf) {
        let mut all = self.all();
        if all.iter().any(|known| (&known.by, &known.cited) == (&citation.by, &citation.cited)) {
            return;
        }
        let same: Vec<usize> =
            all.iter().enumerate().filter(|(_, known)| known.by == citation.by).map(|(at, _)| at).collect();
        if same.len() >= OF_A_PARTY {
            all.remove(same[0]);
        }
        all.push(citation);
        keep(&all, shelf);
    }

    /// Finds whoever cites another snapshot of the same version.
    pub fn contradiction(&self, cited: &DirectoryRef) -> Option<Party> {
        let other =
            |known: &&Citation| known.cited.version == cited.version && known.cited.digest != cited.digest;
        self.all().iter().find(other).map(|known| known.by.clone())
    }

    /// Lists those of a version that is not above this one.
    pub fn up_to(&self, version: u64) -> Vec<Citation> {
        self.all().iter().filter(|known| known.cited.version <= version).cloned().collect()
    }

    /// Forgets those, which have been compared.
    pub fn forget_up_to(&self, version: u64, shelf: &Shelf) {
        let mut all = self.all();
        let before = all.len();
        all.retain(|known| known.cited.version > version);
        if all.len() < before {
            keep(&all, shelf);
        }
    }

    fn all(&self) -> MutexGuard<'_, Vec<Citation>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Version and digest of the snapshot, the party and its statement.
type Form = (u64, Digest, Party, Digest);

fn keep(all: &[Citation], shelf: &Shelf) {
    let form = |c: &Citation| (c.cited.version, c.cited.digest, c.by.clone(), c.act);
    let bytes = encode(&all.iter().map(form).collect::<Vec<Form>>()).expect("all of it has an encoding");
    if let Err(cause) = shelf.replace(FILE, &bytes) {
        tracing::warn!(%cause, "citations of newer snapshots are remembered only until the next start");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::MemDisk;
    use crate::trust::fixture::party;
    use std::sync::Arc;

    fn cites(by: &str, version: u64, digest: u8) -> Citation {
        let cited = DirectoryRef { version, digest: Digest([digest; 32]) };
        Citation { by: party(by), act: Digest([1; 32]), cited }
    }

    #[test]
    fn they_are_kept_until_they_are_compared_and_one_party_drives_out_its_own_only() {
        let disk = Arc::new(MemDisk::new());
        let shelf = Shelf::new(disk.clone());
        let citations = Citations::read(&shelf);
        let first = cites("XAA", 3, 3);
        citations.note(first.clone(), &shelf);
        citations.note(first.clone(), &shelf);
        for version in 10..100 {
            citations.note(cites("XBB", version, 7), &shelf);
        }
        disk.crash(|_, _| 0);
        let citations = Citations::read(&shelf);
        let kept: Vec<u64> = citations.up_to(1000).iter().map(|known| known.cited.version).collect();
        assert_eq!(kept, [3, 92, 93, 94, 95, 96, 97, 98, 99]);
        assert_eq!(citations.up_to(3), [first]);
        let of = |version, digest| citations.contradiction(&cites("XCC", version, digest).cited);
        assert_eq!((of(3, 3), of(3, 4), of(4, 4)), (None, Some(party("XAA")), None));
        citations.forget_up_to(3, &shelf);
        assert_eq!(Citations::read(&shelf).up_to(1000).len(), OF_A_PARTY);
    }
}
