use super::algorithms::alg;
use super::headers::{Buckets, into_bytes, parts};
use super::{CoseError, Headers, Known, PqSigningKey, PqVerifyingKey, SigningKey, VerifyingKey};
use crate::model::Digest;
use crate::wire::{Limits, WireError, array, decode_value, encode_value, members};
use ciborium::Value;
use coset::{SignatureContext, sig_structure_data};

const WHAT: &str = "COSE_Sign1";
/// Stands for a payload that the message does not carry (RFC 9052 §4.1).
const NIL: &[u8] = &[0xf6];

/// The bytes to be signed, and whether the message carries them (RFC 9052 §4.1).
#[derive(Clone, Copy, Debug)]
pub enum Payload<'a> {
    /// Inside the message.
    Attached(&'a [u8]),
    /// Known to the reader from elsewhere; the message holds nil.
    Detached(&'a [u8]),
}

/// A received COSE_Sign1 whose structure is sound and whose signature has *not* been checked.
#[derive(Clone, Debug)]
pub struct Sign1 {
    buckets: Buckets,
    payload: Option<Vec<u8>>,
    signature: Vec<u8>,
}

/// The content of a COSE_Sign1 whose signature verified; there is no other way to its payload.
#[derive(Clone, Debug)]
pub struct Verified {
    buckets: Buckets,
    payload: Vec<u8>,
    digest: Digest,
}

/// The signature that was checked last. Receipts of one commit group share theirs: it is checked once.
#[derive(Clone, Copy, Debug, Default)]
pub struct LastChecked(Option<Digest>);

/// Signs as an untagged COSE_Sign1 with Ed25519 (RFC 9052 §4.2).
///
/// Adds `alg`, and `crit` for the private labels among `protected`. Fails with `MisplacedHeader` if
/// the caller gives one of the two, with `DuplicateHeader` if a label stands twice.
pub fn sign1(
    key: &SigningKey,
    protected: Vec<(i64, Value)>,
    unprotected: Vec<(i64, Value)>,
    payload: Payload<'_>,
    aad: &[u8],
) -> Result<Vec<u8>, CoseError> {
    sign1_digested(key, protected, unprotected, payload, aad).map(|(message, _)| message)
}

/// Signs as [`sign1`], and gives SHA-256 over the Sig_structure too (RFC 9052 §4.4).
pub fn sign1_digested(
    key: &SigningKey,
    protected: Vec<(i64, Value)>,
    unprotected: Vec<(i64, Value)>,
    payload: Payload<'_>,
    aad: &[u8],
) -> Result<(Vec<u8>, Digest), CoseError> {
    let buckets = Buckets::build(alg::ED25519, protected, unprotected)?;
    let (message, signed) = signed(&buckets, payload, aad, |bytes| key.sign(bytes).to_vec())?;
    Ok((message, Digest::of(&[&signed])))
}

/// Signs as an untagged COSE_Sign1 with ML-DSA-65 (RFC 9964 §3); else as [`sign1`].
pub fn sign1_pq(
    key: &PqSigningKey,
    protected: Vec<(i64, Value)>,
    unprotected: Vec<(i64, Value)>,
    payload: Payload<'_>,
    aad: &[u8],
) -> Result<Vec<u8>, CoseError> {
    let buckets = Buckets::build(alg::ML_DSA_65, protected, unprotected)?;
    signed(&buckets, payload, aad, |bytes| key.sign(bytes)).map(|(message, _)| message)
}

/// Signs once for several messages that differ in nothing but their unprotected headers; else as
/// [`sign1`].
pub fn sign1_many(
    key: &SigningKey,
    protected: &[(i64, Value)],
    unprotected: Vec<Vec<(i64, Value)>>,
    payload: Payload<'_>,
    aad: &[u8],
) -> Result<Vec<Vec<u8>>, CoseError> {
    let (content, carried) = carry(payload);
    let signed = Buckets::build(alg::ED25519, protected.to_vec(), Vec::new())?;
    let signature = key.sign(&sig_structure(&signed, aad, content));
    let one = |unprotected| {
        let buckets = Buckets::build(alg::ED25519, protected.to_vec(), unprotected)?;
        message(&buckets, carried.clone(), signature.to_vec())
    };
    unprotected.into_iter().map(one).collect()
}

/// Signs, and gives the message and the bytes that were signed.
fn signed(
    buckets: &Buckets,
    payload: Payload<'_>,
    aad: &[u8],
    sign: impl FnOnce(&[u8]) -> Vec<u8>,
) -> Result<(Vec<u8>, Vec<u8>), CoseError> {
    let (content, carried) = carry(payload);
    let signed = sig_structure(buckets, aad, content);
    Ok((message(buckets, carried, sign(&signed))?, signed))
}

fn message(buckets: &Buckets, carried: Value, signature: Vec<u8>) -> Result<Vec<u8>, CoseError> {
    let [protected, unprotected] = buckets.to_values();
    Ok(encode_value(&Value::Array(vec![protected, unprotected, carried, Value::Bytes(signature)]))?)
}

/// Takes the payload out of a COSE_Sign1, which stays as it is otherwise: the message with nil in its place, and the
/// payload (RFC 9052 §4.1).
///
/// Fails with `Structure`, or with `Detachment` if it carries none.
pub fn detach(message: &[u8], limits: &Limits) -> Result<(Vec<u8>, Vec<u8>), CoseError> {
    let [protected, unprotected, payload, signature] = pieces(message, limits)?;
    let payload =
        decode_value(payload, &limits.of_cose())?.into_bytes().map_err(|_| CoseError::Detachment)?;
    Ok((array(&[protected, unprotected, NIL, signature]), payload))
}

/// Puts a payload into a COSE_Sign1 that came without: what [`detach`] took apart, byte for byte.
///
/// Fails with `Structure`, or with `Detachment` if it carries one.
pub fn attach(message: &[u8], payload: &[u8], limits: &Limits) -> Result<Vec<u8>, CoseError> {
    let [protected, unprotected, nil, signature] = pieces(message, limits)?;
    if nil != NIL {
        return Err(CoseError::Detachment);
    }
    let payload = encode_value(&Value::Bytes(payload.to_vec()))?;
    Ok(array(&[protected, unprotected, &payload, signature]))
}

fn pieces<'a>(message: &'a [u8], limits: &Limits) -> Result<[&'a [u8]; 4], CoseError> {
    members(message, &limits.of_cose()).map_err(|error| match error {
        WireError::Shape { .. } => CoseError::Structure(WHAT),
        other @ (WireError::Cbor(_) | WireError::Frame(_) | WireError::Padding(_) | WireError::Encode(_)) => {
            other.into()
        }
    })
}

