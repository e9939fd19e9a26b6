use super::signed::{Document, Signature, SignedDocument, Threshold};
use crate::cose::SigningKey;
use crate::model::{Digest, Party, Timestamp};
use crate::trust::TrustError;
use crate::wire::encode;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The most parties of a federation: all States with several NPCs each, and organisations.
const MAX_PARTIES: usize = 1024;
/// The longest reason, in characters.
pub(super) const MAX_REASON: usize = 200;

/// Who belongs to the federation, and who signs for it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Root {
    /// The federation's short name.
    pub federation: String,
    /// The digest of version 1, by which the federation is known; absent in version 1 itself.
    pub genesis: Option<Digest>,
    /// The version; each is one more than the last.
    pub version: u64,
    /// When it was drafted.
    pub issued: Timestamp,
    /// Until when it is fresh.
    pub expires: Timestamp,
    /// Who signs root documents.
    pub signers: Threshold,
    /// Who signs snapshots.
    pub publishers: Threshold,
    /// The parties with the thumbprint of the root certificate by which each was admitted.
    pub admitted: BTreeMap<Party, Digest>,
    /// The admitted parties that are suspended.
    pub suspended: BTreeMap<Party, Suspension>,
}

/// From when, and why, nothing of a party counts any more.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Suspension {
    /// The first second of it.
    pub since: Timestamp,
    /// Why; told to everybody.
    pub reason: String,
}

/// A root document that its own and its predecessor's thresholds have signed, all the way from version 1.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifiedRoot {
    root: Root,
    digest: Digest,
    bytes: Vec<u8>,
}

impl Root {
    /// Returns the document's bytes, which signers sign.
    ///
    /// # Errors
    /// `BadDocument` if it says what it may not.
    pub fn to_bytes(&self) -> Result<Vec<u8>, TrustError> {
        self.check()?;
        encode(self).map_err(|_| TrustError::BadDocument { what: Document::Root, why: "it has no encoding" })
    }

    /// Reads a draft that nobody need have signed.
    ///
    /// # Errors
    /// `BadDocument`.
    pub fn from_draft(document: &[u8]) -> Result<Self, TrustError> {
        let draft = SignedDocument::new(Document::Root, document.to_vec(), []);
        let root: Self = draft.read()?;
        root.check().map(|()| root)
    }

    /// Signs the document with one signer's key.
    ///
    /// # Errors
    /// As for [`Self::to_bytes`].
    pub fn sign(&self, key: &SigningKey) -> Result<Signature, TrustError> {
        Signature::make(Document::Root, &self.to_bytes()?, &key.verifying_key().0, key)
    }

    fn check(&self) -> Result<(), TrustError> {
        let bad = |why| Err(TrustError::BadDocument { what: Document::Root, why });
        self.signers.check()?;
        self.publishers.check()?;
        let name = &self.federation;
        let name_ok = (1..=64).contains(&name.len())
            && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
        if !name_ok {
            return bad("the federation's name is not 1 to 64 lowercase letters, digits or hyphens");
        }
        if self.genesis.is_some() != (self.version > 1) || self.version == 0 {
            return bad("version 1, and it alone, names no first version");
        }
        if self.expires <= self.issued {
            return bad("it ends before it begins");
        }
        if self.admitted.len() > MAX_PARTIES {
            return bad("it admits too many parties");
        }
        if self.suspended.keys().any(|party| !self.admitted.contains_key(party)) {
            return bad("it suspends a party that it does not admit");
        }
        if !self.suspended.values().all(|s| is_sentence(&s.reason, MAX_REASON)) {
            return bad("a suspension needs a reason of 1 to 200 printable characters");
        }
        Ok(())
    }
}

impl VerifiedRoot {
    /// Verifies version 1 against the digest that was compared out of band.
    ///
    /// # Errors
    /// `WrongAnchor`, `WrongVersion`, `Threshold` or `BadDocument`.
    pub fn first(anchor: &Digest, bytes: &[u8]) -> Result<Self, TrustError> {
        let signed = SignedDocument::parse(Document::Root, bytes)?;
        let (expected, found) = (*anchor, signed.digest());
        if expected != found {
            return Err(TrustError::WrongAnchor { expected, found });
        }
        let root: Root = signed.read()?;
        root.check()?;
        if root.version != 1 {
            return Err(TrustError::WrongVersion { what: Document::Root, expected: 1, found: root.version });
        }
        signed.check_threshold(&root.signers)?;
        Ok(Self { root, digest: found, bytes: bytes.to_vec() })
    }

    /// Verifies the next version: exactly one more, signed by the thresholds of both.
    ///
    /// # Errors
    /// As for [`Self::first`]; `WrongAnchor` if it belongs to another federation.
    pub fn next(&self, bytes: &[u8]) -> Result<Self, TrustError> {
        let signed = SignedDocument::parse(Document::Root, bytes)?;
        let root: Root = signed.read()?;
        root.check()?;
        let (what, found) = (Document::Root, root.version);
        let expected = self.root.version.saturating_add(1);
        if found != expected || found > super::MAX_VERSION {
            return Err(TrustError::WrongVersion { what, expected, found });
        }
        let (expected, found) = (self.genesis(), root.genesis.unwrap_or(Digest([0; 32])));
        if expected != found {
            return Err(TrustError::WrongAnchor { expected, found });
        }
        if root.federation != self.root.federation {
            return Err(TrustError::BadDocument { what, why: "a federation keeps its name" });
        }
        signed.check_threshold(&self.root.signers)?;
        signed.check_threshold(&root.signers)?;
        Ok(Self { digest: signed.digest(), root, bytes: bytes.to_vec() })
    }

    /// Returns what the document says.
    pub const fn root(&self) -> &Root {
        &self.root
    }

    /// Returns the digest of version 1, by which the federation is known.
    pub fn genesis(&self) -> Digest {
        self.root.genesis.unwrap_or(self.digest)
    }

    /// Returns the digest of this version.
    pub const fn digest(&self) -> Digest {
        self.digest
    }

    /// Returns the file as it came.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }
}

/// Tells whether a text is one printable line of at most so many characters.
pub(super) fn is_sentence(text: &str, most: usize) -> bool {
    (1..=most).contains(&text.chars().count()) && !text.chars().any(char::is_control)
}
