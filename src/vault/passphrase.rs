//! A secret key at rest under a person's passphrase, format version 1. Integers are big-endian.
//!
//! | field | bytes | |
//! |---|---|---|
//! | magic | 7 | `VALISEP` |
//! | version | 1 | 1 |
//! | memory | 4 | KiB that Argon2id fills (RFC 9106) |
//! | passes | 4 | how often |
//! | salt | 16 | random |
//! | key file | rest | sealed with the 32 bytes that Argon2id makes, as [`super::seal_keyfile`] does |

use super::{VaultError, open_keyfile, seal_keyfile};
use crate::model::Entropy;
use argon2::{Algorithm, Argon2, Params, Version};
use zeroize::Zeroizing;

const MAGIC: &[u8; 7] = b"VALISEP";
const VERSION: u8 = 1;
const SALT: usize = 16;
/// The second recommendation of RFC 9106 §4: 64 MiB, three passes; in one lane, since a gateway has few cores.
const MEMORY: u32 = 64 * 1024;
const PASSES: u32 = 3;
/// The most that a file may make us fill, in KiB: a forged one must not exhaust the machine.
const MAX_MEMORY: u32 = 1024 * 1024;
/// The most passes that a file may ask for.
const MAX_PASSES: u32 = 16;
/// The fewest characters of a passphrase.
pub const MIN_PASSPHRASE: usize = 12;

/// Seals `secret`, the key called `name`, so that only `passphrase` opens it.
///
/// # Errors
/// `ShortPassphrase` below [`MIN_PASSPHRASE`] characters, else as [`seal_keyfile`].
pub fn seal_with_passphrase(
    passphrase: &str,
    name: &str,
    secret: &[u8],
    entropy: &mut dyn Entropy,
) -> Result<Vec<u8>, VaultError> {
    if passphrase.chars().count() < MIN_PASSPHRASE {
        return Err(VaultError::ShortPassphrase);
    }
    let mut salt = [0; SALT];
    entropy.fill(&mut salt);
    let credential = stretch(passphrase, &salt, (MEMORY, PASSES))?;
    let mut out = MAGIC.to_vec();
    out.push(VERSION);
    out.extend_from_slice(&MEMORY.to_be_bytes());
    out.extend_from_slice(&PASSES.to_be_bytes());
    out.extend_from_slice(&salt);
    out.extend_from_slice(&seal_keyfile(&*credential, name, secret, entropy)?);
    Ok(out)
}

/// Opens the key called `name` that was sealed with a passphrase.
///
/// # Errors
/// `WrongPassphrase` for another one, else as [`open_keyfile`].
pub fn open_with_passphrase(
    passphrase: &str,
    name: &str,
    bytes: &[u8],
) -> Result<Zeroizing<Vec<u8>>, VaultError> {
    let rest = bytes.strip_prefix(MAGIC).ok_or(VaultError::NotAKeyFile)?;
    let (&version, rest) = rest.split_first().ok_or(VaultError::Truncated)?;
    if version != VERSION {
        return Err(VaultError::UnsupportedVersion(version));
    }
    let (memory, rest) = rest.split_first_chunk::<4>().ok_or(VaultError::Truncated)?;
    let (passes, rest) = rest.split_first_chunk::<4>().ok_or(VaultError::Truncated)?;
    let (salt, keyfile) = rest.split_first_chunk::<SALT>().ok_or(VaultError::Truncated)?;
    let cost = (u32::from_be_bytes(*memory), u32::from_be_bytes(*passes));
    if cost.0 > MAX_MEMORY || cost.1 > MAX_PASSES {
        return Err(VaultError::Damaged);
    }
    let credential = stretch(passphrase, salt, cost)?;
    match open_keyfile(&*credential, name, keyfile) {
        Err(VaultError::WrongCredential { .. }) => Err(VaultError::WrongPassphrase),
        outcome => outcome,
    }
}

fn stretch(
    passphrase: &str,
    salt: &[u8],
    (memory, passes): (u32, u32),
) -> Result<Zeroizing<[u8; 32]>, VaultError> {
    let params = Params::new(memory, passes, 1, Some(32)).map_err(|_| VaultError::Damaged)?;
    let mut out = Zeroizing::new([0; 32]);
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
        .hash_password_into(passphrase.as_bytes(), salt, &mut *out)
        .map_err(|_| VaultError::Damaged)?;
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::super::tests::Counting;
    use super::*;

    const PASSPHRASE: &str = "a long enough passphrase";

    /// RFC 9106 §5.3 has associated data and a secret, which we do not use; this is the test vector of the
    /// reference implementation without them (`phc-winner-argon2`, `src/test.c`, v=19, t=2, m=2^16, p=1).
    #[test]
    fn the_stretching_is_argon2id() {
        let out = stretch("password", b"somesalt", (65536, 2)).unwrap();
        let hex: String = out.iter().map(|b| format!("{b:02x}")).collect();
        assert_eq!(hex, "09316115d5cf24ed5a15a31a3ba326e5cf32edc24702987c02b6566f61913cf7");
    }

    #[test]
    fn a_key_opens_with_its_passphrase_only() {
        let sealed = seal_with_passphrase(PASSPHRASE, "officer", b"seed", &mut Counting(0)).unwrap();
        assert_eq!(open_with_passphrase(PASSPHRASE, "officer", &sealed).unwrap().as_slice(), b"seed");
        let wrong = open_with_passphrase("another long passphrase", "officer", &sealed);
        assert_eq!(wrong, Err(VaultError::WrongPassphrase));
        assert_eq!(
            seal_with_passphrase("short", "officer", b"seed", &mut Counting(0)),
            Err(VaultError::ShortPassphrase)
        );
        for cut in [0, 7, 8, 12, 20, 32, sealed.len() - 1] {
            assert!(open_with_passphrase(PASSPHRASE, "officer", &sealed[..cut]).is_err(), "{cut} bytes");
        }
        let mut greedy = sealed.clone();
        greedy[8] = 0xff;
        assert_eq!(open_with_passphrase(PASSPHRASE, "officer", &greedy), Err(VaultError::Damaged));
    }
}
