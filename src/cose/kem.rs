use super::CoseError;
use super::signing::ByteString;
use super::xwing::{Encapsulated, Private, Public, XWing};
use crate::model::Entropy;
use crate::wire::MAX_HPKE_INFO;
use hpke::{Deserializable, Kem as _, OpModeR, OpModeS};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use std::{convert::Infallible, fmt};
use zeroize::Zeroizing;

/// The bytes of an X-Wing public key.
pub const KEM_PUBLIC_LEN: usize = 1216;

/// Keeps the secret of a receipt apart from every other use of one HPKE context (RFC 9180 §5.3).
const RECEIPT_EXPORT: &[u8] = b"valise receipt key v1";

type Kdf = hpke::kdf::KdfShake256;
type Aead = hpke::aead::AesGcm256;

/// An X-Wing private key (draft-connolly-cfrg-xwing-kem), wiped when dropped and never shown.
#[derive(Clone)]
pub struct KemPrivate(Private);

/// An X-Wing public key whose encoding has been validated; a byte string of 1216 on the wire.
#[derive(Clone, PartialEq, Eq)]
pub struct KemPublic(Public);

/// The secret that sender and one recipient of a sealed message share for its receipt (DESIGN §5).
///
/// Wiped when dropped and never shown.
#[derive(Clone)]
pub struct ExportSecret(Zeroizing<[u8; 32]>);

/// A secret sealed to one recipient.
pub(super) struct Wrapped {
    pub(super) encapsulated: Vec<u8>,
    pub(super) ciphertext: Vec<u8>,
    pub(super) export: ExportSecret,
}

/// Seals a short secret to a public key: HPKE base mode, single use (RFC 9180 §6.1).
pub(super) fn wrap(
    public: &KemPublic,
    info: &[u8],
    aad: &[u8],
    secret: &[u8],
    entropy: &mut dyn Entropy,
) -> Result<Wrapped, CoseError> {
    check_info(info)?;
    let (encapsulated, mut context) =
        hpke::setup_sender_with_rng::<Aead, Kdf, XWing>(&OpModeS::Base, &public.0, info, &mut Rng(entropy))
            .map_err(|_| CoseError::Key("X-Wing public key"))?;
    let ciphertext = context.seal(secret, aad).map_err(|_| CoseError::TooLong)?;
    let export = ExportSecret::fill(|out| context.export(RECEIPT_EXPORT, out))?;
    Ok(Wrapped { encapsulated: encapsulated.as_bytes().to_vec(), ciphertext, export })
}

/// Opens what [`wrap`] sealed; fails with `Decryption` on any other key, context or byte.
pub(super) fn unwrap(
    private: &KemPrivate,
    encapsulated: &[u8],
    info: &[u8],
    aad: &[u8],
    ciphertext: &[u8],
) -> Result<(Zeroizing<Vec<u8>>, ExportSecret), CoseError> {
    check_info(info)?;
    let encapsulated =
        Encapsulated::from_bytes(encapsulated).map_err(|_| CoseError::Key("encapsulated key"))?;
    let mut context =
        hpke::setup_receiver::<Aead, Kdf, XWing>(&OpModeR::Base, &private.0, &encapsulated, info)
            .map_err(|_| CoseError::Decryption)?;
    let secret = context.open(ciphertext, aad).map_err(|_| CoseError::Decryption)?;
    let export = ExportSecret::fill(|out| context.export(RECEIPT_EXPORT, out))?;
    Ok((Zeroizing::new(secret), export))
}

impl KemPrivate {
    /// Draws a fresh key.
    pub fn generate(entropy: &mut dyn Entropy) -> Self {
        let mut seed = Zeroizing::new([0; 32]);
        entropy.fill(seed.as_mut_slice());
        Self::from_seed(&seed)
    }

    /// Expands the 32-byte seed that X-Wing uses as its private key.
    pub fn from_seed(seed: &[u8; 32]) -> Self {
        Self(Private::expand(seed))
    }

    /// Returns the seed, for a key store to encrypt.
    pub const fn seed(&self) -> &Zeroizing<[u8; 32]> {
        self.0.seed()
    }

    /// Returns the public key.
    pub fn public(&self) -> KemPublic {
        KemPublic(XWing::sk_to_pk(&self.0))
    }
}

impl KemPublic {
    /// Validates an encoded public key; fails with `Key`.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, CoseError> {
        Public::from_bytes(bytes).map(Self).map_err(|_| CoseError::Key("X-Wing public key"))
    }

    /// Returns the encoding.
    pub const fn as_bytes(&self) -> &[u8; KEM_PUBLIC_LEN] {
        self.0.as_bytes()
    }
}

impl ExportSecret {
    /// Takes a secret that was stored.
    pub fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(Zeroizing::new(bytes))
    }

    /// Returns the secret: the key of the receipt that answers this copy of the message.
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    fn fill(export: impl FnOnce(&mut [u8]) -> Result<(), hpke::HpkeError>) -> Result<Self, CoseError> {
        let mut out = Zeroizing::new([0; 32]);
        export(out.as_mut_slice()).map_err(|_| CoseError::TooLong)?;
        Ok(Self(out))
    }
}

impl fmt::Debug for KemPrivate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("KemPrivate([hidden])")
    }
}

impl fmt::Debug for KemPublic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("KemPublic(")?;
        self.as_bytes()[..8].iter().try_for_each(|byte| write!(f, "{byte:02x}"))?;
        f.write_str("…)")
    }
}

impl fmt::Debug for ExportSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ExportSecret([hidden])")
    }
}

impl Serialize for KemPublic {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.serialize_bytes(self.as_bytes())
    }
}

impl<'de> Deserialize<'de> for KemPublic {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        let bytes = d.deserialize_byte_buf(ByteString)?;
        Self::from_bytes(&bytes).map_err(de::Error::custom)
    }
}

