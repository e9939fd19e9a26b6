//! The bytes of the journal, format version 1. All integers are big-endian.
//!
//! A segment `journal-0000000001.vj` is a head and then groups back to back until the file ends:
//!
//! | segment head | bytes | |
//! |---|---|---|
//! | magic | 7 | `VALISEJ` |
//! | version | 1 | 1; this head keeps its shape in every version |
//! | number | 8 | as in the file name, from 1 |
//! | first sequence | 8 | of the first group that this segment will hold |
//! | previous | 32 | chain of the group before it, zeros before the first |
//! | digest | 32 | SHA-256 of the 56 bytes above |
//!
//! | group | bytes | |
//! |---|---|---|
//! | magic | 4 | `VJG` and the version, 1 |
//! | sequence | 8 | from 1, without gaps |
//! | previous | 32 | chain of the group before it |
//! | count | 4 | number of records |
//! | body length | 8 | sum of the records' lengths |
//! | table | 37 each | kind 1, length 4, SHA-256 of the record 32 |
//! | chain | 32 | SHA-256 of everything above in this group |
//! | bodies | | the records, in the order of the table |
//!
//! The chain covers all records through the table, and all earlier groups through `previous`. A kind
//! with its top bit set is *big*: a rebuild of the index skips its body and a read still checks it.

use crate::model::Digest;

pub(super) const SEGMENT_HEAD: usize = 88;
pub(super) const GROUP_FIXED: usize = 56;
/// Most records in one group: bounds the table to 9.25 MiB before it is allocated.
pub(super) const MAX_GROUP_RECORDS: usize = 1 << 18;

const SEGMENT_MAGIC: &[u8; 7] = b"VALISEJ";
const VERSION: u8 = 1;
const GROUP_MAGIC: &[u8; 4] = b"VJG\x01";
const ENTRY: usize = 37;
const CHAIN: usize = 32;
const BIG: u8 = 0x80;
const SEGMENT_SUFFIX: &str = ".vj";
const SEGMENT_PREFIX: &str = "journal-";

/// Names a place in the journal's history: the last group and the chain that covers all up to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Position {
    /// The group's sequence number; 0 stands before the first group.
    pub sequence: u64,
    /// The group's chain digest; zeros before the first group.
    pub chain: Digest,
}

impl Position {
    /// The place before the first group.
    pub const GENESIS: Self = Self { sequence: 0, chain: Digest([0; 32]) };
}

/// One record: opaque bytes of a kind that the layer above defines.
#[derive(Clone, PartialEq, Eq)]
pub struct Record {
    /// What the bytes are; a kind of 0x80 or more is big (see [`Record::is_big`]).
    pub kind: u8,
    /// The contents.
    pub bytes: Vec<u8>,
}

impl Record {
    /// Tells whether records of `kind` are big: their bytes are never shown to the indexer, so that a
    /// rebuild of the index can skip them.
    pub const fn is_big(kind: u8) -> bool {
        kind & BIG != 0
    }
}

impl std::fmt::Debug for Record {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Record {{ kind: {}, {} bytes }}", self.kind, self.bytes.len())
    }
}

/// Says where a record lies, and which bytes must be found there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Location {
    /// The number of the segment.
    pub segment: u32,
    /// Where the record begins in the segment, in bytes.
    pub offset: u64,
    /// The record's length in bytes.
    pub len: u32,
    /// The record's SHA-256.
    pub digest: Digest,
}

impl Location {
    /// The length of the encoded form in bytes.
    pub const BYTES: usize = 48;

    /// Encodes for an index value: segment 4, offset 8, length 4, digest 32.
    pub fn to_bytes(&self) -> [u8; Self::BYTES] {
        let mut out = [0; Self::BYTES];
        out[..4].copy_from_slice(&self.segment.to_be_bytes());
        out[4..12].copy_from_slice(&self.offset.to_be_bytes());
        out[12..16].copy_from_slice(&self.len.to_be_bytes());
        out[16..].copy_from_slice(self.digest.as_bytes());
        out
    }

