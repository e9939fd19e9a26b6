//! Puts what a CBOR library has written into the one order that RFC 8949 §4.2.1 allows.

use super::{MAX_DEPTH, WireError};
use std::ops::Range;

/// Ends a container of indefinite length.
const BREAK: u8 = 0xff;

/// Rewrites one sound item deterministically: lengths are definite and keys sorted.
///
/// Fails with `Encode` on what has no place on our wire.
pub fn ordered(bytes: &[u8]) -> Result<Vec<u8>, WireError> {
    let mut pass = Pass { bytes, at: 0, out: Vec::with_capacity(bytes.len()) };
    pass.item(MAX_DEPTH)?;
    Ok(pass.out)
}

/// Writes the shortest head for an argument (RFC 8949 §4.2.1).
pub fn head(major: u8, argument: u64, out: &mut Vec<u8>) {
    let bytes = argument.to_be_bytes();
    let (info, width) = match argument {
        0..24 => (bytes[7], 0),
        24..0x100 => (24, 1),
        0x100..0x1_0000 => (25, 2),
        0x1_0000..0x1_0000_0000 => (26, 4),
        0x1_0000_0000.. => (27, 8),
    };
    out.push(major << 5 | info);
    out.extend_from_slice(&bytes[8 - width..]);
}

struct Pass<'a> {
    bytes: &'a [u8],
    at: usize,
    out: Vec<u8>,
}

impl Pass<'_> {
    fn item(&mut self, depth: usize) -> Result<(), WireError> {
        let initial = self.peek()?;
        let (major, info) = (initial >> 5, initial & 0x1f);
        match major {
            0 | 1 => {
                let argument = self.argument(info)?;
                head(major, argument, &mut self.out);
            }
            2 | 3 => {
                let length = self.length(info)?;
                head(major, length as u64, &mut self.out);
                let string = self.bytes.get(self.at..self.at + length).ok_or_else(unsound)?;
                self.out.extend_from_slice(string);
                self.at += length;
            }
            4 | 5 => {
                let inner = depth.checked_sub(1).ok_or(WireError::Encode("it is nested too deep"))?;
                let declared = self.count(info)?;
                let begins = self.out.len();
                if let Some(count) = declared {
                    head(major, count as u64, &mut self.out);
                }
                let count =
                    if major == 4 { self.members(declared, inner)? } else { self.entries(declared, inner)? };
                if declared.is_none() {
                    // It is known now; its head goes before what was written.
                    let mut before = Vec::with_capacity(9);
                    head(major, count as u64, &mut before);
                    self.out.splice(begins..begins, before);
                }
            }
            6 => return Err(WireError::Encode("a tag has no place on the wire")),
            _ => match info {
                20..=22 => {
                    self.at += 1;
                    self.out.push(initial);
                }
                25..=27 => return Err(WireError::Encode("a float has no place on the wire")),
                _ => return Err(WireError::Encode("a value of an unknown kind")),
            },
        }
        Ok(())
    }

    fn members(&mut self, mut left: Option<usize>, depth: usize) -> Result<usize, WireError> {
        let mut count = 0;
        while self.goes_on(&mut left)? {
            self.item(depth)?;
            count += 1;
        }
        Ok(count)
    }

    fn entries(&mut self, mut left: Option<usize>, depth: usize) -> Result<usize, WireError> {
        let mut entries: Vec<Entry> = Vec::with_capacity(left.unwrap_or(0).min(64));
        let begins = self.out.len();
        while self.goes_on(&mut left)? {
            if !matches!(self.peek()? >> 5, 0 | 1 | 3) {
                return Err(WireError::Encode("a key is neither integer nor text"));
            }
            let start = self.out.len();
            self.item(depth)?;
            let value = self.out.len();
            self.item(depth)?;
            entries.push(Entry { key: start..value, whole: start..self.out.len() });
        }
        self.sort(begins, &mut entries)?;
        Ok(entries.len())
    }

    /// Sorts entries by the bytes of their keys (RFC 8949 §4.2.1).
    fn sort(&mut self, begins: usize, entries: &mut [Entry]) -> Result<(), WireError> {
        let out = &self.out;
        let ascends = |pair: &[Entry]| out[pair[0].key.clone()] < out[pair[1].key.clone()];
        if entries.windows(2).all(ascends) {
            return Ok(());
        }
        entries.sort_unstable_by(|a, b| out[a.key.clone()].cmp(&out[b.key.clone()]));
        if !entries.windows(2).all(ascends) {
            return Err(WireError::Encode("a key is repeated"));
        }
        let sorted: Vec<u8> = entries.iter().flat_map(|entry| &out[entry.whole.clone()]).copied().collect();
        self.out.truncate(begins);
        self.out.extend_from_slice(&sorted);
        Ok(())
    }

    /// Tells whether a container has another item: by its count, or because its end has not come.
    fn goes_on(&mut self, left: &mut Option<usize>) -> Result<bool, WireError> {
        match left {
            Some(0) => Ok(false),
            Some(left) => {
                *left -= 1;
                Ok(true)
            }
            None if self.peek()? == BREAK => {
                self.at += 1;
                Ok(false)
            }
            None => Ok(true),
        }
    }

    fn count(&mut self, info: u8) -> Result<Option<usize>, WireError> {
        if info == 31 {
            self.at += 1;
            return Ok(None);
        }
        self.length(info).map(Some)
    }

    fn length(&mut self, info: u8) -> Result<usize, WireError> {
        usize::try_from(self.argument(info)?).map_err(|_| unsound())
    }

    fn argument(&mut self, info: u8) -> Result<u64, WireError> {
        self.at += 1;
        let width = match info {
            0..=23 => return Ok(u64::from(info)),
            24..=27 => 1 << (info - 24),
            _ => return Err(unsound()),
        };
        let bytes = self.bytes.get(self.at..self.at + width).ok_or_else(unsound)?;
        self.at += width;
        Ok(bytes.iter().fold(0, |value, byte| value << 8 | u64::from(*byte)))
    }

    fn peek(&self) -> Result<u8, WireError> {
        self.bytes.get(self.at).copied().ok_or_else(unsound)
    }
}

/// Where an entry of a map was written.
struct Entry {
    key: Range<usize>,
    whole: Range<usize>,
}

/// The library writes no such thing.
fn unsound() -> WireError {
    WireError::Encode("it was written unsoundly")
}
