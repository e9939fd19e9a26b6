//! What lies inside a backup's seal: named items, one after the other, read and written as they come.
//!
//! | item | bytes | |
//! |---|---|---|
//! | name length | 2 | big-endian |
//! | name | n | |
//! | length | 8 | big-endian |
//! | content | n | |

use super::BackupError;
use crate::model::Entropy;
use crate::vault::{
    ARCHIVE_CHUNK, ARCHIVE_HEAD, ArchiveOpener, ArchiveSealer, CHUNK_HEAD, ChunkHead, VaultError,
};
use std::io::{Read, Write};
use zeroize::Zeroizing;

/// The longest name of an item, in bytes.
const MAX_NAME: usize = 128;
/// The longest item that is held in memory, in bytes; the journal never is.
const MAX_HELD: u64 = 16 << 20;

/// Writes items into an archive.
pub struct ItemWriter<W> {
    out: W,
    sealer: ArchiveSealer,
    chunk: Zeroizing<Vec<u8>>,
    entropy: Box<dyn Entropy>,
}

/// Reads items out of an archive.
pub struct ItemReader<R> {
    input: R,
    opener: ArchiveOpener,
    chunk: Zeroizing<Vec<u8>>,
    at: usize,
    last: bool,
}

impl<W: Write> ItemWriter<W> {
    /// Begins an archive.
    ///
    /// # Errors
    /// A weak credential, or a file that cannot be written.
    pub fn begin(
        mut out: W,
        credential: &[u8],
        name: &str,
        mut entropy: Box<dyn Entropy>,
    ) -> Result<Self, BackupError> {
        let (sealer, head) = ArchiveSealer::begin(credential, name, &mut *entropy)?;
        out.write_all(&head)?;
        Ok(Self { out, sealer, chunk: Zeroizing::new(Vec::with_capacity(ARCHIVE_CHUNK)), entropy })
    }

    /// Writes a whole item.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn item(&mut self, name: &str, content: &[u8]) -> Result<(), BackupError> {
        self.begin_item(name, content.len() as u64)?;
        self.write(content)
    }

    /// Begins an item whose content follows in pieces.
    ///
    /// # Errors
    /// As for [`Self::item`].
    pub fn begin_item(&mut self, name: &str, length: u64) -> Result<(), BackupError> {
        let name_length = u16::try_from(name.len()).ok().filter(|n| usize::from(*n) <= MAX_NAME);
        let name_length =
            name_length.ok_or_else(|| BackupError::Unfit(format!("the name '{name}' is too long")))?;
        self.write(&name_length.to_be_bytes())?;
        self.write(name.as_bytes())?;
        self.write(&length.to_be_bytes())
    }

    /// Writes a piece of the present item.
    ///
    /// # Errors
    /// As for [`Self::item`].
    pub fn write(&mut self, mut bytes: &[u8]) -> Result<(), BackupError> {
        while !bytes.is_empty() {
            // A full chunk is written only when more follows, so that the last one is never empty by chance.
            if self.chunk.len() == ARCHIVE_CHUNK {
                self.seal(false)?;
            }
            let (now, later) = bytes.split_at(bytes.len().min(ARCHIVE_CHUNK - self.chunk.len()));
            self.chunk.extend_from_slice(now);
            bytes = later;
        }
        Ok(())
    }

    /// Ends the archive and returns what it was written to.
    ///
    /// # Errors
    /// As for [`Self::item`].
    pub fn finish(mut self) -> Result<W, BackupError> {
        self.seal(true)?;
        Ok(self.out)
    }

    fn seal(&mut self, last: bool) -> Result<(), BackupError> {
        let sealed = self.sealer.seal(&self.chunk, last, &mut *self.entropy);
        self.chunk.clear();
        Ok(self.out.write_all(&sealed)?)
    }
}

impl<R: Read> ItemReader<R> {
    /// Unlocks an archive.
    ///
    /// # Errors
    /// It is none, another's, damaged, or the credential does not open it.
    pub fn begin(mut input: R, credential: &[u8], name: &str) -> Result<Self, BackupError> {
        let mut head = [0; ARCHIVE_HEAD];
        fill(&mut input, &mut head)?;
        let mut keyfile = vec![0; ArchiveOpener::key_length(&head)?];
        fill(&mut input, &mut keyfile)?;
        let opener = ArchiveOpener::unlock(credential, name, &keyfile)?;
        Ok(Self { input, opener, chunk: Zeroizing::new(Vec::new()), at: 0, last: false })
    }

    /// Reads the name and length of the next item; `None` at the end, where nothing may follow.
    ///
    /// # Errors
    /// The archive is damaged or cut.
    pub fn next_item(&mut self) -> Result<Option<(String, u64)>, BackupError> {
        if self.is_at_end()? {
            let mut more = [0];
            return match self.input.read(&mut more)? {
                0 => Ok(None),
                _ => Err(VaultError::ArchiveDamaged.into()),
            };
        }
        let mut length = [0; 2];
        self.read(&mut length)?;
        let length = usize::from(u16::from_be_bytes(length));
        if length > MAX_NAME {
            return Err(VaultError::ArchiveDamaged.into());
        }
        let mut name = vec![0; length];
        self.read(&mut name)?;
        let name = String::from_utf8(name).map_err(|_| VaultError::ArchiveDamaged)?;
        let mut size = [0; 8];
        self.read(&mut size)?;
        Ok(Some((name, u64::from_be_bytes(size))))
    }

