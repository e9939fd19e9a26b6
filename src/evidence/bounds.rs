//! When something was really said: bounds that come from other parties' words only (DESIGN §7).

use crate::model::{Party, Timestamp};
use std::collections::{BTreeMap, BTreeSet};

/// How far two parties' clocks may differ, in seconds, before a claimed instant counts as misdated.
pub const TOLERANCE: i64 = 300;

/// A piece of evidence with the instant that its signer claims for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dated<K> {
    /// Names the piece.
    pub id: K,
    /// Who signed it.
    pub signer: Party,
    /// The instant that the signer claims.
    pub at: Timestamp,
    /// The pieces that must have existed before it: it holds their digests.
    pub cites: Vec<K>,
}

/// Between which instants a piece of evidence came into being, with the pieces that say so.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Bounds<K> {
    /// The newest evidence of another party that it cites.
    pub not_before: Option<(Timestamp, K)>,
    /// The earliest evidence of another party that covers it.
    pub not_after: Option<(Timestamp, K)>,
}

/// How a claimed instant lies outside its bounds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Misdated {
    /// It is earlier than what it cites.
    Backdated,
    /// It is later than what covers it.
    Postdated,
    /// What it cites is later than what covers it: no instant would be right.
    Impossible,
}

/// Bounds each piece by the words of other parties; a signer's own words never move its own bounds.
pub fn bounds<K: Ord + Clone>(evidence: &[Dated<K>]) -> BTreeMap<K, Bounds<K>> {
    let by_id: BTreeMap<&K, &Dated<K>> = evidence.iter().map(|piece| (&piece.id, piece)).collect();
    let mut found: BTreeMap<K, Bounds<K>> = evidence
        .iter()
        .map(|piece| (piece.id.clone(), Bounds { not_before: None, not_after: None }))
        .collect();
    for later in by_id.values() {
        for earlier in ancestors(later, &by_id) {
            if earlier.signer == later.signer {
                continue;
            }
            if let Some(bounds) = found.get_mut(&later.id) {
                raise(&mut bounds.not_before, earlier);
            }
            if let Some(bounds) = found.get_mut(&earlier.id) {
                lower(&mut bounds.not_after, later);
            }
        }
    }
    found
}

impl<K> Bounds<K> {
    /// Tells how a claimed instant contradicts the bounds, if it does by more than `tolerance` seconds.
    pub fn misdated(&self, claimed: Timestamp, tolerance: i64) -> Option<Misdated> {
        let lower = self.not_before.as_ref().map(|(at, _)| *at);
        let upper = self.not_after.as_ref().map(|(at, _)| *at);
        if let (Some(lower), Some(upper)) = (lower, upper)
            && lower.seconds_since(upper) > tolerance
        {
            return Some(Misdated::Impossible);
        }
        if lower.is_some_and(|lower| lower.seconds_since(claimed) > tolerance) {
            return Some(Misdated::Backdated);
        }
        upper.is_some_and(|upper| claimed.seconds_since(upper) > tolerance).then_some(Misdated::Postdated)
    }
}

impl Misdated {
    /// Returns the code as JSON writes it.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Backdated => "backdated",
            Self::Postdated => "postdated",
            Self::Impossible => "impossible-time",
        }
    }
}

/// Gives all that a piece cites, directly or through others; a piece that cites itself, which no digest
/// allows, ends nothing but is not its own ancestor.
fn ancestors<'a, K: Ord>(of: &'a Dated<K>, by_id: &BTreeMap<&'a K, &'a Dated<K>>) -> Vec<&'a Dated<K>> {
    let mut seen = BTreeSet::from([&of.id]);
    let mut waiting: Vec<&K> = of.cites.iter().collect();
    let mut out = Vec::new();
    while let Some(id) = waiting.pop() {
        if let Some(piece) = by_id.get(id).filter(|_| seen.insert(id)) {
            waiting.extend(&piece.cites);
            out.push(*piece);
        }
    }
    out
}

fn raise<K: Clone>(bound: &mut Option<(Timestamp, K)>, by: &Dated<K>) {
    if bound.as_ref().is_none_or(|(at, _)| by.at > *at) {
        *bound = Some((by.at, by.id.clone()));
    }
}

