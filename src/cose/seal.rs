use super::algorithms::{alg, label};
use super::encrypt0::{a256gcm_open, a256gcm_seal, draw_iv, iv_of};
use super::headers::{Buckets, Known, into_array, into_bytes, parts};
use super::kem::{ExportSecret, KemPrivate, KemPublic, Wrapped, unwrap, wrap};
use super::{CoseError, constant_time_eq, hkdf32};
use crate::model::Entropy;
use crate::wire::{Limits, MAX_RECIPIENTS, encode_value, pad, unpad};
use ciborium::Value;
use coset::{EncryptionContext, enc_structure_data};
use std::collections::BTreeSet;
use zeroize::Zeroizing;

const WHAT: &str = "COSE_Encrypt";
const WHAT_RECIPIENT: &str = "COSE_recipient";
const BODY: Known<'_> = Known { protected: &[label::KEY_COMMITMENT], unprotected: &[label::IV] };
const RECIPIENT: Known<'_> = Known { protected: &[label::KID], unprotected: &[label::ENCAPSULATED_KEY] };

/// Names one recipient of a sealed message.
#[derive(Clone, Copy, Debug)]
pub struct Recipient<'a> {
    /// The key to seal to.
    pub public: &'a KemPublic,
    /// The identifier by which the recipient finds the private half.
    pub kid: &'a [u8],
    /// What the seal is bound to beside the key (RFC 9180 §5.1).
    pub info: &'a [u8],
}

/// A sealed message, and what its sender keeps of it.
#[derive(Debug)]
pub struct Sealed {
    /// The untagged COSE_Encrypt.
    pub bytes: Vec<u8>,
    /// One secret for each recipient, in their order: the key of the receipt that will answer.
    pub exports: Vec<ExportSecret>,
}

/// The private half of a recipient's key, and what the seal must be bound to.
#[derive(Clone, Debug)]
pub struct OpeningKey<'k> {
    /// The private key.
    pub private: &'k KemPrivate,
    /// The same bytes that the sender gave as [`Recipient::info`].
    pub info: Vec<u8>,
}

/// The content of a sealed message.
#[derive(Debug)]
pub struct Opened {
    /// The content without its padding.
    pub plaintext: Vec<u8>,
    /// The identifier of the key that opened it.
    pub kid: Vec<u8>,
    /// The secret that its sender shares with this recipient.
    pub export: ExportSecret,
}

/// Seals content to all recipients as an untagged COSE_Encrypt (RFC 9052 §5.1).
///
/// A fresh content key encrypts the padded content; HPKE with X-Wing seals that key to each
/// recipient; the protected header commits to it, so that no two recipients can be made to see
/// different content. Fails with `Recipients` on none, on more than [`MAX_RECIPIENTS`], or on a
/// repeated `kid`.
pub fn seal(
    plaintext: &[u8],
    recipients: &[Recipient<'_>],
    aad: &[u8],
    entropy: &mut dyn Entropy,
) -> Result<Sealed, CoseError> {
    check_recipients(recipients.iter().map(|recipient| recipient.kid))?;
    let mut key = Zeroizing::new([0; 32]);
    entropy.fill(key.as_mut_slice());

    let (mut layers, mut exports) = (Vec::new(), Vec::new());
    for recipient in recipients {
        let (layer, export) = seal_key(&key, recipient, aad, entropy)?;
        layers.push(layer);
        exports.push(export);
    }
    let iv = draw_iv(entropy);
    let body = Buckets::build(
        alg::A256GCM,
        vec![(label::KEY_COMMITMENT, Value::Bytes(commitment(&key).to_vec()))],
        vec![(label::IV, Value::Bytes(iv.to_vec()))],
    )?;
    let body_aad = enc_structure_data(EncryptionContext::CoseEncrypt, body.as_authenticated(), aad);
    let padded = Zeroizing::new(pad(plaintext)?);
    let ciphertext = a256gcm_seal(&encryption_key(&key), iv, &body_aad, &padded)?;
    let [protected, unprotected] = body.to_values();
    let message = vec![protected, unprotected, Value::Bytes(ciphertext), Value::Array(layers)];
    Ok(Sealed { bytes: encode_value(&Value::Array(message))?, exports })
}

/// Opens a sealed message with the first recipient's key that `find` knows by its `kid`.
///
/// Fails with `NotForUs` if it knows none; with `Decryption` on another key, `info`, `aad` or any
/// changed byte; with `Commitment` if the content key is not the one that the message commits to.
pub fn open<'k>(
    bytes: &[u8],
    limits: &Limits,
    find: &dyn Fn(&[u8]) -> Option<OpeningKey<'k>>,
    aad: &[u8],
) -> Result<Opened, CoseError> {
    let [protected, unprotected, ciphertext, layers] = parts(bytes, limits, WHAT)?;
    let body = Buckets::parse(protected, unprotected, alg::A256GCM, &BODY)?;
    let layers = layers.into_array().map_err(|_| CoseError::Structure(WHAT))?;
    let layers = layers.into_iter().map(Layer::parse).collect::<Result<Vec<_>, _>>()?;
    check_recipients(layers.iter().map(|layer| layer.kid.as_slice()))?;

    let ours = layers.into_iter().find_map(|layer| Some((find(&layer.kid)?, layer)));
    let (key, layer) = ours.ok_or(CoseError::NotForUs)?;
    let (content_key, export) = layer.open_key(&key, aad)?;
    if !constant_time_eq(&commitment(&content_key), body.protected.bytes(label::KEY_COMMITMENT)?) {
        return Err(CoseError::Commitment);
    }
    let body_aad = enc_structure_data(EncryptionContext::CoseEncrypt, body.as_authenticated(), aad);
    let ciphertext = into_bytes(ciphertext, WHAT)?;
    let padded =
        Zeroizing::new(a256gcm_open(&encryption_key(&content_key), iv_of(&body)?, &body_aad, ciphertext)?);
    Ok(Opened { plaintext: unpad(&padded)?.to_vec(), kid: layer.kid, export })
}

