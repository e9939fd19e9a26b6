//! A dossier: all that is needed to judge offline who said what and when in a case (DESIGN §7).

mod logs;
mod report;
mod summary;
mod times;
mod verify;

pub use report::{ActReport, BoundReport, ClockReport, DossierReport, Finding, Severity, SignerReport};
pub use summary::summary;
pub use verify::verify;

use crate::cose::{Known, Payload, PqVerifyingKey, Sign1, label, sign1, sign1_pq};
use crate::envelope::Content;
use crate::evidence::{Anchor, EvidenceError, LogKeys, ProvedHead, ProvedLeaf};
use crate::model::{CaseId, Digest, Party, Timestamp};
use crate::trust::Directory;
use crate::wire;
use crate::wire::Limits;
use ciborium::Value;
use serde::{Deserialize, Serialize};
use serde_bytes::{ByteBuf, Bytes};

const MEDIA_TYPE: &str = "application/vnd.valise.dossier+cbor";
const KNOWN: Known<'_> = Known { protected: &[label::CONTENT_TYPE, label::X5T], unprotected: &[] };
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
    /// Proofs that a party signed contradicting heads: encoded contradictions.
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
    body: Vec<u8>,
    seals: (Vec<u8>, Vec<u8>),
    /// The public key of the twin that made the second seal.
    twin: Vec<u8>,
}

impl Dossier {
    /// Encodes the dossier and seals it with the log key and its twin of the party that made it.
    ///
    /// The seal says only that nothing has changed since; what is inside is proved by its own signatures.
    ///
    /// # Errors
    /// [`EvidenceError::Wire`] if it cannot be encoded.
    pub fn seal(&self, keys: &LogKeys) -> Result<Vec<u8>, EvidenceError> {
        let body = wire::encode(self)?;
        wire::check(&body, &Limits::DOSSIER).map_err(wire::WireError::from)?;
        let (key, certificate) = &keys.log;
        let x5t = Value::Array(vec![Value::from(-16), Value::Bytes(certificate.0.to_vec())]);
        let protected = vec![(label::CONTENT_TYPE, Value::from(MEDIA_TYPE)), (label::X5T, x5t)];
        let digest = Digest::of(&[&body]);
        let payload = Payload::Detached(&digest.0);
        let classic = sign1(key, protected.clone(), Vec::new(), payload, &[])?;
        let twin = sign1_pq(&keys.twin, protected, Vec::new(), payload, &[])?;
        let public = keys.twin.verifying_key();
        let public = Bytes::new(public.as_bytes());
        Ok(wire::encode(&(Bytes::new(&body), Bytes::new(&classic), Bytes::new(&twin), public))?)
    }
}

impl SealedDossier {
    /// Takes a dossier apart; nothing is proved yet.
    ///
    /// # Errors
    /// [`EvidenceError::Wire`] or [`EvidenceError::Malformed`].
    pub fn parse(bytes: &[u8]) -> Result<Self, EvidenceError> {
        let (body, classic, twin, key): (ByteBuf, ByteBuf, ByteBuf, ByteBuf) =
            wire::decode(bytes, &Limits::DOSSIER)?;
        let dossier: Dossier = wire::decode(&body, &Limits::DOSSIER)?;
        if dossier.version != DOSSIER_VERSION {
            return Err(EvidenceError::Malformed("a dossier of another version"));
        }
        let seals = (classic.into_vec(), twin.into_vec());
        Ok(Self { dossier, body: body.into_vec(), seals, twin: key.into_vec() })
    }

    /// Checks both seals over the body.
    fn check_seals(&self, directory: &Directory) -> Result<Digest, EvidenceError> {
        let Dossier { made_by, made_at, .. } = &self.dossier;
        let digest = Digest::of(&[&self.body]);
        let classic = Sign1::parse(&self.seals.0, &Limits::REJECT, &KNOWN)?;
        let twin = Sign1::parse_pq(&self.seals.1, &Limits::ANCHOR, &KNOWN)?;
        let certificate = certificate(&classic)?;
        if certificate != self::certificate(&twin)? {
            return Err(EvidenceError::Malformed("the two seals of a dossier name different keys"));
        }
        let key = directory.log_key(made_by, &certificate, *made_at)?;
        classic.verify(&key, Some(&digest.0), &[])?;
        let twin_key = PqVerifyingKey::from_bytes(&self.twin)?;
        directory.check_log_twin(made_by, &certificate, &twin_key)?;
        twin.verify_pq(&twin_key, Some(&digest.0), &[])?;
        Ok(certificate)
    }
}

fn certificate(seal: &Sign1) -> Result<Digest, EvidenceError> {
    let headers = seal.unverified_headers();
    if headers.read::<String>(label::CONTENT_TYPE)? != MEDIA_TYPE {
        return Err(EvidenceError::Malformed("a seal for another use"));
    }
    let (algorithm, certificate): (i64, Digest) = headers.read(label::X5T)?;
    let sha_256 = algorithm == -16;
    sha_256.then_some(certificate).ok_or(EvidenceError::Malformed("a thumbprint that is not SHA-256"))
}

#[cfg(test)]
pub(crate) mod tests;
