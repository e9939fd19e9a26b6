use crate::cose::{CoseError, Known, Payload, Sign1, SigningKey, VerifyingKey, label, sign1};
use crate::model::Digest;
use crate::trust::TrustError;
use crate::wire::{Limits, MAX_DEPTH, decode, encode};
use ciborium::Value;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_bytes::ByteBuf;
use std::collections::BTreeSet;
use std::fmt;

/// The most signatures that one document may bear, and the most keys of one threshold.
const MAX_SIGNATURES: usize = 32;

/// The documents of a federation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Document {
    /// Who is admitted, and who signs.
    Root,
    /// Which part A of each party is in force.
    Snapshot,
    /// What a party's root says of the party.
    PartA,
    /// What a party's gateway says of itself.
    PartB,
}

/// A document with its signatures; nothing in it has been proved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignedDocument {
    what: Document,
    document: Vec<u8>,
    signatures: Vec<Signature>,
}

/// One signature beside a document; a detached COSE_Sign1.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Signature(Vec<u8>);

/// How many of which keys must sign.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Threshold {
    /// How many distinct keys must sign.
    pub threshold: usize,
    /// The keys that count.
    pub keys: BTreeSet<VerifyingKey>,
}

const HEADERS: Known<'_> = Known { protected: &[label::CONTENT_TYPE, label::KID], unprotected: &[] };
const SIGNATURE: Limits = Limits { bytes: 1024, depth: 4, items: 16 };

impl Document {
    /// Every kind.
    pub const ALL: [Self; 4] = [Self::Root, Self::Snapshot, Self::PartA, Self::PartB];

    /// Returns the media type, which each signature covers.
    pub const fn media_type(self) -> &'static str {
        match self {
            Self::Root => "application/vnd.valise.federation-root+cbor",
            Self::Snapshot => "application/vnd.valise.federation-snapshot+cbor",
            Self::PartA => "application/vnd.valise.directory-part-a+cbor",
            Self::PartB => "application/vnd.valise.directory-part-b+cbor",
        }
    }

    /// Returns the bounds of the whole file. A part B stays below 8 KiB, and 193 parts A below 1 MiB, of
    /// which one with many retired keys may take more than its share.
    pub const fn limits(self) -> Limits {
        let bytes = match self {
            Self::Root => 128 << 10,
            Self::Snapshot => 64 << 10,
            Self::PartA => 32 << 10,
            Self::PartB => 8 << 10,
        };
        Limits { bytes, depth: MAX_DEPTH, items: 1 << 14 }
    }
}

impl SignedDocument {
    /// Puts a document and signatures together, each signature once and in their order.
    pub fn new(what: Document, document: Vec<u8>, signatures: impl IntoIterator<Item = Signature>) -> Self {
        let signatures: BTreeSet<Signature> = signatures.into_iter().collect();
        Self { what, document, signatures: signatures.into_iter().collect() }
    }

    /// Takes a file apart; proves nothing.
    ///
    /// # Errors
    /// `BadDocument`.
    pub fn parse(what: Document, bytes: &[u8]) -> Result<Self, TrustError> {
        let bad = |why| TrustError::BadDocument { what, why };
        let (document, signatures): (ByteBuf, Vec<ByteBuf>) =
            decode(bytes, &what.limits()).map_err(|_| bad("it is not the structure, or too long"))?;
        if signatures.len() > MAX_SIGNATURES {
            return Err(bad("it bears too many signatures"));
        }
        let signatures = signatures.into_iter().map(|s| Signature(s.into_vec())).collect();
        Ok(Self { what, document: document.into_vec(), signatures })
    }

    /// Finds out which document a file is, by what its signatures say that they sign; proves nothing.
    ///
    /// # Errors
    /// `BadDocument` if it is none.
    pub fn guess(bytes: &[u8]) -> Result<Self, TrustError> {
        let of = |what: &Document| {
            let parsed = Self::parse(*what, bytes).ok()?;
            parsed.signatures.iter().any(|s| s.parse(*what).is_some()).then_some(parsed)
        };
        let why = "it bears no signature over any document of a federation";
        Document::ALL.iter().find_map(of).ok_or(TrustError::BadDocument { what: Document::Root, why })
    }

    /// Returns the bytes of the file.
    pub fn to_bytes(&self) -> Vec<u8> {
        let signatures: Vec<&serde_bytes::Bytes> =
            self.signatures.iter().map(|s| serde_bytes::Bytes::new(&s.0)).collect();
        encode(&(serde_bytes::Bytes::new(&self.document), signatures)).expect("byte strings have an encoding")
    }

