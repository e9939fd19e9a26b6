use super::{
    VaultError,
    aead::{Cipher, Derivation},
};
use crate::model::Entropy;
use std::fmt;
use zeroize::Zeroizing;

/// The key under which every act body lies on disk (ISACS 8.4 a); wiped from memory on drop.
///
/// Each record has its own key, derived from this one and the record's context, so that a sealed body
/// opens only as the record that it was sealed for. Sealed: version 1, nonce 12, text, tag 16.
pub struct BodyKey(Zeroizing<[u8; 32]>);

const VERSION: u8 = 1;
const LABEL: &[u8] = b"valise body v1";

impl BodyKey {
    /// Takes a key that was opened from its key file.
    pub const fn new(key: Zeroizing<[u8; 32]>) -> Self {
        Self(key)
    }

    /// Draws a fresh key.
    pub fn generate(entropy: &mut dyn Entropy) -> Self {
        let mut key = Zeroizing::new([0; 32]);
        entropy.fill(&mut *key);
        Self(key)
    }

    /// Gives the key's bytes, to be sealed into a key file.
    pub fn reveal(&self) -> &[u8; 32] {
        &self.0
    }

    /// Seals a body; `context` says which record it is.
    pub fn seal(&self, context: &[u8], plaintext: &[u8], entropy: &mut dyn Entropy) -> Vec<u8> {
        let mut out = vec![VERSION];
        self.cipher(context).seal(context, plaintext, entropy, &mut out);
        out
    }

    /// Opens a body.
    ///
    /// # Errors
    /// `Body` if the bytes changed, or were sealed with another key or context.
    pub fn open(&self, context: &[u8], sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, VaultError> {
        let text = sealed.strip_prefix(&[VERSION]).ok_or(VaultError::Body)?;
        self.cipher(context).open(context, text).ok_or(VaultError::Body)
    }

    /// Derives a secret for another use; `info` says which.
    pub fn derive(&self, info: &[&[u8]]) -> [u8; 32] {
        Derivation::extract(&[], &*self.0).check_value(&[&[b"valise derived v1".as_slice()], info].concat())
    }

    fn cipher(&self, context: &[u8]) -> Cipher {
        Derivation::extract(&[], &*self.0).cipher(&[LABEL, context])
    }
}

impl fmt::Debug for BodyKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[hidden]")
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::Counting;
    use super::*;

    #[test]
    fn a_body_opens_only_in_its_own_place() {
        let mut entropy = Counting(0);
        let key = BodyKey::generate(&mut entropy);
        let sealed = key.seal(b"digest/weapon/serial", b"AK 123456", &mut entropy);
        assert_eq!(key.open(b"digest/weapon/serial", &sealed).unwrap().as_slice(), b"AK 123456");
        assert_eq!(key.open(b"digest/weapon/make", &sealed), Err(VaultError::Body));
        let other = BodyKey::generate(&mut entropy);
        assert_eq!(other.open(b"digest/weapon/serial", &sealed), Err(VaultError::Body));
    }

    #[test]
    fn every_flipped_or_missing_byte_is_refused() {
        let mut entropy = Counting(7);
        let key = BodyKey::generate(&mut entropy);
        let sealed = key.seal(b"context", b"body", &mut entropy);
        for at in 0..sealed.len() {
            let mut flipped = sealed.clone();
            flipped[at] ^= 1;
            assert_eq!(key.open(b"context", &flipped), Err(VaultError::Body), "byte {at}");
            assert_eq!(key.open(b"context", &sealed[..at]), Err(VaultError::Body), "cut at {at}");
        }
    }

    #[test]
    fn equal_bodies_do_not_look_equal() {
        let mut entropy = Counting(3);
        let key = BodyKey::generate(&mut entropy);
        let [a, b] = [(); 2].map(|()| key.seal(b"context", b"body", &mut entropy));
        assert_ne!(a[13..], b[13..]);
    }

    #[test]
    fn a_body_is_pinned_to_its_bytes() {
        let key = BodyKey::new(Zeroizing::new([0x42; 32]));
        let sealed = key.seal(b"context", b"body", &mut Counting(0));
        assert_eq!(hex(&sealed), "01000102030405060708090a0b13a4751d6104df82f47140d889ca847a6e28514a");
        assert_eq!(format!("{key:?}"), "[hidden]");
    }

    fn hex(bytes: &[u8]) -> String {
        bytes.iter().map(|byte| format!("{byte:02x}")).collect()
    }
}
