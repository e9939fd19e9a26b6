/// Says why the vault refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum VaultError {
    /// The credential is too short to protect a key file without a slow password hash.
    #[error("the credential has {bytes} bytes, fewer than 32")]
    WeakCredential {
        /// Its length.
        bytes: usize,
    },
    /// The bytes are not a key file.
    #[error("this is not a Valise key file")]
    NotAKeyFile,
    /// A newer release wrote the key file.
    #[error("the key file has format version {0}, which this release does not know")]
    UnsupportedVersion(u8),
    /// The key file ends early.
    #[error("the key file is cut short")]
    Truncated,
    /// The key file's bytes have changed.
    #[error("the key file is damaged")]
    Damaged,
    /// The file holds another key.
    #[error("the key file holds the key `{found}`, not `{expected}`")]
    WrongName {
        /// The key that was asked for.
        expected: String,
        /// The key that the file says it holds.
        found: String,
    },
    /// The file was sealed with another credential.
    #[error("the credential does not open the key `{name}`")]
    WrongCredential {
        /// The key that was asked for.
        name: String,
    },
    /// The passphrase is another.
    #[error("the passphrase does not open the key")]
    WrongPassphrase,
    /// The passphrase is too short to withstand guessing.
    #[error("the passphrase is shorter than 12 characters")]
    ShortPassphrase,
    /// A name or secret is longer than the key file can state.
    #[error("the {0} is too long for a key file")]
    TooLong(&'static str),
    /// The bytes are not an archive.
    #[error("this is not a Valise backup")]
    NotAnArchive,
    /// A newer release wrote the archive.
    #[error("the backup has format version {0}, which this release does not know")]
    ArchiveVersion(u8),
    /// The archive ends before its last chunk.
    #[error("the backup is cut short")]
    ArchiveTruncated,
    /// The archive's bytes have changed.
    #[error("the backup is damaged")]
    ArchiveDamaged,
    /// A sealed record body has changed, or was sealed with another key or for another record.
    #[error("the record body does not open with this key in this place")]
    Body,
}

impl VaultError {
    /// Tells the operator what to do about it.
    pub const fn hint(&self) -> &'static str {
        match self {
            Self::WeakCredential { .. } => "make a credential of 32 random bytes",
            Self::NotAKeyFile => "check the path in the configuration",
            Self::NotAnArchive => "name a file that `valise gateway backup` wrote",
            Self::ArchiveTruncated | Self::ArchiveDamaged => {
                "take another copy of the backup, or an older one"
            }
            Self::UnsupportedVersion(_) | Self::ArchiveVersion(_) => {
                "install the release that wrote it, or a newer one"
            }
            Self::Truncated | Self::Damaged => "restore the key file from a backup",
            Self::WrongName { .. } => "check that the key files were not swapped or renamed",
            Self::WrongCredential { .. } => "use the credential of the machine that made the key file",
            Self::WrongPassphrase => "type it again; a key whose passphrase is lost is made anew",
            Self::ShortPassphrase => "choose several words that nobody else would",
            Self::TooLong(_) => "use a name of at most 255 bytes",
            Self::Body => "restore the store from a backup, with the body key that belongs to it",
        }
    }
}
