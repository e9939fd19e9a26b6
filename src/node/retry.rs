//! When a delivery is tried again: exponential with jitter, capped, and woken early by any contact.

use crate::config::Retry;
use crate::model::Entropy;

/// Computes the pause before the next try, in seconds, after `failures` tries in a row have failed.
///
/// Half of the pause is fixed and half is drawn, so that nodes which lost the same link do not return
/// at the same instant; the cap keeps weeks of outage from becoming weeks of silence.
pub fn pause(failures: u32, retry: &Retry, entropy: &mut dyn Entropy) -> i64 {
    let doubled = u64::from(retry.first_seconds).saturating_mul(1 << failures.saturating_sub(1).min(32));
    let full = doubled.min(u64::from(retry.max_seconds)).max(1);
    let mut bytes = [0u8; 8];
    entropy.fill(&mut bytes);
    let drawn = u64::from_be_bytes(bytes) % (full / 2 + 1);
    i64::try_from(full - full / 2 + drawn).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    struct Fixed(u64);
    impl Entropy for Fixed {
        fn fill(&mut self, buf: &mut [u8]) {
            buf.copy_from_slice(&self.0.to_be_bytes()[..buf.len()]);
        }
    }

    proptest! {
        #[test]
        fn a_pause_grows_and_stays_between_half_and_the_cap(failures in 1u32..200, draw: u64) {
            let retry = Retry { first_seconds: 5, max_seconds: 3600, horizon_days: 60 };
            let pause = pause(failures, &retry, &mut Fixed(draw));
            let full = 5i64.saturating_mul(1 << failures.saturating_sub(1).min(32)).min(3600);
            prop_assert!(pause >= full / 2 && pause <= full, "{pause} of {full}");
        }
    }
}
