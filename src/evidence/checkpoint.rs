use crate::cose::{Headers, Payload, SigningKey, label, sign1_many};
use crate::evidence::EvidenceError;
use crate::evidence::{Inclusion, Log};
use crate::model::{Digest, Head, Party, Timestamp};
use crate::wire;
use ciborium::Value;
use serde_bytes::ByteBuf;

/// The RFC 9162 SHA-256 structure in the `vds` header (RFC 9942 §5).
const RFC9162_SHA256: u64 = 1;
/// The label of inclusion proofs in the `vdp` header (RFC 9942 §5.2).
const INCLUSION: i64 = -1;
/// CWT claims (RFC 8392 §3.1): whose log, about whom, at what instant, of how many leaves. The last
/// two are ours: one root answers to proofs in trees of several sizes, and a pair may have several logs.
const ISSUER: i64 = 1;
const SUBJECT: i64 = 2;
const ISSUED_AT: i64 = 6;
const TREE_SIZE: i64 = -70101;
const LOG: i64 = -70102;

pub(super) const PROTECTED: &[i64] = &[label::CWT_CLAIMS, label::X5T, label::VDS];
pub(super) const UNPROTECTED: &[i64] = &[label::VDP];

/// A log's head that its owner is about to sign: once for each peer in a commit group.
#[derive(Clone, Debug)]
pub struct Checkpoint {
    /// The party that keeps the log.
    pub owner: Party,
    /// The party it is about.
    pub peer: Party,
    /// The head.
    pub head: Head,
    /// The instant of the newest leaf.
    pub at: Timestamp,
}

/// The claims of a checkpoint that somebody made.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Claimed {
    pub(super) owner: Party,
    pub(super) peer: Party,
    pub(super) at: Timestamp,
    pub(super) size: u64,
    pub(super) log: Digest,
    pub(super) certificate: Digest,
}

impl Checkpoint {
    /// Signs the head once, and gives one COSE receipt for each of the leaves at `indices`: the same
    /// signature with another inclusion proof beside it (RFC 9942 §5.2).
    ///
    /// # Errors
    /// [`EvidenceError::NotIncluded`] if the log holds no such leaf.
    pub fn receipts(
        &self,
        log: &dyn Log,
        indices: &[u64],
        (key, certificate): &(SigningKey, Digest),
    ) -> Result<Vec<Vec<u8>>, EvidenceError> {
        let proofs = indices.iter().map(|index| self.proof(log, *index)).collect::<Result<_, _>>()?;
        let root = Payload::Detached(&self.head.root.0);
        Ok(sign1_many(key, &self.protected(certificate)?, proofs, root, &[])?)
    }

    fn proof(&self, log: &dyn Log, index: u64) -> Result<Vec<(i64, Value)>, EvidenceError> {
        let proof = log.prove(index)?;
        let inclusion = wire::encode(&(self.head.size, index, proof.path))?;
        let proofs = Value::Array(vec![Value::Bytes(inclusion)]);
        Ok(vec![(label::VDP, Value::Map(vec![(Value::from(INCLUSION), proofs)]))])
    }

    pub(super) fn protected(&self, certificate: &Digest) -> Result<Vec<(i64, Value)>, EvidenceError> {
        let claims = Value::Map(vec![
            (Value::from(ISSUER), wire::to_value(&self.owner)?),
            (Value::from(SUBJECT), wire::to_value(&self.peer)?),
            (Value::from(ISSUED_AT), wire::to_value(&self.at)?),
            (Value::from(TREE_SIZE), Value::from(self.head.size)),
            (Value::from(LOG), wire::to_value(&self.head.log)?),
        ]);
        let x5t = Value::Array(vec![Value::from(-16), Value::Bytes(certificate.0.to_vec())]);
        Ok(vec![(label::CWT_CLAIMS, claims), (label::X5T, x5t), (label::VDS, Value::from(RFC9162_SHA256))])
    }
}

impl Claimed {
    pub(super) fn read(headers: &Headers) -> Result<Self, EvidenceError> {
        if headers.read::<u64>(label::VDS)? != RFC9162_SHA256 {
            return Err(EvidenceError::Malformed("the log is not an RFC 9162 SHA-256 one"));
        }
        let (algorithm, certificate): (i64, Digest) = headers.read(label::X5T)?;
        if algorithm != -16 {
            return Err(EvidenceError::Malformed("the certificate's thumbprint is not SHA-256"));
        }
        let malformed = EvidenceError::Malformed("the claims are not iss, sub, iat, size, log");
        let Some(claims) = headers.get(label::CWT_CLAIMS).and_then(Value::as_map) else {
            return Err(malformed);
        };
        let keys = [ISSUER, SUBJECT, ISSUED_AT, TREE_SIZE, LOG].map(Value::from);
        if !claims.iter().map(|(key, _)| key).eq(keys.iter()) {
            return Err(malformed);
        }
        Ok(Self {
            owner: wire::from_value(&claims[0].1)?,
            peer: wire::from_value(&claims[1].1)?,
            at: wire::from_value(&claims[2].1)?,
            size: wire::from_value(&claims[3].1)?,
            log: wire::from_value(&claims[4].1)?,
            certificate,
        })
    }
}

/// Reads the one inclusion proof of a receipt, with the size of the tree it was made for.
pub(super) fn read_inclusion(unprotected: &Headers) -> Result<(u64, Inclusion), EvidenceError> {
    let proofs = unprotected.get(label::VDP).and_then(Value::as_map);
    let [(key, Value::Array(list))] = proofs.map_or(&[][..], Vec::as_slice) else {
        return Err(EvidenceError::Malformed("no inclusion proof"));
    };
    let ([Value::Bytes(bytes)], true) = (list.as_slice(), *key == Value::from(INCLUSION)) else {
        return Err(EvidenceError::Malformed("not exactly one inclusion proof"));
    };
    let (size, index, path): (u64, u64, Vec<Digest>) = wire::decode(bytes, &wire::Limits::REJECT)?;
    Ok((size, Inclusion { index, path }))
}

/// The two parts of a receipt as they travel: the leaf and the COSE receipt.
pub(super) type Parts = (ByteBuf, ByteBuf);
