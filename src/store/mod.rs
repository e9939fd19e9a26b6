//! Keeps what must not be lost. The journal is the truth, the index can be deleted (DESIGN §10).
//!
//! A [`Transaction`] is the only way to write. One committer takes all that is queued, writes it as one
//! group, syncs once, and only then makes the [`Durable`]s that let an acknowledgement leave. After the
//! first failed write or sync nothing is written any more: the process ends, and the next open finds out
//! what the disk holds. Records are opaque here.

mod attachments;
mod commit;
mod disk;
mod entry;
mod error;
mod format;
mod handle;
mod held;
mod index;
mod journal;
mod keys;
mod layers;
mod ledger;
mod logs;
mod lots;
mod mailroom;
mod marks;
mod mem_disk;
mod merge;
mod notary;
mod proofs;
mod rebuild;
mod restoration;
mod row;
mod run;
mod runs;
mod shelf;
mod sled_index;
mod staged;
#[cfg(test)]
mod tests;
mod view;

pub use attachments::{Attachments, FileError, Incoming, Outgoing, Owed, Progress};
pub use commit::{Durable, Leaf, Notary, NotarySeal, Ticket, Transaction};
pub use disk::{Disk, RealDisk, SightedDisk};
pub use entry::{CarriedAnswer, Entry, LocalAct, OutboxRow, OwedAnswer};
pub use error::{Fault, StoreError};
pub use format::{Location, Position, Record};
pub use handle::{Mode, OpenReport, Store, StoreOptions};
pub use held::HeldBody;
pub use index::{Batch, Index, IndexChoice, IndexFault, MAX_INDEX_KEY, MAX_INDEX_VALUE, MemIndex, Row};
pub use journal::{Extent, extent};
pub use ledger::{Body, Change, HeldEnvelope, Kept, KeptElement, Ledger, SignedCustody, Spent};
pub use logs::StoredLog;
pub use mailroom::Mailroom;
pub use mem_disk::MemDisk;
pub use proofs::Alarm;
pub use restoration::{Recovered, Resealing, Restoration};
pub use shelf::Shelf;
pub use sled_index::SledIndex;
pub use view::{IndexReport, Indexer, OnFailure, Reader, RecordRef, Statistics};
