use super::TrustError;
use crate::cose::{PqVerifyingKey, SigningKey, VerifyingKey};
use crate::model::{Digest, Party};

/// The ML-DSA-65 twin of a log key, with the signature of its party's seal key (DESIGN §6).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignedTwin {
    /// The thumbprint of the log certificate beside which it stands.
    pub log: Digest,
    /// The key.
    pub key: PqVerifyingKey,
    /// The thumbprint of the seal certificate whose key signed.
    pub seal: Digest,
    /// An Ed25519 signature.
    pub signature: [u8; 64],
}

impl SignedTwin {
    /// Signs the twin of a log key for `party` with its seal key, whose certificate has the thumbprint `seal`.
    pub fn sign(
        party: &Party,
        log: Digest,
        key: PqVerifyingKey,
        (seal_key, seal): (&SigningKey, Digest),
    ) -> Self {
        let signature = seal_key.sign(&signed_bytes(party, &log, &key));
        Self { log, key, seal, signature }
    }

    /// Gives the key if the seal key `by` signed it for `party`.
    /// # Errors
    /// `BadPrekey` if the signature does not verify.
    pub fn verify(&self, party: &Party, by: &VerifyingKey) -> Result<&PqVerifyingKey, TrustError> {
        let good = by.verify(&signed_bytes(party, &self.log, &self.key), &self.signature).is_ok();
        let why = "the seal key did not sign the twin of the log key";
        if good { Ok(&self.key) } else { Err(TrustError::BadPrekey { party: party.clone(), why }) }
    }
}

/// Computes by what a directory lists a twin: SHA-256 of its 1,952 bytes.
pub fn twin_digest(key: &PqVerifyingKey) -> Digest {
    Digest::of(&[key.as_bytes()])
}

/// What a seal key signs to publish a twin; every part has a fixed or a written length.
fn signed_bytes(party: &Party, log: &Digest, key: &PqVerifyingKey) -> Vec<u8> {
    let party = party.to_string();
    let length = (party.len() as u64).to_be_bytes();
    [b"valise log twin v1\0".as_slice(), &length, party.as_bytes(), &log.0, key.as_bytes()].concat()
}
