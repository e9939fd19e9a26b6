use crate::model::Entropy;
use ring::rand::{SecureRandom, SystemRandom};

/// The operating system's random generator; the only place that asks for it.
#[derive(Clone, Debug)]
pub struct OsEntropy(SystemRandom);

impl OsEntropy {
    /// Opens the generator.
    #[expect(
        clippy::disallowed_methods,
        reason = "this is the one place that asks the machine for randomness"
    )]
    pub fn new() -> Self {
        Self(SystemRandom::new())
    }
}

impl Default for OsEntropy {
    fn default() -> Self {
        Self::new()
    }
}

impl Entropy for OsEntropy {
    fn fill(&mut self, buf: &mut [u8]) {
        // A machine without randomness can keep no secret: there is nothing to go on with.
        self.0.fill(buf).expect("the operating system always gives random bytes once it has booted");
    }
}
