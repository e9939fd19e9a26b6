//! The one place where a key is chosen for a message (DESIGN §2).

use crate::cose::{KemPrivate, PqSigningKey, SigningKey, VerifyingKey};
use crate::envelope::EnvelopeError;
use crate::model::{Digest, Party, Timestamp};
use crate::trust::{Directory, Prekey};

/// The keys with which one gateway speaks and listens.
#[derive(Clone)]
pub struct KeyRing {
    /// The party that the gateway serves.
    pub party: Party,
    /// The gateway's own name under the party's DNS suffix.
    pub gateway: String,
    /// The key that alone speaks for the party, with its certificate's thumbprint.
    pub seal: (SigningKey, Digest),
    /// The key for routes, receipts and checkpoints, with its certificate's thumbprint.
    pub log: (SigningKey, Digest),
    /// The ML-DSA-65 twin of the log key, for anchors of the evidence logs.
    pub twin: PqSigningKey,
    /// The private halves of the prekeys that are still held, by id.
    pub prekeys: Vec<(Vec<u8>, KemPrivate)>,
}

impl KeyRing {
    /// Chooses the key that signs a statement.
    pub(super) const fn for_statement(&self) -> &(SigningKey, Digest) {
        &self.seal
    }

    /// Chooses the key that signs a route, a frame of receipts or a rejection.
    pub(super) const fn for_route(&self) -> &(SigningKey, Digest) {
        &self.log
    }

    /// Finds the private half of the prekey that a sender used.
    pub(super) fn prekey(&self, id: &[u8]) -> Option<&KemPrivate> {
        self.prekeys.iter().find(|(held, _)| held == id).map(|(_, key)| key)
    }
}

/// Chooses the prekey to which a copy for `recipient` is sealed; each is post-quantum, or there is none.
pub(super) fn seal_to<'d>(
    directory: &'d Directory,
    recipient: &Party,
    now: Timestamp,
) -> Result<&'d Prekey, EnvelopeError> {
    Ok(directory.prekey(recipient, now)?)
}

/// Chooses the key that must have signed a statement of `issuer`.
pub(super) fn speaks_for(
    directory: &Directory,
    issuer: &Party,
    certificate: &Digest,
    now: Timestamp,
) -> Result<VerifyingKey, EnvelopeError> {
    Ok(directory.seal_key(issuer, certificate, now)?)
}

/// Chooses the key that must have signed a route, receipts or a rejection of `party`.
pub(super) fn routes_for(
    directory: &Directory,
    party: &Party,
    certificate: &Digest,
    now: Timestamp,
) -> Result<VerifyingKey, EnvelopeError> {
    Ok(directory.log_key(party, certificate, now)?)
}
