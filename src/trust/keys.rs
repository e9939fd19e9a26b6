use crate::model::Entropy;
use ring::signature::{ED25519, Ed25519KeyPair, KeyPair, UnparsedPublicKey};
use std::fmt;
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

/// An Ed25519 private key, held as the seed of RFC 8032 §5.1.5 and wiped when dropped.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct SigningKey {
    seed: [u8; 32],
    #[zeroize(skip)]
    public: VerifyingKey,
}

/// An Ed25519 public key (RFC 8032 §5.1.5).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct VerifyingKey(pub [u8; 32]);

/// Encodes a private key as PKCS#8 version 1 (RFC 8410 §7), the form that TLS libraries take.
pub fn pkcs8(key: &SigningKey) -> Zeroizing<Vec<u8>> {
    const PREFIX: [u8; 16] =
        [0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x04, 0x22, 0x04, 0x20];
    Zeroizing::new([PREFIX.as_slice(), &key.seed].concat())
}

impl SigningKey {
    /// Takes a seed of 32 secret random bytes.
    pub fn from_seed(seed: [u8; 32]) -> Self {
        let pair = pair(&seed);
        let mut public = VerifyingKey([0; 32]);
        public.0.copy_from_slice(pair.public_key().as_ref());
        Self { seed, public }
    }

    /// Draws a fresh key.
    pub fn generate(entropy: &mut dyn Entropy) -> Self {
        let mut seed = Zeroizing::new([0; 32]);
        entropy.fill(seed.as_mut_slice());
        Self::from_seed(*seed)
    }

    /// Returns the public half.
    pub const fn verifying_key(&self) -> VerifyingKey {
        self.public
    }

    /// Signs a message.
    pub fn sign(&self, message: &[u8]) -> [u8; 64] {
        let mut out = [0; 64];
        out.copy_from_slice(pair(&self.seed).sign(message).as_ref());
        out
    }
}

impl VerifyingKey {
    /// Tells whether `signature` is this key's signature of `message`.
    pub fn verifies(&self, message: &[u8], signature: &[u8]) -> bool {
        UnparsedPublicKey::new(&ED25519, self.0).verify(message, signature).is_ok()
    }
}

impl rcgen::PublicKeyData for VerifyingKey {
    fn der_bytes(&self) -> &[u8] {
        &self.0
    }
    fn algorithm(&self) -> &'static rcgen::SignatureAlgorithm {
        &rcgen::PKCS_ED25519
    }
}

impl rcgen::PublicKeyData for SigningKey {
    fn der_bytes(&self) -> &[u8] {
        &self.public.0
    }
    fn algorithm(&self) -> &'static rcgen::SignatureAlgorithm {
        &rcgen::PKCS_ED25519
    }
}

impl rcgen::SigningKey for SigningKey {
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, rcgen::Error> {
        Ok(Self::sign(self, message).to_vec())
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SigningKey({:?})", self.public)
    }
}

impl fmt::Debug for VerifyingKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|b| write!(f, "{b:02x}"))
    }
}

fn pair(seed: &[u8; 32]) -> Ed25519KeyPair {
    Ed25519KeyPair::from_seed_unchecked(seed).expect("any 32 bytes are an Ed25519 seed")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 8410 §10.3 prints this key, and RFC 8032 §7.1 signs with a seed of the same kind.
    #[test]
    fn pkcs8_is_the_example_of_rfc_8410() {
        let seed = *b"\xd4\xee\x72\xdb\xf9\x13\x58\x4a\xd5\xb6\xd8\xf1\xf7\x69\xf8\xad\x3a\xfe\x7c\x28\xcb\xf1\xd4\xfb\xe0\x97\xa8\x8f\x44\x75\x58\x42";
        let key = SigningKey::from_seed(seed);
        let der = pkcs8(&key);
        assert_eq!(der[..16], *b"\x30\x2e\x02\x01\x00\x30\x05\x06\x03\x2b\x65\x70\x04\x22\x04\x20");
        assert_eq!(der[16..], seed);
        let read = Ed25519KeyPair::from_pkcs8_maybe_unchecked(&der).unwrap();
        assert_eq!(read.public_key().as_ref(), key.verifying_key().0);
        assert_eq!(
            format!("{:?}", key.verifying_key()),
            "19bf44096984cdfe8541bac167dc3b96c85086aa30b6b6cb0c5c38ad703166e1"
        );
    }

    #[test]
    fn an_edited_message_does_not_verify() {
        let key = SigningKey::from_seed([7; 32]);
        let signature = key.sign(b"message");
        assert!(key.verifying_key().verifies(b"message", &signature));
        assert!(!key.verifying_key().verifies(b"massage", &signature));
        assert!(!SigningKey::from_seed([8; 32]).verifying_key().verifies(b"message", &signature));
    }
}
