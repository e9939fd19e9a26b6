//! X-Wing (draft-connolly-cfrg-xwing-kem-10) as HPKE takes a KEM (draft-ietf-hpke-pq-03 §4): ML-KEM-768 of
//! libcrux, whose proofs are public, and X25519 of curve25519-dalek. Both take their randomness as bytes.
//!
//! The `hpke` crate brings one of its own, which expands a private key anew for each decapsulation and
//! takes three times as long; the tests hold this one against it.

use super::{LATTICE_CIPHERTEXT_LEN, LATTICE_PUBLIC_LEN, LatticePrivate};
use hpke::kem::{Kem, SharedSecret};
use hpke::{Deserializable, HpkeError, Serializable};
use hybrid_array::sizes::{U32, U1120, U1216};
use libcrux_ml_kem::mlkem768::{self, MlKem768PublicKey};
use libcrux_sha3::{sha256 as sha3_256, shake256};
use rand_core::CryptoRng;
use std::sync::Arc;
use subtle::{Choice, ConstantTimeEq};
use x25519_dalek::{PublicKey as CurvePublic, StaticSecret as CurvePrivate};
use zeroize::Zeroizing;

const SEED: usize = 32;
const PUBLIC: usize = LATTICE_PUBLIC_LEN + 32;
const ENCAPSULATED: usize = LATTICE_CIPHERTEXT_LEN + 32;

/// draft-connolly-cfrg-xwing-kem-10 §5.3.
const LABEL: &[u8; 6] = br"\.//^\";

/// The suite: ML-KEM-768 and X25519 under one hash.
pub(super) struct XWing;

/// The 32-byte seed that is the private key, and what it expands to; all of it is wiped when dropped.
#[derive(Clone)]
pub(super) struct Private {
    seed: Zeroizing<[u8; SEED]>,
    expanded: Arc<Expanded>,
}

/// A public key whose lattice half is reduced (FIPS 203 §7.2).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Public(Box<[u8; PUBLIC]>);

/// A ciphertext of both halves.
#[derive(Clone)]
pub(super) struct Encapsulated([u8; ENCAPSULATED]);

impl Kem for XWing {
    type PublicKey = Public;
    type PrivateKey = Private;
    type EncappedKey = Encapsulated;
    type NSecret = U32;

    const KEM_ID: u16 = 0x647a;

    fn sk_to_pk(private: &Private) -> Public {
        private.expanded.public.clone()
    }

    // draft-ietf-hpke-pq-03 §4: SHAKE256 over the labelled material; HPKE calls it for no operation of ours.
    fn derive_keypair(material: &[u8]) -> (Private, Public) {
        const LABELS: &[u8] = b"HPKE-v1KEM\x64\x7a\x00\x0dDeriveKeyPair\x00\x20";
        let seed = Zeroizing::new(shake256(&Zeroizing::new([material, LABELS].concat())));
        let private = Private::expand(&seed);
        let public = Self::sk_to_pk(&private);
        (private, public)
    }

    // X-Wing cannot authenticate a sender; HPKE asks for that in modes that are not used here.
    fn decap(
        private: &Private,
        sender: Option<&Public>,
        encapsulated: &Encapsulated,
    ) -> Result<SharedSecret<Self>, HpkeError> {
        let None = sender else { return Err(HpkeError::DecapError) };
        let (lattice, curve) = halves::<ENCAPSULATED, LATTICE_CIPHERTEXT_LEN>(&encapsulated.0);
        let Expanded { lattice: lattice_private, curve: curve_private, public } = &*private.expanded;
        let lattice_secret = lattice_private.decapsulate(lattice);
        let curve_secret = curve_private.diffie_hellman(&CurvePublic::from(*curve));
        Ok(combine(&lattice_secret, curve_secret.as_bytes(), curve, public))
    }

    fn encap_with_rng(
        public: &Public,
        sender: Option<(&Private, &Public)>,
        rng: &mut impl CryptoRng,
    ) -> Result<(SharedSecret<Self>, Encapsulated), HpkeError> {
        let None = sender else { return Err(HpkeError::EncapError) };
        let mut randomness = Zeroizing::new([0; 64]);
        rng.fill_bytes(randomness.as_mut_slice());
        let (lattice_randomness, curve_randomness) = halves::<64, 32>(&randomness);
        let (lattice, curve) = halves::<PUBLIC, LATTICE_PUBLIC_LEN>(&public.0);

        let (ciphertext, lattice_secret) =
            mlkem768::encapsulate(&MlKem768PublicKey::from(lattice), *lattice_randomness);
        let ephemeral = CurvePrivate::from(*curve_randomness);
        let sent = CurvePublic::from(&ephemeral).to_bytes();
        let curve_secret = ephemeral.diffie_hellman(&CurvePublic::from(*curve));
        let secret = combine(&Zeroizing::new(lattice_secret), curve_secret.as_bytes(), &sent, public);
        let mut encapsulated = [0; ENCAPSULATED];
        encapsulated[..LATTICE_CIPHERTEXT_LEN].copy_from_slice(ciphertext.as_slice());
        encapsulated[LATTICE_CIPHERTEXT_LEN..].copy_from_slice(&sent);
        Ok((secret, Encapsulated(encapsulated)))
    }
}