impl Sign1 {
    /// Takes received bytes apart; they must be deterministic, untagged and hold known labels only.
    pub fn parse(bytes: &[u8], limits: &Limits, known: &Known<'_>) -> Result<Self, CoseError> {
        Self::parse_as(alg::ED25519, bytes, limits, known)
    }

    /// Takes received bytes apart that ML-DSA-65 must have signed; else as [`Self::parse`].
    pub fn parse_pq(bytes: &[u8], limits: &Limits, known: &Known<'_>) -> Result<Self, CoseError> {
        Self::parse_as(alg::ML_DSA_65, bytes, limits, known)
    }

    fn parse_as(algorithm: i64, bytes: &[u8], limits: &Limits, known: &Known<'_>) -> Result<Self, CoseError> {
        let [protected, unprotected, payload, signature] = parts(bytes, limits, WHAT)?;
        Ok(Self {
            buckets: Buckets::parse(protected, unprotected, algorithm, known)?,
            payload: if payload.is_null() { None } else { Some(into_bytes(payload, WHAT)?) },
            signature: into_bytes(signature, WHAT)?,
        })
    }

    /// Gives the protected headers before they are proved, to find out whose key to verify with.
    pub const fn unverified_headers(&self) -> &Headers {
        &self.buckets.protected
    }

    /// Gives the payload that the message carries before it is proved, to find out when it was signed.
    pub fn unverified_payload(&self) -> Option<&[u8]> {
        self.payload.as_deref()
    }

