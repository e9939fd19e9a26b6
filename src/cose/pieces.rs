//! Seals a long file in pieces, so that it is carried, resumed and read in constant memory (DESIGN §5).
//!
//! The construction is STREAM (Hoang, Reyhanitabar, Rogaway, Vizár: Online Authenticated-Encryption and its
//! Nonce-Reuse Misuse-Resistance, CRYPTO 2015) with AES-256-GCM, and a key commitment in front of each piece, after the model of C2SP's
//! chunked encryption. From the file's key, HKDF-SHA256 with salt `valise/1 pieces` gives the sealing key
//! (`seal`), the commitment (`commitment`), the file's name (`name`), and each piece's identity (`piece` and
//! its number). The nonce is the piece's number in 11 bytes and one byte that is 1 for the last piece: no
//! piece can be moved, and no end be cut off. The last piece is padded to Padmé's length.

use super::constant_time_eq;
use super::kdf::hkdf32;
use crate::model::{Digest, MessageId};
use crate::wire::padme_len;
use ring::aead;
use std::mem;
use std::ops::Deref;
use zeroize::{Zeroize, Zeroizing};

/// The bytes of the file in each piece but the last.
pub const PIECE: usize = 960 << 10;
/// The bytes of a sealed piece that is full.
pub const SEALED_PIECE: usize = COMMITMENT + PIECE + aead::MAX_TAG_LEN;
/// The longest file, in bytes.
pub const MAX_FILE: u64 = 2 << 30;

/// The bytes of the commitment in front of each piece.
pub const COMMITMENT: usize = 32;
const SALT: &[u8] = b"valise/1 pieces";

/// The keys of one file; the same key never seals two files.
pub struct Pieces {
    cipher: aead::LessSafeKey,
    commitment: [u8; COMMITMENT],
    key: Zeroizing<[u8; 32]>,
    size: u64,
}

/// Returns how many pieces a file of so many bytes has; an empty file has one.
pub const fn count(size: u64) -> u64 {
    if size == 0 { 1 } else { size.div_ceil(PIECE as u64) }
}

/// Returns the bytes of the file in a piece.
pub fn span(size: u64, index: u64) -> usize {
    let left = size.saturating_sub(index.saturating_mul(PIECE as u64));
    usize::try_from(left).unwrap_or(usize::MAX).min(PIECE)
}

/// Returns the bytes of a sealed piece.
pub fn sealed_len(size: u64, index: u64) -> usize {
    COMMITMENT + padded(span(size, index)) + aead::MAX_TAG_LEN
}

fn padded(span: usize) -> usize {
    padme_len(span).min(PIECE)
}

/// What is in a piece that was opened; wiped when dropped.
pub struct Text {
    /// The piece, opened where it lay.
    buffer: Vec<u8>,
    length: usize,
}

impl Deref for Text {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.buffer[COMMITMENT..COMMITMENT + self.length]
    }
}

impl Drop for Text {
    fn drop(&mut self) {
        // As one slice, which is ten times faster than byte by byte.
        self.buffer.as_mut_slice().zeroize();
    }
}

impl std::fmt::Debug for Text {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Text({} bytes, [hidden])", self.length)
    }
}

impl Pieces {
    /// Takes the key of a file of `size` bytes.
    ///
    /// # Panics
    /// Never: the derived key has the length that the cipher takes.
    pub fn new(key: &[u8; 32], size: u64) -> Self {
        let sealing = Zeroizing::new(hkdf32(key, SALT, b"seal"));
        let cipher = aead::UnboundKey::new(&aead::AES_256_GCM, &*sealing);
        Self {
            cipher: aead::LessSafeKey::new(cipher.expect("32 bytes are a key of AES-256")),
            commitment: hkdf32(key, SALT, b"commitment"),
            key: Zeroizing::new(*key),
            size,
        }
    }

    /// Returns the name of the file: it tells nothing of what is in it to whoever has not the key.
    pub fn name(key: &[u8; 32]) -> Digest {
        Digest(hkdf32(key, SALT, b"name"))
    }

    /// Returns the length of the file in bytes.
    pub const fn size(&self) -> u64 {
        self.size
    }

    /// Returns how many pieces there are.
    pub const fn count(&self) -> u64 {
        count(self.size)
    }

    /// Returns the identity under which a piece travels: nobody without the key can tell which belong together.
    pub fn id(&self, index: u64) -> MessageId {
        let derived = hkdf32(&*self.key, SALT, &[b"piece".as_slice(), &index.to_be_bytes()].concat());
        let mut id = [0; 16];
        id.copy_from_slice(&derived[..16]);
        MessageId(id)
    }

    /// Tells whether bytes begin as a sealed piece of this file does.
    pub fn begins(&self, start: &[u8; COMMITMENT]) -> bool {
        constant_time_eq(start, &self.commitment)
    }

    /// Seals a piece; `None` if the text has not the length that the piece has.
    ///
    /// # Panics
    /// Never: a piece is far below the cipher's limit.
    pub fn seal(&self, index: u64, text: &[u8]) -> Option<Vec<u8>> {
        if index >= self.count() || text.len() != span(self.size, index) {
            return None;
        }
        let mut buffer = Vec::with_capacity(sealed_len(self.size, index));
        buffer.extend_from_slice(&self.commitment);
        buffer.extend_from_slice(text);
        buffer.resize(sealed_len(self.size, index), 0);
        Some(self.close(index, buffer))
    }

