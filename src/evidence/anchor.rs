use crate::cose::{Known, Payload, PqSigningKey, PqVerifyingKey, Sign1, SigningKey, sign1, sign1_pq};
use crate::envelope::KeyRing;
use crate::evidence::checkpoint::{Claimed, PROTECTED};
use crate::evidence::{Checkpoint, EvidenceError};
use crate::model::{Digest, Head, Party, Timestamp};
use crate::trust::Directory;
use crate::wire;
use crate::wire::Limits;
use serde::{Deserialize, Serialize};
use serde_bytes::{ByteBuf, Bytes};

const KNOWN: Known<'_> = Known { protected: PROTECTED, unprotected: &[] };

/// The keys with which a gateway signs the heads of its logs.
#[derive(Clone)]
pub struct LogKeys {
    /// The log key, with its certificate's thumbprint.
    pub log: (SigningKey, Digest),
    /// Its twin, which stands beside that certificate in the directory (DESIGN §6).
    pub twin: PqSigningKey,
}

/// A checkpoint that both the log key and its ML-DSA-65 twin have signed, so that what it covers can
/// still be proved when Ed25519 has fallen (DESIGN §7). The twin's public key comes with it, since the directory lists
/// only its digest. Nothing is checked until [`Self::verify`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Anchor(ByteBuf, ByteBuf, ByteBuf);

/// What a verified anchor proves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProvedAnchor {
    /// Whose log it is.
    pub owner: Party,
    /// The party that the log is about.
    pub peer: Party,
    /// The log's head.
    pub head: Head,
    /// When the owner says that it signed.
    pub at: Timestamp,
    /// The thumbprint of the log certificate beside which the twin stands.
    pub certificate: Digest,
}

impl LogKeys {
    /// Takes them from a gateway's ring.
    pub fn of(ring: &KeyRing) -> Self {
        Self { log: ring.log.clone(), twin: ring.twin.clone() }
    }
}

impl Anchor {
    /// Signs a checkpoint with both keys; its `at` is the instant of signing.
    ///
    /// # Errors
    /// [`EvidenceError::Cose`] if it cannot be encoded, which is a bug.
    pub fn sign(checkpoint: &Checkpoint, keys: &LogKeys) -> Result<Self, EvidenceError> {
        let (key, certificate) = &keys.log;
        let root = Payload::Attached(&checkpoint.head.root.0);
        let protected = checkpoint.protected(certificate)?;
        let classic = sign1(key, protected.clone(), Vec::new(), root, &[])?;
        let twin = sign1_pq(&keys.twin, protected, Vec::new(), root, &[])?;
        let public = keys.twin.verifying_key().as_bytes().to_vec();
        Ok(Self(ByteBuf::from(classic), ByteBuf::from(twin), ByteBuf::from(public)))
    }

    /// Verifies both signatures and that they say the same.
    ///
    /// # Errors
    /// The first cause: structure, claims, key, signature.
    pub fn verify(&self, directory: &Directory) -> Result<ProvedAnchor, EvidenceError> {
        let classic = Sign1::parse(&self.0, &Limits::REJECT, &KNOWN)?;
        let twin = Sign1::parse_pq(&self.1, &Limits::ANCHOR, &KNOWN)?;
        let claimed = Claimed::read(classic.unverified_headers())?;
        if Claimed::read(twin.unverified_headers())? != claimed {
            return Err(EvidenceError::Malformed("the two signatures of an anchor say different things"));
        }
        let key = directory.log_key(&claimed.owner, &claimed.certificate, claimed.at)?;
        let classic = classic.verify(&key, None, &[])?;
        let twin_key = PqVerifyingKey::from_bytes(&self.2)?;
        directory.check_log_twin(&claimed.owner, &claimed.certificate, &twin_key)?;
        let twin = twin.verify_pq(&twin_key, None, &[])?;
        let root: [u8; 32] = classic
            .payload()
            .try_into()
            .map_err(|_| EvidenceError::Malformed("the payload of an anchor is not a root"))?;
        if twin.payload() != root {
            return Err(EvidenceError::Malformed("the two signatures of an anchor say different things"));
        }
        let head = Head { log: claimed.log, size: claimed.size, root: Digest(root) };
        Ok(ProvedAnchor {
            owner: claimed.owner,
            peer: claimed.peer,
            head,
            at: claimed.at,
            certificate: claimed.certificate,
        })
    }

    /// Reads when it says that it was signed, and at which size of the log; nothing is checked.
    ///
    /// # Errors
    /// [`EvidenceError::Cose`] or [`EvidenceError::Malformed`] if it is not laid out so.
    pub fn claimed(&self) -> Result<(Timestamp, u64), EvidenceError> {
        let classic = Sign1::parse(&self.0, &Limits::REJECT, &KNOWN)?;
        let claimed = Claimed::read(classic.unverified_headers())?;
        Ok((claimed.at, claimed.size))
    }

    /// Encodes it as it travels.
    ///
    /// # Errors
    /// [`EvidenceError::Wire`] if it cannot be encoded, which is a bug.
    pub fn encode(&self) -> Result<Vec<u8>, EvidenceError> {
        Ok(wire::encode(&(Bytes::new(&self.0), Bytes::new(&self.1), Bytes::new(&self.2)))?)
    }

    /// Reads one; nothing is checked until [`Self::verify`].
    ///
    /// # Errors
    /// [`EvidenceError::Wire`] if it is not three byte strings.
    pub fn parse(bytes: &[u8]) -> Result<Self, EvidenceError> {
        let (classic, twin, key) = wire::decode(bytes, &Limits::ANCHOR)?;
        Ok(Self(classic, twin, key))
    }
}
