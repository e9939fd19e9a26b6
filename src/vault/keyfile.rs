//! A secret key at rest, format version 1. Integers are big-endian.
//!
//! | field | bytes | |
//! |---|---|---|
//! | magic | 7 | `VALISEK` |
//! | version | 1 | 1; magic, version and digest keep their places in every version |
//! | name | 1 + n | length and UTF-8 text |
//! | salt | 32 | random; HKDF-SHA256 of the credential under it yields all keys |
//! | check value | 32 | tells a wrong credential from a damaged file, and commits to the key |
//! | secret length | 4 | |
//! | nonce | 12 | random |
//! | text and tag | secret + 16 | AES-256-GCM; all fields before the nonce are its associated data |
//! | digest | 32 | SHA-256 of everything above: tells damage from attack |

use super::{
    VaultError,
    aead::{Derivation, NONCE},
};
use crate::model::{Digest, Entropy};
use zeroize::Zeroizing;

const MAGIC: &[u8; 7] = b"VALISEK";
const VERSION: u8 = 1;
const SALT: usize = 32;
const CHECK: usize = 32;
const TAG: usize = 16;
const DIGEST: usize = 32;
const MIN_CREDENTIAL: usize = 32;
const LABEL: &[u8] = b"valise keyfile v1";

/// Seals `secret`, the key called `name`, so that only `credential` opens it.
///
/// # Errors
/// `WeakCredential` below 32 bytes, `TooLong` for a name over 255 bytes or a secret over 4 GiB.
pub fn seal_keyfile(
    credential: &[u8],
    name: &str,
    secret: &[u8],
    entropy: &mut dyn Entropy,
) -> Result<Vec<u8>, VaultError> {
    check_credential(credential)?;
    let name_len = u8::try_from(name.len()).map_err(|_| VaultError::TooLong("name"))?;
    let secret_len = u32::try_from(secret.len()).map_err(|_| VaultError::TooLong("secret"))?;
    let mut salt = [0; SALT];
    entropy.fill(&mut salt);
    let keys = Derivation::extract(&salt, credential);
    let mut out = MAGIC.to_vec();
    out.extend_from_slice(&[VERSION, name_len]);
    out.extend_from_slice(name.as_bytes());
    out.extend_from_slice(&salt);
    out.extend_from_slice(&keys.check_value(&[LABEL, b" check"]));
    out.extend_from_slice(&secret_len.to_be_bytes());
    let bound = out.clone();
    keys.cipher(&[LABEL, b" key"]).seal(&bound, secret, entropy, &mut out);
    let digest = Digest::of(&[&out]);
    out.extend_from_slice(digest.as_bytes());
    Ok(out)
}

/// Opens the key file of the key called `name`.
///
/// # Errors
/// A variant of its own for each thing that can be wrong: the credential, the name, the file.
pub fn open_keyfile(credential: &[u8], name: &str, bytes: &[u8]) -> Result<Zeroizing<Vec<u8>>, VaultError> {
    check_credential(credential)?;
    let fields = Fields::parse(bytes)?;
    if fields.name != name.as_bytes() {
        let found = String::from_utf8_lossy(fields.name).into_owned();
        return Err(VaultError::WrongName { expected: name.to_owned(), found });
    }
    let keys = Derivation::extract(fields.salt, credential);
    let check = keys.check_value(&[LABEL, b" check"]);
    // The check value is public, so a comparison in variable time gives nothing away.
    if check != fields.check {
        return Err(VaultError::WrongCredential { name: name.to_owned() });
    }
    keys.cipher(&[LABEL, b" key"]).open(fields.bound, fields.sealed).ok_or(VaultError::Damaged)
}

struct Fields<'a> {
    name: &'a [u8],
    salt: &'a [u8],
    check: &'a [u8],
    sealed: &'a [u8],
    /// Everything before the nonce.
    bound: &'a [u8],
}

impl<'a> Fields<'a> {
    fn parse(bytes: &'a [u8]) -> Result<Self, VaultError> {
        let rest = bytes.strip_prefix(MAGIC).ok_or(VaultError::NotAKeyFile)?;
        let whole = bytes
            .split_last_chunk::<DIGEST>()
            .filter(|(covered, digest)| Digest::of(&[covered]).as_bytes() == *digest);
        match (rest.first(), whole) {
            (Some(&VERSION), Some((covered, _))) => {
                Self::split(covered).filter(|fields| fields.missing() == 0).ok_or(VaultError::Damaged)
            }
            (Some(&version), Some(_)) => Err(VaultError::UnsupportedVersion(version)),
            // A file that was cut ends inside its text, or before it.
            (_, None) if Self::split(bytes).is_none_or(|fields| fields.missing() > -(DIGEST as i64)) => {
                Err(VaultError::Truncated)
            }
            (Some(_), None) | (None, _) => Err(VaultError::Damaged),
        }
    }