    /// Decodes an encoded location; `None` unless it is exactly [`Self::BYTES`] long.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let mut input = Input(bytes);
        let location =
            Self { segment: input.u32()?, offset: input.u64()?, len: input.u32()?, digest: input.digest()? };
        input.0.is_empty().then_some(location)
    }
}

pub(super) fn segment_name(number: u32) -> String {
    format!("{SEGMENT_PREFIX}{number:010}{SEGMENT_SUFFIX}")
}

/// Reads the number from a segment's file name; `None` for every other file.
pub(super) fn segment_number(name: &str) -> Option<u32> {
    let number = name.strip_prefix(SEGMENT_PREFIX)?.strip_suffix(SEGMENT_SUFFIX)?.parse().ok()?;
    (segment_name(number) == name).then_some(number)
}

pub(super) struct SegmentHead {
    pub number: u32,
    /// Where the groups before this segment end.
    pub before: Position,
}

pub(super) enum HeadFault {
    Damaged,
    Version(u8),
}

impl SegmentHead {
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(SEGMENT_HEAD);
        out.extend_from_slice(SEGMENT_MAGIC);
        out.push(VERSION);
        out.extend_from_slice(&u64::from(self.number).to_be_bytes());
        out.extend_from_slice(&(self.before.sequence + 1).to_be_bytes());
        out.extend_from_slice(self.before.chain.as_bytes());
        let digest = Digest::of(&[&out]);
        out.extend_from_slice(digest.as_bytes());
        out
    }

    pub fn parse(bytes: &[u8; SEGMENT_HEAD]) -> Result<Self, HeadFault> {
        let (covered, digest) = bytes.split_at(SEGMENT_HEAD - CHAIN);
        if !covered.starts_with(SEGMENT_MAGIC) || Digest::of(&[covered]).as_bytes() != digest {
            return Err(HeadFault::Damaged);
        }
        match covered[SEGMENT_MAGIC.len()] {
            VERSION => Self::fields(&covered[8..]).ok_or(HeadFault::Damaged),
            version => Err(HeadFault::Version(version)),
        }
    }

    fn fields(bytes: &[u8]) -> Option<Self> {
        let mut input = Input(bytes);
        let number = input.u64()?.try_into().ok()?;
        let sequence = input.u64()?.checked_sub(1)?;
        Some(Self { number, before: Position { sequence, chain: input.digest()? } })
    }
}

pub(super) struct Entry {
    pub kind: u8,
    pub len: u32,
    pub digest: Digest,
}

/// The part of a group before its bodies, checked against its own digest.
pub(super) struct GroupHead {
    pub sequence: u64,
    pub previous: Digest,
    pub chain: Digest,
    pub entries: Vec<Entry>,
    body: u64,
}

impl GroupHead {
    /// Describes the group that follows `before` and holds `records`; `None` if a record is over 4 GiB.
    pub fn describe(before: Position, records: &[Record]) -> Option<(Self, Vec<u8>)> {
        let entry = |record: &Record| {
            let len = u32::try_from(record.bytes.len()).ok()?;
            Some(Entry { kind: record.kind, len, digest: Digest::of(&[&record.bytes]) })
        };
        let entries = records.iter().map(entry).collect::<Option<Vec<_>>>()?;
        let body = entries.iter().map(|entry| u64::from(entry.len)).sum();
        let sequence = before.sequence + 1;
        let mut head =
            Self { sequence, previous: before.chain, chain: Position::GENESIS.chain, entries, body };
        let mut bytes = head.covered();
        head.chain = Digest::of(&[&bytes]);
        bytes.extend_from_slice(head.chain.as_bytes());
        Some((head, bytes))
    }

    /// Reads from the fixed part how long the head is in all; `None` if this is no group.
    pub fn measure(fixed: &[u8]) -> Option<usize> {
        let mut input = Input(fixed.strip_prefix(GROUP_MAGIC)?);
        input.take(8 + 32)?;
        let count = input.u32()? as usize;
        (count <= MAX_GROUP_RECORDS).then_some(GROUP_FIXED + count * ENTRY + CHAIN)
    }