    /// Returns which document it is.
    pub const fn what(&self) -> Document {
        self.what
    }

    /// Returns the document's own bytes, which nothing has proved.
    pub fn unproved(&self) -> &[u8] {
        &self.document
    }

    /// Returns the names of the keys by which the signatures claim to be, in the order of the signatures.
    pub fn claimed_keys(&self) -> Vec<[u8; 32]> {
        self.signatures.iter().filter_map(|s| s.parse(self.what)).map(|(kid, _)| kid).collect()
    }

    /// Returns SHA-256 of the document without its signatures.
    pub fn digest(&self) -> Digest {
        Digest::of(&[&self.document])
    }

    /// Reads the document, which nothing has proved.
    pub(in crate::trust) fn read<T: Serialize + DeserializeOwned>(&self) -> Result<T, TrustError> {
        decode(&self.document, &self.what.limits())
            .map_err(|_| TrustError::BadDocument { what: self.what, why: "its content is not the structure" })
    }

    /// Tells whether `key`, under the name `kid`, has signed.
    pub(super) fn is_signed_by(&self, kid: &[u8; 32], key: &VerifyingKey) -> bool {
        let by = |signature: &Signature| {
            let Some((named, sign1)) = signature.parse(self.what) else { return false };
            named == *kid && sign1.verify(key, Some(&self.document), &[]).is_ok()
        };
        self.signatures.iter().any(by)
    }

    /// Demands that the threshold is reached; a key counts once, however often it has signed.
    pub(super) fn check_threshold(&self, of: &Threshold) -> Result<(), TrustError> {
        let found = of.keys.iter().filter(|key| self.is_signed_by(&key.0, key)).count();
        if found < of.threshold {
            return Err(TrustError::Threshold { what: self.what, needed: of.threshold, found });
        }
        Ok(())
    }
}

impl Signature {
    /// Signs a document; `kid` is the public key, and for the parts of a party the thumbprint of its certificate.
    ///
    /// # Errors
    /// `BadDocument` if the headers have no encoding, which is a bug.
    pub fn make(
        what: Document,
        document: &[u8],
        kid: &[u8; 32],
        key: &SigningKey,
    ) -> Result<Self, TrustError> {
        let protected = vec![
            (label::CONTENT_TYPE, Value::from(what.media_type())),
            (label::KID, Value::Bytes(kid.to_vec())),
        ];
        sign1(key, protected, Vec::new(), Payload::Detached(document), &[])
            .map(Self)
            .map_err(|_| TrustError::BadDocument { what, why: "it cannot be signed" })
    }

    /// Takes the bytes of a signature that was made elsewhere; [`SignedDocument`] proves it.
    pub const fn from_bytes(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }

    /// Returns the bytes.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    fn parse(&self, what: Document) -> Option<([u8; 32], Sign1)> {
        let read = || -> Result<_, CoseError> {
            let sign1 = Sign1::parse(&self.0, &SIGNATURE, &HEADERS)?;
            let media: String = sign1.unverified_headers().read(label::CONTENT_TYPE)?;
            let kid = sign1.unverified_headers().bytes(label::KID)?.to_vec();
            Ok((media, kid, sign1))
        };
        let (media, kid, sign1) = read().ok()?;
        Some((kid.try_into().ok()?, sign1)).filter(|_| media == what.media_type())
    }
}

impl Threshold {
    /// Takes `threshold` of these keys.
    ///
    /// # Errors
    /// `BadDocument` unless 1 ≤ threshold ≤ number of keys ≤ 32.
    pub fn new(threshold: usize, keys: BTreeSet<VerifyingKey>) -> Result<Self, TrustError> {
        let new = Self { threshold, keys };
        new.check().map(|()| new)
    }

    pub(super) fn check(&self) -> Result<(), TrustError> {
        if (1..=self.keys.len()).contains(&self.threshold) && self.keys.len() <= MAX_SIGNATURES {
            return Ok(());
        }
        let why = "a threshold is at least one and at most the number of keys, which is at most 32";
        Err(TrustError::BadDocument { what: Document::Root, why })
    }
}

impl fmt::Display for Document {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Root => "the federation's root document",
            Self::Snapshot => "the snapshot",
            Self::PartA => "part A",
            Self::PartB => "part B",
        })
    }
}