    /// Splits what stands before the digest.
    fn split(bytes: &'a [u8]) -> Option<Self> {
        let mut rest = bytes.get(MAGIC.len() + 1..)?;
        let mut take = |n: usize| {
            let (taken, left) = rest.split_at_checked(n)?;
            rest = left;
            Some(taken)
        };
        let name_len = usize::from(take(1)?[0]);
        let (name, salt, check) = (take(name_len)?, take(SALT)?, take(CHECK)?);
        take(4)?;
        let (bound, sealed) = bytes.split_at(bytes.len() - rest.len());
        Some(Self { name, salt, check, sealed, bound })
    }

    /// How many bytes the text is shorter than the stated length; negative if it is longer.
    fn missing(&self) -> i64 {
        let stated = self.bound.last_chunk::<4>().map_or(0, |len| i64::from(u32::from_be_bytes(*len)));
        stated + (NONCE + TAG) as i64 - self.sealed.len() as i64
    }
}

fn check_credential(credential: &[u8]) -> Result<(), VaultError> {
    let bytes = credential.len();
    if bytes < MIN_CREDENTIAL { Err(VaultError::WeakCredential { bytes }) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::super::tests::Counting;
    use super::*;

    const CREDENTIAL: &[u8] = &[0x17; 32];

    fn sealed() -> Vec<u8> {
        seal_keyfile(CREDENTIAL, "seal-key", b"a secret seed", &mut Counting(0)).unwrap()
    }

    #[test]
    fn opens_with_its_credential_and_name() {
        let secret = open_keyfile(CREDENTIAL, "seal-key", &sealed()).unwrap();
        assert_eq!(secret.as_slice(), b"a secret seed");
    }

    #[test]
    fn wrong_credential_is_named() {
        let refused = open_keyfile(&[0x18; 32], "seal-key", &sealed()).unwrap_err();
        assert_eq!(refused, VaultError::WrongCredential { name: "seal-key".to_owned() });
        let refused = open_keyfile(&[0x17; 33], "seal-key", &sealed()).unwrap_err();
        assert_eq!(refused, VaultError::WrongCredential { name: "seal-key".to_owned() });
    }

    #[test]
    fn short_credential_is_refused_both_ways() {
        let weak = VaultError::WeakCredential { bytes: 31 };
        assert_eq!(open_keyfile(&[1; 31], "seal-key", &sealed()), Err(weak.clone()));
        assert_eq!(seal_keyfile(&[1; 31], "seal-key", b"s", &mut Counting(0)), Err(weak));
    }

    #[test]
    fn wrong_name_is_named() {
        let refused = open_keyfile(CREDENTIAL, "log-key", &sealed()).unwrap_err();
        let expected = VaultError::WrongName { expected: "log-key".to_owned(), found: "seal-key".to_owned() };
        assert_eq!(refused, expected);
        assert!(refused.hint().contains("swapped"));
    }

    #[test]
    fn a_name_edited_by_someone_who_repairs_the_digest_does_not_open() {
        let mut forged = sealed();
        forged[9..17].copy_from_slice(b"seal-kez");
        let end = forged.len() - DIGEST;
        let digest = Digest::of(&[&forged[..end]]);
        forged[end..].copy_from_slice(digest.as_bytes());
        assert_eq!(open_keyfile(CREDENTIAL, "seal-kez", &forged), Err(VaultError::Damaged));
    }

    #[test]
    fn every_cut_is_told_as_a_cut() {
        let whole = sealed();
        for len in 0..whole.len() {
            let expected = if len < MAGIC.len() { VaultError::NotAKeyFile } else { VaultError::Truncated };
            assert_eq!(open_keyfile(CREDENTIAL, "seal-key", &whole[..len]), Err(expected), "{len} bytes");
        }
    }

    #[test]
    fn every_flipped_bit_is_refused() {
        let whole = sealed();
        for bit in 0..whole.len() * 8 {
            let mut flipped = whole.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            let refused = open_keyfile(CREDENTIAL, "seal-key", &flipped).unwrap_err();
            let told =
                matches!(refused, VaultError::Damaged | VaultError::Truncated | VaultError::NotAKeyFile);
            assert!(told, "bit {bit}: {refused}");
        }
    }

    #[test]
    fn an_appended_byte_is_damage() {
        let mut longer = sealed();
        longer.push(0);
        assert_eq!(open_keyfile(CREDENTIAL, "seal-key", &longer), Err(VaultError::Damaged));
    }

    #[test]
    fn a_newer_version_asks_for_a_newer_release() {
        let mut newer = sealed();
        newer[7] = 2;
        let end = newer.len() - DIGEST;
        let digest = Digest::of(&[&newer[..end]]);
        newer[end..].copy_from_slice(digest.as_bytes());
        assert_eq!(open_keyfile(CREDENTIAL, "seal-key", &newer), Err(VaultError::UnsupportedVersion(2)));
    }

    #[test]
    fn the_format_is_pinned() {
        let digest = Digest::of(&[&sealed()]).to_string();
        assert_eq!(digest, "cfdeb197a949586160df17c8484243af12acb98f7b6d1f7ac596e7c182fc67cf");
    }
}
