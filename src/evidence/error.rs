use crate::cose::CoseError;
use crate::envelope::EnvelopeError;
use crate::model::Digest;
use crate::trust::TrustError;
use crate::wire::WireError;

/// Says why a piece of evidence does not prove what it claims.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EvidenceError {
    /// The bytes are not what the format allows.
    #[error(transparent)]
    Wire(#[from] WireError),
    /// A signature does not hold.
    #[error(transparent)]
    Cose(#[from] CoseError),
    /// The log key does not speak for the party.
    #[error(transparent)]
    Trust(#[from] TrustError),
    /// The leaf is not under the signed root.
    #[error("the leaf is not in the log that the checkpoint signs")]
    NotIncluded,
    /// The directory is not that of a federation which the trust anchor names.
    #[error("the trust anchor does not vouch for the federation {0}")]
    NotAnchored(Digest),
    /// A statement in a dossier does not hold.
    #[error(transparent)]
    Envelope(Box<EnvelopeError>),
    /// A log did not go on from one head to another.
    #[error("the log that the later checkpoint signs does not go on from the earlier one")]
    NotConsistent,
    /// The evidence is about another statement, another pair of parties or the other direction.
    #[error("the evidence is about something else: {0}")]
    AboutSomethingElse(&'static str),
    /// The log that should prove it cannot be read here.
    #[error("the log cannot be read: {0}")]
    Unread(String),
    /// The parts do not fit the format.
    #[error("malformed evidence: {0}")]
    Malformed(&'static str),
}

impl EvidenceError {
    /// Returns the stable code.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Wire(e) => e.code(),
            Self::Cose(e) => e.code(),
            Self::Trust(e) => e.code(),
            Self::NotIncluded => "not-included",
            Self::NotAnchored(_) => "not-anchored",
            Self::Envelope(e) => e.code(),
            Self::NotConsistent => "not-consistent",
            Self::AboutSomethingElse(_) => "about-something-else",
            Self::Unread(_) => "unread-log",
            Self::Malformed(_) => "malformed-evidence",
        }
    }
}

impl From<EnvelopeError> for EvidenceError {
    fn from(error: EnvelopeError) -> Self {
        Self::Envelope(Box::new(error))
    }
}
