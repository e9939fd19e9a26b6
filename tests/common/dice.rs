use sha2::{Digest, Sha256};
use std::time::{SystemTime, UNIX_EPOCH};
use valise::model::{Entropy, Timestamp};

/// Draws from a seed, so that a drill's choices can be drawn again.
pub struct Dice {
    seed: u64,
    drawn: u64,
}

impl Dice {
    /// Draws from this seed.
    pub const fn seeded(seed: u64) -> Self {
        Self { seed, drawn: 0 }
    }

    /// Draws from `VALISE_SEED`, or from a seed of the moment; tells which.
    pub fn from_env() -> Self {
        let seed = super::number("VALISE_SEED", now().unix().unsigned_abs());
        eprintln!("VALISE_SEED={seed}");
        Self::seeded(seed)
    }

    /// Draws a number below `end`.
    pub fn below(&mut self, end: u64) -> u64 {
        let mut bytes = [0; 8];
        self.fill(&mut bytes);
        u64::from_be_bytes(bytes) % end
    }
}

impl Entropy for Dice {
    fn fill(&mut self, buf: &mut [u8]) {
        for chunk in buf.chunks_mut(32) {
            self.drawn += 1;
            let block = Sha256::new().chain_update(self.seed.to_be_bytes());
            let block = block.chain_update(self.drawn.to_be_bytes()).finalize();
            chunk.copy_from_slice(&block[..chunk.len()]);
        }
    }
}

/// Reads the time of day.
pub fn now() -> Timestamp {
    #[expect(clippy::disallowed_methods, reason = "a drill on real processes runs in real time")]
    let elapsed = SystemTime::now().duration_since(UNIX_EPOCH).expect("it is after 1970");
    let seconds = i64::try_from(elapsed.as_secs()).expect("and before the year 9999");
    Timestamp::from_unix(seconds).expect("and before the year 9999")
}
