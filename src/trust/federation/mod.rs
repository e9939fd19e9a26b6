//! The signed directory of a federation, by TUF's rules in COSE (DESIGN §6).
//!
//! A *root* document admits and suspends parties and names the publishers; k of its n signers sign it, and version
//! N+1 bears the thresholds of N and of N+1. Publishers sign *snapshots*, which say which *part A* of each admitted
//! party is in force. Part A is signed by the party's own root, *part B* by one of the seal keys of part A. All of
//! them are a [`SignedDocument`]: the document's bytes, and signatures beside them. A document's digest is SHA-256
//! of its bytes without the signatures, so that it is the same whoever has signed.

mod documents;
mod found;
mod holdings;
mod national;
mod part_a;
mod part_b;
mod revoke;
mod root;
mod signed;
mod snapshot;
mod split;

pub use documents::Documents;
pub use found::{Member, SoleAuthority};
pub(super) use holdings::Stock;
pub use holdings::{Held, Holdings};
pub(super) use national::is_further_npc;
pub use national::{NationalList, Pattern, Refusal};
pub use part_a::{
    CompetentAuthority, LinkedRoot, Npc, PartA, RecordScope, Retirement, SealEntry, SuccessionClaim,
    link_root,
};
pub(super) use part_a::{RootKey, VerifiedPartA};
pub(super) use part_b::VerifiedPartB;
pub use part_b::{LogEntry, PartB, PrekeyEntry, Route};
pub use root::{Root, Suspension, VerifiedRoot};
pub use signed::{Document, Signature, SignedDocument, Threshold};
pub use snapshot::{Listed, Snapshot, VerifiedSnapshot};
pub use split::SplitView;

/// The highest version that any document may have; numbers beyond it are not safe in JSON.
pub const MAX_VERSION: u64 = (1 << 53) - 1;
/// How far a version may leap: whoever steals a publisher's key must not use up all numbers (DESIGN §13).
pub const MAX_LEAP: u64 = 1 << 20;

/// Checks that a version may follow the one that is known, zero where none is.
pub(super) fn check_version(what: Document, known: u64, found: u64) -> Result<(), super::TrustError> {
    if found < known {
        return Err(super::TrustError::VersionFell { what, known, found });
    }
    if found - known > MAX_LEAP {
        return Err(super::TrustError::VersionLeaps { what, found });
    }
    in_range(what, found)
}

/// Checks that a version is one that a document may have.
fn in_range(what: Document, found: u64) -> Result<(), super::TrustError> {
    if (1..=MAX_VERSION).contains(&found) {
        Ok(())
    } else {
        Err(super::TrustError::VersionLeaps { what, found })
    }
}

#[cfg(test)]
mod tests;

#[cfg(test)]
mod gossip_tests;
