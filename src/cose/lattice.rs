use libcrux_ml_kem::mlkem768::{self, MlKem768Ciphertext, MlKem768PrivateKey, MlKem768PublicKey};
use zeroize::{Zeroize, Zeroizing};

/// The bytes of an ML-KEM-768 public key (FIPS 203 table 3).
pub const LATTICE_PUBLIC_LEN: usize = MlKem768PublicKey::len();
/// The bytes of an ML-KEM-768 ciphertext (FIPS 203 table 3).
pub const LATTICE_CIPHERTEXT_LEN: usize = MlKem768Ciphertext::len();

/// An ML-KEM-768 private key (FIPS 203), wiped when dropped, which the library does not do.
pub struct LatticePrivate(MlKem768PrivateKey);

impl LatticePrivate {
    /// Makes a key pair of 64 random bytes, *d* and *z* of FIPS 203 §7.1.
    pub fn generate(seed: &[u8; 64]) -> (Self, [u8; LATTICE_PUBLIC_LEN]) {
        let (private, public) = mlkem768::generate_key_pair(*seed).into_parts();
        (Self(private), public.into())
    }

    /// Returns the secret of a ciphertext; of one that was changed, another secret (FIPS 203 §6.3).
    pub fn decapsulate(&self, ciphertext: &[u8; LATTICE_CIPHERTEXT_LEN]) -> Zeroizing<[u8; 32]> {
        Zeroizing::new(mlkem768::decapsulate(&self.0, &ciphertext.into()))
    }
}

impl Drop for LatticePrivate {
    fn drop(&mut self) {
        self.0[..MlKem768PrivateKey::len()].zeroize();
    }
}

impl std::fmt::Debug for LatticePrivate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("LatticePrivate([hidden])")
    }
}
