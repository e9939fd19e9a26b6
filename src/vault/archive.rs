//! A long sealed file, format version 1: a backup. Integers are big-endian.
//!
//! | field | bytes | |
//! |---|---|---|
//! | magic | 7 | `VALISEB` |
//! | version | 1 | 1 |
//! | key length | 4 | |
//! | key file | n | a key file (`vault/keyfile.rs`) that holds the archive's own key under the archive's name |
//! | chunks | | until the last one |
//!
//! | chunk | bytes | |
//! |---|---|---|
//! | last | 1 | 1 for the last chunk, 0 for all others |
//! | length | 4 | of the sealed text |
//! | sealed text | n | a sealed body (`vault/bodies.rs`) in the place (number of the chunk, `last`) |
//!
//! The key is random, so that no two archives share one; each chunk is sealed under a key of its own place, so that
//! none can be moved, repeated, or left out, and the file cannot end but with its last chunk.

use super::{BodyKey, VaultError, open_keyfile, seal_keyfile};
use crate::model::Entropy;
use zeroize::Zeroizing;

const MAGIC: &[u8; 7] = b"VALISEB";
const VERSION: u8 = 1;
const LABEL: &[u8] = b"valise archive v1";
/// The most bytes of plain text in a chunk.
pub const ARCHIVE_CHUNK: usize = 1 << 20;
/// Bytes before the key file.
pub const ARCHIVE_HEAD: usize = 12;
/// Bytes before a chunk's sealed text.
pub const CHUNK_HEAD: usize = 5;
/// The most that sealing adds to a chunk, in bytes.
const OVERHEAD: usize = 64;
/// The most bytes of a key file in an archive.
const MAX_KEY: usize = 1024;

/// Seals chunk after chunk.
pub struct ArchiveSealer {
    key: BodyKey,
    next: u64,
}

/// Opens chunk after chunk.
pub struct ArchiveOpener {
    key: BodyKey,
    next: u64,
}

/// The head of a chunk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChunkHead {
    /// Whether nothing follows it.
    pub last: bool,
    /// How many bytes of sealed text follow the head.
    pub length: usize,
}

impl ArchiveSealer {
    /// Begins an archive called `name` that `credential` opens; returns the bytes with which it begins.
    ///
    /// # Errors
    /// As for [`seal_keyfile`].
    pub fn begin(
        credential: &[u8],
        name: &str,
        entropy: &mut dyn Entropy,
    ) -> Result<(Self, Vec<u8>), VaultError> {
        let key = BodyKey::generate(entropy);
        let sealed = seal_keyfile(credential, name, key.reveal(), entropy)?;
        let length = u32::try_from(sealed.len()).map_err(|_| VaultError::TooLong("name"))?;
        let head = [MAGIC, &[VERSION][..], &length.to_be_bytes(), &sealed].concat();
        Ok((Self { key, next: 0 }, head))
    }

    /// Seals the next chunk, at most [`ARCHIVE_CHUNK`] bytes.
    pub fn seal(&mut self, chunk: &[u8], last: bool, entropy: &mut dyn Entropy) -> Vec<u8> {
        let sealed = self.key.seal(&place(self.next, last), chunk, entropy);
        self.next += 1;
        let length = u32::try_from(sealed.len()).expect("a chunk is a mebibyte at most");
        [&[u8::from(last)][..], &length.to_be_bytes(), &sealed].concat()
    }
}

impl ArchiveOpener {
    /// Reads how long the key file is that follows the first [`ARCHIVE_HEAD`] bytes.
    ///
    /// # Errors
    /// `NotAnArchive`, `ArchiveVersion` or `ArchiveDamaged`.
    pub fn key_length(head: &[u8; ARCHIVE_HEAD]) -> Result<usize, VaultError> {
        let rest = head.strip_prefix(MAGIC).ok_or(VaultError::NotAnArchive)?;
        let (version, length) = rest.split_first().ok_or(VaultError::NotAnArchive)?;
        if *version != VERSION {
            return Err(VaultError::ArchiveVersion(*version));
        }
        let length = length.first_chunk::<4>().map_or(0, |bytes| u32::from_be_bytes(*bytes));
        usize::try_from(length).ok().filter(|n| *n <= MAX_KEY).ok_or(VaultError::ArchiveDamaged)
    }

    /// Unlocks the archive called `name` with its key file.
    ///
    /// # Errors
    /// As for [`open_keyfile`]: the credential, the name, the file.
    pub fn unlock(credential: &[u8], name: &str, keyfile: &[u8]) -> Result<Self, VaultError> {
        let secret = open_keyfile(credential, name, keyfile)?;
        let key = <[u8; 32]>::try_from(secret.as_slice()).map_err(|_| VaultError::ArchiveDamaged)?;
        Ok(Self { key: BodyKey::new(Zeroizing::new(key)), next: 0 })
    }

