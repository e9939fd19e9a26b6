use crate::evidence::EvidenceError;
use crate::model::{Digest, Party};
use crate::trust::{Card, Directory, PartyEntry};
use crate::wire;
use crate::wire::Limits;
use serde::{Deserialize, Serialize};

/// What whoever verifies evidence trusts to begin with: fingerprints of roots.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TrustAnchor {
    /// SHA-256 over the DER of each root certificate.
    pub roots: Vec<Digest>,
}

/// The keys that a dossier carries so that nothing has to be asked for: the cards of its parties.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TrustBundle {
    /// What each party publishes.
    pub cards: Vec<Card>,
}

impl TrustBundle {
    /// Encodes the bundle.
    ///
    /// # Errors
    /// [`EvidenceError::Wire`] if it cannot be encoded, which is a bug.
    pub fn encode(&self) -> Result<Vec<u8>, EvidenceError> {
        Ok(wire::encode(self)?)
    }

    /// Reads a bundle and builds the directory that `anchor` vouches for, seen by `me`.
    ///
    /// # Errors
    /// [`EvidenceError::NotAnchored`] if a party's root is none of the anchor's; [`EvidenceError::Trust`] if
    /// a certificate does not lead to its root.
    pub fn directory(bytes: &[u8], anchor: &TrustAnchor, me: &Party) -> Result<Directory, EvidenceError> {
        let bundle: Self = wire::decode(bytes, &Limits::FILE)?;
        let entries = bundle.cards.iter().map(PartyEntry::from_card).collect::<Result<Vec<_>, _>>()?;
        for entry in &entries {
            if !anchor.roots.contains(&entry.root().x5t) {
                return Err(EvidenceError::NotAnchored(entry.party().clone()));
            }
        }
        Ok(Directory::new(me.clone(), entries, 1)?)
    }
}
