//! The rows of the index, and how they are built from entries.

use super::entry::Put;
use super::{Batch, Entry, Indexer, Location, RecordRef, StoreError};

/// A row of the index: the entry or its place, and the place of the big record that it names.
pub(super) struct Row {
    pub entry: EntryAt,
    pub blob: Option<Location>,
}

/// An entry that is small enough to stand in the index itself, or the place where it lies.
pub(super) enum EntryAt {
    Here(Vec<u8>),
    At(Location),
}

/// A longer entry is read from the journal: rows are sorted and copied again and again.
const MAX_HERE: usize = 2 * Location::BYTES;

const HERE: u8 = 0;
const AT: u8 = 1;
const WITH_BLOB: u8 = 2;

impl Row {
    fn encode(entry: &[u8], at: &Location, blob: Option<&Location>) -> Vec<u8> {
        let blob_bytes = blob.map(Location::to_bytes);
        let here = entry.len() <= MAX_HERE;
        let mut out = vec![if here { HERE } else { AT } | if blob.is_some() { WITH_BLOB } else { 0 }];
        out.extend(blob_bytes.iter().flatten());
        if here {
            out.extend_from_slice(entry)
        } else {
            out.extend_from_slice(&at.to_bytes())
        }
        out
    }

    pub fn parse(value: &[u8]) -> Result<Self, StoreError> {
        let damaged = || StoreError::Failed { cause: "an index row cannot be read".to_owned() };
        let (flags, mut rest) = value.split_first().ok_or_else(damaged)?;
        let mut blob = None;
        if flags & WITH_BLOB != 0 {
            let (bytes, after) = rest.split_at_checked(Location::BYTES).ok_or_else(damaged)?;
            blob = Some(Location::from_bytes(bytes).ok_or_else(damaged)?);
            rest = after;
        }
        let entry = if flags & AT == 0 {
            EntryAt::Here(rest.to_vec())
        } else {
            EntryAt::At(Location::from_bytes(rest).ok_or_else(damaged)?)
        };
        Ok(Self { entry, blob })
    }
}

/// Builds the index from entries; a big record belongs to the entry right after it.
#[derive(Default)]
pub(super) struct EntryIndexer {
    blob: Option<Location>,
}

impl Indexer for EntryIndexer {
    fn index(&mut self, record: &RecordRef<'_>) -> Batch {
        let blob = self.blob.take();
        let Some(bytes) = record.bytes else {
            self.blob = Some(record.location);
            return Batch::new();
        };
        // What cannot be parsed has no keys; reading the journal as a whole reports it.
        let Ok(entry) = Entry::parse(bytes) else { return Batch::new() };
        let named =
            matches!(entry, Entry::Body { .. } | Entry::Queued(_) | Entry::Held(_)).then_some(blob).flatten();
        let row = |put: Put| match put {
            Put::Entry => Some(Row::encode(bytes, &record.location, named.as_ref())),
            Put::Bytes(bytes) => Some(bytes),
            Put::Mark => Some(Vec::new()),
            Put::Nothing => None,
        };
        entry.keys(&record.location).into_iter().map(|(key, put)| (key, row(put))).collect()
    }

    fn fork(&self) -> Box<dyn Indexer> {
        Box::new(Self::default())
    }
}
