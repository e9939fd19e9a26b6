//! Files beside the journal, each in sealed pieces: what an officer attached here, and what peers sent.
//!
//! What an officer attached lies once, under a key of its own; for each audience it is sealed again as it
//! leaves. What a peer sent lies as it came. Beside each file a *slip*, sealed by the vault, says what it is.
//! Names tell nothing of content. Whoever reads a file brings its key, which stands in the element of the act.

mod arriving;
mod error;

pub use error::FileError;

use super::{Disk, Shelf};
use crate::model::{Digest, Entropy, MessageId, Party};
use crate::vault::BodyKey;
use crate::vault::pieces::{COMMITMENT, MAX_FILE, Pieces, SEALED_PIECE, Text, count, sealed_len};
use crate::wire;
use crate::wire::Limits;
use arriving::{Arriving, sum};
use error::failed;
use ring::digest;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::mem;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// How many pieces of a file are written between two syncs: what a power cut takes is asked for again.
const SYNC_EVERY: u64 = 16;

/// The files.
#[derive(Clone)]
pub struct Attachments {
    disk: Arc<dyn Disk>,
    shelf: Shelf,
    key: Arc<BodyKey>,
    floor: u64,
    entropy: Arc<Mutex<Box<dyn Entropy + Send>>>,
    /// What peers sent and is not whole yet.
    open: Arc<Mutex<BTreeMap<Digest, Arriving>>>,
}

/// A file that a peer sent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Incoming {
    /// SHA-256 of what is in it, as the act says.
    pub sha256: Digest,
    /// Its length in bytes.
    pub size: u64,
    /// Who sends it.
    pub from: Party,
    /// Whether an officer has asked for it.
    pub asked: bool,
    /// Whether it is whole and holds what the act says.
    pub verified: bool,
    key: Digest,
}

/// How far a file has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// So many pieces are here.
    Arriving(u64),
    /// It is whole, and holds what the act says.
    Verified,
    /// It was whole and held something else; it begins anew.
    Wrong,
}

/// A part of a file that a courier may carry to a party.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Owed {
    /// To whom.
    pub to: Party,
    /// The first piece.
    pub from: u64,
    /// The first piece after it that is not owed.
    pub end: u64,
}

#[derive(Serialize, Deserialize)]
enum Slip {
    /// An officer attached it.
    Own { sha256: Digest, size: u64, whole: bool },
    /// It goes to an audience; some of whom have not fetched it by any road, or have asked for it by courier.
    Out {
        sha256: Digest,
        size: u64,
        to: Vec<Party>,
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        owed: Vec<Owed>,
    },
    /// A peer sent it.
    In(Incoming),
}

impl Attachments {
    pub(super) fn open(
        disk: Arc<dyn Disk>,
        key: Arc<BodyKey>,
        floor: u64,
        entropy: Box<dyn Entropy + Send>,
    ) -> Result<Self, FileError> {
        let (shelf, entropy) = (Shelf::new(Arc::clone(&disk)), Arc::new(Mutex::new(entropy)));
        let files = Self { shelf, disk, key, floor, entropy, open: Arc::default() };
        for name in files.list()? {
            match files.slip(&name)? {
                Some(Slip::In(incoming)) if !incoming.verified => {
                    files.waiting().insert(name, Arriving::of(incoming));
                }
                Some(Slip::In(_) | Slip::Own { .. } | Slip::Out { .. }) | None => {}
            }
        }
        Ok(files)
    }

    /// Begins, or goes on with, what an officer attaches; tells how many pieces are here already.
    ///
    /// # Errors
    /// `Refused` if it is too long or there is no room, `Io` if the disk fails.
    pub fn offer(&self, sha256: Digest, size: u64) -> Result<u64, FileError> {
        let name = self.own_name(&sha256);
        if let Some(Slip::Own { size: known, .. }) = self.slip(&name)? {
            if known != size {
                return Err(failed("a file with this SHA-256 has another length".to_owned()));
            }
            return self.held(&name, size);
        }
        self.room_for(size)?;
        self.make(&name)?;
        self.write_slip(&name, &Slip::Own { sha256, size, whole: false })?;
        Ok(0)
    }