fn lower<K: Clone>(bound: &mut Option<(Timestamp, K)>, by: &Dated<K>) {
    if bound.as_ref().is_none_or(|(at, _)| by.at < *at) {
        *bound = Some((by.at, by.id.clone()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trust::fixture::party;
    use proptest::prelude::*;

    const START: i64 = 1_800_000_000;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_unix(START + second).unwrap()
    }

    fn signer(number: u8) -> Party {
        party(["XAA", "XBB", "XCC"][usize::from(number % 3)])
    }

    /// Pieces that came into being one second after another, each citing some before it.
    fn history() -> impl Strategy<Value = Vec<Dated<usize>>> {
        proptest::collection::vec((0u8..3, proptest::collection::vec(any::<usize>(), 0..4)), 1..20).prop_map(
            |pieces| {
                let piece = |(id, (number, cites)): (usize, (u8, Vec<usize>))| Dated {
                    id,
                    signer: signer(number),
                    at: at(id as i64),
                    cites: if id == 0 { vec![] } else { cites.into_iter().map(|c| c % id).collect() },
                };
                pieces.into_iter().enumerate().map(piece).collect()
            },
        )
    }

    proptest! {
        #[test]
        fn honest_clocks_lie_within_their_bounds(history in history()) {
            for (id, bounds) in bounds(&history) {
                prop_assert_eq!(bounds.misdated(history[id].at, 0), None);
            }
        }

        #[test]
        fn the_order_of_the_evidence_changes_nothing(history in history(), turn: usize) {
            let mut other = history.clone();
            let len = other.len();
            other.rotate_left(turn % len);
            let (first, second) = (bounds(&history), bounds(&other));
            for (id, found) in first {
                let instants = |b: &Bounds<usize>| {
                    (b.not_before.as_ref().map(|x| x.0), b.not_after.as_ref().map(|x| x.0))
                };
                prop_assert_eq!(instants(&found), instants(&second[&id]));
            }
        }

        #[test]
        fn nobody_moves_the_bounds_of_their_own_words(history in history(), who in 0u8..3, lie in -1000i64..1000) {
            let liar = signer(who);
            let lied: Vec<_> = history.iter().cloned().map(|mut piece| {
                if piece.signer == liar {
                    piece.at = piece.at.saturating_add(lie);
                }
                piece
            }).collect();
            let (honest, lying) = (bounds(&history), bounds(&lied));
            for piece in history.iter().filter(|piece| piece.signer == liar) {
                prop_assert_eq!(&honest[&piece.id], &lying[&piece.id]);
            }
        }

        #[test]
        fn more_evidence_only_narrows(history in history(), keep: usize) {
            let fewer = &history[..keep % history.len() + 1];
            let (few, all) = (bounds(fewer), bounds(&history));
            for (id, bounds) in few {
                let wide = |b: &Bounds<usize>| (
                    b.not_before.as_ref().map_or(i64::MIN, |(at, _)| at.unix()),
                    b.not_after.as_ref().map_or(i64::MAX, |(at, _)| at.unix()),
                );
                let (old, new) = (wide(&bounds), wide(&all[&id]));
                prop_assert!(old.0 <= new.0 && old.1 >= new.1);
            }
        }

        #[test]
        fn a_piece_that_cites_another_partys_is_caught_when_backdated(history in history(), by in 1i64..1000) {
            let found = bounds(&history);
            for piece in &history {
                let Some((newest, _)) = &found[&piece.id].not_before else { continue };
                let claimed = newest.saturating_add(-by);
                let verdict = found[&piece.id].misdated(claimed, 0);
                prop_assert_eq!(verdict, Some(Misdated::Backdated));
                prop_assert_eq!(found[&piece.id].misdated(claimed, by), None, "within the tolerance");
            }
        }
    }

    #[test]
    fn no_instant_is_right_between_contradicting_neighbours() {
        let piece = |id, number, second, cites| Dated { id, signer: signer(number), at: at(second), cites };
        let evidence = [piece(0, 0, 900, vec![]), piece(1, 1, 500, vec![0]), piece(2, 2, 100, vec![1])];
        let found = bounds(&evidence);
        assert_eq!(found[&1].misdated(at(500), TOLERANCE), Some(Misdated::Impossible));
        assert_eq!(found[&0].misdated(at(900), TOLERANCE), Some(Misdated::Postdated));
        assert_eq!(found[&2].misdated(at(100), TOLERANCE), Some(Misdated::Backdated));
    }
}