/// Derives the secret from those of both halves (draft-connolly-cfrg-xwing-kem-10 §5.3).
fn combine(lattice: &[u8; 32], curve: &[u8; 32], sent: &[u8; 32], public: &Public) -> SharedSecret<XWing> {
    let receiver = &public.0[LATTICE_PUBLIC_LEN..];
    let mut input = Zeroizing::new([0; 4 * 32 + LABEL.len()]);
    for (at, part) in [lattice.as_slice(), curve, sent, receiver, LABEL].into_iter().enumerate() {
        input[32 * at..32 * at + part.len()].copy_from_slice(part);
    }
    SharedSecret(sha3_256(input.as_slice()).into())
}

/// Each half wipes itself.
struct Expanded {
    lattice: LatticePrivate,
    curve: CurvePrivate,
    public: Public,
}

impl Private {
    /// Expands a seed (draft-connolly-cfrg-xwing-kem-10 §5.2).
    pub(super) fn expand(seed: &[u8; SEED]) -> Self {
        let expanded = Zeroizing::new(shake256::<96>(seed));
        let (for_lattice, for_curve) = halves::<96, 64>(&expanded);
        let (lattice, lattice_public) = LatticePrivate::generate(for_lattice);
        let curve = CurvePrivate::from(*for_curve);
        let mut public = Box::new([0; PUBLIC]);
        public[..LATTICE_PUBLIC_LEN].copy_from_slice(&lattice_public);
        public[LATTICE_PUBLIC_LEN..].copy_from_slice(CurvePublic::from(&curve).as_bytes());
        let expanded = Arc::new(Expanded { lattice, curve, public: Public(public) });
        Self { seed: Zeroizing::new(*seed), expanded }
    }

    /// Returns the seed.
    pub(super) const fn seed(&self) -> &Zeroizing<[u8; SEED]> {
        &self.seed
    }
}

impl Public {
    /// Returns the encoding.
    pub(super) const fn as_bytes(&self) -> &[u8; PUBLIC] {
        &self.0
    }
}

impl Encapsulated {
    /// Returns the encoding.
    pub(super) const fn as_bytes(&self) -> &[u8; ENCAPSULATED] {
        &self.0
    }
}

impl ConstantTimeEq for Private {
    fn ct_eq(&self, other: &Self) -> Choice {
        self.seed.as_slice().ct_eq(other.seed.as_slice())
    }
}

impl Serializable for Private {
    type OutputSize = U32;
    fn write_exact(&self, out: &mut [u8]) {
        out.copy_from_slice(self.seed.as_slice());
    }
}

impl Serializable for Public {
    type OutputSize = U1216;
    fn write_exact(&self, out: &mut [u8]) {
        out.copy_from_slice(self.0.as_slice());
    }
}

impl Serializable for Encapsulated {
    type OutputSize = U1120;
    fn write_exact(&self, out: &mut [u8]) {
        out.copy_from_slice(&self.0);
    }
}

impl Deserializable for Private {
    fn from_bytes(bytes: &[u8]) -> Result<Self, HpkeError> {
        Ok(Self::expand(exactly(bytes)?))
    }
}

impl Deserializable for Public {
    fn from_bytes(bytes: &[u8]) -> Result<Self, HpkeError> {
        let bytes: &[u8; PUBLIC] = exactly(bytes)?;
        let (lattice, _) = halves::<PUBLIC, LATTICE_PUBLIC_LEN>(bytes);
        if !mlkem768::validate_public_key(&MlKem768PublicKey::from(lattice)) {
            return Err(HpkeError::ValidationError);
        }
        Ok(Self(Box::new(*bytes)))
    }
}

impl Deserializable for Encapsulated {
    fn from_bytes(bytes: &[u8]) -> Result<Self, HpkeError> {
        exactly(bytes).copied().map(Self)
    }
}

fn exactly<const N: usize>(bytes: &[u8]) -> Result<&[u8; N], HpkeError> {
    bytes.try_into().map_err(|_| HpkeError::IncorrectInputLength(N, bytes.len()))
}

