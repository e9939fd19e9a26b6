//! The keys of this gateway: made once, sealed at rest, unlocked unattended with the credential.

use crate::cose::SigningKey;
use crate::model::{DAY, Digest, Entropy, Party, Timestamp};
use crate::trust::issue::{self, Issued, Serial, Terms};
use crate::trust::{Role, TrustError, Validity};
use crate::vault::{self, VaultError};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use zeroize::Zeroizing;

/// How many days the root's and the issuing, seal and log certificates live.
pub const ROOT_DAYS: u32 = 3650;
/// See [`ROOT_DAYS`].
pub const KEY_DAYS: u32 = 1095;
/// Length of the credential in bytes: it is random, so that no password stretching is needed.
pub const CREDENTIAL_BYTES: usize = 32;

/// Says why keys could not be made or unlocked.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// A file could not be read or written.
    #[error("{path}: {cause}")]
    Io {
        /// Which file.
        path: PathBuf,
        /// Why.
        cause: io::Error,
    },
    /// A key file does not open.
    #[error("{path}: {cause}")]
    Vault {
        /// Which file.
        path: PathBuf,
        /// Why.
        cause: VaultError,
    },
    /// A certificate could not be made or does not hold.
    #[error(transparent)]
    Trust(#[from] TrustError),
    /// A key and its certificates do not fit each other.
    #[error("the gateway's key and certificates do not fit: {0}")]
    Identity(String),
    /// The credential is not what `gateway init` writes.
    #[error("{0}: the credential is shorter than 32 bytes")]
    Credential(PathBuf),
}

/// The folder of sealed private keys, with what unlocks them.
#[derive(Clone)]
pub struct KeyFolder {
    folder: PathBuf,
    credential: Zeroizing<Vec<u8>>,
}

impl KeyFolder {
    /// Reads the credential.
    ///
    /// # Errors
    /// [`KeyError::Io`] or [`KeyError::Credential`].
    pub fn unlock(folder: &Path, credential: &Path) -> Result<Self, KeyError> {
        let bytes = Zeroizing::new(fs::read(credential).map_err(at(credential))?);
        if bytes.len() < CREDENTIAL_BYTES {
            return Err(KeyError::Credential(credential.to_owned()));
        }
        Ok(Self { folder: folder.to_owned(), credential: bytes })
    }

    /// Draws a new credential into a file that only its owner may read; never overwrites one.
    ///
    /// # Errors
    /// [`KeyError::Io`], also if there is one already.
    pub fn create(folder: &Path, credential: &Path, entropy: &mut dyn Entropy) -> Result<Self, KeyError> {
        let mut bytes = Zeroizing::new(vec![0; CREDENTIAL_BYTES]);
        entropy.fill(&mut bytes);
        fs::create_dir_all(folder).map_err(at(folder))?;
        write_new(credential, &bytes, 0o600)?;
        Ok(Self { folder: folder.to_owned(), credential: bytes })
    }

    /// Opens a key of 32 secret bytes.
    ///
    /// # Errors
    /// [`KeyError::Io`] or [`KeyError::Vault`].
    pub fn open(&self, name: &str) -> Result<Zeroizing<[u8; 32]>, KeyError> {
        let path = self.path(name);
        let sealed = fs::read(&path).map_err(at(&path))?;
        let secret = vault::open_keyfile(&self.credential, name, &sealed)
            .map_err(|cause| KeyError::Vault { path: path.clone(), cause })?;
        let bytes =
            secret.as_slice().try_into().map_err(|_| KeyError::Vault { path, cause: VaultError::Body })?;
        Ok(Zeroizing::new(bytes))
    }

    /// Seals a key of 32 secret bytes into a new file.
    ///
    /// # Errors
    /// [`KeyError::Io`], also if the file is there already.
    pub fn save(&self, name: &str, secret: &[u8; 32], entropy: &mut dyn Entropy) -> Result<(), KeyError> {
        let path = self.path(name);
        let sealed = vault::seal_keyfile(&self.credential, name, secret, entropy)
            .map_err(|cause| KeyError::Vault { path: path.clone(), cause })?;
        write_new(&path, &sealed, 0o600)
    }

