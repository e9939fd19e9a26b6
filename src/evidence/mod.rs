//! Proves afterwards who said what and when (DESIGN §7): one append-only Merkle log for each peer,
//! signed checkpoints, and receipts that anyone can verify with the log key alone.

mod checkpoint;
mod error;
mod leaf;
mod log;
mod logbook;
mod receipt;

pub use checkpoint::Checkpoint;
pub use error::EvidenceError;
pub use leaf::{Direction, Leaf};
pub use log::{Inclusion, MerkleLog};
pub use logbook::{Entry, LogBook, Sealed};
pub use receipt::{ProvedReceipt, Receipt};

#[cfg(test)]
mod tests;