    /// Gives the headers that no signature covers, such as proofs that prove themselves.
    pub const fn unsigned_headers(&self) -> &Headers {
        &self.buckets.unprotected
    }

    /// Computes SHA-256 over the Sig_structure (RFC 9052 §4.4), never over the signature.
    ///
    /// `detached` is the payload if, and only if, the message carries none; else fails with
    /// `Detachment`.
    pub fn sig_structure_digest(&self, detached: Option<&[u8]>, aad: &[u8]) -> Result<Digest, CoseError> {
        Ok(Digest::of(&[&sig_structure(&self.buckets, aad, self.content(detached)?)]))
    }

    /// Checks the signature (RFC 9052 §4.4); fails with `Signature`, or with `Detachment` like
    /// [`Self::sig_structure_digest`].
    pub fn verify(
        self,
        key: &VerifyingKey,
        detached: Option<&[u8]>,
        aad: &[u8],
    ) -> Result<Verified, CoseError> {
        let signed = sig_structure(&self.buckets, aad, self.content(detached)?);
        key.verify(&signed, &self.signature)?;
        Ok(self.proved(detached, &signed))
    }

    /// Checks as [`Self::verify`], unless the same signature over the same bytes by the same key was checked last.
    pub fn verify_after(
        self,
        last: &mut LastChecked,
        key: &VerifyingKey,
        detached: Option<&[u8]>,
        aad: &[u8],
    ) -> Result<Verified, CoseError> {
        let signed = sig_structure(&self.buckets, aad, self.content(detached)?);
        let this = Digest::of(&[&key.0, &Digest::of(&[&self.signature]).0, &signed]);
        if last.0 != Some(this) {
            key.verify(&signed, &self.signature)?;
            last.0 = Some(this);
        }
        Ok(self.proved(detached, &signed))
    }

    /// Checks an ML-DSA-65 signature; else as [`Self::verify`].
    pub fn verify_pq(
        self,
        key: &PqVerifyingKey,
        detached: Option<&[u8]>,
        aad: &[u8],
    ) -> Result<Verified, CoseError> {
        let signed = sig_structure(&self.buckets, aad, self.content(detached)?);
        key.verify(&signed, &self.signature)?;
        Ok(self.proved(detached, &signed))
    }

    fn proved(self, detached: Option<&[u8]>, signed: &[u8]) -> Verified {
        let payload = self.payload.or_else(|| detached.map(<[u8]>::to_vec)).unwrap_or_default();
        Verified { buckets: self.buckets, payload, digest: Digest::of(&[signed]) }
    }

    fn content<'a>(&'a self, detached: Option<&'a [u8]>) -> Result<&'a [u8], CoseError> {
        match (&self.payload, detached) {
            (Some(payload), None) => Ok(payload),
            (None, Some(payload)) => Ok(payload),
            (Some(_), Some(_)) | (None, None) => Err(CoseError::Detachment),
        }
    }
}

impl Verified {
    /// Returns the signed bytes, whether the message carried them or not.
    pub fn payload(&self) -> &[u8] {
        &self.payload
    }

    /// Returns the headers that the signature covers.
    pub const fn headers(&self) -> &Headers {
        &self.buckets.protected
    }

    /// Returns the headers that no signature covers, such as proofs that prove themselves.
    pub const fn unprotected_headers(&self) -> &Headers {
        &self.buckets.unprotected
    }

    /// Returns SHA-256 over the Sig_structure: the identity of what was said (DESIGN §5).
    pub const fn sig_structure_digest(&self) -> Digest {
        self.digest
    }
}

/// Gives what is signed, and what the message carries of it.
fn carry(payload: Payload<'_>) -> (&[u8], Value) {
    match payload {
        Payload::Attached(content) => (content, Value::Bytes(content.to_vec())),
        Payload::Detached(content) => (content, Value::Null),
    }
}

fn sig_structure(buckets: &Buckets, aad: &[u8], payload: &[u8]) -> Vec<u8> {
    sig_structure_data(SignatureContext::CoseSign1, buckets.as_authenticated(), None, aad, payload)
}

#[cfg(test)]
mod tests;
