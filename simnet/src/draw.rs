use rand::rngs::ChaCha8Rng;
use rand::{Rng, SeedableRng};
use valise::model::{Digest, Entropy};

/// A stream of draws that depends on the seed, a purpose and some numbers, and on nothing else.
///
/// Each purpose has its own stream, so that taking one fault away leaves all other draws as they were.
#[derive(Debug)]
pub struct Draw(ChaCha8Rng);

impl Draw {
    /// Opens the stream of a purpose.
    pub fn new(seed: u64, purpose: &str, numbers: &[u64]) -> Self {
        let numbers: Vec<u8> = numbers.iter().flat_map(|n| n.to_be_bytes()).collect();
        let key = Digest::of(&[b"simnet\0", &seed.to_be_bytes(), purpose.as_bytes(), b"\0", &numbers]);
        Self(ChaCha8Rng::from_seed(key.0))
    }

    /// Draws a number below `n`; 0 if `n` is 0.
    pub fn below(&mut self, n: u64) -> u64 {
        // The bias of a remainder is far below anything that a simulation could notice.
        self.0.next_u64().checked_rem(n).unwrap_or(0)
    }

    /// Draws a number from `low` up to, and without, `high`.
    pub fn between(&mut self, low: i64, high: i64) -> i64 {
        low + i64::try_from(self.below(u64::try_from(high - low).unwrap_or(0))).unwrap_or(0)
    }

    /// Draws an index of a list of `len`.
    pub fn index(&mut self, len: usize) -> usize {
        usize::try_from(self.below(len as u64)).unwrap_or(0)
    }

    /// Tells whether something happens that happens so many times in a thousand.
    pub fn chance(&mut self, permille: u64) -> bool {
        self.below(1000) < permille
    }

    /// Picks one of a list; none of an empty one.
    pub fn pick<'a, T>(&mut self, list: &'a [T]) -> Option<&'a T> {
        let at = self.index(list.len());
        list.get(at)
    }

    /// Brings a list into a drawn order.
    pub fn shuffle<T>(&mut self, list: &mut [T]) {
        for at in (1..list.len()).rev() {
            let other = self.index(at + 1);
            list.swap(at, other);
        }
    }
}

impl Entropy for Draw {
    fn fill(&mut self, buf: &mut [u8]) {
        self.0.fill_bytes(buf);
    }
}
