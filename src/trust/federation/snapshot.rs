use super::signed::{Document, Signature, SignedDocument};
use super::{VerifiedRoot, check_version};
use crate::cose::SigningKey;
use crate::model::{Digest, Party, Timestamp};
use crate::trust::TrustError;
use crate::wire::encode;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Which part A of each party is in force; a publisher can neither admit a party nor drop one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Snapshot {
    /// The digest of the federation's first root document.
    pub genesis: Digest,
    /// The version of the root document by which it was made.
    pub root: u64,
    /// The version; each is higher than the last.
    pub version: u64,
    /// When it was made.
    pub issued: Timestamp,
    /// Until when it is fresh.
    pub expires: Timestamp,
    /// The parties that have a part A.
    pub parties: BTreeMap<Party, Listed>,
}

/// One part A as a snapshot lists it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Listed {
    /// Its version.
    pub version: u64,
    /// Its digest.
    pub part_a: Digest,
}

/// A snapshot that the publishers of a root document have signed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifiedSnapshot {
    snapshot: Snapshot,
    digest: Digest,
    bytes: Vec<u8>,
}

impl Snapshot {
    /// Returns the document's bytes, which publishers sign.
    ///
    /// # Errors
    /// `BadDocument`.
    pub fn to_bytes(&self) -> Result<Vec<u8>, TrustError> {
        encode(self)
            .map_err(|_| TrustError::BadDocument { what: Document::Snapshot, why: "it has no encoding" })
    }

    /// Signs the document with one publisher's key.
    ///
    /// # Errors
    /// `BadDocument`.
    pub fn sign(&self, key: &SigningKey) -> Result<Signature, TrustError> {
        Signature::make(Document::Snapshot, &self.to_bytes()?, &key.verifying_key().0, key)
    }
}

impl VerifiedSnapshot {
    /// Verifies a snapshot against the root document that is in force.
    ///
    /// # Errors
    /// `BadDocument`, `Threshold`, `WrongAnchor`, `VersionLeaps`, or `WrongVersion` if it was made by a newer root.
    pub fn verify(bytes: &[u8], root: &VerifiedRoot) -> Result<Self, TrustError> {
        let what = Document::Snapshot;
        let signed = SignedDocument::parse(what, bytes)?;
        signed.check_threshold(&root.root().publishers)?;
        let snapshot: Snapshot = signed.read()?;
        let (expected, found) = (root.genesis(), snapshot.genesis);
        if expected != found {
            return Err(TrustError::WrongAnchor { expected, found });
        }
        if snapshot.root > root.root().version {
            let (expected, found) = (root.root().version, snapshot.root);
            return Err(TrustError::WrongVersion { what: Document::Root, expected, found });
        }
        super::in_range(what, snapshot.version)?;
        if snapshot.expires <= snapshot.issued {
            return Err(TrustError::BadDocument { what, why: "it ends before it begins" });
        }
        Ok(Self { digest: signed.digest(), snapshot, bytes: bytes.to_vec() })
    }

    /// Checks that this snapshot may follow `known`: no version falls, and no party is dropped that `root` admits.
    ///
    /// # Errors
    /// `VersionFell`, `VersionLeaps` or `Omitted`; an equal version is for the caller to compare.
    pub fn follows(&self, known: &Self, root: &VerifiedRoot) -> Result<(), TrustError> {
        check_version(Document::Snapshot, known.snapshot.version, self.snapshot.version)?;
        for (party, before) in &known.snapshot.parties {
            match self.snapshot.parties.get(party) {
                Some(now) => check_version(Document::PartA, before.version, now.version)?,
                None if root.root().admitted.contains_key(party) => {
                    return Err(TrustError::Omitted(party.clone()));
                }
                None => {}
            }
        }
        Ok(())
    }

    /// Returns what the snapshot says.
    pub const fn snapshot(&self) -> &Snapshot {
        &self.snapshot
    }

    /// Returns its digest.
    pub const fn digest(&self) -> Digest {
        self.digest
    }

    /// Returns the file as it came.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }
}