    /// Takes the next piece of what an officer attaches; after the last one it is proved to be what was offered.
    ///
    /// # Errors
    /// `Refused` if it is not the next piece, or the file holds something else than was offered.
    pub fn put(&self, sha256: Digest, index: u64, text: &[u8]) -> Result<u64, FileError> {
        let name = self.own_name(&sha256);
        let Some(Slip::Own { size, whole: false, .. }) = self.slip(&name)? else {
            return Err(failed("no such file was offered, or it is whole".to_owned()));
        };
        let pieces = Pieces::new(&self.own_key(&sha256), size);
        let held = self.held(&name, size)?;
        let sealed = pieces.seal(index, text).filter(|_| index == held);
        let sealed = sealed.ok_or_else(|| failed(format!("piece {held} is the next one")))?;
        self.write(&name, index, &sealed, pieces.count())?;
        if index + 1 == pieces.count() {
            if self.hash(&name, &pieces)?.0 != sha256 {
                self.disk.truncate(&name.to_string(), 0).map_err(FileError::io("truncate", &name))?;
                return Err(failed("the file has changed while it was read; attach it again".to_owned()));
            }
            self.write_slip(&name, &Slip::Own { sha256, size, whole: true })?;
        }
        Ok(index + 1)
    }

    /// Returns the length of a file that an officer attached, if all of it is here.
    ///
    /// # Errors
    /// `Io` if the disk fails.
    pub fn own(&self, sha256: &Digest) -> Result<Option<u64>, FileError> {
        Ok(match self.slip(&self.own_name(sha256))? {
            Some(Slip::Own { size, whole: true, .. }) => Some(size),
            Some(Slip::Own { .. } | Slip::Out { .. } | Slip::In(_)) | None => None,
        })
    }

    /// Reads a piece of a file that an officer attached, for another officer who has to agree that it goes out.
    ///
    /// # Errors
    /// `Refused` if not all of it is here, or it has changed at rest.
    pub fn read_own(&self, sha256: &Digest, index: u64) -> Result<Text, FileError> {
        let size =
            self.own(sha256)?.ok_or_else(|| failed("the file is not here, or not whole".to_owned()))?;
        self.own_piece(sha256, size, index)
    }

    /// Lets a file that an officer attached go to an audience; gives its length and key, `None` if it is not here.
    ///
    /// # Errors
    /// `Io` if the disk fails.
    pub fn send(&self, sha256: &Digest, audience: &[Party]) -> Result<Option<(u64, [u8; 32])>, FileError> {
        let Some(Slip::Own { size, whole: true, .. }) = self.slip(&self.own_name(sha256))? else {
            return Ok(None);
        };
        let key = self.out_key(sha256, audience)?;
        let name = Pieces::name(&key);
        if self.slip(&name)?.is_none() {
            let owed = audience.iter().map(|to| Owed { to: to.clone(), from: 0, end: count(size) });
            let owed = owed.collect();
            self.write_slip(&name, &Slip::Out { sha256: *sha256, size, to: audience.to_vec(), owed })?;
        }
        Ok(Some((size, key)))
    }

    /// Lists what a courier may carry to a party: what it has not fetched by any road, and what it asked for by courier.
    ///
    /// # Errors
    /// `Refused` if a slip cannot be read, `Io` if the disk fails.
    pub fn owed(&self, to: &Party) -> Result<Vec<(Digest, Owed)>, FileError> {
        let mut out = Vec::new();
        for name in self.list()? {
            if let Some(Slip::Out { owed, .. }) = self.slip(&name)? {
                out.extend(owed.into_iter().filter(|part| part.to == *to).map(|part| (name, part)));
            }
        }
        Ok(out)
    }

    /// Notes which part of a file a party is owed by courier, or that it is owed none; tells whether the file goes to it.
    ///
    /// # Errors
    /// `Refused` if the slip cannot be read, `Io` if the disk fails.
    pub fn owe(&self, name: &Digest, to: &Party, part: Option<(u64, u64)>) -> Result<bool, FileError> {
        let Some(Slip::Out { sha256, size, to: audience, mut owed }) = self.slip(name)? else {
            return Ok(false);
        };
        if !audience.contains(to) {
            return Ok(false);
        }
        let before = owed.clone();
        owed.retain(|known| known.to != *to);
        let (part, most) = (part.filter(|(from, end)| from < end), count(size));
        owed.extend(part.map(|(from, end)| Owed { to: to.clone(), from, end: end.min(most) }));
        if owed != before {
            self.write_slip(name, &Slip::Out { sha256, size, to: audience, owed })?;
        }
        Ok(true)
    }

    /// Finds a file that goes to a party, with its pieces' identities.
    ///
    /// # Errors
    /// `Refused` if its slip cannot be read.
    pub fn outgoing(&self, name: &Digest, to: &Party) -> Result<Option<Outgoing>, FileError> {
        match self.slip(name)? {
            Some(Slip::Out { sha256, size, to: audience, .. }) if audience.contains(to) => {
                let out = Pieces::new(&self.out_key(&sha256, &audience)?, size);
                Ok(Some(Outgoing { files: self.clone(), sha256, out: Arc::new(out) }))
            }
            Some(Slip::Out { .. } | Slip::Own { .. } | Slip::In(_)) | None => Ok(None),
        }
    }

