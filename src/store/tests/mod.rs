//! Tests of the whole room; each file asks one question.

mod commit;
mod crash;
mod damage;
mod disks;
mod golden;
mod index;
mod layers;
mod mailroom;

use super::*;
use std::sync::{Arc, Mutex};

/// A kind of which a rebuild reads the bytes, and one that it skips.
const SMALL: u8 = 1;
const BIG: u8 = 0x81;
/// The kind of the notary's own records.
const CHECKPOINT: u8 = 9;

/// Answers each leaf that wants a receipt, and writes one record for each group that has leaves.
#[derive(Clone, Default)]
struct EchoNotary {
    groups: Arc<Mutex<Vec<usize>>>,
    refuse: bool,
}

impl EchoNotary {
    fn groups(&self) -> Vec<usize> {
        self.groups.lock().unwrap().clone()
    }
}

impl Notary for EchoNotary {
    fn seal_group(&mut self, leaves: &[Leaf]) -> Result<NotarySeal, String> {
        self.groups.lock().unwrap().push(leaves.len());
        if self.refuse {
            return Err("the log key is gone".to_owned());
        }
        let receipt = |leaf: &Leaf| leaf.receipt.then(|| [b"receipt ", leaf.entry.as_slice()].concat());
        let records = match leaves {
            [] => Vec::new(),
            [first, ..] => vec![Record { kind: CHECKPOINT, bytes: first.entry.clone() }],
        };
        Ok(NotarySeal { records, receipts: leaves.iter().map(receipt).collect() })
    }
}

/// Makes one row per record, keyed by its place, so that a scan shows the journal in its order.
struct ByPlace;

impl Indexer for ByPlace {
    fn index(&mut self, record: &RecordRef<'_>) -> Batch {
        let value = record.location.to_bytes();
        vec![(value[..12].to_vec(), Some(value.to_vec()))]
    }

    fn fork(&self) -> Box<dyn Indexer> {
        Box::new(Self)
    }
}

fn options(disk: &MemDisk) -> StoreOptions {
    StoreOptions {
        mode: Mode::Inline,
        segment_bytes: 2048,
        free_space_floor: 0,
        ..StoreOptions::new(Arc::new(disk.clone()), IndexChoice::Memory)
    }
}

fn open(disk: &MemDisk) -> Result<(Store, OpenReport), StoreError> {
    Store::open(options(disk), Box::new(EchoNotary::default()), Box::new(ByPlace))
}

fn transaction(records: &[(u8, &[u8])]) -> Transaction {
    let record = |(kind, bytes): &(u8, &[u8])| Record { kind: *kind, bytes: bytes.to_vec() };
    Transaction { records: records.iter().map(record).collect(), leaves: Vec::new() }
}

/// A record's payload: its number, then filler up to `len`.
fn payload(number: u64, len: usize) -> Vec<u8> {
    let mut bytes = number.to_be_bytes().to_vec();
    bytes.resize(len.max(8), number as u8);
    bytes
}

fn submit(store: &Store, number: u64, len: usize) -> Result<Durable<()>, StoreError> {
    store.submit(transaction(&[(SMALL, &payload(number, len))])).wait()
}

/// Reads every record, in the journal's order.
fn history(store: &Store) -> Result<Vec<Vec<u8>>, StoreError> {
    let rows = store.scan(b"")?;
    rows.iter().map(|(_, value)| store.read(&Location::from_bytes(value).unwrap())).collect()
}

fn numbers(history: &[Vec<u8>]) -> Vec<u64> {
    history.iter().map(|bytes| u64::from_be_bytes(bytes[..8].try_into().unwrap())).collect()
}

fn is_failed<T>(outcome: &Result<T, StoreError>) -> bool {
    matches!(outcome, Err(StoreError::Failed { .. }))
}
