use super::CoseError;
use super::signing::ByteString;
use crate::model::{Digest, Entropy};
use ml_dsa::{EncodedVerifyingKey, ExpandedSigningKey, MlDsa65, Signature};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use std::fmt;
use zeroize::Zeroizing;

/// The bytes of an ML-DSA-65 public key (FIPS 204 table 2).
pub const PQ_PUBLIC_LEN: usize = 1952;
/// The bytes of an ML-DSA-65 signature (FIPS 204 table 2).
pub const PQ_SIGNATURE_LEN: usize = 3309;

/// An ML-DSA-65 private key as its 32-byte seed (FIPS 204 §5.1), wiped when dropped and never shown.
#[derive(Clone)]
pub struct PqSigningKey {
    // The expanded key, 4 KiB, is made anew for each of the few signatures an hour.
    seed: Zeroizing<[u8; 32]>,
}

/// An ML-DSA-65 public key; a byte string of 1,952 on the wire.
#[derive(Clone, PartialEq, Eq)]
pub struct PqVerifyingKey(Box<[u8; PQ_PUBLIC_LEN]>);

impl PqSigningKey {
    /// Draws a fresh key.
    pub fn generate(entropy: &mut dyn Entropy) -> Self {
        let mut seed = Zeroizing::new([0; 32]);
        entropy.fill(seed.as_mut_slice());
        Self { seed }
    }

    /// Takes the seed, which is the private key of RFC 9964 §3.
    pub fn from_seed(seed: &[u8; 32]) -> Self {
        Self { seed: Zeroizing::new(*seed) }
    }

    /// Returns the seed, for a key store to encrypt.
    pub const fn seed(&self) -> &Zeroizing<[u8; 32]> {
        &self.seed
    }

    /// Computes the public key.
    pub fn verifying_key(&self) -> PqVerifyingKey {
        let encoded = self.expand().verifying_key().encode();
        let mut bytes = Box::new([0; PQ_PUBLIC_LEN]);
        bytes.copy_from_slice(&encoded);
        PqVerifyingKey(bytes)
    }

    /// Signs a message with an empty context, as RFC 9964 §3 asks, and deterministically (FIPS 204
    /// §3.4 allows it), so that one head never bears two signatures.
    pub fn sign(&self, message: &[u8]) -> Vec<u8> {
        let signature = self.expand().sign_deterministic(message, &[]);
        signature.expect("an empty context is not too long").encode().to_vec()
    }

    fn expand(&self) -> ExpandedSigningKey<MlDsa65> {
        ExpandedSigningKey::from_seed(&(*self.seed).into())
    }
}

impl PqVerifyingKey {
    /// Takes the encoding of FIPS 204 §7.2; every string of that length is a key. Fails with `Key`.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, CoseError> {
        let bytes: Box<[u8]> = bytes.into();
        bytes.try_into().map(Self).map_err(|_| CoseError::Key("ML-DSA-65 key"))
    }

    /// Returns the encoding.
    pub fn as_bytes(&self) -> &[u8] {
        self.0.as_slice()
    }

    /// Computes SHA-256 over the encoding, a name for the key.
    pub fn fingerprint(&self) -> Digest {
        Digest::of(&[self.as_bytes()])
    }

    /// Checks a signature over a message with an empty context (FIPS 204 §5.3); fails with `Signature`.
    pub fn verify(&self, message: &[u8], signature: &[u8]) -> Result<(), CoseError> {
        let signature = Signature::<MlDsa65>::try_from(signature).map_err(|_| CoseError::Signature)?;
        let encoded =
            EncodedVerifyingKey::<MlDsa65>::try_from(self.as_bytes()).map_err(|_| CoseError::Signature)?;
        let key = ml_dsa::VerifyingKey::<MlDsa65>::decode(&encoded);
        if key.verify_with_context(message, &[], &signature) { Ok(()) } else { Err(CoseError::Signature) }
    }
}

