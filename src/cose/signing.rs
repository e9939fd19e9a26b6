use super::CoseError;
use crate::model::Entropy;
use ed25519_dalek::Signer;
use ring::signature::{ED25519, UnparsedPublicKey};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use std::fmt;
use zeroize::Zeroizing;

/// The bytes of an Ed25519 signature.
pub const SIGNATURE_LEN: usize = 64;

/// An Ed25519 private key (RFC 8032), wiped when dropped and never shown.
#[derive(Clone)]
pub struct SigningKey {
    // Not ring's, which does not wipe a key when it is dropped.
    key: ed25519_dalek::SigningKey,
    public: VerifyingKey,
}

/// An Ed25519 public key (RFC 8032); a byte string of 32 on the wire.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct VerifyingKey(pub [u8; 32]);

impl SigningKey {
    /// Draws a fresh key.
    pub fn generate(entropy: &mut dyn Entropy) -> Self {
        let mut seed = Zeroizing::new([0; 32]);
        entropy.fill(seed.as_mut_slice());
        Self::from_seed(&seed)
    }

    /// Takes the 32-byte private key of RFC 8032 §5.1.5.
    pub fn from_seed(seed: &[u8; 32]) -> Self {
        let key = ed25519_dalek::SigningKey::from_bytes(seed);
        let public = VerifyingKey(key.verifying_key().to_bytes());
        Self { key, public }
    }

    /// Returns the seed, for a key store to encrypt.
    pub fn seed(&self) -> &[u8; 32] {
        self.key.as_bytes()
    }

    /// Returns the public key.
    pub const fn verifying_key(&self) -> VerifyingKey {
        self.public
    }

    /// Returns the bytes of the public key, borrowed, as certificate encoders ask for them.
    pub const fn public_bytes(&self) -> &[u8; 32] {
        &self.public.0
    }

    /// Signs a message (RFC 8032 §5.1.6).
    pub fn sign(&self, message: &[u8]) -> [u8; SIGNATURE_LEN] {
        self.key.sign(message).to_bytes()
    }
}

impl VerifyingKey {
    /// Checks a signature over a message (RFC 8032 §5.1.7); fails with `Signature`.
    pub fn verify(&self, message: &[u8], signature: &[u8]) -> Result<(), CoseError> {
        UnparsedPublicKey::new(&ED25519, self.0).verify(message, signature).map_err(|_| CoseError::Signature)
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SigningKey([hidden], public {:?})", self.public)
    }
}

impl fmt::Debug for VerifyingKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl Serialize for VerifyingKey {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.serialize_bytes(&self.0)
    }
}

impl<'de> Deserialize<'de> for VerifyingKey {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        let bytes = d.deserialize_byte_buf(ByteString)?;
        bytes.try_into().map(Self).map_err(|_| de::Error::custom("a verifying key is 32 bytes long"))
    }
}

/// Reads a byte string, which serde's `Vec<u8>` does not.
pub(super) struct ByteString;

impl de::Visitor<'_> for ByteString {
    type Value = Vec<u8>;
    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a byte string")
    }
    fn visit_bytes<E>(self, bytes: &[u8]) -> Result<Vec<u8>, E> {
        Ok(bytes.to_vec())
    }
    fn visit_byte_buf<E>(self, bytes: Vec<u8>) -> Result<Vec<u8>, E> {
        Ok(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::{Limits, decode, encode};

    /// RFC 8032 §7.1, tests 1 to 3: secret key, public key, message, signature.
    const VECTORS: [[&str; 4]; 3] = [
        [
            "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
            "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
            "",
            concat!(
                "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e06522490155",
                "5fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b",
            ),
        ],
        [
            "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
            "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
            "72",
            concat!(
                "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da",
                "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00",
            ),
        ],
        [
            "c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
            "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
            "af82",
            concat!(
                "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac",
                "18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a",
            ),
        ],
    ];

    fn hex(text: &str) -> Vec<u8> {
        (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap()).collect()
    }

    #[test]
    fn the_vectors_of_rfc_8032_hold() {
        for [secret, public, message, signature] in VECTORS.map(|vector| vector.map(hex)) {
            let key = SigningKey::from_seed(&secret.try_into().unwrap());
            assert_eq!(key.verifying_key().0.to_vec(), public);
            assert_eq!(key.sign(&message).to_vec(), signature);
            assert_eq!(key.verifying_key().verify(&message, &signature), Ok(()));
            assert_eq!(key.verifying_key().verify(b"other", &signature), Err(CoseError::Signature));
        }
    }

    #[test]
    fn debug_hides_the_seed() {
        let key = SigningKey::from_seed(&[0xab; 32]);
        assert!(!format!("{key:?}").contains("abab"));
    }

    #[test]
    fn a_verifying_key_is_a_byte_string_of_32() {
        let key = VerifyingKey([7; 32]);
        let bytes = encode(&key).unwrap();
        assert_eq!(bytes, [&[0x58, 32][..], &[7; 32]].concat());
        assert_eq!(decode::<VerifyingKey>(&bytes, &Limits::HEADERS).unwrap(), key);
        assert!(decode::<VerifyingKey>(b"\x41\x07", &Limits::HEADERS).is_err());
    }
}