/// Reads to which keys a message was sealed, by their `kid`; nothing in it is proved.
pub fn recipients(bytes: &[u8], limits: &Limits) -> Result<Vec<Vec<u8>>, CoseError> {
    let [_, _, _, layers] = parts(bytes, limits, WHAT)?;
    let layers = layers.into_array().map_err(|_| CoseError::Structure(WHAT))?;
    layers.into_iter().map(|layer| Ok(Layer::parse(layer)?.kid)).collect()
}

/// One received COSE_recipient.
struct Layer {
    buckets: Buckets,
    kid: Vec<u8>,
    ciphertext: Vec<u8>,
}

impl Layer {
    fn parse(value: Value) -> Result<Self, CoseError> {
        let [protected, unprotected, ciphertext] = into_array(value, WHAT_RECIPIENT)?;
        let buckets = Buckets::parse(protected, unprotected, alg::HPKE_XWING, &RECIPIENT)?;
        let kid = buckets.protected.bytes(label::KID)?.to_vec();
        Ok(Self { buckets, kid, ciphertext: into_bytes(ciphertext, WHAT_RECIPIENT)? })
    }

    fn open_key(
        &self,
        key: &OpeningKey<'_>,
        aad: &[u8],
    ) -> Result<(Zeroizing<[u8; 32]>, ExportSecret), CoseError> {
        let encapsulated = self.buckets.unprotected.bytes(label::ENCAPSULATED_KEY)?;
        let aad = recipient_aad(&self.buckets, aad);
        let (secret, export) = unwrap(key.private, encapsulated, &key.info, &aad, &self.ciphertext)?;
        let secret = <[u8; 32]>::try_from(secret.as_slice()).map_err(|_| CoseError::Decryption)?;
        Ok((Zeroizing::new(secret), export))
    }
}

fn seal_key(
    key: &[u8; 32],
    recipient: &Recipient<'_>,
    aad: &[u8],
    entropy: &mut dyn Entropy,
) -> Result<(Value, ExportSecret), CoseError> {
    let protected = vec![(label::KID, Value::Bytes(recipient.kid.to_vec()))];
    let mut buckets = Buckets::build(alg::HPKE_XWING, protected, vec![])?;
    let Wrapped { encapsulated, ciphertext, export } =
        wrap(recipient.public, recipient.info, &recipient_aad(&buckets, aad), key, entropy)?;
    buckets.unprotected.insert(label::ENCAPSULATED_KEY, Value::Bytes(encapsulated))?;
    let [protected, unprotected] = buckets.to_values();
    Ok((Value::Array(vec![protected, unprotected, Value::Bytes(ciphertext)]), export))
}

fn recipient_aad(buckets: &Buckets, aad: &[u8]) -> Vec<u8> {
    enc_structure_data(EncryptionContext::EncRecipient, buckets.as_authenticated(), aad)
}

fn check_recipients<'a>(kids: impl ExactSizeIterator<Item = &'a [u8]>) -> Result<(), CoseError> {
    let count = kids.len();
    let distinct = kids.collect::<BTreeSet<_>>().len();
    if (1..=MAX_RECIPIENTS).contains(&count) && distinct == count {
        Ok(())
    } else {
        Err(CoseError::Recipients)
    }
}

// Separate outputs of one key: the commitment can be public without telling the encryption key.
fn encryption_key(content_key: &[u8; 32]) -> Zeroizing<[u8; 32]> {
    Zeroizing::new(hkdf32(content_key, &[], b"valise v1 content encryption"))
}

fn commitment(content_key: &[u8; 32]) -> [u8; 32] {
    hkdf32(content_key, &[], b"valise v1 content key commitment")
}

#[cfg(test)]
mod tests;