/// Parts an encoding into its first `A` bytes and its last 32.
fn halves<const N: usize, const A: usize>(bytes: &[u8; N]) -> (&[u8; A], &[u8; 32]) {
    const { assert!(N == A + 32) };
    let first = bytes.first_chunk().expect("a part of what is longer");
    (first, bytes.last_chunk().expect("a part of what is longer"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use hpke::kem::XWing as Theirs;
    use proptest::prelude::*;
    use std::convert::Infallible;

    /// Gives out the same bytes again and again.
    struct Fixed([u8; 64]);

    impl rand_core::TryRng for Fixed {
        type Error = Infallible;
        fn try_next_u32(&mut self) -> Result<u32, Infallible> {
            unreachable!("X-Wing draws bytes")
        }
        fn try_next_u64(&mut self) -> Result<u64, Infallible> {
            unreachable!("X-Wing draws bytes")
        }
        fn try_fill_bytes(&mut self, out: &mut [u8]) -> Result<(), Infallible> {
            out.copy_from_slice(&self.0[..out.len()]);
            Ok(())
        }
    }

    impl rand_core::TryCryptoRng for Fixed {}

    proptest! {
        #[test]
        fn another_implementation_computes_the_same(
            seed: [u8; 32],
            halves: [[u8; 32]; 2],
            flip in prop::option::of(0..ENCAPSULATED),
        ) {
            let private = Private::expand(&seed);
            let public = XWing::sk_to_pk(&private);
            let theirs = <Theirs as Kem>::PrivateKey::from_bytes(&seed).unwrap();
            let their_public = Theirs::sk_to_pk(&theirs);
            prop_assert_eq!(public.to_bytes(), their_public.to_bytes());

            let mut rng = Fixed(halves.concat().try_into().unwrap());
            let (secret, encapsulated) = XWing::encap_with_rng(&public, None, &mut rng).unwrap();
            let (their_secret, theirs_sent) = Theirs::encap_with_rng(&their_public, None, &mut rng).unwrap();
            prop_assert_eq!(encapsulated.to_bytes(), theirs_sent.to_bytes());
            prop_assert_eq!(&secret.0, &their_secret.0);

            // Where a byte was changed both still agree on a secret, which is another one (implicit rejection).
            let mut bytes = *encapsulated.as_bytes();
            if let Some(at) = flip {
                bytes[at] ^= 0x55;
            }
            let opened = XWing::decap(&private, None, &Encapsulated(bytes)).unwrap();
            let sent = <Theirs as Kem>::EncappedKey::from_bytes(&bytes).unwrap();
            prop_assert_eq!(&opened.0, &Theirs::decap(&theirs, None, &sent).unwrap().0);
            prop_assert_eq!(opened.0 == secret.0, flip.is_none());
        }
    }

    #[test]
    fn a_key_is_derived_as_another_implementation_derives_it() {
        let (private, public) = XWing::derive_keypair(b"material");
        let (theirs, their_public) = Theirs::derive_keypair(b"material");
        assert_eq!((private.to_bytes(), public.to_bytes()), (theirs.to_bytes(), their_public.to_bytes()));
    }

    #[test]
    fn curve_points_of_small_order_are_taken_as_the_other_implementation_takes_them() {
        let private = Private::expand(&[1; 32]);
        let theirs = <Theirs as Kem>::PrivateKey::from_bytes(&[1; 32]).unwrap();
        let mut bytes = [7; ENCAPSULATED];
        bytes[LATTICE_CIPHERTEXT_LEN..].fill(0);
        let ours = XWing::decap(&private, None, &Encapsulated(bytes)).unwrap();
        let sent = <Theirs as Kem>::EncappedKey::from_bytes(&bytes).unwrap();
        assert_eq!(ours.0, Theirs::decap(&theirs, None, &sent).unwrap().0);
    }

    #[test]
    fn a_sender_is_never_authenticated_by_this_kem() {
        let private = Private::expand(&[1; 32]);
        let public = XWing::sk_to_pk(&private);
        assert!(XWing::decap(&private, Some(&public), &Encapsulated([0; ENCAPSULATED])).is_err());
        assert!(XWing::encap_with_rng(&public, Some((&private, &public)), &mut Fixed([0; 64])).is_err());
    }

    #[test]
    fn encodings_of_another_length_are_refused() {
        for length in [0, 31, 33] {
            assert!(Private::from_bytes(&vec![0; length]).is_err());
        }
        assert!(Public::from_bytes(&[0; PUBLIC - 1]).is_err());
        assert!(Encapsulated::from_bytes(&[0; ENCAPSULATED + 1]).is_err());
    }
}
