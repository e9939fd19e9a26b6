//! What a relay has in custody: events in the journal, bodies in lots beside it, so that what was
//! collected is truly forgotten.

use super::lots::Lots;
use super::{
    Batch, Disk, Indexer, Leaf, Notary, NotarySeal, OpenReport, Record, RecordRef, Store, StoreError,
    StoreOptions, Ticket, Transaction,
};
use crate::model::Digest;
use crate::relay::{Event, Parcel, Thread};
use crate::wire;
use crate::wire::Limits;
use std::collections::BTreeMap;
use std::sync::Arc;

/// The kind of a relay's records: one [`Event`].
const EVENT: u8 = 2;
const PARCELS: &[u8] = b"p/";
const THREADS: &[u8] = b"t/";

/// The store in the words of a relay.
#[derive(Clone)]
pub struct Mailroom {
    store: Store,
    bodies: Arc<Lots>,
}

impl Mailroom {
    /// Opens the journal and the folder of bodies; bodies that no parcel in custody names are erased.
    ///
    /// # Errors
    /// As for [`Store::open`]; `Failed` if a body in custody is missing.
    pub fn open(options: StoreOptions, bodies: Arc<dyn Disk>) -> Result<(Self, OpenReport), StoreError> {
        let (store, report) = Store::open(options, Box::new(NoLogs), Box::new(EventIndexer))?;
        let held = parcels(&store)?.iter().map(|parcel| parcel.digest).collect();
        let bodies = Arc::new(Lots::open(bodies, &held)?);
        Ok((Self { store, bodies }, report))
    }

    /// Makes bodies durable, then hands the events to the committer. It waits for the disk on this thread.
    ///
    /// # Errors
    /// `Io` if a body cannot be written; nothing is submitted then.
    pub fn commit<'b>(
        &self,
        events: &[Event],
        bodies: impl IntoIterator<Item = (&'b Digest, &'b [u8])>,
    ) -> Result<Ticket, StoreError> {
        let bodies: Vec<_> = bodies.into_iter().collect();
        self.bodies.put(&bodies).map_err(StoreError::io("keep", "the bodies"))?;
        let record = |event: &Event| {
            let bytes = wire::encode(event).map_err(|e| StoreError::Failed { cause: e.to_string() })?;
            Ok(Record { kind: EVENT, bytes })
        };
        let records = events.iter().map(record).collect::<Result<_, StoreError>>()?;
        Ok(self.store.submit(Transaction { records, leaves: Vec::new() }))
    }

    /// Reads the body of a parcel, and checks it; nothing if it is not in custody.
    ///
    /// # Errors
    /// `Io` if it cannot be read, `Failed` if its bytes changed at rest.
    pub fn body(&self, digest: &Digest) -> Result<Option<Vec<u8>>, StoreError> {
        self.bodies.get(digest)
    }

    /// Erases the bodies of parcels that are in custody no longer.
    ///
    /// # Errors
    /// `Io`; the next open tries again.
    pub fn forget<'d>(&self, digests: impl IntoIterator<Item = &'d Digest>) -> Result<(), StoreError> {
        self.bodies.forget(digests).map_err(StoreError::io("erase", "bodies that were collected"))
    }

    /// Lists the parcels in custody.
    ///
    /// # Errors
    /// `Failed` if a row of the index cannot be read.
    pub fn parcels(&self) -> Result<Vec<Parcel>, StoreError> {
        parcels(&self.store)
    }

    /// Returns the next number of every thread that was ever used.
    ///
    /// # Errors
    /// As for [`Self::parcels`].
    pub fn threads(&self) -> Result<BTreeMap<Thread, u64>, StoreError> {
        let next = |(_, value): &(Vec<u8>, Vec<u8>)| {
            let newest = parcel(value)?;
            Ok((newest.thread, newest.index + 1))
        };
        self.store.scan(THREADS)?.iter().map(next).collect()
    }

    /// Returns the store below, to close it or to ask how it is.
    pub const fn store(&self) -> &Store {
        &self.store
    }
}

/// A relay keeps no evidence logs: what it owes is in its custody receipts.
struct NoLogs;

impl Notary for NoLogs {
    fn seal_group(&mut self, leaves: &[Leaf]) -> Result<NotarySeal, String> {
        match leaves {
            [] => Ok(NotarySeal::default()),
            _ => Err("a relay keeps no evidence logs".to_owned()),
        }
    }
}

/// Finds the parcels in custody, and the newest of each thread.
struct EventIndexer;

impl Indexer for EventIndexer {
    fn index(&mut self, record: &RecordRef<'_>) -> Batch {
        let event = record.bytes.and_then(|bytes| wire::decode::<Event>(bytes, &Limits::FILE).ok());
        let gone = |digest: &Digest| (parcel_key(digest), None);
        match event {
            Some(Event::Taken(parcel)) => {
                let Ok(value) = wire::encode(&parcel) else { return Batch::new() };
                vec![
                    (parcel_key(&parcel.digest), Some(value.clone())),
                    (thread_key(&parcel.thread), Some(value)),
                ]
            }
            Some(Event::Collected { parcels, .. }) => parcels.iter().map(gone).collect(),
            Some(Event::Expired { parcel, .. }) => vec![gone(&parcel)],
            // What cannot be read has no keys; reading the journal as a whole reports it.
            None => Batch::new(),
        }
    }

    fn fork(&self) -> Box<dyn Indexer> {
        Box::new(Self)
    }
}

fn parcels(store: &Store) -> Result<Vec<Parcel>, StoreError> {
    store.scan(PARCELS)?.iter().map(|(_, value)| parcel(value)).collect()
}

fn parcel(value: &[u8]) -> Result<Parcel, StoreError> {
    wire::decode(value, &Limits::REJECT).map_err(|e| StoreError::Failed {
        cause: format!("the journal holds a parcel that this release cannot read: {e}"),
    })
}

fn parcel_key(digest: &Digest) -> Vec<u8> {
    [PARCELS, &digest.0].concat()
}

fn thread_key(thread: &Thread) -> Vec<u8> {
    let lane = format!("{:?}", thread.lane);
    [
        THREADS,
        thread.from.to_string().as_bytes(),
        b"\0",
        thread.to.to_string().as_bytes(),
        b"\0",
        lane.as_bytes(),
    ]
    .concat()
}