    /// Notes that a peer's act names a file; durable when this returns, so that no receipt promises what is forgotten.
    ///
    /// # Errors
    /// `Io` if the disk fails.
    pub fn expect(&self, key: &[u8; 32], sha256: Digest, size: u64, from: &Party) -> Result<(), FileError> {
        let name = Pieces::name(key);
        if self.slip(&name)?.is_some() {
            return Ok(());
        }
        let incoming =
            Incoming { sha256, size, from: from.clone(), asked: false, verified: false, key: Digest(*key) };
        self.make(&name)?;
        self.write_slip(&name, &Slip::In(incoming.clone()))?;
        self.waiting().insert(name, Arriving::of(incoming));
        Ok(())
    }

    /// Notes that an officer has asked for a file that was left at its sender.
    ///
    /// # Errors
    /// `Io` if the disk fails.
    pub fn ask(&self, key: &[u8; 32]) -> Result<(), FileError> {
        let name = Pieces::name(key);
        let known = self.waiting().get(&name).map(|arriving| arriving.incoming.clone());
        let Some(incoming) = known else { return Ok(()) };
        let incoming = Incoming { asked: true, ..incoming };
        self.write_slip(&name, &Slip::In(incoming.clone()))?;
        if let Some(arriving) = self.waiting().get_mut(&name) {
            arriving.incoming = incoming;
        }
        Ok(())
    }

    /// Lists what a peer sends and is not whole yet.
    pub fn awaited(&self, from: &Party) -> Vec<(Digest, Incoming)> {
        let open = self.waiting();
        let of_peer = open.iter().filter(|(_, arriving)| arriving.incoming.from == *from);
        of_peer.map(|(name, arriving)| (*name, arriving.incoming.clone())).collect()
    }

    /// Returns the first run of pieces that an awaited file lacks: the first of them, and the first after them that is here.
    ///
    /// # Errors
    /// `Io` if the disk fails, `Refused` if there is no room for the rest of it.
    pub fn next(&self, name: &Digest, incoming: &Incoming) -> Result<(u64, u64), FileError> {
        let here = self.here(name, incoming)?;
        self.room_for(incoming.size.saturating_sub(here.count().saturating_mul(SEALED_PIECE as u64)))?;
        Ok(here.gap())
    }

    /// Takes a piece that `from` sent, if it is one of a file that is awaited; in any order, and any number of times.
    /// What is left in `sealed` is of no use but for its memory.
    ///
    /// # Errors
    /// `Refused` if nothing awaits it or it does not open, `Io` if the disk fails.
    pub fn take(
        &self,
        from: &Party,
        id: MessageId,
        sealed: &mut Vec<u8>,
    ) -> Result<(Digest, Progress), FileError> {
        for (name, incoming) in self.awaited(from) {
            let pieces = Pieces::new(&incoming.key.0, incoming.size);
            let here = self.here(&name, &incoming)?;
            let (next, _) = here.gap();
            // Nearly always it is the next one; a bag may bring any.
            let found = (next..pieces.count()).chain(0..next).find(|index| pieces.id(*index) == id);
            let Some(index) = found else { continue };
            let text = pieces.open(index, mem::take(sealed));
            let text = text.ok_or_else(|| failed("a piece does not open".to_owned()))?;
            if !here.has(index) {
                self.hash_on(&name, index, &text);
                // The same bytes again, in the same place: quicker than a copy of what came.
                *sealed = pieces.reseal(index, text).expect("it was opened as this piece of this file");
                if let Err(error) = self.write_arriving(&name, index, sealed) {
                    self.unhash(&name);
                    return Err(error);
                }
            }
            let held = self.mark(&name, index, true);
            if held < pieces.count() {
                return Ok((name, Progress::Arriving(held)));
            }
            return self.conclude(name, incoming, &pieces).map(|progress| (name, progress));
        }
        Err(failed("no file awaits this piece".to_owned()))
    }

    /// Concludes an awaited file of which every piece is here already, as after a stop right behind the last one; tells
    /// how far it has come.
    ///
    /// # Errors
    /// `Io` if the disk fails.
    pub fn finish(&self, name: &Digest, incoming: &Incoming) -> Result<Progress, FileError> {
        let held = self.here(name, incoming)?.count();
        let pieces = Pieces::new(&incoming.key.0, incoming.size);
        if held < pieces.count() {
            return Ok(Progress::Arriving(held));
        }
        self.conclude(*name, incoming.clone(), &pieces)
    }

