use crate::cose::SigningKey;
use crate::cose::{Known, LastChecked, Sign1};
use crate::evidence::checkpoint::{Claimed, PROTECTED, Parts, UNPROTECTED, read_inclusion};
use crate::evidence::{Checkpoint, Direction, EvidenceError, Leaf, Log};
use crate::model::{Digest, Head, Party, Timestamp};
use crate::trust::Directory;
use crate::wire;
use crate::wire::Limits;
use serde_bytes::Bytes;

const KNOWN: Known<'_> = Known { protected: PROTECTED, unprotected: UNPROTECTED };

/// A gateway's statement that an act is verified and durable: the leaf, its inclusion proof and the
/// signed checkpoint (RFC 9942). It is not an act; it fixes `received_at` (DESIGN §4).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Receipt(Vec<u8>);

/// What a verified receipt proves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProvedReceipt {
    /// Who received the act.
    pub by: Party,
    /// The statement digest of the act.
    pub statement: Digest,
    /// When it was received; starts both clocks of a request (ISACS 8.3.1, 8.3.4.1).
    pub received_at: Timestamp,
    /// The head of the receiver's log about the sender.
    pub head: Head,
}

/// What a receipt says of itself before anything is proved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClaimedReceipt {
    /// Who is said to have received the act.
    pub by: Party,
    /// Who is said to have sent it.
    pub from: Party,
    /// The statement digest of the act.
    pub statement: Digest,
    /// The instant of the checkpoint.
    pub signed_at: Timestamp,
    /// The leaf's place in the log.
    pub index: u64,
    /// The thumbprint of the log certificate whose key signed.
    pub certificate: Digest,
}

impl Receipt {
    /// Reads what a receipt claims; nothing is checked.
    ///
    /// # Errors
    /// [`EvidenceError::Malformed`] or others if it is not laid out so, or is about no received act.
    pub fn claimed(&self) -> Result<ClaimedReceipt, EvidenceError> {
        let (leaf, cose): Parts = wire::decode(&self.0, &Limits::RECEIPTS)?;
        let unverified = Sign1::parse(&cose, &Limits::RECEIPTS, &KNOWN)?;
        let claimed = Claimed::read(unverified.unverified_headers())?;
        let (_, proof) = read_inclusion(unverified.unsigned_headers())?;
        match Leaf::parse(&leaf)? {
            Leaf::Act { direction: Direction::Received, statement, .. } => Ok(ClaimedReceipt {
                by: claimed.owner,
                from: claimed.peer,
                statement,
                signed_at: claimed.at,
                index: proof.index,
                certificate: claimed.certificate,
            }),
            Leaf::Act { .. } | Leaf::Genesis { .. } => {
                Err(EvidenceError::AboutSomethingElse("no act that was received"))
            }
        }
    }

    /// Issues the receipts for the leaves at `indices` under one checkpoint of their log.
    ///
    /// # Errors
    /// [`EvidenceError::NotIncluded`] if the log holds no such leaf.
    pub fn issue(
        checkpoint: &Checkpoint,
        log: &dyn Log,
        indices: &[u64],
        key: &(SigningKey, Digest),
    ) -> Result<Vec<Self>, EvidenceError> {
        let issue = |(index, cose): (&u64, Vec<u8>)| {
            let leaf = log.leaf(*index)?;
            Ok(Self(wire::encode(&(Bytes::new(&leaf), Bytes::new(&cose)))?))
        };
        let signed = checkpoint.receipts(log, indices, key)?;
        indices.iter().zip(signed).map(issue).collect()
    }

    /// Reads who signed a receipt and at which size of the log; nothing is checked.
    ///
    /// # Errors
    /// As for [`Self::claimed`].
    pub fn claimed_size(&self) -> Result<(Party, u64), EvidenceError> {
        let (_, cose): Parts = wire::decode(&self.0, &Limits::RECEIPTS)?;
        let unverified = Sign1::parse(&cose, &Limits::RECEIPTS, &KNOWN)?;
        let claimed = Claimed::read(unverified.unverified_headers())?;
        Ok((claimed.owner, claimed.size))
    }

    /// Takes bytes that claim to be a receipt; nothing is checked until [`Self::verify`].
    pub const fn from_bytes(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }

    /// Returns the bytes.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// Verifies that `by` received `statement` from `from`.
    ///
    /// # Errors
    /// The first cause: structure, parties, key, proof, signature, statement.
    pub fn verify(
        &self,
        (by, from): (&Party, &Party),
        statement: &Digest,
        directory: &Directory,
        now: Timestamp,
    ) -> Result<ProvedReceipt, EvidenceError> {
        self.verify_after(&mut LastChecked::default(), (by, from), statement, directory, now)
    }

    /// Verifies as [`Self::verify`]; of receipts that one commit group gave, one after the other, the signature that they
    /// share is checked once.
    ///
    /// # Errors
    /// As for [`Self::verify`].
    pub fn verify_after(
        &self,
        last: &mut LastChecked,
        (by, from): (&Party, &Party),
        statement: &Digest,
        directory: &Directory,
        now: Timestamp,
    ) -> Result<ProvedReceipt, EvidenceError> {
        let (leaf_bytes, cose): Parts = wire::decode(&self.0, &Limits::RECEIPTS)?;
        let unverified = Sign1::parse(&cose, &Limits::RECEIPTS, &KNOWN)?;
        let claimed = Claimed::read(unverified.unverified_headers())?;
        if (&claimed.owner, &claimed.peer) != (by, from) {
            return Err(EvidenceError::AboutSomethingElse("another pair of parties"));
        }
        let key = directory.log_key(by, &claimed.certificate, now)?;
        let (size, proof) = read_inclusion(unverified.unsigned_headers())?;
        if size != claimed.size {
            return Err(EvidenceError::Malformed("the proof is for a log of another size"));
        }
        let head = Head { log: claimed.log, size, root: proof.root(size, &leaf_bytes)? };
        unverified.verify_after(last, &key, Some(&head.root.0), &[])?;
        match Leaf::parse(&leaf_bytes)? {
            Leaf::Act { direction: Direction::Received, statement: received, at }
                if received == *statement =>
            {
                if at > claimed.at {
                    return Err(EvidenceError::Malformed("the checkpoint is older than its leaf"));
                }
                Ok(ProvedReceipt { by: claimed.owner, statement: received, received_at: at, head })
            }
            Leaf::Act { .. } => Err(EvidenceError::AboutSomethingElse("another statement or direction")),
            Leaf::Genesis { .. } => Err(EvidenceError::AboutSomethingElse("the log's first leaf")),
        }
    }
}
