use crate::cose::{SigningKey, VerifyingKey};
use zeroize::Zeroizing;

/// Encodes a private key as PKCS#8 version 1 (RFC 8410 §7), the form that TLS libraries take.
pub fn pkcs8(key: &SigningKey) -> Zeroizing<Vec<u8>> {
    const PREFIX: [u8; 16] =
        [0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x04, 0x22, 0x04, 0x20];
    Zeroizing::new([PREFIX.as_slice(), key.seed().as_slice()].concat())
}

impl rcgen::PublicKeyData for VerifyingKey {
    fn der_bytes(&self) -> &[u8] {
        &self.0
    }
    fn algorithm(&self) -> &'static rcgen::SignatureAlgorithm {
        &rcgen::PKCS_ED25519
    }
}

/// A private key with its public half, in the form in which the certificate encoder takes them.
pub(super) struct Authority<'a> {
    key: &'a SigningKey,
    public: VerifyingKey,
}

impl<'a> Authority<'a> {
    pub(super) const fn new(key: &'a SigningKey) -> Self {
        Self { key, public: key.verifying_key() }
    }
}

impl rcgen::PublicKeyData for Authority<'_> {
    fn der_bytes(&self) -> &[u8] {
        &self.public.0
    }
    fn algorithm(&self) -> &'static rcgen::SignatureAlgorithm {
        &rcgen::PKCS_ED25519
    }
}

impl rcgen::SigningKey for Authority<'_> {
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, rcgen::Error> {
        Ok(self.key.sign(message).to_vec())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ring::signature::{Ed25519KeyPair, KeyPair};

    #[test]
    fn pkcs8_is_the_example_of_rfc_8410_section_10_3() {
        let seed = *b"\xd4\xee\x72\xdb\xf9\x13\x58\x4a\xd5\xb6\xd8\xf1\xf7\x69\xf8\xad\x3a\xfe\x7c\x28\xcb\xf1\xd4\xfb\xe0\x97\xa8\x8f\x44\x75\x58\x42";
        let key = SigningKey::from_seed(&seed);
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
}