    /// Reads the content of an item that is small enough to be held.
    ///
    /// # Errors
    /// As for [`Self::next_item`].
    pub fn content(&mut self, length: u64) -> Result<Zeroizing<Vec<u8>>, BackupError> {
        let held = usize::try_from(length).ok().filter(|_| length <= MAX_HELD);
        let mut content = Zeroizing::new(vec![0; held.ok_or(VaultError::ArchiveDamaged)?]);
        self.read(&mut content)?;
        Ok(content)
    }

    /// Hands the content of an item on, piece by piece.
    ///
    /// # Errors
    /// As for [`Self::next_item`], or what `take` says.
    pub fn pieces(
        &mut self,
        length: u64,
        mut take: impl FnMut(&[u8]) -> Result<(), BackupError>,
    ) -> Result<(), BackupError> {
        let mut left = length;
        while left > 0 {
            if self.is_at_end()? {
                return Err(VaultError::ArchiveDamaged.into());
            }
            let here = self.chunk.len() - self.at;
            let now = usize::try_from(left).map_or(here, |left| left.min(here));
            take(&self.chunk[self.at..self.at + now])?;
            self.at += now;
            left -= now as u64;
        }
        Ok(())
    }

    fn read(&mut self, mut buf: &mut [u8]) -> Result<(), BackupError> {
        let length = buf.len() as u64;
        self.pieces(length, |piece| {
            let (now, later) = std::mem::take(&mut buf).split_at_mut(piece.len());
            now.copy_from_slice(piece);
            buf = later;
            Ok(())
        })
    }

    /// Opens the next chunk where the present one is used up; tells whether there is none.
    fn is_at_end(&mut self) -> Result<bool, BackupError> {
        while self.at == self.chunk.len() {
            if self.last {
                return Ok(true);
            }
            let mut head = [0; CHUNK_HEAD];
            fill(&mut self.input, &mut head)?;
            let head = ChunkHead::parse(head)?;
            let mut sealed = vec![0; head.length];
            fill(&mut self.input, &mut sealed)?;
            self.chunk = self.opener.open(head, &sealed)?;
            (self.at, self.last) = (0, head.last);
        }
        Ok(false)
    }
}

fn fill(input: &mut impl Read, buf: &mut [u8]) -> Result<(), BackupError> {
    let is_end = |cause: &std::io::Error| cause.kind() == std::io::ErrorKind::UnexpectedEof;
    input.read_exact(buf).map_err(|cause| {
        if is_end(&cause) { VaultError::ArchiveTruncated.into() } else { BackupError::from(cause) }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::node::entropy::OsEntropy;

    const CREDENTIAL: [u8; 32] = [7; 32];

    fn archive(items: &[(&str, Vec<u8>)]) -> Vec<u8> {
        let mut writer =
            ItemWriter::begin(Vec::new(), &CREDENTIAL, "XBB", Box::new(OsEntropy::new())).unwrap();
        items.iter().for_each(|(name, content)| writer.item(name, content).unwrap());
        writer.finish().unwrap()
    }

    fn read(bytes: &[u8]) -> Result<Vec<(String, Vec<u8>)>, BackupError> {
        let mut reader = ItemReader::begin(bytes, &CREDENTIAL, "XBB")?;
        let mut out = Vec::new();
        while let Some((name, length)) = reader.next_item()? {
            out.push((name, reader.content(length)?.to_vec()));
        }
        Ok(out)
    }

    #[test]
    fn items_of_all_sizes_come_back() {
        let sizes = [0, 1, ARCHIVE_CHUNK - 20, ARCHIVE_CHUNK, 3 * ARCHIVE_CHUNK + 5, 0];
        let items: Vec<_> = sizes.iter().map(|n| ("an item", vec![0x5a; *n])).collect();
        let found = read(&archive(&items)).unwrap();
        assert!(found.iter().map(|(name, content)| (name.as_str(), content.clone())).eq(items));
        assert!(read(&archive(&[])).unwrap().is_empty());
    }

    #[test]
    fn a_cut_file_and_one_that_goes_on_are_told_apart_from_a_whole_one() {
        let bytes = archive(&[("an item", vec![1; 2 * ARCHIVE_CHUNK])]);
        let cut = read(&bytes[..bytes.len() - 1]).unwrap_err();
        assert!(matches!(cut, BackupError::Vault(VaultError::ArchiveTruncated)), "{cut}");
        let longer = [&bytes[..], &[0]].concat();
        let longer = read(&longer).unwrap_err();
        assert!(matches!(longer, BackupError::Vault(VaultError::ArchiveDamaged)), "{longer}");
    }

    #[test]
    fn an_item_that_claims_more_than_there_is_takes_no_memory_and_is_refused() {
        let mut writer =
            ItemWriter::begin(Vec::new(), &CREDENTIAL, "XBB", Box::new(OsEntropy::new())).unwrap();
        writer.begin_item("an item", u64::MAX).unwrap();
        let bytes = writer.finish().unwrap();
        assert!(matches!(read(&bytes), Err(BackupError::Vault(VaultError::ArchiveDamaged))));
    }
}
