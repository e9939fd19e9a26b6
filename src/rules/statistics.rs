//! Counts of restrictions (ISACS 8.3.4.2: as few as possible; 10.2). Statistics are the only way in which anything of
//! restricted information leaves without a permit, so that a count tells nothing of any one case (DESIGN §8).

use crate::model::{GroundCode, Label, Party};
use std::collections::{BTreeMap, BTreeSet};

/// The fewest acts of which a count may tell. A settings file or flag can only raise it.
pub const MIN_CELL: u64 = 5;

/// Who placed a restriction.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Placed {
    /// This side, on what it gave.
    ByUs,
    /// The other party, on what it gave.
    ByThem,
}

/// What one act restricts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Restricting {
    /// When it was made or came, as a year in UTC.
    pub year: u16,
    /// Who made it.
    pub placed: Placed,
    /// The other party.
    pub peer: Party,
    /// How many of its elements bear each code of a label: `d`, `e`, `f`, `h1`, `other`.
    pub labels: BTreeMap<&'static str, u64>,
    /// The grounds on which it withholds, delays or refuses: `a1`, `a2`, `b`, `c`.
    pub grounds: BTreeSet<GroundCode>,
}

/// A count that may be told, or that there are too few to tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Count {
    /// This many.
    Told(u64),
    /// At least one, and fewer than may be told.
    TooFew,
}

/// One line of the statistics: never a sum of others that are told, so that no difference tells what is kept back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// The year.
    pub year: u16,
    /// Who placed the restrictions.
    pub placed: Placed,
    /// The other party; none for all that have too few acts of their own, together.
    pub peer: Option<Party>,
    /// The code of the label or ground.
    pub code: &'static str,
    /// How many acts bear it.
    pub acts: Count,
    /// How many elements do; none for a ground, which is counted by acts.
    pub elements: Option<Count>,
}

impl Restricting {
    /// Counts the codes of labels.
    pub fn count<'l>(labels: impl IntoIterator<Item = &'l Label>) -> BTreeMap<&'static str, u64> {
        let mut counts = BTreeMap::new();
        for code in labels.into_iter().flat_map(Label::codes) {
            *counts.entry(code).or_insert(0) += 1;
        }
        counts
    }
}

