//! Keeps secrets and act bodies unreadable at rest (ISACS 8.4 a, DESIGN §8): a key file opens with the
//! machine's credential, a record body with the body key. What may be opened is decided elsewhere.

mod aead;
mod archive;
mod bodies;
mod error;
mod keyfile;
mod passphrase;

pub use crate::cose::pieces;
pub use archive::{ARCHIVE_CHUNK, ARCHIVE_HEAD, ArchiveOpener, ArchiveSealer, CHUNK_HEAD, ChunkHead};
pub use bodies::BodyKey;
pub use error::VaultError;
pub use keyfile::{open_keyfile, seal_keyfile};
pub use passphrase::{MIN_PASSPHRASE, open_with_passphrase, seal_with_passphrase};

#[cfg(test)]
mod tests {
    use crate::model::Entropy;

    /// Counts up: not random, but never the same twice.
    pub struct Counting(pub u8);

    impl Entropy for Counting {
        fn fill(&mut self, buf: &mut [u8]) {
            for byte in buf {
                *byte = self.0;
                self.0 = self.0.wrapping_add(1);
            }
        }
    }
}
