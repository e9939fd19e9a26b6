use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

/// Counts what was refused, by code; no count names a State (traffic patterns are confidential).
#[derive(Debug, Default)]
pub struct Counters {
    refused: Mutex<BTreeMap<String, u64>>,
}

impl Counters {
    /// Counts one refusal.
    pub fn refused(&self, code: &str) {
        *self.refused.lock().unwrap_or_else(PoisonError::into_inner).entry(code.to_owned()).or_default() += 1;
    }

    /// Returns the counts since the start.
    pub fn refusals(&self) -> BTreeMap<String, u64> {
        self.refused.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}
