use super::federation::RootKey;
use super::federation::{PartA, PartB, Retirement, Suspension, VerifiedPartA, VerifiedPartB};
use super::path::Path;
use super::profile::{self, Facts, Revocations};
use super::{Prekey, Role, TrustError, Usage, Validity};
use crate::cose::VerifyingKey;
use crate::model::{Digest, Party, Timestamp};
use std::collections::BTreeMap;
use std::sync::Arc;
use webpki::KeyUsage;

/// A key that its party's root has certified, with the times between which it holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CertifiedKey {
    /// The key.
    pub key: VerifyingKey,
    /// The certificate's thumbprint.
    pub x5t: Digest,
    /// When the certificate is valid.
    pub validity: Validity,
    /// From when the root has revoked it.
    pub revoked_at: Option<Timestamp>,
    /// If its owner has retired it: from when, why, and since when others may hold it.
    pub retired: Option<Retirement>,
    /// The digest of the ML-DSA-65 key that signs anchors beside it; log keys only.
    pub twin: Option<Digest>,
    /// The certificate.
    pub der: Vec<u8>,
}

/// A party of the directory: every certificate leads to its root, and its parts bear the signatures that they must.
#[derive(Clone, Debug)]
pub struct PartyEntry {
    a: Arc<VerifiedPartA>,
    b: Option<Arc<VerifiedPartB>>,
    suspension: Option<Suspension>,
}

impl PartyEntry {
    pub(super) const fn new(
        a: Arc<VerifiedPartA>,
        b: Option<Arc<VerifiedPartB>>,
        suspension: Option<Suspension>,
    ) -> Self {
        Self { a, b, suspension }
    }

    /// Returns the party.
    pub fn party(&self) -> &Party {
        &self.a.part.party
    }

    /// Returns what the party's root says of it.
    pub fn part_a(&self) -> &PartA {
        &self.a.part
    }

    /// Returns what the party's gateway says of itself; a party that was just admitted may have said nothing yet.
    pub fn part_b(&self) -> Option<&PartB> {
        self.b.as_ref().map(|b| &b.part)
    }

    /// Returns the file of part B as it came, with its digest.
    pub fn part_b_file(&self) -> Option<(&[u8], Digest)> {
        self.b.as_ref().map(|b| (b.bytes.as_slice(), b.digest))
    }

    /// Returns the file of part A as it came, with its digest.
    pub fn part_a_file(&self) -> (&[u8], Digest) {
        (&self.a.bytes, self.a.digest)
    }

    /// Returns the party's names by language code.
    pub fn names(&self) -> &BTreeMap<String, String> {
        &self.a.part.names
    }

    /// Returns the root that is in force, which speaks for this party only.
    pub fn root(&self) -> &CertifiedKey {
        &self.a.root().certified
    }

    /// Tells whether the root in force, and not the one before it, has certified an issuing key that holds at `now`.
    pub fn is_certified_by_root_in_force(&self, issuing: &[u8], now: Timestamp) -> bool {
        profile::is_signed_by(Role::Issuing, issuing, &self.root().key)
            && profile::validity(Role::Issuing, issuing).is_ok_and(|validity| validity.contains(now))
    }

    /// Returns all seal certificates, retired ones too.
    pub fn seals(&self) -> &[CertifiedKey] {
        &self.a.seals
    }

    /// Returns all log certificates, retired ones too.
    pub fn logs(&self) -> &[CertifiedKey] {
        self.b.as_ref().map_or(&[], |b| &b.logs)
    }

    /// Returns the party's suspension, if it is suspended.
    pub const fn suspension(&self) -> Option<&Suspension> {
        self.suspension.as_ref()
    }

    /// Returns by when the root should have made its next revocation list; past it, the list still holds.
    pub fn revocations_due(&self) -> Option<Timestamp> {
        self.a.revocations.as_ref().and_then(|r| r.next_update)
    }

