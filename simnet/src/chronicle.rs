//! What the authority of a run's federation publishes as time goes on, and which keys its members have by then.

use crate::federation::{Federation, Keys};
use std::collections::BTreeMap;
use valise::model::{DAY, Party, Timestamp};
use valise::trust::federation::{Member as Files, PartA, PartB, Retirement, SoleAuthority, Suspension};
use valise::trust::{TrustError, Validity};

/// How long a key that was replaced still holds, in seconds.
const OVERLAP: i64 = 90 * DAY;
/// For how many days a directory is fresh.
const FRESH_DAYS: u32 = 3650;

/// The authority of one run, and the newest that every member has signed of itself.
pub struct Chronicle {
    authority: SoleAuthority,
    files: Vec<Files>,
    keys: Vec<Keys>,
    suspended: BTreeMap<Party, Suspension>,
}

impl Chronicle {
    /// Begins with what all members hold at the start.
    pub fn new(federation: &Federation) -> Self {
        Self {
            authority: federation.authority.clone(),
            files: federation.members.iter().map(|member| member.files.clone()).collect(),
            keys: vec![Keys::first(); federation.members.len()],
            suspended: BTreeMap::new(),
        }
    }

    /// Suspends a party since the day before, or ends its suspension.
    pub fn suspend(&mut self, party: &Party, is_out: bool, now: Timestamp) {
        let suspension = Suspension { since: now.saturating_add(-DAY), reason: "an audit".to_owned() };
        if is_out {
            self.suspended.insert(party.clone(), suspension);
        } else {
            self.suspended.remove(party);
        }
    }

    /// Has a member sign both parts anew, with another seal and another log key; those before hold on for a while.
    ///
    /// # Errors
    /// [`TrustError`] if a certificate cannot be issued, which is a bug.
    pub fn rotate(
        &mut self,
        federation: &Federation,
        number: usize,
        now: Timestamp,
    ) -> Result<(), TrustError> {
        let keys = self.keys[number].next();
        let made = federation.certificates(number, keys)?;
        let retired = || {
            let at = now.saturating_add(OVERLAP);
            Some(Retirement { at, reason: "rotated in time".to_owned(), compromised_since: None })
        };
        let files = &mut self.files[number];
        let mut a = PartA::read_self_signed(&files.part_a)?.0;
        a.seals.iter_mut().filter(|seal| seal.retired.is_none()).for_each(|seal| seal.retired = retired());
        a.seals.push(made.seal);
        (a.version, a.issued) = (a.version + 1, now);
        let mut b = PartB::read_unproved(files.part_b.as_deref().unwrap_or_default())?;
        b.logs.iter_mut().filter(|log| log.retired.is_none()).for_each(|log| log.retired = retired());
        b.logs.push(made.log);
        (b.version, b.issued) = (b.version + 1, now);
        let ring = federation.ring(number, keys);
        files.part_a = a.sign(&federation.root(number))?.to_bytes();
        files.part_b = Some(b.sign(&ring.seal.1, &ring.seal.0)?.to_bytes());
        self.keys[number] = keys;
        Ok(())
    }

    /// Publishes the next directory; all of it, as bytes.
    ///
    /// # Errors
    /// As for [`Self::rotate`].
    pub fn publish(&mut self, now: Timestamp) -> Result<Vec<u8>, TrustError> {
        self.authority.publish(&self.files, &self.suspended, Validity::days(now, FRESH_DAYS))
    }
}
