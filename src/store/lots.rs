//! Bodies on a disk by lots: what came together lies in one file that was made with one sync, and each body is erased
//! by itself, so that nothing that nobody waits for stays because of its neighbours.
//!
//! A lot is the file `NUMBER.lot`, the number in 16 hexadecimal digits; numbers are big-endian:
//!
//! | part | bytes |
//! |---|---|
//! | `VALISEL1` | 8 |
//! | how many bodies | 4 |
//! | for each body: its SHA-256, its length in bytes | 32, 4 |
//! | the bodies, in the same order; of an erased one, zeros | their lengths |

use super::{Disk, StoreError};
use crate::model::Digest;
use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

const SUFFIX: &str = ".lot";
const MAGIC: [u8; 8] = *b"VALISEL1";
/// The magic and the number of bodies, before the list of them.
const HEAD: usize = 8 + 4;
/// The digest and the length of a body in that list.
const ROW: usize = 32 + 4;

/// Bodies, found by their digests.
pub(super) struct Lots {
    disk: Arc<dyn Disk>,
    held: Mutex<Held>,
}

#[derive(Default)]
struct Held {
    places: BTreeMap<Digest, Place>,
    /// How many bodies of each lot are still wanted; a lot without any has no file.
    wanted: BTreeMap<u64, usize>,
    /// The number of the next lot.
    next: u64,
}

/// Where a body lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Place {
    lot: u64,
    offset: u64,
    length: u32,
}

impl Lots {
    /// Finds the wanted bodies. Whatever else lies there, left by a power cut, is erased.
    ///
    /// # Errors
    /// `Failed` if a wanted body is missing, and nothing is erased then; `Io`.
    pub(super) fn open(disk: Arc<dyn Disk>, wanted: &BTreeSet<Digest>) -> Result<Self, StoreError> {
        let lots = Self { disk, held: Mutex::default() };
        let mut idle = Vec::new();
        let mut held = Held::default();
        let there = lots.list().map_err(StoreError::io("list", "the bodies"))?;
        held.next = there.last().map_or(0, |newest| newest.saturating_add(1));
        for lot in &there {
            let rows = lots.rows(*lot).map_err(StoreError::io("read", &name(*lot)))?;
            for (digest, place) in rows {
                idle.extend(match held.places.entry(digest) {
                    _ if !wanted.contains(&digest) => Some(place),
                    Entry::Vacant(free) => {
                        free.insert(place);
                        None
                    }
                    // It was brought twice, and power failed during one of these writes.
                    Entry::Occupied(mut older) if lots.read(&digest, place).is_ok() => {
                        Some(older.insert(place))
                    }
                    Entry::Occupied(_) => Some(place),
                });
            }
        }
        if let Some(missing) = wanted.iter().find(|digest| !held.places.contains_key(digest)) {
            let cause = format!("the body {missing} is in custody and is not there");
            return Err(StoreError::Failed { cause });
        }
        for place in held.places.values() {
            *held.wanted.entry(place.lot).or_default() += 1;
        }
        let mut empty = there.iter().filter(|lot| !held.wanted.contains_key(lot));
        empty
            .try_for_each(|lot| lots.disk.remove(&name(*lot)))
            .and_then(|()| lots.clear(&mut held, &idle))
            .map_err(StoreError::io("erase", "bodies that nobody waits for"))?;
        Ok(Self { held: Mutex::new(held), ..lots })
    }

    /// Makes bodies durable, all or none. It waits for the disk on this thread.
    pub(super) fn put(&self, bodies: &[(&Digest, &[u8])]) -> io::Result<()> {
        if bodies.is_empty() {
            return Ok(());
        }
        let lot = {
            let mut held = self.held();
            let next = held.next;
            held.next = next.saturating_add(1);
            next
        };
        let (head, places) = laid_out(lot, bodies)?;
        let parts: Vec<&[u8]> =
            std::iter::once(head.as_slice()).chain(bodies.iter().map(|(_, body)| *body)).collect();
        self.disk.put(&name(lot), &parts).inspect_err(|_| {
            // What is left of it is erased at the next open at the latest.
            let _ = self.disk.remove(&name(lot));
        })?;
        let mut held = self.held();
        held.wanted.insert(lot, places.len());
        // One may have been left by a commit that failed, or came twice.
        let older: Vec<Place> = bodies
            .iter()
            .zip(places)
            .filter_map(|((digest, _), place)| held.places.insert(**digest, place))
            .collect();
        self.let_go(&mut held, &older)
    }

