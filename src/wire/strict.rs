use super::{Limits, MAX_DEPTH};
use std::fmt;

/// Tells where and why bytes are not deterministic CBOR.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The byte at which the offending item starts, or where bytes should have been.
    pub offset: usize,
    /// What is wrong there.
    pub kind: FaultKind,
}

/// Every way in which an encoding can be refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FaultKind {
    /// The whole is longer than its limit.
    TooLong,
    /// The bytes end before the item does, or a length points past the end.
    Truncated,
    /// Bytes follow the item.
    Trailing,
    /// An integer or a length is not in its shortest form (RFC 8949 §4.2.1).
    NotShortest,
    /// A string or container of indefinite length, or its end (RFC 8949 §4.2.1).
    Indefinite,
    /// A head that RFC 8949 §3 reserves.
    Reserved,
    /// A tag; our formats use none.
    Tag,
    /// A floating-point number; our formats use none.
    Float,
    /// A simple value other than false, true and null.
    Simple,
    /// A text that is not UTF-8 (RFC 8949 §3.1).
    Utf8,
    /// A key that is neither an integer nor a text.
    KeyType,
    /// Keys that do not ascend by their encoded bytes (RFC 8949 §4.2.1).
    KeyOrder,
    /// A key that stands twice in one map (RFC 8949 §5.6).
    DuplicateKey,
    /// Containers nested deeper than the limit.
    TooDeep,
    /// More items than the limit.
    TooMany,
}

/// Checks that the bytes are exactly one item of deterministic CBOR within the limits.
///
/// It follows RFC 8949 §4.2.1 and narrows it: no tags, floats or simple values besides false, true
/// and null; keys are integers or text. It allocates nothing, and compares each declared length
/// with the bytes that remain before it believes it.
pub fn check(bytes: &[u8], limits: &Limits) -> Result<(), Fault> {
    count(bytes, limits).map(|_| ())
}

/// Checks as [`check`] and counts the data items: every key, value and container.
pub fn count(bytes: &[u8], limits: &Limits) -> Result<usize, Fault> {
    if bytes.len() > limits.bytes {
        return fault(limits.bytes, FaultKind::TooLong);
    }
    let mut walk = Walk::new(bytes, limits);
    walk.whole_item(0)?;
    if walk.at < bytes.len() {
        return fault(walk.at, FaultKind::Trailing);
    }
    Ok(limits.items - walk.items_left)
}

/// Checks as [`check`] and gives each member's bytes if the item is an array of `N`; it decodes nothing.
pub(super) fn members<'a, const N: usize>(
    bytes: &'a [u8],
    limits: &Limits,
) -> Result<Option<[&'a [u8]; N]>, Fault> {
    check(bytes, limits)?;
    let mut walk = Walk::new(bytes, limits);
    walk.item()?;
    if walk.depth == 0 || walk.levels[0].is_map || walk.levels[0].items_left != N {
        return Ok(None);
    }
    let mut members = [&bytes[..0]; N];
    for member in &mut members {
        let start = walk.at;
        walk.whole_item(1)?;
        *member = &bytes[start..walk.at];
    }
    Ok(Some(members))
}

/// What an item is made of.
pub enum Parts<'a> {
    /// A map that has members.
    Map(Entries<'a>),
    /// An array that has members.
    Array(Members<'a>),
    /// Anything else, which has no parts.
    Whole,
}

/// The members of a map, each key and value in its own bytes.
pub struct Entries<'a>(Members<'a>);

/// The members of an array, each in its own bytes.
pub struct Members<'a> {
    walk: Walk<'a>,
    left: usize,
}

/// Checks as [`check`] and gives the bytes of each part, one after the other; it decodes and allocates nothing.
pub fn parts<'a>(bytes: &'a [u8], limits: &Limits) -> Result<Parts<'a>, Fault> {
    check(bytes, limits)?;
    let mut walk = Walk::new(bytes, limits);
    walk.item()?;
    if walk.depth == 0 {
        return Ok(Parts::Whole);
    }
    let Level { items_left: left, is_map, .. } = walk.levels[0];
    let members = Members { walk, left };
    Ok(if is_map { Parts::Map(Entries(members)) } else { Parts::Array(members) })
}