    /// Reads the sequence that an unchecked head states.
    pub fn claimed_sequence(fixed: &[u8]) -> Option<u64> {
        Input(fixed.strip_prefix(GROUP_MAGIC)?).u64()
    }

    /// Parses the head that `bytes` begin with; `None` unless it matches its digest.
    pub fn parse(bytes: &[u8]) -> Option<Self> {
        let head = bytes.get(..Self::measure(bytes)?)?;
        let (covered, chain) = head.split_at(head.len() - CHAIN);
        if Digest::of(&[covered]).as_bytes() != chain {
            return None;
        }
        let mut input = Input(&covered[GROUP_MAGIC.len()..]);
        let (sequence, previous) = (input.u64()?, input.digest()?);
        let (count, body) = (input.u32()?, input.u64()?);
        let entry = |_| Some(Entry { kind: input.take(1)?[0], len: input.u32()?, digest: input.digest()? });
        let entries = (0..count).map(entry).collect::<Option<Vec<_>>>()?;
        let sum: u64 = entries.iter().map(|entry| u64::from(entry.len)).sum();
        let chain = Input(chain).digest()?;
        (sum == body).then_some(Self { sequence, previous, chain, entries, body })
    }

    pub const fn position(&self) -> Position {
        Position { sequence: self.sequence, chain: self.chain }
    }

    pub fn follows(&self, before: Position) -> bool {
        self.sequence == before.sequence + 1 && self.previous == before.chain
    }

    /// The group's whole length in bytes, bodies included.
    pub const fn len(&self) -> u64 {
        self.head_len() + self.body
    }

    const fn head_len(&self) -> u64 {
        (GROUP_FIXED + self.entries.len() * ENTRY + CHAIN) as u64
    }

    /// Locates the records of a group that begins at `offset` of `segment`.
    pub fn locations(&self, segment: u32, offset: u64) -> Vec<Location> {
        let mut next = offset + self.head_len();
        let locate = |entry: &Entry| {
            let offset = next;
            next += u64::from(entry.len);
            Location { segment, offset, len: entry.len, digest: entry.digest }
        };
        self.entries.iter().map(locate).collect()
    }

    fn covered(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(GROUP_FIXED + self.entries.len() * ENTRY + CHAIN);
        out.extend_from_slice(GROUP_MAGIC);
        out.extend_from_slice(&self.sequence.to_be_bytes());
        out.extend_from_slice(self.previous.as_bytes());
        out.extend_from_slice(&(self.entries.len() as u32).to_be_bytes());
        out.extend_from_slice(&self.body.to_be_bytes());
        for entry in &self.entries {
            out.push(entry.kind);
            out.extend_from_slice(&entry.len.to_be_bytes());
            out.extend_from_slice(entry.digest.as_bytes());
        }
        out
    }
}

/// Finds a whole group head with a sequence above `sequence` anywhere in `bytes`.
pub(super) fn holds_later_group(bytes: &[u8], sequence: u64) -> bool {
    let mut starts = bytes.windows(GROUP_MAGIC.len()).enumerate().filter(|(_, w)| *w == GROUP_MAGIC);
    starts.any(|(at, _)| {
        let candidate = &bytes[at..];
        GroupHead::claimed_sequence(candidate).is_some_and(|claimed| claimed > sequence)
            && GroupHead::parse(candidate).is_some()
    })
}

pub(super) struct Input<'a>(pub &'a [u8]);

impl<'a> Input<'a> {
    pub fn take(&mut self, n: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(n)?;
        self.0 = rest;
        Some(taken)
    }

    pub fn u32(&mut self) -> Option<u32> {
        Some(u32::from_be_bytes(self.take(4)?.try_into().ok()?))
    }

    pub fn u64(&mut self) -> Option<u64> {
        Some(u64::from_be_bytes(self.take(8)?.try_into().ok()?))
    }

    pub fn digest(&mut self) -> Option<Digest> {
        Some(Digest(self.take(32)?.try_into().ok()?))
    }
}
