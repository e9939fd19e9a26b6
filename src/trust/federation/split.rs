use super::signed::{Document, SignedDocument};
use super::{PartA, PartB, Root, Snapshot};
use crate::model::{Digest, Party};
use crate::trust::TrustError;
use crate::wire::{Limits, decode, encode};
use serde::{Deserialize, Serialize};
use serde_bytes::ByteBuf;

/// The version of the file of a proof.
const VERSION: u64 = 1;

/// Two documents of one version with different contents, both signed: a proof that its signers told different stories
/// to different readers (DESIGN §6).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SplitView {
    what: Document,
    version: u64,
    party: Option<Party>,
    /// The file that was known first.
    pub a: Vec<u8>,
    /// The file that contradicts it.
    pub b: Vec<u8>,
}

impl SplitView {
    /// Puts a proof together.
    ///
    /// # Errors
    /// `BadDocument` if the two do not contradict each other: another kind, version or party, or one content.
    pub fn new(a: &[u8], b: &[u8]) -> Result<Self, TrustError> {
        let (first, second) = (Story::read(a)?, Story::read(b)?);
        let why = "the two do not contradict each other";
        let contradict = first.key() == second.key() && first.digest != second.digest;
        if !contradict {
            return Err(TrustError::BadDocument { what: first.what, why });
        }
        let (what, version, party) = first.key();
        Ok(Self { what, version, party: party.cloned(), a: a.to_vec(), b: b.to_vec() })
    }

    /// Reads a proof from a file; who has signed the two is for [`crate::trust::Directory::check_split`] to prove.
    ///
    /// # Errors
    /// `BadDocument` if it is none, or the two do not contradict each other.
    pub fn parse(bytes: &[u8]) -> Result<Self, TrustError> {
        let why = "this is no proof of a split view";
        let limits = Limits { bytes: 1 << 20, ..Limits::NEWS };
        let Form { a, b, .. } = decode(bytes, &limits)
            .ok()
            .filter(|form: &Form| form.split_view == VERSION)
            .ok_or(TrustError::BadDocument { what: Document::Snapshot, why })?;
        Self::new(&a, &b)
    }

    /// Returns the bytes of a file: both documents, as they were signed.
    pub fn to_bytes(&self) -> Vec<u8> {
        let file = |bytes: &[u8]| ByteBuf::from(bytes.to_vec());
        let form = Form { a: file(&self.a), b: file(&self.b), split_view: VERSION };
        encode(&form).expect("byte strings have an encoding")
    }

    /// Returns which document it is.
    pub const fn what(&self) -> Document {
        self.what
    }

    /// Returns the version of both.
    pub const fn version(&self) -> u64 {
        self.version
    }

    /// Returns whose part it is, if it is one.
    pub const fn party(&self) -> Option<&Party> {
        self.party.as_ref()
    }
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Form {
    a: ByteBuf,
    b: ByteBuf,
    split_view: u64,
}

/// What a document claims to be; nothing is proved.
struct Story {
    what: Document,
    version: u64,
    party: Option<Party>,
    digest: Digest,
}

impl Story {
    fn read(bytes: &[u8]) -> Result<Self, TrustError> {
        let signed = SignedDocument::guess(bytes)?;
        let (version, party) = match signed.what() {
            Document::Root => (signed.read::<Root>()?.version, None),
            Document::Snapshot => (signed.read::<Snapshot>()?.version, None),
            Document::PartA => {
                let part: PartA = signed.read()?;
                (part.version, Some(part.party))
            }
            Document::PartB => {
                let part: PartB = signed.read()?;
                (part.version, Some(part.party))
            }
        };
        Ok(Self { what: signed.what(), version, party, digest: signed.digest() })
    }

    const fn key(&self) -> (Document, u64, Option<&Party>) {
        (self.what, self.version, self.party.as_ref())
    }
}