impl<'a> Iterator for Members<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        self.left = self.left.checked_sub(1)?;
        let start = self.walk.at;
        // All was checked before the first part was given.
        self.walk.whole_item(1).ok()?;
        Some(&self.walk.bytes[start..self.walk.at])
    }
}

impl<'a> Iterator for Entries<'a> {
    type Item = (&'a [u8], &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        Some((self.0.next()?, self.0.next()?))
    }
}

/// Returns the text of an item that is one; checks nothing else.
pub fn text(bytes: &[u8]) -> Option<&str> {
    let mut walk = Walk::new(bytes, &Limits::ENVELOPE);
    let Ok(Head::Text(length)) = walk.head() else { return None };
    std::str::from_utf8(&bytes[walk.at..walk.at + length]).ok()
}

/// Returns the content of an item that is a byte string; checks nothing else.
pub(super) fn bytes(item: &[u8]) -> Option<&[u8]> {
    let mut walk = Walk::new(item, &Limits::ENVELOPE);
    let Ok(Head::Bytes(length)) = walk.head() else { return None };
    item.get(walk.at..walk.at + length)
}

impl FaultKind {
    /// Returns what is wrong, in words that may be told to the peer.
    pub const fn words(self) -> &'static str {
        match self {
            Self::TooLong => "the item is longer than allowed",
            Self::Truncated => "the item is cut off",
            Self::Trailing => "bytes follow the item",
            Self::NotShortest => "a number is not in its shortest form",
            Self::Indefinite => "a length is indefinite",
            Self::Reserved => "a head is reserved",
            Self::Tag => "a tag is present",
            Self::Float => "a floating-point number is present",
            Self::Simple => "a simple value other than false, true and null is present",
            Self::Utf8 => "a text is not UTF-8",
            Self::KeyType => "a key is neither an integer nor a text",
            Self::KeyOrder => "the keys of a map are not sorted",
            Self::DuplicateKey => "a key of a map is repeated",
            Self::TooDeep => "the item is nested too deep",
            Self::TooMany => "the item has too many parts",
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (at byte {})", self.kind.words(), self.offset)
    }
}

impl std::error::Error for Fault {}

struct Walk<'a> {
    bytes: &'a [u8],
    at: usize,
    items_left: usize,
    depth_limit: usize,
    levels: [Level; MAX_DEPTH],
    depth: usize,
}

/// A container whose end has not been reached; one stands on the stack only while items are left.
#[derive(Clone, Copy, Default)]
struct Level {
    items_left: usize,
    is_map: bool,
    /// Where the previous key of a map starts and ends; empty before the first.
    last_key: (usize, usize),
}

enum Head {
    Integer,
    Simple,
    Bytes(usize),
    Text(usize),
    Container { items: usize, is_map: bool },
}

impl<'a> Walk<'a> {
    fn new(bytes: &'a [u8], limits: &Limits) -> Self {
        Self {
            bytes,
            at: 0,
            items_left: limits.items,
            depth_limit: limits.depth.min(MAX_DEPTH),
            levels: [Level::default(); MAX_DEPTH],
            depth: 0,
        }
    }

    /// Walks one item with all that it contains, from and back to a depth.
    fn whole_item(&mut self, depth: usize) -> Result<(), Fault> {
        self.item()?;
        while self.depth > depth {
            self.item()?;
        }
        Ok(())
    }