    /// Tells how far a file of a key has come; `None` if it is not here at all.
    ///
    /// # Errors
    /// `Io` if the disk fails.
    pub fn progress(&self, key: &[u8; 32]) -> Result<Option<Progress>, FileError> {
        let name = Pieces::name(key);
        Ok(match self.slip(&name)? {
            Some(Slip::In(Incoming { verified: true, .. }) | Slip::Out { .. }) => Some(Progress::Verified),
            Some(Slip::In(incoming)) => Some(Progress::Arriving(self.here(&name, &incoming)?.count())),
            Some(Slip::Own { .. }) | None => None,
        })
    }

    /// Reads a piece of a file that was verified; whoever asks brings the key that stands in the act.
    ///
    /// # Errors
    /// `Refused` if it is not here, not whole or not verified yet.
    pub fn read(&self, key: &[u8; 32], index: u64) -> Result<Text, FileError> {
        let name = Pieces::name(key);
        match self.slip(&name)? {
            Some(Slip::In(Incoming { verified: true, size, .. })) => {
                self.piece(&name, &Pieces::new(key, size), index)
            }
            Some(Slip::Out { sha256, size, .. }) => self.own_piece(&sha256, size, index),
            Some(Slip::In(_) | Slip::Own { .. }) | None => {
                Err(failed("the file is not whole yet".to_owned()))
            }
        }
    }

    fn conclude(&self, name: Digest, incoming: Incoming, pieces: &Pieces) -> Result<Progress, FileError> {
        let (sha256, torn) = match self.hashed(&name, pieces.count())? {
            Some(sha256) => (sha256, Vec::new()),
            None => self.hash(&name, pieces)?,
        };
        if sha256 == incoming.sha256 {
            self.write_slip(&name, &Slip::In(Incoming { verified: true, ..incoming }))?;
            self.waiting().remove(&name);
            return Ok(Progress::Verified);
        }
        if torn.is_empty() {
            self.disk.truncate(&name.to_string(), 0).map_err(FileError::io("truncate", &name))?;
            self.forget_what_is_here(&name);
            return Ok(Progress::Wrong);
        }
        // What a power cut tore, or the disk changed, is asked for again, and nothing else.
        let mut held = pieces.count();
        for index in torn {
            let at = index * SEALED_PIECE as u64;
            self.disk
                .write_at(&name.to_string(), at, &[0; COMMITMENT])
                .map_err(FileError::io("write", &name))?;
            held = self.mark(&name, index, false);
        }
        Ok(Progress::Arriving(held))
    }

    fn own_piece(&self, sha256: &Digest, size: u64, index: u64) -> Result<Text, FileError> {
        self.piece(&self.own_name(sha256), &Pieces::new(&self.own_key(sha256), size), index)
    }

    fn piece(&self, name: &Digest, pieces: &Pieces, index: u64) -> Result<Text, FileError> {
        if index >= pieces.count() {
            return Err(failed(format!("the file has {} pieces", pieces.count())));
        }
        let mut sealed = vec![0; sealed_len(pieces.size(), index)];
        let at = index * SEALED_PIECE as u64;
        self.disk.read_at(&name.to_string(), at, &mut sealed).map_err(FileError::io("read", name))?;
        pieces
            .open(index, sealed)
            .ok_or_else(|| failed(format!("piece {index} of {name} has changed at rest")))
    }

    /// Computes SHA-256 of what is in a whole file, piece by piece, and lists the pieces that do not open.
    fn hash(&self, name: &Digest, pieces: &Pieces) -> Result<(Digest, Vec<u64>), FileError> {
        self.disk.sync(&name.to_string()).map_err(FileError::io("sync", name))?;
        let mut hash = digest::Context::new(&digest::SHA256);
        let mut torn = Vec::new();
        for index in 0..pieces.count() {
            match self.piece(name, pieces, index) {
                Ok(text) => hash.update(&text),
                Err(FileError::Refused(_)) => torn.push(index),
                Err(cause) => return Err(cause),
            }
        }
        Ok((sum(hash), torn))
    }

    fn write(&self, name: &Digest, index: u64, sealed: &[u8], count: u64) -> Result<(), FileError> {
        let file = name.to_string();
        let at = index * SEALED_PIECE as u64;
        self.disk.write_at(&file, at, sealed).map_err(FileError::io("write", name))?;
        if index % SYNC_EVERY == SYNC_EVERY - 1 || index + 1 == count {
            self.disk.sync(&file).map_err(FileError::io("sync", name))?;
        }
        Ok(())
    }