/// Counts restrictions by year, by who placed them, by party and by code, each cell over at least `min` acts.
///
/// A party with fewer acts under a code is not named; all of those together are one more line, and where even they are
/// too few, only that there are some. `min` below [`MIN_CELL`] counts as that.
pub fn count(acts: impl IntoIterator<Item = Restricting>, min: u64) -> Vec<Line> {
    let min = min.max(MIN_CELL);
    let mut cells: BTreeMap<(u16, Placed, &'static str), BTreeMap<Party, Cell>> = BTreeMap::new();
    for act in acts {
        let labels = act.labels.iter().map(|(code, elements)| (*code, Some(*elements)));
        let grounds = act.grounds.iter().map(|ground| (ground.code(), None));
        for (code, elements) in labels.chain(grounds) {
            let parties = cells.entry((act.year, act.placed, code)).or_default();
            parties.entry(act.peer.clone()).or_default().add(Cell { acts: 1, elements });
        }
    }
    let mut lines = Vec::new();
    for ((year, placed, code), parties) in cells {
        let mut rest = Cell::default();
        for (peer, cell) in parties {
            if cell.acts >= min {
                lines.push(cell.line(year, placed, Some(peer), code, min));
            } else {
                rest.add(cell);
            }
        }
        if rest.acts > 0 {
            lines.push(rest.line(year, placed, None, code, min));
        }
    }
    lines
}

#[derive(Clone, Copy, Debug, Default)]
struct Cell {
    acts: u64,
    elements: Option<u64>,
}

impl Cell {
    fn add(&mut self, other: Self) {
        self.acts += other.acts;
        self.elements = match (self.elements, other.elements) {
            (Some(a), Some(b)) => Some(a + b),
            (one, other) => one.or(other),
        };
    }

    fn line(self, year: u16, placed: Placed, peer: Option<Party>, code: &'static str, min: u64) -> Line {
        let told = |count| if self.acts < min { Count::TooFew } else { Count::Told(count) };
        Line { year, placed, peer, code, acts: told(self.acts), elements: self.elements.map(told) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Audience, Onward};

    fn act(year: u16, peer: &str, placed: Placed, codes: &[(&'static str, u64)]) -> Restricting {
        Restricting {
            year,
            placed,
            peer: peer.parse().unwrap(),
            labels: codes.iter().copied().collect(),
            grounds: BTreeSet::new(),
        }
    }

    fn line(peer: Option<&str>, code: &'static str, acts: Count, elements: Option<Count>) -> Line {
        let peer = peer.map(|peer| peer.parse().unwrap());
        Line { year: 2026, placed: Placed::ByUs, peer, code, acts, elements }
    }

    #[test]
    fn clause_8_3_4_2_labels_are_counted_by_element_and_grounds_by_act() {
        let label = Label { audience: Some(Audience::Designated), onward: Onward::None, ..Label::default() };
        let counts = Restricting::count([&label, &label, &Label::default()]);
        assert_eq!(counts, [("d", 2), ("f", 2)].into());
        let refusal = Restricting { grounds: [GroundCode::B].into(), ..act(2026, "XBB", Placed::ByUs, &[]) };
        let acts = vec![act(2026, "XBB", Placed::ByUs, &[("d", 2)]); 5].into_iter().chain(vec![refusal; 6]);
        let told = [
            line(Some("XBB"), "b", Count::Told(6), None),
            line(Some("XBB"), "d", Count::Told(5), Some(Count::Told(10))),
        ];
        assert_eq!(count(acts, 0), told);
    }

    #[test]
    fn a_party_with_too_few_is_not_named_and_too_few_in_all_are_not_told() {
        let few = |peer, n| vec![act(2026, peer, Placed::ByUs, &[("f", 1)]); n];
        let lone = count([few("XBB", 9), few("XCC", 4)].concat(), MIN_CELL);
        let too_few = line(None, "f", Count::TooFew, Some(Count::TooFew));
        assert_eq!(lone, [line(Some("XBB"), "f", Count::Told(9), Some(Count::Told(9))), too_few.clone()]);
        let pooled = count([few("XCC", 4), few("XDD", 1)].concat(), MIN_CELL);
        assert_eq!(pooled, [line(None, "f", Count::Told(5), Some(Count::Told(5)))]);
        // Many elements of one act are still one act.
        assert_eq!(count([act(2026, "XBB", Placed::ByUs, &[("f", 40)])], MIN_CELL), [too_few]);
        assert_eq!(count([], MIN_CELL), []);
    }

    /// Whatever is asked, no line tells of fewer acts than it may, and neither does the difference of two answers.
    #[test]
    fn no_cell_and_no_difference_of_years_tells_of_fewer_acts_than_may_be_told() {
        let spread = |n: u16| {
            (0..n).map(|i| {
                let peer = ["XBB", "XCC", "XDD", "XEE"][usize::from(i * i % 4)];
                let placed = if i % 3 == 0 { Placed::ByUs } else { Placed::ByThem };
                act(2025 + i % 2, peer, placed, &[("f", 1 + u64::from(i % 5)), ("d", 1)])
            })
        };
        for n in 0..60 {
            for min in [0, 5, 7] {
                let both = count(spread(n), min);
                for line in &both {
                    if let Count::Told(acts) = line.acts {
                        assert!(acts >= min.max(MIN_CELL), "{line:?}");
                    }
                }
                let one = count(spread(n).filter(|act| act.year == 2025), min);
                let of_2025: Vec<_> = both.into_iter().filter(|line| line.year == 2025).collect();
                assert_eq!(one, of_2025, "a year is told alike in every period");
            }
        }
    }
}
