use crate::evidence::EvidenceError;
use crate::model::{Digest, Party};
use crate::trust::{Card, Directory, PartyEntry};
use crate::wire;
use crate::wire::Limits;
use serde::{Deserialize, Serialize};

/// What whoever verifies evidence trusts to begin with: fingerprints of parties' roots, or of a
/// federation's first root document.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TrustAnchor {
    /// SHA-256 over the DER of a root certificate, or over a federation's first root document.
    pub roots: Vec<Digest>,
}

/// The keys that a dossier carries so that nothing has to be asked for: the cards of its parties, or a whole
/// federation's signed directory, which is read in its own form.
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
        let Ok(bundle) = wire::decode::<Self>(bytes, &Limits::FILE) else {
            return Self::federation(bytes, anchor);
        };
        let entries = bundle.cards.iter().map(PartyEntry::from_card).collect::<Result<Vec<_>, _>>()?;
        for entry in &entries {
            if !anchor.roots.contains(&entry.root().x5t) {
                return Err(EvidenceError::NotAnchored(entry.party().clone()));
            }
        }
        Ok(Directory::new(me.clone(), entries, 1)?)
    }

    /// Reads a federation's signed directory, which one of the anchor's digests vouches for.
    fn federation(bytes: &[u8], anchor: &TrustAnchor) -> Result<Directory, EvidenceError> {
        let mut refusal = EvidenceError::Malformed("no trust anchor was given");
        for digest in &anchor.roots {
            match Directory::from_bundle(digest, bytes, None) {
                Ok(directory) => return Ok(directory),
                Err(error) => refusal = error.into(),
            }
        }
        Err(refusal)
    }
}
