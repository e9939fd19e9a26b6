use crate::cose::{Known, Payload, PqVerifyingKey, Sign1, label, sign1, sign1_pq};
use crate::evidence::{EvidenceError, LogKeys};
use crate::model::{Digest, Party, Timestamp};
use crate::trust::Directory;
use crate::wire;
use crate::wire::Limits;
use ciborium::Value;
use serde_bytes::{ByteBuf, Bytes};

const KNOWN: Known<'_> = Known { protected: &[label::CONTENT_TYPE, label::X5T], unprotected: &[] };

/// A file that its maker has sealed with its log key and that key's twin: its very bytes, and both seals over them.
///
/// The seals say only that nothing has changed since the maker let it go; what is inside is proved by its own signatures.
#[derive(Clone, Debug)]
pub struct SealedFile {
    /// What is inside.
    pub body: Vec<u8>,
    seals: (Vec<u8>, Vec<u8>),
    /// The public key of the twin that made the second seal.
    twin: Vec<u8>,
}

impl SealedFile {
    /// Seals a body as a file of this media type.
    ///
    /// # Errors
    /// [`EvidenceError::Wire`] if it is larger than a file may be.
    pub fn seal(body: &[u8], media_type: &str, keys: &LogKeys) -> Result<Vec<u8>, EvidenceError> {
        wire::check(body, &Limits::DOSSIER).map_err(wire::WireError::from)?;
        let (key, certificate) = &keys.log;
        let x5t = Value::Array(vec![Value::from(-16), Value::Bytes(certificate.0.to_vec())]);
        let protected = vec![(label::CONTENT_TYPE, Value::from(media_type)), (label::X5T, x5t)];
        let digest = Digest::of(&[body]);
        let payload = Payload::Detached(&digest.0);
        let classic = sign1(key, protected.clone(), Vec::new(), payload, &[])?;
        let twin = sign1_pq(&keys.twin, protected, Vec::new(), payload, &[])?;
        let public = keys.twin.verifying_key();
        let public = Bytes::new(public.as_bytes());
        Ok(wire::encode(&(Bytes::new(body), Bytes::new(&classic), Bytes::new(&twin), public))?)
    }

    /// Takes a file apart; nothing is proved yet.
    ///
    /// # Errors
    /// [`EvidenceError::Wire`] if it is not laid out so.
    pub fn parse(bytes: &[u8]) -> Result<Self, EvidenceError> {
        let (body, classic, twin, key): (ByteBuf, ByteBuf, ByteBuf, ByteBuf) =
            wire::decode(bytes, &Limits::DOSSIER)?;
        let seals = (classic.into_vec(), twin.into_vec());
        Ok(Self { body: body.into_vec(), seals, twin: key.into_vec() })
    }

    /// Tells whether its first seal names this media type; nothing is proved.
    pub fn claims_to_be(&self, media_type: &str) -> bool {
        let seal = Sign1::parse(&self.seals.0, &Limits::REJECT, &KNOWN);
        seal.is_ok_and(|seal| certificate(&seal, media_type).is_ok())
    }

    /// Checks both seals over the body, made by the gateway of `by` at `at`; returns the log certificate's thumbprint.
    ///
    /// # Errors
    /// The first cause: structure, media type, key, signature.
    pub fn check(
        &self,
        media_type: &str,
        (by, at): (&Party, Timestamp),
        directory: &Directory,
    ) -> Result<Digest, EvidenceError> {
        let digest = Digest::of(&[&self.body]);
        let classic = Sign1::parse(&self.seals.0, &Limits::REJECT, &KNOWN)?;
        let twin = Sign1::parse_pq(&self.seals.1, &Limits::ANCHOR, &KNOWN)?;
        let certificate = certificate(&classic, media_type)?;
        if certificate != self::certificate(&twin, media_type)? {
            return Err(EvidenceError::Malformed("the two seals of a file name different keys"));
        }
        let key = directory.log_key(by, &certificate, at)?;
        classic.verify(&key, Some(&digest.0), &[])?;
        let twin_key = PqVerifyingKey::from_bytes(&self.twin)?;
        directory.check_log_twin(by, &certificate, &twin_key)?;
        twin.verify_pq(&twin_key, Some(&digest.0), &[])?;
        Ok(certificate)
    }
}

fn certificate(seal: &Sign1, media_type: &str) -> Result<Digest, EvidenceError> {
    let headers = seal.unverified_headers();
    if headers.read::<String>(label::CONTENT_TYPE)? != media_type {
        return Err(EvidenceError::Malformed("a seal for another use"));
    }
    let (algorithm, certificate): (i64, Digest) = headers.read(label::X5T)?;
    let sha_256 = algorithm == -16;
    sha_256.then_some(certificate).ok_or(EvidenceError::Malformed("a thumbprint that is not SHA-256"))
}
