//! Proves afterwards who said what and when (DESIGN §7): one append-only Merkle log for each peer,
//! signed checkpoints, and receipts that anyone can verify with the log key alone.

mod anchor;
mod audit;
mod bounds;
mod bundle;
mod checkpoint;
mod contradiction;
pub mod dossier;
mod error;
mod leaf;
mod log;
mod logbook;
#[cfg(not(test))]
mod proof;
#[cfg(test)]
pub(crate) mod proof;
mod receipt;
mod sealed;

pub use anchor::{Anchor, LogKeys, ProvedAnchor};
pub use audit::{AuditAnswer, AuditQuestion, MAX_AUDITED, ProvedHead, ProvedLeaf};
pub use bounds::{Bounds, Dated, Misdated, TOLERANCE, bounds};
pub use bundle::TrustAnchor;
pub use checkpoint::Checkpoint;
pub use contradiction::{Contradiction, HeadClaim, ProvedContradiction, contradict};
pub use error::EvidenceError;
pub use leaf::{Direction, Leaf};
pub use log::{Appended, Inclusion, Log, MerkleLog, leaf_hash, verify_consistency};
pub use logbook::{Entry, KeySource, LogBook, NewLeaf, Sealed};
pub use proof::{Accusation, Conviction, Equivocation, PROOF_VERSION, Proof, is_proof, verify_proof};
pub use receipt::{ClaimedReceipt, ProvedReceipt, Receipt};
pub use sealed::SealedFile;

#[cfg(test)]
mod tests;