    fn item(&mut self) -> Result<(), Fault> {
        let start = self.at;
        let Some(items_left) = self.items_left.checked_sub(1) else {
            return fault(start, FaultKind::TooMany);
        };
        self.items_left = items_left;
        let is_key = self.is_at_key();
        let head = self.head()?;
        if is_key && !matches!(head, Head::Integer | Head::Text(_)) {
            return fault(start, FaultKind::KeyType);
        }
        match head {
            Head::Integer | Head::Simple => {}
            Head::Bytes(length) => self.at += length,
            Head::Text(length) => {
                if std::str::from_utf8(&self.bytes[self.at..self.at + length]).is_err() {
                    return fault(start, FaultKind::Utf8);
                }
                self.at += length;
            }
            Head::Container { items, is_map } => {
                if self.depth == self.depth_limit {
                    return fault(start, FaultKind::TooDeep);
                }
                if items > 0 {
                    self.levels[self.depth] = Level { items_left: items, is_map, last_key: (0, 0) };
                    self.depth += 1;
                    return Ok(());
                }
            }
        }
        if is_key {
            self.check_key_order(start)?;
        }
        self.finish_item();
        Ok(())
    }

    /// Reads one head; a length that it gives lies within the remaining bytes.
    fn head(&mut self) -> Result<Head, Fault> {
        let start = self.at;
        let Some(initial) = self.bytes.get(start) else {
            return fault(start, FaultKind::Truncated);
        };
        self.at += 1;
        let (major, info) = (initial >> 5, initial & 0x1f);
        match (major, info) {
            (_, 28..=30) | (0 | 1 | 6, 31) => return fault(start, FaultKind::Reserved),
            (_, 31) => return fault(start, FaultKind::Indefinite),
            (6, _) => return fault(start, FaultKind::Tag),
            (7, 20..=22) => return Ok(Head::Simple),
            (7, 25..=27) => return fault(start, FaultKind::Float),
            (7, _) => return fault(start, FaultKind::Simple),
            _ => {}
        }
        let argument = self.argument(start, info)?;
        Ok(match major {
            0 | 1 => Head::Integer,
            2 => Head::Bytes(self.fitting(start, argument)?),
            3 => Head::Text(self.fitting(start, argument)?),
            // Every item takes at least one byte, so a count is bounded like a length.
            4 => Head::Container { items: self.fitting(start, argument)?, is_map: false },
            _ => Head::Container { items: self.fitting(start, argument.saturating_mul(2))?, is_map: true },
        })
    }

    fn argument(&mut self, start: usize, info: u8) -> Result<u64, Fault> {
        let (width, least) = match info {
            0..=23 => return Ok(u64::from(info)),
            24 => (1, 24),
            25 => (2, 1 << 8),
            26 => (4, 1 << 16),
            _ => (8, 1 << 32),
        };
        let Some(bytes) = self.bytes.get(self.at..self.at + width) else {
            return fault(start, FaultKind::Truncated);
        };
        self.at += width;
        let argument = bytes.iter().fold(0u64, |value, byte| value << 8 | u64::from(*byte));
        if argument < least { fault(start, FaultKind::NotShortest) } else { Ok(argument) }
    }

    fn fitting(&self, start: usize, length: u64) -> Result<usize, Fault> {
        match usize::try_from(length) {
            Ok(length) if length <= self.bytes.len() - self.at => Ok(length),
            _ => fault(start, FaultKind::Truncated),
        }
    }

    fn is_at_key(&self) -> bool {
        let top = self.depth.checked_sub(1).map(|top| &self.levels[top]);
        top.is_some_and(|level| level.is_map && level.items_left % 2 == 0)
    }

    fn check_key_order(&mut self, start: usize) -> Result<(), Fault> {
        let level = &mut self.levels[self.depth - 1];
        let (last_start, last_end) = level.last_key;
        let (last, this) = (&self.bytes[last_start..last_end], &self.bytes[start..self.at]);
        if last >= this {
            let kind = if last == this { FaultKind::DuplicateKey } else { FaultKind::KeyOrder };
            return fault(start, kind);
        }
        level.last_key = (start, self.at);
        Ok(())
    }

    /// Counts a finished item in its container, and that one in its own if it was the last.
    fn finish_item(&mut self) {
        while self.depth > 0 {
            let level = &mut self.levels[self.depth - 1];
            level.items_left -= 1;
            if level.items_left > 0 {
                return;
            }
            self.depth -= 1;
        }
    }
}

const fn fault<T>(offset: usize, kind: FaultKind) -> Result<T, Fault> {
    Err(Fault { offset, kind })
}

#[cfg(test)]
mod tests;