    /// Seals a piece of the same file under another key where it lies; `None` if the files are not of one length.
    ///
    /// # Panics
    /// Never: a piece is far below the cipher's limit.
    pub fn reseal(&self, index: u64, mut text: Text) -> Option<Vec<u8>> {
        let fits = index < self.count() && text.length == span(self.size, index);
        let fits = fits && text.buffer.len() == sealed_len(self.size, index);
        fits.then(|| self.close(index, mem::take(&mut text.buffer)))
    }

    /// Seals what lies between the places of the commitment and of the tag.
    fn close(&self, index: u64, mut buffer: Vec<u8>) -> Vec<u8> {
        let (commitment, rest) = buffer.split_at_mut(COMMITMENT);
        let (text, place) = rest.split_at_mut(rest.len() - aead::MAX_TAG_LEN);
        let tag = self.cipher.seal_in_place_separate_tag(self.nonce(index), aead::Aad::empty(), text);
        place.copy_from_slice(tag.expect("a piece is below GCM's 64 GiB").as_ref());
        commitment.copy_from_slice(&self.commitment);
        buffer
    }

    /// Opens a piece where it lies; `None` if a byte of it, its place, the key or the file's length is another.
    pub fn open(&self, index: u64, sealed: Vec<u8>) -> Option<Text> {
        let fits = index < self.count() && sealed.len() == sealed_len(self.size, index);
        if !fits || !constant_time_eq(sealed.get(..COMMITMENT)?, &self.commitment) {
            return None;
        }
        let mut text = Text { buffer: sealed, length: span(self.size, index) };
        let within = &mut text.buffer[COMMITMENT..];
        let opened = self.cipher.open_in_place(self.nonce(index), aead::Aad::empty(), within).ok()?;
        let clean = opened[text.length..].iter().all(|byte| *byte == 0);
        clean.then_some(text)
    }

    fn nonce(&self, index: u64) -> aead::Nonce {
        let mut nonce = [0; aead::NONCE_LEN];
        nonce[3..11].copy_from_slice(&index.to_be_bytes());
        nonce[11] = u8::from(index + 1 == self.count());
        aead::Nonce::assume_unique_for_key(nonce)
    }
}

impl std::fmt::Debug for Pieces {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Pieces({} bytes, [hidden])", self.size)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: [u8; 32] = [0x42; 32];

    fn hex(bytes: &[u8]) -> String {
        bytes.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    #[test]
    fn the_format_is_pinned() {
        let pieces = Pieces::new(&KEY, 9);
        let sealed = pieces.seal(0, b"left side").unwrap();
        assert_eq!(
            Pieces::name(&KEY).to_string(),
            "c5922ec3f86edd625a036b0adaef40273d618477e6d943beb2fa552da218e300"
        );
        assert_eq!(hex(pieces.id(0).as_bytes()), "ee59c4da86191e4665c6899bdc206d1f");
        assert_eq!(
            hex(&sealed),
            "334a41f088abe1ce71cdd629ff6865e98dabd7790204a20dd43455ac2e6043fec46605c2687d289620074f9aaf2d87442b3886008afc1495c226"
        );
        assert_eq!(&*pieces.open(0, sealed).unwrap(), b"left side");
        assert_eq!(format!("{pieces:?}"), "Pieces(9 bytes, [hidden])");
    }

    #[test]
    fn lengths_follow_from_the_file() {
        let p = PIECE as u64;
        for (size, pieces, last) in
            [(0, 1, 0), (1, 1, 1), (p, 1, PIECE), (p + 1, 2, 1), (MAX_FILE, 2185, 524_288)]
        {
            assert_eq!((count(size), span(size, pieces - 1)), (pieces, last), "{size}");
        }
        assert_eq!(sealed_len(p, 0), SEALED_PIECE);
        assert_eq!(sealed_len(9, 0), 32 + 10 + 16, "Padmé makes ten of nine");
    }

    #[test]
    fn a_piece_opens_only_in_its_place_in_its_file_under_its_key() {
        let size = PIECE as u64 * 2 + 5;
        let pieces = Pieces::new(&KEY, size);
        let text = vec![7; PIECE];
        let first = pieces.seal(0, &text).unwrap();
        assert_eq!(&*pieces.open(0, first.clone()).unwrap(), text);
        assert!(pieces.open(1, first.clone()).is_none(), "moved");
        assert!(Pieces::new(&KEY, PIECE as u64).open(0, first.clone()).is_none(), "the end cut off");
        assert!(Pieces::new(&[1; 32], size).open(0, first.clone()).is_none(), "another key");
        assert!(pieces.seal(0, b"short").is_none() && pieces.seal(3, b"").is_none());
        let last = pieces.seal(2, b"hello").unwrap();
        for at in 0..last.len() {
            let mut flipped = last.clone();
            flipped[at] ^= 1;
            assert!(pieces.open(2, flipped).is_none(), "byte {at}");
            assert!(pieces.open(2, last[..at].to_vec()).is_none(), "cut at {at}");
        }
        assert_ne!(pieces.id(0), pieces.id(1));
    }

    #[test]
    fn a_piece_that_is_sealed_again_is_as_if_it_was_sealed_for_the_first_time() {
        for (size, index) in [(9, 0), (0, 0), (PIECE as u64 + 5, 0), (PIECE as u64 + 5, 1)] {
            let (own, out) = (Pieces::new(&KEY, size), Pieces::new(&[1; 32], size));
            let text = vec![7; span(size, index)];
            let opened = || own.open(index, own.seal(index, &text).unwrap()).unwrap();
            assert_eq!(out.reseal(index, opened()), out.seal(index, &text));
            assert_eq!(Pieces::new(&[1; 32], size + 1).reseal(index + 1, opened()), None);
            assert!(!format!("{:?}", opened()).contains('7'));
        }
    }
}