    /// Opens a signing key.
    ///
    /// # Errors
    /// As for [`Self::open`].
    pub fn signing(&self, name: &str) -> Result<SigningKey, KeyError> {
        Ok(SigningKey::from_seed(&*self.open(name)?))
    }

    /// Makes and saves a signing key.
    ///
    /// # Errors
    /// As for [`Self::save`].
    pub fn new_signing(&self, name: &str, entropy: &mut dyn Entropy) -> Result<SigningKey, KeyError> {
        let key = SigningKey::generate(entropy);
        self.save(name, key.seed(), entropy)?;
        Ok(key)
    }

    /// Returns where the sealed keys lie.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Tells whether there is a key of this name.
    pub fn holds(&self, name: &str) -> bool {
        self.path(name).exists()
    }

    /// Deletes a key for good, as far as the file system lets it: what its blocks held is written over and
    /// synced before the name goes. A disk that writes elsewhere keeps bytes that only the credential opens.
    ///
    /// # Errors
    /// [`KeyError::Io`].
    pub fn destroy(&self, name: &str, entropy: &mut dyn Entropy) -> Result<(), KeyError> {
        use std::io::Write;
        let path = self.path(name);
        let mut file = fs::OpenOptions::new().write(true).open(&path).map_err(at(&path))?;
        let length = file.metadata().map_err(at(&path))?.len();
        let mut noise = vec![0; usize::try_from(length).unwrap_or(0)];
        entropy.fill(&mut noise);
        file.write_all(&noise).and_then(|()| file.sync_all()).map_err(at(&path))?;
        fs::remove_file(&path).map_err(at(&path))?;
        let folder = fs::File::open(&self.folder).map_err(at(&self.folder))?;
        folder.sync_all().map_err(at(&self.folder))
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.join(format!("{name}.key"))
    }
}

/// Issues a certificate that is valid from a little before now, since clocks differ between States.
///
/// # Errors
/// [`KeyError::Trust`] if the encoder refuses.
pub fn certify(
    role: Role,
    party: &Party,
    subject: &SigningKey,
    authority: &SigningKey,
    (now, days): (Timestamp, u32),
    entropy: &mut dyn Entropy,
) -> Result<Issued, KeyError> {
    let start = now.saturating_add(if role == Role::Root { -2 * DAY } else { -DAY });
    let terms = Terms { serial: Serial::draw(entropy), validity: Validity::days(start, days) };
    Ok(issue::certificate(role, party, &subject.verifying_key(), authority, terms)?)
}

/// Writes a file that must not exist, with these permissions, and syncs it.
///
/// # Errors
/// [`KeyError::Io`], also if the file is there already.
pub fn write_new(path: &Path, bytes: &[u8], mode: u32) -> Result<(), KeyError> {
    use std::io::Write;
    use std::os::unix::fs::OpenOptionsExt;
    let mut file =
        fs::OpenOptions::new().write(true).create_new(true).mode(mode).open(path).map_err(at(path))?;
    file.write_all(bytes).and_then(|()| file.sync_all()).map_err(at(path))
}

/// Replaces a public file as a whole: after a crash there is the old one or the new one.
///
/// # Errors
/// [`KeyError::Io`].
pub fn replace(path: &Path, bytes: &[u8]) -> Result<(), KeyError> {
    let next = path.with_extension("next");
    // What a crash left half written was never put in place.
    let _ = fs::remove_file(&next);
    write_new(&next, bytes, 0o644)?;
    fs::rename(&next, path).map_err(at(path))?;
    let folder = path.parent().filter(|folder| *folder != Path::new("")).unwrap_or(Path::new("."));
    fs::File::open(folder).and_then(|folder| folder.sync_all()).map_err(at(folder))
}

/// Computes the thumbprint of a PEM certificate.
///
/// # Errors
/// [`KeyError::Trust`] if it is none.
pub fn thumbprint_of_pem(pem: &str) -> Result<Digest, KeyError> {
    Ok(crate::trust::thumbprint(&crate::trust::certificate_from_pem(pem)?))
}

/// Says at which path an IO error happened.
pub fn at(path: &Path) -> impl FnOnce(io::Error) -> KeyError {
    let path = path.to_owned();
    move |cause| KeyError::Io { path, cause }
}
