//! Officers' own keys: made on the officer's machine, sealed under a passphrase, used there to agree to what
//! waits for a second officer. The gateway knows the public halves from its settings only.

use crate::cose::SigningKey;
use crate::model::{Entropy, OfficerKey, OfficerSignature};
use crate::vault::{self, VaultError};
use std::fs;
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

/// The name under which an officer's key is sealed.
const NAME: &str = "officer";

/// Says why an officer's key could not be made or used.
#[derive(Debug, thiserror::Error)]
pub enum OfficerError {
    /// The file could not be read or written.
    #[error("{}: {cause}", path.display())]
    Io {
        /// Which.
        path: PathBuf,
        /// Why.
        cause: io::Error,
    },
    /// The key does not open, or cannot be sealed.
    #[error("{}: {cause}", path.display())]
    Key {
        /// Which.
        path: PathBuf,
        /// Why.
        cause: VaultError,
    },
}

/// Makes an officer's key in a new file that only its owner may read; returns the public half.
///
/// # Errors
/// The file exists or cannot be written, or the passphrase is too short.
pub fn make_key(
    path: &Path,
    passphrase: &str,
    entropy: &mut dyn Entropy,
) -> Result<OfficerKey, OfficerError> {
    let key = SigningKey::generate(entropy);
    let sealed = vault::seal_with_passphrase(passphrase, NAME, key.seed().as_slice(), entropy)
        .map_err(|cause| OfficerError::Key { path: path.to_owned(), cause })?;
    let io = |cause| OfficerError::Io { path: path.to_owned(), cause };
    let mut file = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path).map_err(io)?;
    file.write_all(&sealed).and_then(|()| file.sync_all()).map_err(io)?;
    Ok(OfficerKey(key.verifying_key().0))
}

/// Opens an officer's key and returns the public half.
///
/// # Errors
/// The file cannot be read, or the passphrase does not open it.
pub fn public_key(path: &Path, passphrase: &str) -> Result<OfficerKey, OfficerError> {
    Ok(OfficerKey(open(path, passphrase)?.verifying_key().0))
}

/// Signs an officer's word.
///
/// # Errors
/// As for [`public_key`].
pub fn sign(path: &Path, passphrase: &str, words: &[u8]) -> Result<OfficerSignature, OfficerError> {
    let key = open(path, passphrase)?;
    let public = OfficerKey(key.verifying_key().0);
    Ok(OfficerSignature { key: public.digest(), bytes: key.sign(words).to_vec() })
}

fn open(path: &Path, passphrase: &str) -> Result<SigningKey, OfficerError> {
    let sealed = fs::read(path).map_err(|cause| OfficerError::Io { path: path.to_owned(), cause })?;
    let fault = |cause| OfficerError::Key { path: path.to_owned(), cause };
    let seed = vault::open_with_passphrase(passphrase, NAME, &sealed).map_err(fault)?;
    let seed = seed.as_slice().try_into().map_err(|_| fault(VaultError::Damaged))?;
    Ok(SigningKey::from_seed(seed))
}
