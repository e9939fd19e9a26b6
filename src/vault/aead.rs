//! AES-256-GCM under a key that HKDF-SHA256 derives for one purpose (RFC 5869, RFC 5116 §5.2).

use crate::model::Entropy;
use ring::{aead, hkdf};
use zeroize::Zeroizing;

pub(super) const NONCE: usize = aead::NONCE_LEN;

/// A derived key; `extract` once, then one `expand` for each purpose.
pub(super) struct Derivation(hkdf::Prk);

impl Derivation {
    pub fn extract(salt: &[u8], secret: &[u8]) -> Self {
        Self(hkdf::Salt::new(hkdf::HKDF_SHA256, salt).extract(secret))
    }

    pub fn cipher(&self, info: &[&[u8]]) -> Cipher {
        let okm = self.0.expand(info, &aead::AES_256_GCM).expect("32 bytes are within HKDF's 8160");
        Cipher(aead::LessSafeKey::new(aead::UnboundKey::from(okm)))
    }

    pub fn check_value(&self, info: &[&[u8]]) -> [u8; 32] {
        let okm = self.0.expand(info, hkdf::HKDF_SHA256).expect("32 bytes are within HKDF's 8160");
        let mut out = [0; 32];
        okm.fill(&mut out).expect("the output is as long as was asked for");
        out
    }
}

pub(super) struct Cipher(aead::LessSafeKey);

impl Cipher {
    /// Appends a fresh nonce and the sealed text to `out`.
    pub fn seal(&self, aad: &[u8], plaintext: &[u8], entropy: &mut dyn Entropy, out: &mut Vec<u8>) {
        let mut nonce = [0; NONCE];
        entropy.fill(&mut nonce);
        out.extend_from_slice(&nonce);
        let mut text = Zeroizing::new(Vec::with_capacity(plaintext.len() + aead::MAX_TAG_LEN));
        text.extend_from_slice(plaintext);
        let nonce = aead::Nonce::assume_unique_for_key(nonce);
        let sealed = self.0.seal_in_place_append_tag(nonce, aead::Aad::from(aad), &mut *text);
        sealed.expect("the text is below GCM's 64 GiB");
        out.extend_from_slice(&text);
    }

    /// Opens what [`Self::seal`] appended; `None` if a byte of it, the key or `aad` is another.
    pub fn open(&self, aad: &[u8], sealed: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
        let (nonce, text) = sealed.split_first_chunk::<NONCE>()?;
        let mut text = Zeroizing::new(text.to_vec());
        let nonce = aead::Nonce::assume_unique_for_key(*nonce);
        let opened = self.0.open_in_place(nonce, aead::Aad::from(aad), &mut text).ok()?.len();
        text.truncate(opened);
        Some(text)
    }
}
