use std::cmp::Ordering;
use std::collections::BinaryHeap;

/// Virtual time: milliseconds since the run began.
pub type Millis = i64;

/// A second of virtual time.
pub const SECOND: Millis = 1000;
/// A minute of virtual time.
pub const MINUTE: Millis = 60 * SECOND;
/// An hour of virtual time.
pub const HOUR: Millis = 60 * MINUTE;
/// A day of virtual time.
pub const DAY: Millis = 24 * HOUR;

/// What is going to happen, ordered by time and, at one instant, by when it was put here.
#[derive(Debug)]
pub struct Heap<E> {
    slots: BinaryHeap<Slot<E>>,
    next: u64,
}

#[derive(Debug)]
struct Slot<E> {
    at: Millis,
    seq: u64,
    what: E,
}

impl<E> Heap<E> {
    /// Puts something at an instant.
    pub fn push(&mut self, at: Millis, what: E) {
        self.slots.push(Slot { at, seq: self.next, what });
        self.next += 1;
    }

    /// Takes what happens next: when, its number, and what.
    pub fn pop(&mut self) -> Option<(Millis, u64, E)> {
        self.slots.pop().map(|slot| (slot.at, slot.seq, slot.what))
    }
}

impl<E> Default for Heap<E> {
    fn default() -> Self {
        Self { slots: BinaryHeap::new(), next: 0 }
    }
}

impl<E> Ord for Slot<E> {
    /// Reversed, since the standard heap gives the greatest first.
    fn cmp(&self, other: &Self) -> Ordering {
        (other.at, other.seq).cmp(&(self.at, self.seq))
    }
}

impl<E> PartialOrd for Slot<E> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl<E> PartialEq for Slot<E> {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl<E> Eq for Slot<E> {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_comes_at_one_instant_keeps_its_order() {
        let mut heap = Heap::default();
        for (at, what) in [(5, 'c'), (1, 'a'), (5, 'd'), (1, 'b')] {
            heap.push(at, what);
        }
        let order: String = std::iter::from_fn(|| heap.pop()).map(|(_, _, what)| what).collect();
        assert_eq!(order, "abcd");
    }
}