    /// Counts the whole pieces of a file that an officer attaches; a piece that was cut short is cut off.
    fn held(&self, name: &Digest, size: u64) -> Result<u64, FileError> {
        let file = name.to_string();
        let length = self.disk.len(&file).map_err(FileError::io("look at", name))?;
        let pieces = count(size);
        let whole = (pieces - 1) * SEALED_PIECE as u64 + sealed_len(size, pieces - 1) as u64;
        if length >= whole {
            return Ok(pieces);
        }
        let held = length / SEALED_PIECE as u64;
        if length % SEALED_PIECE as u64 != 0 {
            let cut = self.disk.truncate(&file, held * SEALED_PIECE as u64);
            cut.map_err(FileError::io("truncate", name))?;
        }
        Ok(held)
    }

    fn room_for(&self, size: u64) -> Result<(), FileError> {
        if size > MAX_FILE {
            return Err(failed(format!("a file of {size} bytes is longer than {MAX_FILE}")));
        }
        let free = self.disk.free_space().map_err(FileError::io("look at", &"the disk"))?;
        if free.saturating_sub(self.floor) < size {
            return Err(failed(format!("there is no room for {size} bytes")));
        }
        Ok(())
    }

    fn make(&self, name: &Digest) -> Result<(), FileError> {
        let file = name.to_string();
        let there = self.disk.list().map_err(FileError::io("list", &"the attachments"))?.contains(&file);
        if there { Ok(()) } else { self.disk.create(&file).map_err(FileError::io("create", name)) }
    }

    fn own_name(&self, sha256: &Digest) -> Digest {
        Digest(self.key.derive(&[b"name of an attachment", &sha256.0]))
    }

    fn own_key(&self, sha256: &Digest) -> [u8; 32] {
        self.key.derive(&[b"key of an attachment", &sha256.0])
    }

    /// The same file for the same audience is the same sealed file, which is sent once.
    fn out_key(&self, sha256: &Digest, audience: &[Party]) -> Result<[u8; 32], FileError> {
        let audience = wire::encode(&audience).map_err(|e| failed(e.to_string()))?;
        Ok(self.key.derive(&[b"key of an attachment for", &sha256.0, &audience]))
    }

    fn list(&self) -> Result<Vec<Digest>, FileError> {
        let names = self.disk.list().map_err(FileError::io("list", &"the attachments"))?;
        Ok(names.iter().filter_map(|name| name.strip_suffix(".slip")?.parse().ok()).collect())
    }

    fn slip(&self, name: &Digest) -> Result<Option<Slip>, FileError> {
        let file = slip_name(name);
        let Some(sealed) = self.shelf.read(&file).map_err(FileError::io("read", &file))? else {
            return Ok(None);
        };
        let plain = self.key.open(file.as_bytes(), &sealed).map_err(|e| failed(format!("{file}: {e}")))?;
        wire::decode(&plain, &Limits::REJECT).map(Some).map_err(|e| failed(format!("{file}: {e}")))
    }

    fn write_slip(&self, name: &Digest, slip: &Slip) -> Result<(), FileError> {
        let file = slip_name(name);
        let plain = wire::encode(slip).map_err(|e| failed(e.to_string()))?;
        let mut entropy = self.entropy.lock().unwrap_or_else(PoisonError::into_inner);
        let sealed = self.key.seal(file.as_bytes(), &plain, &mut **entropy);
        drop(entropy);
        self.shelf.replace(&file, &sealed).map_err(FileError::io("write", &file))
    }

    fn waiting(&self) -> MutexGuard<'_, BTreeMap<Digest, Arriving>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A file on its way to a peer.
pub struct Outgoing {
    files: Attachments,
    sha256: Digest,
    out: Arc<Pieces>,
}

impl Outgoing {
    /// Returns how many pieces it has.
    pub fn count(&self) -> u64 {
        self.out.count()
    }

    /// Seals a piece for the peer; the same bytes each time.
    ///
    /// # Errors
    /// `Refused` if it has changed at rest, `Io` if the disk fails.
    pub fn piece(&self, index: u64) -> Result<(MessageId, Vec<u8>), FileError> {
        let text = self.files.own_piece(&self.sha256, self.out.size(), index)?;
        let sealed =
            self.out.reseal(index, text).ok_or_else(|| failed("a piece has another length".to_owned()))?;
        Ok((self.out.id(index), sealed))
    }
}

fn slip_name(name: &Digest) -> String {
    format!("{name}.slip")
}

#[cfg(test)]
mod tests;
