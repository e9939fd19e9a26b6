//! A dossier: all that is needed to judge offline who said what and when in a case (DESIGN §7).

mod logs;
mod report;
mod summary;
mod times;
mod verify;

pub use report::{
    ActReport, BoundReport, ClockReport, DossierReport, FileKind, Finding, Severity, SignerReport,
};
pub use summary::summary;
pub use verify::verify;

use crate::envelope::Content;
use crate::evidence::sealed::SealedFile;
use crate::evidence::{Anchor, EvidenceError, LogKeys, ProvedHead, ProvedLeaf};
use crate::model::{CaseId, Digest, Party, Timestamp};
use crate::trust::Directory;
use crate::wire;
use crate::wire::Limits;
use serde::{Deserialize, Serialize};
use serde_bytes::ByteBuf;

const MEDIA_TYPE: &str = "application/vnd.valise.dossier+cbor";
/// The version of the format.
pub const DOSSIER_VERSION: u64 = 1;

/// What a dossier holds; nothing of it is proved until [`verify`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Dossier {
    /// The version of the format.
    pub version: u64,
    /// The case.
    pub case: CaseId,
    /// The party whose gateway made the dossier.
    pub made_by: Party,
    /// When.
    pub made_at: Timestamp,
    /// What it says, for a reader without tools; a verifier believes none of it.
    pub summary: String,
    /// The keys of the parties: the whole signed directory of their federation.
    pub trust: ByteBuf,
    /// The acts, with the elements that are disclosed.
    pub statements: Vec<Content>,
    /// The receipts of both sides.
    pub receipts: Vec<ByteBuf>,
    /// What the logs of both sides prove.
    pub logs: Vec<LogProof>,
    /// Proofs that a party signed what cannot all be true: encoded [`Accusation`](crate::evidence::Accusation)s.
    pub alarms: Vec<ByteBuf>,
}

/// An anchor of one log with what is proved under it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LogProof {
    /// The head, signed by both keys.
    pub anchor: Anchor,
    /// The log's first leaf and those of the case's acts, by ascending place.
    pub leaves: Vec<ProvedLeaf>,
    /// Earlier heads that receipts and statements cite.
    pub heads: Vec<ProvedHead>,
}

/// A dossier as it was read: the body, and the seal over its very bytes.
#[derive(Clone, Debug)]
pub struct SealedDossier {
    /// The body.
    pub dossier: Dossier,
    file: SealedFile,
}

impl Dossier {
    /// Encodes the dossier and seals it with the log key and its twin of the party that made it.
    ///
    /// The seal says only that nothing has changed since; what is inside is proved by its own signatures.
    ///
    /// # Errors
    /// [`EvidenceError::Wire`] if it cannot be encoded.
    pub fn seal(&self, keys: &LogKeys) -> Result<Vec<u8>, EvidenceError> {
        SealedFile::seal(&wire::encode(self)?, MEDIA_TYPE, keys)
    }
}

impl SealedDossier {
    /// Takes a dossier apart; nothing is proved yet.
    ///
    /// # Errors
    /// [`EvidenceError::Wire`] or [`EvidenceError::Malformed`].
    pub fn parse(bytes: &[u8]) -> Result<Self, EvidenceError> {
        let file = SealedFile::parse(bytes)?;
        let dossier: Dossier = wire::decode(&file.body, &Limits::DOSSIER)?;
        if dossier.version != DOSSIER_VERSION {
            return Err(EvidenceError::Malformed("a dossier of another version"));
        }
        Ok(Self { dossier, file })
    }

    /// Checks both seals over the body.
    fn check_seals(&self, directory: &Directory) -> Result<Digest, EvidenceError> {
        let Dossier { made_by, made_at, .. } = &self.dossier;
        self.file.check(MEDIA_TYPE, (made_by, *made_at), directory)
    }
}

#[cfg(test)]
pub(crate) mod tests;