    /// Tells the first cause, if any, for which this party cannot be spoken with at `now`.
    /// # Errors
    /// `Suspended`, `NotYetValid`, `Expired`, `NoValidKey` or `NoPrekey`.
    pub fn check(&self, now: Timestamp) -> Result<(), TrustError> {
        self.check_suspension(now)?;
        self.root().check(Role::Root, now)?;
        let none = |role| TrustError::NoValidKey { party: self.party().clone(), role };
        for (role, keys) in [(Role::Seal, self.seals()), (Role::Log, self.logs())] {
            keys.iter().find(|k| k.check(role, now).is_ok()).ok_or_else(|| none(role))?;
        }
        // Nothing is ever sealed to a relay, so that its part B offers no prekey at all.
        if self.part_b().is_some_and(|part| part.prekeys.is_empty()) {
            Ok(())
        } else {
            self.prekey(now).map(drop)
        }
    }

    pub(super) const fn parts(&self) -> (&Arc<VerifiedPartA>, Option<&Arc<VerifiedPartB>>) {
        (&self.a, self.b.as_ref())
    }

    /// Verifies the path from a gateway certificate to one of this party's roots, and its strict profile.
    pub(super) fn check_gateway(
        &self,
        end_entity: &[u8],
        intermediates: &[&[u8]],
        usage: Usage,
        now: Timestamp,
    ) -> Result<(), TrustError> {
        self.check_suspension(now)?;
        // By number, whichever root has certified it: a list is signed by the root in force only.
        for der in intermediates {
            let serial = profile::serial(Role::Issuing, der)?;
            if self.a.revocations.iter().any(|r| r.revoked.iter().any(|(known, _)| *known == serial)) {
                return Err(TrustError::Revoked { role: Role::Issuing });
            }
        }
        let list = self.a.revocations.as_ref().map(|r| &r.list);
        let in_force = self.a.root().certified.x5t;
        let ask = |root: &RootKey| {
            root.certified.check(Role::Root, now)?;
            let usage = match usage {
                Usage::Server => KeyUsage::server_auth(),
                Usage::Client => KeyUsage::client_auth(),
            };
            // A list is signed by the root in force, and would be refused for the one before it.
            let list = list.filter(|_| root.certified.x5t == in_force);
            let (role, party, anchor) = (Role::Gateway, self.party(), &root.anchor);
            Path { role, party, end_entity, intermediates, anchor, list, usage, at: now }.verify()
        };
        let mut roots = self.a.roots.iter().rev();
        let first = roots.next().map_or(Ok(()), ask);
        // In the overlap of a rotation the root before still vouches; what the one in force says is what counts.
        let vouched = first.or_else(|refusal| roots.find_map(|root| ask(root).ok()).ok_or(refusal));
        vouched?;
        profile::leaf(Role::Gateway, end_entity).map(drop)
    }

    /// Finds the seal key with this thumbprint, if it held at `at`.
    pub(super) fn seal_key(&self, x5t: &Digest, at: Timestamp) -> Result<VerifyingKey, TrustError> {
        self.key(Role::Seal, x5t, at)
    }

    /// Finds the log key with this thumbprint, if it held at `at`.
    pub(super) fn log_key(&self, x5t: &Digest, at: Timestamp) -> Result<VerifyingKey, TrustError> {
        self.key(Role::Log, x5t, at)
    }

    /// Finds a seal or log certificate, whatever has become of it since.
    /// # Errors
    /// `UnknownKey`.
    pub fn certificate(&self, role: Role, x5t: &Digest) -> Result<&CertifiedKey, TrustError> {
        let keys = match role {
            Role::Seal => self.seals(),
            Role::Log => self.logs(),
            Role::Root | Role::Issuing | Role::Gateway => &[],
        };
        let unknown = || TrustError::UnknownKey { party: self.party().clone(), role, x5t: *x5t };
        keys.iter().find(|k| k.x5t == *x5t).ok_or_else(unknown)
    }

    /// Finds the newest prekey that is valid now, if the seal key that signed it still holds; one of last resort
    /// only where there is no other.
    pub(super) fn prekey(&self, now: Timestamp) -> Result<&Prekey, TrustError> {
        let none = || TrustError::NoPrekey(self.party().clone());
        self.check_suspension(now)?;
        let b = self.b.as_ref().ok_or_else(none)?;
        self.seal_key(&b.seal, now).map_err(|_| none())?;
        let holding = b.prekeys.iter().filter(|(prekey, _)| prekey.validity.contains(now));
        holding
            .max_by_key(|(p, last_resort)| (!last_resort, p.validity.not_before, p.id))
            .map(|(prekey, _)| prekey)
            .ok_or_else(none)
    }

