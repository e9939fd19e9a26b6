use super::{Document, Documents};
use crate::model::{Digest, Party};
use crate::trust::TrustError;
use crate::wire::{Limits, decode, encode};
use serde::{Deserialize, Serialize};
use serde_bytes::ByteBuf;
use std::collections::BTreeMap;

/// The most bytes of parts B that are handed on at once.
const PIECE: usize = 512 << 10;

/// What a holder has of a directory, in a few bytes: enough to find out who has something newer.
///
/// Nothing in it is signed: a lie costs the two who exchange it a few kilobytes, since whatever is handed on is proved
/// by its reader.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Holdings {
    /// Version and digest of the root document in force.
    pub root: (u64, Digest),
    /// The digest of the federation's first root document.
    pub genesis: Digest,
    /// Version and digest of the snapshot in force.
    pub snapshot: (u64, Digest),
    /// A digest of all parts B: two who hold the same need not list them.
    pub parts: Digest,
    /// What is held of each party; only where the short form has shown a difference.
    pub each: Option<BTreeMap<Party, Held>>,
}

/// What is held of one party.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Held(
    /// The version of its part A.
    pub u64,
    /// The version of its part B, zero if it has none.
    pub u64,
    /// The digest of its part B, zeros if it has none.
    pub Digest,
);

impl Holdings {
    /// Reads the body of a frame.
    ///
    /// # Errors
    /// `BadDocument`.
    pub fn parse(bytes: &[u8]) -> Result<Self, TrustError> {
        let why = "this tells nothing of what somebody holds";
        decode(bytes, &Limits::HOLDINGS)
            .map_err(|_| TrustError::BadDocument { what: Document::Snapshot, why })
    }

    /// Returns the body of a frame.
    pub fn to_bytes(&self) -> Vec<u8> {
        encode(self).expect("numbers, names and digests have an encoding")
    }

    /// Returns the short form.
    #[must_use]
    pub fn brief(self) -> Self {
        Self { each: None, ..self }
    }

    /// Tells whether two hold the same.
    pub fn agrees(&self, other: &Self) -> bool {
        let key = |h: &Self| (h.root, h.genesis, h.snapshot, h.parts);
        key(self) == key(other)
    }

    /// Tells whether the other holds something that is newer here or unknown, and is of our federation.
    ///
    /// An equal version with another digest counts as such: only by holding both is a split view proved.
    pub fn misses(&self, other: &Self) -> bool {
        let newer = |a: (u64, Digest), b: (u64, Digest)| b.0 > a.0 || (b.0 == a.0 && b.1 != a.1);
        let part = |(party, theirs): (&Party, &Held)| {
            let ours = self.each.as_ref().and_then(|each| each.get(party));
            // Whom we do not know at all, a newer snapshot will tell of.
            ours.is_some_and(|ours| newer((ours.1, ours.2), (theirs.1, theirs.2)))
        };
        self.genesis == other.genesis
            && (newer(self.root, other.root)
                || newer(self.snapshot, other.snapshot)
                || other.each.iter().flatten().any(part))
    }
}

/// The documents of a directory from which news is chosen.
pub(in crate::trust) struct Stock<'a> {
    pub holdings: Holdings,
    /// All root documents from the first.
    pub roots: Vec<&'a [u8]>,
    pub snapshot: &'a [u8],
    /// Each party's part A and part B.
    pub parts: BTreeMap<&'a Party, (&'a [u8], Option<&'a [u8]>)>,
}

impl Stock<'_> {
    /// Chooses what the other lacks, in pieces each of which can be worked in by itself.
    ///
    /// Of whoever tells nothing (`None`) it is believed that it holds the first root document only.
    pub fn news_for(&self, theirs: Option<&Holdings>, of: Option<&Party>) -> Vec<Documents> {
        if theirs.is_some_and(|theirs| theirs.genesis != self.holdings.genesis) {
            return Vec::new();
        }
        let file = |bytes: &&[u8]| ByteBuf::from(bytes.to_vec());
        let newer = |a: (u64, Digest), b: (u64, Digest)| a.0 > b.0 || (a.0 == b.0 && a.1 != b.1);
        let each = theirs.map(|theirs| theirs.each.clone().unwrap_or_default());
        let held = |party: &Party| each.as_ref().and_then(|each| each.get(party)).copied();
        let mut first = Documents::default();
        let known_roots = theirs.map_or(1, |t| t.root.0);
        let known_roots = match theirs {
            Some(theirs)
                if newer(self.holdings.root, theirs.root) && theirs.root.0 == self.holdings.root.0 =>
            {
                known_roots.saturating_sub(1)
            }
            Some(_) | None => known_roots,
        };
        let skip = usize::try_from(known_roots).unwrap_or(usize::MAX);
        first.roots = self.roots.iter().skip(skip).map(file).collect();
        if theirs.is_none_or(|theirs| newer(self.holdings.snapshot, theirs.snapshot)) {
            first.snapshot = Some(file(&self.snapshot));
            let ours = self.holdings.each.iter().flatten();
            let lacks = ours.filter(|(party, ours)| held(party).is_none_or(|theirs| theirs.0 < ours.0));
            first.parts_a =
                lacks.filter_map(|(party, _)| self.parts.get(party)).map(|(a, _)| file(a)).collect();
        }
        let mut pieces = Vec::new();
        let (mut piece, mut size) = (Documents::default(), 0);
        for (party, ours) in self.holdings.each.iter().flatten() {
            let theirs = held(party).map_or((0, Digest([0; 32])), |theirs| (theirs.1, theirs.2));
            let wanted = of.is_none_or(|of| of == party) && newer((ours.1, ours.2), theirs);
            let Some((_, Some(b))) = self.parts.get(party).filter(|_| wanted) else { continue };
            if size + b.len() > PIECE {
                pieces.push(std::mem::take(&mut piece));
                size = 0;
            }
            size += b.len();
            piece.parts_b.push(file(b));
        }
        let all = [first].into_iter().chain(pieces).chain([piece]);
        all.filter(|piece| *piece != Documents::default()).collect()
    }
}
