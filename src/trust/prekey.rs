use super::{TrustError, Validity};
use crate::cose::{KemPublic, SigningKey, VerifyingKey};
use crate::model::{Digest, Party};
use std::fmt;

/// Names a prekey within its party; 16 random bytes.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PrekeyId(pub [u8; 16]);

/// A public key to which a message may be sealed for a while (DESIGN §6, a weekly epoch).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Prekey {
    /// Which of its party's prekeys it is.
    pub id: PrekeyId,
    /// The X-Wing key: ML-KEM-768 and X25519 together.
    pub public: KemPublic,
    /// When senders may seal to it; the private half lives longer.
    pub validity: Validity,
}

/// A prekey with the signature of its party's seal key; it can exist unverified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignedPrekey {
    /// What is signed.
    pub prekey: Prekey,
    /// The thumbprint of the seal certificate whose key signed.
    pub seal: Digest,
    /// An Ed25519 signature.
    pub signature: [u8; 64],
}

impl SignedPrekey {
    /// Signs a prekey for `party` with its seal key, whose certificate has the thumbprint `seal`.
    pub fn sign(party: &Party, prekey: Prekey, seal: Digest, key: &SigningKey) -> Self {
        let signature = key.sign(&signed_bytes(party, &prekey));
        Self { prekey, seal, signature }
    }

    /// Gives the prekey if `key` signed it for `party`.
    /// # Errors
    /// `BadPrekey` if the signature does not verify or the prekey ends before it begins.
    pub fn verify(&self, party: &Party, key: &VerifyingKey) -> Result<&Prekey, TrustError> {
        let bad = |why| TrustError::BadPrekey { party: party.clone(), why };
        if key.verify(&signed_bytes(party, &self.prekey), &self.signature).is_err() {
            return Err(bad("the seal key did not sign it"));
        }
        if self.prekey.validity.seconds() <= 0 {
            return Err(bad("it ends before it begins"));
        }
        Ok(&self.prekey)
    }
}

impl fmt::Debug for PrekeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|b| write!(f, "{b:02x}"))
    }
}

/// What a seal key signs to publish a prekey; every part has a fixed or a written length.
fn signed_bytes(party: &Party, prekey: &Prekey) -> Vec<u8> {
    let party = party.to_string();
    [
        b"valise prekey v1\0".as_slice(),
        &(party.len() as u64).to_be_bytes(),
        party.as_bytes(),
        &prekey.id.0,
        &prekey.validity.not_before.unix().to_be_bytes(),
        &prekey.validity.not_after.unix().to_be_bytes(),
        prekey.public.as_bytes(),
    ]
    .concat()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trust::fixture::{party, prekey};

    #[test]
    fn the_signed_bytes_are_these() {
        let prekey = prekey(1);
        let bytes = signed_bytes(&party("XAA"), &prekey);
        let head = b"valise prekey v1\0\
            \0\0\0\0\0\0\0\x03XAA\
            \x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\
            \0\0\0\0\x6b\x48\x80\x80\
            \0\0\0\0\x6b\x53\x0c\x80";
        assert_eq!(bytes[..head.len()], *head);
        assert_eq!(bytes[head.len()..], *prekey.public.as_bytes());
    }
}
