use super::{PartyEntry, Prekey, Role, TrustError, Usage, profile};
use crate::cose::{PqVerifyingKey, VerifyingKey};
use crate::model::{Digest, Party, Timestamp};
use std::collections::BTreeMap;

/// The most certificates above a gateway's own that a peer may send.
const MAX_INTERMEDIATES: usize = 2;

/// Whom this node knows, and by which root; trust stores of parties are never merged (DESIGN §6).
#[derive(Debug)]
pub struct Directory {
    me: Party,
    version: u64,
    digest: Digest,
    entries: BTreeMap<Party, PartyEntry>,
}

impl Directory {
    /// Puts checked entries together; `me` is the party that this node speaks for.
    /// # Errors
    /// `DuplicateParty` if two entries speak of one party, `UnknownParty` if none speaks of `me`.
    pub fn new(me: Party, entries: Vec<PartyEntry>, version: u64) -> Result<Self, TrustError> {
        let mut by_party = BTreeMap::new();
        for entry in entries {
            let party = entry.party().clone();
            if by_party.insert(party.clone(), entry).is_some() {
                return Err(TrustError::DuplicateParty(party));
            }
        }
        if !by_party.contains_key(&me) {
            return Err(TrustError::UnknownParty(me));
        }
        let digests: Vec<u8> = by_party.values().flat_map(|e| e.digest().0).collect();
        let digest = Digest::of(&[b"valise directory v0\0", &version.to_be_bytes(), &digests]);
        Ok(Self { me, version, digest, entries: by_party })
    }

    /// Returns the party that this node speaks for.
    pub const fn me(&self) -> &Party {
        &self.me
    }

    /// Returns the version, which only rises.
    pub const fn version(&self) -> u64 {
        self.version
    }

    /// Returns the digest of all entries: an equal version with another digest proves a split view.
    pub const fn digest(&self) -> Digest {
        self.digest
    }

    /// Returns all parties in order, this node's own among them.
    pub fn parties(&self) -> impl Iterator<Item = &Party> {
        self.entries.keys()
    }

    /// Finds a party.
    /// # Errors
    /// `UnknownParty`.
    pub fn entry(&self, party: &Party) -> Result<&PartyEntry, TrustError> {
        self.entries.get(party).ok_or_else(|| TrustError::UnknownParty(party.clone()))
    }

    /// Tells which party a gateway's certificate speaks for, after all checks.
    ///
    /// The certificate's name tells which party it claims; that party's own root alone is asked.
    /// # Errors
    /// The first cause of refusal.
    pub fn verify_gateway(
        &self,
        end_entity: &[u8],
        intermediates: &[&[u8]],
        usage: Usage,
        now: Timestamp,
    ) -> Result<Party, TrustError> {
        if intermediates.len() > MAX_INTERMEDIATES {
            let why = format!("{} certificates above the gateway's own", intermediates.len());
            return Err(TrustError::Malformed { what: "certificate path", why });
        }
        let party = profile::claimed_party(Role::Gateway, end_entity)?;
        self.entry(&party)?.check_gateway(end_entity, intermediates, usage, now)?;
        Ok(party)
    }

    /// Finds the seal key with this thumbprint, if it held at `at`, the instant of its use.
    /// # Errors
    /// `UnknownParty`, `UnknownKey`, `Suspended`, `Revoked`, `NotYetValid` or `Expired`.
    pub fn seal_key(&self, party: &Party, x5t: &Digest, at: Timestamp) -> Result<VerifyingKey, TrustError> {
        self.entry(party)?.seal_key(x5t, at)
    }

    /// Finds the log key with this thumbprint, if it held at `at`, the instant of its use.
    /// # Errors
    /// As for `seal_key`.
    pub fn log_key(&self, party: &Party, x5t: &Digest, at: Timestamp) -> Result<VerifyingKey, TrustError> {
        self.entry(party)?.log_key(x5t, at)
    }

    /// Finds the ML-DSA-65 twin of the log key with this thumbprint.
    /// # Errors
    /// `UnknownParty` or `UnknownKey`.
    pub fn log_twin(&self, party: &Party, x5t: &Digest) -> Result<&PqVerifyingKey, TrustError> {
        self.entry(party)?.log_twin(x5t)
    }

    /// Finds the newest prekey to which a message for `party` may be sealed now.
    /// # Errors
    /// `UnknownParty` or `NoPrekey`.
    pub fn prekey(&self, party: &Party, now: Timestamp) -> Result<&Prekey, TrustError> {
        self.entry(party)?.prekey(now)
    }
}