impl fmt::Debug for PqSigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PqSigningKey([hidden])")
    }
}

impl fmt::Debug for PqVerifyingKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PqVerifyingKey(sha256 {})", self.fingerprint())
    }
}

impl Serialize for PqVerifyingKey {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.serialize_bytes(self.as_bytes())
    }
}

impl<'de> Deserialize<'de> for PqVerifyingKey {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        let bytes = d.deserialize_byte_buf(ByteString)?;
        Self::from_bytes(&bytes).map_err(|_| de::Error::custom("an ML-DSA-65 key is 1,952 bytes long"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cose::{Known, Payload, Sign1, label, sign1, sign1_pq};
    use crate::wire::{Limits, decode, encode};
    use aws_lc_rs::signature::{KeyPair, ML_DSA_65, ML_DSA_65_SIGNING, PqdsaKeyPair, UnparsedPublicKey};
    use ciborium::Value;

    const KNOWN: Known<'_> = Known { protected: &[label::KID], unprotected: &[] };

    fn key() -> PqSigningKey {
        PqSigningKey::from_seed(&[0x42; 32])
    }

    #[test]
    fn another_implementation_takes_our_signatures_and_we_take_its() {
        let ours = key();
        let public = UnparsedPublicKey::new(&ML_DSA_65, ours.verifying_key().as_bytes().to_vec());
        for message in [&b""[..], b"a head", &[7; 5000]] {
            public.verify(message, &ours.sign(message)).unwrap();
            assert!(public.verify(b"another", &ours.sign(message)).is_err());
        }
        let theirs = PqdsaKeyPair::generate(&ML_DSA_65_SIGNING).unwrap();
        let mut signature = vec![0; PQ_SIGNATURE_LEN];
        assert_eq!(theirs.sign(b"a head", &mut signature).unwrap(), PQ_SIGNATURE_LEN);
        let public = PqVerifyingKey::from_bytes(theirs.public_key().as_ref()).unwrap();
        assert_eq!(public.verify(b"a head", &signature), Ok(()));
        signature[100] ^= 1;
        assert_eq!(public.verify(b"a head", &signature), Err(CoseError::Signature));
    }

    #[test]
    fn a_message_is_signed_with_its_headers_under_its_own_algorithm() {
        let headers = || vec![(label::KID, Value::Bytes(b"k".to_vec()))];
        let bytes = sign1_pq(&key(), headers(), vec![], Payload::Detached(b"root"), &[]).unwrap();
        let parsed = || Sign1::parse_pq(&bytes, &Limits::ENVELOPE, &KNOWN).unwrap();
        assert!(parsed().verify_pq(&key().verifying_key(), Some(b"root"), &[]).is_ok());
        let other = parsed().verify_pq(&key().verifying_key(), Some(b"toor"), &[]);
        assert_eq!(other.unwrap_err(), CoseError::Signature);
        assert_eq!(Sign1::parse(&bytes, &Limits::ENVELOPE, &KNOWN).unwrap_err(), CoseError::Algorithm);
        let classic = crate::cose::SigningKey::from_seed(&[1; 32]);
        let bytes = sign1(&classic, headers(), vec![], Payload::Detached(b"root"), &[]).unwrap();
        assert_eq!(Sign1::parse_pq(&bytes, &Limits::ENVELOPE, &KNOWN).unwrap_err(), CoseError::Algorithm);
    }

    #[test]
    fn a_key_is_a_byte_string_of_its_length() {
        let public = key().verifying_key();
        let bytes = encode(&public).unwrap();
        assert_eq!(decode::<PqVerifyingKey>(&bytes, &Limits::HEADERS).unwrap(), public);
        assert!(PqVerifyingKey::from_bytes(&[0; 1951]).is_err());
        assert!(!format!("{:?}", key()).contains("42"));
        assert_eq!(public.verify(b"", &[0; 12]), Err(CoseError::Signature), "a signature of another length");
    }
}