/// Lends our source of randomness to HPKE.
struct Rng<'a>(&'a mut dyn Entropy);

impl rand_core::TryRng for Rng<'_> {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        let mut bytes = [0; 4];
        self.0.fill(&mut bytes);
        Ok(u32::from_le_bytes(bytes))
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        let mut bytes = [0; 8];
        self.0.fill(&mut bytes);
        Ok(u64::from_le_bytes(bytes))
    }

    fn try_fill_bytes(&mut self, out: &mut [u8]) -> Result<(), Infallible> {
        self.0.fill(out);
        Ok(())
    }
}

impl rand_core::TryCryptoRng for Rng<'_> {}

/// The library panics on longer `info` (RFC 9180 §7.2.1 bounds it), so the check stands here.
const fn check_info(info: &[u8]) -> Result<(), CoseError> {
    if info.len() > MAX_HPKE_INFO { Err(CoseError::TooLong) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::{Limits, decode, encode};

    /// Gives out fixed bytes once.
    struct Fixed(Vec<u8>);

    impl Entropy for Fixed {
        fn fill(&mut self, out: &mut [u8]) {
            let rest = self.0.split_off(out.len());
            out.copy_from_slice(&std::mem::replace(&mut self.0, rest));
        }
    }

    fn hex(text: &str) -> Vec<u8> {
        (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap()).collect()
    }

    #[test]
    fn the_first_vector_of_the_x_wing_draft_holds() {
        let vector: serde_json::Value = serde_json::from_str(include_str!("testdata/xwing.json")).unwrap();
        let field = |name: &str| hex(vector[name].as_str().unwrap());
        let private = KemPrivate::from_seed(&field("seed").try_into().unwrap());
        let public = private.public();
        assert_eq!(public.as_bytes().to_vec(), field("pk"));

        let (secret, encapsulated) =
            XWing::encap_with_rng(&public.0, None, &mut Rng(&mut Fixed(field("eseed")))).unwrap();
        assert_eq!(encapsulated.as_bytes().to_vec(), field("ct"));
        assert_eq!(secret.0.to_vec(), field("ss"));
        assert_eq!(XWing::decap(&private.0, None, &encapsulated).unwrap().0.to_vec(), field("ss"));
    }

    /// draft-ietf-hpke-pq-05 appendix A.12, which differs from our suite in the AEAD alone. The shared
    /// secret hashes the X25519 halves of both public values, so they are not repeated here.
    #[test]
    fn the_vector_of_the_hpke_pq_draft_for_x_wing_and_shake256_holds() {
        type Aead = hpke::aead::ChaCha20Poly1305;
        let private = hex("ade62d76461f5fb35b5de3419f10b4ab4cfd81512da8e8a094d51ad9746d9868");
        let private = KemPrivate::from_seed(&private.try_into().unwrap());
        let randomness = hex(concat!(
            "ac9639cf4581ac270569ed0fd1f4ab0feb59db2956c91c38fd1744768102f69d",
            "29ad8d4e9fda6043676fa808d148fd448397fce724141dd9b8e9827d274a9fa5",
        ));
        let info = b"4f6465206f6e2061204772656369616e2055726e";
        let plaintext = b"4265617574792069732074727574682c20747275746820626561757479";
        let ciphertext = hex(concat!(
            "b6fc2a492f5c22a6ce272b8cec7bb643f3ce657fbd58eff2d689666bd7c67fd1fc",
            "9d8626b56be90dba0277a794220f8cbce54dfcfa07572c7c88266a9608ea257a8f",
            "bbebacd960d7804e",
        ));
        let exported = hex("941099dcecdd679acb7ff4e090cbd9b6626c9a510d93779cb812249e4d9060ec");

        let (encapsulated, mut sender) = hpke::setup_sender_with_rng::<Aead, Kdf, XWing>(
            &OpModeS::Base,
            &private.public().0,
            info,
            &mut Rng(&mut Fixed(randomness)),
        )
        .unwrap();
        assert_eq!(sender.seal(plaintext, b"Count-0").unwrap(), ciphertext);

        let mut receiver =
            hpke::setup_receiver::<Aead, Kdf, XWing>(&OpModeR::Base, &private.0, &encapsulated, info)
                .unwrap();
        assert_eq!(receiver.open(&ciphertext, b"Count-0").unwrap(), plaintext);
        let mut out = [0; 32];
        receiver.export(b"pseudorandom0", &mut out).unwrap();
        assert_eq!(out.to_vec(), exported);
    }

    #[test]
    fn a_public_key_is_validated_when_decoded() {
        let public = KemPrivate::from_seed(&[1; 32]).public();
        let bytes = encode(&public).unwrap();
        assert_eq!(bytes.len(), 3 + KEM_PUBLIC_LEN);
        assert_eq!(decode::<KemPublic>(&bytes, &Limits::HEADERS).unwrap(), public);

        // FIPS 203 §7.2: a coefficient of 4095 is not reduced modulo 3329.
        let mut unreduced = *public.as_bytes();
        unreduced[..2].fill(0xff);
        assert_eq!(KemPublic::from_bytes(&unreduced), Err(CoseError::Key("X-Wing public key")));
        assert!(KemPublic::from_bytes(&public.as_bytes()[..1215]).is_err());
    }

    #[test]
    fn secrets_are_never_shown() {
        let private = KemPrivate::from_seed(&[0xab; 32]);
        assert_eq!(**private.seed(), [0xab; 32]);
        let shown = format!("{private:?} {:?}", ExportSecret::from_bytes([0xab; 32]));
        assert!(!shown.contains("ab, ") && !shown.contains("171") && !shown.contains("abab"));
    }
}