    fn key(&self, role: Role, x5t: &Digest, at: Timestamp) -> Result<VerifyingKey, TrustError> {
        self.check_suspension(at)?;
        let found = self.certificate(role, x5t)?;
        found.check(role, at).map(|()| found.key)
    }

    pub(super) fn check_suspension(&self, at: Timestamp) -> Result<(), TrustError> {
        match &self.suspension {
            Some(s) if at >= s.since => {
                let (party, reason) = (self.party().clone(), s.reason.clone());
                Err(TrustError::Suspended { party, since: s.since, reason })
            }
            Some(_) | None => Ok(()),
        }
    }
}

impl CertifiedKey {
    pub(super) fn of(facts: &Facts, der: &[u8], revoked_at: Option<Timestamp>) -> Self {
        let (key, x5t, validity) = (facts.key, facts.x5t, facts.validity);
        Self { key, x5t, validity, revoked_at, retired: None, twin: None, der: der.to_vec() }
    }

    /// Tells whether the key holds at `at`, the instant at which it was used.
    /// # Errors
    /// `Revoked`, `Compromised`, `Retired`, `NotYetValid` or `Expired`.
    pub fn check(&self, role: Role, at: Timestamp) -> Result<(), TrustError> {
        if self.revoked_at.is_some_and(|from| at >= from) {
            return Err(TrustError::Revoked { role });
        }
        if let Some(retired) = &self.retired {
            let reason = || retired.reason.clone();
            if let Some(since) = retired.compromised_since.filter(|since| at >= *since) {
                return Err(TrustError::Compromised { role, since, reason: reason() });
            }
            if at >= retired.at {
                return Err(TrustError::Retired { role, since: retired.at, reason: reason() });
            }
        }
        if at < self.validity.not_before {
            return Err(TrustError::NotYetValid { role, not_before: self.validity.not_before });
        }
        if at > self.validity.not_after {
            return Err(TrustError::Expired { role, not_after: self.validity.not_after });
        }
        Ok(())
    }
}

/// Reads a seal or log certificate, which a root itself must have certified: the issuing key lies on the gateway, and
/// whoever steals it must not speak as the State.
pub(super) fn read_leaf(
    role: Role,
    der: &[u8],
    roots: &[RootKey],
    revocations: Option<&Revocations>,
) -> Result<CertifiedKey, TrustError> {
    let facts = profile::leaf(role, der)?;
    let mut refusal = None;
    for root in roots.iter().rev() {
        match vouches(role, der, &facts, root) {
            Ok(()) => {
                let mut revoked = revocations.into_iter().flat_map(|r| &r.revoked);
                let revoked_at = revoked.find(|(serial, _)| *serial == facts.serial).map(|(_, from)| *from);
                return Ok(CertifiedKey::of(&facts, der, revoked_at));
            }
            Err(error) => refusal = refusal.or(Some(error)),
        }
    }
    Err(refusal.unwrap_or(TrustError::WrongRoot { role, party: facts.party }))
}

fn vouches(role: Role, der: &[u8], facts: &Facts, root: &RootKey) -> Result<(), TrustError> {
    let party = &root.facts.party;
    if facts.party != *party {
        return Err(TrustError::UnexpectedParty { expected: party.clone(), found: facts.party.clone() });
    }
    if !facts.validity.within(&root.facts.validity) {
        return Err(TrustError::TooLongLived { role, why: "it begins before its root or outlives it" });
    }
    let usage = match role {
        Role::Seal => KeyUsage::required(&DOCUMENT_SIGNING_DER),
        Role::Log | Role::Root | Role::Issuing | Role::Gateway => KeyUsage::required(&TIME_STAMPING_DER),
    };
    let (at, anchor) = (facts.validity.not_before, &root.anchor);
    Path { role, party, end_entity: der, intermediates: &[], anchor, list: None, usage, at }.verify()
}

/// id-kp-timeStamping, 1.3.6.1.5.5.7.3.8 (RFC 5280 §4.2.1.12), as the content of its DER encoding.
const TIME_STAMPING_DER: [u8; 8] = [0x2b, 6, 1, 5, 5, 7, 3, 8];
/// id-kp-documentSigning, 1.3.6.1.5.5.7.3.36 (RFC 9336 §3.1), likewise.
const DOCUMENT_SIGNING_DER: [u8; 8] = [0x2b, 6, 1, 5, 5, 7, 3, 36];