    /// Opens the next chunk.
    ///
    /// # Errors
    /// `ArchiveDamaged` if it is another's, in another place, or changed.
    pub fn open(&mut self, head: ChunkHead, sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, VaultError> {
        let opened = self.key.open(&place(self.next, head.last), sealed);
        self.next += 1;
        opened.map_err(|_| VaultError::ArchiveDamaged)
    }
}

impl ChunkHead {
    /// Reads the head of a chunk.
    ///
    /// # Errors
    /// `ArchiveDamaged` if no chunk begins so.
    pub fn parse([last, length @ ..]: [u8; CHUNK_HEAD]) -> Result<Self, VaultError> {
        let length = usize::try_from(u32::from_be_bytes(length)).unwrap_or(usize::MAX);
        if last > 1 || length > ARCHIVE_CHUNK + OVERHEAD {
            return Err(VaultError::ArchiveDamaged);
        }
        Ok(Self { last: last == 1, length })
    }
}

fn place(number: u64, last: bool) -> Vec<u8> {
    [LABEL, &number.to_be_bytes(), &[u8::from(last)]].concat()
}

#[cfg(test)]
mod tests {
    use super::super::tests::Counting;
    use super::*;

    const CREDENTIAL: &[u8] = &[0x17; 32];

    fn archive(chunks: &[&[u8]]) -> Vec<u8> {
        let mut entropy = Counting(0);
        let (mut sealer, mut out) = ArchiveSealer::begin(CREDENTIAL, "XBB", &mut entropy).unwrap();
        for (at, chunk) in chunks.iter().enumerate() {
            out.extend(sealer.seal(chunk, at + 1 == chunks.len(), &mut entropy));
        }
        out
    }

    fn open(bytes: &[u8], credential: &[u8], name: &str) -> Result<Vec<Vec<u8>>, VaultError> {
        let cut = VaultError::ArchiveTruncated;
        let (head, rest) = bytes.split_first_chunk::<ARCHIVE_HEAD>().ok_or(cut.clone())?;
        let (key, mut rest) = rest.split_at_checked(ArchiveOpener::key_length(head)?).ok_or(cut.clone())?;
        let mut opener = ArchiveOpener::unlock(credential, name, key)?;
        let mut out = Vec::new();
        loop {
            let (head, after) = rest.split_first_chunk::<CHUNK_HEAD>().ok_or(cut.clone())?;
            let head = ChunkHead::parse(*head)?;
            let (sealed, after) = after.split_at_checked(head.length).ok_or(cut.clone())?;
            out.push(opener.open(head, sealed)?.to_vec());
            rest = after;
            if head.last {
                return if rest.is_empty() { Ok(out) } else { Err(VaultError::ArchiveDamaged) };
            }
        }
    }

    #[test]
    fn an_archive_opens_with_its_credential_and_name_only() {
        let bytes = archive(&[b"one", b"two", b""]);
        let chunks = open(&bytes, CREDENTIAL, "XBB").unwrap();
        assert_eq!(chunks, [b"one".to_vec(), b"two".to_vec(), vec![]]);
        let wrong = VaultError::WrongCredential { name: "XBB".to_owned() };
        assert_eq!(open(&bytes, &[0x18; 32], "XBB"), Err(wrong));
        let other = VaultError::WrongName { expected: "XAA".to_owned(), found: "XBB".to_owned() };
        assert_eq!(open(&bytes, CREDENTIAL, "XAA"), Err(other));
    }

    #[test]
    fn no_flipped_bit_and_no_cut_opens() {
        let bytes = archive(&[b"one", b"two"]);
        for bit in 0..bytes.len() * 8 {
            let mut flipped = bytes.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            assert!(open(&flipped, CREDENTIAL, "XBB").is_err(), "bit {bit}");
        }
        for length in 0..bytes.len() {
            assert!(open(&bytes[..length], CREDENTIAL, "XBB").is_err(), "{length} bytes");
        }
    }

    #[test]
    fn chunks_cannot_be_swapped_repeated_or_left_out() {
        let head = archive(&[b""]).len() - (CHUNK_HEAD + 1 + 12 + 16);
        let bytes = archive(&[b"one", b"two", b"end"]);
        let length = CHUNK_HEAD + 1 + 12 + 3 + 16;
        let chunk = |n: usize| &bytes[head + n * length..head + (n + 1) * length];
        for order in [&[1, 0, 2][..], &[0, 0, 1, 2], &[0, 2], &[0, 1], &[0, 1, 2, 2]] {
            let chunks: Vec<u8> = order.iter().flat_map(|n| chunk(*n).to_vec()).collect();
            assert!(open(&[&bytes[..head], &chunks].concat(), CREDENTIAL, "XBB").is_err(), "{order:?}");
        }
        let sound: Vec<u8> = [0, 1, 2].iter().flat_map(|n| chunk(*n).to_vec()).collect();
        assert!(open(&[&bytes[..head], &sound].concat(), CREDENTIAL, "XBB").is_ok());
    }
}
