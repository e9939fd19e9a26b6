use crate::evidence::EvidenceError;
use crate::model::Digest;
use crate::trust::Directory;
use crate::trust::federation::{Document, Documents, SignedDocument};

/// What whoever verifies evidence trusts to begin with: fingerprints of federations' first root documents, which people
/// compared out of band.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TrustAnchor {
    /// SHA-256 over a federation's first root document.
    pub roots: Vec<Digest>,
}

impl TrustAnchor {
    /// Reads the signed directory that a dossier carries, so that nothing has to be asked for; one of the anchor's
    /// digests must vouch for it.
    ///
    /// # Errors
    /// [`EvidenceError::Trust`] with what the directory is refused for, [`EvidenceError::NotAnchored`] if it is that of
    /// another federation.
    pub fn directory(&self, bytes: &[u8]) -> Result<Directory, EvidenceError> {
        let none = EvidenceError::Malformed("there is no root document in its directory");
        let first = Documents::parse(bytes)?.roots.into_iter().next().ok_or(none)?;
        let federation = SignedDocument::parse(Document::Root, &first)?.digest();
        if !self.roots.contains(&federation) {
            return Err(EvidenceError::NotAnchored(federation));
        }
        Ok(Directory::from_bundle(&federation, bytes, None)?)
    }
}
