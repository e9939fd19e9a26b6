use crate::lane::{Answers, Frame, Letter};
use valise::model::Digest;

/// Follows a run, one number for each thing that happens; a second run of the seed must give the same.
#[derive(Clone, Debug, Default)]
pub struct Trace {
    hash: u64,
    numbers: Option<Vec<u64>>,
    earlier: Option<Vec<u64>>,
    count: usize,
    divergence: Option<String>,
}

impl Trace {
    /// Keeps every number, to be compared with later.
    pub fn recording() -> Self {
        Self { numbers: Some(Vec::new()), ..Self::default() }
    }

    /// Compares with a run that was recorded.
    pub fn comparing(earlier: Self) -> Self {
        Self { earlier: earlier.numbers, ..Self::default() }
    }

    /// Notes what happens; false if the earlier run went on otherwise.
    pub fn note(&mut self, what: &[u64], words: impl FnOnce() -> String) -> bool {
        self.hash = what.iter().fold(self.hash, |hash, number| mix(hash ^ number));
        if let Some(numbers) = &mut self.numbers {
            numbers.push(self.hash);
        }
        let same = self.earlier.as_ref().is_none_or(|numbers| numbers.get(self.count) == Some(&self.hash));
        if !same {
            self.divergence = Some(format!("event {} differs: {}", self.count, words()));
        }
        self.count += 1;
        same
    }

    /// Says where the run left the earlier one, if it did.
    pub fn divergence(&self) -> Option<String> {
        let whole = self.earlier.as_ref().is_none_or(|numbers| numbers.len() == self.count);
        let short = || (!whole).then(|| format!("the second run ended after {} events", self.count));
        self.divergence.clone().or_else(short)
    }

    /// Returns the digest over all that happened.
    pub const fn fingerprint(&self) -> u64 {
        self.hash
    }
}

/// Boils a frame down to a number.
pub fn content(frame: &Frame) -> u64 {
    let digest = match frame {
        Frame::Envelope(Letter::Real(bytes))
        | Frame::Receipts(Answers::Real(bytes))
        | Frame::Reject(bytes) => Digest::of(&[bytes]),
        Frame::Envelope(Letter::Fast(letter)) => letter.digest,
        Frame::Receipts(Answers::Fast(receipts)) => {
            let parts: Vec<&[u8]> = receipts.iter().map(|(_, receipt)| receipt.as_slice()).collect();
            Digest::of(&parts)
        }
    };
    u64::from_be_bytes(digest.0[..8].try_into().unwrap_or_default())
}

/// The finaliser of SplitMix64: every bit of the input moves every bit of the output.
const fn mix(mut x: u64) -> u64 {
    x = x.wrapping_add(0x9e37_79b9_7f4a_7c15);
    x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^ (x >> 31)
}