    /// Reads a body and checks it; nothing if it is not held.
    ///
    /// # Errors
    /// `Io` if it cannot be read, `Failed` if its bytes changed at rest.
    pub(super) fn get(&self, digest: &Digest) -> Result<Option<Vec<u8>>, StoreError> {
        let place = || self.held().places.get(digest).copied();
        loop {
            let Some(lies) = place() else { return Ok(None) };
            match self.read(digest, lies) {
                // It was erased, or came again, while it was being read.
                Err(_) if place() != Some(lies) => {}
                read => return read.map(Some),
            }
        }
    }

    /// Erases bodies that are not wanted any more, and a lot when its last one goes.
    pub(super) fn forget<'d>(&self, digests: impl IntoIterator<Item = &'d Digest>) -> io::Result<()> {
        let mut held = self.held();
        let places: Vec<_> = digests.into_iter().filter_map(|digest| held.places.remove(digest)).collect();
        self.let_go(&mut held, &places)
    }

    fn let_go(&self, held: &mut Held, places: &[Place]) -> io::Result<()> {
        for place in places {
            *held.wanted.entry(place.lot).or_default() -= 1;
        }
        self.clear(held, places)
    }

    /// Erases places, or removes their lot if nothing of it is wanted.
    fn clear(&self, held: &mut Held, places: &[Place]) -> io::Result<()> {
        places.iter().try_for_each(|place| match held.wanted.get(&place.lot) {
            // It went with a place before this one.
            None => Ok(()),
            Some(0) => {
                held.wanted.remove(&place.lot);
                self.disk.remove(&name(place.lot))
            }
            Some(_) => self.disk.erase(&name(place.lot), place.offset, u64::from(place.length)),
        })
    }

    fn read(&self, digest: &Digest, place: Place) -> Result<Vec<u8>, StoreError> {
        let mut body = vec![0; place.length as usize];
        self.disk
            .read_at(&name(place.lot), place.offset, &mut body)
            .map_err(StoreError::io("read", &digest.to_string()))?;
        if Digest::of(&[&body]) == *digest {
            return Ok(body);
        }
        Err(StoreError::Failed { cause: format!("the body {digest} has changed at rest") })
    }

    /// Lists the lots, the oldest first.
    fn list(&self) -> io::Result<BTreeSet<u64>> {
        let number = |file: &String| {
            let number = u64::from_str_radix(file.strip_suffix(SUFFIX)?, 16).ok()?;
            (name(number) == *file).then_some(number)
        };
        Ok(self.disk.list()?.iter().filter_map(number).collect())
    }

    /// Reads where the bodies of a lot lie. What power has cut short lists only what is within the file.
    fn rows(&self, lot: u64) -> io::Result<Vec<(Digest, Place)>> {
        let (name, size) = (name(lot), self.disk.len(&name(lot))?);
        let mut head = [0; HEAD];
        if size < HEAD as u64 {
            return Ok(Vec::new());
        }
        self.disk.read_at(&name, 0, &mut head)?;
        let Some(&count) = head.strip_prefix(&MAGIC).and_then(<[u8]>::first_chunk) else {
            return Ok(Vec::new());
        };
        let listed = u64::from(u32::from_be_bytes(count)) * ROW as u64;
        let mut offset = HEAD as u64 + listed;
        if offset > size {
            return Ok(Vec::new());
        }
        let mut rows = vec![0; usize::try_from(listed).map_err(|_| io::ErrorKind::InvalidData)?];
        self.disk.read_at(&name, HEAD as u64, &mut rows)?;
        let (rows, _) = rows.as_chunks::<ROW>();
        let place = |row: &[u8; ROW]| {
            let (digest, length) = row.split_first_chunk::<32>()?;
            let place = Place { lot, offset, length: u32::from_be_bytes(length.try_into().ok()?) };
            offset += u64::from(place.length);
            (offset <= size).then_some((Digest(*digest), place))
        };
        Ok(rows.iter().map_while(place).collect())
    }

    fn held(&self) -> MutexGuard<'_, Held> {
        // A panic in between leaves a body that is erased at the next open.
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Lists the bodies of a lot for its head, and says where each lies.
fn laid_out(lot: u64, bodies: &[(&Digest, &[u8])]) -> io::Result<(Vec<u8>, Vec<Place>)> {
    let short =
        |length: usize| u32::try_from(length).map_err(|_| io::Error::from(io::ErrorKind::InvalidInput));
    let mut head = [MAGIC.as_slice(), &short(bodies.len())?.to_be_bytes()].concat();
    let mut offset = (HEAD + ROW * bodies.len()) as u64;
    let mut places = Vec::with_capacity(bodies.len());
    for (digest, body) in bodies {
        let length = short(body.len())?;
        head.extend_from_slice(&digest.0);
        head.extend_from_slice(&length.to_be_bytes());
        places.push(Place { lot, offset, length });
        offset += u64::from(length);
    }
    Ok((head, places))
}

fn name(lot: u64) -> String {
    format!("{lot:016x}{SUFFIX}")
}
